//! IAM as DRS clients use it.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};

use super::{
    Answer, PASSWORD, PROJECT, Server,
    authentication::{token, with_token},
};

async fn log_in(server: &Server, uri: &str, auth: Value) -> Answer {
    let request = Request::post(uri)
        .header("host", "tailrace.test:8080")
        .header("content-type", "application/json")
        .body(Body::from(json!({"auth": auth}).to_string()))
        .expect("a request");
    server.send(request).await
}

fn password(user: &str, password: &str) -> Value {
    json!({"methods": ["password"], "password": {"user": {
        "name": user, "password": password, "domain": {"name": "tailrace"}}}})
}

#[tokio::test]
async fn terraform_logs_in_for_its_project_and_its_domain() {
    let server = Server::start().await;
    let scope = json!({"project": {"name": "local-1", "domain": {"name": "tailrace"}}});
    let auth = json!({"identity": password("admin", PASSWORD), "scope": scope});
    let answer = log_in(&server, "/v3/auth/tokens", auth).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let token = &answer.body["token"];
    assert_eq!(token["project"]["id"], PROJECT);
    assert_eq!(token["project"]["domain"]["name"], "tailrace");
    assert_eq!(token["issued_at"], "2026-11-24T02:00:00.000000Z");
    assert_eq!(token["expires_at"], "2026-11-25T02:00:00.000000Z");
    assert_eq!(
        token["catalog"][1]["endpoints"][0]["url"],
        format!("http://tailrace.test:8080/v5/{PROJECT}")
    );
    let first = answer.headers["x-subject-token"].to_str().expect("ASCII").to_owned();

    let auth = json!({
        "identity": {"methods": ["token"], "token": {"id": first}},
        "scope": {"domain": {"name": "tailrace"}}
    });
    let answer = log_in(&server, "/v3/auth/tokens?nocatalog=true", auth).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.body["token"]["domain"]["name"], "tailrace");
    assert!(answer.body["token"].get("catalog").is_none());
    assert!(answer.body["token"].get("project").is_none());
}

#[tokio::test]
async fn refused_logins_have_keystones_form() {
    let server = Server::start().await;
    let wrong = |identity: Value, scope: Value| json!({"identity": identity, "scope": scope});
    let project = json!({"project": {"id": PROJECT}});
    let good = password("admin", PASSWORD);
    for (auth, status, text) in [
        (wrong(password("admin", "x"), project.clone()), 401, "username or password"),
        (wrong(password("nobody", PASSWORD), project.clone()), 401, "username or password"),
        (wrong(good.clone(), json!({"project": {"id": "0"}})), 401, "project in auth.scope"),
        (wrong(good.clone(), json!({"domain": {"name": "x"}})), 401, "domain in auth.scope"),
        (wrong(good, json!({"project": {}})), 400, "auth.scope.project"),
        (wrong(json!({"methods": ["totp"]}), json!({})), 400, "password, token"),
        (wrong(json!({"methods": []}), json!({})), 400, "exactly one"),
        (wrong(json!({"methods": ["password"]}), json!({})), 400, "auth.identity.password.user"),
        (wrong(json!({"methods": ["token"]}), json!({})), 400, "auth.identity.token.id"),
        (json!({}), 400, "auth.identity"),
    ] {
        let answer = log_in(&server, "/v3/auth/tokens", auth.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{auth}: {answer:?}");
        let error = &answer.body["error"];
        assert_eq!(error["code"], status);
        assert!(error["title"].is_string());
        assert!(error["message"].as_str().is_some_and(|m| m.contains(text)), "{error}: {text}");
        assert!(!answer.headers.contains_key("x-subject-token"));
    }
    let request = Request::get("/v3/projects").body(Body::empty()).expect("a request");
    let answer = server.send(request).await;
    assert_eq!(answer.body["error"]["code"], 401);
}

#[tokio::test]
async fn too_many_wrong_passwords_lock_the_account() {
    let server = Server::start().await;
    let auth =
        |pw| json!({"identity": password("admin", pw), "scope": {"project": {"id": PROJECT}}});
    let mut message = Value::Null;
    for _ in 0..10 {
        let answer = log_in(&server, "/v3/auth/tokens", auth("wrong")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        message = answer.body["error"]["message"].clone();
    }
    assert!(message.as_str().is_some_and(|m| m.contains("locked")), "{message}");
    let answer = log_in(&server, "/v3/auth/tokens", auth(PASSWORD)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn clients_find_their_project_domain_and_user() {
    let server = Server::start().await;
    let projects = server.get("/v3/projects?name=local-1").await;
    assert_eq!(projects.status, StatusCode::OK);
    assert_eq!(projects.body["projects"][0]["id"], PROJECT);
    assert_eq!(projects.body["projects"][0]["enabled"], true);
    assert_eq!(projects.body["links"]["self"], "http://tailrace.test/v3/projects");
    let none = server.get("/v3/projects?name=elsewhere").await;
    assert_eq!(none.body["projects"], json!([]));

    let domains = server.get("/v3/auth/domains").await;
    assert_eq!(domains.body["domains"][0]["name"], "tailrace");
    let users = server.get("/v3/users?name=admin").await;
    assert_eq!(users.body["users"][0]["name"], "admin");
    assert_eq!(users.body["users"][0]["domain_id"], domains.body["domains"][0]["id"]);

    let token = token(&server, json!({"project": {"id": PROJECT}})).await;
    let mine = server.send(with_token(&token, "/v3/auth/projects")).await;
    assert_eq!(mine.body["projects"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_token_can_be_looked_at() {
    let server = Server::start().await;
    let token = token(&server, json!({"project": {"id": PROJECT}})).await;
    let look = |subject: &str| {
        let request = Request::get("/v3/auth/tokens?nocatalog")
            .header("x-auth-token", &token)
            .header("x-subject-token", subject)
            .body(Body::empty())
            .expect("a request");
        server.send(request)
    };
    let answer = look(&token).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["token"]["user"]["name"], "admin");
    assert_eq!(answer.headers["x-subject-token"].to_str().ok(), Some(token.as_str()));
    assert_eq!(look("no-such-token").await.status, StatusCode::NOT_FOUND);
    let answer = server.call(Method::GET, "/v3/auth/tokens", None).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn versions_are_open_and_end_in_v3() {
    let server = Server::start().await;
    let request = Request::get("/").header("host", "h:1").body(Body::empty()).expect("a request");
    let answer = server.send(request).await;
    let version = &answer.body["versions"]["values"][0];
    assert_eq!(version["status"], "stable");
    assert!(version["id"].as_str().is_some_and(|id| id.starts_with("v3")));
    assert_eq!(version["links"][0], json!({"rel": "self", "href": "http://h:1/v3/"}));
}
