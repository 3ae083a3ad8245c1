//! `POST …/action`, `…/stop` and their batch forms: everything that is done to a job.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::{OptionalV5Body, V5Body},
        call::{JobCall, ProjectCall},
        error::{ApiError, ErrorBody},
        job_input::start_time,
        kept::non_empty,
        permission,
        refusal::at,
        text_or_integer::TextOrInteger,
        v3::{
            operate::{pause_mode, refuse_only_init},
            precheck::mode,
        },
    },
    control::{
        Caller, Control, Part, Refusal, Result,
        endpoint::{EndpointInput, Side},
        job::Job,
        query::{CheckItem, CheckResult},
    },
};

use super::{
    compare::CompareTaskInput,
    delete::{check_jobs, unsupported},
    endpoint::JobEndpointInput,
    item::{BatchAnswer, ItemResult, name_of},
    missing, refused,
    repair::RepairInfo,
};

/// Names of the actions offered.
pub(in crate::api) const ACTIONS: &str = "network, precheck, skip_precheck, start, stop, restart, reset, terminate, create_compare, cancel_compare, start_repair, stop_repair, stop_capture, continue_capture, stop_apply, continue_apply";
/// Names of DRS's other actions.
const NOT_OFFERED: &[&str] = &[
    "reload_parameters",
    "column_limit",
    "diagnosis",
    "set_writable",
    "set_readonly",
    "bind_eip",
    "unbind_eip",
    "cloud_connection",
];

/// Body of `POST …/action`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5JobActionReq)]
pub(crate) struct ActionRequest {
    /// The action.
    pub job: Option<JobAction>,
}

/// An action.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ActionReq)]
pub(crate) struct JobAction {
    /// Job, in the batch form.
    pub job_id: Option<String>,
    /// `network`, `precheck`, `start`, `stop` (pauses), `restart` (resumes), `reset`,
    /// `terminate` (ends), `create_compare`, `cancel_compare`, `start_repair`, `stop_repair`,
    /// `stop_capture`, `continue_capture`, `stop_apply` or `continue_apply`
    pub action_name: Option<String>,
    /// Parameters; may be absent.
    #[serde(default)]
    pub action_params: ActionParams,
}

/// Parameters of an action.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ActionParams)]
pub(crate) struct ActionParams {
    /// `network`: ends to test; absent tests what is saved.
    #[serde(default)]
    pub endpoints: Vec<JobEndpointInput>,
    /// `precheck`: `forStartJob` or `forRetryJob`
    pub precheck_mode: Option<String>,
    /// `skip_precheck`: which checks, and why.
    pub skip_precheck_info: Option<SkipPrecheck>,
    /// `stop`: `target` or `all`
    pub pause_mode: Option<String>,
    /// `start`: when, milliseconds of the Unix epoch as text; absent is now.
    pub start_time: Option<TextOrInteger>,
    /// `start`: must be false.
    pub is_only_init_task: Option<bool>,
    /// `restart`: bring the edited objects into force.
    pub is_sync_re_edit: Option<bool>,
    /// `create_compare`: what to compare; `cancel_compare`: which task.
    pub compare_task_param: Option<CompareTaskInput>,
    /// `start_repair`: of which comparison, and which tables.
    pub repair_info: Option<RepairInfo>,
    /// `terminate`: end by force.
    pub force_delete: Option<bool>,
}

/// Checks to pass over.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5SkipPreCheckInfo)]
pub(crate) struct SkipPrecheck {
    /// Names of checks of the newest precheck. Alarms do not hinder the start and may be named;
    /// failed checks may not: what they found would fail the job.
    #[serde(default)]
    pub skipped_precheck_list: Vec<String>,
    /// Why.
    pub skip_reason: Option<String>,
}

/// Answer of an action that is done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ActionDone)]
pub(crate) struct ActionDone {
    /// `success`
    pub status: &'static str,
}

/// Answer of an action whose outcome is asked for later.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ActionStarted)]
pub(crate) struct ActionStarted {
    /// For `GET …/jobs/{job_id}?type=network|precheck&query_id=`, `?type=compare&compare_task_id=`, or
    /// `?type=repair&query_id=`
    pub query_id: String,
}

/// Does something to a job.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/action", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    request_body = ActionRequest,
    responses((status = 200, description = "start, stop, restart, reset, terminate", body = ActionDone),
              (status = 202, description = "network, precheck, create_compare, cancel_compare, start_repair",
                  body = ActionStarted),
              (status = 400, body = ErrorBody)))]
pub(crate) async fn execute_job_action(
    JobCall { control, caller, job_id }: JobCall,
    V5Body(body): V5Body<ActionRequest>,
) -> Result<Response, ApiError> {
    let action = body.job.ok_or_else(|| refused(missing("job")))?;
    if let Some(id) = action.job_id.as_deref().filter(|id| !id.is_empty() && *id != job_id) {
        return Err(refused(Refusal::invalid("job.job_id", id, "the job of the path")));
    }
    let outcome = execute(&control, &caller, &job_id, action).await;
    Ok(match outcome.map_err(|r| refused(at("job", r)))? {
        Some(query_id) => (StatusCode::ACCEPTED, Json(ActionStarted { query_id })).into_response(),
        None => Json(ActionDone { status: "success" }).into_response(),
    })
}

/// Body of `POST …/jobs/action`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5BatchJobActionReq)]
pub(crate) struct BatchAction {
    /// Actions, one per job, 1..=100.
    #[serde(default)]
    pub jobs: Vec<JobAction>,
}

/// Does something to several jobs.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/action", tag = "v5 jobs",
    params(("project_id" = String, Path)), request_body = BatchAction,
    responses((status = 200, body = BatchAnswer),
              (status = 202, description = "Some outcomes are asked for later", body = BatchAnswer),
              (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_execute_job_actions(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<BatchAction>,
) -> Result<Response, ApiError> {
    check_jobs(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")))?;
    let mut jobs = Vec::with_capacity(body.jobs.len());
    for (i, action) in body.jobs.into_iter().enumerate() {
        let id = action.job_id.clone().unwrap_or_default();
        let outcome = execute(&control, &caller, &id, action).await;
        let name = name_of(&control, &caller, &id).await;
        jobs.push(match outcome {
            Ok(query_id) => ItemResult::success(id, name, query_id),
            Err(refusal) => {
                let error = refused(at(&format!("jobs[{i}]"), refusal));
                ItemResult::failure(id, name, &caller, &error)
            }
        });
    }
    let later = jobs.iter().any(|job| job.query_id.is_some());
    let status = if later { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(BatchAnswer { jobs })).into_response())
}

/// Carries an action out; the query id if its outcome is asked for later.
async fn execute(
    control: &Control,
    caller: &Caller,
    id: &str,
    action: JobAction,
) -> Result<Option<String>> {
    let name = non_empty(action.action_name).ok_or_else(|| missing("action_name"))?;
    permission::require(caller, "execute_job_action", &name)?;
    let params = action.action_params;
    let under = |r| at("action_params", r);
    match name.as_str() {
        "network" => {
            let job = control.get(caller, id).await?;
            let endpoints = network_endpoints(&job, params.endpoints).map_err(under)?;
            return control.test_connection(caller, id, endpoints).await.map(Some).map_err(under);
        }
        "precheck" => {
            let mode = mode(params.precheck_mode.as_deref()).map_err(under)?;
            return control.precheck(caller, id, mode).await.map(Some);
        }
        "create_compare" => {
            let task = params.compare_task_param.unwrap_or_default();
            let under = |r| under(at("compare_task_param", r));
            let input = task.into_control().map_err(under)?;
            return control.compare(caller, id, input).await.map(Some).map_err(under);
        }
        "cancel_compare" => {
            let task = params.compare_task_param.unwrap_or_default();
            let under = |r| under(at("compare_task_param", r));
            let task = task.id().map_err(under)?;
            control.cancel_comparison(caller, id, &task).await.map_err(under)?;
            return Ok(Some(task));
        }
        "start_repair" => {
            let under = |r| under(at("repair_info", r));
            let input = params.repair_info.unwrap_or_default().into_control().map_err(under)?;
            return control.repair(caller, id, input).await.map(Some).map_err(under);
        }
        "stop_repair" => control.stop_repair(caller, id).await?,
        "skip_precheck" => {
            let skip = params.skip_precheck_info.ok_or_else(|| missing("skip_precheck_info"));
            let skip = skip.map_err(under)?;
            let precheck = control.precheck_result(caller, id, None).await?;
            check_skip(&skip, &precheck.items).map_err(|r| under(at("skip_precheck_info", r)))?;
        }
        "start" => {
            refuse_only_init(params.is_only_init_task)?;
            let time = start_time("start_time", params.start_time).map_err(under)?;
            control.start(caller, id, time).await.map_err(under)?;
        }
        "stop" => {
            let mode = pause_mode(params.pause_mode.as_deref()).map_err(under)?;
            control.pause(caller, id, mode).await?;
        }
        "restart" => {
            control.resume(caller, id, params.is_sync_re_edit.unwrap_or(false)).await?;
        }
        "stop_capture" => control.hold(caller, id, Part::Capture, true).await?,
        "continue_capture" => control.hold(caller, id, Part::Capture, false).await?,
        "stop_apply" => control.hold(caller, id, Part::Apply, true).await?,
        "continue_apply" => control.hold(caller, id, Part::Apply, false).await?,
        "reset" => control.reset(caller, id).await?,
        "terminate" => control.end(caller, id, params.force_delete.unwrap_or(false)).await?,
        other if NOT_OFFERED.contains(&other) => {
            return Err(unsupported(format!("action_name {other}"), ACTIONS));
        }
        other => return Err(Refusal::invalid("action_name", other, ACTIONS)),
    }
    Ok(None)
}

/// Whether checks can be passed over.
fn check_skip(skip: &SkipPrecheck, items: &[CheckItem]) -> Result<()> {
    let list = "skipped_precheck_list";
    if skip.skipped_precheck_list.is_empty() {
        return Err(missing(list));
    }
    if skip.skip_reason.as_deref().is_none_or(str::is_empty) {
        return Err(missing("skip_reason"));
    }
    for (i, name) in skip.skipped_precheck_list.iter().enumerate() {
        let item = items.iter().find(|item| item.item == *name);
        if !item.is_some_and(|item| item.result != CheckResult::Failed) {
            let allowed = "a check of the newest precheck that passed or raised an alarm";
            return Err(Refusal::invalid(format!("{list}[{i}]"), name, allowed));
        }
    }
    Ok(())
}

/// The ends to test: those of the request, else the saved ones.
fn network_endpoints(
    job: &Job,
    inputs: Vec<JobEndpointInput>,
) -> Result<Vec<(Side, EndpointInput)>> {
    if inputs.is_empty() {
        let saved = |endpoint: &crate::control::endpoint::Endpoint| EndpointInput {
            endpoint: endpoint.clone(),
            secrets: Default::default(),
        };
        return Ok(vec![(Side::Source, saved(&job.source)), (Side::Target, saved(&job.target))]);
    }
    let mut endpoints: Vec<(Side, EndpointInput)> = Vec::with_capacity(2);
    for (i, input) in inputs.into_iter().enumerate() {
        let path = format!("endpoints[{i}]");
        let role = non_empty(input.endpoint_role.clone());
        let role = role.ok_or_else(|| at(&path, missing("endpoint_role")))?;
        let side = Side::from_code(&role)
            .ok_or_else(|| Refusal::invalid(format!("{path}.endpoint_role"), &role, "so, ta"))?;
        if endpoints.iter().any(|(s, _)| *s == side) {
            let field = format!("{path}.endpoint_role");
            return Err(Refusal::invalid(field, role, "each side once"));
        }
        let kind = match side {
            Side::Source => job.engine.source(),
            Side::Target => job.engine.target(),
        };
        endpoints.push((side, input.into_control(side, kind).map_err(|r| at(&path, r))?));
    }
    Ok(endpoints)
}

/// Body of `POST …/stop`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5StopJobActionReq)]
pub(crate) struct StopRequest {
    /// End by force.
    pub is_force_stop: Option<bool>,
}

/// Ends a job. (It does not pause it: action `stop` does.)
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/stop", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    request_body = StopRequest,
    responses((status = 200, body = ActionDone), (status = 400, body = ErrorBody)))]
pub(crate) async fn stop_job_action(
    JobCall { control, caller, job_id }: JobCall,
    OptionalV5Body(body): OptionalV5Body<StopRequest>,
) -> Result<Json<ActionDone>, ApiError> {
    let force = body.is_force_stop.unwrap_or(false);
    control.end(&caller, &job_id, force).await.map_err(refused)?;
    Ok(Json(ActionDone { status: "success" }))
}

/// Body of `POST …/jobs/batch-stop`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5BatchStopJobActionReq)]
pub(crate) struct BatchStop {
    /// Jobs to end, 1..=100.
    #[serde(default)]
    pub jobs: Vec<StopJob>,
}

/// A job to end.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5StopJobActionInfo)]
pub(crate) struct StopJob {
    /// Job.
    pub job_id: Option<String>,
    /// End by force.
    pub is_force_stop: Option<bool>,
}

/// Ends several jobs.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/batch-stop", tag = "v5 jobs",
    params(("project_id" = String, Path)), request_body = BatchStop,
    responses((status = 200, body = BatchAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_stop_jobs_action(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<BatchStop>,
) -> Result<Json<BatchAnswer>, ApiError> {
    check_jobs(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")))?;
    let mut jobs = Vec::with_capacity(body.jobs.len());
    for job in body.jobs {
        let id = job.job_id.unwrap_or_default();
        let outcome = control.end(&caller, &id, job.is_force_stop.unwrap_or(false)).await;
        let name = name_of(&control, &caller, &id).await;
        jobs.push(match outcome {
            Ok(()) => ItemResult::success(id, name, None),
            Err(refusal) => ItemResult::failure(id, name, &caller, &refused(refusal)),
        });
    }
    Ok(Json(BatchAnswer { jobs }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_can_be_passed_over_and_failures_cannot() {
        let item = |name: &str, result| CheckItem {
            item: name.into(),
            group: "g".into(),
            result,
            reason: None,
            remedy: None,
            raw: None,
        };
        let items = [item("a", CheckResult::Alarm), item("f", CheckResult::Failed)];
        let check = |names: &[&str], reason: &str| {
            let skip = SkipPrecheck {
                skipped_precheck_list: names.iter().map(|n| (*n).to_owned()).collect(),
                skip_reason: Some(reason.to_owned()),
            };
            check_skip(&skip, &items)
        };
        assert_eq!(check(&["a"], "known"), Ok(()));
        for (names, reason) in [(&["f"][..], "r"), (&["x"], "r"), (&[], "r"), (&["a"], "")] {
            assert!(check(names, reason).is_err(), "{names:?} {reason}");
        }
    }
}
