//! The error of encoding: which table, which column, and why the value cannot be written.

use std::borrow::Cow;

use crate::error::DecodeError;

/// A row that cannot be encoded. The output buffer is left as it was before the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("table {table}{}: {reason}", InColumn(.column))]
pub struct EncodeError {
    /// `database.table`.
    pub table: String,
    /// The column, or empty when the row as a whole is wrong.
    pub column: String,
    /// Why, with the value seen and what is allowed.
    pub reason: Cow<'static, str>,
}

/// Prints `, column x` unless there is none.
struct InColumn<'a>(&'a str);

impl std::fmt::Display for InColumn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ", column {}", self.0) }
    }
}

/// Why one value cannot be written; the caller adds table and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ValueError(pub(crate) Cow<'static, str>);

impl ValueError {
    /// Builds an error from its reason.
    #[cold]
    pub(crate) fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }
}

impl From<DecodeError> for ValueError {
    fn from(error: DecodeError) -> Self {
        Self(Cow::Owned(error.to_string()))
    }
}
