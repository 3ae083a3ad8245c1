//! Changes that the target refused and that were put aside (DRS's dirty data): what they are, and how they come to an end.

use std::collections::BTreeMap;

use tailrace_codec::gaussdb::apply::Changes;

use super::compare::{Repaired, repair_told};
use super::watch::Watch;
use super::{OracleJob, TableChoice};
use crate::engine::unix_ms;
use crate::error::Result;
use crate::run::StopSignal;
use crate::sink::gaussdb::{ApplyTables, Aside, AsideLane, AsideRow, GaussSink};

/// Where the transactions begin among the changes of a batch.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Number of a transaction's first change, and the SCN of its commit; in order.
    begins: Vec<(usize, u64)>,
}

impl Marks {
    /// A transaction's changes come from here on.
    pub(super) fn begin(&mut self, first: usize, scn: u64) {
        if self.begins.last().is_none_or(|(_, last)| *last != scn) {
            self.begins.push((first, scn));
        }
    }

    /// The changes before it are gone; those of the transaction that is under way go on.
    pub(super) fn clear(&mut self) {
        if let Some((_, scn)) = self.begins.pop() {
            self.begins.clear();
            self.begins.push((0, scn));
        }
    }

    /// SCN of the transaction of a change.
    pub(super) fn scn(&self, change: usize) -> u64 {
        let behind = self.begins.partition_point(|(first, _)| *first <= change);
        behind.checked_sub(1).and_then(|at| self.begins.get(at)).map_or(0, |(_, scn)| *scn)
    }
}

/// Applies changes of a job's tables in the open transaction, and puts those aside that are refused if the job may; how many.
///
/// # Errors
/// Those of the target.
pub(super) fn apply(
    (sink, lane): (&mut GaussSink, AsideLane),
    tables: &ApplyTables,
    (changes, marks): (&Changes, &Marks),
    job: &OracleJob,
) -> Result<u64> {
    let rows_max = job.limits.dirty_rows_max;
    if rows_max == 0 {
        return sink.apply(tables, changes, job.conflict).map(|()| 0);
    }
    let aside = Aside {
        rows_max,
        lane,
        table_name: &|table| {
            job.tables.get(table as usize).map_or(String::new(), TableChoice::to_string)
        },
        scn: &|change| marks.scn(change),
        at_ms: unix_ms(),
    };
    sink.apply_or_set_aside(tables, changes, job.conflict, &aside)
}

/// Tells that changes were put aside.
pub(super) fn tell(watch: &Watch<'_>, set_aside: u64) {
    if set_aside > 0 {
        let text = format!("{set_aside} changes were refused by the target and put aside");
        watch.log(tracing::Level::WARN, &text);
    }
}

/// A page of the changes of a job that are put aside, and how many there are between two moments.
///
/// # Errors
/// `Configuration` if the job was never started; those of the target.
pub fn list(
    job: &OracleJob,
    between_ms: (i64, i64),
    page: (u64, u64),
    stop: &StopSignal,
) -> Result<(u64, Vec<AsideRow>)> {
    GaussSink::beside_owner(&job.target, &job.job_id, stop.clone())?.aside(between_ms, page)
}

/// Forgets changes that were put aside; how many of them there were.
///
/// # Errors
/// As [`list`].
pub fn discard(job: &OracleJob, ids: &[u64], stop: &StopSignal) -> Result<u64> {
    GaussSink::beside_owner(&job.target, &job.job_id, stop.clone())?.discard(ids)
}

/// Makes the rows of changes that were put aside what they are at the source as of the SCN that the target has, whether the job
/// runs or rests; what is so then is forgotten here. The changes themselves are not applied any more: there may be later ones.
/// `told` hears of each change once.
///
/// # Errors
/// As [`list`], and those of the source. What is wrong with one row is told of it.
pub fn reapply(
    job: &OracleJob,
    ids: &[u64],
    stop: &StopSignal,
    told: &mut dyn FnMut(u64, Repaired),
) -> Result<()> {
    let mut sink = GaussSink::beside_owner(&job.target, &job.job_id, stop.clone())?;
    let mut tables: BTreeMap<String, Vec<AsideRow>> = BTreeMap::new();
    for row in sink.aside_of(ids)? {
        tables.entry(row.table.clone()).or_default().push(row);
    }
    for (name, rows) in tables {
        let mut outcomes = vec![Repaired::Equal; rows.len()];
        match job.tables.iter().find(|choice| choice.to_string() == name) {
            None => outcomes
                .fill(Repaired::Failed(format!("{name} does not belong to the job any more"))),
            Some(choice) => {
                let numbered = (0..).zip(&rows);
                let keys: Vec<(usize, _)> = numbered
                    .flat_map(|(at, row)| row.keys.iter().map(move |key| (at, key.clone())))
                    .collect();
                for (outcome, row) in outcomes.iter_mut().zip(&rows) {
                    if row.keys.is_empty() {
                        let why = "its table has no key by which the row can be found".to_owned();
                        *outcome = Repaired::Failed(why);
                    }
                }
                let only: Vec<_> = keys.iter().map(|(_, key)| key.clone()).collect();
                repair_told(job, choice, &only, stop, &mut |number, outcome| {
                    let at = keys[number].0;
                    // Of the two rows of one change the worse outcome counts.
                    outcomes[at] =
                        worse(std::mem::replace(&mut outcomes[at], Repaired::Equal), outcome);
                })?;
            }
        }
        let done = rows.iter().zip(&outcomes).filter(|(_, o)| !matches!(o, Repaired::Failed(_)));
        let done: Vec<u64> = done.map(|(row, _)| row.id).collect();
        if !done.is_empty() {
            GaussSink::beside_owner(&job.target, &job.job_id, stop.clone())?.discard(&done)?;
        }
        for (row, outcome) in rows.iter().zip(outcomes) {
            told(row.id, outcome);
        }
    }
    Ok(())
}

fn worse(a: Repaired, b: Repaired) -> Repaired {
    match (a, b) {
        (Repaired::Failed(why), _) | (_, Repaired::Failed(why)) => Repaired::Failed(why),
        (Repaired::Done, _) | (_, Repaired::Done) => Repaired::Done,
        (Repaired::Equal, Repaired::Equal) => Repaired::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_the_scn_of_its_transaction() {
        let mut marks = Marks::default();
        assert_eq!(marks.scn(0), 0);
        marks.begin(0, 10);
        marks.begin(3, 11);
        marks.begin(3, 12);
        assert_eq!([marks.scn(0), marks.scn(2), marks.scn(3), marks.scn(9)], [10, 10, 12, 12]);
        marks.clear();
        assert_eq!(marks.scn(0), 12);
        marks.begin(2, 13);
        assert_eq!([marks.scn(1), marks.scn(2)], [12, 13]);
    }
}
