//! Files for users to fetch: lists of jobs, and jobs as templates by which others are created.

mod columns;
mod objects;
mod sheet;
mod template;

use std::io::{Cursor, Write as _};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::{JobCall, PathValues, ProjectCall},
        error::{ApiError, ErrorBody},
        file_body::FileBody,
        job_list::status_filter,
        kept::non_empty,
        query::QueryText,
        time,
    },
    control::{
        Caller, Control, Refusal, Result,
        batch::BatchStatus,
        endpoint::Endpoint,
        exports::{EXPORT_BYTES_MAX, ExportFile, ExportKind},
        job::{Engine, Job, JobFilter, Page, TaskMode},
        node_type,
        view::Parameter,
    },
};

use super::{batch_async, delete::unsupported, list, missing, refused};
use sheet::Sheet;
pub(crate) use template::RowError;

/// Files that one download may name.
const FILES_MAX: usize = 20;
/// Jobs that one template may have.
const TEMPLATE_JOBS_MAX: usize = 50;

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

/// Answer of an export.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ExportJobListResponse)]
pub(crate) struct ExportStarted {
    /// For `…/export/progress`.
    pub id: String,
    /// Of a template: `success`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
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

/// `20261201T030000Z`
fn stamp(control: &Control) -> String {
    let now = Timestamp::from_millisecond(control.now_ms()).unwrap_or_default();
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
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

/// The objects of a workbook in the form of `object_info`: a row per database that is selected whole, else per table.
///
/// # Errors
/// [`Refusal::Invalid`] for what is no such workbook, and for a row with its number.
pub(super) fn objects_of_workbook(file: &[u8]) -> Result<Map<String, Value>> {
    let mut info = Map::new();
    for (number, row) in sheet::read(file, &[objects::SHEET])?.iter().flatten() {
        objects::add(&mut info, row).map_err(|(column, value, allowed)| {
            let field = format!("file.{}[{number}].{column}", objects::SHEET);
            Refusal::invalid(field, value, allowed)
        })?;
    }
    Ok(info)
}

/// A workbook of objects.
///
/// # Errors
/// [`Refusal::Unsupported`] for what no cell can hold.
pub(super) fn workbook_of_objects(info: &Value) -> Result<Vec<u8>> {
    let header = objects::HEADER.map(str::to_owned).to_vec();
    sheet::write(&[Sheet { name: objects::SHEET, header, rows: objects::rows(info) }])
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

/// Answer of `files`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowFilesResponse)]
pub(crate) struct FileList {
    /// Files in all.
    pub total_count: usize,
    /// Those of the page, the newest first.
    pub files: Vec<FileView>,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5FileInfo)]
pub(crate) struct FileView {
    /// Name.
    pub file_name: String,
    /// `2022-11-07T16:15:18Z`
    pub last_modified: String,
}

fn views(files: Vec<ExportFile>, page: Page) -> (usize, Vec<FileView>) {
    let view = |file: ExportFile| FileView {
        file_name: file.file_name,
        last_modified: time::iso(file.created_ms),
    };
    (files.len(), page.of(files).map(view).collect())
}

/// Lists the files of exported lists that can be fetched: the newest twenty.
#[utoipa::path(get, path = "/v5/{project_id}/files", tag = "v5 files",
    params(("project_id" = String, Path), ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = FileList), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_files(
    ProjectCall { control, caller }: ProjectCall,
    query: QueryText,
) -> Result<Json<FileList>, ApiError> {
    let page = query.page().map_err(refused)?;
    let files = control.exports(&caller, ExportKind::Jobs).await.map_err(refused)?;
    let (total_count, files) = views(files, page);
    Ok(Json(FileList { total_count, files }))
}

/// Which files are fetched.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5ExportFilesReq)]
pub(crate) struct DownloadRequest {
    /// Names, 1..=20; several come in a zip.
    #[serde(default)]
    pub files: Vec<String>,
}

/// Fetches files of exported lists.
#[utoipa::path(post, path = "/v5/{project_id}/download", tag = "v5 files",
    params(("project_id" = String, Path)), request_body = DownloadRequest,
    responses((status = 200, content_type = "application/octet-stream"), (status = 400, body = ErrorBody)))]
pub(crate) async fn download_file(
    ProjectCall { control, caller }: ProjectCall,
    V5Body(body): V5Body<DownloadRequest>,
) -> Result<Response, ApiError> {
    fetch(&control, &caller, ExportKind::Jobs, body.files).await.map_err(refused)
}

async fn fetch(
    control: &Control,
    caller: &Caller,
    kind: ExportKind,
    names: Vec<String>,
) -> Result<Response> {
    if names.is_empty() {
        return Err(missing("files"));
    }
    if names.len() > FILES_MAX {
        let allowed = format!("1..={FILES_MAX} names");
        return Err(Refusal::invalid("files", names.len(), allowed));
    }
    if let [name] = names.as_slice() {
        let content = control.export(caller, kind, name).await?;
        return Ok(attachment(name, content));
    }
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut bytes = 0;
    for name in &names {
        let content = control.export(caller, kind, name).await?;
        bytes += content.len();
        if bytes > EXPORT_BYTES_MAX {
            let limit = EXPORT_BYTES_MAX as u64;
            return Err(Refusal::QuotaReached { what: "bytes in one download", limit });
        }
        // What is packed already is not packed again.
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        zip.start_file(name.as_str(), options)
            .map_err(|e| Refusal::invalid("files", name, e.to_string()))?;
        zip.write_all(&content).map_err(Refusal::internal)?;
    }
    let packed = zip.finish().map_err(Refusal::internal)?.into_inner();
    Ok(attachment(&format!("{}.zip", kind.name()), packed))
}

pub(super) fn attachment(name: &str, content: Vec<u8>) -> Response {
    let kind = HeaderValue::from_static("application/octet-stream");
    let mut response = content.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// How far an export is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowExportProgressResponse)]
pub(crate) struct ExportProgress {
    /// `success`: a file is written before its request is answered.
    pub process_status: &'static str,
}

/// Tells how far an export is.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/export/progress", tag = "v5 files",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = ExportProgress), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_export_progress(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
) -> Result<Json<ExportProgress>, ApiError> {
    let id = path.get("job_id");
    if is_export(&control, &caller, id).await.map_err(refused)? {
        return Ok(Json(ExportProgress { process_status: "success" }));
    }
    let allowed = "the id of an export that is kept";
    Err(refused(Refusal::invalid("async_job_id", id, allowed)))
}

async fn is_export(control: &Control, caller: &Caller, id: &str) -> Result<bool> {
    for kind in [ExportKind::Jobs, ExportKind::Template] {
        if control.exports(caller, kind).await?.iter().any(|file| file.id == id) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How far a task in the background is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowTaskExecuteProgressResponse)]
pub(crate) struct TaskProgress {
    /// Status of the batch, or `success` of an export.
    pub status: &'static str,
    /// Percent, as text.
    pub progress: String,
}

/// Tells how far a batch or an export is.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/progress", tag = "v5 files",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("type" = Option<String>, Query)),
    responses((status = 200, body = TaskProgress), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_task_execute_progress(
    ProjectCall { control, caller }: ProjectCall,
    path: PathValues,
) -> Result<Json<TaskProgress>, ApiError> {
    let id = path.get("job_id");
    if is_export(&control, &caller, id).await.map_err(refused)? {
        return Ok(Json(TaskProgress { status: "success", progress: "100".to_owned() }));
    }
    let batches = batch_async::batches(&control).list(&caller).await.map_err(refused)?;
    let batch = batches.into_iter().find(|batch| batch.id == id).ok_or_else(|| {
        refused(Refusal::invalid("async_job_id", id, "the id of a batch or of an export"))
    })?;
    let percent = match batch.status {
        BatchStatus::Validating | BatchStatus::Creating => {
            batch_async::batches(&control).percent(&batch).await.map_err(refused)?
        }
        BatchStatus::Invalid | BatchStatus::Valid | BatchStatus::Completed => 100,
    };
    Ok(Json(TaskProgress { status: batch.status.name(), progress: percent.to_string() }))
}

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

/// The operations of a job's data path so far, as a text of comma-separated values.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/operation-statistics/export", tag = "v5 files",
    params(("project_id" = String, Path), ("job_id" = String, Path)),
    responses((status = 200, body = String, content_type = "application/json"), (status = 400, body = ErrorBody)))]
pub(crate) async fn export_operation_info(call: JobCall) -> Result<Json<String>, ApiError> {
    let monitor = call.control.monitor(&call.caller, &call.job_id).await.map_err(refused)?;
    let totals = monitor.totals;
    let lines = [
        ("snapshot_rows", totals.snapshot_rows),
        ("snapshot_tables_done", totals.snapshot_tables_done),
        ("inserts", totals.inserts),
        ("updates", totals.updates),
        ("deletes", totals.deletes),
        ("ddls", totals.ddls),
        ("transactions", totals.transactions),
    ];
    let text: String = lines.iter().map(|(name, count)| format!("{name},{count}\n")).collect();
    Ok(Json(format!("operation,count\n{text}")))
}
