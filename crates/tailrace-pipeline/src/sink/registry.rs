//! A schema registry with Confluent's REST interface: schemas in, ids out.
//!
//! Paths and bodies are those of its documentation ("Schema Registry API Reference"): `POST
//! /subjects/{subject}/versions` gives the id of a schema that is there already, or checks the new one against the subject's compatibility
//! level and takes it in.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder};
use reqwest::{Certificate, StatusCode, Url};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::job::RegistryEndpoint;

/// Longest wait for an answer.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);
/// Schemas remembered; at more all are forgotten and asked for again.
const SCHEMAS_MAX: usize = 65_536;
/// Characters of an answer that are told.
const ANSWER_CHARS_MAX: usize = 500;

/// Schemas by subject. Shared by all encoders of a job.
pub trait SchemaRegistry: Send + Sync {
    /// The id of a schema under a subject; takes it in if it is new.
    ///
    /// # Errors
    /// `SchemaIncompatible` if the subject's rules do not let it in, `TargetConnection` if nobody answers, `TargetAuthentication`,
    /// and `Target` for any other answer.
    fn id(&self, subject: &str, schema: &str) -> Result<u32>;
}

/// A registry over HTTP.
pub(crate) struct HttpRegistry {
    endpoint: RegistryEndpoint,
    url: Url,
    client: Client,
    /// Ids that were given, by subject and schema. Failures are not kept.
    known: Mutex<HashMap<(String, String), u32>>,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct Given {
    schema: String,
}

#[derive(Deserialize)]
struct Refused {
    message: String,
}

/// The address of a registry, taken apart.
///
/// # Errors
/// `Configuration` if it is none.
pub(crate) fn address(endpoint: &RegistryEndpoint) -> Result<Url> {
    let bad = |why: String| {
        let text = format!(
            "schema_registry.url: {}: {why}; allowed is http(s)://host[:port][/path]",
            endpoint.url
        );
        Error::new(ErrorKind::Configuration, text)
    };
    let url = Url::parse(&endpoint.url).map_err(|e| bad(e.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        let text = "schema_registry.url: user and password have fields of their own";
        return Err(Error::new(ErrorKind::Configuration, text));
    }
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(bad(format!("{other} is not offered"))),
    }
}

impl HttpRegistry {
    /// Prepares a client; nothing is asked yet.
    ///
    /// # Errors
    /// `Configuration` for an address or certificates that are none.
    pub(crate) fn new(endpoint: &RegistryEndpoint) -> Result<Self> {
        let bad = |text: String| Error::new(ErrorKind::Configuration, text);
        let url = address(endpoint)?;
        let mut builder = Client::builder().timeout(ANSWER_WAIT_MAX);
        if let Some(pem) = &endpoint.ca_pem {
            let certificates = Certificate::from_pem_bundle(pem.as_bytes())
                .map_err(|e| bad(format!("schema_registry.ca: no PEM certificates: {e}")))?;
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder
            .build()
            .map_err(|e| bad(format!("schema_registry: no client can be made: {e}")))?;
        let known = Mutex::new(HashMap::new());
        Ok(Self { endpoint: endpoint.clone(), url, client, known })
    }

    fn with_login(&self, request: RequestBuilder) -> RequestBuilder {
        match (&self.endpoint.user, &self.endpoint.password) {
            (Some(user), password) => {
                request.basic_auth(user, password.as_ref().map(ExposeSecret::expose_secret))
            }
            (None, Some(token)) => request.bearer_auth(token.expose_secret()),
            (None, None) => request,
        }
    }

    fn register(&self, subject: &str, schema: &str) -> Result<u32> {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["subjects", subject, "versions"]);
        }
        let request = self.client.post(url).json(&json!({"schema": schema, "schemaType": "AVRO"}));
        let answer = self.with_login(request).send().map_err(|e| self.unreachable(&e))?;
        let status = answer.status();
        let text = answer.text().map_err(|e| self.unreachable(&e))?;
        if status.is_success() {
            return serde_json::from_str::<Registered>(&text).map(|answer| answer.id).map_err(
                |e| {
                    let text = format!("{self}: its answer for {subject} has no id: {e}");
                    Error::new(ErrorKind::Target, text)
                },
            );
        }
        Err(self.refused(&format!("take the schema of {subject}"), status, text))
    }

    /// The schema of an id.
    ///
    /// # Errors
    /// As [`SchemaRegistry::id`]; `Target` if there is none.
    pub(crate) fn schema(&self, id: u32) -> Result<String> {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["schemas", "ids", &id.to_string()]);
        }
        let answer =
            self.with_login(self.client.get(url)).send().map_err(|e| self.unreachable(&e))?;
        let status = answer.status();
        let text = answer.text().map_err(|e| self.unreachable(&e))?;
        if !status.is_success() {
            return Err(self.refused(&format!("give schema {id}"), status, text));
        }
        serde_json::from_str::<Given>(&text).map(|answer| answer.schema).map_err(|e| {
            let text = format!("{self}: its answer for schema {id} has none: {e}");
            Error::new(ErrorKind::Target, text)
        })
    }

    /// What an answer that is no success says.
    fn refused(&self, what: &str, status: StatusCode, text: String) -> Error {
        let said = serde_json::from_str::<Refused>(&text).map_or(text, |refused| refused.message);
        let said: String = said.chars().take(ANSWER_CHARS_MAX).collect();
        let kind = match status {
            StatusCode::CONFLICT => ErrorKind::SchemaIncompatible,
            StatusCode::UNAUTHORIZED => ErrorKind::TargetAuthentication,
            StatusCode::FORBIDDEN => ErrorKind::TargetPrivilege,
            status if status.is_server_error() => ErrorKind::TargetConnection,
            _ => ErrorKind::Target,
        };
        Error::new(kind, format!("{self} does not {what} ({status}): {said}"))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Error::new(ErrorKind::TargetConnection, format!("{self} does not answer: {cause}"))
    }
}

impl std::fmt::Display for HttpRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the schema registry at {}", self.endpoint.url)
    }
}

impl SchemaRegistry for HttpRegistry {
    fn id(&self, subject: &str, schema: &str) -> Result<u32> {
        let key = (subject.to_owned(), schema.to_owned());
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = known().get(&key) {
            return Ok(*id);
        }
        let id = self.register(subject, schema)?;
        let mut known = known();
        if known.len() >= SCHEMAS_MAX {
            known.clear();
        }
        known.insert(key, id);
        Ok(id)
    }
}
