//! `…/compare/result/file`: what came of a comparison, as a file of comma-separated values.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::JobCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
        query::QueryText,
        v3::batch::refused,
        v5::{compare, delete::Empty},
    },
    control::{
        Refusal, Result,
        compare::{CompareKind, ComparedTable, Comparison},
        job::Page,
    },
};

/// Seconds for which a file can be had: it is made when it is asked for, as long as the comparison is kept.
pub(super) const REPORT_SECONDS: i64 = 86_400;
/// Kinds of files.
const KINDS: &str = "contents, lines, random, objects_comparison";

/// Body of `POST …/compare/result/file`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3ExportCompareResultReq)]
pub(crate) struct ExportRequest {
    /// `contents`, `lines`, `random` or `objects_comparison`
    pub compare_type: Option<String>,
    /// The comparison; absent is the newest of its kind.
    pub compare_job_id: Option<String>,
}

/// Sees whether the file of a comparison can be had.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/{job_id}/compare/result/file", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = ExportRequest,
    responses((status = 200, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn create_compare_result_file(
    call: JobCall,
    V3Body(body): V3Body<ExportRequest>,
) -> Result<Json<Empty>, ApiError> {
    let (kind, id) = (non_empty(body.compare_type), non_empty(body.compare_job_id));
    ended(&call, kind.as_deref(), id.as_deref()).await.map_err(refused)?;
    Ok(Json(Empty {}))
}

/// The file of a comparison that has ended.
#[utoipa::path(get, path = "/v3/{project_id}/jobs/{job_id}/compare/result/file", tag = "v3 comparisons",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("compare_type" = Option<String>, Query),
           ("compare_job_id" = Option<String>, Query)),
    responses((status = 200, content_type = "application/octet-stream"), (status = 400, body = ErrorBody)))]
pub(crate) async fn download_compare_result_file(
    call: JobCall,
    query: QueryText,
) -> Result<Response, ApiError> {
    let (kind, id) = (query.text("compare_type"), query.text("compare_job_id"));
    let task = ended(&call, kind, id).await.map_err(refused)?;
    let JobCall { control, caller, job_id } = &call;
    let task = control.comparison_with_rows(caller, job_id, &task.id).await.map_err(refused)?;
    let name = kind.unwrap_or("contents");
    let text = written(&task).map_err(refused)?;
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let disposition = format!("attachment; filename=\"{name}-{}.csv\"", task.id);
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// The comparison that is meant, which has ended.
async fn ended(call: &JobCall, kind: Option<&str>, id: Option<&str>) -> Result<Comparison> {
    let fits = |task: &Comparison| {
        let sampled = task.input.sample_per_million.is_some();
        match kind {
            Some("objects_comparison") => task.input.kind == CompareKind::Object,
            Some("lines") => task.input.kind == CompareKind::Lines,
            Some("random") => sampled,
            _ => task.input.kind == CompareKind::Contents && !sampled,
        }
    };
    match kind {
        Some("contents" | "lines" | "random" | "objects_comparison") => {}
        None => return Err(Refusal::Missing { field: "compare_type".to_owned() }),
        Some(other) => return Err(Refusal::invalid("compare_type", other, KINDS)),
    }
    let JobCall { control, caller, job_id } = call;
    let task = match id {
        Some(id) => control.comparison(caller, job_id, id).await?,
        None => {
            let all = control.comparisons(caller, job_id).await?;
            let newest = all.into_iter().find(|task| fits(task) && task.ended_ms.is_some());
            newest.ok_or_else(|| {
                let allowed = "a comparison of this type that has ended";
                Refusal::invalid("compare_job_id", "none", allowed)
            })?
        }
    };
    if fits(&task) && task.ended_ms.is_some() {
        return Ok(task);
    }
    let allowed = "a comparison of the type compare_type that has ended";
    Err(Refusal::invalid("compare_job_id", task.id, allowed))
}

/// Tables, and rows that differ behind them, as RFC 4180 has it.
fn written(task: &Comparison) -> Result<String> {
    let mut file = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let failed = |e: csv::Error| Refusal::internal(e.to_string());
    let head = [
        "source_database",
        "source_table",
        "target_database",
        "target_table",
        "result",
        "source_rows",
        "target_rows",
        "missing_rows",
        "extra_rows",
        "differing_rows",
        "position",
        "message",
    ];
    file.write_record(head).map_err(failed)?;
    for table in &task.tables {
        file.write_record(table_record(table, task.input.kind)).map_err(failed)?;
    }
    let listed = compare::diff(task.tables.iter(), Page { offset: 0, limit: u64::MAX });
    if !listed.contents_infos.is_empty() {
        let head = [
            "source_table",
            "source_key",
            "target_key",
            "columns",
            "source_select_sql",
            "target_select_sql",
            "repair_sql",
        ];
        file.write_record(head).map_err(failed)?;
    }
    for row in listed.contents_infos {
        let record = [
            row.source_table_name,
            row.source_key_value.join(" "),
            row.target_key_value.join(" "),
            row.columns.join(" "),
            row.source_select_sql,
            row.target_select_sql,
            row.repair_sql.unwrap_or_default(),
        ];
        file.write_record(record).map_err(failed)?;
    }
    let bytes = file.into_inner().map_err(|e| Refusal::internal(e.to_string()))?;
    String::from_utf8(bytes).map_err(Refusal::internal)
}

fn table_record(table: &ComparedTable, kind: CompareKind) -> [String; 12] {
    [
        table.database.clone(),
        table.table.clone(),
        table.target_database.clone(),
        table.target_table.clone(),
        compare::result(table, kind).to_owned(),
        table.source_rows.to_string(),
        table.target_rows.to_string(),
        table.missing.to_string(),
        table.extra.to_string(),
        table.differing.to_string(),
        table.position.clone().unwrap_or_default(),
        table.notes.join("; "),
    ]
}
