//! Changes that could not be delivered, by DRS's call.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Server, assert_error, v5};

async fn dirty(server: &Server, id: &str, query: &str) -> Answer {
    server.get(&v5(&format!("jobs/{id}/dirty-data?{query}"))).await
}

/// A running job with a dead-letter topic.
async fn running(server: &Server, topic: &str) -> String {
    let id = server.make_job(&format!("job-{topic}")).await;
    let policy = json!({"topic_policy": "0", "topic": "t", "dead_letter_topic": topic});
    server.set_policy(&id, policy).await;
    assert_eq!(server.select(&id, &["shop"]).await.status, 202);
    server.precheck(&id, "forStartJob").await;
    assert_eq!(dirty(server, &id, "").await.body["count"], 0, "it never ran");
    server.action(&id, "start").await;
    server.wait_for(&id, "INCRE_TRANSFER_STARTED").await;
    id
}

#[tokio::test]
async fn changes_that_could_not_be_delivered_are_listed() {
    let server = Server::start().await;
    let id = running(&server, "dead").await;
    let answer = dirty(&server, &id, "").await;
    assert_eq!((answer.status, &answer.body["count"]), (StatusCode::OK, &json!(3)));
    assert_eq!(
        answer.body["dirty_data_list"][0],
        json!({
            "db_name": "shop", "schema_name": "", "table_name": "orders",
            "error_sql": "update shop.orders at binlog.000003:805, row 2",
            "error_time": "1970-01-01T00:00:01Z",
            "error_msg": "it is larger than topic orders takes",
            "error_code": "message_too_large", "topic": "orders",
        })
    );
    let times = |answer: &Answer| -> Vec<Value> {
        let list = answer.body["dirty_data_list"].as_array().unwrap().iter();
        list.map(|one| one["error_time"].clone()).collect()
    };
    let page = dirty(&server, &id, "offset=1&limit=1").await;
    assert_eq!(
        (page.body["count"].clone(), times(&page)),
        (json!(3), vec![json!("1970-01-01T00:00:02Z")])
    );
    let window = "begin_time=1970-01-01T00:00:02Z&end_time=1970-01-01T00:00:03Z";
    assert_eq!(dirty(&server, &id, window).await.body["count"], 1);
    let full = dirty(&server, &id, "task_mode=FULL_TRANSFER&anonymize_mode=true").await;
    assert_eq!(full.body["dirty_data_list"][0]["error_sql"], "read shop.orders in the full phase");

    let detail = server.get(&v5(&format!("jobs/{id}?type=detail"))).await;
    assert_eq!(detail.body["job"]["policy_config"]["dead_letter_topic"], "dead");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let server = Server::start().await;
    let id = running(&server, "away").await;
    for (query, field) in [
        ("begin_time=yesterday", "begin_time"),
        ("begin_time=2026-01-02T00:00:00Z&end_time=2026-01-01T00:00:00Z", "begin_time"),
        ("task_mode=FULL", "task_mode"),
        ("limit=1001", "limit"),
        ("anonymize_mode=2", "anonymize_mode"),
        ("offset=9999&limit=2", "offset"),
    ] {
        let text = assert_error(&dirty(&server, &id, query).await, 400, "DRS.10000009");
        assert!(text.contains(field), "{query}: {text}");
    }
    let text = assert_error(&dirty(&server, &id, "").await, 400, "DRS.10000024");
    assert!(text.contains("no broker answers"), "{text}");
    assert_error(&dirty(&server, "missing", "").await, 400, "DRS.10000010");
    let without = server.make_running_job("job-without").await;
    assert_eq!(dirty(&server, &without, "").await.body, json!({"count": 0, "dirty_data_list": []}));
}
