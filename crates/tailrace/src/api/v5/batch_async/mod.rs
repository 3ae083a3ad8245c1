//! Jobs that are created together in the background: `jobs/batch-async-create` and `batch-async-jobs`.

mod draft;
mod merge;

use axum::{Json, http::StatusCode, response::IntoResponse, response::Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::{PathValues, ProjectCall},
        error::{ApiError, Dialect, ErrorBody},
        json,
        query::QueryText,
        time,
    },
    control::{
        Caller, Control, Refusal, Result,
        batch::{Batch, BatchJob, BatchStatus, Batches, DraftStage},
        job::Page,
    },
};

pub(crate) use draft::AsyncJobInput;
pub(super) use merge::merge as merge_values;

use super::{
    detail_view::{JobDetail, LogView},
    refused,
};

/// The status that DRS gives a batch which is committed, whatever its jobs are at.
const COMMITTED: &str = "COMMIT_SUCCESS";

/// The batches of a control plane, asked for in the form of this API.
pub fn batches(control: &Control) -> Batches {
    Batches::new(control, draft::read)
}

/// Body of `jobs/batch-async-create`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5BatchAsyncCreateJobReq)]
pub(crate) struct BatchRequest {
    /// Jobs with all that they need, 1..=50.
    #[serde(default)]
    #[schema(value_type = Vec<AsyncJobInput>)]
    pub jobs: Vec<Value>,
}

/// Answer of `jobs/batch-async-create`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5BatchCreateJobsAsyncResponse)]
pub(crate) struct BatchCreated {
    /// The batch.
    pub job: BatchId,
}

/// A batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5AsyncCreateJobResp)]
pub(crate) struct BatchId {
    /// Id.
    pub async_job_id: String,
}

/// Takes jobs in that are created together.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/batch-async-create", tag = "v5 batches",
    params(("project_id" = String, Path)), request_body = BatchRequest,
    responses((status = 202, body = BatchCreated), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_create_jobs_async(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<BatchRequest>,
) -> Result<Response, ApiError> {
    let id = take_in(&control, &caller, &body.jobs).await?;
    let job = BatchId { async_job_id: id };
    Ok((StatusCode::ACCEPTED, Json(BatchCreated { job })).into_response())
}

/// Begins a batch of these jobs. What has the wrong type is told at once, what has the wrong value by the batch.
pub(in crate::api) async fn take_in(
    control: &Control,
    caller: &Caller,
    jobs: &[Value],
) -> Result<String, ApiError> {
    let mut asked = Vec::with_capacity(jobs.len());
    for (i, job) in jobs.iter().enumerate() {
        json::member::<AsyncJobInput>(&format!("jobs[{i}]"), job)
            .map_err(|message| ApiError::bad_request(Dialect::V5, message))?;
        asked.push(SecretString::from(job.to_string()));
    }
    batches(control).create(caller, &asked).await.map_err(refused)
}

/// Answer of `batch-async-jobs`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListAsyncJobsResponse)]
pub(crate) struct BatchList {
    /// Batches in all.
    pub total_count: usize,
    /// Those of the page.
    pub jobs: Vec<BatchView>,
}

/// A batch in the list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5AsyncJobResp)]
pub(crate) struct BatchView {
    /// Id.
    pub async_job_id: String,
    /// `ASYNC_JOB_VALIDATING`, `ASYNC_JOB_VALIDATE_FAILED`, `AUTO_PARAM_VALIDATE_SUCCESS`, `ASYNC_JOB_CREATING`,
    /// `ASYNC_JOB_COMPLETED`
    pub status: &'static str,
    /// Domain of who asked.
    pub domain_name: String,
    /// Who asked.
    pub user_name: String,
    /// `2022-11-07T16:15:18Z`
    pub create_time: String,
}

/// Lists the batches of a project.
#[utoipa::path(get, path = "/v5/{project_id}/batch-async-jobs", tag = "v5 batches",
    params(("project_id" = String, Path),
        ("async_job_id" = Option<String>, Query), ("status" = Option<String>, Query,
            description = "ASYNC_JOB_VALIDATING, ASYNC_JOB_VALIDATE_FAILED, AUTO_PARAM_VALIDATE_SUCCESS, ASYNC_JOB_CREATING, ASYNC_JOB_COMPLETED; COMMIT_SUCCESS is both of the last"),
        ("domain_name" = Option<String>, Query), ("user_name" = Option<String>, Query),
        ("sort_key" = Option<String>, Query, description = "create_time, status, user_name"),
        ("sort_dir" = Option<String>, Query, description = "desc, asc"),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = BatchList), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_async_jobs(
    ProjectCall { control, caller }: ProjectCall,
    query: QueryText,
) -> Result<Json<BatchList>, ApiError> {
    let page = query.page().map_err(refused)?;
    let statuses = statuses(&query).map_err(refused)?;
    let domains = control.iam().domains(&caller.domain_id).await.map_err(refused)?;
    let domain = domains.into_iter().next().map(|domain| domain.name).unwrap_or_default();
    let wanted = |name: &str, has: &str| query.text(name).is_none_or(|asked| asked == has);
    let mut found: Vec<Batch> = batches(&control).list(&caller).await.map_err(refused)?;
    found.retain(|batch| {
        statuses.as_ref().is_none_or(|statuses| statuses.contains(&batch.status))
            && wanted("async_job_id", &batch.id)
            && wanted("domain_name", &domain)
            && wanted("user_name", &batch.user_name)
    });
    sort(&mut found, &query).map_err(refused)?;
    let total_count = found.len();
    let view = |batch: Batch| BatchView {
        async_job_id: batch.id,
        status: batch.status.name(),
        domain_name: domain.clone(),
        user_name: batch.user_name,
        create_time: time::iso(batch.created_ms),
    };
    Ok(Json(BatchList { total_count, jobs: page.of(found).map(view).collect() }))
}

/// The statuses that are asked for; none for all.
fn statuses(query: &QueryText) -> Result<Option<Vec<BatchStatus>>> {
    let Some(name) = query.text("status") else { return Ok(None) };
    if name == COMMITTED {
        return Ok(Some(vec![BatchStatus::Creating, BatchStatus::Completed]));
    }
    let status = BatchStatus::from_name(name).ok_or_else(|| {
        let allowed = "ASYNC_JOB_VALIDATING, ASYNC_JOB_VALIDATE_FAILED, AUTO_PARAM_VALIDATE_SUCCESS, \
                       ASYNC_JOB_CREATING, ASYNC_JOB_COMPLETED, COMMIT_SUCCESS";
        Refusal::invalid("status", name, allowed)
    })?;
    Ok(Some(vec![status]))
}

/// Sorts batches that come the newest first.
fn sort(found: &mut [Batch], query: &QueryText) -> Result<()> {
    match query.text("sort_key") {
        None | Some("create_time") => {}
        // Stable: of equals the newest stays first.
        Some("status") => found.sort_by(|a, b| b.status.name().cmp(a.status.name())),
        Some("user_name") => found.sort_by(|a, b| b.user_name.cmp(&a.user_name)),
        Some(other) => {
            return Err(Refusal::invalid("sort_key", other, "create_time, status, user_name"));
        }
    }
    match query.text("sort_dir") {
        None | Some("desc") => {}
        Some("asc") => found.reverse(),
        Some(other) => return Err(Refusal::invalid("sort_dir", other, "desc, asc")),
    }
    Ok(())
}

/// Answer of `batch-async-jobs/{async_job_id}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListAsyncJobDetailResponse)]
pub(crate) struct BatchDetail {
    /// Jobs in all.
    pub total_count: usize,
    /// Those of the page.
    pub jobs: Vec<JobDetail>,
}

/// Lists the jobs of a batch, with what is wrong with each.
#[utoipa::path(get, path = "/v5/{project_id}/batch-async-jobs/{async_job_id}", tag = "v5 batches",
    params(("project_id" = String, Path), ("async_job_id" = String, Path),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = BatchDetail), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_async_job_detail(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
    query: QueryText,
) -> Result<Json<BatchDetail>, ApiError> {
    let page: Page = query.page().map_err(refused)?;
    let found = batches(&control).jobs(&caller, path.get("async_job_id"), page).await;
    let (total_count, jobs) = found.map_err(refused)?;
    let now = time::iso(control.now_ms());
    Ok(Json(BatchDetail {
        total_count,
        jobs: jobs.into_iter().map(|job| view(job, &now)).collect(),
    }))
}

fn view(one: BatchJob, now: &str) -> JobDetail {
    let mut view = one.job.as_ref().map(JobDetail::of).unwrap_or_default();
    view.id = one.job_id;
    match one.stage {
        DraftStage::Asked => view.status = BatchStatus::Validating.name(),
        DraftStage::Invalid => view.status = BatchStatus::Invalid.name(),
        // Until it is there.
        DraftStage::Valid => view.status = BatchStatus::Valid.name(),
        DraftStage::Failed if one.job.is_none() => view.status = "CREATE_FAILED",
        DraftStage::Started | DraftStage::Failed => {}
    }
    if view.create_time.is_empty() {
        now.clone_into(&mut view.create_time);
    }
    let log = |message: String| LogView { create_time: now.to_owned(), level: "Error", message };
    view.failed_reason = one.message.clone().or(view.failed_reason);
    view.logs = one.message.map(|message| vec![log(message)]);
    view
}

/// Body of the change of a batch.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5BatchAsyncUpdateJobReq)]
pub(crate) struct BatchChange {
    /// Changes, one per job.
    #[serde(default)]
    pub jobs: Vec<JobChange>,
}

/// A change of one job of a batch.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5BatchAsyncUpdateJob)]
pub(crate) struct JobChange {
    /// `all`, `network`, `policy`, `db_object`, or `precheck`, which only looks at it again
    pub r#type: Option<String>,
    /// `job_id`, and new values of the type's members; those that are absent stay.
    #[schema(value_type = AsyncJobInput)]
    pub params: Option<Value>,
}

/// Answer of the change of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5UpdateBatchAsyncJobsResponse)]
pub(crate) struct BatchChanged {
    /// `success`
    pub status: &'static str,
}

/// Corrects jobs of a batch that is not committed yet.
#[utoipa::path(put, path = "/v5/{project_id}/batch-async-jobs/{async_job_id}", tag = "v5 batches",
    params(("project_id" = String, Path), ("async_job_id" = String, Path)),
    request_body = BatchChange,
    responses((status = 202, body = BatchChanged), (status = 400, body = ErrorBody)))]
pub(crate) async fn update_batch_async_jobs(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
    V5Body(body): V5Body<BatchChange>,
) -> Result<Response, ApiError> {
    let changes = merge::changes(body.jobs).map_err(refused)?;
    let ids: Vec<String> = changes.iter().map(|change| change.job_id.clone()).collect();
    let correct = |i: usize, asked: &SecretString| {
        changes[i].over(&format!("jobs[{i}].params"), asked.expose_secret()).map(SecretString::from)
    };
    batches(&control)
        .change(&caller, path.get("async_job_id"), &ids, &correct)
        .await
        .map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(BatchChanged { status: "success" })).into_response())
}

/// Answer of the commit of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5CommitAsyncJobResponse)]
pub(crate) struct BatchCommitted {
    /// The batch.
    pub job: Commit,
}

/// A batch that is committed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5AsyncCommitJobResp)]
pub(crate) struct Commit {
    /// Id.
    pub async_job_id: String,
    /// `COMMIT_SUCCESS`
    pub status: &'static str,
    /// What follows.
    pub msg: &'static str,
}

/// Has the jobs of a batch created, prechecked and started.
#[utoipa::path(post, path = "/v5/{project_id}/batch-async-jobs/{async_job_id}/commit", tag = "v5 batches",
    params(("project_id" = String, Path), ("async_job_id" = String, Path)),
    responses((status = 200, body = BatchCommitted), (status = 400, body = ErrorBody)))]
pub(crate) async fn commit_async_job(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
) -> Result<Json<BatchCommitted>, ApiError> {
    let id = path.get("async_job_id").to_owned();
    batches(&control).commit(&caller, &id).await.map_err(refused)?;
    let msg = "The jobs are being created, prechecked and started.";
    Ok(Json(BatchCommitted { job: Commit { async_job_id: id, status: COMMITTED, msg } }))
}
