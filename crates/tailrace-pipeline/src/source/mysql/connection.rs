//! A blocking connection to a MySQL-protocol server: login, statements, and rows one at a time.

use secrecy::ExposeSecret;
use tailrace_codec::mysql::{
    AuthPlugin, AuthReply, CACHING_SHA2_FAST_OK, CACHING_SHA2_FULL,
    CACHING_SHA2_REQUEST_PUBLIC_KEY, Catalog, ErrPacket, Greeting, HandshakeResponse, NONCE_BYTES,
    QueryResponse, RowPacket, SHA256_REQUEST_PUBLIC_KEY, ServerVersion, TextRow, capability,
    clear_password, com_query, parse_auth_reply, scramble, ssl_request, xor_password,
};

use crate::error::{Error, ErrorKind, Result};
use crate::job::{Limits, MysqlEndpoint};
use crate::run::StopSignal;
use crate::socket::tls;
use crate::source::mysql::transport::Transport;

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
    version: String,
    deprecate_eof: bool,
    /// A result is being read.
    reading: bool,
    /// Statements that were started and not yet told.
    statements: u64,
    /// The server's collations and no table, once they were asked for.
    pub(crate) collations: Option<Catalog>,
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
        let first = transport.receive()?.to_vec();
        if let Ok(refusal) = ErrPacket::parse(&first) {
            return Err(login_error(endpoint, &refusal));
        }
        let greeting = Greeting::parse(&first).map_err(broken)?;
        let password = endpoint.password.expose_secret().as_bytes();
        // An unknown default method is answered with ours; the server then asks to switch.
        let plugin = AuthPlugin::from_name(&greeting.auth_plugin)
            .ok()
            .filter(|plugin| !plugin.sends_password())
            .unwrap_or(AuthPlugin::CachingSha2Password);
        let scrambled = scramble(plugin, password, &greeting.nonce);
        let response = HandshakeResponse {
            user: &endpoint.user,
            database: None,
            plugin,
            auth_response: &scrambled,
            attributes: &[("program_name", "tailrace")],
        };
        let tls = endpoint.tls.is_some();
        let capabilities = response.capabilities(&greeting, tls);
        if let Some(settings) = &endpoint.tls {
            if !greeting.offers(capability::SSL) {
                return Err(Error::new(
                    ErrorKind::SourceSetting,
                    "ssl_link is true, but the source offers no TLS",
                ));
            }
            transport.send(&ssl_request(capabilities))?;
            transport.start_tls(tls::client_config(settings)?, &endpoint.host)?;
        }
        transport.send(&response.to_bytes(&greeting, tls).map_err(broken)?)?;
        let deprecate_eof = capabilities & capability::DEPRECATE_EOF != 0;
        let mut connection = Self {
            transport,
            version: greeting.server_version.clone(),
            deprecate_eof,
            reading: false,
            statements: 0,
            collations: None,
        };
        connection.authenticate(endpoint, plugin, greeting.nonce)?;
        connection.transport.set_silence_max(limits.statement_silence_max);
        Ok(connection)
    }

    /// The server's version.
    ///
    /// # Errors
    /// `SourceConnection` if its text is not understood.
    pub(crate) fn version(&self) -> Result<ServerVersion> {
        ServerVersion::parse(&self.version).map_err(broken)
    }

    /// The conversation behind the first scrambled password.
    fn authenticate(
        &mut self,
        endpoint: &MysqlEndpoint,
        mut plugin: AuthPlugin,
        mut nonce: [u8; NONCE_BYTES],
    ) -> Result<()> {
        let password = endpoint.password.expose_secret().as_bytes();
        let refused = |text: String| Error::new(ErrorKind::SourceAuthentication, text);
        for _ in 0..AUTH_ROUNDS_MAX {
            let answer = self.transport.receive()?.to_vec();
            match parse_auth_reply(&answer).map_err(broken)? {
                AuthReply::Ok(_) => return Ok(()),
                AuthReply::Err(error) => return Err(login_error(endpoint, &error)),
                AuthReply::Switch { plugin: name, nonce: new_nonce } => {
                    plugin = AuthPlugin::from_name(&name).map_err(|e| refused(e.to_string()))?;
                    nonce = new_nonce;
                    // An empty password is no secret, and nothing that a key could seal.
                    let open = self.transport.is_tls() || password.is_empty();
                    if !plugin.sends_password() || open {
                        self.transport.send(&scramble(plugin, password, &nonce))?;
                    } else if plugin == AuthPlugin::Sha256Password {
                        self.transport.send(&[SHA256_REQUEST_PUBLIC_KEY])?;
                    } else {
                        return Err(refused(format!("the account uses {name}, which needs TLS")));
                    }
                }
                AuthReply::More(more) => match more.0 {
                    [CACHING_SHA2_FAST_OK] => {}
                    [CACHING_SHA2_FULL] => self.full_authentication(password, &nonce)?,
                    key if plugin == AuthPlugin::Sha256Password => {
                        self.transport.send(&seal_password(password, &nonce, key)?)?;
                    }
                    other => {
                        return Err(refused(format!(
                            "{} of {} bytes is not understood during {}",
                            "authentication data",
                            other.len(),
                            plugin.name()
                        )));
                    }
                },
            }
        }
        Err(refused("the login conversation did not end".into()))
    }

    /// Sends the password itself: inside TLS, or under the server's public key.
    fn full_authentication(&mut self, password: &[u8], nonce: &[u8; NONCE_BYTES]) -> Result<()> {
        if self.transport.is_tls() {
            return self.transport.send(&clear_password(password));
        }
        self.transport.send(&[CACHING_SHA2_REQUEST_PUBLIC_KEY])?;
        let reply = self.transport.receive()?.to_vec();
        let AuthReply::More(key) = parse_auth_reply(&reply).map_err(broken)? else {
            return Err(Error::new(
                ErrorKind::SourceAuthentication,
                "the source does not give its public key; use TLS (ssl_link)",
            ));
        };
        let sealed = seal_password(password, nonce, key.0)?;
        self.transport.send(&sealed)
    }

    fn begin(&mut self, command: &[u8]) -> Result<()> {
        if self.reading {
            return Err(Error::new(ErrorKind::Bug, "a result is still being read"));
        }
        self.transport.reset_sequence();
        self.transport.send(command)
    }

    /// Statements since the last call.
    pub(crate) fn take_statements(&mut self) -> u64 {
        std::mem::take(&mut self.statements)
    }

    /// Starts a statement; its rows, if any, are then read with [`Connection::next_row`].
    ///
    /// # Errors
    /// `SourceStatement` with the server's error, or a broken connection.
    pub(crate) fn start(&mut self, sql: &str) -> Result<()> {
        self.statements += 1;
        self.begin(&com_query(sql))?;
        let answer = self.transport.receive()?;
        let columns = match QueryResponse::parse(answer).map_err(broken)? {
            QueryResponse::Ok(_) => return Ok(()),
            QueryResponse::Err(error) => return Err(statement_error(sql, &error)),
            QueryResponse::ResultSet { columns } => columns,
        };
        for _ in 0..columns {
            self.transport.receive()?;
        }
        if !self.deprecate_eof {
            self.transport.receive()?;
        }
        self.reading = true;
        Ok(())
    }

    /// The payload of the statement's next row, borrowed until the next call; `None` behind the last.
    ///
    /// # Errors
    /// `SourceStatement` with the server's error, or a broken connection.
    pub(crate) fn next_row(&mut self) -> Result<Option<&[u8]>> {
        if !self.reading {
            return Ok(None);
        }
        let payload = self.transport.receive()?;
        match RowPacket::parse(payload, self.deprecate_eof).map_err(broken)? {
            RowPacket::Row(_) => Ok(Some(payload)),
            RowPacket::End { .. } => {
                self.reading = false;
                Ok(None)
            }
            RowPacket::Err(error) => {
                self.reading = false;
                Err(statement_error("the statement", &error))
            }
        }
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
            for cell in TextRow::new(row).cells() {
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
        match ErrPacket::parse(answer) {
            Ok(error) => Err(statement_error(name, &error)),
            Err(_) => Ok(()),
        }
    }
}

/// Encrypts the password for a server without TLS, as `caching_sha2_password` asks for: the password
/// and its zero byte, mixed with the nonce, under RSA-OAEP with SHA-1.
fn seal_password(password: &[u8], nonce: &[u8; NONCE_BYTES], pem: &[u8]) -> Result<Vec<u8>> {
    use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
    use rustls::pki_types::SubjectPublicKeyInfoDer;
    use rustls::pki_types::pem::PemObject;

    let refused = |text: String| Error::new(ErrorKind::SourceAuthentication, text);
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem)
        .map_err(|e| refused(format!("the source's public key is not PEM: {e}")))?;
    let key = PublicEncryptingKey::from_der(der.as_ref())
        .ok()
        .and_then(|key| OaepPublicEncryptingKey::new(key).ok())
        .ok_or_else(|| refused("the source's public key cannot be used".into()))?;
    let mixed = zeroize::Zeroizing::new(xor_password(password, nonce));
    let mut sealed = vec![0; key.ciphertext_size()];
    let length = key
        .encrypt(&OAEP_SHA1_MGF1SHA1, &mixed, &mut sealed, None)
        .map_err(|_| refused("the password is too long for the source's public key".into()))?
        .len();
    sealed.truncate(length);
    Ok(sealed)
}

fn login_error(endpoint: &MysqlEndpoint, error: &ErrPacket) -> Error {
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
pub(crate) fn statement_error(doing: &str, error: &ErrPacket) -> Error {
    let kind = match error.code {
        1044 | 1142 | 1143 | 1227 | 1370 | 3530 => ErrorKind::SourcePrivilege,
        1053 | 1077 | 1079 | 1317 | 3169 | 4031 => ErrorKind::SourceConnection,
        _ => ErrorKind::SourceStatement,
    };
    let doing: String = doing.chars().take(200).collect();
    Error::new(kind, format!("{} ({}, {}): {doing}", error.message, error.code, error.sqlstate))
}
