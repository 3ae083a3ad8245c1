//! Huawei Cloud's Terraform provider: the requests that it was seen to send, signed as it signs them, with what it reads of the
//! answers. It is read strictly: a member of another type than the provider's would fail there.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header},
};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{AK, Answer, PROJECT, SK, Server, v3, v5};
use crate::api::{Unsigned, sign};
use crate::clock::Clock as _;

/// The provider, with a key and a region.
struct Provider<'s>(&'s Server);

impl Provider<'_> {
    /// Sends a request: neither `host` nor the headers that are added later are signed, and bodies end in a line feed.
    async fn call(&self, method: Method, uri: &str, body: Option<Value>) -> Answer {
        let (path, query) = uri.split_once('?').map_or((uri, None), |(p, q)| (p, Some(q)));
        let now = jiff::Timestamp::from_millisecond(self.0.clock.now_ms()).expect("a time");
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut headers = HeaderMap::new();
        let mut set = |name: &'static str, value: &str| {
            headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
        };
        set("accept", "application/json");
        set("user-agent", "terraform-provider-iac golangsdk/2.0.0");
        set("x-sdk-date", &date);
        if body.is_some() {
            set("content-type", "application/json");
        }
        if path.starts_with("/v3/") && path.contains("/jobs") {
            set("x-language", "en-us");
        }
        let bytes = body.map(|body| format!("{body}\n")).unwrap_or_default().into_bytes();
        let request = Unsigned { method: &method, path, query, headers: &headers, body: &bytes };
        let value = sign(&request, AK, &SecretString::from(SK)).expect("a signature");
        headers.insert(header::AUTHORIZATION, value.parse().expect("a header value"));
        headers.insert(header::HOST, HeaderValue::from_static("tailrace.test"));
        headers.insert("x-project-id", HeaderValue::from_static(PROJECT));
        let mut request = Request::new(Body::from(bytes));
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().expect("a URI");
        *request.headers_mut() = headers;
        self.0.send(request).await
    }

    async fn post(&self, uri: &str, body: Value) -> Answer {
        let answer = self.call(Method::POST, uri, Some(body)).await;
        assert!([200, 201, 202].contains(&answer.status.as_u16()), "{uri}: {answer:?}");
        answer
    }

    async fn put(&self, uri: &str, body: Value) -> Answer {
        let answer = self.call(Method::PUT, uri, Some(body)).await;
        assert!([200, 201, 202].contains(&answer.status.as_u16()), "{uri}: {answer:?}");
        answer
    }

    async fn get(&self, uri: &str) -> Answer {
        let answer = self.call(Method::GET, uri, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{uri}: {answer:?}");
        answer
    }

    /// Polls a job's status as long as it is one of those that are waited through; any other one would be an error at once.
    async fn until_status(&self, id: &str, pending: &[&str], target: &[&str]) {
        let look = async {
            let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
            loop {
                looks.tick().await;
                let body = json!({"jobs": [id], "page_req": {}});
                let answer = self.post(&v3("jobs/batch-status"), body).await;
                let item = &answer.body["results"][0];
                assert!(item.get("error_code").is_none_or(|code| code == ""), "{item}");
                let status = item["status"].as_str().expect("a text").to_owned();
                if target.contains(&status.as_str()) {
                    return;
                }
                assert!(
                    pending.contains(&status.as_str()),
                    "{status} is neither waited for nor through"
                );
            }
        };
        let reached = tokio::time::timeout(super::PATIENCE, look).await;
        assert!(reached.is_ok(), "waited for {target:?} in vain");
    }

    /// `huaweicloud_drs_job`: everything up to a job that runs.
    async fn create(&self, job: &Value) -> String {
        let answer = self.post(&v3("jobs/batch-creation"), json!({"jobs": [job]})).await;
        let id = answer.body["results"][0]["id"].as_str().expect("an id").to_owned();
        self.until_status(&id, &["CREATING"], &["CONFIGURATION"]).await;
        let source = json!({"id": id, "end_point_type": "so", "db_type": "mysql", "net_type": "vpc", "ip": "db.test",
            "db_port": 3306, "db_user": "u", "db_password": "pw-source", "inst_id": "i", "project_id": PROJECT,
            "region": "local-1", "ssl_link": false});
        let target = json!({"id": id, "end_point_type": "ta", "db_type": "kafka", "net_type": "vpc", "ip": "k.test:9092",
            "project_id": PROJECT, "region": "local-1", "ssl_link": false});
        let test = json!({"jobs": [source, target]});
        let answer = self.post(&v3("jobs/batch-connection"), test).await;
        assert_eq!(answer.body["count"], 2);
        let results = answer.body["results"].as_array().expect("a list");
        assert!(results.iter().all(|result| result["success"] == true), "{answer:?}");
        let mut saved = job.clone();
        for (member, value) in [
            ("job_id", json!(id)),
            ("is_recreate", json!(false)),
            ("store_db_info", json!(true)),
            ("replace_definer", json!(false)),
        ] {
            saved[member] = value;
        }
        self.put(&v3("jobs/batch-modification"), json!({"jobs": [saved]})).await;
        let policy = json!({"jobs": [{"job_id": id, "topic_policy": "0", "topic": "t", "partition_policy": "1",
            "kafka_data_format": "json", "index_trans": false, "export_snapshot": false, "is_fill_materialized_view": false}]});
        self.post(&v3("jobs/batch-sync-policy"), policy).await;
        self.put(&v5(&format!("jobs/{id}")), tables(&["orders"])).await;
        self.precheck(&id, "forStartJob").await;
        self.post(&v3("jobs/batch-starting"), json!({"jobs": [{"job_id": id}]})).await;
        self.until_status(&id, &["STARTJOBING", "WAITING_FOR_START", "CONFIGURATION"], &RUNNING)
            .await;
        id
    }

    async fn precheck(&self, id: &str, mode: &str) {
        let body = json!({"jobs": [{"job_id": id, "precheck_mode": mode}]});
        self.post(&v3("jobs/batch-precheck"), body).await;
        let look = async {
            let mut looks = tokio::time::interval(std::time::Duration::from_millis(5));
            loop {
                looks.tick().await;
                let body = json!({"jobs": [id]});
                let answer = self.post(&v3("jobs/batch-precheck-result"), body).await;
                let result = answer.body["results"][0].clone();
                if result["process"] == "100%" {
                    return result;
                }
            }
        };
        let result = tokio::time::timeout(super::PATIENCE, look).await.expect("a result in time");
        assert_eq!(result["total_passed_rate"], "100%", "{result}");
        assert!(result.get("error_code").is_none_or(|code| code == ""), "{result}");
    }

    /// What the provider keeps of a job, from the three requests by which it reads one.
    async fn read(&self, id: &str) -> Value {
        let one = json!({"jobs": [id], "page_req": {}});
        let detail =
            self.post(&v3("jobs/batch-detail"), one.clone()).await.body["results"][0].clone();
        let list = json!({"cur_page": 1, "per_page": 1, "name": id, "db_use_type": "sync"});
        let list = self.post(&v3("jobs"), list).await.body["jobs"][0].clone();
        let progress = self.post(&v3("jobs/batch-progress"), one).await.body["results"][0].clone();
        assert!(progress["progress"].is_string(), "{progress}");
        for side in ["source_endpoint", "target_endpoint"] {
            let endpoint = &detail[side];
            for text in ["db_type", "inst_id", "subnet_id", "db_user", "ip"] {
                assert!(endpoint.get(text).is_none_or(|v| v.is_string() || v.is_null()), "{text}");
            }
            assert!(endpoint["ssl_link"].is_boolean() || endpoint["ssl_link"].is_null());
        }
        json!({
            "name": detail["name"], "type": detail["db_use_type"], "direction": detail["job_direction"],
            "migration_type": detail["task_type"], "description": detail["description"],
            "destination_db_readnoly": detail["is_target_readonly"], "multi_write": detail["multi_write"],
            "node_type": detail["inst_info"]["inst_type"], "net_type": list["net_type"],
            "source": [detail["source_endpoint"]["db_type"], detail["source_endpoint"]["db_port"],
                       detail["source_endpoint"]["db_user"], detail["source_endpoint"]["inst_id"]],
            "target": [detail["target_endpoint"]["db_type"], detail["target_endpoint"]["db_port"]],
            "tags": detail["tags"], "master_az": detail["master_az"],
        })
    }

    async fn act(&self, id: &str, name: &str, params: Option<Value>) {
        let mut job = json!({"action_name": name});
        if let Some(params) = params {
            job["action_params"] = params;
        }
        let answer = self.post(&v5(&format!("jobs/{id}/action")), json!({"job": job})).await;
        assert_eq!(answer.body["status"], "success", "{answer:?}");
    }

    async fn destroy(&self, id: &str) {
        let batch = |kind: &str| json!({"jobs": [{"delete_type": kind, "job_id": id}]});
        for kind in ["force_terminate", "delete"] {
            let answer = self.call(Method::DELETE, &v3("jobs/batch-jobs"), Some(batch(kind))).await;
            assert!([200, 202, 204].contains(&answer.status.as_u16()), "{answer:?}");
            if kind == "force_terminate" {
                self.0.wait_for(id, "RELEASE_RESOURCE_COMPLETE").await;
            }
        }
        let one = json!({"jobs": [id], "page_req": {}});
        let answer = self.call(Method::POST, &v3("jobs/batch-detail"), Some(one)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let code = answer.body["results"][0]["error_code"].as_str().unwrap_or_default();
        assert!(["DRS.M00289", "DRS.M05004"].contains(&code), "{answer:?}");
    }
}

/// What a job that was started may be.
const RUNNING: [&str; 3] =
    ["FULL_TRANSFER_STARTED", "FULL_TRANSFER_COMPLETE", "INCRE_TRANSFER_STARTED"];

fn tables(names: &[&str]) -> Value {
    let table =
        |name: &&str| ((*name).to_owned(), json!({"name": name, "all": true, "type": "table"}));
    let tables: serde_json::Map<String, Value> = names.iter().map(table).collect();
    json!({"job": {"type": "db_object", "params": {"db_object": {"object_scope": "table",
        "object_info": {"shop": {"name": "shop", "tables": tables}}}}}})
}

/// A configuration's job, as the provider sends it.
fn configured() -> Value {
    json!({
        "bind_eip": false, "customize_sutnet_id": "s", "db_use_type": "sync", "description": "first",
        "engine_type": "mysql-to-kafka", "expired_days": "14", "is_target_readonly": false, "job_direction": "down",
        "multi_write": false, "name": "tf-job", "net_type": "vpc", "node_type": "high", "task_type": "FULL_INCR_TRANS",
        "tags": [{"key": "team", "value": "a"}],
        "source_endpoint": {"db_type": "mysql", "ip": "db.test", "db_port": 3306, "db_user": "u", "db_password": "pw-source",
            "inst_id": "i", "region": "local-1", "project_id": PROJECT},
        "target_endpoint": {"db_type": "kafka", "ip": "k.test:9092", "db_port": 0, "region": "local-1", "project_id": PROJECT},
    })
}

/// What a plan compares with that.
fn planned(description: &str, tag: &str) -> Value {
    json!({
        "name": "tf-job", "type": "sync", "direction": "down", "migration_type": "FULL_INCR_TRANS", "description": description,
        "destination_db_readnoly": false, "multi_write": false, "node_type": "high", "net_type": "vpc",
        "source": ["mysql", 3306, "u", "i"], "target": ["kafka", 0],
        "tags": [{"key": "team", "value": tag}], "master_az": "",
    })
}

#[tokio::test]
async fn a_job_is_configured_made_changed_and_destroyed_by_terraform() {
    let server = Server::start().await;
    let provider = Provider(&server);
    // Each run of it begins so.
    let root = Request::get("/").header("host", "tailrace.test").body(Body::empty());
    let versions = server.send(root.expect("a request")).await;
    assert!(versions.status.as_u16() == 200 || versions.status.as_u16() == 300);
    let link = &versions.body["versions"]["values"][0]["links"][0]["href"];
    assert!(link.as_str().is_some_and(|link| link.ends_with("/v3/")), "{versions:?}");
    let projects = provider.get("/v3/projects?name=local-1").await;
    assert_eq!(projects.body["projects"][0]["id"], PROJECT);
    assert_eq!(provider.get("/v3/auth/domains").await.body["domains"][0]["name"], "tailrace");

    let id = provider.create(&configured()).await;
    server.wait_for(&id, "INCRE_TRANSFER_STARTED").await;
    // A plan behind it is empty.
    assert_eq!(provider.read(&id).await, planned("first", "a"));

    let change = json!({"jobs": [{"job_id": id, "name": "tf-job", "description": "second"}]});
    provider.put(&v3("jobs/batch-modification"), change).await;
    for (action, value) in [("delete", "a"), ("create", "b")] {
        let tags = json!({"action": action, "tags": [{"key": "team", "value": value}]});
        let uri = v5(&format!("jobs/sync/{id}/tags/action"));
        let answer = provider.call(Method::POST, &uri, Some(tags)).await;
        assert!([200, 201, 202, 204].contains(&answer.status.as_u16()), "{answer:?}");
    }
    assert_eq!(provider.read(&id).await, planned("second", "b"));

    provider.act(&id, "stop", Some(json!({}))).await;
    provider.until_status(&id, &RUNNING, &["PAUSING"]).await;
    provider.act(&id, "restart", Some(json!({"is_sync_re_edit": false}))).await;
    let pending = ["STARTJOBING", "WAITING_FOR_START"];
    provider.until_status(&id, &pending, &RUNNING).await;
    server.wait_for(&id, "INCRE_TRANSFER_STARTED").await;

    re_edited(&provider, &id).await;
    provider.destroy(&id).await;
}

/// Other tables for a job that runs: the child that does it is looked for in the list.
async fn re_edited(provider: &Provider<'_>, id: &str) {
    provider.put(&v5(&format!("jobs/{id}")), tables(&["orders", "items"])).await;
    provider.precheck(id, "forRetryJob").await;
    provider.act(id, "restart", Some(json!({"is_sync_re_edit": true}))).await;
    let list = json!({"cur_page": 1, "per_page": 1, "name": id, "db_use_type": "sync"});
    let list = provider.post(&v3("jobs"), list).await;
    let child = list.body["jobs"][0]["children"][0]["id"].as_str().expect("a child").to_owned();
    let pending = [
        "STARTJOBING",
        "WAITING_FOR_START",
        "CHILD_TRANSFER_STARTING",
        "CHILD_TRANSFER_STARTED",
        "CHILD_TRANSFER_COMPLETE",
        "RELEASE_CHILD_TRANSFER_STARTED",
    ];
    let target = [&RUNNING[..], &["RELEASE_CHILD_TRANSFER_COMPLETE", "DELETED"]].concat();
    provider.until_status(&child, &pending, &target).await;
}

#[tokio::test]
async fn a_v5_job_is_made_and_destroyed_by_terraform() {
    let server = Server::start().await;
    let provider = Provider(&server);
    let job = json!({"job": {
        "base_info": {"name": "tf-job-5", "job_type": "sync", "engine_type": "mysql-to-kafka", "job_direction": "down",
            "task_type": "FULL_INCR_TRANS", "net_type": "vpc", "charging_mode": "on_demand", "multi_write": false,
            "is_open_fast_clean": false},
        "source_endpoint": [{"db_type": "mysql", "endpoint_type": "ecs", "endpoint_role": "so",
            "endpoint": {"db_port": "3306", "db_user": "u", "db_password": "pw-source", "ip": "db.test"}, "ssl": {"ssl_link": false}}],
        "target_endpoint": [{"db_type": "kafka", "endpoint_type": "ecs", "endpoint_role": "ta",
            "endpoint": {"ip": "k.test:9092"}}],
        "node_info": {"spec": {"node_type": "high"}, "vpc": {"vpc_id": "v", "subnet_id": "s"}}}});
    let answer = provider.post(&v5("jobs"), job).await;
    let id = answer.body["id"].as_str().expect("an id").to_owned();
    server.wait_for(&id, "CONFIGURATION").await;
    // `huaweicloud_drs_stop_job`, which waits for nothing.
    provider.post(&v5(&format!("jobs/{id}/stop")), json!({})).await;
    server.wait_for(&id, "RELEASE_RESOURCE_COMPLETE").await;
    let answer = provider.call(Method::DELETE, &v5(&format!("jobs/{id}")), None).await;
    assert!([200, 202, 204].contains(&answer.status.as_u16()), "{answer:?}");
    let answer = provider.call(Method::DELETE, &v5(&format!("jobs/{id}")), None).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.body["error_code"], "DRS.10000010", "{answer:?}");
}

/// Data sources ask for page after page until one is empty, or shorter than they asked for.
#[tokio::test]
async fn the_paging_of_data_sources_comes_to_an_end() {
    let server = Server::start().await;
    let provider = Provider(&server);
    for number in 0..3 {
        server.make_job(&format!("job-{number}")).await;
    }
    let id = server.make_running_job("job-run").await;
    for (uri, list, all) in [
        (v5("jobs?job_type=sync&limit=2"), "jobs", 4),
        (v5(&format!("jobs/{id}/configurations?limit=10")), "parameter_config_list", 27),
        (v5(&format!("jobs/{id}/dirty-data?limit=10")), "dirty_data_list", 0),
        (v5("connections?limit=10"), "connections", 0),
    ] {
        let (mut found, mut offset) = (0, 0);
        loop {
            let page = provider.get(&format!("{uri}&offset={offset}")).await;
            let rows = page.body[list].as_array().map_or(0, Vec::len);
            if rows == 0 {
                break;
            }
            found += rows;
            offset += rows;
            assert!(found <= all, "{uri} goes on behind its end");
        }
        assert_eq!(found, all, "{uri}");
    }
    // A page that is shorter than it was asked for is the last one.
    for (call, list) in [("support-links", "support_links"), ("links", "job_links")] {
        let uri = v5(&format!("{call}?job_type=sync&offset=0&limit=1000"));
        let links = provider.get(&uri).await;
        let found = links.body[list].as_array().map_or(0, Vec::len);
        assert!(found > 0 && links.body["total_count"] == found, "{links:?}");
    }
}
