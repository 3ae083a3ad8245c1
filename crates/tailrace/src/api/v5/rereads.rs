//! `…/jobs/{job_id}/rereads`: tables that are read beside the stream. An extension: DRS reads added tables by
//! itself, as is done here, and none again.

use axum::{Json, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V5Body,
        call::JobCall,
        error::{ApiError, ErrorBody},
        kept::non_empty,
        query::QueryText,
    },
    control::{Result, rereads::RereadState},
};

use super::{delete::Empty, missing, refused};

/// What is to be read again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5RereadReq)]
pub(crate) struct RereadRequest {
    /// Database.
    pub database: Option<String>,
    /// Table; it has to be selected.
    pub table: Option<String>,
    /// Condition of the rows, as behind WHERE; all by default.
    pub condition: Option<String>,
}

/// The id of what was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5RereadResp)]
pub(crate) struct RereadMade {
    /// Id.
    pub id: String,
}

/// What is still to be read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5RereadsResp)]
pub(crate) struct Rereads {
    /// How many.
    pub count: usize,
    /// In the order in which they are read.
    pub rereads: Vec<RereadView>,
}

/// A table that is to be read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5Reread)]
pub(crate) struct RereadView {
    /// Id.
    pub id: String,
    /// Database.
    pub database: String,
    /// Table; absent for a whole database that is not listed yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Condition of the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Rows delivered so far.
    pub rows: u64,
}

impl From<RereadState> for RereadView {
    fn from(state: RereadState) -> Self {
        let RereadState { id, database, table, condition, rows } = state;
        Self { id, database, table, condition, rows }
    }
}

/// Reads a table, or some of its rows, again while the stream goes on.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/rereads", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = RereadRequest,
    responses((status = 202, body = RereadMade), (status = 400, body = ErrorBody)))]
pub(crate) async fn create_reread(
    call: JobCall,
    V5Body(body): V5Body<RereadRequest>,
) -> Result<(StatusCode, Json<RereadMade>), ApiError> {
    let needed = |field: &'static str, value: Option<String>| -> Result<String> {
        non_empty(value).ok_or_else(|| missing(field))
    };
    let database = needed("database", body.database).map_err(refused)?;
    let table = needed("table", body.table).map_err(refused)?;
    let condition = non_empty(body.condition);
    let made = call.control.reread(&call.caller, &call.job_id, database, table, condition).await;
    Ok((StatusCode::ACCEPTED, Json(RereadMade { id: made.map_err(refused)? })))
}

/// What is still to be read beside the stream.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/rereads", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path),
        ("offset" = Option<u64>, Query), ("limit" = Option<u64>, Query)),
    responses((status = 200, body = Rereads), (status = 400, body = ErrorBody)))]
pub(crate) async fn list_rereads(
    call: JobCall,
    query: QueryText,
) -> Result<Json<Rereads>, ApiError> {
    let page = query.page().map_err(refused)?;
    let states = call.control.rereads(&call.caller, &call.job_id).await.map_err(refused)?;
    let count = states.len();
    Ok(Json(Rereads { count, rereads: page.of(states).map(RereadView::from).collect() }))
}

/// Stops reading a table beside the stream; what was delivered stays.
#[utoipa::path(delete, path = "/v5/{project_id}/jobs/{job_id}/rereads", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("id" = String, Query)),
    responses((status = 200, body = Empty), (status = 400, body = ErrorBody)))]
pub(crate) async fn delete_reread(
    call: JobCall,
    query: QueryText,
) -> Result<Json<Empty>, ApiError> {
    let id = query.required("id").map_err(refused)?;
    call.control.stop_reread(&call.caller, &call.job_id, id).await.map_err(refused)?;
    Ok(Json(Empty {}))
}
