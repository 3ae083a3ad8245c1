//! The other end of [`super::signature`]: what a client does to be let in.

use axum::http::{HeaderMap, Method};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::canonical::{RepeatedValues, Signable, sha256_hex};
use super::signature::{ALGORITHM, DATE_HEADER};

/// A request to sign. `headers` has `host` and `x-sdk-date` (`YYYYMMDDTHHMMSSZ`) at least; all of them
/// are signed.
#[derive(Debug)]
pub(crate) struct Unsigned<'a> {
    /// Method.
    pub method: &'a Method,
    /// Path, percent-encoded.
    pub path: &'a str,
    /// Query, percent-encoded, without `?`.
    pub query: Option<&'a str>,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// Body.
    pub body: &'a [u8],
}

/// The `Authorization` header of a request; `None` if `x-sdk-date` is missing.
pub(crate) fn sign(
    request: &Unsigned<'_>,
    access_key: &str,
    secret_key: &SecretString,
) -> Option<String> {
    let date = request.headers.get(DATE_HEADER)?.to_str().ok()?;
    let mut names: Vec<&str> = request.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let signable = Signable {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: request.headers,
        authority: None,
        body: request.body,
    };
    let body_hash = sha256_hex(request.body);
    let canonical = signable.canonical_request(&names, RepeatedValues::Sorted, &body_hash)?;
    let text = format!("{ALGORITHM}\n{date}\n{}", sha256_hex(&canonical));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret_key.expose_secret().as_bytes()).ok()?;
    mac.update(text.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    Some(format!(
        "{ALGORITHM} Access={access_key}, SignedHeaders={}, Signature={signature}",
        names.join(";")
    ))
}

#[cfg(test)]
mod tests {
    use super::super::signature::Authorization;
    use super::*;

    #[test]
    fn what_is_signed_here_is_accepted_here_and_nothing_else() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "127.0.0.1:8080".parse().unwrap());
        headers.insert(DATE_HEADER, "20261125T070000Z".parse().unwrap());
        let request = Unsigned {
            method: &Method::POST,
            path: "/v5/p/jobs",
            query: Some("name=%C3%BC%20x&job_type=sync"),
            headers: &headers,
            body: b"{}",
        };
        let secret = SecretString::from("sk");
        let value = sign(&request, "AK", &secret).unwrap();
        let parsed = Authorization::parse(&value).unwrap();
        assert_eq!(parsed.access_key, "AK");
        let mut signable = Signable {
            method: request.method,
            path: request.path,
            query: request.query,
            headers: &headers,
            authority: None,
            body: request.body,
        };
        parsed.verify(&signable, b"sk").unwrap();
        parsed.verify(&signable, b"other").unwrap_err();
        signable.body = b"{ }";
        parsed.verify(&signable, b"sk").unwrap_err();
        let undated = Unsigned { headers: &HeaderMap::new(), ..request };
        assert_eq!(sign(&undated, "AK", &secret), None);
    }
}
