//! Column types as TABLE_MAP writes them: a type code and zero to two bytes of metadata.

use super::cursor::Cursor;
use crate::error::Result;

/// Type code of a column on the wire (`enum_field_types` in MySQL's source).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WireType(pub u8);

impl WireType {
    const DECIMAL: u8 = 0;
    const TINY: u8 = 1;
    const SHORT: u8 = 2;
    const LONG: u8 = 3;
    const FLOAT: u8 = 4;
    const DOUBLE: u8 = 5;
    const NULL: u8 = 6;
    const TIMESTAMP: u8 = 7;
    const LONGLONG: u8 = 8;
    const INT24: u8 = 9;
    const DATE: u8 = 10;
    const TIME: u8 = 11;
    const DATETIME: u8 = 12;
    const YEAR: u8 = 13;
    const NEWDATE: u8 = 14;
    const VARCHAR: u8 = 15;
    const BIT: u8 = 16;
    const TIMESTAMP2: u8 = 17;
    const DATETIME2: u8 = 18;
    const TIME2: u8 = 19;
    const TYPED_ARRAY: u8 = 20;
    /// MariaDB alone.
    const BLOB_COMPRESSED: u8 = 140;
    /// MariaDB alone.
    const VARCHAR_COMPRESSED: u8 = 141;
    const VECTOR: u8 = 242;
    const JSON: u8 = 245;
    const NEWDECIMAL: u8 = 246;
    const ENUM: u8 = 247;
    const SET: u8 = 248;
    const TINY_BLOB: u8 = 249;
    const MEDIUM_BLOB: u8 = 250;
    const LONG_BLOB: u8 = 251;
    const BLOB: u8 = 252;
    const VAR_STRING: u8 = 253;
    const STRING: u8 = 254;
    const GEOMETRY: u8 = 255;
}

/// Type and metadata of one column, resolved: everything that the length of a value depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireColumn {
    /// `TINYINT`, 1 byte.
    Tiny,
    /// `SMALLINT`, 2 bytes.
    Short,
    /// `MEDIUMINT`, 3 bytes.
    Int24,
    /// `INT`, 4 bytes.
    Long,
    /// `BIGINT`, 8 bytes.
    LongLong,
    /// `FLOAT`, 4 bytes.
    Float,
    /// `DOUBLE`, 8 bytes.
    Double,
    /// `DECIMAL(precision, scale)`, packed.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// `BIT(bits)`.
    Bit {
        /// Declared width, 1..=64.
        bits: u8,
    },
    /// `YEAR`, 1 byte.
    Year,
    /// `DATE`, 3 bytes.
    Date,
    /// `TIME` of MySQL before 5.6, 3 bytes.
    OldTime,
    /// `DATETIME` of MySQL before 5.6, 8 bytes.
    OldDateTime,
    /// `TIMESTAMP` of MySQL before 5.6, 4 bytes.
    OldTimestamp,
    /// `TIME(fsp)`.
    Time {
        /// Declared fraction.
        fsp: u8,
    },
    /// `DATETIME(fsp)`.
    DateTime {
        /// Declared fraction.
        fsp: u8,
    },
    /// `TIMESTAMP(fsp)`.
    Timestamp {
        /// Declared fraction.
        fsp: u8,
    },
    /// `CHAR(n)` or `BINARY(n)`.
    FixedString {
        /// Greatest length in bytes.
        bytes_max: u16,
    },
    /// `VARCHAR(n)` or `VARBINARY(n)`.
    VarString {
        /// Greatest length in bytes.
        bytes_max: u16,
    },
    /// `TINYTEXT` … `LONGTEXT`, `TINYBLOB` … `LONGBLOB`.
    Blob {
        /// Bytes of the length before each value, 1..=4.
        length_bytes: u8,
    },
    /// `VARCHAR(n) COMPRESSED` or `VARBINARY(n) COMPRESSED` of MariaDB.
    CompressedVarString {
        /// Greatest length in bytes, the byte that tells the method included.
        bytes_max: u16,
    },
    /// `TEXT COMPRESSED` or `BLOB COMPRESSED` of MariaDB, in all lengths.
    CompressedBlob {
        /// Bytes of the length before each value, 1..=4.
        length_bytes: u8,
    },
    /// `ENUM`, as index.
    Enum {
        /// 1 or 2 bytes.
        bytes: u8,
    },
    /// `SET`, as bitmap.
    Set {
        /// 1..=8 bytes.
        bytes: u8,
    },
    /// `JSON` in binary form.
    Json {
        /// Bytes of the length before each value, 1..=4.
        length_bytes: u8,
    },
    /// Geometry types: SRID and WKB.
    Geometry {
        /// Bytes of the length before each value, 1..=4.
        length_bytes: u8,
    },
    /// `VECTOR(n)`.
    Vector {
        /// Bytes of the length before each value, 1..=4.
        length_bytes: u8,
    },
}

/// Bits that tell, in the first metadata byte of a STRING, its real type from length bits.
const STRING_LENGTH_BITS: u8 = 0x30;

impl WireColumn {
    /// Resolves a type code, taking its metadata from `meta`.
    ///
    /// # Errors
    /// If the type cannot appear in a row image, is not known, or its metadata is impossible.
    pub(super) fn read(code: u8, meta: &mut Cursor<'_>) -> Result<Self> {
        use WireType as T;
        Ok(match code {
            T::TINY => Self::Tiny,
            T::SHORT => Self::Short,
            T::INT24 => Self::Int24,
            T::LONG => Self::Long,
            T::LONGLONG => Self::LongLong,
            T::FLOAT => Self::fixed_float(meta, 4, Self::Float)?,
            T::DOUBLE => Self::fixed_float(meta, 8, Self::Double)?,
            T::NEWDECIMAL => Self::decimal(meta)?,
            T::BIT => Self::bit(meta)?,
            T::YEAR => Self::Year,
            T::DATE | T::NEWDATE => Self::Date,
            T::TIME => Self::OldTime,
            T::DATETIME => Self::OldDateTime,
            T::TIMESTAMP => Self::OldTimestamp,
            T::TIME2 => Self::Time { fsp: Self::fsp(meta)? },
            T::DATETIME2 => Self::DateTime { fsp: Self::fsp(meta)? },
            T::TIMESTAMP2 => Self::Timestamp { fsp: Self::fsp(meta)? },
            T::VARCHAR | T::VAR_STRING => {
                Self::VarString { bytes_max: meta.u16("VARCHAR length")? }
            }
            T::STRING | T::ENUM | T::SET => Self::string(meta)?,
            T::TINY_BLOB | T::MEDIUM_BLOB | T::LONG_BLOB | T::BLOB => {
                Self::Blob { length_bytes: Self::length_bytes(meta)? }
            }
            T::BLOB_COMPRESSED => Self::CompressedBlob { length_bytes: Self::length_bytes(meta)? },
            T::VARCHAR_COMPRESSED => {
                Self::CompressedVarString { bytes_max: meta.u16("VARCHAR length")? }
            }
            T::JSON => Self::Json { length_bytes: Self::length_bytes(meta)? },
            T::GEOMETRY => Self::Geometry { length_bytes: Self::length_bytes(meta)? },
            T::VECTOR => Self::Vector { length_bytes: Self::length_bytes(meta)? },
            T::DECIMAL => {
                return Err(meta.error(
                    "column type",
                    "0 (DECIMAL of MySQL before 5.0.3) is not read; rebuild the table on the server",
                ));
            }
            T::NULL | T::TYPED_ARRAY => {
                return Err(meta.error("column type", format!("{code} cannot be in a row image")));
            }
            other => return Err(meta.error("column type", format!("{other} is not known"))),
        })
    }

    fn fixed_float(meta: &mut Cursor<'_>, size: u8, column: Self) -> Result<Self> {
        let at = *meta;
        match meta.u8("FLOAT size")? {
            got if got == size => Ok(column),
            got => Err(at.error("FLOAT size", format!("{got} instead of {size}"))),
        }
    }

    fn decimal(meta: &mut Cursor<'_>) -> Result<Self> {
        let at = *meta;
        let [precision, scale] = meta.array("DECIMAL precision")?;
        if (1..=65).contains(&precision) && scale <= 30 && scale <= precision {
            return Ok(Self::Decimal { precision, scale });
        }
        Err(at.error("DECIMAL precision", format!("DECIMAL({precision}, {scale}) cannot exist")))
    }

    fn bit(meta: &mut Cursor<'_>) -> Result<Self> {
        let at = *meta;
        let [rest, bytes] = meta.array("BIT width")?;
        let bits = u32::from(bytes).saturating_mul(8).saturating_add(u32::from(rest));
        match u8::try_from(bits) {
            Ok(bits) if rest < 8 && (1..=64).contains(&bits) => Ok(Self::Bit { bits }),
            _ => Err(at.error("BIT width", format!("{bytes} bytes and {rest} bits cannot be"))),
        }
    }

    fn fsp(meta: &mut Cursor<'_>) -> Result<u8> {
        let at = *meta;
        match meta.u8("fraction digits")? {
            fsp @ 0..=6 => Ok(fsp),
            other => Err(at.error("fraction digits", format!("{other}; 0 to 6 are allowed"))),
        }
    }

    fn length_bytes(meta: &mut Cursor<'_>) -> Result<u8> {
        let at = *meta;
        match meta.u8("length bytes")? {
            n @ 1..=4 => Ok(n),
            other => Err(at.error("length bytes", format!("{other}; 1 to 4 are allowed"))),
        }
    }

    /// CHAR, BINARY, ENUM and SET share a type code; the first metadata byte is the real type, with
    /// two bits of a length above 255 folded into it, inverted.
    fn string(meta: &mut Cursor<'_>) -> Result<Self> {
        let at = *meta;
        let [first, second] = meta.array("STRING metadata")?;
        let real_type = first | STRING_LENGTH_BITS;
        let high = u16::from((first & STRING_LENGTH_BITS) ^ STRING_LENGTH_BITS) << 4;
        let size = u16::from(second) | high;
        match (real_type, size) {
            (WireType::STRING | WireType::VAR_STRING, bytes_max) => {
                Ok(Self::FixedString { bytes_max })
            }
            (WireType::ENUM, 1 | 2) => Ok(Self::Enum { bytes: second }),
            (WireType::SET, 1..=4 | 8) => Ok(Self::Set { bytes: second }),
            _ => Err(at.error(
                "STRING metadata",
                format!("real type {real_type} with size {size} cannot be"),
            )),
        }
    }

    /// True for the types that have a bit in TABLE_MAP's metadata of signs. YEAR is one of them
    /// (`has_signedess_information_type` in MySQL's source), although it has no sign of its own: a
    /// reader that leaves it out takes the sign of every later column from its neighbour.
    pub fn is_numeric(self) -> bool {
        matches!(
            self,
            Self::Tiny
                | Self::Short
                | Self::Int24
                | Self::Long
                | Self::LongLong
                | Self::Float
                | Self::Double
                | Self::Decimal { .. }
                | Self::Year
        )
    }

    /// True for the types that have an entry in TABLE_MAP's metadata of character sets (ENUM and SET
    /// have a list of their own). VECTOR is one of them in MySQL 9 (always `binary`); geometry types
    /// and JSON are not.
    pub fn is_character(self) -> bool {
        matches!(
            self,
            Self::FixedString { .. }
                | Self::VarString { .. }
                | Self::Blob { .. }
                | Self::CompressedVarString { .. }
                | Self::CompressedBlob { .. }
                | Self::Vector { .. }
        )
    }

    /// True for ENUM and SET.
    pub fn is_enum_or_set(self) -> bool {
        matches!(self, Self::Enum { .. } | Self::Set { .. })
    }
}
