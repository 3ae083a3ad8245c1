//! Where encoded messages go.

pub mod gaussdb;
pub mod kafka;
pub mod null;
pub mod registry;

use std::time::Duration;

use crate::batch::{Batch, Topic};
use crate::checkpoint::Checkpoint;
use crate::error::Result;

/// Topics by name, for routing. Shared by all encoders of a job.
pub trait TopicDirectory: Send + Sync {
    /// Finds a topic; with `create`, makes it with the job's partitions and replication factor if it
    /// is missing.
    ///
    /// # Errors
    /// `TargetTopic` if it is missing or cannot be made, `TargetConnection` if nobody answers.
    fn resolve(&self, name: &str, create: bool) -> Result<Topic>;

    /// Whether a topic is found or made already, so that [`TopicDirectory::resolve`] does not ask for it.
    fn knows(&self, name: &str) -> bool;

    /// Makes many topics at once, as far as they are missing. Others, and what cannot be had, are left to
    /// [`TopicDirectory::resolve`].
    fn prepare(&self, names: &[String]);

    /// Size of the largest message that a topic takes, bytes.
    ///
    /// # Errors
    /// `TargetPrivilege` if the account may not read it, `TargetConnection` if nobody answers.
    fn message_bytes_max(&self, name: &str) -> Result<u64>;

    /// The compacted topic of one partition that schema histories are kept in; made if it is missing.
    ///
    /// # Errors
    /// As [`TopicDirectory::resolve`].
    fn schema_history(&self) -> Result<Topic>;
}

/// A record of a job's schema history: its key and its newest value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRecord {
    /// Key, as it was written.
    pub key: Vec<u8>,
    /// Value, as it was written.
    pub value: Vec<u8>,
}

/// A target of messages. No method has a default: a sink that forgets one does not compile.
pub trait Sink: Send {
    /// Fences every older worker of this job and reads the last committed progress record.
    ///
    /// # Errors
    /// Connection and login errors of the target; `Checkpoint` if the record is damaged.
    fn recover(&mut self) -> Result<Option<Checkpoint>>;

    /// The job's schema history as it was at the checkpoint that [`Sink::recover`] gave, or newer; empty
    /// without one. To be called behind it, before anything is written.
    ///
    /// # Errors
    /// Connection and login errors of the target.
    fn schema_history(&mut self) -> Result<Vec<HistoryRecord>>;

    /// Takes a batch on. It counts as delivered only when a checkpoint that covers it comes back from
    /// [`Sink::durable`].
    ///
    /// # Errors
    /// `MessageTooLarge` with table and size, or the target's errors.
    fn write(&mut self, batch: Batch) -> Result<()>;

    /// Says that a commit follows in some milliseconds: whatever it needs besides what will have been written
    /// by then can be prepared.
    ///
    /// # Errors
    /// The target's errors, as with [`Sink::write`].
    fn expect_commit(&mut self) -> Result<()>;

    /// Says that everything written so far belongs with this checkpoint.
    ///
    /// # Errors
    /// The target's errors. After an error nothing written since the last durable checkpoint may be
    /// taken as delivered, and [`Sink::recover`] is to be called.
    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<()>;

    /// The newest checkpoint that has become durable since the last call, waiting up to `wait` for one.
    ///
    /// # Errors
    /// The target's errors, as with [`Sink::commit`].
    fn durable(&mut self, wait: Duration) -> Result<Option<Checkpoint>>;

    /// Removes the job's progress record and schema history from the target.
    ///
    /// # Errors
    /// The target's errors.
    fn forget(&mut self) -> Result<()>;
}
