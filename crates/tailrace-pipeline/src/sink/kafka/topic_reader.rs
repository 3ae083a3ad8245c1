//! Reads a topic of messages as a consumer with `isolation.level=read_committed` would, up to where it ended when it
//! was asked.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::error::{Error, ErrorKind, Result};
use crate::run::StopSignal;
use crate::sink::kafka::fault::{fault, kind_of};
use crate::sink::kafka::lookup::Lookup;
use crate::sink::kafka::progress_consumers::ProgressConsumers;
use crate::sink::kafka::progress_reader::is_passing;
use crate::sink::kafka::watch::Watch;

/// Longest time without any news from the brokers, waits for open transactions included.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// Longest single question for offsets.
const OFFSETS_TIMEOUT: Duration = Duration::from_secs(5);
/// One poll, and the pause between two looks at open transactions.
const POLL: Duration = Duration::from_millis(50);

/// First offset and end of each partition, by its number.
pub(crate) type Ends = Vec<(i64, i64)>;

/// Reads one topic.
pub(crate) struct TopicReader<'a> {
    name: String,
    lookup: &'a Lookup,
    consumers: &'a ProgressConsumers,
    /// Next offset of each partition that is still to be read.
    next: Vec<i64>,
    stop: &'a StopSignal,
}

impl<'a> TopicReader<'a> {
    /// A reader that begins with the oldest message there is. The consumers read nothing else meanwhile.
    pub(crate) fn new(
        name: &str,
        lookup: &'a Lookup,
        consumers: &'a ProgressConsumers,
        stop: &'a StopSignal,
    ) -> Self {
        Self { name: name.to_owned(), lookup, consumers, next: Vec::new(), stop }
    }

    /// The topic's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the partitions begin and end now, messages of open transactions included.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn ends(&self, partitions: i32) -> Result<Ends> {
        (0..partitions).map(|one| self.offsets(&self.consumers.written, one)).collect()
    }

    /// The same, without what was written before a moment, milliseconds of the Unix epoch.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn ends_since(&self, partitions: i32, since_ms: i64) -> Result<Ends> {
        let mut ends = self.ends(partitions)?;
        let mut wanted = TopicPartitionList::new();
        for partition in 0..partitions {
            wanted
                .add_partition_offset(&self.name, partition, Offset::Offset(since_ms.max(0)))
                .map_err(|e| self.failed(&e))?;
        }
        let found = self.consumers.written.offsets_for_times(wanted, OFFSETS_TIMEOUT);
        for element in found.map_err(|e| self.failed(&e))?.elements() {
            let place = usize::try_from(element.partition()).unwrap_or(usize::MAX);
            if let Some((low, end)) = ends.get_mut(place) {
                *low = match element.offset() {
                    Offset::Offset(offset) => offset.clamp(*low, *end),
                    // Nothing is that new.
                    _ => *end,
                };
            }
        }
        Ok(ends)
    }

    /// Reads everything from where the last call ended up to these ends, once it is decided which of it counts.
    ///
    /// # Errors
    /// Those of the connection and of `each`.
    pub(crate) fn read(
        &mut self,
        ends: &Ends,
        mut each: impl FnMut(&BorrowedMessage<'_>) -> Result<()>,
    ) -> Result<()> {
        for (partition, (low, _)) in ends.iter().enumerate().skip(self.next.len()) {
            debug_assert_eq!(partition, self.next.len());
            self.next.push(*low);
        }
        loop {
            let leaders = self.leaders(ends.len())?;
            self.wait_until_decided(ends)?;
            self.walk(ends, &mut each)?;
            // A leader that was elected meanwhile can for a moment know less than the one before.
            if leaders.iter().all(Option::is_some) && leaders == self.leaders(ends.len())? {
                for (next, (_, end)) in self.next.iter_mut().zip(ends) {
                    *next = (*next).max(*end);
                }
                return Ok(());
            }
            self.stop.check()?;
        }
    }

    /// One message, if it is there.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn value_at(&self, partition: i32, offset: i64) -> Result<Option<Vec<u8>>> {
        let consumer = &self.consumers.committed;
        self.assign(consumer, &[(partition, offset)])?;
        let until = Instant::now() + OFFSETS_TIMEOUT;
        let mut value = None;
        while Instant::now() < until {
            self.stop.check()?;
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    if message.offset() == offset {
                        value = message.payload().map(<[u8]>::to_vec);
                    }
                    break;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(_)) | None => {}
            }
        }
        consumer.unassign().map_err(|e| self.failed(&e))?;
        Ok(value)
    }

    fn leaders(&self, partitions: usize) -> Result<Vec<Option<i32>>> {
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        (0..partitions).map(|one| self.lookup.leader(&self.name, one)).collect()
    }

    fn assign(&self, consumer: &BaseConsumer<Watch>, from: &[(i32, i64)]) -> Result<()> {
        let mut assignment = TopicPartitionList::new();
        for (partition, offset) in from {
            assignment
                .add_partition_offset(&self.name, *partition, Offset::Offset(*offset))
                .map_err(|e| self.failed(&e))?;
        }
        consumer.assign(&assignment).map_err(|e| self.failed(&e))
    }

    /// First offset and end of a partition, as a consumer sees them.
    fn offsets(&self, consumer: &BaseConsumer<Watch>, partition: i32) -> Result<(i64, i64)> {
        let since = Instant::now();
        loop {
            match consumer.fetch_watermarks(&self.name, partition, OFFSETS_TIMEOUT) {
                Ok(offsets) => {
                    consumer.context().answered();
                    return Ok(offsets);
                }
                Err(e) if kind_of(&e) == ErrorKind::TargetConnection => {
                    drop(consumer.poll(Duration::ZERO));
                    if let Some(refusal) = consumer.context().refusal() {
                        return Err(refusal);
                    }
                    self.check(since, "the brokers do not tell its offsets")?;
                }
                Err(e) => return Err(self.failed(&e)),
            }
        }
    }

    /// Waits until the outcome of every transaction before these ends is known.
    fn wait_until_decided(&self, ends: &Ends) -> Result<()> {
        let since = Instant::now();
        for (partition, (_, end)) in (0..).zip(ends) {
            while self.offsets(&self.consumers.committed, partition)?.1 < *end {
                let why = "a transaction that is open in it hides what follows, and ends when its producer starts again or times out";
                self.check(since, why)?;
                std::thread::park_timeout(POLL);
            }
        }
        Ok(())
    }

    fn walk(
        &mut self,
        ends: &Ends,
        each: &mut impl FnMut(&BorrowedMessage<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut open: Vec<bool> =
            self.next.iter().zip(ends).map(|(next, (_, end))| next < end).collect();
        let from: Vec<(i32, i64)> = (0..)
            .zip(&self.next)
            .zip(&open)
            .filter(|(_, open)| **open)
            .map(|((partition, next), _)| (partition, *next))
            .collect();
        if from.is_empty() {
            return Ok(());
        }
        self.assign(&self.consumers.committed, &from)?;
        let mut since = Instant::now();
        while open.contains(&true) {
            let partition = match self.consumers.committed.poll(POLL) {
                Some(Ok(message)) => {
                    since = Instant::now();
                    let at = usize::try_from(message.partition()).unwrap_or(usize::MAX);
                    let (Some(next), Some((_, end))) = (self.next.get_mut(at), ends.get(at)) else {
                        continue;
                    };
                    if (*next..*end).contains(&message.offset()) {
                        each(&message)?;
                        *next = message.offset() + 1;
                    }
                    if message.offset() + 1 < *end {
                        continue;
                    }
                    message.partition()
                }
                // What is behind the last message is no message of a transaction that counts.
                Some(Err(KafkaError::PartitionEOF(partition))) => partition,
                Some(Err(e)) if !is_passing(&e) => {
                    return Err(self.failed(&e));
                }
                Some(Err(_)) | None => {
                    if let Some(refusal) = self.consumers.committed.context().refusal() {
                        return Err(refusal);
                    }
                    self.check(since, "the brokers do not deliver its messages")?;
                    continue;
                }
            };
            self.stop.check()?;
            if let Some(open) = open.get_mut(usize::try_from(partition).unwrap_or(usize::MAX)) {
                *open = false;
            }
        }
        self.consumers.committed.unassign().map_err(|e| self.failed(&e))
    }

    fn failed(&self, error: &KafkaError) -> Error {
        let name = &self.name;
        fault(
            format!("messages of topic {name}"),
            &format!("Read and Describe on topic {name}"),
            error,
        )
    }

    fn check(&self, since: Instant, why: &str) -> Result<()> {
        self.stop.check()?;
        if since.elapsed() <= SILENCE_MAX {
            return Ok(());
        }
        let text = format!(
            "messages of topic {} could not be read in {} s: {why}",
            self.name,
            SILENCE_MAX.as_secs()
        );
        Err(Error::new(ErrorKind::TargetConnection, text))
    }
}
