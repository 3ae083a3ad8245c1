//! Takes what a data path reports on its own threads and keeps it until the worker looks.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use tailrace_pipeline::checkpoint::Checkpoint;
use tailrace_pipeline::observe::{JobObserver, Phase};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::control::inner::locked;
use crate::control::job_state::RunPhase;
use crate::control::view::{LogEntry, LogLevel, TableProgress};

/// Log entries kept between two looks; older ones go and are counted.
const LOG_ENTRIES_MAX: usize = 1000;
/// DDL statements kept between two looks; older ones go and are counted.
const DDL_ENTRIES_MAX: usize = 10_000;

/// What was reported since the last look.
#[derive(Debug, Default)]
pub(super) struct Reported {
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) tables: Vec<TableProgress>,
    pub(super) ddl: Vec<(String, String)>,
    pub(super) log: Vec<LogEntry>,
}

impl Reported {
    /// Nothing that has to be written.
    pub(super) fn is_empty(&self) -> bool {
        self.checkpoint.is_none()
            && self.tables.is_empty()
            && self.ddl.is_empty()
            && self.log.is_empty()
    }
}

#[derive(Debug, Default)]
struct Kept {
    phases: VecDeque<RunPhase>,
    checkpoint: Option<Checkpoint>,
    tables: BTreeMap<(String, String), TableProgress>,
    ddl: VecDeque<(String, String)>,
    log: VecDeque<LogEntry>,
    dropped: u64,
    progressed: bool,
}

/// The observer of one run.
pub(super) struct Feed {
    job_id: String,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
    changed: Notify,
}

impl Feed {
    pub(super) fn new(job_id: &str, clock: Arc<dyn Clock>) -> Self {
        Self { job_id: job_id.to_owned(), clock, kept: Mutex::default(), changed: Notify::new() }
    }

    /// Waits for something that must not wait for the next tick.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether anything became durable in this run.
    pub(super) fn progressed(&self) -> bool {
        locked(&self.kept).progressed
    }

    /// The oldest phase that was entered and not dealt with yet.
    pub(super) fn next_phase(&self) -> Option<RunPhase> {
        locked(&self.kept).phases.front().copied()
    }

    /// The oldest phase is dealt with.
    pub(super) fn phase_done(&self) {
        locked(&self.kept).phases.pop_front();
    }

    /// Takes back what could not be written; what was reported since is newer.
    pub(super) fn put_back(&self, reported: Reported) {
        let mut kept = locked(&self.kept);
        if kept.checkpoint.is_none() {
            kept.checkpoint = reported.checkpoint;
        }
        for table in reported.tables {
            kept.tables.entry((table.database.clone(), table.table.clone())).or_insert(table);
        }
        let newer_ddl = std::mem::take(&mut kept.ddl);
        reported.ddl.into_iter().chain(newer_ddl).for_each(|entry| kept.add_ddl(entry));
        let newer_log = std::mem::take(&mut kept.log);
        reported.log.into_iter().chain(newer_log).for_each(|entry| kept.add_log(entry));
    }

    /// Everything reported since the last look, without phases.
    pub(super) fn take(&self) -> Reported {
        let mut kept = locked(&self.kept);
        let mut log: Vec<LogEntry> = std::mem::take(&mut kept.log).into();
        let dropped = std::mem::take(&mut kept.dropped);
        if dropped > 0 {
            log.push(LogEntry {
                at_ms: self.clock.now_ms(),
                level: LogLevel::Warn,
                message: format!("{dropped} older entries came faster than they could be kept"),
            });
        }
        Reported {
            checkpoint: kept.checkpoint.take(),
            tables: std::mem::take(&mut kept.tables).into_values().collect(),
            ddl: std::mem::take(&mut kept.ddl).into(),
            log,
        }
    }
}

impl Kept {
    fn add_ddl(&mut self, entry: (String, String)) {
        if self.ddl.len() >= DDL_ENTRIES_MAX {
            self.ddl.pop_front();
            self.dropped += 1;
        }
        self.ddl.push_back(entry);
    }

    fn add_log(&mut self, entry: LogEntry) {
        if self.log.len() >= LOG_ENTRIES_MAX {
            self.log.pop_front();
            self.dropped += 1;
        }
        self.log.push_back(entry);
    }
}

impl JobObserver for Feed {
    fn phase(&self, phase: Phase) {
        let phase = match phase {
            // The job shows STARTJOBING already.
            Phase::Starting => return,
            Phase::Full => RunPhase::Full,
            Phase::FullComplete => RunPhase::FullComplete,
            Phase::Incremental => RunPhase::Incremental,
        };
        locked(&self.kept).phases.push_back(phase);
        self.changed.notify_one();
    }

    fn durable(&self, checkpoint: &Checkpoint) {
        let mut kept = locked(&self.kept);
        kept.checkpoint = Some(checkpoint.clone());
        kept.progressed = true;
    }

    fn table(&self, database: &str, table: &str, rows: u64, done: bool) {
        let progress =
            TableProgress { database: database.to_owned(), table: table.to_owned(), rows, done };
        locked(&self.kept).tables.insert((database.to_owned(), table.to_owned()), progress);
    }

    fn ddl(&self, position: &str, statement: &str) {
        locked(&self.kept).add_ddl((position.to_owned(), statement.to_owned()));
    }

    fn log(&self, level: tracing::Level, message: &str) {
        let job_id = self.job_id.as_str();
        let level = match level {
            tracing::Level::ERROR => {
                tracing::error!(job_id, "{message}");
                LogLevel::Error
            }
            tracing::Level::WARN => {
                tracing::warn!(job_id, "{message}");
                LogLevel::Warn
            }
            tracing::Level::INFO => {
                tracing::info!(job_id, "{message}");
                LogLevel::Info
            }
            _ => {
                tracing::debug!(job_id, "{message}");
                return;
            }
        };
        let entry = LogEntry { at_ms: self.clock.now_ms(), level, message: message.to_owned() };
        locked(&self.kept).add_log(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn more_log_than_fits_is_counted_and_the_newest_stays() {
        let feed = Feed::new("j", Arc::new(ManualClock::new(7)));
        for i in 0..LOG_ENTRIES_MAX + 5 {
            feed.log(tracing::Level::INFO, &i.to_string());
        }
        feed.log(tracing::Level::DEBUG, "not kept");
        let log = feed.take().log;
        assert_eq!(log.len(), LOG_ENTRIES_MAX + 1);
        assert_eq!(log[0].message, "5");
        assert!(log[LOG_ENTRIES_MAX].message.starts_with("5 older entries"));
        assert!(feed.take().is_empty());
    }

    #[test]
    fn the_newest_checkpoint_and_each_tables_newest_progress_are_kept() {
        let feed = Feed::new("j", Arc::new(ManualClock::new(7)));
        assert!(!feed.progressed());
        for epoch in 1..=3 {
            feed.durable(&Checkpoint::initial(epoch));
        }
        feed.table("d", "a", 1, false);
        feed.table("d", "b", 2, false);
        feed.table("d", "a", 3, true);
        let reported = feed.take();
        assert_eq!(reported.checkpoint, Some(Checkpoint::initial(3)));
        let rows: Vec<_> = reported.tables.iter().map(|t| (t.table.as_str(), t.rows)).collect();
        assert_eq!(rows, [("a", 3), ("b", 2)]);
        assert!(feed.progressed());
    }

    #[test]
    fn what_could_not_be_written_comes_again_before_what_is_newer() {
        let feed = Feed::new("j", Arc::new(ManualClock::new(7)));
        feed.durable(&Checkpoint::initial(1));
        feed.table("d", "a", 1, false);
        feed.table("d", "b", 1, false);
        feed.ddl("p1", "old");
        let reported = feed.take();
        feed.table("d", "a", 2, true);
        feed.ddl("p2", "new");
        feed.put_back(reported);
        let again = feed.take();
        assert_eq!(again.checkpoint, Some(Checkpoint::initial(1)));
        assert_eq!(again.tables.iter().map(|t| t.rows).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(again.ddl.iter().map(|(p, _)| p.as_str()).collect::<Vec<_>>(), ["p1", "p2"]);
    }
}
