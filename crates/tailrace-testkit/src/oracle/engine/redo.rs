//! The redo log: what was changed, in the order in which it was, in log files that are switched and archived.

use std::sync::Arc;

use super::column::ColumnDef;
use super::store::TableName;
use super::table::{Scn, Xid};
use super::time;
use crate::oracle::value::{DateTime, RowId, Value};

/// Bytes of a log file before it is switched.
const LOG_BYTES: u64 = 50 * 1024 * 1024;
/// Bytes of a block of the log.
const BLOCK_BYTES: u64 = 512;
/// Groups of online logs: so many of the newest files are online.
pub(super) const GROUPS: u32 = 3;

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
    /// Byte of the log file.
    pub(super) byte: u64,
    pub(super) what: What,
}

/// A log file.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) sequence: u32,
    pub(super) first_scn: Scn,
    /// Where the next one begins; none of the newest.
    pub(super) next_scn: Option<Scn>,
    pub(super) first_time: DateTime,
    pub(super) bytes: u64,
    pub(super) records: Vec<Record>,
    /// It was deleted from the archive.
    pub(super) is_deleted: bool,
}

impl Log {
    fn new(sequence: u32, first_scn: Scn) -> Self {
        let first_time = DateTime { nanos: 0, ..time::now() };
        let records = Vec::new();
        Self {
            sequence,
            first_scn,
            next_scn: None,
            first_time,
            bytes: 0,
            records,
            is_deleted: false,
        }
    }

    /// Name of its archived file.
    pub(super) fn archive_name(&self) -> String {
        format!("/arch/1_{}_1.arc", self.sequence)
    }

    /// Group of online logs in which it is, if it still is.
    pub(super) fn group(&self) -> u32 {
        self.sequence % GROUPS + 1
    }

    /// Name of the file of an online group.
    pub(super) fn online_name(&self) -> String {
        format!("/redo/redo{:02}.log", self.group())
    }
}

/// All log files, the oldest first.
#[derive(Debug)]
pub(super) struct Redo {
    pub(super) logs: Vec<Log>,
}

impl Redo {
    pub(super) fn new(scn: Scn) -> Self {
        Self { logs: vec![Log::new(1, scn)] }
    }

    /// Appends a record.
    pub(super) fn push(&mut self, scn: Scn, xid: Xid, start_scn: Scn, what: What) {
        if self.current().bytes > LOG_BYTES {
            self.switch(scn);
        }
        let log = self.current();
        let byte = log.bytes;
        log.bytes += size(&what).next_multiple_of(16);
        log.records.push(Record { scn, at: time::now(), xid, start_scn, byte, what });
    }

    /// Begins a new log file at this SCN.
    pub(super) fn switch(&mut self, scn: Scn) {
        let log = self.current();
        log.next_scn = Some(scn);
        let next = Log::new(log.sequence + 1, scn);
        self.logs.push(next);
    }

    /// Deletes archived files up to a sequence, which are not online any more.
    pub(super) fn delete_archived(&mut self, up_to: u32) {
        let newest = self.current().sequence;
        for log in &mut self.logs {
            if log.sequence <= up_to && log.sequence + GROUPS <= newest {
                log.is_deleted = true;
                log.records = Vec::new();
            }
        }
    }

    fn current(&mut self) -> &mut Log {
        self.logs.last_mut().expect("there is always one")
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
