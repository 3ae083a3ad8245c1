//! Bounds of a job's data path, and what else is set by a number.

use std::time::Duration;

use super::TaskType;
use crate::run::Rate;

/// Bounds of one job. Every queue, buffer and batch of the data path has its limit here.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of encoded messages between encoder and sink.
    pub queue_bytes_max: usize,
    /// Bytes of encoded messages in one hand-over.
    pub batch_bytes_max: usize,
    /// Bytes of messages in one Kafka transaction before it is committed.
    pub transaction_bytes_max: usize,
    /// Age at which an open Kafka transaction is committed although more could follow.
    pub transaction_age_max: Duration,
    /// Bytes one log event may claim.
    pub event_bytes_max: usize,
    /// Parallel readers of the full phase.
    pub snapshot_readers: usize,
    /// How many of them may read one table at a time.
    pub table_readers_max: usize,
    /// Longest silence of the source behind a statement, such as one that reads a chunk, before the connection counts as
    /// lost.
    pub statement_silence_max: Duration,
    /// Longest silence of the source's log, which says every second that it is alive.
    pub log_silence_max: Duration,
    /// Requests with messages that one broker has to answer at a time, of a job with a full phase; 1..=5.
    pub snapshot_requests_max: u8,
    /// The same of a job that follows the log; one that has both phases has the larger of the two.
    pub stream_requests_max: u8,
    /// Rows in one chunk of the full phase.
    pub chunk_rows_max: u64,
    /// Share of one core's time, in percent, for which the full phase reads while others work on the source; 100 takes
    /// no notice of them.
    pub snapshot_share_percent_max: u32,
    /// Age at which the full phase renews its read view.
    pub snapshot_view_age_max: Duration,
    /// Keys remembered as changed while a read view was opened; more opens a new view.
    pub window_keys_max: usize,
    /// Rows that a source of Oracle hands out at a time in the full phase.
    pub copy_fetch_rows: u32,
    /// The same of what LogMiner tells.
    pub log_fetch_rows: u32,
    /// Sessions of LogMiner's that a job has at a time while it is behind.
    pub log_readers: usize,
    /// Most changes that a target database refuses and that are put aside; at the next the job stops. 0: it stops at the first.
    pub dirty_rows_max: u64,
    /// Rows in one piece of a table in the full phase of a job from Oracle; 0: a table is read at once by one reader; `None`: as
    /// [`chunk_rows_max`](Self::chunk_rows_max).
    pub shard_rows: Option<u64>,
    /// No two partitions of a table of Oracle's are read in one piece, so that several readers read one each.
    pub splits_partitions: bool,
    /// Rows of the full phase are inserted into a target database, which leaves rows alone that are there already, and not copied.
    pub inserts_rows: bool,
    /// Changes of the tables' definitions are passed over by a job to a database, whatever its policy says.
    pub skips_definitions: bool,
    /// Keys that an Oracle source's log does not tell are read from the source; without this such a change stops the job.
    pub reads_missing_keys: bool,
    /// Where an increment-only job from Oracle begins: commits at later SCNs are applied; 0: now.
    pub apply_start_scn: u64,
    /// SCN as of which a job from Oracle copies its rows, and behind which it applies commits; 0: the source's when it begins.
    pub full_scn: u64,
    /// From which SCN on a job that begins in the past reads the log, for transactions that were open there; 0: from
    /// `apply_start_scn` on, or `full_scn`.
    pub capture_start_scn: u64,
    /// Appliers of an increment into a database, 1 to 64: several divide transactions by the keys of their rows.
    pub appliers: usize,
    /// Rows per second over the whole job; `None` is unlimited.
    pub rows_per_second_max: Option<u64>,
    /// Bytes of messages per second of the whole job, full phase and stream.
    pub bytes_per_second_max: Option<u64>,
}

/// Rows that Oracle hands out at a time; DRS's default too.
const FETCH_ROWS: u32 = 1000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_bytes_max: 16 << 20,
            batch_bytes_max: 1 << 20,
            transaction_bytes_max: 16 << 20,
            transaction_age_max: Duration::from_millis(50),
            event_bytes_max: 1 << 30,
            snapshot_readers: 2,
            table_readers_max: 32,
            // A statement may sort or wait for a lock before its first row comes.
            statement_silence_max: Duration::from_secs(900),
            log_silence_max: Duration::from_secs(30),
            snapshot_requests_max: 5,
            stream_requests_max: 5,
            chunk_rows_max: 20_000,
            snapshot_share_percent_max: 30,
            snapshot_view_age_max: Duration::from_secs(600),
            window_keys_max: 200_000,
            copy_fetch_rows: FETCH_ROWS,
            log_fetch_rows: FETCH_ROWS,
            log_readers: 1,
            dirty_rows_max: 0,
            shard_rows: None,
            splits_partitions: true,
            inserts_rows: false,
            skips_definitions: false,
            reads_missing_keys: false,
            apply_start_scn: 0,
            full_scn: 0,
            capture_start_scn: 0,
            appliers: 1,
            rows_per_second_max: None,
            bytes_per_second_max: None,
        }
    }
}

impl Limits {
    /// Rows in one piece of a table of Oracle's; `None` if it is read at once.
    pub(crate) fn piece_rows(&self) -> Option<u64> {
        let rows = self.shard_rows.unwrap_or(self.chunk_rows_max.max(1));
        (rows > 0).then_some(rows)
    }

    /// The same for an increment alone of tables that begins where the source is.
    pub(crate) fn begun_now(&self) -> Self {
        Self { apply_start_scn: 0, full_scn: 0, capture_start_scn: 0, ..self.clone() }
    }

    /// The name and the SCN that a job was told to begin at.
    pub(crate) fn told_start(&self) -> Option<(&'static str, u64)> {
        let told = [("apply_start_scn", self.apply_start_scn), ("full_scn", self.full_scn)];
        told.into_iter().find(|(_, scn)| *scn > 0)
    }

    /// From which SCN on a job that begins at one of the past reads the log.
    pub(crate) fn captured_from(&self, start: u64) -> u64 {
        if self.capture_start_scn > 0 { self.capture_start_scn.min(start) } else { start }
    }

    /// The speed limits.
    pub(crate) fn rate(&self) -> Rate {
        Rate {
            rows_per_second: self.rows_per_second_max,
            bytes_per_second: self.bytes_per_second_max,
        }
    }

    /// Requests with messages that one broker has to answer at a time. More than five would lose their order when one is
    /// sent again (`max.in.flight.requests.per.connection` of Kafka's idempotent producer).
    pub(crate) fn requests_max(&self, task: TaskType) -> u8 {
        let (snapshot, stream) = (self.snapshot_requests_max, self.stream_requests_max);
        let wanted = match task {
            TaskType::Full => snapshot,
            TaskType::Incremental => stream,
            TaskType::FullIncremental => snapshot.max(stream),
        };
        wanted.clamp(1, 5)
    }
}
