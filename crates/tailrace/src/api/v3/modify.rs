//! `PUT …/jobs/batch-modification`: saves the ends after a connection test, renames, describes.

use axum::{http::StatusCode, response::Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        job_input,
        kept::{keep, non_empty},
        refusal::at,
    },
    control::{
        Caller, Control, Refusal, Result,
        job::{Attributes, Description, Job},
    },
};

use super::{
    batch::{BatchAnswer, answer_plain, check_count, check_ids, refused},
    endpoint::EndpointInput,
};

/// Body of `batch-modification`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchModifyJobReq)]
pub(crate) struct BatchModify {
    /// Changes, one per job, 1..=100.
    #[serde(default)]
    pub jobs: Vec<ModifyJob>,
}

/// Changes of a job. What is absent stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3ModifyJobReq)]
pub(crate) struct ModifyJob {
    /// Job.
    pub job_id: Option<String>,
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New source; what is not given of it is cleared, except passwords.
    pub source_endpoint: Option<EndpointInput>,
    /// New target.
    pub target_endpoint: Option<EndpointInput>,
    /// Has to be the job's.
    pub engine_type: Option<String>,
    /// Has to be the job's.
    pub task_type: Option<String>,
    /// Has to be the job's.
    pub net_type: Option<String>,
    /// Has to be the job's.
    pub job_direction: Option<String>,
    /// `sync`
    pub db_use_type: Option<String>,
    /// Kept.
    pub node_type: Option<String>,
    /// Kept.
    pub is_target_readonly: Option<bool>,
    /// Make the node anew; must be false.
    pub is_recreate: Option<bool>,
    /// Whether to save the ends that are given; true by default.
    pub store_db_info: Option<bool>,
    /// Of MySQL targets; kept.
    pub replace_definer: Option<bool>,
    /// Alarms; kept.
    #[schema(value_type = Option<Object>)]
    pub alarm_notify: Option<Value>,
}

/// Changes jobs.
#[utoipa::path(put, path = "/v3/{project_id}/jobs/batch-modification", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchModify,
    responses((status = 202, body = BatchAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_update_job(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchModify>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    check_ids(body.jobs.iter().map(|j| j.job_id.as_deref().unwrap_or("")), "jobs")?;
    let mut outcomes = Vec::with_capacity(body.jobs.len());
    for (i, change) in body.jobs.into_iter().enumerate() {
        let id = change.job_id.clone().unwrap_or_default();
        let outcome = modify(&control, &caller, &id, change).await;
        outcomes.push((id, outcome.map_err(|r| refused(at(&format!("jobs[{i}]"), r)))));
    }
    Ok(answer_plain(StatusCode::ACCEPTED, &caller, outcomes))
}

async fn modify(control: &Control, caller: &Caller, id: &str, change: ModifyJob) -> Result<()> {
    let job = control.get(caller, id).await?;
    change.check_fixed(&job)?;
    let save = change.store_db_info != Some(false);
    let source = change
        .source_endpoint
        .clone()
        .filter(|_| save)
        .map(|e| e.into_control(job.engine.source()).map_err(|r| at("source_endpoint", r)))
        .transpose()?;
    let target = change
        .target_endpoint
        .clone()
        .filter(|_| save)
        .map(|e| e.into_control(job.engine.target()).map_err(|r| at("target_endpoint", r)))
        .transpose()?;
    if let Some(description) = change.description(&job)? {
        control.describe(caller, id, description).await?;
    }
    if source.is_some() || target.is_some() {
        control.set_endpoints(caller, id, source, target).await?;
    }
    Ok(())
}

impl ModifyJob {
    /// What a job is cannot be changed; clients repeat it in this request.
    fn check_fixed(&self, job: &Job) -> Result<()> {
        let fixed = [
            ("engine_type", &self.engine_type, job.engine.name()),
            ("task_type", &self.task_type, job.task.name()),
            ("net_type", &self.net_type, job.net_type.as_str()),
            ("job_direction", &self.job_direction, job.direction.as_str()),
            ("db_use_type", &self.db_use_type, "sync"),
        ];
        for (field, given, own) in fixed {
            if let Some(given) = given.as_deref().filter(|g| !g.is_empty() && *g != own) {
                return Err(Refusal::invalid(field, given, format!("the job's own, {own}")));
            }
        }
        if self.is_recreate == Some(true) {
            return Err(Refusal::Unsupported {
                what: "is_recreate true".into(),
                instead: "is_recreate false: jobs have no node that is reclaimed".into(),
            });
        }
        Ok(())
    }

    /// Changes to the notes, without those that change nothing; `None` if there are none.
    fn description(self, job: &Job) -> Result<Option<Description>> {
        let mut attributes = Attributes::new();
        if let Some(node_type) = non_empty(self.node_type) {
            let node_type = job_input::node_type("node_type", Some(node_type))?;
            keep(&mut attributes, "node_type", Some(node_type));
        }
        keep(&mut attributes, "is_target_readonly", self.is_target_readonly);
        keep(&mut attributes, "replace_definer", self.replace_definer);
        keep(&mut attributes, "alarm_notify", self.alarm_notify);
        attributes.retain(|name, value| job.attributes.get(name) != Some(value));
        let description = Description {
            name: non_empty(self.name).filter(|name| *name != job.name),
            description: self.description.filter(|text| *text != job.description),
            expired_days: None,
            attributes,
        };
        let changes = description.name.is_some()
            || description.description.is_some()
            || !description.attributes.is_empty();
        Ok(changes.then_some(description))
    }
}
