//! Jobs of one database read its log once, and none of them misses anything however they come, rest and go.

use std::sync::atomic::{AtomicU64, Ordering};

use oracledb::Connection;
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::oracle_gaussdb::OracleJob;
use tailrace_pipeline::run::Part;
use tailrace_testkit::oracle::{OracleOptions, OracleServer};
use tailrace_testkit::wait;

use super::{LIMIT, PASSWORD, Running, connect, job, run, start};
use crate::gaussdb;

/// Rows that all tables get, in transactions of one row of each.
fn write(connection: &Connection, ids: std::ops::Range<i64>) {
    for id in ids {
        for table in ["shop.a", "shop.b", "other.c"] {
            run(connection, &[&format!("INSERT INTO {table} VALUES ({id}, 'v{id}')")]);
        }
        run(
            connection,
            &["COMMIT", &format!("UPDATE shop.a SET v = 'again' WHERE id = {id}"), "ROLLBACK"],
        );
    }
}

fn wait_for(running: &Running, job: &OracleJob, rows: i64) {
    let table = &job.tables[0].target;
    let sql = format!("SELECT count(*) || ' ' || count(DISTINCT v) FROM {}.{table}", job.job_id);
    running.wait_for("all rows", &sql, &format!("{rows} {rows}"));
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Waits until a job has taken a window that another had read.
fn wait_for_shared(connection: &Connection, running: &[&Running]) {
    let shared = || running.iter().map(|one| count(&one.counters.windows_shared)).sum::<u64>();
    let before = shared();
    wait::until("a window for both", LIMIT, || {
        run(connection, &["UPDATE shop.a SET v = v WHERE id = 0", "COMMIT"]);
        Ok((shared() > before).then_some(()))
    })
    .expect("a window for both");
}

#[test]
fn the_log_is_read_once_for_all_jobs_of_a_database() {
    let mut options = OracleOptions::with_user("SHOP", PASSWORD);
    options.users.insert("OTHER".to_owned(), PASSWORD.to_owned());
    let server = OracleServer::start(options).expect("the stand-in");
    let source = connect(&server);
    run(&source, &["ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS"]);
    for table in ["shop.a", "shop.b", "other.c"] {
        run(
            &source,
            &[&format!("CREATE TABLE {table} (id NUMBER(10) PRIMARY KEY, v VARCHAR2(20))")],
        );
    }
    write(&source, 0..1);
    let (a, b) = (job(&server, "oracle_shared_a", &["A"]), job(&server, "oracle_shared_b", &["B"]));
    let mut c = job(&server, "oracle_shared_c", &["C"]);
    c.tables[0].owner = "OTHER".to_owned();
    let first = start(&a, 1);
    first.wait_for_increment();
    write(&source, 1..20);
    wait_for(&first, &a, 20);
    assert_eq!(count(&first.counters.windows_shared), 0);

    let second = start(&b, 1);
    second.wait_for_increment();
    wait_for_shared(&source, &[&first, &second]);
    write(&source, 20..60);
    wait_for(&first, &a, 60);
    wait_for(&second, &b, 60);

    // One rests, and the other goes on; then it comes back from far behind.
    first.stop.hold(Part::Capture, true);
    wait::until_true("the rest", LIMIT, || first.counters.capture_rests.load(Ordering::Relaxed));
    write(&source, 60..90);
    wait_for(&second, &b, 90);
    first.stop.hold(Part::Capture, false);
    wait_for(&first, &a, 90);
    wait_for_shared(&source, &[&first, &second]);

    // One of another owner's tables, of which nothing is kept yet.
    let third = start(&c, 1);
    third.wait_for_increment();
    write(&source, 90..120);
    for (running, job) in [(&first, &a), (&second, &b), (&third, &c)] {
        wait_for(running, job, 120);
    }
    wait_for_shared(&source, &[&third]);

    // The session that all use breaks: whoever meets that first ends, and the other one may go on.
    assert!(second.stop().is_none());
    server.cut_user("SHOP");
    let source = connect(&server);
    wait::until("an end", LIMIT, || {
        run(&source, &["UPDATE shop.a SET v = v WHERE id = 0", "COMMIT"]);
        Ok([&first, &third].iter().any(|one| one.thread.is_finished()).then_some(()))
    })
    .expect("an end");
    for end in [first.stop(), third.stop()].into_iter().flatten() {
        assert_eq!(end.kind(), ErrorKind::SourceConnection, "{end}");
    }
    write(&source, 120..130);
    let again = [start(&a, 2), start(&b, 2), start(&c, 2)];
    for (running, job) in again.iter().zip([&a, &b, &c]) {
        wait_for(running, job, 130);
    }
    for running in again {
        assert!(running.stop().is_none());
    }
    let (postgres, _) = gaussdb::shared();
    let rows = postgres.sql("SELECT count(*) FROM oracle_shared_a.a WHERE v = 'again'");
    assert_eq!(rows.expect("a count").trim(), "0");
}
