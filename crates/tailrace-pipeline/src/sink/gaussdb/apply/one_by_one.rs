//! Changes as a statement each: few of them, and those among which one does not fit.

use tailrace_codec::gaussdb::apply::{
    ApplyTable, Change, ChangeKind, Changes, Conflict, RowStatements, Rows, copies, row_statements,
};

use super::super::connection::Connection;
use super::super::refused::{Failure, Refused};
use super::{ApplyTables, Slow};
use crate::error::{Error, ErrorKind, Result};

/// A SQLSTATE of our own, of the class of data, for a statement that touched another number of rows than it has to.
const ROWS_CODE: &str = "22TR1";

/// The table of a change.
pub(super) fn table_of(tables: &ApplyTables, number: u32) -> Result<&ApplyTable> {
    tables.get(&number).ok_or_else(|| {
        Error::new(ErrorKind::Bug, format!("changes of a table number {number} that is not known"))
    })
}

/// Applies changes of one table in one message, as many as that may be.
pub(super) fn in_one_message<'c>(
    connection: &mut Connection,
    table: &ApplyTable,
    changes: impl Iterator<Item = Change<'c>>,
    conflict: Conflict,
) -> Result<(), Slow> {
    let mut statements = Vec::new();
    let mut wanted = Vec::new();
    for change in changes {
        let made = statements_of(table, &change, conflict)?;
        for (sql, rows) in made.statements {
            statements.push(sql);
            // What looks the same is brought back behind it, which only one by one can be.
            wanted.push(if made.twin.is_some() { Rows::One } else { rows });
        }
    }
    let touched = connection.run_all(&statements)?;
    for ((sql, wanted), touched) in statements.iter().zip(wanted).zip(touched) {
        if !fits(wanted, touched) {
            return Err(Slow::Rows(wrong_count(sql, wanted, touched)));
        }
    }
    Ok(())
}

/// Applies changes one after the other, and names the first that does not fit.
pub(super) fn apply(
    connection: &mut Connection,
    tables: &ApplyTables,
    changes: &Changes,
    conflict: Conflict,
) -> Result<()> {
    for (number, change) in changes.iter().enumerate() {
        let table = table_of(tables, change.table)?;
        let made = statements_of(table, &change, conflict)?;
        connection.run("SAVEPOINT tailrace_row")?;
        match apply_one(connection, &made, conflict) {
            Ok(()) => {
                connection.run("RELEASE SAVEPOINT tailrace_row")?;
            }
            Err(Failed::Row(why)) => {
                let text = format!(
                    "change {} of {} ({} of {}) cannot be applied: {why}",
                    number + 1,
                    changes.len(),
                    kind(change.kind),
                    table.full_name()
                );
                return Err(Error::new(ErrorKind::TargetRow, text));
            }
            Err(Failed::Other(failure)) => return Err(failure.into()),
        }
    }
    Ok(())
}

enum Failed {
    Row(String),
    Other(Failure),
}

fn apply_one(
    connection: &mut Connection,
    made: &RowStatements,
    conflict: Conflict,
) -> Result<(), Failed> {
    for (place, (sql, wanted)) in made.statements.iter().enumerate() {
        let touched = match connection.run(sql) {
            Ok(touched) => touched,
            Err(Failure::Refused(refused)) if refused.is_of_data() => {
                return Err(Failed::Row(format!("{sql}: {refused}")));
            }
            Err(other) => return Err(Failed::Other(other)),
        };
        let twins = made.twin.as_ref().filter(|_| place == 0);
        match (twins, touched) {
            (Some(twin), 2..) => {
                connection.run(&copies(twin, touched - 1)).map_err(Failed::Other)?;
            }
            // Nothing of it is there, and the policy says that this is no matter.
            (_, 0) if place == 0 && conflict == Conflict::Ignore && made.statements.len() > 1 => {
                return Ok(());
            }
            _ if fits(*wanted, touched) => {}
            _ => return Err(Failed::Row(wrong_count(sql, *wanted, touched).message)),
        }
    }
    Ok(())
}

fn statements_of(
    table: &ApplyTable,
    change: &Change<'_>,
    conflict: Conflict,
) -> Result<RowStatements> {
    row_statements(table, change, conflict)
        .map_err(|e| Error::new(ErrorKind::SourceSetting, e.to_string()))
}

fn fits(wanted: Rows, touched: u64) -> bool {
    touched == 1 || touched == 0 && wanted == Rows::UpToOne
}

fn wrong_count(sql: &str, wanted: Rows, touched: u64) -> Refused {
    let wanted = if wanted == Rows::One { "1" } else { "1 or none" };
    let message = format!("{sql}: touched {touched} rows, not {wanted}");
    Refused { code: ROWS_CODE.to_owned(), message, ..Refused::default() }
}

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Insert => "an insertion",
        ChangeKind::Update => "an update",
        ChangeKind::Delete => "a deletion",
    }
}
