//! The only thing that flows from encoders to the sink: encoded messages and the step of progress
//! they stand for.

use std::ops::Range;

use crate::checkpoint::{OpenChunk, StreamPosition};

/// A topic that exists, by its place in the sink's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicId(pub u32);

/// A topic as routing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// Place in the sink's directory.
    pub id: TopicId,
    /// Number of partitions.
    pub partitions: i32,
}

/// One encoded message; ranges point into [`Batch::data`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Topic.
    pub topic: TopicId,
    /// Partition.
    pub partition: i32,
    /// Key bytes; empty means no key.
    pub key: Range<usize>,
    /// Value bytes; empty means none: a tombstone, with which a compacted topic forgets the key.
    pub value: Range<usize>,
    /// Headers; empty means none. `transform::headers` says how they lie.
    pub headers: Range<u32>,
}

/// The step of progress that a batch stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    /// Rows of a table that is delivered in one piece, because nothing tells where to go on inside it:
    /// no transaction may end before the `ChunkRows` or `Reread` step that says `done`.
    Piece {
        /// Database.
        database: String,
        /// Table.
        table: String,
    },
    /// The stream went from one point to the next.
    Stream {
        /// Must be where the checkpoint stands.
        from: StreamPosition,
        /// Where it stands afterwards.
        to: StreamPosition,
    },
    /// A read view was opened: the set of tables of the full phase begins or goes on.
    SnapshotBegin,
    /// A table of the full phase is begun.
    TableBegin {
        /// Database.
        database: String,
        /// Table.
        table: String,
    },
    /// A chunk was planned.
    ChunkPlanned {
        /// Database.
        database: String,
        /// Table.
        table: String,
        /// Its bounds.
        chunk: OpenChunk,
    },
    /// Rows of a chunk were delivered in key order.
    ChunkRows {
        /// Database.
        database: String,
        /// Table.
        table: String,
        /// Number of the chunk.
        chunk: u64,
        /// Must be where the chunk stands.
        from: Option<Vec<String>>,
        /// Last key in the batch; `None` keeps `from`.
        to: Option<Vec<String>>,
        /// No row of the chunk is left.
        done: bool,
    },
    /// Rows of a table that is read beside the stream were delivered in key order.
    Reread {
        /// Which re-reading.
        id: String,
        /// Database.
        database: String,
        /// Table.
        table: String,
        /// Must be where it stands.
        from: Option<Vec<String>>,
        /// Last key in the batch; `None` keeps `from`.
        to: Option<Vec<String>>,
        /// Nothing is left of the table.
        done: bool,
    },
    /// The full phase is finished.
    SnapshotComplete,
}

/// What a batch holds, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Rows of the full phase.
    pub snapshot_rows: u64,
    /// Inserted rows.
    pub inserts: u64,
    /// Updated rows.
    pub updates: u64,
    /// Deleted rows.
    pub deletes: u64,
    /// DDL statements.
    pub ddls: u64,
    /// Changes that went to the dead-letter topic, which count above too.
    pub dead_letters: u64,
    /// Source transactions that end in it.
    pub transactions: u64,
}

impl Counts {
    /// Adds another count to this one.
    pub fn add(&mut self, other: &Self) {
        self.snapshot_rows += other.snapshot_rows;
        self.inserts += other.inserts;
        self.updates += other.updates;
        self.deletes += other.deletes;
        self.ddls += other.ddls;
        self.dead_letters += other.dead_letters;
        self.transactions += other.transactions;
    }
}

/// Encoded messages with their step of progress.
#[derive(Debug)]
pub struct Batch {
    /// Keys and values of all messages.
    pub data: Vec<u8>,
    /// The messages in order.
    pub messages: Vec<Message>,
    /// Their step of progress.
    pub advance: Advance,
    /// Smallest id that no message up to and in this batch has.
    pub next_id: u64,
    /// What is in it, for progress and metrics.
    pub counts: Counts,
    /// Source commit time of the newest change in it, milliseconds of the Unix epoch; 0 if unknown.
    pub source_time_ms: i64,
    /// The batch ends a source transaction, so a Kafka transaction may end here too.
    pub ends_transaction: bool,
}

impl Batch {
    /// Bytes it counts for in every bound.
    pub fn bytes(&self) -> usize {
        self.data.len() + self.messages.len() * size_of::<Message>()
    }
}
