//! One column of Debezium's events in Avro.

use std::sync::Arc;

use super::super::super::binary::bit_value;
use super::super::super::decimal::push_decimal;
use super::super::super::error::ValueError;
use super::super::super::temporal::push_iso_utc;
use super::super::column::{double, is_precise, point};
use super::super::forms::{days_of, push_iso_date, push_iso_datetime, push_iso_time};
use super::super::modes::{BinaryMode, DebeziumModes, DecimalMode, TimeMode};
use super::super::unscaled::unscaled;
use super::write::{push_bytes, push_long, push_written};
use crate::binlog::{JsonLimits, write_json_text};
use crate::cell::{Cell, Decimal};
use crate::charset::Decoder;
use crate::error::DecodeError;
use crate::schema::{Column, ColumnType};

/// One column, compiled.
#[derive(Debug)]
pub(super) struct AvroColumn {
    /// Column name, for errors.
    pub(super) name: Box<str>,
    nullable: bool,
    /// `BIT(1)` is a boolean.
    bits: u8,
    /// `POINT` has its coordinates beside its bytes.
    is_point: bool,
    /// `BIGINT UNSIGNED` as bytes.
    is_precise: bool,
    modes: DebeziumModes,
    /// From the column's character set to UTF-8.
    decoder: &'static Decoder,
    utf8mb4: &'static Decoder,
    /// Of `ENUM` and `SET`.
    members: Arc<[String]>,
}

impl AvroColumn {
    pub(super) fn compile(column: &Column, modes: DebeziumModes) -> Result<Self, DecodeError> {
        let utf8mb4 = Decoder::for_charset("utf8mb4")?;
        let decoder = match column.kind {
            ColumnType::Char | ColumnType::VarChar | ColumnType::Text => {
                Decoder::for_collation(column.collation)?
            }
            _ => utf8mb4,
        };
        let members = match &column.kind {
            ColumnType::Enum(members) | ColumnType::Set(members) => Arc::clone(members),
            _ => Arc::from([]),
        };
        Ok(Self {
            name: column.name.as_str().into(),
            nullable: column.nullable,
            bits: if let ColumnType::Bit { bits } = column.kind { bits } else { 0 },
            is_point: column.type_name == "point",
            is_precise: is_precise(column, modes),
            modes,
            decoder,
            utf8mb4,
            members,
        })
    }

    /// Appends a value: of a column that may hold NULL with the branch of its union before it.
    pub(super) fn push_value(&self, out: &mut Vec<u8>, cell: &Cell<'_>) -> Result<(), ValueError> {
        if *cell == Cell::Null || (self.nullable && is_no_date(cell)) {
            if !self.nullable {
                return Err(ValueError::new("NULL in a column that holds none"));
            }
            out.push(0);
            return Ok(());
        }
        if self.nullable {
            push_long(out, 1);
        }
        self.push_known(out, cell)
    }

    fn push_known(&self, out: &mut Vec<u8>, cell: &Cell<'_>) -> Result<(), ValueError> {
        match *cell {
            Cell::Null => {}
            Cell::Int(value) => push_long(out, value),
            Cell::UInt(value) if self.is_precise => {
                push_unscaled(out, value.to_string().as_bytes())?;
            }
            // `bigint.unsigned.handling.mode=long`: what a signed number of 64 bits makes of it.
            Cell::UInt(value) => push_long(out, value.cast_signed()),
            Cell::Float(value) => out.extend_from_slice(&value.to_le_bytes()),
            Cell::Double(value) => out.extend_from_slice(&value.to_le_bytes()),
            Cell::Decimal(ref value) => self.push_decimal(out, value)?,
            Cell::Bit(bytes) => self.push_bits(out, bytes)?,
            Cell::Year(year) => push_long(out, year.into()),
            Cell::Date(_) | Cell::DateTime(..) | Cell::Time(..) => self.push_temporal(out, cell)?,
            Cell::Timestamp { seconds, micros, fsp } => {
                push_written(out, |out| push_iso_utc(out, seconds, micros, fsp))?;
            }
            Cell::Text(bytes) => push_text(out, bytes, self.decoder),
            Cell::Utf8(bytes) | Cell::JsonText(bytes) => push_text(out, bytes, self.utf8mb4),
            Cell::Binary(bytes) if self.modes.binary == BinaryMode::Bytes => push_bytes(out, bytes),
            Cell::Binary(bytes) => {
                push_written(out, |out| self.modes.binary.push_text(out, bytes))?;
            }
            Cell::Json(bytes) => {
                push_written(out, |out| write_json_text(bytes, JsonLimits::default(), out))?;
            }
            Cell::Enum(index) => self.push_enum(out, index)?,
            Cell::Set(bits) => self.push_set(out, bits)?,
            Cell::Geometry(bytes) => self.push_geometry(out, bytes)?,
            Cell::Vector(bytes) => push_vector(out, bytes)?,
        }
        Ok(())
    }

    fn push_decimal(&self, out: &mut Vec<u8>, value: &Decimal<'_>) -> Result<(), ValueError> {
        if self.modes.decimal == DecimalMode::String {
            return push_written(out, |out| push_decimal(out, value));
        }
        let start = out.len();
        push_decimal(out, value)?;
        let text = out.split_off(start);
        match self.modes.decimal {
            DecimalMode::Double => {
                out.extend_from_slice(&double(&text)?.to_le_bytes());
                Ok(())
            }
            _ => push_unscaled(out, &text),
        }
    }

    /// A date that is none is the first of the epoch: where it can be null, it was.
    fn push_temporal(&self, out: &mut Vec<u8>, cell: &Cell<'_>) -> Result<(), ValueError> {
        let mode = self.modes.time;
        if mode == TimeMode::IsoString {
            return push_written(out, |out| match *cell {
                Cell::Date(date) => push_iso_date(out, date),
                Cell::DateTime(value, _) => push_iso_datetime(out, value),
                Cell::Time(time, _) => push_iso_time(out, time),
                _ => Ok(()),
            });
        }
        match *cell {
            Cell::Date(date) => push_long(out, days_of(date).unwrap_or(0)),
            Cell::DateTime(value, fsp) => {
                push_long(out, mode.datetime(value, fsp)?.unwrap_or(0));
            }
            Cell::Time(time, _) => push_long(out, mode.time(time)?),
            _ => {}
        }
        Ok(())
    }

    /// A boolean for one bit, else bytes, the lowest first.
    fn push_bits(&self, out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
        let value = bit_value(bytes)?;
        if self.bits == 1 {
            out.push(u8::from(value != 0));
        } else {
            let little_endian = value.to_le_bytes();
            push_bytes(out, little_endian.get(..bytes.len()).unwrap_or(&little_endian));
        }
        Ok(())
    }

    fn push_enum(&self, out: &mut Vec<u8>, index: u16) -> Result<(), ValueError> {
        // 0 is the empty text, MySQL's error value.
        let member = match usize::from(index).checked_sub(1) {
            None => "",
            Some(position) => {
                self.members.get(position).ok_or_else(|| self.no_member(index.into()))?
            }
        };
        push_bytes(out, member.as_bytes());
        Ok(())
    }

    fn push_set(&self, out: &mut Vec<u8>, bits: u64) -> Result<(), ValueError> {
        if bits.checked_shr(self.members.len() as u32).is_some_and(|beyond| beyond != 0) {
            return Err(self.no_member(bits));
        }
        push_written(out, |out| {
            let start = out.len();
            for (bit, member) in self.members.iter().enumerate() {
                if bits.checked_shr(bit as u32).unwrap_or(0) & 1 == 1 {
                    if out.len() > start {
                        out.push(b',');
                    }
                    out.extend_from_slice(member.as_bytes());
                }
            }
            Ok(())
        })
    }

    #[cold]
    fn no_member(&self, value: u64) -> ValueError {
        let members = self.members.len();
        ValueError::new(format!("{value} is outside of the {members} declared members"))
    }

    fn push_geometry(&self, out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
        let Some((srid, wkb)) = bytes.split_first_chunk::<4>() else {
            return Err(ValueError::new("a geometry has less than the 4 bytes of its SRID"));
        };
        if self.is_point {
            let (x, y) = point(wkb)?;
            out.extend_from_slice(&x.to_le_bytes());
            out.extend_from_slice(&y.to_le_bytes());
            push_long(out, 1);
        }
        push_bytes(out, wkb);
        match u32::from_le_bytes(*srid) {
            0 => out.push(0),
            srid => {
                push_long(out, 1);
                push_long(out, srid.cast_signed().into());
            }
        }
        Ok(())
    }
}

fn is_no_date(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Date(date) => days_of(*date).is_none(),
        Cell::DateTime(value, _) => days_of(value.date).is_none(),
        _ => false,
    }
}

fn push_text(out: &mut Vec<u8>, bytes: &[u8], decoder: &Decoder) {
    match decoder.pass_through(bytes) {
        Some(text) => push_bytes(out, text.as_bytes()),
        None => {
            let decoded = push_written(out, |out| {
                decoder.decode_into(bytes, out);
                Ok::<(), std::convert::Infallible>(())
            });
            let Ok(()) = decoded;
        }
    }
}

fn push_unscaled(out: &mut Vec<u8>, text: &[u8]) -> Result<(), ValueError> {
    let (bytes, first) = unscaled(text)?;
    push_bytes(out, bytes.get(first..).unwrap_or_default());
    Ok(())
}

/// One block of an array, and the empty one that ends it.
fn push_vector(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        let length = bytes.len();
        let text = format!("a VECTOR of {length} bytes is not a whole number of 4-byte floats");
        return Err(ValueError::new(text));
    }
    if !floats.is_empty() {
        push_long(out, floats.len() as i64);
        out.extend_from_slice(bytes);
    }
    out.push(0);
    Ok(())
}
