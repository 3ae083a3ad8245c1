//! Reading one cell: a compact instruction per column, resolved when the plan is compiled.

use super::decimal;
use super::fixed_text::FixedText;
use super::inflate::PackedValue;
use super::temporal;
use super::wire_column::WireColumn;
use crate::cell::{Cell, Decimal};
use crate::schema::ColumnType;

/// Why a cell could not be read; turned into a full error away from the hot path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The row data ends inside the value.
    Truncated,
    /// The value cannot be.
    Invalid(&'static str),
}

/// How one column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellReader {
    I8,
    U8,
    I16,
    U16,
    I24,
    U24,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    Decimal {
        bytes: u8,
        precision: u8,
        scale: u8,
    },
    Bit {
        bytes: u8,
    },
    Year,
    Date,
    OldTime,
    OldDateTime,
    OldTimestamp,
    Time(u8),
    DateTime(u8),
    Timestamp(u8),
    Text1,
    Text2,
    TextN(u8),
    Binary1,
    Binary2,
    BinaryN(u8),
    /// `BINARY(length)`: the log leaves trailing zero bytes out.
    FixedBinary {
        length: u16,
    },
    /// A `COMPRESSED` column of MariaDB.
    Packed {
        length_bytes: u8,
        text: bool,
    },
    /// A type of MariaDB that is text everywhere but in a row.
    FixedText(FixedText),
    Enum1 {
        members: u16,
    },
    Enum2 {
        members: u16,
    },
    Set {
        bytes: u8,
        members: u8,
    },
    Json(u8),
    Geometry(u8),
    Vector(u8),
}

#[inline(always)]
fn take<const N: usize>(data: &mut &[u8]) -> Result<[u8; N], Fault> {
    let (head, tail) = data.split_first_chunk::<N>().ok_or(Fault::Truncated)?;
    *data = tail;
    Ok(*head)
}

#[inline(always)]
pub(super) fn take_bytes<'a>(data: &mut &'a [u8], len: usize) -> Result<&'a [u8], Fault> {
    let (head, tail) = data.split_at_checked(len).ok_or(Fault::Truncated)?;
    *data = tail;
    Ok(head)
}

#[inline(always)]
fn take_1<'a>(data: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let [len] = take(data)?;
    take_bytes(data, usize::from(len))
}

#[inline(always)]
fn take_2<'a>(data: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    let len = u16::from_le_bytes(take(data)?);
    take_bytes(data, usize::from(len))
}

/// A value behind a length of `length_bytes` bytes.
#[inline]
pub(super) fn take_n<'a>(data: &mut &'a [u8], length_bytes: u8) -> Result<&'a [u8], Fault> {
    let len = match length_bytes {
        1 => u32::from(u8::from_le_bytes(take(data)?)),
        2 => u32::from(u16::from_le_bytes(take(data)?)),
        3 => {
            let [a, b, c] = take(data)?;
            u32::from_le_bytes([a, b, c, 0])
        }
        _ => u32::from_le_bytes(take(data)?),
    };
    let len = usize::try_from(len).map_err(|_| Fault::Truncated)?;
    take_bytes(data, len)
}

impl CellReader {
    /// The instruction for a column that is `wire` in the log and `kind` in the schema; `None` if
    /// the two do not belong together.
    pub(super) fn compile(wire: WireColumn, kind: &ColumnType) -> Option<Self> {
        use ColumnType as K;
        use WireColumn as W;
        let pick = |unsigned: bool, signed_reader, unsigned_reader| {
            if unsigned { unsigned_reader } else { signed_reader }
        };
        Some(match (wire, kind) {
            (W::Tiny, K::TinyInt { unsigned }) => pick(*unsigned, Self::I8, Self::U8),
            (W::Short, K::SmallInt { unsigned }) => pick(*unsigned, Self::I16, Self::U16),
            (W::Int24, K::MediumInt { unsigned }) => pick(*unsigned, Self::I24, Self::U24),
            (W::Long, K::Int { unsigned }) => pick(*unsigned, Self::I32, Self::U32),
            (W::LongLong, K::BigInt { unsigned }) => pick(*unsigned, Self::I64, Self::U64),
            (W::Float, K::Float) => Self::F32,
            (W::Double, K::Double) => Self::F64,
            (W::Decimal { precision, scale }, K::Decimal { precision: p, scale: s })
                if precision == *p && scale == *s =>
            {
                Self::Decimal { bytes: decimal::packed_bytes(precision, scale), precision, scale }
            }
            (W::Bit { bits }, K::Bit { bits: b }) if bits == *b => {
                Self::Bit { bytes: bits.div_ceil(8) }
            }
            (W::Year, K::Year) => Self::Year,
            (W::Date, K::Date) => Self::Date,
            (W::OldTime, K::Time(0)) => Self::OldTime,
            (W::OldDateTime, K::DateTime(0)) => Self::OldDateTime,
            (W::OldTimestamp, K::Timestamp(0)) => Self::OldTimestamp,
            (W::Time { fsp }, K::Time(f)) if fsp == *f => Self::Time(fsp),
            (W::DateTime { fsp }, K::DateTime(f)) if fsp == *f => Self::DateTime(fsp),
            (W::Timestamp { fsp }, K::Timestamp(f)) if fsp == *f => Self::Timestamp(fsp),
            (W::FixedString { bytes_max }, K::Char) if bytes_max < 256 => Self::Text1,
            (W::FixedString { .. }, K::Char) => Self::Text2,
            (W::FixedString { bytes_max }, K::Binary { length }) if bytes_max == *length => {
                Self::FixedBinary { length: bytes_max }
            }
            (W::VarString { bytes_max }, K::VarChar) if bytes_max < 256 => Self::Text1,
            (W::VarString { .. }, K::VarChar) => Self::Text2,
            (W::VarString { bytes_max }, K::VarBinary) if bytes_max < 256 => Self::Binary1,
            (W::VarString { .. }, K::VarBinary) => Self::Binary2,
            // MariaDB's VECTOR, which its log does not tell from VARBINARY.
            (W::VarString { bytes_max }, K::Vector) => {
                Self::Vector(if bytes_max < 256 { 1 } else { 2 })
            }
            (W::Blob { length_bytes }, K::Text) => Self::TextN(length_bytes),
            (W::Blob { length_bytes }, K::Blob) => Self::BinaryN(length_bytes),
            (W::CompressedVarString { bytes_max }, K::VarChar | K::VarBinary) => Self::Packed {
                length_bytes: if bytes_max < 256 { 1 } else { 2 },
                text: matches!(kind, K::VarChar),
            },
            (W::CompressedBlob { length_bytes }, K::Text | K::Blob) => {
                Self::Packed { length_bytes, text: matches!(kind, K::Text) }
            }
            (W::FixedString { bytes_max: 16 }, K::Uuid) => Self::FixedText(FixedText::Uuid),
            (W::FixedString { bytes_max: 4 }, K::Inet4) => Self::FixedText(FixedText::Inet4),
            (W::FixedString { bytes_max: 16 }, K::Inet6) => Self::FixedText(FixedText::Inet6),
            (W::Enum { bytes }, K::Enum(members)) => {
                let members = u16::try_from(members.len()).ok()?;
                if bytes == 1 { Self::Enum1 { members } } else { Self::Enum2 { members } }
            }
            (W::Set { bytes }, K::Set(members)) => {
                let members = u8::try_from(members.len()).ok().filter(|n| *n <= 64)?;
                Self::Set { bytes, members }
            }
            (W::Json { length_bytes }, K::Json) => Self::Json(length_bytes),
            (W::Geometry { length_bytes }, K::Geometry) => Self::Geometry(length_bytes),
            (W::Vector { length_bytes }, K::Vector) => Self::Vector(length_bytes),
            _ => return None,
        })
    }

    /// Whether values may lie in the log in a form that must be restored before they are read.
    pub(super) fn restores(self) -> bool {
        matches!(self, Self::FixedBinary { .. } | Self::Packed { .. } | Self::FixedText(_))
    }

    /// Reads one value from the front of `data`. A value that the log has in another form comes from the
    /// front of `restored`, where it lies in full.
    #[inline(always)]
    pub(super) fn read<'a>(
        self,
        data: &mut &'a [u8],
        restored: &mut &'a [u8],
    ) -> Result<Cell<'a>, Fault> {
        Ok(match self {
            Self::I8 => Cell::Int(i64::from(i8::from_le_bytes(take(data)?))),
            Self::U8 => Cell::UInt(u64::from(u8::from_le_bytes(take(data)?))),
            Self::I16 => Cell::Int(i64::from(i16::from_le_bytes(take(data)?))),
            Self::U16 => Cell::UInt(u64::from(u16::from_le_bytes(take(data)?))),
            Self::I24 => {
                let [a, b, c] = take(data)?;
                // The sign is bit 23: read it as the top of 32 bits and shift down with it.
                Cell::Int(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8))
            }
            Self::U24 => {
                let [a, b, c] = take(data)?;
                Cell::UInt(u64::from(u32::from_le_bytes([a, b, c, 0])))
            }
            Self::I32 => Cell::Int(i64::from(i32::from_le_bytes(take(data)?))),
            Self::U32 => Cell::UInt(u64::from(u32::from_le_bytes(take(data)?))),
            Self::I64 => Cell::Int(i64::from_le_bytes(take(data)?)),
            Self::U64 => Cell::UInt(u64::from_le_bytes(take(data)?)),
            Self::F32 => Cell::Float(f32::from_le_bytes(take(data)?)),
            Self::F64 => Cell::Double(f64::from_le_bytes(take(data)?)),
            Self::Decimal { bytes, precision, scale } => {
                let bytes = take_bytes(data, usize::from(bytes))?;
                Cell::Decimal(Decimal::Packed { bytes, precision, scale })
            }
            Self::Text1 => Cell::Text(take_1(data)?),
            Self::Text2 => Cell::Text(take_2(data)?),
            Self::TextN(n) => Cell::Text(take_n(data, n)?),
            Self::Binary1 => Cell::Binary(take_1(data)?),
            Self::Binary2 => Cell::Binary(take_2(data)?),
            Self::BinaryN(n) => Cell::Binary(take_n(data, n)?),
            Self::DateTime(fsp) => {
                let head = take::<5>(data)?;
                let fraction = take_bytes(data, temporal::fraction_bytes(fsp))?;
                Cell::DateTime(temporal::datetime2(head, fraction)?, fsp)
            }
            Self::Timestamp(fsp) => {
                let head = take::<4>(data)?;
                let fraction = take_bytes(data, temporal::fraction_bytes(fsp))?;
                let (seconds, micros) = temporal::timestamp2(head, fraction)?;
                Cell::Timestamp { seconds, micros, fsp }
            }
            Self::Date => Cell::Date(temporal::date(take(data)?)?),
            other => {
                // By value in and out: a reference would keep the hot loop's position in memory.
                let (cell, rest, restored_rest) = other.read_rare(data, restored)?;
                *data = rest;
                *restored = restored_rest;
                cell
            }
        })
    }

    /// The types that are rare in hot tables, kept out of line so that the loop stays small.
    #[inline(never)]
    fn read_rare<'a>(
        self,
        mut data: &'a [u8],
        mut restored: &'a [u8],
    ) -> Result<(Cell<'a>, &'a [u8], &'a [u8]), Fault> {
        let cell = self.read_rare_cell(&mut data, &mut restored)?;
        Ok((cell, data, restored))
    }

    fn read_rare_cell<'a>(
        self,
        data: &mut &'a [u8],
        restored: &mut &'a [u8],
    ) -> Result<Cell<'a>, Fault> {
        Ok(match self {
            Self::Bit { bytes } => Cell::Bit(take_bytes(data, usize::from(bytes))?),
            Self::Year => match take(data)? {
                [0] => Cell::Year(0),
                [since_1900] => Cell::Year(u16::from(since_1900).saturating_add(1900)),
            },
            Self::Time(fsp) => {
                let head = take::<3>(data)?;
                let fraction = take_bytes(data, temporal::fraction_bytes(fsp))?;
                Cell::Time(temporal::time2(head, fraction)?, fsp)
            }
            Self::OldTime => Cell::Time(temporal::old_time(take(data)?)?, 0),
            Self::OldDateTime => Cell::DateTime(temporal::old_datetime(take(data)?)?, 0),
            Self::OldTimestamp => {
                let seconds = i64::from(u32::from_le_bytes(take(data)?));
                Cell::Timestamp { seconds, micros: 0, fsp: 0 }
            }
            Self::FixedBinary { length } => {
                let value = take_fixed_binary(data, length)?;
                if value.len() == usize::from(length) {
                    Cell::Binary(value)
                } else {
                    Cell::Binary(take_bytes(restored, usize::from(length))?)
                }
            }
            Self::Packed { length_bytes, text } => {
                let value = PackedValue::read(take_n(data, length_bytes)?);
                let value = match value.map_err(Fault::Invalid)? {
                    PackedValue::Plain(value) => value,
                    PackedValue::Packed { length, .. } => take_bytes(restored, length)?,
                };
                if text { Cell::Text(value) } else { Cell::Binary(value) }
            }
            Self::FixedText(kind) => {
                take_fixed_binary(data, kind.bytes())?;
                Cell::Utf8(take_1(restored)?)
            }
            Self::Enum1 { members } => {
                enum_cell(u16::from(u8::from_le_bytes(take(data)?)), members)?
            }
            Self::Enum2 { members } => enum_cell(u16::from_le_bytes(take(data)?), members)?,
            Self::Set { bytes, members } => {
                let mut wide = [0u8; 8];
                for (slot, byte) in wide.iter_mut().zip(take_bytes(data, usize::from(bytes))?) {
                    *slot = *byte;
                }
                let bits = u64::from_le_bytes(wide);
                if bits.checked_shr(u32::from(members)).unwrap_or(0) != 0 {
                    return Err(Fault::Invalid("a bit is set for which the SET has no member"));
                }
                Cell::Set(bits)
            }
            Self::Json(n) => Cell::Json(take_n(data, n)?),
            Self::Geometry(n) => Cell::Geometry(take_n(data, n)?),
            Self::Vector(n) => {
                let value = take_n(data, n)?;
                if !value.len().is_multiple_of(4) {
                    return Err(Fault::Invalid("a VECTOR is not a whole number of 32-bit floats"));
                }
                Cell::Vector(value)
            }
            // All others are read by `read`.
            _ => return Err(Fault::Invalid("no reader for this column")),
        })
    }
}

/// A `BINARY(length)` value as it lies in the log, trailing zero bytes left out.
pub(super) fn take_fixed_binary<'a>(data: &mut &'a [u8], length: u16) -> Result<&'a [u8], Fault> {
    let value = if length < 256 { take_1(data)? } else { take_2(data)? };
    if value.len() > usize::from(length) {
        return Err(Fault::Invalid("longer than the column"));
    }
    Ok(value)
}

fn enum_cell(index: u16, members: u16) -> Result<Cell<'static>, Fault> {
    if index <= members {
        Ok(Cell::Enum(index))
    } else {
        Err(Fault::Invalid("index above the number of members of the ENUM"))
    }
}
