//! What stream and full phase share: the job, its rules, and the way out.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::batch::Batch;
use crate::checkpoint::{Checkpoint, SnapshotProgress};
use crate::engine::advance;
use crate::engine::queue::BatchSender;
use crate::error::{Error, ErrorKind, Result};
use crate::job::JobSpec;
use crate::observe::{Counters, JobObserver};
use crate::run::StopSignal;
use crate::source::mysql::catalog;
use crate::source::mysql::connection::Connection;
use crate::transform::compose::Composer;
use crate::transform::route::Router;

/// Longest single wait of the throttle, so that a stop and a new limit are seen.
const THROTTLE_WAIT_MAX: Duration = Duration::from_millis(100);

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

    /// A new composer that takes ids from the job's counter.
    pub(crate) fn composer(&self) -> Composer {
        let numbers = (Arc::clone(&self.ids), self.id_offset);
        Composer::new(numbers, self.spec.policy.format, self.spec.limits.batch_bytes_max)
    }

    /// Where the full phase stands once everything handed over is durable.
    pub(crate) fn snapshot_progress(&self) -> SnapshotProgress {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).snapshot.clone()
    }

    /// Hands a batch over, waiting while the queue is full or the job's speed limit is reached.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn send(&self, batch: Batch, throttle: &mut Throttle) -> Result<()> {
        throttle.wait(batch.messages.len() as u64, &self.stop)?;
        advance::apply(&mut self.ahead.lock().unwrap_or_else(PoisonError::into_inner), &batch)?;
        self.sender.send(batch, &self.stop)
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

/// Spreads rows over time when the job has a speed limit.
pub(crate) struct Throttle {
    /// When the next rows may go.
    due: Instant,
    /// Readers that share the limit.
    sharers: u64,
}

impl Throttle {
    /// A throttle for one of `sharers` threads.
    pub(crate) fn new(sharers: usize) -> Self {
        Self { due: Instant::now(), sharers: (sharers as u64).max(1) }
    }

    /// Readers that share the limit.
    pub(crate) fn sharers(&self) -> usize {
        usize::try_from(self.sharers).unwrap_or(usize::MAX)
    }

    fn wait(&mut self, rows: u64, stop: &StopSignal) -> Result<()> {
        loop {
            stop.check()?;
            let Some(limit) = stop.rows_per_second_max() else {
                self.due = Instant::now();
                return Ok(());
            };
            let now = Instant::now();
            if self.due <= now {
                let share = (limit / self.sharers).max(1);
                let cost = Duration::from_secs_f64(rows as f64 / share as f64);
                self.due = self.due.max(now.checked_sub(THROTTLE_WAIT_MAX).unwrap_or(now)) + cost;
                return Ok(());
            }
            std::thread::park_timeout((self.due - now).min(THROTTLE_WAIT_MAX));
        }
    }
}
