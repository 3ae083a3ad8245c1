//! The OpenAPI document.

use std::{fs, path::Path};

use serde_json::Value;

use super::Server;
use crate::api::openapi_json;

/// Set to write the document instead of comparing it.
const UPDATE: &str = "TAILRACE_UPDATE_OPENAPI";

#[test]
fn the_checked_in_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/tailrace.json");
    let generated = openapi_json().expect("a document");
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &generated).expect("written");
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == generated,
        "openapi/tailrace.json is not current: set {UPDATE}=1 and test again"
    );
}

#[tokio::test]
async fn the_document_is_served() {
    let server = Server::start().await;
    let answer = server.get("/openapi.json").await;
    let generated: Value =
        serde_json::from_str(&openapi_json().expect("a document")).expect("JSON");
    assert_eq!(answer.body, generated);
}

#[test]
fn every_operation_says_what_it_does_and_who_may_call_it() {
    let document: Value = serde_json::from_str(&openapi_json().expect("a document")).expect("JSON");
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let open = operation["security"] == serde_json::json!([{}]);
            let public = !path.contains("{project_id}") && !path.starts_with("/v3");
            let login = (path.as_str(), method.as_str()) == ("/v3/auth/tokens", "post");
            assert_eq!(open, public || login, "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            operations += 1;
        }
    }
    assert!(operations >= 60, "only {operations} operations are documented");
}
