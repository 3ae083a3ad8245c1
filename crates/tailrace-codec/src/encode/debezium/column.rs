//! One column of Debezium's events.

use super::super::binary::{bit_value, push_base64};
use super::super::column_text::ColumnText;
use super::super::decimal::push_decimal;
use super::super::error::ValueError;
use super::super::escape::{PLAIN, escape_tail, push_str};
use super::super::number::{push_int, push_java_double, push_java_float};
use super::super::temporal::push_iso_utc;
use crate::calendar::days_from_civil;
use super::unscaled::unscaled;
use crate::binlog::{JsonLimits, write_json_text};
use crate::cell::{Cell, CivilDate, CivilDateTime, Decimal, TimeOfDay};
use crate::error::DecodeError;
use crate::schema::{Column, ColumnType, Fsp};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// One column, compiled.
#[derive(Debug)]
pub(super) struct DebeziumColumn {
    /// Column name, for errors.
    pub(super) name: Box<str>,
    /// `{"name":` of the first column, `,"name":` of the others.
    pub(super) label: Box<[u8]>,
    nullable: bool,
    /// `BIT(1)` is a boolean.
    bits: u8,
    /// `POINT` has its coordinates beside its bytes.
    is_point: bool,
    text: ColumnText<PLAIN>,
}

impl DebeziumColumn {
    pub(super) fn compile(column: &Column, first: bool) -> Result<Self, DecodeError> {
        let mut label = vec![if first { b'{' } else { b',' }, b'"'];
        push_str::<PLAIN>(&mut label, &column.name);
        label.extend_from_slice(b"\":");
        Ok(Self {
            name: column.name.as_str().into(),
            label: label.into(),
            nullable: column.nullable,
            bits: if let ColumnType::Bit { bits } = column.kind { bits } else { 0 },
            is_point: column.type_name == "point",
            text: ColumnText::compile(column)?,
        })
    }

    /// The label of the first column of an object, or of another one.
    pub(super) fn push_label(&self, out: &mut Vec<u8>, first: bool) {
        out.push(if first { b'{' } else { b',' });
        out.extend_from_slice(self.label.get(1..).unwrap_or_default());
    }

    /// Appends a value with its quotes, if it has any.
    #[inline]
    pub(super) fn push_value(&self, out: &mut Vec<u8>, cell: &Cell<'_>) -> Result<(), ValueError> {
        match *cell {
            Cell::Null => out.extend_from_slice(b"null"),
            Cell::Int(value) => push_int(out, value),
            // `bigint.unsigned.handling.mode=long`: what a signed number of 64 bits makes of it.
            Cell::UInt(value) => push_int(out, value.cast_signed()),
            Cell::Text(bytes) => {
                out.push(b'"');
                self.text.push(out, bytes);
                out.push(b'"');
            }
            Cell::Utf8(bytes) | Cell::JsonText(bytes) => {
                out.push(b'"');
                self.text.push_utf8(out, bytes);
                out.push(b'"');
            }
            _ => return self.push_rarer(out, cell),
        }
        Ok(())
    }

    fn push_rarer(&self, out: &mut Vec<u8>, cell: &Cell<'_>) -> Result<(), ValueError> {
        match *cell {
            Cell::Float(value) => push_java_float(out, value),
            Cell::Double(value) => push_java_double(out, value),
            Cell::Decimal(ref value) => push_precise(out, value),
            Cell::Bit(bytes) => self.push_bits(out, bytes),
            Cell::Year(year) => {
                push_int(out, i64::from(year));
                Ok(())
            }
            Cell::Date(date) => self.push_date(out, date),
            Cell::Time(time, _) => {
                push_int(out, micros_of(time));
                Ok(())
            }
            Cell::DateTime(value, fsp) => self.push_datetime(out, value, fsp),
            Cell::Timestamp { seconds, micros, fsp } => {
                out.push(b'"');
                push_iso_utc(out, seconds, micros, fsp)?;
                out.push(b'"');
                Ok(())
            }
            Cell::Binary(bytes) => push_base64(out, bytes),
            Cell::Geometry(bytes) => self.push_geometry(out, bytes),
            Cell::Vector(bytes) => super::super::binary::push_vector(out, bytes),
            Cell::Enum(index) => quoted(out, |out| self.text.push_enum(out, index)),
            Cell::Set(bits) => quoted(out, |out| self.text.push_set(out, bits, b",")),
            Cell::Json(bytes) => {
                out.push(b'"');
                let start = out.len();
                write_json_text(bytes, JsonLimits::default(), out)?;
                escape_tail::<PLAIN>(out, start);
                out.push(b'"');
                Ok(())
            }
            Cell::Null
            | Cell::Int(_)
            | Cell::UInt(_)
            | Cell::Text(_)
            | Cell::Utf8(_)
            | Cell::JsonText(_) => self.push_value(out, cell),
        }
    }

    /// A date that is none: null, or the first day of the epoch where that cannot be.
    fn push_no_date(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.nullable { b"null".as_slice() } else { b"0" });
    }

    /// Days since the epoch.
    fn push_date(&self, out: &mut Vec<u8>, date: CivilDate) -> Result<(), ValueError> {
        match days_of(date) {
            Some(days) => push_int(out, days),
            None => self.push_no_date(out),
        }
        Ok(())
    }

    /// Milliseconds of the epoch up to three fraction digits, else microseconds, as if it were UTC.
    fn push_datetime(
        &self,
        out: &mut Vec<u8>,
        value: CivilDateTime,
        fsp: Fsp,
    ) -> Result<(), ValueError> {
        match ticks_of(value, fsp) {
            Some(ticks) => push_int(out, ticks),
            None => self.push_no_date(out),
        }
        Ok(())
    }

    /// A boolean for one bit, else bytes, the lowest first.
    fn push_bits(&self, out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
        let value = bit_value(bytes)?;
        if self.bits == 1 {
            out.extend_from_slice(if value == 0 { b"false".as_slice() } else { b"true" });
        } else {
            let little_endian = value.to_le_bytes();
            push_base64(out, little_endian.get(..bytes.len()).unwrap_or(&little_endian))?;
        }
        Ok(())
    }

    /// `{"wkb":…,"srid":…}`, for a point with its coordinates.
    fn push_geometry(&self, out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
        let Some((srid, wkb)) = bytes.split_first_chunk::<4>() else {
            return Err(ValueError::new("a geometry has less than the 4 bytes of its SRID"));
        };
        out.push(b'{');
        if self.is_point {
            let (x, y) = point(wkb)?;
            out.extend_from_slice(b"\"x\":");
            push_java_double(out, x)?;
            out.extend_from_slice(b",\"y\":");
            push_java_double(out, y)?;
            out.push(b',');
        }
        out.extend_from_slice(b"\"wkb\":");
        push_base64(out, wkb)?;
        out.extend_from_slice(b",\"srid\":");
        match u32::from_le_bytes(*srid) {
            0 => out.extend_from_slice(b"null"),
            srid => push_int(out, i64::from(srid)),
        }
        out.push(b'}');
        Ok(())
    }
}

/// A value between quotes.
fn quoted(
    out: &mut Vec<u8>,
    push: impl FnOnce(&mut Vec<u8>) -> Result<(), ValueError>,
) -> Result<(), ValueError> {
    out.push(b'"');
    push(out)?;
    out.push(b'"');
    Ok(())
}

fn push_precise(out: &mut Vec<u8>, value: &Decimal<'_>) -> Result<(), ValueError> {
    let start = out.len();
    push_decimal(out, value)?;
    let unscaled = unscaled(out.get(start..).unwrap_or_default());
    out.truncate(start);
    let (bytes, first) = unscaled?;
    push_base64(out, bytes.get(first..).unwrap_or_default())
}

/// Days since the epoch; none for zero and partial dates.
pub(super) fn days_of(date: CivilDate) -> Option<i64> {
    (date.year > 0 && date.month > 0 && date.day > 0).then(|| days_from_civil(date))
}

/// Milliseconds of the epoch up to three fraction digits, else microseconds, as if it were UTC; none for zero and partial dates.
pub(super) fn ticks_of(value: CivilDateTime, fsp: Fsp) -> Option<i64> {
    let days = days_of(value.date)?;
    let of_day =
        i64::from(value.hour) * 3600 + i64::from(value.minute) * 60 + i64::from(value.second);
    let micros = (days * 86_400 + of_day) * MICROS_PER_SECOND + i64::from(value.micros);
    Some(if fsp <= 3 { micros.div_euclid(1000) } else { micros })
}

/// Microseconds of a time.
pub(super) fn micros_of(time: TimeOfDay) -> i64 {
    let seconds =
        i64::from(time.hours) * 3600 + i64::from(time.minutes) * 60 + i64::from(time.seconds);
    let micros = seconds * MICROS_PER_SECOND + i64::from(time.micros);
    if time.negative { -micros } else { micros }
}

/// Coordinates of a point: byte order, type 1, x and y (OGC's well-known binary form).
pub(super) fn point(wkb: &[u8]) -> Result<(f64, f64), ValueError> {
    let coordinates = match wkb.split_first_chunk::<5>() {
        Some(([1, 1, 0, 0, 0], rest)) => rest.as_chunks::<8>().0.first_chunk::<2>(),
        _ => None,
    };
    let [x, y] = coordinates.ok_or_else(|| ValueError::new("a POINT that is none"))?;
    Ok((f64::from_le_bytes(*x), f64::from_le_bytes(*y)))
}
