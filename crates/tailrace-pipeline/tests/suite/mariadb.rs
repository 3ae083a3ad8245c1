//! Jobs over a real MariaDB.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::{JobSpec, StartPosition, TaskType};
use tailrace_pipeline::observe::{Counters, Phase};
use tailrace_pipeline::precheck::{CheckResult, run};
use tailrace_testkit::env;
use tailrace_testkit::servers::mariadb::{MariaDbOptions, Release};
use tailrace_testkit::sql::Login;
use tailrace_testkit::wait;

use crate::support::{PATIENCE, Seen, Server, read_topic, spec_at, start, unique};

fn shared() -> Login {
    env::mariadb().expect("the shared MariaDB")
}

/// A 11.8 of a test's own.
fn newest(extra: &[&str]) -> Server {
    Server::mariadb(MariaDbOptions {
        release: Release::V11_8,
        extra: extra.iter().map(|&word| word.to_owned()).collect(),
        ..MariaDbOptions::default()
    })
}

fn query(login: &Login, statements: &str) -> Vec<Vec<String>> {
    login.query(statements).expect("the statements")
}

/// Rows as a consumer ends with them, by id; fails if a message came twice or a row went back.
pub(crate) fn consumed(messages: &[Seen]) -> BTreeMap<String, serde_json::Value> {
    let mut rows = BTreeMap::new();
    let mut ids = std::collections::HashSet::new();
    for message in messages {
        let value = &message.value;
        assert!(ids.insert(value["id"].as_u64().unwrap()), "twice: {message:?}");
        let is_delete = value["type"] == "DELETE";
        if value["type"] == "UPDATE" && value["old"][0]["id"] != value["data"][0]["id"] {
            rows.remove(value["old"][0]["id"].as_str().unwrap());
        }
        for row in value[if is_delete { "old" } else { "data" }].as_array().unwrap() {
            let id = row["id"].as_str().unwrap().to_owned();
            if is_delete {
                rows.remove(&id);
                continue;
            }
            let version = |row: &serde_json::Value| -> u64 {
                row["version"].as_str().map_or(0, |text| text.parse().unwrap())
            };
            if let Some(old) = rows.get(&id) {
                assert!(version(old) <= version(row), "back in time: {old} and {row}");
            }
            rows.insert(id, row.clone());
        }
    }
    rows
}

pub(crate) fn ends_equal(login: &Login, database: &str, table: &str) {
    let expected = query(login, &format!("SELECT id, version FROM {database}.{table}"));
    let rows = consumed(&read_topic(&format!("{database}-{table}")));
    let seen: Vec<Vec<String>> = rows
        .values()
        .map(|row| ["id", "version"].map(|c| row[c].as_str().unwrap().to_owned()).to_vec())
        .collect();
    let sorted = |mut rows: Vec<Vec<String>>| {
        rows.sort();
        rows
    };
    assert_eq!(sorted(seen), sorted(expected), "{table}");
}

/// Full phase and changes beside it, over tables with a key and without, with a restart in between.
#[test]
fn a_job_under_load_ends_equal() {
    ends_equal_under_load(&shared());
}

#[test]
fn a_job_under_load_ends_equal_on_11_8() {
    ends_equal_under_load(&newest(&[]).login());
}

fn ends_equal_under_load(login: &Login) {
    let database = unique("maria");
    query(
        login,
        &format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE a (id INT PRIMARY KEY, version INT, u UUID DEFAULT UUID(), pad VARCHAR(200));
             CREATE TABLE b (id BIGINT, version INT, KEY (id));
             INSERT INTO a (id, version, pad) SELECT seq, 0, REPEAT('x', 200) FROM seq_1_to_20000;
             INSERT INTO b SELECT seq, 0 FROM seq_1_to_500;"
        ),
    );
    let mut spec = spec_at(login, &database);
    spec.limits.chunk_rows_max = 1_000;
    let stop = AtomicBool::new(false);
    // So that there is a middle to stop it in.
    spec.limits.rows_per_second_max = Some(4_000);
    std::thread::scope(|scope| {
        let mut job = start(&spec);
        job.wait_until("rows", |j| j.counters.snapshot_rows.load(Ordering::Relaxed) > 0);
        // All that is written from now on is a change.
        let writers: Vec<_> = (0..2_u64)
            .map(|writer| {
                let (login, database, stop) = (login, &database, &stop);
                scope.spawn(move || write(login, database, writer, stop))
            })
            .collect();
        job.wait_until("rows", |j| j.counters.snapshot_rows.load(Ordering::Relaxed) > 4_000);
        let before = std::sync::Arc::clone(&job.counters);
        job.stop().expect("a clean stop");
        spec.limits.rows_per_second_max = None;
        let mut job = start(&spec);
        job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
        job.wait_until("changes", |j| j.counters.updates.load(Ordering::Relaxed) > 200);
        stop.store(true, Ordering::Relaxed);
        let written: u64 = writers.into_iter().map(|writer| writer.join().expect("a writer")).sum();
        job.wait_until("the last change", |j| {
            let inserts = |counters: &Counters| counters.inserts.load(Ordering::Relaxed);
            inserts(&before) + inserts(&j.counters) == written
        });
        job.stop().expect("a clean stop");
    });
    ends_equal(login, &database, "a");
    ends_equal(login, &database, "b");
}

/// Transactions over both tables in several domains, until told to stop; gives the number of inserts.
fn write(login: &Login, database: &str, writer: u64, stop: &AtomicBool) -> u64 {
    let mut session = login.session().expect("a session");
    let mut run = |sql: &str| session.query(sql).map(drop).expect("a write");
    run(&format!("USE {database}; SET SESSION gtid_domain_id = {writer};"));
    for round in 1_u64.. {
        if stop.load(Ordering::Relaxed) {
            return round - 1;
        }
        // Every writer has rows of its own, so that domains do not depend on each other.
        let id = (round * 7919 % 6_000) * 3 + writer + 1;
        let new = 30_000 + round * 3 + writer;
        run(&format!(
            "BEGIN; UPDATE a SET version = version + 1 WHERE id = {id};
             INSERT INTO a (id, version) VALUES ({new}, 1);
             DELETE FROM a WHERE id = {};
             UPDATE b SET version = version + 1 WHERE id = {};
             COMMIT;",
            new.saturating_sub(12),
            writer + 1 + round % 160 * 3
        ));
    }
    0
}

fn types(messages: &[Seen]) -> Vec<String> {
    messages
        .iter()
        .map(|m| format!("{} {}", m.value["type"].as_str().unwrap(), m.value["data"][0]))
        .collect()
}

/// Definitions that change, in the forms in which only MariaDB logs them.
#[test]
fn definitions_are_followed() {
    let extra = TWO_PHASE.map(str::to_owned).to_vec();
    follow_definitions(&Server::mariadb(MariaDbOptions { extra, ..MariaDbOptions::default() }));
}

#[test]
fn definitions_are_followed_on_11_8() {
    follow_definitions(&newest(&TWO_PHASE));
}

/// Its log has generated columns of new rows only: a changed row is named, before the job and when it comes.
#[test]
fn generated_columns_of_11_8_stop_by_name() {
    let server = newest(&[]);
    let database = unique("maria");
    server.sql(&format!(
        "CREATE DATABASE {database}; CREATE TABLE {database}.g (id INT PRIMARY KEY, v INT, w INT AS (v + 1) STORED);
         INSERT INTO {database}.g (id, v) VALUES (1, 1);"
    ));
    let spec = spec_at(&server.login(), &database);
    let items = run(&spec);
    let item = items.iter().find(|item| item.item == "srcMariaDbGeneratedColumnCheck");
    let item = item.expect("an item");
    assert_eq!(item.result, CheckResult::Alarm);
    assert!(item.reason.ends_with(&format!(": {database}.g")), "{item:?}");
    let mut job = start(&spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    server.sql(&format!(
        "INSERT INTO {database}.g (id, v) VALUES (2, 2); UPDATE {database}.g SET v = 3 WHERE id = 2;"
    ));
    let error = job.end().expect_err("a row without its generated column");
    assert_eq!(error.kind(), ErrorKind::SourceSetting);
    assert!(error.message().contains("generated columns"), "{error}");
    let seen = read_topic(&format!("{database}-g"));
    assert_eq!(seen.len(), 2, "what came before is delivered: {seen:?}");
}

const TWO_PHASE: [&str; 2] = ["--binlog-alter-two-phase=ON", "--log-bin-compress=ON"];

fn follow_definitions(server: &Server) {
    let database = unique("maria");
    server.sql(&format!(
        "CREATE DATABASE {database}; USE {database};
         CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20)); INSERT INTO t VALUES (1, 'one');"
    ));
    let mut job = start(&spec_at(&server.login(), &database));
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    // The last statement fails: its begin is in the log, and that it was given up.
    let failed = server.login().query(&format!(
        "USE {database};
         INSERT INTO t VALUES (2, 'two');
         ALTER TABLE t ADD COLUMN u UUID FIRST, ALGORITHM = COPY;
         INSERT INTO t VALUES ('01020304-0506-1708-890a-0b0c0d0e0f10', 3, 'three');
         SET SESSION sql_mode = 'ANSI_QUOTES'; ALTER TABLE \"t\" RENAME COLUMN \"a\" TO \"b\";
         SET SESSION sql_mode = ''; SET SESSION gtid_domain_id = 9;
         INSERT INTO t VALUES (NULL, 4, 'four');
         CREATE TABLE s (i INET6) SELECT 5 AS id, b FROM t WHERE id = 1;
         CREATE TABLE plain AS SELECT id FROM t;
         ALTER TABLE t ADD CONSTRAINT bad CHECK (id < 0);"
    ));
    assert!(failed.is_err());
    job.wait_until("the last", |j| j.counters.inserts.load(Ordering::Relaxed) == 8);
    job.stop().unwrap();
    assert_eq!(
        types(&read_topic(&format!("{database}-t"))),
        [
            r#"INIT {"a":"one","id":"1"}"#,
            r#"INSERT {"a":"two","id":"2"}"#,
            r#"INSERT {"a":"three","id":"3","u":"01020304-0506-1708-890a-0b0c0d0e0f10"}"#,
            r#"INSERT {"b":"four","id":"4","u":null}"#,
        ]
    );
    assert_eq!(
        types(&read_topic(&format!("{database}-s"))),
        [r#"INSERT {"b":"one","i":null,"id":"5"}"#]
    );
    assert_eq!(read_topic(&format!("{database}-plain")).len(), 4);
}

/// Texts of random values, some of them with many zero bytes, are those that the server prints. It makes
/// NULL of what it takes for no UUID.
#[test]
fn uuids_and_addresses_read_as_the_server_prints_them() {
    read_as_printed(&shared());
}

#[test]
fn uuids_and_addresses_read_as_11_8_prints_them() {
    read_as_printed(&newest(&[]).login());
}

fn read_as_printed(login: &Login) {
    const ROWS: usize = 3_000;
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut bytes = |length: usize| -> String {
        let zeros: f64 = random.random();
        (0..length)
            .map(|_| if random.random_bool(zeros) { 0_u8 } else { random.random() })
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    let rows: Vec<String> = (0..ROWS)
        .map(|id| {
            let (u, v, w) = (bytes(16), bytes(16), bytes(4));
            let dashed = [&u[..8], &u[8..12], &u[12..16], &u[16..20], &u[20..]].join("-");
            format!("({id}, '{dashed}', CAST(x'{v}' AS INET6), CAST(x'{w}' AS INET4))")
        })
        .collect();
    let database = unique("maria");
    let (first, second) = rows.split_at(ROWS / 2);
    query(
        login,
        &format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE t (id INT PRIMARY KEY, u UUID, v INET6, w INET4);
             INSERT IGNORE INTO t VALUES {};",
            first.join(",")
        ),
    );
    let mut job = start(&spec_at(login, &database));
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    query(login, &format!("INSERT IGNORE INTO {database}.t VALUES {};", second.join(",")));
    let inserted = (ROWS - ROWS / 2) as u64;
    job.wait_until("rows", |j| j.counters.inserts.load(Ordering::Relaxed) == inserted);
    job.stop().unwrap();
    let expected = query(login, &format!("SELECT id, u, v, w FROM {database}.t"));
    assert_eq!(expected.len(), ROWS);
    let mut printed: BTreeMap<String, Vec<String>> =
        expected.into_iter().map(|row| (row[0].clone(), row)).collect();
    for message in read_topic(&format!("{database}-t")) {
        let row = &message.value["data"][0];
        let text: Vec<String> = ["id", "u", "v", "w"]
            .iter()
            .map(|c| row[*c].as_str().unwrap_or("NULL").to_owned())
            .collect();
        assert_eq!(printed.remove(&text[0]), Some(text), "{}", message.value["type"]);
    }
    assert!(printed.is_empty());
}

fn incremental(login: &Login, database: &str, gtids: &str) -> JobSpec {
    let mut spec = spec_at(login, database);
    spec.task = TaskType::Incremental;
    spec.start =
        Some(StartPosition { gtid_set: Some(gtids.into()), file: String::new(), offset: 4 });
    spec
}

/// A start by GTID begins right behind it; one whose log is gone, or never was, stops by name.
#[test]
fn a_gtid_position_is_found_or_named() {
    find_gtid_positions(&Server::mariadb(MariaDbOptions::default()));
}

#[test]
fn a_gtid_position_is_found_or_named_on_11_8() {
    find_gtid_positions(&newest(&[]));
}

fn find_gtid_positions(server: &Server) {
    let database = unique("maria");
    let position = || server.sql("SELECT @@GLOBAL.gtid_binlog_pos")[0][0].clone();
    server.sql(&format!(
        "CREATE DATABASE {database}; CREATE TABLE {database}.t (id INT PRIMARY KEY)"
    ));
    let first = position();
    server.sql(&format!("INSERT INTO {database}.t VALUES (1)"));
    let second = position();
    server.sql(&format!("INSERT INTO {database}.t VALUES (2)"));
    let spec = incremental(&server.login(), &database, &second);
    let mut job = start(&spec);
    job.wait_until("the change", |j| j.counters.inserts.load(Ordering::Relaxed) == 1);
    job.stop().unwrap();
    assert_eq!(types(&read_topic(&format!("{database}-t"))), [r#"INSERT {"id":"2"}"#]);

    server.sql(&format!(
        "FLUSH BINARY LOGS; INSERT INTO {database}.t VALUES (3); FLUSH BINARY LOGS;
         INSERT INTO {database}.t VALUES (4);"
    ));
    let newest = server.sql("SHOW MASTER STATUS")[0][0].clone();
    // A log that a job of before still holds open is not purged at once.
    wait::until("the purge", PATIENCE, || {
        server.sql(&format!("PURGE BINARY LOGS TO '{newest}'"));
        Ok((server.sql("SHOW BINARY LOGS").len() == 1).then_some(()))
    })
    .unwrap();
    for (gtids, reason) in [(first.as_str(), "GTID"), ("0-77-12345", "GTID")] {
        let error = start(&incremental(&server.login(), &database, gtids)).end().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PositionLost, "{error}");
        assert!(error.message().contains(reason), "{error}");
    }
    let mysql = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5";
    let error = start(&incremental(&server.login(), &database, mysql)).end().unwrap_err();
    assert!(error.message().contains("for MariaDB"), "{error}");
}

#[test]
fn prechecks_know_what_mariadb_has() {
    let login = shared();
    let database = unique("maria");
    query(
        &login,
        &format!("CREATE DATABASE {database}; CREATE TABLE {database}.t (id INT PRIMARY KEY)"),
    );
    let mut spec = spec_at(&login, &database);
    let not_passed = |spec: &JobSpec| -> Vec<(&str, CheckResult, String)> {
        let items = run(spec).into_iter().filter(|i| i.result != CheckResult::Passed);
        items.map(|i| (i.item, i.result, i.reason)).collect()
    };
    assert_eq!(not_passed(&spec), []);
    // It has names of its own for privileges.
    let reader = unique("reader");
    query(
        &login,
        &format!(
            "CREATE USER {reader} IDENTIFIED BY 'reader';
             GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO {reader};
             GRANT SELECT ON {database}.t TO {reader};"
        ),
    );
    let administrator = (spec.source.user.clone(), spec.source.password.clone());
    (spec.source.user, spec.source.password) = (reader, "reader".to_owned().into());
    assert_eq!(not_passed(&spec), []);
    (spec.source.user, spec.source.password) = administrator;
    query(
        &login,
        &format!(
            "CREATE TABLE {database}.kept (id INT PRIMARY KEY) WITH SYSTEM VERSIONING;
             CREATE TABLE {database}.kept_too (id INT PRIMARY KEY) WITH SYSTEM VERSIONING;"
        ),
    );
    spec.selection.databases[0].tables = Some(vec!["t".into(), "kept".into()]);
    let found = not_passed(&spec);
    let named = format!("{database}.kept");
    assert!(
        found.iter().any(|(item, result, reason)| *item == "srcSystemVersionedTableCheck"
            && *result == CheckResult::Failed
            && reason.ends_with(&named)),
        "{found:?}"
    );
    spec.task = TaskType::Incremental;
    let start = |gtids: &str| StartPosition {
        gtid_set: Some(gtids.into()),
        file: String::new(),
        offset: 4,
    };
    for (gtids, passes) in [("0-1-5,7-1-9", true), ("0-1", false), ("0-1-5,0-2-6", false)] {
        spec.start = Some(start(gtids));
        let found = not_passed(&spec);
        let named = found.iter().any(|(item, _, _)| *item == "gtidFormatCheck");
        assert_eq!(named, !passes, "{gtids}: {found:?}");
    }
}
