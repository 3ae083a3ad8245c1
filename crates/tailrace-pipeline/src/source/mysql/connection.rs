//! A blocking connection to a MySQL-protocol server: login, statements, and rows one at a time.

use std::time::Duration;

use secrecy::ExposeSecret;
use tailrace_codec::mysql::auth::{self, AuthPlugin};
use tailrace_codec::mysql::command;
use tailrace_codec::mysql::handshake::{Handshake, HandshakeResponse, capability};
use tailrace_codec::mysql::packet::{self, ServerError};
use tailrace_codec::mysql::text_row::TextRow;

use crate::error::{Error, ErrorKind, Result};
use crate::job::{Limits, MysqlEndpoint};
use crate::run::StopSignal;
use crate::source::mysql::tls;
use crate::source::mysql::transport::Transport;

/// Longest silence while a statement runs: a boundary query over a cold table may take minutes.
const STATEMENT_SILENCE_MAX: Duration = Duration::from_secs(900);
/// Rounds of the login conversation before it counts as endless.
const AUTH_ROUNDS_MAX: usize = 8;

/// One row of a small result, owned.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    cells: Vec<Option<Vec<u8>>>,
}

impl Row {
    /// A cell's bytes; `None` for NULL or no such column.
    pub(crate) fn get(&self, column: usize) -> Option<&[u8]> {
        self.cells.get(column).and_then(|c| c.as_deref())
    }

    /// All cells in order.
    pub(crate) fn cells(&self) -> Vec<Option<&[u8]>> {
        self.cells.iter().map(Option::as_deref).collect()
    }

    /// A cell as text.
    ///
    /// # Errors
    /// `SourceStatement` if it is NULL or not UTF-8.
    pub(crate) fn text(&self, column: usize) -> Result<&str> {
        let bytes = self.get(column).ok_or_else(|| unexpected(column, "NULL"))?;
        std::str::from_utf8(bytes).map_err(|_| unexpected(column, "not UTF-8"))
    }

    /// A cell as text, with NULL as the empty text.
    ///
    /// # Errors
    /// `SourceStatement` if it is not UTF-8.
    pub(crate) fn text_or_empty(&self, column: usize) -> Result<&str> {
        if self.get(column).is_none() { Ok("") } else { self.text(column) }
    }

    /// A cell as an unsigned number.
    ///
    /// # Errors
    /// `SourceStatement` if it is no number.
    pub(crate) fn number(&self, column: usize) -> Result<u64> {
        self.text(column)?.parse().map_err(|_| unexpected(column, "not a number"))
    }
}

fn unexpected(column: usize, what: &str) -> Error {
    Error::new(
        ErrorKind::SourceStatement,
        format!("column {} of the server's answer is {what}", column + 1),
    )
}

fn broken(e: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::SourceConnection, format!("the server's answer cannot be read: {e}"))
}

/// A logged-in connection.
pub(crate) struct Connection {
    transport: Transport,
    capabilities: u32,
    /// Columns of the result that is being read; `None` if none is.
    columns_open: Option<usize>,
    server_version: String,
}

impl Connection {
    /// Connects and logs in.
    ///
    /// # Errors
    /// `SourceConnection`, `SourceAuthentication`, or `Configuration` for certificates.
    pub(crate) fn connect(
        endpoint: &MysqlEndpoint,
        limits: &Limits,
        stop: StopSignal,
    ) -> Result<Self> {
        let mut transport = Transport::connect(endpoint, limits.event_bytes_max, stop)?;
        let greeting = transport.receive()?.to_vec();
        if let Some(error) = packet::parse_error(&greeting) {
            return Err(login_error(endpoint, &error.map_err(broken)?));
        }
        let handshake = Handshake::parse(&greeting).map_err(broken)?;
        let mut capabilities = capability::CLIENT & handshake.capabilities;
        if let Some(settings) = &endpoint.tls {
            if handshake.capabilities & capability::SSL == 0 {
                return Err(Error::new(
                    ErrorKind::SourceSetting,
                    "ssl_link is true, but the source offers no TLS",
                ));
            }
            capabilities |= capability::SSL;
            transport.send(&HandshakeResponse::ssl_request(capabilities))?;
            transport.start_tls(tls::client_config(settings)?, &endpoint.host)?;
        }
        let mut connection = Self {
            transport,
            capabilities,
            columns_open: None,
            server_version: handshake.server_version.clone(),
        };
        connection.log_in(endpoint, &handshake)?;
        connection.transport.set_silence_max(STATEMENT_SILENCE_MAX);
        Ok(connection)
    }

    /// The server's own version text.
    pub(crate) fn server_version(&self) -> &str {
        &self.server_version
    }

    fn log_in(&mut self, endpoint: &MysqlEndpoint, handshake: &Handshake) -> Result<()> {
        let password = endpoint.password.expose_secret().as_bytes();
        let mut nonce = handshake.nonce.clone();
        // An unknown default plugin is answered with ours; the server then asks to switch.
        let mut plugin =
            AuthPlugin::from_name(&handshake.auth_plugin).unwrap_or(AuthPlugin::CachingSha2);
        let response = HandshakeResponse {
            capabilities: self.capabilities,
            user: endpoint.user.clone(),
            auth_response: plugin.scramble(password, &nonce),
            auth_plugin: plugin.name().to_owned(),
            attributes: vec![("program_name".to_owned(), "tailrace".to_owned())],
        };
        self.transport.send(&response.encode())?;
        for _ in 0..AUTH_ROUNDS_MAX {
            let answer = self.transport.receive()?.to_vec();
            match auth::AuthReply::parse(&answer).map_err(broken)? {
                auth::AuthReply::Ok => return Ok(()),
                auth::AuthReply::Error(error) => return Err(login_error(endpoint, &error)),
                auth::AuthReply::Switch { plugin: name, nonce: new_nonce } => {
                    plugin = AuthPlugin::from_name(&name).ok_or_else(|| {
                        Error::new(
                            ErrorKind::SourceAuthentication,
                            format!("the account uses {name}; caching_sha2_password and mysql_native_password are supported"),
                        )
                    })?;
                    nonce = new_nonce;
                    let scrambled = plugin.scramble(password, &nonce);
                    self.transport.send(&scrambled)?;
                }
                auth::AuthReply::FastOk => {}
                auth::AuthReply::FullAuthentication => {
                    let secret = if self.transport.is_tls() {
                        auth::clear_password(password)
                    } else {
                        self.transport.send(&[auth::REQUEST_PUBLIC_KEY])?;
                        let reply = self.transport.receive()?.to_vec();
                        let pem = auth::parse_public_key(&reply).map_err(broken)?;
                        seal_password(password, &nonce, pem)?
                    };
                    self.transport.send(&secret)?;
                }
            }
        }
        Err(Error::new(ErrorKind::SourceAuthentication, "the login conversation did not end"))
    }

    fn begin(&mut self, command: &[u8]) -> Result<()> {
        if self.columns_open.is_some() {
            return Err(Error::new(ErrorKind::Bug, "a result is still being read"));
        }
        self.transport.reset_sequence();
        self.transport.send(command)
    }

    /// Starts a statement; its rows, if any, are then read with [`Connection::next_row`].
    ///
    /// # Errors
    /// `SourceStatement` with the server's error, or a broken connection.
    pub(crate) fn start(&mut self, sql: &str) -> Result<()> {
        self.begin(&command::query(sql))?;
        let deprecate_eof = self.deprecate_eof();
        let answer = self.transport.receive()?;
        if let Some(error) = packet::parse_error(answer) {
            return Err(statement_error(sql, &error.map_err(broken)?));
        }
        if packet::is_ok(answer) {
            return Ok(());
        }
        let columns = packet::parse_column_count(answer).map_err(broken)?;
        for _ in 0..columns {
            self.transport.receive()?;
        }
        if !deprecate_eof {
            self.transport.receive()?;
        }
        self.columns_open = Some(columns);
        Ok(())
    }

    fn deprecate_eof(&self) -> bool {
        self.capabilities & capability::DEPRECATE_EOF != 0
    }

    /// The next row of the statement, borrowed until the next call; `None` behind the last.
    ///
    /// # Errors
    /// `SourceStatement` with the server's error, or a broken connection.
    pub(crate) fn next_row(&mut self) -> Result<Option<TextRow<'_>>> {
        let Some(columns) = self.columns_open else { return Ok(None) };
        let payload = self.transport.receive()?;
        if packet::is_end_of_rows(payload) {
            self.columns_open = None;
            return Ok(None);
        }
        if let Some(error) = packet::parse_error(payload) {
            self.columns_open = None;
            return Err(statement_error("the statement", &error.map_err(broken)?));
        }
        Ok(Some(TextRow::new(payload, columns)))
    }

    /// Whether a row can be had without waiting.
    pub(crate) fn has_buffered_row(&self) -> bool {
        self.columns_open.is_some() && self.transport.has_buffered_packet()
    }

    /// Runs a statement and drops its rows.
    ///
    /// # Errors
    /// As [`Connection::start`].
    pub(crate) fn execute(&mut self, sql: &str) -> Result<()> {
        self.start(sql)?;
        while self.next_row()?.is_some() {}
        Ok(())
    }

    /// Runs a statement whose result is small and keeps its rows.
    ///
    /// # Errors
    /// As [`Connection::start`].
    pub(crate) fn rows(&mut self, sql: &str) -> Result<Vec<Row>> {
        self.start(sql)?;
        let mut rows = Vec::new();
        while let Some(row) = self.next_row()? {
            let mut cells = Vec::new();
            for cell in row.cells() {
                cells.push(cell.map_err(broken)?.map(<[u8]>::to_vec));
            }
            rows.push(Row { cells });
        }
        Ok(rows)
    }

    /// Runs a statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`Connection::start`]; `SourceStatement` if there is no row.
    pub(crate) fn one_row(&mut self, sql: &str) -> Result<Row> {
        self.rows(sql)?.into_iter().next().ok_or_else(|| {
            Error::new(ErrorKind::SourceStatement, format!("no row came back for: {sql}"))
        })
    }

    /// Sends a command that turns the connection into a log stream and hands the transport over.
    ///
    /// # Errors
    /// A broken connection.
    pub(crate) fn into_stream(mut self, command: &[u8]) -> Result<Transport> {
        self.begin(command)?;
        Ok(self.transport)
    }

    /// Sends a command that is answered with OK.
    ///
    /// # Errors
    /// `SourceStatement` with the server's error, or a broken connection.
    pub(crate) fn command(&mut self, name: &str, payload: &[u8]) -> Result<()> {
        self.begin(payload)?;
        let answer = self.transport.receive()?;
        match packet::parse_error(answer) {
            Some(error) => Err(statement_error(name, &error.map_err(broken)?)),
            None => Ok(()),
        }
    }
}

/// Encrypts the password for a server without TLS, as `caching_sha2_password` asks for: the password
/// and its zero byte, mixed with the nonce, under RSA-OAEP with SHA-1.
fn seal_password(password: &[u8], nonce: &[u8], pem: &str) -> Result<Vec<u8>> {
    use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
    use rustls::pki_types::SubjectPublicKeyInfoDer;
    use rustls::pki_types::pem::PemObject;

    let refused = |text: String| Error::new(ErrorKind::SourceAuthentication, text);
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
        .map_err(|e| refused(format!("the source's public key is not PEM: {e}")))?;
    let key = PublicEncryptingKey::from_der(der.as_ref())
        .and_then(OaepPublicEncryptingKey::new)
        .map_err(|_| refused("the source's public key cannot be used".into()))?;
    let mixed = zeroize::Zeroizing::new(auth::mix_password(password, nonce));
    let mut sealed = vec![0; key.ciphertext_size()];
    let length = key
        .encrypt(&OAEP_SHA1_MGF1SHA1, &mixed, &mut sealed, None)
        .map_err(|_| refused("the password is too long for the source's public key".into()))?
        .len();
    sealed.truncate(length);
    Ok(sealed)
}

fn login_error(endpoint: &MysqlEndpoint, error: &ServerError) -> Error {
    // 1045 and 1698 refuse the account, 1044 and 1049 its database, 3118 is a locked account,
    // 1130 a host that may not connect, 1040 and 1129 a server that takes nobody now.
    let kind = match error.code {
        1045 | 1698 | 1044 | 3118 | 1130 | 1820 | 1862 | 3159 => ErrorKind::SourceAuthentication,
        _ => ErrorKind::SourceConnection,
    };
    Error::new(
        kind,
        format!(
            "{}:{} refuses the login of {}: {} ({})",
            endpoint.host, endpoint.port, endpoint.user, error.message, error.code
        ),
    )
}

/// What a server's error means for the data path.
pub(crate) fn statement_error(doing: &str, error: &ServerError) -> Error {
    let kind = match error.code {
        1044 | 1142 | 1143 | 1227 | 1370 | 3530 => ErrorKind::SourcePrivilege,
        1053 | 1077 | 1079 | 1317 | 3169 | 4031 => ErrorKind::SourceConnection,
        _ => ErrorKind::SourceStatement,
    };
    let doing: String = doing.chars().take(200).collect();
    Error::new(kind, format!("{} ({}, {}): {doing}", error.message, error.code, error.sqlstate))
}
