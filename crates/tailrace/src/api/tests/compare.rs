//! Comparisons by DRS's calls.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Server, assert_error, v5};

/// Asks for a comparison; its id.
async fn ask(server: &Server, id: &str, task: Value) -> Answer {
    let action = json!({"job": {
        "action_name": "create_compare", "action_params": {"compare_task_param": task},
    }});
    server.post(&v5(&format!("jobs/{id}/action")), action).await
}

async fn view(server: &Server, id: &str, query: &str) -> Value {
    let answer = server.get(&v5(&format!("jobs/{id}?type=compare&{query}"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    answer.body["job"]["compare_result"].clone()
}

/// Waits until a comparison is done.
async fn done(server: &Server, id: &str, task: &str) {
    for _ in 0..10_000 {
        let tasks = view(server, id, &format!("compare_task_id={task}")).await;
        if tasks["data_compare_task_list"][0]["status"] == "SUCCESSFUL" {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the comparison does not end");
}

#[tokio::test]
async fn rows_are_compared_and_told_by_database_table_and_row() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let answer = ask(&server, &id, json!({"type": "contents"})).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{:?}", answer.body);
    let task = answer.body["query_id"].as_str().unwrap().to_owned();
    done(&server, &id, &task).await;

    let listed = view(&server, &id, "compare_type=data_compare&query_type=list").await;
    let listed = &listed["data_compare_task_list"][0];
    assert_eq!((&listed["id"], &listed["type"]), (&json!(task), &json!("contents")));
    assert!(listed["end_time"].as_str().unwrap().ends_with('Z'));

    let of = |query: &str| format!("compare_type=content_compare&compare_task_id={task}&{query}");
    let overview = view(&server, &id, &of("query_type=overview")).await;
    assert_eq!(
        overview["content_compare_overview_infos"],
        json!([{"source_db": "shop", "target_db": "shop", "status": "INCONSISTENT", "compare_result": false}])
    );
    let detail = view(&server, &id, &of("query_type=detail&source_db_name=shop")).await;
    let detail = &detail["content_compare_detail_infos"];
    assert_eq!(detail[0]["content_compare_result"], true);
    let items = &detail[1];
    assert_eq!(
        (&items["source_table_name"], &items["target_table_name"]),
        (&json!("items"), &json!("things"))
    );
    assert_eq!(
        (&items["source_row_num"], &items["target_row_num"], &items["difference_row_num"]),
        (&json!(7), &json!(6), &json!(2))
    );
    assert_eq!(
        (&items["message"], &items["line_compare_result"]),
        (&json!("a note"), &json!(false))
    );
    let page = view(&server, &id, &of("query_type=detail&offset=1&limit=1")).await;
    assert_eq!(page["content_compare_detail_infos"].as_array().unwrap().len(), 1);
    let none = view(&server, &id, &of("query_type=detail&compare_detail_type=uncompare")).await;
    assert_eq!(none["content_compare_detail_infos"], json!([]));

    let diff = view(&server, &id, &of("query_type=diff&source_table_name=items")).await;
    let diff = &diff["content_diff_detail_info"];
    assert_eq!(
        (&diff["count"], &diff["target_meta_is_null"], &diff["source_target_meta_not_null"]),
        (&json!(2), &json!(1), &json!(1))
    );
    let rows = &diff["contents_infos"];
    assert_eq!(
        (&rows[0]["source_key_value"], &rows[0]["target_key_value"]),
        (&json!(["1"]), &json!([]))
    );
    assert_eq!(rows[0]["source_select_sql"], "SELECT * FROM `shop`.`items` WHERE `id` = '1'");
    assert!(rows[1]["target_select_sql"].as_str().unwrap().contains("partition 2, offset 77"));
    assert_eq!(rows[1]["columns"], json!(["price"]));

    // What a comparison of rows found of their number is shown too.
    let lines = format!("compare_type=line_compare&compare_task_id={task}&query_type=detail");
    let lines = view(&server, &id, &lines).await;
    let line = &lines["line_compare_detail_infos"][1];
    assert_eq!(
        (&line["source_row_num"], &line["difference_row_num"], &line["status"]),
        (&json!("7"), &json!("1"), &json!("INCONSISTENT"))
    );
}

#[tokio::test]
async fn objects_and_numbers_of_rows_are_compared() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let answer =
        ask(&server, &id, json!({"type": "object", "option": {"comparePolicy": "normal"}})).await;
    done(&server, &id, answer.body["query_id"].as_str().unwrap()).await;
    let objects = view(&server, &id, "compare_type=object_compare&query_type=overview").await;
    let task = &objects["objects_compare_overview_info"];
    assert_eq!(task["compare_job_id"], answer.body["query_id"]);
    assert_eq!(
        task["compare_results"][1],
        json!({"type": "TABLE", "source_count": 2, "target_count": 2, "status": "CONSISTENT"})
    );
    let tables =
        view(&server, &id, "compare_type=object_compare&query_type=detail&object_type=TABLE").await;
    assert_eq!(tables["objects_compare_detail_infos"][1]["target_db_value"], "things");
    let databases =
        view(&server, &id, "compare_type=object_compare&query_type=detail&object_type=DB").await;
    assert_eq!(databases["objects_compare_detail_infos"][0]["source_db_value"], "shop");

    let named = json!({"type": "lines", "db_object": {"shop": {"tables": {"orders": {}}}}});
    let answer = ask(&server, &id, named).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{:?}", answer.body);
    done(&server, &id, answer.body["query_id"].as_str().unwrap()).await;
    let overview = view(&server, &id, "compare_type=line_compare").await;
    assert_eq!(overview["line_compare_overview_infos"][0]["source_db_name"], "shop");
}

#[tokio::test]
async fn what_is_wrong_with_a_comparison_is_named() {
    let server = Server::start().await;
    let id = server.make_job("job-0").await;
    let early = ask(&server, &id, json!({"type": "contents"})).await;
    assert!(assert_error(&early, 400, "DRS.10000024").contains("INCRE_TRANSFER_STARTED"));
    let id = server.make_running_job("job-1").await;
    for (task, wanted) in [
        (json!({}), "job.action_params.compare_task_param.type"),
        (json!({"type": "colours"}), "object, lines, contents"),
        (json!({"type": "lines", "start_time": "soon"}), "compare_task_param.start_time"),
        (json!({"type": "lines", "option": {"comparePolicy": "manyToOne"}}), "comparePolicy"),
        (json!({"type": "lines", "db_object": {"nowhere": {"all": true}}}), "\"nowhere\""),
        (json!({"type": "lines", "db_object": {"shop": {"all": false}}}), "db_object.shop.tables"),
        (json!({"type": "lines", "data_process_info": [{}]}), "data_process_info"),
    ] {
        let text = assert_error(&ask(&server, &id, task.clone()).await, 400, "DRS.10000009");
        assert!(text.contains(wanted), "{task}: {text}");
    }
    let text = assert_error(&server.action(&id, "cancel_compare").await, 400, "DRS.10000009");
    assert!(text.contains("compare_task_id"), "{text}");
    for (query, wanted) in [("compare_type=colours", "line_compare"), ("compare_task_id=x", "x")] {
        let answer = server.get(&v5(&format!("jobs/{id}?type=compare&{query}"))).await;
        assert!(answer.status == StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.body.to_string().contains(wanted), "{query}: {:?}", answer.body);
    }
}

#[tokio::test]
async fn messages_of_topics_are_not_repaired() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let ask = async |info: Value| {
        let action = json!({"job": {
            "action_name": "start_repair", "action_params": {"repair_info": info},
        }});
        server.post(&v5(&format!("jobs/{id}/action")), action).await
    };
    let text = assert_error(&ask(json!({})).await, 400, "DRS.10000009");
    assert!(text.contains("action_params.repair_info.query_id"), "{text}");
    let info = json!({"query_id": "c", "objects": [{"table": "t"}]});
    let text = assert_error(&ask(info).await, 400, "DRS.10000009");
    assert!(text.contains("objects[0].database"), "{text}");
    let answer = ask(json!({"query_id": "c"})).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    let text = answer.body["error_msg"].as_str().unwrap();
    assert!(text.contains("repairing messages of a topic"), "{text}");
    assert_error(&server.action(&id, "stop_repair").await, 400, "DRS.10000009");
    let shown = server.get(&v5(&format!("jobs/{id}?type=repair"))).await;
    assert_eq!(shown.status, StatusCode::OK, "{shown:?}");
    assert!(shown.body["job"].get("repair_progress_info").is_none(), "{shown:?}");
    let shown = server.get(&v5(&format!("jobs/{id}?type=repair&query_id=none"))).await;
    assert_eq!(shown.status, StatusCode::BAD_REQUEST, "{shown:?}");
}

#[tokio::test]
async fn a_policy_is_set_shown_and_closed() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let path = v5(&format!("jobs/{id}/compare-policy"));
    assert_eq!(server.get(&path).await.body["status"], "CLOSED");
    let open = json!({
        "action": "open", "period": "* * 1,3,7", "begin_time": "01:00:00", "end_time": "05:30:00",
        "compare_type": ["lines", "object_comparison"], "interval_hour": 2, "compare_policy": "normal",
    });
    let answer = server.put(&path, open.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let shown = server.get(&path).await.body;
    assert!(shown["next_compare_time"].as_str().is_some_and(|at| at.ends_with('Z')), "{shown}");
    for (member, wanted) in [
        ("status", json!("OPEN")),
        ("period", json!("* * 0,1,3")),
        ("begin_time", json!("01:00:00")),
        ("end_time", json!("05:30:00")),
        ("compare_type", json!(["object_comparison", "lines"])),
        ("interval_hour", json!(2)),
    ] {
        assert_eq!(shown[member], wanted, "{member}");
    }
    for (member, value) in [
        ("action", json!("pause")),
        ("period", json!("0 0 *")),
        ("begin_time", json!("25:00:00")),
        ("compare_type", json!(["account"])),
        ("compare_policy", json!("manyToOne")),
        ("interval_hour", json!(0)),
    ] {
        let mut bad = open.clone();
        bad[member] = value;
        let answer = server.put(&path, bad).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{member}: {:?}", answer.body);
        assert!(
            answer.body["error_msg"].as_str().is_some_and(|text| text.contains(member)),
            "{:?}",
            answer.body
        );
    }
    let list = server.get(&v5(&format!("jobs/{id}/health-compare-jobs"))).await;
    assert_eq!((list.status, &list.body["count"]), (StatusCode::OK, &json!(0)));
    let none = server.get(&v5(&format!("jobs/{id}/health-compare-jobs/nothing"))).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST, "{:?}", none.body);
    assert_eq!(server.put(&path, json!({"action": "close"})).await.status, StatusCode::OK);
    let shown = server.get(&path).await.body;
    assert_eq!((&shown["status"], &shown["period"]), (&json!("CLOSED"), &json!("* * 0,1,3")));
}
