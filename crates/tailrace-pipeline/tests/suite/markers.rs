//! Markers of transactions, places of events in them, and signs of life.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::{Value, json};
use tailrace_pipeline::job::{Heartbeat, JobSpec, MessageFormat, PartitionPolicy};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::env;
use tailrace_testkit::servers::mysql::MySqlOptions;
use tailrace_testkit::sql::Login;

use crate::support::{Server, create_topic, mysql, read_topic, spec_at, start, unique};

/// Rows of a transaction that is larger than a Kafka transaction may be.
const LARGE: u64 = 3_000;

fn tables(login: &Login, database: &str) {
    login
        .query(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE a (id INT PRIMARY KEY, n INT); CREATE TABLE b (id INT PRIMARY KEY, n INT);
             CREATE TABLE other (id INT PRIMARY KEY)"
        ))
        .expect("tables");
}

fn marked(login: &Login, database: &str, format: MessageFormat) -> JobSpec {
    let mut spec = spec_at(login, database);
    spec.policy.format = format;
    spec.policy.transaction_topic = Some(create_topic(&format!("{database}-tx")));
    spec
}

/// Small and large transactions over both tables; the last one changes a key.
fn write(login: &Login, database: &str) {
    let rows: Vec<String> = (100..100 + LARGE).map(|id| format!("({id}, 0)")).collect();
    login
        .query(&format!(
            "USE {database}; INSERT INTO a VALUES (1, 1);
             BEGIN; INSERT INTO a VALUES (2, 1), (3, 1); INSERT INTO b VALUES (1, 1); UPDATE a SET n = 2 WHERE id = 1; COMMIT;
             BEGIN; INSERT INTO b VALUES {}; UPDATE b SET n = 1 WHERE id >= 100; INSERT INTO a VALUES (4, 1); COMMIT;
             UPDATE a SET id = 9 WHERE id = 1",
            rows.join(", ")
        ))
        .expect("changes");
}

/// What a consumer can count on: markers in pairs, and every event's place one behind the one before.
fn check(database: &str, format: MessageFormat) {
    let markers = read_topic(&format!("{database}-tx"));
    let counts: Vec<(Value, Value, Value)> = markers
        .iter()
        .map(|one| {
            let key: Value = serde_json::from_str(one.key.as_deref().unwrap()).unwrap();
            assert_eq!(key["id"], one.value["id"]);
            (one.value["status"].clone(), one.value["event_count"].clone(), one.value["id"].clone())
        })
        .collect();
    let ends: Vec<&Value> = counts.iter().skip(1).step_by(2).map(|one| &one.1).collect();
    let split = if format == MessageFormat::Debezium { 2 } else { 1 };
    assert_eq!(ends, [&json!(1), &json!(4), &json!(2 * LARGE + 1), &json!(split)], "{counts:?}");
    for pair in counts.chunks(2) {
        assert_eq!((&pair[0].0, &pair[1].0), (&json!("BEGIN"), &json!("END")));
        assert_eq!((&pair[0].1, &pair[0].2), (&Value::Null, &pair[1].2));
    }
    let large = &markers[5].value["data_collections"];
    assert_eq!(
        *large,
        json!([
            {"data_collection": format!("{database}.b"), "event_count": 2 * LARGE},
            {"data_collection": format!("{database}.a"), "event_count": 1},
        ])
    );
    if format != MessageFormat::Debezium {
        return;
    }
    let mut places: HashMap<String, Vec<u64>> = HashMap::new();
    for table in ["a", "b"] {
        let mut last: HashMap<String, u64> = HashMap::new();
        for one in read_topic(&format!("{database}-{table}")) {
            let place = &one.value["transaction"];
            let id = place["id"].as_str().expect("an id").to_owned();
            let order = place["data_collection_order"].as_u64().unwrap();
            let before = last.insert(id.clone(), order).unwrap_or(0);
            assert_eq!(order, before + 1, "{table}: {place}");
            places.entry(id).or_default().push(place["total_order"].as_u64().unwrap());
        }
    }
    for (_, _, id) in counts.iter().step_by(2) {
        let mut places = places.remove(id.as_str().unwrap()).expect("its events");
        places.sort_unstable();
        let wanted: Vec<u64> = (1..=places.len() as u64).collect();
        assert_eq!(places, wanted, "{id}");
    }
    assert!(places.is_empty(), "{places:?}");
}

/// Stops in the midst of the large transaction, again and again, and goes on.
fn told_over_restarts(login: &Login, format: MessageFormat) {
    let database = unique("marks");
    tables(login, &database);
    let mut spec = marked(login, &database, format);
    spec.limits.batch_bytes_max = 8 << 10;
    spec.limits.transaction_bytes_max = 64 << 10;
    spec.limits.queue_bytes_max = 64 << 10;
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    job.stop().expect("a clean stop");
    write(login, &database);
    for round in 1..=3 {
        let mut job = start(&spec);
        job.wait_until("a part", |job| {
            let counters = &job.counters;
            counters.inserts.load(Relaxed) + counters.updates.load(Relaxed) > 500 * round
                || job.recorder.log().len() > 100
                || counters.transactions.load(Relaxed) >= 4
        });
        job.stop().expect("a clean stop");
    }
    let mut job = start(&spec);
    job.wait_until("the end", |_| read_topic(&format!("{database}-tx")).len() >= 8);
    job.stop().expect("a clean stop");
    check(&database, format);
}

#[test]
fn places_go_on_over_restarts_within_a_transaction() {
    told_over_restarts(&mysql(), MessageFormat::Debezium);
}

#[test]
fn other_formats_have_markers_too() {
    told_over_restarts(&mysql(), MessageFormat::Json);
}

#[test]
fn mariadb_has_markers() {
    told_over_restarts(&env::mariadb().expect("the shared MariaDB"), MessageFormat::Debezium);
}

#[test]
fn without_gtids_a_transaction_is_named_by_its_place() {
    let options = ["--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"].map(str::to_owned);
    let server = Server::mysql(MySqlOptions { extra: options.into(), ..MySqlOptions::default() });
    let database = unique("marks");
    tables(&server.login(), &database);
    let spec = marked(&server.login(), &database, MessageFormat::Debezium);
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    write(&server.login(), &database);
    job.wait_until("the end", |_| read_topic(&format!("{database}-tx")).len() >= 8);
    job.stop().expect("a clean stop");
    check(&database, MessageFormat::Debezium);
    let first = &read_topic(&format!("{database}-tx"))[0].value["id"];
    assert!(first.as_str().unwrap().starts_with("file=binlog.0"), "{first}");
}

#[test]
fn a_quiet_job_gives_signs_of_life() {
    let (database, login) = (unique("beat"), mysql());
    tables(&login, &database);
    let mut spec = spec_at(&login, &database);
    let topic = create_topic(&format!("{database}-beat"));
    spec.policy.heartbeat =
        Some(Heartbeat { topic: topic.clone(), interval: Duration::from_secs(1) });
    spec.policy.partition = PartitionPolicy::PrimaryKey;
    let mut job = start(&spec);
    job.wait_until("heartbeats", |_| read_topic(&topic).len() >= 3);
    login.query(&format!("INSERT INTO {database}.a VALUES (1, 1)")).expect("a change");
    let seen = read_topic(&topic).len();
    job.wait_until("heartbeats behind a change", |_| read_topic(&topic).len() > seen);
    let id = spec.job_id;
    job.stop().expect("a clean stop");
    let beats = read_topic(&topic);
    assert_eq!(beats[0].key.as_deref(), Some(json!({"serverName": id}).to_string().as_str()));
    let times: Vec<i64> = beats.iter().map(|one| one.value["ts_ms"].as_i64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(read_topic(&format!("{database}-a")).len(), 1);
}
