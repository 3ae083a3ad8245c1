//! A connection to Oracle by its own driver, set so that values have one form.

use oracledb::{Config, Connection, Row, ToDbValue};
use secrecy::ExposeSecret as _;
use tailrace_codec::gaussdb::{DATE_FORMAT, TIMESTAMP_FORMAT, TIMESTAMP_TZ_FORMAT};

use crate::error::{Error, ErrorKind, Result};
use crate::job::{OracleDatabase, OracleEndpoint};

/// A session that is logged in. Its calls block.
pub(crate) struct Session {
    connection: Connection,
}

impl Session {
    /// Logs in and sets the formats of dates.
    ///
    /// # Errors
    /// `SourceConnection`, `SourceAuthentication`, `Configuration`.
    pub(crate) fn connect(endpoint: &OracleEndpoint) -> Result<Self> {
        let address = address(endpoint);
        let config = Config::default()
            .set_credentials(&endpoint.user, endpoint.password.expose_secret())
            .set_connect_string(&address)
            .map_err(|e| {
                Error::new(ErrorKind::Configuration, format!("the source's address {address}: {e}"))
            })?;
        let connection = oracledb::connect(config).map_err(|e| {
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
        let session = Self { connection };
        session.run(
            &format!(
                "ALTER SESSION SET NLS_DATE_FORMAT = '{DATE_FORMAT}' NLS_TIMESTAMP_FORMAT = '{TIMESTAMP_FORMAT}' \
                 NLS_TIMESTAMP_TZ_FORMAT = '{TIMESTAMP_TZ_FORMAT}' NLS_NUMERIC_CHARACTERS = '.,' NLS_SORT = 'BINARY' NLS_COMP = 'BINARY' TIME_ZONE = '+00:00'"
            ),
            &[],
        )?;
        Ok(session)
    }

    /// Runs a statement or a block.
    ///
    /// # Errors
    /// What Oracle refuses.
    pub(crate) fn run(&self, sql: &str, binds: &[&dyn ToDbValue]) -> Result<()> {
        self.connection.execute(sql, binds).map(drop).map_err(|e| refused(&e))
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
        let cursor = self.connection.query(sql, binds).map_err(|e| refused(&e))?;
        for row in cursor {
            each(&row.map_err(|e| refused(&e))?)?;
        }
        Ok(())
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

/// A connect string.
fn address(endpoint: &OracleEndpoint) -> String {
    let (host, port) = (&endpoint.host, endpoint.port);
    match &endpoint.database {
        OracleDatabase::Service(name) => format!("{host}:{port}/{name}"),
        OracleDatabase::Sid(sid) => format!(
            "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST={host})(PORT={port}))(CONNECT_DATA=(SID={sid})))"
        ),
    }
}

/// A text of a row; `None` for NULL.
pub(crate) fn text(row: &Row, column: usize) -> Result<Option<String>> {
    row.get(column).map_err(|e| unexpected(column, &e))
}

/// A whole number of a row, which may be larger than 63 bits; `None` for NULL.
pub(crate) fn number(row: &Row, column: usize) -> Result<Option<u64>> {
    let text: Option<String> = row.get(column).map_err(|e| unexpected(column, &e))?;
    text.map(|text| text.parse().map_err(|_| unexpected(column, &format!("{text:?} is no number"))))
        .transpose()
}

/// An answer that is not what was asked for.
pub(crate) fn unexpected(column: usize, why: &dyn std::fmt::Display) -> Error {
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
        | oracledb::ErrorKind::StreamOperation
        | oracledb::ErrorKind::UnableToRecover => {
            return Error::new(
                ErrorKind::SourceConnection,
                format!("the connection broke: {text}"),
            );
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
