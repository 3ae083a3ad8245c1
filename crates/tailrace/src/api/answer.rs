//! What every answer has, whatever happened inside: a request id, headers for browsers, and for an error
//! a body in the form that clients parse.

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;

use crate::{control::Language, listen::Peer};

use super::{
    error::{ApiError, Form},
    language,
    message::Message,
    safety_headers,
    state::ApiState,
};

/// Header that names the request in answers and logs.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of the request that is being answered.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// Gives the request an id, bounds its time, and renders its error if it has one.
pub(crate) async fn finish(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    // Made here and never taken from the client.
    let id = uuid::Uuid::new_v4().simple().to_string();
    let language = language::of(request.headers());
    let keystone = is_iam(request.uri().path());
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| *peer);
    let origin = state.proxies.origin(peer.as_ref(), request.headers());
    request.extensions_mut().insert(origin);
    request.extensions_mut().insert(language);
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!(
        "request",
        id = %id,
        method = %request.method(),
        path = %request.uri().path(),
        client = origin.address.map(tracing::field::display)
    );

    let limit = state.limits.request_duration_max;
    let inner = next.run(request).instrument(span.clone());
    let response = match tokio::time::timeout(limit, Box::pin(inner)).await {
        Ok(response) => response,
        Err(_) => axum::response::IntoResponse::into_response(ApiError::drs(
            StatusCode::GATEWAY_TIMEOUT,
            "DRS.M00004",
            Message::Timeout { seconds: limit.as_secs() },
        )),
    };
    let _entered = span.enter();
    let mut response = render(response, language, &id, keystone);
    tracing::debug!(status = response.status().as_u16(), "answered");
    let value = HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("invalid"));
    response.headers_mut().insert(REQUEST_ID, value);
    safety_headers::add(response.headers_mut(), origin);
    response
}

/// Renders the error that the response carries, and replaces error answers without a JSON body
/// (those of the HTTP framework itself).
fn render(mut response: Response, language: Language, id: &str, keystone: bool) -> Response {
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None if is_bare_error(&response) => bare(response.status()),
        None => return response,
    };
    let form = if keystone { Form::Keystone } else { error.form };
    let mut rendered = ApiError { form, ..error }.render(language, id);
    for (name, value) in response.headers() {
        if !matches!(name, &header::CONTENT_TYPE | &header::CONTENT_LENGTH) {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    rendered
}

fn is_bare_error(response: &Response) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error())
        && response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_none_or(|v| !v.as_bytes().starts_with(b"application/json"))
}

fn bare(status: StatusCode) -> ApiError {
    let detail = status.canonical_reason().unwrap_or("unknown error").to_ascii_lowercase();
    let message = if status.is_server_error() {
        Message::Internal
    } else {
        Message::Malformed { field: String::new(), detail }
    };
    ApiError::drs(status, "DRS.10000001", message)
}

/// IAM's own operations, whose errors have Keystone's form.
fn is_iam(path: &str) -> bool {
    if path.starts_with("/v3.0/") {
        return true;
    }
    let Some(rest) = path.strip_prefix("/v3/") else { return false };
    let first = rest.split('/').next();
    matches!(first, Some("auth" | "projects" | "users" | "domains" | "groups" | "roles"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iam_paths_are_told_from_drs_paths() {
        assert!(is_iam("/v3/auth/tokens") && is_iam("/v3/projects") && is_iam("/v3/users"));
        assert!(is_iam("/v3/groups/g") && is_iam("/v3/roles") && is_iam("/v3.0/OS-ROLE/roles"));
        assert!(!is_iam("/v3/0123/jobs") && !is_iam("/v5/projects/jobs") && !is_iam("/"));
    }
}
