//! Several appliers: each has whole transactions' changes of its own keys up to its position, whatever happens between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use oracledb::Connection;
use tailrace_codec::gaussdb::apply::{ApplyColumn, ApplyTable, ChangeKind, Changes, Route, Text};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::oracle_gaussdb::OracleJob;
use tailrace_testkit::oracle::OracleServer;

use super::compare::compared;
use super::random::{WRITERS, writer};
use super::{connect, job, run, server, start};
use crate::gaussdb;

/// A job with so many appliers.
fn parallel(server: &OracleServer, name: &str, appliers: usize) -> OracleJob {
    let mut job = job(server, name, &["T"]);
    job.limits.appliers = appliers;
    job
}

fn make(connection: &Connection) {
    run(
        connection,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(30), n NUMBER(8))",
        ],
    );
}

/// Which of so many appliers has the row of an id.
fn applier_of(schema: &str, id: &str, appliers: usize) -> usize {
    let column = |name: &str| ApplyColumn { name: name.to_owned(), sql_type: "text".to_owned() };
    let table =
        ApplyTable::new(schema, "t", vec![column("id")], vec![0], vec![0]).expect("a table");
    let mut changes = Changes::new();
    assert!(changes.push(ChangeKind::Delete, 0, [Text::Text(id)], []));
    match table.route(&changes.get(0)) {
        Route::By(number) => usize::try_from(number % appliers as u64).expect("a number"),
        Route::Alone => panic!("a row with a key"),
    }
}

/// SCNs up to which the appliers are, the job's own first.
fn positions(job: &str) -> Vec<u64> {
    let (postgres, _) = gaussdb::shared();
    let sql = format!(
        "SELECT position FROM (SELECT 0 AS applier, position FROM tailrace.progress WHERE job = '{job}' \
         UNION ALL SELECT applier, position FROM tailrace.appliers WHERE job = '{job}') p ORDER BY applier"
    );
    let of = |text: &str| {
        let position: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let scn = position["committed_scn"].as_u64().expect("an SCN");
        let nothing_yet = position["committed"].as_array().expect("a list").is_empty();
        if nothing_yet { scn - 1 } else { scn }
    };
    postgres.sql(&sql).expect("positions").lines().map(of).collect()
}

/// Rows by their ids, of the source at an SCN.
fn source(connection: &Connection, scn: u64) -> BTreeMap<String, String> {
    let sql = format!("SELECT id || '', v || '|' || n FROM t AS OF SCN {scn}");
    let rows = connection.query(&sql, &[]).expect("rows");
    rows.map(|row| {
        let row = row.expect("a row");
        (row.get(0).expect("an id"), row.get(1).expect("text"))
    })
    .collect()
}

/// The same of the target.
fn target(schema: &str) -> BTreeMap<String, String> {
    let (postgres, _) = gaussdb::shared();
    let sql = format!(
        "SELECT id || '#' || coalesce(v, '') || '|' || coalesce(n::text, '') FROM {schema}.t"
    );
    let rows = postgres.sql(&sql).expect("rows");
    let row = |line: &str| line.split_once('#').map(|(id, row)| (id.to_owned(), row.to_owned()));
    rows.lines().filter_map(row).collect()
}

/// The rows of each applier are those of the source at its position.
fn judge(connection: &Connection, name: &str, about: &str) {
    let (positions, there) = (positions(name), target(name));
    for (number, scn) in positions.iter().enumerate() {
        let of = |rows: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            let mine = |id: &str| applier_of(name, id, positions.len()) == number;
            let rows = rows.iter().filter(|(id, _)| mine(id));
            rows.map(|(id, row)| (id.clone(), row.clone())).collect()
        };
        assert_eq!(of(&there), of(&source(connection, *scn)), "applier {number} at {scn}, {about}");
    }
}

#[test]
fn each_applier_has_its_keys_as_of_its_position() {
    const NAME: &str = "oracle_parallel";
    let seed: u64 = rand::random::<u32>().into();
    let about = format!("seed {seed}");
    println!("{about}");
    let server = server();
    let connection = connect(&server);
    make(&connection);
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..WRITERS).map(|number| writer(&server, seed, number, Arc::clone(&over))).collect();
    let mut epoch = 0;
    for appliers in [4, 4, 1, 7, 2, 3] {
        epoch += 1;
        let running = start(&parallel(&server, NAME, appliers), epoch);
        let last = if epoch == 1 { 0 } else { positions(NAME)[0] };
        let moved = format!(
            "SELECT count(*) FROM tailrace.progress WHERE job = '{NAME}' \
             AND position::json ->> 'is_copied' = 'true' AND (position::json ->> 'committed_scn')::bigint > {}",
            last + 2000
        );
        running.wait_for("some way", &moved, "1");
        // Moments at which all are at one place are found while they work.
        for table in compared(&parallel(&server, NAME, appliers), false) {
            assert_eq!(table.outcome, CompareOutcome::Consistent, "{table:?}, {about}");
        }
        assert!(running.stop().is_none(), "{about}");
        judge(&connection, NAME, &about);
    }
    over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().expect("a writer");
    }
    // A definition waits for all appliers, and so does what is behind it.
    run(
        &connection,
        &[
            "ALTER TABLE t ADD (z NUMBER(4))",
            "INSERT INTO t VALUES (-1, 'the end', 0, 7)",
            "COMMIT",
        ],
    );
    let running = start(&parallel(&server, NAME, 4), epoch + 1);
    running.wait_for("the end", &format!("SELECT count(*) FROM {NAME}.t WHERE z = 7"), "1");
    assert!(running.stop().is_none(), "{about}");
    let now = connection.query_row("SELECT current_scn FROM v$database", &[]);
    let now: u64 = now.and_then(|row| row.get(0)).expect("an SCN");
    assert_eq!(target(NAME), source(&connection, now), "{about}");
}

#[test]
fn appliers_that_were_killed_between_their_commits_meet_again() {
    const NAME: &str = "oracle_apart";
    let server = server();
    let connection = connect(&server);
    make(&connection);
    let (postgres, front) = gaussdb::shared();
    let job = parallel(&server, NAME, 4);
    let running = start(&job, 1);
    running.wait_for_increment();
    run(&connection, &["INSERT INTO t VALUES (0, 'first', 0)", "COMMIT"]);
    running.wait_for("the first", &format!("SELECT count(*) FROM {NAME}.t"), "1");
    for id in 1..=40 {
        run(&connection, &[&format!("INSERT INTO t VALUES ({id}, 'v', {id})")]);
    }
    // The job's own applier commits as the last one: the others have done so then.
    front.fail(&format!("WHERE job = '{NAME}'; COMMIT"), 1, "XX000", "the node is lost");
    run(&connection, &["COMMIT"]);
    let error = running.ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Target, "{error}");
    let apart = positions(NAME);
    assert!(apart[1..].iter().all(|scn| *scn > apart[0]), "{apart:?}");
    let rows = target(NAME).len();
    assert!((2..41).contains(&rows), "{rows}");
    judge(&connection, NAME, "apart");
    // Nothing is compared with a target that is at no one place.
    let found = compared(&job, false);
    assert_eq!(found[0].outcome, CompareOutcome::Impossible);
    assert!(found[0].notes[0].contains("appliers"), "{:?}", found[0].notes);
    // As many as they were until they have met, whatever is asked for.
    let fewer = parallel(&server, NAME, 2);
    let running = start(&fewer, 2);
    running.wait_for("the others", &format!("SELECT count(*) FROM {NAME}.t"), "41");
    let count = format!("SELECT count(*) FROM tailrace.appliers WHERE job = '{NAME}'");
    running.wait_for("as many as they were", &count, "3");
    let told = running.recorder.log();
    assert!(told.iter().any(|line| line.contains("4 appliers until the next start")), "{told:?}");
    let met = format!(
        "SELECT count(*) FROM tailrace.appliers a JOIN tailrace.progress p USING (job) \
         WHERE job = '{NAME}' AND a.position = p.position"
    );
    running.wait_for("the meeting", &met, "3");
    assert!(running.stop().is_none());
    let running = start(&fewer, 3);
    running.wait_for("as many as are asked for", &count, "1");
    run(&connection, &["UPDATE t SET v = 'w'", "COMMIT"]);
    running.wait_for("the update", &format!("SELECT count(*) FROM {NAME}.t WHERE v = 'w'"), "41");
    assert!(running.stop().is_none());
    assert_eq!(postgres.sql(&count).expect("a count").trim(), "1");
    judge(&connection, NAME, "met");
}

#[test]
fn what_cannot_be_shared_out_is_applied_alone_in_its_place() {
    const NAME: &str = "oracle_alone";
    let server = server();
    let connection = connect(&server);
    make(&connection);
    run(
        &connection,
        &[
            "CREATE TABLE u (id NUMBER(10) PRIMARY KEY, v VARCHAR2(30))",
            "CREATE UNIQUE INDEX u_v ON u (v, id)",
        ],
    );
    let mut job = job(&server, NAME, &["T", "U"]);
    job.limits.appliers = 3;
    let running = start(&job, 1);
    running.wait_for_increment();
    // Keys that wander through all rows, in transactions with and without others; an index that two rows share.
    for id in 0..30 {
        run(
            &connection,
            &[
                &format!("INSERT INTO t VALUES ({id}, 'v', 0)"),
                &format!("INSERT INTO u VALUES ({id}, 'v{id}')"),
                "COMMIT",
            ],
        );
    }
    for round in 0..20 {
        let (from, to) = (round % 30, 1000 + round);
        run(
            &connection,
            &[
                &format!("UPDATE t SET n = n + 1 WHERE id = {from}"),
                &format!("UPDATE t SET id = {to} WHERE id = {from}"),
                &format!("UPDATE t SET n = n + 1 WHERE id = {to}"),
                "COMMIT",
                &format!("UPDATE t SET v = 'w' WHERE id = {to}"),
                &format!("UPDATE t SET id = {from} WHERE id = {to}"),
                &format!("UPDATE u SET v = 'x' WHERE id = {from}"),
                &format!("UPDATE u SET v = 'y' WHERE id = {from}"),
                "COMMIT",
            ],
        );
    }
    run(&connection, &["INSERT INTO u VALUES (-1, 'the end')", "COMMIT"]);
    running.wait_for("the end", &format!("SELECT count(*) FROM {NAME}.u WHERE id = -1"), "1");
    assert!(running.stop().is_none());
    let now = connection.query_row("SELECT current_scn FROM v$database", &[]);
    let now: u64 = now.and_then(|row| row.get(0)).expect("an SCN");
    assert_eq!(target(NAME), source(&connection, now));
    let (postgres, _) = gaussdb::shared();
    let changed = postgres.sql(&format!("SELECT count(*) FROM {NAME}.u WHERE v = 'y'"));
    assert_eq!(changed.expect("a count").trim(), "20");
    assert!(positions(NAME).iter().all(|scn| *scn == positions(NAME)[0]));
}
