//! The 19-byte header of every event of a version 4 log.

use super::cursor::Cursor;
use super::event_type::EventType;
use crate::error::Result;

/// Length of the header in bytes.
pub const HEADER_BYTES: usize = 19;

/// The header's flag bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventFlags(pub u16);

impl EventFlags {
    /// The log file was not closed yet (only in FORMAT_DESCRIPTION, changed in place at closing).
    pub const BINLOG_IN_USE: u16 = 0x0001;
    /// The event was made up by the sender and is not in the log (`LOG_EVENT_ARTIFICIAL_F`).
    pub const ARTIFICIAL: u16 = 0x0020;
    /// A reader that does not know this type may skip it (`LOG_EVENT_IGNORABLE_F`).
    pub const IGNORABLE: u16 = 0x0080;

    /// True for an event made up by the sender, for example the first ROTATE of a dump.
    pub fn is_artificial(self) -> bool {
        self.0 & Self::ARTIFICIAL != 0
    }

    /// True if the writer says that the event may be skipped by a reader that does not know it.
    pub fn is_ignorable(self) -> bool {
        self.0 & Self::IGNORABLE != 0
    }
}

/// The header of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventHeader {
    /// Seconds of the Unix epoch when the statement began on the server; 0 in artificial events.
    pub timestamp: u32,
    /// What the event is.
    pub event_type: EventType,
    /// `server_id` of the server that first wrote the event.
    pub server_id: u32,
    /// Length of the whole event in bytes, header and checksum included.
    pub event_size: u32,
    /// Offset of the **next** event in the log file, modulo 2^32; 0 in artificial events and inside
    /// a transaction payload.
    pub log_pos: u32,
    /// Flags.
    pub flags: EventFlags,
}

impl EventHeader {
    /// Reads a header from the first 19 bytes of `bytes`.
    ///
    /// # Errors
    /// If fewer bytes are there or the size in it is below 19.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut c = Cursor::new(bytes, 0, "event header");
        let timestamp = c.u32("timestamp")?;
        let event_type = EventType(c.u8("type")?);
        let server_id = c.u32("server_id")?;
        let size_at = c;
        let event_size = c.u32("event size")?;
        if usize::try_from(event_size).is_ok_and(|size| size < HEADER_BYTES) {
            return Err(size_at.error(
                "event size",
                format!("{event_type} says it is {event_size} bytes, the header alone is 19"),
            ));
        }
        let log_pos = c.u32("next position")?;
        let flags = EventFlags(c.u16("flags")?);
        Ok(Self { timestamp, event_type, server_id, event_size, log_pos, flags })
    }

    /// Length of the whole event in bytes.
    pub fn size(&self) -> usize {
        // A u32 fits usize on every platform this is built for; saturating keeps it total.
        usize::try_from(self.event_size).unwrap_or(usize::MAX)
    }
}
