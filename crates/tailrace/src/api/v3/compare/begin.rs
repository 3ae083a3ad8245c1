//! `…/table/compare`: comparisons of rows are asked for, listed, begun at once and ended.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::{JobCall, PathValues},
        compare_input::comparison,
        error::{ApiError, ErrorBody},
        job_input::start_time,
        kept::non_empty,
        query::QueryText,
        text_or_integer::TextOrInteger,
        time,
        v3::batch::refused,
        v5::{compare::status, delete::Empty, missing},
    },
    control::{
        Refusal, Result,
        compare::{CompareInput, CompareKind, Comparison},
    },
};

/// Tables of a database.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3CompareObjectInfo)]
pub(crate) struct ObjectInput {
    /// Database at the source.
    pub db_name: Option<String>,
    /// Tables; none is all of them.
    #[serde(default)]
    pub table_name: Vec<String>,
}

/// Body of `…/table/compare`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3CreateDataLevelTableCompareJobReq)]
pub(crate) struct BeginRequest {
    /// `lines`, `contents` or `random`
    pub r#type: Option<String>,
    /// When, milliseconds of the Unix epoch as text; absent is now.
    pub start_time: Option<TextOrInteger>,
    /// `quick_comparison`: all tables that the job has.
    pub compare_mode: Option<String>,
    /// Databases with their tables; absent is all that the job has.
    #[serde(default)]
    pub compare_object: Vec<ObjectInput>,
    /// `comparePolicy: normal`, `contentCompareType: dynamic` or `static`, `lobCompare: ignore`
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Not offered: it is for other engines.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub compare_object_with_token: Vec<Value>,
    /// Not offered: it is for other engines.
    pub compare_task_num: Option<i32>,
    /// Not offered: the filters of the job are in force.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub compare_transformation_infos: Vec<Value>,
    /// With `random`: percent of the rows.
    pub proportion_value: Option<f64>,
}

impl BeginRequest {
    fn into_control(self) -> Result<CompareInput> {
        let kind = non_empty(self.r#type).ok_or_else(|| missing("type"))?;
        if kind == CompareKind::Object.name() {
            return Err(Refusal::invalid("type", kind, "lines, contents, random"));
        }
        for (field, is_given) in [
            ("compare_object_with_token", !self.compare_object_with_token.is_empty()),
            ("compare_task_num", self.compare_task_num.is_some()),
            ("compare_transformation_infos", !self.compare_transformation_infos.is_empty()),
        ] {
            if is_given {
                return Err(Refusal::Unsupported {
                    what: field.to_owned(),
                    instead: "none".to_owned(),
                });
            }
        }
        if let Some(mode) = non_empty(self.compare_mode).filter(|mode| mode != "quick_comparison") {
            return Err(Refusal::invalid("compare_mode", mode, "quick_comparison"));
        }
        let input = comparison("type", &kind, &self.options, self.proportion_value)?;
        let start_ms = start_time("start_time", self.start_time)?;
        Ok(CompareInput {
            tables: tables("compare_object", self.compare_object)?,
            start_ms,
            ..input
        })
    }
}

/// Databases with their tables.
pub(super) fn tables(
    field: &str,
    objects: Vec<ObjectInput>,
) -> Result<BTreeMap<String, Option<BTreeSet<String>>>> {
    let mut all = BTreeMap::new();
    for (number, object) in objects.into_iter().enumerate() {
        let name = non_empty(object.db_name)
            .ok_or_else(|| missing(&format!("{field}[{number}].db_name")))?;
        let tables: BTreeSet<String> = object.table_name.into_iter().collect();
        all.insert(name, (!tables.is_empty()).then_some(tables));
    }
    Ok(all)
}

/// Answer of `…/table/compare`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3CreateDataLevelTableCompareJobResponse)]
pub(crate) struct BeginAnswer {
    /// The comparison.
    pub id: String,
}

/// Compares rows, or their numbers, now or later.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/{job_id}/table/compare", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = BeginRequest,
    responses((status = 202, body = BeginAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn create_data_level_table_compare_job(
    call: JobCall,
    V3Body(body): V3Body<BeginRequest>,
) -> Result<(StatusCode, Json<BeginAnswer>), ApiError> {
    let input = body.into_control().map_err(refused)?;
    let JobCall { control, caller, job_id } = call;
    let id = control.compare(&caller, &job_id, input).await.map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(BeginAnswer { id })))
}

/// A comparison of rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3CompareJobInfo)]
pub(crate) struct TaskView {
    /// Id.
    pub id: String,
    /// `lines`, `contents` or `random`
    pub r#type: &'static str,
    /// What was asked for beside it.
    pub options: BTreeMap<&'static str, &'static str>,
    /// When it began, or is to begin.
    pub start_time: Option<String>,
    /// When it ended.
    pub end_time: Option<String>,
    /// As that of v5.
    pub status: &'static str,
    /// `INIT`, or `EXPORT_COMPLETE` for one that has ended: its file is made when it is asked for.
    pub export_status: &'static str,
    /// Seconds for which its file is there; -1 before its end.
    pub report_remain_seconds: i64,
    /// With `random`: percent of the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proportion_value: Option<String>,
    /// Tailrace's own: why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
    /// Tailrace's own: it rests until it is told to go on.
    pub is_paused: bool,
}

/// Answer of `GET …/table/compare`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ListDataLevelTableCompareJobsResponse)]
pub(crate) struct TasksAnswer {
    /// This page.
    pub compare_jobs: Vec<TaskView>,
    /// How many there are.
    pub count: usize,
}

/// Lists a job's comparisons of rows, the newest first.
#[utoipa::path(get, path = "/v3/{project_id}/jobs/{job_id}/table/compare", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path),
           ("limit" = Option<u32>, Query), ("offset" = Option<u32>, Query)),
    responses((status = 200, body = TasksAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_data_level_table_compare_jobs(
    call: JobCall,
    query: QueryText,
) -> Result<Json<TasksAnswer>, ApiError> {
    let page = query.page().map_err(refused)?;
    let JobCall { control, caller, job_id } = call;
    let mut all = control.comparisons(&caller, &job_id).await.map_err(refused)?;
    all.retain(|task| task.input.kind != CompareKind::Object);
    let count = all.len();
    Ok(Json(TasksAnswer { compare_jobs: page.of(all).map(task_view).collect(), count }))
}

fn task_view(task: Comparison) -> TaskView {
    let is_over = task.ended_ms.is_some();
    let mode = if task.input.is_static { "static" } else { "dynamic" };
    TaskView {
        id: task.id,
        r#type: match task.input.sample_per_million {
            Some(_) => "random",
            None => task.input.kind.name(),
        },
        options: if task.input.kind == CompareKind::Contents {
            BTreeMap::from([("contentCompareType", mode), ("lobCompare", "ignore")])
        } else {
            BTreeMap::from([("comparePolicy", "normal")])
        },
        start_time: task.started_ms.or(task.input.start_ms).map(time::iso),
        end_time: task.ended_ms.map(time::iso),
        status: status(task.status),
        export_status: if is_over { "EXPORT_COMPLETE" } else { "INIT" },
        report_remain_seconds: if is_over { super::file::REPORT_SECONDS } else { -1 },
        proportion_value: task
            .input
            .sample_per_million
            .map(|of| (f64::from(of) / 10_000.0).to_string()),
        error_msg: task.error,
        is_paused: task.is_paused,
    }
}

/// Begins a comparison at once that waits for its time.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/{job_id}/table/compare/{compare_job_id}", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_job_id" = String, Path)),
    responses((status = 200, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn start_promptly_data_level_table_compare_job(
    call: JobCall,
    path: PathValues,
) -> Result<Json<Empty>, ApiError> {
    let JobCall { control, caller, job_id } = call;
    let id = path.get("compare_job_id");
    control.start_comparison_now(&caller, &job_id, id).await.map_err(refused)?;
    Ok(Json(Empty {}))
}

/// Ends a comparison; what it has found so far stays.
#[utoipa::path(delete, path = "/v3/{project_id}/jobs/{job_id}/compare/{compare_job_id}", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_job_id" = String, Path)),
    responses((status = 200, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn delete_compare_job(
    call: JobCall,
    path: PathValues,
) -> Result<Json<Empty>, ApiError> {
    let JobCall { control, caller, job_id } = call;
    let id = path.get("compare_job_id");
    control.cancel_comparison(&caller, &job_id, id).await.map_err(refused)?;
    Ok(Json(Empty {}))
}
