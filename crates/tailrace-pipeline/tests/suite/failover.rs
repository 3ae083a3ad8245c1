//! A job that goes on at another server than it began at.

use std::sync::atomic::Ordering::Relaxed;

use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::JobSpec;
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use crate::support::{read_topic, spec_at, start, unique};

fn server(server_id: u32) -> MySqlServer {
    MySqlServer::start(MySqlOptions { server_id, ..MySqlOptions::default() }).expect("a server")
}

/// The same job at another server.
fn at(spec: &JobSpec, server: &MySqlServer) -> JobSpec {
    let mut spec = spec.clone();
    let login = server.login();
    (spec.source.port, spec.source.user) = (server.port(), login.user);
    spec.source.password = login.password.into();
    spec
}

/// Runs the job until the stream, does something at a server, and waits for one more inserted row.
fn one_more(spec: &JobSpec, server: &MySqlServer, sql: &str) {
    let mut job = start(spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    server.sql(sql).expect("a row");
    job.wait_until("the row", |job| job.counters.inserts.load(Relaxed) == 1);
    job.stop().expect("a clean stop");
}

#[test]
fn a_replica_takes_over_and_a_stranger_does_not() {
    let (first, second, database) = (server(1), server(2), unique("failover"));
    first
        .sql(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.t (id INT PRIMARY KEY); INSERT INTO {database}.t VALUES (1)"
        ))
        .expect("a table");
    let spec = spec_at(&first.login(), &database);
    one_more(&spec, &first, &format!("INSERT INTO {database}.t VALUES (2)"));

    // A server that never had the transactions is named with them, and nothing is read from it.
    let error = start(&at(&spec, &second)).end().expect_err("another server's log");
    assert_eq!(error.kind(), ErrorKind::PositionLost);
    let uuid = |server: &MySqlServer| {
        let rows = server.login().query("SELECT @@server_uuid").expect("a row");
        rows.first().and_then(|row| row.first()).cloned().expect("its uuid")
    };
    for said in [uuid(&first), uuid(&second), "replica".to_owned()] {
        assert!(error.message().contains(&said), "{error}");
    }

    // A replica goes on where the other one stopped, also with what only it has.
    second.sql("RESET BINARY LOGS AND GTIDS").expect("an empty server");
    second.replicate_from(&first).expect("a replica");
    first.sql(&format!("INSERT INTO {database}.t VALUES (3)")).expect("a row");
    second.catch_up_with(&first).expect("it catches up");
    second.sql("STOP REPLICA").expect("the replica takes over");
    let mut job = start(&at(&spec, &second));
    job.wait_until("what was missed", |job| job.counters.inserts.load(Relaxed) == 1);
    second.sql(&format!("INSERT INTO {database}.t VALUES (4)")).expect("a row");
    job.wait_until("the new row", |job| job.counters.inserts.load(Relaxed) == 2);
    job.stop().expect("a clean stop");
    let ids: Vec<String> = read_topic(&format!("{database}-t"))
        .iter()
        .filter_map(|m| m.value["data"][0]["id"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(ids, ["1", "2", "3", "4"]);

    // Back at the first one, which has not what the second one took meanwhile.
    let error = start(&spec).end().expect_err("the old server");
    assert_eq!(error.kind(), ErrorKind::PositionLost);
    assert!(error.message().contains(&uuid(&second)), "{error}");
}
