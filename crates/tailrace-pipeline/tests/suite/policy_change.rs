//! A job that goes on with another policy than it began with.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::json;
use tailrace_pipeline::job::{JobSpec, MessageFormat, PartitionPolicy, TopicPolicy};
use tailrace_pipeline::observe::Phase;

use crate::support::{mysql, read_topic, spec, start, unique};

/// Runs the job until it has delivered one more inserted row.
fn one_more(spec: &JobSpec, database: &str, id: u32) {
    let mut job = start(spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    mysql().query(&format!("INSERT INTO {database}.item VALUES ({id}, {id})")).expect("a row");
    job.wait_until("the row", |job| job.counters.inserts.load(Relaxed) == 1);
    job.stop().expect("a clean stop");
}

#[test]
fn messages_behind_the_change_are_as_the_new_policy_says_and_none_is_lost() {
    let database = unique("policy");
    mysql()
        .query(&format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.item (id INT PRIMARY KEY, v INT);
             INSERT INTO {database}.item VALUES (1, 1)"
        ))
        .expect("a table");
    let mut spec = spec(&database);
    one_more(&spec, &database, 2);
    // Written while nothing runs: it is delivered by the new policy.
    mysql().query(&format!("DELETE FROM {database}.item WHERE id = 1")).expect("a change");
    spec.policy.format = MessageFormat::Debezium;
    one_more(&spec, &database, 3);
    spec.policy.topic = TopicPolicy::PerTable(format!("{database}.new.$tablename$"));
    spec.policy.partition = PartitionPolicy::PrimaryKey;
    spec.policy.partitions = 3;
    spec.policy.format = MessageFormat::JsonC;
    one_more(&spec, &database, 4);

    let old = read_topic(&format!("{database}-item"));
    let told: Vec<_> = old
        .iter()
        .map(|one| match &one.value["op"] {
            op if op.is_null() => json!([one.value["type"], one.value["data"][0]["id"]]),
            op => json!([op, one.value["before"]["id"], one.value["after"]["id"]]),
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["INIT", "1"]),
            json!(["INSERT", "2"]),
            json!(["d", 1, null]),
            json!(["c", null, 3])
        ]
    );
    let new = read_topic(&format!("{database}.new.item"));
    assert_eq!(new.len(), 1);
    assert_eq!(
        (&new[0].value["data"][0]["id"], new[0].key.as_deref()),
        (&json!("4"), Some("[\"4\"]"))
    );
}
