//! `PUT …/jobs/{job_id}`: changes one aspect of a job, chosen by `type`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::JobCall,
        error::{ApiError, ErrorBody},
        job_input::{self, SpeedLimit, speed_windows},
        kept::{keep, non_empty},
        permission,
        refusal::at,
        v3::policy::PolicyInput,
    },
    control::{
        Refusal, Result,
        endpoint::Side,
        job::{Attributes, Description},
        query::QueryStatus,
    },
};

use super::{
    create::BaseInfo,
    delete::{Empty, unsupported},
    endpoint::{JobEndpointInput, one_endpoint},
    missing,
    object_tree::DbObjectInput,
    refused,
};

pub(in crate::api) const TYPES: &str =
    "name, description, expired_days, policy, endpoint, network, db_object, notify, speed_limit";

/// Body of `PUT …/jobs/{job_id}`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5SingleUpdateJobReq)]
pub(crate) struct UpdateRequest {
    /// The change.
    pub job: Option<UpdateJob>,
}

/// A change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5UpdateJobReq)]
pub(crate) struct UpdateJob {
    /// `name`, `description`, `expired_days`, `policy`, `endpoint` or `network`, `db_object`,
    /// `notify`, `speed_limit`
    pub r#type: Option<String>,
    /// New values; only those of the type are looked at.
    pub params: Option<UpdateParams>,
}

/// New values.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5UpdateJob)]
pub(crate) struct UpdateParams {
    /// `name`, `description`, `expired_days`
    pub base_info: Option<BaseInfo>,
    /// `endpoint`, `network`: a list of one
    #[serde(default)]
    pub source_endpoint: Vec<JobEndpointInput>,
    /// `endpoint`, `network`: a list of one
    #[serde(default)]
    pub target_endpoint: Vec<JobEndpointInput>,
    /// `policy`: what is absent stays as it is
    pub policy_config: Option<PolicyInput>,
    /// `db_object`
    pub db_object: Option<DbObjectInput>,
    /// `notify`; kept.
    #[schema(value_type = Option<Object>)]
    pub alarm_notify: Option<Value>,
    /// `speed_limit`; none lifts the limit
    #[serde(default)]
    pub speed_limit: Vec<SpeedLimit>,
}

/// Changes a job.
#[utoipa::path(put, path = "/v5/{project_id}/jobs/{job_id}", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    request_body = UpdateRequest,
    responses((status = 200, description = "Changed", body = Empty),
              (status = 202, description = "db_object: ask saving-status with the id", body = SavingStarted),
              (status = 400, body = ErrorBody)))]
pub(crate) async fn update_job(
    call: JobCall,
    V5Body(body): V5Body<UpdateRequest>,
) -> Result<Response, ApiError> {
    let job = body.job.ok_or_else(|| refused(missing("job")))?;
    let kind = non_empty(job.r#type).ok_or_else(|| refused(missing("job.type")))?;
    let params = job.params.ok_or_else(|| refused(missing("job.params")))?;
    let saved = Box::pin(update(&call, &kind, params)).await.map_err(|r| refused(at("job", r)))?;
    Ok(match saved {
        Some(id) => {
            let status = QueryStatus::Pending.name();
            (StatusCode::ACCEPTED, Json(SavingStarted { id, status })).into_response()
        }
        None => Json(Empty {}).into_response(),
    })
}

/// Answer of a selection.
#[derive(Debug, serde::Serialize, ToSchema)]
#[schema(as = V5SavingStarted)]
pub(crate) struct SavingStarted {
    /// For `…/db-objects/saving-status?query_id=`
    pub id: String,
    /// `pending`
    pub status: &'static str,
}

/// Carries a change out; the query id of a selection.
async fn update(call: &JobCall, kind: &str, params: UpdateParams) -> Result<Option<String>> {
    let JobCall { control, caller, job_id } = call;
    permission::require(caller, "update_job", kind)?;
    let under = |r| at("params", r);
    match kind {
        "name" | "description" | "expired_days" => {
            let base = params.base_info.ok_or_else(|| under(missing("base_info")))?;
            let to = description(kind, base).map_err(|r| at("params.base_info", r))?;
            control.describe(caller, job_id, to).await.map_err(|r| at("params.base_info", r))?;
        }
        "policy" => {
            let sent = params.policy_config.ok_or_else(|| under(missing("policy_config")))?;
            let job = control.get(caller, job_id).await?;
            let policy = match &job.policy {
                Some(policy) => sent.over(PolicyInput::of(policy)),
                None => sent,
            };
            let outcome = control.set_policy(caller, job_id, &policy.into_control()).await;
            outcome.map_err(|r| at("params.policy_config", r))?;
        }
        "endpoint" | "network" => endpoints(call, params).await.map_err(under)?,
        "db_object" => {
            let objects = params.db_object.ok_or_else(|| under(missing("db_object")))?;
            let under = |r| at("params.db_object", r);
            let selection = objects.into_control().map_err(under)?;
            let saved = control.select_objects(caller, job_id, selection).await;
            return saved.map(Some).map_err(under);
        }
        "notify" => {
            let notify = params.alarm_notify.ok_or_else(|| under(missing("alarm_notify")))?;
            let mut attributes = Attributes::new();
            keep(&mut attributes, "alarm_notify", Some(notify));
            let to = Description { attributes, ..Description::default() };
            control.describe(caller, job_id, to).await?;
        }
        "speed_limit" => {
            let windows = speed_windows(params.speed_limit).map_err(under)?;
            control.set_speed_limit(caller, job_id, windows).await.map_err(under)?;
        }
        other @ ("all" | "precheck" | "re_create") => {
            return Err(unsupported(format!("type {other}"), TYPES));
        }
        other => return Err(Refusal::invalid("type", other, TYPES)),
    }
    Ok(None)
}

/// The change of one note.
fn description(kind: &str, base: BaseInfo) -> Result<Description> {
    let mut to = Description::default();
    match kind {
        "name" => to.name = Some(non_empty(base.name).ok_or_else(|| missing("name"))?),
        "description" => {
            to.description = Some(base.description.ok_or_else(|| missing("description"))?);
        }
        _ => {
            let days = base.expired_days.filter(|d| !d.0.is_empty());
            let days = days.ok_or_else(|| missing("expired_days"))?;
            to.expired_days = Some(job_input::expired_days(Some(days))?);
        }
    }
    Ok(to)
}

async fn endpoints(call: &JobCall, params: UpdateParams) -> Result<()> {
    let JobCall { control, caller, job_id } = call;
    let engine = control.get(caller, job_id).await?.engine;
    let source = params.source_endpoint;
    let source = one_endpoint("source_endpoint", source, Side::Source, engine.source())?;
    let target = params.target_endpoint;
    let target = one_endpoint("target_endpoint", target, Side::Target, engine.target())?;
    if source.is_none() && target.is_none() {
        return Err(missing("source_endpoint or target_endpoint"));
    }
    control.set_endpoints(caller, job_id, source, target).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::text_or_integer::TextOrInteger;

    #[test]
    fn only_the_note_of_the_type_is_changed() {
        let base = BaseInfo {
            name: Some("n".into()),
            description: Some(String::new()),
            expired_days: Some(TextOrInteger("30".into())),
            ..BaseInfo::default()
        };
        let name = description("name", base.clone()).expect("valid");
        assert_eq!((name.name.as_deref(), name.description), (Some("n"), None));
        let text = description("description", base.clone()).expect("valid");
        assert_eq!((text.name, text.description.as_deref()), (None, Some("")));
        let days = description("expired_days", base).expect("valid");
        assert_eq!(days.expired_days, Some(30));
        for kind in ["name", "description", "expired_days"] {
            let outcome = description(kind, BaseInfo::default());
            assert!(matches!(outcome, Err(Refusal::Missing { field }) if field == kind));
        }
    }
}
