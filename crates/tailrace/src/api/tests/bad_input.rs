//! Bad input for every operation: whatever is put in the place of any member or parameter, the answer
//! is one of DRS's own errors or a success, names the member where its type is wrong, and the server
//! goes on.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::v5::new_job as new_v5_job;
use super::{Answer, PROJECT, Server, new_job, v3, v5};

/// Members that are kept as they come, or that mean nothing here and are passed over.
const ANY_TYPE: &[&str] = &[
    "/jobs/0/net_type",
    "/jobs/0/customize_sutnet_id",
    "/jobs/0/expired_days",
    "/job/params/alarm_notify/alarm_to_user",
    "/job/params/alarm_notify/delay_time",
];
/// In a body: a name that no other request uses.
const UNIQUE: &str = "UNIQUE";
const NO_JOB: &str = "00000000-0000-4000-8000-000000000000";

/// An operation with a body that it takes.
struct Operation {
    method: Method,
    uri: String,
    body: Value,
}

fn operation(method: Method, uri: String, body: Value) -> Operation {
    Operation { method, uri, body }
}

fn v3_operations(id: &str) -> Vec<Operation> {
    let (post, put) = (Method::POST, Method::PUT);
    let ids = json!({"jobs": [id], "page_req": {"cur_page": 1, "per_page": 10}});
    let mut change = new_job("job-7");
    change["job_id"] = json!(id);
    change["store_db_info"] = json!(true);
    let mut secure = new_job("UNIQUE");
    secure["target_endpoint"]["kafka_security_config"] = json!({"type": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512", "trust_store_key": "eA==", "trust_store_key_name": "t.jks",
        "trust_store_password": "p", "endpoint_algorithm": "", "delegation_tokens": false});
    let of = |path: &str| v3(&format!("jobs/{path}"));
    vec![
        operation(
            post.clone(),
            v3("jobs"),
            json!({"cur_page": 1, "per_page": 10, "name": "x",
            "db_use_type": "sync", "status": "CONFIGURATION", "net_type": "vpc",
            "engine_type": "mysql-to-kafka", "enterprise_project_id": "0"}),
        ),
        operation(post.clone(), of("batch-creation"), json!({"jobs": [new_job("UNIQUE")]})),
        operation(post.clone(), of("batch-creation"), json!({"jobs": [secure]})),
        operation(post.clone(), of("batch-status"), ids.clone()),
        operation(post.clone(), of("batch-detail"), ids.clone()),
        operation(post.clone(), of("batch-progress"), ids.clone()),
        operation(post.clone(), of("batch-precheck-result"), ids),
        operation(
            post.clone(),
            of("batch-connection"),
            json!({"jobs": [{"id": id,
            "end_point_type": "so", "db_type": "mysql", "net_type": "vpc", "ip": "db.test",
            "db_port": 3306, "db_user": "u", "db_password": "pw-source", "ssl_link": false}]}),
        ),
        operation(put.clone(), of("batch-modification"), json!({"jobs": [change]})),
        operation(
            post.clone(),
            of("batch-sync-policy"),
            json!({"jobs": [{"job_id": id,
            "topic_policy": "1", "topic": "t", "topic_name_format": "$database$-$tablename$",
            "partition_policy": "0", "kafka_data_format": "json", "partitions_num": "1",
            "replication_factor": "1", "ddl_trans": true, "ddl_topic": "d",
            "filter_ddl_policy": "drop_database", "file_and_position": "binlog.000001:4",
            "gtid_set": "3E11FA47-71CA-11E1-9E33-C80AA9429562:1", "delivery": "exactly_once",
            "progress_topic": "p", "index_trans": true, "conflict_policy": "ignore"}]}),
        ),
        operation(
            put.clone(),
            of("batch-select-objects"),
            json!({"jobs": [{"job_id": id,
            "selected": true, "sync_database": false, "job": [{"id": "shop",
            "object_type": "database", "object_name": "shop", "select": "true",
            "parent_id": ""}]}]}),
        ),
        operation(
            post.clone(),
            of("batch-precheck"),
            json!({"jobs": [{"job_id": id,
            "precheck_mode": "forStartJob"}]}),
        ),
        operation(
            post.clone(),
            of("batch-starting"),
            json!({"jobs": [{"job_id": id,
            "start_time": "0"}]}),
        ),
        operation(
            post.clone(),
            of("batch-pause-task"),
            json!({"jobs": [{"job_id": id,
            "pause_mode": "target"}]}),
        ),
        operation(
            post,
            of("batch-retry-task"),
            json!({"jobs": [{"job_id": id,
            "is_sync_re_edit": false}]}),
        ),
        operation(
            put.clone(),
            of("batch-limit-speed"),
            json!({"speed_limits": [{"job_id": id,
            "speed_limit": [{"begin": "01:00", "end": "05:59", "speed": "15", "is_utc": true}]}]}),
        ),
        operation(
            put,
            of("batch-modify-pwd"),
            json!({"jobs": [{"job_id": id,
            "end_point_type": "so", "db_password": "pw-new"}]}),
        ),
        operation(
            Method::DELETE,
            of("batch-jobs"),
            json!({"jobs": [{"job_id": id,
            "delete_type": "delete"}]}),
        ),
    ]
}

fn v5_operations(id: &str) -> Vec<Operation> {
    let (post, put) = (Method::POST, Method::PUT);
    let of = |path: &str| v5(&format!("jobs/{id}{path}"));
    let change = |kind: &str, params: Value| json!({"job": {"type": kind, "params": params}});
    let objects = json!({"object_scope": "table", "object_info": {"shop": {"name": "shop",
        "all": false, "tables": {"orders": {"name": "orders", "type": "table", "all": true}}}}});
    vec![
        operation(post.clone(), v5("jobs"), new_v5_job("UNIQUE")),
        operation(
            post.clone(),
            v5("jobs/name-validation"),
            json!({"name": "n-1", "type": "trans"}),
        ),
        operation(post, v5("jobs/clone"), json!({"job_id": id, "name": "UNIQUE"})),
        operation(put.clone(), of(""), change("name", json!({"base_info": {"name": "n-2"}}))),
        operation(
            put.clone(),
            of(""),
            change("description", json!({"base_info": {"description": "d"}})),
        ),
        operation(put.clone(), of(""), change("db_object", json!({"db_object": objects}))),
        operation(
            put.clone(),
            of(""),
            change(
                "policy",
                json!({"policy_config": {
            "topic_policy": "0", "topic": "t", "partition_policy": "1", "ddl_trans": false}}),
            ),
        ),
        operation(
            put.clone(),
            of(""),
            change(
                "network",
                json!({"source_endpoint": [{
            "db_type": "mysql", "endpoint": {"ip": "db2.test", "db_port": 3307, "db_user": "v",
            "db_password": "pw-source"}, "ssl": {"ssl_link": false}}]}),
            ),
        ),
        operation(
            put.clone(),
            of(""),
            change(
                "speed_limit",
                json!({"speed_limit": [{
            "begin": "00:00", "end": "00:59", "speed": "5"}]}),
            ),
        ),
        operation(
            put,
            of(""),
            change("notify", json!({"alarm_notify": {"alarm_to_user": true, "delay_time": 60}})),
        ),
    ]
}

fn v5_offers(id: &str) -> Vec<Operation> {
    let (post, put) = (Method::POST, Method::PUT);
    let tags = json!({"without_any_tag": false, "tags": [{"key": "k", "values": ["v"]}],
        "matches": [{"key": "resource_name", "value": "x"}]});
    let connection = json!({"name": "UNIQUE", "db_type": "mysql", "description": "d",
        "endpoint": {"endpoint_name": "mysql", "ip": "db.test", "db_port": "3306", "db_user": "u",
            "db_password": "pw-source", "instance_id": "i"},
        "ssl": {"ssl_link": false}, "vpc": {"vpc_id": "v"}, "cloud": {"region": "r"},
        "enterprise_project_id": "0"});
    vec![
        operation(post.clone(), v5("sync/resource-instances/count"), tags.clone()),
        operation(post.clone(), v5("sync/resource-instances/filter"), tags),
        operation(
            post.clone(),
            v5(&format!("jobs/{id}/object-mappings")),
            json!({"db_name": "shop", "schema_name": "s", "table_name": "t", "offset": 0, "limit": 10,
                "has_column_info": false}),
        ),
        operation(
            post.clone(),
            v5(&format!("jobs/{id}/change-flavor")),
            json!({"spec_type": "small"}),
        ),
        operation(post.clone(), v5("connections"), connection.clone()),
        operation(put.clone(), v5(&format!("connections/{NO_JOB}")), connection),
        operation(
            post,
            v3("available-zone"),
            json!({"engine_type": "mysql-to-kafka", "db_use_type": "sync", "job_direction": "up",
                "node_type": "high", "multi_write": "false"}),
        ),
        operation(
            put,
            v3(&format!("job/{id}/tuning-params/modify-params")),
            json!({"full_sync": {"read_task_num": "5"}, "incre_apply": {"parallel": "4"}}),
        ),
    ]
}

fn v5_actions(id: &str) -> Vec<Operation> {
    let (post, put) = (Method::POST, Method::PUT);
    let of = |path: &str| v5(&format!("jobs/{id}{path}"));
    vec![
        operation(
            post.clone(),
            of("/action"),
            json!({"job": {"action_name": "precheck",
            "action_params": {"precheck_mode": "forStartJob"}}}),
        ),
        operation(
            post.clone(),
            of("/action"),
            json!({"job": {"action_name": "network",
            "action_params": {}}}),
        ),
        operation(post.clone(), of("/stop"), json!({"is_force_stop": false})),
        operation(
            post.clone(),
            v5("jobs/action"),
            json!({"jobs": [{"job_id": id,
            "action_name": "start", "action_params": {}}]}),
        ),
        operation(
            post.clone(),
            v5("jobs/batch-stop"),
            json!({"jobs": [{"job_id": id,
            "is_force_stop": false}]}),
        ),
        operation(
            post.clone(),
            format!("/v5.1/{PROJECT}/jobs/{id}/db-objects/collect"),
            json!({"type": "source", "is_refresh": "true", "db_names": ["shop"]}),
        ),
        operation(
            put.clone(),
            of("/modify-configuration"),
            json!({"values": [{
            "parameter_name": "read_task_num", "parameter_value": "2"}]}),
        ),
        operation(
            put,
            of("/start-position"),
            json!({"file_and_position": "mysql-bin.000001:4", "gtid_set": ""}),
        ),
        operation(
            post.clone(),
            v5(&format!("jobs/sync/{id}/tags/action")),
            json!({"action": "create", "tags": [{"key": "a", "value": "1"}]}),
        ),
        operation(
            post.clone(),
            v5(&format!("sync/{id}/tags/create")),
            json!({"tags": [{"key": "b", "value": "1"}]}),
        ),
        operation(post, v5(&format!("sync/{id}/tags/delete")), json!({"tags": [{"key": "b"}]})),
        operation(Method::DELETE, v5("jobs"), json!({"jobs": [id]})),
    ]
}

/// What stands in for a member.
fn bad_values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(""),
        json!(" "),
        json!("x"),
        json!("x".repeat(5000)),
        json!("a\u{0}\n<>&'\"\\é𝄞"),
        json!("9".repeat(40)),
        json!(NO_JOB),
        json!(-1),
        json!(18_446_744_073_709_551_615_u64),
        json!(1e300),
        json!(true),
        json!([]),
        json!([null]),
        json!({}),
        wrong_type(),
    ]
}

/// No member that is a text, a number or a truth value takes this.
fn wrong_type() -> Value {
    json!({"unexpected": [1]})
}

/// JSON pointers to all members and items.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let place = format!("{at}/{name}");
                found.push(place.clone());
                pointers(member, &place, found);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let place = format!("{at}/{i}");
                found.push(place.clone());
                pointers(item, &place, found);
            }
        }
        _ => {}
    }
}

/// What every answer has to be, whatever was sent.
fn check(what: &str, answer: &Answer) {
    let status = answer.status;
    assert!(
        !status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED,
        "{what}: {answer:?}"
    );
    if status.is_success() {
        return;
    }
    check_error(what, &answer.body);
}

fn check_error(what: &str, body: &Value) {
    let code = body["error_code"].as_str().unwrap_or_default();
    let known = code.strip_prefix("DRS.").or_else(|| code.strip_prefix("APIGW."));
    let rest = known.unwrap_or_else(|| panic!("{what}: no code of DRS in {body}"));
    assert!(!rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric()), "{what}: {body}");
    let text = body["error_msg"].as_str().unwrap_or_default();
    assert!((1..=512).contains(&text.chars().count()), "{what}: {body}");
    assert!(!text.contains("pw-source"), "{what}: {body}");
    assert!(!text.contains(&"x".repeat(300)), "{what}: a long value is shown whole: {body}");
}

/// Whether an item of a batch, or the whole call, was refused with the member's name.
fn names(answer: &Answer, member: &str) -> bool {
    answer.status.is_client_error()
        && answer.body["error_msg"].as_str().is_some_and(|text| text.contains(member))
}

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn mangle(server: &Server, operation: &Operation) -> usize {
    let Operation { method, uri, body } = operation;
    let mut places = Vec::new();
    pointers(body, "", &mut places);
    let mut sent = 0;
    for place in &places {
        let original = body.pointer(place).expect("a place in the body");
        for bad in bad_values() {
            let mut changed = body.clone();
            *changed.pointer_mut(place).expect("a place in the body") = bad.clone();
            let changed = changed.to_string().replace(UNIQUE, &format!("name-{}", next_number()));
            let request = server.signed(method.clone(), uri, changed.into_bytes(), &[]);
            let answer = server.send(request).await;
            let what = format!("{method} {uri} {place} = {:.60}", bad.to_string());
            check(&what, &answer);
            sent += 1;
            if bad == wrong_type() && !original.is_object() {
                let member = place.rsplit('/').find(|part| part.parse::<usize>().is_err());
                let member = member.unwrap_or_default();
                let any = ANY_TYPE.contains(&place.as_str());
                assert!(any || names(&answer, member), "{what}: {member} is not named: {answer:?}");
            }
        }
    }
    sent
}

/// Mangles each operation with a job of its own, and looks whether the server goes on.
async fn mangle_all(server: &Server, version: &str, of: fn(&str) -> Vec<Operation>) {
    let count = of("").len();
    let mut sent = 0;
    for i in 0..count {
        let id = server.make_ready_job(&format!("mangled-{version}-{i}")).await;
        let operation = of(&id).swap_remove(i);
        sent += mangle(server, &operation).await;
        let list = server.get(&v5("jobs?job_type=sync&limit=1")).await;
        assert_eq!(list.status, StatusCode::OK, "after {}: {list:?}", operation.uri);
    }
    assert!(sent > 500, "only {sent} requests");
}

#[tokio::test]
async fn whatever_is_put_into_a_body_of_v3() {
    mangle_all(&Server::start().await, "three", v3_operations).await;
}

#[tokio::test]
async fn whatever_is_put_into_a_body_of_v5() {
    let server = Server::start().await;
    mangle_all(&server, "five", v5_operations).await;
    mangle_all(&server, "action", v5_actions).await;
    mangle_all(&server, "offer", v5_offers).await;
}

#[tokio::test]
async fn whatever_is_put_into_a_path_or_a_query() {
    let server = Server::start().await;
    let id = server.make_ready_job("job-1").await;
    let values = [
        "",
        "x",
        "-1",
        "0",
        "99999999999999999999",
        "1.5",
        "true",
        "a%2Cb",
        "%00",
        "%C3%A9",
        "%FF",
    ];
    for (path, parameters) in [
        (
            "jobs?job_type=sync",
            "job_type name status engine_type net_type task_type enterprise_project_id offset limit sort_key sort_dir",
        ),
        ("jobs/ID?type=log", "type query_id log_level offset limit"),
        ("jobs/ID/configuration-histories?", "offset limit"),
        ("jobs/ID/configurations?", "name offset limit"),
        ("jobs/ID/db-objects?", "type"),
        ("jobs/ID/db-objects/collection-status?", "query_id"),
        ("jobs/ID/db-objects/saving-status?", "query_id"),
        ("jobs/ID/ddl?", "start_seq_no end_seq_no status offset limit"),
        ("jobs/ID/progress-data/table?", "offset limit"),
        ("jobs/ID/timelines?", "offset limit"),
        ("links?job_type=sync", "job_type offset limit"),
        ("support-links?job_type=sync", "job_type offset limit"),
        (
            "connections?",
            "connection_id db_type name inst_id ip description enterprise_project_id offset limit fetch_all sort_key sort_dir",
        ),
        ("enterprise-projects?", "name domain_id offset limit"),
        ("jobs/child-count?db_type=mysql&instance_id=i", "instance_id db_type region"),
        ("link-flavors?", "engine_type job_type job_direction net_type node_type is_multi_write"),
    ] {
        for parameter in parameters.split(' ') {
            for value in values {
                let uri = v5(&format!("{}&{parameter}={value}", path.replace("ID", &id)));
                check(&uri, &server.get(&uri).await);
            }
        }
    }
    for path in [
        "",
        "/actions",
        "/configurations",
        "/db-objects?type=source",
        "/ddl",
        "/monitor-data",
        "/timelines",
        "/progress-data/table",
        "/object/support",
    ] {
        for bad in [NO_JOB, "x", "-", "%00", "%2e%2e", &"y".repeat(3000)] {
            let query = if path.is_empty() { "?type=detail" } else { "" };
            let uri = v5(&format!("jobs/{bad}{path}{query}"));
            let answer = server.get(&uri).await;
            check(&uri, &answer);
            assert!(answer.status.is_client_error(), "{uri}: {answer:?}");
        }
    }
    for bad in [NO_JOB, "x", "%00", &"y".repeat(3000)] {
        let answer = server.delete(&v5(&format!("jobs/{bad}")), None).await;
        let text = super::assert_error(&answer, 400, "DRS.10000010");
        assert_eq!(text, "Job does not exist, please check job ID.");
    }
}

/// The login answers in Keystone's form, and never with a part of the password.
#[tokio::test]
async fn whatever_is_put_into_a_login() {
    let server = Server::start().await;
    let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {
        "name": "admin", "password": "pw-source", "domain": {"name": "tailrace"}}}},
        "scope": {"project": {"name": "local-1"}}}});
    let mut places = Vec::new();
    pointers(&body, "", &mut places);
    for place in &places {
        for bad in bad_values() {
            let mut changed = body.clone();
            *changed.pointer_mut(place).expect("a place in the body") = bad.clone();
            let request = Request::post("/v3/auth/tokens")
                .header("content-type", "application/json")
                .body(Body::from(changed.to_string()))
                .expect("a request");
            let answer = server.send(request).await;
            let what = format!("{place} = {:.60}: {answer:?}", bad.to_string());
            assert!(answer.status.is_client_error(), "{what}");
            let error = &answer.body["error"];
            assert_eq!(error["code"], answer.status.as_u16(), "{what}");
            assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}");
            assert!(!answer.body.to_string().contains("pw-source"), "{what}");
        }
    }
}
