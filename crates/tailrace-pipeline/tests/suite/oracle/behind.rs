//! A job that is far behind reads the log by several sessions, and gets the same of it.

use std::collections::BTreeMap;

use oracledb::Connection;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{connect, job, run, server, start};
use crate::gaussdb;

/// SCNs of a window at first: what is behind by more is read by several sessions.
const WINDOW_SCNS: i64 = 100_000;
const ROUNDS: i64 = 5;

/// Changes of a table that is not replicated, each of which is an SCN.
fn fill(source: &Connection, count: i64) {
    for number in 0..count {
        source.execute("INSERT INTO fill VALUES (:1)", &[&number]).expect("a row");
    }
    run(source, &["COMMIT"]);
}

#[test]
fn what_several_sessions_read_is_what_one_reads() {
    let name = "oracle_behind";
    let seed: u64 = rand::random::<u32>().into();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(30))",
            "CREATE TABLE fill (n NUMBER(10))",
        ],
    );
    let mut job = job(&server, name, &["T"]);
    let running = start(&job, 1);
    running.wait_for_increment();
    assert!(running.stop().is_none());
    // Transactions that go over the bounds of windows, taken back in part and whole.
    let (open, lost) = (connect(&server), connect(&server));
    run(&open, &["INSERT INTO t VALUES (1000, 'begun early')"]);
    run(&lost, &["INSERT INTO t VALUES (2000, 'lost')"]);
    for round in 0..ROUNDS {
        for _ in 0..60 {
            let id = random.random_range(0..100_i64);
            let v = format!("{round} {}", random.random_range(0..1000));
            if source.execute("INSERT INTO t VALUES (:1, :2)", &[&id, &v]).is_err() {
                source.execute("UPDATE t SET v = :1 WHERE id = :2", &[&v, &id]).expect("an update");
            }
            run(&source, &[if random.random_bool(0.2) { "ROLLBACK" } else { "COMMIT" }]);
        }
        run(&open, &[&format!("UPDATE t SET v = 'round {round}' WHERE id = 1000")]);
        fill(&source, WINDOW_SCNS * 3 / 2 / ROUNDS);
        run(&source, &["ALTER SYSTEM SWITCH LOGFILE"]);
    }
    run(&lost, &["ROLLBACK"]);
    run(&open, &["COMMIT"]);
    run(&source, &["INSERT INTO t VALUES (-1, 'the end')", "COMMIT"]);
    job.limits.log_readers = 3;
    let running = start(&job, 2);
    running.wait_for("the end", &format!("SELECT count(*) FROM {name}.t WHERE id = -1"), "1");
    let log = running.recorder.log();
    assert!(log.iter().any(|line| line.contains("read by 3 sessions")), "{log:?}");
    assert!(running.stop().is_none(), "seed {seed}");
    let rows = source.query("SELECT id, v FROM t", &[]).expect("rows");
    let here: BTreeMap<i64, String> = rows
        .map(|row| {
            let row = row.expect("a row");
            (row.get(0).expect("an id"), row.get(1).expect("text"))
        })
        .collect();
    let (postgres, _) = gaussdb::shared();
    let rows = postgres.sql(&format!("SELECT id || '#' || v FROM {name}.t")).expect("rows");
    let row = |line: &str| {
        let (id, v) = line.split_once('#').expect("a row");
        (id.parse().expect("an id"), v.to_owned())
    };
    let there: BTreeMap<i64, String> = rows.lines().map(row).collect();
    assert_eq!(there, here, "seed {seed}");
    assert_eq!(there[&1000], format!("round {}", ROUNDS - 1));
}
