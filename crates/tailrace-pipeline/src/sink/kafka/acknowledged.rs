//! At least once: an idempotent producer, and progress that follows the acknowledgements.
//!
//! A checkpoint is recorded when every message it covers is acknowledged, and reported when its record
//! is. A worker that dies in between repeats messages and loses none.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;

use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::error::Result;
use crate::sink::kafka::deliveries::BatchNumber;
use crate::sink::kafka::patience::Patience;
use crate::sink::kafka::producer::{Leave, Producer};
use crate::sink::kafka::progress::ProgressTopic;
use crate::sink::kafka::topics::KafkaTopics;

/// Checkpoints that wait for acknowledgements. More are merged: the newest stands for those before it.
const MARKERS_MAX: usize = 64;

/// A checkpoint and the last batch that it covers.
type Marker = (BatchNumber, Checkpoint);

/// A producer whose messages become durable one by one.
pub(crate) struct Acknowledged {
    producer: Producer,
    /// The last batch written.
    written: BatchNumber,
    /// Checkpoints in order that are not recorded yet.
    markers: VecDeque<Marker>,
    /// The record that is under way.
    recording: Option<Marker>,
    durable: Option<Checkpoint>,
}

impl Acknowledged {
    pub(crate) fn open(config: ClientConfig, topics: Arc<KafkaTopics>) -> Result<Self> {
        Ok(Self {
            producer: Producer::open(config, topics, Leave::AtOnce)?,
            written: 0,
            markers: VecDeque::new(),
            recording: None,
            durable: None,
        })
    }

    /// Puts a batch on its way.
    ///
    /// # Errors
    /// Those of [`Producer::write`].
    pub(crate) fn write(&mut self, batch: Batch, patience: &mut Patience) -> Result<()> {
        self.written = self.producer.write(batch, patience)?;
        Ok(())
    }

    /// Remembers that a checkpoint covers all that is written.
    ///
    /// # Errors
    /// Those of messages that failed.
    pub(crate) fn commit(
        &mut self,
        checkpoint: &Checkpoint,
        progress: &ProgressTopic,
        patience: &mut Patience,
    ) -> Result<()> {
        let same = self.markers.back().is_some_and(|(batch, _)| *batch == self.written);
        if same || self.markers.len() >= MARKERS_MAX {
            self.markers.pop_back();
        }
        self.markers.push_back((self.written, checkpoint.clone()));
        self.advance(progress, patience)
    }

    /// The newest checkpoint whose record is acknowledged, waiting for one up to `wait`.
    ///
    /// # Errors
    /// Those of messages that failed.
    pub(crate) fn durable(
        &mut self,
        wait: Duration,
        progress: &ProgressTopic,
        patience: &mut Patience,
    ) -> Result<Option<Checkpoint>> {
        let until = Instant::now() + wait;
        loop {
            self.advance(progress, patience)?;
            let is_waiting = self.recording.is_some() || !self.markers.is_empty();
            if self.durable.is_some() || !is_waiting || Instant::now() >= until {
                return Ok(self.durable.take());
            }
            self.producer.serve_or_pause();
        }
    }

    fn advance(&mut self, progress: &ProgressTopic, patience: &mut Patience) -> Result<()> {
        self.producer.serve();
        self.producer.check()?;
        if let Some((batch, checkpoint)) = self.recording.take() {
            if !self.producer.ledger().acknowledged_through(batch) {
                self.recording = Some((batch, checkpoint));
                return Ok(());
            }
            self.durable = Some(checkpoint);
        }
        let mut newest = None;
        while let Some((batch, _)) = self.markers.front()
            && self.producer.ledger().acknowledged_through(*batch)
        {
            newest = self.markers.pop_front();
        }
        let Some((_, checkpoint)) = newest else { return Ok(()) };
        let batch = self.record(progress, Some(&checkpoint.to_bytes()?), patience)?;
        self.recording = Some((batch, checkpoint));
        Ok(())
    }

    fn record(
        &mut self,
        progress: &ProgressTopic,
        value: Option<&[u8]>,
        patience: &mut Patience,
    ) -> Result<BatchNumber> {
        let (partition, key) = (ProgressTopic::PARTITION, progress.key());
        self.producer.record(progress.name(), partition, key, value, patience)
    }

    /// Puts tombstones for records of a topic on their way.
    ///
    /// # Errors
    /// Those of the records.
    pub(crate) fn remove<'k>(
        &mut self,
        topic: &ProgressTopic,
        keys: impl Iterator<Item = &'k Vec<u8>>,
        patience: &mut Patience,
    ) -> Result<()> {
        for key in keys {
            self.producer.record(topic.name(), ProgressTopic::PARTITION, key, None, patience)?;
        }
        Ok(())
    }

    /// Removes the progress record and waits until that is acknowledged.
    ///
    /// # Errors
    /// Those of the record.
    pub(crate) fn forget(
        &mut self,
        progress: &ProgressTopic,
        patience: &mut Patience,
    ) -> Result<()> {
        self.record(progress, None, patience)?;
        self.producer.drain(patience)
    }
}
