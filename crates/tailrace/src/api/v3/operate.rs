//! `batch-starting`, `batch-pause-task`, `batch-retry-task` and `DELETE …/batch-jobs`.

use axum::{http::StatusCode, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        job_input::start_time,
        permission,
        refusal::at,
        text_or_integer::TextOrInteger,
    },
    control::{PauseMode, Refusal, Result},
};

use super::batch::{BatchAnswer, answer_plain, check_count, check_ids, refused};

/// Body of `batch-starting`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchStartJobReq)]
pub(crate) struct BatchStart {
    /// Jobs to start, 1..=100.
    #[serde(default)]
    pub jobs: Vec<StartJob>,
}

/// A job to start.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3StartInfo)]
pub(crate) struct StartJob {
    /// Job.
    pub job_id: Option<String>,
    /// When, milliseconds of the Unix epoch as text; absent is now.
    pub start_time: Option<TextOrInteger>,
    /// Must be false.
    pub is_only_init_task: Option<bool>,
}

/// Starts jobs.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-starting", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchStart,
    responses((status = 202, body = BatchAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_start_jobs(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchStart>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    check_ids(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")), "jobs")?;
    let mut outcomes = Vec::with_capacity(body.jobs.len());
    for (i, job) in body.jobs.into_iter().enumerate() {
        let id = job.job_id.clone().unwrap_or_default();
        let outcome = match job.time() {
            Ok(time) => control.start(&caller, &id, time).await,
            Err(refusal) => Err(refusal),
        };
        outcomes.push((id, outcome.map_err(|r| refused(at(&format!("jobs[{i}]"), r)))));
    }
    Ok(answer_plain(StatusCode::ACCEPTED, &caller, outcomes))
}

impl StartJob {
    fn time(self) -> Result<Option<i64>> {
        refuse_only_init(self.is_only_init_task)?;
        start_time("start_time", self.start_time)
    }
}

/// Initialising a job without starting it has no meaning here.
pub(crate) fn refuse_only_init(value: Option<bool>) -> Result<()> {
    if value == Some(true) {
        return Err(Refusal::Unsupported {
            what: "is_only_init_task true".into(),
            instead: "is_only_init_task false".into(),
        });
    }
    Ok(())
}

/// Body of `batch-pause-task`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchPauseJobReq)]
pub(crate) struct BatchPause {
    /// Jobs to pause, 1..=100.
    #[serde(default)]
    pub jobs: Vec<PauseJob>,
}

/// A job to pause.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3PauseInfo)]
pub(crate) struct PauseJob {
    /// Job.
    pub job_id: Option<String>,
    /// `target` or `all`; both stop reading and writing here.
    pub pause_mode: Option<String>,
}

/// Pauses jobs.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-pause-task", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchPause,
    responses((status = 200, body = BatchAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_stop_jobs(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchPause>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    check_ids(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")), "jobs")?;
    let mut outcomes = Vec::with_capacity(body.jobs.len());
    for (i, job) in body.jobs.into_iter().enumerate() {
        let id = job.job_id.unwrap_or_default();
        let outcome = match pause_mode(job.pause_mode.as_deref()) {
            Ok(mode) => control.pause(&caller, &id, mode).await,
            Err(refusal) => Err(refusal),
        };
        outcomes.push((id, outcome.map_err(|r| refused(at(&format!("jobs[{i}]"), r)))));
    }
    Ok(answer_plain(StatusCode::OK, &caller, outcomes))
}

/// The mode of a pause, `target` by default.
pub(crate) fn pause_mode(name: Option<&str>) -> Result<PauseMode> {
    match name {
        None | Some("" | "target") => Ok(PauseMode::Target),
        Some("all") => Ok(PauseMode::All),
        Some(other) => Err(Refusal::invalid("pause_mode", other, "target, all")),
    }
}

/// Body of `batch-retry-task`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchRetryReq)]
pub(crate) struct BatchRetry {
    /// Jobs to resume, 1..=100.
    #[serde(default)]
    pub jobs: Vec<RetryJob>,
}

/// A job to resume.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3RetryInfo)]
pub(crate) struct RetryJob {
    /// Job.
    pub job_id: Option<String>,
    /// Bring the edited objects into force.
    pub is_sync_re_edit: Option<bool>,
}

/// Resumes paused jobs, retries failed ones.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-retry-task", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchRetry,
    responses((status = 200, body = BatchAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_restore_task(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchRetry>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    check_ids(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")), "jobs")?;
    let mut outcomes = Vec::with_capacity(body.jobs.len());
    for job in body.jobs {
        let id = job.job_id.unwrap_or_default();
        let re_edit = job.is_sync_re_edit.unwrap_or(false);
        let outcome = control.resume(&caller, &id, re_edit).await;
        outcomes.push((id, outcome.map_err(refused)));
    }
    Ok(answer_plain(StatusCode::OK, &caller, outcomes))
}

/// Body of `DELETE batch-jobs`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchDeleteJobReq)]
pub(crate) struct BatchDelete {
    /// Jobs to end or delete, 1..=100.
    #[serde(default)]
    pub jobs: Vec<DeleteJob>,
}

/// A job to end or delete.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3DeleteJobReq)]
pub(crate) struct DeleteJob {
    /// Job.
    pub job_id: Option<String>,
    /// `terminate`, `force_terminate` or `delete`
    pub delete_type: Option<String>,
}

/// Ends or deletes jobs.
#[utoipa::path(delete, path = "/v3/{project_id}/jobs/batch-jobs", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchDelete,
    responses((status = 202, body = BatchAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_delete_jobs(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchDelete>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    check_ids(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")), "jobs")?;
    let mut outcomes = Vec::with_capacity(body.jobs.len());
    for (i, job) in body.jobs.into_iter().enumerate() {
        let id = job.job_id.unwrap_or_default();
        let kind = job.delete_type.as_deref();
        let permitted = permission::require(&caller, "batch_delete_jobs", kind.unwrap_or_default());
        let outcome = match kind {
            _ if permitted.is_err() => permitted,
            Some("terminate") => control.end(&caller, &id, false).await,
            Some("force_terminate") => control.end(&caller, &id, true).await,
            Some("delete") => control.delete(&caller, &id).await.map(drop),
            None | Some("") => Err(Refusal::Missing { field: "delete_type".into() }),
            Some(other) => {
                Err(Refusal::invalid("delete_type", other, "terminate, force_terminate, delete"))
            }
        };
        outcomes.push((id, outcome.map_err(|r| refused(at(&format!("jobs[{i}]"), r)))));
    }
    Ok(answer_plain(StatusCode::ACCEPTED, &caller, outcomes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_modes() {
        assert_eq!(pause_mode(None), Ok(PauseMode::Target));
        assert_eq!(pause_mode(Some("all")), Ok(PauseMode::All));
        assert!(pause_mode(Some("source")).is_err());
        assert!(refuse_only_init(Some(true)).is_err() && refuse_only_init(Some(false)).is_ok());
    }
}
