//! Who may call, and what those are told who may not.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::json;

use super::{AK, PASSWORD, PROJECT, Server, assert_error, v5};

#[tokio::test]
async fn a_signature_opens_the_project() {
    let server = Server::start().await;
    let answer = server.get(&v5("jobs?job_type=sync")).await;
    assert_eq!(
        (answer.status, answer.body),
        (StatusCode::OK, json!({"total_count": 0, "jobs": []}))
    );
    let extra = [("x-project-id", PROJECT)];
    let request = server.signed(Method::GET, &v5("jobs?job_type=sync"), Vec::new(), &extra);
    assert_eq!(server.send(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn without_credentials_nothing_is_told() {
    let server = Server::start().await;
    for uri in [v5("jobs?job_type=sync"), v5("jobs/x"), "/v5/other/jobs".into()] {
        let request = Request::get(&uri).body(Body::empty()).expect("a request");
        let answer = server.send(request).await;
        let text = assert_error(&answer, 401, "APIGW.0301");
        assert_eq!(text, "Incorrect IAM authentication information: x-auth-token not found");
        assert_eq!(
            answer.body["request_id"].as_str(),
            answer.headers["x-request-id"].to_str().ok()
        );
    }
}

#[tokio::test]
async fn bad_signatures_are_told_in_the_gateways_words() {
    let server = Server::start().await;
    let uri = v5("jobs?job_type=sync");
    let change = |name: &'static str, value: String| {
        let mut request = server.signed(Method::GET, &uri, Vec::new(), &[]);
        request.headers_mut().insert(name, value.parse().expect("a header value"));
        request
    };
    let good = server.signed(Method::GET, &uri, Vec::new(), &[]);
    let good = good.headers()["authorization"].to_str().expect("ASCII").to_owned();
    for (request, wanted) in [
        (change("host", "other.test".into()), "verify aksk signature fail"),
        (
            change("authorization", good.replace(AK, "NOSUCHKEY")),
            "Get secretKey failed,ak:NOSUCHKEY,err:ak not exist",
        ),
        (change("authorization", good.replace("SHA256 ", "SM3 ")), "SDK-HMAC-SM3 is not supported"),
        (change("x-sdk-date", "20261124T010000Z".into()), "20261124T010000Z is more than 15"),
        (change("x-sdk-date", "yesterday".into()), "not in the form YYYYMMDDTHHMMSSZ"),
        (change("x-security-token", "t".into()), "temporary access keys are not issued"),
        (change("authorization", "Basic eDp5".into()), "Basic is not supported"),
    ] {
        let text = assert_error(&server.send(request).await, 401, "APIGW.0301");
        assert!(text.contains(wanted), "{text} lacks {wanted}");
    }
}

#[tokio::test]
async fn a_signature_covers_the_body() {
    let server = Server::start().await;
    let body = json!({"name": "job-1", "type": "trans"}).to_string();
    let uri = v5("jobs/name-validation");
    let request = server.signed(Method::POST, &uri, body.clone().into_bytes(), &[]);
    assert_eq!(server.send(request).await.status, StatusCode::OK);
    let request = server.signed(Method::POST, &uri, body.clone().into_bytes(), &[]);
    let (parts, _) = request.into_parts();
    let tampered = body.replace("job-1", "job-2");
    let answer = server.send(Request::from_parts(parts, Body::from(tampered))).await;
    assert!(assert_error(&answer, 401, "APIGW.0301").ends_with("verify aksk signature fail"));
}

#[tokio::test]
async fn path_header_and_token_have_to_name_one_project() {
    let server = Server::start().await;
    let other = "/v5/00000000000000000000000000000000/jobs?job_type=sync";
    let answer = server.get(other).await;
    assert_eq!(assert_error(&answer, 403, "DRS.M00261"), "Invalid project ID.");
    let unset = "/v5/%7Bproject_id%7D/jobs?job_type=sync";
    assert_error(&server.get(unset).await, 403, "DRS.M00261");
    let extra = [("x-project-id", "00000000000000000000000000000000")];
    let request = server.signed(Method::GET, &v5("jobs?job_type=sync"), Vec::new(), &extra);
    assert_error(&server.send(request).await, 403, "DRS.M00261");

    for (scope, status) in [
        (json!({"project": {"id": PROJECT}}), StatusCode::OK),
        (json!({"project": {"name": "local-1"}}), StatusCode::OK),
        (json!({"domain": {"name": "tailrace"}}), StatusCode::FORBIDDEN),
    ] {
        let token = token(&server, scope.clone()).await;
        let request = with_token(&token, &v5("jobs?job_type=sync"));
        let answer = server.send(request).await;
        assert_eq!(answer.status, status, "{scope}: {answer:?}");
    }
}

#[tokio::test]
async fn an_unknown_or_revoked_token_opens_nothing() {
    let server = Server::start().await;
    let uri = v5("jobs?job_type=sync");
    let answer = server.send(with_token("no-such-token", &uri)).await;
    assert!(assert_error(&answer, 401, "APIGW.0301").ends_with("decrypt token fail"));

    let token = token(&server, json!({"project": {"id": PROJECT}})).await;
    assert_eq!(server.send(with_token(&token, &uri)).await.status, StatusCode::OK);
    let revoke = Request::delete("/v3/auth/tokens")
        .header("x-auth-token", &token)
        .header("x-subject-token", &token)
        .body(Body::empty())
        .expect("a request");
    assert_eq!(server.send(revoke).await.status, StatusCode::NO_CONTENT);
    assert_error(&server.send(with_token(&token, &uri)).await, 401, "APIGW.0301");
}

#[tokio::test]
async fn a_token_ends() {
    let server = Server::start().await;
    let uri = v5("jobs?job_type=sync");
    let token = token(&server, json!({"project": {"id": PROJECT}})).await;
    server.clock.advance_ms(24 * 3_600_000 + 1);
    assert_error(&server.send(with_token(&token, &uri)).await, 401, "APIGW.0301");
}

pub(super) async fn token(server: &Server, scope: serde_json::Value) -> String {
    let body = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": "admin", "password": PASSWORD, "domain": {"name": "tailrace"}}}},
        "scope": scope
    }});
    let request = Request::post("/v3/auth/tokens")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    let answer = server.send(request).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.headers["x-subject-token"].to_str().expect("ASCII").to_owned()
}

pub(super) fn with_token(token: &str, uri: &str) -> Request<Body> {
    Request::get(uri).header("x-auth-token", token).body(Body::empty()).expect("a request")
}
