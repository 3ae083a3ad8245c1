//! Changes on their way into the target's tables, within an open transaction.

mod one_by_one;
mod together;

use std::collections::HashMap;

use tailrace_codec::gaussdb::apply::{ApplyTable, Change, Changes, Conflict, Fold};

pub(super) use together::copy_statement;

use super::aside::Aside;
use super::connection::Connection;
use super::progress::Progress;
use super::refused::{Failure, Refused};
use crate::error::Result;

/// Changes of a table up to which they are a statement each, all in one message.
const SINGLE_CHANGES_MAX: usize = 24;

/// Tables by the number that changes have.
pub type ApplyTables = HashMap<u32, ApplyTable>;

/// What is done with changes that do not fit.
pub(super) struct Policy<'a> {
    /// Rows that are not what they were at the source.
    pub(super) conflict: Conflict,
    /// Changes that the target refuses; without it the first of them ends the batch.
    pub(super) aside: Option<&'a Aside<'a>>,
    /// Whose job it is.
    pub(super) progress: &'a Progress,
}

/// Why changes could not be applied the fast way.
#[derive(Debug)]
enum Slow {
    /// A statement was refused for its data, or touched another number of rows than it has to.
    Rows(Refused),
    /// Something else.
    Failed(Failure),
}

impl From<Failure> for Slow {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refused) if refused.is_of_data() => Self::Rows(refused),
            other => Self::Failed(other),
        }
    }
}

impl From<crate::error::Error> for Slow {
    fn from(error: crate::error::Error) -> Self {
        Self::Failed(Failure::Broken(error))
    }
}

/// What the appliers keep from one batch to the next.
#[derive(Default)]
pub(super) struct Applier {
    fold: Fold,
    rows: Vec<u8>,
    stages: together::Stages,
    /// Changes of one table, by their numbers.
    runs: HashMap<u32, Vec<usize>>,
}

impl Applier {
    /// The staging tables are empty again.
    pub(super) fn transaction_begins(&mut self) {
        self.stages.transaction_begins();
    }

    /// Staging tables that were made in the transaction are gone.
    pub(super) fn rolled_back(&mut self) {
        self.stages.clear();
    }

    /// Applies changes in the open transaction; how many were put aside. Rows of one table are changed in their order; tables
    /// do not wait for each other.
    ///
    /// # Errors
    /// `TargetRow` for the first change that does not fit, by the policy; the connection's errors. The transaction is to be
    /// rolled back then.
    pub(super) fn apply(
        &mut self,
        connection: &mut Connection,
        tables: &ApplyTables,
        changes: &Changes,
        policy: &Policy<'_>,
    ) -> Result<u64> {
        let conflict = policy.conflict;
        self.collect(changes);
        connection.run("SAVEPOINT tailrace_changes")?;
        for attempt in [Attempt::First, Attempt::Merging] {
            match self.fast(connection, tables, changes, conflict, attempt) {
                Ok(()) => {
                    connection.run("RELEASE SAVEPOINT tailrace_changes")?;
                    return Ok(0);
                }
                Err(Slow::Failed(failure)) => return Err(failure.into()),
                Err(Slow::Rows(refused)) => {
                    tracing::debug!(%refused, "changes are applied anew");
                    connection.run("ROLLBACK TO SAVEPOINT tailrace_changes")?;
                    self.stages.clear();
                    // An inserted row met another one: the others may do so too.
                    if conflict != Conflict::Overwrite || !refused.is_duplicate() {
                        break;
                    }
                }
            }
        }
        one_by_one::apply(connection, tables, changes, policy)
    }

    fn collect(&mut self, changes: &Changes) {
        for run in self.runs.values_mut() {
            run.clear();
        }
        for (number, change) in changes.iter().enumerate() {
            self.runs.entry(change.table).or_default().push(number);
        }
    }

    fn fast(
        &mut self,
        connection: &mut Connection,
        tables: &ApplyTables,
        changes: &Changes,
        conflict: Conflict,
        attempt: Attempt,
    ) -> Result<(), Slow> {
        let runs = std::mem::take(&mut self.runs);
        let applied =
            runs.iter().filter(|(_, run)| !run.is_empty()).try_for_each(|(table, run)| {
                let number = *table;
                let table = one_by_one::table_of(tables, number)?;
                let run = run.iter().map(|change| changes.get(*change));
                if run.len() <= SINGLE_CHANGES_MAX {
                    return one_by_one::in_one_message(connection, table, run, conflict);
                }
                self.run(connection, (number, table), changes, run, (conflict, attempt))
            });
        self.runs = runs;
        applied
    }

    /// Applies the changes of one table: folded as far as they can be, the others by themselves in between.
    fn run<'c>(
        &mut self,
        connection: &mut Connection,
        (number, table): (u32, &ApplyTable),
        changes: &'c Changes,
        run: impl Iterator<Item = Change<'c>>,
        (conflict, attempt): (Conflict, Attempt),
    ) -> Result<(), Slow> {
        self.fold.clear();
        for change in run {
            if self.fold.add(table, changes, &change) {
                continue;
            }
            self.flush(connection, (number, table), changes, (conflict, attempt))?;
            if !self.fold.add(table, changes, &change) {
                one_by_one::in_one_message(connection, table, std::iter::once(change), conflict)?;
            }
        }
        self.flush(connection, (number, table), changes, (conflict, attempt))
    }

    fn flush(
        &mut self,
        connection: &mut Connection,
        (number, table): (u32, &ApplyTable),
        changes: &Changes,
        (conflict, attempt): (Conflict, Attempt),
    ) -> Result<(), Slow> {
        if !self.fold.is_empty() {
            let outcomes = together::Outcomes { table, changes, fold: &self.fold };
            let merging = attempt == Attempt::Merging;
            self.stages.apply(
                connection,
                number,
                &outcomes,
                (conflict, merging),
                &mut self.rows,
            )?;
        }
        self.fold.clear();
        Ok(())
    }
}

/// Which way the fast way goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// Inserted rows are copied straight into the table.
    First,
    /// They may be there.
    Merging,
}
