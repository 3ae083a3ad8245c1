//! What can be read about a job that is not its settings: progress, rates, timeline, log.

use serde::{Deserialize, Serialize};

pub use tailrace_pipeline::checkpoint::RedoPosition;

use super::job::TaskMode;
use super::status::JobStatus;

/// Point of the source's log that is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPosition {
    /// Binlog file.
    pub file: String,
    /// Offset.
    pub offset: u64,
    /// Executed GTID set, where the source has GTIDs.
    pub gtid_set: Option<String>,
    /// Of a source of Oracle, instead of the others.
    pub redo: Option<RedoPosition>,
}

/// Progress of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Status.
    pub status: JobStatus,
    /// Phases.
    pub task: TaskMode,
    /// 0..=100 of the full phase; 100 for an increment-only job that runs.
    pub percent: u8,
    /// Rows of the full phase delivered.
    pub snapshot_rows: u64,
    /// Rows of the full phase in all, estimated.
    pub snapshot_rows_estimated: u64,
    /// Tables of the full phase in all.
    pub snapshot_tables: u64,
    /// Tables of the full phase finished.
    pub snapshot_tables_done: u64,
    /// How far the target is behind the source; `None` before the incremental phase. 0 if nothing is
    /// waiting.
    pub delay_ms: Option<u64>,
    /// Rows per second delivered; `None` if the job does not run.
    pub rows_rate: Option<f64>,
    /// Bytes per second delivered; `None` if the job does not run.
    pub bytes_rate: Option<f64>,
    /// Time since the first start, until now or until the job ended.
    pub elapsed_ms: Option<u64>,
    /// Time the full phase still needs at its present rate.
    pub remaining_ms: Option<u64>,
    /// Full phase begun, milliseconds of the Unix epoch.
    pub full_started_ms: Option<i64>,
    /// Full phase finished.
    pub full_completed_ms: Option<i64>,
    /// Incremental phase begun.
    pub incremental_started_ms: Option<i64>,
    /// Job created.
    pub created_ms: i64,
    /// Job ended.
    pub ended_ms: Option<i64>,
    /// Point of the log that is delivered.
    pub position: Option<LogPosition>,
}

/// State of the delivery, by Cloud Eye's `apply_current_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyState {
    /// 10: the job does not run or failed.
    Abnormal,
    /// 1: nothing is waiting.
    Idle,
    /// 2: rows are being delivered.
    Dml,
}

/// What a running job does right now. Totals are since the job's first start.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// A data path is running in this process.
    pub running: bool,
    /// The source answers.
    pub source_normal: bool,
    /// The target answers.
    pub target_normal: bool,
    /// See [`ApplyState`].
    pub apply_state: ApplyState,
    /// Delay of delivery; `None` before the incremental phase.
    pub delay_ms: Option<u64>,
    /// How long after its commit the newest change was read; `None` before the incremental phase and while no data path runs.
    pub read_delay_ms: Option<u64>,
    /// The part that reads the log rests, as it was told to.
    pub capture_rests: bool,
    /// The part that writes to the target rests, as it was told to.
    pub apply_rests: bool,
    /// SCN up to which the log was read, of a source that has them, while a data path runs.
    pub captured_scn: Option<u64>,
    /// Rows per second.
    pub rows_rate: f64,
    /// Source transactions per second.
    pub transactions_rate: f64,
    /// DDL statements per second.
    pub ddls_rate: f64,
    /// Bytes per second read from the source.
    pub bytes_in_rate: f64,
    /// Bytes per second delivered.
    pub bytes_out_rate: f64,
    /// Totals.
    pub totals: Totals,
    /// Point of the log that is delivered.
    pub position: Option<LogPosition>,
    /// Resident memory of this process, bytes.
    pub memory_bytes: u64,
    /// CPU of this process since the last look, percent of one core.
    pub cpu_percent: f64,
    /// When this was taken, milliseconds of the Unix epoch.
    pub at_ms: i64,
}

/// Totals of a job since its first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Rows of the full phase.
    pub snapshot_rows: u64,
    /// Rows of the full phase in all, estimated.
    pub snapshot_rows_estimated: u64,
    /// Tables of the full phase in all.
    pub snapshot_tables: u64,
    /// Tables of the full phase finished.
    pub snapshot_tables_done: u64,
    /// Inserts.
    pub inserts: u64,
    /// Updates.
    pub updates: u64,
    /// Deletes.
    pub deletes: u64,
    /// DDL statements.
    pub ddls: u64,
    /// Changes in the dead-letter topic.
    pub dead_letters: u64,
    /// Source transactions.
    pub transactions: u64,
    /// Messages.
    pub messages: u64,
    /// Bytes read from the source.
    pub bytes_in: u64,
    /// Bytes of messages.
    pub bytes_out: u64,
    /// Commit time of the newest delivered change, milliseconds of the Unix epoch; 0 if none.
    pub source_time_ms: i64,
    /// When it was delivered.
    pub durable_time_ms: i64,
}

/// Progress of one table in the full phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableProgress {
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    /// Rows delivered.
    pub rows: u64,
    /// Finished.
    pub done: bool,
}

/// One entry of a job's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// What was done.
    pub name: String,
    /// It worked.
    pub success: bool,
    /// When, milliseconds of the Unix epoch.
    pub at_ms: i64,
    /// Who; `system` for what a worker did by itself.
    pub user_name: String,
    /// Why it did not work, or what to know about it.
    pub detail: Option<String>,
}

/// Level of a log entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// `Info`
    Info,
    /// `Warn`
    Warn,
    /// `Error`
    Error,
}

impl LogLevel {
    /// Name in the store and for sorting.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Info, Self::Warn, Self::Error]
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name))
    }
}

/// One entry of a job's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When, milliseconds of the Unix epoch.
    pub at_ms: i64,
    /// Level.
    pub level: LogLevel,
    /// Text.
    pub message: String,
}

/// One DDL statement that went by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DdlEntry {
    /// Number in the job, from 1.
    pub seq: u64,
    /// Where in the log.
    pub position: String,
    /// Statement.
    pub statement: String,
    /// When it was recorded, milliseconds of the Unix epoch.
    pub at_ms: i64,
    /// When its alarm was cleared.
    pub cleared_ms: Option<i64>,
}

/// A parameter of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// Value in force at the next start.
    pub value: String,
    /// Default.
    pub default_value: String,
    /// Allowed values, as `min-max`.
    pub value_range: String,
    /// What it does.
    pub description: &'static str,
}

/// One change of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterChange {
    /// Name.
    pub name: String,
    /// Value before.
    pub old_value: String,
    /// Value after.
    pub new_value: String,
    /// When, milliseconds of the Unix epoch.
    pub at_ms: i64,
    /// Who.
    pub user_name: String,
}
