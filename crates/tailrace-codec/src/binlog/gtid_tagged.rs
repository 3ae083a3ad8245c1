//! GTID_TAGGED_LOG_EVENT: the same fields in MySQL's serialization format.
//!
//! A message is `version, size, last non-ignorable field id` and then fields as `id, value` with
//! ascending ids; every number is of variable length (MySQL 8.3 and newer, `mysql::serialization`).
//! In such a number the low bits of the first byte that are set, up to the first clear one, count
//! the bytes that follow; the rest of the bits are the value. Signed ones have the sign in bit 0.

use super::cursor::Cursor;
use super::gtid_event::{GtidEvent, GtidKind};
use super::header::HEADER_BYTES;
use crate::error::Result;

const WHAT: &str = "GTID_TAGGED_LOG_EVENT";
const FORMAT_VERSION: u64 = 1;
const TAG_BYTES_MAX: usize = 32;

/// Field ids in the order of the event's definition.
mod field {
    pub(super) const FLAGS: u64 = 0;
    pub(super) const SID: u64 = 1;
    pub(super) const GNO: u64 = 2;
    pub(super) const TAG: u64 = 3;
    pub(super) const LAST_COMMITTED: u64 = 4;
    pub(super) const SEQUENCE_NUMBER: u64 = 5;
    pub(super) const IMMEDIATE_COMMIT_TIMESTAMP: u64 = 6;
    pub(super) const ORIGINAL_COMMIT_TIMESTAMP: u64 = 7;
    pub(super) const TRANSACTION_LENGTH: u64 = 8;
    pub(super) const IMMEDIATE_SERVER_VERSION: u64 = 9;
    pub(super) const ORIGINAL_SERVER_VERSION: u64 = 10;
    pub(super) const COMMIT_GROUP_TICKET: u64 = 11;
}

fn varlen_unsigned(c: &mut Cursor<'_>, name: &'static str) -> Result<u64> {
    let first = c.u8(name)?;
    let more = first.trailing_ones();
    let Ok(following) = usize::try_from(more) else {
        return Err(c.error(name, "length marker out of range"));
    };
    let high = c.uint(following, name)?;
    if more >= 7 {
        // Seven or eight bytes follow and the first one holds no bit of the value.
        return Ok(high);
    }
    // 8 - (more + 1) bits of the value are in the first byte.
    let kept = 7u32.saturating_sub(more);
    let low = u64::from(first) >> more.saturating_add(1);
    Ok(low | (high << kept))
}

fn varlen_signed(c: &mut Cursor<'_>, name: &'static str) -> Result<i64> {
    let raw = varlen_unsigned(c, name)?;
    let magnitude = (raw >> 1).cast_signed();
    Ok(if raw & 1 == 0 { magnitude } else { !magnitude })
}

fn varlen_byte(c: &mut Cursor<'_>, name: &'static str) -> Result<u8> {
    let at = *c;
    let value = varlen_unsigned(c, name)?;
    u8::try_from(value).map_err(|_| at.error(name, format!("{value} does not fit one byte")))
}

fn varlen_u32(c: &mut Cursor<'_>, name: &'static str) -> Result<u32> {
    let at = *c;
    let value = varlen_unsigned(c, name)?;
    u32::try_from(value).map_err(|_| at.error(name, format!("{value} does not fit four bytes")))
}

fn tag<'a>(c: &mut Cursor<'a>) -> Result<&'a str> {
    let at = *c;
    let len = varlen_unsigned(c, "tag length")?;
    let len = usize::try_from(len).ok().filter(|len| *len <= TAG_BYTES_MAX);
    let Some(len) = len else {
        return Err(at.error("tag length", "a tag has at most 32 bytes"));
    };
    let tag = c.text(len, "tag")?;
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if tag.bytes().all(legal) && !tag.starts_with(|first: char| first.is_ascii_digit()) {
        Ok(tag)
    } else {
        Err(at.error("tag", format!("{tag:?}; a-z, 0-9 and _ are allowed, no digit first")))
    }
}

impl<'a> GtidEvent<'a> {
    /// Reads the body of a GTID_TAGGED_LOG_EVENT. The tag may be empty: a server that was told to
    /// write tagged events for untagged identifiers does so.
    ///
    /// # Errors
    /// If the serialization is of another version, a field the writer calls not ignorable is not
    /// known, fields are out of order or missing, or a value is out of range.
    pub fn parse_tagged(body: &'a [u8]) -> Result<Self> {
        let mut c = Cursor::new(body, HEADER_BYTES, WHAT);
        let start = c;
        let version = varlen_unsigned(&mut c, "serialization version")?;
        if version != FORMAT_VERSION {
            return Err(start.error(
                "serialization version",
                format!("{version}; only {FORMAT_VERSION} is read"),
            ));
        }
        let size_at = c;
        let size = varlen_unsigned(&mut c, "message size")?;
        // The size covers the message from its version number on.
        if usize::try_from(size) != Ok(body.len()) {
            return Err(size_at
                .error("message size", format!("{size}, but the body is {} bytes", body.len())));
        }
        let last_needed = varlen_unsigned(&mut c, "last non-ignorable field")?;
        if last_needed > field::COMMIT_GROUP_TICKET {
            return Err(c.error(
                "last non-ignorable field",
                format!("field {last_needed} must be understood and is not known"),
            ));
        }
        let mut event = Self::empty(GtidKind::Tagged, [0; 16], 0, 0);
        event.read_fields(&mut c)?;
        event.check_gno(&start)?;
        Ok(event)
    }

    fn read_fields(&mut self, c: &mut Cursor<'a>) -> Result<()> {
        let mut seen = 0u16;
        let mut next_id = 0;
        while !c.is_empty() {
            let at = *c;
            let id = varlen_unsigned(c, "field id")?;
            if id < next_id {
                return Err(at.error("field id", format!("{id} follows {next_id}; they ascend")));
            }
            if id > field::COMMIT_GROUP_TICKET {
                // A newer field that may be ignored; its length is not known, nor that of what follows.
                c.take_rest();
                break;
            }
            next_id = id.saturating_add(1);
            seen |= 1u16.checked_shl(u32::try_from(id).unwrap_or(u32::MAX)).unwrap_or(0);
            self.read_field(id, c)?;
        }
        // 0 to 6, 8 and 9 are always written; the others have a stand-in.
        const REQUIRED: u16 = 0b0011_0111_1111;
        let missing = REQUIRED & !seen;
        if missing != 0 {
            return Err(c.error("field", format!("{} is missing", missing.trailing_zeros())));
        }
        let has =
            |id: u64| u32::try_from(id).is_ok_and(|id| seen.checked_shr(id).unwrap_or(0) & 1 == 1);
        if !has(field::ORIGINAL_COMMIT_TIMESTAMP) {
            self.original_commit_timestamp = self.immediate_commit_timestamp;
        }
        if !has(field::ORIGINAL_SERVER_VERSION) {
            self.original_server_version = self.immediate_server_version;
        }
        Ok(())
    }

    fn read_field(&mut self, id: u64, c: &mut Cursor<'a>) -> Result<()> {
        match id {
            field::FLAGS => {
                let flags = varlen_byte(c, "gtid_flags")?;
                self.may_have_statements = flags & super::gtid_event::MAY_HAVE_STATEMENTS != 0;
            }
            field::SID => {
                for byte in &mut self.sid {
                    *byte = varlen_byte(c, "uuid")?;
                }
            }
            field::GNO => self.gno = varlen_signed(c, "gno")?,
            field::TAG => self.tag = tag(c)?,
            field::LAST_COMMITTED => self.last_committed = varlen_signed(c, "last_committed")?,
            field::SEQUENCE_NUMBER => self.sequence_number = varlen_signed(c, "sequence_number")?,
            field::IMMEDIATE_COMMIT_TIMESTAMP => {
                self.immediate_commit_timestamp = varlen_unsigned(c, "immediate_commit_timestamp")?;
            }
            field::ORIGINAL_COMMIT_TIMESTAMP => {
                self.original_commit_timestamp = varlen_unsigned(c, "original_commit_timestamp")?;
            }
            field::TRANSACTION_LENGTH => {
                self.transaction_length = varlen_unsigned(c, "transaction_length")?;
            }
            field::IMMEDIATE_SERVER_VERSION => {
                self.immediate_server_version = varlen_u32(c, "immediate_server_version")?;
            }
            field::ORIGINAL_SERVER_VERSION => {
                self.original_server_version = varlen_u32(c, "original_server_version")?;
            }
            _ => self.commit_group_ticket = varlen_unsigned(c, "commit_group_ticket")?,
        }
        Ok(())
    }
}
