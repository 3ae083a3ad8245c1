//! Roles, custom policies and grants, by the calls of IAM.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    PROJECT, Server,
    iam_directory::keystone,
    permissions::{domain, give, make_user, text},
};

const CUSTOM: &str = "/v3.0/OS-ROLE/roles";

fn policy(statements: Value) -> Value {
    json!({"role": {"display_name": "tester", "type": "XA", "description": "tries",
                    "policy": {"Version": "1.1", "Statement": statements}}})
}

#[tokio::test]
async fn predefined_roles_are_listed_and_shown() {
    let server = Server::start().await;
    let all = server.get("/v3/roles").await;
    let roles = all.body["roles"].as_array().expect("roles");
    assert_eq!((roles.len(), &all.body["total_number"]), (5, &json!(5)));
    let found = server.get("/v3/roles?display_name=DRS%20ReadOnlyAccess").await;
    let role = &found.body["roles"][0];
    assert_eq!(role["name"], "system_all_drs_1");
    assert_eq!(role["policy"]["Statement"][0]["Effect"], "Allow");
    assert_eq!(role["policy"]["Version"], "1.1");
    let shown = server.get(&format!("/v3/roles/{}", text(&role["id"]))).await;
    assert_eq!(shown.body["role"], *role);
    let page = server.get("/v3/roles?page=2&per_page=2").await;
    assert_eq!(page.body["roles"][0], roles[2]);
    assert_eq!(page.body["roles"].as_array().map(Vec::len), Some(2));
    assert!(keystone(&server.get("/v3/roles?page=0").await, 400).contains("page"));
    assert!(keystone(&server.get("/v3/roles/x").await, 404).contains("role x"));
    // A predefined role cannot be changed or removed.
    keystone(&server.delete(&format!("{CUSTOM}/te_admin"), None).await, 404);
}

#[tokio::test]
async fn a_custom_policy_is_made_replaced_and_removed() {
    let server = Server::start().await;
    let statements = json!([
        {"Effect": "Allow", "Action": ["drs:migrationJob:*", "drs:*:get*"]},
        {"Effect": "Deny", "Action": ["drs:*:delete"], "Condition": {}, "Resource": []},
    ]);
    let made = server.post(CUSTOM, policy(statements)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let role = &made.body["role"];
    assert_eq!((&role["catalog"], &role["type"]), (&json!("CUSTOMED"), &json!("XA")));
    assert_eq!(
        role["policy"]["Statement"][1],
        json!({"Effect": "Deny", "Action": ["drs:*:delete"]})
    );
    let id = text(&role["id"]);
    let uri = format!("{CUSTOM}/{id}");
    for answer in [server.get(&uri).await, server.get(&format!("/v3/roles/{id}")).await] {
        assert_eq!(answer.body["role"], *role);
    }
    let listed = server.get(CUSTOM).await;
    assert_eq!((&listed.body["total_number"], &listed.body["roles"][0]), (&json!(1), role));
    let domain = domain(&server).await;
    let listed = server.get(&format!("/v3/roles?domain_id={domain}")).await;
    assert_eq!((&listed.body["total_number"], &listed.body["roles"][0]), (&json!(1), role));
    let again = policy(json!([{"Effect": "Allow", "Action": ["drs:*:*"]}]));
    assert!(keystone(&server.post(CUSTOM, again.clone()).await, 409).contains("tester"));

    let changed = server.call(Method::PATCH, &uri, Some(again)).await;
    assert_eq!(changed.body["role"]["policy"]["Statement"].as_array().map(Vec::len), Some(1));
    assert_eq!(server.delete(&uri, None).await.status, StatusCode::OK);
    for answer in [server.get(&uri).await, server.delete(&uri, None).await] {
        keystone(&answer, 404);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_policy_is_named() {
    let server = Server::start().await;
    let one = |statement: Value| policy(json!([statement]));
    let mut version = one(json!({"Effect": "Allow", "Action": ["drs:*:*"]}));
    version["role"]["policy"]["Version"] = json!("5.0");
    let mut kind = one(json!({"Effect": "Allow", "Action": ["drs:*:*"]}));
    kind["role"]["type"] = json!("AA");
    for (body, wanted) in [
        (version, "role.policy.Version"),
        (kind, "role.type"),
        (policy(json!([])), "role.policy.Statement"),
        (one(json!({"Action": ["drs:*:*"]})), "role.policy.Statement[0].Effect"),
        (one(json!({"Effect": "allow", "Action": ["drs:*:*"]})), "Allow, Deny"),
        (one(json!({"Effect": "Allow"})), "role.policy.Statement[0].Action"),
        (
            one(json!({"Effect": "Allow", "Action": ["iam:*:*"]})),
            "role.policy.Statement[0].Action[0]",
        ),
        (one(json!({"Effect": "Allow", "Action": ["*"]})), "drs:RESOURCE:OPERATION"),
        (one(json!({"Effect": "Deny", "NotAction": ["drs:*:get"]})), "NotAction"),
        (
            one(
                json!({"Effect": "Allow", "Action": ["drs:*:*"], "Condition": {"Bool": {"g:MFA": ["true"]}}}),
            ),
            "role.policy.Statement[0].Condition",
        ),
        (
            one(json!({"Effect": "Allow", "Action": ["drs:*:*"], "Resource": ["drs:*:*:job:x"]})),
            "role.policy.Statement[0].Resource",
        ),
    ] {
        let said = keystone(&server.post(CUSTOM, body).await, 400);
        assert!(said.contains(wanted), "{said} lacks {wanted}");
    }
}

#[tokio::test]
async fn a_grant_is_given_looked_at_and_taken_back() {
    let server = Server::start().await;
    let user = make_user(&server, "granted").await;
    let group = server.post("/v3/groups", json!({"group": {"name": "g"}})).await;
    let group = text(&group.body["group"]["id"]);
    let domain = domain(&server).await;
    for actor in [format!("users/{}", user.id), format!("groups/{group}")] {
        for place in [format!("projects/{PROJECT}"), format!("domains/{domain}")] {
            let roles = format!("/v3/{place}/{actor}/roles");
            let one = format!("{roles}/drs_adm");
            let status =
                async |method: Method| server.call(method, &one, None).await.status.as_u16();
            assert_eq!(server.get(&roles).await.body["roles"], json!([]));
            assert_eq!(status(Method::HEAD).await, 404);
            assert_eq!((status(Method::PUT).await, status(Method::PUT).await), (204, 204));
            assert_eq!(status(Method::HEAD).await, 204);
            assert_eq!(server.get(&roles).await.body["roles"][0]["id"], "drs_adm");
            assert_eq!((status(Method::DELETE).await, status(Method::DELETE).await), (204, 404));
            assert_eq!(server.get(&roles).await.body["total_number"], 0);
        }
    }
    for (uri, wanted) in [
        (format!("/v3/projects/x/users/{}/roles/drs_adm", user.id), "project x"),
        (format!("/v3/domains/x/users/{}/roles/drs_adm", user.id), "domain x"),
        (format!("/v3/projects/{PROJECT}/users/x/roles/drs_adm"), "user x"),
        (format!("/v3/projects/{PROJECT}/groups/x/roles/drs_adm"), "group x"),
        (format!("/v3/projects/{PROJECT}/users/{}/roles/x", user.id), "role x"),
    ] {
        assert!(keystone(&server.call(Method::PUT, &uri, None).await, 404).contains(wanted));
    }
    let uri = format!("/v3/projects/{PROJECT}/users/{}/roles/secu_admin", user.id);
    assert!(keystone(&server.call(Method::PUT, &uri, None).await, 400).contains("secu_admin"));
}

#[tokio::test]
async fn a_domain_keeps_an_administrator() {
    let server = Server::start().await;
    let domain = domain(&server).await;
    let administrator = server.get("/v3/users?name=admin").await;
    let administrator = text(&administrator.body["users"][0]["id"]);
    let (of, grant) = (
        format!("/v3/users/{administrator}"),
        format!("/v3/domains/{domain}/users/{administrator}/roles/secu_admin"),
    );
    let disable = Some(json!({"user": {"enabled": false}}));
    for answer in [
        server.delete(&of, None).await,
        server.delete(&grant, None).await,
        server.call(Method::PATCH, &of, disable.clone()).await,
    ] {
        assert!(keystone(&answer, 409).contains("secu_admin"));
    }
    assert_eq!(server.get(&of).await.body["user"]["enabled"], true);
    // A second one, by a group: now the first may go, and then the second and the group stay.
    let user = make_user(&server, "second").await;
    let group = server.post("/v3/groups", json!({"group": {"name": "administrators"}})).await;
    let group = text(&group.body["group"]["id"]);
    give(&server, &format!("domains/{domain}/groups/{group}"), "secu_admin").await;
    keystone(&server.delete(&of, None).await, 409);
    let member = format!("/v3/groups/{group}/users/{}", user.id);
    assert_eq!(server.call(Method::PUT, &member, None).await.status, StatusCode::NO_CONTENT);
    let answer = server.call_as(&user, Method::DELETE, &of, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    for uri in [
        member,
        format!("/v3/groups/{group}"),
        format!("/v3/users/{}", user.id),
        format!("/v3/domains/{domain}/groups/{group}/roles/secu_admin"),
    ] {
        keystone(&server.call_as(&user, Method::DELETE, &uri, None).await, 409);
    }
}
