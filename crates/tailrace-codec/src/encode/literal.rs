//! A value as a MySQL literal, for the predicates of chunk queries.
//!
//! A literal must compare with the column exactly as the value it came from does, and must leave the
//! comparison in the column's own type and collation, so that the key's index is used and sorts the
//! same way:
//!
//! * numbers plain; floats with an exponent, because a plain `1.5` is a decimal to MySQL;
//! * `BIT`, `YEAR`, `ENUM` (index) and `SET` (bitmap) as the integer they compare and sort by;
//! * dates and times as quoted text, which is compared as a date or time with such a column;
//! * binary strings as `x'…'`;
//! * character strings as `_utf8mb4 x'…'`: a literal's collation yields to the column's, and the
//!   server converts it to the column's character set before it looks into the index.
//!
//! All literals are ASCII and need the session settings of
//! [`SNAPSHOT_SESSION`](crate::mysql::SNAPSHOT_SESSION).

use super::{
    binary::bit_value,
    decimal::push_decimal,
    error::{EncodeError, ValueError},
    number::{push_int, push_uint},
    temporal::{push_date, push_datetime, push_time, push_utc},
};
use crate::{
    cell::Cell,
    charset::Decoder,
    schema::{Column, ColumnType},
};

/// The literal of a key column's value.
///
/// # Errors
/// The value is NULL or of a type that cannot be part of a key, or it cannot be a value of its type.
pub fn key_literal(cell: &Cell<'_>, column: &Column) -> Result<String, EncodeError> {
    let mut out = Vec::new();
    let failed = |reason| EncodeError { table: String::new(), column: column.name.clone(), reason };
    push_literal(&mut out, cell, column).map_err(|e| failed(e.0))?;
    String::from_utf8(out).map_err(|e| failed(e.to_string().into()))
}

fn push_literal(out: &mut Vec<u8>, cell: &Cell<'_>, column: &Column) -> Result<(), ValueError> {
    match *cell {
        Cell::Int(value) => push_int(out, value),
        Cell::UInt(value) => push_uint(out, value),
        Cell::Float(value) => push_float(out, f64::from(value))?,
        Cell::Double(value) => push_float(out, value)?,
        Cell::Decimal(ref value) => push_decimal(out, value)?,
        Cell::Bit(bytes) => push_uint(out, bit_value(bytes)?),
        Cell::Year(year) => push_uint(out, u64::from(year)),
        Cell::Enum(index) => push_uint(out, u64::from(index)),
        Cell::Set(bits) => push_uint(out, bits),
        Cell::Binary(bytes) => push_hex(out, b"", bytes),
        Cell::Utf8(bytes) => push_utf8(out, bytes, column)?,
        Cell::Text(bytes) => push_text(out, bytes, column)?,
        Cell::Date(date) => {
            out.push(b'\'');
            push_date(out, date)?;
            out.push(b'\'');
        }
        Cell::Time(..) | Cell::DateTime(..) | Cell::Timestamp { .. } => push_moment(out, cell)?,
        Cell::Null => return Err(ValueError::new("NULL cannot be part of a primary key")),
        Cell::Json(_) | Cell::JsonText(_) | Cell::Geometry(_) | Cell::Vector(_) => {
            return Err(ValueError::new(format!(
                "a value of type {} cannot be part of a key",
                column.type_name
            )));
        }
    }
    Ok(())
}

/// Values with a time of day, quoted. `TIMESTAMP` is UTC, as is the session.
fn push_moment(out: &mut Vec<u8>, cell: &Cell<'_>) -> Result<(), ValueError> {
    out.push(b'\'');
    match *cell {
        Cell::Time(time, fsp) => push_time(out, time, fsp)?,
        Cell::DateTime(value, fsp) => push_datetime(out, value, fsp)?,
        Cell::Timestamp { seconds, micros, fsp } => push_utc(out, seconds, micros, fsp)?,
        _ => return Err(ValueError::new("a value without a time of day")),
    }
    out.push(b'\'');
    Ok(())
}

/// The shortest decimal that reads back as the same double, always with an exponent.
fn push_float(out: &mut Vec<u8>, value: f64) -> Result<(), ValueError> {
    if !value.is_finite() {
        return Err(ValueError::new(format!("the float {value} has no literal in MySQL")));
    }
    out.extend_from_slice(format!("{value:e}").as_bytes());
    Ok(())
}

/// Text in UTF-8. An `ENUM` or `SET` that was read as text sorts and compares by its number in a key.
fn push_utf8(out: &mut Vec<u8>, bytes: &[u8], column: &Column) -> Result<(), ValueError> {
    if matches!(column.kind, ColumnType::Enum(_) | ColumnType::Set(_)) {
        return Err(ValueError::new(format!(
            "{} {:?} is known by its text only (the catalog cannot print one of the members), so it \
             cannot bound a chunk",
            column.type_name,
            String::from_utf8_lossy(bytes)
        )));
    }
    push_hex(out, b"_utf8mb4 ", bytes);
    Ok(())
}

fn push_text(out: &mut Vec<u8>, bytes: &[u8], column: &Column) -> Result<(), ValueError> {
    let decoder = Decoder::for_collation(column.collation)?;
    if let Some(text) = decoder.pass_through(bytes) {
        push_hex(out, b"_utf8mb4 ", text.as_bytes());
        return Ok(());
    }
    let mut utf8 = Vec::new();
    decoder.decode_into(bytes, &mut utf8);
    push_hex(out, b"_utf8mb4 ", &utf8);
    Ok(())
}

fn push_hex(out: &mut Vec<u8>, introducer: &[u8], bytes: &[u8]) {
    out.extend_from_slice(introducer);
    out.extend_from_slice(b"x'");
    for &byte in bytes {
        out.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 0x0F)]);
    }
    out.push(b'\'');
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + (nibble - 10) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{CivilDate, CivilDateTime, Decimal, TimeOfDay};

    fn literal(cell: Cell<'_>, kind: ColumnType, collation: u16) -> Result<String, EncodeError> {
        let column =
            Column { name: "k".into(), kind, type_name: "t".into(), collation, nullable: false };
        key_literal(&cell, &column)
    }

    #[test]
    fn literals() {
        let int = || ColumnType::Int { unsigned: false };
        let date = CivilDate { year: 2024, month: 0, day: 31 };
        let datetime = CivilDateTime { date, hour: 1, minute: 2, second: 3, micros: 40 };
        let time = TimeOfDay { negative: true, hours: 100, ..TimeOfDay::default() };
        for (cell, kind, collation, want) in [
            (Cell::Int(-7), int(), 63, "-7"),
            (Cell::UInt(u64::MAX), int(), 63, "18446744073709551615"),
            (Cell::Float(0.1), ColumnType::Float, 63, "1.0000000149011612e-1"),
            (Cell::Double(-0.0), ColumnType::Double, 63, "-0e0"),
            (Cell::Double(1e300), ColumnType::Double, 63, "1e300"),
            (Cell::Decimal(Decimal::Text(b"-1.50")), int(), 63, "-1.50"),
            (Cell::Bit(&[1, 0]), int(), 63, "256"),
            (Cell::Year(0), ColumnType::Year, 63, "0"),
            (Cell::Enum(3), int(), 63, "3"),
            (Cell::Set(1 << 63), int(), 63, "9223372036854775808"),
            (Cell::Binary(b"\0'\xFF"), ColumnType::VarBinary, 63, "x'0027FF'"),
            (Cell::Binary(b""), ColumnType::VarBinary, 63, "x''"),
            (Cell::Utf8("€".as_bytes()), ColumnType::VarChar, 8, "_utf8mb4 x'E282AC'"),
            (Cell::Text(b"\xE9"), ColumnType::VarChar, 8, "_utf8mb4 x'C3A9'"),
            (Cell::Text(b"a"), ColumnType::VarChar, 255, "_utf8mb4 x'61'"),
            (Cell::Date(date), ColumnType::Date, 63, "'2024-00-31'"),
            (Cell::DateTime(datetime, 6), int(), 63, "'2024-00-31 01:02:03.000040'"),
            (Cell::Time(time, 1), int(), 63, "'-100:00:00.0'"),
            (Cell::Timestamp { seconds: 1, micros: 0, fsp: 0 }, int(), 63, "'1970-01-01 00:00:01'"),
        ] {
            assert_eq!(literal(cell, kind, collation).unwrap(), want);
        }
    }

    #[test]
    fn what_cannot_bound_a_chunk() {
        let error = literal(Cell::Null, ColumnType::Year, 63).unwrap_err();
        assert!(error.to_string().contains("column k"), "{error}");
        for cell in [Cell::JsonText(b"1"), Cell::Geometry(b""), Cell::Vector(b""), Cell::Json(b"")]
        {
            assert!(literal(cell, ColumnType::Json, 63).is_err());
        }
        assert!(literal(Cell::Double(f64::NAN), ColumnType::Double, 63).is_err());
        let members = ["a?".to_owned()];
        let kind = ColumnType::Enum(members.as_slice().into());
        assert!(literal(Cell::Utf8(b"a?"), kind, 255).is_err());
    }
}
