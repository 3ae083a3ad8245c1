//! Stands in for `crate::charset` until that module is merged; same signatures.

use crate::{error::DecodeError, schema::CollationId};

/// Converts text of one character set to UTF-8.
#[derive(Debug)]
pub(crate) enum Decoder {
    Utf8,
    Latin1,
}

impl Decoder {
    pub(crate) fn for_collation(id: CollationId) -> Result<&'static Self, DecodeError> {
        match id {
            5 | 8 | 15 | 31 | 47..=49 | 94 => Ok(&Self::Latin1),
            11 | 33 | 45 | 46 | 65 | 76 | 83 | 192..=247 | 255..=323 => Ok(&Self::Utf8),
            _ => Err(DecodeError::new("collation", 0, format!("{id} is not supported"))),
        }
    }

    pub(crate) fn for_charset(name: &str) -> Result<&'static Self, DecodeError> {
        match name {
            "utf8mb4" => Ok(&Self::Utf8),
            _ => Err(DecodeError::new("character set", 0, format!("{name} is not supported"))),
        }
    }

    pub(crate) fn pass_through<'a>(&self, bytes: &'a [u8]) -> Option<&'a str> {
        match self {
            Self::Latin1 if !bytes.is_ascii() => None,
            _ => std::str::from_utf8(bytes).ok(),
        }
    }

    pub(crate) fn decode_into(&self, bytes: &[u8], out: &mut Vec<u8>) {
        let text = match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).replace('\u{FFFD}', "?"),
            Self::Latin1 => bytes.iter().map(|&b| char::from(b)).collect(),
        };
        out.extend_from_slice(text.as_bytes());
    }
}
