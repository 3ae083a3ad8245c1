//! Each type's values come to the same by the full phase and by the increment.

use super::{connect, job, run, server, start};
use crate::gaussdb;

const COLUMNS: &str = "id NUMBER(10) PRIMARY KEY, vc VARCHAR2(40 CHAR), c CHAR(5), nv NVARCHAR2(20), n NUMBER, n62 NUMBER(6,2), \
                       f FLOAT(126), bf BINARY_FLOAT, bd BINARY_DOUBLE, d DATE, ts TIMESTAMP(6), tz TIMESTAMP(6) WITH TIME ZONE, \
                       r RAW(8), ym INTERVAL YEAR(2) TO MONTH, ds INTERVAL DAY(2) TO SECOND(6), cl CLOB, bl BLOB";

/// Values of a row behind its id.
const ROWS: [&str; 3] = [
    "'it''s 100% \\ żółć 中文', 'ab', 'ż''ó\\', -12345678901234567890.5, 1234.56, 0.1, 1.5, -2.5e-100, DATE '2026-11-30', \
     TIMESTAMP '2026-11-30 23:59:59.123456', TO_TIMESTAMP_TZ('2026-06-01 12:00:00.5 -05:30', 'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM'), \
     HEXTORAW('00ff27'), NUMTOYMINTERVAL(27, 'MONTH'), NUMTODSINTERVAL(273905.5, 'SECOND'), 'a clob', HEXTORAW('00')",
    "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
    "' ', ' ', 'n', 0, -0.01, 1, 0, 0, DATE '1970-01-01', TIMESTAMP '1970-01-01 00:00:00', NULL, HEXTORAW('5c'), \
     NUMTOYMINTERVAL(-1, 'MONTH'), NUMTODSINTERVAL(-1, 'DAY'), NULL, NULL",
];

#[test]
fn every_type_is_the_same_by_both_ways() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            &format!("CREATE TABLE kinds ({COLUMNS})"),
        ],
    );
    for (number, row) in ROWS.iter().enumerate() {
        run(&source, &[&format!("INSERT INTO kinds VALUES ({number}, {row})"), "COMMIT"]);
    }
    let job = job(&server, "oracle_types", &["KINDS"]);
    let running = start(&job, 1);
    let count = "SELECT count(*) FROM oracle_types.kinds";
    running.wait_for("the full phase", count, "3");
    for (number, row) in ROWS.iter().enumerate() {
        run(&source, &[&format!("INSERT INTO kinds VALUES ({}, {row})", number + 10), "COMMIT"]);
    }
    // A row of NULLs becomes one with values, and the other way round.
    run(
        &source,
        &[
            &format!("INSERT INTO kinds VALUES (20, {})", ROWS[1]),
            "UPDATE kinds SET vc = 'late', n = 7, cl = 'late clob' WHERE id = 20",
            "INSERT INTO kinds (id, vc, n, cl) VALUES (21, 'late', 7, 'late clob')",
            "COMMIT",
        ],
    );
    running.wait_for("the increment", count, "8");
    let by_both = "SELECT count(*) FROM oracle_types.kinds a JOIN oracle_types.kinds b ON b.id = a.id + 10 \
                   WHERE (a.vc, a.c, a.nv, a.n, a.n62, a.f, a.bf, a.bd, a.d, a.ts, a.tz, a.r, a.ym, a.ds, a.cl, a.bl) \
                   IS NOT DISTINCT FROM (b.vc, b.c, b.nv, b.n, b.n62, b.f, b.bf, b.bd, b.d, b.ts, b.tz, b.r, b.ym, b.ds, b.cl, b.bl)";
    let (postgres, _) = gaussdb::shared();
    let rows = postgres.sql("SELECT t::text FROM oracle_types.kinds t ORDER BY id").expect("rows");
    assert_eq!(postgres.sql(by_both).expect("a count").trim(), "3", "{rows}");
    let first = postgres
        .sql("SET timezone = 'UTC'; SELECT vc, c, nv, n, n62, f, bf, bd, d, ts, tz, r, ym, ds, cl, bl FROM oracle_types.kinds WHERE id = 0")
        .expect("a row");
    let wanted = "it's 100% \\ żółć 中文\tab             \tż'ó\\\t-12345678901234567890.5\t1234.56\t0.1\t1.5\t-2.5e-100\t2026-11-30 00:00:00\t\
                  2026-11-30 23:59:59.123456\t2026-06-01 17:30:00.5+00\t\\x00ff27\t2 years 3 mons\t3 days 04:05:05.5\ta clob\t\\x00";
    assert_eq!(first.trim_end(), wanted);
    let late = "SELECT count(*) FROM oracle_types.kinds WHERE id IN (20, 21) AND (vc, n, cl) = ('late', 7, 'late clob')";
    assert_eq!(postgres.sql(late).expect("a count").trim(), "2", "{rows}");
    assert!(running.stop().is_none());
}
