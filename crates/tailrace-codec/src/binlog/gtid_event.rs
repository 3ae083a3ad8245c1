//! GTID_LOG_EVENT, ANONYMOUS_GTID_LOG_EVENT and GTID_TAGGED_LOG_EVENT: the start of a transaction.

use super::cursor::Cursor;
use super::event_type::EventType;
use super::header::HEADER_BYTES;
use crate::error::Result;

/// Which of the three events it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GtidKind {
    /// `gtid_mode=OFF`: the transaction has no identifier, `sid` and `gno` are zero.
    Anonymous,
    /// `uuid:number`.
    Plain,
    /// `uuid:tag:number` (MySQL 8.3 and newer).
    Tagged,
}

/// The start of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GtidEvent<'a> {
    /// Which event it was.
    pub kind: GtidKind,
    /// UUID of the server where the transaction came into being.
    pub sid: [u8; 16],
    /// Tag, 1 to 32 of `a-z`, `0-9`, `_`; empty unless `kind` is [`GtidKind::Tagged`].
    pub tag: &'a str,
    /// Number of the transaction, from 1; 0 if anonymous.
    pub gno: i64,
    /// The transaction may hold statements (not only row events).
    pub may_have_statements: bool,
    /// Logical clock: the transaction may run beside those up to this one.
    pub last_committed: i64,
    /// Logical clock: number in this log file, from 1; 0 from servers before 5.7.
    pub sequence_number: i64,
    /// Commit on the server this log was read from, microseconds of the Unix epoch; 0 if not known
    /// (before 8.0.1).
    pub immediate_commit_timestamp: u64,
    /// Commit on the server where the transaction came into being, microseconds of the Unix epoch; 0
    /// if not known.
    pub original_commit_timestamp: u64,
    /// Bytes of the whole transaction in the log, this event included; 0 if not known.
    pub transaction_length: u64,
    /// Version of the server this log was read from, as 80036 for 8.0.36; 0 if not known.
    pub immediate_server_version: u32,
    /// Version of the server where the transaction came into being; 0 if not known.
    pub original_server_version: u32,
    /// Ticket of a commit group (`replica_preserve_commit_order` with tickets); 0 if unused.
    pub commit_group_ticket: u64,
}

/// Bit of the flags byte: the transaction may hold statements.
pub(super) const MAY_HAVE_STATEMENTS: u8 = 1;
/// Greatest transaction number, exclusive.
const GNO_END: i64 = i64::MAX;
/// Type code that stands before the two logical clocks.
const LOGICAL_CLOCK_TYPE: u8 = 2;
const COMMIT_TIME_BYTES: usize = 7;
/// Highest bit of seven bytes: a second timestamp follows.
const SECOND_TIME_FOLLOWS: u64 = 1 << 55;
/// Highest bit of four bytes: a second version follows.
const SECOND_VERSION_FOLLOWS: u32 = 1 << 31;

impl<'a> GtidEvent<'a> {
    /// Reads the body of one of the two untagged events. Fields that a server of that time did not
    /// write stay zero, as the format foresees.
    ///
    /// # Errors
    /// If the body is cut short inside a field or the number is out of range.
    pub fn parse_untagged(event_type: EventType, body: &'a [u8]) -> Result<Self> {
        let mut c = Cursor::new(body, HEADER_BYTES, event_type.name());
        let flags = c.u8("flags")?;
        let sid = c.array::<16>("sid")?;
        let gno_at = c;
        let gno = c.i64("gno")?;
        let kind = if event_type == EventType::ANONYMOUS_GTID {
            GtidKind::Anonymous
        } else {
            GtidKind::Plain
        };
        let mut event = Self::empty(kind, sid, gno, flags);
        event.check_gno(&gno_at)?;
        event.read_clocks(&mut c)?;
        Ok(event)
    }

    pub(super) fn empty(kind: GtidKind, sid: [u8; 16], gno: i64, flags: u8) -> Self {
        Self {
            kind,
            sid,
            tag: "",
            gno,
            may_have_statements: flags & MAY_HAVE_STATEMENTS != 0,
            last_committed: 0,
            sequence_number: 0,
            immediate_commit_timestamp: 0,
            original_commit_timestamp: 0,
            transaction_length: 0,
            immediate_server_version: 0,
            original_server_version: 0,
            commit_group_ticket: 0,
        }
    }

    pub(super) fn check_gno(&self, at: &Cursor<'_>) -> Result<()> {
        let gno = self.gno;
        match self.kind {
            GtidKind::Anonymous if gno != 0 => {
                Err(at.error("gno", format!("{gno} in an anonymous event, 0 expected")))
            }
            GtidKind::Plain | GtidKind::Tagged if !(1..GNO_END).contains(&gno) => {
                Err(at.error("gno", format!("{gno}; 1 to 2^63 - 2 are allowed")))
            }
            _ => Ok(()),
        }
    }

    /// Every group of fields may be missing together with all that follow it.
    fn read_clocks(&mut self, c: &mut Cursor<'_>) -> Result<()> {
        // 5.6 ends here; 5.7.0 to 5.7.4 had another type code and shorter clocks, which are of no use.
        if c.is_empty() || c.u8("logical clock type")? != LOGICAL_CLOCK_TYPE {
            return Ok(());
        }
        self.last_committed = c.i64("last_committed")?;
        self.sequence_number = c.i64("sequence_number")?;
        if c.is_empty() {
            return Ok(());
        }
        let immediate = c.uint(COMMIT_TIME_BYTES, "immediate_commit_timestamp")?;
        self.immediate_commit_timestamp = immediate & !SECOND_TIME_FOLLOWS;
        self.original_commit_timestamp = if immediate & SECOND_TIME_FOLLOWS != 0 {
            c.uint(COMMIT_TIME_BYTES, "original_commit_timestamp")?
        } else {
            immediate
        };
        if c.is_empty() {
            return Ok(());
        }
        self.transaction_length = c.length_encoded("transaction_length")?;
        if c.is_empty() {
            return Ok(());
        }
        let immediate = c.u32("immediate_server_version")?;
        self.immediate_server_version = immediate & !SECOND_VERSION_FOLLOWS;
        self.original_server_version = if immediate & SECOND_VERSION_FOLLOWS != 0 {
            c.u32("original_server_version")?
        } else {
            immediate
        };
        if !c.is_empty() {
            self.commit_group_ticket = c.u64("commit_group_ticket")?;
        }
        Ok(())
    }
}
