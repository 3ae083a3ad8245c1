//! Canal's messages beside DRS's of the same changes: all column types, full phase and log.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Map, Value};
use tailrace_pipeline::job::{JobSpec, MessageFormat, TopicPolicy};
use tailrace_pipeline::observe::Phase;

use crate::column_types::{COLUMNS, create, insert};
use crate::support::{Running, Seen, create_topic, mysql, read_topic, spec, start, unique};

/// Bytes as DRS prints them.
fn as_byte_list(latin1: &str) -> String {
    let bytes: Vec<String> = latin1
        .chars()
        .map(|c| u8::try_from(u32::from(c)).map_or("?".to_owned(), |b| b.cast_signed().to_string()))
        .collect();
    format!("[{}]", bytes.join(", "))
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().expect("an object")
}

/// Whether a value is the same, told in Canal's way and in DRS's.
fn is_same(canal: &Value, drs: &Value) -> bool {
    canal == drs
        || matches!((canal, drs), (Value::String(c), Value::String(d)) if as_byte_list(c) == *d)
}

fn assert_same_row(canal: &Value, drs: &Value) {
    let (canal, drs) = (object(canal), object(drs));
    assert_eq!(canal.keys().collect::<Vec<_>>(), drs.keys().collect::<Vec<_>>());
    for (name, value) in canal {
        assert!(is_same(value, &drs[name]), "{name}: {value} and {}", drs[name]);
    }
}

/// A message of Canal's job beside that of DRS's (`json_c`).
fn assert_same_change(canal: &Value, drs: &Value) {
    let members: Vec<&String> = object(canal).keys().collect();
    let wanted = [
        "data",
        "database",
        "es",
        "gtid",
        "id",
        "isDdl",
        "mysqlType",
        "old",
        "pkNames",
        "sql",
        "sqlType",
        "table",
        "ts",
        "type",
    ];
    assert_eq!(members, wanted);
    let kind = drs["type"].as_str().expect("a type").replace("INIT", "INSERT");
    assert_eq!(canal["type"], kind);
    for member in ["database", "table", "mysqlType", "pkNames", "isDdl", "sql"] {
        assert_eq!(canal[member], drs[member], "{member}");
    }
    assert_same_row(&canal["data"][0], &drs["data"][0]);
    assert_eq!(canal["gtid"] == "", drs["type"] == "INIT");
    if kind != "UPDATE" {
        assert_eq!(canal["old"], Value::Null);
        return;
    }
    assert_eq!(canal["es"], drs["es"]);
    let (before, after) = (object(&drs["old"][0]), object(&drs["data"][0]));
    let changed: Map<String, Value> = before
        .iter()
        .filter(|(name, value)| **value != after[*name])
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    assert_same_row(&canal["old"][0], &Value::Object(changed));
}

fn job(database: &str, format: MessageFormat, name: &str) -> (JobSpec, Running) {
    let mut spec = spec(database);
    spec.policy.format = format;
    spec.policy.topic = TopicPolicy::PerTable(format!("{database}-{name}-$tablename$"));
    spec.policy.ddl_topic = Some(create_topic(&unique("ddl")));
    let running = start(&spec);
    (spec, running)
}

fn rows_of(spec: &JobSpec, database: &str, name: &str) -> (Vec<Seen>, Vec<Seen>) {
    let ddl = spec.policy.ddl_topic.as_deref().expect("a topic");
    (read_topic(&format!("{database}-{name}-t")), read_topic(ddl))
}

#[test]
fn canal_says_what_drs_says_in_its_own_form() {
    let (database, sql) = (unique("canal"), mysql());
    let session = "SET NAMES utf8mb4; SET sql_mode = '';";
    let rows = |from: usize| -> String {
        (0..3).map(|row| insert(&database, COLUMNS, row + from, row)).collect()
    };
    sql.query(&format!("{}{session}{}", create(&database, COLUMNS), rows(1))).expect("rows");
    let mut jobs = [(MessageFormat::JsonC, "drs"), (MessageFormat::Canal, "canal")]
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
    let [(drs, drs_run), (canal, canal_run)] = jobs;
    drs_run.stop().expect("a clean stop");
    canal_run.stop().expect("a clean stop");

    let (drs, drs_statements) = rows_of(&drs, &database, "drs");
    let (canal, canal_statements) = rows_of(&canal, &database, "canal");
    assert_eq!((drs.len(), canal.len()), (12, 12));
    for (drs, canal) in drs.iter().zip(&canal) {
        assert_eq!(drs.key, canal.key);
        assert_same_change(&canal.value, &drs.value);
    }
    let kinds: Vec<(&Value, &Value)> =
        canal_statements.iter().map(|seen| (&seen.value["type"], &seen.value["isDdl"])).collect();
    let yes = Value::Bool(true);
    assert_eq!(kinds, [(&"CREATE".into(), &yes), (&"ALTER".into(), &yes)]);
    for (drs, canal) in drs_statements.iter().zip(&canal_statements) {
        assert_eq!(drs.value["sql"], canal.value["sql"]);
    }
}
