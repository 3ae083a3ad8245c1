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
            11 | 33 | 45 | 46 | 63 | 65 | 76 | 83 | 192..=247 | 255..=323 => Ok(&Self::Utf8),
            _ => Err(DecodeError::new("collation", 0, format!("{id} is not supported"))),
        }
    }

    pub(crate) fn is_utf8(&self) -> bool {
        matches!(self, Self::Utf8)
    }

    pub(crate) fn decode_into(&self, bytes: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Utf8 => out.extend_from_slice(String::from_utf8_lossy(bytes).as_bytes()),
            Self::Latin1 => {
                out.extend(bytes.iter().map(|&b| char::from(b)).collect::<String>().bytes())
            }
        }
    }
}
