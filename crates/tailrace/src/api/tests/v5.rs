//! The operations of v5 on one job.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Server, assert_error, v5};

pub(super) fn new_job(name: &str) -> Value {
    json!({"job": {
        "base_info": {"name": name, "job_type": "sync", "engine_type": "mysql-to-kafka",
            "job_direction": "non-dbs", "task_type": "FULL_INCR_TRANS", "net_type": "eip",
            "multi_write": false, "is_open_fast_clean": false, "description": "d",
            "tags": [{"key": "k", "value": "v"}]},
        "source_endpoint": [{"db_type": "mysql", "endpoint_type": "offline",
            "endpoint_role": "so", "endpoint": {"endpoint_name": "mysql", "ip": "db.test",
                "db_port": "3306", "db_user": "u", "db_password": "pw-source"},
            "ssl": {"ssl_link": false}}],
        "target_endpoint": [{"db_type": "kafka", "endpoint_type": "offline",
            "endpoint_role": "ta", "endpoint": {"endpoint_name": "kafka", "ip": "k.test:9092",
                "kafka_security_config": {"type": "PLAINTEXT"}}}],
        "node_info": {"spec": {"node_type": "medium"}}
    }})
}

async fn make(server: &Server, name: &str) -> String {
    let answer = server.post(&v5("jobs"), new_job(name)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.body["status"], "CREATING");
    assert_eq!(answer.body["is_clone_job"], "false");
    assert_eq!(answer.body["create_time"], "2026-11-24T02:00:00Z");
    let id = answer.body["id"].as_str().expect("an id").to_owned();
    assert_eq!(id.len(), 36);
    server.wait_for(&id, "CONFIGURATION").await;
    id
}

#[tokio::test]
async fn a_job_is_made_and_read() {
    let server = Server::start().await;
    let id = make(&server, "job-1").await;
    let answer = server.get(&v5(&format!("jobs/{id}?type=detail"))).await;
    let job = &answer.body["job"];
    let base = &job["base_info"];
    assert_eq!((&base["name"], &base["expired_days"]), (&json!("job-1"), &json!("14")));
    assert_eq!((&base["job_type"], &base["multi_write"]), (&json!("sync"), &json!(false)));
    assert_eq!(base["tags"], json!([{"key": "k", "value": "v"}]));
    assert_eq!(job["source_endpoint"][0]["endpoint"]["db_port"], "3306");
    let target = &job["target_endpoint"][0]["endpoint"];
    assert_eq!(target["kafka_security_config"]["type"], "PLAINTEXT");
    assert!(target.get("db_port").is_none());
    assert_eq!(job["node_info"]["spec"]["node_type"], "medium");
    assert!(!answer.body.to_string().contains("pw-source"));

    let text = assert_error(&server.get(&v5(&format!("jobs/{id}"))).await, 400, "DRS.10000009");
    assert!(text.contains("type"), "{text}");
    for kind in ["x", "file", "is_writable"] {
        let answer = server.get(&v5(&format!("jobs/{id}?type={kind}"))).await;
        assert!(assert_error(&answer, 400, "DRS.10000009").contains("overview"));
    }
    let compare = server.get(&v5(&format!("jobs/{id}?type=compare"))).await;
    assert_eq!(compare.body["job"]["compare_result"]["data_compare_task_list"], json!([]));
}

#[tokio::test]
async fn names_are_checked_before_use() {
    let server = Server::start().await;
    make(&server, "job-1").await;
    let uri = v5("jobs/name-validation");
    let answer = server.post(&uri, json!({"name": "job-2", "type": "trans"})).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({"is_valid": true})));
    let taken = server.post(&uri, json!({"name": "Job-1", "type": "trans"})).await;
    assert_eq!(assert_error(&taken, 400, "DRS.M00277"), "The task name already exists.");
    for body in [
        json!({"name": "x", "type": "trans"}),
        json!({"name": "job-2", "type": "y"}),
        json!({"type": "trans"}),
        json!({"name": "job-2"}),
    ] {
        assert_error(&server.post(&uri, body).await, 400, "DRS.10000009");
    }
    let answer = server.post(&v5("jobs"), new_job("JOB-1")).await;
    assert_error(&answer, 400, "DRS.M00277");
}

#[tokio::test]
async fn each_aspect_of_a_job_is_changed_by_its_type() {
    let server = Server::start().await;
    let id = make(&server, "job-1").await;
    let uri = v5(&format!("jobs/{id}"));
    let change = |kind: &str, params: Value| {
        let (server, uri) = (&server, &uri);
        let body = json!({"job": {"type": kind, "params": params}});
        async move { server.put(uri, body).await }
    };
    for (kind, params) in [
        ("name", json!({"base_info": {"name": "job-7"}})),
        ("description", json!({"base_info": {"description": "e"}})),
        ("expired_days", json!({"base_info": {"expired_days": "30"}})),
        ("policy", json!({"policy_config": {"topic_policy": "0", "topic": "t"}})),
        ("policy", json!({"policy_config": {"conflict_policy": "ignore"}})),
        ("notify", json!({"alarm_notify": {"alarm_to_user": true, "delay_time": 60}})),
        ("speed_limit", json!({"speed_limit": [{"begin": "00:00", "end": "00:59", "speed": "5"}]})),
        (
            "network",
            json!({"source_endpoint": [{"db_type": "mysql",
            "endpoint": {"ip": "db2.test", "db_port": 3307, "db_user": "v"}}]}),
        ),
    ] {
        let answer = change(kind, params).await;
        assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({})), "{kind}");
    }
    let answer = server.get(&v5(&format!("jobs/{id}?type=detail"))).await;
    let job = &answer.body["job"];
    let base = &job["base_info"];
    assert_eq!((&base["name"], &base["description"]), (&json!("job-7"), &json!("e")));
    assert_eq!(base["expired_days"], "30");
    let policy = &job["policy_config"];
    assert_eq!((&policy["topic"], &policy["conflict_policy"]), (&json!("t"), &json!("ignore")));
    assert_eq!(job["alarm_notify"]["delay_time"], 60);
    assert_eq!(job["speed_limit"][0]["speed"], "5");
    assert_eq!(job["source_endpoint"][0]["endpoint"]["ip"], "db2.test");

    for (kind, params, field) in [
        ("name", json!({"base_info": {"name": "x"}}), "job.params.base_info.name"),
        ("name", json!({}), "job.params.base_info"),
        ("policy", json!({"policy_config": {"topic_policy": "9"}}), "topic_policy"),
        ("network", json!({}), "source_endpoint"),
        ("db_object", json!({}), "job.params.db_object"),
        ("re_create", json!({}), "re_create"),
        ("colour", json!({}), "job.type"),
    ] {
        let text = assert_error(&change(kind, params).await, 400, "DRS.10000009");
        assert!(text.contains(field), "{kind}: {text}");
    }
}

#[tokio::test]
async fn connections_are_tested_in_the_background() {
    let server = Server::start().await;
    let id = make(&server, "job-1").await;
    *server.script.source_error.lock().expect("no panic") = Some("Access denied for u.".into());
    let answer = server.action(&id, "network").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let query = answer.body["query_id"].as_str().expect("a query id");
    let uri = v5(&format!("jobs/{id}?type=network&query_id={query}"));
    let done = |a: &super::Answer| a.body["job"]["network_results"][1].is_object();
    let answer = server.until(&uri, done).await;
    let results = &answer.body["job"]["network_results"];
    assert_eq!((&results[0]["success"], &results[0]["status"]), (&json!(false), &json!("failed")));
    assert_eq!(results[0]["error_code"], "DRS.KE0002");
    assert_eq!((&results[1]["success"], &results[1]["ip"]), (&json!(true), &json!("k.test:9092")));
    let uri = v5(&format!("jobs/{id}?type=network&query_id=no-such-query"));
    assert!(assert_error(&server.get(&uri).await, 400, "DRS.10000009").contains("query_id"));
}

#[tokio::test]
async fn objects_are_collected_and_selected() {
    let server = Server::start().await;
    let id = make(&server, "job-1").await;
    let source = v5(&format!("jobs/{id}/db-objects?type=source"));
    assert_error(&server.get(&source).await, 400, "DRS.10030014");
    let collect = v5(&format!("jobs/{id}/db-objects/collect"));
    let body = json!({"type": "source", "is_refresh": "true", "db_names": ["shop"]});
    for (uri, body) in [
        (collect.replace("/v5/", "/v5.1/"), Some(body)),
        (format!("{collect}?type=source&is_refresh=true&db_names=shop&db_names=b"), None),
    ] {
        let answer = server.call(axum::http::Method::POST, &uri, body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        let query = answer.body["id"].as_str().expect("a query id").to_owned();
        let uri = v5(&format!("jobs/{id}/db-objects/collection-status?query_id={query}"));
        let answer = server.until(&uri, |a| a.body["status"] == "success").await;
        let tables = &answer.body["object_info"]["shop"]["tables"];
        assert_eq!(tables["orders"], json!({"name": "orders", "type": "table", "all": true}));
    }
    assert_eq!(server.get(&source).await.status, StatusCode::OK);

    let objects = json!({"job": {"type": "db_object", "params": {"db_object": {
        "object_scope": "database", "object_info": {"shop": {"name": "shop", "all": true}}}}}});
    let answer = server.put(&v5(&format!("jobs/{id}")), objects).await;
    let query = answer.body["id"].as_str().expect("a query id");
    let uri = v5(&format!("jobs/{id}/db-objects/saving-status?query_id={query}"));
    let saved = json!({"id": query, "job_id": id, "status": "success"});
    assert_eq!(server.get(&uri).await.body, saved);
    let uri = format!("/v5.1/{}/jobs/{id}/db-object?type=modified", super::PROJECT);
    let answer = server.get(&uri).await;
    assert_eq!(
        (&answer.body["object_scope"], &answer.body["object_info"]["shop"]["all"]),
        (&json!("database"), &json!(true))
    );
    let uri = v5(&format!("jobs/{id}/db-objects?type=synchronized"));
    assert_eq!(server.get(&uri).await.body["object_info"], json!({}));
}

#[tokio::test]
async fn a_running_job_can_be_watched() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let get = |path: &str| {
        let uri = v5(&format!("jobs/{id}{path}"));
        let server = &server;
        async move { server.get(&uri).await }
    };
    let progress = get("?type=progress").await.body["job"].clone();
    assert_eq!(progress["progress_info"]["progress"], "100");
    assert_eq!(progress["progress_info"]["task_mode"], "FULL_INCR_TRANS");
    let overview = &progress["migration_object_progress_info"]["migration_object_overview"][0];
    assert_eq!((&overview["type"], &overview["status"]), (&json!("table"), &json!("COMPLETED")));

    let metrics = get("?type=overview").await.body["job"]["metrics"].clone();
    assert!(metrics["apply_rows_rate"].is_string(), "{metrics}");
    let log = get("?type=log&limit=2").await.body["job"].clone();
    assert!(log["total_count"].as_u64().is_some_and(|n| n >= 2), "{log}");
    assert_eq!(log["logs"].as_array().map(Vec::len), Some(2));
    let monitor = get("/monitor-data").await.body;
    assert!(monitor["dst_delay"].is_i64() && monitor["dst_rps"].is_string(), "{monitor}");

    let timeline = get("/timelines?limit=100").await.body;
    let entries = timeline["timelines"].as_array().expect("entries");
    assert_eq!(timeline["count"], entries.len());
    assert!(
        entries.iter().any(|e| e["name"] == "start" && e["user_name"] == "admin"),
        "{timeline}"
    );
    assert_eq!(get("/timelines?offset=1000").await.body["timelines"], json!([]));

    let uri = v5(&format!("jobs/{id}/progress-data/table"));
    let data = server.until(&uri, |a| a.body["count"] == 1).await.body;
    let table = &data["flow_compare_data"][0];
    assert_eq!((&table["src_tb"], &table["progress"]), (&json!("orders"), &json!(100)));
    assert_eq!(get("/progress-data/view").await.body["count"], 0);
    assert_error(&get("/progress-data/x").await, 400, "DRS.10000009");
}

#[tokio::test]
async fn ddl_is_listed_and_its_alarm_cleared() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let ddl = v5(&format!("jobs/{id}/ddl"));
    let answer = server.until(&ddl, |a| a.body["count"] == 1).await;
    let entry = &answer.body["ddl_list"][0];
    assert_eq!((&entry["seqno"], &entry["status"]), (&json!(1), &json!(0)));
    let clean = v5(&format!("jobs/{id}/alarms/1/clean"));
    assert_eq!(server.post(&clean, json!({})).await.status, StatusCode::OK);
    let count = |query: &str| {
        let uri = format!("{ddl}?{query}");
        let server = &server;
        async move { server.get(&uri).await.body["count"].clone() }
    };
    assert_eq!(count("status=1").await, 1);
    assert_eq!(count("status=0").await, 0);
    assert_eq!(count("start_seq_no=2").await, 0);
    assert_eq!(count("end_seq_no=1&limit=1&offset=1").await, 1);
    assert_error(&server.get(&format!("{ddl}?status=2")).await, 400, "DRS.10000009");
    let clean = v5(&format!("jobs/{id}/alarms/x/clean"));
    assert_error(&server.post(&clean, json!({})).await, 400, "DRS.10000009");
}

#[tokio::test]
async fn lists_filter_sort_and_end() {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for name in ["alpha-1", "beta-1", "beta-2"] {
        ids.push(make(&server, name).await);
    }
    let names = |query: &str| {
        let uri = v5(&format!("jobs?job_type=sync&{query}"));
        let server = &server;
        async move {
            let answer = server.get(&uri).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            let jobs = answer.body["jobs"].as_array().expect("jobs");
            jobs.iter().map(|j| j["name"].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>()
        }
    };
    let sorted = "sort_key=name&sort_dir=asc";
    assert_eq!(names(sorted).await, ["alpha-1", "beta-1", "beta-2"]);
    assert_eq!(names(&format!("{sorted}&limit=1&offset=1")).await, ["beta-1"]);
    assert_eq!(names("offset=3").await, [""; 0]);
    assert_eq!(names(&format!("{sorted}&name=beta")).await, ["beta-1", "beta-2"]);
    assert_eq!(names(&format!("name={}", ids[0])).await, ["alpha-1"]);
    assert_eq!(
        names(&format!("{sorted}&name={}%2C{}", ids[0], ids[2])).await,
        ["alpha-1", "beta-2"]
    );
    assert_eq!(names("status=PAUSING").await, [""; 0]);
    assert_eq!(names("engine_type=taurus-to-kafka").await, [""; 0]);
    let answer = server.get(&v5("jobs?job_type=sync&instance_ids=a")).await;
    assert_error(&answer, 400, "DRS.10000009");
}

#[tokio::test]
async fn links_tags_and_parameters() {
    let server = Server::start().await;
    let id = make(&server, "job-1").await;
    let links = server.get(&v5("support-links?job_type=sync&limit=1000")).await.body;
    assert_eq!(
        links["support_links"].as_array().map(Vec::len),
        links["total_count"].as_u64().map(|n| n as usize)
    );
    assert_eq!(server.get(&v5("links?job_type=sync&limit=1")).await.body["total_count"], 27);

    let add = json!({"action": "create", "tags": [{"key": "a", "value": "1"}]});
    let answer = server.post(&v5(&format!("jobs/sync/{id}/tags/action")), add).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    let remove = json!({"tags": [{"key": "k"}]});
    let answer = server.post(&v5(&format!("sync/{id}/tags/delete")), remove).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    let tags = json!({"tags": [{"key": "a", "value": "1"}]});
    assert_eq!(server.get(&v5(&format!("sync/{id}/tags"))).await.body, tags);
    assert_eq!(server.get(&v5(&format!("jobs/sync/{id}/tags"))).await.body, tags);
    let all = server.get(&v5("sync/tags")).await.body;
    assert_eq!(all, json!({"tags": [{"key": "a", "values": ["1"]}]}));
    assert_error(&server.get(&v5(&format!("cars/{id}/tags"))).await, 400, "DRS.10000009");

    let uri = v5(&format!("jobs/{id}/configurations"));
    let parameters = server.get(&format!("{uri}?limit=1000")).await.body;
    let first = &parameters["parameter_config_list"][0];
    let name = first["name"].as_str().expect("a parameter").to_owned();
    assert_eq!(first["is_need_restart"], true);
    let modify = v5(&format!("jobs/{id}/modify-configuration"));
    let bad = json!({"values": [{"parameter_name": name, "parameter_value": "no number"}]});
    assert_error(&server.put(&modify, bad).await, 400, "DRS.10000009");
    let same =
        json!({"values": [{"parameter_name": name, "parameter_value": first["default_value"]}]});
    assert_eq!(server.put(&modify, same).await.status, StatusCode::NO_CONTENT);
    let history = server.get(&v5(&format!("jobs/{id}/configuration-histories"))).await;
    assert_eq!(history.status, StatusCode::OK);
    let position = json!({"file_and_position": "mysql-bin.000001:4"});
    let answer = server.put(&v5(&format!("jobs/{id}/start-position")), position).await;
    assert_error(&answer, 400, "DRS.10000009");
}

#[tokio::test]
async fn a_running_job_can_be_cloned() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let answer = server.post(&v5("jobs/clone"), json!({"job_id": id, "name": "job-2"})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    assert_eq!(
        (&answer.body["name"], &answer.body["is_clone_job"]),
        (&json!("job-2"), &json!("true"))
    );
    let answer = server.post(&v5("jobs/clone"), json!({"job_id": "x", "name": "job-3"})).await;
    assert_error(&answer, 400, "DRS.10000010");
    let answer = server.post(&v5("jobs/clone"), json!({"job_id": id})).await;
    assert_error(&answer, 400, "DRS.10000009");
}

#[tokio::test]
async fn an_edit_while_running_makes_a_child() {
    let server = Server::start().await;
    let id = server.make_ready_job_of("job-1", &["shop", "stock"]).await;
    assert_eq!(server.action(&id, "start").await.status, StatusCode::OK);
    server.wait_for(&id, "INCRE_TRANSFER_STARTED").await;
    let answer = server.select(&id, &["shop"]).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    server.precheck(&id, "forRetryJob").await;
    let edit =
        json!({"job": {"action_name": "restart", "action_params": {"is_sync_re_edit": true}}});
    let answer = server.post(&v5(&format!("jobs/{id}/action")), edit).await;
    assert_eq!(answer.body, json!({"status": "success"}), "{answer:?}");
    let list = server.get(&v5(&format!("jobs?job_type=sync&name={id}"))).await.body;
    let child = list["jobs"][0]["children"][0]["id"].as_str().expect("a child").to_owned();
    server.wait_for(&child, "RELEASE_CHILD_TRANSFER_COMPLETE").await;
    let uri = v5(&format!("jobs/{id}/db-objects?type=synchronized"));
    let objects = server.get(&uri).await.body["object_info"].clone();
    assert_eq!(objects["shop"]["all"], true);
    assert!(objects.get("stock").is_none(), "{objects}");
}
