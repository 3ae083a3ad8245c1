//! An increment that begins at an SCN of the past, behind rows that came to the target by other ways.

use oracledb::Connection;
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::TaskType;
use tailrace_pipeline::oracle_gaussdb::OracleJob;
use tailrace_testkit::oracle::OracleServer;

use super::{connect, job, run, server, start};
use crate::gaussdb;

fn scn(connection: &Connection) -> u64 {
    let row = connection.query_row("SELECT current_scn FROM v$database", &[]);
    row.and_then(|row| row.get(0)).expect("an SCN")
}

/// A job of a table that the target has already, with one row.
fn begun(server: &OracleServer, name: &str) -> OracleJob {
    let mut job = job(server, name, &["T"]);
    job.task = TaskType::Incremental;
    job.make_structure = false;
    let (postgres, _) = gaussdb::shared();
    for statement in [
        format!("CREATE SCHEMA {name} AUTHORIZATION tailrace"),
        format!("CREATE TABLE {name}.t (id bigint PRIMARY KEY, v varchar(60))"),
        format!("ALTER TABLE {name}.t OWNER TO tailrace"),
        format!("INSERT INTO {name}.t VALUES (1, 'before')"),
    ] {
        postgres.sql(&statement).expect("a statement");
    }
    job
}

/// Three transactions around an SCN: one before it, one that is open there, one behind it. SCNs before all, and of the middle.
fn write(server: &OracleServer) -> (u64, u64) {
    let (source, other) = (connect(server), connect(server));
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(30))",
        ],
    );
    let before = scn(&source);
    run(&other, &["INSERT INTO t VALUES (2, 'open')"]);
    run(&source, &["INSERT INTO t VALUES (1, 'before')", "COMMIT"]);
    let middle = scn(&source);
    run(&source, &["INSERT INTO t VALUES (3, 'behind')", "COMMIT"]);
    run(
        &other,
        &["UPDATE t SET v = 'open still' WHERE id = 2", "COMMIT", "ALTER SYSTEM SWITCH LOGFILE"],
    );
    (before, middle)
}

#[test]
fn what_was_committed_behind_it_is_applied_and_nothing_before() {
    let server = server();
    let (before, middle) = write(&server);
    let mut job = begun(&server, "oracle_start");
    (job.limits.capture_start_scn, job.limits.apply_start_scn) = (before, middle);
    let running = start(&job, 1);
    let sql = "SELECT string_agg(id || v, ',' ORDER BY id) FROM oracle_start.t";
    running.wait_for("what was behind it", sql, "1before,2open still,3behind");
    assert!(running.stop().is_none());
    // Where it begins is of no consequence any more.
    job.limits.apply_start_scn = before;
    run(&connect(&server), &["DELETE FROM t WHERE id = 2", "COMMIT"]);
    let running = start(&job, 2);
    running.wait_for("the deletion", sql, "1before,3behind");
    assert!(running.stop().is_none());
}

#[test]
fn a_transaction_whose_begin_is_not_read_is_named() {
    let server = server();
    let (before, middle) = write(&server);
    let mut job = begun(&server, "oracle_start_open");
    job.limits.apply_start_scn = middle;
    let error = start(&job, 1).ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("capture_start_scn"), "{error}");
    let (postgres, _) = gaussdb::shared();
    let open = postgres.sql("SELECT count(*) FROM oracle_start_open.t WHERE id = 2");
    assert_eq!(open.expect("a count").trim(), "0");
    // One that is yet to come, and one of a job that has rows of its own.
    let mut later = begun(&server, "oracle_start_later");
    later.limits.apply_start_scn = u64::MAX >> 1;
    let error = start(&later, 1).ended().expect("an error");
    assert!(error.message().contains("apply_start_scn is"), "{error}");
    let mut full = job;
    (full.job_id, full.task) = ("oracle_start_full".to_owned(), TaskType::FullIncremental);
    full.limits.apply_start_scn = before;
    let error = start(&full, 1).ended().expect("an error");
    assert!(error.message().contains("INCR_TRANS"), "{error}");
}

/// Of such a one only the commit is read, and nobody knows what it has changed.
#[test]
fn a_transaction_that_was_only_committed_behind_it_is_named_too() {
    let server = server();
    let (source, other) = (connect(&server), connect(&server));
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(30))",
        ],
    );
    let before = scn(&source);
    run(&other, &["INSERT INTO t VALUES (2, 'open')"]);
    run(&source, &["INSERT INTO t VALUES (1, 'before')", "COMMIT"]);
    let middle = scn(&source);
    run(&other, &["COMMIT"]);
    let mut job = begun(&server, "oracle_start_only");
    job.limits.apply_start_scn = middle;
    let error = start(&job, 1).ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("capture_start_scn"), "{error}");
    let mut job = begun(&server, "oracle_start_whole");
    (job.limits.capture_start_scn, job.limits.apply_start_scn) = (before, middle);
    let running = start(&job, 1);
    let sql = "SELECT string_agg(id || v, ',' ORDER BY id) FROM oracle_start_whole.t";
    running.wait_for("what was open there", sql, "1before,2open");
    assert!(running.stop().is_none());
}
