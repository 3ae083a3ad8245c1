//! A source that says nothing any more.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tailrace_pipeline::ErrorKind;
use tailrace_testkit::chaos::ChaosProxy;
use tailrace_testkit::wait;

use super::{LIMIT, connect, job, run, server, start};

/// It is lost after `datamove_source_socket_timeout`, wherever the job is.
#[test]
fn a_silent_source_is_left_after_the_time_that_is_set() {
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
    let proxy = ChaosProxy::start(&format!("127.0.0.1:{}", server.port())).expect("a proxy");
    let mut job = job(&server, "oracle_silent", &["T"]);
    job.source.listeners = vec![("127.0.0.1".to_owned(), proxy.port())];
    job.limits.statement_silence_max = Duration::from_secs(1);
    let running = start(&job, 1);
    running.wait_for("the row", "SELECT count(*) FROM oracle_silent.t", "1");
    // The log is read by a session of its own.
    wait::until("the log's reader", LIMIT, || {
        Ok((running.counters.windows_mined.load(Ordering::Relaxed) > 0).then_some(()))
    })
    .expect("a window");
    proxy.freeze();
    let error = running.ended().expect("an error");
    assert_eq!(error.kind(), ErrorKind::SourceConnection, "{error}");
    assert!(error.message().contains("datamove_source_socket_timeout"), "{error}");
    proxy.pass();
    run(&source, &["INSERT INTO t VALUES (2)", "COMMIT"]);
    let running = start(&job, 2);
    running.wait_for("the change", "SELECT count(*) FROM oracle_silent.t", "2");
    assert!(running.stop().is_none());
}
