//! Columns that messages have and the source does not.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::job::{JobSpec, MessageFormat, RegistryEndpoint};
use tailrace_pipeline::mapping::{
    AddedColumn, AddedKind, DatabaseMapping, Operation, TableMapping,
};
use tailrace_testkit::env;

use crate::compare::{compared, running};
use crate::support::{mysql, read_topic, spec, unique};

fn column(operation: Operation, r#type: AddedKind, value: Option<&str>) -> AddedColumn {
    AddedColumn { operation, r#type, value: value.map(str::to_owned) }
}

fn added() -> BTreeMap<String, AddedColumn> {
    [
        ("a_made", column(Operation::CreateTime, AddedKind::Long, None)),
        ("b_changed", column(Operation::UpdateTime, AddedKind::Timestamp, None)),
        ("c_changed", column(Operation::UpdateTime, AddedKind::DateTime, None)),
        ("d_home", column(Operation::ServerDatabaseTable, AddedKind::Text, Some("eu-1"))),
        ("e_table", column(Operation::Expression, AddedKind::Text, None)),
        ("f_zone", column(Operation::DefaultValue, AddedKind::Int, Some("-7"))),
        (
            "g_since",
            column(Operation::DefaultValue, AddedKind::DateTime, Some("2024-02-29 01:02:03.25")),
        ),
        ("h_note", column(Operation::DefaultValue, AddedKind::ShortText, Some("Grüße \"x\""))),
    ]
    .map(|(name, column)| (name.to_owned(), column))
    .into()
}

fn job(database: &str, format: MessageFormat) -> JobSpec {
    let mut spec = spec(database);
    spec.policy.format = format;
    spec.selection.databases[0].tables = Some(vec!["item".to_owned()]);
    let mapping = TableMapping {
        target: Some("goods".to_owned()),
        columns: Some(["id", "n"].map(str::to_owned).into()),
        added: added(),
        ..TableMapping::default()
    };
    let tables = [("item".to_owned(), mapping)].into();
    let mapping = DatabaseMapping { target: None, tables };
    spec.mappings.databases.insert(database.to_owned(), mapping);
    if format == MessageFormat::Avro {
        let url = env::registry().expect("the shared schema registry");
        spec.registry = Some(RegistryEndpoint { url, user: None, password: None, ca_pem: None });
    }
    spec
}

/// Runs a job over changes; what a consumer ends with equals the source, in all that does not say when.
fn delivered(format: MessageFormat) -> String {
    let database = unique("added");
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE item (id INT PRIMARY KEY, left_out INT, n INT);
             INSERT INTO item VALUES (1, 0, 1), (2, 0, 2)"
        ))
        .expect("a table");
    let spec = job(&database, format);
    let job = running(&spec);
    mysql()
        .query(&format!(
            "USE {database}; SET timestamp = 1700000000.5; INSERT INTO item VALUES (3, 0, 3);
             SET timestamp = 1700000100.5; UPDATE item SET n = 4 WHERE id = 1;
             SET timestamp = 1700000200.5; DELETE FROM item WHERE id = 2"
        ))
        .expect("changes");
    for one in compared(&spec, None).expect("a comparison") {
        assert_eq!(one.outcome, CompareOutcome::Consistent, "{format:?}: {one:?}");
        assert_eq!(one.source_rows, 2);
    }
    job.stop().expect("a clean stop");
    database
}

#[test]
fn every_format_has_them_and_comparisons_leave_out_the_times() {
    for format in [
        MessageFormat::JsonC,
        MessageFormat::Debezium,
        MessageFormat::Canal,
        MessageFormat::Maxwell,
        MessageFormat::Avro,
    ] {
        delivered(format);
    }
}

#[test]
fn their_values_are_what_they_say() {
    let database = delivered(MessageFormat::Json);
    let seen = read_topic(&format!("{database}-goods"));
    let of = |kind: &str, field: &str| -> Vec<Value> {
        let messages = seen.iter().filter(|one| one.value["type"] == kind);
        messages.map(|one| one.value[field][0].clone()).collect()
    };
    let same = |row: &Value| {
        assert_eq!(row["d_home"], json!(format!("eu-1@{database}@item")));
        assert_eq!(row["e_table"], json!(format!("{database}@item")));
        assert_eq!(row["f_zone"], "-7");
        assert_eq!(row["g_since"], "2024-02-29 01:02:03.25");
        assert_eq!(row["h_note"], "Grüße \"x\"");
        assert!(row.get("left_out").is_none());
    };
    let read = of("INIT", "data");
    assert_eq!(read.len(), 2);
    for row in &read {
        same(row);
        let made: i64 = row["a_made"].as_str().and_then(|ms| ms.parse().ok()).expect("ms");
        assert!(made > 1_700_000_000_000, "{made}");
        assert_eq!(row["b_changed"], json!(format!("{}.000", made / 1000)), "{row}");
    }
    let inserted = &of("INSERT", "data")[0];
    same(inserted);
    // The log has the commit's microseconds, which `SET timestamp` does not set: the row says the commit.
    let es: i64 = seen
        .iter()
        .find(|one| one.value["type"] == "INSERT")
        .and_then(|one| one.value["es"].as_i64())
        .expect("es");
    assert_eq!(inserted["a_made"], json!(es.to_string()));
    let updated = &of("UPDATE", "data")[0];
    same(updated);
    assert_eq!((&updated["a_made"], &updated["n"]), (&Value::Null, &json!("4")));
    assert_ne!(updated["b_changed"], Value::Null);
    let deleted = &of("DELETE", "old")[0];
    same(deleted);
    assert_eq!(deleted["a_made"], Value::Null);
}
