//! One column value, borrowed from the bytes it arrived in.
//!
//! Both ways in end here: a binlog row image (packed binary) and a row of a text result set (full
//! phase). A value that is equal in the database gives the same message text whichever way it came.

use crate::schema::Fsp;

/// A calendar date as MySQL stores it: zero and partial dates (`0000-00-00`, `2024-00-10`) are legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CivilDate {
    /// 0..=9999
    pub year: u16,
    /// 0..=12
    pub month: u8,
    /// 0..=31
    pub day: u8,
}

/// A `TIME` value: a signed duration of up to 838:59:59.999999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeOfDay {
    /// True for values below zero.
    pub negative: bool,
    /// 0..=838
    pub hours: u16,
    /// 0..=59
    pub minutes: u8,
    /// 0..=59
    pub seconds: u8,
    /// 0..=999_999
    pub micros: u32,
}

/// A `DATETIME` value; zero and partial dates are legal, no time zone is implied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CivilDateTime {
    /// The date part.
    pub date: CivilDate,
    /// 0..=23
    pub hour: u8,
    /// 0..=59
    pub minute: u8,
    /// 0..=59
    pub second: u8,
    /// 0..=999_999
    pub micros: u32,
}

/// A `DECIMAL`, never turned into a float and never cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimal<'a> {
    /// MySQL's packed form: nine digits in four bytes, sign in the first bit.
    Packed {
        /// Exactly the bytes of this value.
        bytes: &'a [u8],
        /// Digits in all, 1..=65.
        precision: u8,
        /// Digits behind the point, 0..=30.
        scale: u8,
    },
    /// The server's own text, as a result set carries it.
    Text(&'a [u8]),
}

/// One column value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// SQL NULL.
    Null,
    /// Any signed integer type.
    Int(i64),
    /// Any unsigned integer type.
    UInt(u64),
    /// `FLOAT`.
    Float(f32),
    /// `DOUBLE`.
    Double(f64),
    /// `DECIMAL`.
    Decimal(Decimal<'a>),
    /// `BIT(n)`: big-endian, exactly `(n + 7) / 8` bytes.
    Bit(&'a [u8]),
    /// `YEAR`: 0 or 1901..=2155.
    Year(u16),
    /// `DATE`.
    Date(CivilDate),
    /// `TIME` with its declared fraction.
    Time(TimeOfDay, Fsp),
    /// `DATETIME` with its declared fraction.
    DateTime(CivilDateTime, Fsp),
    /// `TIMESTAMP`: seconds of the Unix epoch (0 is MySQL's zero timestamp) and microseconds.
    Timestamp {
        /// Seconds since 1970-01-01 00:00:00 UTC.
        seconds: i64,
        /// 0..=999_999
        micros: u32,
        /// The declared fraction.
        fsp: Fsp,
    },
    /// `CHAR`, `VARCHAR`, `TEXT` family: bytes in the **column's** character set.
    Text(&'a [u8]),
    /// Text that is UTF-8 already, whatever the column's character set (result sets are converted by
    /// the server).
    Utf8(&'a [u8]),
    /// `BINARY`, `VARBINARY`, `BLOB` family. `BINARY(n)` from the binlog has its trailing zero bytes
    /// restored by the reader, so that both ways in agree.
    Binary(&'a [u8]),
    /// `ENUM` by 1-based index; 0 is MySQL's empty error value.
    Enum(u16),
    /// `SET` by bitmap, bit 0 the first member.
    Set(u64),
    /// `JSON` in MySQL's binary form; empty bytes are the JSON null of a non-nullable column.
    Json(&'a [u8]),
    /// `JSON` as the server prints it.
    JsonText(&'a [u8]),
    /// Any geometry type: SRID (4 bytes, little-endian) and WKB.
    Geometry(&'a [u8]),
    /// `VECTOR(n)`: `n` little-endian 32-bit floats.
    Vector(&'a [u8]),
}
