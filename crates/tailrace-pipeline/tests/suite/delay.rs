//! How far behind its source a job says that it is.

use std::sync::atomic::Ordering::Relaxed;

use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::stages::Wait;

use crate::support::{mysql, spec, start, unique};

/// A job whose tables seldom change is not late because others change theirs.
#[test]
fn changes_of_others_move_a_job_on() {
    let (database, other, sql) = (unique("delay"), unique("other"), mysql());
    let table = |database: &str| {
        format!("CREATE DATABASE {database}; CREATE TABLE {database}.t (id INT PRIMARY KEY);")
    };
    sql.query(&format!("{}{}", table(&database), table(&other))).expect("tables");
    let mut job = start(&spec(&database));
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    sql.query(&format!("INSERT INTO {database}.t VALUES (1)")).expect("a change");
    job.wait_until("the change", |job| job.counters.inserts.load(Relaxed) == 1);
    let stages = &job.counters.stages;
    assert!(stages.read_delay_ms().is_some());
    let waited: Vec<Wait> = Wait::ALL
        .into_iter()
        .zip(stages.waits())
        .filter(|(_, time)| !time.is_zero())
        .map(|(wait, _)| wait)
        .collect();
    assert!(waited.contains(&Wait::Source) && waited.contains(&Wait::Target), "{waited:?}");

    // The time of an event is that of its session; no other event of the shared server has this one.
    sql.query(&format!("SET SESSION timestamp = 1700009000; INSERT INTO {other}.t VALUES (1)"))
        .expect("a change of others");
    job.wait_until("the step", |job| {
        job.counters.source_time_ms.load(Relaxed) == 1_700_009_000_000
    });
    job.stop().expect("a clean stop");
}
