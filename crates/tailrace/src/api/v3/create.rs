//! `POST …/jobs/batch-creation`: the documented way to make a Kafka job.

use axum::{http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        job_input::{self, ResourceTag},
        kept::{keep, non_empty},
        refusal::at,
        text_or_integer::TextOrInteger,
    },
    control::{
        Refusal, Result,
        job::{Attributes, Engine, Job, NewJob, TaskMode},
    },
};

use super::{
    batch::{WholeError, answer, check_count, refused},
    endpoint::EndpointInput,
};

/// Body of `batch-creation`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchCreateJobReq)]
pub(crate) struct BatchCreate {
    /// Jobs to make, 1..=100.
    #[serde(default)]
    pub jobs: Vec<CreateJob>,
}

/// A job to make.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V3CreateJobReq)]
pub(crate) struct CreateJob {
    /// Name: 4..=50 characters.
    pub name: Option<String>,
    /// `sync`
    pub db_use_type: Option<String>,
    /// `mysql-to-kafka` or `taurus-to-kafka`
    pub engine_type: Option<String>,
    /// `up`, `down` or `non-dbs`
    pub job_direction: Option<String>,
    /// `eip`, `vpc` or `vpn`
    pub net_type: Option<String>,
    /// `FULL_TRANS`, `FULL_INCR_TRANS` or `INCR_TRANS`
    pub task_type: Option<String>,
    /// `micro`, `small`, `medium`, `high`, `xlarge` or `2xlarge`; kept.
    pub node_type: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Source.
    pub source_endpoint: Option<EndpointInput>,
    /// Target.
    pub target_endpoint: Option<EndpointInput>,
    /// 14..=100, as text.
    pub expired_days: Option<TextOrInteger>,
    /// Tags.
    #[serde(default)]
    pub tags: Vec<ResourceTag>,
    /// The enterprise project, by key `_sys_enterprise_project_id`.
    #[serde(default)]
    pub sys_tags: Vec<ResourceTag>,
    /// Subnet of the node (the member's name is misspelt in DRS too); kept.
    pub customize_sutnet_id: Option<String>,
    /// Kept.
    pub bind_eip: Option<bool>,
    /// Kept.
    pub is_target_readonly: Option<bool>,
    /// Several sources or targets; must be false.
    pub multi_write: Option<bool>,
    /// Kept.
    pub node_num: Option<i64>,
    /// Zone of the first node; kept.
    pub master_az: Option<String>,
    /// Zone of the second node; kept.
    pub slave_az: Option<String>,
    /// `on_demand`; `period` is not offered.
    pub charging_mode: Option<String>,
    /// Kept.
    pub product_id: Option<String>,
    /// Kept.
    #[schema(value_type = Option<Object>)]
    pub public_ip_list: Option<Value>,
    /// Kept.
    pub is_open_fast_clean: Option<bool>,
}

/// A job that was made, or why it was not.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V3CreateJobResp)]
pub(crate) struct CreatedJob {
    /// Id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `CREATING`, or `failed`.
    pub status: String,
    /// Milliseconds of the Unix epoch, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_time: Option<String>,
    /// Always empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child_ids: Option<Vec<String>>,
    /// Code, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Answer of `batch-creation`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3BatchCreateJobsResponse)]
pub(crate) struct BatchCreated {
    /// Number of results.
    pub count: usize,
    /// A result per job, in the order of the request.
    pub results: Vec<CreatedJob>,
}

/// Makes jobs.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-creation", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchCreate,
    responses((status = 202, body = BatchCreated),
              (status = 400, description = "No job was made", body = ErrorBody)))]
pub(crate) async fn batch_create_jobs(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchCreate>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    let mut items = Vec::with_capacity(body.jobs.len());
    for (i, job) in body.jobs.into_iter().enumerate() {
        let name = job.name.clone();
        let outcome = match job.into_control() {
            Ok(new) => control.create(&caller, new).await,
            Err(refusal) => Err(refusal),
        };
        items.push(match outcome {
            Ok(job) => (json!(created(&job)), None),
            Err(refusal) => {
                let error = refused(at(&format!("jobs[{i}]"), refusal));
                let ErrorBody { error_code, error_msg } = error.body(caller.language);
                let item = CreatedJob {
                    name,
                    status: "failed".into(),
                    error_code: Some(error_code),
                    error_msg: Some(error_msg),
                    ..CreatedJob::default()
                };
                (json!(item), Some(error))
            }
        });
    }
    Ok(answer(StatusCode::ACCEPTED, WholeError::NothingDone, items.len(), items))
}

fn created(job: &Job) -> CreatedJob {
    CreatedJob {
        id: Some(job.id.clone()),
        name: Some(job.name.clone()),
        status: job.status().name().to_owned(),
        create_time: Some(job.times.created_ms.to_string()),
        child_ids: Some(Vec::new()),
        ..CreatedJob::default()
    }
}

impl CreateJob {
    fn into_control(self) -> Result<NewJob> {
        job_input::require_sync("db_use_type", self.db_use_type.as_deref())?;
        job_input::refuse_multi_write(self.multi_write)?;
        job_input::refuse_period(self.charging_mode.as_deref())?;
        let engine = Engine::parse(&required("engine_type", self.engine_type)?)?;
        let task = TaskMode::parse(&required("task_type", self.task_type)?)?;
        let node_type = job_input::node_type("node_type", self.node_type)?;
        let source = match self.source_endpoint {
            Some(input) => {
                Some(input.into_control(engine.source()).map_err(|r| at("source_endpoint", r))?)
            }
            None => None,
        };
        let target = match self.target_endpoint {
            Some(input) => {
                Some(input.into_control(engine.target()).map_err(|r| at("target_endpoint", r))?)
            }
            None => None,
        };
        let mut attributes = Attributes::new();
        keep(&mut attributes, "node_type", Some(node_type));
        keep(&mut attributes, "customize_sutnet_id", self.customize_sutnet_id);
        keep(&mut attributes, "bind_eip", self.bind_eip);
        keep(&mut attributes, "is_target_readonly", self.is_target_readonly);
        keep(&mut attributes, "node_num", self.node_num);
        keep(&mut attributes, "master_az", self.master_az);
        keep(&mut attributes, "slave_az", self.slave_az);
        keep(&mut attributes, "product_id", self.product_id);
        keep(&mut attributes, "public_ip_list", self.public_ip_list);
        keep(&mut attributes, "is_open_fast_clean", self.is_open_fast_clean);
        Ok(NewJob {
            name: required("name", self.name)?,
            description: self.description.unwrap_or_default(),
            engine,
            task,
            direction: required("job_direction", self.job_direction)?,
            net_type: required("net_type", self.net_type)?,
            enterprise_project_id: enterprise_project(self.sys_tags),
            expired_days: job_input::expired_days(self.expired_days)?,
            tags: job_input::tags(self.tags),
            attributes,
            source,
            target,
        })
    }
}

fn enterprise_project(sys_tags: Vec<ResourceTag>) -> String {
    sys_tags
        .into_iter()
        .find(|tag| tag.key.as_deref() == Some("_sys_enterprise_project_id"))
        .and_then(|tag| non_empty(tag.value))
        .unwrap_or_else(|| "0".to_owned())
}

fn required(field: &str, value: Option<String>) -> Result<String> {
    non_empty(value).ok_or_else(|| Refusal::Missing { field: field.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::json;

    /// What the Terraform provider sends.
    fn terraform() -> Value {
        json!({
            "bind_eip": false, "customize_sutnet_id": "s", "db_use_type": "sync",
            "description": "", "engine_type": "mysql-to-kafka", "expired_days": "14",
            "is_target_readonly": false, "job_direction": "down", "multi_write": false,
            "name": "job-1", "net_type": "vpc", "node_type": "high",
            "task_type": "FULL_INCR_TRANS", "tags": [{"key": "k", "value": "v"}],
            "sys_tags": [{"key": "_sys_enterprise_project_id", "value": "7"}],
            "master_az": "", "slave_az": "", "is_open_fast_clean": false,
            "source_endpoint": {"db_type": "mysql", "inst_id": "i", "db_port": 3306},
            "target_endpoint": {"db_type": "kafka", "ip": "k:9092", "db_port": 0}
        })
    }

    fn into_control(change: impl FnOnce(&mut Value)) -> Result<NewJob> {
        let mut body = terraform();
        change(&mut body);
        json::read::<CreateJob>(body.to_string().as_bytes()).expect("it is read").into_control()
    }

    #[test]
    fn terraforms_request_is_taken_whole() {
        let job = into_control(|_| {}).expect("valid");
        assert_eq!((job.engine, job.task), (Engine::MysqlToKafka, TaskMode::FullIncremental));
        assert_eq!((job.expired_days, job.enterprise_project_id.as_str()), (14, "7"));
        assert_eq!(job.attributes["node_type"], "high");
        assert!(!job.attributes.contains_key("master_az"));
        assert_eq!(job.target.expect("a target").endpoint.port, None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let field = |name: &'static str, value: Value| match into_control(|body| body[name] = value)
        {
            Err(Refusal::Invalid { field, .. } | Refusal::Missing { field }) => field,
            Err(Refusal::Unsupported { what, .. }) => what,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(field("engine_type", json!("oracle-to-kafka")), "engine_type");
        assert_eq!(field("task_type", json!("ALL")), "task_type");
        assert_eq!(field("node_type", json!("tiny")), "node_type");
        assert_eq!(field("expired_days", json!("x")), "expired_days");
        assert_eq!(field("name", json!(null)), "name");
        assert_eq!(field("job_direction", json!("")), "job_direction");
        assert!(field("db_use_type", json!("migration")).contains("migration"));
        assert!(field("multi_write", json!(true)).contains("multi_write"));
        assert!(field("charging_mode", json!("period")).contains("period"));
        assert_eq!(field("source_endpoint", json!({"db_type": "x"})), "source_endpoint.db_type");
    }
}
