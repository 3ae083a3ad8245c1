//! Reading the log and applying it rest and go on, each by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tailrace_pipeline::run::Part;
use tailrace_testkit::wait;

use super::{LIMIT, connect, job, run, server, start};
use crate::gaussdb;

#[test]
fn each_part_rests_alone_and_nothing_is_lost() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(9) PRIMARY KEY, v VARCHAR2(40))",
        ],
    );
    let running = start(&job(&server, "ora_parts", &["T"]), 1);
    running.wait_for_increment();
    let counters = Arc::clone(&running.counters);
    let becomes = |what: &str, flag: &AtomicBool, wanted: bool| {
        wait::until_true(what, LIMIT, || flag.load(Ordering::Relaxed) == wanted);
    };
    let captured = || counters.captured_scn.load(Ordering::Relaxed);
    let count = || {
        let (postgres, _) = gaussdb::shared();
        postgres.sql("SELECT count(*) FROM ora_parts.t").expect("a count").trim().to_owned()
    };
    // The log is read on while nothing is applied.
    running.stop.hold(Part::Apply, true);
    becomes("applying rests", &counters.apply_rests, true);
    for id in 1..=10 {
        run(&source, &[&format!("INSERT INTO t VALUES ({id}, 'x')"), "COMMIT"]);
    }
    let row = source.query_row("SELECT current_scn FROM v$database", &[]).expect("a row");
    let there = u64::try_from(row.get::<i64>(0).expect("an SCN")).expect("an SCN");
    wait::until_true("the log is read", LIMIT, || captured() > there);
    assert_eq!(count(), "0");
    // Then neither.
    running.stop.hold(Part::Capture, true);
    becomes("reading rests", &counters.capture_rests, true);
    let read = captured();
    running.stop.hold(Part::Apply, false);
    running.wait_for("what was read", "SELECT count(*) FROM ora_parts.t", "10");
    becomes("applying goes on", &counters.apply_rests, false);
    run(&source, &["INSERT INTO t VALUES (11, 'x')", "COMMIT"]);
    // Whatever is looked at, the log is not: the job asks the source nothing.
    assert_eq!(captured(), read);
    running.stop.hold(Part::Capture, false);
    running.wait_for("the rest", "SELECT count(*) FROM ora_parts.t", "11");
    assert!(!counters.capture_rests.load(Ordering::Relaxed));
    // A job can be stopped while its parts rest.
    running.stop.hold(Part::Capture, true);
    running.stop.hold(Part::Apply, true);
    becomes("applying rests", &counters.apply_rests, true);
    assert!(running.stop().is_none());
}
