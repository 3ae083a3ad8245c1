//! Sizes of jobs: what is offered for a link, another size for a job, and how many jobs use an instance.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::{JobCall, ProjectCall},
        error::{ApiError, ErrorBody},
        job_input,
        kept::non_empty,
        query::QueryText,
    },
    control::{
        Result,
        endpoint::DbType,
        job::{Engine, Job},
    },
};

use super::tagged::every_job;
use super::{missing, refused};

/// What a size is called by whoever bills for it. Nothing is billed here: the codes are names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowLinkFlavorsResponse)]
pub(crate) struct LinkFlavors {
    /// The machine.
    pub vm_flavor: Flavor,
    /// Its disk.
    pub volume_flavor: Flavor,
    /// Its traffic.
    pub flow_flavor: Flavor,
}

/// A name of a size.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5FlavorInfo)]
pub(crate) struct Flavor {
    /// Id.
    pub id: String,
    /// `drs`
    pub cloud_service_type: &'static str,
    /// `vm`, `volume`, `flow`
    pub spec_type_code: &'static str,
    /// Name of the size.
    pub spec_code: String,
}

/// Names the size of a link's jobs.
#[utoipa::path(get, path = "/v5/{project_id}/link-flavors", tag = "v5 links",
    params(("project_id" = String, Path), ("engine_type" = Option<String>, Query), ("job_type" = Option<String>, Query),
        ("job_direction" = Option<String>, Query), ("net_type" = Option<String>, Query),
        ("node_type" = Option<String>, Query, description = "micro to 2xlarge; high by default"),
        ("is_multi_write" = Option<bool>, Query)),
    responses((status = 200, body = LinkFlavors), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_link_flavors(
    _: ProjectCall,
    query: QueryText,
) -> Result<Json<LinkFlavors>, ApiError> {
    let engine = query.text("engine_type").map(Engine::parse).transpose().map_err(refused)?;
    if let Some(kind) = query.text("job_type") {
        job_input::require_sync("job_type", Some(kind)).map_err(refused)?;
    }
    let multi_write = query.boolean("is_multi_write", false).map_err(refused)?;
    job_input::refuse_multi_write(Some(multi_write)).map_err(refused)?;
    let size = job_input::node_type("node_type", query.text("node_type").map(str::to_owned));
    let size = size.map_err(refused)?;
    let link = engine.map_or("sync", Engine::name);
    let flavor = |spec_type_code: &'static str| {
        let spec_code = format!("drs.{link}.{size}.{spec_type_code}");
        Flavor { id: spec_code.clone(), cloud_service_type: "drs", spec_type_code, spec_code }
    };
    let (vm_flavor, volume_flavor) = (flavor("vm"), flavor("volume"));
    Ok(Json(LinkFlavors { vm_flavor, volume_flavor, flow_flavor: flavor("flow") }))
}

/// Another size.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ChangeFlavorReq)]
pub(crate) struct ChangeFlavor {
    /// `micro`, `small`, `medium`, `high`, `xlarge`, `2xlarge`
    pub spec_type: Option<String>,
}

/// The job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ChangeJobFlavorResponse)]
pub(crate) struct ChangedFlavor {
    /// Its id.
    pub id: String,
}

/// Gives a job another size, which holds from its next start on.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/change-flavor", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = ChangeFlavor,
    responses((status = 202, body = ChangedFlavor), (status = 400, body = ErrorBody)))]
pub(crate) async fn change_job_flavor(
    call: JobCall,
    V5Body(body): V5Body<ChangeFlavor>,
) -> Result<(StatusCode, Json<ChangedFlavor>), ApiError> {
    let given = non_empty(body.spec_type).ok_or_else(|| refused(missing("spec_type")))?;
    let size = job_input::node_type("spec_type", Some(given)).map_err(refused)?;
    call.control.change_node_type(&call.caller, &call.job_id, &size).await.map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(ChangedFlavor { id: call.job_id })))
}

/// How many there are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowChildNumResponse)]
pub(crate) struct ChildCount {
    /// Jobs.
    pub count: usize,
}

/// Counts the jobs that have an instance at one of their ends.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/child-count", tag = "v5 jobs",
    params(("project_id" = String, Path), ("instance_id" = String, Query), ("region" = Option<String>, Query),
        ("db_type" = String, Query)),
    responses((status = 200, body = ChildCount), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_child_num(
    ProjectCall { control, caller }: ProjectCall,
    query: QueryText,
) -> Result<Json<ChildCount>, ApiError> {
    let instance = query.required("instance_id").map_err(refused)?;
    let kind = DbType::parse(query.required("db_type").map_err(refused)?).map_err(refused)?;
    let jobs = every_job(&control, &caller).await.map_err(refused)?;
    let count = jobs.iter().filter(|job| uses(job, instance, kind)).count();
    Ok(Json(ChildCount { count }))
}

fn uses(job: &Job, instance: &str, kind: DbType) -> bool {
    let ends = [(&job.source, job.engine.source()), (&job.target, job.engine.target())];
    ends.into_iter().any(|(end, of)| {
        let named = end.attributes.get("inst_id").and_then(|id| id.as_str());
        of == kind && named == Some(instance)
    })
}
