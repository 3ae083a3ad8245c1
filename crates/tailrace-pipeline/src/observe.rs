//! What a running job tells the outside: phase changes as calls, counters as atomics that anyone may
//! read at any time.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::batch::Counts;
use crate::checkpoint::Checkpoint;
use crate::stages::Stages;

/// Phases of a running job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Connecting and recovering.
    Starting,
    /// Full phase.
    Full,
    /// Full phase finished.
    FullComplete,
    /// Stream.
    Incremental,
}

/// Receives what happens to a job. Calls come from the data path's threads and must return at once.
pub trait JobObserver: Send + Sync {
    /// The job entered a phase.
    fn phase(&self, phase: Phase);
    /// The job goes on from this checkpoint, which an earlier run made durable.
    fn recovered(&self, _checkpoint: &Checkpoint) {}
    /// A checkpoint is durable in the target.
    fn durable(&self, checkpoint: &Checkpoint);
    /// A table of the full phase is finished (or begun, with `done` false).
    fn table(&self, database: &str, table: &str, rows: u64, done: bool);
    /// A DDL statement of a selected object went by.
    fn ddl(&self, position: &str, statement: &str);
    /// Something a person may want to read later.
    fn log(&self, level: tracing::Level, message: &str);
}

/// Counters of a job.
#[derive(Debug, Default)]
pub struct Counters {
    /// Rows of the full phase, durable.
    pub snapshot_rows: AtomicU64,
    /// Estimated rows of the full phase in all.
    pub snapshot_rows_estimated: AtomicU64,
    /// Tables of the full phase in all.
    pub snapshot_tables: AtomicU64,
    /// Tables of the full phase finished.
    pub snapshot_tables_done: AtomicU64,
    /// Inserts, durable.
    pub inserts: AtomicU64,
    /// Updates, durable.
    pub updates: AtomicU64,
    /// Deletes, durable.
    pub deletes: AtomicU64,
    /// DDL statements, durable.
    pub ddls: AtomicU64,
    /// Changes that went to the dead-letter topic, durable.
    pub dead_letters: AtomicU64,
    /// Source transactions, durable.
    pub transactions: AtomicU64,
    /// Messages, durable.
    pub messages: AtomicU64,
    /// Bytes read from the source.
    pub bytes_in: AtomicU64,
    /// Bytes of messages, durable.
    pub bytes_out: AtomicU64,
    /// Commit time of the newest durable change, milliseconds of the Unix epoch.
    pub source_time_ms: AtomicI64,
    /// Time at which that change became durable, milliseconds of the Unix epoch.
    pub durable_time_ms: AtomicI64,
    /// The stream has caught up with the source: nothing is waiting.
    pub idle: AtomicBool,
    /// The part that reads the log rests, as it was told to.
    pub capture_rests: AtomicBool,
    /// The part that writes to the target rests, as it was told to.
    pub apply_rests: AtomicBool,
    /// SCN up to which the log was read, of a source that has them; 0 before.
    pub captured_scn: AtomicU64,
    /// Windows of a log by LogMiner that were read for the job.
    pub windows_mined: AtomicU64,
    /// Windows that another job of the database had read already.
    pub windows_shared: AtomicU64,
    /// Where its time goes.
    pub stages: Stages,
}

impl Counters {
    /// Adds what has become durable.
    pub fn add_durable(&self, counts: &Counts) {
        Self::add(&self.snapshot_rows, counts.snapshot_rows);
        Self::add(&self.inserts, counts.inserts);
        Self::add(&self.updates, counts.updates);
        Self::add(&self.deletes, counts.deletes);
        Self::add(&self.ddls, counts.ddls);
        Self::add(&self.dead_letters, counts.dead_letters);
        Self::add(&self.transactions, counts.transactions);
    }

    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}
