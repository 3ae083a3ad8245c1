//! Finding events in bytes: in a log file, in a growing buffer, in a replication packet.

use super::event_type::EventType;
use super::format_description::{Checksum, LogFormat};
use super::header::{EventFlags, EventHeader, HEADER_BYTES};
use crate::error::{DecodeError, Result};

/// The first four bytes of every binlog file.
pub const FILE_MAGIC: [u8; 4] = [0xfe, b'b', b'i', b'n'];
/// The first four bytes of an encrypted binlog file.
pub const ENCRYPTED_FILE_MAGIC: [u8; 4] = [0xfd, b'b', b'i', b'n'];
/// Length of the CRC32 at the end of an event.
pub const CHECKSUM_BYTES: usize = 4;

/// One event as it lies in memory, checksum verified and cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawEvent<'a> {
    /// Its header.
    pub header: EventHeader,
    /// What follows the header, without the checksum.
    pub body: &'a [u8],
}

/// What [`split_frame`] found at the start of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// One whole event, header and checksum included.
    Complete {
        /// The event's bytes.
        event: &'a [u8],
        /// What follows it.
        rest: &'a [u8],
    },
    /// The buffer ends inside an event.
    Incomplete {
        /// Bytes the buffer must hold before it is worth asking again.
        needed: usize,
    },
}

/// Cuts the first event off a buffer of events laid end to end.
///
/// # Errors
/// If the size in the header is impossible or above `event_bytes_max`.
pub fn split_frame(bytes: &[u8], event_bytes_max: usize) -> Result<Frame<'_>> {
    if bytes.len() < HEADER_BYTES {
        return Ok(Frame::Incomplete { needed: HEADER_BYTES });
    }
    let header = EventHeader::parse(bytes)?;
    let size = header.size();
    if size > event_bytes_max {
        return Err(DecodeError::new(
            "event header event size",
            9,
            format!("{} is {size} bytes, event_bytes_max is {event_bytes_max}", header.event_type),
        ));
    }
    Ok(match bytes.split_at_checked(size) {
        Some((event, rest)) => Frame::Complete { event, rest },
        None => Frame::Incomplete { needed: size },
    })
}

impl LogFormat {
    /// Reads the header of one whole event (a replication packet without its status byte, or what
    /// [`split_frame`] returned), verifies its checksum and cuts it off.
    ///
    /// # Errors
    /// If the size in the header is not the length of `event`, or the checksum does not agree.
    pub fn frame<'a>(&self, event: &'a [u8]) -> Result<RawEvent<'a>> {
        let header = check_size(event)?;
        let body = event.get(HEADER_BYTES..).unwrap_or_default();
        if header.event_type == EventType::FORMAT_DESCRIPTION {
            // Alone among the events it says itself how it ends.
            return frame_format_description(header, event, body);
        }
        match self.checksum() {
            Checksum::None => Ok(RawEvent { header, body }),
            Checksum::Crc32 => {
                verify_crc32(header.event_type, event, false)?;
                Ok(RawEvent { header, body: without_checksum(header.event_type, body)? })
            }
        }
    }

    /// Reads the header of an event inside a transaction payload, which has no checksum of its own.
    ///
    /// # Errors
    /// If the size in the header is not the length of `event`.
    pub fn frame_inner<'a>(&self, event: &'a [u8]) -> Result<RawEvent<'a>> {
        let header = check_size(event)?;
        Ok(RawEvent { header, body: event.get(HEADER_BYTES..).unwrap_or_default() })
    }
}

fn check_size(event: &[u8]) -> Result<EventHeader> {
    let header = EventHeader::parse(event)?;
    if header.size() != event.len() {
        return Err(DecodeError::new(
            "event header event size",
            9,
            format!(
                "{} says it is {} bytes, {} bytes are there",
                header.event_type,
                header.event_size,
                event.len()
            ),
        ));
    }
    Ok(header)
}

fn without_checksum(event_type: EventType, body: &[u8]) -> Result<&[u8]> {
    body.len()
        .checked_sub(CHECKSUM_BYTES)
        .and_then(|len| body.get(..len))
        .ok_or_else(|| DecodeError::truncated(format!("{event_type} checksum"), HEADER_BYTES, 4))
}

/// FORMAT_DESCRIPTION of a server that knows checksums ends in one byte of algorithm and four bytes
/// of checksum, which are there (and zero) even where checksums are off.
fn frame_format_description<'a>(
    header: EventHeader,
    event: &[u8],
    body: &'a [u8],
) -> Result<RawEvent<'a>> {
    let trimmed = match LogFormat::checksum_in_format_description(body)? {
        None => body,
        Some(Checksum::None) => without_checksum(header.event_type, body)?,
        Some(Checksum::Crc32) => {
            verify_crc32(
                header.event_type,
                event,
                header.flags.0 & EventFlags::BINLOG_IN_USE != 0,
            )?;
            without_checksum(header.event_type, body)?
        }
    };
    Ok(RawEvent { header, body: trimmed })
}

/// The checksum covers the whole event before it. The in-use flag of FORMAT_DESCRIPTION is set and
/// cleared in place, so the checksum is that of the event without it.
fn verify_crc32(event_type: EventType, event: &[u8], in_use: bool) -> Result<()> {
    const FLAGS_AT: usize = 17;
    let Some((covered, stored)) = event.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(DecodeError::truncated(format!("{event_type} checksum"), event.len(), 4));
    };
    let mut crc = crc32fast::Hasher::new();
    match (in_use, covered.split_at_checked(FLAGS_AT)) {
        (true, Some((before, [low, rest @ ..]))) => {
            crc.update(before);
            crc.update(&[low & 0xfe]);
            crc.update(rest);
        }
        _ => crc.update(covered),
    }
    let computed = crc.finalize();
    let stored = u32::from_le_bytes(*stored);
    if computed == stored {
        return Ok(());
    }
    Err(DecodeError::new(
        format!("{event_type} checksum"),
        covered.len(),
        format!("CRC32 {stored:#010x} is stored, {computed:#010x} was computed"),
    ))
}

/// The events of a log file held in memory.
#[derive(Debug, Clone)]
pub struct FileFrames<'a> {
    rest: &'a [u8],
    offset: usize,
    event_bytes_max: usize,
}

impl<'a> FileFrames<'a> {
    /// Checks the file's magic number and stands before the first event.
    ///
    /// # Errors
    /// If the bytes are not a binlog file, or one encrypted at rest.
    pub fn new(file: &'a [u8], event_bytes_max: usize) -> Result<Self> {
        match file.split_first_chunk::<4>() {
            Some((magic, rest)) if *magic == FILE_MAGIC => {
                Ok(Self { rest, offset: FILE_MAGIC.len(), event_bytes_max })
            }
            Some((magic, _)) if *magic == ENCRYPTED_FILE_MAGIC => Err(DecodeError::new(
                "binlog file magic number",
                0,
                "the file is encrypted (binlog_encryption=ON); read it through the server",
            )),
            Some((magic, _)) => Err(DecodeError::new(
                "binlog file magic number",
                0,
                format!("{magic:02x?} instead of fe 62 69 6e"),
            )),
            None => Err(DecodeError::truncated(
                "binlog file magic number",
                0,
                FILE_MAGIC.len().saturating_sub(file.len()),
            )),
        }
    }

    /// The offset of the next event in the file and its bytes; `None` at the end.
    ///
    /// # Errors
    /// If the file ends inside an event or a size is impossible; the offset counts from the start of
    /// the file.
    pub fn next_frame(&mut self) -> Result<Option<(usize, &'a [u8])>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.offset;
        match split_frame(self.rest, self.event_bytes_max).map_err(|e| e.at_base(at))? {
            Frame::Complete { event, rest } => {
                self.rest = rest;
                self.offset = at.saturating_add(event.len());
                Ok(Some((at, event)))
            }
            Frame::Incomplete { needed } => Err(DecodeError::truncated(
                "binlog file event",
                at,
                needed.saturating_sub(self.rest.len()),
            )),
        }
    }
}
