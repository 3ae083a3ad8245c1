//! Tables that are added to a job that has run, and taken away from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use oracledb::Connection;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_codec::gaussdb::apply::Conflict;
use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::job::{Reread, TaskType};
use tailrace_pipeline::oracle_gaussdb::{self, OracleJob};
use tailrace_pipeline::run::{Part, StopSignal};
use tailrace_pipeline::{Ended, ErrorKind};
use tailrace_testkit::oracle::OracleServer;
use tailrace_testkit::wait;

use super::compare::compared;
use super::{LIMIT, Running, connect, job, run, server, start};
use crate::gaussdb;

const TABLES: [&str; 3] = ["A", "B", "C"];
/// Keys of each table.
const KEYS: i64 = 1500;
const WRITERS: usize = 2;

/// A server with tables that have rows.
fn filled() -> (OracleServer, Connection) {
    let server = server();
    let source = connect(&server);
    run(&source, &["ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS"]);
    for table in TABLES {
        let create = format!("CREATE TABLE {table} (id NUMBER(10) PRIMARY KEY, v VARCHAR2(40))");
        run(&source, &[&create]);
        let insert = format!("INSERT INTO {table} VALUES (:1, 'at first')");
        for id in 0..KEYS / 2 {
            source.execute(&insert, &[&(2 * id)]).expect("a row");
        }
    }
    run(&source, &["COMMIT"]);
    (server, source)
}

/// A job of some of the tables, of which the last ones were added.
fn of(server: &OracleServer, name: &str, tables: &[&str], added: &[&str]) -> OracleJob {
    let reread = |table: &&str| Reread {
        id: format!("edit/SHOP.{table}"),
        database: "SHOP".to_owned(),
        table: (*table).to_owned(),
        condition: None,
    };
    let mut job = job(server, name, &[tables, added].concat());
    job.rereads = added.iter().map(reread).collect();
    job.limits.chunk_rows_max = 50;
    job
}

/// One transaction of changes of several tables. Each writer has keys of its own, so that nobody waits for another's row.
fn transact(connection: &Connection, random: &mut StdRng, writer: usize) {
    for _ in 0..random.random_range(1..12) {
        let table = TABLES[random.random_range(0..TABLES.len())];
        let key = random.random_range(0..KEYS) / WRITERS as i64 * WRITERS as i64 + writer as i64;
        let text = format!("it's {}", random.random_range(0..1000));
        let (statement, binds): (_, [&dyn oracledb::ToDbValue; 2]) = match random.random_range(0..8)
        {
            0..3 => (format!("INSERT INTO {table} (id, v) VALUES (:1, :2)"), [&key, &text]),
            3..6 => (format!("UPDATE {table} SET v = :1 WHERE id = :2"), [&text, &key]),
            6 => (format!("DELETE FROM {table} WHERE id = :1 AND v <> :2"), [&key, &text]),
            _ => (format!("UPDATE {table} SET id = -id WHERE id = :1 AND v <> :2"), [&key, &text]),
        };
        // A duplicate key is refused, and nothing has happened.
        connection.execute(&statement, &binds).ok();
    }
    // The server may be gone, when the test has failed.
    match random.random_range(0..5) {
        0 => connection.rollback().ok(),
        _ => connection.commit().ok(),
    };
}

/// Writers that go on until they are told that it is over.
struct Writers {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

fn writers(server: &OracleServer, seed: u64) -> Writers {
    let over = Arc::new(AtomicBool::new(false));
    let writer = |number: usize| {
        let (connection, over) = (connect(server), Arc::clone(&over));
        let mut random = StdRng::seed_from_u64(seed + number as u64);
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                transact(&connection, &mut random, number);
            }
        })
    };
    let threads = (0..WRITERS).map(writer).collect();
    Writers { over, threads }
}

impl Writers {
    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a writer");
        }
    }
}

/// Rows of a table at the source as of an SCN.
fn source_rows(connection: &Connection, table: &str, scn: u64) -> BTreeMap<i64, String> {
    let sql = format!("SELECT id, v FROM {table} AS OF SCN {scn}");
    let rows = connection.query(&sql, &[]).expect("rows");
    rows.map(|row| {
        let row = row.expect("a row");
        (row.get(0).expect("an id"), row.get(1).expect("text"))
    })
    .collect()
}

/// The same of the target.
fn target_rows(job: &str, table: &str) -> BTreeMap<i64, String> {
    let (postgres, _) = gaussdb::shared();
    let rows = postgres.sql(&format!("SELECT id || '#' || v FROM {job}.{table}")).expect("rows");
    let row = |line: &str| {
        let (id, text) = line.split_once('#').expect("a row");
        (id.parse().expect("an id"), text.to_owned())
    };
    rows.lines().filter(|line| !line.is_empty()).map(row).collect()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

/// The SCN that a table has at the target; `None` if not all of its rows are there.
fn scn_of(job: &str, table: &str) -> Option<u64> {
    let (postgres, _) = gaussdb::shared();
    let record = postgres
        .sql(&format!(
            "SELECT p.position || '#' || coalesce(t.copied, '{{}}') FROM tailrace.tables t \
             JOIN tailrace.progress p ON p.job = t.job \
             WHERE t.table_name = 'SHOP.{table}' AND t.job IN ('{job}', '{job}+')"
        ))
        .expect("a record");
    let (position, copied) = record.trim().split_once('#')?;
    let (position, copied) = (json(position), json(copied));
    let scn = position["committed_scn"].as_u64().expect("an SCN");
    let is_copied = position["is_copied"] == true;
    let nothing_yet = position["committed"].as_array().expect("a list").is_empty();
    let scn = if nothing_yet { scn - 1 } else { scn };
    is_copied.then(|| scn.max(copied["own_scn"].as_u64().unwrap_or(0)))
}

/// Whether the job was stopped between two commits of its appliers, so that its rows have no one SCN.
fn is_apart(job: &str) -> bool {
    let (postgres, _) = gaussdb::shared();
    let apart = format!(
        "SELECT count(*) FROM tailrace.appliers a JOIN tailrace.progress p ON p.job = a.job \
         WHERE a.job = '{job}' AND a.position <> p.position"
    );
    postgres.sql(&apart).expect("a count").trim() != "0"
}

/// Whether each table of a job that rests is at the target what the source was at its SCN; how many could be looked at.
fn judge(source: &Connection, job: &OracleJob, about: &str) -> usize {
    if is_apart(&job.job_id) {
        println!("{about}: its appliers are apart");
        return job.tables.len();
    }
    let mut judged = 0;
    for choice in &job.tables {
        let Some(scn) = scn_of(&job.job_id, &choice.name) else { continue };
        let (there, here) =
            (target_rows(&job.job_id, &choice.name), source_rows(source, &choice.name, scn));
        let other = |(id, text): &(&i64, &String)| here.get(id) != Some(*text);
        let wrong: Vec<_> = there.iter().filter(other).collect();
        let missing: Vec<_> = here.keys().filter(|id| !there.contains_key(id)).collect();
        assert!(
            wrong.is_empty() && missing.is_empty(),
            "{choice} at SCN {scn}, {about}: {wrong:?} are wrong, {missing:?} are missing"
        );
        judged += 1;
    }
    judged
}

/// Waits until an added table has met the others.
fn wait_for_added(running: &Running, table: &str) {
    wait::until("the added table", LIMIT, || {
        let is_there = running.recorder.has_reread(&format!("edit/SHOP.{table}"));
        Ok((is_there || running.thread.is_finished()).then_some(()))
    })
    .unwrap_or_else(|e| panic!("{table}: {e}: {:?}", running.recorder.log()));
    assert!(!running.thread.is_finished(), "{:?}", running.recorder.log());
}

/// A change that tells that all before it is at the target.
fn finish(source: &Connection, running: &Running, job: &OracleJob, number: i64) {
    for choice in &job.tables {
        let insert = format!("INSERT INTO {} VALUES ({}, 'the end')", choice.name, KEYS + number);
        run(source, &[&insert, "COMMIT"]);
        let sql = format!(
            "SELECT count(*) FROM {}.{} WHERE id = {}",
            job.job_id,
            choice.name,
            KEYS + number
        );
        running.wait_for("the end", &sql, "1");
    }
}

/// Waits until the position of a job, or of what is added to it, has moved on.
fn wait_for_some_way(running: &Running, id: &str, scns: u64) {
    let (postgres, _) = gaussdb::shared();
    let sql = format!(
        "SELECT coalesce(max((position::json ->> 'committed_scn')::bigint), 0) FROM tailrace.progress WHERE job = '{id}'"
    );
    let now: u64 = postgres.sql(&sql).expect("an SCN").trim().parse().expect("a number");
    let moved = format!("SELECT ({sql}) > {}", now + scns);
    running.wait_for("some way", &moved, "t");
}

fn changes_while_tables_come_and_go(name: &str, appliers: usize) {
    let seed: u64 = rand::random::<u32>().into();
    let about = format!("seed {seed}");
    println!("{about}");
    let (server, source) = filled();
    let written = writers(&server, seed);
    let with_appliers = |mut job: OracleJob| {
        job.limits.appliers = appliers;
        job
    };
    let a = with_appliers(of(&server, name, &["A"], &[]));
    let running = start(&a, 1);
    running.wait_for_increment();
    assert!(running.stop().is_none(), "{about}");
    judge(&source, &a, &about);

    // Another one, with stops in the midst of everything.
    let ab = with_appliers(of(&server, name, &["A"], &["B"]));
    let mut random = StdRng::seed_from_u64(seed);
    let mut epoch = 1;
    for _ in 0..6 {
        epoch += 1;
        let running = start(&ab, epoch);
        wait_for_some_way(&running, name, random.random_range(0..1500));
        assert!(running.stop().is_none(), "{about}");
        judge(&source, &ab, &about);
    }
    let running = start(&ab, epoch + 1);
    wait_for_added(&running, "B");
    wait_for_some_way(&running, name, 500);
    assert!(running.stop().is_none(), "{about}");
    assert_eq!(judge(&source, &ab, &about), 2);

    // The first one goes, a third one comes.
    let bc = with_appliers(of(&server, name, &["B"], &["C"]));
    let running = start(&bc, epoch + 2);
    wait_for_added(&running, "C");
    written.end();
    finish(&source, &running, &bc, 1);
    for table in compared(&bc, false) {
        assert_eq!(table.outcome, CompareOutcome::Consistent, "{table:?}, {about}");
    }
    assert!(running.stop().is_none(), "{about}");
    assert_eq!(judge(&source, &bc, &about), 2);
    let (postgres, _) = gaussdb::shared();
    let left = "SELECT count(*) FROM tailrace.progress WHERE job = '{}+'".replace("{}", name);
    assert_eq!(postgres.sql(&left).expect("a count").trim(), "0");

    // The first one comes back: its rows of then are in the way, and are not touched.
    let bca = with_appliers(of(&server, name, &["B", "C"], &["A"]));
    let error = start(&bca, epoch + 3).ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{error}");
    assert!(error.message().starts_with("to be added to the job: SHOP.A: "), "{error}");
    postgres.sql(&format!("DROP TABLE {name}.a")).expect("no table");
    let running = start(&bca, epoch + 4);
    wait_for_added(&running, "A");
    finish(&source, &running, &bca, 2);
    assert!(running.stop().is_none(), "{about}");
    assert_eq!(judge(&source, &bca, &about), 3);
}

#[test]
fn tables_come_and_go_while_everything_is_changed() {
    changes_while_tables_come_and_go("oracle_added", 1);
}

#[test]
fn tables_come_and_go_where_several_appliers_work() {
    changes_while_tables_come_and_go("oracle_added_parallel", 3);
}

#[test]
fn the_job_goes_on_while_a_table_is_added_and_its_parts_rest_together() {
    let name = "oracle_added_beside";
    let (server, source) = filled();
    let running = start(&of(&server, name, &["A"], &[]), 1);
    running.wait_for_increment();
    assert!(running.stop().is_none());
    // Of the added one no more than a few rows a second are read.
    let mut ab = of(&server, name, &["A"], &["B"]);
    ab.limits.chunk_rows_max = 10;
    let running = start(&ab, 2);
    running.stop.set_rate(tailrace_pipeline::run::Rate {
        rows_per_second: Some(20),
        bytes_per_second: None,
    });
    running.wait_for("its first rows", &format!("SELECT count(*) > 0 FROM {name}.b"), "t");
    run(&source, &["UPDATE a SET v = 'meanwhile' WHERE id = 0", "COMMIT"]);
    run(&source, &["UPDATE b SET v = 'meanwhile' WHERE id >= 0", "COMMIT"]);
    let seen = format!("SELECT v FROM {name}.a WHERE id = 0");
    running.wait_for("a change of the other", &seen, "meanwhile");
    assert!(!running.recorder.has_reread("edit/SHOP.B"));
    let told = compared(&ab, false);
    assert_eq!(told[0].outcome, CompareOutcome::Consistent, "{told:?}");
    assert_eq!(told[1].outcome, CompareOutcome::Impossible, "{told:?}");
    assert!(told[1].notes[0].contains("was added to the job"), "{told:?}");
    let key = vec![("id".to_owned(), "0".to_owned())];
    let repaired = oracle_gaussdb::compare::repair(
        &ab,
        &ab.tables[1],
        &[key],
        &StopSignal::new(),
        &mut |_, _| {},
    );
    let error = repaired.expect_err("rows that are still to come");
    assert!(error.message().contains("was added to the job"), "{error}");
    // What rests, rests for the added one too.
    running.stop.hold(Part::Apply, true);
    running.stop.set_rate(tailrace_pipeline::run::Rate::default());
    let all = format!("SELECT count(*) FROM {name}.b");
    running.wait_for("its rows", &all, &(KEYS / 2).to_string());
    run(&source, &["INSERT INTO b VALUES (1, 'behind')", "COMMIT"]);
    wait::until_true("the rest", LIMIT, || running.counters.apply_rests.load(Ordering::Relaxed));
    assert!(!running.recorder.has_reread("edit/SHOP.B"));
    running.stop.hold(Part::Apply, false);
    wait_for_added(&running, "B");
    running.wait_for("what was written", &format!("SELECT v FROM {name}.b WHERE id = 1"), "behind");
    let told = compared(&ab, false);
    assert!(told.iter().all(|one| one.outcome == CompareOutcome::Consistent), "{told:?}");
    assert!(running.stop().is_none());
    assert_eq!(judge(&source, &ab, "at the end"), 2);
}

#[test]
fn tables_are_added_to_a_full_phase_that_is_under_way_or_over() {
    let name = "oracle_added_full";
    let (server, source) = filled();
    let mut a = of(&server, name, &["A"], &[]);
    a.task = TaskType::Full;
    let running = start(&a, 1);
    running.stop.set_rate(tailrace_pipeline::run::Rate {
        rows_per_second: Some(50),
        bytes_per_second: None,
    });
    running.wait_for("its first rows", &format!("SELECT count(*) > 0 FROM {name}.a"), "t");
    assert!(running.stop().is_none());
    run(&source, &["UPDATE a SET v = 'later' WHERE id < 100"]);
    run(&source, &["UPDATE b SET v = 'later' WHERE id < 100", "COMMIT"]);
    let mut ab = of(&server, name, &["A"], &["B"]);
    ab.task = TaskType::Full;
    let ended = |job: &OracleJob, epoch| {
        let running = start(job, epoch);
        let ended = running.thread.join().expect("the job").expect("a finished one");
        let Ended::Finished(checkpoint) = ended else { panic!("{ended:?}") };
        checkpoint
    };
    let checkpoint = ended(&ab, 2);
    assert!(checkpoint.rereads.iter().all(|one| one.done), "{checkpoint:?}");
    let later =
        |table: &str| target_rows(name, table).values().filter(|text| *text == "later").count();
    // The one is as it was when the job began, the other as it was when it was added.
    assert_eq!((later("a"), later("b")), (0, 50));
    let mut abc = of(&server, name, &["A", "B"], &["C"]);
    abc.task = TaskType::Full;
    ended(&abc, 3);
    let count = (KEYS / 2) as usize;
    for table in TABLES {
        assert_eq!(target_rows(name, table).len(), count, "{table}");
    }
}

#[test]
fn an_increment_without_a_full_phase_gets_no_rows_but_the_changes() {
    let name = "oracle_added_increment";
    let (server, source) = filled();
    let (postgres, _) = gaussdb::shared();
    postgres.sql(&format!("CREATE SCHEMA {name} AUTHORIZATION tailrace")).expect("a schema");
    for table in ["a", "b"] {
        for statement in [
            format!("CREATE TABLE {name}.{table} (id bigint PRIMARY KEY, v varchar(60))"),
            format!("ALTER TABLE {name}.{table} OWNER TO tailrace"),
        ] {
            postgres.sql(&statement).expect("a statement");
        }
    }
    let increment = |mut job: OracleJob| {
        job.task = TaskType::Incremental;
        job.make_structure = false;
        job
    };
    let running = start(&increment(of(&server, name, &["A"], &[])), 1);
    running.wait_for_increment();
    run(&source, &["INSERT INTO a VALUES (1, 'one')", "COMMIT"]);
    running.wait_for("a row", &format!("SELECT count(*) FROM {name}.a"), "1");
    // A transaction that is open when the table is added, and has changed it before.
    let open = connect(&server);
    run(&open, &["INSERT INTO b VALUES (3, 'open')"]);
    run(&source, &["INSERT INTO a VALUES (3, 'three')", "COMMIT"]);
    running.wait_for("a row", &format!("SELECT count(*) FROM {name}.a"), "2");
    assert!(running.stop().is_none());
    let ab = increment(of(&server, name, &["A"], &["B"]));
    let running = start(&ab, 2);
    wait_for_added(&running, "B");
    run(&open, &["INSERT INTO a VALUES (5, 'open')", "COMMIT"]);
    run(&source, &["INSERT INTO b VALUES (7, 'behind')", "COMMIT"]);
    let rows = format!("SELECT string_agg(id || v, ' ' ORDER BY id) FROM {name}.");
    running.wait_for("the changes", &format!("{rows}b"), "3open 7behind");
    running.wait_for("the changes", &format!("{rows}a"), "1one 3three 5open");
    assert!(running.stop().is_none());
}

#[test]
fn what_was_put_aside_of_an_added_table_is_the_jobs() {
    let name = "oracle_added_dirty";
    let (server, source) = filled();
    let dirty = |mut job: OracleJob| {
        job.limits.dirty_rows_max = 10;
        job.conflict = Conflict::Overwrite;
        job
    };
    let (postgres, _) = gaussdb::shared();
    let running = start(&dirty(of(&server, name, &["A"], &[])), 1);
    running.wait_for_increment();
    let refuse = |table: &str| {
        let constraint = format!("ALTER TABLE {name}.{table} ADD CHECK (v <> 'bad')");
        postgres.sql(&constraint).expect("a constraint");
    };
    refuse("a");
    run(&source, &["UPDATE a SET v = 'bad' WHERE id = 0", "COMMIT"]);
    let count = "SELECT count(*) FROM tailrace.dirty_rows WHERE job = '{}'".replace("{}", name);
    running.wait_for("a change put aside", &count, "1");
    assert!(running.stop().is_none());
    let ab = dirty(of(&server, name, &["A"], &["B"]));
    let mut slow = ab.clone();
    slow.limits.chunk_rows_max = 10;
    let running = start(&slow, 2);
    running.stop.set_rate(tailrace_pipeline::run::Rate {
        rows_per_second: Some(50),
        bytes_per_second: None,
    });
    running.wait_for("its first rows", &format!("SELECT count(*) > 0 FROM {name}.b"), "t");
    run(&source, &["UPDATE b SET v = 'bad' WHERE id = 2", "COMMIT"]);
    assert!(running.stop().is_none());
    refuse("b");
    let running = start(&ab, 3);
    wait_for_added(&running, "B");
    running.wait_for("both", &count, "2");
    assert!(running.stop().is_none());
    let (all, rows) =
        oracle_gaussdb::dirty::list(&ab, (0, i64::MAX), (0, 10), &StopSignal::new()).expect("rows");
    let told: Vec<_> = rows.iter().map(|row| (row.id, row.table.as_str())).collect();
    assert_eq!((all, told), (2, vec![(1, "SHOP.A"), (2, "SHOP.B")]));
    // Forgotten is also what a job that is ended was about to add.
    let running = start(&dirty(of(&server, name, &["A", "B"], &["C"])), 4);
    running.wait_for(
        "its record",
        &format!("SELECT count(*) FROM tailrace.progress WHERE job LIKE '{name}%'"),
        "2",
    );
    assert!(running.stop().is_none());
    oracle_gaussdb::forget(&ab, 5).expect("nothing is left");
    let left = format!("SELECT count(*) FROM tailrace.progress WHERE job LIKE '{name}%'");
    assert_eq!(postgres.sql(&left).expect("a count").trim(), "0");
}
