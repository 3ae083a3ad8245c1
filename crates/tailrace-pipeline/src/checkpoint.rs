//! How far a job is, as one record that is written in the same transaction as the data it covers.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// Version of the record's form; a record of a newer version is refused, never guessed at.
pub const CHECKPOINT_VERSION: u16 = 1;

/// A distributed transaction that is prepared and neither committed nor rolled back: its changes lie
/// before the position and are not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedTransaction {
    /// XID as the log writes it: `X'<gtrid>',X'<bqual>',<format>`, the parts in hex.
    pub xid: String,
    /// GTID of the transaction that prepared it, where the source has GTIDs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtid: Option<String>,
    /// Binlog file in which that transaction begins.
    pub file: String,
    /// Offset at which it begins.
    pub offset: u64,
    /// What is known of its changes.
    pub changes: PreparedChanges,
}

/// What is known of the changes of a prepared transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PreparedChanges {
    /// Some are of selected tables: they are read again when it is committed.
    Selected,
    /// None is of a selected table.
    None,
    /// It was prepared before the job began and ended before the full phase's first view, which holds
    /// what it did.
    InFullPhase,
}

/// A point of the source's log: everything before it is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct StreamPosition {
    /// Executed GTID set in text form, where the source has GTIDs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtid_set: Option<String>,
    /// Binlog file name.
    pub file: String,
    /// Offset at which the next transaction begins.
    pub offset: u64,
    /// `server_uuid` of the server whose log everything before file and offset was read from, or left out
    /// because of the set. Without it they only tell roughly where the set ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_uuid: Option<String>,
    /// Messages of the transaction that begins here which are delivered already: it was larger than
    /// one Kafka transaction may be.
    #[serde(default)]
    pub messages_done: u64,
    /// Distributed transactions that are prepared here and not ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prepared: Vec<PreparedTransaction>,
}

/// A chunk of a table whose rows are being delivered: keys after `after` up to and with `to`.
/// Keys are lists of SQL literals in key order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenChunk {
    /// Number of the chunk in its table, from 0.
    pub chunk: u64,
    /// Last key delivered (exclusive lower bound of what remains); `None` before the first row.
    pub after: Option<Vec<String>>,
    /// Last key of the chunk (inclusive); `None` is the end of the table.
    pub to: Option<Vec<String>>,
}

/// A table of the full phase that is begun and not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTable {
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    /// Number of the next chunk to plan.
    pub next_chunk: u64,
    /// All keys up to this one are planned; `None` before the first plan.
    pub planned_to: Option<Vec<String>>,
    /// The last chunk is planned.
    pub planned_all: bool,
    /// Planned and not finished.
    pub open: Vec<OpenChunk>,
    /// Rows delivered.
    pub rows: u64,
}

/// State of the full phase. Tables are read in the order of `(database, table)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum SnapshotProgress {
    /// Not begun.
    #[default]
    NotStarted,
    /// Under way.
    Running {
        /// Every table up to this one that is not in `open` is finished.
        started_through: Option<(String, String)>,
        /// Begun and not finished.
        open: Vec<OpenTable>,
        /// Tables finished.
        tables_done: u64,
    },
    /// Finished, or not part of the task.
    Complete,
}

/// How far a re-reading beside the stream is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RereadProgress {
    /// Which one.
    pub id: String,
    /// Last key delivered; `None` before the first row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<String>>,
    /// Rows delivered.
    pub rows: u64,
    /// Nothing is left of it.
    pub done: bool,
}

/// How far a job is that reads Oracle's redo, in SCNs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedoPosition {
    /// Where the increment began.
    pub begun: u64,
    /// Up to here the log was read.
    pub read: u64,
    /// Commits up to here are applied.
    pub applied: u64,
}

/// One progress record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Form of the record.
    pub version: u16,
    /// Lease epoch of the worker that wrote it.
    pub epoch: u64,
    /// The number of the next message: every message with a smaller one is delivered or never was.
    pub next_id: u64,
    /// What a message's `id` is greater by than its number. Grows at each start in the midst of a full
    /// phase that may repeat messages: its readers count in no fixed order, so a number given before
    /// may now be another row's.
    #[serde(default)]
    pub id_offset: u64,
    /// Where the stream goes on; `None` before the first read view.
    pub stream: Option<StreamPosition>,
    /// Full phase.
    pub snapshot: SnapshotProgress,
    /// What is read beside the stream, begun or done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rereads: Vec<RereadProgress>,
    /// Of a job that reads Oracle's redo: how far it is. Its own record is at its target; this is what others see of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redo: Option<RedoPosition>,
}

impl Checkpoint {
    /// The record of a job that has delivered nothing.
    pub fn initial(epoch: u64) -> Self {
        Self {
            version: CHECKPOINT_VERSION,
            epoch,
            next_id: 1,
            id_offset: 0,
            stream: None,
            snapshot: SnapshotProgress::NotStarted,
            rereads: Vec::new(),
            redo: None,
        }
    }

    /// The record's bytes: JSON, so that an operator can read it with a console consumer.
    ///
    /// # Errors
    /// [`ErrorKind::Bug`]; the types here always serialise.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self)
            .map_err(|e| Error::new(ErrorKind::Bug, "a checkpoint cannot be written").caused_by(e))
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`ErrorKind::Checkpoint`] if it is damaged or of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let checkpoint: Self = serde_json::from_slice(bytes).map_err(|e| {
            Error::new(ErrorKind::Checkpoint, format!("the progress record cannot be read: {e}"))
        })?;
        if checkpoint.version > CHECKPOINT_VERSION {
            return Err(Error::new(
                ErrorKind::Checkpoint,
                format!(
                    "the progress record has version {}, this Tailrace reads up to {CHECKPOINT_VERSION}",
                    checkpoint.version
                ),
            ));
        }
        Ok(checkpoint)
    }
}
