//! Synchronization policy: how messages are formed and where they go.

use serde::{Deserialize, Serialize};

use super::job::{Attributes, StartPosition};

/// Where messages go, by DRS `topic_policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TopicChoice {
    /// `0`: all to one topic, which must exist.
    One {
        /// `topic`
        topic: String,
    },
    /// `1`: a topic per table.
    PerTable {
        /// `topic_name_format`, with `$database$` and `$tablename$`.
        format: String,
    },
    /// `2`: a topic per database.
    PerDatabase {
        /// `topic_name_format`, with `$database$`.
        format: String,
    },
}

/// What decides the partition, by DRS `partition_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionChoice {
    /// `0`: hash of database and table.
    Table,
    /// `1`: partition 0.
    Zero,
    /// `2`: hash of the primary key.
    PrimaryKey,
    /// `3`: hash of the database.
    Database,
}

/// Message format, by DRS `kafka_data_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum DataFormat {
    /// `json`
    #[default]
    Json,
    /// `json_c`
    JsonC,
}

/// Delivery promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum DeliveryPromise {
    /// `exactly_once`
    #[default]
    ExactlyOnce,
    /// `at_least_once`
    AtLeastOnce,
}

/// The policy of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncPolicy {
    /// Topics.
    pub topic: TopicChoice,
    /// Partitions.
    pub partition: PartitionChoice,
    /// Format.
    pub format: DataFormat,
    /// Partitions of topics that Tailrace creates.
    pub partitions_num: i32,
    /// Replication factor of topics that Tailrace creates.
    pub replication_factor: i16,
    /// `ddl_topic`, where DDL statements go if `ddl_trans` is set; `None` sends none.
    pub ddl_topic: Option<String>,
    /// Delivery promise.
    pub delivery: DeliveryPromise,
    /// Compacted topic of the progress records.
    pub progress_topic: String,
    /// Start of an increment-only job.
    pub start_position: Option<StartPosition>,
    /// What DRS clients send and want back and what has no meaning for Kafka targets.
    #[serde(default)]
    pub attributes: Attributes,
}

/// A policy as a caller gives it: every value in DRS's text form, `None` where it was absent.
#[derive(Debug, Clone, Default)]
pub struct PolicyText {
    /// `topic_policy`
    pub topic_policy: Option<String>,
    /// `topic`
    pub topic: Option<String>,
    /// `topic_name_format`
    pub topic_name_format: Option<String>,
    /// `partition_policy`
    pub partition_policy: Option<String>,
    /// `kafka_data_format`
    pub kafka_data_format: Option<String>,
    /// `partitions_num`
    pub partitions_num: Option<String>,
    /// `replication_factor`
    pub replication_factor: Option<String>,
    /// `ddl_trans`
    pub ddl_trans: Option<bool>,
    /// `ddl_topic`
    pub ddl_topic: Option<String>,
    /// `file_and_position`
    pub file_and_position: Option<String>,
    /// `gtid_set`
    pub gtid_set: Option<String>,
    /// Tailrace's own `delivery`: `exactly_once` or `at_least_once`.
    pub delivery: Option<String>,
    /// Tailrace's own `progress_topic`.
    pub progress_topic: Option<String>,
    /// Other members, kept for reading back.
    pub attributes: Attributes,
}
