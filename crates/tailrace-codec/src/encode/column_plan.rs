//! What is known of a column before any row: its label in the message and how its values become
//! text.

use super::{
    binary::{push_bit, push_byte_list, push_vector},
    decimal::push_decimal,
    drs_json::Format,
    error::ValueError,
    escape::{HTML, escape_tail, push_decoded, push_str, push_text},
    number::{push_int, push_java_double, push_java_float, push_uint},
    temporal::{push_date, push_datetime, push_epoch, push_time, push_utc, push_year},
};
use crate::{
    binlog::{JsonLimits, write_json_text},
    cell::Cell,
    charset::Decoder,
    error::DecodeError,
    schema::{Column, ColumnType},
};

/// One column, compiled.
#[derive(Debug)]
pub(crate) struct ColumnPlan {
    /// Column name, for errors.
    pub(crate) name: Box<str>,
    /// `"` (closing the value before), `{` or `,`, then `"name":"` (opening this one's value).
    /// A value that is null leaves out its quotes by cutting the first or last byte.
    pub(crate) label: Box<[u8]>,
    /// From the column's character set to UTF-8.
    decoder: &'static Decoder,
    /// The character set contains ASCII, so that runs of it can be copied without decoding.
    contains_ascii: bool,
    /// For text that the server has converted already. Bad bytes of a `utf8mb4` column come
    /// through that conversion as they are.
    utf8mb4: &'static Decoder,
    /// Members of `ENUM` or `SET`, escaped.
    members: Box<[Box<[u8]>]>,
}

impl ColumnPlan {
    /// Compiles a column.
    pub(crate) fn compile(column: &Column, first: bool) -> Result<Self, DecodeError> {
        let mut label = vec![b'"', if first { b'{' } else { b',' }, b'"'];
        push_str::<HTML>(&mut label, &column.name);
        label.extend_from_slice(b"\":\"");

        let utf8mb4 = Decoder::for_charset("utf8mb4")?;
        let decoder = match column.kind {
            ColumnType::Char | ColumnType::VarChar | ColumnType::Text => {
                Decoder::for_collation(column.collation)?
            }
            _ => utf8mb4,
        };
        let members = match &column.kind {
            ColumnType::Enum(members) | ColumnType::Set(members) => {
                members.iter().map(|m| escaped(m)).collect()
            }
            _ => Box::default(),
        };
        Ok(Self {
            name: column.name.as_str().into(),
            label: label.into(),
            decoder,
            contains_ascii: contains_ascii(decoder),
            utf8mb4,
            members,
        })
    }

    /// Appends the value's text, escaped, without quotes. [`Cell::Null`] has no text: it is an error
    /// here and handled by the caller.
    #[inline]
    pub(crate) fn push_value(
        &self,
        out: &mut Vec<u8>,
        cell: &Cell<'_>,
        format: Format,
    ) -> Result<(), ValueError> {
        match cell {
            Cell::Int(value) => push_int(out, *value),
            Cell::UInt(value) => push_uint(out, *value),
            Cell::Text(bytes) if self.contains_ascii => push_text::<HTML>(out, bytes, self.decoder),
            Cell::Text(bytes) => push_decoded::<HTML>(out, bytes, self.decoder),
            Cell::Utf8(bytes) | Cell::JsonText(bytes) => {
                push_text::<HTML>(out, bytes, self.utf8mb4);
            }
            other => return self.push_rarer(out, other, format),
        }
        Ok(())
    }

    fn push_rarer(
        &self,
        out: &mut Vec<u8>,
        cell: &Cell<'_>,
        format: Format,
    ) -> Result<(), ValueError> {
        match *cell {
            Cell::Float(value) => push_java_float(out, value),
            Cell::Double(value) => push_java_double(out, value),
            Cell::Decimal(ref value) => push_decimal(out, value),
            Cell::Bit(bytes) => push_bit(out, bytes),
            Cell::Year(year) => push_year(out, year),
            Cell::Date(date) => push_date(out, date),
            Cell::Time(time, fsp) => push_time(out, time, fsp),
            Cell::DateTime(value, fsp) => push_datetime(out, value, fsp),
            Cell::Timestamp { seconds, micros, fsp } => match format {
                Format::Json => push_epoch(out, seconds, micros, fsp),
                Format::JsonC => push_utc(out, seconds, micros, fsp),
            },
            Cell::Binary(bytes) | Cell::Geometry(bytes) => {
                push_byte_list(out, bytes);
                Ok(())
            }
            Cell::Vector(bytes) => push_vector(out, bytes),
            Cell::Enum(index) => self.push_enum(out, index),
            Cell::Set(bits) => self.push_set(out, bits),
            Cell::Json(bytes) => push_json(out, bytes),
            Cell::Int(value) => {
                push_int(out, value);
                Ok(())
            }
            Cell::UInt(value) => {
                push_uint(out, value);
                Ok(())
            }
            Cell::Null | Cell::Text(_) | Cell::Utf8(_) | Cell::JsonText(_) => {
                Err(ValueError::new("a NULL or character value came where it cannot be"))
            }
        }
    }

    /// The member's text; index 0 is the empty string, MySQL's error value.
    fn push_enum(&self, out: &mut Vec<u8>, index: u16) -> Result<(), ValueError> {
        let Some(position) = usize::from(index).checked_sub(1) else { return Ok(()) };
        let member = self.members.get(position).ok_or_else(|| {
            ValueError::new(format!(
                "ENUM index {index} is outside of the {} declared members",
                self.members.len()
            ))
        })?;
        out.extend_from_slice(member);
        Ok(())
    }

    /// The members' texts joined with commas, in declared order, as MySQL prints a set.
    fn push_set(&self, out: &mut Vec<u8>, mut bits: u64) -> Result<(), ValueError> {
        let all = bits;
        let mut first = true;
        while bits != 0 {
            let position = bits.trailing_zeros();
            bits &= bits - 1;
            let member = self.members.get(position as usize).ok_or_else(|| {
                ValueError::new(format!(
                    "SET bitmap {all:#x} has bit {position}, there are {} declared members",
                    self.members.len()
                ))
            })?;
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(member);
        }
        Ok(())
    }
}

/// Every ASCII byte stands for itself. False for UTF-16 and its like and for national 7-bit sets.
fn contains_ascii(decoder: &Decoder) -> bool {
    let ascii: [u8; 128] = std::array::from_fn(|byte| byte as u8);
    decoder.pass_through(&ascii).is_some()
}

fn escaped(text: &str) -> Box<[u8]> {
    let mut out = Vec::new();
    push_str::<HTML>(&mut out, text);
    out.into()
}

/// `JSON` in binary form as the text that the server would print.
fn push_json(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
    let start = out.len();
    write_json_text(bytes, JsonLimits::default(), out)?;
    escape_tail::<HTML>(out, start);
    Ok(())
}
