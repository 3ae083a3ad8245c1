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
        dirty::list(job, (0, i64::MAX), (0, 1000), &StopSignal::new()).expect("what is put aside");
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

/// A table with rows of which the target refuses two.
fn with_rows(source: &oracledb::Connection, name: &str) {
    run(source, &["CREATE TABLE t (id NUMBER(9) PRIMARY KEY, v VARCHAR2(40), doc CLOB)"]);
    for id in 1..=90_i64 {
        let v = if id == 33 || id == 71 { "bad" } else { "a\\b\tc" };
        let doc = "long\n".repeat(if id == 40 { 70_000 } else { 1 });
        source.execute("INSERT INTO t VALUES (:1, :2, :3)", &[&id, &v, &doc]).expect("a row");
    }
    run(source, &["ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS", "COMMIT"]);
    for statement in [
        format!("CREATE SCHEMA {name} AUTHORIZATION tailrace"),
        format!(
            "CREATE TABLE {name}.t (id bigint PRIMARY KEY, v varchar(60) CHECK (v <> 'bad'), doc text)"
        ),
        format!("ALTER TABLE {name}.t OWNER TO tailrace"),
    ] {
        sql(&statement);
    }
}

#[test]
fn rows_of_the_full_phase_that_are_refused_are_put_aside() {
    let name = "ora_dirty_full";
    let server = server();
    let source = connect(&server);
    with_rows(&source, name);
    let mut job = job(&server, name, &["T"]);
    job.make_structure = false;
    // Without room for it the job stops.
    let error = start(&job, 1).ended().expect("an end");
    assert!(error.message().contains("t_v_check"), "{error}");
    job.limits.dirty_rows_max = 1;
    let error = start(&job, 2).ended().expect("an end");
    assert_eq!(error.kind(), ErrorKind::TargetRow, "{error}");
    assert!(error.message().contains("dirty_rows_max"), "{error}");
    job.limits.dirty_rows_max = 2;
    let running = start(&job, 3);
    running.wait_for_increment();
    let rows = listed(&job);
    let told: Vec<_> = rows.iter().map(|row| (row.kind.as_str(), &row.keys)).collect();
    let key = |id: &str| vec![vec![("id".to_owned(), id.to_owned())]];
    assert_eq!(told, [("insert", &key("33")), ("insert", &key("71"))]);
    assert!(rows.iter().all(|row| row.scn > 0 && row.error.contains("t_v_check")), "{rows:?}");
    let counted =
        |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    // The other one was put aside by the run before, whose pieces are there.
    assert_eq!(counted(&running.counters.dead_letters), 1);
    assert_eq!(sql(&format!("SELECT count(*) FROM {name}.t")), "88");
    assert_eq!(sql(&format!("SELECT v FROM {name}.t WHERE id = 40")), "a\\b\tc");
    assert_eq!(sql(&format!("SELECT length(doc) FROM {name}.t WHERE id = 40")), "350000");
    // They come to an end as others do, by what the source has where the target is.
    assert!(running.stop().is_none());
    sql(&format!("ALTER TABLE {name}.t DROP CONSTRAINT t_v_check"));
    let repaired: Vec<_> = reapply(&job, &[rows[0].id, rows[1].id]);
    assert!(repaired.iter().all(|(_, o)| !matches!(o, Repaired::Failed(_))), "{repaired:?}");
    assert_eq!(sql(&format!("SELECT v FROM {name}.t WHERE id IN (33, 71)")), "bad\nbad");
    assert!(listed(&job).is_empty());
}

#[test]
fn inserted_rows_leave_those_alone_that_are_there() {
    let name = "ora_inserted";
    let server = server();
    let source = connect(&server);
    with_rows(&source, name);
    run(&source, &["UPDATE t SET v = 'good' WHERE v = 'bad'", "COMMIT"]);
    for id in [1, 2, 60] {
        sql(&format!("INSERT INTO {name}.t VALUES ({id}, 'own', NULL)"));
    }
    let mut job = job(&server, name, &["T"]);
    job.make_structure = false;
    let error = start(&job, 1).ended().expect("an end");
    assert!(error.message().contains("duplicate key"), "{error}");
    job.limits.inserts_rows = true;
    let running = start(&job, 2);
    running.wait_for_increment();
    assert_eq!(sql(&format!("SELECT count(*) FROM {name}.t")), "90");
    let own = format!("SELECT string_agg(id::text, ',' ORDER BY id) FROM {name}.t WHERE v = 'own'");
    assert_eq!(sql(&own), "1,2,60");
    assert_eq!(sql(&format!("SELECT length(doc) FROM {name}.t WHERE id = 40")), "350000");
    assert!(running.stop().is_none());
}

#[test]
fn several_appliers_and_readers_put_aside_what_is_refused() {
    let name = "ora_dirty_parallel";
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(9) PRIMARY KEY, v VARCHAR2(40))",
            "CREATE TABLE u (id NUMBER(9) PRIMARY KEY, v VARCHAR2(40))",
            "CREATE TABLE marker (id NUMBER(9) PRIMARY KEY)",
        ],
    );
    let write = |ids: std::ops::Range<i64>| {
        for id in ids {
            let v = if id % 5 == 0 { "bad" } else { "fit" };
            for table in ["t", "u"] {
                let insert = format!("INSERT INTO {table} VALUES (:1, :2)");
                source.execute(&insert, &[&id, &v]).expect("a row");
            }
            run(&source, &["COMMIT"]);
        }
    };
    write(0..100);
    sql(&format!("CREATE SCHEMA {name} AUTHORIZATION tailrace"));
    for (table, check) in [("t", "CHECK (v <> 'bad')"), ("u", "CHECK (v <> 'bad')"), ("marker", "")]
    {
        sql(&format!("CREATE TABLE {name}.{table} (id bigint PRIMARY KEY, v varchar(60) {check})"));
        sql(&format!("ALTER TABLE {name}.{table} OWNER TO tailrace"));
    }
    sql(&format!("ALTER TABLE {name}.marker DROP COLUMN v"));
    let mut job = job(&server, name, &["T", "U", "MARKER"]);
    job.make_structure = false;
    job.limits.appliers = 3;
    job.limits.snapshot_readers = 3;
    job.limits.dirty_rows_max = 1000;
    let running = start(&job, 1);
    running.wait_for_increment();
    assert_eq!(listed(&job).len(), 40);
    write(100..300);
    run(&source, &["INSERT INTO marker VALUES (1)", "COMMIT"]);
    wait_for(&job, &running, 1);
    let rows = listed(&job);
    let mut keys: Vec<(String, u64)> = rows
        .iter()
        .map(|row| (row.table.clone(), row.keys[0][0].1.parse().expect("an id")))
        .collect();
    keys.sort();
    let expected: Vec<(String, u64)> = ["SHOP.T", "SHOP.U"]
        .iter()
        .flat_map(|table| (0..60).map(|number| ((*table).to_owned(), 5 * number)))
        .collect();
    assert_eq!(keys, expected);
    // Each has the SCN of its own transaction.
    let scns: std::collections::BTreeSet<u64> =
        rows.iter().filter(|row| row.keys[0][0].1.len() == 3).map(|row| row.scn).collect();
    assert_eq!(scns.len(), 40);
    let counted = running.counters.dead_letters.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(counted, 120);
    assert!(running.stop().is_none());
    assert_eq!(sql(&format!("SELECT count(*) FROM {name}.t")), "240");
}
