//! One column of Debezium's events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::super::binary::bit_value;
use super::super::decimal::push_decimal;
use super::super::error::ValueError;
use super::super::escape::{PLAIN, escape_tail, push_decoded, push_str, push_text};
use super::super::number::{push_int, push_java_double, push_java_float};
use super::super::temporal::{days_from_civil, push_iso_utc};
use super::unscaled::unscaled;
use crate::binlog::{JsonLimits, write_json_text};
use crate::cell::{Cell, CivilDate, CivilDateTime, Decimal, TimeOfDay};
use crate::charset::Decoder;
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
    decoder: &'static Decoder,
    contains_ascii: bool,
    utf8mb4: &'static Decoder,
    /// Members of `ENUM` or `SET`, escaped.
    members: Box<[Box<[u8]>]>,
}

impl DebeziumColumn {
    pub(super) fn compile(column: &Column, first: bool) -> Result<Self, DecodeError> {
        let escaped = |text: &str| -> Box<[u8]> {
            let mut out = Vec::new();
            push_str::<PLAIN>(&mut out, text);
            out.into()
        };
        let mut label = vec![if first { b'{' } else { b',' }, b'"'];
        label.extend_from_slice(&escaped(&column.name));
        label.extend_from_slice(b"\":");
        let utf8mb4 = Decoder::for_charset("utf8mb4")?;
        let decoder = match column.kind {
            ColumnType::Char | ColumnType::VarChar | ColumnType::Text => {
                Decoder::for_collation(column.collation)?
            }
            _ => utf8mb4,
        };
        let ascii: [u8; 128] = std::array::from_fn(|byte| byte as u8);
        let members = match &column.kind {
            ColumnType::Enum(members) | ColumnType::Set(members) => {
                members.iter().map(|member| escaped(member)).collect()
            }
            _ => Box::default(),
        };
        Ok(Self {
            name: column.name.as_str().into(),
            label: label.into(),
            nullable: column.nullable,
            bits: if let ColumnType::Bit { bits } = column.kind { bits } else { 0 },
            is_point: column.type_name == "point",
            decoder,
            contains_ascii: decoder.pass_through(&ascii).is_some(),
            utf8mb4,
            members,
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
                if self.contains_ascii {
                    push_text::<PLAIN>(out, bytes, self.decoder);
                } else {
                    push_decoded::<PLAIN>(out, bytes, self.decoder);
                }
                out.push(b'"');
            }
            Cell::Utf8(bytes) | Cell::JsonText(bytes) => {
                out.push(b'"');
                push_text::<PLAIN>(out, bytes, self.utf8mb4);
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
            Cell::Enum(index) => self.push_enum(out, index),
            Cell::Set(bits) => self.push_set(out, bits),
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
        let Some(days) = days_of(value.date) else {
            self.push_no_date(out);
            return Ok(());
        };
        let of_day =
            i64::from(value.hour) * 3600 + i64::from(value.minute) * 60 + i64::from(value.second);
        let micros = (days * 86_400 + of_day) * MICROS_PER_SECOND + i64::from(value.micros);
        push_int(out, if fsp <= 3 { micros.div_euclid(1000) } else { micros });
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

    fn push_enum(&self, out: &mut Vec<u8>, index: u16) -> Result<(), ValueError> {
        out.push(b'"');
        if let Some(position) = usize::from(index).checked_sub(1) {
            out.extend_from_slice(self.member(position)?);
        }
        out.push(b'"');
        Ok(())
    }

    fn push_set(&self, out: &mut Vec<u8>, mut bits: u64) -> Result<(), ValueError> {
        out.push(b'"');
        let mut first = true;
        while bits != 0 {
            let position = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(self.member(position)?);
        }
        out.push(b'"');
        Ok(())
    }

    fn member(&self, position: usize) -> Result<&[u8], ValueError> {
        self.members.get(position).map(|member| &**member).ok_or_else(|| {
            let declared = self.members.len();
            ValueError::new(format!("member {} of {declared} declared ones", position + 1))
        })
    }
}

fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
    out.push(b'"');
    let start = out.len();
    // Four characters for three bytes, the last group filled.
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let room = out.get_mut(start..).unwrap_or_default();
    let written =
        BASE64.encode_slice(bytes, room).map_err(|e| ValueError::new(format!("base64: {e}")))?;
    out.truncate(start + written);
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
fn days_of(date: CivilDate) -> Option<i64> {
    (date.year > 0 && date.month > 0 && date.day > 0).then(|| days_from_civil(date))
}

fn micros_of(time: TimeOfDay) -> i64 {
    let seconds =
        i64::from(time.hours) * 3600 + i64::from(time.minutes) * 60 + i64::from(time.seconds);
    let micros = seconds * MICROS_PER_SECOND + i64::from(time.micros);
    if time.negative { -micros } else { micros }
}

/// Coordinates of a point: byte order, type 1, x and y (OGC's well-known binary form).
fn point(wkb: &[u8]) -> Result<(f64, f64), ValueError> {
    let coordinates = match wkb.split_first_chunk::<5>() {
        Some(([1, 1, 0, 0, 0], rest)) => rest.as_chunks::<8>().0.first_chunk::<2>(),
        _ => None,
    };
    let [x, y] = coordinates.ok_or_else(|| ValueError::new("a POINT that is none"))?;
    Ok((f64::from_le_bytes(*x), f64::from_le_bytes(*y)))
}
