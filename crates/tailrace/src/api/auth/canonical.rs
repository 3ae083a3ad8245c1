//! The canonical request of `SDK-HMAC-SHA256`: the text that client and server both derive from a
//! request and that the signature covers.
//!
//! The form is Huawei Cloud's API signing guide; where it leaves room, official clients differ, and
//! the variants below are the ones they were seen to use.

use std::borrow::Cow;

use axum::http::{HeaderMap, Method};
use sha2::{Digest, Sha256};

/// The parts of a request that a signature can cover.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signable<'a> {
    /// Method.
    pub method: &'a Method,
    /// Path as it came over the wire, percent-encoded.
    pub path: &'a str,
    /// Query as it came over the wire, without `?`.
    pub query: Option<&'a str>,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// Authority of the request target, for HTTP/2 where there is no `Host` header.
    pub authority: Option<&'a str>,
    /// The whole body.
    pub body: &'a [u8],
}

/// How the values of a repeated query key are ordered. Keys are always sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RepeatedValues {
    /// Sorted (Go, Node, Python, Terraform).
    Sorted,
    /// In the order of the request (Java).
    AsGiven,
}

/// Lower-case hex SHA-256 of the empty body.
pub(super) const EMPTY_BODY_HASH: &str =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Lower-case hex SHA-256.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Signable<'_> {
    /// The canonical request. `None` if a signed header is not in the request.
    pub(super) fn canonical_request(
        &self,
        signed_headers: &[&str],
        order: RepeatedValues,
        body_hash: &str,
    ) -> Option<Vec<u8>> {
        let mut text = Vec::with_capacity(512);
        text.extend_from_slice(self.method.as_str().as_bytes());
        text.push(b'\n');
        text.extend_from_slice(canonical_path(self.path).as_bytes());
        text.push(b'\n');
        text.extend_from_slice(canonical_query(self.query.unwrap_or(""), order).as_bytes());
        text.push(b'\n');
        for name in signed_headers {
            let value = self.header(name)?;
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            text.extend_from_slice(value.trim_ascii());
            text.push(b'\n');
        }
        text.push(b'\n');
        text.extend_from_slice(signed_headers.join(";").as_bytes());
        text.push(b'\n');
        text.extend_from_slice(body_hash.as_bytes());
        Some(text)
    }

    /// The value of a header, several lines of one name joined by a comma.
    fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut values = self.headers.get_all(name).iter();
        let Some(first) = values.next() else {
            let authority = self.authority.filter(|_| name == "host")?;
            return Some(Cow::Borrowed(authority.as_bytes()));
        };
        let mut joined = Cow::Borrowed(first.as_bytes());
        for next in values {
            let joined = joined.to_mut();
            joined.push(b',');
            joined.extend_from_slice(next.as_bytes());
        }
        Some(joined)
    }
}

/// Decodes the whole path, splits it, encodes each part and ends it with `/`. An encoded `/` becomes
/// a separator: clients do the same.
fn canonical_path(path: &str) -> String {
    let decoded = percent_decode(path.as_bytes());
    let mut out = String::with_capacity(path.len() + 1);
    for (i, part) in decoded.split(|b| *b == b'/').enumerate() {
        if i > 0 {
            out.push('/');
        }
        percent_encode(part, &mut out);
    }
    if !out.ends_with('/') {
        out.push('/');
    }
    out
}

/// `key=value` pairs, sorted and encoded.
fn canonical_query(query: &str, order: RepeatedValues) -> String {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key.as_bytes()), percent_decode(value.as_bytes()))
        })
        .collect();
    match order {
        RepeatedValues::Sorted => pairs.sort(),
        RepeatedValues::AsGiven => pairs.sort_by(|a, b| a.0.cmp(&b.0)),
    }
    let mut out = String::with_capacity(query.len());
    for (key, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        percent_encode(&key, &mut out);
        out.push('=');
        percent_encode(&value, &mut out);
    }
    out
}

/// Decodes `%XX`; a `%` that two hex digits do not follow stays as it is. `+` is a plus.
pub(crate) fn percent_decode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, tail)) = rest.split_first() {
        let decoded = match (byte, tail) {
            (b'%', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        match (decoded, tail) {
            (Some((high, low)), [_, _, after @ ..]) => {
                out.push(high << 4 | low);
                rest = after;
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Encodes all but the unreserved characters of RFC 3986, in upper-case hex.
fn percent_encode(bytes: &[u8], out: &mut String) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 0x0f)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_decoded_whole_and_ends_in_a_slash() {
        assert_eq!(canonical_path("/v5/p/jobs"), "/v5/p/jobs/");
        assert_eq!(canonical_path("/v5/p/jobs/"), "/v5/p/jobs/");
        assert_eq!(canonical_path("/a%2Fb%7Ec*"), "/a/b~c%2A/");
        assert_eq!(canonical_path("/%C3%BC%zz%"), "/%C3%BC%25zz%25/");
        assert_eq!(canonical_path("/"), "/");
    }

    #[test]
    fn query_is_sorted_by_key_and_by_value_or_as_given() {
        let query = "b=2&a=z&a=b%20c&empty&k=%2a&&x=a=b";
        assert_eq!(
            canonical_query(query, RepeatedValues::Sorted),
            "a=b%20c&a=z&b=2&empty=&k=%2A&x=a%3Db"
        );
        assert_eq!(
            canonical_query(query, RepeatedValues::AsGiven),
            "a=z&a=b%20c&b=2&empty=&k=%2A&x=a%3Db"
        );
    }

    #[test]
    fn header_values_are_trimmed_and_lines_joined() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", " 1 ".parse().expect("a header value"));
        headers.append("x-a", "2 ".parse().expect("a header value"));
        let request = Signable {
            method: &Method::GET,
            path: "/",
            query: None,
            headers: &headers,
            authority: Some("h:1"),
            body: b"",
        };
        let text = request
            .canonical_request(&["host", "x-a"], RepeatedValues::Sorted, EMPTY_BODY_HASH)
            .expect("all signed headers are there");
        let text = String::from_utf8(text).expect("it is ASCII");
        assert_eq!(text, format!("GET\n/\n\nhost:h:1\nx-a:1 ,2\n\nhost;x-a\n{EMPTY_BODY_HASH}"));
        assert!(
            request.canonical_request(&["x-b"], RepeatedValues::Sorted, EMPTY_BODY_HASH).is_none()
        );
    }
}
