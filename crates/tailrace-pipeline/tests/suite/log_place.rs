//! Where a job goes on in the log: by the place that it has read up to, as long as that is one of the
//! server's log, and never beyond what its GTID set says.

use std::fs;
use std::sync::atomic::Ordering::Relaxed;

use tailrace_pipeline::job::{JobSpec, StartPosition, TaskType};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};
use tailrace_testkit::wait;

use crate::support::{PATIENCE, read_topic, spec_at, start, unique};

/// Bytes of a log behind which a start that reads it all shows.
const LOG_BYTES: u64 = 16 << 20;

/// A table on a server of its own, whose log begins anew, and a job over it.
struct Scene {
    server: MySqlServer,
    database: String,
    spec: JobSpec,
}

impl Scene {
    fn set() -> Self {
        let server = MySqlServer::start(MySqlOptions::default()).expect("a MySQL");
        let database = unique("place");
        server.sql("RESET BINARY LOGS AND GTIDS").expect("a new log");
        let scene = Self { spec: spec_at(&server.login(), &database), server, database };
        scene.sql(&format!(
            "CREATE DATABASE {0}; USE {0}; CREATE TABLE item (id INT PRIMARY KEY, pad LONGTEXT); \
             CREATE TABLE filler (id INT PRIMARY KEY, pad LONGTEXT)",
            scene.database
        ));
        scene
    }

    fn sql(&self, statements: &str) -> Vec<Vec<String>> {
        self.server.sql(statements).expect("the statements")
    }

    /// Makes the log one that shows whether it is read from its begin.
    fn fill_log(&self) {
        let database = &self.database;
        self.sql(&format!("INSERT INTO {database}.filler VALUES (1, REPEAT('x', {LOG_BYTES}))"));
        // Not to be read by the full phase.
        self.sql(&format!("DROP TABLE {database}.filler"));
    }

    fn insert(&self, id: u32) {
        self.sql(&format!("INSERT INTO {}.item VALUES ({id}, 'row')", self.database));
    }

    /// Runs the job until as many changes have been delivered in this run.
    fn run_until(&self, changes: u64) {
        let mut job = start(&self.spec);
        job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
        job.wait_until("changes", |job| job.counters.inserts.load(Relaxed) >= changes);
        job.stop().expect("a clean stop");
    }

    fn delivered(&self) -> Vec<String> {
        read_topic(&format!("{}-item", self.database))
            .iter()
            .map(|message| message.value["data"][0]["id"].as_str().expect("an id").to_owned())
            .collect()
    }

    /// Bytes that the server has read of its log files since it was started.
    fn log_bytes_read(&self) -> u64 {
        let rows = self.sql(
            "SELECT CAST(SUM(SUM_NUMBER_OF_BYTES_READ) AS UNSIGNED) FROM performance_schema.file_summary_by_instance \
             WHERE EVENT_NAME = 'wait/io/file/sql/binlog'",
        );
        rows.concat().concat().parse().expect("a number")
    }
}

#[test]
fn a_restart_reads_the_log_from_its_place_and_not_from_the_begin_of_the_file() {
    let scene = Scene::set();
    scene.fill_log();
    scene.run_until(0);
    scene.insert(1);
    let before = scene.log_bytes_read();
    scene.run_until(1);
    let read = scene.log_bytes_read() - before;
    assert!(read < LOG_BYTES / 2, "{read} bytes of the log were read");
    assert_eq!(scene.delivered(), ["1"]);
}

#[test]
fn a_first_start_does_not_read_the_log_from_the_begin_of_the_file() {
    let scene = Scene::set();
    scene.fill_log();
    let before = scene.log_bytes_read();
    scene.run_until(0);
    let read = scene.log_bytes_read() - before;
    assert!(read < LOG_BYTES / 2, "{read} bytes of the log were read");
}

/// What the log has of it may lie before the place that the server tells.
#[test]
fn a_first_start_beside_a_transaction_that_is_not_committed_asks_by_gtid() {
    const OWNED: &str = "aaaaaaaa-0000-4000-8000-000000000000:1";
    let scene = Scene::set();
    scene.fill_log();
    let mut session = scene.server.session().expect("a session");
    session.query(&format!("SET gtid_next = '{OWNED}'")).expect("an owner");
    session
        .query(&format!("BEGIN; INSERT INTO {}.item VALUES (1, 'row')", scene.database))
        .expect("a row");
    let before = scene.log_bytes_read();
    let mut job = start(&scene.spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    let read = scene.log_bytes_read() - before;
    assert!(read > LOG_BYTES / 2, "{read} bytes of the log were read");
    session.query("COMMIT").expect("a commit");
    job.wait_until("the change", |job| job.counters.inserts.load(Relaxed) == 1);
    job.stop().expect("a clean stop");
    assert_eq!(scene.delivered(), ["1"]);
}

#[test]
fn a_place_whose_file_is_gone_does_not_hold_up_a_job_that_has_read_it() {
    let scene = Scene::set();
    scene.run_until(0);
    scene.sql("FLUSH BINARY LOGS");
    // The server keeps a file for a moment whose reader has just left.
    wait::until("the file to go", PATIENCE, || {
        scene.sql("PURGE BINARY LOGS TO 'binlog.000002'");
        let files = scene.sql("SHOW BINARY LOGS").concat();
        Ok((!files.contains(&"binlog.000001".to_owned())).then_some(()))
    })
    .expect("the file is gone");
    scene.insert(1);
    scene.run_until(1);
    assert_eq!(scene.delivered(), ["1"]);
}

/// As behind a restore: the log is another one, and the place lies in the midst of an event of it.
#[test]
fn a_place_in_a_log_that_was_begun_anew_is_not_taken() {
    let scene = Scene::set();
    scene.run_until(0);
    let executed = scene.sql("SELECT @@GLOBAL.gtid_executed").concat().concat().replace('\n', "");
    scene.sql(&format!(
        "RESET BINARY LOGS AND GTIDS; SET GLOBAL gtid_purged = '{executed}';
         INSERT INTO {}.item VALUES (1, REPEAT('x', 65536))",
        scene.database
    ));
    scene.insert(2);
    scene.run_until(2);
    assert_eq!(scene.delivered(), ["1", "2"]);
}

#[test]
fn another_server_is_asked_by_gtid_alone() {
    let mut scene = Scene::set();
    scene.run_until(0);
    let before = scene.sql("SELECT @@server_uuid");
    // A server without this file takes a new identity; its log stays as it is.
    fs::remove_file(scene.server.dir().join("data/auto.cnf")).expect("the identity");
    scene.server.restart().expect("a restart");
    assert_ne!(scene.sql("SELECT @@server_uuid"), before);
    scene.insert(1);
    scene.run_until(1);
    // And that one is told the place again.
    scene.insert(2);
    scene.run_until(1);
    assert_eq!(scene.delivered(), ["1", "2"]);
}

/// The set says what is read, wherever it lies: a replica's log may have it behind what is not read.
#[test]
fn what_the_set_has_is_left_out_behind_the_place_too() {
    const FOREIGN: &str = "aaaaaaaa-0000-4000-8000-000000000000";
    let mut scene = Scene::set();
    let executed = scene.sql("SELECT @@GLOBAL.gtid_executed").concat().concat().replace('\n', "");
    scene.spec.task = TaskType::Incremental;
    scene.spec.start = Some(StartPosition {
        file: String::new(),
        offset: 4,
        gtid_set: Some(format!("{executed},{FOREIGN}:1-2")),
    });
    let apply = |number: u32, id: u32| {
        scene.sql(&format!(
            "SET gtid_next = '{FOREIGN}:{number}'; INSERT INTO {}.item VALUES ({id}, 'row'); SET gtid_next = AUTOMATIC",
            scene.database
        ));
    };
    apply(1, 10);
    scene.insert(1);
    scene.run_until(1);
    // The server has executed only a part of the set: it is asked by the set alone.
    scene.insert(2);
    scene.run_until(1);
    apply(2, 20);
    scene.insert(3);
    scene.run_until(1);
    assert_eq!(scene.delivered(), ["1", "2", "3"]);
}
