//! A client of the DRS API, for the commands: signed requests, and errors as the server words them.

mod compare;
mod iam;
mod job;
mod login;
mod repair;

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use crate::api::{Unsigned, sign};

pub use iam::Kind;
pub use job::{CheckedFor, PrecheckItem, Wait, Waited};
pub use login::Login;

/// Longest time that an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest time that a connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Codes of a job that is not there: v5, v3, and a deleted one in v3.
const MISSING_CODES: [&str; 3] = ["DRS.10000010", "DRS.M00289", "DRS.M05004"];
/// Codes of a command that the job's state does not allow: v5, v3, and one that is busy in v3.
const STATE_CODES: [&str; 3] = ["DRS.10000024", "DRS.M00304", "DRS.M01504"];

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers.
    #[error("no Tailrace server answers at {endpoint}: {cause}")]
    Unreachable {
        /// Address that was tried.
        endpoint: String,
        /// Why.
        cause: String,
    },
    /// There is no such job in the project.
    #[error("{message} ({code})")]
    Missing {
        /// DRS error code.
        code: String,
        /// The server's text.
        message: String,
    },
    /// The job's state does not allow it.
    #[error("{message} ({code})")]
    WrongState {
        /// DRS error code.
        code: String,
        /// The server's text.
        message: String,
    },
    /// The access key is not accepted, or may not do this.
    #[error("access is refused: {message} ({code})")]
    Denied {
        /// Error code.
        code: String,
        /// The server's text.
        message: String,
    },
    /// Refused for another reason.
    #[error("{message} ({code})")]
    Refused {
        /// DRS error code.
        code: String,
        /// The server's text.
        message: String,
    },
    /// What answered is no Tailrace server, or of another version.
    #[error("{endpoint} answers what is not understood: {what}")]
    Unreadable {
        /// Address.
        endpoint: String,
        /// What came.
        what: String,
    },
    /// Credentials or settings cannot be used.
    #[error("{0}")]
    Settings(String),
}

/// Result of a call.
pub type Result<T> = std::result::Result<T, ClientError>;

/// A client of one project.
pub struct Client {
    http: reqwest::Client,
    /// `http://host:port` without a slash at its end.
    endpoint: String,
    host: HeaderValue,
    login: Login,
}

impl Client {
    /// A client of a server; nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Settings`] if the endpoint is no address.
    pub fn new(endpoint: &str, login: Login) -> Result<Self> {
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
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|e| ClientError::Settings(format!("no HTTP client: {e}")))?;
        let host = HeaderValue::from_str(&host).map_err(|_| wrong())?;
        Ok(Self { http, endpoint: endpoint_text, host, login })
    }

    /// Address of the server.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// `/v3/{project_id}` or another version, with a rest.
    fn path(&self, version: &str, rest: &str) -> String {
        format!("/{version}/{}{rest}", self.login.project_id)
    }

    /// Calls the server. `path` and `query` are percent-encoded.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        query: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Value> {
        let bytes = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let headers = self.headers(&method, path, query, &bytes)?;
        let url = match query {
            Some(query) => format!("{}{path}?{query}", self.endpoint),
            None => format!("{}{path}", self.endpoint),
        };
        let unreachable = |e: reqwest::Error| ClientError::Unreachable {
            endpoint: self.endpoint.clone(),
            cause: innermost(&e),
        };
        let request = self.http.request(method, url).headers(headers).body(bytes);
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
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
            return Ok(value);
        }
        Err(refusal(&value, status.as_u16()))
    }

    fn headers(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<HeaderMap> {
        let unusable = |what: &str| ClientError::Settings(format!("{what} cannot be sent"));
        let date = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, self.host.clone());
        headers
            .insert("x-sdk-date", HeaderValue::from_str(&date).map_err(|_| unusable("the date"))?);
        let project = HeaderValue::from_str(&self.login.project_id);
        headers.insert("x-project-id", project.map_err(|_| unusable("the project id"))?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = Unsigned { method, path, query, headers: &headers, body };
        let value = sign(&request, &self.login.access_key, &self.login.secret_key)
            .and_then(|value| HeaderValue::from_str(&value).ok())
            .ok_or_else(|| unusable("the access key"))?;
        headers.insert(header::AUTHORIZATION, value);
        headers.insert("x-language", HeaderValue::from_static("en-us"));
        Ok(headers)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// The cause of a failed request, without the address around it.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// An error body, or an item of a batch that failed.
fn refusal(value: &Value, status: u16) -> ClientError {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (mut code, mut message) = (text("error_code"), text("error_msg"));
    // IAM's errors have Keystone's form.
    let keystone = value.pointer("/error/message").and_then(Value::as_str);
    if let Some(text) = keystone {
        text.clone_into(&mut message);
    }
    if code.is_empty() {
        code = format!("HTTP {status}");
    }
    if message.is_empty() {
        "the server gives no reason".clone_into(&mut message);
    }
    if MISSING_CODES.contains(&code.as_str()) || (keystone.is_some() && status == 404) {
        ClientError::Missing { code, message }
    } else if STATE_CODES.contains(&code.as_str()) {
        ClientError::WrongState { code, message }
    } else if matches!(status, 401 | 403) {
        ClientError::Denied { code, message }
    } else {
        ClientError::Refused { code, message }
    }
}

/// The only item of a batch's answer, which tells failure inside a success.
fn only_item(answer: &Value) -> Result<Value> {
    let item = answer.pointer("/results/0").cloned().unwrap_or(Value::Null);
    let failed = item.get("error_code").and_then(Value::as_str).is_some_and(|c| !c.is_empty());
    if failed { Err(refusal(&item, 200)) } else { Ok(item) }
}

/// A secret out of settings.
fn secret(text: String) -> SecretString {
    SecretString::from(text)
}
