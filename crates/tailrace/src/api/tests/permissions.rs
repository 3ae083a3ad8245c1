//! What users may: roles and policies, of users and groups, in projects and in the domain.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{PROJECT, Server, Signer, assert_error, authentication::token, v3, v5};
use crate::api::openapi_json;

/// Makes a user with an access key, who may nothing yet.
pub(super) async fn make_user(server: &Server, name: &str) -> Signer {
    let body = json!({"user": {"name": name, "password": "Pass-word-1"}});
    let answer = server.post("/v3/users", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let id = text(&answer.body["user"]["id"]);
    let body = json!({"credential": {"user_id": id}});
    let answer = server.post("/v3.0/OS-CREDENTIAL/credentials", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let key = &answer.body["credential"];
    Signer { id, ak: text(&key["access"]), sk: text(&key["secret"]) }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

pub(super) async fn domain(server: &Server) -> String {
    text(&server.get("/v3/auth/domains").await.body["domains"][0]["id"])
}

pub(super) async fn make_project(server: &Server, name: &str) -> String {
    let answer = server.post("/v3/projects", json!({"project": {"name": name}})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    text(&answer.body["project"]["id"])
}

/// Makes a custom policy; its id.
async fn make_policy(server: &Server, name: &str, statements: &[(&str, &[&str])]) -> String {
    let statements =
        statements.iter().map(|(effect, actions)| json!({"Effect": effect, "Action": actions}));
    let policy = json!({"Version": "1.1", "Statement": statements.collect::<Vec<_>>()});
    let body = json!({"role": {"display_name": name, "type": "XA", "policy": policy}});
    let answer = server.post("/v3.0/OS-ROLE/roles", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    text(&answer.body["role"]["id"])
}

/// Gives a role where the path says.
pub(super) async fn give(server: &Server, place: &str, role: &str) {
    let answer = server.call(Method::PUT, &format!("/v3/{place}/roles/{role}"), None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{place} {role}: {answer:?}");
}

fn list() -> String {
    v5("jobs?job_type=sync")
}

#[tokio::test]
async fn a_new_user_may_nothing_and_is_told_so_in_both_languages() {
    let server = Server::start().await;
    let user = make_user(&server, "newcomer").await;
    let answer = server.call_as(&user, Method::GET, &list(), None).await;
    let said = assert_error(&answer, 403, "DRS.M00102");
    assert_eq!(said, "You do not have sufficient permissions.");
    let chinese = [("x-language", "zh-cn")];
    let answer =
        server.send(server.signed_by(&user, Method::GET, &list(), Vec::new(), &chinese)).await;
    assert_eq!(assert_error(&answer, 403, "DRS.M00102"), "您没有足够的权限。");
    for (method, uri) in [
        (Method::POST, v3("jobs/batch-creation")),
        (Method::POST, v5("jobs")),
        (Method::DELETE, v5("jobs/x")),
        (Method::GET, v5("jobs/x?type=detail")),
        (Method::POST, v5("jobs/x/action")),
        (Method::GET, v5("links")),
    ] {
        let answer = server.call_as(&user, method, &uri, Some(json!({}))).await;
        assert_error(&answer, 403, "DRS.M00102");
    }
    // Of IAM everybody sees the own part.
    let users = server.call_as(&user, Method::GET, "/v3/users", None).await;
    assert_eq!(users.body["users"].as_array().map(Vec::len), Some(1));
    assert_eq!(users.body["users"][0]["id"], user.id);
    let projects = server.call_as(&user, Method::GET, "/v3/projects", None).await;
    assert_eq!(projects.body["projects"], json!([]));
    let answer = server.call_as(&user, Method::GET, "/v3/groups", None).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (StatusCode::FORBIDDEN, &json!(403))
    );
}

#[tokio::test]
async fn a_reader_reads() {
    let server = Server::start().await;
    let job = server.make_job("watched").await;
    let user = make_user(&server, "reader").await;
    give(&server, &format!("projects/{PROJECT}/users/{}", user.id), "drs_read_only").await;
    for uri in [
        list(),
        v5(&format!("jobs/{job}?type=detail")),
        v5(&format!("jobs/{job}?type=progress")),
        v5(&format!("jobs/{job}/timelines")),
        v5("connections"),
        "/v3/projects?name=local-1".to_owned(),
    ] {
        let answer = server.call_as(&user, Method::GET, &uri, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{uri}: {answer:?}");
    }
    let body = json!({"jobs": [job]});
    let answer = server.call_as(&user, Method::POST, &v3("jobs/batch-status"), Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let start = json!({"job": {"action_name": "start"}});
    for (method, uri, body) in [
        (Method::POST, v5(&format!("jobs/{job}/action")), start),
        (Method::POST, v5(&format!("jobs/{job}/stop")), json!({})),
        (Method::PUT, v5(&format!("jobs/{job}")), json!({"job": {"type": "name"}})),
        (Method::DELETE, v3("jobs/batch-jobs"), json!({"jobs": []})),
        (Method::POST, v3("jobs/batch-creation"), json!({"jobs": []})),
    ] {
        let answer = server.call_as(&user, method, &uri, Some(body)).await;
        assert_error(&answer, 403, "DRS.M00102");
    }
}

#[tokio::test]
async fn what_a_policy_denies_is_denied_by_every_way_to_it() {
    let server = Server::start().await;
    let job = server.make_job("operated").await;
    let user = make_user(&server, "operator").await;
    let place = format!("projects/{PROJECT}/users/{}", user.id);
    give(&server, &place, "drs_full_access").await;
    let no_end = make_policy(&server, "no end", &[("Deny", &["drs:migrationJob:terminate"])]).await;
    give(&server, &place, &no_end).await;

    let action = v5(&format!("jobs/{job}/action"));
    let act = |name: &str| Some(json!({"job": {"action_name": name}}));
    let answer = server.call_as(&user, Method::POST, &action, act("terminate")).await;
    assert_error(&answer, 403, "DRS.M00102");
    // What is allowed comes as far as the job's own rules.
    let answer = server.call_as(&user, Method::POST, &action, act("restart")).await;
    assert_error(&answer, 400, "DRS.10000024");
    let stop = v5(&format!("jobs/{job}/stop"));
    assert_error(&server.call_as(&user, Method::POST, &stop, None).await, 403, "DRS.M00102");
    let body = json!({"jobs": [{"job_id": job, "action_name": "terminate"}]});
    let answer = server.call_as(&user, Method::POST, &v5("jobs/action"), Some(body)).await;
    assert_eq!(answer.body["jobs"][0]["error_code"], "DRS.M00102", "{answer:?}");
    let body = json!({"jobs": [{"job_id": job, "delete_type": "force_terminate"}]});
    let answer = server.call_as(&user, Method::DELETE, &v3("jobs/batch-jobs"), Some(body)).await;
    assert_eq!(answer.body["results"][0]["error_code"], "DRS.M00102", "{answer:?}");
    server.wait_for(&job, "CONFIGURATION").await;

    // Without the policy it is allowed at once.
    let answer = server.delete(&format!("/v3.0/OS-ROLE/roles/{no_end}"), None).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = server.call_as(&user, Method::POST, &action, act("terminate")).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn one_part_of_a_job_can_be_allowed() {
    let server = Server::start().await;
    let job = server.make_job("narrow").await;
    let user = make_user(&server, "clerk").await;
    let actions: &[&str] = &["drs:migrationJob:update", "drs:migrationJob:getLog", "drs:tag:*"];
    let policy = make_policy(&server, "clerk", &[("Allow", actions)]).await;
    give(&server, &format!("projects/{PROJECT}/users/{}", user.id), &policy).await;
    let ask = async |method: Method, uri: &str, body: Option<Value>| {
        let answer = server.call_as(&user, method, &v5(uri), body).await;
        (answer.status.as_u16(), answer.body["error_code"].as_str().unwrap_or_default().to_owned())
    };
    let update = |kind: &str| Some(json!({"job": {"type": kind, "params": {}}}));
    let uri = format!("jobs/{job}");
    // The selection lacks its objects, and is refused for that.
    assert_eq!(ask(Method::PUT, &uri, update("db_object")).await, (400, "DRS.10000009".into()));
    assert_eq!(ask(Method::PUT, &uri, update("name")).await, (403, "DRS.M00102".into()));
    assert_eq!(ask(Method::PUT, &uri, update("policy")).await, (403, "DRS.M00102".into()));
    let view = async |kind: &str| ask(Method::GET, &format!("{uri}?type={kind}"), None).await.0;
    assert_eq!((view("log").await, view("detail").await, view("compare").await), (200, 403, 403));
    let tags = format!("jobs/sync/{job}/tags/action");
    let add = json!({"action": "create", "tags": [{"key": "k", "value": "v"}]});
    assert_eq!(ask(Method::POST, &tags, Some(add)).await.0, 204);
    let remove = json!({"action": "delete", "tags": [{"key": "k", "value": "v"}]});
    assert_eq!(ask(Method::POST, &tags, Some(remove)).await, (403, "DRS.M00102".into()));
}

#[tokio::test]
async fn a_group_gives_what_it_has_where_it_has_it() {
    let server = Server::start().await;
    let (user, other) = (make_user(&server, "member").await, make_project(&server, "site-2").await);
    let group = server.post("/v3/groups", json!({"group": {"name": "operators"}})).await;
    let group = text(&group.body["group"]["id"]);
    let other_list = format!("/v5/{other}/jobs?job_type=sync");
    let see = async |uri: &str| server.call_as(&user, Method::GET, uri, None).await.status.as_u16();

    give(&server, &format!("projects/{other}/groups/{group}"), "drs_full_access").await;
    assert_eq!(see(&other_list).await, 403);
    let member = format!("/v3/groups/{group}/users/{}", user.id);
    assert_eq!(server.call(Method::PUT, &member, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!((see(&other_list).await, see(&list()).await), (200, 403));
    let projects = server.call_as(&user, Method::GET, "/v3/auth/projects", None).await;
    assert_eq!(projects.body["projects"][0]["id"], other);
    assert_eq!(projects.body["projects"].as_array().map(Vec::len), Some(1));

    let domain = domain(&server).await;
    give(&server, &format!("domains/{domain}/groups/{group}"), "drs_read_only").await;
    assert_eq!((see(&other_list).await, see(&list()).await), (200, 200));
    assert_eq!(server.delete(&member, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!((see(&other_list).await, see(&list()).await), (403, 403));
}

#[tokio::test]
async fn a_token_for_a_project_needs_a_role_there() {
    let server = Server::start().await;
    let user = make_user(&server, "roleless").await;
    let login = async || {
        let identity = json!({"methods": ["password"], "password": {"user": {
            "name": "roleless", "password": "Pass-word-1", "domain": {"name": "tailrace"}}}});
        let body = json!({"auth": {"identity": identity, "scope": {"project": {"id": PROJECT}}}});
        server.post("/v3/auth/tokens", body).await
    };
    assert_eq!(login().await.status, StatusCode::UNAUTHORIZED);
    give(&server, &format!("projects/{PROJECT}/users/{}", user.id), "drs_read_only").await;
    let answer = login().await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(
        answer.body["token"]["roles"],
        json!([{"id": "drs_read_only", "name": "system_all_drs_1"}])
    );
    // The administrator's roles are those of the domain.
    let administrator = token(&server, json!({"project": {"id": PROJECT}})).await;
    assert!(!administrator.is_empty());
}

/// The uri and method of every operation on a job, for a job in a project.
fn job_operations(project: &str, job: &str) -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(&openapi_json().expect("a document")).expect("JSON");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        if !path.contains("{job_id}") && !path.contains("{resource_id}") {
            continue;
        }
        let mut uri = path.replace("{project_id}", project);
        for name in ["{job_id}", "{resource_id}"] {
            uri = uri.replace(name, job);
        }
        for (name, value) in [
            ("{resource_type}", "jobs"),
            ("{compare_job_id}", "c"),
            ("{alarm_id}", "1"),
            ("{compare_type}", "TABLE"),
            ("{type}", "table"),
        ] {
            uri = uri.replace(name, value);
        }
        assert!(!uri.contains('{'), "{uri}");
        for method in item.as_object().expect("operations").keys() {
            let method = method.to_uppercase().parse().expect("a method");
            found.push((method, format!("{uri}?type=detail&id=1&query_id=q&object_type=table")));
        }
    }
    found
}

#[tokio::test]
async fn a_job_of_another_project_is_as_one_that_is_not_there() {
    let server = Server::start().await;
    let job = server.make_job("hidden").await;
    let other = make_project(&server, "site-2").await;
    let nobody = "c7debc9c-8e09-4a5d-8dd6-cc44f78jb20r";
    let (theirs, none) = (job_operations(&other, &job), job_operations(&other, nobody));
    assert!(theirs.len() > 50, "{} operations", theirs.len());
    let mut missing = 0;
    for ((method, uri), (_, none)) in theirs.iter().zip(&none) {
        let body = json!({
            "job": {"type": "name", "action_name": "terminate", "params": {"base_info": {"name": "taken-over"}}},
            "tags": [{"key": "k", "value": "v"}],
        });
        let body = (*method != Method::GET).then_some(body);
        let seen = server.call(method.clone(), uri, body.clone()).await;
        let wanted = server.call(method.clone(), none, body).await;
        assert_eq!(seen.status, wanted.status, "{method} {uri}: {seen:?}");
        let without_id = wanted.body.to_string().replace(nobody, &job);
        assert_eq!(seen.body.to_string(), without_id, "{method} {uri}");
        assert!(!seen.status.is_success(), "{method} {uri}: {seen:?}");
        missing += usize::from(matches!(
            seen.body["error_code"].as_str(),
            Some("DRS.10000010" | "DRS.M00289")
        ));
    }
    assert!(missing > 30, "only {missing} of {} say that there is no such job", theirs.len());
    let path = format!("/v3/{other}/jobs/batch-jobs");
    let body = json!({"jobs": [{"job_id": job, "delete_type": "terminate"}]});
    let answer = server.delete(&path, Some(body)).await;
    assert_eq!(answer.body["results"][0]["error_code"], "DRS.M00289", "{answer:?}");
    let listed = server.get(&format!("/v5/{other}/jobs?job_type=sync")).await;
    assert_eq!(listed.body["total_count"], 0);
    server.wait_for(&job, "CONFIGURATION").await;
}
