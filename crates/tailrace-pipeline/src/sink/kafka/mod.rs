//! Apache Kafka: data and progress in one transaction, or by acknowledgement.
//!
//! [`Sink::recover`] always begins with a new producer, so that it is the answer to every error,
//! those included after which librdkafka's producer is of no more use.

mod acknowledged;
mod admin;
mod closing;
mod deliveries;
mod fault;
mod flusher;
pub mod keystore;
mod lanes;
mod lingering;
pub(crate) mod login;
pub(crate) mod lookup;
mod origin;
pub(crate) mod patience;
pub mod probe;
mod producer;
pub(crate) mod progress;
pub(crate) mod progress_consumers;
pub(crate) mod progress_reader;
mod raw_produce;
mod security;
pub(crate) mod topic_reader;
mod topics;
mod transaction;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use self::topics::KafkaTopics;

use self::acknowledged::Acknowledged;
use self::lanes::Lanes;
use self::patience::Patience;
use self::producer::producer_config;
use self::progress::ProgressTopic;
use self::progress_consumers::ProgressConsumers;
use self::progress_reader::ProgressReader;
use crate::batch::Batch;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Compression, Delivery, JobSpec, KafkaEndpoint};
use crate::run::StopSignal;
use crate::schema_history::key_prefix;
use crate::sink::{HistoryRecord, Sink};

/// A Kafka target.
pub struct KafkaSink {
    endpoint: KafkaEndpoint,
    job_id: String,
    epoch: u64,
    delivery: Delivery,
    compression: Compression,
    requests_max: u8,
    topics: Arc<KafkaTopics>,
    progress: ProgressTopic,
    history: ProgressTopic,
    patience: Patience,
    mode: Mode,
    /// Between a recovery and the reading of the schema history.
    consumers: Option<ProgressConsumers>,
    /// Exactly once: a checkpoint that was committed and not yet told.
    durable: Option<Checkpoint>,
    /// Exactly once: the record that was committed last in this life.
    last: Option<Vec<u8>>,
}

/// The producer of one life between two recoveries.
enum Mode {
    /// None yet, or none any more after an error.
    Closed,
    ExactlyOnce(Box<Lanes>),
    AtLeastOnce(Box<Acknowledged>),
}

impl KafkaSink {
    /// A sink for a job, and the directory of its topics. Connects in the background; whether the
    /// target answers shows in the first call.
    ///
    /// # Errors
    /// `Configuration` if the endpoint's settings are not possible.
    pub fn open(spec: &JobSpec, epoch: u64) -> Result<(Self, Arc<KafkaTopics>)> {
        let topics = Arc::new(KafkaTopics::open(spec)?);
        let sink = Self {
            endpoint: spec.target.clone(),
            job_id: spec.job_id.clone(),
            epoch,
            delivery: spec.policy.delivery,
            compression: spec.policy.compression,
            requests_max: spec.limits.requests_max(spec.task),
            topics: Arc::clone(&topics),
            progress: ProgressTopic::new(&spec.policy.progress_topic, &spec.job_id),
            history: ProgressTopic::of_history(&spec.policy.progress_topic, &spec.job_id),
            patience: Patience::default(),
            mode: Mode::Closed,
            consumers: None,
            durable: None,
            last: None,
        };
        Ok((sink, topics))
    }

    /// Lets calls that wait for a target which is down end some seconds after the job is asked to stop.
    #[must_use]
    pub fn stopped_by(mut self, stop: StopSignal) -> Self {
        self.patience = Patience::new(stop);
        self
    }

    /// A new producer; with `ExactlyOnce` the only one of its job from now on.
    fn start(&mut self) -> Result<()> {
        self.mode = Mode::Closed;
        (self.durable, self.last) = (None, None);
        let config = producer_config(
            &self.endpoint,
            self.topics.batch_bytes(),
            self.compression,
            self.requests_max,
        )?;
        let topics = Arc::clone(&self.topics);
        self.mode = match self.delivery {
            Delivery::ExactlyOnce => Mode::ExactlyOnce(Box::new(Lanes::open(
                &config,
                &topics,
                (&self.job_id, self.progress.name()),
                &mut self.patience,
            )?)),
            Delivery::AtLeastOnce => {
                Mode::AtLeastOnce(Box::new(Acknowledged::open(config, topics)?))
            }
        };
        Ok(())
    }

    /// The checkpoint in a record, which must not be of a newer worker.
    fn checkpoint(&self, record: Option<Vec<u8>>) -> Result<Option<Checkpoint>> {
        let Some(record) = record else { return Ok(None) };
        let checkpoint = Checkpoint::from_bytes(&record)?;
        if checkpoint.epoch > self.epoch {
            return Err(Error::new(
                ErrorKind::Fenced,
                format!(
                    "the progress record of job {} is of lease epoch {}, this worker has {}",
                    self.job_id, checkpoint.epoch, self.epoch
                ),
            ));
        }
        Ok(Some(checkpoint))
    }

    fn recover_once(&mut self) -> Result<Option<Checkpoint>> {
        self.mode = Mode::Closed;
        let (topics, progress) = (Arc::clone(&self.topics), self.progress.clone());
        progress.ensure(&topics)?;
        tracing::debug!("start: the progress topic is there");
        let consumers = ProgressConsumers::open(&self.endpoint)?;
        let mut reader = ProgressReader::new(&consumers, &progress, topics.lookup());
        // A worker whose lease is over must not fence the one that has it now.
        let seen = reader.glance(&mut self.patience)?;
        self.checkpoint(seen)?;
        tracing::debug!("start: the progress record is read once");
        self.start()?;
        tracing::debug!("start: older workers are fenced");
        let last = reader.last(&mut self.patience)?;
        self.consumers = Some(consumers);
        self.checkpoint(last)
    }

    /// Keys and values of the job's schema history. The topic is made when a job needs it.
    fn read_history(&mut self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
        if self.topics.partitions_of(self.history.name())?.is_none() {
            if let Some(consumers) = self.consumers.take() {
                consumers.close();
            }
            return Ok(BTreeMap::new());
        }
        let consumers = match self.consumers.take() {
            Some(consumers) => consumers,
            None => ProgressConsumers::open(&self.endpoint)?,
        };
        let records = ProgressReader::new(&consumers, &self.history, self.topics.lookup())
            .all(&key_prefix(&self.job_id), &mut self.patience);
        consumers.close();
        records
    }

    /// Runs a call on the producer; after an error there is none any more.
    fn call<T>(
        &mut self,
        run: impl FnOnce(&mut Mode, &ProgressTopic, &mut Patience) -> Result<T>,
    ) -> Result<T> {
        let result = run(&mut self.mode, &self.progress, &mut self.patience);
        if let Err(error) = &result {
            self.give_up(error.kind());
        }
        result
    }

    fn give_up(&mut self, error: ErrorKind) {
        if let Mode::ExactlyOnce(producer) = std::mem::replace(&mut self.mode, Mode::Closed) {
            producer.abandon(error);
        }
    }
}

fn not_recovered<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Bug, "the sink is used before it has recovered"))
}

impl Sink for KafkaSink {
    fn recover(&mut self) -> Result<Option<Checkpoint>> {
        let recovered = self.recover_once();
        if recovered.is_err() {
            self.mode = Mode::Closed;
        }
        recovered
    }

    fn schema_history(&mut self) -> Result<Vec<HistoryRecord>> {
        let records = self.read_history()?;
        Ok(records.into_iter().map(|(key, value)| HistoryRecord { key, value }).collect())
    }

    fn write(&mut self, batch: Batch) -> Result<()> {
        if batch.messages.is_empty() {
            return Ok(());
        }
        self.call(|mode, _, patience| match mode {
            Mode::Closed => not_recovered(),
            Mode::ExactlyOnce(producer) => producer.write(batch, patience),
            Mode::AtLeastOnce(producer) => producer.write(batch, patience),
        })
    }

    fn expect_commit(&mut self) -> Result<()> {
        let Some(last) = self.last.clone() else { return Ok(()) };
        self.call(|mode, progress, patience| match mode {
            Mode::ExactlyOnce(producer) => producer.expect_commit(progress, &last, patience),
            Mode::Closed | Mode::AtLeastOnce(_) => Ok(()),
        })
    }

    fn commit(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let committed = self.call(|mode, progress, patience| match mode {
            Mode::Closed => not_recovered(),
            Mode::ExactlyOnce(producer) => {
                let record = checkpoint.to_bytes()?;
                producer.commit(progress, Some(&record), patience)?;
                Ok(Some((checkpoint.clone(), record)))
            }
            Mode::AtLeastOnce(producer) => {
                producer.commit(checkpoint, progress, patience).map(|()| None)
            }
        })?;
        if let Some((checkpoint, record)) = committed {
            (self.durable, self.last) = (Some(checkpoint), Some(record));
        }
        Ok(())
    }

    fn durable(&mut self, wait: Duration) -> Result<Option<Checkpoint>> {
        if let Some(checkpoint) = self.durable.take() {
            return Ok(Some(checkpoint));
        }
        self.topics.rest();
        self.call(|mode, progress, patience| match mode {
            Mode::Closed => not_recovered(),
            Mode::ExactlyOnce(_) => Ok(None),
            Mode::AtLeastOnce(producer) => producer.durable(wait, progress, patience),
        })
    }

    fn forget(&mut self) -> Result<()> {
        self.give_up(ErrorKind::Cancelled);
        if self.topics.partitions_of(self.progress.name())?.is_none() {
            return Ok(());
        }
        // Also fences a worker that might write the record again.
        self.start()?;
        let tables = self.read_history()?;
        let history = self.history.clone();
        let forgotten = self.call(|mode, progress, patience| match mode {
            Mode::Closed => not_recovered(),
            Mode::ExactlyOnce(producer) => {
                producer.remove(&history, tables.keys(), patience)?;
                producer.commit(progress, None, patience)
            }
            Mode::AtLeastOnce(producer) => {
                producer.remove(&history, tables.keys(), patience)?;
                producer.forget(progress, patience)
            }
        });
        self.mode = Mode::Closed;
        forgotten
    }
}

impl Drop for KafkaSink {
    fn drop(&mut self) {
        self.give_up(ErrorKind::Cancelled);
    }
}
