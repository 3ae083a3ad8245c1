//! Values of columns and binds.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::number::Number;

/// A date with a time of day, in the proleptic calendar of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DateTime {
    /// Year; before Christ it is negative.
    pub year: i16,
    /// Month, from 1.
    pub month: u8,
    /// Day, from 1.
    pub day: u8,
    /// Hour.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
    /// Nanoseconds.
    pub nanos: u32,
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, nanos } = self;
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")?;
        if *nanos > 0 { write!(f, ".{nanos:09}") } else { Ok(()) }
    }
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowId {
    /// Data object.
    pub object: u32,
    /// File.
    pub file: u16,
    /// Block in the file.
    pub block: u32,
    /// Row in the block.
    pub slot: u16,
}

/// Digits of a row's place as text.
const ROW_ID_DIGITS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Eighteen digits of base 64: six for the object, three for the file, six for the block, three for the row.
impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts =
            [(self.object, 6), (self.file.into(), 3), (self.block, 6), (self.slot.into(), 3)];
        for (number, digits) in parts {
            for place in (0..digits).rev() {
                let digit = (u64::from(number) >> (6 * place)) & 63;
                write!(f, "{}", char::from(ROW_ID_DIGITS[digit as usize]))?;
            }
        }
        Ok(())
    }
}

impl RowId {
    /// Reads a row's place from its text.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |b: u8| ROW_ID_DIGITS.iter().position(|digit| *digit == b);
        let digits: Option<Vec<usize>> = text.bytes().map(digit).collect();
        let digits = digits.filter(|digits| digits.len() == 18)?;
        let number = |digits: &[usize]| digits.iter().fold(0_u64, |n, d| n << 6 | *d as u64);
        Some(Self {
            object: u32::try_from(number(&digits[..6])).ok()?,
            file: u16::try_from(number(&digits[6..9])).ok()?,
            block: u32::try_from(number(&digits[9..15])).ok()?,
            slot: u16::try_from(number(&digits[15..])).ok()?,
        })
    }
}

/// A value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// NULL, also the empty text.
    Null,
    /// `NUMBER`
    Number(Number),
    /// `VARCHAR2`, `CHAR`, `LONG`, and `CLOB` in memory.
    Text(String),
    /// `RAW`, `LONG RAW`, and `BLOB` in memory.
    Bytes(Vec<u8>),
    /// `DATE`, `TIMESTAMP`
    DateTime(DateTime),
    /// `TIMESTAMP WITH TIME ZONE`: in UTC, and the zone's distance, minutes.
    Zoned(DateTime, i16),
    /// `BINARY_FLOAT`
    Float(f32),
    /// `BINARY_DOUBLE`
    Double(f64),
    /// `INTERVAL YEAR TO MONTH`, months.
    Months(i32),
    /// `INTERVAL DAY TO SECOND`, nanoseconds.
    Nanos(i128),
    /// `ROWID`
    RowId(RowId),
}

impl Value {
    /// A text; the empty one is NULL.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Null } else { Self::Text(text) }
    }

    /// A whole number.
    pub fn number(number: impl Into<i64>) -> Self {
        Self::Number(Number::from(number.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rows_place_is_text_and_back() {
        // The example of Oracle's Database Concepts.
        let place = RowId::parse("AAAPecAAFAAAABSAAA").unwrap();
        assert_eq!(place, RowId { object: 63388, file: 5, block: 82, slot: 0 });
        assert_eq!(place.to_string(), "AAAPecAAFAAAABSAAA");
        assert_eq!(RowId::parse("AAAPecAAFAAAABSAA"), None);
        assert_eq!(RowId::parse("AAAPecAAFAAAABSAA-"), None);
    }
}
