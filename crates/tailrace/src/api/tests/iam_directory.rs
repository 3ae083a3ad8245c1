//! Users, groups, projects, access keys and passwords, by the calls of IAM.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};

use super::{
    Answer, PROJECT, Server, Signer,
    authentication::with_token,
    permissions::{domain, give, make_project, make_user, text},
    v5,
};

/// The text of an error in Keystone's form.
#[track_caller]
pub(super) fn keystone(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert_eq!(answer.body["error"]["code"], status, "{answer:?}");
    text(&answer.body["error"]["message"])
}

async fn patch(server: &Server, uri: &str, body: Value) -> Answer {
    server.call(Method::PATCH, uri, Some(body)).await
}

async fn log_in(server: &Server, user: &str, password: &str) -> Answer {
    let body = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": user, "password": password, "domain": {"name": "tailrace"}}}},
        "scope": {"domain": {"name": "tailrace"}}
    }});
    let request = Request::post("/v3/auth/tokens").header("content-type", "application/json");
    server.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

async fn token_of(server: &Server, user: &str, password: &str) -> String {
    let answer = log_in(server, user, password).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.headers["x-subject-token"].to_str().expect("ASCII").to_owned()
}

#[tokio::test]
async fn a_user_is_made_seen_changed_and_removed() {
    let server = Server::start().await;
    let domain = domain(&server).await;
    let body = json!({"user": {"name": "anna", "domain_id": domain, "password": "Pass-word-1",
                               "description": "night shift"}});
    let made = server.post("/v3/users", body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let user = &made.body["user"];
    assert_eq!(
        (&user["name"], &user["enabled"], &user["domain_id"]),
        (&json!("anna"), &json!(true), &json!(domain))
    );
    assert_eq!(user["description"], "night shift");
    assert!(!made.body.to_string().contains("Pass-word-1"));
    let uri = format!("/v3/users/{}", text(&user["id"]));
    assert!(text(&user["links"]["self"]).ends_with(&uri));
    assert!(keystone(&server.post("/v3/users", body).await, 409).contains("anna"));
    assert_eq!(server.get(&uri).await.body["user"], *user);

    let token = token_of(&server, "anna", "Pass-word-1").await;
    let changed =
        patch(&server, &uri, json!({"user": {"name": "anna.b", "description": ""}})).await;
    assert_eq!(changed.body["user"]["name"], "anna.b");
    // A token holds through a change of the name, and not when the user is locked out.
    assert_eq!(server.send(with_token(&token, "/v3/auth/domains")).await.status, StatusCode::OK);
    let changed = patch(&server, &uri, json!({"user": {"enabled": false}})).await;
    assert_eq!(changed.body["user"]["enabled"], false);
    keystone(&server.send(with_token(&token, "/v3/auth/domains")).await, 401);
    let disabled = server.get("/v3/users?enabled=false").await;
    assert_eq!(disabled.body["users"].as_array().map(Vec::len), Some(1));
    patch(&server, &uri, json!({"user": {"enabled": true}})).await;
    keystone(&server.send(with_token(&token, "/v3/auth/domains")).await, 401);
    let token = token_of(&server, "anna.b", "Pass-word-1").await;

    assert_eq!(server.delete(&uri, None).await.status, StatusCode::NO_CONTENT);
    keystone(&server.send(with_token(&token, "/v3/auth/domains")).await, 401);
    for answer in [server.get(&uri).await, server.delete(&uri, None).await] {
        assert!(keystone(&answer, 404).contains("user"));
    }
    keystone(&patch(&server, &uri, json!({"user": {"name": "x"}})).await, 404);
}

#[tokio::test]
async fn what_is_wrong_with_a_user_is_named_and_a_password_is_not_told() {
    let server = Server::start().await;
    for (user, wanted) in [
        (json!({}), "user.name"),
        (json!({"name": "a/b"}), "user.name"),
        (json!({"name": "x".repeat(65)}), "user.name"),
        (json!({"name": "b", "password": "S3cret"}), "user.password"),
        (json!({"name": "b", "password": "s3cret".repeat(200)}), "user.password"),
        (json!({"name": "b", "password": "secretsecret"}), "user.password"),
        (json!({"name": "b", "description": "d".repeat(256)}), "user.description"),
        (json!({"name": "b", "enabled": "yes"}), "user.enabled"),
    ] {
        let answer = server.post("/v3/users", json!({"user": user})).await;
        let said = keystone(&answer, 400);
        assert!(said.contains(wanted) && !said.to_lowercase().contains("s3cret"), "{said}");
        assert!(!said.contains("secretsecret"), "{said}");
    }
    keystone(&server.post("/v3/users", json!({})).await, 400);
    let body = json!({"user": {"name": "b", "domain_id": "elsewhere"}});
    assert!(keystone(&server.post("/v3/users", body).await, 404).contains("domain elsewhere"));
}

#[tokio::test]
async fn only_administrators_manage() {
    let server = Server::start().await;
    let user = make_user(&server, "plain").await;
    let victim = make_user(&server, "victim").await;
    let domain = domain(&server).await;
    give(&server, &format!("domains/{domain}/users/{}", user.id), "te_admin").await;
    let (of, key) = (
        format!("/v3/users/{}", victim.id),
        format!("/v3.0/OS-CREDENTIAL/credentials/{}", victim.ak),
    );
    let grant = format!("/v3/domains/{domain}/users/{}/roles/secu_admin", user.id);
    let role = json!({"role": {"display_name": "r", "type": "AX",
        "policy": {"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["drs:*:*"]}]}}});
    for (method, uri, body, status) in [
        (Method::POST, "/v3/users", json!({"user": {"name": "b"}}), 403),
        (Method::GET, &of, Value::Null, 403),
        (Method::PATCH, &of, json!({"user": {"password": "Taken-over-1"}}), 403),
        (Method::PATCH, &format!("/v3/users/{}", user.id), json!({"user": {"name": "me"}}), 403),
        (Method::DELETE, &of, Value::Null, 403),
        (Method::POST, &format!("{of}/password"), json!({"user": {}}), 403),
        (Method::GET, &format!("{of}/groups"), Value::Null, 403),
        (Method::POST, "/v3/groups", json!({"group": {"name": "g"}}), 403),
        (Method::POST, "/v3/projects", json!({"project": {"name": "p"}}), 403),
        (Method::PATCH, &format!("/v3/projects/{PROJECT}"), json!({"project": {"name": "p"}}), 403),
        (Method::PUT, &grant, Value::Null, 403),
        (Method::GET, "/v3/roles", Value::Null, 403),
        (Method::POST, "/v3.0/OS-ROLE/roles", role, 403),
        (
            Method::POST,
            "/v3.0/OS-CREDENTIAL/credentials",
            json!({"credential": {"user_id": victim.id}}),
            403,
        ),
        (
            Method::GET,
            &format!("/v3.0/OS-CREDENTIAL/credentials?user_id={}", victim.id),
            Value::Null,
            403,
        ),
        (Method::GET, &key, Value::Null, 404),
        (Method::PUT, &key, json!({"credential": {"status": "inactive"}}), 404),
        (Method::DELETE, &key, Value::Null, 404),
    ] {
        let body = (!body.is_null()).then_some(body);
        let answer = server.call_as(&user, method.clone(), uri, body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {uri}: {answer:?}");
        keystone(&answer, status);
    }
    // With the role of those who manage it is allowed at once.
    assert_eq!(server.call(Method::PUT, &grant, None).await.status, StatusCode::NO_CONTENT);
    let answer = server.call_as(&user, Method::DELETE, &of, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_user_manages_the_own_keys() {
    let server = Server::start().await;
    let user = make_user(&server, "signer").await;
    let all = "/v3.0/OS-CREDENTIAL/credentials";
    let body = json!({"credential": {"description": "second"}});
    let made = server.call_as(&user, Method::POST, all, Some(body.clone())).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let key = &made.body["credential"];
    assert_eq!((&key["user_id"], &key["status"]), (&json!(user.id), &json!("active")));
    let second = Signer { id: user.id.clone(), ak: text(&key["access"]), sk: text(&key["secret"]) };
    let third = server.call_as(&user, Method::POST, all, Some(body)).await;
    assert!(keystone(&third, 403).contains('2'));

    let listed = server.call_as(&second, Method::GET, all, None).await;
    let keys = listed.body["credentials"].as_array().expect("keys");
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| key.get("secret").is_none()), "{keys:?}");
    let uri = format!("{all}/{}", second.ak);
    let shown = server.call_as(&user, Method::GET, &uri, None).await;
    assert_eq!(shown.body["credential"]["description"], "second");

    let inactive = Some(json!({"credential": {"status": "inactive"}}));
    let answer = server.call_as(&user, Method::PUT, &uri, inactive).await;
    assert_eq!(answer.body["credential"]["status"], "inactive");
    keystone(&server.call_as(&second, Method::GET, all, None).await, 401);
    let wrong = Some(json!({"credential": {"status": "asleep"}}));
    let said = keystone(&server.call_as(&user, Method::PUT, &uri, wrong).await, 400);
    assert!(said.contains("credential.status") && said.contains("inactive"), "{said}");
    let active = Some(json!({"credential": {"status": "active"}}));
    server.call_as(&user, Method::PUT, &uri, active).await;
    assert_eq!(server.call_as(&second, Method::GET, all, None).await.status, StatusCode::OK);
    // A key may remove itself.
    let answer = server.call_as(&second, Method::DELETE, &uri, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    keystone(&server.call_as(&second, Method::GET, all, None).await, 401);
    keystone(&server.call_as(&user, Method::GET, &uri, None).await, 404);
}

#[tokio::test]
async fn a_new_password_ends_the_tokens() {
    let server = Server::start().await;
    let user = make_user(&server, "changer").await;
    let uri = format!("/v3/users/{}/password", user.id);
    let token = token_of(&server, "changer", "Pass-word-1").await;
    let change = async |old: &str, new: &str| {
        let body = json!({"user": {"original_password": old, "password": new}});
        server.call_as(&user, Method::POST, &uri, Some(body)).await
    };
    keystone(&change("wrong", "Pass-word-2").await, 401);
    assert!(keystone(&change("Pass-word-1", "short").await, 400).contains("user.password"));
    assert_eq!(server.send(with_token(&token, "/v3/auth/domains")).await.status, StatusCode::OK);
    assert_eq!(change("Pass-word-1", "Pass-word-2").await.status, StatusCode::NO_CONTENT);
    keystone(&server.send(with_token(&token, "/v3/auth/domains")).await, 401);
    keystone(&log_in(&server, "changer", "Pass-word-1").await, 401);
    let token = token_of(&server, "changer", "Pass-word-2").await;
    // An administrator's new password does the same.
    let body = json!({"user": {"password": "Pass-word-3"}});
    assert_eq!(
        patch(&server, &format!("/v3/users/{}", user.id), body).await.status,
        StatusCode::OK
    );
    keystone(&server.send(with_token(&token, "/v3/auth/domains")).await, 401);
    // Guessing the old password locks like guessing a login.
    for _ in 0..5 {
        keystone(&change("wrong", "Pass-word-4").await, 401);
    }
    assert!(keystone(&change("Pass-word-3", "Pass-word-4").await, 401).contains("locked"));
}

#[tokio::test]
async fn groups_have_names_and_members() {
    let server = Server::start().await;
    let user = make_user(&server, "member").await;
    let body = json!({"group": {"name": "ops", "description": "day"}});
    let made = server.post("/v3/groups", body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let uri = format!("/v3/groups/{}", text(&made.body["group"]["id"]));
    assert!(keystone(&server.post("/v3/groups", body).await, 409).contains("ops"));
    assert_eq!(server.get(&uri).await.body, made.body);
    let changed = patch(&server, &uri, json!({"group": {"name": "ops-2"}})).await;
    assert_eq!(
        (&changed.body["group"]["name"], &changed.body["group"]["description"]),
        (&json!("ops-2"), &json!("day"))
    );
    assert_eq!(server.get("/v3/groups?name=ops").await.body["groups"], json!([]));
    assert_eq!(server.get("/v3/groups?name=ops-2").await.body["groups"][0]["name"], "ops-2");

    let member = format!("{uri}/users/{}", user.id);
    assert_eq!(server.call(Method::HEAD, &member, None).await.status, StatusCode::NOT_FOUND);
    for _ in 0..2 {
        assert_eq!(server.call(Method::PUT, &member, None).await.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(server.call(Method::HEAD, &member, None).await.status, StatusCode::NO_CONTENT);
    let members = server.get(&format!("{uri}/users")).await;
    assert_eq!(members.body["users"][0]["name"], "member");
    let own = format!("/v3/users/{}/groups", user.id);
    let groups = server.call_as(&user, Method::GET, &own, None).await;
    assert_eq!(groups.body["groups"][0]["name"], "ops-2");
    assert_eq!(server.delete(&member, None).await.status, StatusCode::NO_CONTENT);
    keystone(&server.delete(&member, None).await, 404);
    keystone(&server.call(Method::PUT, &format!("{uri}/users/x"), None).await, 404);

    assert_eq!(server.delete(&uri, None).await.status, StatusCode::NO_CONTENT);
    for answer in [server.get(&uri).await, server.get(&format!("{uri}/users")).await] {
        assert!(keystone(&answer, 404).contains("group"));
    }
}

#[tokio::test]
async fn projects_are_made_and_used() {
    let server = Server::start().await;
    let project = make_project(&server, "region-2").await;
    let uri = format!("/v3/projects/{project}");
    let shown = server.get(&uri).await;
    assert_eq!(
        (&shown.body["project"]["name"], &shown.body["project"]["enabled"]),
        (&json!("region-2"), &json!(true))
    );
    let body = json!({"project": {"name": "region-2"}});
    assert!(keystone(&server.post("/v3/projects", body).await, 409).contains("region-2"));
    let changed = patch(&server, &uri, json!({"project": {"description": "the other site"}})).await;
    assert_eq!(changed.body["project"]["description"], "the other site");
    assert_eq!(changed.body["project"]["name"], "region-2");
    let found = server.get("/v3/projects?name=region-2").await;
    assert_eq!(found.body["projects"][0]["id"], project);
    let jobs = server.get(&format!("/v5/{project}/jobs?job_type=sync")).await;
    assert_eq!(jobs.status, StatusCode::OK);
    // Who has no role there does not learn of it.
    let user = make_user(&server, "outsider").await;
    keystone(&server.call_as(&user, Method::GET, &uri, None).await, 404);
    keystone(&server.get("/v3/projects/x").await, 404);
    assert_eq!(server.get(&v5("jobs?job_type=sync")).await.status, StatusCode::OK);
}
