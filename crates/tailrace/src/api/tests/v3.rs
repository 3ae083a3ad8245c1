//! The batch operations of v3.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Server, assert_error, new_job, v3, v5};
use crate::control::query::CheckResult;

#[tokio::test]
async fn terraforms_whole_creation_works() {
    let server = Server::start().await;
    let id = server.make_job("job-1").await;
    let status = server.post(&v3("jobs/batch-status"), json!({"jobs": [id], "page_req": {}})).await;
    assert_eq!(
        status.body,
        json!({"count": 1, "results": [{"id": id, "status": "CONFIGURATION"}]})
    );

    let test = json!({"jobs": [
        {"id": id, "end_point_type": "so", "db_type": "mysql", "net_type": "vpc", "ip": "db.test",
         "db_port": 3306, "db_user": "u", "db_password": "pw-source"},
        {"id": id, "end_point_type": "ta", "db_type": "kafka", "net_type": "vpc",
         "ip": "k.test:9092"}
    ]});
    let answer = server.post(&v3("jobs/batch-connection"), test).await;
    let ok = json!({"id": id, "status": "success", "success": true});
    assert_eq!(answer.body, json!({"count": 2, "results": [ok, ok]}));

    let mut save = new_job("job-1");
    save["job_id"] = json!(id);
    save["store_db_info"] = json!(true);
    save["is_recreate"] = json!(false);
    let answer = server.put(&v3("jobs/batch-modification"), json!({"jobs": [save]})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body["results"][0], json!({"id": id, "status": "success"}));

    let limit = json!({"speed_limits": [{"job_id": id, "speed_limit": [
        {"begin": "01:00", "end": "05:59", "speed": "15"}]}]});
    let answer = server.put(&v3("jobs/batch-limit-speed"), limit).await;
    assert_eq!(answer.body["results"][0]["status"], "success", "{answer:?}");

    let policy = json!({"jobs": [{"job_id": id, "topic_policy": "1", "partition_policy": "2",
        "topic_name_format": "$database$-$tablename$", "kafka_data_format": "json",
        "partitions_num": "3", "replication_factor": "1", "index_trans": false,
        "export_snapshot": false, "is_fill_materialized_view": false}]});
    let answer = server.post(&v3("jobs/batch-sync-policy"), policy).await;
    assert_eq!(answer.body, json!({"count": 1, "results": [{"id": id, "status": "success"}]}));

    let objects = json!({"job": {"type": "db_object", "params": {"db_object": {
        "object_scope": "table", "object_info": {"shop": {"name": "shop", "tables": {
            "orders": {"name": "orders", "all": true, "type": "table"}}}}}}}});
    let answer = server.put(&v5(&format!("jobs/{id}")), objects).await;
    assert_eq!((answer.status, &answer.body["status"]), (StatusCode::ACCEPTED, &json!("pending")));

    let check = json!({"jobs": [{"job_id": id, "precheck_mode": "forStartJob"}]});
    let answer = server.post(&v3("jobs/batch-precheck"), check).await;
    assert!(answer.body["results"][0]["precheck_id"].is_string(), "{answer:?}");
    server
        .until(&v5(&format!("jobs/{id}?type=precheck")), |a| {
            a.body["job"]["precheck_result"]["process"] == "100%"
        })
        .await;
    let answer = server.post(&v3("jobs/batch-precheck-result"), json!({"jobs": [id]})).await;
    let result = &answer.body["results"][0];
    assert_eq!(
        (&result["process"], &result["total_passed_rate"]),
        (&json!("100%"), &json!("100%"))
    );
    assert_eq!((&result["result"], result.get("error_code")), (&json!(true), None));

    let answer = server.post(&v3("jobs/batch-starting"), json!({"jobs": [{"job_id": id}]})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body["results"][0], json!({"id": id, "status": "success"}));
    server.wait_for(&id, "INCRE_TRANSFER_STARTED").await;
    reads_back(&server, &id).await;
}

/// What Terraform compares with its configuration, and what it needs to be there.
async fn reads_back(server: &Server, id: &str) {
    let answer = server.post(&v3("jobs/batch-detail"), json!({"jobs": [id], "page_req": {}})).await;
    let job = &answer.body["results"][0];
    for (member, value) in [
        ("name", json!("job-1")),
        ("db_use_type", json!("sync")),
        ("job_direction", json!("down")),
        ("task_type", json!("FULL_INCR_TRANS")),
        ("description", json!("")),
        ("is_target_readonly", json!(false)),
        ("multi_write", json!(false)),
        ("master_az", json!("")),
        ("object_switch", json!(true)),
        ("sync_database", json!(false)),
        ("speed_limit", json!([{"begin": "01:00", "end": "05:59", "speed": "15", "is_utc": true}])),
    ] {
        assert_eq!(job[member], value, "{member}");
    }
    assert_eq!(job["inst_info"]["inst_type"], "high");
    assert_eq!(job["target_endpoint"]["db_port"], 0);
    assert_eq!(job["source_endpoint"]["db_port"], 3306);
    assert_eq!(job["source_endpoint"]["inst_id"], "i");
    assert_eq!(job["object_infos"][1]["parent_id"], "shop");
    assert!(job["create_time"].as_str().is_some_and(|t| t.parse::<i64>().is_ok()));
    assert!(job.get("period_order").is_none());
    assert!(!answer.body.to_string().contains("pw-source"));

    let list = json!({"cur_page": 1, "per_page": 1, "name": id, "db_use_type": "sync"});
    let answer = server.post(&v3("jobs"), list).await;
    assert_eq!(answer.body["total_record"], 1);
    assert_eq!(answer.body["jobs"][0]["net_type"], "vpc");
    assert_eq!(answer.body["jobs"][0]["create_time"], "2026-11-24 02:00:00");
    let answer =
        server.post(&v3("jobs/batch-progress"), json!({"jobs": [id], "page_req": {}})).await;
    let progress = &answer.body["results"][0];
    assert_eq!((&progress["job_id"], &progress["progress"]), (&json!(id), &json!("100")));
    assert_eq!(progress["transfer_status"], "INCRE_TRANSFER_STARTED");
    assert!(progress["apply_rows_rate"].is_i64());
}

#[tokio::test]
async fn a_creation_that_makes_nothing_is_an_error() {
    let server = Server::start().await;
    server.make_job("job-1").await;
    let create = |jobs: Value| {
        let server = &server;
        async move { server.post(&v3("jobs/batch-creation"), json!({"jobs": jobs})).await }
    };
    let answer = create(json!([new_job("JOB-1")])).await;
    assert_error(&answer, 400, "DRS.M00277");
    assert_eq!(answer.body["results"][0]["error_code"], "DRS.M00277");
    assert_eq!(answer.body["results"][0]["status"], "failed");

    let answer = create(json!([new_job("job-1"), new_job("job-2")])).await;
    assert_eq!((answer.status, &answer.body["count"]), (StatusCode::ACCEPTED, &json!(2)));
    assert_eq!(answer.body["results"][0]["error_code"], "DRS.M00277");
    assert_eq!(answer.body["results"][1]["status"], "CREATING");

    let mut bad = new_job("job-3");
    bad["engine_type"] = json!("oracle-to-kafka");
    let text = assert_error(&create(json!([bad])).await, 400, "DRS.M00202");
    assert!(text.contains("jobs[0].engine_type") && text.contains("taurus-to-kafka"), "{text}");
    let mut bad = new_job("1job");
    bad["name"] = json!("1job");
    let text = assert_error(&create(json!([bad])).await, 400, "DRS.M00202");
    assert!(text.contains("jobs[0].name"), "{text}");
    assert_error(&create(json!([])).await, 400, "DRS.M00201");
    let many: Vec<_> = (0..101).map(|i| new_job(&format!("job-{i}"))).collect();
    assert_error(&create(json!(many)).await, 400, "DRS.M00202");
}

#[tokio::test]
async fn a_connection_that_fails_is_told_in_its_item() {
    let server = Server::start().await;
    let id = server.make_job("job-1").await;
    *server.script.source_error.lock().expect("no panic") = Some("Access denied for u.".into());
    let property = json!([{"end_point_type": "so", "db_type": "mysql", "ip": "db.test",
        "db_port": 3306, "db_user": "u", "db_password": "pw-x"}]);
    let cluster = json!({"jobs": [{"action": "testConnection", "job_id": id,
        "property": property.to_string()}]});
    let answer = server.post(&v3("jobs/cluster/batch-connection"), cluster).await;
    assert_eq!((answer.status, &answer.body["count"]), (StatusCode::OK, &json!(1)));
    let item = &answer.body["results"][0];
    assert_eq!((&item["success"], &item["status"]), (&json!(false), &json!("failed")));
    assert_eq!(item["error_code"], "DRS.KE0002");
    assert!(item["error_msg"].as_str().is_some_and(|m| m.contains("Access denied")), "{item}");
    assert!(!answer.body.to_string().contains("pw-x"));

    let test = json!({"jobs": [{"id": id, "end_point_type": "no"}]});
    let answer = server.post(&v3("jobs/batch-connection"), test).await;
    let text = assert_error(&answer, 400, "DRS.M00202");
    assert!(text.contains("jobs[0].end_point_type"), "{text}");
    let test = json!({"jobs": [{"id": "x", "end_point_type": "so"}]});
    let answer = server.post(&v3("jobs/batch-connection"), test).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["results"][0]["error_code"], "DRS.M00289");
}

#[tokio::test]
async fn notes_change_and_what_a_job_is_does_not() {
    let server = Server::start().await;
    let id = server.make_job("job-1").await;
    let modify = |change: Value| {
        let mut change = change;
        change["job_id"] = json!(id);
        let server = &server;
        async move { server.put(&v3("jobs/batch-modification"), json!({"jobs": [change]})).await }
    };
    let answer =
        modify(json!({"name": "job-9", "description": "text", "node_type": "small"})).await;
    assert_eq!(answer.body["results"][0]["status"], "success", "{answer:?}");
    let detail = server.post(&v3("jobs/batch-detail"), json!({"jobs": [id]})).await;
    let job = &detail.body["results"][0];
    assert_eq!((&job["name"], &job["description"]), (&json!("job-9"), &json!("text")));
    assert_eq!(job["inst_info"]["inst_type"], "small");
    for (member, value) in [
        ("engine_type", "taurus-to-kafka"),
        ("task_type", "FULL_TRANS"),
        ("net_type", "eip"),
        ("job_direction", "up"),
        ("description", "a<b"),
        ("node_type", "tiny"),
    ] {
        let text = assert_error(&modify(json!({member: value})).await, 400, "DRS.M00202");
        assert!(text.contains(&format!("jobs[0].{member}")), "{text}");
    }
}

#[tokio::test]
async fn objects_are_selected_by_a_flat_list() {
    let server = Server::start().await;
    let id = server.make_job("job-1").await;
    let select = json!({"jobs": [{"job_id": id, "selected": true, "job": [
        {"id": "shop", "object_type": "database", "object_name": "shop", "select": "partial"},
        {"id": "shop-*-*-orders", "object_type": "table", "select": "true"}]}]});
    let answer = server.put(&v3("jobs/batch-select-objects"), select).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body, json!({"all_counts": 1, "results": [{"job_id": id, "status": true}]}));
    let tree = server.get(&v5(&format!("jobs/{id}/db-objects?type=modified"))).await;
    assert_eq!(tree.body["object_info"]["shop"]["tables"]["orders"]["name"], "orders");

    let select = json!({"jobs": [{"job_id": id, "job": []}]});
    let answer = server.put(&v3("jobs/batch-select-objects"), select).await;
    assert_error(&answer, 400, "DRS.M00201");
    assert_eq!(
        (&answer.body["all_counts"], &answer.body["results"][0]["status"]),
        (&json!(1), &json!(false))
    );
}

#[tokio::test]
async fn a_failed_check_is_told_with_its_remedy() {
    let server = Server::start().await;
    *server.script.check.lock().expect("no panic") = Some(CheckResult::Failed);
    let id = server.make_ready_job("job-1").await;
    let answer = server.post(&v3("jobs/batch-precheck-result"), json!({"jobs": [id]})).await;
    let result = &answer.body["results"][0];
    assert_eq!((&result["result"], &result["process"]), (&json!(false), &json!("100%")));
    assert_ne!(result["total_passed_rate"], "100%");
    let item = &result["precheck_result"][0];
    assert_eq!(
        (&item["item"], &item["result"]),
        (&json!("srcBinlogFormatCheck"), &json!("FAILED"))
    );
    assert!(
        item["failed_reason"].as_str().is_some_and(|r| r.ends_with("Set it to ROW.")),
        "{item}"
    );
    let answer = server.action(&id, "start").await;
    assert_error(&answer, 400, "DRS.10000024");
    let skip = json!({"job": {"action_name": "skip_precheck", "action_params": {
        "skip_precheck_info": {"skip_reason": "r",
            "skipped_precheck_list": ["srcBinlogFormatCheck"]}}}});
    let answer = server.post(&v5(&format!("jobs/{id}/action")), skip).await;
    let text = assert_error(&answer, 400, "DRS.10000009");
    assert!(text.contains("skipped_precheck_list[0]"), "{text}");
}

#[tokio::test]
async fn passwords_of_a_running_job_change() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let change = |item: Value| {
        let server = &server;
        async move { server.put(&v3("jobs/batch-modify-pwd"), json!({"jobs": [item]})).await }
    };
    let answer =
        change(json!({"job_id": id, "end_point_type": "so", "db_password": "pw-new"})).await;
    let item = json!({"id": id, "status": "success", "end_point_type": "so"});
    assert_eq!(answer.body, json!({"count": 1, "results": [item]}));
    let answer = change(json!({"job_id": id, "end_point_type": "so"})).await;
    let text = assert_error(&answer, 400, "DRS.M00201");
    assert!(text.contains("jobs[0].db_password"), "{text}");
    let answer = change(json!({"job_id": id, "end_point_type": "so", "kerberos": {}})).await;
    assert_error(&answer, 400, "DRS.M00202");
}

#[tokio::test]
async fn pages_of_the_list_come_to_an_end() {
    let server = Server::start().await;
    for i in 0..3 {
        server.make_job(&format!("job-{i}")).await;
    }
    let page = |n: u64| {
        let server = &server;
        let body = json!({"cur_page": n, "per_page": 2, "db_use_type": "sync"});
        async move { server.post(&v3("jobs"), body).await.body }
    };
    assert_eq!(page(1).await["jobs"].as_array().map(Vec::len), Some(2));
    let second = page(2).await;
    assert_eq!(
        (&second["total_record"], second["jobs"].as_array().map(Vec::len)),
        (&json!(3), Some(1))
    );
    assert_eq!(page(3).await["jobs"], json!([]));
    let other = json!({"cur_page": 1, "per_page": 10, "db_use_type": "migration"});
    assert_eq!(server.post(&v3("jobs"), other).await.body["total_record"], 0);
}
