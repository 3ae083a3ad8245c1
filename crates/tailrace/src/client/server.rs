//! A server as a client reaches it: its address, the certificates that it is known by, a call.

use std::path::Path;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

use super::{ClientError, Result, refusal};

/// Longest time that an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest time that a connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server.
pub struct Server {
    http: reqwest::Client,
    /// `http://host:port` without a slash at its end.
    endpoint: String,
    host: HeaderValue,
}

/// A call, with all its headers.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Server {
    /// A server at an address; nothing is sent yet. With `ca_file` (PEM) only these authorities are
    /// trusted, without it those of the system.
    ///
    /// # Errors
    /// [`ClientError::Settings`] if the endpoint is no address, or the file cannot be used.
    pub fn new(endpoint: &str, ca_file: Option<&Path>) -> Result<Self> {
        let wrong = || {
            ClientError::Settings(format!(
                "endpoint {endpoint:?} is no address of a server, like http://127.0.0.1:8080"
            ))
        };
        let endpoint_text = endpoint.trim_end_matches('/').to_owned();
        let url = reqwest::Url::parse(&endpoint_text).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || url.path() != "/" {
            return Err(wrong());
        }
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(wrong()),
        };
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            // A token is for the server it was asked from, wherever that points.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some(file) = ca_file {
            http = http.tls_certs_only(authorities(file)?);
        }
        let http =
            http.build().map_err(|e| ClientError::Settings(format!("no HTTP client: {e}")))?;
        let host = HeaderValue::from_str(&host).map_err(|_| wrong())?;
        Ok(Self { http, endpoint: endpoint_text, host })
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(super) fn host(&self) -> &HeaderValue {
        &self.host
    }

    pub(super) async fn send(&self, call: Call<'_>) -> Result<(HeaderMap, Value)> {
        let url = match call.query {
            Some(query) => format!("{}{}?{query}", self.endpoint, call.path),
            None => format!("{}{}", self.endpoint, call.path),
        };
        let unreachable = |e: reqwest::Error| ClientError::Unreachable {
            endpoint: self.endpoint.clone(),
            cause: innermost(&e),
        };
        let request = self.http.request(call.method, url).headers(call.headers).body(call.body);
        let answer = request.send().await.map_err(unreachable)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.map_err(unreachable)?;
        let value: Value = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).map_err(|_| ClientError::Unreadable {
                endpoint: self.endpoint.clone(),
                what: format!("status {status}, {} bytes that are no JSON", text.len()),
            })?
        };
        if status.is_success() {
            return Ok((headers, value));
        }
        Err(refusal(&value, status.as_u16()))
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

fn authorities(file: &Path) -> Result<Vec<reqwest::Certificate>> {
    let wrong = |what: String| ClientError::Settings(format!("{}: {what}", file.display()));
    let pem = std::fs::read(file).map_err(|e| wrong(e.to_string()))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|_| wrong("no certificates in PEM".to_owned()))?;
    if found.is_empty() {
        return Err(wrong("no certificate in PEM is in it".to_owned()));
    }
    Ok(found)
}

/// The cause of a failed request, without the address around it.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
