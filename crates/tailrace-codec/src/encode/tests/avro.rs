//! Debezium's events in Avro, read by Apache's reader, against the same events in JSON.

use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use base64::Engine as _;
use proptest::prelude::*;
use serde_json::Value as Json;

use super::golden::column;
use crate::cell::{Cell, CivilDate, CivilDateTime, Decimal, TimeOfDay};
use crate::encode::{
    AvroEncoder, AvroIds, AvroSchemas, ChangeOp, ChangeSource, DebeziumEncoder, DebeziumModes,
    EventOrder,
};
use crate::schema::{Column, ColumnType, TableSchema};

const IDS: AvroIds = AvroIds { key: 7, value: 0x0102_0304 };
const NOW_US: i64 = 1_700_000_000_123_456;

/// What Apache's reader makes of a message, its head taken off.
fn read(schema: &str, id: u32, message: &[u8]) -> Avro {
    let (head, mut body) = message.split_at(5);
    assert_eq!(head, [&[0][..], &id.to_be_bytes()].concat());
    let schema = Schema::parse_str(schema).expect("a schema");
    let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
    let value = reader.read_value(&mut body).expect("a datum");
    assert!(body.is_empty(), "{} bytes are left", body.len());
    value
}

/// Fails unless both say the same.
fn assert_same(avro: &Avro, json: &Json, place: &str) {
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    match avro {
        Avro::Union(_, inner) => assert_same(inner, json, place),
        Avro::Null => assert!(json.is_null(), "{place}: null and {json}"),
        Avro::Boolean(value) => assert_eq!(json, value, "{place}"),
        Avro::Int(value) | Avro::Date(value) | Avro::TimeMillis(value) => {
            assert_eq!(json, value, "{place}");
        }
        Avro::Long(value) | Avro::TimestampMillis(value) => assert_eq!(json, value, "{place}"),
        Avro::Float(value) => {
            let text = json.to_string();
            assert_eq!(
                text.parse::<f32>().expect("a number").to_bits(),
                value.to_bits(),
                "{place}"
            );
        }
        Avro::Double(value) => {
            assert_eq!(json.as_f64().expect("a number").to_bits(), value.to_bits(), "{place}");
        }
        Avro::String(text) => assert_eq!(json, text, "{place}"),
        Avro::Bytes(bytes) => assert_eq!(*json, base64(bytes), "{place}"),
        Avro::Decimal(value) => {
            let bytes: Vec<u8> = value.try_into().expect("bytes");
            assert_eq!(*json, base64(&bytes), "{place}");
        }
        Avro::Array(items) => {
            // As text in JSON.
            let floats: Vec<f32> = serde_json::from_value(json.clone())
                .or_else(|_| serde_json::from_str(json.as_str().unwrap_or_default()))
                .expect("a list of floats");
            let items: Vec<f32> = items
                .iter()
                .map(|item| match item {
                    Avro::Float(value) => *value,
                    other => panic!("{place}: {other:?}"),
                })
                .collect();
            assert_eq!(items, floats, "{place}");
        }
        Avro::Record(fields) => {
            let members = json.as_object().unwrap_or_else(|| panic!("{place}: {json}"));
            assert_eq!(fields.len(), members.len(), "{place}");
            for (name, value) in fields {
                let json = members.get(name).unwrap_or_else(|| panic!("{place}: {name}"));
                assert_same(value, json, &format!("{place}.{name}"));
            }
        }
        other => panic!("{place}: {other:?}"),
    }
}

fn table(columns: Vec<Column>) -> TableSchema {
    TableSchema { database: "shop".into(), table: "t".into(), columns, primary_key: vec![0] }
}

/// Encodes an event both ways and compares them.
fn compare(table: &TableSchema, before: Option<&[Cell<'_>]>, after: Option<&[Cell<'_>]>) {
    compare_by(DebeziumModes::default(), table, before, after);
}

fn compare_by(
    modes: DebeziumModes,
    table: &TableSchema,
    before: Option<&[Cell<'_>]>,
    after: Option<&[Cell<'_>]>,
) {
    let schemas = AvroSchemas::of_table(table, modes).expect("schemas");
    let avro = AvroEncoder::compile(table, ("name", "version"), IDS, modes).expect("compiled");
    let json = DebeziumEncoder::compile(table, ("name", "version"), modes).expect("compiled");
    let source = ChangeSource {
        ts_us: NOW_US - 5,
        server_id: u32::MAX,
        gtid: after.map(|_| "a-b:1"),
        file: "binlog.000001",
        position: 1 << 40,
        row: 3,
        thread: before.map(|_| 9),
        order: before.map(|_| EventOrder { id: "a:1", total_order: 7, data_collection_order: 3 }),
    };
    let op = match (before, after) {
        (Some(_), Some(_)) => ChangeOp::Update,
        (Some(_), None) => ChangeOp::Delete,
        (None, _) => ChangeOp::Read,
    };
    let (mut bytes, mut text) = (Vec::new(), Vec::new());
    avro.encode(&mut bytes, op, &source, NOW_US, before, after).expect("avro");
    json.encode(&mut text, op, &source, NOW_US, before, after).expect("json");
    let event: Json = serde_json::from_slice(&text).expect("JSON");
    assert_same(&read(&schemas.value, IDS.value, &bytes), &event, "event");
    let row = after.or(before).expect("a row");
    let (mut bytes, mut text) = (Vec::new(), Vec::new());
    avro.encode_key(&mut bytes, row).expect("avro");
    json.encode_key(&mut text, row).expect("json");
    let key = read(schemas.key.as_deref().expect("a key"), IDS.key, &bytes);
    assert_same(&key, &serde_json::from_slice(&text).expect("JSON"), "key");
}

const NOWHERE: ChangeSource<'static> = ChangeSource {
    ts_us: 0,
    server_id: 0,
    gtid: None,
    file: "",
    position: 0,
    row: 0,
    thread: None,
    order: None,
};

fn members() -> Arc<[String]> {
    Arc::from(["a\"".to_owned(), "é".to_owned()])
}

/// A column of each type and a value of it.
fn all_types() -> (Vec<Column>, Vec<Cell<'static>>) {
    let date = CivilDate { year: 2024, month: 2, day: 29 };
    let moment = CivilDateTime { date, hour: 1, minute: 2, second: 3, micros: 456_000 };
    const POINT: &[u8] = b"\0\0\0\0\x01\x01\0\0\0\0\0\0\0\0\0\xF8\x3F\0\0\0\0\0\0\0\xC0";
    const ELSEWHERE: &[u8] = b"\xE6\x10\0\0\x01\x01\0\0\0\0\0\0\0\0\0\xF8\x3F\0\0\0\0\0\0\0\xC0";
    let int = |unsigned| ColumnType::Int { unsigned };
    let all = [
        ("id", "int", int(false), 63, Cell::Int(-5)),
        ("ui", "int unsigned", int(true), 63, Cell::UInt(u64::from(u32::MAX))),
        ("ti", "tinyint", ColumnType::TinyInt { unsigned: false }, 63, Cell::Int(-128)),
        ("su", "smallint unsigned", ColumnType::SmallInt { unsigned: true }, 63, Cell::UInt(65535)),
        ("bu", "bigint unsigned", ColumnType::BigInt { unsigned: true }, 63, Cell::UInt(u64::MAX)),
        ("f", "float", ColumnType::Float, 63, Cell::Float(0.1)),
        ("d", "double", ColumnType::Double, 63, Cell::Double(-1.5e300)),
        (
            "n",
            "decimal",
            ColumnType::Decimal { precision: 30, scale: 4 },
            63,
            Cell::Decimal(Decimal::Text(b"-98765432109876543210.0001")),
        ),
        ("b1", "bit", ColumnType::Bit { bits: 1 }, 63, Cell::Bit(&[1])),
        ("b10", "bit", ColumnType::Bit { bits: 10 }, 63, Cell::Bit(&[2, 3])),
        ("y", "year", ColumnType::Year, 63, Cell::Year(1901)),
        ("day", "date", ColumnType::Date, 63, Cell::Date(date)),
        (
            "clock",
            "time",
            ColumnType::Time(6),
            63,
            Cell::Time(
                TimeOfDay { negative: true, hours: 838, minutes: 59, seconds: 59, micros: 1 },
                6,
            ),
        ),
        ("dt3", "datetime", ColumnType::DateTime(3), 63, Cell::DateTime(moment, 3)),
        ("dt6", "datetime", ColumnType::DateTime(6), 63, Cell::DateTime(moment, 6)),
        (
            "ts",
            "timestamp",
            ColumnType::Timestamp(2),
            63,
            Cell::Timestamp { seconds: 1_700_000_000, micros: 120_000, fsp: 2 },
        ),
        ("text", "varchar", ColumnType::VarChar, 8, Cell::Text(b"caf\xE9 \"x\"")),
        ("utf8", "text", ColumnType::Text, 255, Cell::Utf8("snowman ☃".as_bytes())),
        ("raw", "varbinary", ColumnType::VarBinary, 63, Cell::Binary(&[0, 255])),
        ("e", "enum", ColumnType::Enum(members()), 255, Cell::Enum(1)),
        ("e0", "enum", ColumnType::Enum(members()), 255, Cell::Enum(0)),
        ("s", "set", ColumnType::Set(members()), 255, Cell::Set(3)),
        ("j", "json", ColumnType::Json, 63, Cell::JsonText(br#"{"a": [1, "\u00e9"]}"#)),
        ("p", "point", ColumnType::Geometry, 63, Cell::Geometry(POINT)),
        ("p2", "point", ColumnType::Geometry, 63, Cell::Geometry(ELSEWHERE)),
        ("g", "geometry", ColumnType::Geometry, 63, Cell::Geometry(ELSEWHERE)),
        ("v", "vector", ColumnType::Vector, 63, Cell::Vector(&[0, 0, 128, 63, 0, 0, 32, 192])),
        ("v0", "vector", ColumnType::Vector, 63, Cell::Vector(&[])),
    ];
    all.into_iter()
        .map(|(name, type_name, kind, collation, cell)| {
            (column(name, type_name, kind, collation), cell)
        })
        .unzip()
}

#[test]
fn avro_says_what_json_says() {
    let (mut columns, cells) = all_types();
    let nulls = vec![Cell::Null; cells.len()];
    let mut keyed = nulls;
    keyed[0] = Cell::Int(3);
    compare(&table(columns.clone()), None, Some(&cells));
    compare(&table(columns.clone()), Some(&keyed), Some(&cells));
    compare(&table(columns.clone()), Some(&cells), None);
    columns.iter_mut().for_each(|column| column.nullable = false);
    compare(&table(columns), Some(&cells), Some(&cells));
}

/// Every mode beside Debezium's default once.
fn other_modes() -> Vec<DebeziumModes> {
    [
        "decimal.handling.mode=double,binary.handling.mode=base64,time.precision.mode=connect",
        "decimal.handling.mode=string,binary.handling.mode=base64-url-safe,time.precision.mode=microseconds",
        "bigint.unsigned.handling.mode=precise,time.precision.mode=nanoseconds",
        "binary.handling.mode=hex,time.precision.mode=isostring",
    ]
    .map(|text| DebeziumModes::parse(text).expect("modes"))
    .into()
}

#[test]
fn avro_says_what_json_says_in_every_mode() {
    let (mut columns, mut cells) = all_types();
    let clock = columns.iter().position(|column| column.name == "clock").expect("a time");
    let time = TimeOfDay { negative: false, hours: 23, minutes: 59, seconds: 59, micros: 120 };
    let outside = std::mem::replace(&mut cells[clock], Cell::Time(time, 6));
    let table = table(columns.clone());
    for modes in other_modes() {
        compare_by(modes, &table, Some(&cells), Some(&cells));
        let mut wrong = cells.clone();
        wrong[clock] = outside;
        let json = DebeziumEncoder::compile(&table, ("n", "v"), modes).expect("compiled");
        let error = json
            .encode(&mut Vec::new(), ChangeOp::Create, &NOWHERE, 0, None, Some(&wrong))
            .expect_err("838 hours are no time of a day");
        assert!(error.column == "clock" && error.to_string().contains("adaptive"), "{error}");
    }
    columns.iter_mut().for_each(|column| column.nullable = false);
    let table = TableSchema { columns, ..table };
    for modes in other_modes() {
        compare_by(modes, &table, None, Some(&cells));
    }
}

#[test]
fn a_date_that_is_none_is_null_or_the_epoch() {
    let zero = Cell::Date(CivilDate::default());
    let partial = CivilDate { year: 2024, month: 0, day: 0 };
    let partial = Cell::DateTime(CivilDateTime { date: partial, ..Default::default() }, 0);
    for nullable in [true, false] {
        let mut columns = vec![
            column("id", "int", ColumnType::Int { unsigned: false }, 63),
            column("d", "date", ColumnType::Date, 63),
            column("dt", "datetime", ColumnType::DateTime(0), 63),
        ];
        columns.iter_mut().for_each(|column| column.nullable = nullable);
        let table = table(columns);
        for modes in other_modes().into_iter().chain([DebeziumModes::default()]) {
            compare_by(modes, &table, None, Some(&[Cell::Int(1), zero, partial]));
        }
    }
}

#[test]
fn names_are_avros_and_differ() {
    let int = || ColumnType::Int { unsigned: false };
    let named = |names: &[&str]| {
        let columns = names.iter().map(|name| column(name, "int", int(), 63)).collect();
        TableSchema {
            database: "my-shop".into(),
            table: "2024".into(),
            columns,
            primary_key: vec![],
        }
    };
    let schemas = AvroSchemas::of_table(&named(&["a b", "1", "é"]), DebeziumModes::default())
        .expect("schemas");
    assert_eq!((schemas.key, schemas.value_record.as_str()), (None, "my_shop._2024.Envelope"));
    for name in ["a_b", "_1", "_"] {
        assert!(schemas.value.contains(&format!(r#""name":"{name}""#)), "{name}");
    }
    Schema::parse_str(&schemas.value).expect("a schema");
    let error = AvroSchemas::of_table(&named(&["a b", "a-b"]), DebeziumModes::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("a b and a-b would both be a_b"), "{error}");
}

#[test]
fn null_in_a_column_that_holds_none_is_refused_and_nothing_is_left() {
    let mut columns = vec![column("id", "int", ColumnType::Int { unsigned: false }, 63)];
    columns[0].nullable = false;
    let avro = AvroEncoder::compile(&table(columns), ("n", "v"), IDS, DebeziumModes::default())
        .expect("compiled");
    let source = ChangeSource {
        ts_us: 0,
        server_id: 0,
        gtid: None,
        file: "",
        position: 0,
        row: 0,
        thread: None,
        order: None,
    };
    let mut out = b"#".to_vec();
    assert!(
        avro.encode(&mut out, ChangeOp::Create, &source, 0, None, Some(&[Cell::Null])).is_err()
    );
    assert!(avro.encode(&mut out, ChangeOp::Create, &source, 0, None, Some(&[])).is_err());
    assert!(avro.encode_key(&mut out, &[Cell::Null]).is_err());
    assert_eq!(out, b"#");
}

proptest! {
    #[test]
    fn any_number_and_text_are_the_same(number: i32, big: u64, text: String, bytes: Vec<u8>, real: f64) {
        prop_assume!(real.is_finite());
        let columns = vec![
            column("id", "int", ColumnType::Int { unsigned: false }, 63),
            column("big", "bigint unsigned", ColumnType::BigInt { unsigned: true }, 63),
            column("text", "varchar", ColumnType::VarChar, 255),
            column("latin", "varchar", ColumnType::VarChar, 8),
            column("raw", "varbinary", ColumnType::VarBinary, 63),
            column("real", "double", ColumnType::Double, 63),
        ];
        let row = [
            Cell::Int(number.into()),
            Cell::UInt(big),
            Cell::Text(text.as_bytes()),
            Cell::Text(&bytes),
            Cell::Binary(&bytes),
            Cell::Double(real),
        ];
        compare(&table(columns), None, Some(&row));
    }
}
