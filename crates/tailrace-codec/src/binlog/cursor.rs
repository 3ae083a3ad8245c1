//! A reading position in an event's bytes: every read is checked, every error names the field.

use crate::error::{DecodeError, Result};

/// A slice that is read from the front. `pos` counts from the first byte of the event, so that
/// errors can be checked against a hex dump of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    pos: usize,
    what: &'static str,
}

macro_rules! little_endian {
    ($(#[$doc:meta])* $name:ident, $ty:ty) => {
        $(#[$doc])*
        pub(crate) fn $name(&mut self, field: &'static str) -> Result<$ty> {
            self.array(field).map(<$ty>::from_le_bytes)
        }
    };
}

impl<'a> Cursor<'a> {
    /// Reads `bytes`, which begin at byte `pos` of the event called `what`.
    pub(crate) fn new(bytes: &'a [u8], pos: usize, what: &'static str) -> Self {
        Self { rest: bytes, pos, what }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Offset of the next byte in the event.
    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    /// True when nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// An error at the current position.
    #[cold]
    pub(crate) fn error(&self, field: &'static str, reason: impl Into<String>) -> DecodeError {
        DecodeError::new(format!("{} {field}", self.what), self.pos, reason.into())
    }

    #[cold]
    fn short(&self, field: &'static str, wanted: usize) -> DecodeError {
        let missing = wanted.saturating_sub(self.rest.len());
        DecodeError::truncated(format!("{} {field}", self.what), self.pos, missing)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N]> {
        let Some((head, tail)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.short(field, N));
        };
        self.rest = tail;
        self.pos = self.pos.saturating_add(N);
        Ok(*head)
    }

    /// The next `len` bytes.
    pub(crate) fn bytes(&mut self, len: usize, field: &'static str) -> Result<&'a [u8]> {
        let Some((head, tail)) = self.rest.split_at_checked(len) else {
            return Err(self.short(field, len));
        };
        self.rest = tail;
        self.pos = self.pos.saturating_add(len);
        Ok(head)
    }

    /// All that is left.
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        self.pos = self.pos.saturating_add(rest.len());
        rest
    }

    /// The next `len` bytes as UTF-8, which is what MySQL writes identifiers in.
    pub(crate) fn text(&mut self, len: usize, field: &'static str) -> Result<&'a str> {
        let before = *self;
        std::str::from_utf8(self.bytes(len, field)?)
            .map_err(|e| before.error(field, format!("{len} bytes are not UTF-8: {e}")))
    }

    /// The next byte, which must be the terminating zero of a string.
    pub(crate) fn zero(&mut self, field: &'static str) -> Result<()> {
        let before = *self;
        match self.u8(field)? {
            0 => Ok(()),
            other => {
                Err(before.error(field, format!("terminating zero expected, got {other:#04x}")))
            }
        }
    }

    /// One byte.
    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8> {
        self.array::<1>(field).map(|[b]| b)
    }

    little_endian!(
        /// Two bytes, little-endian.
        u16, u16
    );
    little_endian!(
        /// Four bytes, little-endian.
        u32, u32
    );
    little_endian!(
        /// Eight bytes, little-endian.
        u64, u64
    );
    little_endian!(
        /// Eight bytes, little-endian, signed.
        i64, i64
    );

    /// A little-endian unsigned integer of `width` bytes, at most eight.
    pub(crate) fn uint(&mut self, width: usize, field: &'static str) -> Result<u64> {
        let bytes = self.bytes(width, field)?;
        let mut wide = [0u8; 8];
        match wide.get_mut(..bytes.len()) {
            Some(low) => low.copy_from_slice(bytes),
            None => return Err(self.error(field, format!("{width}-byte integers do not exist"))),
        }
        Ok(u64::from_le_bytes(wide))
    }

    /// MySQL's length-encoded integer: one byte below 251, else a marker and 2, 3 or 8 bytes.
    pub(crate) fn length_encoded(&mut self, field: &'static str) -> Result<u64> {
        let before = *self;
        match self.u8(field)? {
            short @ 0..=250 => Ok(u64::from(short)),
            252 => self.uint(2, field),
            253 => self.uint(3, field),
            254 => self.uint(8, field),
            marker => {
                Err(before
                    .error(field, format!("{marker} does not begin a length-encoded integer")))
            }
        }
    }

    /// A length-encoded integer that counts bytes or items held in memory.
    pub(crate) fn length(&mut self, field: &'static str) -> Result<usize> {
        let before = *self;
        let value = self.length_encoded(field)?;
        usize::try_from(value)
            .map_err(|_| before.error(field, format!("length {value} is too large")))
    }
}
