//! Objects that appear in messages under other names, with fewer columns, and only some kinds of change.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::{ChangeKinds, JobSpec, MessageFormat, SelectedDatabase};
use tailrace_pipeline::mapping::{DatabaseMapping, Mappings, TableMapping};
use tailrace_pipeline::observe::Phase;

use crate::support::{create_topic, mysql, read_topic, spec, start, unique};

/// A job for two tables of the database, of which `orders` is called `purchases` in a database `name`.
fn mapped(database: &str, name: &str, orders: TableMapping) -> JobSpec {
    let mut spec = spec(database);
    spec.selection.databases = vec![SelectedDatabase {
        name: database.to_owned(),
        tables: Some(vec!["orders".to_owned(), "plain".to_owned()]),
    }];
    let orders = TableMapping { target: Some("purchases".to_owned()), ..orders };
    let mapping = DatabaseMapping {
        target: Some(name.to_owned()),
        tables: BTreeMap::from([("orders".to_owned(), orders)]),
    };
    spec.mappings = Mappings { databases: BTreeMap::from([(database.to_owned(), mapping)]) };
    spec.policy.ddl_topic = Some(create_topic(&unique("ddl")));
    spec
}

fn tables(database: &str) {
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE orders (secret VARCHAR(9), id INT, total INT, note VARCHAR(9), PRIMARY KEY (id));
             CREATE TABLE plain (id INT PRIMARY KEY, v INT);
             INSERT INTO orders VALUES ('s', 1, 10, 'a'), ('s', 2, 20, NULL); INSERT INTO plain VALUES (1, 1);"
        ))
        .expect("tables");
}

/// Kind, key, row and row before of each message of a topic.
fn changes(topic: &str) -> Vec<Value> {
    let seen = read_topic(topic).into_iter();
    seen.map(|m| json!([m.value["type"], m.key, m.value["data"], m.value["old"]])).collect()
}

#[test]
fn rows_and_statements_have_the_names_and_columns_of_the_mapping() {
    let (database, name, sql) = (unique("mapped"), unique("store"), mysql());
    tables(&database);
    let columns = ["id", "total"].map(str::to_owned);
    let mut spec = mapped(
        &database,
        &name,
        TableMapping {
            columns: Some(columns.into()),
            renamed: BTreeMap::from([("total".to_owned(), "amount".to_owned())]),
            ..Default::default()
        },
    );
    spec.policy.format = MessageFormat::JsonC;
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    // A column that is added to the table is not among the chosen ones.
    sql.query(&format!(
        "USE {database}; UPDATE orders SET total = 11, secret = 't' WHERE id = 1; ALTER TABLE orders ADD more INT FIRST;
         INSERT INTO orders VALUES (0, 's', 3, 30, 'c'); DELETE FROM orders WHERE id = 2; INSERT INTO plain VALUES (2, 2);"
    ))
    .expect("changes");
    job.wait_until("changes", |job| job.counters.inserts.load(Relaxed) == 2);
    job.stop().expect("a clean stop");

    let row = |id: u32, amount: u32| json!([{"id": id.to_string(), "amount": amount.to_string()}]);
    let key = format!("{name}.purchases");
    assert_eq!(
        changes(&format!("{name}-purchases")),
        [
            json!(["INIT", key, row(1, 10), null]),
            json!(["INIT", key, row(2, 20), null]),
            json!(["UPDATE", key, row(1, 11), row(1, 10)]),
            json!(["INSERT", key, row(3, 30), null]),
            json!(["DELETE", key, row(2, 20), null]),
        ]
    );
    let purchases = read_topic(&format!("{name}-purchases"));
    for message in &purchases {
        assert_eq!(message.value["database"], name);
        assert_eq!(message.value["table"], "purchases");
        assert_eq!(message.value["mysqlType"], json!({"id": "int", "amount": "int"}));
    }
    // Another table of the database has its name and its own columns.
    assert_eq!(changes(&format!("{name}-plain")).len(), 2);
    let statements: Vec<Value> = read_topic(spec.policy.ddl_topic.as_deref().expect("a topic"))
        .into_iter()
        .map(|m| json!([m.value["database"], m.value["table"]]))
        .collect();
    assert!(statements.contains(&json!([name, "purchases"])), "{statements:?}");
}

#[test]
fn only_the_wanted_kinds_of_change_become_messages() {
    let (database, sql) = (unique("kinds"), mysql());
    tables(&database);
    let mut spec = spec(&database);
    spec.policy.kinds = ChangeKinds { insert: true, update: false, delete: true };
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    sql.query(&format!(
        "USE {database}; UPDATE plain SET v = 2; UPDATE plain SET id = 5; INSERT INTO plain VALUES (6, 6); DELETE FROM plain;"
    ))
    .expect("changes");
    job.wait_until("changes", |job| job.counters.deletes.load(Relaxed) == 2);
    job.stop().expect("a clean stop");
    let kinds: Vec<Value> = read_topic(&format!("{database}-plain"))
        .into_iter()
        .map(|m| m.value["type"].clone())
        .collect();
    assert_eq!(kinds, ["INIT", "INSERT", "DELETE", "DELETE"]);
}

#[test]
fn a_mapping_that_does_not_fit_the_table_stops_the_job_by_name() {
    let (database, name) = (unique("misfit"), unique("store"));
    tables(&database);
    for (columns, word) in [(["total", "note"], "leave out id"), (["id", "gone"], "column gone")] {
        let columns = Some(columns.map(str::to_owned).into());
        let spec = mapped(&database, &name, TableMapping { columns, ..Default::default() });
        let error = start(&spec).end().expect_err("no key in messages");
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
        assert!(error.message().contains(word), "{}", error.message());
    }
}
