//! Whatever cells come, a message is either refused or is JSON with the thirteen fields in order.

use proptest::{collection::vec, prelude::*};

use super::golden::column;
use crate::{
    cell::{Cell, CivilDate, CivilDateTime, Decimal, TimeOfDay},
    encode::{Format, RowEncoder, RowMeta, key_literal},
    schema::{ColumnType, TableSchema},
};

const FIELDS: [&str; 13] = [
    "mysqlType",
    "id",
    "es",
    "ts",
    "database",
    "table",
    "type",
    "isDdl",
    "sql",
    "sqlType",
    "data",
    "old",
    "pkNames",
];

/// An owned value that a cell borrows from.
#[derive(Debug, Clone)]
struct Source {
    variant: u8,
    number: u64,
    bytes: Vec<u8>,
    text: String,
    small: [u8; 4],
    precision: u8,
    scale: u8,
}

fn source() -> impl Strategy<Value = Source> {
    let bytes = prop_oneof![vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..4)];
    (any::<u8>(), any::<u64>(), bytes, any::<String>(), any::<[u8; 4]>(), 0u8..70, 0u8..35)
        .prop_map(|(variant, number, bytes, text, small, precision, scale)| Source {
            variant,
            number,
            bytes,
            text,
            small,
            precision,
            scale,
        })
}

#[expect(clippy::cast_possible_truncation, reason = "any bits do")]
fn cell(source: &Source) -> Cell<'_> {
    let Source { number, bytes, text, small, precision, scale, .. } = source;
    let [a, b, c, d] = *small;
    let date = CivilDate { year: *number as u16, month: a, day: b };
    let micros = (*number >> 20) as u32 % 1_000_000;
    match source.variant % 22 {
        0 => Cell::Null,
        1 => Cell::Int(number.cast_signed()),
        2 => Cell::UInt(*number),
        3 => Cell::Float(f32::from_bits(*number as u32)),
        4 => Cell::Double(f64::from_bits(*number)),
        5 => Cell::Decimal(Decimal::Packed { bytes, precision: *precision, scale: *scale }),
        6 => Cell::Decimal(Decimal::Text(bytes)),
        7 => Cell::Bit(bytes),
        8 => Cell::Year(*number as u16),
        9 => Cell::Date(date),
        10 => Cell::Time(
            TimeOfDay { negative: a > 9, hours: *number as u16, minutes: b, seconds: c, micros },
            d % 8,
        ),
        11 => Cell::DateTime(CivilDateTime { date, hour: c, minute: a, second: b, micros }, d % 8),
        12 => Cell::Timestamp { seconds: number.cast_signed() >> 20, micros, fsp: d % 8 },
        13 => Cell::Text(bytes),
        14 => Cell::Utf8(bytes),
        15 => Cell::Utf8(text.as_bytes()),
        16 => Cell::Binary(bytes),
        17 => Cell::Enum(*number as u16 % 5),
        18 => Cell::Set(*number % 9),
        19 => Cell::JsonText(text.as_bytes()),
        20 => Cell::Geometry(bytes),
        _ => Cell::Vector(bytes),
    }
}

fn kind(choice: u8) -> (ColumnType, u16) {
    let members = || ["a", "'", "\u{2028}"].map(str::to_owned).as_slice().into();
    match choice % 5 {
        0 => (ColumnType::VarChar, 255),
        1 => (ColumnType::Char, 8),
        2 => (ColumnType::Enum(members()), 255),
        3 => (ColumnType::Set(members()), 255),
        _ => (ColumnType::Int { unsigned: false }, 63),
    }
}

fn schema(choices: &[u8]) -> TableSchema {
    let columns = choices
        .iter()
        .enumerate()
        .map(|(at, &choice)| {
            let (kind, collation) = kind(choice);
            column(&format!("c{at}<"), "t", kind, collation)
        })
        .collect();
    TableSchema { database: "d".into(), table: "t".into(), columns, primary_key: vec![0] }
}

proptest! {
    #[test]
    fn json_or_refused(
        parts in vec((source(), source(), any::<u8>()), 1..6),
        compatible: bool,
        id: u64,
    ) {
        let choices: Vec<u8> = parts.iter().map(|p| p.2).collect();
        let before: Vec<Cell<'_>> = parts.iter().map(|p| cell(&p.0)).collect();
        let after: Vec<Cell<'_>> = parts.iter().map(|p| cell(&p.1)).collect();
        let schema = schema(&choices);
        let format = if compatible { Format::JsonC } else { Format::Json };
        let encoder = RowEncoder::compile(&schema, format).unwrap();
        let meta = RowMeta { id, es_ms: 1, ts_ms: 2 };
        let mut out = b"#".to_vec();
        if encoder.encode_update(&mut out, &meta, &before, &after).is_err() {
            prop_assert_eq!(out, b"#");
        } else {
            let text = std::str::from_utf8(&out[1..]).unwrap();
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            let mut at = 0;
            for field in FIELDS {
                prop_assert!(value.get(field).is_some());
                at += text[at..].find(&format!("\"{field}\":")).unwrap();
            }
            for (image, cells) in [("data", &after), ("old", &before)] {
                let row = value[image][0].as_object().unwrap();
                prop_assert_eq!(row.len(), cells.len());
                for (at, cell) in cells.iter().enumerate() {
                    let value = &row[&format!("c{at}<")];
                    prop_assert_eq!(value.is_null(), *cell == Cell::Null);
                    prop_assert!(value.is_null() || value.is_string());
                }
            }
            prop_assert!(!out[1..].contains(&b'<'));
        }
        let mut key = Vec::new();
        if encoder.encode_key(&mut key, &after).is_ok() {
            let value: serde_json::Value = serde_json::from_slice(&key).unwrap();
            prop_assert_eq!(value.as_array().unwrap().len(), 1);
        } else {
            prop_assert!(key.is_empty());
        }
    }

    #[test]
    fn literals_are_closed_ascii(value in source(), choice: u8) {
        let (kind, collation) = kind(choice);
        let column = column("c", "t", kind, collation);
        if let Ok(literal) = key_literal(&cell(&value), &column) {
            prop_assert!(literal.is_ascii());
            prop_assert!(matches!(literal.matches('\'').count(), 0 | 2));
            prop_assert!(!literal.contains([';', '\\', '"', '#', '(']));
        }
    }
}
