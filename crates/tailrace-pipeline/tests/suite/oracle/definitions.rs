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
