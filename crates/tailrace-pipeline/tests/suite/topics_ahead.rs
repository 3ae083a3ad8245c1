//! A log that goes through many tables, each with a topic of its own that is missing.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use rdkafka::Message as _;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tailrace_pipeline::job::{StartPosition, TaskType};
use tailrace_pipeline::observe::Phase;

use crate::support::{PATIENCE, kafka, mysql, spec, start, unique};

/// Topics of a prefix that the cluster has.
fn topics_of(prefix: &str) -> Vec<String> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", kafka()).create().expect("a consumer");
    let metadata = consumer.fetch_metadata(None, PATIENCE).expect("metadata");
    let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

/// The id of every row in topics of one partition, with the topic that has it.
fn ids_of(topics: &[String]) -> BTreeMap<u32, String> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka())
        .set("group.id", unique("reader"))
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    let mut places = TopicPartitionList::new();
    for topic in topics {
        places.add_partition_offset(topic, 0, Offset::Beginning).expect("a partition");
    }
    consumer.assign(&places).expect("an assignment");
    let (mut ids, mut ends) = (BTreeMap::new(), 0);
    while ends < topics.len() {
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => {
                let value: serde_json::Value =
                    serde_json::from_slice(message.payload().expect("a value")).expect("JSON");
                let id = value["data"][0]["id"].as_str().expect("an id").parse().expect("a number");
                let twice = ids.insert(id, message.topic().to_owned());
                assert_eq!(twice, None, "{id}");
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            Some(Err(e)) => panic!("{e}"),
            None => panic!("no answer, with {ends} topics read"),
        }
    }
    ids
}

/// Topics are made many at a time, of the tables that the log names and of no others; every message finds its own.
#[test]
fn every_table_that_changes_gets_its_topic_and_no_other_does() {
    const TABLES: u32 = 300;
    const CHANGED: u32 = 290;
    let database = unique("ahead");
    let source = mysql();
    let mut script = format!("CREATE DATABASE {database}; USE {database};");
    for n in 0..TABLES {
        script.push_str(&format!("CREATE TABLE t{n:03} (id INT PRIMARY KEY);"));
    }
    source.query(&script).expect("tables");
    let mut spec = spec(&database);
    spec.task = TaskType::Incremental;
    let executed = source.query("SELECT @@GLOBAL.gtid_executed").expect("a GTID set");
    spec.start = Some(StartPosition {
        gtid_set: Some(executed[0][0].replace(['\n', ' '], "")),
        file: String::new(),
        offset: 4,
    });
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    // Each twice, so that those that were made ahead are used again.
    let mut script = format!("USE {database};");
    for n in (0..CHANGED).chain(0..CHANGED).zip(0..) {
        script.push_str(&format!("INSERT INTO t{:03} VALUES ({});", n.0, n.1));
    }
    source.query(&script).expect("changes");
    job.wait_until("changes", |job| job.counters.inserts.load(Relaxed) >= u64::from(2 * CHANGED));
    job.stop().expect("a clean stop");

    let expected: Vec<String> = (0..CHANGED).map(|n| format!("{database}-t{n:03}")).collect();
    assert_eq!(topics_of(&database), expected);
    let ids = ids_of(&expected);
    let wanted: BTreeMap<u32, String> =
        (0..2 * CHANGED).map(|id| (id, format!("{database}-t{:03}", id % CHANGED))).collect();
    assert_eq!(ids, wanted);
}
