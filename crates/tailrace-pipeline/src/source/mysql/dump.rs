//! The log as the server sends it to a replica: one event per packet, from a position on.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tailrace_codec::binlog::Checksum;
use tailrace_codec::mysql::{BinlogDump, BinlogDumpGtid, ErrPacket, RegisterReplica};
use tailrace_codec::position::{GtidSet, MariaDbPosition};

use crate::checkpoint::StreamPosition;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Limits, MysqlEndpoint};
use crate::run::StopSignal;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::transport::Transport;

/// How often the server sends a sign of life when it has nothing else to send. A position that only
/// unselected changes have moved is recorded at the latest then.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(1);
/// The same while something waits for the place where the log ends now: a server that has nothing to send
/// from there tells only so that it is reached.
const HEARTBEAT_PERIOD_SHORT: Duration = Duration::from_millis(20);
/// Silence after which the connection counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long the server may wait for us to read: a slow target must not lose the connection.
const SERVER_WRITE_TIMEOUT_SECONDS: u32 = 86_400;
/// Server ids of Tailrace lie above this one, out of the way of ids given by hand.
const SERVER_ID_BASE: u32 = 0x4000_0000;

/// How far a log is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To a place that exists already.
    Present,
    /// On and on.
    Endless,
}

/// A log stream.
pub(crate) struct Dump {
    transport: Transport,
    checksum: Checksum,
}

impl Dump {
    /// Connects and asks for the log from `from` on.
    ///
    /// # Errors
    /// Those of the connection, and `SourceSetting` or `PositionLost` once events are read.
    pub(crate) fn open(
        endpoint: &MysqlEndpoint,
        limits: &Limits,
        job_id: &str,
        (from, reach): (&StreamPosition, Reach),
        stop: StopSignal,
    ) -> Result<Self> {
        let mut connection = Connection::connect(endpoint, limits, stop)?;
        let identity = Identity::of(job_id);
        let period = match reach {
            Reach::Present => HEARTBEAT_PERIOD_SHORT,
            Reach::Endless => HEARTBEAT_PERIOD,
        };
        let period = period.as_nanos();
        // Both spellings: servers before 8.0.26 know only the old one, and user variables cost nothing.
        connection.execute(&format!(
            "SET @master_binlog_checksum = @@GLOBAL.binlog_checksum, \
             @source_binlog_checksum = @@GLOBAL.binlog_checksum, \
             @master_heartbeat_period = {period}, @source_heartbeat_period = {period}, \
             @slave_uuid = '{uuid}', @replica_uuid = '{uuid}', \
             SESSION net_write_timeout = {SERVER_WRITE_TIMEOUT_SECONDS}",
            uuid = identity.uuid,
        ))?;
        let row = connection.one_row("SELECT @@GLOBAL.binlog_checksum")?;
        let checksum = match row.text(0)? {
            "CRC32" => Checksum::Crc32,
            _ => Checksum::None,
        };
        let too_large =
            |e: tailrace_codec::DecodeError| Error::new(ErrorKind::PositionLost, e.to_string());
        let register = RegisterReplica { server_id: identity.server_id, host: "tailrace", port: 0 };
        connection.command("COM_REGISTER_SLAVE", &register.to_bytes().map_err(too_large)?)?;
        let server_id = identity.server_id;
        let mariadb = connection.version()?.mariadb;
        if mariadb {
            ask_mariadb(&mut connection, from.gtid_set.as_deref())?;
        }
        let payload = match &from.gtid_set {
            // The position is a variable of the session there.
            Some(_) if mariadb => {
                BinlogDump { server_id, file: "", offset: 4, flags: 0 }.to_bytes()
            }
            Some(text) => {
                let set: GtidSet = text.parse().map_err(|e| {
                    Error::new(ErrorKind::Checkpoint, format!("gtid_set of the position: {e}"))
                })?;
                let mut encoded = Vec::new();
                set.encode_mysql(&mut encoded);
                BinlogDumpGtid { server_id, gtid_set: &encoded, flags: 0 }.to_bytes()
            }
            None => {
                BinlogDump { server_id, file: &from.file, offset: from.offset, flags: 0 }.to_bytes()
            }
        }
        .map_err(too_large)?;
        let mut transport = connection.into_stream(&payload)?;
        transport.set_silence_max(SILENCE_MAX);
        Ok(Self { transport, checksum })
    }

    /// The next event, without the packet's status byte; borrowed until the next call.
    ///
    /// # Errors
    /// `PositionLost` if the server no longer has the position, `SourceConnection` if the stream ended.
    pub(crate) fn next_event(&mut self) -> Result<&[u8]> {
        let payload = self.transport.receive()?;
        if let Some((&0, event)) = payload.split_first() {
            return Ok(event);
        }
        Err(match ErrPacket::parse(payload) {
            Ok(error) => dump_error(error.code, &error.message),
            Err(_) => Error::new(ErrorKind::SourceConnection, "the source ended the log stream"),
        })
    }

    /// How events end until a FORMAT_DESCRIPTION says otherwise.
    pub(crate) fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// Whether an event can be had without waiting.
    pub(crate) fn has_buffered_event(&self) -> bool {
        self.transport.has_buffered_packet()
    }

    /// Bytes read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.transport.bytes_read()
    }
}

/// Says to MariaDB that its GTID events are understood, and from which GTID position on it is to send.
fn ask_mariadb(connection: &mut Connection, position: Option<&str>) -> Result<()> {
    /// The log as it is, GTID events included (`MARIA_SLAVE_CAPABILITY_GTID` in its source).
    const CAPABILITY: u32 = 4;
    connection.execute(&format!("SET @mariadb_slave_capability = {CAPABILITY}"))?;
    let Some(text) = position else { return Ok(()) };
    let position: MariaDbPosition = text.parse().map_err(|e| {
        Error::new(ErrorKind::Checkpoint, format!("gtid_set of the position, for MariaDB: {e}"))
    })?;
    // Strict: a position that the log does not have is an error, whatever lies behind it.
    connection.execute(&format!(
        "SET @slave_connect_state = '{position}', @slave_gtid_strict_mode = 1, \
         @slave_gtid_ignore_duplicates = 0"
    ))
}

/// Error 1236 covers all that goes wrong on the server's side of a dump; only its text tells more.
fn dump_error(code: u16, message: &str) -> Error {
    let kind = match code {
        1236 if message.contains("same server_uuid") || message.contains("same server_id") => {
            ErrorKind::SourceConnection
        }
        1236 => ErrorKind::PositionLost,
        1227 | 1045 => ErrorKind::SourcePrivilege,
        _ => ErrorKind::SourceConnection,
    };
    Error::new(kind, format!("{message} ({code})"))
}

/// How the job shows up at the source. Derived from the job id: a restarted worker takes the place of
/// its predecessor, because a server ends an older dump with the same uuid.
struct Identity {
    server_id: u32,
    uuid: String,
}

impl Identity {
    fn of(job_id: &str) -> Self {
        let hash = Sha256::digest(job_id.as_bytes());
        let mut id = [0; 4];
        id.copy_from_slice(&hash[..4]);
        let hex: String = hash[4..20].iter().map(|b| format!("{b:02x}")).collect();
        Self {
            server_id: SERVER_ID_BASE | u32::from_le_bytes(id) >> 2,
            uuid: format!(
                "{}-{}-{}-{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_is_stable_and_out_of_the_way() {
        let (a, b) = (Identity::of("job-a"), Identity::of("job-b"));
        assert_eq!(a.uuid, Identity::of("job-a").uuid);
        assert_ne!(a.server_id, b.server_id);
        assert_ne!(a.uuid, b.uuid);
        assert!(a.server_id >= SERVER_ID_BASE);
        assert_eq!(a.uuid.len(), 36);
    }

    #[test]
    fn only_a_lost_position_is_called_so() {
        assert_eq!(
            dump_error(1236, "Cannot replicate because the source purged required binary logs")
                .kind(),
            ErrorKind::PositionLost
        );
        assert_eq!(
            dump_error(1236, "A replica with the same server_uuid/server_id has connected").kind(),
            ErrorKind::SourceConnection
        );
    }
}
