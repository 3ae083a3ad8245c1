//! Files that were made: listed, fetched, and how far the making is.

use std::io::{Cursor, Write as _};

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::{JobCall, PathValues, ProjectCall},
        error::{ApiError, ErrorBody},
        query::QueryText,
        time,
        v5::{batch_async, missing, refused},
    },
    control::{
        Caller, Control, Refusal, Result,
        batch::BatchStatus,
        exports::{EXPORT_BYTES_MAX, ExportFile, ExportKind},
        job::Page,
    },
};

/// Files that one download may name.
const FILES_MAX: usize = 20;

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

pub(super) fn views(files: Vec<ExportFile>, page: Page) -> (usize, Vec<FileView>) {
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

pub(super) async fn fetch(
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

pub(in crate::api::v5) fn attachment(name: &str, content: Vec<u8>) -> Response {
    let kind = HeaderValue::from_static("application/octet-stream");
    let mut response = content.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    // Names are of this program's own making, and fit a header.
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
