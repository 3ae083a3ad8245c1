//! The compacted topic that holds each job's progress record.

use crate::error::{Error, ErrorKind, Result};
use crate::sink::kafka::admin::Of;
use crate::sink::kafka::topics::{KafkaTopics, check_name};

/// Small segments are compacted soon, so that the topic stays small however often jobs commit.
const SETTINGS: [(&str, &str); 4] = [
    ("cleanup.policy", "compact"),
    ("segment.bytes", "16777216"),
    ("segment.ms", "600000"),
    ("min.cleanable.dirty.ratio", "0.01"),
];

/// Where a job's progress record is.
#[derive(Debug, Clone)]
pub(crate) struct ProgressTopic {
    name: String,
    job_id: String,
}

impl ProgressTopic {
    /// All records are in one partition, so that no later change of the number of partitions can hide
    /// one. The load is one small record per commit.
    pub(crate) const PARTITION: i32 = 0;

    pub(crate) fn new(name: &str, job_id: &str) -> Self {
        Self { name: name.to_owned(), job_id: job_id.to_owned() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Key of the job's record.
    pub(crate) fn key(&self) -> &[u8] {
        self.job_id.as_bytes()
    }

    /// Makes the topic if it is missing; checks it if it is not.
    ///
    /// # Errors
    /// `TargetTopic` if it exists and is not compacted, or cannot be made.
    pub(crate) fn ensure(&self, topics: &KafkaTopics) -> Result<()> {
        check_name(&self.name)?;
        if topics.partitions_of(&self.name)?.is_none() {
            topics.make(&topics.plan(&self.name, Some(1), &SETTINGS))?;
        }
        // Also when this call has just made it: another worker may have been quicker, with other
        // settings.
        self.check_compacted(topics)
    }

    /// Whether an existing topic keeps the last record of every job.
    ///
    /// # Errors
    /// `TargetTopic` if it does not.
    pub(crate) fn check_compacted(&self, topics: &KafkaTopics) -> Result<()> {
        let policy = match topics.admin()?.setting(Of::Topic(&self.name), "cleanup.policy") {
            Ok(policy) => policy.unwrap_or_default(),
            // Reading settings needs an ACL of its own, which a job can do without.
            Err(error) if error.kind() == ErrorKind::TargetPrivilege => {
                tracing::warn!(topic = self.name, %error, "cleanup.policy cannot be checked");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if policy == "compact" {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::TargetTopic,
            format!(
                "topic {} holds progress records and has cleanup.policy={policy}: Kafka would delete them by age or size; set cleanup.policy=compact",
                self.name
            ),
        ))
    }

    /// Whether the topic could be made.
    ///
    /// # Errors
    /// `TargetTopic` or `TargetPrivilege` with the reason.
    pub(crate) fn check_create(&self, topics: &KafkaTopics) -> Result<()> {
        check_name(&self.name)?;
        topics.admin()?.create(&topics.plan(&self.name, Some(1), &SETTINGS), true)
    }
}
