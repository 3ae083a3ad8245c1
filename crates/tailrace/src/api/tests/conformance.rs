//! Every answer of these tests is one that the OpenAPI document has: its status, and a body of its schema.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use axum::http::{Method, StatusCode, header};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::Answer;
use crate::api::openapi_json;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&openapi_json().expect("a document")).expect("JSON"));

/// By the place of the schema in the document.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Refusals that any call may get, whatever its operation is: of the gateway, of the server's state, of what is not offered.
const ANYWHERE: [u16; 13] = [400, 401, 403, 404, 405, 408, 413, 415, 429, 500, 501, 503, 507];

/// Looks whether an answer is one that the document has for its operation.
pub(super) fn check(method: &Method, path: &str, answer: &Answer) {
    let what = || format!("{method} {path}: {answer:?}");
    let status = answer.status.as_u16();
    let Some(operation) = operation(method, path) else {
        assert!(answer.status.is_client_error() || status == 501, "{}", what());
        return;
    };
    let response = &operation["responses"][status.to_string()];
    let schema = &response["content"]["application/json"]["schema"];
    if !schema.is_null() {
        let key = format!("{method} {} {status}", operation["operationId"]);
        let found: Vec<String> =
            validator(key, schema).iter_errors(&answer.body).map(|e| e.to_string()).collect();
        assert!(found.is_empty(), "{found:?} {}", what());
    } else if response.is_null() {
        assert!(ANYWHERE.contains(&status), "{} is not in the document", what());
        // IAM's errors are Keystone's.
        let is_error =
            |body: &Value| body["error_code"].is_string() && body["error_msg"].is_string();
        let is_keystones = answer.body["error"]["code"] == status;
        assert!(is_error(&answer.body) || is_keystones, "{}", what());
    } else {
        let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_empty = answer.body.is_null();
        // Behind the type may be its version and character set.
        let kind = kind.and_then(|kind| kind.split(';').next());
        let is_other = kind.is_some_and(|kind| {
            let known = response["content"].as_object();
            known.is_some_and(|known| known.keys().any(|known| known.starts_with(kind)))
        });
        let is_free = response["content"].is_null();
        assert!(is_empty || is_other || is_free || status == StatusCode::NO_CONTENT, "{}", what());
    }
}

/// The operation of a path: of several that fit, the one with the most words of its own.
fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    let fitting = paths.iter().filter_map(|(template, item)| {
        let operation = item.get(method.as_str().to_lowercase())?;
        words(template, path).map(|words| (words, operation))
    });
    fitting.max_by_key(|(words, _)| *words).map(|(_, operation)| operation)
}

/// How many words a template has in common with a path that it fits.
fn words(template: &str, path: &str) -> Option<usize> {
    let (mut words, mut parts) = (0, path.trim_end_matches('/').split('/'));
    for wanted in template.trim_end_matches('/').split('/') {
        let part = parts.next()?;
        match wanted.starts_with('{') {
            true => {}
            false if wanted == part => words += 1,
            false => return None,
        }
    }
    parts.next().is_none().then_some(words)
}

fn validator(key: String, schema: &Value) -> Arc<Validator> {
    let mut validators = VALIDATORS.lock().expect("no test has panicked here");
    let made = || {
        let whole = json!({"allOf": [schema], "components": DOCUMENT["components"]});
        Arc::new(jsonschema::validator_for(&whole).expect("a schema"))
    };
    Arc::clone(validators.entry(key).or_insert_with(made))
}

#[test]
fn the_operation_with_the_most_words_is_found() {
    let name = |method: Method, path: &str| {
        operation(&method, path).map(|found| found["operationId"].as_str().expect("a name"))
    };
    assert_eq!(name(Method::GET, "/v5/p/jobs/child-count"), Some("show_child_num"));
    assert_eq!(name(Method::GET, "/v5/p/jobs/some-id"), Some("show_job_detail"));
    assert_eq!(name(Method::GET, "/v5/p/sync/tags"), Some("list_tags"));
    assert_eq!(name(Method::GET, "/v5/p/jobs/sync/tags"), Some("list_project_tags"));
    assert_eq!(name(Method::PATCH, "/v5/p/jobs"), None);
}
