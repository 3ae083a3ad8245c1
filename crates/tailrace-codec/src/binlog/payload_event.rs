//! TRANSACTION_PAYLOAD_EVENT: a whole transaction's events, compressed
//! (`binlog_transaction_compression=ON`, MySQL 8.0.20 and newer).

use super::cursor::Cursor;
use super::header::HEADER_BYTES;
use crate::error::Result;

pub(super) const WHAT: &str = "TRANSACTION_PAYLOAD_EVENT";

/// How the events are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadCompression {
    /// One zstd frame or several.
    Zstd,
    /// The events as they are.
    None,
}

/// The event's fields; the events inside are read with a
/// [`PayloadReader`](super::payload::PayloadReader).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionPayload<'a> {
    /// How the events are packed.
    pub compression: PayloadCompression,
    /// Bytes of the events unpacked, if the server said so.
    pub uncompressed_size: Option<u64>,
    /// The packed events.
    pub payload: &'a [u8],
    /// Offset of `payload` in the event.
    pub(super) payload_at: usize,
}

impl<'a> TransactionPayload<'a> {
    /// Reads the body: fields of `type, length, value` up to a zero type, then the payload.
    ///
    /// # Errors
    /// If a field is cut short, size or compression is missing, or the size is not that of the rest.
    pub fn parse(body: &'a [u8]) -> Result<Self> {
        const END: u64 = 0;
        const SIZE: u64 = 1;
        const COMPRESSION: u64 = 2;
        const UNCOMPRESSED_SIZE: u64 = 3;
        let mut c = Cursor::new(body, HEADER_BYTES, WHAT);
        let (mut size, mut compression, mut uncompressed_size) = (None, None, None);
        loop {
            let field = c.length_encoded("field type")?;
            if field == END {
                break;
            }
            let len = c.length("field length")?;
            let at = c.pos();
            let mut value = Cursor::new(c.bytes(len, "field")?, at, WHAT);
            match field {
                SIZE => size = Some(value.length("payload size")?),
                COMPRESSION => compression = Some(Self::compression(&mut value)?),
                UNCOMPRESSED_SIZE => {
                    uncompressed_size = Some(value.length_encoded("uncompressed size")?);
                }
                // The format foresees more fields; each says how long it is.
                _ => {}
            }
        }
        let Some(size) = size else {
            return Err(c.error("payload size", "is missing"));
        };
        let Some(compression) = compression else {
            return Err(c.error("compression type", "is missing"));
        };
        let payload_at = c.pos();
        if size != c.rest().len() {
            return Err(c.error(
                "payload size",
                format!("{size}, but {} bytes are left in the event", c.rest().len()),
            ));
        }
        Ok(Self { compression, uncompressed_size, payload: c.take_rest(), payload_at })
    }

    fn compression(value: &mut Cursor<'_>) -> Result<PayloadCompression> {
        let at = *value;
        match value.length_encoded("compression type")? {
            0 => Ok(PayloadCompression::Zstd),
            255 => Ok(PayloadCompression::None),
            other => Err(at.error(
                "compression type",
                format!("{other} is not known; 0 (zstd) and 255 (none) are"),
            )),
        }
    }
}
