//! FORMAT_DESCRIPTION_EVENT: who wrote the log and how its events are laid out.

use super::cursor::Cursor;
use super::event_type::EventType;
use super::header::HEADER_BYTES;
use crate::error::{DecodeError, Result};

/// How events end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    /// No checksum (`binlog_checksum=NONE`).
    #[default]
    None,
    /// Four bytes of CRC32 over the whole event before them.
    Crc32,
}

/// The event's own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatDescription<'a> {
    /// Always 4 since MySQL 5.0.
    pub binlog_version: u16,
    /// Version of the server that wrote the log, for example `9.7.4-2`.
    pub server_version: &'a str,
    /// Seconds of the Unix epoch when the server started, if this is the first log of its run; else 0.
    pub created: u32,
    /// Length of the post-header of event type `index + 1`.
    pub post_header_lengths: &'a [u8],
    /// Checksum of the events that follow; `None` for a server too old to have them.
    pub checksum: Option<Checksum>,
}

/// What must be known to read the events that follow a FORMAT_DESCRIPTION.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFormat {
    checksum: Checksum,
    post_header_lengths: [u8; 256],
    mariadb: bool,
}

const SERVER_VERSION_BYTES: usize = 50;
/// binlog version, server version, creation time, header length.
const FIXED_BYTES: usize = 2 + SERVER_VERSION_BYTES + 4 + 1;
/// Servers from 5.6.1 on write the checksum algorithm (`checksum_version_split` in their source);
/// MariaDB does from 5.3.0 on.
const FIRST_WITH_CHECKSUM: (u32, u32, u32) = (5, 6, 1);

impl LogFormat {
    /// The layout before the first FORMAT_DESCRIPTION of a connection: `checksum` is what was agreed
    /// with the server (`@source_binlog_checksum`), post-headers are those of MySQL 5.6 and newer.
    pub fn new(checksum: Checksum) -> Self {
        let mut post_header_lengths = [0u8; 256];
        for (event_type, length) in [
            (EventType::QUERY, 13),
            (EventType::ROTATE, 8),
            (EventType::TABLE_MAP, 8),
            (EventType::WRITE_ROWS_V1, 8),
            (EventType::UPDATE_ROWS_V1, 8),
            (EventType::DELETE_ROWS_V1, 8),
            (EventType::INCIDENT, 2),
            (EventType::WRITE_ROWS, 10),
            (EventType::UPDATE_ROWS, 10),
            (EventType::DELETE_ROWS, 10),
            (EventType::PARTIAL_UPDATE_ROWS, 10),
            (EventType::MARIADB_QUERY_COMPRESSED, 13),
            (EventType::MARIADB_WRITE_ROWS_COMPRESSED_V1, 8),
            (EventType::MARIADB_UPDATE_ROWS_COMPRESSED_V1, 8),
            (EventType::MARIADB_DELETE_ROWS_COMPRESSED_V1, 8),
            (EventType::MARIADB_WRITE_ROWS_COMPRESSED, 10),
            (EventType::MARIADB_UPDATE_ROWS_COMPRESSED, 10),
            (EventType::MARIADB_DELETE_ROWS_COMPRESSED, 10),
        ] {
            if let Some(slot) = post_header_lengths.get_mut(usize::from(event_type.0)) {
                *slot = length;
            }
        }
        Self { checksum, post_header_lengths, mariadb: false }
    }

    /// Checksum of the events that follow.
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// Whether MariaDB wrote the log.
    pub fn is_mariadb(&self) -> bool {
        self.mariadb
    }

    /// Length of the post-header of an event type; 0 if the writer did not list it.
    pub fn post_header_length(&self, event_type: EventType) -> usize {
        self.post_header_lengths.get(usize::from(event_type.0)).copied().map_or(0, usize::from)
    }

    /// Takes over what a FORMAT_DESCRIPTION says.
    pub fn apply(&mut self, description: &FormatDescription<'_>) {
        self.checksum = description.checksum.unwrap_or(Checksum::None);
        self.mariadb = description.is_mariadb();
        self.post_header_lengths = [0; 256];
        let slots = self.post_header_lengths.iter_mut().skip(1);
        for (slot, length) in slots.zip(description.post_header_lengths) {
            *slot = *length;
        }
    }

    /// The checksum algorithm that a FORMAT_DESCRIPTION body (checksum still on) announces; `None`
    /// for a server too old to write one.
    pub(super) fn checksum_in_format_description(body: &[u8]) -> Result<Option<Checksum>> {
        let version_bytes = Cursor::new(body.get(2..).unwrap_or_default(), HEADER_BYTES + 2, WHAT)
            .bytes(SERVER_VERSION_BYTES, "server version")?;
        if !writes_checksum(version_text(version_bytes)?) {
            return Ok(None);
        }
        // … algorithm (1), checksum (4)
        let at = body.len().checked_sub(5).filter(|at| *at >= FIXED_BYTES);
        let Some((at, alg)) = at.and_then(|at| Some((at, *body.get(at)?))) else {
            return Err(DecodeError::truncated(
                format!("{WHAT} checksum algorithm"),
                HEADER_BYTES.saturating_add(body.len()),
                FIXED_BYTES.saturating_add(5).saturating_sub(body.len()),
            ));
        };
        checksum_from_code(alg, HEADER_BYTES.saturating_add(at)).map(Some)
    }
}

const WHAT: &str = "FORMAT_DESCRIPTION_EVENT";

fn checksum_from_code(code: u8, at: usize) -> Result<Checksum> {
    match code {
        // 255 is what a checksum-aware server notes for a log of an unaware one.
        0 | 255 => Ok(Checksum::None),
        1 => Ok(Checksum::Crc32),
        other => Err(DecodeError::new(
            format!("{WHAT} checksum algorithm"),
            at,
            format!("{other} is not known; 0 (none) and 1 (CRC32) are"),
        )),
    }
}

fn version_text(bytes: &[u8]) -> Result<&str> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let text = bytes.get(..end).unwrap_or_default();
    std::str::from_utf8(text).map_err(|_| {
        DecodeError::new(format!("{WHAT} server version"), HEADER_BYTES + 2, "is not UTF-8")
    })
}

/// The three leading numbers of a version such as `8.0.36-debug`; a part without digits is 0.
fn version_numbers(version: &str) -> (u32, u32, u32) {
    let mut parts = version.splitn(3, '.').map(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        part.get(..digits).and_then(|d| d.parse::<u32>().ok()).unwrap_or(0)
    });
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

fn writes_checksum(version: &str) -> bool {
    let numbers = version_numbers(version);
    numbers >= FIRST_WITH_CHECKSUM || (version.contains("MariaDB") && numbers >= (5, 3, 0))
}

impl<'a> FormatDescription<'a> {
    /// Reads the body, checksum cut off (the algorithm byte is still there).
    ///
    /// # Errors
    /// If the log is not of version 4, the header length is not 19 or the body is cut short.
    pub fn parse(body: &'a [u8]) -> Result<Self> {
        let mut c = Cursor::new(body, HEADER_BYTES, WHAT);
        let version_at = c;
        let binlog_version = c.u16("binlog version")?;
        if binlog_version != 4 {
            return Err(version_at.error(
                "binlog version",
                format!("{binlog_version}; only version 4 (MySQL 5.0 and newer) is read"),
            ));
        }
        let server_version = version_text(c.bytes(SERVER_VERSION_BYTES, "server version")?)?;
        let created = c.u32("creation time")?;
        let length_at = c;
        let header_length = c.u8("header length")?;
        if usize::from(header_length) != HEADER_BYTES {
            return Err(length_at.error("header length", format!("{header_length} instead of 19")));
        }
        let rest = c.rest();
        let (post_header_lengths, checksum) = if writes_checksum(server_version) {
            let Some((alg, lengths)) = rest.split_last() else {
                return Err(c.error("checksum algorithm", "is missing"));
            };
            let at = c.pos().saturating_add(lengths.len());
            (lengths, Some(checksum_from_code(*alg, at)?))
        } else {
            (rest, None)
        };
        Ok(Self { binlog_version, server_version, created, post_header_lengths, checksum })
    }

    /// Whether MariaDB wrote the log.
    pub fn is_mariadb(&self) -> bool {
        self.server_version.contains("MariaDB")
    }

    /// The three leading numbers of the server version, for example `(9, 7, 4)`.
    pub fn version_numbers(&self) -> (u32, u32, u32) {
        version_numbers(self.server_version.trim_start_matches("5.5.5-"))
    }
}
