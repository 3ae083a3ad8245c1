//! Events and column values that MariaDB compresses one by one (`log_bin_compress`, `COMPRESSED`).
//!
//! Both begin with a byte that tells the algorithm and how many bytes of length follow, then the length
//! of the whole, the highest byte first, then the packed bytes. Form: `binlog_buf_compress` in
//! `sql/log_event.cc` and `compressed column` headers in `sql/field.cc` of MariaDB's source.

use flate2::{Decompress, FlushDecompress, Status};

use super::cursor::Cursor;
use super::event_type::EventType;
use super::format_description::LogFormat;
use super::frame::RawEvent;
use super::header::HEADER_BYTES;
use crate::error::{DecodeError, Result};

/// Set in the first byte of a packed part of an event.
const EVENT_IS_PACKED: u8 = 0x80;
/// Bits of the algorithm in an event; 0 is zlib.
const EVENT_ALGORITHM: u8 = 0x70;
/// Bits of the number of length bytes in an event.
const EVENT_LENGTH_BYTES: u8 = 0x07;
/// A buffer that grew beyond this for a large event is given back afterwards.
const BUFFER_BYTES_KEPT: usize = 4 << 20;

/// Memory for unpacking events, to be kept from event to event.
#[derive(Debug)]
pub struct EventInflater {
    zlib: Decompress,
    buffer: Vec<u8>,
    event_bytes_max: usize,
}

impl EventInflater {
    /// Unpacks events of at most so many bytes.
    pub fn new(event_bytes_max: usize) -> Self {
        Self { zlib: Decompress::new(true), buffer: Vec::new(), event_bytes_max }
    }

    /// Whether events of a type are compressed.
    pub fn unpacks(event_type: EventType) -> bool {
        unpacked_type(event_type).is_some()
    }

    /// The event as it would be without compression; `None` if it is none of the compressed types.
    ///
    /// # Errors
    /// If it is damaged, packed in a way that is not known, or larger than the bound.
    pub fn expand<'b>(
        &'b mut self,
        format: &LogFormat,
        raw: &RawEvent<'_>,
    ) -> Result<Option<RawEvent<'b>>> {
        let packed_type = raw.header.event_type;
        let Some(plain_type) = unpacked_type(packed_type) else { return Ok(None) };
        let mut c = Cursor::new(raw.body, HEADER_BYTES, packed_type.name());
        let prefix = prefix_length(plain_type, format.post_header_length(packed_type), c)?;
        let head = c.bytes(prefix, "head")?;
        let at = c.pos();
        if self.buffer.len() > BUFFER_BYTES_KEPT {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(head);
        let length = packed_length(&mut c)?;
        let whole = prefix.saturating_add(length);
        if whole > self.event_bytes_max {
            let reason = format!("{whole} bytes, at most {} are allowed", self.event_bytes_max);
            return Err(c.error("unpacked length", reason));
        }
        self.zlib.reset(true);
        inflate(&mut self.zlib, c.take_rest(), length, &mut self.buffer)
            .map_err(|reason| DecodeError::new(packed_type.name(), at, reason))?;
        let mut header = raw.header;
        header.event_type = plain_type;
        Ok(Some(RawEvent { header, body: &self.buffer }))
    }
}

/// The type of an event without compression.
fn unpacked_type(event_type: EventType) -> Option<EventType> {
    use EventType as T;
    Some(match event_type {
        T::MARIADB_QUERY_COMPRESSED => T::QUERY,
        T::MARIADB_WRITE_ROWS_COMPRESSED_V1 => T::WRITE_ROWS_V1,
        T::MARIADB_UPDATE_ROWS_COMPRESSED_V1 => T::UPDATE_ROWS_V1,
        T::MARIADB_DELETE_ROWS_COMPRESSED_V1 => T::DELETE_ROWS_V1,
        T::MARIADB_WRITE_ROWS_COMPRESSED => T::WRITE_ROWS,
        T::MARIADB_UPDATE_ROWS_COMPRESSED => T::UPDATE_ROWS,
        T::MARIADB_DELETE_ROWS_COMPRESSED => T::DELETE_ROWS,
        _ => return None,
    })
}

/// Bytes before the packed part.
fn prefix_length(plain_type: EventType, post_header: usize, mut c: Cursor<'_>) -> Result<usize> {
    let begin = c.pos();
    let mut fixed_reader = c;
    if plain_type == EventType::QUERY {
        c.bytes(post_header, "post-header")?;
        fixed_reader.bytes(8, "thread id and execution time")?;
        let database = usize::from(fixed_reader.u8("database length")?);
        fixed_reader.u16("error code")?;
        let status = usize::from(fixed_reader.u16("status variables length")?);
        c.bytes(status, "status variables")?;
        c.bytes(database, "database")?;
        c.zero("database")?;
        return Ok(c.pos().saturating_sub(begin));
    }
    c.bytes(post_header, "post-header")?;
    let version_2 = matches!(
        plain_type,
        EventType::WRITE_ROWS | EventType::UPDATE_ROWS | EventType::DELETE_ROWS
    );
    if version_2 {
        fixed_reader.bytes(post_header.saturating_sub(2), "post-header")?;
        let extra = usize::from(fixed_reader.u16("extra data length")?);
        c.bytes(extra.saturating_sub(2), "extra data")?;
    }
    let width = c.length("column count")?;
    let update = matches!(plain_type, EventType::UPDATE_ROWS | EventType::UPDATE_ROWS_V1);
    let images = if update { 2 } else { 1_usize };
    c.bytes(width.div_ceil(8).saturating_mul(images), "columns present")?;
    Ok(c.pos().saturating_sub(begin))
}

/// Reads what tells the length of a packed part of an event.
fn packed_length(c: &mut Cursor<'_>) -> Result<usize> {
    let at = *c;
    let first = c.u8("compression header")?;
    let length_bytes = usize::from(first & EVENT_LENGTH_BYTES);
    if first & EVENT_IS_PACKED == 0
        || first & EVENT_ALGORITHM != 0
        || !(1..=4).contains(&length_bytes)
    {
        let reason = format!("{first:#04x}; zlib with 1 to 4 bytes of length is known");
        return Err(at.error("compression header", reason));
    }
    Ok(big_endian(c.bytes(length_bytes, "unpacked length")?))
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0_usize, |number, byte| number.wrapping_shl(8) | usize::from(*byte))
}

/// Appends what was packed, which must have exactly `length` bytes.
fn inflate(
    zlib: &mut Decompress,
    packed: &[u8],
    length: usize,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    /// What deflate can make of a byte at the most; a length beyond is a lie and is not reserved.
    const RATIO_MAX: usize = 1032;
    if length > packed.len().saturating_mul(RATIO_MAX) {
        return Err(format!("{} packed bytes cannot be {length} bytes", packed.len()));
    }
    let begin = out.len();
    // One more, so that what goes beyond the length shows.
    out.reserve_exact(length.saturating_add(1));
    let mut read = 0_usize;
    loop {
        let before = (read, out.len());
        let rest = packed.get(read..).unwrap_or_default();
        let status = zlib
            .decompress_vec(rest, out, FlushDecompress::Finish)
            .map_err(|e| format!("zlib: {e}"))?;
        read = usize::try_from(zlib.total_in()).unwrap_or(usize::MAX);
        let got = out.len().saturating_sub(begin);
        match status {
            Status::StreamEnd if got == length => return Ok(()),
            Status::Ok | Status::BufError if got <= length && before != (read, out.len()) => {}
            _ => return Err(format!("{got} bytes were unpacked, {length} are announced")),
        }
    }
}

/// Length bytes of a compressed column value.
const VALUE_LENGTH_BYTES: u8 = 0x07;
/// The packed bytes of a value have no zlib header around them.
const VALUE_RAW_DEFLATE: u8 = 0x08;
/// Bits of the algorithm of a value; 8 is zlib.
const VALUE_ALGORITHM: u8 = 0xf0;
const VALUE_ZLIB: u8 = 0x80;

/// A value of a column that is `COMPRESSED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PackedValue<'a> {
    /// It was too short to be packed.
    Plain(&'a [u8]),
    /// It is packed.
    Packed {
        /// Bytes of the value.
        length: usize,
        raw_deflate: bool,
        bytes: &'a [u8],
    },
}

impl<'a> PackedValue<'a> {
    /// Reads a value as it lies in a row; no bytes at all are the empty value.
    pub(super) fn read(value: &'a [u8]) -> Result<Self, &'static str> {
        let Some((first, rest)) = value.split_first() else { return Ok(Self::Plain(value)) };
        match first & VALUE_ALGORITHM {
            0 => Ok(Self::Plain(rest)),
            VALUE_ZLIB => {
                let length_bytes = usize::from(first & VALUE_LENGTH_BYTES);
                let (length, bytes) = rest
                    .split_at_checked(length_bytes)
                    .filter(|_| (1..=4).contains(&length_bytes))
                    .ok_or("the length of a compressed value is damaged")?;
                let raw_deflate = first & VALUE_RAW_DEFLATE != 0;
                Ok(Self::Packed { length: big_endian(length), raw_deflate, bytes })
            }
            _ => Err("a compressed value is packed in a way that is not known"),
        }
    }

    /// Appends the value if it is packed; at most `bytes_max` bytes.
    pub(super) fn unpack(&self, bytes_max: usize, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let Self::Packed { length, raw_deflate, bytes } = *self else { return Ok(()) };
        if length > bytes_max {
            return Err("a compressed value is larger than restored_bytes_max");
        }
        inflate(&mut Decompress::new(!raw_deflate), bytes, length, out)
            .map_err(|_| "the packed bytes of a compressed value are damaged")
    }
}
