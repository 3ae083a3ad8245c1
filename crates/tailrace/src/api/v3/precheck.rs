//! `batch-precheck` and `batch-precheck-result`.

use axum::{http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        refusal::at,
    },
    control::{
        Refusal, Result,
        query::{CheckItem, Precheck, PrecheckMode},
    },
};

use super::batch::{JobIds, WholeError, answer, check_count, check_ids, refused};

/// Body of `batch-precheck`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchPrecheckReq)]
pub(crate) struct BatchPrecheck {
    /// Jobs to check, 1..=100.
    #[serde(default)]
    pub jobs: Vec<PrecheckJob>,
}

/// A job to check.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3PreCheckInfo)]
pub(crate) struct PrecheckJob {
    /// Job.
    pub job_id: Option<String>,
    /// `forStartJob` or `forRetryJob`
    pub precheck_mode: Option<String>,
}

/// Answer of `batch-precheck`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3BatchCheckJobsResponse)]
pub(crate) struct BatchPrechecking {
    /// Number of results.
    pub count: usize,
    /// A result per job.
    pub results: Vec<Prechecking>,
}

/// A precheck that was begun.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3PostPreCheckResp)]
pub(crate) struct Prechecking {
    /// Job.
    pub id: String,
    /// Precheck.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precheck_id: Option<String>,
    /// `success` or `failed`
    pub status: &'static str,
    /// Code, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Begins prechecks.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-precheck", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchPrecheck,
    responses((status = 200, body = BatchPrechecking), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_check_jobs(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchPrecheck>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    check_ids(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")), "jobs")?;
    let mut items = Vec::with_capacity(body.jobs.len());
    for (i, job) in body.jobs.into_iter().enumerate() {
        let id = job.job_id.unwrap_or_default();
        let outcome = match mode(job.precheck_mode.as_deref()) {
            Ok(mode) => control.precheck(&caller, &id, mode).await,
            Err(refusal) => Err(refusal),
        };
        items.push(match outcome {
            Ok(precheck_id) => {
                let precheck_id = Some(precheck_id);
                let item = Prechecking {
                    id,
                    precheck_id,
                    status: "success",
                    error_code: None,
                    error_msg: None,
                };
                (json!(item), None)
            }
            Err(refusal) => {
                let error = refused(at(&format!("jobs[{i}]"), refusal));
                let ErrorBody { error_code, error_msg } = error.body(caller.language);
                let item = Prechecking {
                    id,
                    precheck_id: None,
                    status: "failed",
                    error_code: Some(error_code),
                    error_msg: Some(error_msg),
                };
                (json!(item), Some(error))
            }
        });
    }
    Ok(answer(StatusCode::OK, WholeError::BadInput, items.len(), items))
}

/// The mode of a precheck.
pub(crate) fn mode(name: Option<&str>) -> Result<PrecheckMode> {
    let field = "precheck_mode";
    let name =
        name.filter(|n| !n.is_empty()).ok_or_else(|| Refusal::Missing { field: field.into() })?;
    PrecheckMode::from_name(name)
        .ok_or_else(|| Refusal::invalid(field, name, "forStartJob, forRetryJob"))
}

/// Answer of `batch-precheck-result`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3BatchCheckResultsResponse)]
pub(crate) struct BatchPrecheckResult {
    /// Number of jobs asked for.
    pub count: usize,
    /// A result per job.
    pub results: Vec<PrecheckView>,
}

/// A precheck.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3QueryPreCheckResp)]
pub(crate) struct PrecheckView {
    /// Precheck.
    pub precheck_id: String,
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
    pub precheck_result: Vec<CheckView>,
    /// Text, if the precheck itself could not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// A check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V3PrecheckResult)]
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
}

impl CheckView {
    /// The check as it is answered.
    pub(crate) fn of(item: &CheckItem) -> Self {
        let parts = [item.reason.as_deref(), item.remedy.as_deref()];
        Self {
            item: item.item.clone(),
            group: item.group.clone(),
            result: item.result.name(),
            failed_reason: parts.into_iter().flatten().collect::<Vec<_>>().join(" "),
            raw_error_msg: item.raw.clone().unwrap_or_default(),
            data: "",
        }
    }
}

/// Reads the newest prechecks of jobs.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-precheck-result", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = JobIds,
    responses((status = 200, body = BatchPrecheckResult),
              (status = 400, description = "None of the jobs has one", body = ErrorBody)))]
pub(crate) async fn batch_check_results(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<JobIds>,
) -> Result<Response, ApiError> {
    let (count, ids) = body.page(false)?;
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        let outcome = match control.get(&caller, &id).await {
            Ok(job) => {
                control.precheck_result(&caller, &id, None).await.map(|p| view(p, job.direction))
            }
            Err(refusal) => Err(refusal),
        };
        items.push(match outcome {
            Ok(view) => (json!(view), None),
            Err(refusal) => {
                let error = refused(refusal);
                let ErrorBody { error_code, error_msg } = error.body(caller.language);
                let item = json!({
                    "id": id, "result": false, "error_code": error_code, "error_msg": error_msg
                });
                (item, Some(error))
            }
        });
    }
    Ok(answer(StatusCode::OK, WholeError::NothingDone, count, items))
}

fn view(precheck: Precheck, job_direction: String) -> PrecheckView {
    PrecheckView {
        result: precheck.passed(),
        process: format!("{}%", precheck.process_percent),
        total_passed_rate: format!("{}%", precheck.passed_percent),
        precheck_id: precheck.query_id,
        rds_instance_id: "",
        job_direction,
        precheck_result: precheck.items.iter().map(CheckView::of).collect(),
        error_msg: precheck.error_message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::query::CheckResult;

    #[test]
    fn modes_are_named() {
        assert_eq!(mode(Some("forRetryJob")), Ok(PrecheckMode::Retry));
        assert!(matches!(mode(Some("")), Err(Refusal::Missing { .. })));
        assert!(matches!(mode(Some("x")), Err(Refusal::Invalid { .. })));
    }

    #[test]
    fn a_check_says_what_is_wrong_and_what_to_do() {
        let view = CheckView::of(&CheckItem {
            item: "srcBinlogFormatCheck".into(),
            group: "source".into(),
            result: CheckResult::Failed,
            reason: Some("binlog_format is STATEMENT.".into()),
            remedy: Some("Set it to ROW.".into()),
            raw: None,
        });
        assert_eq!(view.failed_reason, "binlog_format is STATEMENT. Set it to ROW.");
        assert_eq!((view.result, view.raw_error_msg.as_str()), ("FAILED", ""));
    }
}
