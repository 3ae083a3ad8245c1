//! Rules of tables, by all of DRS's calls for them.

use serde_json::{Value, json};

use super::{Server, assert_error, v3, v5};

/// A job of two tables.
async fn job(server: &Server) -> String {
    let id = server.make_job("job-rules").await;
    server.set_policy(&id, json!({"topic_policy": "0", "topic": "t"})).await;
    let objects = json!({"job": {"type": "db_object", "params": {"db_object": {
        "object_scope": "table", "object_info": {"shop": {"tables": {
            "orders": {"type": "table", "all": true}, "items": {"type": "table", "all": true}}}}}}}});
    assert_eq!(server.put(&v5(&format!("jobs/{id}")), objects).await.status, 202);
    id
}

fn of(table: &str, mut rule: Value) -> Value {
    rule["db_object"] = json!({"object_scope": "table", "object_info": {"shop": {"tables": {
        table: {"type": "table", "all": true}}}}});
    rule
}

#[tokio::test]
async fn rules_are_set_and_read_table_by_table() {
    let server = Server::start().await;
    let id = job(&server).await;
    let uri = v5(&format!("jobs/{id}/data-processing-rules"));
    let rules = json!({"data_process_info": [
        of("orders", json!({"process_rule_level": "table", "source": "job", "is_batch_process": false,
            "filter_conditions": [{"filtering_type": "contentConditionalFilter", "value": "id > 5"}],
            "dml_operation": "i,u",
            "add_columns": [{"column_type": "create_time", "column_name": "made", "data_type": "timestamp"}]})),
        {"db_object_column_info": {"db_name": "shop", "table_name": "items", "column_infos": [
            {"column_name": "id", "column_mapped_name": "key"}, {"column_name": "card", "is_filtered": true}]}},
    ]});
    let saved = server.put(&uri, rules).await;
    assert_eq!((saved.status.as_u16(), &saved.body["job_id"]), (202, &json!(id)));
    let query = saved.body["id"].as_str().expect("an id");
    let result = server.get(&format!("{uri}/result?query_id={query}")).await;
    assert_eq!(result.body, json!({"id": query, "status": "success", "job_id": id}));

    let read = server.get(&uri).await;
    assert_eq!(read.body["count"], 2);
    let (items, orders) = (&read.body["data_process_info"][0], &read.body["data_process_info"][1]);
    assert_eq!(
        items["db_object_column_info"]["column_infos"],
        json!([{"column_name": "id", "column_mapped_name": "key", "is_filtered": false, "is_partition_key": false}])
    );
    assert_eq!(orders["filter_conditions"][0]["value"], "id > 5");
    assert_eq!(orders["dml_operation"], "i,u");
    assert_eq!(orders["is_synchronized"], false);
    assert_eq!(orders["add_columns"][0]["column_name"], "made");
    let extra = server.get(&v5(&format!("jobs/{id}/extra-column-info"))).await;
    assert_eq!(
        extra.body["column_process_objects"][0]["object_source_names"],
        json!(["shop.orders"])
    );
    let sent =
        server.get(&v5(&format!("jobs/{id}/extra-column-info?is_only_show_sent=true"))).await;
    assert_eq!(sent.body["total_count"], 0);

    // They hold from the start on, and cannot be changed then.
    server.precheck(&id, "forStartJob").await;
    server.action(&id, "start").await;
    server.wait_for(&id, "INCRE_TRANSFER_STARTED").await;
    let read = server.get(&uri).await;
    assert_eq!(read.body["data_process_info"][1]["is_synchronized"], true);
    let other = json!({"data_process_info": [of("orders", json!({"filter_conditions": []}))]});
    assert_eq!(server.put(&uri, other).await.status, 400);
}

#[tokio::test]
async fn filters_are_tried_set_listed_and_removed() {
    let server = Server::start().await;
    let id = job(&server).await;
    let of_tables = |tables: &[&str], condition: &str| {
        let objects: Vec<_> = tables
            .iter()
            .map(|table| {
                json!({"id": format!("shop-*-*-{table}"),
            "parent_id": "shop", "object_name": table, "object_type": "table"})
            })
            .collect();
        json!({"data_filter_type": "common", "source": "job", "general_filtering_list": [
            {"filter_object_list": objects, "source_filter_condition": condition}]})
    };
    let tried = async |body: Value, old: bool| {
        let check =
            if old { "job/{id}/data-filtering/check" } else { "jobs/{id}/check-filter-rules" };
        let asked = server.post(&v5(&check.replace("{id}", &id)), body).await;
        assert_eq!(asked.status, 202, "{asked:?}");
        let query = asked.body["id"].as_str().expect("an id");
        let result = v5(&format!("job/{id}/data-filtering/result?query_id={query}"));
        server.until(&result, |a| a.body["status"] == "success").await.body
    };
    let good = tried(of_tables(&["orders", "items"], "id > 5"), false).await;
    assert_eq!((&good["success_count"], &good["failed_count"]), (&json!(2), &json!(0)));
    let bad = of("orders", json!({"filter_conditions": [{"value": "nope > 5"}]}));
    let bad = tried(json!({"data_process_info": [bad]}), true).await;
    assert_eq!((&bad["success_count"], &bad["failed_count"]), (&json!(0), &json!(1)));
    let said = bad["db_object_filtering_result"][0]["message"].as_str().expect("a text");
    assert!(said.contains("nope"), "{said}");

    let uri = v5(&format!("jobs/{id}/filter-rules"));
    let listed = async || {
        let asked = server
            .post(&uri, json!({"filter_type": "common", "is_all_rules": true, "limit": 10}))
            .await;
        let query = asked.body["id"].as_str().expect("an id").to_owned();
        server.get(&format!("{uri}/result?query_id={query}")).await.body
    };
    assert_eq!(listed().await["total_count"], 0);
    assert_eq!(server.put(&uri, of_tables(&["orders"], "id > 5")).await.status, 200);
    let change = json!({"jobs": [{"job_id": id, "object_info": [{"id": "shop-*-*-items"}],
        "transformation_info": {"transformation_type": "contentConditionalFilter", "value": "id < 9"}}]});
    let v3_answer = server.post(&v3("jobs/batch-transformation"), change).await;
    assert_eq!(v3_answer.body["results"][0]["status"], "success", "{v3_answer:?}");
    let rules = listed().await;
    assert_eq!(rules["total_count"], 2);
    let first = &rules["rules"][0];
    assert_eq!(first["filter_object_list"][0]["id"], "shop-*-*-items");
    assert_eq!(first["filter_rules_resp"]["source_filter_condition"], "id < 9");
    let gone = json!({"rule_ids": [first["batch_id"]], "type": "common"});
    assert_eq!(server.delete(&uri, Some(gone.clone())).await.status, 200);
    let rules = listed().await;
    assert_eq!(rules["total_count"], 1);
    assert!(
        assert_error(&server.delete(&uri, Some(gone)).await, 400, "DRS.10000009")
            .contains("rule_ids[0]")
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_rule_is_named() {
    let server = Server::start().await;
    let id = job(&server).await;
    let filters = v5(&format!("jobs/{id}/filter-rules"));
    let rules = v5(&format!("jobs/{id}/data-processing-rules"));
    let one = |object: Value| {
        json!({"general_filtering_list": [
        {"filter_object_list": [object], "source_filter_condition": "id > 1"}]})
    };
    for (uri, body, said) in [
        (&rules, json!({}), "data_process_info"),
        (&rules, json!({"data_process_info": [of("none", json!({}))]}), "shop.none"),
        (&filters, json!({}), "general_filtering_list"),
        (&filters, json!({"data_filter_type": "config"}), "data_filter_type config"),
        (&filters, one(json!({})), "filter_object_list[0].id"),
        (&filters, one(json!({"id": "orders"})), "-*-*-"),
        (&filters, one(json!({"id": "shop-*-*-orders", "object_name": "items"})), "object_name"),
        (&filters, one(json!({"id": "shop-*-*-orders", "object_type": "view"})), "object_type"),
    ] {
        let answer = server.put(uri, body.clone()).await;
        let text = assert_error(&answer, 400, answer.body["error_code"].as_str().unwrap_or("none"));
        assert!(text.contains(said), "{body}: {text}");
    }
    for body in
        [json!({}), json!({"filter_type": "x"}), json!({"filter_type": "common", "limit": 0})]
    {
        assert_eq!(server.post(&filters, body).await.status, 400);
    }
    for uri in [
        format!("{filters}/result?query_id=none"),
        format!("{rules}/result?query_id=none"),
        v5(&format!("job/{id}/data-filtering/result?query_id=none")),
    ] {
        assert!(assert_error(&server.get(&uri).await, 400, "DRS.10000009").contains("query_id"));
    }
    let bad = json!({"jobs": [{"job_id": id, "object_info": [],
        "transformation_info": {"transformation_type": "contentConditionalFilter", "value": "id < 9"}}]});
    let answer = server.post(&v3("jobs/batch-transformation"), bad).await;
    let told = answer.body["results"][0]["error_msg"].as_str().expect("a text");
    assert!(told.contains("jobs[0].object_info"), "{told}");
}

#[tokio::test]
async fn columns_are_read_chosen_and_let_go() {
    let server = Server::start().await;
    let id = job(&server).await;
    let of = |path: &str| v5(&format!("job/{id}/{path}"));
    let table = json!({"db_object_infos": [{"db_name": "shop", "table_name": "orders"}]});
    let asked = server.post(&of("columns/collect"), table.clone()).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let query = asked.body["id"].as_str().expect("an id").to_owned();
    let result = of(&format!("columns?query_id={query}"));
    let found = server.until(&result, |a| a.body["status"] == "success").await.body;
    let columns = &found["results"][0]["column_infos"];
    assert_eq!(
        columns[0],
        json!({"column_name": "id", "column_type": "int", "primary_key_or_unique_index": "PRI",
            "column_mapped_name": "id", "is_filtered": false, "is_partition_key": false})
    );
    assert_eq!(server.post(&of("columns/collect"), table).await.body["id"], query.as_str());

    let change = json!({"column_map_infos": [{"object_id": "shop-*-*-orders", "column_info_lists": [
        {"column_name": "id", "column_mapped_name": "key"}, {"column_name": "price", "status": true}]}]});
    let changed = server.post(&of("column-info-modification"), change).await;
    assert_eq!(changed.body, json!({"modify_result": true}), "{changed:?}");
    let shown =
        server.post(&of("column-info"), json!({"object_ids": ["shop-*-*-orders"]})).await.body;
    let infos = &shown["column_map_infos"][0]["column_info_lists"];
    assert_eq!(
        (&infos[0]["column_mapped_name"], &infos[1]["status"]),
        (&json!("key"), &json!(true))
    );
    assert_eq!(shown["object_with_column_infos"][0]["id"], "shop-*-*-orders");
    let listed = server.get(&of("object-column-info?object_id=shop")).await.body;
    assert_eq!(listed["object_with_column_infos"][0]["name"], "orders");
    let all = json!({"table_ids": [], "schema_ids": [], "db_ids": ["shop"]});
    let gone = server.delete(&of("column-info"), Some(all)).await;
    assert_eq!(gone.body, json!({"delete_result": true}));
    let listed = server.get(&of("object-column-info")).await.body;
    assert_eq!(listed["object_with_column_infos"], json!([]));

    let masked = json!({"column_map_infos": [{"object_id": "shop-*-*-orders", "column_info_lists": [
        {"column_name": "price", "desensitization_algorithm": "NUMERIC"}]}]});
    let none = json!({"column_map_infos": [{"object_id": "shop-*-*-orders", "column_info_lists": [
        {"column_name": "price", "status": true}]}]});
    for (path, body, said) in [
        ("columns/collect", json!({}), "db_object_infos"),
        (
            "columns/collect",
            json!({"db_object_infos": [{"db_name": "shop"}]}),
            "db_object_infos[0].table_name",
        ),
        ("column-info", json!({}), "object_ids"),
        ("column-info", json!({"object_ids": ["orders"]}), "object_ids[0]"),
        ("column-info-modification", json!({}), "column_map_infos"),
        ("column-info-modification", masked, "desensitization_algorithm"),
        ("column-info-modification", none, "column_map_infos[0].column_info_lists"),
    ] {
        let answer = server.post(&of(path), body).await;
        let text = assert_error(&answer, 400, answer.body["error_code"].as_str().unwrap_or("none"));
        assert!(text.contains(said), "{path}: {text}");
    }
    for body in [json!({}), json!({"table_ids": ["shop-*-*-none"]})] {
        let answer = server.delete(&of("column-info"), Some(body)).await;
        let text = assert_error(&answer, 400, answer.body["error_code"].as_str().unwrap_or("none"));
        assert!(text.contains("table_ids"), "{text}");
    }
}

#[tokio::test]
async fn the_place_of_the_log_at_a_time_is_found() {
    let server = Server::start().await;
    let id = job(&server).await;
    let uri = v5(&format!("jobs/{id}/collect-db-position"));
    let asked = server.post(&uri, json!({"reset_position_time": "2023-09-19T07:00:00Z"})).await;
    assert_eq!((asked.status.as_u16(), &asked.body["job_id"]), (202, &json!(id)));
    let query = asked.body["id"].as_str().expect("an id");
    let result = v5(&format!("jobs/{id}/db-position?query_id={query}"));
    let found = server.until(&result, |a| a.body["status"] == "success").await.body;
    assert_eq!(
        found,
        json!({"job_id": id, "position": "binlog.000003:1695106800", "status": "success"})
    );
    for (body, said) in
        [(json!({}), "reset_position_time"), (json!({"reset_position_time": "x"}), "2023-09-19")]
    {
        let answer = server.post(&uri, body).await;
        let text = assert_error(&answer, 400, answer.body["error_code"].as_str().unwrap_or("none"));
        assert!(text.contains(said), "{text}");
    }
}
