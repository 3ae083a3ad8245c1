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
    tables: VecDeque<TablePlan>,
    /// The first table's next chunk is being planned.
    planning: bool,
    abandoned: bool,
}

/// The chunks of a pass, shared by its readers. Steps of progress are handed over in the order in which
/// they are taken here, so a table begins before its chunks.
pub(crate) struct Work {
    state: Mutex<WorkState>,
    changed: Condvar,
}

impl Work {
    /// Takes the tables of a plan.
    pub(crate) fn new(plan: &mut Plan) -> Self {
        let tables = std::mem::take(&mut plan.tables);
        let state = WorkState { tables, planning: false, abandoned: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
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
            .wait_while(self.lock(), |state| state.planning && !state.abandoned)
            .unwrap_or_else(PoisonError::into_inner);
        if state.abandoned {
            return Ok(Next::Done);
        }
        let Some(first) = state.tables.front_mut() else { return Ok(Next::Done) };
        if !first.begun {
            begin(&first.table)?;
            first.begun = true;
        }
        let table = first.table.clone();
        // Chunks left open by an earlier pass come first.
        if !first.open.open.is_empty() {
            let chunk = first.open.open.remove(0);
            if first.open.open.is_empty() && first.open.planned_all {
                state.tables.pop_front();
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
        if let Some(first) = state.tables.front_mut() {
            first.open.next_chunk = chunk.chunk + 1;
            first.open.planned_to.clone_from(&chunk.to);
            first.open.planned_all = chunk.to.is_none();
            if first.open.planned_all {
                state.tables.pop_front();
            }
        }
        Ok(Task { table, chunk })
    }
}
