//! A job's life up to its deletion, and the deletion itself.

use axum::http::StatusCode;
use serde_json::json;

use super::{Server, assert_error, v3, v5};

#[tokio::test]
async fn only_an_ended_job_can_be_deleted() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let uri = v5(&format!("jobs/{id}"));
    let text = assert_error(&server.delete(&uri, None).await, 400, "DRS.10000024");
    assert!(text.contains("INCRE_TRANSFER_STARTED") && text.contains("terminate"), "{text}");

    assert_eq!(server.action(&id, "stop").await.status, StatusCode::OK);
    server.wait_for(&id, "PAUSING").await;
    assert_error(&server.delete(&uri, None).await, 400, "DRS.10000024");

    let stop = v5(&format!("jobs/{id}/stop"));
    let answer = server.post(&stop, json!({"is_force_stop": false})).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({"status": "success"})));
    server.wait_for(&id, "RELEASE_RESOURCE_COMPLETE").await;
    let actions = server.get(&v5(&format!("jobs/{id}/actions"))).await;
    let available = actions.body["job_action"]["available_actions"].as_array().cloned();
    assert!(available.is_some_and(|a| a.contains(&json!("DELETE"))), "{actions:?}");

    let answer = server.delete(&uri, None).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({})));
    for uri in [uri.clone(), v5(&format!("jobs/{id}?type=detail"))] {
        assert_error(&server.get(&uri).await, 400, "DRS.10000010");
    }
    assert_error(&server.delete(&uri, None).await, 400, "DRS.10000010");
    let list = server.get(&v5("jobs?job_type=sync")).await;
    assert_eq!(list.body["total_count"], 0);
}

#[tokio::test]
async fn an_unknown_id_is_no_job_whatever_it_looks_like() {
    let server = Server::start().await;
    for id in ["c7debc9c-8e09-4a5d-8dd6-cc44f78jb20r", "x", "%27%20OR%201=1", "%C3%BC", "a%00b"] {
        let answer = server.delete(&v5(&format!("jobs/{id}")), None).await;
        assert_error(&answer, 400, "DRS.10000010");
    }
}

#[tokio::test]
async fn several_jobs_are_deleted_one_by_one() {
    let server = Server::start().await;
    let ended = server.make_job("job-1").await;
    let running = server.make_running_job("job-2").await;
    assert_eq!(server.action(&ended, "terminate").await.status, StatusCode::OK);
    server.wait_for(&ended, "RELEASE_RESOURCE_COMPLETE").await;
    let body = json!({"jobs": [ended, running, "no-such-job"]});
    let answer = server.delete(&v5("jobs"), Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let jobs = &answer.body["jobs"];
    assert_eq!(jobs[0], json!({"id": ended, "name": "job-1", "status": "Success"}));
    assert_eq!((&jobs[1]["status"], &jobs[1]["name"]), (&json!("Failed"), &json!("job-2")));
    assert_eq!(jobs[1]["error_code"], "DRS.10000024");
    assert_eq!(jobs[2]["error_code"], "DRS.10000010");

    for body in [json!({}), json!({"jobs": []}), json!({"jobs": ["a", "a"]})] {
        assert_error(&server.delete(&v5("jobs"), Some(body)).await, 400, "DRS.10000009");
    }
}

#[tokio::test]
async fn terraform_destroys_by_v3() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let batch = |kind: &str| json!({"jobs": [{"delete_type": kind, "job_id": id}]});
    let answer = server.delete(&v3("jobs/batch-jobs"), Some(batch("delete"))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body["results"][0]["error_code"], "DRS.M00304");
    let answer = server.delete(&v3("jobs/batch-jobs"), Some(batch("force_terminate"))).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body, json!({"count": 1, "results": [{"id": id, "status": "success"}]}));
    server.wait_for(&id, "RELEASE_RESOURCE_COMPLETE").await;
    let answer = server.delete(&v3("jobs/batch-jobs"), Some(batch("delete"))).await;
    assert_eq!(answer.body["results"][0]["status"], "success");

    for call in ["batch-detail", "batch-status", "batch-progress", "batch-precheck-result"] {
        let answer = server.post(&v3(&format!("jobs/{call}")), json!({"jobs": [id]})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{call}");
        assert_eq!(answer.body["count"], 1);
        let code = answer.body["results"][0]["error_code"].as_str().unwrap_or_default();
        assert!(["DRS.M00289", "DRS.M05004"].contains(&code), "{call}: {answer:?}");
        assert_eq!(answer.body["error_code"], code);
    }
    let answer = server.delete(&v3("jobs/batch-jobs"), Some(batch("rollback"))).await;
    let text = assert_error(&answer, 400, "DRS.M00202");
    assert!(text.contains("jobs[0].delete_type") && text.contains("rollback"), "{text}");
}

#[tokio::test]
async fn a_paused_job_goes_on_and_a_failed_precheck_hinders_the_start() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let pause = json!({"jobs": [{"job_id": id, "pause_mode": "all"}]});
    let answer = server.post(&v3("jobs/batch-pause-task"), pause).await;
    assert_eq!(answer.body["results"][0], json!({"id": id, "status": "success"}));
    server.wait_for(&id, "PAUSING").await;
    let answer = server.action(&id, "restart").await;
    assert_eq!(answer.body, json!({"status": "success"}));
    server.wait_for(&id, "INCRE_TRANSFER_STARTED").await;

    let id = server.make_job("job-2").await;
    let start = json!({"jobs": [{"job_id": id}]});
    let answer = server.post(&v3("jobs/batch-starting"), start).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body["results"][0]["error_code"], "DRS.M00304");
}

#[tokio::test]
async fn several_jobs_are_acted_on_one_by_one() {
    let server = Server::start().await;
    let one = server.make_ready_job("job-1").await;
    let two = server.make_job("job-2").await;
    let body = json!({"jobs": [
        {"job_id": one, "action_name": "start"},
        {"job_id": two, "action_name": "network"},
        {"job_id": "x", "action_name": "stop"}
    ]});
    let answer = server.post(&v5("jobs/action"), body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let jobs = &answer.body["jobs"];
    assert_eq!(jobs[0], json!({"id": one, "name": "job-1", "status": "Success"}));
    assert!(jobs[1]["query_id"].is_string());
    assert_eq!(
        (&jobs[2]["status"], &jobs[2]["error_code"]),
        (&json!("Failed"), &json!("DRS.10000010"))
    );

    let body = json!({"jobs": [{"job_id": one, "is_force_stop": true}, {"job_id": two}]});
    let answer = server.post(&v5("jobs/batch-stop"), body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["jobs"][0]["status"], "Success");
    for id in [one, two] {
        server.wait_for(&id, "RELEASE_RESOURCE_COMPLETE").await;
    }
}

#[tokio::test]
async fn actions_that_are_not_offered_or_not_known_are_told() {
    let server = Server::start().await;
    let id = server.make_job("job-1").await;
    let text = assert_error(&server.action(&id, "set_writable").await, 400, "DRS.10000009");
    assert!(text.contains("set_writable") && text.contains("terminate"), "{text}");
    let text = assert_error(&server.action(&id, "fly").await, 400, "DRS.10000009");
    assert!(text.contains("job.action_name") && text.contains("\"fly\""), "{text}");
    let text = assert_error(&server.action(&id, "").await, 400, "DRS.10000009");
    assert!(text.contains("job.action_name"), "{text}");
    let text = assert_error(&server.action(&id, "restart").await, 400, "DRS.10000024");
    assert!(text.contains("CONFIGURATION") && text.contains("PAUSING"), "{text}");
}
