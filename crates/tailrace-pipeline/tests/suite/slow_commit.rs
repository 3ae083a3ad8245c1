//! A transaction that is in the log and not yet committed: the source waits for a semi-synchronous replica
//! that never comes.

use std::sync::atomic::Ordering;

use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mariadb::MariaDbOptions;
use tailrace_testkit::servers::mysql::MySqlOptions;
use tailrace_testkit::wait;

use crate::support::{PATIENCE, Server, read_topic, spec_at, start, unique};

/// How long the commit takes, milliseconds: longer than it takes a job to open its views.
const COMMIT_MS: u32 = 6_000;

/// The stream delivers the change at once; a view that does not show it yet must not be used, or the row
/// would go back to what it was.
fn a_row_never_goes_back(server: &Server, wait_for_replica: &str) {
    let database = unique("slow");
    server.sql(&format!(
        "CREATE DATABASE {database};
         CREATE TABLE {database}.t (id INT PRIMARY KEY, v INT);
         INSERT INTO {database}.t VALUES (1, 0), (2, 0); {wait_for_replica}"
    ));
    std::thread::scope(|scope| {
        let update = format!("UPDATE {database}.t SET v = 1 WHERE id = 1");
        let login = server.login();
        let writer = scope.spawn(move || login.query(&update).expect("a write"));
        wait::until("the commit that waits", PATIENCE, || {
            let waiting = server.sql("SHOW PROCESSLIST").concat().iter().any(|cell| {
                cell.contains("semi-sync ACK") || cell.contains("Waiting for semi-sync")
            });
            Ok(waiting.then_some(()))
        })
        .unwrap();
        let mut job = start(&spec_at(&server.login(), &database));
        job.wait_until("the change", |j| j.counters.updates.load(Ordering::Relaxed) == 1);
        assert!(!writer.is_finished(), "the commit ended too soon to show anything");
        job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
        let waited = "waiting for the end of a commit";
        assert!(job.recorder.log().iter().any(|line| line.contains(waited)));
        job.stop().expect("a clean stop");
        writer.join().expect("the writer");
    });
    let seen: Vec<String> = read_topic(&format!("{database}-t"))
        .iter()
        .filter(|m| m.value["data"][0]["id"] == "1")
        .map(|m| format!("{} {}", m.value["type"], m.value["data"][0]["v"]))
        .collect();
    assert_eq!(seen, [r#""UPDATE" "1""#, r#""INIT" "1""#]);
}

#[test]
fn a_row_of_mysql_never_goes_back() {
    let extra = [
        "--plugin-load-add=semisync_source.so".to_owned(),
        format!("--loose-rpl-semi-sync-source-timeout={COMMIT_MS}"),
    ];
    let server = Server::mysql(MySqlOptions { extra: extra.to_vec(), ..MySqlOptions::default() });
    a_row_never_goes_back(&server, "SET GLOBAL rpl_semi_sync_source_enabled = ON;");
}

#[test]
fn a_row_of_mariadb_never_goes_back() {
    let extra = [
        "--rpl-semi-sync-master-wait-point=AFTER_SYNC".to_owned(),
        format!("--rpl-semi-sync-master-timeout={COMMIT_MS}"),
    ];
    let extra = extra.to_vec();
    let server = Server::mariadb(MariaDbOptions { extra, ..MariaDbOptions::default() });
    a_row_never_goes_back(&server, "SET GLOBAL rpl_semi_sync_master_enabled = ON;");
}
