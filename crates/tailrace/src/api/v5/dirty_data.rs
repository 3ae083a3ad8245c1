//! Changes that could not be delivered: DRS's dirty data, which are the letters of the dead-letter topic, or what a target
//! database refused and was put aside.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::JobCall,
        error::{ApiError, ErrorBody},
        query::QueryText,
        time,
    },
    control::{
        Refusal, Result,
        dead_letters::{Letter, LettersRequest},
        dirty_rows::{AsideRow, Settled, Settlement},
        job::Page,
    },
};

use super::{missing, refused};

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
    /// Schema of a source of Oracle, else empty.
    pub schema_name: String,
    /// Table, as messages name it.
    pub table_name: String,
    /// Kind of the change and its place in the log, where the row is in the dead-letter topic; the statement that was refused,
    /// where it is put aside.
    pub error_sql: String,
    /// When it was put there.
    pub error_time: String,
    /// Why it could not be delivered.
    pub error_msg: String,
    /// Name of the error, as in `docs/errors`: Tailrace's own.
    pub error_code: String,
    /// Topic that it was meant for: Tailrace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Number of a change that is put aside, by which it is brought to an end: Tailrace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// SCN of its transaction's commit: Tailrace's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
}

/// Changes that are to be brought to an end.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5SettleDirtyDataReq)]
pub(crate) struct SettleRequest {
    /// `reapply`: their rows become what they are at the source; `discard`: they are forgotten.
    pub action: Option<String>,
    /// Their numbers, 1..=1000.
    #[serde(default)]
    pub ids: Vec<u64>,
}

/// What came of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5SettleDirtyDataResp)]
pub(crate) struct SettleAnswer {
    /// One for each change that there is.
    pub results: Vec<SettledView>,
}

/// What came of a change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5SettledDirtyData)]
pub(crate) struct SettledView {
    /// Its number.
    pub id: u64,
    /// `success`, or `failed`: it is still put aside.
    pub status: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Brings changes that a target database refused to an end: an extension of Tailrace's.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/dirty-data", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = SettleRequest,
    responses((status = 200, body = SettleAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn settle_dirty_data(
    call: JobCall,
    V5Body(body): V5Body<SettleRequest>,
) -> Result<Json<SettleAnswer>, ApiError> {
    let how = match body.action.as_deref() {
        Some("reapply") => Settlement::Reapply,
        Some("discard") => Settlement::Discard,
        None | Some("") => return Err(refused(missing("action"))),
        Some(other) => {
            return Err(refused(Refusal::invalid("action", other, "reapply, discard")));
        }
    };
    let settled = call.control.settle_dirty_rows(&call.caller, &call.job_id, how, body.ids).await;
    let view = |settled: Settled| SettledView {
        id: settled.id,
        status: if settled.error.is_none() { "success" } else { "failed" },
        error_msg: settled.error,
    };
    Ok(Json(SettleAnswer { results: settled.map_err(refused)?.into_iter().map(view).collect() }))
}

/// Changes that went to the dead-letter topic; of the incremental phase unless `task_mode` says otherwise.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/dirty-data", tag = "v5 jobs",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("begin_time" = Option<String>, Query, description = "UTC, as in 2026-09-01T18:50:20Z"),
        ("end_time" = Option<String>, Query, description = "UTC, as in 2026-09-01T19:50:20Z"),
        ("task_mode" = Option<String>, Query, description = "FULL_TRANSFER for rows of the full phase"),
        ("anonymize_mode" = Option<bool>, Query, description = "leaves statements with values of rows out; letters have none"),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = DirtyDataAnswer), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_dirty_data(
    call: JobCall,
    query: QueryText,
) -> Result<Json<DirtyDataAnswer>, ApiError> {
    let request = request(&query).map_err(refused)?;
    let page = query.page().map_err(refused)?;
    let job = call.control.get(&call.caller, &call.job_id).await.map_err(refused)?;
    if job.engine.has_parts() {
        let anonymous = query.boolean("anonymize_mode", false).map_err(refused)?;
        return aside(&call, request, page, anonymous).await;
    }
    let found = call.control.dead_letters(&call.caller, &call.job_id, request, page).await;
    let (count, letters) = found.map_err(refused)?;
    let dirty_data_list = letters.into_iter().map(view).collect();
    Ok(Json(DirtyDataAnswer { count, dirty_data_list }))
}

/// What a target database refused; it refuses rows of the full phase by stopping the job.
async fn aside(
    call: &JobCall,
    request: LettersRequest,
    page: Page,
    anonymous: bool,
) -> Result<Json<DirtyDataAnswer>, ApiError> {
    if request.full_phase {
        return Ok(Json(DirtyDataAnswer { count: 0, dirty_data_list: Vec::new() }));
    }
    let between = (request.from_ms, request.until_ms);
    let found = call.control.dirty_rows(&call.caller, &call.job_id, between, page).await;
    let (count, rows) = found.map_err(refused)?;
    let view = |row: AsideRow| {
        let (owner, table) = row.table.split_once('.').unwrap_or(("", &row.table));
        DirtyDataView {
            db_name: owner.to_owned(),
            schema_name: owner.to_owned(),
            table_name: table.to_owned(),
            error_sql: if anonymous { format!("{} of {}", row.kind, row.table) } else { row.sql },
            error_time: time::iso(row.at_ms),
            // The target tells values of keys in what it says.
            error_msg: if anonymous { "refused by the target".to_owned() } else { row.error },
            error_code: "target_row".to_owned(),
            topic: None,
            id: Some(row.id),
            position: Some(row.scn.to_string()),
        }
    };
    Ok(Json(DirtyDataAnswer { count, dirty_data_list: rows.into_iter().map(view).collect() }))
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
        schema_name: String::new(),
        table_name: letter.table,
        error_time: time::iso(letter.time_ms),
        error_msg: letter.reason,
        error_code: letter.error,
        topic: Some(letter.topic),
        id: None,
        position: None,
    }
}
