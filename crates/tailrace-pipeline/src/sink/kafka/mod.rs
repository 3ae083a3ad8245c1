//! Apache Kafka: data and progress in one transaction, or by acknowledgement.
//!
//! Exactly once: `transactional.id` is derived from the job, so that [`Sink::recover`] fences every
//! older worker; each target transaction holds messages and the checkpoint behind them. Whether a
//! commit whose answer was lost took place is decided by the broker and read by the next `recover`,
//! never assumed here.

mod client;
pub mod probe;
mod progress;
mod topics;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

pub use self::topics::KafkaTopics;

use self::client::{Reports, client_config, delivery_error, kind_of};
use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Delivery, JobSpec};
use crate::sink::Sink;

/// Longest time a target transaction may stay open: a table without a key is delivered in one. It is the
/// brokers' own default for `transaction.max.timeout.ms`.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(900);
/// Longest time a message may wait for its acknowledgement, over restarts of brokers.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest time a coordinator call may take, over restarts of brokers.
const COORDINATOR_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of messages inside librdkafka; beyond that the producer waits.
const BUFFER_KIB_MAX: u32 = 32 << 10;
/// One poll while the last acknowledgements of a transaction come in. `flush` of the library polls in
/// slices of 100 ms, which every commit would have to wait for.
const DRAIN_POLL: Duration = Duration::from_micros(500);
/// One poll while librdkafka's buffer is full.
const FULL_POLL: Duration = Duration::from_millis(5);
/// Messages produced between two looks at acknowledgements.
const POLL_EVERY_MESSAGES: usize = 1000;

type TransactionalProducer = BaseProducer<Reports>;

/// A Kafka target.
pub struct KafkaSink {
    producer: TransactionalProducer,
    topics: Arc<KafkaTopics>,
    /// Topic names by id, as far as they were used.
    names: Vec<String>,
    delivery: Delivery,
    job_id: String,
    progress_topic: String,
    spec: JobSpec,
    epoch: u64,
    in_transaction: bool,
    /// Number of the batch being written.
    batch: usize,
    /// At least once: checkpoints in order, each with the last batch it covers.
    markers: VecDeque<(usize, Checkpoint)>,
    /// At least once: a progress record that is not acknowledged yet.
    recording: Option<(usize, Checkpoint)>,
    durable: Option<Checkpoint>,
}

impl KafkaSink {
    /// A sink for a job. Connects in the background; errors show in the first call.
    ///
    /// # Errors
    /// `Configuration` if the endpoint's settings are refused.
    pub fn open(spec: &JobSpec, epoch: u64) -> Result<(Self, Arc<KafkaTopics>)> {
        let topics = Arc::new(KafkaTopics::open(spec)?);
        let producer = producer_config(spec)?
            .create_with_context(Reports::default())
            .map_err(|e| {
                Error::new(ErrorKind::Configuration, format!("the Kafka settings are refused: {e}"))
            })?;
        let sink = Self {
            producer,
            topics: Arc::clone(&topics),
            names: Vec::new(),
            delivery: spec.policy.delivery,
            job_id: spec.job_id.clone(),
            progress_topic: spec.policy.progress_topic.clone(),
            spec: spec.clone(),
            epoch,
            in_transaction: false,
            batch: 0,
            markers: VecDeque::new(),
            recording: None,
            durable: None,
        };
        Ok((sink, topics))
    }

    fn is_exactly_once(&self) -> bool {
        self.delivery == Delivery::ExactlyOnce
    }

    fn reports(&self) -> &Reports {
        self.producer.context()
    }

    /// Fails if a message was not taken or the broker refuses the login.
    fn check(&self) -> Result<()> {
        match self.reports().take_failure().or_else(|| self.reports().refusal()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn begin(&mut self) -> Result<()> {
        if self.is_exactly_once() && !self.in_transaction {
            self.producer.begin_transaction().map_err(|e| transaction_error("begin", &e))?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn send(&self, topic: &str, partition: i32, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        let mut record = BaseRecord::with_opaque_to(topic, self.batch).partition(partition);
        if !key.is_empty() {
            record = record.key(key);
        }
        if let Some(value) = value {
            record = record.payload(value);
        }
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), same)) => {
                    self.producer.poll(FULL_POLL);
                    self.check()?;
                    record = same;
                }
                Err((error, _)) => {
                    return Err(delivery_error(&error, topic, key, value.map_or(0, <[u8]>::len)));
                }
            }
        }
    }

    fn send_progress(&mut self, value: Option<&[u8]>) -> Result<()> {
        self.batch += 1;
        self.reports().expect(self.batch, 1);
        let topic = self.progress_topic.clone();
        self.send(&topic, progress::PARTITION, self.job_id.as_bytes(), value)
    }

    /// Waits until everything is acknowledged.
    fn drain(&self) -> Result<()> {
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(DRAIN_POLL);
            self.check()?;
        }
        self.check()
    }

    fn commit_transaction(&mut self) -> Result<()> {
        let until = Instant::now() + DELIVERY_TIMEOUT;
        loop {
            match self.producer.commit_transaction(COORDINATOR_TIMEOUT) {
                Ok(()) => {
                    self.in_transaction = false;
                    return Ok(());
                }
                // Trying again asks for the outcome of the same commit.
                Err(KafkaError::Transaction(e)) if e.is_retriable() && Instant::now() < until => {}
                Err(e) => return Err(transaction_error("commit", &e)),
            }
        }
    }

    /// Drops the open transaction, if the broker can still be asked to; the next `recover` does so
    /// in any case.
    fn abort(&mut self) {
        if self.in_transaction
            && let Err(error) = self.producer.abort_transaction(COORDINATOR_TIMEOUT)
        {
            tracing::debug!(%error, "an open transaction is left to the next recovery");
        }
        self.in_transaction = false;
    }

    fn commit_exactly_once(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self.begin()?;
        let result = (|| {
            self.send_progress(Some(&checkpoint.to_bytes()?))?;
            self.drain()?;
            self.commit_transaction()
        })();
        match result {
            Ok(()) => {
                self.durable = Some(checkpoint.clone());
                Ok(())
            }
            Err(error) => {
                self.abort();
                Err(error)
            }
        }
    }

    /// At least once: records the newest checkpoint whose messages are all acknowledged, and reports one
    /// whose record is.
    fn advance_markers(&mut self) -> Result<()> {
        if let Some((batch, checkpoint)) = self.recording.take() {
            if !self.reports().is_acknowledged(batch) {
                self.recording = Some((batch, checkpoint));
                return Ok(());
            }
            self.durable = Some(checkpoint);
        }
        let mut newest = None;
        while let Some((batch, _)) = self.markers.front()
            && self.reports().acknowledged_through(*batch)
        {
            newest = self.markers.pop_front();
        }
        if let Some((_, checkpoint)) = newest {
            self.send_progress(Some(&checkpoint.to_bytes()?))?;
            self.recording = Some((self.batch, checkpoint));
        }
        Ok(())
    }

    /// Fences older workers.
    fn initialise(&mut self) -> Result<()> {
        if !self.is_exactly_once() {
            return Ok(());
        }
        let until = Instant::now() + COORDINATOR_TIMEOUT;
        loop {
            // Short calls, so that a refused login is seen before the long timeout.
            match self.producer.init_transactions(Duration::from_secs(5)) {
                Ok(()) => return Ok(()),
                Err(e) => {
                    self.producer.poll(Duration::ZERO);
                    self.check()?;
                    let retriable = matches!(&e, KafkaError::Transaction(t) if t.is_retriable());
                    if !retriable || Instant::now() > until {
                        return Err(transaction_error("init", &e));
                    }
                }
            }
        }
    }
}

fn producer_config(spec: &JobSpec) -> Result<ClientConfig> {
    let mut config = client_config(&spec.target)?;
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        // Batches fill up by themselves under load; without load a message waits this long for more.
        .set("linger.ms", "1")
        .set("batch.size", "1000000")
        .set("batch.num.messages", "100000")
        .set("queue.buffering.max.kbytes", BUFFER_KIB_MAX.to_string())
        .set("queue.buffering.max.messages", "1000000")
        // The broker's limit decides, so that its settings are the ones to raise.
        .set("message.max.bytes", "1000000000")
        .set("message.timeout.ms", DELIVERY_TIMEOUT.as_millis().to_string())
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.max.ms", "1000");
    if spec.policy.delivery == Delivery::ExactlyOnce {
        config
            .set("transactional.id", format!("tailrace-{}", spec.job_id))
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string());
    }
    Ok(config)
}

fn transaction_error(step: &str, error: &KafkaError) -> Error {
    let kind = match (kind_of(error), error) {
        (ErrorKind::Target, KafkaError::Transaction(e)) if e.is_retriable() => {
            ErrorKind::TargetConnection
        }
        (kind, _) => kind,
    };
    Error::new(kind, format!("Kafka transaction, {step}: {error}"))
}

impl Sink for KafkaSink {
    fn recover(&mut self) -> Result<Option<Checkpoint>> {
        progress::ensure_topic(&self.topics, &self.progress_topic)?;
        self.initialise()?;
        let record = progress::read(&self.spec, &self.job_id, &self.progress_topic)?;
        let checkpoint = record.as_deref().map(Checkpoint::from_bytes).transpose()?;
        if let Some(checkpoint) = &checkpoint
            && checkpoint.epoch > self.epoch
        {
            return Err(Error::new(
                ErrorKind::Fenced,
                format!(
                    "the progress record is of lease epoch {}, this worker has {}",
                    checkpoint.epoch, self.epoch
                ),
            ));
        }
        Ok(checkpoint)
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        if batch.messages.is_empty() {
            return Ok(());
        }
        self.begin()?;
        self.batch += 1;
        self.reports().expect(self.batch, batch.messages.len());
        for (n, message) in batch.messages.iter().enumerate() {
            let place = message.topic.0 as usize;
            if place >= self.names.len() {
                self.names.extend(self.topics.names_from(self.names.len()));
            }
            let topic = self.names.get(place).ok_or_else(|| {
                Error::new(ErrorKind::Bug, "a message for a topic that was never resolved")
            })?;
            let key = batch.data.get(message.key.clone()).unwrap_or_default();
            let value = batch.data.get(message.value.clone()).unwrap_or_default();
            self.send(topic, message.partition, key, Some(value))?;
            if n % POLL_EVERY_MESSAGES == 0 {
                self.producer.poll(Duration::ZERO);
            }
        }
        self.producer.poll(Duration::ZERO);
        self.check()
    }

    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        if self.is_exactly_once() {
            return self.commit_exactly_once(checkpoint);
        }
        self.markers.push_back((self.batch, checkpoint.clone()));
        self.producer.poll(Duration::ZERO);
        self.check()?;
        self.advance_markers()
    }

    fn durable(&mut self, wait: Duration) -> Result<Option<Checkpoint>> {
        if !self.is_exactly_once() {
            let until = Instant::now() + wait;
            loop {
                self.producer.poll(Duration::ZERO);
                self.check()?;
                self.advance_markers()?;
                let waiting = !self.markers.is_empty() || self.recording.is_some();
                if self.durable.is_some() || !waiting || Instant::now() >= until {
                    break;
                }
                self.producer.poll(DRAIN_POLL);
            }
        }
        Ok(self.durable.take())
    }

    fn forget(&mut self) -> Result<()> {
        progress::ensure_topic(&self.topics, &self.progress_topic)?;
        self.initialise()?;
        self.begin()?;
        self.send_progress(None)?;
        self.drain()?;
        if self.is_exactly_once() { self.commit_transaction() } else { Ok(()) }
    }
}

impl Drop for KafkaSink {
    fn drop(&mut self) {
        self.abort();
    }
}
