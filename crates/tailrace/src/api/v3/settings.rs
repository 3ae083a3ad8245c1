//! `batch-modify-pwd` and `batch-limit-speed`.

use axum::{http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        job_input::{SpeedLimit, speed_windows},
        refusal::at,
        secret_text::SecretText,
    },
    control::{Caller, Control, Refusal, Result, endpoint::Side},
};

use super::batch::{
    BatchAnswer, WholeError, answer, answer_plain, check_count, check_ids, refused,
};

/// Body of `batch-modify-pwd`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchModifyPwdReq)]
pub(crate) struct BatchPassword {
    /// Passwords, 1..=100; a job may appear once per end.
    #[serde(default)]
    pub jobs: Vec<EndpointPassword>,
}

/// A password.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3ModifyPwdEndPoint)]
pub(crate) struct EndpointPassword {
    /// Job.
    pub job_id: Option<String>,
    /// `so` or `ta`
    pub end_point_type: Option<String>,
    /// New password.
    pub db_password: Option<SecretText>,
    /// Kerberos; not offered.
    #[schema(value_type = Option<Object>)]
    pub kerberos: Option<Value>,
}

/// Answer of `batch-modify-pwd`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3BatchResetPasswordResponse)]
pub(crate) struct BatchPasswordAnswer {
    /// Number of results.
    pub count: usize,
    /// A result per password.
    pub results: Vec<PasswordResult>,
}

/// Result of a change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3ModifyDbPwdResp)]
pub(crate) struct PasswordResult {
    /// Job.
    pub id: String,
    /// `success` or `failed`
    pub status: &'static str,
    /// `so` or `ta`
    pub end_point_type: String,
    /// Code, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Changes passwords of running jobs.
#[utoipa::path(put, path = "/v3/{project_id}/jobs/batch-modify-pwd", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchPassword,
    responses((status = 200, body = BatchPasswordAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_reset_password(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchPassword>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    let mut items = Vec::with_capacity(body.jobs.len());
    for (i, change) in body.jobs.into_iter().enumerate() {
        let id = change.job_id.clone().unwrap_or_default();
        let end_point_type = change.end_point_type.clone().unwrap_or_default();
        let outcome = change_password(&control, &caller, change).await;
        let error = outcome.err().map(|r| refused(at(&format!("jobs[{i}]"), r)));
        let body = error.as_ref().map(|e| e.body(caller.language));
        let (error_code, error_msg) = body.map(|b| (b.error_code, b.error_msg)).unzip();
        let status = if error.is_some() { "failed" } else { "success" };
        let item = PasswordResult { id, status, end_point_type, error_code, error_msg };
        items.push((json!(item), error));
    }
    Ok(answer(StatusCode::OK, WholeError::BadInput, items.len(), items))
}

async fn change_password(
    control: &Control,
    caller: &Caller,
    change: EndpointPassword,
) -> Result<()> {
    let missing = |field: &str| Refusal::Missing { field: field.to_owned() };
    let id = change.job_id.filter(|id| !id.is_empty()).ok_or_else(|| missing("job_id"))?;
    let side = change.end_point_type.ok_or_else(|| missing("end_point_type"))?;
    let side =
        Side::from_code(&side).ok_or_else(|| Refusal::invalid("end_point_type", side, "so, ta"))?;
    if change.kerberos.is_some() {
        return Err(Refusal::Unsupported {
            what: "kerberos".into(),
            instead: "db_password; tickets of Kerberos are those of the server's process".into(),
        });
    }
    let password = change.db_password.filter(|p| !p.is_empty());
    let password = password.ok_or_else(|| missing("db_password"))?;
    control.change_password(caller, &id, side, password.into_secret()).await
}

/// Body of `batch-limit-speed`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchLimitSpeedReq)]
pub(crate) struct BatchLimitSpeed {
    /// Limits, one entry per job, 1..=100.
    #[serde(default)]
    pub speed_limits: Vec<LimitSpeed>,
}

/// The limit of a job.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3LimitSpeedReq)]
pub(crate) struct LimitSpeed {
    /// Job.
    pub job_id: Option<String>,
    /// Windows; none lifts the limit.
    #[serde(default)]
    pub speed_limit: Vec<SpeedLimit>,
}

/// Limits the speed of a job.
#[utoipa::path(put, path = "/v3/{project_id}/jobs/batch-limit-speed", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchLimitSpeed,
    responses((status = 200, body = BatchAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_set_speed(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchLimitSpeed>,
) -> Result<Response, ApiError> {
    let limits = body.speed_limits;
    check_count(limits.len(), "speed_limits")?;
    check_ids(limits.iter().map(|j| j.job_id.as_deref().unwrap_or("")), "speed_limits")?;
    let mut outcomes = Vec::with_capacity(limits.len());
    for (i, limit) in limits.into_iter().enumerate() {
        let id = limit.job_id.unwrap_or_default();
        let outcome = match speed_windows(limit.speed_limit) {
            Ok(windows) => control.set_speed_limit(&caller, &id, windows).await,
            Err(refusal) => Err(refusal),
        };
        outcomes.push((id, outcome.map_err(|r| refused(at(&format!("speed_limits[{i}]"), r)))));
    }
    Ok(answer_plain(StatusCode::OK, &caller, outcomes))
}
