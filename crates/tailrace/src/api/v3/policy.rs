//! `POST …/jobs/batch-sync-policy`: topics, partitions, format and start position of a Kafka job.

use axum::{http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        kept::{keep, kept, non_empty},
        refusal::at,
        text_or_integer::TextOrInteger,
    },
    control::{
        database_policy::DatabasePolicy,
        job::Attributes,
        policy::{DeliveryPromise, PartitionChoice, PolicyText, SyncPolicy, TopicChoice},
    },
};

use super::batch::{BatchAnswer, answer_plain, check_count, check_ids, refused};

/// Body of `batch-sync-policy`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchSetupSyncPolicyReq)]
pub(crate) struct BatchPolicy {
    /// Policies, one per job, 1..=100.
    #[serde(default)]
    pub jobs: Vec<PolicyInput>,
}

/// A policy as a client sends it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = V3SyncPolicyReq)]
pub(crate) struct PolicyInput {
    /// Job
    pub job_id: Option<String>,
    /// `0` one topic, `1` a topic per table, `2` a topic per database
    pub topic_policy: Option<TextOrInteger>,
    /// The topic of policy `0`; has to exist.
    pub topic: Option<String>,
    /// Name of topics of policy `1` and `2`, with `$database$` and `$tablename$`
    pub topic_name_format: Option<String>,
    /// `0` by table, `1` partition 0, `2` by primary key, `3` by database
    pub partition_policy: Option<TextOrInteger>,
    /// `json`, `json_c`, or one of Tailrace's additions `debezium` and `canal`
    pub kafka_data_format: Option<String>,
    /// Partitions of new topics, as text
    pub partitions_num: Option<TextOrInteger>,
    /// Replication factor of new topics, as text
    pub replication_factor: Option<TextOrInteger>,
    /// Send DDL statements
    pub ddl_trans: Option<bool>,
    /// Topic of DDL statements; has to exist
    pub ddl_topic: Option<String>,
    /// Topic for markers of where transactions begin and end; has to exist: Tailrace's own
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_topic: Option<String>,
    /// Topic for signs of life; has to exist: Tailrace's own
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_topic: Option<String>,
    /// Seconds between two of them, 1 to 3600; 10 by default: Tailrace's own
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_interval_s: Option<TextOrInteger>,
    /// Headers of the messages of rows: `none`, `source` (place, GTID, server, version of the columns) or `cloudevents`: Tailrace's own
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_headers: Option<String>,
    /// Topic, which must exist, for changes that cannot be delivered to their own, each with the reason; without it such a change stops the job: Tailrace's own
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_topic: Option<String>,
    /// Forms of values in Debezium's events and Avro, by Debezium's own options: `decimal.handling.mode`, `bigint.unsigned.handling.mode`,
    /// `binary.handling.mode`, `time.precision.mode`, as in `decimal.handling.mode=string,binary.handling.mode=hex`: Tailrace's own
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debezium_modes: Option<String>,
    /// Start of an increment-only job, `mysql-bin.000001:4`
    pub file_and_position: Option<String>,
    /// Start of an increment-only job
    pub gtid_set: Option<String>,
    /// Subjects of Avro's schemas, `topic` (default), `record` or `topic_record`: Tailrace's own
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_naming: Option<String>,
    /// The message of a deleted row is followed by one without a value: Tailrace's own
    pub tombstones: Option<bool>,
    /// `none`, `lz4` (default), `zstd`, `snappy` or `gzip`: Tailrace's own
    pub compression: Option<String>,
    /// Kinds of change that become messages, of `i`, `u`, `d`; all by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dml_types: Option<String>,
    /// `exactly_once` or `at_least_once`: Tailrace's own
    pub delivery: Option<String>,
    /// Topic of progress records: Tailrace's own
    pub progress_topic: Option<String>,
    /// Of database targets: `overwrite` (default), `ignore` or `stop` where the target's rows are not what the source's were.
    pub conflict_policy: Option<String>,
    /// DDL statements that are not sent: `drop_database`.
    pub filter_ddl_policy: Option<String>,
    /// Of database targets: indexes are made, by default.
    pub index_trans: Option<bool>,
    /// Of database targets: `supportAllType` (default), or `tableData` with `tableStructure` and `constraintData`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_type_policy: Option<String>,
    /// Of Oracle sources: `logminer`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub increment_read_mode: Option<String>,
    /// Of PostgreSQL sources; kept.
    pub slot_name: Option<String>,
    /// Of PostgreSQL sources; kept.
    pub export_snapshot: Option<bool>,
    /// Of PostgreSQL sources; kept.
    pub is_fill_materialized_view: Option<bool>,
}

/// Sets policies.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-sync-policy", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchPolicy,
    responses((status = 200, body = BatchAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_set_policy(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchPolicy>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    check_ids(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")), "jobs")?;
    let mut outcomes = Vec::with_capacity(body.jobs.len());
    for (i, policy) in body.jobs.into_iter().enumerate() {
        let id = policy.job_id.clone().unwrap_or_default();
        let policy = policy.into_control();
        let outcome = control.set_policy(&caller, &id, &policy).await;
        outcomes.push((id, outcome.map_err(|r| refused(at(&format!("jobs[{i}]"), r)))));
    }
    Ok(answer_plain(StatusCode::OK, &caller, outcomes))
}

impl PolicyInput {
    /// The policy of a job in the form in which a client would send it.
    pub(crate) fn of(policy: &SyncPolicy) -> Self {
        if let Some(database) = &policy.database {
            return Self::of_database(policy, database);
        }
        let (topic_policy, topic, format) = match &policy.topic {
            TopicChoice::One { topic } => ("0", Some(topic.clone()), None),
            TopicChoice::PerTable { format } => ("1", None, Some(format.clone())),
            TopicChoice::PerDatabase { format } => ("2", None, Some(format.clone())),
        };
        let partition = match policy.partition {
            PartitionChoice::Table => "0",
            PartitionChoice::Zero => "1",
            PartitionChoice::PrimaryKey => "2",
            PartitionChoice::Database => "3",
        };
        let number = |text: String| Some(TextOrInteger(text));
        let start = policy.start_position.clone().unwrap_or_default();
        let other = &policy.attributes;
        Self {
            job_id: None,
            topic_policy: number(topic_policy.to_owned()),
            topic,
            topic_name_format: format,
            partition_policy: number(partition.to_owned()),
            kafka_data_format: Some(policy.format.name().to_owned()),
            partitions_num: number(policy.partitions_num.to_string()),
            replication_factor: number(policy.replication_factor.to_string()),
            ddl_trans: Some(policy.ddl_topic.is_some()),
            ddl_topic: policy.ddl_topic.clone(),
            transaction_topic: policy.transaction_topic.clone(),
            heartbeat_topic: policy.heartbeat.as_ref().map(|one| one.topic.clone()),
            message_headers: policy.message_headers(),
            dead_letter_topic: policy.dead_letter_topic.clone(),
            debezium_modes: policy.debezium_modes(),
            heartbeat_interval_s: policy
                .heartbeat
                .as_ref()
                .and_then(|one| number(one.interval_s.to_string())),
            file_and_position: start.file_and_position,
            gtid_set: start.gtid_set,
            subject_naming: policy.subject_naming(),
            tombstones: policy.tombstones.then_some(true),
            compression: Some(policy.compression.name().to_owned()),
            dml_types: policy.dml_types(),
            delivery: Some(
                match policy.delivery {
                    DeliveryPromise::ExactlyOnce => "exactly_once",
                    DeliveryPromise::AtLeastOnce => "at_least_once",
                }
                .to_owned(),
            ),
            progress_topic: Some(policy.progress_topic.clone()),
            conflict_policy: kept(other, "conflict_policy"),
            filter_ddl_policy: kept(other, "filter_ddl_policy"),
            index_trans: kept(other, "index_trans"),
            sync_type_policy: kept(other, "sync_type_policy"),
            increment_read_mode: kept(other, "increment_read_mode"),
            slot_name: kept(other, "slot_name"),
            export_snapshot: kept(other, "export_snapshot"),
            is_fill_materialized_view: kept(other, "is_fill_materialized_view"),
        }
    }

    /// The policy of a job whose target is a database.
    fn of_database(policy: &SyncPolicy, database: &DatabasePolicy) -> Self {
        let other = &policy.attributes;
        Self {
            conflict_policy: Some(database.conflict.name().to_owned()),
            ddl_trans: Some(database.apply_ddl),
            index_trans: Some(database.indexes),
            sync_type_policy: Some(database.sync_types()),
            increment_read_mode: Some("logminer".to_owned()),
            filter_ddl_policy: kept(other, "filter_ddl_policy"),
            slot_name: kept(other, "slot_name"),
            export_snapshot: kept(other, "export_snapshot"),
            is_fill_materialized_view: kept(other, "is_fill_materialized_view"),
            ..Self::default()
        }
    }

    /// This policy with what `base` has and this one has not.
    pub(crate) fn over(self, base: Self) -> Self {
        Self {
            job_id: None,
            topic_policy: self.topic_policy.or(base.topic_policy),
            topic: self.topic.or(base.topic),
            topic_name_format: self.topic_name_format.or(base.topic_name_format),
            partition_policy: self.partition_policy.or(base.partition_policy),
            kafka_data_format: self.kafka_data_format.or(base.kafka_data_format),
            partitions_num: self.partitions_num.or(base.partitions_num),
            replication_factor: self.replication_factor.or(base.replication_factor),
            ddl_trans: self.ddl_trans.or(base.ddl_trans),
            ddl_topic: self.ddl_topic.or(base.ddl_topic),
            transaction_topic: self.transaction_topic.or(base.transaction_topic),
            heartbeat_topic: self.heartbeat_topic.or(base.heartbeat_topic),
            heartbeat_interval_s: self.heartbeat_interval_s.or(base.heartbeat_interval_s),
            message_headers: self.message_headers.or(base.message_headers),
            dead_letter_topic: self.dead_letter_topic.or(base.dead_letter_topic),
            debezium_modes: self.debezium_modes.or(base.debezium_modes),
            file_and_position: self.file_and_position.or(base.file_and_position),
            gtid_set: self.gtid_set.or(base.gtid_set),
            subject_naming: self.subject_naming.or(base.subject_naming),
            tombstones: self.tombstones.or(base.tombstones),
            compression: self.compression.or(base.compression),
            dml_types: self.dml_types.or(base.dml_types),
            delivery: self.delivery.or(base.delivery),
            progress_topic: self.progress_topic.or(base.progress_topic),
            conflict_policy: self.conflict_policy.or(base.conflict_policy),
            filter_ddl_policy: self.filter_ddl_policy.or(base.filter_ddl_policy),
            index_trans: self.index_trans.or(base.index_trans),
            sync_type_policy: self.sync_type_policy.or(base.sync_type_policy),
            increment_read_mode: self.increment_read_mode.or(base.increment_read_mode),
            slot_name: self.slot_name.or(base.slot_name),
            export_snapshot: self.export_snapshot.or(base.export_snapshot),
            is_fill_materialized_view: self
                .is_fill_materialized_view
                .or(base.is_fill_materialized_view),
        }
    }

    /// The policy in control's form, which checks it.
    pub(crate) fn into_control(self) -> PolicyText {
        let text = |value: Option<TextOrInteger>| non_empty(value.map(|v| v.0));
        let mut attributes = Attributes::new();
        keep(&mut attributes, "conflict_policy", self.conflict_policy);
        keep(&mut attributes, "filter_ddl_policy", self.filter_ddl_policy);
        keep(&mut attributes, "index_trans", self.index_trans);
        keep(&mut attributes, "sync_type_policy", non_empty(self.sync_type_policy));
        keep(&mut attributes, "increment_read_mode", non_empty(self.increment_read_mode));
        keep(&mut attributes, "slot_name", self.slot_name);
        keep(&mut attributes, "export_snapshot", self.export_snapshot);
        keep(&mut attributes, "is_fill_materialized_view", self.is_fill_materialized_view);
        PolicyText {
            topic_policy: text(self.topic_policy),
            topic: non_empty(self.topic),
            topic_name_format: non_empty(self.topic_name_format),
            partition_policy: text(self.partition_policy),
            kafka_data_format: non_empty(self.kafka_data_format),
            partitions_num: text(self.partitions_num),
            replication_factor: text(self.replication_factor),
            ddl_trans: self.ddl_trans,
            ddl_topic: non_empty(self.ddl_topic),
            transaction_topic: non_empty(self.transaction_topic),
            heartbeat_topic: non_empty(self.heartbeat_topic),
            heartbeat_interval_s: text(self.heartbeat_interval_s),
            message_headers: non_empty(self.message_headers),
            dead_letter_topic: non_empty(self.dead_letter_topic),
            debezium_modes: non_empty(self.debezium_modes),
            file_and_position: non_empty(self.file_and_position),
            gtid_set: non_empty(self.gtid_set),
            subject_naming: non_empty(self.subject_naming),
            tombstones: self.tombstones,
            compression: non_empty(self.compression),
            dml_types: non_empty(self.dml_types),
            delivery: non_empty(self.delivery),
            progress_topic: non_empty(self.progress_topic),
            attributes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::json;

    #[test]
    fn what_is_not_sent_stays_as_it_was() {
        let sent = PolicyInput { topic: Some("b".into()), ..PolicyInput::default() };
        let base = PolicyInput {
            topic_policy: Some(TextOrInteger("0".into())),
            topic: Some("a".into()),
            ..PolicyInput::default()
        };
        let merged = sent.over(base);
        assert_eq!(merged.topic.as_deref(), Some("b"));
        assert_eq!(merged.topic_policy, Some(TextOrInteger("0".into())));
    }

    #[test]
    fn terraforms_policy_is_taken_whole() {
        let body: BatchPolicy = json::read(
            br#"{"jobs":[{"job_id":"j","topic_policy":"1","topic_name_format":"$database$",
                "partition_policy":2,"partitions_num":"3","replication_factor":1,"topic":"",
                "kafka_data_format":"json","index_trans":false,"export_snapshot":false,
                "is_fill_materialized_view":false,"conflict_policy":null}]}"#,
        )
        .expect("it is read");
        let policy = body.jobs.into_iter().next().expect("one").into_control();
        assert_eq!(policy.topic_policy.as_deref(), Some("1"));
        assert_eq!(policy.partition_policy.as_deref(), Some("2"));
        assert_eq!(policy.replication_factor.as_deref(), Some("1"));
        assert_eq!(policy.topic, None);
        assert_eq!(policy.attributes.len(), 3);
    }
}
