//! Changes that the target refuses are put aside with all that is known of them, and come to an end by what the source has.

use tailrace_codec::gaussdb::apply::Conflict;
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::oracle_gaussdb::compare::Repaired;
use tailrace_pipeline::oracle_gaussdb::{AsideRow, OracleJob, dirty};
use tailrace_pipeline::run::StopSignal;
use tailrace_testkit::wait;

use super::{LIMIT, Running, connect, job, run, server, start};
use crate::gaussdb;

fn sql(text: &str) -> String {
    let (postgres, _) = gaussdb::shared();
    postgres.sql(text).unwrap_or_else(|e| panic!("{text}: {e}")).trim().to_owned()
}

fn listed(job: &OracleJob) -> Vec<AsideRow> {
    let (count, rows) =
        dirty::list(job, (0, i64::MAX), (0, 100), &StopSignal::new()).expect("what is put aside");
    assert_eq!(count, rows.len() as u64);
    rows
}

fn reapply(job: &OracleJob, ids: &[u64]) -> Vec<(u64, Repaired)> {
    let mut told = Vec::new();
    dirty::reapply(job, ids, &StopSignal::new(), &mut |id, outcome| told.push((id, outcome)))
        .expect("an end of what is put aside");
    told.sort_by_key(|(id, _)| *id);
    told
}

/// Waits until everything that is committed at the source is applied or put aside.
fn wait_for(job: &OracleJob, running: &Running, marker: u32) {
    let there = format!("SELECT count(*) FROM {}.marker WHERE id = {marker}", job.job_id);
    running.wait_for("the marker", &there, "1");
}

#[test]
fn what_is_refused_is_put_aside_once_and_comes_to_an_end() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(9) PRIMARY KEY, v VARCHAR2(40), at DATE)",
            "CREATE TABLE marker (id NUMBER(9) PRIMARY KEY)",
            "INSERT INTO t (id, v) VALUES (1, 'a')",
            "COMMIT",
        ],
    );
    let mut job = job(&server, "ora_dirty", &["T", "MARKER"]);
    job.limits.dirty_rows_max = 4;
    let running = start(&job, 1);
    running.wait_for_increment();
    sql("ALTER TABLE ora_dirty.t ADD CONSTRAINT short CHECK (length(v) < 4 AND id < 1000)");
    run(
        &source,
        &[
            "INSERT INTO t (id, v) VALUES (2, 'fit')",
            "INSERT INTO t (id, v) VALUES (3, 'it''s long')",
            "UPDATE t SET v = 'longer' WHERE id = 1",
            "INSERT INTO t (id, v) VALUES (4, 'fit')",
            "COMMIT",
            "UPDATE t SET id = 2000 WHERE id = 2",
            "INSERT INTO marker VALUES (1)",
            "COMMIT",
        ],
    );
    wait_for(&job, &running, 1);
    let rows = listed(&job);
    let told: Vec<(u64, &str, &str)> =
        rows.iter().map(|row| (row.id, row.table.as_str(), row.kind.as_str())).collect();
    assert_eq!(told, [(1, "SHOP.T", "insert"), (2, "SHOP.T", "update"), (3, "SHOP.T", "update")]);
    assert!(rows[0].sql.contains("'it''s long'"), "{:?}", rows[0]);
    assert!(rows.iter().all(|row| row.error.contains("short") && row.at_ms > 0), "{rows:?}");
    assert!(rows[0].scn == rows[1].scn && rows[1].scn < rows[2].scn, "{rows:?}");
    assert_eq!(sql("SELECT string_agg(id || v, ',' ORDER BY id) FROM ora_dirty.t"), "1a,2fit,4fit");
    let counted = running.counters.dead_letters.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(counted, 3);
    // As long as the target refuses it, it stays; a later change of a row counts, and not the one that was put aside.
    run(
        &source,
        &["UPDATE t SET v = 'ok' WHERE id = 1", "INSERT INTO marker VALUES (2)", "COMMIT"],
    );
    wait_for(&job, &running, 2);
    let told = reapply(&job, &[1, 2, 77]);
    assert!(matches!(&told[0], (1, Repaired::Failed(why)) if why.contains("short")), "{told:?}");
    assert_eq!(told[1..], [(2, Repaired::Equal)]);
    sql("ALTER TABLE ora_dirty.t DROP CONSTRAINT short");
    assert_eq!(reapply(&job, &[1, 3]), [(1, Repaired::Done), (3, Repaired::Done)]);
    let all = "SELECT string_agg(id || v, ',' ORDER BY id) FROM ora_dirty.t";
    assert_eq!(sql(all), "1ok,3it's long,4fit,2000fit");
    assert!(listed(&job).is_empty());
    // As many as there may be, then the job stops and nothing of the batch is there; a restart puts none aside twice.
    sql("ALTER TABLE ora_dirty.t ADD CONSTRAINT few CHECK (id < 10 OR id > 50) NOT VALID");
    for id in 11..=14 {
        run(&source, &[&format!("INSERT INTO t (id, v) VALUES ({id}, 'x')"), "COMMIT"]);
    }
    wait::until_true("four are put aside", LIMIT, || listed(&job).len() == 4);
    run(
        &source,
        &[
            "INSERT INTO t (id, v) VALUES (15, 'x')",
            "INSERT INTO t (id, v) VALUES (5, 'x')",
            "COMMIT",
        ],
    );
    let error = running.ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::TargetRow);
    assert!(
        error.message().contains("dirty_rows_max") && error.message().contains("few"),
        "{error}"
    );
    assert_eq!((sql(all), listed(&job).len()), ("1ok,3it's long,4fit,2000fit".to_owned(), 4));
    let ids: Vec<u64> = listed(&job).iter().map(|row| row.id).collect();
    assert_eq!(dirty::discard(&job, &ids[..3], &StopSignal::new()).expect("a discard"), 3);
    let running = start(&job, 2);
    running.wait_for("the other change", "SELECT count(*) FROM ora_dirty.t WHERE id = 5", "1");
    let left: Vec<u64> = listed(&job).iter().map(|row| row.id).collect();
    assert_eq!(left, [ids[3], ids[3] + 1]);
    assert!(running.stop().is_none());
}

#[test]
fn a_policy_that_stops_at_conflicts_stops_at_them() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(9) PRIMARY KEY, v VARCHAR2(40))",
        ],
    );
    let mut job = job(&server, "ora_dirty_stop", &["T"]);
    job.limits.dirty_rows_max = 4;
    job.conflict = Conflict::Stop;
    let running = start(&job, 1);
    running.wait_for_increment();
    sql("INSERT INTO ora_dirty_stop.t VALUES (1, 'theirs')");
    sql("ALTER TABLE ora_dirty_stop.t ADD CONSTRAINT short CHECK (length(v) < 8)");
    run(&source, &["INSERT INTO t VALUES (2, 'much too long')", "COMMIT"]);
    wait::until_true("one is put aside", LIMIT, || listed(&job).len() == 1);
    run(&source, &["INSERT INTO t VALUES (1, 'ours')", "COMMIT"]);
    let error = running.ended().expect("an error");
    assert!(error.message().contains("23505"), "{error}");
    assert_eq!(
        (sql("SELECT v FROM ora_dirty_stop.t"), listed(&job).len()),
        ("theirs".to_owned(), 1)
    );
}
