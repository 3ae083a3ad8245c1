//! A sink that counts and drops, for measuring everything before the sink.

use std::sync::Arc;
use std::time::Duration;

use crate::batch::{Batch, Topic, TopicId};
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::sink::{HistoryRecord, Sink, TopicDirectory};

/// Partitions that every topic of the null sink claims to have.
const PARTITIONS: i32 = 8;

/// Takes everything and keeps nothing.
#[derive(Debug, Default)]
pub struct NullSink {
    durable: Option<Checkpoint>,
    messages: u64,
    bytes: u64,
}

/// Topics of the null sink: every name exists.
#[derive(Debug, Default)]
pub struct NullTopics;

impl NullSink {
    /// A sink and its topics.
    pub fn open() -> (Self, Arc<NullTopics>) {
        (Self::default(), Arc::new(NullTopics))
    }
}

impl TopicDirectory for NullTopics {
    fn knows(&self, _name: &str) -> bool {
        true
    }

    fn prepare(&self, _names: &[String]) {}

    fn resolve(&self, _name: &str, _create: bool) -> Result<Topic> {
        Ok(Topic { id: TopicId(0), partitions: PARTITIONS })
    }

    fn message_bytes_max(&self, _name: &str) -> Result<u64> {
        Ok(u64::MAX)
    }

    fn schema_history(&self) -> Result<Topic> {
        Ok(Topic { id: TopicId(0), partitions: 1 })
    }
}

impl Sink for NullSink {
    fn recover(&mut self) -> Result<Option<Checkpoint>> {
        Ok(None)
    }

    fn schema_history(&mut self) -> Result<Vec<HistoryRecord>> {
        Ok(Vec::new())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        self.messages += batch.messages.len() as u64;
        self.bytes += batch.data.len() as u64;
        Ok(())
    }

    fn expect_commit(&mut self) -> Result<()> {
        Ok(())
    }

    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self.durable = Some(checkpoint.clone());
        Ok(())
    }

    fn durable(&mut self, _wait: Duration) -> Result<Option<Checkpoint>> {
        Ok(self.durable.take())
    }

    fn forget(&mut self) -> Result<()> {
        Ok(())
    }
}
