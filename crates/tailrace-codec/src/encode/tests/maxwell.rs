//! Maxwell's messages, byte for byte.

use super::golden::column;
use crate::{
    cell::{Cell, CivilDate, CivilDateTime, Decimal, TimeOfDay},
    ddl::classify,
    encode::{
        MaxwellEncoder, MaxwellKind, MaxwellMeta, encode_maxwell_ddl, mark_maxwell_commit,
        maxwell_type,
    },
    schema::{ColumnType, TableSchema},
};

const META: MaxwellMeta = MaxwellMeta { ts: 1_477_053_217, xid: 23_396 };

fn item(primary_key: Vec<usize>) -> TableSchema {
    TableSchema {
        database: "shop".into(),
        table: "it\"em".into(),
        columns: vec![
            column("id", "int unsigned", ColumnType::Int { unsigned: true }, 63),
            column("name", "varchar", ColumnType::VarChar, 255),
        ],
        primary_key,
    }
}

fn message(
    schema: &TableSchema,
    kind: MaxwellKind,
    images: (&[Cell<'_>], &[Cell<'_>]),
) -> Result<String, String> {
    let mut out = Vec::new();
    let encoder = MaxwellEncoder::compile(schema).unwrap();
    let written = encoder.encode(&mut out, kind, META, images);
    let text = String::from_utf8(out).unwrap();
    written.map(|()| text).map_err(|e| e.to_string())
}

const NAMES: &str = r#"{"database":"shop","table":"it\"em""#;

#[test]
fn every_kind_of_row() {
    let schema = item(vec![0]);
    let (a, b) = ([Cell::UInt(7), Cell::Text(b"pen<")], [Cell::UInt(7), Cell::Null]);
    let data = r#""data":{"id":7,"name":"pen<"}"#;
    for (kind, images, wanted) in [
        (
            MaxwellKind::Insert,
            (&[][..], &a[..]),
            format!(r#"{NAMES},"type":"insert","ts":1477053217,"xid":23396,{data}}}"#),
        ),
        (
            MaxwellKind::Update,
            (&b, &a),
            format!(
                r#"{NAMES},"type":"update","ts":1477053217,"xid":23396,{data},"old":{{"name":null}}}}"#
            ),
        ),
        (
            MaxwellKind::Update,
            (&a, &a),
            format!(r#"{NAMES},"type":"update","ts":1477053217,"xid":23396,{data},"old":{{}}}}"#),
        ),
        (
            MaxwellKind::Delete,
            (&a, &[]),
            format!(r#"{NAMES},"type":"delete","ts":1477053217,"xid":23396,{data}}}"#),
        ),
        (
            MaxwellKind::Bootstrap,
            (&[], &a),
            format!(r#"{NAMES},"type":"bootstrap-insert","ts":1477053217,{data}}}"#),
        ),
    ] {
        assert_eq!(message(&schema, kind, images).unwrap(), wanted);
    }
}

#[test]
fn the_last_message_of_a_transaction_is_marked() {
    let mut out = br#"{"a":{}}"#.to_vec();
    mark_maxwell_commit(&mut out);
    assert_eq!(out, br#"{"a":{},"commit":true}"#);
}

#[test]
fn keys_name_the_table_and_its_primary_key() {
    let key = |schema: &TableSchema, row: &[Cell<'_>]| {
        let mut out = Vec::new();
        let encoder = MaxwellEncoder::compile(schema).unwrap();
        let written = encoder.encode_key(&mut out, row);
        (written.is_ok(), String::from_utf8(out).unwrap())
    };
    let row = [Cell::UInt(7), Cell::Text("é".as_bytes())];
    assert_eq!(
        key(&item(vec![1, 0]), &row),
        (true, format!(r#"{NAMES},"pk.name":"é","pk.id":7}}"#))
    );
    assert_eq!(key(&item(vec![]), &row), (true, format!("{NAMES}}}")));
    assert_eq!(key(&item(vec![1]), &row[..1]), (false, String::new()));
}

#[test]
fn values_are_json_of_their_kind() {
    let members = || ["a", "b\"", "c"].map(str::to_owned).into();
    let date = CivilDate { year: 2024, month: 2, day: 29 };
    let noon = CivilDateTime { date, hour: 12, minute: 0, second: 1, micros: 500_000 };
    let time = TimeOfDay { negative: true, hours: 100, minutes: 0, seconds: 1, micros: 0 };
    let point = [&[0; 4][..], &[1, 1, 0, 0, 0], &1f64.to_le_bytes(), &2.5f64.to_le_bytes()];
    let point = point.concat();
    for (kind, cell, wanted) in [
        (ColumnType::BigInt { unsigned: true }, Cell::UInt(u64::MAX), "18446744073709551615"),
        (
            ColumnType::Decimal { precision: 5, scale: 2 },
            Cell::Decimal(Decimal::Text(b"-1.50")),
            "-1.50",
        ),
        (ColumnType::Float, Cell::Float(0.1), "0.1"),
        (ColumnType::Bit { bits: 9 }, Cell::Bit(&[1, 2]), "258"),
        (ColumnType::Year, Cell::Year(2155), "2155"),
        (ColumnType::Date, Cell::Date(date), "\"2024-02-29\""),
        (ColumnType::DateTime(1), Cell::DateTime(noon, 1), "\"2024-02-29 12:00:01.5\""),
        (ColumnType::Time(0), Cell::Time(time, 0), "\"-100:00:01\""),
        (ColumnType::Blob, Cell::Binary(b"\x00\xff"), "\"AP8=\""),
        (ColumnType::Enum(members()), Cell::Enum(2), "\"b\\\"\""),
        (ColumnType::Enum(members()), Cell::Enum(0), "\"\""),
        (ColumnType::Set(members()), Cell::Set(0), "[]"),
        (ColumnType::Set(members()), Cell::Set(7), "[\"a\",\"b\\\"\",\"c\"]"),
        (ColumnType::Json, Cell::JsonText(b"{\"k\": [1]}"), "{\"k\": [1]}"),
        (ColumnType::Geometry, Cell::Geometry(&point), "\"POINT (1 2.5)\""),
    ] {
        let schema = TableSchema {
            database: "d".into(),
            table: "t".into(),
            columns: vec![column("v", "x", kind, 63)],
            primary_key: vec![],
        };
        let text = message(&schema, MaxwellKind::Insert, (&[], &[cell])).unwrap();
        let value = text.split_once("\"v\":").unwrap().1;
        assert_eq!(value, format!("{wanted}}}}}"));
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
    }
}

#[test]
fn a_value_that_cannot_be_leaves_nothing() {
    let schema = item(vec![0]);
    for row in [&[Cell::UInt(1)][..], &[Cell::UInt(1), Cell::Enum(1)]] {
        assert!(message(&schema, MaxwellKind::Delete, (row, &[])).is_err());
    }
}

#[test]
fn statements() {
    for (sql, wanted) in [
        ("CREATE TABLE t (id INT)", "table-create"),
        ("DROP TABLE t", "table-drop"),
        ("RENAME TABLE t TO u", "table-alter"),
        ("ALTER TABLE t ADD c INT", "table-alter"),
        ("CREATE DATABASE d", "database-create"),
        ("DROP DATABASE d", "database-drop"),
        ("TRUNCATE TABLE t", "sql"),
    ] {
        assert_eq!(maxwell_type(&classify(sql, "d")), wanted, "{sql}");
    }
    let mut out = Vec::new();
    encode_maxwell_ddl(&mut out, 7, ("d", "t"), "DROP TABLE \"t\"", "table-drop");
    encode_maxwell_ddl(&mut out, 7, ("d", ""), "DROP DATABASE d", "database-drop");
    assert_eq!(
        String::from_utf8(out).unwrap(),
        concat!(
            r#"{"database":"d","table":"t","type":"table-drop","ts":7,"sql":"DROP TABLE \"t\""}"#,
            r#"{"database":"d","type":"database-drop","ts":7,"sql":"DROP DATABASE d"}"#
        )
    );
}
