//! Writers whose transactions are mixed, rolled back in part or whole, and large: the target is the source at the SCN of its
//! progress row, whenever the job is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use oracledb::Connection;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tailrace_testkit::oracle::OracleServer;

use super::{connect, job, run, server, start};
use crate::gaussdb;

/// Keys that writers share.
const KEYS: i64 = 60;
pub(super) const WRITERS: usize = 3;
const STOPS: u64 = 6;

/// One transaction of random changes. Each writer has keys of its own, so that nobody waits for another's row.
fn transact(connection: &Connection, random: &mut StdRng, writer: usize) {
    let large = random.random_bool(0.05);
    let count = if large { 400 } else { random.random_range(1..12) };
    for _ in 0..count {
        let key = random.random_range(0..KEYS) * WRITERS as i64 + writer as i64;
        let to = random.random_range(0..KEYS) * WRITERS as i64 + writer as i64;
        let text = format!("it's {}", random.random_range(0..1000));
        let statement: &str = match random.random_range(0..10) {
            0..4 => "INSERT INTO t (id, v, n) VALUES (:1, :2, 1)",
            4..7 => "UPDATE t SET v = :2, n = n + 1 WHERE id = :1",
            7 => "UPDATE t SET n = NULL WHERE id = :1 AND v <> :2",
            8 => "DELETE FROM t WHERE id = :1 AND v <> :2",
            _ => "",
        };
        // A duplicate key is refused, and nothing has happened.
        if statement.is_empty() {
            connection.execute("UPDATE t SET id = :1 WHERE id = :2", &[&to, &key]).ok();
        } else {
            let binds: [&dyn oracledb::ToDbValue; 2] =
                if statement.starts_with("UPDATE t SET v") { [&text, &key] } else { [&key, &text] };
            connection.execute(statement, &binds).ok();
        }
        match random.random_range(0..30) {
            0 => run(connection, &["SAVEPOINT a"]),
            1 => drop(connection.execute("ROLLBACK TO SAVEPOINT a", &[])),
            _ => {}
        }
    }
    if random.random_bool(0.2) {
        connection.rollback().expect("a rollback");
    } else {
        connection.commit().expect("a commit");
    }
    if random.random_bool(0.05) {
        run(connection, &["ALTER SYSTEM SWITCH LOGFILE"]);
    }
}

/// Rows of the source at an SCN, in order.
pub(super) fn source(connection: &Connection, scn: u64) -> Vec<String> {
    let sql = format!("SELECT id || '|' || v || '|' || n FROM t AS OF SCN {scn} ORDER BY id");
    let rows = connection.query(&sql, &[]).expect("rows");
    rows.map(|row| row.expect("a row").get(0).expect("text")).collect()
}

/// What the target has of a job, read at one instant.
pub(super) struct Reached {
    /// All rows are copied, so that what follows holds.
    pub(super) is_copied: bool,
    /// The SCN that the target is at.
    pub(super) scn: u64,
    pub(super) rows: Vec<String>,
}

pub(super) fn target(job: &str) -> Reached {
    let (postgres, _) = gaussdb::shared();
    let sql = format!(
        "SELECT position FROM tailrace.progress WHERE job = '{job}' UNION ALL SELECT * FROM (\
         SELECT id || '|' || coalesce(v, '') || '|' || coalesce(n::text, '') FROM {job}.t ORDER BY id) t"
    );
    let said = postgres.sql(&sql).expect("the target");
    let mut lines = said.lines().map(str::to_owned);
    let position = lines.next().expect("a position");
    let position: serde_json::Value = serde_json::from_str(&position).expect("JSON");
    let scn = position["committed_scn"].as_u64().expect("an SCN");
    let nothing_yet = position["committed"].as_array().is_none_or(Vec::is_empty);
    Reached {
        is_copied: position["is_copied"] == true,
        scn: if nothing_yet { scn.saturating_sub(1) } else { scn },
        rows: lines.collect(),
    }
}

/// The SCN that the source is at.
pub(super) fn now(source: &Connection) -> u64 {
    source
        .query_row("SELECT current_scn FROM v$database", &[])
        .and_then(|row| row.get(0))
        .expect("an SCN")
}

pub(super) fn writer(
    server: &OracleServer,
    seed: u64,
    number: usize,
    over: Arc<AtomicBool>,
) -> thread::JoinHandle<()> {
    let connection = connect(server);
    let mut random = StdRng::seed_from_u64(seed + number as u64);
    thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            transact(&connection, &mut random, number);
        }
    })
}

#[test]
fn the_target_is_the_source_at_the_scn_of_its_progress_row() {
    let seed: u64 = rand::random::<u32>().into();
    println!("seed {seed}");
    let server = server();
    let connection = connect(&server);
    run(
        &connection,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(30), n NUMBER(8))",
        ],
    );
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..WRITERS).map(|number| writer(&server, seed, number, Arc::clone(&over))).collect();
    let job = job(&server, "oracle_random", &["T"]);
    let mut last = 0;
    for epoch in 1..=STOPS {
        let running = start(&job, epoch);
        // Until it has gone some way.
        let moved = format!(
            "SELECT count(*) FROM tailrace.progress WHERE job = 'oracle_random' \
             AND position::json ->> 'is_copied' = 'true' AND (position::json ->> 'committed_scn')::bigint > {}",
            last + 2000
        );
        running.wait_for("some way", &moved, "1");
        assert!(running.stop().is_none(), "seed {seed}");
        let Reached { scn, rows, .. } = target("oracle_random");
        assert_eq!(rows, source(&connection, scn), "at SCN {scn}, seed {seed}");
        last = scn;
    }
    over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().expect("a writer");
    }
    // A last change that tells that all before it is there.
    run(&connection, &["INSERT INTO t VALUES (-1, 'the end', 0)", "COMMIT"]);
    let running = start(&job, STOPS + 1);
    running.wait_for("the end", "SELECT count(*) FROM oracle_random.t WHERE id = -1", "1");
    assert!(running.stop().is_none(), "seed {seed}");
    assert_eq!(target("oracle_random").rows, source(&connection, now(&connection)), "seed {seed}");
}
