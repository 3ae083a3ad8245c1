//! Changes that could not be delivered: DRS's dirty data, which are the letters of the dead-letter topic.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::{
        call::JobCall,
        error::{ApiError, ErrorBody},
        query::QueryText,
        time,
    },
    control::{
        Refusal, Result,
        dead_letters::{Letter, LettersRequest},
    },
};

use super::refused;

/// DRS's word for the full phase.
const FULL_TRANSFER: &str = "FULL_TRANSFER";

/// Answer of `…/dirty-data`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowDirtyDataResponse)]
pub(crate) struct DirtyDataAnswer {
    /// Entries in all.
    pub count: u64,
    /// Entries of the page, oldest first.
    pub dirty_data_list: Vec<DirtyDataView>,
}

/// A change that could not be delivered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5DirtyData)]
pub(crate) struct DirtyDataView {
    /// Database, as messages name it.
    pub db_name: String,
    /// Empty: the source has no schemas.
    pub schema_name: &'static str,
    /// Table, as messages name it.
    pub table_name: String,
    /// Kind of the change and its place in the log; the row is in the dead-letter topic.
    pub error_sql: String,
    /// When it was put there.
    pub error_time: String,
    /// Why it could not be delivered.
    pub error_msg: String,
    /// Name of the error, as in `docs/errors`: Tailrace's own.
    pub error_code: String,
    /// Topic that it was meant for: Tailrace's own.
    pub topic: String,
}

/// Changes that went to the dead-letter topic; of the incremental phase unless `task_mode` says otherwise.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/dirty-data", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("begin_time" = Option<String>, Query, description = "UTC, as in 2026-09-01T18:50:20Z"),
        ("end_time" = Option<String>, Query, description = "UTC, as in 2026-09-01T19:50:20Z"),
        ("task_mode" = Option<String>, Query, description = "FULL_TRANSFER for rows of the full phase"),
        ("anonymize_mode" = Option<bool>, Query, description = "no entry has values of rows in any case"),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = DirtyDataAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_dirty_data(
    call: JobCall,
    query: QueryText,
) -> Result<Json<DirtyDataAnswer>, ApiError> {
    let request = request(&query).map_err(refused)?;
    let page = query.page().map_err(refused)?;
    let found = call.control.dead_letters(&call.caller, &call.job_id, request, page).await;
    let (count, letters) = found.map_err(refused)?;
    let dirty_data_list = letters.into_iter().map(view).collect();
    Ok(Json(DirtyDataAnswer { count, dirty_data_list }))
}

fn request(query: &QueryText) -> Result<LettersRequest> {
    query.boolean("anonymize_mode", false)?;
    let full_phase = match query.text("task_mode") {
        None | Some("INCR_TRANSFER") => false,
        Some(FULL_TRANSFER) => true,
        Some(other) => {
            return Err(Refusal::invalid("task_mode", other, "FULL_TRANSFER, INCR_TRANSFER"));
        }
    };
    let (from_ms, until_ms) =
        (moment(query, "begin_time", 0)?, moment(query, "end_time", i64::MAX)?);
    if from_ms > until_ms {
        let given = query.text("begin_time").unwrap_or_default();
        return Err(Refusal::invalid("begin_time", given, "a time before end_time"));
    }
    Ok(LettersRequest { from_ms, until_ms, full_phase })
}

fn moment(query: &QueryText, name: &str, default: i64) -> Result<i64> {
    let Some(text) = query.text(name) else { return Ok(default) };
    let parsed: Result<jiff::Timestamp, _> = text.parse();
    parsed
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|_| Refusal::invalid(name, text, "a time in UTC, as in 2026-09-01T18:50:20Z"))
}

fn view(letter: Letter) -> DirtyDataView {
    let Letter { op, file, position, row, .. } = &letter;
    let place = if file.is_empty() {
        "in the full phase".to_owned()
    } else {
        format!("at {file}:{position}, row {row}")
    };
    DirtyDataView {
        error_sql: format!("{op} {}.{} {place}", letter.database, letter.table),
        db_name: letter.database,
        schema_name: "",
        table_name: letter.table,
        error_time: time::iso(letter.time_ms),
        error_msg: letter.reason,
        error_code: letter.error,
        topic: letter.topic,
    }
}
