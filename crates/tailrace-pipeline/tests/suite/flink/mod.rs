//! Flink's own readers of changes make the source's tables of what a job writes.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::Relaxed;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tailrace_pipeline::job::{
    DebeziumModes, JobSpec, MessageFormat, RegistryEndpoint, TopicPolicy,
};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::env;
use tailrace_testkit::provision::jars::Jars;

use crate::support::{mysql, read_bytes, spec, start, unique};

/// Rows of a changelog, as Flink prints them: the kind, and the columns.
fn changelog(format: &str, registry: &str, messages: &[Vec<u8>]) -> Vec<(String, Vec<String>)> {
    let jars = Jars::flink().expect("Flink's formats");
    let source =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/suite/flink/ChangelogReader.java");
    let mut reader = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp", jars.class_path()])
        .arg(source)
        .args([format, registry])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("java");
    let mut lines = String::new();
    for message in messages {
        lines.push_str(&BASE64_STANDARD.encode(message));
        lines.push('\n');
    }
    // The few lines fit into a pipe that nobody reads yet.
    reader.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("its input");
    let output = reader.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{format}: {said}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let row = |line: &str| {
        let (kind, columns) = line.split_once('\u{1f}').expect("a kind");
        (kind.to_owned(), columns.split('\u{1f}').map(str::to_owned).collect())
    };
    text.lines().map(row).collect()
}

/// The table that a changelog makes. What it takes back must be there exactly so.
fn applied(changelog: Vec<(String, Vec<String>)>) -> BTreeMap<String, Vec<String>> {
    let mut table = BTreeMap::new();
    for (kind, row) in changelog {
        match kind.as_str() {
            "+I" | "+U" => assert_eq!(table.insert(row[0].clone(), row.clone()), None, "{row:?}"),
            "-U" | "-D" => assert_eq!(table.remove(&row[0]), Some(row)),
            other => panic!("a row of kind {other}"),
        }
    }
    table
}

/// Changes of all kinds: of the key, to and from NULL, of nothing, characters of four bytes.
const CHANGES: [&str; 8] = [
    "INSERT INTO item VALUES (10, 'pen', 1.50, '2026-11-25 12:34:56.789'), (11, NULL, NULL, NULL)",
    "INSERT INTO item VALUES (12, 'ünï 😀 \\t \"quoted\"', -99999999.99, '1999-12-31 23:59:59.001')",
    "UPDATE item SET name = 'pencil', price = 0.01 WHERE id = 10",
    "UPDATE item SET name = '', price = 7, at = '2000-02-29 00:00:00' WHERE id = 11",
    "UPDATE item SET price = NULL WHERE id = 12",
    "UPDATE item SET id = 20 WHERE id = 12",
    "DELETE FROM item WHERE id = 11",
    "INSERT INTO item VALUES (-9223372036854775808, 'last', 0.00, '2026-01-01 00:00:00.5')",
];

/// Runs a job over a table with these rows and the changes; gives its messages and what the table then is.
fn messages(
    format: MessageFormat,
    rows: &str,
    change: impl Fn(&mut JobSpec),
) -> (String, Vec<Vec<u8>>) {
    let database = unique("flink");
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE item (id BIGINT PRIMARY KEY, name VARCHAR(60), price DECIMAL(10,2), at DATETIME(3));
             {rows}"
        ))
        .expect("a table");
    let mut spec = spec(&database);
    spec.policy.format = format;
    spec.policy.topic = TopicPolicy::PerTable(format!("{database}-$tablename$"));
    change(&mut spec);
    let mut job = start(&spec);
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    mysql().query(&format!("USE {database}; {}; CREATE TABLE end_ (id INT PRIMARY KEY); INSERT INTO end_ VALUES (1)", CHANGES.join("; "))).expect("changes");
    job.wait_until("all changes", |job| {
        job.counters.transactions.load(Relaxed) > CHANGES.len() as u64
    });
    job.stop().expect("a clean stop");
    let written = read_bytes(&format!("{database}-item"));
    (database, written.into_iter().filter_map(|(_, _, value)| value).collect())
}

/// The table as MySQL has it; `at` in the form that the reader has.
fn table(database: &str, at: &str) -> BTreeMap<String, Vec<String>> {
    let rows = mysql()
        .query(&format!(
            "SELECT id, COALESCE(name, 'null'), COALESCE(price, 'null'), COALESCE({at}, 'null') FROM {database}.item"
        ))
        .expect("rows");
    rows.into_iter().map(|row| (row[0].clone(), row)).collect()
}

/// A time as Java prints it: no seconds that are zero, three digits if there are any.
fn as_java(table: BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let time = |text: &str| {
        let text = text.replace(' ', "T");
        let text = text.strip_suffix(".000").unwrap_or(&text).to_owned();
        text.strip_suffix(":00").filter(|rest| rest.len() > 13).unwrap_or(&text).to_owned()
    };
    table
        .into_iter()
        .map(|(key, mut row)| {
            row[3] = time(&row[3]);
            (key, row)
        })
        .collect()
}

const ROWS: &str =
    "INSERT INTO item VALUES (1, 'one', 1.00, '2026-11-25 01:02:03.004'), (2, NULL, NULL, NULL);";
/// Milliseconds since 1970, as Debezium tells a DATETIME(3).
const EPOCH_MS: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', at) DIV 1000";

#[test]
fn flink_reads_canal() {
    let (database, messages) = messages(MessageFormat::Canal, ROWS, |_| {});
    assert_eq!(applied(changelog("canal", "", &messages)), as_java(table(&database, "at")));
}

/// Flink's reader does not know Maxwell's rows of a full phase.
#[test]
fn flink_reads_maxwell() {
    let (database, messages) = messages(MessageFormat::Maxwell, "", |_| {});
    assert_eq!(applied(changelog("maxwell", "", &messages)), as_java(table(&database, "at")));
}

#[test]
fn flink_reads_debezium() {
    let (database, messages) = messages(MessageFormat::Debezium, ROWS, |spec| {
        spec.policy.debezium = DebeziumModes::parse("decimal.handling.mode=string").expect("modes");
    });
    assert_eq!(applied(changelog("debezium", "", &messages)), table(&database, EPOCH_MS));
}

#[test]
fn flink_reads_avro() {
    let registry = env::registry().expect("the shared schema registry");
    let (database, messages) = messages(MessageFormat::Avro, ROWS, |spec| {
        spec.registry = Some(RegistryEndpoint {
            url: registry.clone(),
            user: None,
            password: None,
            ca_pem: None,
        });
    });
    assert_eq!(applied(changelog("avro", &registry, &messages)), table(&database, EPOCH_MS));
}
