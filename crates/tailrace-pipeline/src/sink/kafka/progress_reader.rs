//! Finds the last committed progress record of a job.
//!
//! Other jobs write to the same partition. A transaction of theirs that a crash left open holds back
//! what a `read_committed` consumer is given, for as long as it lasts, and records of this job may lie
//! behind its begin. So it is read twice: without regard to transactions, to find the last record that
//! this job has written in whatever outcome; then, once everything up to that record is decided, as
//! `read_committed`, to find the last one that counts. Only a record of this job makes a start wait.
//!
//! That answer is final only when no older worker of the job can write any more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::error::{Error, ErrorKind, Result};
use crate::sink::kafka::fault::{fault, kind_of};
use crate::sink::kafka::lookup::Lookup;
use crate::sink::kafka::patience::Patience;
use crate::sink::kafka::progress::ProgressTopic;
use crate::sink::kafka::progress_consumers::ProgressConsumers;
use crate::sink::kafka::watch::Watch;

/// Longest time that reading may take, waits for other transactions included.
const READ_TIMEOUT: Duration = Duration::from_secs(90);
/// Longest single question for offsets.
const OFFSETS_TIMEOUT: Duration = Duration::from_secs(5);
/// One poll while reading, and the pause between two looks at other transactions.
const POLL: Duration = Duration::from_millis(50);
/// Offsets in the first look backwards from the end; each further look takes eight times as many.
const FIRST_WINDOW: i64 = 4096;

/// Reads one topic of progress records or histories.
pub(crate) struct ProgressReader<'a> {
    topic: &'a ProgressTopic,
    lookup: &'a Lookup,
    consumers: &'a ProgressConsumers,
    until: Instant,
}

/// A record of the job; a tombstone has no value.
struct Found {
    offset: i64,
    value: Option<Vec<u8>>,
}

impl<'a> ProgressReader<'a> {
    pub(crate) fn new(
        consumers: &'a ProgressConsumers,
        topic: &'a ProgressTopic,
        lookup: &'a Lookup,
    ) -> Self {
        Self { topic, lookup, consumers, until: Instant::now() + READ_TIMEOUT }
    }

    /// The value of the last record that is known to be committed now. Waits for no transaction: one
    /// that a crashed worker of this job left open is ended only by the next one.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn glance(&mut self, patience: &mut Patience) -> Result<Option<Vec<u8>>> {
        self.until = Instant::now() + READ_TIMEOUT;
        let (low, stable) = self.offsets(&self.consumers.committed, patience)?;
        let found = self.find(&self.consumers.committed, low, stable, patience)?;
        Ok(found.and_then(|f| f.value))
    }

    /// The last record behind an offset that is known to be committed now, if there is one, and where the next such look has
    /// to begin. A record that was removed has no value.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn glance_behind(
        &mut self,
        offset: i64,
        patience: &mut Patience,
    ) -> Result<(Option<Option<Vec<u8>>>, i64)> {
        self.until = Instant::now() + READ_TIMEOUT;
        let (low, stable) = self.offsets(&self.consumers.committed, patience)?;
        let begin = low.max(offset);
        let found = self.find(&self.consumers.committed, begin, stable, patience)?;
        Ok((found.map(|f| f.value), stable.max(begin)))
    }

    /// The value of the last committed record; `None` if there is none or it was removed.
    ///
    /// # Errors
    /// Those of the connection, and `TargetConnection` if a transaction of another job hides the record
    /// for too long.
    pub(crate) fn last(&mut self, patience: &mut Patience) -> Result<Option<Vec<u8>>> {
        self.until = Instant::now() + READ_TIMEOUT;
        let (low, end) = self.offsets(&self.consumers.written, patience)?;
        if low >= end {
            // Shows whether the topic may be read, before there is something to lose.
            self.scan(&self.consumers.written, low, end, patience)?;
        }
        let Some(written) = self.find(&self.consumers.written, low, end, patience)? else {
            return Ok(None);
        };
        loop {
            let leader = self.lookup.leader(self.topic.name(), ProgressTopic::PARTITION)?;
            let low = self.wait_until_decided(written.offset, patience)?;
            let found = self.find(&self.consumers.committed, low, written.offset + 1, patience)?;
            if let Some(found) = &found
                && found.offset == written.offset
            {
                return Ok(found.value.clone());
            }
            // The last record seems to be of an aborted transaction. A leader that was elected in
            // between can for a moment know less than the one before: only a look under one and the
            // same leader counts.
            self.wait_until_decided(written.offset, patience)?;
            let same = self.lookup.leader(self.topic.name(), ProgressTopic::PARTITION)?;
            if leader.is_some() && leader == same {
                return Ok(found.and_then(|f| f.value));
            }
            self.check_time(patience, "the partition has no steady leader")?;
        }
    }

    /// Keys and newest committed values of all records whose keys begin with `prefix`.
    ///
    /// # Errors
    /// As [`ProgressReader::last`].
    pub(crate) fn all(
        &mut self,
        prefix: &[u8],
        patience: &mut Patience,
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>> {
        self.until = Instant::now() + READ_TIMEOUT;
        loop {
            let leader = self.lookup.leader(self.topic.name(), ProgressTopic::PARTITION)?;
            let (low, end) = self.offsets(&self.consumers.written, patience)?;
            let mut last = None;
            self.walk(&self.consumers.written, (low, end), patience, |message| {
                if message.key().is_some_and(|key| key.starts_with(prefix)) {
                    last = Some(message.offset());
                }
            })?;
            let Some(last) = last else { return Ok(BTreeMap::new()) };
            let low = self.wait_until_decided(last, patience)?;
            let mut found = BTreeMap::new();
            self.walk(&self.consumers.committed, (low, last + 1), patience, |message| {
                let Some(key) = message.key().filter(|key| key.starts_with(prefix)) else { return };
                match message.payload() {
                    Some(value) => found.insert(key.to_vec(), value.to_vec()),
                    None => found.remove(key),
                };
            })?;
            // As in `last`: only a look under one and the same leader counts.
            self.wait_until_decided(last, patience)?;
            let same = self.lookup.leader(self.topic.name(), ProgressTopic::PARTITION)?;
            if leader.is_some() && leader == same {
                return Ok(found);
            }
            self.check_time(patience, "the partition has no steady leader")?;
        }
    }

    /// First offset and end of the partition, as a consumer sees them.
    fn offsets(
        &self,
        consumer: &BaseConsumer<Watch>,
        patience: &mut Patience,
    ) -> Result<(i64, i64)> {
        loop {
            let (topic, partition) = (self.topic.name(), ProgressTopic::PARTITION);
            match consumer.fetch_watermarks(topic, partition, OFFSETS_TIMEOUT) {
                Ok(offsets) => {
                    consumer.context().answered();
                    return Ok(offsets);
                }
                Err(e) if kind_of(&e) == ErrorKind::TargetConnection => {
                    drop(consumer.poll(Duration::ZERO));
                    if let Some(refusal) = consumer.context().refusal() {
                        return Err(refusal);
                    }
                    self.check_time(patience, "the brokers do not tell its offsets")?;
                }
                Err(e) => return Err(self.failed(&e)),
            }
        }
    }

    /// Waits until the outcome of every transaction up to an offset is known; gives the first offset.
    fn wait_until_decided(&self, offset: i64, patience: &mut Patience) -> Result<i64> {
        loop {
            let (low, stable) = self.offsets(&self.consumers.committed, patience)?;
            if stable > offset {
                return Ok(low);
            }
            self.check_time(
                patience,
                "a transaction of another job is open in front of this job's record, and ends when that job starts again or after 900 s",
            )?;
            std::thread::park_timeout(POLL);
        }
    }

    /// The last record of the job in a range of offsets, looked for from its end.
    fn find(
        &self,
        consumer: &BaseConsumer<Watch>,
        low: i64,
        end: i64,
        patience: &mut Patience,
    ) -> Result<Option<Found>> {
        let (mut end, mut window) = (end, FIRST_WINDOW);
        while end > low {
            let begin = end.saturating_sub(window).max(low);
            if let Some(found) = self.scan(consumer, begin, end, patience)? {
                return Ok(Some(found));
            }
            (end, window) = (begin, window.saturating_mul(8));
        }
        Ok(None)
    }

    /// The last record of the job in a range of offsets, read from its begin.
    fn scan(
        &self,
        consumer: &BaseConsumer<Watch>,
        begin: i64,
        end: i64,
        patience: &mut Patience,
    ) -> Result<Option<Found>> {
        let mut last = None;
        self.walk(consumer, (begin, end), patience, |message| {
            if message.key() == Some(self.topic.key()) {
                let value = message.payload().map(<[u8]>::to_vec);
                last = Some(Found { offset: message.offset(), value });
            }
        })?;
        Ok(last)
    }

    /// Reads a range of offsets from its begin.
    fn walk(
        &self,
        consumer: &BaseConsumer<Watch>,
        (begin, end): (i64, i64),
        patience: &mut Patience,
        mut each: impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<()> {
        let (name, partition) = (self.topic.name(), ProgressTopic::PARTITION);
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(name, partition, Offset::Offset(begin))
            .and_then(|()| consumer.assign(&assignment))
            .map_err(|e| self.failed(&e))?;
        loop {
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    let offset = message.offset();
                    if offset < end {
                        each(&message);
                    }
                    if offset + 1 >= end {
                        break;
                    }
                }
                // The end as the consumer sees it, which the caller knows to lie behind the range.
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(e)) if !is_passing(&e) => return Err(self.failed(&e)),
                Some(Err(_)) | None => {
                    if let Some(refusal) = consumer.context().refusal() {
                        return Err(refusal);
                    }
                    self.check_time(patience, "the brokers do not deliver its records")?;
                }
            }
        }
        consumer.unassign().map_err(|e| self.failed(&e))
    }

    fn failed(&self, error: &KafkaError) -> Error {
        let name = self.topic.name();
        fault(
            format!("progress records of topic {name}"),
            &format!("Read and Describe on topic {name}"),
            error,
        )
    }

    fn check_time(&self, patience: &mut Patience, why: &str) -> Result<()> {
        patience.check()?;
        if Instant::now() <= self.until {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::TargetConnection,
            format!(
                "progress records of topic {} could not be read in {} s: {why}",
                self.topic.name(),
                READ_TIMEOUT.as_secs()
            ),
        ))
    }
}

/// Errors after which a consumer goes on by itself. The group is never used, so that it does not matter
/// whether the account may.
pub(crate) fn is_passing(error: &KafkaError) -> bool {
    kind_of(error) == ErrorKind::TargetConnection
        || error.rdkafka_error_code()
            == Some(rdkafka::error::RDKafkaErrorCode::GroupAuthorizationFailed)
}
