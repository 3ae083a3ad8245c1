//! What a statement in the log means for the stream.

use tailrace_codec::binlog::QueryEvent;
use tailrace_codec::charset::Decoder;

use crate::error::{Error, ErrorKind, Result};
use crate::job::Selection;

/// Collation of statements whose event names none: servers write UTF-8 themselves.
const DEFAULT_COLLATION: u16 = 255;

/// What a statement does to the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A transaction begins.
    Begin,
    /// The open transaction is committed.
    Commit,
    /// The open transaction is rolled back.
    Rollback,
    /// Something inside a transaction that changes no row (a savepoint).
    InTransaction,
    /// The definition of a selected object changes; ends its transaction.
    Definition {
        /// Database of the object.
        database: String,
        /// Table; empty for a statement on a database.
        table: String,
    },
    /// Nothing that concerns the job; ends its transaction.
    Other,
    /// Rows change in a way that the log does not show.
    Unsupported(&'static str),
}

/// The statement as text.
///
/// # Errors
/// `Decode` if it is in a character set that is not known.
pub(crate) fn text(query: &QueryEvent<'_>) -> Result<String> {
    if let Ok(text) = std::str::from_utf8(query.sql) {
        return Ok(text.to_owned());
    }
    let collation = query.status.client_collation.unwrap_or(DEFAULT_COLLATION);
    let decoder = Decoder::for_collation(collation)
        .map_err(|e| Error::new(ErrorKind::Decode, format!("a statement in the log: {e}")))?;
    let mut text = Vec::new();
    decoder.decode_into(query.sql, &mut text);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// What a statement does, given the session's default database.
pub(crate) fn effect(sql: &str, database: &str, selection: &Selection) -> Effect {
    let word = sql.split_whitespace().next().unwrap_or("").to_ascii_uppercase();
    match word.trim_end_matches(';') {
        "BEGIN" => Effect::Begin,
        "COMMIT" => Effect::Commit,
        "ROLLBACK" => Effect::Rollback,
        "SAVEPOINT" => Effect::InTransaction,
        _ if selection.includes_database(database) => {
            Effect::Definition { database: database.to_owned(), table: String::new() }
        }
        _ => Effect::Other,
    }
}
