//! Maxwell's messages beside DRS's of the same changes: all column types, full phase and log, and the ends of transactions.

use std::sync::atomic::Ordering::Relaxed;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};
use tailrace_pipeline::job::{JobSpec, MessageFormat, TopicPolicy};
use tailrace_pipeline::observe::Phase;

use crate::column_types::{COLUMNS, create, insert};
use crate::support::{Running, create_topic, mysql, read_topic, spec, start, unique};

/// Bytes as DRS prints them.
fn as_byte_list(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|b| b.cast_signed().to_string()).collect();
    format!("[{}]", bytes.join(", "))
}

/// Whether a value is the same, told in Maxwell's way and as DRS's text.
fn is_same(maxwell: &Value, drs: &Value) -> bool {
    let Some(text) = drs.as_str() else { return maxwell == drs };
    let parsed = || serde_json::from_str::<Value>(text).ok();
    match maxwell {
        Value::String(value) if value == text => true,
        Value::String(value) => {
            BASE64.decode(value).is_ok_and(|bytes| as_byte_list(&bytes) == text)
                // A geometry: DRS's are bytes, whose text has a test of its own.
                || (value.contains('(') && text.starts_with('['))
                || parsed().as_ref() == Some(maxwell)
        }
        // The reader rounds long numbers, not always to the nearest.
        Value::Number(number) => {
            let (number, text) = (number.as_f64(), text.parse::<f64>().ok());
            number.zip(text).is_some_and(|(a, b)| (a - b).abs() <= a.abs() * 1e-15)
        }
        Value::Array(members) => {
            let joined: Option<Vec<&str>> = members.iter().map(Value::as_str).collect();
            joined.is_some_and(|members| members.join(",") == text)
                || parsed().as_ref() == Some(maxwell)
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => parsed().as_ref() == Some(maxwell),
    }
}

fn assert_same_row(maxwell: &Value, drs: &Value) {
    let object = |value: &Value| value.as_object().expect("an object").clone();
    let (maxwell, drs) = (object(maxwell), object(drs));
    assert_eq!(maxwell.keys().collect::<Vec<_>>(), drs.keys().collect::<Vec<_>>());
    for (name, value) in &maxwell {
        assert!(is_same(value, &drs[name]), "{name}: {value} and {}", drs[name]);
    }
}

/// A message of Maxwell's job beside that of DRS's (`json_c`).
fn assert_same_change(maxwell: &Value, drs: &Value) {
    let kind = drs["type"].as_str().expect("a type").to_lowercase();
    assert_eq!(maxwell["type"], kind.replace("init", "bootstrap-insert"));
    for member in ["database", "table"] {
        assert_eq!(maxwell[member], drs[member], "{member}");
    }
    assert_same_row(&maxwell["data"], &drs["data"][0]);
    assert_eq!(maxwell["xid"].is_u64(), kind != "init");
    if kind != "init" {
        assert_eq!(maxwell["ts"], drs["es"].as_i64().expect("a time") / 1000);
    }
    if kind != "update" {
        assert_eq!(maxwell.get("old"), None);
        return;
    }
    let object = |value: &Value| value.as_object().expect("an object").clone();
    let (before, after) = (object(&drs["old"][0]), object(&drs["data"][0]));
    let changed: Map<String, Value> =
        before.into_iter().filter(|(name, value)| *value != after[name]).collect();
    assert_same_row(&maxwell["old"], &Value::Object(changed));
}

fn job(database: &str, format: MessageFormat, name: &str) -> (JobSpec, Running) {
    let mut spec = spec(database);
    spec.policy.format = format;
    spec.policy.topic = TopicPolicy::PerTable(format!("{database}-{name}-$tablename$"));
    spec.policy.ddl_topic = Some(create_topic(&unique("ddl")));
    let running = start(&spec);
    (spec, running)
}

#[test]
fn maxwell_says_what_drs_says_in_its_own_form() {
    let (database, sql) = (unique("maxwell"), mysql());
    let session = "SET NAMES utf8mb4; SET sql_mode = '';";
    let rows = |from: usize| -> String {
        (0..3).map(|row| insert(&database, COLUMNS, row + from, row)).collect()
    };
    sql.query(&format!("{}{session}{}", create(&database, COLUMNS), rows(1))).expect("rows");
    let mut jobs = [(MessageFormat::JsonC, "drs"), (MessageFormat::Maxwell, "maxwell")]
        .map(|(format, name)| job(&database, format, name));
    for (_, running) in &mut jobs {
        running.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    }
    sql.query(&format!(
        "{session}{} UPDATE {database}.t SET v = 1 WHERE id < 10; UPDATE {database}.t SET v = 2, tu = NULL WHERE id = 11; \
         DELETE FROM {database}.t WHERE id = 12; ALTER TABLE {database}.t ADD more INT; \
         INSERT INTO {database}.t (id, v, more) VALUES (20, 0, 1);",
        rows(11)
    ))
    .expect("changes");
    for (_, running) in &mut jobs {
        running.wait_until("changes", |job| job.counters.inserts.load(Relaxed) == 4);
    }
    let [(drs, drs_run), (maxwell, maxwell_run)] = jobs;
    drs_run.stop().expect("a clean stop");
    maxwell_run.stop().expect("a clean stop");

    let rows_of = |name: &str| read_topic(&format!("{database}-{name}-t"));
    let statements_of =
        |spec: &JobSpec| read_topic(spec.policy.ddl_topic.as_deref().expect("a topic"));
    let (drs_rows, maxwell_rows) = (rows_of("drs"), rows_of("maxwell"));
    assert_eq!((drs_rows.len(), maxwell_rows.len()), (12, 12));
    for (drs, maxwell) in drs_rows.iter().zip(&maxwell_rows) {
        assert_same_change(&maxwell.value, &drs.value);
    }
    let types: Vec<Value> =
        statements_of(&maxwell).iter().map(|seen| seen.value["type"].clone()).collect();
    assert_eq!(types, ["table-create", "table-alter"]);
    for (drs, maxwell) in statements_of(&drs).iter().zip(&statements_of(&maxwell)) {
        assert_eq!(drs.value["sql"], maxwell.value["sql"]);
    }
}

#[test]
fn the_last_row_of_a_transaction_says_so_however_large_it_is() {
    let (database, sql) = (unique("maxwell"), mysql());
    sql.query(&format!(
        "CREATE DATABASE {database}; USE {database}; CREATE TABLE t (id INT PRIMARY KEY, pad VARCHAR(500))"
    ))
    .expect("a table");
    let mut spec = spec(&database);
    spec.policy.format = MessageFormat::Maxwell;
    spec.policy.tombstones = true;
    // Many parts for one transaction, some of whose rows fill a part exactly or by themselves.
    spec.limits.batch_bytes_max = 2000;
    let mut running = start(&spec);
    running.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    let sizes = [1, 2, 40, 1, 3];
    let mut id = 0;
    for size in sizes {
        let rows: Vec<String> = (0..size)
            .map(|n| {
                id += 1;
                format!("({id}, REPEAT('x', {}))", n * 37 % 500)
            })
            .collect();
        sql.query(&format!("INSERT INTO {database}.t VALUES {}", rows.join(", "))).expect("rows");
    }
    sql.query(&format!(
        "USE {database}; BEGIN; DELETE FROM t WHERE id < 4; DELETE FROM t WHERE id = 9; COMMIT"
    ))
    .expect("deletes");
    running.wait_until("changes", |job| job.counters.deletes.load(Relaxed) == 4);
    running.stop().expect("a clean stop");

    let seen = read_topic(&format!("{database}-t"));
    let messages: Vec<&Value> =
        seen.iter().map(|message| &message.value).filter(|value| !value.is_null()).collect();
    assert_eq!(seen.len() - messages.len(), 4, "a tombstone for each deleted row");
    let mut transactions = Vec::new();
    for transaction in messages.chunk_by(|a, b| a["xid"] == b["xid"]) {
        let marks: Vec<bool> = transaction
            .iter()
            .map(|value| value.get("commit") == Some(&Value::Bool(true)))
            .collect();
        let (last, others) = marks.split_last().expect("no empty transaction");
        assert!(*last && !others.contains(&true), "{marks:?}");
        transactions.push(transaction.len());
    }
    assert_eq!(transactions, [1, 2, 40, 1, 3, 4]);
}
