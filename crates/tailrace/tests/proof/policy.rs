//! The policies that the proofs run under.

use tailrace_testkit::checker::{Delivery, Format, PartitionRule, Promise, TopicRule};
use tailrace_testkit::workload::Plan;

/// Partitions of the topics of a proof.
pub(super) const PARTITIONS: i32 = 3;

/// One combination of policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    /// One topic, partition by table, `json`.
    OneTopicByTable,
    /// A topic per table, partition by primary key, `json_c`.
    TopicPerTableByKey,
    /// One topic, all in partition 0, `json`: the order of all transactions.
    OneTopicInOrder,
}

impl Policy {
    /// Settings for `drive_job.py policy`.
    pub(super) fn settings(self, plan: &Plan) -> Vec<String> {
        let (topic_policy, partition_policy, format) = match self {
            Self::OneTopicByTable => ("0", "0", "json"),
            Self::TopicPerTableByKey => ("1", "2", "json_c"),
            Self::OneTopicInOrder => ("0", "1", "json"),
        };
        let mut settings = vec![
            format!("topic_policy={topic_policy}"),
            format!("partition_policy={partition_policy}"),
            format!("kafka_data_format={format}"),
            format!("partitions_num={PARTITIONS}"),
            "replication_factor=1".to_owned(),
            "ddl_trans=true".to_owned(),
            format!("ddl_topic={}", ddl_topic(plan)),
        ];
        match self {
            Self::TopicPerTableByKey => {
                settings.push(format!("topic_name_format={}", table_format(plan)));
            }
            _ => settings.push(format!("topic={}", data_topic(plan))),
        }
        settings
    }

    /// What the checker holds the job to.
    pub(super) fn promise(self, plan: &Plan) -> Promise {
        let topic = match self {
            Self::TopicPerTableByKey => TopicRule::Format(table_format(plan)),
            _ => TopicRule::One(data_topic(plan)),
        };
        Promise {
            format: if self == Self::TopicPerTableByKey { Format::JsonC } else { Format::Json },
            delivery: Delivery::ExactlyOnce,
            topic,
            partition: match self {
                Self::OneTopicByTable => PartitionRule::Table,
                Self::TopicPerTableByKey => PartitionRule::PrimaryKey,
                Self::OneTopicInOrder => PartitionRule::Zero,
            },
            ddl_topic: Some(ddl_topic(plan)),
            topic_prefix: plan.prefix.clone(),
            selected: plan.selected(),
            full_phase: true,
            statements: None,
        }
    }
}

/// The topic of all rows, where there is one.
pub(super) fn data_topic(plan: &Plan) -> String {
    format!("{}.data", plan.prefix)
}

/// The topic of statements.
pub(super) fn ddl_topic(plan: &Plan) -> String {
    format!("{}.ddl", plan.prefix)
}

fn table_format(plan: &Plan) -> String {
    format!("{}.t.$database$.$tablename$", plan.prefix)
}
