//! The checker is checked: every kind of fault is planted into a sound story and must be found.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;

const PARTITIONS: i32 = 3;
const TABLE: &str = "orders";

/// One row: key, version, transaction, name.
type Row = (i64, i64, i64, &'static str);

fn image((id, version, txn, name): Row) -> Value {
    json!({"id": id.to_string(), "version": version.to_string(), "txn": txn.to_string(), "name": name})
}

/// A job's messages in the making, keyed by primary key over three partitions.
struct Story {
    messages: Vec<(i32, Option<String>, Map<String, Value>)>,
    next_id: u64,
}

impl Story {
    fn new() -> Self {
        Self { messages: Vec::new(), next_id: 1 }
    }

    /// Full phase of two rows, then an insert, updates, a delete, a second life of a key, and a
    /// change of a key, which is a DELETE and an INSERT where the key decides the partition.
    fn sound() -> Self {
        let mut story = Self::new();
        story.row("INIT", None, Some((1, 1, 1, "a")));
        story.row("INIT", None, Some((2, 2, 1, "b")));
        story.row("INSERT", None, Some((3, 3, 2, "c")));
        story.row("UPDATE", Some((1, 1, 1, "a")), Some((1, 4, 2, "a2")));
        story.row("UPDATE", Some((1, 4, 2, "a2")), Some((1, 5, 3, "a3")));
        story.row("DELETE", Some((2, 2, 1, "b")), None);
        story.row("INSERT", None, Some((2, 6, 4, "b2")));
        story.row("DELETE", Some((3, 3, 2, "c")), None);
        story.row("INSERT", None, Some((9, 7, 5, "c")));
        story
    }

    fn rows() -> Vec<Row> {
        vec![(1, 5, 3, "a3"), (2, 6, 4, "b2"), (9, 7, 5, "c")]
    }

    fn row(&mut self, kind: &str, before: Option<Row>, after: Option<Row>) {
        let (id, ..) = after.or(before).expect("a row");
        let key = format!("[\"{id}\"]");
        let value = json!({
            "mysqlType": {"id": "int", "version": "bigint", "txn": "bigint", "name": "varchar"},
            "id": self.next_id, "es": 1, "ts": 2, "database": "shop", "table": TABLE,
            "type": kind, "isDdl": false, "sql": "",
            "sqlType": {"id": 4, "version": -5, "txn": -5, "name": 12},
            "data": after.map(|r| vec![image(r)]), "old": before.map(|r| vec![image(r)]),
            "pkNames": ["id"],
        });
        let partition = partition_of(key.as_bytes(), PARTITIONS);
        self.push(partition, Some(key), value);
    }

    fn ddl(&mut self, sql: &str) {
        let value = json!({
            "mysqlType": null, "id": self.next_id, "es": 1, "ts": 2, "database": "shop", "table": TABLE,
            "type": "DDL", "isDdl": true, "sql": sql, "sqlType": null, "data": null, "old": null,
            "pkNames": null,
        });
        self.push(-1, Some("shop".to_owned()), value);
    }

    fn push(&mut self, partition: i32, key: Option<String>, value: Value) {
        let Value::Object(value) = value else { unreachable!("it is an object") };
        self.messages.push((partition, key, value));
        self.next_id += 1;
    }

    fn records(self) -> Vec<Record> {
        let mut offsets = HashMap::new();
        let mut records = Vec::new();
        for (partition, key, value) in self.messages {
            let (topic, partition) = if partition < 0 { ("ddl", 0) } else { ("data", partition) };
            let offset = offsets.entry((topic, partition)).or_insert(0_i64);
            let place = Place { topic: Arc::from(topic), partition, offset: *offset };
            *offset += 1;
            let value = serde_json::to_vec(&value).expect("JSON");
            records.push(Record { place, key: key.map(String::into_bytes), value });
        }
        records
    }

    fn judge(self, rows: &[Row], promise: &Promise) -> Report {
        let partitions = HashMap::from([("data".to_owned(), PARTITIONS), ("ddl".to_owned(), 1)]);
        check_records(self.records(), partitions, vec![source(rows)], promise)
    }
}

fn source(rows: &[Row]) -> SourceTable {
    // In alphabetical order, as `serde_json` writes the members of its objects.
    let columns = [
        ("id", "int", 4),
        ("name", "varchar", 12),
        ("txn", "bigint", -5),
        ("version", "bigint", -5),
    ];
    let names: Arc<[Box<str>]> = columns.iter().map(|(n, _, _)| (*n).into()).collect();
    SourceTable {
        database: "shop".into(),
        table: TABLE.into(),
        shape: Shape {
            columns: columns.iter().map(|(n, t, c)| ((*n).into(), (*t).into(), *c)).collect(),
            primary_key: vec!["id".into()],
        },
        rows: rows
            .iter()
            .map(|(id, version, txn, name)| Image {
                columns: Arc::clone(&names),
                values: [id.to_string(), (*name).to_owned(), txn.to_string(), version.to_string()]
                    .into_iter()
                    .map(|v| Some(v.into_boxed_str()))
                    .collect(),
            })
            .collect(),
    }
}

fn promise() -> Promise {
    Promise {
        format: Format::Json,
        delivery: Delivery::ExactlyOnce,
        topic: TopicRule::One("data".into()),
        partition: PartitionRule::PrimaryKey,
        ddl_topic: Some("ddl".into()),
        topic_prefix: String::new(),
        selected: Selected { databases: [("shop".to_owned(), None)].into() },
        full_phase: true,
        statements: Some(Vec::new()),
    }
}

fn judge(story: Story) -> Report {
    story.judge(&Story::rows(), &promise())
}

#[track_caller]
fn finds(story: Story, fault: Fault) {
    let report = judge(story);
    assert!(report.has(fault), "{fault:?} was planted and not found: {report}");
}

#[test]
fn a_sound_story_passes() {
    let report = judge(Story::sound()).into_result().unwrap_or_else(|text| panic!("{text}"));
    assert_eq!(report.messages_total(), 9);
    assert_eq!(report.rows_compared["shop.orders"], 3);
}

#[test]
fn finds_a_lost_change_that_a_later_one_covers() {
    let mut story = Story::sound();
    story.messages.remove(3);
    finds(story, Fault::LostChange);
}

#[test]
fn finds_a_lost_last_change() {
    let mut story = Story::sound();
    story.messages.remove(4);
    finds(story, Fault::WrongValue);
}

#[test]
fn finds_a_lost_row_of_the_full_phase() {
    let mut story = Story::sound();
    story.messages.remove(0);
    // It can only be told once the full phase is over, at the row's first change.
    finds(story, Fault::UnseenRow);
}

#[test]
fn finds_a_lost_insert_and_a_lost_delete() {
    let mut story = Story::sound();
    story.messages.remove(6);
    finds(story, Fault::MissingRow);
    let mut story = Story::sound();
    story.messages.remove(7);
    finds(story, Fault::ExtraRow);
}

#[test]
fn finds_every_message_that_is_lost() {
    for place in 0..Story::sound().messages.len() {
        let mut story = Story::sound();
        story.messages.remove(place);
        let report = judge(story);
        assert!(!report.counts.is_empty(), "message {place} is missing and nothing was found");
    }
}

#[test]
fn finds_every_message_that_comes_twice_under_a_new_id() {
    for place in 0..Story::sound().messages.len() {
        let mut story = Story::sound();
        let mut again = story.messages[place].clone();
        let id = story.next_id;
        again.2.insert("id".into(), json!(id));
        story.messages.push(again);
        let report = judge(story);
        assert!(!report.counts.is_empty(), "message {place} came twice and nothing was found");
    }
}

#[test]
fn finds_a_repeated_id() {
    let mut story = Story::sound();
    let again = story.messages[4].clone();
    story.messages.push(again);
    finds(story, Fault::IdRepeated);
}

#[test]
fn at_least_once_may_repeat_a_message_but_not_reuse_its_id() {
    let repeat = |change: fn(&mut Map<String, Value>)| {
        let mut story = Story::sound();
        let mut again = story.messages[4].clone();
        change(&mut again.2);
        story.messages.push(again);
        story.judge(&Story::rows(), &Promise { delivery: Delivery::AtLeastOnce, ..promise() })
    };
    let report = repeat(|m| drop(m.insert("ts".into(), json!(99))));
    assert!(report.counts.is_empty(), "{report}");
    assert_eq!(report.repeated, 1);
    let report = repeat(|m| drop(m.insert("data".into(), json!([image((1, 5, 3, "other"))]))));
    assert!(report.has(Fault::IdRepeated), "{report}");
}

#[test]
fn finds_messages_out_of_order() {
    let mut story = Story::sound();
    story.messages.swap(3, 4);
    finds(story, Fault::IdOrder);
    let mut story = Story::sound();
    // Places and numbers swapped: the partition's order is sound, the row goes back.
    story.messages.swap(3, 4);
    story.messages[3].2.insert("id".into(), json!(4));
    story.messages[4].2.insert("id".into(), json!(5));
    finds(story, Fault::LostChange);
}

#[test]
fn finds_a_stale_version() {
    let mut story = Story::sound();
    story.row("UPDATE", Some((1, 5, 3, "a3")), Some((1, 4, 6, "a2")));
    finds(story, Fault::Stale);
    let mut story = Story::sound();
    story.row("DELETE", Some((9, 7, 5, "c")), None);
    story.row("INSERT", None, Some((9, 6, 7, "old")));
    finds(story, Fault::Stale);
}

#[test]
fn finds_rows_of_the_full_phase_that_are_not_exact() {
    let late = |row: Row| {
        let mut story = Story::sound();
        story.row("INIT", None, Some(row));
        judge(story)
    };
    assert!(late((3, 3, 2, "c")).has(Fault::Resurrected));
    assert!(late((2, 2, 1, "b")).has(Fault::Duplicate));
    assert!(late((9, 6, 5, "c")).has(Fault::Stale));
    assert!(late((9, 8, 6, "d")).has(Fault::LostChange));
    // A row that the stream delivered already may come in the full phase, if it is the same.
    let report = late((9, 7, 5, "c"));
    assert!(report.counts.is_empty(), "{report}");
}

#[test]
fn finds_wrong_partition_key_and_topic() {
    let mut story = Story::sound();
    story.messages[2].0 = (story.messages[2].0 + 1) % PARTITIONS;
    finds(story, Fault::WrongPartition);
    let mut story = Story::sound();
    story.messages[2].1 = Some("[\"33\"]".into());
    finds(story, Fault::WrongKey);
    let mut story = Story::sound();
    story.messages[2].0 = -1;
    finds(story, Fault::WrongTopic);
}

#[test]
fn finds_a_wrong_value_in_any_column() {
    for column in ["version", "txn", "name"] {
        let mut story = Story::sound();
        story.messages[8].2["data"][0][column] = json!("0");
        finds(story, Fault::WrongValue);
    }
    let mut story = Story::sound();
    story.messages[8].2["data"][0]["name"] = Value::Null;
    finds(story, Fault::WrongValue);
}

#[test]
fn finds_wrong_descriptions() {
    let mut story = Story::sound();
    story.messages[8].2["mysqlType"]["name"] = json!("char");
    finds(story, Fault::WrongShape);
    let mut story = Story::sound();
    story.messages[8].2["sqlType"]["id"] = json!(5);
    finds(story, Fault::WrongShape);
    let mut story = Story::sound();
    story.messages[8].2.remove("es");
    finds(story, Fault::Malformed);
    let mut story = Story::sound();
    story.messages[8].2["isDdl"] = json!(true);
    finds(story, Fault::Malformed);
    let mut story = Story::sound();
    story.messages[8].2["database"] = json!("other");
    finds(story, Fault::NotSelected);
}

#[test]
fn finds_mixed_transactions() {
    let mut story = Story::sound();
    story.row("INSERT", None, Some((20, 20, 10, "x")));
    story.row("INSERT", None, Some((21, 21, 11, "y")));
    story.row("INSERT", None, Some((22, 22, 10, "z")));
    let rows =
        [Story::rows(), vec![(20, 20, 10, "x"), (21, 21, 11, "y"), (22, 22, 10, "z")]].concat();
    let report = story.judge(&rows, &promise());
    assert!(report.has(Fault::Interleaved), "{report}");
}

#[test]
fn json_c_has_deleted_rows_in_data() {
    let promise = Promise { format: Format::JsonC, ..promise() };
    let report = Story::sound().judge(&Story::rows(), &promise);
    assert!(report.has(Fault::Malformed), "{report}");
    let mut story = Story::sound();
    for (_, _, message) in story.messages.iter_mut().filter(|(_, _, m)| m["type"] == "DELETE") {
        let row = message["old"].take();
        message["data"] = row;
    }
    let report = story.judge(&Story::rows(), &promise);
    assert!(report.counts.is_empty(), "{report}");
}

fn statement(sql: &str, certain: bool) -> Statement {
    Statement { database: "shop".into(), sql: sql.into(), certain }
}

#[test]
fn ddl_messages_are_the_statements_in_order() {
    let drop = "DROP TABLE `shop`.`other` /* generated by server */";
    let alter = "ALTER TABLE orders ADD INDEX (name)";
    let judge = |messages: &[&str], statements: Vec<Statement>| {
        let mut story = Story::sound();
        messages.iter().for_each(|sql| story.ddl(sql));
        story.judge(&Story::rows(), &Promise { statements: Some(statements), ..promise() })
    };
    let due = || vec![statement("DROP TABLE other", true), statement(alter, true)];
    let report = judge(&[drop, alter], due());
    assert!(report.counts.is_empty(), "{report}");
    assert!(judge(&[drop], due()).has(Fault::MissingDdl));
    assert!(judge(&[alter, drop], due()).has(Fault::MissingDdl));
    assert!(judge(&[drop, alter, alter], due()).has(Fault::UnexpectedDdl));
    let unknown = || vec![statement("DROP TABLE other", false), statement(alter, true)];
    assert!(!judge(&[alter], unknown()).has(Fault::MissingDdl));
    // Of two that are equal, the one that nobody knows of may be the one that was not executed.
    let twice = || vec![statement(alter, false), statement(alter, true)];
    let report = judge(&[alter], twice());
    assert!(report.counts.is_empty(), "{report}");
    assert!(judge(&[], twice()).has(Fault::MissingDdl));
    assert!(judge(&[alter, alter, alter], twice()).has(Fault::UnexpectedDdl));
}

#[test]
fn statements_change_the_rows_that_a_consumer_holds() {
    let mut story = Story::sound();
    story.ddl("TRUNCATE TABLE shop.orders");
    let truncated = Promise {
        statements: Some(vec![statement("TRUNCATE TABLE shop.orders", true)]),
        ..promise()
    };
    let report = story.judge(&[], &truncated);
    assert!(report.counts.is_empty(), "{report}");
    let mut story = Story::sound();
    story.ddl("ALTER TABLE orders RENAME COLUMN name TO title");
    let report = story.judge(&Story::rows(), &Promise { statements: None, ..promise() });
    assert!(report.has(Fault::WrongValue), "{report}");
}

#[test]
fn failure_text_names_place_row_and_difference() {
    let mut story = Story::sound();
    story.messages.remove(3);
    let text = judge(story).into_result().expect_err("a change is lost");
    for part in ["LostChange at data[", "shop.orders id=1", "name: expected \"a\", found \"a2\""] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}
