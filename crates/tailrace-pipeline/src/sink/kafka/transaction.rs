//! Exactly once: messages and the progress record behind them in one Kafka transaction.
//!
//! Initialising a `transactional.id` raises its producer epoch: whatever an older worker still sends
//! under it is refused, and its open transaction is aborted before the call returns.
//!
//! Whether a commit whose answer was lost took place is decided by the coordinator and never assumed
//! here. While the producer lives the commit is asked for again, which resumes the same one. When it is
//! given up, the next worker's initialisation waits until the coordinator has finished it in one way or
//! the other, and the progress record read after that tells in which.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer as _;

use crate::batch::Batch;
use crate::error::{Error, ErrorKind, Result};
use crate::sink::kafka::fault::fault;
use crate::sink::kafka::patience::Patience;
use crate::sink::kafka::producer::{Leave, Producer};
use crate::sink::kafka::progress::ProgressTopic;
use crate::sink::kafka::topics::KafkaTopics;

/// Longest time a transaction may stay open: a table without a key is delivered in one. It is the
/// brokers' own default for `transaction.max.timeout.ms`, which they refuse to exceed.
pub(crate) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(900);
/// Longest time that a coordinator may take for one step, over the election of another one.
const COORDINATOR_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest single call, after which the client's events are looked at.
const SLICE: Duration = Duration::from_millis(500);
/// Questions to brokers before a coordinator is looked for.
const BROKER_QUESTIONS_MAX: u32 = 3;
/// Longest time to spend on aborting what the next initialisation aborts in any case. It only serves
/// consumers, who would otherwise wait for that.
const ABORT_TIMEOUT: Duration = Duration::from_secs(2);

/// A producer that is the only one of its `transactional.id`.
pub(crate) struct Transactional {
    producer: Producer,
    /// What the `transactional.id`s of the job begin with: it needs more than this one.
    prefix: String,
    id: String,
    open_since: Option<Instant>,
}

impl Transactional {
    /// Fences every older producer of the id, which is given as what all ids of the job begin with and
    /// what tells this one from the others. The brokers are asked for the progress topic, which need not exist.
    ///
    /// # Errors
    /// `TargetConnection` if no coordinator answers in time, `TargetPrivilege` and
    /// `TargetAuthentication` as the brokers say.
    pub(crate) fn open(
        mut config: ClientConfig,
        topics: Arc<KafkaTopics>,
        (prefix, suffix): (&str, &str),
        progress_topic: &str,
        patience: &mut Patience,
    ) -> Result<Self> {
        let id = format!("{prefix}{suffix}");
        config
            .set("transactional.id", &id)
            .set("transaction.timeout.ms", TRANSACTION_TIMEOUT.as_millis().to_string());
        let producer = Producer::open(config, topics, Leave::Together)?;
        let transactional = Self { producer, prefix: prefix.to_owned(), id, open_since: None };
        transactional.wait_for_broker(progress_topic);
        transactional.resume("initialise", patience, |p| p.client().init_transactions(SLICE))?;
        Ok(transactional)
    }

    /// Waits until a broker has answered that is known by its number. librdkafka leaves those that it was given for
    /// those that it learns of, and when it has no connection while it looks for the coordinator, it looks again
    /// only after 500 ms. Whether there is a broker at all shows in what comes.
    fn wait_for_broker(&self, any_topic: &str) {
        for _ in 0..BROKER_QUESTIONS_MAX {
            let answer = self.producer.client().client().fetch_metadata(Some(any_topic), SLICE);
            if answer.is_ok_and(|metadata| metadata.orig_broker_id() >= 0) {
                return;
            }
        }
    }

    /// Writes a batch into the open transaction; opens one if there is none.
    ///
    /// # Errors
    /// Those of [`Producer::write`]; the transaction cannot be committed any more.
    pub(crate) fn write(&mut self, batch: Batch, patience: &mut Patience) -> Result<()> {
        let written = self.begin().and_then(|()| self.producer.write(batch, patience));
        written.map(drop).map_err(|e| self.cause(e))
    }

    /// Writes the record of the transaction before once more, so that the coordinator knows the progress
    /// topic's partition before the commit asks for it. The record of the commit comes behind it in the same
    /// transaction, so it never counts.
    ///
    /// # Errors
    /// Those of [`Transactional::write`].
    pub(crate) fn expect_commit(
        &mut self,
        progress: &ProgressTopic,
        last: &[u8],
        patience: &mut Patience,
    ) -> Result<()> {
        let (partition, key) = (ProgressTopic::PARTITION, progress.key());
        let written = self.begin().and_then(|()| {
            self.producer.record(progress.name(), partition, key, Some(last), patience)
        });
        written.map(drop).map_err(|e| self.cause(e))
    }

    /// Adds the progress record (`None` is a tombstone) and commits. A transaction of a record alone is
    /// fine.
    ///
    /// # Errors
    /// If the outcome is not known, or the transaction did not take place.
    pub(crate) fn commit(
        &mut self,
        progress: &ProgressTopic,
        value: Option<&[u8]>,
        patience: &mut Patience,
    ) -> Result<()> {
        let committed =
            self.begin().and_then(|()| self.record_and_commit(progress, value, patience));
        committed.map_err(|e| self.cause(e))?;
        self.open_since = None;
        Ok(())
    }

    /// Adds tombstones for records of a topic; opens a transaction if there is none.
    ///
    /// # Errors
    /// Those of the records.
    pub(crate) fn remove<'k>(
        &mut self,
        topic: &ProgressTopic,
        keys: impl Iterator<Item = &'k Vec<u8>>,
        patience: &mut Patience,
    ) -> Result<()> {
        self.begin()?;
        for key in keys {
            let partition = ProgressTopic::PARTITION;
            let removed = self.producer.record(topic.name(), partition, key, None, patience);
            removed.map_err(|e| self.cause(e))?;
        }
        Ok(())
    }

    fn record_and_commit(
        &mut self,
        progress: &ProgressTopic,
        value: Option<&[u8]>,
        patience: &mut Patience,
    ) -> Result<()> {
        let (partition, key) = (ProgressTopic::PARTITION, progress.key());
        self.producer.record(progress.name(), partition, key, value, patience)?;
        self.producer.drain(patience)?;
        self.resume("commit", patience, |p| p.client().commit_transaction(SLICE))
    }

    fn begin(&mut self) -> Result<()> {
        if self.open_since.is_none() {
            self.producer.client().begin_transaction().map_err(|e| self.refused("begin", &e))?;
            self.open_since = Some(Instant::now());
        }
        Ok(())
    }

    /// Makes a coordinator call in slices: calling again resumes the step that is under way.
    fn resume(
        &self,
        step: &str,
        patience: &mut Patience,
        call: impl Fn(&Producer) -> Result<(), KafkaError>,
    ) -> Result<()> {
        let until = Instant::now() + COORDINATOR_TIMEOUT;
        loop {
            let error = match call(&self.producer) {
                Ok(()) => {
                    self.producer.ledger().watch().answered();
                    return Ok(());
                }
                Err(error) => error,
            };
            self.producer.serve();
            self.producer.check()?;
            let KafkaError::Transaction(reason) = &error else {
                return Err(self.refused(step, &error));
            };
            if !reason.is_retriable() || reason.is_fatal() || reason.txn_requires_abort() {
                return Err(self.refused(step, &error));
            }
            if Instant::now() >= until {
                let error = self.refused(step, &error);
                return Err(match error.kind() {
                    ErrorKind::TargetConnection => {
                        self.producer.ledger().watch().explain(error.message())
                    }
                    _ => error,
                });
            }
            patience.check()?;
        }
    }

    fn refused(&self, step: &str, error: &KafkaError) -> Error {
        fault(
            format!("Kafka transaction of {}, step {step}", self.id),
            &format!("Write and Describe on transactional ids with prefix {}", self.prefix),
            error,
        )
    }

    /// What is behind an error: a transaction that failed as a whole throws its messages away, and they
    /// may be reported before the one that failed.
    fn cause(&self, error: Error) -> Error {
        if let Some(fatal) = self.producer.fatal() {
            return self.outlived(fatal);
        }
        let was_purged = |p: &Producer| p.ledger().failure().is_some_and(|f| f.was_purged());
        if !was_purged(&self.producer) {
            return self.outlived(error);
        }
        self.producer.purge();
        if !was_purged(&self.producer) {
            return self.producer.check().err().unwrap_or(error);
        }
        // Another transaction cannot begin now; the refusal tells why this one failed.
        match self.producer.client().begin_transaction() {
            Err(KafkaError::Transaction(e)) if e.txn_requires_abort() => {
                // All of the transaction failed, whichever of its partitions was refused.
                let names = self.producer.ledger().failed_topics();
                let topics = names.iter().map(|name| format!("topic {name}"));
                let topics = topics.collect::<Vec<_>>().join(", ");
                fault(
                    format!("Kafka transaction of {} with messages for {topics}", self.id),
                    &format!("Write on {topics} and all others that are written"),
                    &KafkaError::Transaction(e),
                )
            }
            _ => error,
        }
    }

    /// A coordinator that gives a transaction up for its age fences the producer like a newer worker
    /// does.
    fn outlived(&self, error: Error) -> Error {
        let age = self.open_since.map_or(Duration::ZERO, |since| since.elapsed());
        if error.kind() != ErrorKind::Fenced || age < TRANSACTION_TIMEOUT {
            return error;
        }
        Error::new(
            ErrorKind::Limit,
            format!(
                "a Kafka transaction was open for {} s, {} s are allowed: a table without a key is delivered in one; give the table a primary key",
                age.as_secs(),
                TRANSACTION_TIMEOUT.as_secs()
            ),
        )
    }

    /// Gives the producer up after an error: what is not committed never becomes visible.
    pub(crate) fn abandon(self, error: ErrorKind) {
        if self.open_since.is_none() || error == ErrorKind::Fenced {
            return;
        }
        self.producer.purge();
        if let Err(error) = self.producer.client().abort_transaction(ABORT_TIMEOUT) {
            tracing::debug!(%error, id = self.id, "an open transaction is left to the next start");
        }
    }
}
