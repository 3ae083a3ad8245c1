//! `batch-status`, `batch-detail` and `batch-progress`.

use std::collections::BTreeMap;

use axum::{http::StatusCode, response::Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        job_input::{ResourceTag, SpeedLimit, speed_views, tag_views},
        kept::kept,
    },
    control::{
        job::Job,
        objects::{ObjectScope, ObjectSelection},
        view::Progress,
    },
};

use super::{
    batch::{JobIds, WholeError, answer, refused},
    endpoint::EndpointView,
};

/// Answer of `batch-status`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3BatchStatusAnswer)]
pub(crate) struct BatchStatus {
    /// Number of jobs asked for.
    pub count: usize,
    /// A status per job.
    pub results: Vec<StatusView>,
}

/// Status of a job. Its error members are named differently from those of other operations.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V3StatusView)]
pub(crate) struct StatusView {
    /// Job.
    pub id: String,
    /// Status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// Code, if there is no such job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if there is no such job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// Reads statuses.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-status", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = JobIds,
    responses((status = 200, body = BatchStatus),
              (status = 400, description = "None of the jobs exists", body = ErrorBody)))]
pub(crate) async fn batch_list_job_status(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<JobIds>,
) -> Result<Response, ApiError> {
    let (count, ids) = body.page(true)?;
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        items.push(match control.get(&caller, &id).await {
            Ok(job) => {
                let status = Some(job.status().name());
                (json!(StatusView { id, status, ..StatusView::default() }), None)
            }
            Err(refusal) => {
                let error = refused(refusal);
                let ErrorBody { error_code, error_msg } = error.body(caller.language);
                let item = StatusView {
                    id,
                    error_code: Some(error_code),
                    error_message: Some(error_msg),
                    ..StatusView::default()
                };
                (json!(item), Some(error))
            }
        });
    }
    Ok(answer(StatusCode::OK, WholeError::NothingDone, count, items))
}

/// Answer of `batch-detail`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3BatchDetailAnswer)]
pub(crate) struct BatchDetail {
    /// Number of jobs asked for.
    pub count: usize,
    /// The jobs.
    pub results: Vec<JobDetail>,
}

/// A job with all its settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3QueryJobResp)]
pub(crate) struct JobDetail {
    /// Id.
    pub id: String,
    /// Parent of a re-edit's child.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// Name.
    pub name: String,
    /// Status.
    pub status: &'static str,
    /// Description.
    pub description: String,
    /// Milliseconds of the Unix epoch, as text.
    pub create_time: String,
    /// The same.
    pub update_time: String,
    /// Phases.
    pub task_type: &'static str,
    /// Source.
    pub source_endpoint: EndpointView,
    /// Target.
    pub target_endpoint: EndpointView,
    /// Network.
    pub net_type: String,
    /// What stopped it and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_reason: Option<String>,
    /// The node, as far as it has a meaning.
    pub inst_info: InstInfo,
    /// First start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual_start_time: Option<String>,
    /// End of the full phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_transfer_complete_time: Option<String>,
    /// Direction.
    pub job_direction: String,
    /// The same: directions do not change.
    pub original_job_direction: String,
    /// `sync`
    pub db_use_type: &'static str,
    /// Parameters were changed and wait for a restart; always false.
    pub need_restart: bool,
    /// As given.
    pub is_target_readonly: bool,
    /// As given with the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict_policy: Option<String>,
    /// As given with the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_ddl_policy: Option<String>,
    /// As given with the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_trans: Option<bool>,
    /// Windows of the speed limit.
    pub speed_limit: Vec<SpeedLimit>,
    /// As given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_num: Option<i64>,
    /// Objects are selected, as against everything.
    pub object_switch: bool,
    /// Whole databases are selected, as against tables.
    pub sync_database: bool,
    /// The selected objects.
    pub object_infos: Vec<ObjectInfo>,
    /// Subnet of the node, as given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// Always false.
    pub multi_write: bool,
    /// A second zone is given.
    pub is_multi_az: bool,
    /// As given, or empty.
    pub master_az: String,
    /// As given, or empty.
    pub slave_az: String,
    /// Start of an increment-only job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incre_start_position: Option<String>,
    /// Start of an increment-only job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gtid: Option<String>,
    /// As given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub alarm_notify: Option<Value>,
    /// Tags.
    pub tags: Vec<ResourceTag>,
    /// As given.
    pub is_open_fast_clean: bool,
    /// Level of the selection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_mode: Option<&'static str>,
}

/// The node of a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3InstInfo)]
pub(crate) struct InstInfo {
    /// Link.
    pub engine_type: &'static str,
    /// Size, as given.
    pub inst_type: String,
    /// Always empty: jobs have no node of their own.
    pub ip: &'static str,
    /// Always empty.
    pub public_ip: &'static str,
    /// Creation, milliseconds of the Unix epoch as text.
    pub start_time: String,
    /// `active`, `deleted` once the job has ended.
    pub status: &'static str,
    /// Always 0.
    pub volume_size: i64,
}

/// A selected object.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V3ObjectInfo)]
pub(crate) struct ObjectInfo {
    /// `database` or `database-*-*-table`.
    pub id: String,
    /// Name of the database of a table, empty for a database.
    pub parent_id: String,
    /// `database` or `table`
    pub r#type: &'static str,
    /// Name.
    pub name: String,
    /// Its name in messages.
    pub alias_name: String,
}

/// Reads jobs with all their settings.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-detail", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = JobIds,
    responses((status = 200, body = BatchDetail),
              (status = 400, description = "None of the jobs exists", body = ErrorBody)))]
pub(crate) async fn batch_list_job_details(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<JobIds>,
) -> Result<Response, ApiError> {
    let (count, ids) = body.page(true)?;
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        items.push(match control.get(&caller, &id).await {
            Ok(job) => (json!(detail(&job)), None),
            Err(refusal) => {
                let error = refused(refusal);
                let ErrorBody { error_code, error_msg } = error.body(caller.language);
                let item = json!({"id": id, "error_code": error_code, "error_message": error_msg});
                (item, Some(error))
            }
        });
    }
    Ok(answer(StatusCode::OK, WholeError::NothingDone, count, items))
}

fn detail(job: &Job) -> JobDetail {
    let text = |name: &str| kept::<String>(&job.attributes, name);
    let flag = |name: &str| kept::<bool>(&job.attributes, name).unwrap_or(false);
    let policy = job.policy.as_ref().map(|p| &p.attributes);
    let policy_text = |name: &str| policy.and_then(|p| kept::<String>(p, name));
    let start = job.policy.as_ref().and_then(|p| p.start_position.clone()).unwrap_or_default();
    let scope = job.selection.as_ref().map(|s| s.scope);
    let ended = job.times.ended_ms.is_some();
    JobDetail {
        id: job.id.clone(),
        parent_id: job.parent_id.clone(),
        name: job.name.clone(),
        status: job.status().name(),
        description: job.description.clone(),
        create_time: job.times.created_ms.to_string(),
        update_time: job.times.updated_ms.to_string(),
        task_type: job.task.name(),
        source_endpoint: EndpointView::of(&job.source),
        target_endpoint: EndpointView::of(&job.target),
        net_type: job.net_type.clone(),
        failed_reason: job.failure.as_ref().map(|f| f.reason()),
        inst_info: InstInfo {
            engine_type: job.engine.name(),
            inst_type: text("node_type").unwrap_or_else(|| "high".to_owned()),
            ip: "",
            public_ip: "",
            start_time: job.times.created_ms.to_string(),
            status: if ended { "deleted" } else { "active" },
            volume_size: 0,
        },
        actual_start_time: job.times.started_ms.map(|ms| ms.to_string()),
        full_transfer_complete_time: job.times.full_completed_ms.map(|ms| ms.to_string()),
        job_direction: job.direction.clone(),
        original_job_direction: job.direction.clone(),
        db_use_type: "sync",
        need_restart: false,
        is_target_readonly: flag("is_target_readonly"),
        conflict_policy: policy_text("conflict_policy"),
        filter_ddl_policy: policy_text("filter_ddl_policy"),
        index_trans: policy.and_then(|p| kept(p, "index_trans")),
        speed_limit: speed_views(&job.speed_windows, true),
        node_num: kept(&job.attributes, "node_num"),
        object_switch: scope.is_some_and(|s| s != ObjectScope::All),
        sync_database: scope == Some(ObjectScope::Database),
        object_infos: job.selection.as_ref().map(object_infos).unwrap_or_default(),
        subnet_id: text("customize_sutnet_id"),
        multi_write: false,
        is_multi_az: text("slave_az").is_some(),
        master_az: text("master_az").unwrap_or_default(),
        slave_az: text("slave_az").unwrap_or_default(),
        incre_start_position: start.file_and_position,
        gtid: start.gtid_set,
        alarm_notify: kept(&job.attributes, "alarm_notify"),
        tags: tag_views(&job.tags),
        is_open_fast_clean: flag("is_open_fast_clean"),
        sync_mode: scope.map(sync_mode),
    }
}

/// DRS's name for the level of a selection.
pub(crate) fn sync_mode(scope: ObjectScope) -> &'static str {
    match scope {
        ObjectScope::All => "INSTANCE_LEVEL",
        ObjectScope::Database => "DB_LEVEL",
        ObjectScope::Table => "TABLE_LEVEL",
    }
}

/// The selection as a flat list. Terraform takes the parent's id for its name, so ids are names.
fn object_infos(selection: &ObjectSelection) -> Vec<ObjectInfo> {
    let mut infos = Vec::new();
    for database in &selection.databases {
        infos.push(ObjectInfo {
            id: database.name.clone(),
            parent_id: String::new(),
            r#type: "database",
            name: database.name.clone(),
            alias_name: selection.mappings.names(&database.name, "").0.to_owned(),
        });
        for table in database.tables.iter().flatten() {
            infos.push(ObjectInfo {
                id: format!("{}-*-*-{table}", database.name),
                parent_id: database.name.clone(),
                r#type: "table",
                name: table.clone(),
                alias_name: selection.mappings.names(&database.name, table).1.to_owned(),
            });
        }
    }
    infos
}

/// Answer of `batch-progress`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3BatchProgressAnswer)]
pub(crate) struct BatchProgress {
    /// Number of jobs asked for.
    pub count: usize,
    /// Progress per job.
    pub results: Vec<ProgressView>,
}

/// Progress of a job.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V3ProgressView)]
pub(crate) struct ProgressView {
    /// Job.
    pub job_id: String,
    /// Percent of the full phase, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// Delay in seconds; absent before the incremental phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incre_trans_delay: Option<String>,
    /// Delay in milliseconds; absent before the incremental phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incre_trans_delay_millis: Option<String>,
    /// Phases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_mode: Option<&'static str>,
    /// Status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_status: Option<&'static str>,
    /// Milliseconds since the first start, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_time: Option<String>,
    /// Seconds the full phase still needs, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_time: Option<String>,
    /// Progress of the data part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_map: Option<BTreeMap<&'static str, ProgressPart>>,
    /// Rows per second; -1 before the incremental phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply_rows_rate: Option<i64>,
    /// Bytes per second; -1 before the incremental phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply_bytes_rate: Option<i64>,
    /// Code, if there is no such job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if there is no such job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Progress of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ProgressPart {
    /// `45%`
    pub completed: String,
    /// Seconds, as text.
    pub remaining_time: String,
}

/// Reads progress and delay.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-progress", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = JobIds,
    responses((status = 200, body = BatchProgress),
              (status = 400, description = "None of the jobs exists", body = ErrorBody)))]
pub(crate) async fn batch_list_progresses(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<JobIds>,
) -> Result<Response, ApiError> {
    let (count, ids) = body.page(false)?;
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        items.push(match control.progress(&caller, &id).await {
            Ok(progress) => (json!(progress_view(id, &progress)), None),
            Err(refusal) => {
                let error = refused(refusal);
                let ErrorBody { error_code, error_msg } = error.body(caller.language);
                let item = ProgressView {
                    job_id: id,
                    error_code: Some(error_code),
                    error_msg: Some(error_msg),
                    ..ProgressView::default()
                };
                (json!(item), Some(error))
            }
        });
    }
    Ok(answer(StatusCode::OK, WholeError::NothingDone, count, items))
}

fn progress_view(job_id: String, progress: &Progress) -> ProgressView {
    // -1 is DRS's value before the incremental phase.
    let rate = |rate: Option<f64>| match rate {
        Some(rate) if progress.delay_ms.is_some() => whole(rate),
        _ => -1,
    };
    ProgressView {
        job_id,
        progress: Some(progress.percent.to_string()),
        incre_trans_delay: progress.delay_ms.map(|ms| (ms / 1000).to_string()),
        incre_trans_delay_millis: progress.delay_ms.map(|ms| ms.to_string()),
        task_mode: Some(progress.task.name()),
        transfer_status: Some(progress.status.name()),
        process_time: progress.elapsed_ms.map(|ms| ms.to_string()),
        remaining_time: Some(remaining_seconds(progress)),
        progress_map: Some(progress_map(progress)),
        apply_rows_rate: Some(rate(progress.rows_rate)),
        apply_bytes_rate: Some(rate(progress.bytes_rate)),
        ..ProgressView::default()
    }
}

/// Seconds the full phase still needs; 0 once it is finished or not known.
pub(crate) fn remaining_seconds(progress: &Progress) -> String {
    progress.remaining_ms.map_or(0, |ms| ms.div_ceil(1000)).to_string()
}

/// A Kafka link has one part: data.
pub(crate) fn progress_map(progress: &Progress) -> BTreeMap<&'static str, ProgressPart> {
    let data = ProgressPart {
        completed: format!("{}%", progress.percent),
        remaining_time: remaining_seconds(progress),
    };
    BTreeMap::from([("data", data)])
}

/// The nearest integer of a rate.
pub(crate) fn whole(rate: f64) -> i64 {
    if rate.is_finite() { rate.round() as i64 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::objects::{DatabaseChoice, Mappings};

    #[test]
    fn selected_objects_are_a_flat_list_with_names_for_ids() {
        let selection = ObjectSelection {
            scope: ObjectScope::Table,
            databases: vec![DatabaseChoice {
                name: "shop".into(),
                tables: Some(vec!["orders".into()]),
            }],
            mappings: Mappings::default(),
            target_database: None,
        };
        let infos = json!(object_infos(&selection));
        assert_eq!(
            infos,
            json!([
                {"id": "shop", "parent_id": "", "type": "database", "name": "shop",
                 "alias_name": "shop"},
                {"id": "shop-*-*-orders", "parent_id": "shop", "type": "table",
                 "name": "orders", "alias_name": "orders"},
            ])
        );
    }

    #[test]
    fn rates_are_integers() {
        assert_eq!([whole(1.5), whole(0.4), whole(f64::NAN), whole(-0.2)], [2, 0, 0, 0]);
    }
}
