//! Comparisons by v3's calls, and those on their way by v5's.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, Server, assert_error, v3, v5};

async fn get(server: &Server, path: &str) -> Value {
    let answer = server.get(&v3(path)).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {:?}", answer.body);
    answer.body
}

async fn begin(server: &Server, id: &str, body: Value) -> Answer {
    server.post(&v3(&format!("jobs/{id}/table/compare")), body).await
}

/// Waits until a comparison of rows is done.
async fn done(server: &Server, id: &str, task: &str) {
    for _ in 0..10_000 {
        let all = get(server, &format!("jobs/{id}/table/compare")).await;
        let all = all["compare_jobs"].as_array().unwrap();
        if all.iter().any(|one| one["id"] == task && one["status"] == "SUCCESSFUL") {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("the comparison does not end");
}

async fn contents(server: &Server, id: &str) -> String {
    let options = json!({"type": "contents", "options": {"contentCompareType": "static", "lobCompare": "ignore"}});
    let answer = begin(server, id, options).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{:?}", answer.body);
    let task = answer.body["id"].as_str().unwrap().to_owned();
    done(server, id, &task).await;
    task
}

#[tokio::test]
async fn rows_are_compared_and_told_by_database_table_and_row() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let task = contents(&server, &id).await;
    let listed = get(&server, &format!("jobs/{id}/table/compare?limit=1")).await;
    let one = &listed["compare_jobs"][0];
    assert_eq!((&listed["count"], &one["type"]), (&json!(1), &json!("contents")));
    assert_eq!(one["options"]["contentCompareType"], "static");
    assert_eq!(one["export_status"], "EXPORT_COMPLETE");

    let of = |what: &str| format!("jobs/{id}/compare/{task}/{what}");
    let overview = get(&server, &of("content-overview")).await;
    assert_eq!(
        overview,
        json!({"total_count": 1, "content_compare_result_infos": [
            {"source_db": "shop", "target_db": "shop", "status": 0, "compare_num": 2, "compare_end_num": 2,
             "data_inconsistent_num": 1, "uncomparable_num": 0}]})
    );
    let detail = get(&server, &of("content-detail?db_name=shop&type=compare&offset=1")).await;
    let items = &detail["content_compare_result_infos"][0];
    assert_eq!(
        (&detail["total_count"], &items["target_table_name"]),
        (&json!(2), &json!("things"))
    );
    assert_eq!((&items["difference_row_num"], &items["status"]), (&json!(2), &json!(2)));
    assert_eq!(items["content_compare_result"], false);
    let rows = get(&server, &of("content-difference?table_name=items&limit=1")).await;
    assert_eq!((&rows["count"], &rows["target_meta_is_null"]), (&json!(2), &json!(1)));
    assert_eq!(
        rows["contents_infos"][0]["select_sql"],
        "SELECT * FROM `shop`.`items` WHERE `id` = '1'"
    );
    let lines = get(&server, &of("line-overview?status=0")).await;
    assert_eq!(lines["data_compare_overview_infos"][0]["status"], 0);
    assert_eq!(get(&server, &of("line-overview?status=2")).await["total_count"], 0);
    let lines = get(&server, &of("line-detail?query_tb_name=tem")).await;
    assert_eq!(lines["table_line_compare_result_infos"][0]["difference_row_num"], 1);

    let file = format!("jobs/{id}/compare/result/file");
    let asked =
        json!({"compare_type": "contents", "compare_job_id": task, "time_zone": "GMT+08:00"});
    let made = server.post(&v3(&file), asked).await;
    assert_eq!((made.status, made.body), (StatusCode::OK, json!({})));
    let answer = server.get(&v3(&format!("{file}?compare_type=contents"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    let disposition = answer.headers["content-disposition"].to_str().unwrap();
    assert!(disposition.contains(&format!("contents-{task}.csv")), "{disposition}");
    let file = answer.body.as_str().unwrap();
    let lines: Vec<&str> = file.lines().collect();
    assert!(lines[2].starts_with("shop,items,shop,things,INCONSISTENT,7,6,1,0,1,"), "{file}");
    assert!(lines[4].contains("SELECT * FROM `shop`.`items` WHERE `id` = '1'"), "{file}");
}

#[tokio::test]
async fn objects_are_compared() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let path = format!("jobs/{id}/object/compare");
    let none = get(&server, &path).await;
    assert_eq!(
        (&none["compare_job_id"], &none["report_remain_seconds"]),
        (&json!(null), &json!(-1))
    );
    let begun = server.post(&v3(&path), json!({})).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{:?}", begun.body);
    let mut overview = get(&server, &path).await;
    for _ in 0..10_000 {
        if overview["status"] == "SUCCESSFUL" {
            break;
        }
        tokio::task::yield_now().await;
        overview = get(&server, &path).await;
    }
    assert_eq!(
        overview["compare_result"][1],
        json!({"type": "TABLE", "source_count": 2, "target_count": 2, "status": 2})
    );
    let tables = get(&server, &format!("{path}/TABLE?offset=1")).await;
    assert_eq!(
        (&tables["count"], &tables["compare_detail"][0]["target_db_value"]),
        (&json!(2), &json!("things"))
    );
    let databases = get(&server, &format!("{path}/DB")).await;
    assert_eq!(databases["compare_detail"][0]["source_db_value"], "shop");
    assert_eq!(get(&server, &format!("{path}/VIEW")).await["count"], 0);
    let wrong = server.get(&v3(&format!("{path}/COLOUR"))).await;
    assert!(assert_error(&wrong, 400, "DRS.M00202").contains("compare_type"), "{:?}", wrong.body);
}

#[tokio::test]
async fn both_kinds_are_begun_and_read_in_one_call() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let body = |policy: &str| {
        json!({"job_id": id, "object_level_compare_type": "objects", "data_level_compare_info":
            {"conflict_policy": policy, "compare_type": "contents",
             "compare_object_infos": [{"db_name": "shop", "table_name": ["orders", "items"]}]}})
    };
    let begun = server.post(&v3("jobs/create-compare-task"), body("cancel")).await;
    assert_eq!(begun.status, StatusCode::OK, "{:?}", begun.body);
    let of_objects = begun.body["object_level_compare_create_result"]["compare_task_id"].clone();
    let of_rows = begun.body["data_level_compare_create_result"]["compare_task_id"].clone();
    done(&server, &id, of_rows.as_str().unwrap()).await;
    let asked = json!({"job_id": id, "object_level_compare_id": of_objects, "line_compare_id": of_rows,
        "content_compare_id": of_rows, "current_page": 1, "per_page": 10});
    let result = server.post(&v3("jobs/query-compare-result"), asked).await;
    assert_eq!(result.status, StatusCode::OK, "{:?}", result.body);
    let result = result.body;
    assert_eq!(result["compare_task_list_results"]["compare_task_list_count"], 2);
    let rows = &result["content_compare_results"];
    assert_eq!(rows["content_compare_overview"][0]["content_compare_result"], "INCONSISTENT");
    assert_eq!(rows["content_compare_details"][0]["content_compare_detail_count"], 2);
    assert_eq!(rows["content_compare_diffs"][0]["content_compare_diff_count"], 2);
    let lines = &result["line_compare_results"]["line_compare_details"][0]["line_compare_detail"];
    assert_eq!(lines[1]["diff_row_num"], 1);
    let refused = server.post(&v3("jobs/create-compare-task"), body("hope")).await;
    let refused = &refused.body["data_level_compare_create_result"];
    assert!(refused["error_msg"].as_str().unwrap().contains("conflict_policy"), "{refused}");
    for (body, named) in [
        (json!({}), "job_id"),
        (json!({"job_id": id}), "object_level_compare_type"),
        (json!({"job_id": id, "object_level_compare_type": "rows"}), "object_level_compare_type"),
    ] {
        let answer = server.post(&v3("jobs/create-compare-task"), body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body["error_msg"].as_str().unwrap().contains(named), "{:?}", answer.body);
    }
    for (page, size, named) in [(0, 10, "current_page"), (1, 0, "per_page"), (1, 1001, "per_page")]
    {
        let asked = json!({"job_id": id, "current_page": page, "per_page": size});
        let answer = server.post(&v3("jobs/query-compare-result"), asked).await;
        assert!(answer.body["error_msg"].as_str().unwrap().contains(named), "{:?}", answer.body);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_comparison_is_named() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    for (body, named) in [
        (json!({}), "type"),
        (json!({"type": "object"}), "lines, contents, random"),
        (json!({"type": "lines", "compare_mode": "slow"}), "quick_comparison"),
        (json!({"type": "contents", "options": {"lobCompare": "length"}}), "option.lobCompare"),
        (json!({"type": "random"}), "proportion_value"),
        (json!({"type": "random", "proportion_value": 1.0}), "sample"),
        (json!({"type": "lines", "compare_task_num": 3}), "compare_task_num"),
        (json!({"type": "lines", "compare_object": [{}]}), "compare_object[0].db_name"),
        (json!({"type": "lines", "compare_object": [{"db_name": "nothing"}]}), "nothing"),
    ] {
        let answer = begin(&server, &id, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        let text = answer.body["error_msg"].as_str().unwrap();
        assert!(text.contains(named), "{body}: {text}");
    }
    let task = contents(&server, &id).await;
    for path in [
        format!("jobs/{id}/compare/nothing/line-detail"),
        format!("jobs/{id}/compare/{task}/content-detail?type=other"),
        format!("jobs/{id}/compare/result/file?compare_type=repair_data"),
        format!("jobs/{id}/compare/result/file?compare_type=lines&compare_job_id={task}"),
        format!("jobs/{id}/compare/result/file"),
    ] {
        let answer = server.get(&v3(&path)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {:?}", answer.body);
        assert!(answer.body["error_code"].is_string(), "{path}: {:?}", answer.body);
    }
    // It has ended.
    let path = format!("jobs/{id}/compare/{task}");
    assert_eq!(server.delete(&v3(&path), None).await.status, StatusCode::BAD_REQUEST);
    let path = format!("jobs/{id}/table/compare/{task}");
    assert_eq!(server.post(&v3(&path), json!({})).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn those_on_their_way_rest_go_on_begin_and_end() {
    let server = Server::start().await;
    let id = server.make_running_job("job-1").await;
    let later = json!({"type": "lines", "start_time": "4102444800000"});
    let answer = begin(&server, &id, later).await;
    let task = answer.body["id"].as_str().unwrap().to_owned();
    let path = v5(&format!("jobs/{id}/compare-progress/{task}"));
    let progress = server.get(&path).await.body;
    assert_eq!(
        (&progress["full_info"]["progress"], &progress["full_info"]["is_paused"]),
        (&json!(0.0), &json!(false))
    );
    let ids = json!({"compare_job_ids": [task]});
    for (call, paused) in [("pause", true), ("restart", false)] {
        let answer = server.post(&v5(&format!("jobs/{id}/compare/{call}")), ids.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
        assert_eq!(answer.body["request_id"], answer.headers["x-request-id"].to_str().unwrap());
        assert_eq!(server.get(&path).await.body["full_info"]["is_paused"], paused);
    }
    for (body, named) in
        [(json!({}), "compare_job_ids"), (json!({"compare_job_ids": vec!["x"; 6]}), "1 to 5 ids")]
    {
        let answer = server.post(&v5(&format!("jobs/{id}/compare/pause")), body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body["error_msg"].as_str().unwrap().contains(named), "{:?}", answer.body);
    }
    let begun = server.post(&v3(&format!("jobs/{id}/table/compare/{task}")), json!({})).await;
    assert_eq!(begun.status, StatusCode::OK, "{:?}", begun.body);
    done(&server, &id, &task).await;
    let progress = server.get(&path).await.body;
    assert_eq!(progress["full_info"]["progress"], 100.0);

    let later = json!({"type": "lines", "start_time": "4102444800000"});
    let task = begin(&server, &id, later).await.body["id"].as_str().unwrap().to_owned();
    let ended = server.delete(&v3(&format!("jobs/{id}/compare/{task}")), None).await;
    assert_eq!(ended.status, StatusCode::OK, "{:?}", ended.body);
}
