//! The list of jobs as a workbook: `export-jobs`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        job_list::status_filter,
        kept::non_empty,
        time,
        v5::{delete::unsupported, list, missing, refused},
    },
    control::{
        Caller, Control, Refusal, Result,
        endpoint::Endpoint,
        exports::ExportKind,
        job::{Engine, Job, JobFilter, Page, TaskMode},
        node_type,
    },
};

use super::{
    ExportStarted,
    sheet::{self, Sheet},
    stamp,
};

/// What a list of jobs is filtered by.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ExportJobsReq)]
pub(crate) struct ExportJobsRequest {
    /// `sync`; other types have no jobs.
    pub job_type: Option<String>,
    /// Part of the name, or an id.
    pub name: Option<String>,
    /// Status.
    pub status: Option<String>,
    /// Part of the description.
    pub description: Option<String>,
    /// Enterprise project.
    pub enterprise_project_id: Option<String>,
    /// Link.
    pub engine_type: Option<String>,
    /// Network.
    pub net_type: Option<String>,
    /// Size of the node.
    pub spec_type: Option<String>,
    /// Direction.
    pub direction: Option<String>,
    /// Phases.
    pub task_type: Option<String>,
    /// `0`, as nothing is charged.
    pub billing_tag: Option<String>,
    /// `0`, as nothing is charged.
    pub billing_mode: Option<String>,
    /// `name`, `status`, `create_time`, `net_type`, `job_direction`
    pub sort_key: Option<String>,
    /// `desc`, `asc`
    pub sort_dir: Option<String>,
    /// `key`, or `key=value`.
    pub tag: Option<String>,
    /// Not offered.
    #[serde(default)]
    pub dbs_instance_ids: Vec<String>,
    /// Not offered.
    pub create_at: Option<String>,
    /// Not offered.
    pub completed_at: Option<String>,
    /// Not offered.
    pub public_ip: Option<String>,
    /// Not offered.
    pub instance_ip: Option<String>,
    /// Not offered.
    pub inner_ip: Option<String>,
}

/// Writes the list of jobs into a file, which `files` lists.
#[utoipa::path(post, path = "/v5/{project_id}/export-jobs", tag = "v5 files",
    params(("project_id" = String, Path)), request_body = ExportJobsRequest,
    responses((status = 202, body = ExportStarted), (status = 400, body = ErrorBody)))]
pub(crate) async fn export_job_list(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<ExportJobsRequest>,
) -> Result<Response, ApiError> {
    let jobs = jobs_of(&control, &caller, body).await.map_err(refused)?;
    let file = sheet::write(&[job_sheet(&jobs)]).map_err(refused)?;
    let kind = ExportKind::Jobs;
    let id = control.keep_export(&caller, kind, &stamp(&control), &file).await.map_err(refused)?;
    Ok((StatusCode::ACCEPTED, Json(ExportStarted { id, status: None })).into_response())
}

async fn jobs_of(control: &Control, caller: &Caller, asked: ExportJobsRequest) -> Result<Vec<Job>> {
    let Some(mut filter) = asked.filter()? else { return Ok(Vec::new()) };
    let has = |wanted: &Option<String>, text: &str| {
        let wanted = non_empty(wanted.clone());
        wanted.is_none_or(|wanted| text.to_lowercase().contains(&wanted.to_lowercase()))
    };
    let (mut found, mut all) = (Vec::new(), 1);
    while filter.page.offset < all {
        let (count, jobs) = control.list(caller, &filter).await?;
        all = count;
        filter.page.offset += filter.page.limit;
        found.extend(jobs.into_iter().filter(|job| {
            has(&asked.description, &job.description)
                && asked.direction.as_ref().is_none_or(|d| d.is_empty() || *d == job.direction)
                && asked
                    .spec_type
                    .as_ref()
                    .is_none_or(|s| s.is_empty() || *s == node_type::of(&job.attributes))
        }));
    }
    Ok(found)
}

impl ExportJobsRequest {
    /// The filter; `None` if no job can match.
    fn filter(&self) -> Result<Option<JobFilter>> {
        let kind = non_empty(self.job_type.clone()).ok_or_else(|| missing("job_type"))?;
        let not_offered = [
            ("create_at", &self.create_at),
            ("completed_at", &self.completed_at),
            ("public_ip", &self.public_ip),
            ("instance_ip", &self.instance_ip),
            ("inner_ip", &self.inner_ip),
        ];
        let given =
            not_offered.into_iter().find(|(_, value)| non_empty((*value).clone()).is_some());
        let of_instances = (!self.dbs_instance_ids.is_empty()).then_some("dbs_instance_ids");
        if let Some(name) = given.map(|(name, _)| name).or(of_instances) {
            let instead = "name, status, description, engine_type, net_type, spec_type, direction, task_type, tag";
            return Err(unsupported(format!("a filter by {name}"), instead));
        }
        let text = |value: &Option<String>| non_empty(value.clone());
        let tag = text(&self.tag).map(|tag| match tag.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (tag, None),
        });
        let filter = JobFilter {
            name_or_id: text(&self.name),
            status: status_filter("status", text(&self.status))?,
            engine: text(&self.engine_type).as_deref().map(Engine::parse).transpose()?,
            task: text(&self.task_type).as_deref().map(TaskMode::parse).transpose()?,
            net_type: text(&self.net_type),
            enterprise_project_id: text(&self.enterprise_project_id),
            tag,
            sort: list::sort_key(text(&self.sort_key).as_deref())?,
            ascending: match text(&self.sort_dir).as_deref() {
                None | Some("desc") => false,
                Some("asc") => true,
                Some(other) => return Err(Refusal::invalid("sort_dir", other, "desc, asc")),
            },
            page: Page::FIRST,
            ..JobFilter::default()
        };
        for (name, value) in
            [("billing_tag", &self.billing_tag), ("billing_mode", &self.billing_mode)]
        {
            match value.as_deref() {
                None | Some("" | "0") => {}
                Some("1") => return Ok(None),
                Some(other) => return Err(Refusal::invalid(name, other, "0, 1")),
            }
        }
        match kind.as_str() {
            "sync" => Ok(Some(filter)),
            "migration" | "cloudDataGuard" | "replay" => Ok(None),
            _ => Err(Refusal::invalid("job_type", kind, "migration, sync, cloudDataGuard, replay")),
        }
    }
}

fn address(endpoint: &Endpoint) -> String {
    match endpoint.port {
        Some(port) => format!("{}:{port}", endpoint.address),
        None => endpoint.address.clone(),
    }
}

fn job_sheet(jobs: &[Job]) -> Sheet {
    let header = [
        "id",
        "name",
        "status",
        "engine_type",
        "task_type",
        "job_direction",
        "net_type",
        "node_type",
        "source",
        "target",
        "create_time",
        "start_time",
        "end_time",
        "enterprise_project_id",
        "tags",
        "description",
        "failed_reason",
    ];
    let row = |job: &Job| {
        let time = |at: Option<i64>| at.map(time::iso).unwrap_or_default();
        let tags: Vec<_> = job.tags.iter().map(|t| format!("{}={}", t.key, t.value)).collect();
        vec![
            job.id.clone(),
            job.name.clone(),
            job.status().name().to_owned(),
            job.engine.name().to_owned(),
            job.task.name().to_owned(),
            job.direction.clone(),
            job.net_type.clone(),
            node_type::of(&job.attributes).to_owned(),
            address(&job.source),
            address(&job.target),
            time::iso(job.times.created_ms),
            time(job.times.started_ms),
            time(job.times.ended_ms),
            job.enterprise_project_id.clone(),
            tags.join(";"),
            job.description.clone(),
            job.failure.as_ref().map(|f| f.reason()).unwrap_or_default(),
        ]
    };
    Sheet {
        name: "jobs",
        header: header.map(str::to_owned).to_vec(),
        rows: jobs.iter().map(row).collect(),
    }
}
