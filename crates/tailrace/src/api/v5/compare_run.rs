//! `…/compare/pause`, `…/compare/restart` and `…/compare-progress`: comparisons on their way.

use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        answer::RequestId,
        body::V5Body,
        call::{JobCall, PathValues},
        error::{ApiError, ErrorBody},
    },
    control::{Refusal, compare::COMPARISONS_PENDING_MAX},
};

use super::{missing, refused};

/// Comparisons.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5OperateDataCompareJobReq)]
pub(crate) struct Comparisons {
    /// Their ids.
    #[serde(default)]
    pub compare_job_ids: Vec<String>,
}

impl Comparisons {
    fn checked(self) -> Result<Vec<String>, ApiError> {
        match self.compare_job_ids.len() {
            0 => Err(refused(missing("compare_job_ids"))),
            n if n > COMPARISONS_PENDING_MAX => {
                let allowed = format!("1 to {COMPARISONS_PENDING_MAX} ids");
                Err(refused(Refusal::invalid("compare_job_ids", format!("{n} ids"), allowed)))
            }
            _ => Ok(self.compare_job_ids),
        }
    }
}

/// Answer of `…/compare/pause` and `…/compare/restart`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5PauseCompareJobsResponse)]
pub(crate) struct Done {
    /// As the header `X-Request-Id`.
    pub request_id: String,
}

/// Lets comparisons rest. The table that is being compared is begun anew later; what is done stays.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/compare/pause", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = Comparisons,
    responses((status = 200, body = Done), (status = 400, body = ErrorBody)))]
pub(crate) async fn pause_compare_jobs(
    call: JobCall,
    Extension(request): Extension<RequestId>,
    V5Body(body): V5Body<Comparisons>,
) -> Result<Json<Done>, ApiError> {
    set(call, request, body, true).await
}

/// Lets comparisons go on.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/compare/restart", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = Comparisons,
    responses((status = 200, body = Done), (status = 400, body = ErrorBody)))]
pub(crate) async fn restart_compare_jobs(
    call: JobCall,
    Extension(request): Extension<RequestId>,
    V5Body(body): V5Body<Comparisons>,
) -> Result<Json<Done>, ApiError> {
    set(call, request, body, false).await
}

async fn set(
    call: JobCall,
    RequestId(request_id): RequestId,
    body: Comparisons,
    pauses: bool,
) -> Result<Json<Done>, ApiError> {
    let ids = body.checked()?;
    let JobCall { control, caller, job_id } = call;
    control.pause_comparisons(&caller, &job_id, &ids, pauses).await.map_err(refused)?;
    Ok(Json(Done { request_id }))
}

/// Answer of `…/compare-progress/{compare_job_id}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowCompareProgressResponse)]
pub(crate) struct ProgressAnswer {
    /// All rows.
    pub full_info: FullProgress,
    /// The source's speed over all.
    pub global_info: Speed,
}

/// How far the rows are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5QueryCompareJobProgressRespFullInfo)]
pub(crate) struct FullProgress {
    /// Tables that are done, percent.
    pub progress: f64,
    /// Rows of the source a second.
    pub src_speed: String,
    /// Rows that are looked at once more: none are kept for later.
    pub recheck_entities: u64,
    /// Tailrace's own: rows of the source read so far.
    pub rows_read: u64,
    /// Tailrace's own: tables that are done, and in all.
    pub tables_done: u64,
    /// Tailrace's own: 0 as long as it is not known.
    pub tables_total: u64,
    /// Tailrace's own: it rests until it is told to go on.
    pub is_paused: bool,
}

/// A speed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5QueryCompareJobProgressRespGlobalInfo)]
pub(crate) struct Speed {
    /// Rows of the source a second.
    pub src_speed: String,
}

/// How far a comparison is.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/compare-progress/{compare_job_id}", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_job_id" = String, Path)),
    responses((status = 200, body = ProgressAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_compare_progress(
    call: JobCall,
    path: PathValues,
) -> Result<Json<ProgressAnswer>, ApiError> {
    let JobCall { control, caller, job_id } = call;
    let id = path.get("compare_job_id");
    let task = control.comparison(&caller, &job_id, id).await.map_err(refused)?;
    let tables_done = task.tables.len() as u64;
    let progress = match (task.is_pending(), task.tables_total) {
        (false, _) => 100.0,
        (true, 0) => 0.0,
        (true, total) => tables_done as f64 * 100.0 / total as f64,
    };
    let until = task.ended_ms.unwrap_or_else(|| control.now_ms());
    let seconds = task.started_ms.map_or(0, |from| (until - from).max(0)) as f64 / 1000.0;
    let rows = task.rows_read.max(task.tables.iter().map(|table| table.source_rows).sum());
    let speed = if seconds > 0.0 { rows as f64 / seconds } else { 0.0 };
    let src_speed = format!("{speed:.0} rows/s");
    Ok(Json(ProgressAnswer {
        full_info: FullProgress {
            progress: (progress * 100.0_f64).round() / 100.0,
            src_speed: src_speed.clone(),
            recheck_entities: 0,
            rows_read: rows,
            tables_done,
            tables_total: task.tables_total,
            is_paused: task.is_paused,
        },
        global_info: Speed { src_speed },
    }))
}
