//! A full phase beside others who work on the source.

use std::sync::atomic::{AtomicBool, Ordering};

use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use crate::support::{read_topic, spec_at, start, unique};

/// Rows that even a reader who is alone needs longer for than for the first look.
const ROWS: usize = 60_000;
/// Statements of one call of the application.
const STATEMENTS: usize = 100;

#[test]
fn a_full_phase_says_that_it_makes_room_for_others_and_reads_all() {
    let server = MySqlServer::start(MySqlOptions::default()).expect("a server");
    let sql = server.login();
    let database = unique("pace");
    sql.query(&format!(
        "CREATE DATABASE {database};
         CREATE TABLE {database}.item (id INT PRIMARY KEY, name VARCHAR(40));
         SET SESSION cte_max_recursion_depth = 1000000;
         INSERT INTO {database}.item
           WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
           SELECT i, CONCAT('item ', i) FROM n;"
    ))
    .expect("the schema");
    let mut job_spec = spec_at(&sql, &database);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                sql.query(&"DO 1;".repeat(STATEMENTS)).expect("the application's statements");
            }
        });
        let mut job = start(&job_spec);
        job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
        let log = job.recorder.log();
        over.store(true, Ordering::Relaxed);
        assert!(log.iter().any(|line| line.contains("others send the source")), "{log:?}");
        job.stop().expect("a clean stop");
    });
    assert_eq!(read_topic(&format!("{database}-item")).len(), ROWS);

    // Alone it has nothing to say, nor where no notice is to be taken.
    job_spec.job_id = unique("alone");
    let mut job = start(&job_spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    let log = job.recorder.log();
    assert!(!log.iter().any(|line| line.contains("others send")), "{log:?}");
    job.stop().expect("a clean stop");
}
