//! What the outside sees of a job: phases, positions, counters.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::position::Position;
use crate::batch::Counts;
use crate::checkpoint::{Checkpoint, RedoPosition, RereadProgress, SnapshotProgress};
use crate::engine::unix_ms;
use crate::observe::{Counters, JobObserver, Phase};

/// Tells the outside how a job goes on.
pub(super) struct Watch<'a> {
    epoch: u64,
    observer: &'a Arc<dyn JobObserver>,
    pub(super) counters: &'a Arc<Counters>,
    /// Those of the job, of which these are a part.
    of_all: Option<&'a Counters>,
    pub(super) rereads: Rereads,
}

/// How far the tables are that were added.
pub(super) type Rereads = Arc<Mutex<Vec<RereadProgress>>>;

impl<'a> Watch<'a> {
    pub(super) fn new(
        epoch: u64,
        observer: &'a Arc<dyn JobObserver>,
        counters: &'a Arc<Counters>,
    ) -> Self {
        Self { epoch, observer, counters, of_all: None, rereads: Rereads::default() }
    }

    /// For a part of a job that this one watches.
    pub(super) fn of_part(
        &'a self,
        observer: &'a Arc<dyn JobObserver>,
        counters: &'a Arc<Counters>,
    ) -> Self {
        Self { of_all: Some(self.counters), ..Self::new(self.epoch, observer, counters) }
    }

    /// Whoever is told of the job.
    pub(super) fn observer(&self) -> Arc<dyn JobObserver> {
        Arc::clone(self.observer)
    }

    pub(super) fn phase(&self, phase: Phase) {
        self.observer.phase(phase);
    }

    pub(super) fn log(&self, level: tracing::Level, message: &str) {
        self.observer.log(level, message);
    }

    pub(super) fn ddl(&self, scn: u64, statement: &str) {
        self.observer.ddl(&format!("SCN {scn}"), statement);
    }

    /// Rows of a table are at the target, or, with `done`, all of them.
    pub(super) fn table(&self, owner: &str, name: &str, rows: u64, done: bool) {
        self.observer.table(owner, name, rows, done);
        if done {
            Counters::add(&self.counters.snapshot_tables_done, 1);
        }
    }

    /// The log was read up to an SCN, and everything of it is applied.
    pub(super) fn read(&self, position: &Position, read: u64) {
        self.observer.durable(&self.checkpoint(position, read));
    }

    /// A target transaction is committed.
    pub(super) fn committed(
        &self,
        position: &Position,
        read: u64,
        counts: &Counts,
        committed_ms: Option<i64>,
    ) {
        self.counters.add_durable(counts);
        self.of_all.into_iter().for_each(|all| all.add_durable(counts));
        if let Some(at) = committed_ms {
            self.counters.source_time_ms.store(at, Ordering::Relaxed);
            self.counters.durable_time_ms.store(unix_ms(), Ordering::Relaxed);
        }
        self.observer.durable(&self.checkpoint(position, read));
    }

    /// What others see of a position.
    pub(super) fn checkpoint(&self, position: &Position, read: u64) -> Checkpoint {
        let snapshot = if position.is_copied {
            SnapshotProgress::Complete
        } else {
            SnapshotProgress::Running { started_through: None, open: Vec::new(), tables_done: 0 }
        };
        let begun = position.snapshot_scn;
        // Commits at the SCN itself are still to come until one of them was applied.
        let applied = match position.committed.is_empty() {
            true => position.committed_scn.saturating_sub(1),
            false => position.committed_scn,
        };
        let redo = position.is_copied.then_some(RedoPosition { begun, read, applied });
        let rereads = self.rereads.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Checkpoint { snapshot, redo, rereads, ..Checkpoint::initial(self.epoch) }
    }
}
