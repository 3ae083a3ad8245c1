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

/// Runs a job until what it does at its source fails; gives the error.
fn fails(spec: &JobSpec) -> tailrace_pipeline::Error {
    start(spec).end().map(drop).expect_err("the run ends")
}

#[test]
fn a_list_of_servers_is_followed_to_the_one_that_has_all() {
    let (mut first, mut second, database) = (server(1), server(2), unique("failover"));
    second.sql("RESET BINARY LOGS AND GTIDS").expect("an empty server");
    second.replicate_from(&first).expect("a replica");
    first
        .sql(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.t (id INT PRIMARY KEY); INSERT INTO {database}.t VALUES (1)"
        ))
        .expect("a table");
    let mut spec = spec_at(&first.login(), &database);
    spec.source.others = vec![("127.0.0.1".to_owned(), second.port())];
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    first.sql(&format!("INSERT INTO {database}.t VALUES (2)")).expect("a row");
    job.wait_until("the row", |job| job.counters.inserts.load(Relaxed) == 1);
    assert!(job.recorder.log().iter().any(|line| line.contains(&format!(":{}", first.port()))));

    // The first one is lost: the run ends soon, and the next one reads the other.
    second.catch_up_with(&first).expect("it catches up");
    first.kill().expect("the first server is killed");
    let error = job.end().map(drop).expect_err("its server is lost");
    assert_eq!(error.kind(), ErrorKind::SourceConnection, "{error}");
    second.sql("STOP REPLICA").expect("the replica takes over");
    let mut job = start(&spec);
    second.sql(&format!("INSERT INTO {database}.t VALUES (3)")).expect("a row");
    job.wait_until("the row", |job| job.counters.inserts.load(Relaxed) == 1);
    job.stop().expect("a clean stop");

    // The first one is back and has not what the second one took meanwhile: it is passed over.
    first.restart().expect("the first server again");
    let mut job = start(&spec);
    second.sql(&format!("INSERT INTO {database}.t VALUES (4)")).expect("a row");
    job.wait_until("the row", |job| job.counters.inserts.load(Relaxed) == 1);
    job.stop().expect("a clean stop");

    // As long as the other one may come back the job waits for it.
    second.kill().expect("the second server is killed");
    let error = fails(&spec);
    assert_eq!(error.kind(), ErrorKind::SourceConnection, "{error}");
    assert!(error.message().contains("lacks transactions"), "{error}");
    let ids: Vec<String> = read_topic(&format!("{database}-t"))
        .iter()
        .filter_map(|m| m.value["data"][0]["id"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(ids, ["1", "2", "3", "4"]);
}

#[test]
fn a_list_of_servers_without_gtids_is_refused() {
    let options = MySqlOptions { gtid: false, ..MySqlOptions::default() };
    let (server, database) = (MySqlServer::start(options).expect("a server"), unique("failover"));
    server.sql(&format!("CREATE DATABASE {database}")).expect("a database");
    let mut spec = spec_at(&server.login(), &database);
    spec.source.others = vec![("localhost".to_owned(), server.port())];
    let error = fails(&spec);
    assert_eq!(error.kind(), ErrorKind::SourceSetting, "{error}");
    assert!(error.message().contains("gtid_mode"), "{error}");
    // The precheck says the same, and names servers that do not answer.
    spec.source.others = vec![("127.0.0.1".to_owned(), 1)];
    let items = tailrace_pipeline::precheck::run(&spec);
    assert!(items.iter().any(|item| item.reason.contains("gtid_mode")), "{items:?}");
}
