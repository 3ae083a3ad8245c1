//! Files for users to fetch, and jobs out of workbooks.

use axum::http::{Method, header};
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

use super::{Answer, Server, assert_error, v5};

async fn upload(server: &Server, file: &[u8]) -> Answer {
    let head =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"jobs.xlsx\"\r\n\r\n";
    let form = [head.as_bytes(), file, b"\r\n--b--\r\n"].concat();
    let mut request = server.signed(Method::POST, &v5("jobs/template"), form, &[]);
    let kind = "multipart/form-data; boundary=b".parse().expect("a header value");
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    server.send(request).await
}

/// A workbook, as a person would fill the template.
fn workbook(jobs: &[&[(&str, &str)]], objects: &[&[(&str, &str)]]) -> Vec<u8> {
    let mut book = Workbook::new();
    for (name, rows) in [("jobs", jobs), ("objects", objects)] {
        let sheet = book.add_worksheet();
        sheet.set_name(name).expect("a name");
        let mut header: Vec<&str> = Vec::new();
        for (number, row) in (1..).zip(rows) {
            for (column, text) in *row {
                let at = header.iter().position(|one| one == column).unwrap_or(header.len());
                if at == header.len() {
                    header.push(column);
                    sheet.write_string(0, at as u16, *column).expect("a cell");
                }
                match text.parse::<f64>() {
                    Ok(number_of) => sheet.write_number(number, at as u16, number_of),
                    Err(_) => sheet.write_string(number, at as u16, *text),
                }
                .expect("a cell");
            }
        }
    }
    book.save_to_buffer().expect("a workbook")
}

const JOB: &[(&str, &str)] = &[
    ("name", "sheet-one"),
    ("engine_type", "mysql-to-kafka"),
    ("task_type", "FULL_INCR_TRANS"),
    ("job_direction", "up"),
    ("net_type", "vpc"),
    ("source_ip", "db.test"),
    ("source_port", "3306"),
    ("source_user", "u"),
    ("source_password", "pw-sheet"),
    ("target_ip", "k.test:9092"),
    ("topic_policy", "0"),
    ("topic", "t"),
    ("object_scope", "table"),
    ("parameters", "read_task_num=3"),
    ("more", r#"{"speed_limit":[{"begin":"01:00","end":"05:59","speed":"15"}]}"#),
];

#[tokio::test]
async fn jobs_of_a_workbook_run_and_come_back_as_one() {
    let server = Server::start().await;
    let template = server.get(&v5("jobs/template?engine_type=mysql-to-kafka")).await;
    assert_eq!(template.headers[header::CONTENT_TYPE], "application/octet-stream");
    let empty = upload(&server, &template.raw).await;
    assert!(assert_error(&empty, 400, "DRS.10000009").contains("0 rows"), "{empty:?}");

    let objects: &[&[(&str, &str)]] = &[&[
        ("job", "sheet-one"),
        ("database", "shop"),
        ("table", "orders"),
        ("target_table", "sales"),
    ]];
    let taken = upload(&server, &workbook(&[JOB], objects)).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let batch = taken.body["async_job_id"].as_str().expect("a batch").to_owned();
    let progress = v5(&format!("jobs/{batch}/progress"));
    let done = json!({"status": "AUTO_PARAM_VALIDATE_SUCCESS", "progress": "100"});
    server.until(&progress, |a| a.body == done).await;
    server.post(&v5(&format!("batch-async-jobs/{batch}/commit")), json!({})).await;
    server.until(&progress, |a| a.body["status"] == "ASYNC_JOB_COMPLETED").await;
    let jobs = server.get(&v5(&format!("batch-async-jobs/{batch}"))).await;
    let id = jobs.body["jobs"][0]["id"].as_str().expect("an id").to_owned();
    server.wait_for(&id, "INCRE_TRANSFER_STARTED").await;

    // Out again, without the password; a job of it has the name that is taken.
    let export = server.post(&v5("jobs/export/template"), json!({"jobs": [id]})).await;
    assert_eq!((export.status.as_u16(), &export.body["status"]), (202, &json!("success")));
    let export_id = export.body["id"].as_str().expect("an id");
    let done = server.get(&v5(&format!("jobs/{export_id}/export/progress"))).await;
    assert_eq!(done.body, json!({"process_status": "success"}));
    let list = server.get(&v5("templates")).await;
    assert_eq!(list.body["count"], 1);
    let name = list.body["export_report_obs_files"][0]["file_name"].clone();
    let file = server.post(&v5("templates/download"), json!({"files": [name]})).await;
    let again = upload(&server, &file.raw).await;
    assert_eq!(again.status, 200, "{again:?}");
    let batch = again.body["async_job_id"].as_str().expect("a batch");
    let uri = v5(&format!("jobs/{batch}/progress"));
    server.until(&uri, |a| a.body["status"] == "ASYNC_JOB_VALIDATE_FAILED").await;
    let jobs = server.get(&v5(&format!("batch-async-jobs/{batch}"))).await;
    let job = &jobs.body["jobs"][0];
    let said = job["logs"][0]["message"].as_str().expect("a text");
    assert!(said.contains("password") || said.contains("taken"), "{said}");
    assert_eq!(job["base_info"]["name"], "sheet-one");

    // With another name and the password it is the same job once more.
    let change = json!({"jobs": [{"type": "all", "params": {"job_id": job["id"],
        "base_info": {"name": "sheet-two"},
        "source_endpoint": [{"endpoint": {"db_password": "pw-sheet"}}]}}]});
    assert_eq!(server.put(&v5(&format!("batch-async-jobs/{batch}")), change).await.status, 202);
    server.until(&uri, |a| a.body["status"] == "AUTO_PARAM_VALIDATE_SUCCESS").await;
    server.post(&v5(&format!("batch-async-jobs/{batch}/commit")), json!({})).await;
    server.until(&uri, |a| a.body["status"] == "ASYNC_JOB_COMPLETED").await;
    let two = job["id"].as_str().expect("an id");
    let detail = async |id: &str| {
        let mut job = server.get(&v5(&format!("jobs/{id}?type=detail"))).await.body["job"].clone();
        for member in ["id", "create_time", "status"] {
            job[member] = Value::Null;
        }
        for member in ["name", "start_time"] {
            job["base_info"][member] = Value::Null;
        }
        // They have the job's own.
        for side in ["source_endpoint", "target_endpoint"] {
            job[side][0]["endpoint"]["id"] = Value::Null;
        }
        let objects = server.get(&v5(&format!("jobs/{id}/db-objects?type=modified"))).await;
        (job, objects.body["object_info"].clone())
    };
    server.wait_for(two, "INCRE_TRANSFER_STARTED").await;
    assert_eq!(detail(two).await, detail(&id).await);
    let sales = &detail(two).await.1["shop"]["tables"]["orders"]["name"];
    assert_eq!(sales, "sales");
}

#[tokio::test]
async fn what_is_wrong_with_a_workbook_is_told_row_by_row() {
    let server = Server::start().await;
    let with = |change: &[(&'static str, &'static str)]| -> Vec<(&'static str, &'static str)> {
        let is_kept = |(name, _): &&(&str, &str)| !change.iter().any(|(one, _)| one == name);
        JOB.iter().filter(is_kept).copied().chain(change.iter().copied()).collect()
    };
    let rows = [
        with(&[("name", "sheet-bad"), ("ddl_trans", "perhaps")]),
        with(&[("name", "sheet-link"), ("engine_type", "db2-to-kafka")]),
        with(&[("name", "sheet-more"), ("more", "{\"a\":")]),
        with(&[("name", "sheet-good")]),
    ];
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
    let objects: &[&[(&str, &str)]] = &[
        &[("job", "nobody"), ("database", "shop"), ("table", "orders")],
        &[("job", "sheet-good"), ("table", "orders")],
    ];
    let answer = upload(&server, &workbook(&rows, objects)).await;
    assert_eq!((answer.status.as_u16(), &answer.body["async_job_id"]), (200, &Value::Null));
    let errors = answer.body["import_error_messages"].as_array().expect("errors");
    let told: Vec<_> = errors
        .iter()
        .map(|e| (e["sheet_name"].as_str().unwrap_or(""), e["row_rum"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(
        told,
        [("objects", "2"), ("objects", "3"), ("jobs", "2"), ("jobs", "3"), ("jobs", "4")]
    );
    assert!(
        errors[2]["value"] == "ddl_trans: perhaps" && errors[4]["value"] == "more",
        "{errors:?}"
    );
    assert!(errors[3]["error_message"].as_str().unwrap_or("").contains("mysql-to-kafka"));
    assert!(!answer.body.to_string().contains("pw-sheet"));
    let answer = upload(&server, b"no workbook").await;
    assert!(assert_error(&answer, 400, "DRS.10000009").contains("workbook"));
    let batches = server.get(&v5("batch-async-jobs")).await;
    assert_eq!(batches.body["total_count"], 0);
}

#[tokio::test]
async fn lists_of_jobs_are_files() {
    let server = Server::start().await;
    let id = server.make_job("listed-one").await;
    server.make_job("listed-two").await;
    let export = async |filter: Value| server.post(&v5("export-jobs"), filter).await;
    for filter in [
        json!({"job_type": "sync", "name": "listed-one", "spec_type": "high", "direction": "down"}),
        json!({"job_type": "migration"}),
    ] {
        assert_eq!(export(filter).await.status, 202);
    }
    let files = server.get(&v5("files?limit=1")).await;
    assert_eq!((files.status.as_u16(), &files.body["total_count"]), (200, &json!(2)));
    let all = server.get(&v5("files")).await;
    let names: Vec<_> = all.body["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| file["file_name"].clone())
        .collect();
    let one = server.post(&v5("download"), json!({"files": [names[1]]})).await;
    let cells = cells(&one.raw);
    assert!(cells.contains(&id) && !cells.contains("listed-two"), "{cells}");
    let both = server.post(&v5("download"), json!({"files": names})).await;
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(both.raw)).expect("a zip");
    assert_eq!(zip.len(), 2);
    assert!(zip.by_index(0).is_ok());

    let wrong = |filter: Value, field: &'static str| (filter, field);
    for (filter, field) in [
        wrong(json!({}), "job_type"),
        wrong(json!({"job_type": "x"}), "job_type"),
        wrong(json!({"job_type": "sync", "status": "x"}), "status"),
        wrong(json!({"job_type": "sync", "sort_dir": "x"}), "sort_dir"),
        wrong(json!({"job_type": "sync", "create_at": "2026"}), "create_at"),
        wrong(json!({"job_type": "sync", "billing_mode": "5"}), "billing_mode"),
    ] {
        let answer = export(filter).await;
        let said = assert_error(&answer, 400, answer.body["error_code"].as_str().unwrap_or("none"));
        assert!(said.contains(field), "{said}");
    }
    for uri in ["download", "templates/download"] {
        let none = server.post(&v5(uri), json!({"files": ["none.xlsx"]})).await;
        assert!(assert_error(&none, 400, "DRS.10000009").contains("none.xlsx"));
        let empty = server.post(&v5(uri), json!({"files": []})).await;
        assert_eq!(empty.status, 400);
    }
    let statistics =
        server.post(&v5(&format!("jobs/{id}/operation-statistics/export")), json!({})).await;
    assert!(statistics.body.as_str().expect("a text").starts_with("operation,count\n"));
    assert_eq!(server.get(&v5("jobs/none/progress")).await.status, 400);
    assert_eq!(server.get(&v5("jobs/none/export/progress")).await.status, 400);
}

/// All texts of a workbook.
fn cells(file: &[u8]) -> String {
    use calamine::{Data, Reader as _, Xlsx};
    let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(file)).expect("a workbook");
    let range = book.worksheet_range("jobs").expect("a sheet");
    range.cells().map(|(_, _, cell): (_, _, &Data)| format!("{cell}\n")).collect()
}
