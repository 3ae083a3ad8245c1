//! Changes as a statement each: few of them, and those among which one does not fit.

use tailrace_codec::gaussdb::apply::{
    ApplyTable, Change, ChangeKind, Changes, Conflict, RowStatements, Rows, copies, row_statements,
};

use super::super::aside;
use super::super::connection::Connection;
use super::super::refused::{Failure, Refused};
use super::{ApplyTables, Policy, Slow};
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
    for (wanted, touched) in wanted.into_iter().zip(touched) {
        if !fits(wanted, touched) {
            return Err(Slow::Rows(wrong_count(wanted, touched)));
        }
    }
    Ok(())
}

/// Applies changes one after the other; those that are refused are put aside as far as they may be, and counted. Names the
/// first that does not fit.
pub(super) fn apply(
    connection: &mut Connection,
    tables: &ApplyTables,
    changes: &Changes,
    policy: &Policy<'_>,
) -> Result<u64> {
    let mut set_aside = 0;
    for (number, change) in changes.iter().enumerate() {
        let table = table_of(tables, change.table)?;
        let made = statements_of(table, &change, policy.conflict)?;
        connection.run("SAVEPOINT tailrace_row")?;
        match apply_one(connection, &made, policy.conflict) {
            Ok(()) => {
                connection.run("RELEASE SAVEPOINT tailrace_row")?;
            }
            Err(Failed::Row { sql, refused }) => {
                let aside = policy.aside.filter(|_| is_set_aside(policy.conflict, &refused));
                let Some(aside) = aside else {
                    let text = format!(
                        "change {} of {} ({} of {}) cannot be applied: {sql}: {refused}",
                        number + 1,
                        changes.len(),
                        kind(change.kind),
                        table.full_name()
                    );
                    return Err(Error::new(ErrorKind::TargetRow, text));
                };
                connection.run("ROLLBACK TO SAVEPOINT tailrace_row")?;
                let what = (number, table, &change);
                let why = refused.to_string();
                aside::put(connection, policy.progress, aside, what, (&sql, &why))?;
                connection.run("RELEASE SAVEPOINT tailrace_row")?;
                set_aside += 1;
            }
            Err(Failed::Other(failure)) => return Err(failure.into()),
        }
    }
    Ok(set_aside)
}

/// Whether a refused change may be put aside: a policy that stops at rows which are not what they were stops at them.
fn is_set_aside(conflict: Conflict, refused: &Refused) -> bool {
    conflict != Conflict::Stop || !(refused.is_duplicate() || refused.code == ROWS_CODE)
}

enum Failed {
    /// A statement that cannot be, and why.
    Row {
        sql: String,
        refused: Refused,
    },
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
                return Err(Failed::Row { sql: sql.clone(), refused });
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
            _ => {
                let refused = wrong_count(*wanted, touched);
                return Err(Failed::Row { sql: sql.clone(), refused });
            }
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

fn wrong_count(wanted: Rows, touched: u64) -> Refused {
    let wanted = if wanted == Rows::One { "1" } else { "1 or none" };
    let message = format!("it touched {touched} rows, not {wanted}");
    Refused { code: ROWS_CODE.to_owned(), message, ..Refused::default() }
}

fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Insert => "an insertion",
        ChangeKind::Update => "an update",
        ChangeKind::Delete => "a deletion",
    }
}
