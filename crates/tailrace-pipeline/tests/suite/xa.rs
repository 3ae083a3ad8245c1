//! Distributed transactions in one and two phases, with GTIDs and without. The servers are the tests'
//! own: what is prepared anywhere on a server makes a job wait that begins there.

use std::sync::atomic::Ordering;

use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::{JobSpec, StartPosition, TaskType};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mariadb::MariaDbOptions;
use tailrace_testkit::servers::mysql::MySqlOptions;

use crate::support::{Seen, Server, read_topic, spec_at, start, unique};

const TABLE: &str =
    "CREATE TABLE item (id INT PRIMARY KEY, name VARCHAR(40)); INSERT INTO item VALUES (1, 'one');";

/// A database with a table on a server of its own, and a job over it.
struct Scene {
    server: Server,
    database: String,
    spec: JobSpec,
}

impl Scene {
    fn set(server: Server) -> Self {
        let database = unique("xa");
        server.sql(&format!("CREATE DATABASE {database}; USE {database}; {TABLE}"));
        let mut spec = spec_at(&server.login(), &database);
        spec.selection.databases[0].tables = Some(vec!["item".into()]);
        Self { server, database, spec }
    }

    fn sql(&self, statements: &str) {
        let whole = format!("USE {}; {statements}", self.database);
        self.server.sql(&whole);
    }

    /// Leaves a distributed transaction prepared; no session holds it any more.
    fn prepare(&self, xid: &str, statements: &str) {
        self.sql(&format!("XA START '{xid}'; {statements} XA END '{xid}'; XA PREPARE '{xid}';"));
    }

    fn messages(&self) -> Vec<Seen> {
        read_topic(&format!("{}-item", self.database))
    }

    /// Type, key and name of every message.
    fn seen(&self) -> Vec<String> {
        self.messages()
            .iter()
            .map(|m| {
                let row = &m.value["data"][0];
                format!(
                    "{} {} {}",
                    m.value["type"].as_str().unwrap(),
                    row["id"].as_str().map_or_else(|| row["id"].to_string(), str::to_owned),
                    row["name"].as_str().unwrap()
                )
            })
            .collect()
    }
}

fn ids_rise(messages: &[Seen]) {
    let ids: Vec<u64> = messages.iter().map(|m| m.value["id"].as_u64().unwrap()).collect();
    assert!(ids.windows(2).all(|w| w[0] < w[1]), "{ids:?}");
}

fn mysql(gtid: bool) -> Server {
    // Without GTIDs its log has no checksums either.
    Server::mysql(MySqlOptions { gtid, checksum: gtid, ..MySqlOptions::default() })
}

fn changes_come_with_the_commit(server: Server) {
    let compress = match &server {
        Server::MySql(_) => "SET SESSION binlog_transaction_compression = ON;",
        Server::MariaDb(_) => "SET GLOBAL log_bin_compress = ON, log_bin_compress_min_len = 10;",
    };
    let scene = Scene::set(server);
    let mut job = start(&scene.spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    scene.prepare(
        "a",
        "INSERT INTO item VALUES (10, 'kept'); UPDATE item SET name = 'uno' WHERE id = 1;",
    );
    scene.prepare("b", "INSERT INTO item VALUES (20, 'dropped');");
    scene.sql("INSERT INTO item VALUES (30, 'between');");
    job.wait_until("between", |j| j.counters.inserts.load(Ordering::Relaxed) == 1);
    // The rows lie in an older file of the log, and before the job's position.
    job.stop().unwrap();
    scene.sql("FLUSH BINARY LOGS; CREATE TABLE other (id INT); INSERT INTO other VALUES (1);");
    let mut job = start(&scene.spec);
    scene.sql("XA ROLLBACK 'b'; XA COMMIT 'a'; INSERT INTO item VALUES (40, 'behind');");
    scene.sql(&format!(
        "XA START 'c'; INSERT INTO item VALUES (50, 'one phase'); XA END 'c'; XA COMMIT 'c' ONE PHASE;
         XA START 'd'; SELECT * FROM item; XA END 'd'; XA PREPARE 'd'; XA COMMIT 'd';
         XA START 'e'; INSERT INTO other VALUES (2); XA END 'e'; XA PREPARE 'e'; XA COMMIT 'e';
         {compress}
         XA START 'a','branch',7; INSERT INTO item VALUES (60, 'compressed'); XA END 'a','branch',7;
         XA PREPARE 'a','branch',7; XA COMMIT 'a','branch',7;
         INSERT INTO item VALUES (70, 'last');"
    ));
    job.wait_until("the last", |j| j.counters.inserts.load(Ordering::Relaxed) == 5);
    job.stop().unwrap();
    let expected = [
        "INIT 1 one",
        "INSERT 30 between",
        "INSERT 10 kept",
        "UPDATE 1 uno",
        "INSERT 40 behind",
        "INSERT 50 one phase",
        "INSERT 60 compressed",
        "INSERT 70 last",
    ];
    assert_eq!(scene.seen(), expected);
    ids_rise(&scene.messages());
}

#[test]
fn changes_come_with_the_commit_where_the_source_has_gtids() {
    changes_come_with_the_commit(mysql(true));
}

#[test]
fn changes_come_with_the_commit_where_the_source_has_no_gtids() {
    changes_come_with_the_commit(mysql(false));
}

#[test]
fn changes_come_with_the_commit_where_the_source_is_a_mariadb() {
    changes_come_with_the_commit(Server::mariadb(MariaDbOptions::default()));
}

/// A MariaDB is asked for it by the place where it begins, which a restart must not forget.
#[test]
fn one_that_is_the_first_behind_a_restart_is_found_again() {
    let scene = Scene::set(Server::mariadb(MariaDbOptions::default()));
    let mut job = start(&scene.spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    job.stop().unwrap();
    let mut job = start(&scene.spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    scene.prepare("a", "INSERT INTO item VALUES (10, 'kept');");
    scene.sql("XA COMMIT 'a';");
    job.wait_until("the change", |j| j.counters.inserts.load(Ordering::Relaxed) == 1);
    job.stop().unwrap();
    assert_eq!(scene.seen(), ["INIT 1 one", "INSERT 10 kept"]);
}

/// One that is larger than a Kafka transaction flows in parts, and a restart in the middle of it
/// repeats nothing.
#[test]
fn a_large_one_flows_in_parts() {
    const ROWS: usize = 20_000;
    let mut scene = Scene::set(mysql(true));
    scene.spec.limits.batch_bytes_max = 16 << 10;
    scene.spec.limits.transaction_bytes_max = 64 << 10;
    // So that there is a middle to stop it in.
    scene.spec.limits.rows_per_second_max = Some(2_000);
    let mut job = start(&scene.spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    scene.prepare(
        "large",
        &format!(
            "INSERT /*+ SET_VAR(cte_max_recursion_depth = 100000) */ INTO item
               WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < {})
               SELECT i, CONCAT('row ', i) FROM n;",
            99 + ROWS
        ),
    );
    scene.sql("XA COMMIT 'large';");
    job.wait_until("some of it", |j| j.counters.inserts.load(Ordering::Relaxed) > 500);
    job.stop().unwrap();
    let before = scene.messages().len();
    assert!(before < ROWS, "the stop came too late to be in the middle: {before}");
    scene.spec.limits.rows_per_second_max = None;
    let mut job = start(&scene.spec);
    scene.sql("DELETE FROM item WHERE id = 100;");
    job.wait_until("the rest", |j| j.counters.deletes.load(Ordering::Relaxed) == 1);
    job.stop().unwrap();
    let messages = scene.messages();
    assert_eq!(messages.len(), 1 + ROWS + 1);
    ids_rise(&messages);
}

fn one_that_was_prepared_before_is_in_the_full_phase(server: Server) {
    let scene = Scene::set(server);
    scene.prepare("old", "INSERT INTO item VALUES (10, 'old');");
    let mut job = start(&scene.spec);
    job.wait_until("the wait", |j| {
        j.recorder.log().iter().any(|line| line.contains("X'6f6c64',X'',1"))
    });
    assert!(!job.recorder.has_reached(Phase::Incremental));
    scene.sql("XA COMMIT 'old';");
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    scene.sql("INSERT INTO item VALUES (20, 'new');");
    job.wait_until("the new one", |j| j.counters.inserts.load(Ordering::Relaxed) == 1);
    job.stop().unwrap();
    let mut seen = scene.seen();
    seen[..2].sort();
    assert_eq!(seen, ["INIT 1 one", "INIT 10 old", "INSERT 20 new"]);
}

#[test]
fn one_that_was_prepared_before_the_job_began_is_in_the_full_phase() {
    one_that_was_prepared_before_is_in_the_full_phase(mysql(true));
}

#[test]
fn one_that_was_prepared_before_the_job_began_is_in_the_full_phase_of_a_mariadb() {
    let server = Server::mariadb(MariaDbOptions::default());
    one_that_was_prepared_before_is_in_the_full_phase(server);
}

#[test]
fn one_that_was_prepared_before_the_start_position_stops_the_job_by_name() {
    let mut scene = Scene::set(mysql(true));
    scene.prepare("old", "INSERT INTO item VALUES (10, 'old');");
    let gtid_set = scene.server.sql("SELECT @@GLOBAL.gtid_executed");
    scene.spec.task = TaskType::Incremental;
    scene.spec.start = Some(StartPosition {
        gtid_set: Some(gtid_set[0][0].replace(['\n', ' '], "")),
        file: String::new(),
        offset: 4,
    });
    scene.sql("XA COMMIT 'old';");
    let error = start(&scene.spec).end().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PositionLost, "{error}");
    assert!(error.message().contains("XA COMMIT X'6f6c64',X'',1"), "{error}");
}
