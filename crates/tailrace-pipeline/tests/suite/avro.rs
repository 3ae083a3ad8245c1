//! Avro with a real schema registry: what its readers see, and what happens when a table changes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use base64::Engine as _;
use serde_json::{Value, json};
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::{
    JobSpec, MessageFormat, RegistryEndpoint, SubjectNaming, TopicPolicy,
};
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::provision::python::AVRO;
use tailrace_testkit::{env, python};

use crate::column_types::{COLUMNS, create, insert};
use crate::support::{create_topic, kafka, mysql, read_bytes, read_topic, spec, start, unique};

fn registry() -> String {
    env::registry().expect("the shared schema registry")
}

fn endpoint(url: String) -> RegistryEndpoint {
    RegistryEndpoint { url, user: None, password: None, ca_pem: None }
}

/// A job in Avro with a topic for each table.
fn avro(database: &str) -> JobSpec {
    let mut spec = spec(database);
    spec.policy.format = MessageFormat::Avro;
    spec.registry = Some(endpoint(registry()));
    spec
}

fn ask(path: &str) -> Value {
    let url = format!("{}/{path}", registry());
    reqwest::blocking::get(url).and_then(|answer| answer.json()).expect("the registry's answer")
}

/// Reads messages as a consumer does: the schema by its id from the registry.
#[derive(Default)]
struct Reader {
    schemas: HashMap<u32, Schema>,
}

impl Reader {
    fn read(&mut self, message: &[u8]) -> Value {
        let (head, mut body) = message.split_at(5);
        assert_eq!(head[0], 0);
        let id = u32::from_be_bytes(head[1..].try_into().expect("four bytes"));
        let schema = self.schemas.entry(id).or_insert_with(|| {
            let answer = ask(&format!("schemas/ids/{id}"));
            Schema::parse_str(answer["schema"].as_str().expect("a schema")).expect("Avro")
        });
        let reader = GenericDatumReader::builder(schema).build().expect("a reader");
        let value = reader.read_value(&mut body).expect("a datum");
        assert!(body.is_empty());
        told(&value)
    }
}

/// As Debezium's JSON tells it.
fn told(value: &Avro) -> Value {
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes).into();
    match value {
        Avro::Union(_, inner) => told(inner),
        Avro::Null => Value::Null,
        Avro::Boolean(value) => (*value).into(),
        Avro::Int(value) => (*value).into(),
        Avro::Long(value) => (*value).into(),
        // In JSON it has the digits of a float.
        Avro::Float(value) => serde_json::from_str(&format!("{value:?}")).expect("a number"),
        Avro::Double(value) => (*value).into(),
        Avro::String(text) => text.clone().into(),
        Avro::Bytes(bytes) => base64(bytes),
        Avro::Decimal(value) => base64(&Vec::try_from(value).expect("bytes")),
        Avro::Array(items) => items.iter().map(told).collect(),
        Avro::Record(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), told(value))).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// What both jobs must say of a change: not their own names, ids and clocks.
fn shared(mut event: Value) -> Value {
    for member in ["ts_ms", "ts_us", "ts_ns", "transaction"] {
        event[member].take();
    }
    if event["op"] == "r" {
        for member in ["ts_ms", "ts_us", "ts_ns"] {
            event["source"][member].take();
        }
    }
    event["source"]["name"].take();
    // Lists of floats are text in JSON.
    for image in ["before", "after"] {
        for (name, value) in event[image].as_object_mut().into_iter().flatten() {
            if let Some(text) =
                value.as_str().filter(|text| name.starts_with("vec") && text.starts_with('['))
            {
                *value = serde_json::from_str(text).expect("a list");
            }
        }
    }
    event
}

#[test]
fn avro_says_what_debeziums_json_says() {
    let (database, sql) = (unique("avro"), mysql());
    let session = "SET NAMES utf8mb4; SET sql_mode = '';";
    let rows = |from: usize| -> String {
        (0..3).map(|row| insert(&database, COLUMNS, row + from, row)).collect()
    };
    sql.query(&format!("{}{session}{}", create(&database, COLUMNS), rows(1))).expect("rows");
    let mut plain = spec(&database);
    plain.policy.format = MessageFormat::Debezium;
    let mut avro = avro(&database);
    plain.policy.topic = TopicPolicy::PerTable("$database$-json-$tablename$".into());
    avro.policy.topic = TopicPolicy::PerTable("$database$-avro-$tablename$".into());
    let mut jobs = [&plain, &avro].map(start);
    for job in &mut jobs {
        job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    }
    sql.query(&format!(
        "{session}{} UPDATE {database}.t SET v = 1 WHERE id < 10; UPDATE {database}.t SET v = 2, tu = NULL WHERE id = 11; \
         DELETE FROM {database}.t WHERE id = 12; ALTER TABLE {database}.t ADD more INT; \
         INSERT INTO {database}.t (id, v, more) VALUES (20, 0, 1);",
        rows(11)
    ))
    .expect("changes");
    for job in &mut jobs {
        job.wait_until("changes", |job| job.counters.inserts.load(Relaxed) == 4);
    }
    for job in jobs {
        job.stop().expect("a clean stop");
    }

    let wanted = read_topic(&format!("{database}-json-t"));
    let seen = read_bytes(&format!("{database}-avro-t"));
    assert_eq!((wanted.len(), seen.len()), (12, 12));
    let mut reader = Reader::default();
    for (wanted, (_, key, value)) in wanted.into_iter().zip(&seen) {
        let key = reader.read(key.as_deref().expect("a key"));
        let wanted_key: Value = serde_json::from_str(&wanted.key.expect("a key")).expect("JSON");
        assert_eq!(key, wanted_key);
        let event = reader.read(value.as_deref().expect("a value"));
        let (event, wanted) = (shared(event), shared(wanted.value));
        for image in ["before", "after"] {
            for (name, value) in wanted[image].as_object().into_iter().flatten() {
                assert_eq!(event[image][name], *value, "{image}.{name}");
            }
        }
        assert_eq!(event, wanted);
    }
    // Two versions of the events' schema, one of the keys'.
    let versions = |part: &str| ask(&format!("subjects/{database}-avro-t-{part}/versions"));
    assert_eq!((versions("value"), versions("key")), (json!([1, 2]), json!([1])));
    reads_the_same_by_confluents_deserializer(&database);
}

fn reads_the_same_by_confluents_deserializer(database: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/read_avro.py");
    let topic = format!("{database}-avro-t");
    let lines =
        python::run_with(AVRO, &script, &[&kafka(), &registry(), &topic], &[]).expect("messages");
    let events: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let seen: Vec<Value> = events
        .iter()
        .map(|event| json!([event[0]["id"], event[1]["op"], event[1]["source"]["table"]]))
        .collect();
    let mut wanted: Vec<Value> = [1, 2, 3].map(|id| json!([id, "r", "t"])).into();
    wanted.extend([11, 12, 13].map(|id| json!([id, "c", "t"])));
    wanted.extend([1, 2, 3, 11].map(|id| json!([id, "u", "t"])));
    wanted.extend([json!([12, "d", "t"]), json!([20, "c", "t"])]);
    assert_eq!(seen, wanted);
    // The columns' own types: a DECIMAL is a decimal to it.
    assert_eq!(events[11][1]["after"]["more"], 1);
    assert!(events[11][1]["before"].is_null());
}

#[test]
fn tables_of_one_topic_have_subjects_by_their_records() {
    let (database, sql) = (unique("records"), mysql());
    sql.query(&format!(
        "CREATE DATABASE {database}; USE {database}; CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE b (x INT, y CHAR(3)); \
         INSERT INTO a VALUES (1); INSERT INTO b VALUES (2, 'z')"
    ))
    .expect("tables");
    let mut spec = avro(&database);
    let topic = create_topic(&unique("both"));
    spec.policy.topic = TopicPolicy::One(topic.clone());
    let error = start(&spec).end().expect_err("one subject for two tables");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.message().contains("subject_naming"), "{}", error.message());

    spec.policy.subjects = SubjectNaming::TopicRecord;
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    job.stop().expect("a clean stop");
    let mut reader = Reader::default();
    let mut seen: Vec<Value> = read_bytes(&topic)
        .into_iter()
        .map(|(_, key, value)| {
            let event = reader.read(&value.expect("a value"));
            json!([key.is_some(), event["source"]["table"], event["after"]])
        })
        .collect();
    seen.sort_by_key(|event| event[1].to_string());
    // A table without a primary key has no key of its own.
    assert_eq!(seen, [json!([true, "a", {"id": 1}]), json!([false, "b", {"x": 2, "y": "z"}])]);
    for subject in ["a.Key", "a.Envelope", "b.Envelope"] {
        let versions = ask(&format!("subjects/{topic}-{database}.{subject}/versions"));
        assert_eq!(versions, json!([1]), "{subject}");
    }
}

#[test]
fn a_change_that_the_registry_does_not_allow_stops_the_job_by_name() {
    let (database, sql) = (unique("evolve"), mysql());
    sql.query(&format!(
        "CREATE DATABASE {database}; USE {database}; CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1)"
    ))
    .expect("a table");
    let spec = avro(&database);
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    sql.query(&format!(
        "USE {database}; INSERT INTO t VALUES (2, 2); ALTER TABLE t MODIFY v VARCHAR(9); INSERT INTO t VALUES (3, 'x')"
    ))
    .expect("changes");
    let error = job.end().expect_err("another type");
    assert_eq!(error.kind(), ErrorKind::SchemaIncompatible);
    let subject = format!("{database}-t-value");
    assert!(error.message().contains(&subject), "{}", error.message());
    assert_eq!(read_bytes(&format!("{database}-t")).len(), 2);

    // Once the subject may begin anew, the job goes on where it stood.
    let client = reqwest::blocking::Client::new();
    for how in ["", "?permanent=true"] {
        let url = format!("{}/subjects/{subject}{how}", registry());
        let answer = client.delete(url).send().expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }
    let mut job = start(&spec);
    job.wait_until("the last row", |job| job.counters.inserts.load(Relaxed) == 1);
    job.stop().expect("a clean stop");
    let mut reader = Reader::default();
    let last = read_bytes(&format!("{database}-t")).pop().expect("a message");
    assert_eq!(reader.read(&last.2.expect("a value"))["after"], json!({"id": 3, "v": "x"}));
}

#[test]
fn a_registry_that_is_away_or_no_address_is_named() {
    let (database, sql) = (unique("noregistry"), mysql());
    sql.query(&format!(
        "CREATE DATABASE {database}; USE {database}; CREATE TABLE t (id INT PRIMARY KEY); INSERT INTO t VALUES (1)"
    ))
    .expect("a table");
    let with = |url: &str| {
        let mut spec = avro(&database);
        let password = Some("secret".into());
        let user = Some("u".into());
        spec.registry = Some(RegistryEndpoint { user, password, ..endpoint(url.into()) });
        start(&spec).end().expect_err("no registry")
    };
    let error = with("http://127.0.0.1:1/path");
    assert_eq!(error.kind(), ErrorKind::TargetConnection);
    assert!(
        error.message().contains("http://127.0.0.1:1/path does not answer"),
        "{}",
        error.message()
    );
    assert!(!error.message().contains("secret"));
    for (url, word) in [
        ("ftp://x", "ftp is not offered"),
        ("x", "allowed is"),
        ("http://u:p@x", "fields of their own"),
    ] {
        let error = with(url);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.message().contains(word), "{}", error.message());
    }
    let mut spec = avro(&database);
    spec.registry = None;
    let error = start(&spec).end().expect_err("none");
    assert!(error.message().contains("schema_registry"), "{}", error.message());
}
