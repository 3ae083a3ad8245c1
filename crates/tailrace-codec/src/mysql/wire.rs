//! Integers and strings of the protocol: little-endian integers, length-encoded integers and
//! strings, NUL-terminated strings.

use std::borrow::Cow;

use crate::error::{DecodeError, Result};

/// Reads a payload from front to back; every error carries the offset.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Begins to read `bytes`, which are a `what`.
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes, offset: 0 }
    }

    /// Bytes not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// An error at the current place.
    pub(crate) fn error(&self, reason: impl Into<Cow<'static, str>>) -> DecodeError {
        DecodeError::new(self.what, self.offset, reason)
    }

    /// The next `length` bytes.
    #[inline]
    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8]> {
        let Some((head, rest)) = self.rest.split_at_checked(length) else {
            let missing = length.saturating_sub(self.rest.len());
            return Err(DecodeError::truncated(self.what, self.offset, missing));
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(length);
        Ok(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else {
            let missing = N.saturating_sub(self.rest.len());
            return Err(DecodeError::truncated(self.what, self.offset, missing));
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(N);
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A length-encoded integer. 0xFB (NULL) and 0xFF (ERR) are no integers.
    #[inline]
    pub(crate) fn lenenc_int(&mut self) -> Result<u64> {
        let start = self.clone();
        match self.u8()? {
            small @ 0..=0xFA => Ok(u64::from(small)),
            0xFC => self.u16().map(u64::from),
            0xFD => {
                let [a, b, c] = self.array()?;
                Ok(u64::from(u32::from_le_bytes([a, b, c, 0])))
            }
            0xFE => self.array().map(u64::from_le_bytes),
            other => Err(start.error(format!("{other:#04x} does not begin a length"))),
        }
    }

    /// A length-encoded string.
    #[inline]
    pub(crate) fn lenenc_bytes(&mut self) -> Result<&'a [u8]> {
        let start = self.clone();
        let length = self.lenenc_int()?;
        let length = usize::try_from(length)
            .map_err(|_| start.error(format!("length {length} is beyond the address space")))?;
        self.bytes(length)
    }

    /// A length-encoded string or NULL (0xFB).
    #[inline]
    pub(crate) fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>> {
        if self.rest.first() == Some(&0xFB) {
            self.u8()?;
            return Ok(None);
        }
        self.lenenc_bytes().map(Some)
    }

    /// A string up to a NUL byte, which is consumed.
    pub(crate) fn nul_terminated(&mut self) -> Result<&'a [u8]> {
        let Some(length) = self.rest.iter().position(|&b| b == 0) else {
            return Err(self.error("a string has no terminating NUL byte"));
        };
        let text = self.bytes(length)?;
        self.u8()?;
        Ok(text)
    }

    /// A string up to a NUL byte or the end, as some servers omit the last NUL.
    pub(crate) fn nul_terminated_or_rest(&mut self) -> Result<&'a [u8]> {
        if self.rest.contains(&0) { self.nul_terminated() } else { self.bytes(self.rest.len()) }
    }

    /// Bytes turned into text; names and messages are UTF-8 by the handshake's character set, and a
    /// stray byte in a message must not hide the message.
    pub(crate) fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// Appends a length-encoded integer.
pub(crate) fn push_lenenc_int(out: &mut Vec<u8>, value: u64) {
    let bytes = value.to_le_bytes();
    let (marker, length) = match value {
        0..=0xFA => (None, 1),
        0xFB..=0xFFFF => (Some(0xFC), 2),
        0x1_0000..=0xFF_FFFF => (Some(0xFD), 3),
        _ => (Some(0xFE), 8),
    };
    out.extend(marker);
    out.extend_from_slice(bytes.get(..length).unwrap_or_default());
}

/// Appends a length-encoded string.
pub(crate) fn push_lenenc_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_lenenc_int(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends a string and a NUL byte. The string must not hold one itself.
pub(crate) fn push_nul_terminated(out: &mut Vec<u8>, what: &'static str, text: &str) -> Result<()> {
    if let Some(at) = text.bytes().position(|b| b == 0) {
        return Err(DecodeError::new(what, at, "a NUL byte would end the string early"));
    }
    out.extend_from_slice(text.as_bytes());
    out.push(0);
    Ok(())
}

/// Appends a string behind its length in one byte.
pub(crate) fn push_short(out: &mut Vec<u8>, what: &'static str, bytes: &[u8]) -> Result<()> {
    let length = u8::try_from(bytes.len()).map_err(|_| {
        DecodeError::new(what, 0, format!("{} bytes, at most 255 are allowed", bytes.len()))
    })?;
    out.push(length);
    out.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn length_markers() {
        let mut out = Vec::new();
        for value in [0, 0xFA, 0xFB, 0xFFFF, 0x1_0000, 0xFF_FFFF, 0x100_0000, u64::MAX] {
            out.clear();
            push_lenenc_int(&mut out, value);
            let mut reader = Reader::new("test", &out);
            assert_eq!(reader.lenenc_int().unwrap(), value);
            assert!(reader.is_empty());
        }
        assert_eq!(Reader::new("test", &[0xFB]).nullable_bytes().unwrap(), None);
        for wrong in [&[0xFB][..], &[0xFF], &[], &[0xFC, 1], &[0xFD, 1, 2], &[0xFE; 8]] {
            assert!(Reader::new("test", wrong).lenenc_int().is_err());
        }
    }

    #[test]
    fn errors_name_the_place() {
        let mut reader = Reader::new("test packet", &[1, 2, 5, b'a']);
        reader.u16().unwrap();
        let error = reader.lenenc_bytes().unwrap_err();
        assert_eq!(error.to_string(), "test packet at byte 3: input ends, 4 more bytes are needed");
        assert!(push_nul_terminated(&mut Vec::new(), "user", "a\0b").is_err());
        assert!(push_short(&mut Vec::new(), "host", &[0; 256]).is_err());
    }

    proptest! {
        #[test]
        fn no_panic(bytes: Vec<u8>) {
            let mut reader = Reader::new("test", &bytes);
            while !reader.is_empty() && reader.nullable_bytes().is_ok() {}
            let _ = reader.nul_terminated();
        }
    }
}
