//! What a statement in the log means for the stream.

use tailrace_codec::binlog::QueryEvent;
use tailrace_codec::charset::Decoder;
use tailrace_codec::ddl::{Dialect, Statement, TransactionControl, classify_as};

use crate::error::{Error, ErrorKind, Result};
use crate::job::Selection;

/// Collation of statements whose event names none: servers write UTF-8 themselves.
const DEFAULT_COLLATION: u16 = 255;

/// What a statement does to the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A transaction begins.
    Begin,
    /// A distributed transaction with this XID begins.
    XaBegin(String),
    /// A distributed transaction that was prepared is committed.
    XaCommit(String),
    /// A distributed transaction that was prepared is rolled back.
    XaRollback(String),
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
        /// The statement is a transaction of its own.
        commits: bool,
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

/// How a statement is to be read: as its server does, under the modes of its session.
pub(crate) fn dialect_of(query: &QueryEvent<'_>, server: Dialect) -> Dialect {
    let dialect = query.status.sql_mode.map_or(server, |bits| server.with_sql_mode(bits));
    match query.status.explicit_defaults_for_timestamp {
        Some(nullable_timestamps) => Dialect { nullable_timestamps, ..dialect },
        None => dialect,
    }
}

/// What a statement does.
pub(crate) fn effect(
    sql: &str,
    query: &QueryEvent<'_>,
    server: Dialect,
    selection: &Selection,
) -> Effect {
    let statement = classify_as(dialect_of(query, server), sql, query.database);
    match &statement {
        Statement::Transaction(control) => transaction(control),
        Statement::Rows { .. } => rows(query, selection),
        Statement::DropTable { temporary: true, .. } => Effect::Other,
        Statement::CreateTable(table) if table.temporary => Effect::Other,
        Statement::StoredObject { .. } | Statement::Account | Statement::Other { .. } => {
            Effect::Other
        }
        Statement::CreateDatabase { name, .. }
        | Statement::DropDatabase { name }
        | Statement::AlterDatabase { name, .. } => {
            if selection.includes_database(name) {
                definition(name, "", true)
            } else {
                Effect::Other
            }
        }
        Statement::Unknown(_) if selection.includes_database(query.database) => {
            definition(query.database, "", true)
        }
        _ => {
            let tables = statement.tables();
            let selected = tables.iter().find(|t| selection.includes(&t.database, &t.table));
            // A shadow takes another table's place one day: what its rows look like has to be known then.
            let shadow =
                || tables.iter().find(|t| selection.leaves_out_shadow(&t.database, &t.table));
            match selected.or_else(shadow) {
                Some(t) => definition(&t.database, &t.table, !holds_rows(sql)),
                None => Effect::Other,
            }
        }
    }
}

fn definition(database: &str, table: &str, commits: bool) -> Effect {
    Effect::Definition { database: database.to_owned(), table: table.to_owned(), commits }
}

/// `CREATE TABLE … SELECT` is logged as one transaction: a definition with this ending, then rows.
fn holds_rows(sql: &str) -> bool {
    let tail = sql.trim_end().as_bytes();
    tail.len()
        .checked_sub(17)
        .is_some_and(|at| tail[at..].eq_ignore_ascii_case(b"START TRANSACTION"))
}

fn transaction(control: &TransactionControl) -> Effect {
    use TransactionControl as T;
    match control {
        T::Begin => Effect::Begin,
        T::XaStart(xid) => Effect::XaBegin(xid.clone()),
        T::XaCommit { xid, .. } => Effect::XaCommit(xid.clone()),
        T::XaRollback(xid) => Effect::XaRollback(xid.clone()),
        T::Commit => Effect::Commit,
        T::Rollback => Effect::Rollback,
        T::Savepoint(_) | T::Release(_) | T::XaEnd(_) | T::XaPrepare(_) => Effect::InTransaction,
        // Row-based logs leave out what was rolled back, but for tables without transactions.
        T::RollbackTo(_) => Effect::Unsupported(
            "part of a transaction that changed a table without transactions was rolled back",
        ),
    }
}

/// A statement that changes rows, logged as text.
fn rows(query: &QueryEvent<'_>, selection: &Selection) -> Effect {
    let named = query.status.updated_database_names;
    let mut databases = named.split(|b| *b == 0).filter(|n| !n.is_empty()).peekable();
    let concerns = if databases.peek().is_some() {
        databases.any(|n| std::str::from_utf8(n).is_ok_and(|n| selection.includes_database(n)))
    } else {
        selection.includes_database(query.database)
    };
    if concerns {
        Effect::Unsupported(
            "the log holds the statement and not its rows; set binlog_format=ROW in every session of the source",
        )
    } else {
        Effect::InTransaction
    }
}
