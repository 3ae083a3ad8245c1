//! What every answer has, whatever went wrong.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
    routing::get,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{Server, assert_error, v3, v5};
use crate::api::{router::finished, state::ApiLimits};

#[tokio::test]
async fn unknown_paths_and_methods_have_a_body() {
    let server = Server::start().await;
    let answer = server.get("/v9/x").await;
    assert!(assert_error(&answer, 404, "APIGW.0101").contains("GET /v9/x"));
    let answer = server.call(Method::PATCH, &v5("jobs"), Some(json!({}))).await;
    assert!(assert_error(&answer, 405, "APIGW.0101").contains("PATCH"));
    let answer = server.call(Method::POST, "/healthz", None).await;
    assert_error(&answer, 405, "APIGW.0101");
}

#[tokio::test]
async fn drs_operations_that_are_not_offered_say_so() {
    let server = Server::start().await;
    for (method, uri, name) in [
        (Method::GET, v5("jobs/j/metering"), "show_metering"),
        (Method::POST, v5("jobs/j/export-replay-sql"), "export_replay_report"),
        (Method::POST, v3("jobs/batch-switchover"), "batch_switchover"),
        (Method::GET, v5("jobs/j/compare/users/c"), "show_compare_users_detail"),
    ] {
        let answer = server.call(method, &uri, None).await;
        let text = assert_error(&answer, 501, "DRS.10000001");
        assert!(text.contains(name) && text.contains("not offered here"), "{text}");
    }
}

#[tokio::test]
async fn damaged_bodies_are_refused_with_what_is_wrong() {
    let server = Server::start().await;
    let post = |uri: String, body: &[u8]| {
        server.send(server.signed(Method::POST, &uri, body.to_vec(), &[]))
    };
    let uri = v5("jobs/name-validation");
    for (body, wanted) in [
        (&b"{"[..], "not valid JSON"),
        (b"", "empty"),
        (b"[]", "JSON object"),
        (b"{\"name\":\"a\",\"name\":\"b\"}", "twice"),
        (b"{\"name\":\"\xff\"}", "UTF-8"),
        (b"{\"name\":7}", "name: invalid type: integer `7`, expected a string"),
        (b"{\"name\":\"job-1\"}", "parameter type is empty"),
    ] {
        let text = assert_error(&post(uri.clone(), body).await, 400, "DRS.10000009");
        assert!(text.contains(wanted), "{text} lacks {wanted}");
    }
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(40), "]".repeat(40));
    let text = assert_error(&post(uri, deep.as_bytes()).await, 400, "DRS.10000009");
    assert!(text.contains("32 levels"), "{text}");

    let uri = v3("jobs/batch-creation");
    assert_error(&post(uri.clone(), b"{").await, 400, "DRS.M00300");
    let text = assert_error(&post(uri, b"{\"jobs\":[{\"name\":1}]}").await, 400, "DRS.M00300");
    assert!(text.contains("jobs[0].name"), "{text}");
}

#[tokio::test]
async fn other_content_types_and_large_bodies_are_refused() {
    let limits = ApiLimits { body_bytes_max: 1000, ..ApiLimits::default() };
    let server = Server::start_with(limits).await;
    let uri = v5("jobs/name-validation");
    let mut request = server.signed(Method::POST, &uri, b"name=x".to_vec(), &[]);
    let form = "application/x-www-form-urlencoded".parse().expect("a header value");
    request.headers_mut().insert("content-type", form);
    assert_error(&server.send(request).await, 415, "DRS.M00300");

    let large = vec![b' '; 1001];
    let answer = server.send(server.signed(Method::POST, &uri, large.clone(), &[])).await;
    assert!(assert_error(&answer, 413, "DRS.M00300").contains("1000 bytes"));
    // Also where there is no signature that needs the body.
    let request = Request::post("/v3/auth/tokens").body(Body::from(large)).expect("a request");
    let answer = server.send(request).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.body["error"]["code"], 413);
}

#[tokio::test]
async fn texts_come_in_the_language_asked_for() {
    let server = Server::start().await;
    let ask = |language: &'static str| {
        let extra = [("x-language", language)];
        let uri = v5("jobs/c7debc9c-8e09-4a5d-8dd6-cc44f78jb20r");
        server.send(server.signed(Method::DELETE, &uri, Vec::new(), &extra))
    };
    let english = assert_error(&ask("en-us").await, 400, "DRS.10000010");
    assert_eq!(english, "Job does not exist, please check job ID.");
    let chinese = assert_error(&ask("zh-cn").await, 400, "DRS.10000010");
    assert_eq!(chinese, "任务不存在，请检查任务ID。");

    let extra = [("x-language", "zh-cn")];
    let body = json!({"jobs": ["c7debc9c-8e09-4a5d-8dd6-cc44f78jb20r"]}).to_string();
    let request = server.signed(Method::POST, &v3("jobs/batch-status"), body.into_bytes(), &extra);
    let answer = server.send(request).await;
    assert_eq!(answer.body["results"][0]["error_message"], "任务不存在，请检查任务ID。");
}

#[tokio::test]
async fn a_panic_is_an_answer_without_its_cause() {
    let server = Server::start().await;
    let boom = get(async || -> String { panic!("the secret cause") });
    let router = finished(Router::new().route("/boom", boom), server.state.clone());
    let request = Request::get("/boom").body(Body::empty()).expect("a request");
    let response = router.oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.headers().contains_key("x-request-id"));
    let bytes = axum::body::to_bytes(response.into_body(), 4096).await.expect("a body");
    let body: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(body["error_code"], "DRS.M00004");
    assert!(!body.to_string().contains("secret cause"), "{body}");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered() {
    let limits = ApiLimits {
        request_duration_max: std::time::Duration::from_millis(20),
        ..ApiLimits::default()
    };
    let server = Server::start_with(limits).await;
    let never = get(async || std::future::pending::<String>().await);
    let router = finished(Router::new().route("/never", never), server.state.clone());
    let request = Request::get("/never").body(Body::empty()).expect("a request");
    let response = router.oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test]
async fn health_and_metrics_are_open() {
    let server = Server::start().await;
    for uri in ["/healthz", "/readyz"] {
        let answer = server.send(Request::get(uri).body(Body::empty()).expect("a request")).await;
        assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({"status": "ok"})));
    }
    let request = Request::get("/metrics").body(Body::empty()).expect("a request");
    let answer = server.send(request).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.headers["content-type"].to_str().expect("ASCII").starts_with("text/plain"));
}
