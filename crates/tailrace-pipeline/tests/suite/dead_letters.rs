//! Changes that their topic cannot have, in the dead-letter topic.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::{Value, json};
use tailrace_pipeline::compare::CompareOutcome;
use tailrace_pipeline::dead_letters::{Letter, LettersRequest, dead_letters};
use tailrace_pipeline::job::{DebeziumModes, Delivery, JobSpec, MessageFormat, TopicPolicy};
use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::{Error, ErrorKind};

use crate::compare::compared;
use crate::support::{
    Seen, create_topic, create_topic_with, mysql, read_topic, spec, start, unique,
};

/// Bytes that the job's topic takes.
const LIMIT: &str = "20000";

/// A job whose topic takes little, with the name of its dead-letter topic.
fn job(database: &str, format: MessageFormat) -> (JobSpec, String) {
    let mut spec = spec(database);
    spec.policy.format = format;
    let topic = create_topic_with(&format!("{database}-all"), &[("max.message.bytes", LIMIT)]);
    spec.policy.topic = TopicPolicy::One(topic);
    let dead = create_topic(&format!("{database}-dead"));
    spec.policy.dead_letter_topic = Some(dead.clone());
    (spec, dead)
}

fn listed(spec: &JobSpec, full_phase: bool) -> Vec<Letter> {
    let request = LettersRequest { from_ms: 0, until_ms: i64::MAX, full_phase };
    let found = dead_letters(spec, &request, &StopSignal::new()).expect("letters");
    assert_eq!(found.count, found.letters.len() as u64);
    found.letters
}

/// Ids of the rows that a topic's messages are about, each with what it is.
fn told(topic: &str) -> Vec<(String, Value)> {
    let of = |one: Seen| {
        let row = ["data", "old"].map(|image| one.value[image][0]["id"].clone());
        let id = row.into_iter().find(|id| !id.is_null()).unwrap_or_default();
        (one.value["type"].as_str().unwrap_or_default().to_owned(), id)
    };
    read_topic(topic).into_iter().map(of).collect()
}

fn too_large(delivery: Delivery) {
    let database = unique("dead");
    let (mut spec, dead) = job(&database, MessageFormat::Json);
    spec.policy.delivery = delivery;
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE document (id INT PRIMARY KEY, body LONGTEXT);
             INSERT INTO document VALUES (1, 'small'), (2, REPEAT('x', 30000)), (3, 'small')"
        ))
        .expect("a table");
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    mysql()
        .query(&format!(
            "USE {database}; INSERT INTO document VALUES (4, REPEAT('y', 50000)), (5, 'small');
             UPDATE document SET body = REPEAT('z', 25000) WHERE id = 1; DELETE FROM document WHERE id = 2;
             UPDATE document SET body = 'small' WHERE id = 1; UPDATE document SET body = 'again' WHERE id = 3"
        ))
        .expect("changes");
    job.wait_until("changes", |job| job.counters.updates.load(Relaxed) == 3);
    assert_eq!(job.counters.dead_letters.load(Relaxed), 5);
    assert!(job.recorder.log().iter().any(|line| line.contains("dead-letter topic")));
    // What is compared is the job's topic: a row that went elsewhere is named. The small row is the same again.
    let compared = compared(&spec, None).expect("a comparison");
    assert_eq!(compared[0].outcome, CompareOutcome::Inconsistent);
    let counts = (compared[0].missing, compared[0].extra, compared[0].differing);
    assert_eq!(counts, (1, 0, 0), "{:?}", compared[0]);
    job.stop().expect("a clean stop");

    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, Value)> {
        pairs.iter().map(|(kind, id)| ((*kind).to_owned(), json!(id))).collect()
    };
    assert_eq!(
        told(&format!("{database}-all")),
        pairs(&[("INIT", "1"), ("INIT", "3"), ("INSERT", "5"), ("UPDATE", "3")])
    );
    let letters = read_topic(&dead);
    let key = format!("{database}.document");
    for letter in &letters {
        let Value::Object(members) = &letter.value else { panic!("{letter:?}") };
        assert_eq!(letter.key.as_deref(), Some(key.as_str()));
        assert_eq!(members["error"], "message_too_large");
        let reason = members["reason"].as_str().unwrap();
        assert!(reason.contains("max.message.bytes is 20000"), "{reason}");
        assert_eq!(members["job_id"], json!(spec.job_id));
    }
    let ops: Vec<&Value> = letters.iter().map(|letter| &letter.value["op"]).collect();
    // An update or a delete of a large row has its image before, which is as large.
    assert_eq!(ops, ["read", "insert", "update", "delete", "update"]);
    // Each has the whole row.
    let insert = &letters[1].value;
    assert_eq!(insert["message"]["data"][0]["body"].as_str().unwrap().len(), 50_000);
    assert_eq!(insert["message"]["type"], "INSERT");
    assert!(
        !insert["file"].as_str().unwrap().is_empty() && insert["commit_ms"].as_i64().unwrap() > 0
    );

    let (read, changes) = (listed(&spec, true), listed(&spec, false));
    assert_eq!((read.len(), changes.len()), (1, 4));
    assert_eq!((read[0].op.as_str(), read[0].file.as_str()), ("read", ""));
    assert_eq!(changes[0].table, "document");
    // Nothing of another job is told, nor what was before.
    let other = JobSpec { job_id: unique("job"), ..spec.clone() };
    assert!(listed(&other, false).is_empty());
    let later = LettersRequest { from_ms: i64::MAX - 1, until_ms: i64::MAX, full_phase: false };
    assert_eq!(dead_letters(&spec, &later, &StopSignal::new()).expect("none").count, 0);
}

#[test]
fn what_is_too_large_for_its_topic_becomes_a_letter() {
    too_large(Delivery::ExactlyOnce);
}

#[test]
fn also_where_messages_are_only_acknowledged() {
    too_large(Delivery::AtLeastOnce);
}

fn stops(spec: &JobSpec) -> Error {
    start(spec).end().map(drop).expect_err("the job stops")
}

#[test]
fn a_letter_that_is_too_large_itself_stops_the_job() {
    let database = unique("dead");
    let (mut spec, _) = job(&database, MessageFormat::Json);
    let dead = create_topic_with(&format!("{database}-small"), &[("max.message.bytes", LIMIT)]);
    spec.policy.dead_letter_topic = Some(dead);
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; USE {database};
             CREATE TABLE document (id INT PRIMARY KEY, body LONGTEXT);
             INSERT INTO document VALUES (2, REPEAT('x', 30000))"
        ))
        .expect("a table");
    let error = stops(&spec);
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    for part in ["document", "max.message.bytes is 20000", "the dead-letter topic takes"] {
        assert!(error.message().contains(part), "{error}");
    }
    spec.policy.dead_letter_topic = Some(unique("never-made"));
    assert_eq!(stops(&spec).kind(), ErrorKind::TargetTopic);
}

#[test]
fn what_the_format_cannot_tell_becomes_a_letter() {
    let database = unique("dead");
    let (mut spec, dead) = job(&database, MessageFormat::Debezium);
    spec.policy.debezium = DebeziumModes::parse("time.precision.mode=connect").expect("a mode");
    spec.policy.transaction_topic = Some(create_topic(&format!("{database}-transactions")));
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; USE {database}; CREATE TABLE shift (id INT PRIMARY KEY, t TIME);
             INSERT INTO shift VALUES (1, '08:00:00'), (2, '30:00:00')"
        ))
        .expect("a table");
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    mysql()
        .query(&format!(
            "USE {database}; INSERT INTO shift VALUES (3, '-01:00:00'), (4, '23:59:59')"
        ))
        .expect("changes");
    job.wait_until("changes", |job| job.counters.inserts.load(Relaxed) == 2);
    job.stop().expect("a clean stop");
    let ids: Vec<Value> = read_topic(&format!("{database}-all"))
        .into_iter()
        .map(|one| one.value["after"]["id"].clone())
        .collect();
    assert_eq!(ids, [1, 4]);
    let letters = read_topic(&dead);
    let rows: Vec<Value> =
        letters.iter().map(|letter| letter.value["message"]["data"][0].clone()).collect();
    assert_eq!(rows, [json!({"id": "2", "t": "30:00:00"}), json!({"id": "3", "t": "-01:00:00"})]);
    assert!(letters[0].value["reason"].as_str().unwrap().contains("no time of a day"));

    spec.policy.dead_letter_topic = None;
    spec.job_id = unique("job");
    let error = stops(&spec);
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.message().contains("time.precision.mode"), "{error}");
}
