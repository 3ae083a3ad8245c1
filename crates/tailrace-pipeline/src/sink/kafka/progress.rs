//! The compacted topics that hold each job's progress record and its schema history.

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

/// What the name of the schema history's topic has behind that of the progress topic.
const HISTORY_SUFFIX: &str = "-schemas";

/// Where a job's progress record is, or its schema history.
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

    /// The topic of schema histories that belongs to a progress topic. It is apart, so that a start
    /// that looks for the last progress record need not read all tables, nor the other way round.
    pub(crate) fn of_history(progress_topic: &str, job_id: &str) -> Self {
        Self::new(&format!("{progress_topic}{HISTORY_SUFFIX}"), job_id)
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
