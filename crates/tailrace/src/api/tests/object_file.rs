//! Objects from a file, by DRS's calls.

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{Answer, Server, assert_error, v5};

async fn upload(server: &Server, id: &str, query: &str, name: &str, content: &str) -> Answer {
    upload_bytes(server, id, query, name, content.as_bytes()).await
}

async fn upload_bytes(
    server: &Server,
    id: &str,
    query: &str,
    name: &str,
    content: &[u8],
) -> Answer {
    let head = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let form = [head.as_bytes(), content, b"\r\n--b--\r\n"].concat();
    let uri = v5(&format!("jobs/{id}/db-object/template{query}"));
    let mut request = server.signed(Method::POST, &uri, form, &[]);
    let kind = "multipart/form-data; boundary=b".parse().expect("a header value");
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    server.send(request).await
}

fn objects() -> Value {
    json!({"object_scope": "table", "object_info": {"shop": {"name": "store", "tables": {
        "orders": {"name": "purchases", "type": "table", "all": true},
        "items": {"type": "table", "filter_conditions": ["id > 5"]}}}}})
}

#[tokio::test]
async fn objects_of_a_file_are_selected() {
    let server = Server::start().await;
    let id = server.make_job("job-1").await;
    let answer = upload(&server, &id, "", "objects.json", &objects().to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    assert_eq!(
        answer.body,
        json!({"send_success": true, "process_status": "success", "parsed_success_number": "2"})
    );
    let progress = server.get(&v5(&format!("jobs/{id}/db-object/template/progress"))).await;
    assert_eq!(progress.body, answer.body);
    let selected = server.get(&v5(&format!("jobs/{id}/db-objects?type=modified"))).await;
    let shop = &selected.body["object_info"]["shop"];
    assert_eq!(
        (&shop["name"], &shop["tables"]["orders"]["name"]),
        (&json!("store"), &json!("purchases"))
    );

    // What is answered as a file is taken as one.
    let file = server.get(&v5(&format!("jobs/{id}/db-object/template/result?type=change"))).await;
    assert_eq!(file.headers[header::CONTENT_TYPE], "application/octet-stream");
    assert_eq!(
        file.body["object_info"]["shop"]["tables"]["items"]["filter_conditions"][0],
        "id > 5"
    );
    let again =
        upload(&server, &id, "?file_import_db_level=table", "o.txt", &file.body.to_string()).await;
    assert_eq!(again.body, answer.body, "{:?}", again.body);
    for level in ["database", "table"] {
        let query = format!("?file_import_db_level={level}");
        let template = server.get(&v5(&format!("jobs/{id}/db-object/template{query}"))).await;
        let taken = upload(&server, &id, &query, "t.json", &template.body.to_string()).await;
        assert_eq!(taken.status, StatusCode::OK, "{level}: {:?}", taken.body);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_named() {
    let server = Server::start().await;
    let id = server.make_job("job-1").await;
    let whole = objects().to_string();
    let wrong = whole.replace("id > 5", "id >");
    for (query, name, content, wanted) in [
        ("", "objects.xls", whole.as_str(), "objects.xls"),
        ("", "objects.xlsx", &whole, "no workbook"),
        ("", "objects.json", "{", "JSON"),
        ("", "objects.json", "{}", "object_scope"),
        ("", "objects.json", &wrong, "filter_conditions"),
        ("?file_import_db_level=database", "objects.json", &whole, "object_scope"),
        ("?file_import_db_level=column", "objects.json", &whole, "file_import_db_level"),
        ("?file_import_db_level=x", "objects.json", &whole, "database, table"),
        ("", "objects.zip", "no zip", "file"),
    ] {
        let answer = upload(&server, &id, query, name, content).await;
        let text = assert_error(&answer, 400, "DRS.10000009");
        assert!(text.contains(wanted), "{name} {content}: {text}");
    }
    let uri = v5(&format!("jobs/{id}/db-object/template"));
    let answer = server.post(&uri, objects()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let result = server.get(&format!("{uri}/result?type=x")).await;
    assert!(assert_error(&result, 400, "DRS.10000009").contains("synchronized"));
    let none =
        server.get(&v5("jobs/c7debc9c-8e09-4a5d-8dd6-cc44f78jb20r/db-object/template")).await;
    assert_error(&none, 400, "DRS.10000010");
}

#[tokio::test]
async fn objects_of_a_workbook_are_selected() {
    let server = Server::start().await;
    let job = json!({"jobs": [{"name": "job-book", "db_use_type": "sync", "engine_type": "oracle-to-gaussdbv5",
        "job_direction": "up", "net_type": "vpc", "node_type": "high", "task_type": "FULL_INCR_TRANS",
        "customize_sutnet_id": "s", "source_endpoint": {"db_type": "oracle"},
        "target_endpoint": {"db_type": "gaussdbv5"}}]});
    let made = server.post(&super::v3("jobs/batch-creation"), job).await;
    let id = made.body["results"][0]["id"].as_str().expect("an id").to_owned();
    server.wait_for(&id, "CONFIGURATION").await;
    let template = server.get(&v5(&format!("jobs/{id}/db-object/template"))).await;
    let taken = upload_bytes(&server, &id, "", "t.XLSX", &template.raw).await;
    assert_eq!(taken.body["parsed_success_number"], "2", "{taken:?}");
    let selected = server.get(&v5(&format!("jobs/{id}/db-objects?type=modified"))).await;
    let tables = &selected.body["object_info"]["database_1"]["tables"];
    assert_eq!(tables["table_2"]["name"], "other_name");
    let answer = upload_bytes(&server, &id, "", "t.xlsx", b"PK").await;
    assert!(assert_error(&answer, 400, "DRS.10000009").contains("no workbook"));
}
