//! A log that does not tell keys: the job stops at such a change, or reads the key by the row's place.

use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::oracle_gaussdb::OracleJob;
use tailrace_pipeline::precheck::{self, CheckResult};

use super::{connect, job, run, server, start};

#[test]
fn keys_that_the_log_does_not_tell_are_read_where_the_rows_are() {
    let server = server();
    let (source, other) = (connect(&server), connect(&server));
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA",
            "CREATE TABLE t (a VARCHAR2(5), id NUMBER(10), v VARCHAR2(20), n CLOB, PRIMARY KEY (a, id))",
            "INSERT INTO t (a, id, v) VALUES ('x', 1, 'one')",
            "INSERT INTO t (a, id, v) VALUES ('x', 2, 'two')",
            "INSERT INTO t (a, id, v) VALUES ('y', 3, 'three')",
            "COMMIT",
        ],
    );
    let mut job = job(&server, "oracle_untold", &["T"]);
    let logged = |job: &OracleJob| {
        let items = precheck::run_plan(&job.clone().into());
        items
            .into_iter()
            .find(|item| item.item == "srcSupplementalLogCheck")
            .expect("an item")
            .result
    };
    assert_eq!(logged(&job), CheckResult::Failed);
    let running = start(&job, 1);
    running.wait_for_increment();
    run(&source, &["UPDATE t SET v = 'uno' WHERE id = 1", "COMMIT"]);
    let error = running.ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::SourceSetting, "{error}");
    assert!(error.message().contains("supplemental logging is too low"), "{error}");

    job.limits.reads_missing_keys = true;
    assert_eq!(logged(&job), CheckResult::Alarm);
    // A row of the transaction's own; one whose key it changes, between two changes; one that it deletes; one that another
    // transaction has changed before; one that is rolled back in part.
    run(
        &other,
        &["UPDATE t SET id = 30 WHERE id = 3", "COMMIT", "UPDATE t SET v = 'drei' WHERE id = 30"],
    );
    run(
        &source,
        &[
            "INSERT INTO t (a, id, v) VALUES ('z', 4, 'four')",
            "UPDATE t SET v = 'vier' WHERE id = 4",
            "UPDATE t SET v = 'due' WHERE id = 2",
            "UPDATE t SET id = 20, a = 'w' WHERE id = 2",
            "UPDATE t SET v = 'zwei' WHERE id = 20",
            "UPDATE t SET v = 'eins' WHERE id = 1",
            "SAVEPOINT a",
            "UPDATE t SET v = 'gone' WHERE id = 20",
            "ROLLBACK TO SAVEPOINT a",
            "UPDATE t SET id = 21 WHERE id = 20",
            "UPDATE t SET v = 'deux' WHERE id = 21",
            "DELETE FROM t WHERE id = 1",
            "COMMIT",
        ],
    );
    run(&other, &["COMMIT"]);
    let text = "n".repeat(5000);
    source.execute("UPDATE t SET n = :1 WHERE id = 4", &[&text]).expect("an update");
    run(&source, &["UPDATE t SET v = 'end' WHERE id = 4", "COMMIT"]);
    let running = start(&job, 2);
    let sql = "SELECT string_agg(a || id || v || coalesce(length(n), 0), ',' ORDER BY id) FROM oracle_untold.t";
    running.wait_for("all changes", sql, "z4end5000,w21deux0,y30drei0");
    assert!(running.stop().is_none());
}
