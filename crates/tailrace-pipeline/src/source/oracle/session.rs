//! A connection to Oracle by its own driver, set so that values have one form.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::time::Duration;

use oracledb::{Config, Connection, Lob, OracleNumber, Row, ToDbValue};
use secrecy::ExposeSecret as _;
use tailrace_codec::gaussdb::{DATE_FORMAT, TIMESTAMP_FORMAT, TIMESTAMP_TZ_FORMAT};

use super::{login, tunnel};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Limits, OracleDatabase, OracleEndpoint};

/// Rows that are fetched at a time at most unless it is told otherwise.
const FETCH_ROWS: u32 = 100;
/// Bytes of rows that are fetched at a time: servers before 26ai do not tell the end of an answer, so the driver reads one anew
/// with each packet that comes of it. Of 1000 rows in 38 packets of 8 KiB it was busy five times as long as of 30 in two.
const FETCH_BYTES: u64 = 16 << 10;
/// Fewest rows that are fetched at a time, however large they are.
const FETCH_ROWS_MIN: u64 = 4;
/// Bytes of a row before any is known.
const ROW_BYTES: u64 = 256;
/// Rows of which a row's bytes are known.
const ROWS_KNOWN: u64 = 32;
/// Bytes of a packet that are asked for; most servers allow 8192 unless they are told otherwise.
const SDU: u32 = 65_535;
/// Name of the container that all others are in.
pub(crate) const ROOT: &str = "CDB$ROOT";

/// Bounds of a session's calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallLimits {
    /// Most rows that are fetched at a time.
    fetch_rows: u32,
    /// Longest silence of the source before the connection counts as lost.
    silence_max: Duration,
}

impl CallLimits {
    /// Of sessions that read tables.
    pub(crate) fn of_tables(limits: &Limits) -> Self {
        Self { fetch_rows: limits.copy_fetch_rows, silence_max: limits.statement_silence_max }
    }

    /// Of sessions that read the log.
    pub(crate) fn of_log(limits: &Limits) -> Self {
        Self { fetch_rows: limits.log_fetch_rows, silence_max: limits.statement_silence_max }
    }
}

/// A session that is logged in. Its calls block.
pub(crate) struct Session {
    /// There until it is closed.
    connection: Option<Connection>,
    /// Most rows that are fetched at a time.
    fetch_rows: u32,
    /// Bytes of a row of what was last read.
    row_bytes: Cell<u64>,
    /// Container whose tables are replicated; `None` if the database has none.
    container: Option<String>,
}

impl Session {
    /// Logs in, goes to the pluggable database, and sets the formats of dates.
    ///
    /// # Errors
    /// `SourceConnection`, `SourceAuthentication`, `Configuration`.
    pub(crate) fn connect(endpoint: &OracleEndpoint) -> Result<Self> {
        let mut session = Self::open(endpoint)?;
        if let Some(name) = &endpoint.pluggable {
            session.enter(name)?;
        }
        session.container = session.container()?;
        session.set_formats()?;
        Ok(session)
    }

    /// Sets the forms of values, in what is selected and in LogMiner's statements.
    fn set_formats(&self) -> Result<()> {
        self.run(
            &format!(
                "ALTER SESSION SET NLS_DATE_FORMAT = '{DATE_FORMAT}' NLS_TIMESTAMP_FORMAT = '{TIMESTAMP_FORMAT}' \
                 NLS_TIMESTAMP_TZ_FORMAT = '{TIMESTAMP_TZ_FORMAT}' NLS_NUMERIC_CHARACTERS = '.,' NLS_SORT = 'BINARY' NLS_COMP = 'BINARY' TIME_ZONE = '+00:00'"
            ),
            &[],
        )
    }

    /// As [`connect`](Self::connect), but in the root, where the log of all containers is.
    ///
    /// # Errors
    /// As that; `SourcePrivilege` if the account may not go there.
    pub(crate) fn connect_for_mining(endpoint: &OracleEndpoint) -> Result<Self> {
        let session = Self::connect(endpoint)?;
        if session.container.as_deref().is_some_and(|name| name != ROOT) {
            session.enter(ROOT).map_err(|e| {
                let text = format!(
                    "LogMiner reads the log in the root of a container database, where the account may not go: {}; take a common \
                     user (C##…) that has SET CONTAINER",
                    e.message()
                );
                Error::new(ErrorKind::SourcePrivilege, text)
            })?;
            // The forms may have been those of the other container.
            session.set_formats()?;
        }
        Ok(session)
    }

    /// The container whose tables are replicated; `None` if the database has no containers.
    pub(crate) fn replicated_container(&self) -> Option<&str> {
        self.container.as_deref()
    }

    /// The same session, whose calls keep to these bounds.
    ///
    /// # Errors
    /// `SourceConnection` if the connection is gone.
    pub(crate) fn within(mut self, limits: CallLimits) -> Result<Self> {
        self.fetch_rows = limits.fetch_rows;
        let silence_max = Some(limits.silence_max);
        self.connection()?.set_call_timeout(silence_max).map_err(|e| refused(&e))?;
        Ok(self)
    }

    fn connection(&self) -> Result<&Connection> {
        let closed = || Error::new(ErrorKind::Bug, "a session that is closed");
        self.connection.as_ref().ok_or_else(closed)
    }

    fn enter(&self, container: &str) -> Result<()> {
        self.run(&format!("ALTER SESSION SET CONTAINER = {container}"), &[])
    }

    /// The container in which the session is.
    fn container(&self) -> Result<Option<String>> {
        let mut found = None;
        let sql =
            "SELECT SYS_CONTEXT('USERENV', 'CON_ID'), SYS_CONTEXT('USERENV', 'CON_NAME') FROM dual";
        self.each(sql, &[], |row| {
            // Number 0 is a database without containers, whose name is told instead.
            let is_container = text(row, 0)?.is_some_and(|number| number != "0");
            found = text(row, 1)?.filter(|_| is_container);
            Ok(())
        })?;
        Ok(found)
    }

    fn open(endpoint: &OracleEndpoint) -> Result<Self> {
        let Some(tls) = &endpoint.tls else { return Self::log_in(endpoint, &endpoint.listeners) };
        let mut last = None;
        for (host, port) in &endpoint.listeners {
            let opened = tunnel::open(host, *port, tls)
                .and_then(|port| Self::log_in(endpoint, &[("127.0.0.1".to_owned(), port)]));
            match opened {
                // The next one may answer; a login that is refused is so there too.
                Err(e) if e.kind() == ErrorKind::SourceConnection => last = Some(e),
                other => return other,
            }
        }
        Err(last.unwrap_or_else(|| Error::new(ErrorKind::Configuration, "no listener is given")))
    }

    /// Logs in by the first of these listeners that answers.
    fn log_in(endpoint: &OracleEndpoint, listeners: &[(String, u16)]) -> Result<Self> {
        let descriptor = descriptor(endpoint, listeners);
        let named = |(host, port): &(String, u16)| format!("{host}:{port}");
        let address = endpoint.listeners.iter().map(named).collect::<Vec<_>>().join(", ");
        let config = Config::default()
            .set_credentials(&endpoint.user, endpoint.password.expose_secret())
            .set_connect_string(&descriptor)
            .map_err(|e| {
                Error::new(ErrorKind::Configuration, format!("the source's address {address}: {e}"))
            })?;
        let connection = login::connect(config)?.map_err(|e| {
            let error = refused(&e);
            match error.kind() {
                // Whatever is wrong before the login is the connection's.
                ErrorKind::SourceStatement => Error::new(
                    ErrorKind::SourceConnection,
                    format!("the source {address} cannot be reached: {e}"),
                ),
                _ => error,
            }
        })?;
        let row_bytes = Cell::new(ROW_BYTES);
        let connection = Some(connection);
        Ok(Self { connection, fetch_rows: FETCH_ROWS, row_bytes, container: None })
    }

    /// Runs a statement or a block.
    ///
    /// # Errors
    /// What Oracle refuses.
    pub(crate) fn run(&self, sql: &str, binds: &[&dyn ToDbValue]) -> Result<()> {
        self.connection()?.execute(sql, binds).map(drop).map_err(|e| refused(&e))
    }

    /// Runs a query and hands out its rows.
    ///
    /// # Errors
    /// What Oracle refuses, and those of `each`.
    pub(crate) fn each(
        &self,
        sql: &str,
        binds: &[&dyn ToDbValue],
        mut each: impl FnMut(&Row) -> Result<()>,
    ) -> Result<()> {
        let statement = self.connection()?.statement(sql).map_err(|e| refused(&e))?;
        let rows = fetched(self.row_bytes.get(), self.fetch_rows);
        let statement = statement.fetch_array_size(rows).build();
        let statement = statement.map_err(|e| refused(&e))?;
        let cursor = statement.query(binds).map_err(|e| refused(&e))?;
        for row in cursor {
            each(&row.map_err(|e| refused(&e))?)?;
        }
        Ok(())
    }

    /// Runs a query that gives one large object and hands it out; `None` for NULL, or no row.
    ///
    /// # Errors
    /// What Oracle refuses.
    pub(crate) fn large_object(&self, sql: &str, binds: &[&dyn ToDbValue]) -> Result<Option<Lob>> {
        let statement = self.connection()?.statement(sql).map_err(|e| refused(&e))?;
        let statement = statement.fetch_lobs().build().map_err(|e| refused(&e))?;
        let cursor = statement.query(binds).map_err(|e| refused(&e))?;
        let mut found = None;
        for row in cursor {
            let mut row = row.map_err(|e| refused(&e))?;
            found = Some(row.take(0).map_err(|e| unexpected(0, &e))?);
        }
        Ok(found)
    }

    /// So many rows had so many bytes: the next ones are likely to be as large.
    pub(crate) fn learn(&self, bytes: u64, rows: u64) {
        if rows >= ROWS_KNOWN {
            self.row_bytes.set(bytes / rows);
        }
    }

    /// A query's one number.
    ///
    /// # Errors
    /// What Oracle refuses; `SourceStatement` if it is no number or no row.
    pub(crate) fn number(&self, sql: &str, binds: &[&dyn ToDbValue]) -> Result<Option<u64>> {
        let mut found = None;
        self.each(sql, binds, |row| {
            found = number(row, 0)?;
            Ok(())
        })?;
        Ok(found)
    }
}

/// How many rows of so many bytes are fetched at a time.
fn fetched(row_bytes: u64, most: u32) -> u32 {
    let rows = (FETCH_BYTES / row_bytes.max(1)).max(FETCH_ROWS_MIN);
    u32::try_from(rows).unwrap_or(most).min(most)
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            login::close(connection);
        }
    }
}

/// A connect descriptor (Oracle Net Services Reference, "Local Naming Parameters"): its listeners are tried in turn.
fn descriptor(endpoint: &OracleEndpoint, listeners: &[(String, u16)]) -> String {
    let listener = |(host, port): &(String, u16)| {
        format!("(ADDRESS=(PROTOCOL=TCP)(HOST={host})(PORT={port}))")
    };
    let listeners: String = listeners.iter().map(listener).collect();
    let database = match &endpoint.database {
        OracleDatabase::Service(name) => format!("SERVICE_NAME={name}"),
        OracleDatabase::Sid(sid) => format!("SID={sid}"),
    };
    format!(
        "(DESCRIPTION=(SDU={SDU})(ADDRESS_LIST=(FAILOVER=ON){listeners})(CONNECT_DATA=({database})))"
    )
}

/// A text of a row; `None` for NULL.
pub(crate) fn text(row: &Row, column: usize) -> Result<Option<String>> {
    row.get(column).map_err(|e| unexpected(column, &e))
}

/// A whole number of a row, which may be larger than 63 bits; `None` for NULL.
pub(crate) fn number(row: &Row, column: usize) -> Result<Option<u64>> {
    // LogMiner's rows have nine of them: no text is made of these on the heap.
    if let Ok(found) = row.get::<Option<OracleNumber>>(column) {
        let Some(found) = found else { return Ok(None) };
        let mut whole = Whole(Some(0));
        write!(whole, "{found}").ok();
        let whole =
            whole.0.ok_or_else(|| unexpected(column, &format!("{found} is no whole number")));
        return whole.map(Some);
    }
    let text: Option<String> = row.get(column).map_err(|e| unexpected(column, &e))?;
    text.map(|text| text.parse().map_err(|_| unexpected(column, &format!("{text:?} is no number"))))
        .transpose()
}

/// Digits that are written become a number; `None` if there was something else, or too many of them.
struct Whole(Option<u64>);

impl fmt::Write for Whole {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let digit = Some(byte.wrapping_sub(b'0')).filter(|digit| *digit < 10);
            self.0 = self
                .0
                .zip(digit)
                .and_then(|(whole, digit)| whole.checked_mul(10)?.checked_add(u64::from(digit)));
        }
        Ok(())
    }
}

/// An answer that is not what was asked for.
pub(crate) fn unexpected(column: usize, why: &dyn fmt::Display) -> Error {
    let text = format!("column {} of the source's answer: {why}", column + 1);
    Error::new(ErrorKind::SourceStatement, text)
}

/// Why rows cannot be read any more as they were at an SCN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LostSnapshot {
    /// What it took to undo later changes is gone (ORA-01555, ORA-08180).
    TooOld,
    /// The table was defined in another way since (ORA-01466).
    Redefined,
}

/// Whether an error says that rows cannot be read any more as they were.
pub(crate) fn lost_snapshot(error: &Error) -> Option<LostSnapshot> {
    let says = |code: &str| error.message().contains(code);
    if says("ORA-01555") || says("ORA-08180") {
        Some(LostSnapshot::TooOld)
    } else if says("ORA-01466") {
        Some(LostSnapshot::Redefined)
    } else {
        None
    }
}

/// What a refusal means.
pub(crate) fn refused(error: &oracledb::Error) -> Error {
    let text = error.to_string();
    let code = match error.kind() {
        oracledb::ErrorKind::DbError(error) => Some(error.code()),
        oracledb::ErrorKind::NotConnected
        | oracledb::ErrorKind::DeadConnection
        | oracledb::ErrorKind::StreamOperation => {
            return Error::new(
                ErrorKind::SourceConnection,
                format!("the connection broke: {text}"),
            );
        }
        // Silent for too long; it answered an interruption, or not even that.
        oracledb::ErrorKind::CallTimeoutExceeded | oracledb::ErrorKind::UnableToRecover => {
            let text = format!("the source says nothing (datamove_source_socket_timeout): {text}");
            return Error::new(ErrorKind::SourceConnection, text);
        }
        _ => None,
    };
    let kind = match code {
        // Wrong password, locked, expired; not allowed to log in.
        Some(1017 | 1045 | 28000 | 28001) => ErrorKind::SourceAuthentication,
        Some(1031 | 942 | 1720) => ErrorKind::SourcePrivilege,
        // Shut down, starting, no more sessions, ended or idle for too long, end of the channel.
        Some(
            18 | 20 | 28 | 2396 | 2399 | 1012 | 1033 | 1034 | 1089 | 1090 | 1092 | 3113 | 3114
            | 3135,
        ) => ErrorKind::SourceConnection,
        // Log files that are not there any more.
        Some(308 | 1284 | 1291) => ErrorKind::PositionLost,
        _ => ErrorKind::SourceStatement,
    };
    Error::new(kind, format!("the source refused: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_become_numbers_and_nothing_else_does() {
        let whole = |text: &str| {
            let mut whole = Whole(Some(0));
            for part in text.chars() {
                whole.write_char(part).expect("a number");
            }
            whole.0
        };
        assert_eq!(whole("18446744073709551615"), Some(u64::MAX));
        assert_eq!([whole("0"), whole("120")], [Some(0), Some(120)]);
        for other in ["18446744073709551616", "-1", "1.5", "1e3"] {
            assert_eq!(whole(other), None, "{other}");
        }
    }

    #[test]
    fn rows_are_fetched_by_their_bytes() {
        assert_eq!(fetched(320, 1000), 51);
        assert_eq!([fetched(1, 1000), fetched(0, 1000), fetched(100_000, 1000)], [1000, 1000, 4]);
        assert_eq!(fetched(100_000, 1), 1);
    }
}
