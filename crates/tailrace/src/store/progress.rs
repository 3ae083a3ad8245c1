//! Copies of what a job's data path reports.

use tailrace_pipeline::checkpoint::Checkpoint;

use super::StoreFuture;
use crate::control::job::Page;
use crate::control::view::{DdlEntry, LogEntry, TableProgress, Totals};

/// DDL statements kept of a job; older ones go.
pub const DDL_ENTRIES_MAX: u64 = 10_000;

/// What a worker writes at intervals; all of it is written or nothing.
#[derive(Debug, Default)]
pub struct ProgressWrite<'a> {
    /// Newest durable checkpoint; `None` keeps the stored one.
    pub checkpoint: Option<&'a Checkpoint>,
    /// Totals.
    pub totals: Totals,
    /// Tables whose progress changed.
    pub tables: &'a [TableProgress],
    /// DDL statements that went by, as position and statement; numbered by the store.
    pub ddl: &'a [(String, String)],
    /// Entries of the log.
    pub log: &'a [LogEntry],
    /// Now.
    pub at_ms: i64,
}

/// What was written last.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredProgress {
    /// Checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// Totals.
    pub totals: Totals,
}

/// Progress of jobs.
pub trait ProgressStore {
    /// Writes progress.
    ///
    /// [`super::StoreError::Fenced`] if the epoch is not the newest of the job's lease.
    fn save_progress<'a>(
        &'a self,
        job_id: &'a str,
        epoch: u64,
        write: ProgressWrite<'a>,
    ) -> StoreFuture<'a, ()>;

    /// What was written last; `None` if nothing was.
    fn progress<'a>(&'a self, job_id: &'a str) -> StoreFuture<'a, Option<StoredProgress>>;

    /// Forgets checkpoint, totals and tables; DDL and log stay.
    ///
    /// [`super::StoreError::Fenced`] if the epoch is not the newest of the job's lease.
    fn forget_progress<'a>(&'a self, job_id: &'a str, epoch: u64) -> StoreFuture<'a, ()>;

    /// Tables in the order of their names, and how many there are.
    fn table_progress<'a>(
        &'a self,
        job_id: &'a str,
        page: Page,
    ) -> StoreFuture<'a, (u64, Vec<TableProgress>)>;

    /// DDL statements, oldest first, and how many there are.
    fn ddl<'a>(&'a self, job_id: &'a str, page: Page) -> StoreFuture<'a, (u64, Vec<DdlEntry>)>;

    /// Marks a DDL statement as cleared; `false` if there is none of that number.
    fn clear_ddl<'a>(&'a self, job_id: &'a str, seq: u64, at_ms: i64) -> StoreFuture<'a, bool>;
}
