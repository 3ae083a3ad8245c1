//! `POST …/jobs` and `POST …/jobs/clone`.
//!
//! DRS documents the Kafka links for v3 only; that v5 takes them here is an extension.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        job_input::{self, ResourceTag},
        kept::{keep, non_empty},
        refusal::at,
        text_or_integer::TextOrInteger,
        time,
    },
    control::{
        Refusal, Result,
        endpoint::Side,
        job::{Attributes, Engine, Job, NewJob, TaskMode},
    },
};

use super::{
    delete::unsupported,
    endpoint::{JobEndpointInput, one_endpoint},
    missing, refused,
};

/// Body of `POST …/jobs`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5SingleCreateJobReq)]
pub(crate) struct CreateRequest {
    /// The job.
    pub job: Option<CreateJob>,
}

/// A job to make.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5CreateJobReq)]
pub(crate) struct CreateJob {
    /// Name, link, phases.
    pub base_info: Option<BaseInfo>,
    /// Source: a list of one.
    #[serde(default)]
    pub source_endpoint: Vec<JobEndpointInput>,
    /// Target: a list of one.
    #[serde(default)]
    pub target_endpoint: Vec<JobEndpointInput>,
    /// Node; kept.
    #[schema(value_type = Option<Object>)]
    pub node_info: Option<Value>,
    /// Kept.
    #[schema(value_type = Option<Object>)]
    pub public_ip_list: Option<Value>,
}

/// Name, link, phases.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V5JobBaseInfo)]
pub(crate) struct BaseInfo {
    /// Name: 4..=50 characters.
    pub name: Option<String>,
    /// `sync`
    pub job_type: Option<String>,
    /// Must be false.
    pub multi_write: Option<bool>,
    /// `mysql-to-kafka` or `taurus-to-kafka`
    pub engine_type: Option<String>,
    /// `up`, `down` or `non-dbs`
    pub job_direction: Option<String>,
    /// `FULL_TRANS`, `FULL_INCR_TRANS` or `INCR_TRANS`
    pub task_type: Option<String>,
    /// `eip`, `vpc` or `vpn`
    pub net_type: Option<String>,
    /// `on_demand`
    pub charging_mode: Option<String>,
    /// Enterprise project, `0` by default.
    pub enterprise_project_id: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Not offered here; action `start` takes a time.
    pub start_time: Option<TextOrInteger>,
    /// 14..=100, as text.
    pub expired_days: Option<TextOrInteger>,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<ResourceTag>,
    /// Kept.
    pub is_open_fast_clean: Option<bool>,
}

/// A job that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5CreateJobResponse)]
pub(crate) struct CreatedJob {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// `CREATING`
    pub status: &'static str,
    /// `2022-11-07T16:15:18Z`
    pub create_time: String,
    /// A boolean as text, as DRS has it.
    pub is_clone_job: &'static str,
}

/// Makes a job.
#[utoipa::path(post, path = "/v5/{project_id}/jobs", tag = "v5 jobs",
    params(("project_id" = String, Path)), request_body = CreateRequest,
    responses((status = 200, body = CreatedJob), (status = 400, body = ErrorBody)))]
pub(crate) async fn create_job(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<CreateRequest>,
) -> Result<Json<CreatedJob>, ApiError> {
    let job = body.job.ok_or_else(|| refused(missing("job")))?;
    let new = job.into_control().map_err(|r| refused(at("job", r)))?;
    let job = control.create(&caller, new).await;
    let job = job.map_err(|r| refused(at("job", r)))?;
    Ok(Json(created(&job, "false")))
}

fn created(job: &Job, is_clone_job: &'static str) -> CreatedJob {
    CreatedJob {
        id: job.id.clone(),
        name: job.name.clone(),
        status: job.status().name(),
        create_time: time::iso(job.times.created_ms),
        is_clone_job,
    }
}

impl CreateJob {
    /// The job in control's form.
    pub(super) fn into_control(self) -> Result<NewJob> {
        let base = self.base_info.ok_or_else(|| missing("base_info"))?;
        let engine = base.engine().map_err(|r| at("base_info", r))?;
        let source =
            one_endpoint("source_endpoint", self.source_endpoint, Side::Source, engine.source())?;
        let target =
            one_endpoint("target_endpoint", self.target_endpoint, Side::Target, engine.target())?;
        let mut attributes = Attributes::new();
        let node_type = self.node_info.as_ref().and_then(|node| node.pointer("/spec/node_type"));
        // Of another type than text it is refused like an unknown one.
        let node_type =
            node_type.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        let node_type = job_input::node_type("node_info.spec.node_type", node_type)?;
        keep(&mut attributes, "node_type", Some(node_type));
        keep(&mut attributes, "node_info", self.node_info);
        keep(&mut attributes, "public_ip_list", self.public_ip_list);
        base.into_control(engine, attributes, source, target).map_err(|r| at("base_info", r))
    }
}

impl BaseInfo {
    fn engine(&self) -> Result<Engine> {
        Engine::parse(self.engine_type.as_deref().ok_or_else(|| missing("engine_type"))?)
    }

    fn into_control(
        self,
        engine: Engine,
        mut attributes: Attributes,
        source: Option<crate::control::endpoint::EndpointInput>,
        target: Option<crate::control::endpoint::EndpointInput>,
    ) -> Result<NewJob> {
        job_input::require_sync("job_type", self.job_type.as_deref())?;
        job_input::refuse_multi_write(self.multi_write)?;
        job_input::refuse_period(self.charging_mode.as_deref())?;
        if self.start_time.is_some_and(|t| !t.0.is_empty() && t.0 != "0") {
            return Err(unsupported("start_time at creation", "start_time of the action start"));
        }
        keep(&mut attributes, "is_open_fast_clean", self.is_open_fast_clean);
        Ok(NewJob {
            name: required("name", self.name)?,
            description: self.description.unwrap_or_default(),
            engine,
            task: TaskMode::parse(&required("task_type", self.task_type)?)?,
            direction: required("job_direction", self.job_direction)?,
            net_type: required("net_type", self.net_type)?,
            enterprise_project_id: non_empty(self.enterprise_project_id)
                .unwrap_or_else(|| "0".to_owned()),
            expired_days: job_input::expired_days(self.expired_days)?,
            tags: job_input::tags(self.tags),
            attributes,
            source,
            target,
        })
    }
}

fn required(field: &str, value: Option<String>) -> Result<String, Refusal> {
    non_empty(value).ok_or_else(|| missing(field))
}

/// Body of `POST …/jobs/clone`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5CloneJobReq)]
pub(crate) struct CloneRequest {
    /// Job to copy.
    pub job_id: Option<String>,
    /// Name of the new job.
    pub name: Option<String>,
}

/// Makes a job of the same settings, without passwords.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/clone", tag = "v5 jobs",
    params(("project_id" = String, Path)), request_body = CloneRequest,
    responses((status = 202, body = CreatedJob), (status = 400, body = ErrorBody)))]
pub(crate) async fn copy_job(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<CloneRequest>,
) -> Result<Response, ApiError> {
    let id = required("job_id", body.job_id).map_err(refused)?;
    let name = required("name", body.name).map_err(refused)?;
    let job = control.clone_job(&caller, &id, &name).await.map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(created(&job, "true"))).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::json;

    fn into_control(change: impl FnOnce(&mut Value)) -> Result<NewJob> {
        let mut body = json!({"job": {
            "base_info": {
                "name": "job-1", "job_type": "sync", "engine_type": "mysql-to-kafka",
                "job_direction": "non-dbs", "task_type": "FULL_INCR_TRANS", "net_type": "eip",
                "multi_write": false, "is_open_fast_clean": false, "expired_days": 20
            },
            "source_endpoint": [{"db_type": "mysql", "endpoint": {"db_port": "3306"}}],
            "target_endpoint": [{"db_type": "kafka", "endpoint": {"ip": "k:9092"}}],
            "node_info": {"spec": {"node_type": "medium"}}
        }});
        change(&mut body["job"]);
        let request: CreateRequest = json::read(body.to_string().as_bytes()).expect("it is read");
        request.job.expect("a job").into_control()
    }

    #[test]
    fn a_kafka_job_is_taken() {
        let job = into_control(|_| {}).expect("valid");
        assert_eq!((job.engine, job.expired_days), (Engine::MysqlToKafka, 20));
        assert_eq!(job.attributes["node_type"], "medium");
        assert_eq!(job.attributes["node_info"], json!({"spec": {"node_type": "medium"}}));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let field = |pointer: &str, value: Value| {
            let change = |job: &mut Value| {
                *job.pointer_mut(pointer).expect("the member is there") = value;
            };
            match into_control(change) {
                Err(Refusal::Invalid { field, .. } | Refusal::Missing { field }) => field,
                other => panic!("{pointer}: {other:?}"),
            }
        };
        let engine = "mysql-to-mysql";
        assert_eq!(field("/base_info/engine_type", json!(engine)), "base_info.engine_type");
        assert_eq!(field("/base_info/name", json!("")), "base_info.name");
        assert_eq!(field("/base_info/expired_days", json!("7")), "base_info.expired_days");
        assert_eq!(field("/source_endpoint", json!([{}, {}])), "source_endpoint");
        assert_eq!(
            field("/target_endpoint/0/db_type", json!("mysql")),
            "target_endpoint[0].db_type"
        );
        for bad in [json!("tiny"), json!(7), json!({"a": 1})] {
            assert_eq!(field("/node_info/spec/node_type", bad), "node_info.spec.node_type");
        }
        assert_eq!(field("/base_info", Value::Null), "base_info");
    }
}
