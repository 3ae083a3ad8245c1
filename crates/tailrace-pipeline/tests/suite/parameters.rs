//! Parameters of a job do what they say.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::chaos::ChaosProxy;

use crate::compare::compared;
use crate::support::{mysql, spec, start, unique};

/// More readers than tables, one for each table, one request at a time.
#[test]
fn a_table_may_have_one_reader_and_a_broker_one_request() {
    let database = unique("readers");
    let rows: Vec<String> = (1..=3000).map(|id| format!("({id}, {id})")).collect();
    let rows = rows.join(", ");
    let table = |name: &str| {
        format!(
            "CREATE TABLE {name} (id INT PRIMARY KEY, v INT); INSERT INTO {name} VALUES {rows};"
        )
    };
    let tables = ["a", "b", "c"].map(table).concat();
    mysql().query(&format!("CREATE DATABASE {database}; USE {database}; {tables}")).unwrap();
    let mut spec = spec(&database);
    spec.policy.topic =
        tailrace_pipeline::job::TopicPolicy::PerTable(format!("{database}-$tablename$"));
    spec.limits.snapshot_readers = 5;
    spec.limits.table_readers_max = 1;
    spec.limits.chunk_rows_max = 100;
    (spec.limits.snapshot_requests_max, spec.limits.stream_requests_max) = (1, 1);
    let mut job = start(&spec);
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    mysql().query(&format!("DELETE FROM {database}.a WHERE id % 2 = 0")).unwrap();
    for one in compared(&spec, None).expect("a comparison") {
        assert_eq!(one.outcome, CompareOutcome::Consistent, "{one:?}");
        assert_eq!(one.source_rows, if one.table == "a" { 1500 } else { 3000 });
    }
    job.stop().expect("a clean stop");
}

/// A source that says nothing any more, not even that it lives, is lost after `relay_socket_timeout`.
#[test]
fn a_silent_source_is_left_after_the_time_that_is_set() {
    let (database, sql) = (unique("silent"), mysql());
    sql.query(&format!(
        "CREATE DATABASE {database}; CREATE TABLE {database}.t (id INT PRIMARY KEY)"
    ))
    .unwrap();
    let proxy = ChaosProxy::start(&sql.address()).expect("a proxy");
    let mut spec = spec(&database);
    spec.source.port = proxy.port();
    spec.limits.log_silence_max = Duration::from_secs(2);
    let mut job = start(&spec);
    job.wait_until("the stream", |job| job.recorder.has_reached(Phase::Incremental));
    sql.query(&format!("INSERT INTO {database}.t VALUES (0)")).unwrap();
    job.wait_until("a change", |job| job.counters.inserts.load(Relaxed) == 1);
    let before = proxy.accepted();
    proxy.freeze();
    job.wait_until("another connection", |_| proxy.accepted() > before);
    let log = job.recorder.log();
    assert!(log.iter().any(|line| line.contains("silent for 2 s")), "{log:?}");
    proxy.pass();
    sql.query(&format!("INSERT INTO {database}.t VALUES (1)")).unwrap();
    job.wait_until("the change", |job| job.counters.inserts.load(Relaxed) == 2);
    job.stop().expect("a clean stop");
}
