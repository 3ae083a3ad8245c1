//! The part of DER (ITU-T X.690) that PKCS#12 and certificates need.

use crate::error::Result;

use super::bad;
use super::bytes::Bytes;

/// `INTEGER`
pub(super) const INTEGER: u8 = 0x02;
/// `OCTET STRING`
pub(super) const OCTET_STRING: u8 = 0x04;
/// `OBJECT IDENTIFIER`
pub(super) const OID: u8 = 0x06;
/// `SEQUENCE` and `SEQUENCE OF`
pub(super) const SEQUENCE: u8 = 0x30;
/// `SET` and `SET OF`
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed
pub(super) const CONTEXT_0: u8 = 0xA0;
/// `[0]`, primitive
pub(super) const CONTEXT_0_PRIMITIVE: u8 = 0x80;

/// One element: its tag, its content, and all of its bytes.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) whole: &'a [u8],
}

/// Elements one after the other.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(Bytes<'a>);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Bytes(bytes))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// Tag of the next element.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.0.first().copied()
    }

    /// The next element, whatever it is.
    ///
    /// # Errors
    /// `Configuration` if it is cut off or in a form that DER does not have.
    pub(super) fn any(&mut self) -> Result<Element<'a>> {
        let start = self.0.0;
        let [tag, first] = self.0.array()?;
        if tag & 0x1F == 0x1F {
            return Err(bad("the store has an element with a tag of more than one byte"));
        }
        let length = match first {
            0..=0x7F => usize::from(first),
            0x80 => {
                return Err(bad(
                    "the store has an element of indefinite length: it is BER, not DER; write it again with keytool -importkeystore",
                ));
            }
            0x81..=0x84 => {
                let mut length = 0_usize;
                for byte in self.0.take(usize::from(first & 0x7F))? {
                    length = length << 8 | usize::from(*byte);
                }
                length
            }
            _ => return Err(bad("the store has an element of more than 4 GiB")),
        };
        let content = self.0.take(length)?;
        let whole = start.get(..start.len() - self.0.0.len()).unwrap_or_default();
        Ok(Element { tag, content, whole })
    }

    /// The content of the next element, which must have this tag.
    ///
    /// # Errors
    /// As [`Reader::any`], and for another tag.
    pub(super) fn content(&mut self, tag: u8) -> Result<&'a [u8]> {
        let element = self.any()?;
        if element.tag == tag {
            return Ok(element.content);
        }
        Err(bad(format!(
            "the store has an element with tag {:#04x} in place of {tag:#04x}",
            element.tag
        )))
    }

    /// A reader of what is in the next element, which must have this tag.
    ///
    /// # Errors
    /// As [`Reader::content`].
    pub(super) fn inside(&mut self, tag: u8) -> Result<Self> {
        self.content(tag).map(Self::new)
    }

    /// An integer of 0 to 2^32-1.
    ///
    /// # Errors
    /// As [`Reader::content`], and for other values.
    pub(super) fn small(&mut self) -> Result<u32> {
        let content = self.content(INTEGER)?;
        let digits = match content {
            [] | [0x80..=0xFF, ..] => return Err(bad("the store has a negative number")),
            [0, rest @ ..] => rest,
            all => all,
        };
        if digits.len() > 4 {
            return Err(bad("the store has a number of more than 32 bits"));
        }
        Ok(digits.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)))
    }
}
