//! The Kafka sink against a real Apache Kafka: what is promised, and what goes wrong.

mod at_least_once;
mod cluster;
mod exactly_once;
mod faults;
mod login;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tailrace_pipeline::batch::{Advance, Batch, Counts, Message, Topic};
use tailrace_pipeline::checkpoint::{Checkpoint, StreamPosition};
use tailrace_pipeline::job::{
    ChangeKinds, Compression, DebeziumModes, Delivery, HeaderSet, JobSpec, KafkaEndpoint,
    KafkaPolicy, Limits, Link, MessageFormat, MysqlEndpoint, PartitionPolicy, Selection,
    SubjectNaming, TaskType, TopicPolicy,
};
use tailrace_pipeline::mapping::Mappings;
use tailrace_pipeline::sink::kafka::{KafkaSink, KafkaTopics};
use tailrace_pipeline::sink::{Sink, TopicDirectory};
use tailrace_testkit::env;

use crate::support::{PATIENCE, unique};

/// Address of the shared Kafka without TLS or login.
fn shared() -> String {
    env::kafka().expect("the shared Kafka").bootstrap
}

/// An endpoint without TLS or login.
fn plain(brokers: String) -> KafkaEndpoint {
    KafkaEndpoint { brokers, sasl: None, tls: None }
}

/// A job of its own name whose source is never asked.
fn job(target: KafkaEndpoint, delivery: Delivery) -> JobSpec {
    JobSpec {
        job_id: unique("sink-job"),
        link: Link::MysqlToKafka,
        task: TaskType::FullIncremental,
        source: MysqlEndpoint {
            host: "localhost".into(),
            port: 1,
            others: Vec::new(),
            user: String::new(),
            password: String::new().into(),
            tls: None,
        },
        target,
        registry: None,
        rereads: Vec::new(),
        mappings: Mappings::default(),
        selection: Selection::default(),
        policy: KafkaPolicy {
            topic: TopicPolicy::PerTable("$database$-$tablename$".into()),
            partition: PartitionPolicy::Table,
            format: MessageFormat::Json,
            partitions: 2,
            replication_factor: 1,
            ddl_topic: None,
            filter_drop_database: false,
            subjects: SubjectNaming::default(),
            tombstones: false,
            transaction_topic: None,
            heartbeat: None,
            headers: HeaderSet::None,
            dead_letter_topic: None,
            debezium: DebeziumModes::default(),
            compression: Compression::default(),
            kinds: ChangeKinds::default(),
            delivery,
            progress_topic: "tailrace-sink-test-progress".into(),
        },
        start: None,
        limits: Limits::default(),
    }
}

/// An exactly-once job on the shared Kafka.
fn shared_job() -> JobSpec {
    job(plain(shared()), Delivery::ExactlyOnce)
}

fn open(spec: &JobSpec, epoch: u64) -> (KafkaSink, Arc<KafkaTopics>) {
    KafkaSink::open(spec, epoch).expect("a sink")
}

/// A sink that has recovered, its topic, and what it recovered.
fn start(spec: &JobSpec, epoch: u64, topic: &str) -> (KafkaSink, Topic, Option<Checkpoint>) {
    let (mut sink, topics) = open(spec, epoch);
    let found = sink.recover().expect("a recovery");
    let topic = topics.resolve(topic, true).expect("a topic");
    (sink, topic, found)
}

/// A value in the form of DRS.
fn value(text: &str) -> Vec<u8> {
    format!(r#"{{"id":1,"database":"shop","table":"item","data":[{{"name":"{text}"}}]}}"#).into()
}

/// A batch of keyed messages; the key also decides the partition: its first byte.
fn batch<'a>(topic: Topic, messages: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Batch {
    let (mut data, mut list) = (Vec::new(), Vec::new());
    for (key, value) in messages {
        let begin = data.len();
        data.extend_from_slice(key.as_bytes());
        let middle = data.len();
        data.extend_from_slice(&value);
        let first = key.as_bytes().first().copied().unwrap_or(0);
        list.push(Message {
            topic: topic.id,
            partition: i32::from(first) % topic.partitions,
            key: begin..middle,
            value: middle..data.len(),
            headers: 0..0,
        });
    }
    Batch {
        data,
        messages: list,
        advance: Advance::SnapshotBegin,
        next_id: 1,
        counts: Counts::default(),
        source_time_ms: 0,
        ends_transaction: true,
    }
}

/// A checkpoint that is told from others by its next id.
fn checkpoint(epoch: u64, next_id: u64) -> Checkpoint {
    Checkpoint {
        next_id,
        stream: Some(StreamPosition {
            file: "binlog.000001".into(),
            offset: next_id,
            ..StreamPosition::default()
        }),
        ..Checkpoint::initial(epoch)
    }
}

/// Waits until a checkpoint is durable.
fn wait_durable(sink: &mut KafkaSink, next_id: u64) -> Checkpoint {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(durable) = sink.durable(Duration::from_millis(50)).expect("no failure")
            && durable.next_id >= next_id
        {
            return durable;
        }
        assert!(Instant::now() < until, "checkpoint {next_id} did not become durable");
    }
}

/// Keys in a topic by partition, in order, as a consumer of an isolation level sees them.
fn keys(endpoint: &KafkaEndpoint, topic: &str, isolation: &str) -> BTreeMap<i32, Vec<String>> {
    assert!(endpoint.tls.is_none() && endpoint.sasl.is_none());
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &endpoint.brokers)
        .set("group.id", unique("reader"))
        .set("isolation.level", isolation)
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .create()
        .expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("metadata");
    let partitions: Vec<i32> = metadata.topics()[0].partitions().iter().map(|p| p.id()).collect();
    let mut seen = BTreeMap::new();
    for partition in partitions {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
        consumer.assign(&list).expect("an assignment");
        let keys: &mut Vec<String> = seen.entry(partition).or_default();
        loop {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => {
                    let key = message.key().unwrap_or_default();
                    keys.push(String::from_utf8(key.to_vec()).expect("UTF-8"));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                // A broker of the cluster is down on purpose: the client goes to the others.
                Some(Err(KafkaError::MessageConsumption(
                    RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown,
                ))) => {}
                Some(Err(e)) => panic!("{topic}: {e}"),
                None => panic!("{topic} gives no answer"),
            }
        }
    }
    seen
}

/// All keys that are committed, of all partitions, sorted.
fn committed(endpoint: &KafkaEndpoint, topic: &str) -> Vec<String> {
    let mut all: Vec<String> =
        keys(endpoint, topic, "read_committed").into_values().flatten().collect();
    all.sort();
    all
}
