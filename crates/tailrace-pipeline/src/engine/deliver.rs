//! The sink's thread: takes batches, decides where a target transaction ends, and reports what has
//! become durable.
//!
//! A target transaction ends when nothing more is waiting, when it is full, or when it is old enough.
//! It never ends behind a batch that has no step of progress of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::batch::{Advance, Batch, Counts};
use crate::checkpoint::{Checkpoint, SnapshotProgress};
use crate::engine::advance;
use crate::engine::buried::Buried;
use crate::engine::queue::{BatchReceiver, Received};
use crate::error::{Error, ErrorKind, Result};
use crate::job::Limits;
use crate::observe::{Counters, JobObserver};
use crate::sink::Sink;
use crate::stages::{Slowness, Wait};

/// How long the thread waits for a batch before it looks at its target again.
const IDLE_WAIT: Duration = Duration::from_millis(50);
/// Shortest time between the begins of two commits while changes come one by one: a broker spends as much on a
/// transaction of one message as on one of a hundred. A change that comes after a pause does not wait.
const COMMIT_INTERVAL_MIN: Duration = Duration::from_millis(5);
/// How many times as old as others a transaction may be that holds only rows of a full phase.
const ROWS_AGE_TIMES: u32 = 10;
/// Bytes behind the first batch of a transaction that wait for the end of [`COMMIT_INTERVAL_MIN`] before they are
/// written: what is written together with its progress needs one request for each partition.
const HELD_BYTES_MAX: usize = 256 << 10;
/// How long the last transaction may take to become durable when the job ends.
const FINISH_WAIT: Duration = Duration::from_secs(30);

/// Progress and counts of batches that are written and not yet durable.
#[derive(Default)]
struct Pending {
    bytes: usize,
    messages: u64,
    counts: Counts,
    source_time_ms: i64,
    since: Option<Instant>,
    /// Tables of which a part is written that cannot stand alone.
    pieces: Vec<(String, String)>,
    /// The last batch ended a source transaction.
    at_boundary: bool,
    tables_done: Vec<(String, String, u64)>,
}

impl Pending {
    /// Rows of a full phase and nothing else.
    fn only_rows(&self) -> bool {
        self.messages > 0 && self.counts.snapshot_rows == self.messages
    }
}

/// The sink's side of a running job.
pub(crate) struct Deliver<S: Sink> {
    sink: S,
    checkpoint: Checkpoint,
    limits: Limits,
    pending: Pending,
    /// Batches that count as pending and are not yet handed to the sink, at most [`HELD_BYTES_MAX`].
    held: Vec<Batch>,
    /// Age at which a transaction is committed that holds only rows of a full phase: it doubles with each.
    rows_age_max: Duration,
    /// When the last commit began.
    last_commit: Option<Instant>,
    /// The last checkpoint handed to the sink.
    committed: Option<Checkpoint>,
    /// The last checkpoint that the sink reported as durable.
    durable: Option<Checkpoint>,
    observer: Arc<dyn JobObserver>,
    counters: Arc<Counters>,
    slowness: Slowness,
    buried: Buried,
}

impl<S: Sink> Deliver<S> {
    pub(crate) fn new(
        sink: S,
        checkpoint: Checkpoint,
        limits: Limits,
        observer: Arc<dyn JobObserver>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            sink,
            checkpoint,
            limits,
            pending: Pending::default(),
            held: Vec::new(),
            rows_age_max: COMMIT_INTERVAL_MIN,
            last_commit: None,
            committed: None,
            durable: None,
            observer,
            counters,
            slowness: Slowness::new(Instant::now()),
            buried: Buried::default(),
        }
    }

    /// Runs until all encoders have ended; everything taken is durable when this returns `Ok`.
    ///
    /// # Errors
    /// The sink's errors, and `Checkpoint` for a step that does not follow.
    pub(crate) fn run(mut self, batches: &BatchReceiver) -> Result<Checkpoint> {
        loop {
            // What can be committed is hardly held up for more; what cannot waits for its rest.
            let wait = if self.may_end() { self.wait_for_more() } else { IDLE_WAIT };
            match batches.receive(wait) {
                Received::Batch(batch) => {
                    self.take(batch)?;
                    if self.is_due() {
                        self.commit()?;
                    }
                }
                Received::Nothing => {
                    if self.may_end() && self.wait_for_more().is_zero() {
                        self.commit()?;
                    }
                    self.report(Duration::ZERO)?;
                }
                Received::Ended => return self.finish(),
            }
        }
    }

    fn take(&mut self, batch: Batch) -> Result<()> {
        let was_open = open_tables(&self.checkpoint.snapshot);
        advance::apply(&mut self.checkpoint, &batch)?;
        let pending = &mut self.pending;
        pending.bytes += batch.bytes();
        pending.messages += batch.messages.len() as u64;
        pending.counts.add(&batch.counts);
        pending.since.get_or_insert_with(Instant::now);
        match &batch.advance {
            Advance::Piece { database, table }
                if !pending.pieces.iter().any(|(d, t)| d == database && t == table) =>
            {
                pending.pieces.push((database.clone(), table.clone()));
            }
            Advance::ChunkRows { database, table, done: true, .. }
            | Advance::Reread { database, table, done: true, .. } => {
                pending.pieces.retain(|(d, t)| !(d == database && t == table));
            }
            _ => {}
        }
        pending.at_boundary = batch.ends_transaction;
        if batch.source_time_ms > 0 {
            pending.source_time_ms = batch.source_time_ms;
        }
        if let Advance::ChunkRows { database, table, .. } = &batch.advance
            && open_tables(&self.checkpoint.snapshot) < was_open
        {
            let rows = batch.counts.snapshot_rows;
            pending.tables_done.push((database.clone(), table.clone(), rows));
        }
        if let Advance::Reread { id, database, table, done: true, .. } = &batch.advance {
            let read = self.checkpoint.rereads.iter().find(|one| one.id == *id);
            let rows = read.map_or(0, |one| one.rows);
            pending.tables_done.push((database.clone(), table.clone(), rows));
        }
        self.hold_or_write(batch)
    }

    fn hold_or_write(&mut self, batch: Batch) -> Result<()> {
        let messages = batch.messages.len() as u64;
        let is_first = messages > 0 && self.pending.messages == messages;
        let bytes = self.held.iter().map(Batch::bytes).sum::<usize>() + batch.bytes();
        self.held.push(batch);
        let due_now = self.commit_due_in().is_zero();
        if is_first && !due_now {
            // What a transaction begins with is done while others of its messages are waited for.
            self.write_held()?;
            return self.sink.expect_commit();
        }
        if bytes > HELD_BYTES_MAX || due_now { self.write_held() } else { Ok(()) }
    }

    fn write_held(&mut self) -> Result<()> {
        let begun = Instant::now();
        let written = self.held.drain(..).try_for_each(|batch| self.sink.write(batch));
        self.counters.stages.waited(Wait::Target, begun);
        written
    }

    /// A transaction may end here: nothing in it waits for its rest. A source transaction stays whole
    /// unless it alone fills a target transaction.
    fn may_end(&self) -> bool {
        let pending = &self.pending;
        pending.since.is_some()
            && pending.pieces.is_empty()
            && (pending.at_boundary || self.is_full())
    }

    /// Age at which the open transaction is committed. A commit costs the broker some milliseconds however little is
    /// in it, and nobody waits for a row of a full phase as one waits for a change.
    fn age_max(&self) -> Duration {
        if self.pending.only_rows() { self.rows_age_max } else { self.limits.transaction_age_max }
    }

    /// How long an open transaction waits for more. Progress alone is in no hurry: a consumer sees nothing of it, and
    /// messages that come meanwhile would wait for its commit. Rows of a full phase are in less and less.
    fn wait_for_more(&self) -> Duration {
        let pending = &self.pending;
        match pending.since {
            Some(since) if pending.messages == 0 || pending.only_rows() => {
                self.age_max().saturating_sub(since.elapsed())
            }
            _ => self.commit_due_in(),
        }
    }

    fn commit_due_in(&self) -> Duration {
        self.last_commit
            .map_or(Duration::ZERO, |at| COMMIT_INTERVAL_MIN.saturating_sub(at.elapsed()))
    }

    fn is_full(&self) -> bool {
        self.pending.bytes >= self.limits.transaction_bytes_max
    }

    fn is_due(&self) -> bool {
        let age_max = self.age_max();
        let old = self.pending.since.is_some_and(|since| since.elapsed() >= age_max);
        self.may_end() && (old || self.is_full())
    }

    fn commit(&mut self) -> Result<()> {
        self.last_commit = Some(Instant::now());
        self.write_held()?;
        tracing::debug!(messages = self.pending.messages, "commit begins");
        let begun = Instant::now();
        self.sink.commit(&self.checkpoint)?;
        self.counters.stages.waited(Wait::Target, begun);
        tracing::debug!("commit ends");
        self.committed = Some(self.checkpoint.clone());
        let done = std::mem::take(&mut self.pending);
        if done.only_rows() {
            let most = self.limits.transaction_age_max * ROWS_AGE_TIMES;
            self.rows_age_max = (self.rows_age_max * 2).min(most);
        }
        let counters = &self.counters;
        Counters::add(&counters.messages, done.messages);
        Counters::add(&counters.bytes_out, done.bytes as u64);
        counters.add_durable(&done.counts);
        if let Some(line) = self.buried.count(done.counts.dead_letters, Instant::now()) {
            self.observer.log(tracing::Level::WARN, &line);
        }
        for (database, table, rows) in done.tables_done {
            Counters::add(&counters.snapshot_tables_done, 1);
            self.observer.table(&database, &table, rows, true);
        }
        if done.source_time_ms > 0 {
            counters.source_time_ms.store(done.source_time_ms, Ordering::Relaxed);
        }
        self.report(Duration::ZERO)
    }

    fn report(&mut self, wait: Duration) -> Result<()> {
        if let Some(durable) = self.sink.durable(wait)? {
            self.counters.durable_time_ms.store(unix_ms(), Ordering::Relaxed);
            self.observer.durable(&durable);
            self.durable = Some(durable);
        }
        self.look_how_slow();
        Ok(())
    }

    /// Says where the time goes if the job is far behind.
    fn look_how_slow(&mut self) {
        let counters = &self.counters;
        let source_ms = counters.source_time_ms.load(Ordering::Relaxed);
        if source_ms == 0 || counters.idle.load(Ordering::Relaxed) {
            return;
        }
        let behind_ms = u64::try_from(unix_ms() - source_ms).unwrap_or(0);
        let delay = Duration::from_millis(behind_ms);
        if let Some(text) = self.slowness.look(Instant::now(), counters.stages.waits(), delay) {
            self.observer.log(tracing::Level::WARN, &text);
        }
    }

    /// Commits what is complete and waits until it is durable.
    fn finish(mut self) -> Result<Checkpoint> {
        // What may not end here was cut short by a stop or an error: the target drops it, and it is
        // read again from the last durable checkpoint.
        if self.may_end() {
            self.commit()?;
        }
        let Some(committed) = self.committed.take() else {
            return Ok(self.durable.unwrap_or(self.checkpoint));
        };
        let until = Instant::now() + FINISH_WAIT;
        while self.durable.as_ref() != Some(&committed) {
            if Instant::now() > until {
                return Err(unacknowledged());
            }
            self.report(IDLE_WAIT)?;
        }
        Ok(committed)
    }
}

/// Commits a checkpoint without messages and waits until it is durable.
///
/// # Errors
/// The sink's; `TargetConnection` if it takes too long.
pub(crate) fn make_durable<S: Sink>(sink: &mut S, checkpoint: &Checkpoint) -> Result<()> {
    sink.commit(checkpoint)?;
    let until = Instant::now() + FINISH_WAIT;
    while sink.durable(IDLE_WAIT)?.as_ref() != Some(checkpoint) {
        if Instant::now() > until {
            return Err(unacknowledged());
        }
    }
    Ok(())
}

fn unacknowledged() -> Error {
    Error::new(
        ErrorKind::TargetConnection,
        format!("the last messages were not acknowledged in {} s", FINISH_WAIT.as_secs()),
    )
}

fn open_tables(snapshot: &SnapshotProgress) -> usize {
    match snapshot {
        SnapshotProgress::Running { open, .. } => open.len(),
        SnapshotProgress::NotStarted | SnapshotProgress::Complete => 0,
    }
}

/// Milliseconds of the Unix epoch.
pub(crate) fn unix_ms() -> i64 {
    unix_us() / 1000
}

/// Microseconds of the Unix epoch.
pub(crate) fn unix_us() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}
