//! Prechecks against real servers.

use tailrace_pipeline::job::{JobSpec, TaskType};
use tailrace_pipeline::precheck::{CheckItem, CheckResult, run};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer, RowMetadata};

use crate::support::{mysql, spec, unique};

fn of<'i>(items: &'i [CheckItem], name: &str) -> Option<&'i CheckItem> {
    items.iter().find(|i| i.item == name)
}

fn bad(items: &[CheckItem]) -> Vec<&str> {
    items.iter().filter(|i| i.result != CheckResult::Passed).map(|i| i.item).collect()
}

fn at(server: &MySqlServer, database: &str) -> JobSpec {
    server
        .sql(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.item (id INT PRIMARY KEY);"
        ))
        .unwrap();
    let mut spec = spec(database);
    let login = server.login();
    (spec.source.port, spec.source.user) = (server.port(), login.user);
    spec.source.password = login.password.into();
    spec
}

#[test]
fn a_good_job_passes_and_a_missing_table_is_named() {
    let database = unique("check");
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.item (id INT PRIMARY KEY);"
        ))
        .unwrap();
    let mut spec = spec(&database);
    let items = run(&spec);
    assert_eq!(bad(&items), [""; 0], "{items:?}");
    assert!(of(&items, "kafkaSchemaHistoryTopicCheck").is_none(), "the log names columns");
    spec.selection.databases[0].tables = Some(vec!["item".into(), "no_such".into()]);
    let items = run(&spec);
    let failed = items.iter().find(|i| i.result == CheckResult::Failed).expect("a failed item");
    assert!(failed.reason.contains("no_such"), "{failed:?}");
    assert!(!failed.remedy.is_empty(), "{failed:?}");
}

/// Where the log does not name columns the job writes a second topic, which is checked like the first.
#[test]
fn a_schema_history_needs_its_topic() {
    let options = MySqlOptions { row_metadata: RowMetadata::Minimal, ..MySqlOptions::default() };
    let server = MySqlServer::start(options).unwrap();
    let mut spec = at(&server, &unique("check"));
    let items = run(&spec);
    assert_eq!(bad(&items), ["srcBinlogRowMetadataCheck"], "{items:?}");
    assert!(of(&items, "kafkaSchemaHistoryTopicCheck").is_some());
    // Too long with the suffix of the second topic only.
    spec.policy.progress_topic = "p".repeat(245);
    let items = run(&spec);
    let item = of(&items, "kafkaSchemaHistoryTopicCheck").unwrap();
    assert_eq!(item.result, CheckResult::Failed, "{items:?}");
}

#[test]
fn what_hinders_an_increment_does_not_hinder_rows_alone() {
    let server = MySqlServer::start(MySqlOptions {
        gtid: false,
        extra: vec!["--skip-log-bin".into()],
        ..MySqlOptions::default()
    })
    .unwrap();
    let mut spec = at(&server, &unique("check"));
    let failed: Vec<&str> =
        run(&spec).iter().filter(|i| i.result == CheckResult::Failed).map(|i| i.item).collect();
    assert!(failed.contains(&"srcDbBinlogIsOff"), "{failed:?}");
    spec.task = TaskType::Full;
    let items = run(&spec);
    assert!(items.iter().all(|i| i.result != CheckResult::Failed), "{items:?}");
}
