//! The one error of this crate: what was being read, where, and why it cannot be right.

use std::borrow::Cow;

/// A byte sequence that is not what its format says.
///
/// `what` names the structure in the format's own words (for example `TABLE_MAP column metadata`),
/// `offset` is the byte offset inside the buffer that was handed in, so that a report can be checked
/// against a hex dump.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}: {reason}")]
pub struct DecodeError {
    /// The structure that was being read.
    pub what: Cow<'static, str>,
    /// Byte offset inside the buffer handed in.
    pub offset: usize,
    /// Why the bytes cannot be right, with the values seen.
    pub reason: Cow<'static, str>,
}

impl DecodeError {
    /// Builds an error from its parts.
    pub fn new(
        what: impl Into<Cow<'static, str>>,
        offset: usize,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { what: what.into(), offset, reason: reason.into() }
    }

    /// The input ended before the structure did.
    pub fn truncated(what: impl Into<Cow<'static, str>>, offset: usize, needed: usize) -> Self {
        Self::new(what, offset, format!("input ends, {needed} more bytes are needed"))
    }

    /// The same error seen from an outer buffer in which this one began at `base`.
    #[must_use]
    pub fn at_base(mut self, base: usize) -> Self {
        self.offset = self.offset.saturating_add(base);
        self
    }
}

/// Result of every parser in this crate.
pub type Result<T, E = DecodeError> = std::result::Result<T, E>;
