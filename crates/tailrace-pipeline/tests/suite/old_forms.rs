//! What servers before MySQL 5.6.4 write and say, by a MariaDB that is told to do so: times in their old form, no checksums, no
//! names in the log, the old name of the log's state, `mysql_native_password`.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mariadb::MariaDbOptions;

use crate::compare::compared;
use crate::support::{Server, read_topic, spec_at, start, unique};

const ROWS: [&str; 4] = [
    "'00:00:00', '1000-01-01 00:00:00', '1970-01-01 00:00:01', 0, 'plain'",
    "'838:59:59', '9999-12-31 23:59:59', '2038-01-19 03:14:07', 2155, 'gr\u{f6}\u{df}e'",
    "'-838:59:59', '0000-00-00 00:00:00', NULL, 1901, NULL",
    "'-00:00:01', '2024-02-29 12:34:56', '2024-02-29 12:34:56', 2024, ''",
];

fn insert(database: &str, first: usize) -> String {
    let rows: Vec<String> =
        ROWS.iter().enumerate().map(|(n, row)| format!("({}, {row})", first + n)).collect();
    format!(
        "SET NAMES utf8mb4; SET SESSION time_zone = '+00:00', sql_mode = ''; INSERT INTO {database}.old VALUES {}",
        rows.join(", ")
    )
}

#[test]
fn times_of_old_servers_are_read_from_tables_and_from_the_log() {
    let old =
        ["--mysql56-temporal-format=OFF", "--binlog-checksum=NONE", "--binlog-row-metadata=NO_LOG"];
    let server = Server::mariadb(MariaDbOptions {
        extra: old.map(str::to_owned).into(),
        ..MariaDbOptions::default()
    });
    let database = unique("old");
    server.sql(&format!(
        "CREATE DATABASE {database};
         CREATE TABLE {database}.old (id INT PRIMARY KEY, t TIME, d DATETIME, s TIMESTAMP NULL, y YEAR,
           name VARCHAR(20) CHARACTER SET utf8);
         CREATE USER them IDENTIFIED VIA mysql_native_password USING PASSWORD('secret-5');
         GRANT ALL ON *.* TO them; {}",
        insert(&database, 1)
    ));
    let mut spec = spec_at(&server.login(), &database);
    (spec.source.user, spec.source.password) = ("them".to_owned(), "secret-5".to_owned().into());
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    server.sql(&insert(&database, 11));
    server.sql(&format!(
        "UPDATE {database}.old SET y = 2000 WHERE id = 12; DELETE FROM {database}.old WHERE id = 13"
    ));
    job.wait_until("changes", |job| job.counters.deletes.load(Ordering::Relaxed) == 1);
    for one in compared(&spec, None).expect("a comparison") {
        assert_eq!(one.outcome, CompareOutcome::Consistent, "{one:?}");
        assert_eq!(one.source_rows, 7);
    }
    job.stop().expect("a clean stop");
    let seen = read_topic(&format!("{database}-old"));
    let rows = |kind: &str| -> Vec<Value> {
        let of_kind = seen.iter().filter(|one| one.value["type"] == kind);
        of_kind
            .map(|one| {
                let mut row = one.value["data"][0].clone();
                row["id"].take();
                row
            })
            .collect()
    };
    assert_eq!(rows("INIT"), rows("INSERT"));
    assert_eq!(rows("INIT")[1]["t"], "838:59:59");
    assert_eq!(rows("INIT")[1]["name"], json!("gr\u{f6}\u{df}e"));
    assert_eq!(rows("INIT")[2]["d"], "0000-00-00 00:00:00");
}

/// MariaDB's old times with fractions are in a form of its own, which its log does not tell.
#[test]
fn old_times_with_fractions_are_a_named_stop() {
    let server = Server::mariadb(MariaDbOptions {
        extra: vec!["--mysql56-temporal-format=OFF".to_owned()],
        ..MariaDbOptions::default()
    });
    let database = unique("old");
    server.sql(&format!(
        "CREATE DATABASE {database}; CREATE TABLE {database}.old (id INT PRIMARY KEY, t TIME(3), d DATETIME(6));
         INSERT INTO {database}.old VALUES (1, '-01:02:03.456', '2024-02-29 12:34:56.000001')"
    ));
    let spec = spec_at(&server.login(), &database);
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    server.sql(&format!(
        "INSERT INTO {database}.old VALUES (2, '-01:02:03.456', '2024-02-29 12:34:56.000001')"
    ));
    let error = job.end().map(drop).expect_err("a form that the log does not tell");
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{error}");
    assert!(error.message().contains("OldTime"), "{error}");
}
