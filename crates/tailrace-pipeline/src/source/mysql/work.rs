//! What is left to read of a full phase, and who reads what next.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::checkpoint::{OpenChunk, OpenTable};
use crate::error::Result;
use crate::source::mysql::catalog::SelectedTable;

/// Tables that are still to be read, and where each stands.
pub(crate) struct Plan {
    /// In the order in which they are read.
    pub(crate) tables: VecDeque<TablePlan>,
}

/// One table of the plan.
pub(crate) struct TablePlan {
    /// What the catalog says of it.
    pub(crate) table: SelectedTable,
    /// Where it stands.
    pub(crate) open: OpenTable,
    /// Its begin is recorded.
    pub(crate) begun: bool,
}

/// A piece of work for a reader.
pub(crate) struct Task {
    /// The table.
    pub(crate) table: SelectedTable,
    /// The chunk to read.
    pub(crate) chunk: OpenChunk,
}

/// What [`Work::next`] found.
pub(crate) enum Next {
    /// Read this chunk.
    Read(Task),
    /// Plan the next chunk of this table, behind this key, and give it back with [`Work::planned`].
    Plan(SelectedTable, u64, Option<Vec<String>>),
    /// Nothing is left.
    Done,
}

struct WorkState {
    tables: VecDeque<Shared>,
    /// A table's next chunk is being planned.
    planning: bool,
    abandoned: bool,
}

/// A table that is not taken to its end, and how many read it.
struct Shared {
    plan: TablePlan,
    readers: usize,
}

impl Shared {
    fn is(&self, table: &SelectedTable) -> bool {
        self.plan.table.database == table.database && self.plan.table.table == table.table
    }
}

impl WorkState {
    /// Place of the first table that one more may read.
    fn free(&self, readers_max: usize) -> Option<usize> {
        self.tables.iter().position(|shared| shared.readers < readers_max)
    }
}

/// The chunks of a pass, shared by its readers. Steps of progress are handed over in the order in which
/// they are taken here, so a table begins before its chunks.
pub(crate) struct Work {
    /// How many may read one table at a time.
    readers_max: usize,
    state: Mutex<WorkState>,
    changed: Condvar,
}

impl Work {
    /// Takes the tables of a plan, for so many readers of one table at a time.
    pub(crate) fn new(plan: &mut Plan, readers_max: usize) -> Self {
        let tables = std::mem::take(&mut plan.tables);
        let tables = tables.into_iter().map(|plan| Shared { plan, readers: 0 }).collect();
        let state = WorkState { tables, planning: false, abandoned: false };
        Self { readers_max: readers_max.max(1), state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, WorkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing is left to take, for some time at most; whether that is so.
    pub(crate) fn wait_until_over(&self, longest: Duration) -> bool {
        let is_open = |state: &mut WorkState| !state.abandoned;
        let waited = self.changed.wait_timeout_while(self.lock(), longest, is_open);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.abandoned
    }

    /// Waits until no more than some tables are left to take; false if none is.
    pub(crate) fn wait_until_left(&self, tables: usize) -> bool {
        let waited = self.changed.wait_while(self.lock(), |state| {
            !state.abandoned && !state.tables.is_empty() && state.tables.len() > tables
        });
        let state = waited.unwrap_or_else(PoisonError::into_inner);
        !state.abandoned && !state.tables.is_empty()
    }

    /// Nothing more is taken.
    pub(crate) fn abandon(&self) {
        self.lock().abandoned = true;
        self.changed.notify_all();
    }

    /// What to do next. `begin` is called, under the lock, for a table whose begin is not recorded.
    ///
    /// # Errors
    /// Those of `begin`.
    pub(crate) fn next(&self, mut begin: impl FnMut(&SelectedTable) -> Result<()>) -> Result<Next> {
        let mut state = self
            .changed
            .wait_while(self.lock(), |state| {
                let has_none = !state.tables.is_empty() && state.free(self.readers_max).is_none();
                (state.planning || has_none) && !state.abandoned
            })
            .unwrap_or_else(PoisonError::into_inner);
        if state.abandoned {
            return Ok(Next::Done);
        }
        let Some(place) = state.free(self.readers_max) else { return Ok(Next::Done) };
        let Some(shared) = state.tables.get_mut(place) else { return Ok(Next::Done) };
        let first = &mut shared.plan;
        if !first.begun {
            begin(&first.table)?;
            first.begun = true;
        }
        shared.readers += 1;
        let table = first.table.clone();
        // Chunks left open by an earlier pass come first.
        if !first.open.open.is_empty() {
            let chunk = first.open.open.remove(0);
            if first.open.open.is_empty() && first.open.planned_all {
                state.tables.remove(place);
                self.changed.notify_all();
            }
            return Ok(Next::Read(Task { table, chunk }));
        }
        let (number, after) = (first.open.next_chunk, first.open.planned_to.clone());
        state.planning = true;
        Ok(Next::Plan(table, number, after))
    }

    /// Gives a planned chunk back. `record` is called under the lock.
    ///
    /// # Errors
    /// Those of `record`.
    pub(crate) fn planned(
        &self,
        table: SelectedTable,
        chunk: OpenChunk,
        record: impl Fn(&SelectedTable, &OpenChunk) -> Result<()>,
    ) -> Result<Task> {
        let mut state = self.lock();
        state.planning = false;
        self.changed.notify_all();
        record(&table, &chunk)?;
        let place = state.tables.iter().position(|shared| shared.is(&table));
        if let Some(place) = place
            && let Some(shared) = state.tables.get_mut(place)
        {
            let open = &mut shared.plan.open;
            open.next_chunk = chunk.chunk + 1;
            open.planned_to.clone_from(&chunk.to);
            open.planned_all = chunk.to.is_none();
            if open.planned_all {
                state.tables.remove(place);
            }
        }
        Ok(Task { table, chunk })
    }

    /// A chunk is read.
    pub(crate) fn finished(&self, task: &Task) {
        let mut state = self.lock();
        if let Some(shared) = state.tables.iter_mut().find(|shared| shared.is(&task.table)) {
            shared.readers = shared.readers.saturating_sub(1);
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(names: &[&str]) -> Plan {
        let table = |name: &&str| TablePlan {
            table: SelectedTable { database: "d".into(), table: (*name).into(), key: None },
            open: OpenTable {
                database: "d".into(),
                table: (*name).into(),
                next_chunk: 0,
                planned_to: None,
                planned_all: false,
                open: Vec::new(),
                rows: 0,
            },
            begun: false,
        };
        Plan { tables: names.iter().map(table).collect() }
    }

    fn chunk(number: u64, to: Option<&str>) -> OpenChunk {
        OpenChunk { chunk: number, to: to.map(|to| vec![to.to_owned()]), after: None }
    }

    /// Takes a chunk that is not the table's last.
    fn take(work: &Work) -> Task {
        let Ok(Next::Plan(table, number, _)) = work.next(|_| Ok(())) else { panic!("no plan") };
        let to = number.to_string();
        work.planned(table, chunk(number, Some(&to)), |_, _| Ok(())).unwrap()
    }

    #[test]
    fn readers_share_a_table_or_spread_as_they_are_told() {
        let work = Work::new(&mut plan(&["a", "b"]), 32);
        assert_eq!([take(&work), take(&work)].map(|task| task.table.table), ["a", "a"]);
        let work = Work::new(&mut plan(&["a", "b"]), 1);
        let (first, second) = (take(&work), take(&work));
        assert_eq!((first.table.table.as_str(), second.table.table.as_str()), ("a", "b"));
        // A third reader waits until one of them is done with its chunk.
        let third = std::thread::scope(|scope| {
            let third = scope.spawn(|| take(&work));
            work.finished(&second);
            third.join().unwrap()
        });
        assert_eq!((third.table.table.as_str(), third.chunk.chunk), ("b", 1));
        work.finished(&first);
        let Ok(Next::Plan(table, number, _)) = work.next(|_| Ok(())) else { panic!("no plan") };
        assert_eq!((table.table.as_str(), number), ("a", 1));
        work.planned(table, chunk(1, None), |_, _| Ok(())).unwrap();
        work.finished(&third);
        let Ok(Next::Plan(table, ..)) = work.next(|_| Ok(())) else { panic!("no plan") };
        assert_eq!(table.table, "b");
        work.planned(table, chunk(2, None), |_, _| Ok(())).unwrap();
        assert!(matches!(work.next(|_| Ok(())), Ok(Next::Done)));
    }
}
