//! The full phase in pieces: it goes on where it was, and begins a table anew that the source cannot read any more as it was.

use std::sync::atomic::Ordering;

use oracledb::Connection;
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::TaskType;
use tailrace_pipeline::oracle_gaussdb::OracleJob;
use tailrace_testkit::oracle::OracleServer;

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

/// Rows of a table that is large enough to be cut: eighty blocks of the stand-in's.
const MANY: u64 = 8_000;

/// A table of many rows, without a key.
fn make_large(source: &Connection) {
    run(
        source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE large (id NUMBER(10), v VARCHAR2(20))",
        ],
    );
    for id in 0..MANY as i64 {
        let v = format!("v {id}");
        source.execute("INSERT INTO large VALUES (:1, :2)", &[&id, &v]).expect("a row");
    }
    run(source, &["COMMIT", "DELETE FROM large WHERE id >= 100 AND id < 450", "COMMIT"]);
}

/// A large table's job, in ranges of ten blocks that three readers read.
fn large_job(server: &OracleServer, name: &str) -> OracleJob {
    let mut job = job(server, name, &["LARGE"]);
    job.limits.chunk_rows_max = 1_000;
    job.limits.snapshot_readers = 3;
    job
}

/// Count and sum of the ids, and how many there are.
fn of_large(schema: &str) -> String {
    let (postgres, _) = gaussdb::shared();
    let sql = format!(
        "SELECT count(*) || ' ' || sum(id) || ' ' || count(DISTINCT id) FROM {schema}.large"
    );
    postgres.sql(&sql).expect("rows").trim().to_owned()
}

fn expected() -> String {
    let rows = MANY - 350;
    format!("{rows} {} {rows}", MANY * (MANY - 1) / 2 - (100..450).sum::<u64>())
}

#[test]
fn a_large_table_is_read_in_ranges_by_several_readers() {
    let server = server();
    let source = connect(&server);
    make_large(&source);
    let job = large_job(&server, "oracle_ranges");
    // Four ranges are there, the fifth breaks off; so does whoever is at work beside it.
    server.fail("AS OF SCN", 4, 3113, "end-of-file on communication channel");
    let error = start(&job, 1).ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::SourceConnection, "{error}");
    let (postgres, _) = gaussdb::shared();
    let there: u64 =
        of_large("oracle_ranges").split(' ').next().expect("a count").parse().expect("a number");
    assert!((1..MANY - 350).contains(&there), "{there}");
    let left =
        "SELECT (copied::json->'ranges')::text FROM tailrace.tables WHERE job = 'oracle_ranges'";
    let left = postgres.sql(left).expect("what is left");
    assert!(left.contains("from"), "{left}");
    run(
        &source,
        &["DELETE FROM large WHERE id < 50", "INSERT INTO large VALUES (7, 'later')", "COMMIT"],
    );
    let running = start(&job, 2);
    running.wait_for("the row", "SELECT count(*) FROM oracle_ranges.large WHERE v = 'later'", "1");
    assert_eq!(running.counters.snapshot_rows.load(Ordering::Relaxed), MANY - 350 - there);
    assert!(running.stop().is_none());
    let rows = MANY - 350 - 50 + 1;
    let sum = MANY * (MANY - 1) / 2 - (100..450).sum::<u64>() - (0..50).sum::<u64>() + 7;
    assert_eq!(of_large("oracle_ranges"), format!("{rows} {sum} {rows}"));
}

#[test]
fn a_large_table_whose_past_is_gone_is_begun_anew_when_all_readers_have_left_it() {
    let server = server();
    let source = connect(&server);
    make_large(&source);
    let job = large_job(&server, "oracle_ranges_anew");
    server.fail("AS OF SCN", 5, 1555, "snapshot too old: rollback segment number 1 too small");
    let running = start(&job, 1);
    running.wait_for_increment();
    let told = running.recorder.log();
    let anew = |line: &&String| line.contains("it is copied anew as of SCN");
    assert_eq!(told.iter().filter(anew).count(), 1, "{told:?}");
    assert!(running.stop().is_none());
    assert_eq!(of_large("oracle_ranges_anew"), expected());
}

#[test]
fn without_a_look_at_the_extents_one_reader_reads_a_table() {
    let server = server();
    let source = connect(&server);
    make_large(&source);
    let job = large_job(&server, "oracle_no_extents");
    server.fail("FROM dba_extents", 0, 942, "table or view does not exist");
    let running = start(&job, 1);
    running.wait_for_increment();
    let told = running.recorder.log();
    assert!(told.iter().any(|line| line.contains("SELECT on DBA_EXTENTS")), "{told:?}");
    assert!(running.stop().is_none());
    assert_eq!(of_large("oracle_no_extents"), expected());
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

#[test]
fn a_table_may_be_read_at_once() {
    let server = server();
    let source = connect(&server);
    make_large(&source);
    let name = "oracle_shard_none";
    let mut job = large_job(&server, name);
    job.limits.shard_rows = Some(0);
    let running = start(&job, 1);
    running.wait_for_increment();
    assert_eq!(of_large(name), expected());
    let (postgres, _) = gaussdb::shared();
    let copied = format!("SELECT copied FROM tailrace.tables WHERE job = '{name}'");
    let copied = postgres.sql(&copied).expect("how far it is");
    assert!(!copied.contains("ranges"), "{copied}");
    assert!(running.stop().is_none());
}

/// A table in partitions, of which one has most of the rows, and rows go from one to another.
fn make_partitioned(source: &Connection) {
    run(
        source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE parts (id NUMBER(10) PRIMARY KEY, area VARCHAR2(10), v VARCHAR2(20)) PARTITION BY LIST (area) \
             (PARTITION north VALUES ('n'), PARTITION south VALUES ('s', 'se'), PARTITION others VALUES (DEFAULT)) \
             ENABLE ROW MOVEMENT",
        ],
    );
    for id in 0..600_i64 {
        let area = ["n", "s", "se", "w", "w", "w"][id as usize % 6];
        let v = format!("v {id}");
        source.execute("INSERT INTO parts VALUES (:1, :2, :3)", &[&id, &area, &v]).expect("a row");
    }
    run(source, &["COMMIT", "UPDATE parts SET area = 'n' WHERE id < 30", "COMMIT"]);
}

#[test]
fn a_table_in_partitions_becomes_one_without() {
    for (name, splits) in [("oracle_split", true), ("oracle_unsplit", false)] {
        let server = server();
        let source = connect(&server);
        make_partitioned(&source);
        let mut job = job(&server, name, &["PARTS"]);
        job.limits.splits_partitions = splits;
        let (postgres, _) = gaussdb::shared();
        // The last one that is read breaks off, and what is left is told by the progress.
        server.fail(
            "FROM \"SHOP\".\"PARTS\" AS OF SCN",
            2,
            3113,
            "end-of-file on communication channel",
        );
        let broken = start(&job, 1).ended().map(|error| error.kind());
        let kept = "SELECT copied FROM tailrace.tables WHERE job = ";
        let kept = postgres.sql(&format!("{kept}'{name}'")).expect("progress");
        // Two of three partitions, or as many pieces by the key.
        assert_eq!(kept.contains("ranges"), splits, "{kept}");
        assert_eq!(broken, Some(ErrorKind::SourceConnection));
        run(
            &source,
            &[
                "UPDATE parts SET area = 's', v = 'went' WHERE id >= 100 AND id < 130",
                "DELETE FROM parts WHERE area = 'se' AND id < 100",
                "COMMIT",
                "ALTER TABLE parts ADD PARTITION far VALUES ('f')",
                "INSERT INTO parts VALUES (1000, 'f', 'new')",
                "COMMIT",
            ],
        );
        let running = start(&job, 2);
        let new = format!("SELECT count(*) FROM {name}.parts WHERE v = 'new'");
        running.wait_for("the last change", &new, "1");
        assert!(running.stop().is_none());
        let sql = "SELECT id || '|' || area || '|' || v FROM parts ORDER BY id";
        let rows = source.query(sql, &[]).expect("rows");
        let rows: Vec<String> =
            rows.map(|row| row.and_then(|row| row.get(0)).expect("text")).collect();
        let there = format!("SELECT id || '|' || area || '|' || v FROM {name}.parts ORDER BY id");
        assert_eq!(postgres.sql(&there).expect("rows").trim_end(), rows.join("\n"));
        // What goes without a word in the log stops the job.
        run(&source, &["ALTER TABLE parts TRUNCATE PARTITION north"]);
        let error = start(&job, 3).ended().expect("a named stop");
        assert!(error.message().contains("TRUNCATE PARTITION"), "{error}");
    }
}

/// A row of before and one of after an SCN, and a transaction that was open there.
#[test]
fn rows_are_copied_as_of_the_scn_that_is_asked_for() {
    let server = server();
    let (source, other) = (connect(&server), connect(&server));
    make(&source);
    run(&other, &["INSERT INTO t VALUES ('open', 1, 'open at the SCN')"]);
    run(&source, &["UPDATE t SET v = 'before' WHERE id = 35", "COMMIT"]);
    let scn = || -> u64 {
        let rows = source.query("SELECT current_scn FROM v$database", &[]).expect("an SCN");
        let text: Vec<String> = rows.map(|row| row.and_then(|row| row.get(0)).unwrap()).collect();
        text[0].parse().expect("a number")
    };
    let (begun, asked) = (1_000_000, scn());
    let then = of_source(&source, &["id", "v"]);
    run(
        &source,
        &["UPDATE t SET v = 'later' WHERE id < 70", "DELETE FROM t WHERE id = 77", "COMMIT"],
    );
    run(&other, &["COMMIT"]);
    let now = of_source(&source, &["id", "v"]);
    assert_ne!(then, now);
    let mut full = job(&server, "oracle_at", &["T"]);
    (full.task, full.limits.full_scn) = (TaskType::Full, asked);
    assert!(start(&full, 1).ended().is_none());
    assert_eq!(of_target("oracle_at", &["id", "v"]), then);

    // With an increment, what was open there has to be read from its begin.
    let mut both = job(&server, "oracle_from", &["T"]);
    both.limits.full_scn = asked;
    let error = start(&both, 1).ended().expect("a named stop");
    assert!(error.message().contains("capture_start_scn"), "{error}");
    assert!(error.message().contains("full_scn"), "{error}");
    let mut both = job(&server, "oracle_from_earlier", &["T"]);
    (both.limits.full_scn, both.limits.capture_start_scn) = (asked, begun);
    let running = start(&both, 1);
    let open = "SELECT count(*) FROM oracle_from_earlier.t WHERE v = 'open at the SCN'";
    running.wait_for("the open transaction", open, "1");
    assert_eq!(running.counters.snapshot_rows.load(Ordering::Relaxed), ROWS);
    assert!(running.stop().is_none());
    assert_eq!(of_target("oracle_from_earlier", &["id", "v"]), now);
}

#[test]
fn an_scn_that_cannot_be_had_is_named() {
    let server = server();
    let source = connect(&server);
    make(&source);
    let ended = |name: &str, change: fn(&mut OracleJob)| {
        let mut job = job(&server, name, &["T"]);
        change(&mut job);
        let error = start(&job, 1).ended().expect("a named stop");
        assert!(error.message().contains("full_scn"), "{error}");
        error.kind()
    };
    let future = |job: &mut OracleJob| job.limits.full_scn = 1 << 40;
    assert_eq!(ended("oracle_future", future), ErrorKind::Configuration);
    let no_rows = |job: &mut OracleJob| {
        (job.task, job.limits.full_scn) = (TaskType::Incremental, 1_000_000);
    };
    assert_eq!(ended("oracle_no_rows", no_rows), ErrorKind::Configuration);
    // No later one is taken instead.
    server.fail(
        "AS OF SCN 1000100",
        0,
        1555,
        "snapshot too old: rollback segment number 1 too small",
    );
    let past = |job: &mut OracleJob| job.limits.full_scn = 1_000_100;
    assert_eq!(ended("oracle_past", past), ErrorKind::SourceStatement);
}
