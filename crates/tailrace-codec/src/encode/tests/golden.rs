//! One record per message kind, byte for byte, and one value per type in both formats.

use std::sync::Arc;

use crate::{
    cell::{Cell, CivilDate, CivilDateTime, Decimal, TimeOfDay},
    encode::{Format, RowEncoder, RowMeta},
    schema::{Column, ColumnType, TableSchema},
};

const META: RowMeta = RowMeta { id: 501, es_ms: 1_700_000_000_000, ts_ms: 1_700_000_000_350 };

pub(super) fn column(name: &str, type_name: &str, kind: ColumnType, collation: u16) -> Column {
    Column { name: name.into(), kind, type_name: type_name.into(), collation, nullable: true }
}

fn item() -> TableSchema {
    TableSchema {
        database: "shop".into(),
        table: "item".into(),
        columns: vec![
            column("id", "int", ColumnType::Int { unsigned: false }, 63),
            column("name", "varchar", ColumnType::VarChar, 255),
            column("updated", "timestamp", ColumnType::Timestamp(3), 63),
        ],
        primary_key: vec![0],
    }
}

fn row(name: &'static str, seconds: i64, micros: u32) -> [Cell<'static>; 3] {
    [Cell::Int(7), Cell::Text(name.as_bytes()), Cell::Timestamp { seconds, micros, fsp: 3 }]
}

fn text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap()
}

const HEAD: &str = concat!(
    r#"{"mysqlType":{"id":"int","name":"varchar","updated":"timestamp"},"id":501,"#,
    r#""es":1700000000000,"ts":1700000000350,"database":"shop","table":"item","type":""#
);

const SQL_TYPE: &str =
    r#"","isDdl":false,"sql":"","sqlType":{"id":4,"name":12,"updated":93},"data":"#;

const TAIL: &str = r#","pkNames":["id"]}"#;

#[test]
fn update() {
    let encoder = RowEncoder::compile(&item(), Format::Json).unwrap();
    let mut out = Vec::new();
    let before = row("pencil", 1_699_990_000, 0);
    let after = row("pen", 1_700_000_000, 120_000);
    encoder.encode_update(&mut out, &META, &before, &after).unwrap();
    let images = concat!(
        r#"[{"id":"7","name":"pen","updated":"1700000000.120"}],"#,
        r#""old":[{"id":"7","name":"pencil","updated":"1699990000.000"}]"#
    );
    assert_eq!(text(out), format!("{HEAD}UPDATE{SQL_TYPE}{images}{TAIL}"));
}

#[test]
fn insert_and_init() {
    let encoder = RowEncoder::compile(&item(), Format::Json).unwrap();
    let row = [Cell::Int(7), Cell::Null, Cell::Null];
    let images = r#"[{"id":"7","name":null,"updated":null}],"old":null"#;
    let mut out = Vec::new();
    encoder.encode_insert(&mut out, &META, &row).unwrap();
    assert_eq!(text(out), format!("{HEAD}INSERT{SQL_TYPE}{images}{TAIL}"));
    let mut out = Vec::new();
    encoder.encode_init(&mut out, &META, &row).unwrap();
    assert_eq!(text(out), format!("{HEAD}INIT{SQL_TYPE}{images}{TAIL}"));
}

#[test]
fn a_deleted_row_is_old_in_json_and_data_in_json_c() {
    let deleted = row("pen", 1_700_000_000, 0);
    let mut out = Vec::new();
    let encoder = RowEncoder::compile(&item(), Format::Json).unwrap();
    encoder.encode_delete(&mut out, &META, &deleted).unwrap();
    let images = r#"null,"old":[{"id":"7","name":"pen","updated":"1700000000.000"}]"#;
    assert_eq!(text(out), format!("{HEAD}DELETE{SQL_TYPE}{images}{TAIL}"));

    let mut out = Vec::new();
    let encoder = RowEncoder::compile(&item(), Format::JsonC).unwrap();
    encoder.encode_delete(&mut out, &META, &deleted).unwrap();
    let images = r#"[{"id":"7","name":"pen","updated":"2023-11-14 22:13:20.000"}],"old":null"#;
    assert_eq!(text(out), format!("{HEAD}DELETE{SQL_TYPE}{images}{TAIL}"));
}

#[test]
fn null_first_last_and_everywhere() {
    let encoder = RowEncoder::compile(&item(), Format::Json).unwrap();
    for mask in 0..8u8 {
        let mut cells = row("x", 1, 0);
        let mut want = [r#""7""#, r#""x""#, r#""1.000""#];
        for at in 0..3 {
            if mask & (1 << at) != 0 {
                cells[at] = Cell::Null;
                want[at] = "null";
            }
        }
        let mut out = Vec::new();
        encoder.encode_insert(&mut out, &META, &cells).unwrap();
        let [id, name, updated] = want;
        let images = format!(r#"[{{"id":{id},"name":{name},"updated":{updated}}}],"old":null"#);
        assert_eq!(text(out), format!("{HEAD}INSERT{SQL_TYPE}{images}{TAIL}"));
    }
}

#[test]
fn names_are_escaped_and_errors_leave_the_buffer() {
    let schema = TableSchema {
        database: "d\"".into(),
        table: "a=b".into(),
        columns: vec![column("q'", "int", ColumnType::Int { unsigned: false }, 63)],
        primary_key: vec![],
    };
    let encoder = RowEncoder::compile(&schema, Format::Json).unwrap();
    let mut out = b"before".to_vec();
    let error = encoder.encode_insert(&mut out, &META, &[]).unwrap_err();
    assert!(error.to_string().contains("0 values"), "{error}");
    let error = encoder.encode_insert(&mut out, &META, &[Cell::Bit(&[])]).unwrap_err();
    assert_eq!(error.column, "q'");
    let error = encoder.encode_insert(&mut out, &META, &[Cell::Enum(1)]).unwrap_err();
    assert!(error.to_string().contains("0 declared members"), "{error}");
    assert_eq!(out, b"before");
    out.clear();
    encoder.encode_insert(&mut out, &META, &[Cell::Int(1)]).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["database"], "d\"");
    assert_eq!(value["data"][0]["q'"], "1");
    assert!(text(out).contains(r#""table":"a\u003db""#));
}

#[test]
fn keys() {
    let mut schema = item();
    let key = |schema: &TableSchema, cells: &[Cell<'_>]| {
        let mut out = b"-".to_vec();
        let encoder = RowEncoder::compile(schema, Format::JsonC).unwrap();
        encoder.encode_key(&mut out, cells).unwrap();
        text(out)
    };
    let cells = row("a\"b", 1, 0);
    assert_eq!(key(&schema, &cells), r#"-["7"]"#);
    schema.primary_key = vec![1, 0];
    assert_eq!(key(&schema, &cells), r#"-["a\"b","7"]"#);
    schema.primary_key = vec![2];
    assert_eq!(key(&schema, &cells), r#"-["1970-01-01 00:00:01.000"]"#);
    schema.primary_key = vec![];
    assert_eq!(key(&schema, &cells), "-shop.item");
    schema.primary_key = vec![3];
    assert!(RowEncoder::compile(&schema, Format::Json).is_err());
}

/// One row of `docs/message-format.md`: column, cell, text in `json`, text in `json_c`.
struct Example(Column, Cell<'static>, &'static str, &'static str);

fn same(kind: ColumnType, name: &str, cell: Cell<'static>, want: &'static str) -> Example {
    let collation = if matches!(kind, ColumnType::VarChar) { 8 } else { 63 };
    Example(column("c", name, kind, collation), cell, want, want)
}

fn members(names: &[&str]) -> Arc<[String]> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn number_examples() -> Vec<Example> {
    use ColumnType as K;
    vec![
        same(K::TinyInt { unsigned: false }, "tinyint", Cell::Int(-128), "-128"),
        same(
            K::BigInt { unsigned: true },
            "bigint unsigned",
            Cell::UInt(u64::MAX),
            "18446744073709551615",
        ),
        same(
            K::Decimal { precision: 14, scale: 4 },
            "decimal",
            Cell::Decimal(Decimal::Packed {
                bytes: &[0x81, 0x0D, 0xFB, 0x38, 0xD2, 0x04, 0xD2],
                precision: 14,
                scale: 4,
            }),
            "1234567890.1234",
        ),
        same(
            K::Decimal { precision: 3, scale: 1 },
            "decimal",
            Cell::Decimal(Decimal::Text(b"-0.5")),
            "-0.5",
        ),
        same(K::Float, "float", Cell::Float(10357.0), "10357.0"),
        same(K::Double, "double", Cell::Double(12_510_357.0), "1.2510357E7"),
        same(K::Bit { bits: 12 }, "bit", Cell::Bit(&[0x0A, 0xBC]), "2748"),
    ]
}

fn moment_examples() -> Vec<Example> {
    use ColumnType as K;
    let date = CivilDate { year: 2021, month: 6, day: 25 };
    let moment = CivilDateTime { date, hour: 17, minute: 51, second: 53, micros: 120_000 };
    let time = TimeOfDay { negative: true, hours: 8, minutes: 5, seconds: 3, micros: 500_000 };
    let stamp = |seconds, micros, fsp| Cell::Timestamp { seconds, micros, fsp };
    let timestamp = |fsp| column("c", "timestamp", K::Timestamp(fsp), 63);
    vec![
        same(K::Year, "year", Cell::Year(2024), "2024"),
        same(K::Year, "year", Cell::Year(0), "0000"),
        same(K::Date, "date", Cell::Date(date), "2021-06-25"),
        same(K::Time(1), "time", Cell::Time(time, 1), "-08:05:03.5"),
        same(K::DateTime(3), "datetime", Cell::DateTime(moment, 3), "2021-06-25 17:51:53.120"),
        same(
            K::DateTime(0),
            "datetime",
            Cell::DateTime(CivilDateTime::default(), 0),
            "0000-00-00 00:00:00",
        ),
        Example(timestamp(0), stamp(1_624_614_713, 0, 0), "1624614713.000", "2021-06-25 09:51:53"),
        Example(
            timestamp(6),
            stamp(1_624_614_713, 201_000, 6),
            "1624614713.201000",
            "2021-06-25 09:51:53.201000",
        ),
        Example(timestamp(0), stamp(0, 0, 0), "0.000", "0000-00-00 00:00:00"),
    ]
}

fn string_examples() -> Vec<Example> {
    use ColumnType as K;
    let list = members(&["a", "b<c", "d"]);
    vec![
        same(K::VarChar, "varchar", Cell::Text(b"caf\xE9"), "café"),
        same(K::VarChar, "varchar", Cell::Utf8("€ 5".as_bytes()), "€ 5"),
        same(K::Json, "json", Cell::JsonText(b"{\"a\": 1}"), "{\"a\": 1}"),
        same(K::Json, "json", Cell::Json(b""), "null"),
        same(K::Binary { length: 3 }, "binary", Cell::Binary(&[106, 0xFD, 0]), "[106, -3, 0]"),
        same(K::Blob, "blob", Cell::Binary(b""), "[]"),
        same(K::Geometry, "point", Cell::Geometry(&[0xE6, 0x10, 0, 0, 1]), "[-26, 16, 0, 0, 1]"),
        same(
            K::Vector,
            "vector",
            Cell::Vector(&[0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0]),
            "[1.0, -2.5]",
        ),
        same(K::Enum(Arc::clone(&list)), "enum", Cell::Enum(2), "b<c"),
        same(K::Enum(Arc::clone(&list)), "enum", Cell::Enum(0), ""),
        same(K::Set(Arc::clone(&list)), "set", Cell::Set(0b101), "a,d"),
        same(K::Set(list), "set", Cell::Set(0), ""),
    ]
}

#[test]
fn every_type() {
    let mut examples = number_examples();
    examples.extend(moment_examples());
    examples.extend(string_examples());
    for Example(column, cell, json, json_c) in examples {
        let schema = TableSchema {
            database: "d".into(),
            table: "t".into(),
            columns: vec![column],
            primary_key: vec![],
        };
        for (format, want) in [(Format::Json, json), (Format::JsonC, json_c)] {
            let mut out = Vec::new();
            let encoder = RowEncoder::compile(&schema, format).unwrap();
            encoder.encode_insert(&mut out, &META, &[cell]).unwrap();
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(value["data"][0]["c"], want, "{cell:?}");
        }
    }
}
