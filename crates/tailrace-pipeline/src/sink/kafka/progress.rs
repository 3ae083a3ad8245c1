//! The compacted topic that holds each job's progress record.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminOptions, ResourceSpecifier};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::error::{Error, ErrorKind, Result};
use crate::job::JobSpec;
use crate::sink::kafka::client::{client_config, kind_of};
use crate::sink::kafka::topics::{KafkaTopics, admin};

/// All records are in one partition, so that no later change of their number can hide one.
pub(crate) const PARTITION: i32 = 0;
/// Longest time the records may take to be read: an open transaction of another job can hold readers back.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// One poll while reading.
const POLL: Duration = Duration::from_millis(100);
/// Small segments are compacted soon, so that a start has little to read.
const CONFIG: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "16777216"),
    ("segment.ms", "600000"),
    ("min.cleanable.dirty.ratio", "0.01"),
];

/// Makes the topic if it is missing.
///
/// # Errors
/// `TargetTopic` if it exists and is not compacted: Kafka would delete records by age.
pub(crate) fn ensure_topic(topics: &KafkaTopics, name: &str) -> Result<()> {
    topics.find_or_create(name, 1, &CONFIG).map(|_| ())
}

/// Whether an existing progress topic keeps the last record of every job.
pub(crate) fn check_compacted(spec: &JobSpec) -> Result<()> {
    let name = &spec.policy.progress_topic;
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(10)));
    let admin = admin(&spec.target)?;
    let answer = futures_executor::block_on(
        admin.describe_configs([&ResourceSpecifier::Topic(name)], &options),
    )
    .map_err(|e| Error::new(kind_of(&e), format!("settings of topic {name}: {e}")))?;
    let policy = answer
        .into_iter()
        .filter_map(std::result::Result::ok)
        .find_map(|r| r.get("cleanup.policy").and_then(|e| e.value.clone()));
    match policy {
        Some(policy) if !policy.split(',').any(|p| p.trim() == "compact") => Err(Error::new(
            ErrorKind::TargetTopic,
            format!("topic {name} has cleanup.policy={policy}; progress records need compact"),
        )),
        _ => Ok(()),
    }
}

/// The job's last committed record; `None` if there is none or it was removed.
///
/// # Errors
/// `TargetConnection` if the records cannot be read in time.
pub(crate) fn read(spec: &JobSpec, job_id: &str, topic: &str) -> Result<Option<Vec<u8>>> {
    let failed = |e: KafkaError| {
        Error::new(kind_of(&e), format!("progress records of topic {topic} cannot be read: {e}"))
    };
    let consumer: BaseConsumer = client_config(&spec.target)?
        .set("group.id", format!("tailrace-progress-{job_id}"))
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("allow.auto.create.topics", "false")
        .create()
        .map_err(failed)?;
    let until = Instant::now() + READ_TIMEOUT;
    let end = written_end(spec, topic)?;
    // Behind this client's end offset lie open transactions, which may hold back records of this job.
    let (mut low, mut stable) = (0, 0);
    while stable < end {
        (low, stable) = consumer.fetch_watermarks(topic, PARTITION, READ_TIMEOUT).map_err(failed)?;
        if stable < end {
            check_time(until, topic)?;
            std::thread::park_timeout(POLL);
        }
    }
    if low >= stable {
        return Ok(None);
    }
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, PARTITION, Offset::Offset(low)).map_err(failed)?;
    consumer.assign(&assignment).map_err(failed)?;
    let mut last = None;
    loop {
        match consumer.poll(POLL) {
            Some(Ok(message)) if message.key() == Some(job_id.as_bytes()) => {
                last = message.payload().map(<[u8]>::to_vec);
            }
            Some(Ok(_)) => {}
            // Comes at the end of what is committed, which lies behind everything that was written
            // before this call.
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(last),
            None => check_time(until, topic)?,
            Some(Err(e)) => return Err(failed(e)),
        }
    }
}

/// The end of the partition, open transactions included.
fn written_end(spec: &JobSpec, topic: &str) -> Result<i64> {
    let failed = |e: KafkaError| Error::new(kind_of(&e), format!("topic {topic}: {e}"));
    let consumer: BaseConsumer = client_config(&spec.target)?
        .set("isolation.level", "read_uncommitted")
        .create()
        .map_err(failed)?;
    let (_, high) = consumer.fetch_watermarks(topic, PARTITION, READ_TIMEOUT).map_err(failed)?;
    Ok(high)
}

fn check_time(until: Instant, topic: &str) -> Result<()> {
    if Instant::now() <= until {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TargetConnection,
        format!(
            "progress records of topic {topic} could not be read in {} s: a transaction of another producer is open, or the brokers do not answer",
            READ_TIMEOUT.as_secs()
        ),
    ))
}
