//! Outcomes of many rows at once: copied into the table, or into a staging table and from there.

use std::collections::HashMap;

use tailrace_codec::gaussdb::apply::{
    ApplyTable, Changes, Conflict, Fold, Outcome, SetStatements, StageOp, Text, copy_null,
    copy_text, stage_row,
};

use super::super::connection::Connection;
use super::super::refused::Refused;
use super::Slow;

/// Sets of columns that updates of one table may have at a time; with more they are applied one by one.
const GROUPS_MAX: usize = 16;
/// Runs for which a table's insertions are merged after one of them met a row that was there.
const MERGED_RUNS: u32 = 100;

/// What has become of the rows of one table.
pub(super) struct Outcomes<'c> {
    pub(super) table: &'c ApplyTable,
    pub(super) changes: &'c Changes,
    pub(super) fold: &'c Fold,
}

/// Staging tables of this session, by the table's number.
#[derive(Default)]
pub(super) struct Stages {
    made: HashMap<u32, Stage>,
    next: u32,
}

struct Stage {
    name: String,
    /// What the table was like when it was made.
    of: ApplyTable,
    /// Used in the open transaction already.
    is_filled: bool,
    /// Runs for which insertions are to be merged.
    merged_runs: u32,
}

/// How many rows are staged for what.
#[derive(Default)]
struct Counts {
    deletes: u64,
    replaces: u64,
    inserts: u64,
    updates: Vec<(Vec<usize>, u64)>,
}

impl Stages {
    /// Forgets what is in the staging tables: the transaction has ended, or begins.
    pub(super) fn transaction_begins(&mut self) {
        self.made.values_mut().for_each(|stage| stage.is_filled = false);
    }

    /// Forgets the staging tables: a transaction that may have made one was rolled back, or the session is another one.
    pub(super) fn clear(&mut self) {
        self.made.clear();
    }

    /// Applies the outcomes.
    pub(super) fn apply(
        &mut self,
        connection: &mut Connection,
        number: u32,
        outcomes: &Outcomes<'_>,
        (conflict, merging): (Conflict, bool),
        rows: &mut Vec<u8>,
    ) -> Result<(), Slow> {
        let merged = self.made.get_mut(&number).map_or(0, |stage| {
            stage.merged_runs = stage.merged_runs.saturating_sub(1);
            stage.merged_runs
        });
        let is_careful = conflict == Conflict::Ignore
            || conflict == Conflict::Overwrite && (merging || merged > 0);
        let has_key = !outcomes.table.key().is_empty();
        if outcomes.inserts_only() && !(is_careful && has_key) {
            return outcomes.copy(connection, rows);
        }
        let stage = self.stage(connection, number, outcomes.table)?;
        if merging {
            stage.merged_runs = MERGED_RUNS;
        }
        let set = SetStatements::new(outcomes.table, &stage.name);
        let counts = outcomes.stage(conflict, rows)?;
        if std::mem::replace(&mut stage.is_filled, true) {
            connection.run(&set.empty_stage())?;
        }
        connection.begin_copy(&set.copy_stage())?;
        connection.copy(rows)?;
        connection.end_copy()?;
        counts.run(connection, &set, outcomes.table, conflict)
    }

    fn stage(
        &mut self,
        connection: &mut Connection,
        number: u32,
        table: &ApplyTable,
    ) -> Result<&mut Stage, Slow> {
        // Not the same map access for both, as the borrow checker would have it.
        if self.made.get(&number).is_none_or(|stage| stage.of != *table) {
            self.next += 1;
            let name = format!("tailrace_stage_{}", self.next);
            connection.run(&SetStatements::new(table, &name).create_stage())?;
            let stage = Stage { name, of: table.clone(), is_filled: false, merged_runs: 0 };
            self.made.insert(number, stage);
        }
        Ok(self.made.get_mut(&number).expect("it was made above"))
    }
}

impl Outcomes<'_> {
    fn inserts_only(&self) -> bool {
        self.fold
            .outcomes(self.table, self.changes)
            .all(|(outcome, _)| matches!(outcome, Outcome::Insert | Outcome::Vanish))
    }

    /// Copies inserted rows into the table.
    fn copy(&self, connection: &mut Connection, rows: &mut Vec<u8>) -> Result<(), Slow> {
        rows.clear();
        for (outcome, row) in self.fold.outcomes(self.table, self.changes) {
            if outcome == Outcome::Insert {
                copy_row(rows, row);
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        connection.begin_copy(&copy_statement(self.table))?;
        connection.copy(rows)?;
        connection.end_copy()?;
        Ok(())
    }

    /// Puts all rows together for the staging table.
    fn stage(&self, conflict: Conflict, rows: &mut Vec<u8>) -> Result<Counts, Slow> {
        rows.clear();
        let mut counts = Counts::default();
        for (outcome, row) in self.fold.outcomes(self.table, self.changes) {
            let op = match (outcome, conflict) {
                (Outcome::Vanish, Conflict::Stop | Conflict::Ignore) => continue,
                (Outcome::Delete | Outcome::Vanish, _) => {
                    counts.deletes += 1;
                    StageOp::Delete
                }
                (Outcome::Replace, _) | (Outcome::Insert, Conflict::Overwrite) => {
                    counts.replaces += 1;
                    StageOp::Replace
                }
                (Outcome::Insert, _) => {
                    counts.inserts += 1;
                    StageOp::Insert
                }
                (Outcome::Update, _) => counts.update(row.clone())?,
            };
            stage_row(rows, op, row);
        }
        Ok(counts)
    }
}

impl Counts {
    fn update<'v>(&mut self, row: impl Iterator<Item = Text<'v>>) -> Result<StageOp, Slow> {
        let told = |(column, value): (usize, Text<'v>)| (value != Text::Unknown).then_some(column);
        let columns: Vec<usize> = row.enumerate().filter_map(told).collect();
        let group = self.updates.iter().position(|(known, _)| *known == columns);
        let group = group.unwrap_or_else(|| {
            self.updates.push((columns, 0));
            self.updates.len() - 1
        });
        if group >= GROUPS_MAX {
            return Err(mismatch("updates of more sets of columns than are applied at a time"));
        }
        self.updates[group].1 += 1;
        Ok(StageOp::Update(u16::try_from(group).unwrap_or(u16::MAX)))
    }

    /// What is staged goes into the table: what goes, goes first.
    fn run(
        &self,
        connection: &mut Connection,
        set: &SetStatements<'_>,
        table: &ApplyTable,
        conflict: Conflict,
    ) -> Result<(), Slow> {
        let all = || 0..table.columns().len();
        let mut check = |sql: &str, wanted: Option<u64>| -> Result<(), Slow> {
            let touched = connection.run(sql)?;
            match wanted {
                Some(wanted) if wanted != touched => Err(mismatch("another number of rows")),
                _ => Ok(()),
            }
        };
        let exact = |count: u64| (conflict == Conflict::Stop).then_some(count);
        if self.deletes > 0 {
            check(&set.delete(StageOp::Delete), exact(self.deletes))?;
        }
        for (group, (columns, count)) in self.updates.iter().enumerate() {
            let op = StageOp::Update(u16::try_from(group).unwrap_or(u16::MAX));
            // What is not told of a missing row cannot be made up, so overwriting has to find it too.
            let wanted = (conflict != Conflict::Ignore).then_some(*count);
            if let Some(update) = set.update(op, columns.iter().copied()) {
                check(&update, wanted)?;
            }
        }
        if self.replaces > 0 && conflict == Conflict::Overwrite {
            check(&set.merge(StageOp::Replace), Some(self.replaces))?;
        } else if self.replaces > 0
            && let Some(update) = set.update(StageOp::Replace, all())
        {
            check(&update, exact(self.replaces))?;
        }
        if self.inserts > 0 && conflict == Conflict::Ignore {
            check(&set.insert_missing(StageOp::Insert), None)?;
        } else if self.inserts > 0 {
            check(&set.insert(StageOp::Insert), Some(self.inserts))?;
        }
        Ok(())
    }
}

/// `COPY` into a table.
pub(in crate::sink::gaussdb) fn copy_statement(table: &ApplyTable) -> String {
    let columns: Vec<String> = table
        .columns()
        .iter()
        .map(|column| format!("\"{}\"", column.name.replace('"', "\"\"")))
        .collect();
    format!("COPY {} ({}) FROM STDIN", table.full_name(), columns.join(", "))
}

fn copy_row<'v>(rows: &mut Vec<u8>, row: impl Iterator<Item = Text<'v>>) {
    for (column, value) in row.enumerate() {
        if column > 0 {
            rows.push(b'\t');
        }
        match value {
            Text::Text(text) => copy_text(rows, text),
            Text::Null | Text::Unknown => copy_null(rows),
        }
    }
    rows.push(b'\n');
}

fn mismatch(what: &str) -> Slow {
    Slow::Rows(Refused { message: what.to_owned(), ..Refused::default() })
}
