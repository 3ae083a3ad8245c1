//! Reading of request bodies: bounded, whole, and JSON by their `Content-Type`.

use std::{future::poll_fn, pin::Pin};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use serde::de::DeserializeOwned;

use super::{
    error::{ApiError, Dialect},
    json,
    message::Message,
    state::{ApiLimits, ApiState},
};

/// Reads a whole body.
///
/// # Errors
/// 413 if it is too large, 400 if the connection broke.
pub(crate) async fn read_whole(mut body: Body, limits: &ApiLimits) -> Result<Bytes, ApiError> {
    let mut whole = Vec::new();
    let mut dropped = 0_usize;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| {
            ApiError::bad_request(Dialect::V5, malformed("the body broke off before its end"))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        if dropped == 0 && whole.len() + data.len() <= limits.body_bytes_max {
            whole.extend_from_slice(&data);
            continue;
        }
        dropped += whole.len() + data.len();
        whole = Vec::new();
        if dropped > limits.body_drain_bytes_max {
            break;
        }
    }
    if dropped > 0 {
        let message = Message::TooLarge { bytes_max: limits.body_bytes_max };
        return Err(ApiError::drs(StatusCode::PAYLOAD_TOO_LARGE, "DRS.M00300", message));
    }
    Ok(whole.into())
}

/// A JSON body of a v3 operation (and of IAM).
pub(crate) struct V3Body<T>(pub T);

/// A JSON body of a v5 operation.
pub(crate) struct V5Body<T>(pub T);

/// A JSON body of a v5 operation that clients may leave away.
pub(crate) struct OptionalV5Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<ApiState> for V3Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        read(request, state, Dialect::V3, false).await.map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<ApiState> for V5Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        read(request, state, Dialect::V5, false).await.map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<ApiState> for OptionalV5Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        read(request, state, Dialect::V5, true).await.map(Self)
    }
}

async fn read<T: DeserializeOwned>(
    request: Request,
    state: &ApiState,
    dialect: Dialect,
    optional: bool,
) -> Result<T, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = read_whole(body, &state.limits).await?;
    if bytes.is_empty() && optional {
        return json::read(b"{}").map_err(|m| ApiError::bad_request(dialect, m));
    }
    if !bytes.is_empty() {
        check_media_type(&parts.headers)?;
    }
    json::read(&bytes).map_err(|message| ApiError::bad_request(dialect, message))
}

/// An absent `Content-Type` passes: the body is then checked by being read.
fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    let essence = text.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = Message::MediaType { value: text };
    Err(ApiError::drs(StatusCode::UNSUPPORTED_MEDIA_TYPE, "DRS.M00300", message))
}

fn malformed(detail: &str) -> Message {
    Message::Malformed { field: String::new(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> ApiLimits {
        ApiLimits { body_bytes_max: 10, body_drain_bytes_max: 100, ..ApiLimits::default() }
    }

    #[tokio::test]
    async fn bodies_are_read_up_to_the_bound() {
        let read =
            |text: &'static str| async move { read_whole(Body::from(text), &limits()).await };
        assert_eq!(read("0123456789").await.expect("it fits"), "0123456789".as_bytes());
        assert_eq!(read("").await.expect("it fits"), "".as_bytes());
        let error = read("0123456789a").await.expect_err("one byte too many");
        assert_eq!(error.status, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn only_json_is_taken() {
        let check = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, text.parse().expect("a header value"));
            check_media_type(&headers).map_err(|e| e.status)
        };
        assert_eq!(check("application/json"), Ok(()));
        assert_eq!(check("Application/JSON; charset=utf-8"), Ok(()));
        assert_eq!(check("application/json;charset=UTF-8"), Ok(()));
        assert_eq!(check("text/plain"), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        assert_eq!(check("application/jsonx"), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        assert!(check_media_type(&HeaderMap::new()).is_ok());
    }
}
