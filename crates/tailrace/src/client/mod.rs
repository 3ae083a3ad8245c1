//! A client of the DRS API, for the commands: requests with a signature or a token, and errors as the
//! server words them.

mod compare;
mod iam;
mod job;
mod login;
mod repair;
mod server;
mod settings;
mod token;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use crate::api::{Unsigned, sign};

pub use iam::Kind;
pub(crate) use job::encoded;
pub use job::{CheckedFor, PrecheckItem, Wait, Waited};
pub use login::{Login, Proof};
pub use server::Server;
pub use token::{IssuedToken, PasswordLogin};

use server::Call;
use token::{TOKEN_HEADER, token_value};

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
    server: Server,
    login: Login,
}

impl Client {
    /// A client of a server; nothing is sent yet.
    pub fn new(server: Server, login: Login) -> Self {
        Self { server, login }
    }

    /// Address of the server.
    pub fn endpoint(&self) -> &str {
        self.server.endpoint()
    }

    /// The project.
    pub fn project_id(&self) -> &str {
        &self.login.project_id
    }

    /// `/v3/{project_id}` or another version, with a rest.
    pub fn path(&self, version: &str, rest: &str) -> String {
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
        let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let headers = self.headers(&method, path, query, &body)?;
        let request = Call { method, path, query, headers, body };
        Ok(self.server.send(request).await?.1)
    }

    fn headers(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<HeaderMap> {
        let unusable = |what: &str| ClientError::Settings(format!("{what} cannot be sent"));
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, self.server.host().clone());
        let project = HeaderValue::from_str(&self.login.project_id);
        headers.insert("x-project-id", project.map_err(|_| unusable("the project id"))?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match &self.login.proof {
            Proof::Token(token) => {
                let value = token_value(token)?;
                headers.insert(TOKEN_HEADER, value);
            }
            Proof::Key { access_key, secret_key } => {
                let date = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
                let date = HeaderValue::from_str(&date).map_err(|_| unusable("the date"))?;
                headers.insert("x-sdk-date", date);
                let request = Unsigned { method, path, query, headers: &headers, body };
                let value = sign(&request, access_key, secret_key)
                    .and_then(|value| HeaderValue::from_str(&value).ok())
                    .ok_or_else(|| unusable("the access key"))?;
                headers.insert(header::AUTHORIZATION, value);
            }
        }
        headers.insert("x-language", HeaderValue::from_static("en-us"));
        Ok(headers)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint()).finish_non_exhaustive()
    }
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
