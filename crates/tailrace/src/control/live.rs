//! What a job does right now, as far as this process runs it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::checkpoint::{Checkpoint, StreamPosition};
use tailrace_pipeline::observe::Counters;
use tokio::time::Instant;

use super::inner::locked;
use super::view::{LogPosition, Totals};

/// Time over which rates are taken.
const RATE_WINDOW: Duration = Duration::from_secs(10);
/// Samples kept; more often than this many in a window they are not taken.
const SAMPLES_MAX: usize = 64;

/// A job that a worker of this process looks after.
#[derive(Debug, Default)]
pub(crate) struct LiveJob {
    pub(crate) counters: Arc<Counters>,
    pub(crate) running: AtomicBool,
    pub(crate) source_normal: AtomicBool,
    pub(crate) target_normal: AtomicBool,
    samples: Mutex<VecDeque<(Instant, Totals)>>,
    position: Mutex<Option<LogPosition>>,
    written: Mutex<Totals>,
}

/// Rates of a job, per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rates {
    pub(crate) rows: f64,
    pub(crate) transactions: f64,
    pub(crate) ddls: f64,
    pub(crate) bytes_in: f64,
    pub(crate) bytes_out: f64,
}

impl LiveJob {
    /// A job that goes on from these totals.
    pub(crate) fn new(totals: &Totals, checkpoint: Option<&Checkpoint>) -> Self {
        let job = Self::default();
        totals.restore(&job.counters);
        job.set_written(*totals);
        if let Some(checkpoint) = checkpoint {
            job.set_position(checkpoint);
        }
        job
    }

    pub(crate) fn set_position(&self, checkpoint: &Checkpoint) {
        *locked(&self.position) = position(checkpoint);
    }

    pub(crate) fn position(&self) -> Option<LogPosition> {
        locked(&self.position).clone()
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals::of(&self.counters)
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    pub(crate) fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::Relaxed);
        if running {
            self.source_normal.store(true, Ordering::Relaxed);
            self.target_normal.store(true, Ordering::Relaxed);
        } else {
            locked(&self.samples).clear();
            self.counters.idle.store(false, Ordering::Relaxed);
        }
    }

    /// The totals that are in the store.
    pub(crate) fn written(&self) -> Totals {
        *locked(&self.written)
    }

    pub(crate) fn set_written(&self, totals: Totals) {
        *locked(&self.written) = totals;
    }

    /// The data path ended by an error; whose fault it was shows until the next start.
    pub(crate) fn set_broken(&self, kind: ErrorKind) {
        use ErrorKind as K;
        match kind {
            K::SourceConnection
            | K::SourceAuthentication
            | K::SourcePrivilege
            | K::SourceSetting
            | K::SourceStatement
            | K::PositionLost => self.source_normal.store(false, Ordering::Relaxed),
            K::TargetConnection
            | K::TargetAuthentication
            | K::TargetPrivilege
            | K::TargetTopic
            | K::MessageTooLarge
            | K::Target => self.target_normal.store(false, Ordering::Relaxed),
            _ => {}
        }
    }

    /// Takes a sample for the rates.
    pub(crate) fn sample(&self, now: Instant) {
        let mut samples = locked(&self.samples);
        while samples.len() >= SAMPLES_MAX
            || samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= RATE_WINDOW)
        {
            samples.pop_front();
        }
        samples.push_back((now, self.totals()));
    }

    /// Rates from the oldest sample kept until now.
    pub(crate) fn rates(&self, now: Instant) -> Rates {
        let samples = locked(&self.samples);
        let Some((at, old)) = samples.front() else { return Rates::default() };
        let seconds = now.duration_since(*at).as_secs_f64();
        if seconds <= 0.0 {
            return Rates::default();
        }
        let new = self.totals();
        // Counters only grow, but a reset sets them back.
        let rate = |new: u64, old: u64| new.saturating_sub(old) as f64 / seconds;
        Rates {
            rows: rate(new.rows(), old.rows()),
            transactions: rate(new.transactions, old.transactions),
            ddls: rate(new.ddls, old.ddls),
            bytes_in: rate(new.bytes_in, old.bytes_in),
            bytes_out: rate(new.bytes_out, old.bytes_out),
        }
    }
}

/// Where a checkpoint's stream stands.
pub(crate) fn position(checkpoint: &Checkpoint) -> Option<LogPosition> {
    if let Some(redo) = checkpoint.redo {
        let (file, offset, gtid_set) = (String::new(), 0, None);
        return Some(LogPosition { file, offset, gtid_set, redo: Some(redo) });
    }
    let StreamPosition { gtid_set, file, offset, .. } = checkpoint.stream.clone()?;
    Some(LogPosition { file, offset, gtid_set, redo: None })
}

impl Totals {
    /// All rows delivered, of both phases.
    pub fn rows(&self) -> u64 {
        self.snapshot_rows + self.inserts + self.updates + self.deletes
    }

    pub(crate) fn of(counters: &Counters) -> Self {
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            snapshot_rows: get(&counters.snapshot_rows),
            snapshot_rows_estimated: get(&counters.snapshot_rows_estimated),
            snapshot_tables: get(&counters.snapshot_tables),
            snapshot_tables_done: get(&counters.snapshot_tables_done),
            inserts: get(&counters.inserts),
            updates: get(&counters.updates),
            deletes: get(&counters.deletes),
            ddls: get(&counters.ddls),
            dead_letters: get(&counters.dead_letters),
            transactions: get(&counters.transactions),
            messages: get(&counters.messages),
            bytes_in: get(&counters.bytes_in),
            bytes_out: get(&counters.bytes_out),
            source_time_ms: counters.source_time_ms.load(Ordering::Relaxed),
            durable_time_ms: counters.durable_time_ms.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn restore(&self, counters: &Counters) {
        let set = |counter: &std::sync::atomic::AtomicU64, n| counter.store(n, Ordering::Relaxed);
        set(&counters.snapshot_rows, self.snapshot_rows);
        set(&counters.snapshot_rows_estimated, self.snapshot_rows_estimated);
        set(&counters.snapshot_tables, self.snapshot_tables);
        set(&counters.snapshot_tables_done, self.snapshot_tables_done);
        set(&counters.inserts, self.inserts);
        set(&counters.updates, self.updates);
        set(&counters.deletes, self.deletes);
        set(&counters.ddls, self.ddls);
        set(&counters.dead_letters, self.dead_letters);
        set(&counters.transactions, self.transactions);
        set(&counters.messages, self.messages);
        set(&counters.bytes_in, self.bytes_in);
        set(&counters.bytes_out, self.bytes_out);
        counters.source_time_ms.store(self.source_time_ms, Ordering::Relaxed);
        counters.durable_time_ms.store(self.durable_time_ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_survive_a_round_trip() {
        let totals = Totals {
            snapshot_rows: 1,
            snapshot_rows_estimated: 2,
            snapshot_tables: 3,
            snapshot_tables_done: 4,
            inserts: 5,
            updates: 6,
            deletes: 7,
            ddls: 8,
            dead_letters: 15,
            transactions: 9,
            messages: 10,
            bytes_in: 11,
            bytes_out: 12,
            source_time_ms: 13,
            durable_time_ms: 14,
        };
        assert_eq!(LiveJob::new(&totals, None).totals(), totals);
        assert_eq!(totals.rows(), 1 + 5 + 6 + 7);
    }

    #[test]
    fn rates_are_taken_over_the_window() {
        let job = LiveJob::default();
        let begin = Instant::now();
        for second in 0..30 {
            job.sample(begin + Duration::from_secs(second));
            Counters::add(&job.counters.inserts, 100);
            Counters::add(&job.counters.bytes_out, 5000);
        }
        let rates = job.rates(begin + Duration::from_secs(30));
        assert!((rates.rows - 100.0).abs() < 0.001, "{rates:?}");
        assert!((rates.bytes_out - 5000.0).abs() < 0.001, "{rates:?}");
        job.set_running(false);
        assert_eq!(job.rates(begin + Duration::from_secs(31)), Rates::default());
    }
}
