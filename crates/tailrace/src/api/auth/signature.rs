//! Verification of `SDK-HMAC-SHA256` signatures (AK/SK).

use axum::http::{HeaderMap, Method};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::canonical::{EMPTY_BODY_HASH, RepeatedValues, Signable, sha256_hex};

/// The one algorithm offered.
pub(super) const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// Header with the time of signing; the one header that must be signed.
pub(super) const DATE_HEADER: &str = "x-sdk-date";
/// How far the time of signing may be from the server's, either way.
pub(super) const CLOCK_SKEW_MAX: SignedDuration = SignedDuration::from_mins(15);
/// Names in `SignedHeaders`.
const SIGNED_HEADERS_MAX: usize = 64;
/// Header in which a client states the body's hash, or that it did not hash it.
const CONTENT_HASH_HEADER: &str = "x-sdk-content-sha256";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Why a signature is not accepted. The text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SignatureFault {
    /// Another algorithm.
    #[error("signing algorithm {0} is not supported, only SDK-HMAC-SHA256 is")]
    Algorithm(String),
    /// The header cannot be read.
    #[error("the Authorization header is malformed: {0}")]
    Malformed(&'static str),
    /// `x-sdk-date` is not signed.
    #[error("X-Sdk-Date is not in SignedHeaders")]
    DateNotSigned,
    /// The time of signing is missing or in another form.
    #[error("X-Sdk-Date is missing or not in the form YYYYMMDDTHHMMSSZ")]
    DateForm,
    /// Signed too long ago, or in the future.
    #[error("X-Sdk-Date {0} is more than 15 minutes from the server's time {1}")]
    Skew(String, String),
    /// The stated hash is not the body's.
    #[error("verify aksk signature fail: X-Sdk-Content-Sha256 is not the hash of the body")]
    ContentHash,
    /// A JSON body without a hash.
    #[error("verify aksk signature fail: UNSIGNED-PAYLOAD is not allowed for a JSON body")]
    Unsigned,
    /// The signature is not the one the secret key gives.
    #[error("verify aksk signature fail")]
    Mismatch,
}

/// A parsed `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    /// Access key.
    pub access_key: &'a str,
    /// Names of the signed headers, lower case, in the client's order.
    pub signed_headers: Vec<&'a str>,
    /// HMAC.
    signature: [u8; 32],
}

impl<'a> Authorization<'a> {
    /// Parses `SDK-HMAC-SHA256 Access=…, SignedHeaders=a;b, Signature=…`.
    pub(super) fn parse(value: &'a str) -> Result<Self, SignatureFault> {
        let (algorithm, fields) = value.trim().split_once(' ').unwrap_or((value.trim(), ""));
        if algorithm != ALGORITHM {
            return Err(SignatureFault::Algorithm(algorithm.chars().take(64).collect()));
        }
        let (mut access, mut headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            match field.trim().split_once('=') {
                Some(("Access", v)) => access = Some(v),
                Some(("SignedHeaders", v)) => headers = Some(v),
                Some(("Signature", v)) => signature = Some(v),
                _ => return Err(SignatureFault::Malformed("unknown field")),
            }
        }
        let access_key =
            access.filter(|v| !v.is_empty()).ok_or(SignatureFault::Malformed("no Access"))?;
        let signed_headers: Vec<_> =
            headers.ok_or(SignatureFault::Malformed("no SignedHeaders"))?.split(';').collect();
        if signed_headers.len() > SIGNED_HEADERS_MAX {
            return Err(SignatureFault::Malformed("more than 64 signed headers"));
        }
        if signed_headers.iter().any(|h| h.bytes().any(|b| b.is_ascii_uppercase())) {
            return Err(SignatureFault::Malformed("SignedHeaders must be lower case"));
        }
        if !signed_headers.contains(&DATE_HEADER) {
            return Err(SignatureFault::DateNotSigned);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(signature.unwrap_or(""), &mut bytes)
            .map_err(|_| SignatureFault::Malformed("Signature is not 64 hex digits"))?;
        Ok(Self { access_key, signed_headers, signature: bytes })
    }

    /// Checks the signature.
    pub(super) fn verify(
        &self,
        request: &Signable<'_>,
        secret_key: &[u8],
    ) -> Result<(), SignatureFault> {
        let date = header(request.headers, DATE_HEADER).ok_or(SignatureFault::DateForm)?;
        let hashes = body_hashes(request)?;
        for order in [RepeatedValues::Sorted, RepeatedValues::AsGiven] {
            for hash in &hashes {
                let Some(canonical) = request.canonical_request(&self.signed_headers, order, hash)
                else {
                    return Err(SignatureFault::Mismatch);
                };
                let text = format!("{ALGORITHM}\n{}\n{}", date.trim(), sha256_hex(&canonical));
                // HMAC takes a key of any length; the error cannot occur.
                let mut mac = Hmac::<Sha256>::new_from_slice(secret_key)
                    .map_err(|_| SignatureFault::Mismatch)?;
                mac.update(text.as_bytes());
                if mac.verify_slice(&self.signature).is_ok() {
                    return Ok(());
                }
            }
        }
        Err(SignatureFault::Mismatch)
    }
}

/// Checks the time of signing.
pub(super) fn check_date(headers: &HeaderMap, now: Timestamp) -> Result<(), SignatureFault> {
    let text = header(headers, DATE_HEADER).ok_or(SignatureFault::DateForm)?.trim();
    let time = civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text)
        .ok()
        .filter(|_| text.len() == "YYYYMMDDTHHMMSSZ".len())
        .and_then(|t| TimeZone::UTC.to_timestamp(t).ok())
        .ok_or(SignatureFault::DateForm)?;
    if time.duration_since(now).abs() > CLOCK_SKEW_MAX {
        let now = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        return Err(SignatureFault::Skew(text.to_owned(), now));
    }
    Ok(())
}

/// The hashes that the client may have signed for this body.
fn body_hashes(request: &Signable<'_>) -> Result<Vec<String>, SignatureFault> {
    if request.body.is_empty() {
        let mut hashes = vec![EMPTY_BODY_HASH.to_owned()];
        if request.method == Method::GET {
            // The Node client signs `{}` as the body of a GET and then sends none.
            hashes.push(sha256_hex(b"{}"));
        }
        return Ok(hashes);
    }
    let real = sha256_hex(request.body);
    match header(request.headers, CONTENT_HASH_HEADER) {
        None => Ok(vec![real]),
        Some(UNSIGNED_PAYLOAD) if hashes_json(request.headers) => Err(SignatureFault::Unsigned),
        Some(UNSIGNED_PAYLOAD) => Ok(vec![UNSIGNED_PAYLOAD.to_owned()]),
        Some(stated) if bool::from(stated.as_bytes().ct_eq(real.as_bytes())) => Ok(vec![real]),
        Some(_) => Err(SignatureFault::ContentHash),
    }
}

/// Clients leave a body unhashed only if it is neither JSON nor BSON.
fn hashes_json(headers: &HeaderMap) -> bool {
    header(headers, "content-type").is_none_or(|v| {
        let v = v.trim_start().to_ascii_lowercase();
        v.starts_with("application/json") || v.starts_with("application/bson")
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue, Uri};
    use serde::Deserialize;

    use super::*;

    /// Requests as clients signed them; made by `tests/sdk/vectors.py`.
    #[derive(Deserialize)]
    struct Vector {
        name: String,
        method: String,
        uri: String,
        headers: Vec<(String, String)>,
        body: String,
        secret_key: String,
    }

    struct Parsed {
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Vec<u8>,
        secret_key: String,
    }

    fn vectors() -> Vec<(String, Parsed)> {
        let text = include_str!("signature_vectors.json");
        let vectors: Vec<Vector> = serde_json::from_str(text).expect("the vectors are JSON");
        vectors
            .into_iter()
            .map(|v| {
                let headers = v
                    .headers
                    .iter()
                    .map(|(k, v)| {
                        let name = HeaderName::from_bytes(k.as_bytes()).expect("a header name");
                        (name, HeaderValue::from_bytes(v.as_bytes()).expect("a header value"))
                    })
                    .collect();
                let parsed = Parsed {
                    method: v.method.parse().expect("a method"),
                    uri: v.uri.parse().expect("a URI"),
                    headers,
                    body: v.body.into_bytes(),
                    secret_key: v.secret_key,
                };
                (v.name, parsed)
            })
            .collect()
    }

    fn check(request: &Parsed) -> Result<(), SignatureFault> {
        let authorization = header(&request.headers, "authorization").expect("it is signed");
        let signable = Signable {
            method: &request.method,
            path: request.uri.path(),
            query: request.uri.query(),
            headers: &request.headers,
            authority: None,
            body: &request.body,
        };
        Authorization::parse(authorization)?.verify(&signable, request.secret_key.as_bytes())
    }

    #[test]
    fn requests_signed_by_official_clients_verify() {
        let vectors = vectors();
        assert!(vectors.len() >= 12, "the vector file lost entries");
        for (name, request) in &vectors {
            assert_eq!(check(request), Ok(()), "{name}");
        }
    }

    #[test]
    fn any_change_to_what_is_signed_is_refused() {
        for (name, request) in vectors() {
            let mut changed = Parsed { secret_key: "another".into(), ..clone(&request) };
            assert_eq!(check(&changed), Err(SignatureFault::Mismatch), "{name}: secret key");

            changed = clone(&request);
            changed.method = Method::PATCH;
            assert_eq!(check(&changed), Err(SignatureFault::Mismatch), "{name}: method");

            changed = clone(&request);
            changed.uri = format!("{}x", request.uri).parse().expect("a URI");
            assert_eq!(check(&changed), Err(SignatureFault::Mismatch), "{name}: path or query");

            changed = clone(&request);
            changed.headers.insert(DATE_HEADER, HeaderValue::from_static("20200101T000000Z"));
            assert_eq!(check(&changed), Err(SignatureFault::Mismatch), "{name}: date");

            if !request.headers.contains_key(CONTENT_HASH_HEADER) {
                changed = clone(&request);
                changed.body.push(b' ');
                assert_eq!(check(&changed), Err(SignatureFault::Mismatch), "{name}: body");
            }
        }
    }

    fn clone(request: &Parsed) -> Parsed {
        Parsed {
            method: request.method.clone(),
            uri: request.uri.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            secret_key: request.secret_key.clone(),
        }
    }

    #[test]
    fn malformed_headers_are_named() {
        let signature = "0".repeat(64);
        let cases = [
            ("SDK-HMAC-SM3 Access=a", SignatureFault::Algorithm("SDK-HMAC-SM3".into())),
            ("V11-HMAC-SHA256 Credential=a", SignatureFault::Algorithm("V11-HMAC-SHA256".into())),
            ("Bearer x", SignatureFault::Algorithm("Bearer".into())),
            ("SDK-HMAC-SHA256", SignatureFault::Malformed("unknown field")),
            (
                "SDK-HMAC-SHA256 Access=, SignedHeaders=x-sdk-date, Signature=00",
                SignatureFault::Malformed("no Access"),
            ),
            (
                "SDK-HMAC-SHA256 Access=a, SignedHeaders=host, Signature=00",
                SignatureFault::DateNotSigned,
            ),
            (
                "SDK-HMAC-SHA256 Access=a, SignedHeaders=X-Sdk-Date, Signature=00",
                SignatureFault::Malformed("SignedHeaders must be lower case"),
            ),
            (
                "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=00",
                SignatureFault::Malformed("Signature is not 64 hex digits"),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(Authorization::parse(text), Err(expected), "{text}");
        }
        let good =
            format!("SDK-HMAC-SHA256 Access=a,SignedHeaders=x-sdk-date,Signature={signature}");
        assert!(Authorization::parse(&good).is_ok());
    }

    #[test]
    fn signing_time_may_be_fifteen_minutes_off() {
        let now: Timestamp = "2026-11-24T02:00:00Z".parse().expect("a timestamp");
        let check = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(DATE_HEADER, text.parse().expect("a header value"));
            check_date(&headers, now)
        };
        assert_eq!(check("20261124T014500Z"), Ok(()));
        assert_eq!(check("20261124T021500Z"), Ok(()));
        assert!(matches!(check("20261124T014459Z"), Err(SignatureFault::Skew(..))));
        assert!(matches!(check("20261124T021501Z"), Err(SignatureFault::Skew(..))));
        for text in ["", "2026-11-24T02:00:00Z", "20261324T000000Z", "20261124T020000", "0x"] {
            assert_eq!(check(text), Err(SignatureFault::DateForm), "{text}");
        }
        assert_eq!(check_date(&HeaderMap::new(), now), Err(SignatureFault::DateForm));
    }

    #[test]
    fn a_json_body_must_be_hashed() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_HASH_HEADER, HeaderValue::from_static(UNSIGNED_PAYLOAD));
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let hashes = |headers: &HeaderMap| {
            body_hashes(&Signable {
                method: &Method::POST,
                path: "/",
                query: None,
                headers,
                authority: None,
                body: b"{}",
            })
        };
        assert_eq!(hashes(&headers), Err(SignatureFault::Unsigned));
        headers.insert("content-type", HeaderValue::from_static("multipart/form-data"));
        assert_eq!(hashes(&headers), Ok(vec![UNSIGNED_PAYLOAD.to_owned()]));
        headers.insert(CONTENT_HASH_HEADER, HeaderValue::from_static("00"));
        assert_eq!(hashes(&headers), Err(SignatureFault::ContentHash));
    }
}
