//! A checked cursor over the bytes of an encoded position.

use crate::error::{DecodeError, Result};

/// Reads forward and never past the end.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Begins at the first byte; `what` names the structure in errors.
    pub(super) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { bytes, at: 0, what }
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count);
        let Some(taken) = end.and_then(|end| self.bytes.get(self.at..end)) else {
            let missing = count.saturating_sub(self.left());
            return Err(DecodeError::truncated(self.what, self.bytes.len(), missing));
        };
        self.at = self.at.saturating_add(count);
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// An unsigned LEB128 number: seven bits a byte, the lowest first, in as few bytes as it needs.
    pub(super) fn varint(&mut self) -> Result<u64> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if bits.leading_zeros() < shift {
                break;
            }
            value |= bits.wrapping_shl(shift);
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(self.error("a number has more bytes than it needs"));
                }
                return Ok(value);
            }
        }
        Err(self.error("a number is above 64 bits"))
    }

    /// Everything must have been read.
    pub(super) fn finish(self) -> Result<()> {
        match self.left() {
            0 => Ok(()),
            left => Err(self.error(format!("{left} bytes follow the end"))),
        }
    }

    /// An error at the byte that comes next.
    pub(super) fn error(&self, reason: impl Into<std::borrow::Cow<'static, str>>) -> DecodeError {
        DecodeError::new(self.what, self.at, reason)
    }
}

/// Appends what [`Reader::varint`] reads.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
