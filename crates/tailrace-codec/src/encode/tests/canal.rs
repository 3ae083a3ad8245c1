//! Canal's messages, byte for byte.

use super::golden::column;
use crate::{
    cell::Cell,
    ddl::classify,
    encode::{CanalEncoder, CanalKind, RowMeta, canal_type, encode_canal_ddl},
    schema::{ColumnType, TableSchema},
};

const META: RowMeta = RowMeta { id: 501, es_ms: 1_700_000_000_000, ts_ms: 1_700_000_000_350 };

fn item(primary_key: Vec<usize>) -> TableSchema {
    TableSchema {
        database: "shop".into(),
        table: "item".into(),
        columns: vec![
            column("id", "int unsigned", ColumnType::Int { unsigned: true }, 63),
            column("name", "varchar", ColumnType::VarChar, 255),
            column("photo", "blob", ColumnType::Blob, 63),
            column("updated", "timestamp", ColumnType::Timestamp(3), 63),
        ],
        primary_key,
    }
}

fn row(id: u64, name: Option<&'static str>) -> [Cell<'static>; 4] {
    [
        Cell::UInt(id),
        name.map_or(Cell::Null, |name| Cell::Text(name.as_bytes())),
        Cell::Binary(b"\x00\"\xe9"),
        Cell::Timestamp { seconds: 1_700_000_000, micros: 120_000, fsp: 3 },
    ]
}

fn message(
    schema: &TableSchema,
    kind: CanalKind,
    gtid: Option<&str>,
    images: (&[Cell<'_>], &[Cell<'_>]),
) -> String {
    let mut out = Vec::new();
    let encoder = CanalEncoder::compile(schema).unwrap();
    encoder.encode(&mut out, &META, kind, gtid, images).unwrap();
    String::from_utf8(out).unwrap()
}

const PHOTO: &str = "\"photo\":\"\\u0000\\\"é\",\"updated\":\"2023-11-14 22:13:20.120\"";

#[test]
fn an_inserted_row() {
    let text = message(&item(vec![0]), CanalKind::Insert, Some("u:7"), (&[], &row(7, None)));
    let wanted = format!(
        "{{\"data\":[{{\"id\":\"7\",\"name\":null,{PHOTO}}}],\"database\":\"shop\",\"es\":1700000000000,\
         \"gtid\":\"u:7\",\"id\":501,\"isDdl\":false,\
         \"mysqlType\":{{\"id\":\"int unsigned\",\"name\":\"varchar\",\"photo\":\"blob\",\"updated\":\"timestamp\"}},\
         \"old\":null,\"pkNames\":[\"id\"],\"sql\":\"\",\
         \"sqlType\":{{\"id\":4,\"name\":12,\"photo\":2004,\"updated\":93}},\"table\":\"item\",\
         \"ts\":1700000000350,\"type\":\"INSERT\"}}"
    );
    assert_eq!(text, wanted);
}

#[test]
fn a_changed_row_has_only_what_changed_in_old() {
    let changed = |before: &[Cell<'_>], after: &[Cell<'_>]| {
        let text = message(&item(vec![]), CanalKind::Update, None, (before, after));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["pkNames"], serde_json::Value::Null);
        assert_eq!(value["gtid"], "");
        (value["data"][0]["name"].clone(), value["old"].clone())
    };
    let (name, old) = changed(&row(7, Some("pencil")), &row(7, Some("pen")));
    assert_eq!((name, old), ("pen".into(), serde_json::json!([{"name": "pencil"}])));
    let (_, old) = changed(&row(7, None), &row(8, Some("pen")));
    assert_eq!(old, serde_json::json!([{"id": "7", "name": null}]));
    let (_, old) = changed(&row(7, None), &row(7, None));
    assert_eq!(old, serde_json::Value::Null);
}

#[test]
fn a_deleted_row_stands_in_data_and_a_large_unsigned_number_has_a_larger_type() {
    let text = message(&item(vec![0]), CanalKind::Delete, None, (&row(3_000_000_000, None), &[]));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["data"][0]["id"], "3000000000");
    assert_eq!(value["sqlType"]["id"], -5);
    assert_eq!((&value["old"], &value["type"]), (&serde_json::Value::Null, &"DELETE".into()));
}

#[test]
fn a_row_of_another_width_is_refused_and_leaves_nothing_behind() {
    let encoder = CanalEncoder::compile(&item(vec![0])).unwrap();
    let mut out = b"before".to_vec();
    let after = row(7, None);
    let refused = encoder.encode(&mut out, &META, CanalKind::Update, None, (&after[..2], &after));
    assert!(refused.unwrap_err().to_string().contains("2 values"));
    assert_eq!(out, b"before");
}

#[test]
fn a_statement() {
    let sql = "DROP TABLE `item`";
    let mut out = Vec::new();
    let word = canal_type(&classify(sql, "shop"));
    encode_canal_ddl(&mut out, &META, None, ("shop", "item"), sql, word);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"data\":null,\"database\":\"shop\",\"es\":1700000000000,\"gtid\":\"\",\"id\":501,\"isDdl\":true,\
         \"mysqlType\":null,\"old\":null,\"pkNames\":null,\"sql\":\"DROP TABLE `item`\",\"sqlType\":null,\
         \"table\":\"item\",\"ts\":1700000000350,\"type\":\"ERASE\"}"
    );
    for (sql, wanted) in [
        ("CREATE TABLE a (b INT)", "CREATE"),
        ("ALTER TABLE a ADD c INT", "ALTER"),
        ("RENAME TABLE a TO b", "RENAME"),
        ("TRUNCATE TABLE a", "TRUNCATE"),
        ("CREATE INDEX i ON a (b)", "CINDEX"),
        ("DROP INDEX i ON a", "DINDEX"),
        ("CREATE DATABASE d", "QUERY"),
    ] {
        assert_eq!(canal_type(&classify(sql, "shop")), wanted, "{sql}");
    }
}
