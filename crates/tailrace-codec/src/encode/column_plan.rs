//! What is known of a column before any row: its label in the message and how its values become
//! text.

use super::{
    binary::{push_bit, push_byte_list, push_latin1, push_vector},
    column_text::ColumnText,
    decimal::push_decimal,
    drs_json::Format,
    error::ValueError,
    escape::{HTML, escape_tail, push_str},
    number::{push_int, push_java_double, push_java_float, push_uint},
    temporal::{push_date, push_datetime, push_epoch, push_time, push_utc, push_year},
};
use crate::{
    binlog::{JsonLimits, write_json_text},
    cell::Cell,
    error::DecodeError,
    schema::Column,
};

/// One column, compiled.
#[derive(Debug)]
pub(crate) struct ColumnPlan {
    /// Column name, for errors.
    pub(crate) name: Box<str>,
    /// `"` (closing the value before), `{` or `,`, then `"name":"` (opening this one's value).
    /// A value that is null leaves out its quotes by cutting the first or last byte.
    pub(crate) label: Box<[u8]>,
    text: ColumnText<HTML>,
}

impl ColumnPlan {
    /// Compiles a column.
    pub(crate) fn compile(column: &Column, first: bool) -> Result<Self, DecodeError> {
        let mut label = vec![b'"', if first { b'{' } else { b',' }, b'"'];
        push_str::<HTML>(&mut label, &column.name);
        label.extend_from_slice(b"\":\"");

        Ok(Self {
            name: column.name.as_str().into(),
            label: label.into(),
            text: ColumnText::compile(column)?,
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
            Cell::Text(bytes) => self.text.push(out, bytes),
            Cell::Utf8(bytes) | Cell::JsonText(bytes) => self.text.push_utf8(out, bytes),
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
                Format::JsonC | Format::Canal => push_utc(out, seconds, micros, fsp),
            },
            Cell::Binary(bytes) | Cell::Geometry(bytes) => {
                match format {
                    Format::Json | Format::JsonC => push_byte_list(out, bytes),
                    Format::Canal => push_latin1(out, bytes),
                }
                Ok(())
            }
            Cell::Vector(bytes) => push_vector(out, bytes),
            Cell::Enum(index) => self.text.push_enum(out, index),
            Cell::Set(bits) => self.text.push_set(out, bits, b","),
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
}

/// `JSON` in binary form as the text that the server would print.
fn push_json(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
    let start = out.len();
    write_json_text(bytes, JsonLimits::default(), out)?;
    escape_tail::<HTML>(out, start);
    Ok(())
}
