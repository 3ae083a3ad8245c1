//! A job from its first row to a stop and on again.

use std::sync::atomic::Ordering;

use tailrace_pipeline::observe::Phase;

use crate::support::{mysql, read_topic, spec, start, unique};

#[test]
fn rows_come_first_then_changes_and_a_restart_repeats_nothing() {
    let database = unique("life");
    let sql = mysql();
    sql.query(&format!(
        "CREATE DATABASE {database};
         CREATE TABLE {database}.item (id INT PRIMARY KEY, name VARCHAR(40), price DECIMAL(10,2));
         SET SESSION cte_max_recursion_depth = 100000;
         INSERT INTO {database}.item
           WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
           SELECT i, CONCAT('item ', i), i / 100 FROM n;"
    ))
    .expect("the schema");
    let spec = spec(&database);
    let mut job = start(&spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    sql.query(&format!(
        "UPDATE {database}.item SET price = 1.5 WHERE id = 7;
         DELETE FROM {database}.item WHERE id = 8;
         INSERT INTO {database}.item VALUES (50001, 'new', 2);"
    ))
    .expect("changes");
    job.wait_until("changes", |j| {
        j.counters.deletes.load(Ordering::Relaxed) == 1
            && j.counters.inserts.load(Ordering::Relaxed) == 1
    });
    job.stop().expect("a clean stop");
    sql.query(&format!("UPDATE {database}.item SET name = 'later' WHERE id = 9;"))
        .expect("a change");
    let mut job = start(&spec);
    job.wait_until("change", |j| j.counters.updates.load(Ordering::Relaxed) == 1);
    job.stop().expect("a clean stop");

    let seen = read_topic(&format!("{database}-item"));
    let of = |kind: &str| seen.iter().filter(|m| m.value["type"] == kind).count();
    assert_eq!(of("INIT"), 50_000);
    assert_eq!((of("INSERT"), of("UPDATE"), of("DELETE")), (1, 2, 1));
    let mut ids: Vec<u64> = seen.iter().map(|m| m.value["id"].as_u64().expect("an id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), seen.len(), "no id comes twice");
    let key = format!("{database}.item");
    assert!(seen.iter().all(|m| m.partition == 0 && m.key.as_deref() == Some(key.as_str())));
    let update = seen.iter().find(|m| m.value["type"] == "UPDATE").expect("the update");
    assert_eq!(update.value["data"][0]["price"], "1.50");
    assert_eq!(update.value["old"][0]["price"], "0.07");
}
