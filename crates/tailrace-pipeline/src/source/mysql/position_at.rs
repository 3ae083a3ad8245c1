//! Where the log was at a time: the place of the first transaction that was committed then or later.

use tailrace_codec::binlog::{EventHeader, EventType};

use crate::checkpoint::StreamPosition;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Limits, MysqlEndpoint};
use crate::run::StopSignal;
use crate::source::mysql::catalog;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::dump::{Dump, Reach};
use crate::source::mysql::elect;

/// Offset of the first event of a log file.
const FIRST_OFFSET: u64 = 4;
/// Name under which the log is asked for.
const READER: &str = "position-at";

/// File and offset of the first transaction that was committed at this time, seconds of the Unix epoch, or later; the log's
/// end if there is none.
///
/// # Errors
/// `PositionLost` if the log begins later, `SourceSetting` if there is none, and those of the connection.
pub(crate) fn find(endpoint: &MysqlEndpoint, at: u64, stop: &StopSignal) -> Result<(String, u64)> {
    let limits = Limits::default();
    let server = elect::answering(endpoint, &limits, stop)?;
    let mut connection = Connection::connect(&server, &limits, stop.clone())?;
    let end = catalog::binlog_end(&mut connection)?;
    let mut files = Vec::new();
    for row in connection.rows("SHOW BINARY LOGS")? {
        files.push(row.text(0)?.to_owned());
    }
    drop(connection);
    let log = Log { server, limits, stop: stop.clone(), end };
    let Some(first) = files.first() else {
        return Err(Error::new(ErrorKind::SourceSetting, "the source has no log; set log_bin=ON"));
    };
    let Some(number) = log.last_begun(&files, at)? else {
        let begun = log.begun(first)?;
        return Err(Error::new(
            ErrorKind::PositionLost,
            format!(
                "the log begins with {first} at {begun} seconds of the Unix epoch, later than {at}: what was before is deleted; choose a later time"
            ),
        ));
    };
    let next = files.get(number + 1).map(String::as_str);
    log.first_since(&files[number], next, at)
}

/// A server's log.
struct Log {
    server: MysqlEndpoint,
    limits: Limits,
    stop: StopSignal,
    end: (String, u64),
}

impl Log {
    fn open(&self, file: &str) -> Result<Dump> {
        let from = StreamPosition {
            file: file.to_owned(),
            offset: FIRST_OFFSET,
            ..StreamPosition::default()
        };
        Dump::open(&self.server, &self.limits, READER, (&from, Reach::Present), self.stop.clone())
    }

    /// When a file was begun.
    fn begun(&self, file: &str) -> Result<u64> {
        let mut dump = self.open(file)?;
        loop {
            let header = parsed(dump.next_event()?)?;
            if header.event_type == EventType::FORMAT_DESCRIPTION && header.timestamp > 0 {
                return Ok(header.timestamp.into());
            }
        }
    }

    /// The number of the last file that was begun by then.
    fn last_begun(&self, files: &[String], at: u64) -> Result<Option<usize>> {
        // Of all before `low` that is known, of all from `high` on that it is not.
        let (mut low, mut high) = (0, files.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.begun(&files[middle])? <= at {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.checked_sub(1))
    }

    /// The place of the first transaction of a file since then, or where the next file begins, or the log's end.
    fn first_since(&self, file: &str, next: Option<&str>, at: u64) -> Result<(String, u64)> {
        let mut dump = self.open(file)?;
        let (mut offset, mut is_introduced) = (FIRST_OFFSET, false);
        while (file, offset) != (self.end.0.as_str(), self.end.1) {
            self.stop.check()?;
            let header = parsed(dump.next_event()?)?;
            let begins = matches!(
                header.event_type,
                EventType::GTID
                    | EventType::GTID_TAGGED
                    | EventType::ANONYMOUS_GTID
                    | EventType::MARIADB_GTID
            );
            if begins && u64::from(header.timestamp) >= at {
                break;
            }
            is_introduced |= header.event_type == EventType::FORMAT_DESCRIPTION;
            if header.event_type == EventType::ROTATE && is_introduced {
                // The file has ended; the server's own last one is left at the log's end before.
                let next = next.unwrap_or(&self.end.0);
                return Ok((next.to_owned(), FIRST_OFFSET));
            }
            // What the server makes up on the way is not in the file.
            if header.log_pos > 0 && header.timestamp > 0 {
                offset += u64::from(header.event_size);
            }
        }
        Ok((file.to_owned(), offset))
    }
}

fn parsed(event: &[u8]) -> Result<EventHeader> {
    EventHeader::parse(event)
        .map_err(|e| Error::new(ErrorKind::Decode, format!("an event of the source's log: {e}")))
}
