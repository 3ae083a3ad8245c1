//! Partitions and keys by columns that were chosen.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::job::{JobSpec, MessageFormat, PartitionPolicy, RegistryEndpoint};
use tailrace_pipeline::mapping::{DatabaseMapping, TableMapping};
use tailrace_testkit::env;

use crate::compare::{compared, running};
use crate::support::{Seen, mysql, read_bytes, read_topic, spec, unique};

const CUSTOMERS: u64 = 40;

fn tables(database: &str) {
    let rows: Vec<String> = (1..=200).map(|id| format!("({id}, {}, 0)", id % CUSTOMERS)).collect();
    let rows = rows.join(", ");
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE orders (id INT PRIMARY KEY, customer INT NULL, n INT);
             CREATE TABLE events (id INT, customer INT NULL, n INT);
             INSERT INTO orders VALUES {rows}; INSERT INTO events VALUES {rows}"
        ))
        .expect("tables");
}

fn job(database: &str, format: MessageFormat) -> JobSpec {
    let mut spec = spec(database);
    spec.policy.format = format;
    spec.policy.partition = PartitionPolicy::PrimaryKey;
    spec.policy.partitions = 5;
    let names = ["orders", "events"].map(str::to_owned);
    spec.selection.databases[0].tables = Some(names.to_vec());
    let chosen = |name: String| {
        let columns = Some(vec!["customer".to_owned()]);
        (name, TableMapping { partition_columns: columns, ..TableMapping::default() })
    };
    let mapping = DatabaseMapping { target: None, tables: names.map(chosen).into() };
    spec.mappings.databases.insert(database.to_owned(), mapping);
    if format == MessageFormat::Avro {
        let url = env::registry().expect("the shared schema registry");
        spec.registry = Some(RegistryEndpoint { url, user: None, password: None, ca_pem: None });
    }
    spec
}

/// Runs a job over changes; a row moves to another customer, and one to none.
fn delivered(format: MessageFormat) -> String {
    let database = unique("chosen");
    tables(&database);
    let spec = job(&database, format);
    let job = running(&spec);
    compared(&spec, None).expect("a comparison");
    let changes = |table: &str| {
        format!(
            "INSERT INTO {table} VALUES (500, 7, 1); UPDATE {table} SET n = n + 1 WHERE customer = 7;
             UPDATE {table} SET customer = 8 WHERE id = 7; UPDATE {table} SET customer = NULL WHERE id = 9;
             DELETE FROM {table} WHERE customer = 3;"
        )
    };
    let changes = format!("USE {database}; {} {}", changes("orders"), changes("events"));
    mysql().query(&changes).expect("changes");
    for one in compared(&spec, None).expect("a comparison") {
        assert_eq!(one.outcome, CompareOutcome::Consistent, "{format:?}: {one:?}");
    }
    job.stop().expect("a clean stop");
    database
}

/// Partitions by key; each key has one.
fn partitions(messages: impl IntoIterator<Item = (i32, Vec<u8>)>) -> BTreeMap<Vec<u8>, i32> {
    let mut all = BTreeMap::new();
    for (partition, key) in messages {
        let first = *all.entry(key.clone()).or_insert(partition);
        assert_eq!(first, partition, "{}", String::from_utf8_lossy(&key));
    }
    all
}

fn written(topic: &str) -> BTreeMap<Vec<u8>, i32> {
    partitions(read_bytes(topic).into_iter().map(|(at, key, _)| (at, key.expect("a key"))))
}

#[test]
fn messages_of_a_customer_are_in_one_partition() {
    let database = delivered(MessageFormat::Json);
    for table in ["orders", "events"] {
        let topic = format!("{database}-{table}");
        let keys = written(&topic);
        assert_eq!(keys.len() as u64, CUSTOMERS + 1);
        assert!(keys.values().collect::<BTreeSet<_>>().len() > 1);
        assert!(
            keys.contains_key(br#"["7"]"#.as_slice()) && keys.contains_key(b"[null]".as_slice())
        );
        let seen = read_topic(&topic);
        // The row's own key is still told.
        let names = if table == "orders" { json!(["id"]) } else { json!([]) };
        assert!(seen.iter().all(|one| one.value["pkNames"] == names));
        let of_row = |one: &&Seen| {
            let row =
                if one.value["data"].is_null() { &one.value["old"] } else { &one.value["data"] };
            row[0]["id"] == "7" && one.value["type"] != "INIT"
        };
        let story: Vec<(Value, Option<String>)> = seen
            .iter()
            .filter(of_row)
            .map(|one| (one.value["type"].clone(), one.key.clone()))
            .collect();
        let told = |kind: &str, key: &str| story.contains(&(kind.into(), Some(key.to_owned())));
        assert_eq!(story.len(), 3, "{story:?}");
        assert!(
            told("UPDATE", r#"["7"]"#) && told("DELETE", r#"["7"]"#) && told("INSERT", r#"["8"]"#)
        );
    }
}

#[test]
fn keys_of_other_formats_have_the_chosen_columns() {
    for (format, key, none) in [
        (MessageFormat::Debezium, r#"{"customer":7}"#, r#"{"customer":null}"#),
        (MessageFormat::Maxwell, r#""pk.customer":7}"#, r#""pk.customer":null}"#),
        (MessageFormat::Canal, r#"["7"]"#, "[null]"),
    ] {
        let database = delivered(format);
        for table in ["orders", "events"] {
            let keys = written(&format!("{database}-{table}"));
            assert_eq!(keys.len() as u64, CUSTOMERS + 1, "{format:?}");
            let has = |end: &str| keys.keys().any(|key| key.ends_with(end.as_bytes()));
            assert!(has(key) && has(none), "{format:?}");
        }
    }
    let database = delivered(MessageFormat::Avro);
    assert_eq!(written(&format!("{database}-events")).len() as u64, CUSTOMERS + 1);
}
