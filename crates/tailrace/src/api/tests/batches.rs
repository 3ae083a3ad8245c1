//! Jobs that are created together.

use serde_json::{Value, json};

use super::{Answer, Server, assert_error, v5};
use crate::{
    api::batches,
    control::{batch::BatchStatus, query::CheckResult},
    store::{BatchStore as _, sqlite::SqliteStore},
};

/// A job with all that it needs.
pub(super) fn job(name: &str) -> Value {
    json!({
        "base_info": {"name": name, "job_type": "sync", "multi_write": false, "engine_type": "mysql-to-kafka",
            "job_direction": "up", "task_type": "FULL_INCR_TRANS", "net_type": "vpc", "expired_days": "20"},
        "source_endpoint": [{"db_type": "mysql", "endpoint_type": "offline", "endpoint_role": "so",
            "endpoint": {"endpoint_name": "mysql", "ip": "db.test", "db_port": "3306", "db_user": "u",
                "db_password": "pw-batch"}}],
        "target_endpoint": [{"db_type": "kafka", "endpoint_type": "offline", "endpoint_role": "ta",
            "endpoint": {"endpoint_name": "kafka", "ip": "k.test:9092", "db_user": "", "db_password": ""}}],
        "node_info": {"spec": {"node_type": "high"}},
        "policy_config": {"topic_policy": "0", "topic": "t"},
        "db_object": {"object_scope": "database", "object_info": {"shop": {"name": "shop", "all": true}}},
        "speed_limit": [{"begin": "01:00", "end": "05:59", "speed": "15"}],
        "tuning_params": {"full_sync": [{"param_name": "read_task_num", "param_value": "3", "availability": true}],
            "incre_capture": [], "incre_apply": [], "incre_relay": []}
    })
}

/// Asks for jobs and waits until they are looked at; the batch, and its jobs.
async fn ask(server: &Server, jobs: Value) -> (String, Answer) {
    let asked = server.post(&v5("jobs/batch-async-create"), json!({ "jobs": jobs })).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let id = asked.body["job"]["async_job_id"].as_str().expect("an id").to_owned();
    let jobs = looked_at(server, &id).await;
    (id, jobs)
}

async fn looked_at(server: &Server, id: &str) -> Answer {
    let list = v5(&format!("batch-async-jobs?async_job_id={id}"));
    server.until(&list, |a| a.body["jobs"][0]["status"] != "ASYNC_JOB_VALIDATING").await;
    server.get(&v5(&format!("batch-async-jobs/{id}"))).await
}

async fn status(server: &Server, id: &str) -> Value {
    let list = server.get(&v5(&format!("batch-async-jobs?async_job_id={id}"))).await;
    list.body["jobs"][0]["status"].clone()
}

#[tokio::test]
async fn jobs_of_a_batch_are_corrected_and_then_run() {
    let server = Server::start().await;
    let mut wrong = job("batch-two");
    wrong["policy_config"]["topic_policy"] = "9".into();
    wrong["source_endpoint"][0]["endpoint"]["ip"] = "".into();
    let (id, jobs) = ask(&server, json!([job("batch-one"), wrong])).await;
    assert_eq!(status(&server, &id).await, "ASYNC_JOB_VALIDATE_FAILED");
    assert_eq!((jobs.status.as_u16(), &jobs.body["total_count"]), (200, &json!(2)));
    let (one, two) = (&jobs.body["jobs"][0], &jobs.body["jobs"][1]);
    assert_eq!(one["status"], "AUTO_PARAM_VALIDATE_SUCCESS");
    assert_eq!(one["base_info"]["name"], "batch-one");
    assert!(!jobs.body.to_string().contains("pw-batch"), "{jobs:?}");
    assert_eq!(two["status"], "ASYNC_JOB_VALIDATE_FAILED");
    let said = two["logs"][0]["message"].as_str().expect("a text");
    assert!(said.contains("topic_policy"), "{said}");

    // What is wrong cannot be committed; one by one it is put right.
    let commit = v5(&format!("batch-async-jobs/{id}/commit"));
    assert_error(&server.post(&commit, json!({})).await, 400, "DRS.10000024");
    let change = v5(&format!("batch-async-jobs/{id}"));
    let of = |kind: &str, mut params: Value| {
        params["job_id"] = two["id"].clone();
        json!({"jobs": [{"type": kind, "params": params}]})
    };
    let answer =
        server.put(&change, of("policy", json!({"policy_config": {"topic_policy": "0"}}))).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (202, &json!({"status": "success"})));
    let jobs = looked_at(&server, &id).await;
    let said = jobs.body["jobs"][1]["logs"][0]["message"].as_str().expect("a text");
    assert!(said.contains("ip"), "{said}");
    let network = json!({"source_endpoint": [{"endpoint": {"ip": "db.test"}}]});
    assert_eq!(server.put(&change, of("network", network)).await.status, 202);
    looked_at(&server, &id).await;
    assert_eq!(status(&server, &id).await, "AUTO_PARAM_VALIDATE_SUCCESS");

    let answer = server.post(&commit, json!({})).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["job"]["status"]),
        (200, &json!("COMMIT_SUCCESS"))
    );
    for one in jobs.body["jobs"].as_array().expect("a list") {
        let job = one["id"].as_str().expect("an id");
        let uri = v5(&format!("jobs/{job}?type=detail"));
        server.until(&uri, |a| a.status == 200).await;
        server.wait_for(job, "INCRE_TRANSFER_STARTED").await;
        let detail = server.get(&uri).await;
        let detail = &detail.body["job"];
        assert_eq!(detail["speed_limit"][0]["speed"], "15");
        assert_eq!(detail["base_info"]["expired_days"], "20");
        let parameters =
            server.get(&v5(&format!("jobs/{job}/configurations?name=read_task_num"))).await;
        assert_eq!(parameters.body["parameter_config_list"][0]["value"], "3", "{parameters:?}");
    }
    let list = v5(&format!("batch-async-jobs?async_job_id={id}"));
    server.until(&list, |a| a.body["jobs"][0]["status"] == "ASYNC_JOB_COMPLETED").await;
    assert_error(&server.put(&change, of("precheck", json!({}))).await, 400, "DRS.10000024");
    assert_error(&server.post(&commit, json!({})).await, 400, "DRS.10000024");
}

#[tokio::test]
async fn a_job_that_its_precheck_keeps_back_says_why() {
    let server = Server::start().await;
    *server.script.check.lock().expect("the script") = Some(CheckResult::Failed);
    let (id, jobs) = ask(&server, json!([job("batch-kept")])).await;
    assert_eq!(
        server.post(&v5(&format!("batch-async-jobs/{id}/commit")), json!({})).await.status,
        200
    );
    let list = v5("batch-async-jobs?status=ASYNC_JOB_COMPLETED");
    server.until(&list, |a| a.body["total_count"] == 1).await;
    let detail = server.get(&v5(&format!("batch-async-jobs/{id}"))).await;
    let kept = &detail.body["jobs"][0];
    assert_eq!(
        (&kept["status"], &kept["id"]),
        (&json!("CONFIGURATION"), &jobs.body["jobs"][0]["id"])
    );
    let said = kept["logs"][0]["message"].as_str().expect("a text");
    assert!(said.contains("Check"), "{said}");
}

#[tokio::test]
async fn what_is_wrong_with_a_batch_is_named() {
    let server = Server::start().await;
    server.make_job("batch-taken").await;
    let create = v5("jobs/batch-async-create");
    let mut typed = job("batch-typed");
    typed["db_object"] = json!(7);
    for (jobs, wanted) in [
        (json!([]), "jobs"),
        (Value::Array(vec![job("batch-many"); 51]), "50"),
        (json!([7]), "jobs[0]"),
        (json!([job("batch-fine"), typed]), "jobs[1].db_object"),
    ] {
        let answer = server.post(&create, json!({ "jobs": jobs })).await;
        let said = assert_error(&answer, 400, answer.body["error_code"].as_str().unwrap_or("none"));
        assert!(said.contains(wanted), "{said}");
    }
    let (id, jobs) =
        ask(&server, json!([job("batch-taken"), job("batch-same"), job("BATCH-SAME")])).await;
    let said =
        |i: usize| jobs.body["jobs"][i]["logs"][0]["message"].as_str().unwrap_or("").to_owned();
    assert!(said(0).contains("taken"), "{}", said(0));
    assert_eq!(said(1), "");
    assert!(said(2).contains("in the batch"), "{}", said(2));

    let other = json!({"jobs": [{"type": "precheck", "params": {"job_id": "no-such-job"}}]});
    let answer = server.put(&v5(&format!("batch-async-jobs/{id}")), other.clone()).await;
    assert!(assert_error(&answer, 400, "DRS.10000009").contains("jobs[0].params.job_id"));
    for answer in [
        server.put(&v5("batch-async-jobs/none"), other).await,
        server.get(&v5("batch-async-jobs/none")).await,
        server.post(&v5("batch-async-jobs/none/commit"), json!({})).await,
    ] {
        assert!(assert_error(&answer, 400, "DRS.10000009").contains("async_job_id"));
    }
    for query in ["status=x", "sort_key=x", "sort_dir=x", "limit=0"] {
        let answer = server.get(&v5(&format!("batch-async-jobs?{query}"))).await;
        let name = query.split('=').next().expect("a name");
        let said = assert_error(&answer, 400, answer.body["error_code"].as_str().unwrap_or("none"));
        assert!(said.contains(name), "{said}");
    }
    let all =
        server.get(&v5("batch-async-jobs?sort_key=status&sort_dir=asc&user_name=nobody")).await;
    assert_eq!(all.body, json!({"total_count": 0, "jobs": []}));
}

/// A process that ends in the middle leaves a batch to the next one.
#[tokio::test]
async fn a_batch_goes_on_where_a_process_left_it() {
    use BatchStatus::{Completed, Creating, Valid, Validating};
    let server = Server::start().await;
    let (id, jobs) = ask(&server, json!([job("batch-left")])).await;
    let store = SqliteStore::open(&server.dir.path().join("t.db")).await.expect("the store");
    let left = async |was: BatchStatus, at: BatchStatus| {
        assert!(store.change_batch(&id, was, at, &[]).await.expect("changed"), "{was:?}");
        batches(&server.state.control).go_on().await.expect("it goes on");
    };
    left(Valid, Validating).await;
    looked_at(&server, &id).await;
    assert_eq!(status(&server, &id).await, "AUTO_PARAM_VALIDATE_SUCCESS");
    left(Valid, Creating).await;
    let made = jobs.body["jobs"][0]["id"].as_str().expect("an id");
    let list = v5(&format!("batch-async-jobs?async_job_id={id}"));
    server.until(&list, |a| a.body["jobs"][0]["status"] == "ASYNC_JOB_COMPLETED").await;
    server.wait_for(made, "INCRE_TRANSFER_STARTED").await;
    // What is made is not made again.
    left(Completed, Creating).await;
    server.until(&list, |a| a.body["jobs"][0]["status"] == "ASYNC_JOB_COMPLETED").await;
    let all = server.get(&v5("jobs?job_type=sync&name=batch-left")).await;
    assert_eq!(all.body["total_count"], 1);
}
