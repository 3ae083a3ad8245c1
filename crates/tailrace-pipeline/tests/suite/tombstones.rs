//! Messages without a value behind those of deleted rows.

use std::sync::atomic::Ordering::Relaxed;

use serde_json::Value;
use tailrace_pipeline::job::{JobSpec, MessageFormat, PartitionPolicy};
use tailrace_pipeline::observe::Phase;

use crate::support::{mysql, read_topic, spec, start, unique};

/// Keys of a topic's messages in order, those of tombstones with a `-` before them.
fn keys(topic: &str) -> Vec<String> {
    let seen = read_topic(topic).into_iter().map(|message| {
        let key = message.key.unwrap_or_default();
        if message.value == Value::Null { format!("-{key}") } else { key }
    });
    seen.collect()
}

fn run(spec: &JobSpec, database: &str) {
    let sql = mysql();
    sql.query(&format!(
        "CREATE DATABASE {database}; USE {database}; CREATE TABLE keyed (id INT PRIMARY KEY); \
         CREATE TABLE keyless (id INT); INSERT INTO keyed VALUES (1), (2); INSERT INTO keyless VALUES (1)"
    ))
    .expect("tables");
    let mut job = start(spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    sql.query(&format!(
        "USE {database}; DELETE FROM keyed WHERE id = 1; UPDATE keyed SET id = 3; DELETE FROM keyless"
    ))
    .expect("changes");
    job.wait_until("changes", |job| job.counters.deletes.load(Relaxed) == 2);
    job.stop().expect("a clean stop");
}

#[test]
fn a_deleted_row_is_followed_by_a_tombstone_of_its_key() {
    // What stands before and behind the number in a key; `$` is the database.
    let forms = [
        (MessageFormat::Json, PartitionPolicy::PrimaryKey, ("[\"", "\"]")),
        (MessageFormat::Canal, PartitionPolicy::PrimaryKey, ("[\"", "\"]")),
        (MessageFormat::Debezium, PartitionPolicy::Table, ("{\"id\":", "}")),
        (
            MessageFormat::Maxwell,
            PartitionPolicy::Table,
            ("{\"database\":\"$\",\"table\":\"keyed\",\"pk.id\":", "}"),
        ),
    ];
    for (format, partition, (before, behind)) in forms {
        let database = unique("tombstones");
        let mut spec = spec(&database);
        (spec.policy.format, spec.policy.partition) = (format, partition);
        spec.policy.tombstones = true;
        run(&spec, &database);
        let key =
            |sign: &str, id: u32| format!("{sign}{}{id}{behind}", before.replace('$', &database));
        let wanted = [("", 1), ("", 2), ("", 1), ("-", 1), ("", 2), ("-", 2), ("", 3)];
        let wanted = wanted.map(|(sign, id)| key(sign, id));
        assert_eq!(keys(&format!("{database}-keyed")), wanted, "{format:?}");
        let keyless = keys(&format!("{database}-keyless"));
        assert!(
            keyless.len() == 2 && !keyless.iter().any(|key| key.starts_with('-')),
            "{keyless:?}"
        );
    }
}

#[test]
fn where_keys_are_not_those_of_rows_there_is_none() {
    let database = unique("tombstones");
    let mut spec = spec(&database);
    spec.policy.tombstones = true;
    run(&spec, &database);
    assert!(!keys(&format!("{database}-keyed")).iter().any(|key| key.starts_with('-')));
}
