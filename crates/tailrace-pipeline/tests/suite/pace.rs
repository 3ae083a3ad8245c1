//! A full phase beside others who work on the source.

use std::sync::atomic::{AtomicBool, Ordering};

use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::run::Rate;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use crate::support::{read_topic, spec_at, start, unique};

/// Rows of the table.
const ROWS: usize = 60_000;
/// Rows per second until the job has seen the application: however seldom that gets a core, the full phase lasts longer.
const ROWS_PER_SECOND: u64 = 500;
/// Statements of one call of the application.
const STATEMENTS: usize = 100;

/// Ends the application, also where the test fails.
struct EndOf<'a>(&'a AtomicBool);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

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
        let end_of_application = EndOf(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                sql.query(&"DO 1;".repeat(STATEMENTS)).expect("the application's statements");
            }
        });
        job_spec.limits.rows_per_second_max = Some(ROWS_PER_SECOND);
        let mut job = start(&job_spec);
        job.wait_until("word of the others", |j| {
            j.recorder.log().iter().any(|line| line.contains("others send the source"))
        });
        job.stop.set_rate(Rate::default());
        job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
        drop(end_of_application);
        job.stop().expect("a clean stop");
    });
    assert_eq!(read_topic(&format!("{database}-item")).len(), ROWS);

    // Alone it has nothing to say, nor where no notice is to be taken.
    job_spec.job_id = unique("alone");
    job_spec.limits.rows_per_second_max = None;
    let mut job = start(&job_spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    let log = job.recorder.log();
    assert!(!log.iter().any(|line| line.contains("others send")), "{log:?}");
    job.stop().expect("a clean stop");
}
