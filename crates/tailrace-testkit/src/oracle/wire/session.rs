//! One client's session: what it asks, what the database behind it says.

mod cursor;
mod handshake;
mod lob;
mod reply;

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Result, Write};

use cursor::Cursor;
use reply::Reply;

use super::packet::{Packets, broken};
use super::read::Reader;
use crate::oracle::value::Value;

/// Codes of the client's calls.
mod call {
    pub(super) const REEXECUTE: u8 = 4;
    pub(super) const FETCH: u8 = 5;
    pub(super) const LOG_OFF: u8 = 9;
    pub(super) const COMMIT: u8 = 14;
    pub(super) const ROLLBACK: u8 = 15;
    pub(super) const REEXECUTE_AND_FETCH: u8 = 78;
    pub(super) const VERSION: u8 = 59;
    pub(super) const EXECUTE: u8 = 94;
    pub(super) const LOB: u8 = 96;
    pub(super) const CLOSE_CURSORS: u8 = 105;
    pub(super) const AUTH_PROOF: u8 = 115;
    pub(super) const AUTH_QUESTION: u8 = 118;
    pub(super) const SET_SCHEMA: u8 = 152;
    pub(super) const END_TO_END: u8 = 135;
    pub(super) const PING: u8 = 147;
}

/// What the server calls itself.
const BANNER: &str = "Oracle Database 19c Enterprise Edition Release 19.0.0.0.0 - Production (a stand-in)\nVersion 19.3.0.0.0";
/// Kind of a message: a call, and a call that the client does not wait for.
const MESSAGE_CALL: u8 = 3;
const MESSAGE_PIGGYBACK: u8 = 17;

/// Types of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    VarChar2,
    Char,
    NVarChar2,
    NChar,
    Number,
    Date,
    Timestamp,
    TimestampTz,
    TimestampLtz,
    Raw,
    BinaryFloat,
    BinaryDouble,
    IntervalYearMonth,
    IntervalDaySecond,
    RowId,
    Long,
    LongRaw,
    Clob,
    NClob,
    Blob,
}

impl Kind {
    /// The type's number, and the form of its character set: 1 for the database's, 2 for the national one.
    pub(super) fn number(self) -> (u8, u8) {
        match self {
            Self::VarChar2 => (1, 1),
            Self::NVarChar2 => (1, 2),
            Self::Char => (96, 1),
            Self::NChar => (96, 2),
            Self::Number => (2, 0),
            Self::Date => (12, 0),
            Self::Timestamp => (180, 0),
            Self::TimestampTz => (181, 0),
            Self::TimestampLtz => (231, 0),
            Self::Raw => (23, 0),
            Self::BinaryFloat => (100, 0),
            Self::BinaryDouble => (101, 0),
            Self::IntervalYearMonth => (182, 0),
            Self::IntervalDaySecond => (183, 0),
            Self::RowId => (11, 0),
            Self::Long => (8, 1),
            Self::LongRaw => (24, 0),
            Self::Clob => (112, 1),
            Self::NClob => (112, 2),
            Self::Blob => (113, 0),
        }
    }

    /// Whether a client has to say how it wants such values before it gets any.
    pub(super) fn is_defined_first(self) -> bool {
        matches!(self, Self::Clob | Self::NClob | Self::Blob | Self::Long | Self::LongRaw)
    }
}

/// A column of a result.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Bytes.
    pub(crate) size: u32,
    pub(crate) precision: i8,
    pub(crate) scale: i8,
    pub(crate) nullable: bool,
}

/// Rows that are handed out as the client fetches them.
pub(crate) struct ResultSet {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Box<dyn Iterator<Item = std::result::Result<Vec<Value>, OraError>> + Send>,
}

/// What a statement comes to.
pub(crate) enum Executed {
    /// A query's rows.
    Rows(ResultSet),
    /// A query's rows, which a block has opened for one of its binds.
    Opened {
        /// The bind's place, from 1.
        place: usize,
        set: ResultSet,
    },
    /// Rows that were changed, for each row of binds.
    Touched(Vec<u64>),
    /// It is done.
    Done,
}

/// An error, as in `ORA-00942`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OraError {
    pub(crate) code: u32,
    pub(crate) text: String,
}

impl OraError {
    pub(crate) fn new(code: u32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    fn message(&self) -> String {
        format!("ORA-{:05}: {}\n", self.code, self.text)
    }
}

/// A database as one session sees it.
pub(crate) trait Database: Send {
    /// Runs a statement, once for each row of binds, once without binds.
    fn execute(
        &mut self,
        sql: &str,
        binds: &[Vec<Value>],
    ) -> std::result::Result<Executed, OraError>;
    /// Ends the transaction.
    fn commit(&mut self) -> std::result::Result<(), OraError>;
    /// Gives the transaction up; also at the end of a session.
    fn roll_back(&mut self);
}

/// What there is to log in to.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// Passwords by user, in upper case.
    pub(crate) passwords: BTreeMap<String, String>,
    /// Services and SIDs that are known, in upper case.
    pub(crate) services: Vec<String>,
}

/// Serves one client until it leaves. `open` gives the database to a user who is logged in to a service.
pub(crate) fn serve<S: Read + Write>(
    stream: S,
    served: &Served,
    open: impl FnOnce(&str, &str) -> Box<dyn Database>,
) -> Result<()> {
    let mut reader = Reader::new(Packets::new(stream));
    let Some(service) = handshake::connect(&mut reader, served)? else { return Ok(()) };
    let Some(user) = handshake::log_in(&mut reader, served)? else { return Ok(()) };
    let mut session = Session {
        reader,
        database: open(&user, &service),
        cursors: HashMap::new(),
        lobs: lob::Lobs::default(),
        last_cursor: 0,
    };
    let ended = session.run();
    session.database.roll_back();
    ended
}

struct Session<S> {
    reader: Reader<S>,
    database: Box<dyn Database>,
    cursors: HashMap<u16, Cursor>,
    lobs: lob::Lobs,
    last_cursor: u16,
}

impl<S: Read + Write> Session<S> {
    fn run(&mut self) -> Result<()> {
        loop {
            self.reader.next_message()?;
            let mut reply = Reply::default();
            let goes_on = self.message(&mut reply)?;
            self.reader.packets.send_data(&reply.into_bytes())?;
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Answers one message; false if the client leaves.
    fn message(&mut self, reply: &mut Reply) -> Result<bool> {
        loop {
            let kind = self.reader.u8()?;
            let (function, sequence) = (self.reader.u8()?, self.reader.u8()?);
            reply.call = sequence;
            match (kind, function) {
                (MESSAGE_PIGGYBACK, call::CLOSE_CURSORS) => self.close_cursors()?,
                (MESSAGE_PIGGYBACK, call::SET_SCHEMA) => {
                    self.reader.u8()?;
                    self.reader.number()?;
                    self.reader.bytes()?;
                }
                (MESSAGE_PIGGYBACK, call::END_TO_END) => {
                    // Names for tracing; what comes with them is in the same message, whose rest is no call.
                    return Err(broken("a call with names for tracing"));
                }
                (MESSAGE_CALL, function) => return self.call(function, reply),
                (kind, function) => {
                    return Err(broken(&format!("a message {kind} with the function {function}")));
                }
            }
        }
    }

    fn call(&mut self, function: u8, reply: &mut Reply) -> Result<bool> {
        match function {
            call::EXECUTE => self.execute(reply)?,
            call::REEXECUTE | call::REEXECUTE_AND_FETCH => self.execute_again(function, reply)?,
            call::FETCH => self.fetch(reply)?,
            call::LOB => self.lobs.call(&mut self.reader, reply)?,
            call::COMMIT => match self.database.commit() {
                Ok(()) => reply.status(),
                Err(error) => reply.error(&error, 0, 0),
            },
            call::ROLLBACK => {
                self.database.roll_back();
                reply.status();
            }
            call::PING => reply.status(),
            call::VERSION => reply.version(BANNER, handshake::SERVER_VERSION),
            call::LOG_OFF => {
                reply.status();
                return Ok(false);
            }
            other => {
                let text = format!("the stand-in for Oracle does not have function {other}");
                reply.error(&OraError::new(3115, text), 0, 0);
            }
        }
        Ok(true)
    }
}
