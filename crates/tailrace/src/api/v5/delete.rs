//! `DELETE …/jobs/{job_id}` and `DELETE …/jobs`: removes ended jobs.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::{JobCall, ProjectCall},
        error::{ApiError, Dialect, ErrorBody},
        v3::batch,
    },
    control::Refusal,
};

use super::{
    item::{BatchAnswer, ItemResult, name_of},
    refused,
};

/// An answer without members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Empty {}

/// Deletes a job. It has to have ended: a running job is refused with its status and what to do.
#[utoipa::path(delete, path = "/v5/{project_id}/jobs/{job_id}", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, description = "Deleted", body = Empty),
              (status = 400, description = "No such job, or it has not ended", body = ErrorBody)))]
pub(crate) async fn delete_job(call: JobCall) -> Result<Json<Empty>, ApiError> {
    call.control.delete(&call.caller, &call.job_id).await.map_err(refused)?;
    Ok(Json(Empty {}))
}

/// Body of `DELETE …/jobs`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5BatchDeleteJobReq)]
pub(crate) struct BatchDelete {
    /// Job ids, 1..=100.
    #[serde(default)]
    pub jobs: Vec<String>,
}

/// Deletes several jobs. The answer is 200 even if some or all were refused.
#[utoipa::path(delete, path = "/v5/{project_id}/jobs", tag = "v5 jobs",
    params(("project_id" = String, Path)), request_body = BatchDelete,
    responses((status = 200, body = BatchAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_delete_jobs_by_id(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<BatchDelete>,
) -> Result<Json<BatchAnswer>, ApiError> {
    check_jobs(body.jobs.iter().map(String::as_str))?;
    let mut jobs = Vec::with_capacity(body.jobs.len());
    for id in body.jobs {
        jobs.push(match control.delete(&caller, &id).await {
            Ok(job) => ItemResult::success(id, job.name, None),
            Err(refusal) => {
                let name = name_of(&control, &caller, &id).await;
                ItemResult::failure(id, name, &caller, &refused(refusal))
            }
        });
    }
    Ok(Json(BatchAnswer { jobs }))
}

/// Checks the ids of a batch as v3 does, in v5's code.
pub(crate) fn check_jobs<'a>(ids: impl Iterator<Item = &'a str>) -> Result<(), ApiError> {
    batch::check_ids(ids, "jobs").map_err(|error| ApiError::bad_request(Dialect::V5, error.message))
}

/// Refuses an operation of DRS that has no counterpart here.
pub(crate) fn unsupported(what: impl Into<String>, instead: &str) -> Refusal {
    Refusal::Unsupported { what: what.into(), instead: instead.to_owned() }
}
