//! Cells as the SELECTs of `fixtures/expected_rows.sql` print them.

use tailrace_codec::binlog::{JsonLimits, decimal, write_json_text};
use tailrace_codec::cell::{CivilDate, Decimal};
use tailrace_codec::{Cell, Column, ColumnType};

/// The text of a cell; `None` is SQL NULL.
pub(crate) fn cell_text(cell: &Cell<'_>, column: &Column) -> Option<String> {
    Some(match cell {
        Cell::Null => return None,
        Cell::Int(v) => v.to_string(),
        Cell::UInt(v) => v.to_string(),
        Cell::Float(v) => real(f64::from(*v)),
        Cell::Double(v) => real(*v),
        Cell::Decimal(Decimal::Packed { bytes, precision, scale }) => {
            let mut text = Vec::new();
            decimal::write_packed(bytes, *precision, *scale, &mut text).expect("packed decimal");
            String::from_utf8(text).unwrap()
        }
        Cell::Decimal(Decimal::Text(text)) => String::from_utf8(text.to_vec()).unwrap(),
        Cell::Bit(bytes) => bytes.iter().fold(0u64, |v, b| (v << 8) | u64::from(*b)).to_string(),
        Cell::Year(year) => year.to_string(),
        Cell::Date(date) => date_text(*date),
        Cell::Time(t, fsp) => {
            let sign = if t.negative { "-" } else { "" };
            let fraction = fraction(t.micros, *fsp);
            format!("{sign}{:02}:{:02}:{:02}{fraction}", t.hours, t.minutes, t.seconds)
        }
        Cell::DateTime(d, fsp) => {
            let (date, fraction) = (date_text(d.date), fraction(d.micros, *fsp));
            format!("{date} {:02}:{:02}:{:02}{fraction}", d.hour, d.minute, d.second)
        }
        Cell::Timestamp { seconds, micros, fsp } => format!("{seconds}{}", fraction(*micros, *fsp)),
        Cell::Enum(index) => {
            let ColumnType::Enum(members) = &column.kind else { panic!("not an ENUM: {column:?}") };
            let member = index.checked_sub(1).map_or("", |i| &members[usize::from(i)]);
            format!("{index}:{member}")
        }
        Cell::Set(bits) => {
            let ColumnType::Set(members) = &column.kind else { panic!("not a SET: {column:?}") };
            let chosen: Vec<&str> = (0..members.len())
                .filter(|i| bits >> i & 1 == 1)
                .map(|i| members[i].as_str())
                .collect();
            format!("{bits}:{}", chosen.join(","))
        }
        Cell::Json(document) => {
            let mut text = Vec::new();
            write_json_text(document, JsonLimits::default(), &mut text).expect("JSON document");
            String::from_utf8(text).unwrap()
        }
        Cell::JsonText(text) => String::from_utf8(text.to_vec()).unwrap(),
        Cell::Text(bytes)
        | Cell::Utf8(bytes)
        | Cell::Binary(bytes)
        | Cell::Geometry(bytes)
        | Cell::Vector(bytes) => hex::encode_upper(bytes),
    })
}

/// Reals are compared as numbers: both sides are printed by the same hand.
pub(crate) fn real(value: f64) -> String {
    format!("{value:?}")
}

fn date_text(date: CivilDate) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

fn fraction(micros: u32, fsp: u8) -> String {
    let digits = format!("{micros:06}");
    assert!(digits[usize::from(fsp)..].bytes().all(|b| b == b'0'), "{micros} has more than {fsp}");
    if fsp == 0 { String::new() } else { format!(".{}", &digits[..usize::from(fsp)]) }
}
