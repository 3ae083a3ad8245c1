//! Reads topics as a careful consumer does: committed messages only, from the start to the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::message::{Place, Record};

/// A topic whose end is not reached after this time without any message is a failure.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// For calls to the broker.
const CALL_MAX: Duration = Duration::from_secs(30);

fn consumer(brokers: &str) -> Result<BaseConsumer> {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "tailrace-checker")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true")
        .set("allow.auto.create.topics", "false")
        .create()
        .context("consumer")
}

/// All topics of a cluster but Kafka's own, with their numbers of partitions.
///
/// # Errors
/// The broker does not answer.
pub fn topics(brokers: &str) -> Result<HashMap<String, i32>> {
    let consumer = consumer(brokers)?;
    let metadata = consumer.fetch_metadata(None, CALL_MAX).context("list of topics")?;
    Ok(metadata
        .topics()
        .iter()
        .filter(|t| !t.name().starts_with("__"))
        .map(|t| (t.name().to_owned(), i32::try_from(t.partitions().len()).unwrap_or(i32::MAX)))
        .collect())
}

/// Hands every committed record of a topic to `take`, each partition in order.
///
/// # Errors
/// The broker's, and a partition whose end does not come.
pub fn read_topic(brokers: &str, topic: &str, mut take: impl FnMut(Record)) -> Result<()> {
    let consumer = consumer(brokers)?;
    let metadata = consumer.fetch_metadata(Some(topic), CALL_MAX).context("partitions")?;
    let mut assignment = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|t| t.partitions()) {
        assignment.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    let mut open = assignment.count();
    if open == 0 {
        bail!("topic {topic} does not exist");
    }
    consumer.assign(&assignment)?;
    let name: Arc<str> = Arc::from(topic);
    let mut progress = Instant::now();
    while open > 0 {
        match consumer.poll(Duration::from_millis(200)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => return Err(error).with_context(|| format!("topic {topic}")),
            Some(Ok(message)) => {
                progress = Instant::now();
                let place = Place {
                    topic: Arc::clone(&name),
                    partition: message.partition(),
                    offset: message.offset(),
                };
                let value = message.payload().unwrap_or_default().to_vec();
                take(Record { place, key: message.key().map(<[u8]>::to_vec), value });
            }
        }
        if progress.elapsed() > IDLE_MAX {
            bail!("topic {topic}: {open} partitions have not come to their end in {IDLE_MAX:?}");
        }
    }
    Ok(())
}

/// Reads what comes after now.
pub struct Tail {
    consumer: BaseConsumer,
}

impl Tail {
    /// Behind the last record of all topics whose names begin with `prefix`.
    ///
    /// # Errors
    /// The broker does not answer.
    pub fn at_end(brokers: &str, prefix: &str) -> Result<Self> {
        let consumer = consumer(brokers)?;
        let mut assignment = TopicPartitionList::new();
        for (topic, partitions) in topics(brokers)?.iter().filter(|(t, _)| t.starts_with(prefix)) {
            for partition in 0..*partitions {
                // A number, not "the end", which would be looked up later.
                let (_, end) = consumer.fetch_watermarks(topic, partition, CALL_MAX)?;
                assignment.add_partition_offset(topic, partition, Offset::Offset(end))?;
            }
        }
        consumer.assign(&assignment)?;
        Ok(Self { consumer })
    }

    /// Waits for a record whose value is the wanted one.
    ///
    /// # Errors
    /// It does not come in time.
    pub fn wait_for(&mut self, limit: Duration, wanted: impl Fn(&[u8]) -> bool) -> Result<()> {
        let begun = Instant::now();
        let mut error = None;
        while begun.elapsed() < limit {
            match self.consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) if message.payload().is_some_and(&wanted) => return Ok(()),
                // A broker that was just restarted: the client connects again by itself.
                Some(Err(KafkaError::PartitionEOF(_)) | Ok(_)) | None => {}
                Some(Err(e)) => error = Some(e),
            }
        }
        match error {
            Some(error) => Err(error).context("the wanted message did not come"),
            None => bail!("the wanted message did not come in {limit:?}"),
        }
    }
}
