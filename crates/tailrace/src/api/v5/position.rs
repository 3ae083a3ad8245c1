//! Where the source's log was at a time: `collect-db-position` and `db-position`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
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
    control::{Refusal, Result},
};

use super::{missing, refused};

/// Which time is asked for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V5QueryDbPositionReq)]
pub(crate) struct PositionRequest {
    /// `2023-09-19T07:00:00Z`, UTC.
    pub reset_position_time: Option<String>,
}

/// A search that began.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5CollectPositionAsyncResponse)]
pub(crate) struct PositionAsked {
    /// For `db-position?query_id=`
    pub id: String,
    /// `pending`
    pub status: &'static str,
    /// Job.
    pub job_id: String,
}

/// Looks for the place of the first transaction of the source's log that was committed at a time or later.
#[utoipa::path(post, path = "/v5/{project_id}/jobs/{job_id}/collect-db-position", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path)), request_body = PositionRequest,
    responses((status = 202, body = PositionAsked), (status = 400, body = ErrorBody)))]
pub(crate) async fn collect_position_async(
    call: JobCall,
    V5Body(body): V5Body<PositionRequest>,
) -> Result<Response, ApiError> {
    let at_ms = at_ms(body.reset_position_time).map_err(refused)?;
    let id = call.control.collect_position(&call.caller, &call.job_id, at_ms).await;
    let id = id.map_err(refused)?;
    let asked = PositionAsked { id, status: "pending", job_id: call.job_id };
    Ok((StatusCode::ACCEPTED, Json(asked)).into_response())
}

fn at_ms(text: Option<String>) -> Result<i64> {
    let field = "reset_position_time";
    let text = non_empty(text).ok_or_else(|| missing(field))?;
    match text.parse::<Timestamp>() {
        Ok(at) if at.as_millisecond() > 0 => Ok(at.as_millisecond()),
        _ => Err(Refusal::invalid(field, text, "a time in UTC, as in 2023-09-19T07:00:00Z")),
    }
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V5ShowPositionResultResponse)]
pub(crate) struct Position {
    /// Job.
    pub job_id: String,
    /// `mysql-bin.000277:805`, for `start-position`; absent while it is looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
    /// `pending`, `success`
    pub status: &'static str,
}

/// Tells where the log was.
#[utoipa::path(get, path = "/v5/{project_id}/jobs/{job_id}/db-position", tag = "v5 objects",
    params(("project_id" = String, Path), ("job_id" = String, Path), ("query_id" = String, Query)),
    responses((status = 200, body = Position), (status = 400, body = ErrorBody)))]
pub(crate) async fn show_position_result(
    call: JobCall,
    query: QueryText,
) -> Result<Json<Position>, ApiError> {
    let id = query.required("query_id").map_err(refused)?;
    let found = call.control.collected_position(&call.caller, &call.job_id, id).await;
    let (status, position) = found.map_err(refused)?;
    let position = non_empty(Some(position));
    Ok(Json(Position { job_id: call.job_id, position, status: status.name() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        let read = |text: &str| at_ms(Some(text.to_owned()));
        assert_eq!(read("2023-09-19T07:00:00Z"), Ok(1_695_106_800_000));
        assert_eq!(read("2023-09-19T15:00:00+08:00"), Ok(1_695_106_800_000));
        for wrong in ["", "2023-09-19", "yesterday", "1969-12-31T00:00:00Z"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
