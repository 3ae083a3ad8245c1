//! The redo log: what was changed, in the order in which it was, in log files that are switched and archived.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::column::ColumnDef;
use super::store::TableName;
use super::table::{Scn, Xid};
use super::time;
use crate::oracle::value::{DateTime, RowId, Value};

/// Bytes of a log file before it is switched.
pub(super) const LOG_BYTES: u64 = 50 * 1024 * 1024;
/// Bytes of a block of the log.
pub(super) const BLOCK_BYTES: u64 = 512;
/// Groups of online logs of a thread: so many of its newest files are online.
pub(super) const GROUPS: u32 = 3;
/// Bytes of records that wait before the log writer writes them.
const BUFFER_BYTES: u64 = 1024 * 1024;
/// How long they wait at most. Oracle's log writer wakes every three seconds.
const WRITE_INTERVAL: Duration = Duration::from_millis(100);

/// What a record says.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// A transaction begins.
    Start,
    /// It ends and stays.
    Commit,
    /// It ends and was taken back.
    RolledBack,
    /// A row changes.
    Change(Change),
    /// A table is defined in another way.
    Definition { table: TableName, object: u32, sql: String },
}

/// A row's values before and behind a change.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) table: TableName,
    pub(super) object: u32,
    pub(super) data_object: u32,
    /// Columns as they were then.
    pub(super) columns: Arc<Vec<ColumnDef>>,
    /// Numbers of the columns whose old values are in the log, whether they change or not.
    pub(super) logged: Arc<Vec<usize>>,
    pub(super) row: RowId,
    pub(super) before: Option<Vec<Value>>,
    pub(super) after: Option<Vec<Value>>,
    /// It takes another one back.
    pub(super) is_undo: bool,
}

/// A record with its place.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) scn: Scn,
    pub(super) at: DateTime,
    pub(super) xid: Xid,
    /// SCN at which its transaction began.
    pub(super) start_scn: Scn,
    /// Number of the container whose change it is.
    pub(super) container: u16,
    /// Byte of the log file.
    pub(super) byte: u64,
    pub(super) what: What,
}

/// A log file.
#[derive(Debug)]
pub(super) struct Log {
    /// Number of its thread, from 1.
    pub(super) thread: u16,
    pub(super) sequence: u32,
    pub(super) first_scn: Scn,
    /// Where the next one begins; none of the newest.
    pub(super) next_scn: Option<Scn>,
    pub(super) first_time: DateTime,
    pub(super) bytes: u64,
    records: Vec<Record>,
    /// How many of the records are in the file; the others are in the log writer's buffer.
    written: usize,
    /// It was deleted from the archive.
    pub(super) is_deleted: bool,
}

impl Log {
    fn new(thread: u16, sequence: u32, first_scn: Scn) -> Self {
        Self {
            thread,
            sequence,
            first_scn,
            next_scn: None,
            first_time: DateTime { nanos: 0, ..time::now() },
            bytes: 0,
            records: Vec::new(),
            written: 0,
            is_deleted: false,
        }
    }

    /// What is in the file.
    pub(super) fn records(&self) -> &[Record] {
        &self.records[..self.written]
    }

    /// Name of its archived file.
    pub(super) fn archive_name(&self) -> String {
        format!("/arch/{}_{}_1.arc", self.thread, self.sequence)
    }

    /// Group of online logs in which it is, if it still is.
    pub(super) fn group(&self) -> u32 {
        u32::from(self.thread - 1) * GROUPS + self.sequence % GROUPS + 1
    }

    /// Name of the file of an online group.
    pub(super) fn online_name(&self) -> String {
        format!("/redo/redo{:02}.log", self.group())
    }
}

/// The log of one instance.
#[derive(Debug)]
pub(super) struct Thread {
    /// Its log files, the oldest first.
    pub(super) logs: Vec<Log>,
    /// Its instance is not running.
    pub(super) is_closed: bool,
    /// Its groups of online logs are dropped: the archive alone knows it.
    pub(super) is_dropped: bool,
    /// SCN of what was written last.
    pub(super) written_scn: Scn,
    /// SCN at which it was enabled.
    pub(super) enabled_scn: Scn,
    written_at: Instant,
    /// Bytes in the buffer.
    waiting_bytes: u64,
    /// The log writer writes only what it has to.
    is_held: bool,
}

impl Thread {
    fn new(number: u16, scn: Scn) -> Self {
        Self {
            logs: vec![Log::new(number, 1, scn)],
            is_closed: false,
            is_dropped: false,
            written_scn: scn,
            enabled_scn: scn,
            written_at: Instant::now(),
            waiting_bytes: 0,
            is_held: false,
        }
    }

    /// The log that is written to, or was the last one.
    pub(super) fn current(&self) -> &Log {
        self.logs.last().expect("there is always one")
    }

    fn current_mut(&mut self) -> &mut Log {
        self.logs.last_mut().expect("there is always one")
    }

    /// Writes the buffer.
    fn write(&mut self, scn: Scn) {
        let log = self.current_mut();
        log.written = log.records.len();
        (self.written_scn, self.written_at, self.waiting_bytes) = (scn, Instant::now(), 0);
    }

    /// Begins a new log file.
    fn switch(&mut self, scn: Scn) {
        self.write(scn);
        let log = self.current_mut();
        log.next_scn.get_or_insert(scn);
        let next = Log::new(log.thread, log.sequence + 1, scn);
        self.logs.push(next);
    }
}

/// The logs of all instances.
#[derive(Debug)]
pub(super) struct Redo {
    pub(super) threads: Vec<Thread>,
    /// Whose session holds the database.
    current: usize,
}

impl Redo {
    pub(super) fn new(scn: Scn, instances: u16) -> Self {
        let threads = (1..=instances.max(1)).map(|number| Thread::new(number, scn)).collect();
        Self { threads, current: 0 }
    }

    /// What comes now is of a session of this instance.
    pub(super) fn enter(&mut self, instance: u16) {
        self.current = usize::from(instance);
    }

    /// Number of the instance whose session holds the database, from 0.
    pub(super) fn instance(&self) -> u16 {
        u16::try_from(self.current).unwrap_or(u16::MAX)
    }

    /// All log files.
    pub(super) fn logs(&self) -> impl DoubleEndedIterator<Item = &Log> + Clone {
        self.threads.iter().flat_map(|thread| &thread.logs)
    }

    /// Appends a record. Whoever commits waits until it is in the file.
    pub(super) fn push(
        &mut self,
        (scn, container): (Scn, u16),
        xid: Xid,
        start_scn: Scn,
        what: What,
    ) {
        // What is still under way in an instance that ends is the first one's to log.
        let at = if self.threads[self.current].is_closed { 0 } else { self.current };
        let thread = &mut self.threads[at];
        if thread.current().bytes > LOG_BYTES {
            thread.switch(scn);
        }
        let is_commit = matches!(what, What::Commit);
        let size = size(&what).next_multiple_of(16);
        thread.waiting_bytes += size;
        let log = thread.current_mut();
        let byte = log.bytes;
        log.bytes += size;
        log.records.push(Record { scn, at: time::now(), xid, start_scn, container, byte, what });
        if is_commit || thread.waiting_bytes > BUFFER_BYTES {
            thread.write(scn);
        }
    }

    /// Log writers whose time has come write, and with it that they live.
    pub(super) fn tick(&mut self, scn: &mut Scn) {
        for thread in &mut self.threads {
            let is_due = thread.written_at.elapsed() >= WRITE_INTERVAL;
            if is_due && !thread.is_held && !thread.is_closed {
                *scn += 1;
                thread.write(*scn);
            }
        }
    }

    /// A log writer writes only what it has to from here on, or again all.
    pub(super) fn hold(&mut self, instance: u16, is_held: bool) {
        self.threads[usize::from(instance)].is_held = is_held;
    }

    /// An instance ends.
    pub(super) fn close(&mut self, instance: u16, scn: Scn) {
        let thread = &mut self.threads[usize::from(instance)];
        thread.write(scn);
        thread.current_mut().next_scn = Some(scn);
        thread.is_closed = true;
    }

    /// An instance is there again.
    pub(super) fn open(&mut self, instance: u16, scn: Scn) {
        let thread = &mut self.threads[usize::from(instance)];
        thread.switch(scn);
        thread.is_closed = false;
    }

    /// The online logs of an instance that has ended are dropped.
    pub(super) fn drop_thread(&mut self, instance: u16) {
        self.threads[usize::from(instance)].is_dropped = true;
    }

    /// Begins a new log file at this SCN.
    pub(super) fn switch(&mut self, scn: Scn) {
        self.threads[self.current].switch(scn);
    }

    /// Deletes archived files up to a sequence, which are not online any more.
    pub(super) fn delete_archived(&mut self, up_to: u32) {
        for thread in &mut self.threads {
            let newest = thread.current().sequence;
            for log in &mut thread.logs {
                if log.sequence <= up_to && log.sequence + GROUPS <= newest {
                    log.is_deleted = true;
                    (log.records, log.written) = (Vec::new(), 0);
                }
            }
        }
    }
}

impl Record {
    /// `RS_ID`: log file, block and offset, in hexadecimal digits.
    pub(super) fn rs_id(&self, sequence: u32) -> String {
        let (block, offset) = (self.byte / BLOCK_BYTES, self.byte % BLOCK_BYTES);
        format!(" 0x{sequence:06x}.{block:08x}.{offset:04x} ")
    }
}

/// About how many bytes a record has.
fn size(what: &What) -> u64 {
    let row = |row: &Option<Vec<Value>>| {
        let values = row.iter().flatten();
        values
            .map(|value| match value {
                Value::Text(text) => text.len() as u64,
                Value::Bytes(bytes) => bytes.len() as u64,
                _ => 12,
            })
            .sum::<u64>()
    };
    match what {
        What::Change(change) => 150 + row(&change.before) + row(&change.after),
        What::Definition { sql, .. } => 100 + sql.len() as u64,
        _ => 60,
    }
}
