//! The log as the server sends it to a replica: one event per packet, from a position on.

use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tailrace_codec::binlog::Checksum;
use tailrace_codec::mysql::{BinlogDump, BinlogDumpGtid, ErrPacket, RegisterReplica};
use tailrace_codec::position::{GtidSet, MariaDbPosition};

use crate::checkpoint::StreamPosition;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Limits, MysqlEndpoint};
use crate::run::StopSignal;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::horizon::{Horizon, Kept};
use crate::source::mysql::place::{self, Sign};
use crate::source::mysql::transport::Transport;

/// How often the server sends a sign of life when it has nothing else to send. A position that only
/// unselected changes have moved is recorded at the latest then.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(1);
/// The same while something waits for the place where the log ends now: a server that has nothing to send
/// from there tells only so that it is reached.
const HEARTBEAT_PERIOD_SHORT: Duration = Duration::from_millis(20);
/// How long the server may wait for us to read: a slow target must not lose the connection.
const SERVER_WRITE_TIMEOUT_SECONDS: u32 = 86_400;
/// How long another server than before may need to apply what it got from that one.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);
/// Pause between two looks whether it has.
const CATCH_UP_PAUSE: Duration = Duration::from_millis(200);
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

/// What is asked of a source, kept to be asked again.
struct Request {
    endpoint: MysqlEndpoint,
    limits: Limits,
    identity: Identity,
    from: StreamPosition,
    reach: Reach,
    stop: StopSignal,
}

/// A log stream.
pub(crate) struct Dump {
    request: Request,
    answer: Answer,
}

/// A connection on which the log comes.
struct Answer {
    transport: Transport,
    checksum: Checksum,
    server_uuid: Option<String>,
    kept: Kept,
    /// The server was told a place, and nothing has shown yet that it is one of its log.
    place_unproved: bool,
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
        let request = Request {
            endpoint: endpoint.clone(),
            limits: limits.clone(),
            identity: Identity::of(job_id),
            from: from.clone(),
            reach,
            stop,
        };
        let answer = request.send(true)?;
        Ok(Self { request, answer })
    }

    /// The next event, without the packet's status byte; borrowed until the next call.
    ///
    /// # Errors
    /// `PositionLost` if the server no longer has the position, `SourceConnection` if the stream ended.
    pub(crate) fn next_event(&mut self) -> Result<&[u8]> {
        while self.answer.place_unproved {
            match place::sign_of(self.answer.transport.peek(place::PACKET_PREFIX_BYTES)?) {
                Sign::None => break,
                Sign::Transaction => self.answer.place_unproved = false,
                Sign::Wrong(why) => {
                    let StreamPosition { file, offset, .. } = &self.request.from;
                    tracing::warn!(
                        %file, offset, why,
                        "the source's log does not have the place where the job stands: it is asked by GTID set alone"
                    );
                    self.answer = self.request.send(false)?;
                }
            }
        }
        let payload = self.answer.transport.receive()?;
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
        self.answer.checksum
    }

    /// The server whose log it is; `None` where places are not told beside GTID sets.
    pub(crate) fn server_uuid(&self) -> Option<&str> {
        self.answer.server_uuid.as_deref()
    }

    /// For how long the server keeps its log; `None` if it never deletes it by itself.
    pub(crate) fn kept(&self) -> Kept {
        self.answer.kept
    }

    /// Waits until an event, or a part of one, has come, for some time at most; whether that is so.
    ///
    /// # Errors
    /// `SourceConnection`.
    pub(crate) fn wait_for_event(&mut self, longest: Duration) -> Result<bool> {
        self.answer.transport.wait_for_bytes(longest)
    }

    /// Whether an event can be had without waiting.
    pub(crate) fn has_buffered_event(&self) -> bool {
        self.answer.transport.has_buffered_packet()
    }

    /// Events that lie in memory already, in order, up to the first that does not lie there whole.
    pub(crate) fn buffered_events(&self) -> impl Iterator<Item = &[u8]> {
        self.answer.transport.buffered_payloads().map_while(|payload| match payload.split_first() {
            Some((&0, event)) => Some(event),
            _ => None,
        })
    }

    /// Bytes read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.answer.transport.bytes_read()
    }
}

impl Request {
    /// Asks on a new connection.
    fn send(&self, by_place: bool) -> Result<Answer> {
        let mut connection = Connection::connect(&self.endpoint, &self.limits, self.stop.clone())?;
        let mariadb = connection.version()?.mariadb;
        self.introduce(&mut connection)?;
        let set = match &self.from.gtid_set {
            Some(text) if !mariadb => Some(text.parse::<GtidSet>().map_err(|e| {
                Error::new(ErrorKind::Checkpoint, format!("gtid_set of the position: {e}"))
            })?),
            _ => None,
        };
        let server = Server::ask(&mut connection, set.as_ref())?;
        // A set that was given by hand may have what the server is still to execute.
        let is_other = self.from.server_uuid.is_some() && server.uuid != self.from.server_uuid;
        if let Some(set) = &set
            && is_other
            && !server.has_set
        {
            self.wait_for_set(&mut connection, set, server.uuid.as_deref())?;
        }
        let kept = Horizon::ask(&mut connection)?;
        if mariadb {
            ask_mariadb(&mut connection, self.from.gtid_set.as_deref())?;
        }
        let StreamPosition { file, offset, .. } = &self.from;
        let place = by_place && server.has_place_of(&self.from);
        tracing::debug!(%file, offset, place, "the source is asked for its log");
        let server_id = self.identity.server_id;
        let payload = match &set {
            Some(set) => {
                let mut encoded = Vec::new();
                set.encode_mysql(&mut encoded);
                let place = place.then_some((file.as_str(), *offset));
                BinlogDumpGtid { server_id, gtid_set: &encoded, place, flags: 0 }.to_bytes()
            }
            // The position is a variable of the session there.
            None if self.from.gtid_set.is_some() => {
                BinlogDump { server_id, file: "", offset: 4, flags: 0 }.to_bytes()
            }
            None => BinlogDump { server_id, file, offset: *offset, flags: 0 }.to_bytes(),
        }
        .map_err(too_large)?;
        let mut transport = connection.into_stream(&payload)?;
        transport.set_silence_max(self.limits.log_silence_max);
        Ok(Answer {
            transport,
            checksum: server.checksum,
            server_uuid: server.uuid,
            kept,
            place_unproved: place,
        })
    }

    /// Waits until a server has what was delivered already: one that takes the place of another may still be applying
    /// what it got from it.
    ///
    /// # Errors
    /// `PositionLost` that names the transactions which it does not have.
    fn wait_for_set(
        &self,
        connection: &mut Connection,
        set: &GtidSet,
        uuid: Option<&str>,
    ) -> Result<()> {
        let until = Instant::now() + CATCH_UP_MAX;
        loop {
            let query = format!("SELECT GTID_SUBTRACT('{set}', @@GLOBAL.gtid_executed)");
            let row = connection.one_row(&query)?;
            let missing = row.text(0)?.replace('\n', "");
            if missing.is_empty() {
                return Ok(());
            }
            if Instant::now() >= until {
                let server = uuid.unwrap_or("at this address");
                return Err(Error::new(
                    ErrorKind::PositionLost,
                    format!(
                        "the server {server} does not have transactions that the job has delivered: {missing}; point the job at the server that they came from or at a replica that has them, or reset the job"
                    ),
                ));
            }
            self.stop.check()?;
            std::thread::park_timeout(CATCH_UP_PAUSE);
        }
    }

    /// Says who reads, and how.
    fn introduce(&self, connection: &mut Connection) -> Result<()> {
        let period = match self.reach {
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
            uuid = self.identity.uuid,
        ))?;
        let server_id = self.identity.server_id;
        let register = RegisterReplica { server_id, host: "tailrace", port: 0 };
        connection.command("COM_REGISTER_SLAVE", &register.to_bytes().map_err(too_large)?)
    }
}

/// What is known of the server before it is asked for its log.
struct Server {
    checksum: Checksum,
    /// Only where a set is asked for.
    uuid: Option<String>,
    /// It has executed all of the set.
    has_set: bool,
}

impl Server {
    fn ask(connection: &mut Connection, set: Option<&GtidSet>) -> Result<Self> {
        let mut query = "SELECT @@GLOBAL.binlog_checksum".to_owned();
        if let Some(set) = set {
            query.push_str(&format!(
                ", @@GLOBAL.server_uuid, GTID_SUBSET('{set}', @@GLOBAL.gtid_executed)"
            ));
        }
        let row = connection.one_row(&query)?;
        let checksum = match row.text(0)? {
            "CRC32" => Checksum::Crc32,
            _ => Checksum::None,
        };
        let uuid = set.map(|_| row.text(1).map(str::to_owned)).transpose()?;
        let has_set = set.is_some() && row.number(2)? == 1;
        Ok(Self { checksum, uuid, has_set })
    }

    /// Whether file and offset of a position are of this server's log. One that lacks transactions of the set has lost
    /// a part of its log, and says so when it is asked by the set alone.
    fn has_place_of(&self, position: &StreamPosition) -> bool {
        self.has_set && self.uuid.is_some() && self.uuid == position.server_uuid
    }
}

fn too_large(e: tailrace_codec::DecodeError) -> Error {
    Error::new(ErrorKind::PositionLost, e.to_string())
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
