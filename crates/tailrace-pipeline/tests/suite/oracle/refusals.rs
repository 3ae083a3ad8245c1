//! A target that refuses for reasons of its own.

use tailrace_pipeline::ErrorKind;

use super::{connect, job, run, server, start};
use crate::gaussdb;

/// A full disk is waited for, as a lost connection is; a statement that takes too long is named. Nothing is lost or comes twice.
#[test]
fn a_full_disk_and_a_statement_that_takes_too_long_cost_nothing_but_time() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, v VARCHAR2(20))",
            "INSERT INTO t VALUES (1, 'row')",
            "COMMIT",
        ],
    );
    let (_, front) = gaussdb::shared();
    let job = job(&server, "oracle_refusals", &["T"]);
    let full = "could not extend file: No space left on device";
    let late = "canceling statement due to statement timeout";
    // In the full phase, then in the increment.
    front.fail("COPY \"oracle_refusals\".\"t\"", 1, "53100", full);
    let error = start(&job, 1).ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::TargetConnection, "{error}");
    assert!(error.message().contains("No space left"), "{error}");
    let mut rows = 1;
    for (epoch, (code, message, kind)) in (2..)
        .zip([("53100", full, ErrorKind::TargetConnection), ("57014", late, ErrorKind::Target)])
    {
        let running = start(&job, epoch);
        let count = "SELECT count(*) FROM oracle_refusals.t";
        running.wait_for("the rows so far", count, &rows.to_string());
        rows += 1;
        front.fail("INTO \"oracle_refusals\".\"t\"", 1, code, message);
        run(&source, &[&format!("INSERT INTO t VALUES ({rows}, 'later')"), "COMMIT"]);
        let error = running.ended().expect("an error");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(message), "{error}");
    }
    let running = start(&job, 9);
    let all = "SELECT string_agg(id || v, ',' ORDER BY id) FROM oracle_refusals.t";
    running.wait_for("all rows", all, "1row,2later,3later");
    assert!(running.stop().is_none());
}
