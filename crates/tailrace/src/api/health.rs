//! For whoever runs the server: is it alive, is it ready, what are its numbers.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::state::ApiState;

/// Answer of `/healthz` and `/readyz`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthAnswer {
    /// `ok` or `unavailable`
    pub status: &'static str,
    /// What is not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "server", security(()),
    responses((status = 200, body = HealthAnswer)))]
pub(crate) async fn healthz() -> Json<HealthAnswer> {
    Json(HealthAnswer { status: "ok", reason: None })
}

/// The store answers and workers run.
#[utoipa::path(get, path = "/readyz", tag = "server", security(()),
    responses((status = 200, body = HealthAnswer), (status = 503, body = HealthAnswer)))]
pub(crate) async fn readyz(State(state): State<ApiState>) -> Response {
    match state.control.ready().await {
        Ok(()) => Json(HealthAnswer { status: "ok", reason: None }).into_response(),
        Err(reason) => {
            let answer = HealthAnswer { status: "unavailable", reason: Some(reason) };
            (StatusCode::SERVICE_UNAVAILABLE, Json(answer)).into_response()
        }
    }
}

/// Metrics in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "server", security(()),
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(state): State<ApiState>) -> Response {
    let content_type = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (content_type, state.control.render_metrics().await).into_response()
}
