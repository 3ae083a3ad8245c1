//! The one answer type of `GET …/jobs/{job_id}`: which members are there depends on `type`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        job_input::{ResourceTag, SpeedLimit, speed_views, tag_views},
        kept::kept,
        time,
        v3::{
            policy::PolicyInput,
            read::{ProgressPart, sync_mode},
        },
    },
    control::{endpoint::Side, job::Job, policy::SyncPolicy},
};

use super::{
    compare::CompareView,
    endpoint::JobEndpointView,
    repair::{RepairDetailView, RepairProgressView},
};

/// Answer of `GET …/jobs/{job_id}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowJobDetailResponse)]
pub(crate) struct DetailAnswer {
    /// The job.
    pub job: JobDetail,
}

/// A job, or one aspect of it.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V5JobDetailResp)]
pub(crate) struct JobDetail {
    /// Id.
    pub id: String,
    /// Status.
    pub status: &'static str,
    /// `2022-11-07T16:15:18Z`
    pub create_time: String,
    /// Entries in all, for `log`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_count: Option<u64>,
    /// `detail`: name, link, phases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_info: Option<BaseInfoView>,
    /// `detail`: source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_endpoint: Option<Vec<JobEndpointView>>,
    /// `detail`: target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_endpoint: Option<Vec<JobEndpointView>>,
    /// `detail`: node, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub node_info: Option<Value>,
    /// `detail`: policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_config: Option<PolicyView>,
    /// `detail`: windows of the speed limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_limit: Option<Vec<SpeedLimit>>,
    /// `detail`: alarms, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub alarm_notify: Option<Value>,
    /// `detail`: level of the selection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_mode: Option<&'static str>,
    /// `detail`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_version: Option<&'static str>,
    /// `detail`: parent of a re-edit's child.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub master_job_id: Option<String>,
    /// What stopped the job and what to do: Tailrace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_reason: Option<String>,
    /// `network`: outcomes of a connection test; empty while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_results: Option<Vec<NetworkResult>>,
    /// `precheck`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precheck_result: Option<PrecheckView>,
    /// `progress`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_info: Option<ProgressInfo>,
    /// `progress`: objects by kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_object_progress_info: Option<ObjectProgress>,
    /// `overview`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MetricsView>,
    /// `log`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<Vec<LogView>>,
    /// `compare`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare_result: Option<CompareView>,
    /// `repair`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_progress_info: Option<RepairProgressView>,
    /// `repair`: rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_detail_info: Option<RepairDetailView>,
}

/// Name, link, phases.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5JobBaseInfoView)]
pub(crate) struct BaseInfoView {
    /// Name.
    pub name: String,
    /// `sync`
    pub job_type: &'static str,
    /// Always false.
    pub multi_write: bool,
    /// Link.
    pub engine_type: &'static str,
    /// Direction.
    pub job_direction: String,
    /// Phases.
    pub task_type: &'static str,
    /// Network.
    pub net_type: String,
    /// `on_demand`
    pub charging_mode: &'static str,
    /// Enterprise project.
    pub enterprise_project_id: String,
    /// Description.
    pub description: String,
    /// Planned or first start, milliseconds of the Unix epoch as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// Days as text.
    pub expired_days: String,
    /// Tags.
    pub tags: Vec<ResourceTag>,
    /// As given.
    pub is_open_fast_clean: bool,
}

/// A policy. The members of Kafka are an extension: DRS v5 has none.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V5PolicyConfig)]
pub(crate) struct PolicyView {
    /// As given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict_policy: Option<String>,
    /// As given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_ddl_policy: Option<String>,
    /// As given; of database targets whether indexes are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_trans: Option<bool>,
    /// Of database targets: what is made and copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_type_policy: Option<String>,
    /// Of Oracle sources: how the log is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub increment_read_mode: Option<String>,
    /// DDL statements are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ddl_trans: Option<bool>,
    /// Topic of DDL statements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ddl_topic: Option<String>,
    /// Topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_policy: Option<String>,
    /// The one topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Name of topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic_name_format: Option<String>,
    /// Partitions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_policy: Option<String>,
    /// Format.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka_data_format: Option<String>,
    /// Partitions of new topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions_num: Option<String>,
    /// Replication factor of new topics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<String>,
    /// Start of an increment-only job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_and_position: Option<String>,
    /// Start of an increment-only job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gtid_set: Option<String>,
    /// Topic for markers of transactions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_topic: Option<String>,
    /// Topic for signs of life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_topic: Option<String>,
    /// Seconds between two of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_interval_s: Option<String>,
    /// Headers of the messages of rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_headers: Option<String>,
    /// Topic for changes that cannot be delivered to their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_topic: Option<String>,
    /// Forms of values in Debezium's events and Avro.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debezium_modes: Option<String>,
    /// Subjects of Avro's schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_naming: Option<String>,
    /// The message of a deleted row is followed by one without a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tombstones: Option<bool>,
    /// Compression of batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// Kinds of change that become messages, of `i`, `u`, `d`; all by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dml_types: Option<String>,
    /// Delivery promise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<String>,
    /// Topic of progress records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_topic: Option<String>,
}

/// Outcome of a connection test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5QueryNetworkResult)]
pub(crate) struct NetworkResult {
    /// Address.
    pub ip: String,
    /// It worked.
    pub success: bool,
    /// `success` or `failed`
    pub status: &'static str,
    /// The same in words.
    pub result: &'static str,
    /// `so` or `ta`: Tailrace's own.
    pub endpoint_role: &'static str,
    /// Code, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// A precheck.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5QueryPreCheckResult)]
pub(crate) struct PrecheckView {
    /// Every check is passed or only an alarm.
    pub result: bool,
    /// How much is done, `100%`.
    pub process: String,
    /// How much is passed; alarms count as passed.
    pub total_passed_rate: String,
    /// Always empty.
    pub rds_instance_id: &'static str,
    /// Direction of the job.
    pub job_direction: String,
    /// The checks.
    pub precheck_results: Vec<CheckView>,
}

/// A check.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5PrecheckResult)]
pub(crate) struct CheckView {
    /// DRS's name.
    pub item: String,
    /// Group.
    pub group: String,
    /// `PASSED`, `ALARM` or `FAILED`
    pub result: &'static str,
    /// What is wrong and what to do.
    pub failed_reason: String,
    /// The server's own words.
    pub raw_error_msg: String,
    /// Always empty.
    pub data: &'static str,
    /// An alarm: it does not hinder the start.
    pub is_support_skip: bool,
    /// Always false.
    pub is_skipped: bool,
}

/// Progress, all as text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5JobProgressInfo)]
pub(crate) struct ProgressInfo {
    /// Percent of the full phase.
    pub progress: String,
    /// Delay in seconds; absent before the incremental phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incr_trans_delay: Option<String>,
    /// Delay in milliseconds; absent before the incremental phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incr_trans_delay_millis: Option<String>,
    /// Phases.
    pub task_mode: &'static str,
    /// Status.
    pub transfer_status: &'static str,
    /// Milliseconds since the first start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_time: Option<String>,
    /// Seconds the full phase still needs.
    pub remaining_time: String,
    /// Progress by part.
    pub progress_map: BTreeMap<&'static str, ProgressPart>,
}

/// Objects of the full phase by kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5QueryMigrationObjectProgressInfo)]
pub(crate) struct ObjectProgress {
    /// Created.
    pub create_time: String,
    /// Full phase begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_start_time: Option<String>,
    /// Full phase finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_complete_time: Option<String>,
    /// Incremental phase begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incr_start_time: Option<String>,
    /// Ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    /// By kind; a Kafka job has tables only.
    pub migration_object_overview: Vec<ObjectOverview>,
}

/// Objects of one kind.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5MigrationObjectOverviewInfo)]
pub(crate) struct ObjectOverview {
    /// `table`
    pub r#type: &'static str,
    /// In all.
    pub src_count: String,
    /// Finished.
    pub dst_count: String,
    /// `NOT_START`, `TRANSFERING`, `COMPLETED` or `FAILED`
    pub status: &'static str,
    /// Full phase begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// Full phase finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
}

/// What a job does right now, all as text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5QueryMetricResult)]
pub(crate) struct MetricsView {
    /// Job.
    pub job_id: String,
    /// Always empty: jobs have no node of their own.
    pub node_id: &'static str,
    /// When.
    pub time_stamp: String,
    /// Percent of one core, of the whole server.
    pub cpu_util: String,
    /// Bytes, of the whole server.
    pub mem_util: String,
    /// Bytes per second from the source.
    pub network_incoming_bytes_rate: String,
    /// Bytes per second to the target.
    pub network_outgoing_bytes_rate: String,
    /// Rows per second.
    pub apply_rows_rate: String,
    /// Source transactions per second.
    pub apply_transactions_rate: String,
    /// DDL statements per second.
    pub apply_ddl_rate: String,
    /// `10` abnormal, `1` idle, `2` rows
    pub apply_current_state: &'static str,
}

/// A log entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5TaskLogInfo)]
pub(crate) struct LogView {
    /// When.
    pub create_time: String,
    /// `Info`, `Warn` or `Error`
    pub level: &'static str,
    /// Text.
    pub message: String,
}

impl JobDetail {
    /// What every `type` has.
    pub(crate) fn head(job: &Job) -> Self {
        Self {
            id: job.id.clone(),
            status: job.status().name(),
            create_time: time::iso(job.times.created_ms),
            ..Self::default()
        }
    }

    /// `type=detail`
    pub(crate) fn of(job: &Job) -> Self {
        let scope = job.selection.as_ref().map(|s| s.scope);
        Self {
            base_info: Some(BaseInfoView::of(job)),
            source_endpoint: Some(vec![JobEndpointView::of(&job.id, Side::Source, &job.source)]),
            target_endpoint: Some(vec![JobEndpointView::of(&job.id, Side::Target, &job.target)]),
            node_info: kept(&job.attributes, "node_info"),
            policy_config: job.policy.as_ref().map(PolicyView::of),
            speed_limit: Some(speed_views(&job.speed_windows, false)),
            alarm_notify: kept(&job.attributes, "alarm_notify"),
            sync_mode: scope.map(sync_mode),
            task_version: Some("2.0"),
            master_job_id: job.parent_id.clone(),
            failed_reason: job.failure.as_ref().map(|f| f.reason()),
            ..Self::head(job)
        }
    }
}

impl BaseInfoView {
    fn of(job: &Job) -> Self {
        Self {
            name: job.name.clone(),
            job_type: "sync",
            multi_write: false,
            engine_type: job.engine.name(),
            job_direction: job.direction.clone(),
            task_type: job.task.name(),
            net_type: job.net_type.clone(),
            charging_mode: "on_demand",
            enterprise_project_id: job.enterprise_project_id.clone(),
            description: job.description.clone(),
            start_time: job.times.started_ms.map(|ms| ms.to_string()),
            expired_days: job.expired_days.to_string(),
            tags: tag_views(&job.tags),
            is_open_fast_clean: kept(&job.attributes, "is_open_fast_clean").unwrap_or(false),
        }
    }
}

impl PolicyView {
    fn of(policy: &SyncPolicy) -> Self {
        let policy = PolicyInput::of(policy);
        Self {
            conflict_policy: policy.conflict_policy,
            filter_ddl_policy: policy.filter_ddl_policy,
            index_trans: policy.index_trans,
            sync_type_policy: policy.sync_type_policy,
            increment_read_mode: policy.increment_read_mode,
            ddl_trans: policy.ddl_trans,
            ddl_topic: policy.ddl_topic,
            transaction_topic: policy.transaction_topic,
            heartbeat_topic: policy.heartbeat_topic,
            heartbeat_interval_s: policy.heartbeat_interval_s.map(|v| v.0),
            message_headers: policy.message_headers,
            dead_letter_topic: policy.dead_letter_topic,
            debezium_modes: policy.debezium_modes,
            topic_policy: policy.topic_policy.map(|v| v.0),
            topic: policy.topic,
            topic_name_format: policy.topic_name_format,
            partition_policy: policy.partition_policy.map(|v| v.0),
            kafka_data_format: policy.kafka_data_format,
            partitions_num: policy.partitions_num.map(|v| v.0),
            replication_factor: policy.replication_factor.map(|v| v.0),
            file_and_position: policy.file_and_position,
            gtid_set: policy.gtid_set,
            subject_naming: policy.subject_naming,
            tombstones: policy.tombstones,
            compression: policy.compression,
            dml_types: policy.dml_types,
            delivery: policy.delivery,
            progress_topic: policy.progress_topic,
        }
    }
}
