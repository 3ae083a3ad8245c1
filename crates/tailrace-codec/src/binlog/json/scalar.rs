//! Values of MySQL's binary JSON, seen in place.
//!
//! A document is a type byte and a value. An object or array begins with its number of elements and
//! its size in bytes, then a table of keys (objects only: offset, length) and a table of values
//! (type, offset or the value itself where it fits); offsets count from the number of elements.
//! "Small" containers use two bytes for each of these, "large" ones four. Keys of an object are
//! sorted by length, then by bytes.

use crate::error::{DecodeError, Result};

const WHAT: &str = "binary JSON";

mod code {
    pub(super) const SMALL_OBJECT: u8 = 0x00;
    pub(super) const LARGE_OBJECT: u8 = 0x01;
    pub(super) const SMALL_ARRAY: u8 = 0x02;
    pub(super) const LARGE_ARRAY: u8 = 0x03;
    pub(super) const LITERAL: u8 = 0x04;
    pub(super) const INT16: u8 = 0x05;
    pub(super) const UINT16: u8 = 0x06;
    pub(super) const INT32: u8 = 0x07;
    pub(super) const UINT32: u8 = 0x08;
    pub(super) const INT64: u8 = 0x09;
    pub(super) const UINT64: u8 = 0x0a;
    pub(super) const DOUBLE: u8 = 0x0b;
    pub(super) const STRING: u8 = 0x0c;
    pub(super) const OPAQUE: u8 = 0x0f;
}

/// One value, borrowed from its document.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Double(f64),
    String(&'a [u8]),
    Opaque { field_type: u8, data: &'a [u8], at: usize },
    Container(Container<'a>),
}

/// An object or array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Container<'a> {
    data: &'a [u8],
    /// Offset of `data` in the document, for errors.
    at: usize,
    count: usize,
    large: bool,
    pub(super) is_object: bool,
}

#[cold]
pub(super) fn fault(at: usize, reason: impl Into<String>) -> DecodeError {
    DecodeError::new(WHAT, at, reason.into())
}

fn le<const N: usize>(data: &[u8], offset: usize, at: usize) -> Result<[u8; N]> {
    data.get(offset..)
        .and_then(|d| d.first_chunk::<N>())
        .copied()
        .ok_or_else(|| DecodeError::truncated(WHAT, at.saturating_add(offset), N))
}

/// Reads a whole document. MySQL stores the value that `ALTER TABLE` puts into old rows of a NOT NULL
/// column as no bytes at all and prints it as `null`.
pub(super) fn document(bytes: &[u8]) -> Result<Value<'_>> {
    match bytes.split_first() {
        None => Ok(Value::Null),
        Some((type_code, data)) => value(*type_code, data, 1),
    }
}

/// Reads a value of a type from the front of `data`, which may be longer.
fn value(type_code: u8, data: &[u8], at: usize) -> Result<Value<'_>> {
    Ok(match type_code {
        code::SMALL_OBJECT => Value::Container(Container::read(data, at, false, true)?),
        code::LARGE_OBJECT => Value::Container(Container::read(data, at, true, true)?),
        code::SMALL_ARRAY => Value::Container(Container::read(data, at, false, false)?),
        code::LARGE_ARRAY => Value::Container(Container::read(data, at, true, false)?),
        code::LITERAL => {
            let [literal] = le::<1>(data, 0, at)?;
            self::literal(u32::from(literal), at)?
        }
        code::INT16 => Value::Int(i64::from(i16::from_le_bytes(le(data, 0, at)?))),
        code::UINT16 => Value::UInt(u64::from(u16::from_le_bytes(le(data, 0, at)?))),
        code::INT32 => Value::Int(i64::from(i32::from_le_bytes(le(data, 0, at)?))),
        code::UINT32 => Value::UInt(u64::from(u32::from_le_bytes(le(data, 0, at)?))),
        code::INT64 => Value::Int(i64::from_le_bytes(le(data, 0, at)?)),
        code::UINT64 => Value::UInt(u64::from_le_bytes(le(data, 0, at)?)),
        code::DOUBLE => {
            let double = f64::from_le_bytes(le(data, 0, at)?);
            if !double.is_finite() {
                return Err(fault(at, "a double that is not finite cannot be in JSON"));
            }
            Value::Double(double)
        }
        code::STRING => Value::String(variable(data, at)?),
        code::OPAQUE => {
            let [field_type] = le::<1>(data, 0, at)?;
            let rest = data.get(1..).unwrap_or_default();
            Value::Opaque { field_type, data: variable(rest, at.saturating_add(1))?, at }
        }
        other => return Err(fault(at, format!("value type {other:#04x} is not known"))),
    })
}

fn literal(literal: u32, at: usize) -> Result<Value<'static>> {
    match literal {
        0 => Ok(Value::Null),
        1 => Ok(Value::Bool(true)),
        2 => Ok(Value::Bool(false)),
        other => Err(fault(at, format!("literal {other} is not null, true or false"))),
    }
}

/// A length in groups of seven bits, lowest first, and that many bytes.
fn variable(data: &[u8], at: usize) -> Result<&[u8]> {
    let mut len = 0u64;
    for (index, byte) in data.iter().take(5).enumerate() {
        let shift = u32::try_from(index).unwrap_or(0).saturating_mul(7);
        len |= u64::from(byte & 0x7f) << (shift & 63);
        if byte & 0x80 == 0 {
            let from = index.saturating_add(1);
            let wanted = usize::try_from(len).unwrap_or(usize::MAX);
            let rest = data.get(from..).unwrap_or_default();
            return rest.get(..wanted).ok_or_else(|| {
                let missing = wanted.saturating_sub(rest.len());
                DecodeError::truncated(WHAT, at.saturating_add(from), missing)
            });
        }
    }
    Err(fault(at, "a length is cut short or longer than five bytes"))
}

impl<'a> Container<'a> {
    fn read(data: &'a [u8], at: usize, large: bool, is_object: bool) -> Result<Self> {
        let whole = Self { data, at, count: 0, large, is_object };
        let width = whole.width();
        let count = whole.number(0)?;
        let size = whole.number(width)?;
        let Some(data) = data.get(..size) else {
            return Err(fault(at, format!("{size} bytes are announced, {} are there", data.len())));
        };
        let container = Self { data, count, ..whole };
        if container.tables_end().is_none_or(|end| end > size) {
            return Err(fault(at, format!("{count} elements do not fit {size} bytes")));
        }
        Ok(container)
    }

    fn width(&self) -> usize {
        if self.large { 4 } else { 2 }
    }

    fn number(&self, offset: usize) -> Result<usize> {
        if self.large {
            let wide = u32::from_le_bytes(le(self.data, offset, self.at)?);
            usize::try_from(wide).map_err(|_| fault(self.at, "a number is too large"))
        } else {
            Ok(usize::from(u16::from_le_bytes(le(self.data, offset, self.at)?)))
        }
    }

    fn keys_start(&self) -> usize {
        self.width().saturating_mul(2)
    }

    fn values_start(&self) -> Option<usize> {
        let keys = if self.is_object {
            self.count.checked_mul(self.width().saturating_add(2))?
        } else {
            0
        };
        keys.checked_add(self.keys_start())
    }

    fn tables_end(&self) -> Option<usize> {
        let values = self.count.checked_mul(self.width().saturating_add(1))?;
        self.values_start()?.checked_add(values)
    }

    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Key of element `index` of an object.
    pub(super) fn key(&self, index: usize) -> Result<&'a [u8]> {
        let entry_bytes = self.width().saturating_add(2);
        let entry = index
            .checked_mul(entry_bytes)
            .and_then(|o| o.checked_add(self.keys_start()))
            .ok_or_else(|| fault(self.at, "a key's place is too large"))?;
        let offset = self.number(entry)?;
        let len = u16::from_le_bytes(le(self.data, entry.saturating_add(self.width()), self.at)?);
        if self.tables_end().is_none_or(|end| offset < end) {
            return Err(fault(self.at, format!("key {index} lies inside the tables")));
        }
        self.data.get(offset..).and_then(|d| d.get(..usize::from(len))).ok_or_else(|| {
            fault(self.at, format!("key {index} of {len} bytes at {offset} lies outside"))
        })
    }

    /// Element `index`.
    pub(super) fn element(&self, index: usize) -> Result<Value<'a>> {
        let too_large = || fault(self.at, "a value's place is too large");
        let entry = index
            .checked_mul(self.width().saturating_add(1))
            .and_then(|o| o.checked_add(self.values_start()?))
            .ok_or_else(too_large)?;
        let [type_code] = le::<1>(self.data, entry, self.at)?;
        let inline_at = entry.saturating_add(1);
        let position = self.at.saturating_add(inline_at);
        match type_code {
            code::LITERAL => {
                let number = u32::try_from(self.number(inline_at)?).map_err(|_| too_large())?;
                return literal(number, position);
            }
            code::INT16 | code::UINT16 => return value(type_code, self.tail(inline_at), position),
            code::INT32 | code::UINT32 if self.large => {
                return value(type_code, self.tail(inline_at), position);
            }
            _ => {}
        }
        let offset = self.number(inline_at)?;
        // A value cannot lie inside the tables: it would be its own parent.
        if self.tables_end().is_none_or(|end| offset < end) || offset > self.data.len() {
            return Err(fault(position, format!("value {index} at {offset} lies outside")));
        }
        value(type_code, self.tail(offset), self.at.saturating_add(offset))
    }

    fn tail(&self, offset: usize) -> &'a [u8] {
        self.data.get(offset..).unwrap_or_default()
    }
}
