//! Templates: jobs in workbooks, by which others are created.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        file_body::FileBody,
        query::QueryText,
        v5::{batch_async, missing, refused},
    },
    control::{
        Caller, Control, Refusal, Result,
        exports::ExportKind,
        job::{Engine, Job},
        view::Parameter,
    },
};

use super::{
    ExportStarted,
    files::{DownloadRequest, FileView, attachment, fetch, views},
    stamp,
    template::{self, RowError},
};

/// Jobs that one template may have.
const TEMPLATE_JOBS_MAX: usize = 50;

/// A template to create jobs by.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/template", tag = "v5 files",
    params(("project_id" = String, Path), ("engine_type" = Option<String>, Query)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 400, body = ErrorBody)))]
pub(crate) async fn download_batch_create_template(
    _: ProjectCall,
    query: QueryText,
) -> Result<Response, ApiError> {
    query.text("engine_type").map(Engine::parse).transpose().map_err(refused)?;
    Ok(attachment("jobs-template.xlsx", template::write(&[]).map_err(refused)?))
}

/// A filled template.
#[derive(Debug, ToSchema)]
#[schema(as = V5ImportBatchCreateJobsRequestBody)]
#[expect(dead_code, reason = "it is a form, which is read part by part")]
pub(crate) struct ImportForm {
    /// The workbook.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
}

/// What came of a template.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = V5ImportBatchCreateJobsResponse)]
pub(crate) struct Imported {
    /// The batch of its jobs; absent if something is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub async_job_id: Option<String>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub import_error_messages: Vec<RowError>,
}

/// Takes the jobs of a filled template in as a batch; all of them, or none if something is wrong with one.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/template", tag = "v5 files",
    params(("project_id" = String, Path)),
    request_body(content = ImportForm, content_type = "multipart/form-data"),
    responses((status = 200, body = Imported), (status = 400, body = ErrorBody)))]
pub(crate) async fn import_batch_create_jobs(
    ProjectCall { control, caller }: ProjectCall,
    file: FileBody,
) -> Result<Json<Imported>, ApiError> {
    let content = file.content;
    let read = tokio::task::spawn_blocking(move || template::read(&content)).await;
    let read = read.map_err(|e| refused(Refusal::internal(e)))?;
    Ok(Json(match read.map_err(refused)? {
        Ok(jobs) => Imported {
            async_job_id: Some(batch_async::take_in(&control, &caller, &jobs).await?),
            ..Imported::default()
        },
        Err(errors) => Imported { import_error_messages: errors, ..Imported::default() },
    }))
}

/// Which jobs become a template.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ExportJobsTemplateReq)]
pub(crate) struct TemplateRequest {
    /// Ids, 1..=50.
    #[serde(default)]
    pub jobs: Vec<String>,
}

/// Writes jobs into a template, without their passwords; `templates` lists it.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/export/template", tag = "v5 files",
    params(("project_id" = String, Path)), request_body = TemplateRequest,
    responses((status = 202, body = ExportStarted), (status = 400, body = ErrorBody)))]
pub(crate) async fn export_creation_template(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<TemplateRequest>,
) -> Result<Response, ApiError> {
    let jobs = jobs_with_parameters(&control, &caller, body.jobs).await.map_err(refused)?;
    let file = template::write(&jobs).map_err(refused)?;
    let kind = ExportKind::Template;
    let id = control.keep_export(&caller, kind, &stamp(&control), &file).await.map_err(refused)?;
    let started = ExportStarted { id, status: Some("success") };
    Ok((StatusCode::ACCEPTED, Json(started)).into_response())
}

async fn jobs_with_parameters(
    control: &Control,
    caller: &Caller,
    ids: Vec<String>,
) -> Result<Vec<(Job, Vec<Parameter>)>> {
    if ids.is_empty() {
        return Err(missing("jobs"));
    }
    if ids.len() > TEMPLATE_JOBS_MAX {
        let allowed = format!("1..={TEMPLATE_JOBS_MAX} ids");
        return Err(Refusal::invalid("jobs", ids.len(), allowed));
    }
    let mut jobs = Vec::with_capacity(ids.len());
    for id in &ids {
        let job = control.get(caller, id).await?;
        jobs.push((job, control.parameters(caller, id).await?));
    }
    Ok(jobs)
}

/// Answer of `templates`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ListTemplatesResponse)]
pub(crate) struct TemplateList {
    /// Templates in all.
    pub count: usize,
    /// Those of the page, the newest first.
    pub export_report_obs_files: Vec<FileView>,
}

/// Lists the templates that can be fetched: the newest twenty.
#[utoipa::path(get, path = "/v5/{project_id}/templates", tag = "v5 files",
    params(("project_id" = String, Path), ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = TemplateList), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_templates(
    ProjectCall { control, caller }: ProjectCall,
    query: QueryText,
) -> Result<Json<TemplateList>, ApiError> {
    let page = query.page().map_err(refused)?;
    let files = control.exports(&caller, ExportKind::Template).await.map_err(refused)?;
    let (count, export_report_obs_files) = views(files, page);
    Ok(Json(TemplateList { count, export_report_obs_files }))
}

/// Fetches templates.
#[utoipa::path(post, path = "/v5/{project_id}/templates/download", tag = "v5 files",
    params(("project_id" = String, Path)), request_body = DownloadRequest,
    responses((status = 200, content_type = "application/octet-stream"), (status = 400, body = ErrorBody)))]
pub(crate) async fn download_create_template(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<DownloadRequest>,
) -> Result<Response, ApiError> {
    fetch(&control, &caller, ExportKind::Template, body.files).await.map_err(refused)
}
