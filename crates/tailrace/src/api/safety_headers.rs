//! Headers that tell browsers how careful they have to be with an answer.
//!
//! Answers of the API are data and never a page: nothing in them may be run, framed, guessed at or kept.
//! There is no `Access-Control-Allow-Origin`: no page of another site reads them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::origin::Origin;

/// What every answer has.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// A year. RFC 6797, section 7.2: never over a connection without TLS.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds those that the answer does not have yet.
pub(super) fn add(headers: &mut HeaderMap, origin: Origin) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(value);
    }
    if origin.https {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HSTS);
    }
}
