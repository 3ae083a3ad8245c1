//! HEARTBEAT_LOG_EVENT and its second version: the server is alive and this is where it stands.
//!
//! Heartbeats are made up by the sender and are never in a log file.

use super::cursor::Cursor;
use super::header::{EventHeader, HEADER_BYTES};
use crate::error::Result;

/// A heartbeat of either version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat<'a> {
    /// Log file the server reads from.
    pub file: &'a str,
    /// Offset of the last event it sent; past 4 GiB only the second version tells the truth.
    pub position: u64,
}

impl<'a> Heartbeat<'a> {
    /// Reads version 1: the file name is the body, the offset is in the header.
    ///
    /// # Errors
    /// If the name is empty or not UTF-8.
    pub fn parse_v1(header: &EventHeader, body: &'a [u8]) -> Result<Self> {
        let mut c = Cursor::new(body, HEADER_BYTES, "HEARTBEAT_LOG_EVENT");
        if c.is_empty() {
            return Err(c.error("log file name", "is empty"));
        }
        let file = c.text(body.len(), "log file name")?;
        Ok(Self { file, position: u64::from(header.log_pos) })
    }

    /// Reads version 2: fields of `type, length, value` up to a zero type.
    ///
    /// # Errors
    /// If a field is cut short, or name or offset is missing.
    pub fn parse_v2(body: &'a [u8]) -> Result<Self> {
        const END: u64 = 0;
        const FILE: u64 = 1;
        const POSITION: u64 = 2;
        let mut c = Cursor::new(body, HEADER_BYTES, "HEARTBEAT_LOG_EVENT_V2");
        let mut file = None;
        let mut position = None;
        while !c.is_empty() {
            let field = c.length_encoded("field type")?;
            if field == END {
                break;
            }
            let len = c.length("field length")?;
            match field {
                FILE => file = Some(c.text(len, "log file name")?),
                POSITION => {
                    let at = c.pos();
                    let value = c.bytes(len, "log position")?;
                    let mut inner = Cursor::new(value, at, "HEARTBEAT_LOG_EVENT_V2");
                    position = Some(inner.length_encoded("log position")?);
                }
                // The format foresees more fields; each says how long it is.
                _ => {
                    c.bytes(len, "unknown field")?;
                }
            }
        }
        match (file, position) {
            (Some(file), Some(position)) => Ok(Self { file, position }),
            (None, _) => Err(c.error("log file name", "is missing")),
            (_, None) => Err(c.error("log position", "is missing")),
        }
    }
}
