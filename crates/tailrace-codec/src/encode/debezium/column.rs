//! One column of Debezium's events.

use super::super::binary::{bit_value, push_base64};
use super::super::column_text::ColumnText;
use super::super::decimal::push_decimal;
use super::super::error::ValueError;
use super::super::escape::{PLAIN, escape_tail, push_str};
use super::super::number::{push_int, push_java_double, push_java_float};
use super::super::temporal::push_iso_utc;
use super::forms::{days_of, push_iso_date, push_iso_datetime, push_iso_time};
use super::modes::{BigintUnsignedMode, BinaryMode, DebeziumModes, DecimalMode, TimeMode};
use super::unscaled::unscaled;
use crate::binlog::{JsonLimits, write_json_text};
use crate::cell::{Cell, CivilDate, CivilDateTime, Decimal};
use crate::error::DecodeError;
use crate::schema::{Column, ColumnType, Fsp};

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
    /// `BIGINT UNSIGNED` as bytes.
    is_precise: bool,
    modes: DebeziumModes,
    text: ColumnText<PLAIN>,
}

impl DebeziumColumn {
    pub(super) fn compile(
        column: &Column,
        first: bool,
        modes: DebeziumModes,
    ) -> Result<Self, DecodeError> {
        let mut label = vec![if first { b'{' } else { b',' }, b'"'];
        push_str::<PLAIN>(&mut label, &column.name);
        label.extend_from_slice(b"\":");
        Ok(Self {
            name: column.name.as_str().into(),
            label: label.into(),
            nullable: column.nullable,
            bits: if let ColumnType::Bit { bits } = column.kind { bits } else { 0 },
            is_point: column.type_name == "point",
            is_precise: is_precise(column, modes),
            modes,
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
            Cell::UInt(value) if self.is_precise => {
                return push_unscaled(out, value.to_string().as_bytes());
            }
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
            Cell::Decimal(ref value) => self.push_decimal(out, value),
            Cell::Bit(bytes) => self.push_bits(out, bytes),
            Cell::Year(year) => {
                push_int(out, i64::from(year));
                Ok(())
            }
            Cell::Date(date) => self.push_date(out, date),
            Cell::Time(time, _) if self.modes.time == TimeMode::IsoString => {
                quoted(out, |out| push_iso_time(out, time))
            }
            Cell::Time(time, _) => {
                push_int(out, self.modes.time.time(time)?);
                Ok(())
            }
            Cell::DateTime(value, fsp) => self.push_datetime(out, value, fsp),
            Cell::Timestamp { seconds, micros, fsp } => {
                out.push(b'"');
                push_iso_utc(out, seconds, micros, fsp)?;
                out.push(b'"');
                Ok(())
            }
            Cell::Binary(bytes) if self.modes.binary == BinaryMode::Bytes => {
                push_base64(out, bytes)
            }
            Cell::Binary(bytes) => quoted(out, |out| self.modes.binary.push_text(out, bytes)),
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

    fn push_decimal(&self, out: &mut Vec<u8>, value: &Decimal<'_>) -> Result<(), ValueError> {
        if self.modes.decimal == DecimalMode::String {
            return quoted(out, |out| push_decimal(out, value));
        }
        let start = out.len();
        push_decimal(out, value)?;
        let text = out.split_off(start);
        match self.modes.decimal {
            DecimalMode::Double => push_java_double(out, double(&text)?),
            _ => push_unscaled(out, &text),
        }
    }

    /// A date that is none: null, or the first day of the epoch where that cannot be.
    fn push_no_date(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.nullable { b"null".as_slice() } else { b"0" });
    }

    /// Days since the epoch, or text.
    fn push_date(&self, out: &mut Vec<u8>, date: CivilDate) -> Result<(), ValueError> {
        match (self.modes.time, days_of(date)) {
            (TimeMode::IsoString, days) if days.is_some() || !self.nullable => {
                return quoted(out, |out| push_iso_date(out, date));
            }
            (_, Some(days)) => push_int(out, days),
            (_, None) => self.push_no_date(out),
        }
        Ok(())
    }

    /// A number of the mode's unit as if it were UTC, or text.
    fn push_datetime(
        &self,
        out: &mut Vec<u8>,
        value: CivilDateTime,
        fsp: Fsp,
    ) -> Result<(), ValueError> {
        if self.modes.time == TimeMode::IsoString {
            if days_of(value.date).is_some() || !self.nullable {
                return quoted(out, |out| push_iso_datetime(out, value));
            }
            self.push_no_date(out);
            return Ok(());
        }
        match self.modes.time.datetime(value, fsp)? {
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

/// Whether a column is written as the bytes of a decimal without digits behind the point.
pub(super) fn is_precise(column: &Column, modes: DebeziumModes) -> bool {
    column.kind == ColumnType::BigInt { unsigned: true }
        && modes.bigint_unsigned == BigintUnsignedMode::Precise
}

/// The number of 64 bits that is next to a decimal.
pub(super) fn double(text: &[u8]) -> Result<f64, ValueError> {
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    parsed.ok_or_else(|| ValueError::new("a DECIMAL that is no number"))
}

fn push_unscaled(out: &mut Vec<u8>, text: &[u8]) -> Result<(), ValueError> {
    let (bytes, first) = unscaled(text)?;
    push_base64(out, bytes.get(first..).unwrap_or_default())
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
