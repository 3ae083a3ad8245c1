//! Tables that are read beside the stream: added to a job that runs, and read again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use serde_json::Value;
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::{JobSpec, Reread, SelectedDatabase};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::env;
use tailrace_testkit::servers::mysql::MySqlOptions;
use tailrace_testkit::sql::Login;

use crate::mariadb::{consumed, ends_equal};
use crate::support::{Server, mysql, read_topic, spec_at, start, unique};

const ROWS: u64 = 4_000;
/// Rounds of a writer, so that a job that is held back catches up in the end.
const ROUNDS_MAX: u64 = 1_500;

/// A job over some tables of a database.
fn job(login: &Login, database: &str, tables: &[&str]) -> JobSpec {
    let mut spec = spec_at(login, database);
    let tables = Some(tables.iter().map(|&table| table.to_owned()).collect());
    spec.selection.databases = vec![SelectedDatabase { name: database.to_owned(), tables }];
    spec
}

fn whole(id: &str, database: &str, table: &str) -> Reread {
    Reread {
        id: id.to_owned(),
        database: database.to_owned(),
        table: table.to_owned(),
        condition: None,
    }
}

/// Tables `a` (with a key) and `b` (with a key of text, or none) full of rows.
fn tables(login: &Login, database: &str, key_of_b: &str) {
    let rows: Vec<String> = (1..=ROWS).map(|id| format!("({id}, 0)")).collect();
    let rows = rows.join(", ");
    login
        .query(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE a (id INT PRIMARY KEY, version INT); INSERT INTO a VALUES (1, 0);
             CREATE TABLE b (id INT NOT NULL, version INT, pad CHAR(100) DEFAULT 'x'{key_of_b});
             INSERT INTO b (id, version) VALUES {rows}"
        ))
        .expect("tables");
}

/// Changes of `b` until told to stop, or for long enough: rows change, come, go and change their key.
fn write(login: &Login, database: &str, stop: &AtomicBool) {
    let mut session = login.session().expect("a session");
    session.query(&format!("USE {database};")).expect("a database");
    for round in 1..=ROUNDS_MAX {
        if stop.load(Relaxed) {
            return;
        }
        let id = round * 7919 % ROWS + 1;
        let new = ROWS + round;
        session
            .query(&format!(
                "UPDATE b SET version = version + 1 WHERE id BETWEEN {id} AND {id} + 3;
                 BEGIN; INSERT INTO b (id, version) VALUES ({new}, 1); DELETE FROM b WHERE id = {} ; COMMIT;
                 UPDATE b SET id = {new} + 1000000, version = version + 1 WHERE id = {};
                 UPDATE a SET version = version + 1;",
                new - 7,
                (id + 17) % ROWS + 1,
            ))
            .expect("a write");
    }
}

/// Adds `b` to a job that follows `a`, while both change, with a restart in the midst; they end equal.
fn added_under_load(login: &Login, key_of_b: &str, limits: impl Fn(&mut JobSpec)) {
    let database = unique("beside");
    tables(login, &database, key_of_b);
    let mut spec = job(login, &database, &["a"]);
    limits(&mut spec);
    let mut first = start(&spec);
    first.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    first.stop().expect("a clean stop");

    let added = job(login, &database, &["a", "b"]);
    spec.selection = added.selection;
    spec.rereads = vec![whole("one", &database, "b")];
    // The stream is behind when the first view is opened.
    let behind = format!("UPDATE {database}.b SET version = version + 1 WHERE id % 2 = 0;");
    login.query(&behind.repeat(40)).expect("changes");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(login, &database, &stop));
        let mut job = start(&spec);
        let quarter = ROWS / 4;
        job.wait_until("rows", |job| {
            job.counters.snapshot_rows.load(Relaxed) > quarter || job.recorder.has_reread("one")
        });
        // The stream goes on meanwhile.
        let updates = job.counters.updates.load(Relaxed);
        job.wait_until("changes beside them", |job| {
            job.counters.updates.load(Relaxed) > updates || job.recorder.has_reread("one")
        });
        job.stop().expect("a clean stop");
        let mut job = start(&spec);
        job.wait_until("all rows", |job| job.recorder.has_reread("one"));
        stop.store(true, Relaxed);
        writer.join().expect("the writer");
        // What follows the last change is delivered behind it.
        login.query(&format!("INSERT INTO {database}.a VALUES (2, 0)")).expect("the last change");
        job.wait_until("the last change", |job| {
            job.counters.inserts.load(Relaxed) > 0 && {
                let seen = read_topic(&format!("{database}-a"));
                seen.iter().any(|message| message.value["data"][0]["id"] == "2")
            }
        });
        job.stop().expect("a clean stop");
    });
    ends_equal(login, &database, "a");
    ends_equal(login, &database, "b");
    // Once more it is not read.
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    job.stop().expect("a clean stop");
    let rows = read_topic(&format!("{database}-b")).len();
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    job.stop().expect("a clean stop");
    assert_eq!(read_topic(&format!("{database}-b")).len(), rows);
}

/// Small chunks and pieces, and views that are renewed all the time.
fn in_small_pieces(spec: &mut JobSpec) {
    spec.limits.chunk_rows_max = 100;
    spec.limits.batch_bytes_max = 8 << 10;
    spec.limits.snapshot_view_age_max = Duration::from_millis(30);
    spec.limits.snapshot_share_percent_max = 100;
}

#[test]
fn a_table_that_is_added_under_load_ends_equal() {
    added_under_load(&mysql(), ", PRIMARY KEY (id)", in_small_pieces);
}

#[test]
fn more_changes_than_may_be_remembered_renew_the_view() {
    added_under_load(&mysql(), ", PRIMARY KEY (id)", |spec| {
        in_small_pieces(spec);
        spec.limits.window_keys_max = 20;
        spec.limits.snapshot_view_age_max = Duration::from_secs(600);
    });
}

#[test]
fn rows_wait_until_the_log_is_read_as_far_as_their_view() {
    added_under_load(&mysql(), ", PRIMARY KEY (id)", |spec| {
        in_small_pieces(spec);
        // The stream lags behind every view that is opened.
        spec.limits.rows_per_second_max = Some(4_000);
    });
}

#[test]
fn a_table_without_a_key_is_added_whole() {
    added_under_load(&mysql(), "", in_small_pieces);
}

#[test]
fn a_table_is_added_where_the_source_has_no_gtids() {
    let options = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"].map(str::to_owned);
    let server = Server::mysql(MySqlOptions { extra: options.into(), ..MySqlOptions::default() });
    added_under_load(&server.login(), ", PRIMARY KEY (id)", in_small_pieces);
}

#[test]
fn a_table_is_added_on_mariadb() {
    let login = env::mariadb().expect("the shared MariaDB");
    added_under_load(&login, ", PRIMARY KEY (id)", in_small_pieces);
}

#[test]
fn a_range_is_read_again() {
    let (database, sql) = (unique("again"), mysql());
    tables(&sql, &database, ", PRIMARY KEY (id)");
    let mut spec = job(&sql, &database, &["b"]);
    let mut first = start(&spec);
    first.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    first.stop().expect("a clean stop");
    let before = read_topic(&format!("{database}-b")).len();
    assert_eq!(before as u64, ROWS);

    let condition = |text: &str| Some(text.to_owned());
    spec.rereads = vec![
        Reread { condition: condition("id BETWEEN 10 AND 12"), ..whole("range", &database, "b") },
        whole("gone", &database, "b"),
    ];
    spec.rereads[1].table = "c".into();
    spec.selection.databases[0].tables.as_mut().unwrap().push("c".into());
    let mut job = start(&spec);
    job.wait_until("the range", |job| {
        job.recorder.has_reread("range") && job.recorder.has_reread("gone")
    });
    assert!(job.recorder.log().iter().any(|line| line.contains("c is not in the source")));
    // The stream goes on behind it.
    sql.query(&format!("DELETE FROM {database}.b WHERE id = 11")).expect("a change");
    job.wait_until("the change", |job| job.counters.deletes.load(Relaxed) == 1);
    job.stop().expect("a clean stop");
    let seen: Vec<(Value, Value)> = read_topic(&format!("{database}-b"))
        .into_iter()
        .skip(before)
        .map(|m| {
            let image = if m.value["type"] == "DELETE" { "old" } else { "data" };
            (m.value["type"].clone(), m.value[image][0]["id"].clone())
        })
        .collect();
    let seen: Vec<String> = seen.iter().map(|(kind, id)| format!("{kind} {id}")).collect();
    let ids = ["\"INIT\" \"10\"", "\"INIT\" \"11\"", "\"INIT\" \"12\"", "\"DELETE\" \"11\""];
    assert_eq!(seen, ids);
    assert_eq!(consumed(&read_topic(&format!("{database}-b"))).len() as u64, ROWS - 1);

    for (condition, kind, word) in [
        ("id >", ErrorKind::Configuration, "the filter"),
        ("gone = 1", ErrorKind::SchemaMismatch, "no column `gone`"),
    ] {
        spec.rereads = vec![Reread {
            condition: Some(condition.to_owned()),
            ..whole(condition, &database, "b")
        }];
        let error = start(&spec).end().expect_err("a condition that does not fit");
        assert_eq!(error.kind(), kind);
        assert!(error.message().contains(word), "{}", error.message());
    }
}

#[test]
fn definitions_that_change_meanwhile_renew_the_view() {
    let (database, sql) = (unique("altered"), mysql());
    tables(&sql, &database, ", PRIMARY KEY (id)");
    let mut spec = job(&sql, &database, &["a", "b"]);
    in_small_pieces(&mut spec);
    spec.limits.rows_per_second_max = Some(1_500);
    spec.rereads = vec![whole("one", &database, "b")];
    let mut job = start(&spec);
    job.wait_until("the first rows again", |job| {
        job.recorder.has_reached(Phase::Incremental)
            && job.counters.snapshot_rows.load(Relaxed) > ROWS + 200
    });
    sql.query(&format!(
        "USE {database}; ALTER TABLE b ADD more INT DEFAULT 5; UPDATE b SET version = 9 WHERE id = {ROWS}"
    ))
    .expect("another definition");
    job.wait_until("all rows", |job| job.recorder.has_reread("one"));
    job.stop().expect("a clean stop");
    let rows: BTreeMap<String, Value> = consumed(&read_topic(&format!("{database}-b")));
    assert_eq!(rows[&ROWS.to_string()]["version"], "9");
    assert_eq!(rows[&(ROWS - 1).to_string()]["more"], "5");
    ends_equal(&sql, &database, "b");
}
