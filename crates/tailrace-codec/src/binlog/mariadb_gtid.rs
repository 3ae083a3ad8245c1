//! MariaDB's GTID_EVENT: the start of a transaction, or of a statement that is one by itself.
//!
//! Form: `Gtid_log_event` in MariaDB's source (`sql/log_event.h`), and its documentation of GTID_EVENT.

use super::cursor::Cursor;
use super::header::{EventHeader, HEADER_BYTES};
use crate::error::Result;
use crate::position::MariaDbGtid;

const WHAT: &str = "MariaDB GTID_EVENT";

/// One event stands for the whole transaction, and nothing ends it.
const STANDALONE: u8 = 0x01;
const HAS_COMMIT_ID: u8 = 0x02;
const IS_DDL: u8 = 0x20;
const PREPARES_XA: u8 = 0x40;
const COMPLETES_XA: u8 = 0x80;

const EXTRA_MULTI_ENGINE: u8 = 0x01;
const EXTRA_START_ALTER: u8 = 0x02;
const EXTRA_COMMIT_ALTER: u8 = 0x04;
const EXTRA_ROLLBACK_ALTER: u8 = 0x08;
const EXTRA_THREAD_ID: u8 = 0x10;

/// The fixed part, zero bytes behind it included where nothing else follows.
const POST_HEADER_BYTES: usize = 19;
/// Each part of an XID has at most this many bytes.
const XID_PART_BYTES_MAX: usize = 64;

/// XID of a distributed transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Xid<'a> {
    /// Format number.
    pub format_id: u32,
    /// Global transaction id, up to 64 bytes.
    pub gtrid: &'a [u8],
    /// Branch qualifier, up to 64 bytes.
    pub bqual: &'a [u8],
}

/// Which part of an ALTER TABLE that is logged in two (`binlog_alter_two_phase=ON`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlterPhase {
    /// It has begun and changes nothing yet.
    Start,
    /// It is done.
    Commit,
    /// It was given up.
    Rollback,
}

/// The start of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MariaDbGtidEvent<'a> {
    /// Its identifier.
    pub gtid: MariaDbGtid,
    /// The next event is all of the transaction; else one that commits follows in the end.
    pub standalone: bool,
    /// The transaction is a DDL statement.
    pub ddl: bool,
    /// Transactions of the same number were committed together.
    pub commit_id: Option<u64>,
    /// The transaction ends in being prepared under this XID.
    pub prepares: Option<Xid<'a>>,
    /// The transaction ends the one that was prepared under this XID.
    pub completes: Option<Xid<'a>>,
    /// Part of an ALTER TABLE that is logged in two.
    pub alter: Option<AlterPhase>,
    /// Connection that made it (11.5 and later).
    pub thread_id: Option<u32>,
}

impl<'a> MariaDbGtidEvent<'a> {
    /// Reads the body; the server's number is in the header.
    ///
    /// # Errors
    /// If the body is cut short, or an XID is too long.
    pub fn parse(header: &EventHeader, body: &'a [u8]) -> Result<Self> {
        let mut c = Cursor::new(body, HEADER_BYTES, WHAT);
        let at = c;
        if body.len() < POST_HEADER_BYTES {
            c.bytes(POST_HEADER_BYTES, "post-header")?;
        }
        let sequence = c.u64("sequence number")?;
        if sequence == 0 {
            return Err(at.error("sequence number", "0; 1 is the first"));
        }
        let domain = c.u32("domain")?;
        let flags = c.u8("flags")?;
        let commit_id = if flags & HAS_COMMIT_ID != 0 { Some(c.u64("commit id")?) } else { None };
        let xid = match flags & (PREPARES_XA | COMPLETES_XA) {
            0 => None,
            _ => Some(Xid::read(&mut c)?),
        };
        let mut event = Self {
            gtid: MariaDbGtid { domain, server: header.server_id, sequence },
            standalone: flags & STANDALONE != 0,
            ddl: flags & IS_DDL != 0,
            commit_id,
            prepares: xid.filter(|_| flags & PREPARES_XA != 0),
            completes: xid.filter(|_| flags & COMPLETES_XA != 0),
            alter: None,
            thread_id: None,
        };
        event.read_extra(&mut c)?;
        Ok(event)
    }

    /// What newer servers write behind the rest; older ones write nothing or zero bytes.
    fn read_extra(&mut self, c: &mut Cursor<'_>) -> Result<()> {
        if c.is_empty() {
            return Ok(());
        }
        let flags = c.u8("extra flags")?;
        if flags & EXTRA_MULTI_ENGINE != 0 {
            c.u8("number of engines")?;
        }
        if flags & (EXTRA_COMMIT_ALTER | EXTRA_ROLLBACK_ALTER) != 0 {
            c.u64("sequence number of the ALTER's start")?;
        }
        if flags & EXTRA_THREAD_ID != 0 {
            self.thread_id = Some(c.u32("thread id")?);
        }
        self.alter = match flags & (EXTRA_START_ALTER | EXTRA_COMMIT_ALTER | EXTRA_ROLLBACK_ALTER) {
            EXTRA_START_ALTER => Some(AlterPhase::Start),
            EXTRA_COMMIT_ALTER => Some(AlterPhase::Commit),
            EXTRA_ROLLBACK_ALTER => Some(AlterPhase::Rollback),
            _ => None,
        };
        Ok(())
    }
}

impl<'a> Xid<'a> {
    fn read(c: &mut Cursor<'a>) -> Result<Self> {
        let format_id = c.u32("XID format id")?;
        let at = *c;
        let [gtrid, bqual] = c.array("XID lengths")?.map(usize::from);
        if gtrid > XID_PART_BYTES_MAX || bqual > XID_PART_BYTES_MAX {
            let reason = format!("{gtrid} and {bqual}; at most {XID_PART_BYTES_MAX} are allowed");
            return Err(at.error("XID lengths", reason));
        }
        Ok(Self { format_id, gtrid: c.bytes(gtrid, "gtrid")?, bqual: c.bytes(bqual, "bqual")? })
    }
}

impl std::fmt::Display for Xid<'_> {
    /// `X'<gtrid>',X'<bqual>',<format>`, the parts in hex, as statements in the log name it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("X'")?;
        self.gtrid.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("',X'")?;
        self.bqual.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "',{}", self.format_id)
    }
}
