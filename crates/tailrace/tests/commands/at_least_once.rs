//! `at_least_once` over `kill -9` in the full phase: repetitions are allowed, two messages of one id are
//! not.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde_json::Value;
use tailrace_testkit::checker::read_topic;
use tailrace_testkit::process::Launch;
use tailrace_testkit::wait;

use super::{Shop, ended, tailrace, text};

const ROWS: usize = 300_000;
/// New messages after which a worker is killed.
const SEEN_BEFORE_KILL: i64 = 30_000;
const LIMIT: Duration = Duration::from_secs(120);

/// Id and row of every message.
fn messages(brokers: &str, topic: &str) -> Vec<(u64, String)> {
    let mut seen = Vec::new();
    read_topic(brokers, topic, |record| {
        let value: Value = serde_json::from_slice(&record.value).unwrap();
        seen.push((value["id"].as_u64().unwrap(), value["data"][0].to_string()));
    })
    .unwrap();
    seen
}

/// How many messages a topic of one partition has.
fn count(consumer: &BaseConsumer, topic: &str) -> i64 {
    consumer.fetch_watermarks(topic, 0, LIMIT).map_or(0, |(_, end)| end)
}

#[test]
fn a_killed_full_phase_gives_no_id_to_two_rows() {
    let shop = Shop::new("atleast").unwrap();
    let (database, brokers) = (shop.database(), shop.ends.kafka.clone());
    shop.sql(&format!(
        "SET SESSION cte_max_recursion_depth = 1000000; DELETE FROM {database}.item; INSERT INTO {database}.item
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         SELECT i, CONCAT('item ', i) FROM n"
    ))
    .unwrap();
    let file = shop.job_file(&shop.whole()).unwrap();
    let job = std::fs::read_to_string(&file).unwrap() + "delivery = \"at_least_once\"\n";
    std::fs::write(&file, job).unwrap();
    let topic = format!("{database}-item");
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
    for attempt in 0..3 {
        let before = count(&consumer, &topic);
        let log = shop.dir.path().join(format!("run-{attempt}.log"));
        let mut worker = Launch::new("tailrace run", env!("CARGO_BIN_EXE_tailrace"), log)
            .args(["run", text(&file), "--no-precheck"])
            .start()
            .unwrap();
        wait::until("messages", LIMIT, || {
            Ok((count(&consumer, &topic) >= before + SEEN_BEFORE_KILL).then_some(()))
        })
        .unwrap();
        worker.kill().unwrap();
    }
    let (code, out, err) = ended(
        &tailrace(&["run", text(&file), "--no-precheck", "--until-caught-up"]).output().unwrap(),
    );
    assert_eq!(code, 0, "{out}{err}");
    let mut rows: HashMap<u64, String> = HashMap::new();
    for (id, row) in messages(&brokers, &topic) {
        if let Some(other) = rows.insert(id, row.clone()) {
            assert_eq!(other, row, "two messages with id {id}");
        }
    }
    assert_eq!(rows.values().collect::<BTreeSet<_>>().len(), ROWS, "every row is there");
}
