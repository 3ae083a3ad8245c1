//! The full phase in pieces: it goes on where it was, and begins a table anew that the source cannot read any more as it was.

use std::sync::atomic::Ordering;

use oracledb::Connection;
use tailrace_pipeline::ErrorKind;

use super::{connect, job, run, server, start};
use crate::gaussdb;

const ROWS: u64 = 250;

/// A table whose key has two columns, one of them text.
fn make(source: &Connection) {
    run(
        source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (area VARCHAR2(10), id NUMBER(10), v VARCHAR2(20), PRIMARY KEY (area, id))",
        ],
    );
    for number in 0..ROWS {
        let (area, id, v) =
            (format!("it's {}", number % 3), number as i64 * 7, format!("v {number}"));
        source.execute("INSERT INTO t VALUES (:1, :2, :3)", &[&area, &id, &v]).expect("a row");
    }
    run(source, &["COMMIT"]);
}

/// Rows of the source by now, in the order of the key.
fn of_source(source: &Connection, columns: &[&str]) -> String {
    let sql =
        format!("SELECT area || '|' || {} FROM t ORDER BY area, id", columns.join(" || '|' || "));
    let rows = source.query(&sql, &[]).expect("rows");
    let text = |row: Result<oracledb::Row, oracledb::Error>| -> String {
        row.and_then(|row| row.get(0)).expect("text")
    };
    rows.map(text).collect::<Vec<_>>().join("\n")
}

/// Rows of the target in the same form.
fn of_target(schema: &str, columns: &[&str]) -> String {
    let (postgres, _) = gaussdb::shared();
    let column = |name: &&str| format!("coalesce({name}::text, '')");
    let columns: Vec<String> = columns.iter().map(column).collect();
    let sql = format!(
        "SELECT area || '|' || {} FROM {schema}.t ORDER BY area COLLATE \"C\", id",
        columns.join(" || '|' || ")
    );
    postgres.sql(&sql).expect("rows").trim_end().to_owned()
}

#[test]
fn a_copy_goes_on_behind_the_last_piece_that_is_there() {
    let server = server();
    let source = connect(&server);
    make(&source);
    let job = job(&server, "oracle_pieces", &["T"]);
    // Four pieces of twenty rows are there, the fifth breaks off.
    server.fail("FETCH FIRST 20", 4, 3113, "end-of-file on communication channel");
    let error = start(&job, 1).ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::SourceConnection, "{error}");
    let (postgres, _) = gaussdb::shared();
    let count = postgres.sql("SELECT count(*) FROM oracle_pieces.t").expect("a count");
    assert_eq!(count.trim(), "80");
    run(
        &source,
        &["UPDATE t SET v = 'later' WHERE id = 7", "DELETE FROM t WHERE id = 14", "COMMIT"],
    );
    let running = start(&job, 2);
    let later = "SELECT count(*) FROM oracle_pieces.t WHERE v = 'later'";
    running.wait_for("the update", later, "1");
    assert_eq!(running.counters.snapshot_rows.load(Ordering::Relaxed), ROWS - 80);
    assert!(running.stop().is_none());
    assert_eq!(of_target("oracle_pieces", &["id", "v"]), of_source(&source, &["id", "v"]));
}

#[test]
fn a_table_whose_past_is_gone_is_copied_anew_at_a_later_scn() {
    for (code, message, schema) in [
        (1555, "snapshot too old: rollback segment number 1 too small", "oracle_too_old"),
        (1466, "unable to read data - table definition has changed", "oracle_redefined"),
    ] {
        let server = server();
        let source = connect(&server);
        make(&source);
        let job = job(&server, schema, &["T"]);
        // The job is stopped in the middle, and goes on when all is another.
        server.fail("FETCH FIRST 20", 4, 3113, "end-of-file on communication channel");
        let error = start(&job, 1).ended().expect("an error");
        assert_eq!(error.kind(), ErrorKind::SourceConnection, "{error}");
        run(
            &source,
            &["UPDATE t SET v = 'before' WHERE id < 300", "DELETE FROM t WHERE id = 14", "COMMIT"],
        );
        let mut columns = vec!["id", "v"];
        if code == 1466 {
            let more = "ALTER TABLE t ADD (z NUMBER(4) DEFAULT 3)";
            run(&source, &[more, "UPDATE t SET z = id WHERE id < 70", "COMMIT"]);
            columns.push("z");
        }
        server.fail("FETCH FIRST 20", 0, code, message);
        let running = start(&job, 2);
        running.wait_for_increment();
        run(&source, &["UPDATE t SET v = 'later' WHERE id = 21", "COMMIT"]);
        let later = format!("SELECT count(*) FROM {schema}.t WHERE v = 'later'");
        running.wait_for("the update", &later, "1");
        let told = running.recorder.log();
        let anew = "it is copied anew as of SCN";
        assert!(told.iter().any(|line| line.contains(anew)), "{told:?}");
        assert!(running.stop().is_none());
        assert_eq!(of_target(schema, &columns), of_source(&source, &columns), "{schema}");
    }
}

#[test]
fn rows_of_a_table_that_was_there_are_never_taken_away() {
    let server = server();
    let source = connect(&server);
    make(&source);
    let mut job = job(&server, "oracle_kept", &["T"]);
    job.make_structure = false;
    let (postgres, _) = gaussdb::shared();
    for statement in [
        "CREATE SCHEMA oracle_kept AUTHORIZATION tailrace",
        "CREATE TABLE oracle_kept.t (area varchar(30), id bigint, v varchar(60), PRIMARY KEY (area, id))",
        "ALTER TABLE oracle_kept.t OWNER TO tailrace",
        "INSERT INTO oracle_kept.t VALUES ('own', 1, 'kept')",
    ] {
        postgres.sql(statement).expect(statement);
    }
    server.fail("FETCH FIRST 20", 2, 1555, "snapshot too old");
    let error = start(&job, 1).ended().expect("an error");
    assert!(error.message().contains("UNDO_RETENTION"), "{error}");
    let kept = postgres.sql("SELECT count(*) FROM oracle_kept.t").expect("a count");
    assert_eq!(kept.trim(), "41");
}
