//! Definitions of tables are applied in the order of the log, and what has no counterpart stops the job by name.

use tailrace_pipeline::ErrorKind;

use super::{connect, job, run, server, start};
use crate::gaussdb;

#[test]
fn columns_that_come_go_and_change_are_followed() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, a VARCHAR2(5), b NUMBER(4))",
            "INSERT INTO t VALUES (1, 'one', 1)",
            "COMMIT",
        ],
    );
    let job = job(&server, "oracle_definitions", &["T"]);
    let mut running = start(&job, 1);
    let columns = "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute \
                   WHERE attrelid = to_regclass('oracle_definitions.t') AND attnum > 0 AND NOT attisdropped";
    let rows = "SELECT string_agg(t::text, ' ' ORDER BY id) FROM oracle_definitions.t t";
    running.wait_for("the full phase", rows, "(1,one,1)");
    for (statements, wanted_columns, wanted_rows) in [
        (
            &[
                "ALTER TABLE t ADD (c NUMBER(3) DEFAULT 7, d VARCHAR2(4 CHAR))",
                "INSERT INTO t VALUES (2, 'two', 2, 3, 'dd')",
            ][..],
            "id bigint,a character varying(15),b smallint,c smallint,d character varying(16)",
            "(1,one,1,7,) (2,two,2,3,dd)",
        ),
        (
            &[
                "ALTER TABLE t MODIFY (a VARCHAR2(50), b NUMBER(12))",
                "UPDATE t SET a = 'longer than five', b = 123456789012 WHERE id = 1",
            ],
            "id bigint,a character varying(150),b bigint,c smallint,d character varying(16)",
            "(1,\"longer than five\",123456789012,7,) (2,two,2,3,dd)",
        ),
        (
            &["ALTER TABLE t RENAME COLUMN a TO name", "UPDATE t SET name = 'n' WHERE id = 1"],
            "id bigint,name character varying(150),b bigint,c smallint,d character varying(16)",
            "(1,n,123456789012,7,) (2,two,2,3,dd)",
        ),
        (
            &["ALTER TABLE t DROP (b, c)", "INSERT INTO t (id, d) VALUES (3, 'x')"],
            "id bigint,name character varying(150),d character varying(16)",
            "(1,n,) (2,two,dd) (3,,x)",
        ),
        // What the target's table does not have.
        (
            &[
                "ALTER TABLE t ADD SUPPLEMENTAL LOG DATA (PRIMARY KEY) COLUMNS",
                "DELETE FROM t WHERE id = 3",
            ],
            "id bigint,name character varying(150),d character varying(16)",
            "(1,n,) (2,two,dd)",
        ),
        (
            &["TRUNCATE TABLE t", "INSERT INTO t VALUES (9, 'nine', NULL)"],
            "id bigint,name character varying(150),d character varying(16)",
            "(9,nine,)",
        ),
    ] {
        run(&source, statements);
        run(&source, &["COMMIT"]);
        running.wait_for(statements[0], rows, wanted_rows);
        running.wait_for(statements[0], columns, wanted_columns);
    }
    // Stopped and started, nothing is applied twice.
    assert!(running.stop().is_none());
    running = start(&job, 2);
    run(&source, &["INSERT INTO t VALUES (10, 'ten', NULL)", "COMMIT"]);
    running.wait_for("another row", rows, "(9,nine,) (10,ten,)");
    run(&source, &["ALTER TABLE t ADD at DATE DEFAULT NULL", "COMMIT"]);
    running.wait_for("a column", rows, "(9,nine,,) (10,ten,,)");
    assert!(running.stop().is_none());
    let (postgres, _) = gaussdb::shared();
    assert!(postgres.sql(columns).expect("columns").contains("at timestamp(0) without time zone"));
}

#[test]
fn a_definition_that_is_not_understood_stops_the_job_by_name() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY)",
            "INSERT INTO t VALUES (1)",
            "COMMIT",
        ],
    );
    let job = job(&server, "oracle_not_understood", &["T"]);
    let running = start(&job, 1);
    running.wait_for("the full phase", "SELECT count(*) FROM oracle_not_understood.t", "1");
    run(&source, &["ALTER TABLE t ADD (g ROWID)", "ALTER TABLE t RENAME COLUMN g TO \"a.b\""]);
    let error = running.thread.join().expect("the job").expect_err("a stop");
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{error}");
    assert!(error.message().contains("SHOP.T was defined anew at SCN"), "{error}");
    assert!(error.message().contains("'.' may not be in a name"), "{error}");
}

/// LogMiner's dictionary is that of today: rows from before a definition are told by numbers and bytes, and are decoded by the
/// version that the table had then.
#[test]
fn rows_from_before_a_definition_are_read_as_they_were() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, a VARCHAR2(20), d DATE, ts TIMESTAMP(6), f BINARY_DOUBLE, n NVARCHAR2(9))",
            "INSERT INTO t VALUES (1, 'one', NULL, NULL, NULL, NULL)",
            "COMMIT",
        ],
    );
    let job = job(&server, "oracle_before_definitions", &["T"]);
    let running = start(&job, 1);
    let rows = "SELECT string_agg(t::text, ' ' ORDER BY id) FROM oracle_before_definitions.t t";
    running.wait_for("the full phase", rows, "(1,one,,,,)");
    assert!(running.stop().is_none());
    // While the job is stopped: what it finds is behind three definitions.
    run(
        &source,
        &[
            "INSERT INTO t VALUES (2, 'it''s', DATE '2026-11-30', TIMESTAMP '2026-11-30 01:02:03.456', -1.5, 'żó')",
            "INSERT INTO t VALUES (3, 'three', NULL, NULL, 1e100, NULL)",
            "COMMIT",
            "ALTER TABLE t DROP COLUMN d",
            "UPDATE t SET a = 'changed', n = 'x' WHERE id = 2",
            "UPDATE t SET id = 4 WHERE id = 3",
            "COMMIT",
            "ALTER TABLE t ADD (z NUMBER(4,1) DEFAULT 2.5)",
            "DELETE FROM t WHERE id = 1",
            "INSERT INTO t VALUES (5, 'five', NULL, NULL, NULL, 0)",
            "COMMIT",
            "ALTER TABLE t RENAME COLUMN a TO name",
            "UPDATE t SET name = 'last' WHERE id = 5",
            "COMMIT",
        ],
    );
    let running = start(&job, 2);
    let wanted =
        "(2,changed,\"2026-11-30 01:02:03.456\",-1.5,x,2.5) (4,three,,1e+100,,2.5) (5,last,,,,0.0)";
    running.wait_for("all of it", rows, wanted);
    // Once more, from the begin of the last window: nothing is done twice.
    assert!(running.stop().is_none());
    run(&source, &["INSERT INTO t (id) VALUES (6)", "COMMIT"]);
    let running = start(&job, 3);
    running.wait_for("the end", rows, &format!("{wanted} (6,,,,,2.5)"));
    assert_eq!(running.counters.inserts.load(std::sync::atomic::Ordering::Relaxed), 1);
    let redo = running.recorder.durable.lock().unwrap().as_ref().and_then(|it| it.redo);
    assert!(
        redo.is_some_and(|redo| redo.read >= redo.applied && redo.applied > redo.begun),
        "{redo:?}"
    );
    assert!(running.stop().is_none());
}
