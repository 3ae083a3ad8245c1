//! Headers of records, as a consumer sees them.

use std::collections::BTreeMap;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tailrace_pipeline::job::{HeaderSet, JobSpec, MessageFormat, PartitionPolicy};

use crate::compare::{compared, running};
use crate::support::{PATIENCE, create_topic, kafka, mysql, spec, unique};

type Headers = BTreeMap<String, String>;

/// Value, and headers by name, of every committed record of a topic of one partition.
fn records(topic: &str) -> Vec<(Option<String>, Headers)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka())
        .set("group.id", unique("headers"))
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning).expect("a partition");
    consumer.assign(&list).expect("an assignment");
    let mut seen = Vec::new();
    loop {
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
                let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
                let headers: Headers = headers
                    .map(|header| {
                        (header.key.to_owned(), header.value.map(text).unwrap_or_default())
                    })
                    .collect();
                seen.push((message.payload().map(text), headers));
            }
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => return seen,
            other => panic!("{topic}: {other:?}"),
        }
    }
}

/// A job with headers over a table that changes, and gets a column.
fn delivered(
    headers: HeaderSet,
    format: MessageFormat,
) -> (JobSpec, Vec<(Option<String>, Headers)>) {
    let database = unique("headers");
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 1)"
        ))
        .expect("a table");
    let mut spec = spec(&database);
    spec.policy.headers = headers;
    spec.policy.format = format;
    spec.policy.partition = PartitionPolicy::PrimaryKey;
    spec.policy.tombstones = true;
    spec.policy.ddl_topic = Some(create_topic(&format!("{database}-ddl")));
    let job = running(&spec);
    compared(&spec, None).expect("a comparison");
    mysql()
        .query(&format!(
            "USE {database}; INSERT INTO t VALUES (2, 2); ALTER TABLE t ADD COLUMN c INT;
             UPDATE t SET c = 3 WHERE id = 2; DELETE FROM t WHERE id = 1"
        ))
        .expect("changes");
    compared(&spec, None).expect("a comparison");
    job.stop().expect("a clean stop");
    // Statements have none.
    let statements = records(&format!("{database}-ddl"));
    assert!(!statements.is_empty() && statements.iter().all(|(_, headers)| headers.is_empty()));
    let records = records(&format!("{database}-t"));
    assert_eq!(records.len(), 5);
    assert!(records[4].0.is_none(), "a tombstone");
    (spec, records)
}

#[test]
fn headers_tell_where_a_change_is_from() {
    let (_, records) = delivered(HeaderSet::Source, MessageFormat::Json);
    let headers: Vec<&Headers> = records.iter().map(|(_, headers)| headers).collect();
    assert_eq!(headers[0].keys().collect::<Vec<_>>(), ["schema_version"], "a row that was read");
    for one in &headers[1..] {
        let names: Vec<&String> = one.keys().collect();
        assert_eq!(names, ["gtid", "position", "schema_version", "server_id"]);
        let (file, offset) = one["position"].split_once(':').expect("file and offset");
        assert!(file.starts_with("binlog.") && offset.parse::<u64>().expect("a number") > 4);
        let (server, number) = one["gtid"].rsplit_once(':').expect("a GTID");
        assert!(server.len() == 36 && number.parse::<u64>().is_ok(), "{one:?}");
        assert!(one["server_id"].parse::<u32>().is_ok());
    }
    let version = |place: usize| &headers[place]["schema_version"];
    assert_eq!(version(0), version(1));
    assert_ne!(version(1), version(2), "the table got a column");
    assert_eq!((version(2), &headers[3]), (version(3), &headers[4]));
}

#[test]
fn events_have_the_headers_of_cloudevents() {
    let (spec, records) = delivered(HeaderSet::CloudEvents, MessageFormat::Debezium);
    let database = &spec.selection.databases[0].name;
    let mut ids = Vec::new();
    for (_, one) in &records {
        let names: Vec<&String> = one.keys().collect();
        assert_eq!(
            names,
            [
                "ce_id",
                "ce_source",
                "ce_specversion",
                "ce_subject",
                "ce_time",
                "ce_type",
                "content-type"
            ]
        );
        assert_eq!(one["ce_source"], format!("/tailrace/{}", spec.job_id));
        assert_eq!(
            (one["ce_specversion"].as_str(), &one["ce_subject"]),
            ("1.0", &format!("{database}.t"))
        );
        assert_eq!(one["content-type"], "application/json");
        assert!(one["ce_time"].starts_with("20") && one["ce_time"].ends_with('Z'), "{one:?}");
        ids.push(one["ce_id"].parse::<u64>().expect("a number"));
    }
    // A tombstone belongs to the message before.
    assert_eq!(ids.pop(), ids.last().copied());
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}
