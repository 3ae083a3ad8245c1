//! A blocking connection to a coordinator of GaussDB: statements, rows, and rows that are copied in.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend;

use super::login;
use super::refused::{Failure, Refused};
use crate::error::{Error, ErrorKind, Result};
use crate::job::GaussEndpoint;
use crate::run::StopSignal;
use crate::socket::{Peer, Socket};

/// Bytes that the socket is asked for at once.
const READ_BYTES: usize = 256 * 1024;
/// Bytes of copied rows that go into one message.
const COPY_MESSAGE_BYTES: usize = 256 * 1024;
/// Longest time that the server may work at one statement, seconds; it ends the statement itself then.
const STATEMENT_SECONDS_MAX: u64 = 3600;
/// Longest silence of the server before the connection counts as lost.
const SILENCE_MAX: Duration = Duration::from_secs(STATEMENT_SECONDS_MAX + 60);
/// Longest message of the server.
const MESSAGE_BYTES_MAX: usize = 1 << 30;

/// What every session has set: text is UTF-8, times are UTC in one form, quotes mean quotes.
const SESSION: [&str; 6] = [
    "SET client_encoding = 'UTF8'",
    "SET standard_conforming_strings = on",
    "SET DateStyle = 'ISO, YMD'",
    "SET IntervalStyle = 'postgres'",
    "SET TimeZone = 'UTC'",
    "SET bytea_output = 'hex'",
];

/// One row of a small result; `None` is NULL.
pub(crate) type Row = Vec<Option<String>>;

/// A connection that is logged in.
pub(crate) struct Connection {
    socket: Socket,
    received: BytesMut,
    sending: BytesMut,
    slab: Vec<u8>,
    stop: StopSignal,
    version: String,
}

impl Connection {
    /// Connects to the first coordinator that answers, logs in and sets the session.
    ///
    /// # Errors
    /// `TargetConnection` if none answers, `TargetAuthentication` if the login is refused, `Configuration` for certificates
    /// that cannot be read or a database that does not exist.
    pub(crate) fn connect(endpoint: &GaussEndpoint, stop: StopSignal) -> Result<Self> {
        let mut last = Error::new(ErrorKind::Configuration, "no coordinator is named");
        for (host, port) in &endpoint.nodes {
            match Self::connect_to(endpoint, host, *port, stop.clone()) {
                Ok(connection) => return Ok(connection),
                // Another one would say the same of a wrong password.
                Err(e) if e.kind() != ErrorKind::TargetConnection => return Err(e),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    fn connect_to(
        endpoint: &GaussEndpoint,
        host: &str,
        port: u16,
        stop: StopSignal,
    ) -> Result<Self> {
        let socket = Socket::dial(Peer::Target, host, port)?;
        let mut connection = Self {
            socket,
            received: BytesMut::new(),
            sending: BytesMut::new(),
            slab: vec![0; READ_BYTES],
            stop,
            version: String::new(),
        };
        login::log_in(&mut connection, endpoint, host)?;
        for statement in SESSION {
            connection.run(statement)?;
        }
        connection.run(&format!("SET statement_timeout = {}", STATEMENT_SECONDS_MAX * 1000))?;
        connection.version = connection.text("SELECT version()")?;
        Ok(connection)
    }

    /// What the server says of its version.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The socket, for the login.
    pub(super) fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Runs a statement; the number of rows that it touched, 0 if it says none.
    ///
    /// # Errors
    /// What the server refuses, or that the connection broke.
    pub(crate) fn run(&mut self, sql: &str) -> Result<u64, Failure> {
        self.query(sql, &mut |_| Ok(()))
    }

    /// Runs statements in one message within the open transaction; how many rows each touched.
    ///
    /// # Errors
    /// As [`run`](Self::run), of the first that is refused; those behind it are not run.
    pub(crate) fn run_all(&mut self, statements: &[String]) -> Result<Vec<u64>, Failure> {
        let mut touched = Vec::with_capacity(statements.len());
        self.exchange(&statements.join(";\n"), &mut |_| Ok(()), &mut |rows| touched.push(rows))?;
        Ok(touched)
    }

    /// Runs a query with a small result.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Failure> {
        let mut rows = Vec::new();
        self.query(sql, &mut |row| {
            rows.push(owned(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Runs a query and hands out its rows one at a time.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub(crate) fn each_row(
        &mut self,
        sql: &str,
        each: &mut dyn FnMut(Row) -> Result<()>,
    ) -> Result<(), Failure> {
        self.query(sql, &mut |row| each(owned(row)?)).map(drop)
    }

    /// The first value of a query; the empty text for NULL or no row.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn text(&mut self, sql: &str) -> Result<String, Failure> {
        let rows = self.rows(sql)?;
        Ok(rows.into_iter().flatten().next().flatten().unwrap_or_default())
    }

    /// Runs a query and hands out its rows one at a time.
    ///
    /// # Errors
    /// As [`run`](Self::run), and those of `each`, after which the connection cannot be used.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        each: &mut dyn FnMut(&DataRowBody) -> Result<()>,
    ) -> Result<u64, Failure> {
        let mut touched = 0;
        self.exchange(sql, each, &mut |rows| touched = rows)?;
        Ok(touched)
    }

    /// Runs statements: hands out rows, and how many rows each statement touched.
    fn exchange(
        &mut self,
        sql: &str,
        each: &mut dyn FnMut(&DataRowBody) -> Result<()>,
        ended: &mut dyn FnMut(u64),
    ) -> Result<(), Failure> {
        frontend::query(sql, &mut self.sending).map_err(not_sent)?;
        self.flush()?;
        let mut refused = None;
        loop {
            match self.receive()? {
                Message::DataRow(row) => each(&row)?,
                Message::CommandComplete(tag) => {
                    ended(rows_of_tag(tag.tag().map_err(unreadable)?));
                }
                Message::ErrorResponse(body) => self.refused(&body, &mut refused)?,
                Message::ReadyForQuery(_) => {
                    return refused.map_or(Ok(()), |refused| Err(Failure::Refused(refused)));
                }
                Message::CopyInResponse(_) => {
                    return Err(bug("a statement copies in where none was to").into());
                }
                _ => {}
            }
        }
    }

    /// Begins `COPY … FROM STDIN`. Rows follow by [`copy`](Self::copy), and [`end_copy`](Self::end_copy).
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn begin_copy(&mut self, sql: &str) -> Result<(), Failure> {
        frontend::query(sql, &mut self.sending).map_err(not_sent)?;
        self.flush()?;
        let mut refused = None;
        loop {
            match self.receive()? {
                Message::CopyInResponse(_) => return Ok(()),
                Message::ErrorResponse(body) => self.refused(&body, &mut refused)?,
                Message::ReadyForQuery(_) => {
                    return Err(
                        refused.map_or_else(|| bug("a COPY took no rows").into(), Failure::Refused)
                    );
                }
                _ => {}
            }
        }
    }

    /// Sends rows of a `COPY` in its text format; whether they fit is said at its end.
    ///
    /// # Errors
    /// That the connection broke.
    pub(crate) fn copy(&mut self, rows: &[u8]) -> Result<()> {
        for piece in rows.chunks(COPY_MESSAGE_BYTES) {
            frontend::CopyData::new(piece).map_err(not_sent)?.write(&mut self.sending);
            self.flush()?;
        }
        Ok(())
    }

    /// Ends a `COPY`; the number of its rows.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn end_copy(&mut self) -> Result<u64, Failure> {
        frontend::copy_done(&mut self.sending);
        self.copy_ended()
    }

    /// Gives a copy up, which fails the open transaction.
    ///
    /// # Errors
    /// If the connection broke.
    pub(crate) fn cancel_copy(&mut self) -> Result<()> {
        frontend::copy_fail("given up", &mut self.sending).map_err(not_sent)?;
        match self.copy_ended() {
            Ok(_) | Err(Failure::Refused(_)) => Ok(()),
            Err(Failure::Broken(e)) => Err(e),
        }
    }

    fn copy_ended(&mut self) -> Result<u64, Failure> {
        self.flush()?;
        let mut copied = 0;
        let mut refused = None;
        loop {
            match self.receive()? {
                Message::CommandComplete(tag) => {
                    copied = rows_of_tag(tag.tag().map_err(unreadable)?);
                }
                Message::ErrorResponse(body) => self.refused(&body, &mut refused)?,
                Message::ReadyForQuery(_) => {
                    return refused.map_or(Ok(copied), |refused| Err(Failure::Refused(refused)));
                }
                _ => {}
            }
        }
    }

    fn refused(
        &self,
        body: &postgres_protocol::message::backend::ErrorResponseBody,
        first: &mut Option<Refused>,
    ) -> Result<()> {
        let refused = Refused::of(body.fields());
        if refused.is_fatal {
            return Err(Failure::Refused(refused).into());
        }
        first.get_or_insert(refused);
        Ok(())
    }

    /// Writes what was put together.
    pub(super) fn flush(&mut self) -> Result<()> {
        let sent = self.socket.write_all(&self.sending, || self.stop.check());
        self.sending.clear();
        sent
    }

    /// Where messages are put together.
    pub(super) fn sending(&mut self) -> &mut BytesMut {
        &mut self.sending
    }

    /// The next message.
    fn receive(&mut self) -> Result<Message> {
        loop {
            if let Some(message) = Message::parse(&mut self.received).map_err(unreadable)? {
                return Ok(message);
            }
            self.fill()?;
        }
    }

    /// The next message's tag and body, for what only GaussDB has.
    pub(super) fn receive_frame(&mut self) -> Result<(u8, BytesMut)> {
        while self.received.len() < 5 {
            self.fill()?;
        }
        let length = u32::from_be_bytes(self.received[1..5].try_into().unwrap_or_default());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(4..=MESSAGE_BYTES_MAX).contains(&length) {
            return Err(unreadable(format!("a message of {length} bytes")));
        }
        while self.received.len() < 1 + length {
            self.fill()?;
        }
        let mut message = self.received.split_to(1 + length);
        let tag = message[0];
        Ok((tag, message.split_off(5)))
    }

    /// Waits for more bytes.
    pub(super) fn fill(&mut self) -> Result<()> {
        let since = Instant::now();
        loop {
            let bytes = self.socket.read(&mut self.slab)?;
            if bytes > 0 {
                self.received.extend_from_slice(&self.slab[..bytes]);
                return Ok(());
            }
            self.stop.check()?;
            if since.elapsed() > SILENCE_MAX {
                let seconds = SILENCE_MAX.as_secs();
                return Err(Peer::Target.closed(format!("the target was silent for {seconds} s")));
            }
        }
    }

    /// Takes one byte that stands alone: the answer to a request for TLS.
    pub(super) fn receive_byte(&mut self) -> Result<u8> {
        while self.received.is_empty() {
            self.fill()?;
        }
        Ok(self.received.split_to(1)[0])
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // A courtesy; the server finds out without it.
        frontend::terminate(&mut self.sending);
        let given_up = || Err(Error::new(ErrorKind::Cancelled, "the connection is left"));
        let _ = self.socket.write_all(&self.sending, given_up);
    }
}

/// A row's values, owned.
fn owned(row: &DataRowBody) -> Result<Row> {
    let mut cells = Vec::new();
    let mut ranges = row.ranges();
    while let Some(range) = ranges.next().map_err(unreadable)? {
        cells.push(match range {
            None => None,
            Some(range) => {
                let text = std::str::from_utf8(&row.buffer()[range]);
                Some(text.map_err(unreadable)?.to_owned())
            }
        });
    }
    Ok(cells)
}

/// The number of rows at the end of `INSERT 0 5`, `UPDATE 5`, `COPY 5`.
fn rows_of_tag(tag: &str) -> u64 {
    tag.rsplit(' ').next().and_then(|last| last.parse().ok()).unwrap_or(0)
}

fn unreadable(e: impl std::fmt::Display) -> Error {
    Peer::Target.closed(format!("the target's answer cannot be read: {e}"))
}

fn not_sent(e: impl std::fmt::Display) -> Error {
    bug(&format!("a message cannot be written: {e}"))
}

fn bug(text: &str) -> Error {
    Error::new(ErrorKind::Bug, text)
}
