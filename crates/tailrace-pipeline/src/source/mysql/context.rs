//! What stream and full phase share: the job, its rules, and the way out.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tailrace_codec::TableSchema;

use crate::batch::Batch;
use crate::checkpoint::{Checkpoint, SnapshotProgress};
use crate::engine::advance;
use crate::engine::queue::BatchSender;
use crate::engine::unix_ms;
use crate::error::{Error, ErrorKind, Result};
use crate::job::JobSpec;
use crate::observe::{Counters, JobObserver};
use crate::run::StopSignal;
use crate::source::Throttle;
use crate::source::mysql::catalog;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::row_filter::{RowFilter, ServerJudge};
use crate::stages::Wait;
use crate::transform::compose::Composer;
use crate::transform::headers::Headers;
use crate::transform::route::Router;

/// Shared by all threads of a job's source side.
pub(crate) struct Context {
    pub(crate) spec: JobSpec,
    pub(crate) router: Router,
    pub(crate) sender: BatchSender,
    pub(crate) stop: StopSignal,
    pub(crate) observer: Arc<dyn JobObserver>,
    pub(crate) counters: Arc<Counters>,
    /// The next message id.
    pub(crate) ids: Arc<AtomicU64>,
    /// What a message's `id` is greater by than its number.
    pub(crate) id_offset: u64,
    /// The checkpoint as it will be once everything handed over is durable.
    pub(crate) ahead: Mutex<Checkpoint>,
    pub(crate) throttle: Throttle,
    /// Asks the source what only it can say of row filters.
    pub(crate) judge: Mutex<ServerJudge>,
}

impl Context {
    /// A new connection to the source.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::connect(&self.spec.source, &self.spec.limits, self.stop.clone())
    }

    /// Makes sure that no selected table keeps earlier versions of its rows.
    ///
    /// # Errors
    /// `SourceSetting` that names them, and those of the connection.
    pub(crate) fn refuse_versioned_tables(&self) -> Result<()> {
        let found = catalog::versioned_tables(&mut self.connect()?, &self.spec.selection)?;
        if found.is_empty() { Ok(()) } else { Err(versioned(&found.join(", "))) }
    }

    /// The filter of a table's rows, if it has one.
    ///
    /// # Errors
    /// `SchemaMismatch` if it does not fit the table, and those of the source.
    pub(crate) fn row_filter(&self, schema: &TableSchema) -> Result<Option<RowFilter>> {
        RowFilter::of_table(&self.spec, schema, &mut self.judge())
    }

    /// Who decides what only the source can.
    pub(crate) fn judge(&self) -> MutexGuard<'_, ServerJudge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new composer that takes ids from the job's counter.
    pub(crate) fn composer(&self) -> Composer {
        let numbers = (Arc::clone(&self.ids), self.id_offset);
        Composer::new(numbers, self.spec.policy.format, self.spec.limits.batch_bytes_max)
            .with_headers(Headers::of_job(&self.spec))
    }

    /// Where the full phase stands once everything handed over is durable.
    pub(crate) fn snapshot_progress(&self) -> SnapshotProgress {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).snapshot.clone()
    }

    /// Whether nothing is left to be read beside the stream.
    pub(crate) fn rereads_done(&self) -> bool {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let is_done = |id: &str| ahead.rereads.iter().any(|one| one.id == id && one.done);
        self.spec.rereads.iter().all(|reread| is_done(&reread.id))
    }

    /// The last key that a re-reading beside the stream will have delivered then.
    pub(crate) fn reread_to(&self, id: &str) -> Option<Vec<String>> {
        let ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.rereads.iter().find(|one| one.id == id).and_then(|one| one.after.clone())
    }

    /// Hands a batch over, waiting while the queue is full or the job's speed limit is reached.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn send(&self, batch: Batch) -> Result<()> {
        let (rows, bytes) = (batch.messages.len() as u64, batch.data.len() as u64);
        let stages = &self.counters.stages;
        if batch.source_time_ms > 0 {
            stages.has_read(batch.source_time_ms, unix_ms());
        }
        let begun = Instant::now();
        self.throttle.wait(rows, bytes, &self.stop)?;
        stages.waited(Wait::Limit, begun);
        advance::apply(&mut self.ahead.lock().unwrap_or_else(PoisonError::into_inner), &batch)?;
        let begun = Instant::now();
        let sent = self.sender.send(batch, &self.stop);
        stages.waited(Wait::Room, begun);
        sent
    }
}

/// The source writes rows of a table's history into its log, which are not changes of its rows.
pub(crate) fn versioned(names: &str) -> Error {
    Error::new(
        ErrorKind::SourceSetting,
        format!(
            "system-versioned tables are selected, whose log has rows of their history too: {names}; leave them out of the selection, or ALTER TABLE … DROP SYSTEM VERSIONING"
        ),
    )
}
