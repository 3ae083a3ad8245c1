//! Values as they go over the wire.

use std::io::{Read, Result, Write};

use super::read::Reader;
use super::session::Kind;
use super::write::Writer;
use crate::oracle::number::Number;
use crate::oracle::value::{DateTime, RowId, Value};

/// Nanoseconds of a day, an hour, a minute and a second.
const NANOS: [i128; 4] = [86_400_000_000_000, 3_600_000_000_000, 60_000_000_000, 1_000_000_000];

/// Appends a value of a column of this kind.
pub(super) fn write(into: &mut Writer, kind: Kind, value: &Value) {
    match value {
        Value::RowId(place) => drop(row_id(into, place)),
        _ => match internal(kind, value) {
            Some(bytes) => drop(into.bytes(&bytes)),
            None => drop(into.u8(0)),
        },
    }
}

/// The bytes as which a value is stored, which are those on the wire but for rows' places; `None` for NULL.
pub(in crate::oracle) fn internal(kind: Kind, value: &Value) -> Option<Vec<u8>> {
    Some(match value {
        Value::Null => return None,
        Value::Number(number) => number.bytes().to_vec(),
        Value::Text(text) if matches!(kind, Kind::NVarChar2 | Kind::NChar) => national(text),
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.clone(),
        Value::DateTime(at) if kind == Kind::Date => date(at).to_vec(),
        Value::DateTime(at) => [&date(at)[..], &at.nanos.to_be_bytes()].concat(),
        Value::Zoned(at, minutes) => {
            let zone = [(minutes / 60 + 20) as u8, (minutes % 60 + 60) as u8];
            [&date(at)[..], &at.nanos.to_be_bytes(), &zone].concat()
        }
        Value::Float(number) => sortable(&number.to_bits().to_be_bytes()),
        Value::Double(number) => sortable(&number.to_bits().to_be_bytes()),
        Value::Months(months) => {
            let years = (months / 12).wrapping_add(i32::MIN);
            [&years.to_be_bytes()[..], &[(months % 12 + 60) as u8]].concat()
        }
        Value::Nanos(nanos) => day_second(*nanos),
        // Data object, file and block in 10 and 22 bits, row.
        Value::RowId(place) => {
            let block = u32::from(place.file) << 22 | place.block & 0x3f_ffff;
            [&place.object.to_be_bytes()[..], &block.to_be_bytes(), &place.slot.to_be_bytes()]
                .concat()
        }
    })
}

/// Text in the national character set, AL16UTF16.
pub(super) fn national(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn date(at: &DateTime) -> [u8; 7] {
    let century = (at.year / 100 + 100) as u8;
    let year = (at.year % 100 + 100) as u8;
    [century, year, at.month, at.day, at.hour + 1, at.minute + 1, at.second + 1]
}

/// A binary number whose bytes sort as the numbers do.
fn sortable(bits: &[u8]) -> Vec<u8> {
    if bits[0] & 0x80 == 0 {
        let mut bits = bits.to_vec();
        bits[0] |= 0x80;
        bits
    } else {
        bits.iter().map(|byte| !byte).collect()
    }
}

fn day_second(nanos: i128) -> Vec<u8> {
    let mut rest = nanos;
    let mut part = |unit: i128| {
        let count = rest / unit;
        rest %= unit;
        count
    };
    let (days, hours) = (part(NANOS[0]) as i32, part(NANOS[1]));
    let (minutes, seconds) = (part(NANOS[2]), part(NANOS[3]));
    let mut bytes = days.wrapping_add(i32::MIN).to_be_bytes().to_vec();
    bytes.extend([hours, minutes, seconds].map(|count| (count + 60) as u8));
    bytes.extend((rest as i32).wrapping_add(i32::MIN).to_be_bytes());
    bytes
}

fn row_id<'w>(into: &'w mut Writer, place: &RowId) -> &'w mut Writer {
    into.u8(14)
        .number(place.object.into())
        .number(place.file.into())
        .u8(0)
        .number(place.block.into())
        .number(place.slot.into())
}

/// Reads a value that is bound. `kind` is the number of its type, `form` that of its character set.
pub(super) fn read<S: Read + Write>(from: &mut Reader<S>, kind: u8, form: u8) -> Result<Value> {
    let Some(bytes) = from.bytes()? else { return Ok(Value::Null) };
    Ok(match kind {
        2 | 3 | 6 => Value::Number(Number::of_bytes(&bytes)),
        12 | 180 | 231 if bytes.len() >= 7 => Value::DateTime(date_time(&bytes)),
        181 if bytes.len() == 13 => {
            let minutes = (i16::from(bytes[11]) - 20) * 60 + i16::from(bytes[12]) - 60;
            Value::Zoned(date_time(&bytes), minutes)
        }
        100 if bytes.len() == 4 => {
            let bits = unsortable(&bytes).try_into().expect("four bytes");
            Value::Float(f32::from_bits(u32::from_be_bytes(bits)))
        }
        101 if bytes.len() == 8 => {
            let bits = unsortable(&bytes).try_into().expect("eight bytes");
            Value::Double(f64::from_bits(u64::from_be_bytes(bits)))
        }
        182 if bytes.len() == 5 => {
            let years = i32::from_be_bytes(bytes[..4].try_into().expect("four bytes"));
            Value::Months(years.wrapping_sub(i32::MIN) * 12 + i32::from(bytes[4]) - 60)
        }
        183 if bytes.len() == 11 => Value::Nanos(nanos(&bytes)),
        23 | 24 | 113 => Value::Bytes(bytes),
        1 | 8 | 96 if form == 2 => {
            let units: Vec<u16> =
                bytes.chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect();
            Value::text(String::from_utf16_lossy(&units))
        }
        _ => Value::text(String::from_utf8_lossy(&bytes)),
    })
}

fn unsortable(bytes: &[u8]) -> Vec<u8> {
    if bytes[0] & 0x80 == 0 {
        return bytes.iter().map(|byte| !byte).collect();
    }
    let mut bits = bytes.to_vec();
    bits[0] &= 0x7f;
    bits
}

fn date_time(bytes: &[u8]) -> DateTime {
    let less = |byte: u8, by: u8| byte.saturating_sub(by);
    let nanos = bytes.get(7..11).map_or([0; 4], |b| b.try_into().expect("four bytes"));
    DateTime {
        year: (i16::from(bytes[0]) - 100) * 100 + i16::from(bytes[1]) - 100,
        month: bytes[2],
        day: bytes[3],
        hour: less(bytes[4], 1),
        minute: less(bytes[5], 1),
        second: less(bytes[6], 1),
        nanos: u32::from_be_bytes(nanos),
    }
}

fn nanos(bytes: &[u8]) -> i128 {
    let number = |at: usize| {
        let bytes = bytes[at..at + 4].try_into().expect("four bytes");
        i128::from(i32::from_be_bytes(bytes).wrapping_sub(i32::MIN))
    };
    let count = |at: usize| i128::from(bytes[at]) - 60;
    number(0) * NANOS[0]
        + count(4) * NANOS[1]
        + count(5) * NANOS[2]
        + count(6) * NANOS[3]
        + number(7)
}
