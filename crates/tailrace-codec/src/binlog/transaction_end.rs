//! Small events: what ends a transaction, a log file or the writer's good faith.

use super::cursor::Cursor;
use super::header::HEADER_BYTES;
use crate::error::Result;

/// ROTATE_EVENT: the log goes on in another file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotate<'a> {
    /// Name of the next file.
    pub file: &'a str,
    /// Offset of the first event to read there (4 unless a dump was asked to begin elsewhere).
    pub position: u64,
}

impl<'a> Rotate<'a> {
    /// Reads the body; `post_header` is the length of the fixed part as FORMAT_DESCRIPTION gives it.
    ///
    /// # Errors
    /// If the body is cut short or the name is empty or not UTF-8.
    pub fn parse(body: &'a [u8], post_header: usize) -> Result<Self> {
        let mut c = Cursor::new(body, HEADER_BYTES, "ROTATE_EVENT");
        let position = match post_header {
            0 => 4,
            fixed => {
                let position = c.u64("position")?;
                c.bytes(fixed.saturating_sub(8), "post-header")?;
                position
            }
        };
        if c.is_empty() {
            return Err(c.error("log file name", "is empty"));
        }
        let len = c.rest().len();
        Ok(Self { file: c.text(len, "log file name")?, position })
    }
}

/// XID_EVENT: the transaction is committed. Returns the engine's transaction number.
///
/// # Errors
/// If the body is not eight bytes long.
pub(super) fn parse_xid(body: &[u8], post_header: usize) -> Result<u64> {
    let mut c = Cursor::new(body, HEADER_BYTES, "XID_EVENT");
    c.bytes(post_header, "post-header")?;
    c.u64("xid")
}

/// XA_PREPARE_LOG_EVENT: an XA transaction is prepared, or committed in one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XaPrepare<'a> {
    /// `XA COMMIT … ONE PHASE`: the transaction is committed by this event. Else a later QUERY event
    /// `XA COMMIT` or `XA ROLLBACK`, which may be far away in the log, decides.
    pub one_phase: bool,
    /// Format number of the XID.
    pub format_id: u32,
    /// Global transaction id, up to 64 bytes.
    pub gtrid: &'a [u8],
    /// Branch qualifier, up to 64 bytes.
    pub bqual: &'a [u8],
}

/// Each part of an XID has at most this many bytes.
const XID_PART_BYTES_MAX: u32 = 64;

impl<'a> XaPrepare<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// If a part is longer than 64 bytes or the body is cut short.
    pub fn parse(body: &'a [u8], post_header: usize) -> Result<Self> {
        let mut c = Cursor::new(body, HEADER_BYTES, "XA_PREPARE_LOG_EVENT");
        c.bytes(post_header, "post-header")?;
        let one_phase = c.u8("one phase flag")? != 0;
        let format_id = c.u32("format id")?;
        let gtrid_len = Self::part_length(&mut c, "gtrid length")?;
        let bqual_len = Self::part_length(&mut c, "bqual length")?;
        let gtrid = c.bytes(gtrid_len, "gtrid")?;
        let bqual = c.bytes(bqual_len, "bqual")?;
        Ok(Self { one_phase, format_id, gtrid, bqual })
    }

    fn part_length(c: &mut Cursor<'_>, field: &'static str) -> Result<usize> {
        let at = *c;
        let len = c.u32(field)?;
        match usize::try_from(len) {
            Ok(short) if len <= XID_PART_BYTES_MAX => Ok(short),
            _ => Err(at.error(field, format!("{len}; at most {XID_PART_BYTES_MAX} are allowed"))),
        }
    }
}

/// INCIDENT_EVENT: the server itself says that the log does not tell everything that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incident<'a> {
    /// 1 is `LOST_EVENTS`.
    pub number: u16,
    /// The server's message.
    pub message: &'a [u8],
}

impl<'a> Incident<'a> {
    /// Reads the body.
    ///
    /// # Errors
    /// If it is cut short.
    pub fn parse(body: &'a [u8]) -> Result<Self> {
        let mut c = Cursor::new(body, HEADER_BYTES, "INCIDENT_EVENT");
        let number = c.u16("incident number")?;
        let len = c.u8("message length")?;
        Ok(Self { number, message: c.bytes(usize::from(len), "message")? })
    }
}
