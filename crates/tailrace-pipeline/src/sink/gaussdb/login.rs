//! Logging in: TLS, the startup message, and the proof of the password in GaussDB's way or in PostgreSQL's.

use bytes::BufMut as _;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::message::backend::{ErrorResponseBody, Message};
use postgres_protocol::message::frontend;
use secrecy::ExposeSecret as _;
use tailrace_codec::gaussdb::{AuthRequest, StartupProtocol};

use super::connection::Connection;
use super::refused::{Failure, Refused};
use crate::error::{Error, ErrorKind, Result};
use crate::job::GaussEndpoint;
use crate::socket::{Peer, tls};

/// The newest startup message: only with it the server says how many rounds its proof has.
const PROTOCOL: StartupProtocol = StartupProtocol::V3_51;
/// What the server's list of sessions calls this one.
const APPLICATION: &str = "tailrace";
/// Messages of a login before it counts as endless.
const MESSAGES_MAX: usize = 1000;

/// Takes a fresh connection to where statements can be run.
///
/// # Errors
/// As [`Connection::connect`].
pub(super) fn log_in(
    connection: &mut Connection,
    endpoint: &GaussEndpoint,
    host: &str,
) -> Result<()> {
    if let Some(settings) = &endpoint.tls {
        frontend::ssl_request(connection.sending());
        connection.flush()?;
        if connection.receive_byte()? != b'S' {
            let text = "the target does not offer TLS, which ssl_link asks for";
            return Err(Error::new(ErrorKind::TargetAuthentication, text));
        }
        let config = tls::client_config(settings)?;
        connection.socket().start_tls(config, host)?;
    }
    startup(connection, endpoint);
    connection.flush()?;
    for _ in 0..MESSAGES_MAX {
        let (tag, body) = connection.receive_frame()?;
        match tag {
            b'R' => answer(connection, endpoint, &body)?,
            b'E' => return Err(refusal(tag, &body)?),
            b'Z' => return Ok(()),
            // Parameters, notices, and the key to cancel by, which GaussDB has in another length.
            _ => {}
        }
    }
    Err(Peer::Target.closed("the login has no end"))
}

fn startup(connection: &mut Connection, endpoint: &GaussEndpoint) {
    let mut body = PROTOCOL.code().to_be_bytes().to_vec();
    let parameters = [
        ("user", endpoint.user.as_str()),
        ("database", &endpoint.database),
        ("client_encoding", "UTF8"),
        ("application_name", APPLICATION),
    ];
    for (name, value) in parameters {
        body.extend_from_slice(name.as_bytes());
        body.push(0);
        body.extend_from_slice(value.as_bytes());
        body.push(0);
    }
    body.push(0);
    let sending = connection.sending();
    sending.put_u32(u32::try_from(body.len() + 4).unwrap_or(u32::MAX));
    sending.put_slice(&body);
}

fn answer(connection: &mut Connection, endpoint: &GaussEndpoint, body: &[u8]) -> Result<()> {
    let password = endpoint.password.expose_secret();
    let refused = |text: String| Error::new(ErrorKind::TargetAuthentication, text);
    let request = AuthRequest::parse(body, PROTOCOL)
        .map_err(|e| refused(format!("the target's login cannot be answered: {e}")))?;
    let text = match request {
        Some(request) => request
            .answer(&endpoint.user, password)
            .map_err(|e| refused(format!("the target's login cannot be trusted: {e}")))?,
        None => match body {
            [0, 0, 0, 0] => return Ok(()),
            [0, 0, 0, 5, salt @ ..] if salt.len() == 4 => {
                let salt = salt.try_into().unwrap_or_default();
                md5_hash(endpoint.user.as_bytes(), password.as_bytes(), salt)
            }
            // A password in clear is only sent where nobody can read it on its way.
            [0, 0, 0, 3] if connection.socket().is_tls() => password.to_owned(),
            [0, 0, 0, 3] => {
                let text = "the target asks for the password in clear; set ssl_link to encrypt the connection";
                return Err(refused(text.to_owned()));
            }
            other => {
                let code = other.get(..4).unwrap_or_default();
                let text = format!(
                    "the target asks for a login of kind {code:?}; SHA-256 (10), MD5 over it (11), MD5 (5) and, under TLS, the \
                     password itself (3) are spoken"
                );
                return Err(refused(text));
            }
        },
    };
    frontend::password_message(text.as_bytes(), connection.sending())
        .map_err(|e| Error::new(ErrorKind::Configuration, format!("the password: {e}")))?;
    connection.flush()
}

/// The error of a login that is refused.
fn refusal(tag: u8, body: &[u8]) -> Result<Error> {
    let mut message = bytes::BytesMut::with_capacity(body.len() + 5);
    message.put_u8(tag);
    message.put_u32(u32::try_from(body.len() + 4).unwrap_or(u32::MAX));
    message.put_slice(body);
    let unreadable = || Peer::Target.closed("the target refused the login, and why cannot be read");
    let body: ErrorResponseBody = match Message::parse(&mut message) {
        Ok(Some(Message::ErrorResponse(body))) => body,
        _ => return Err(unreadable()),
    };
    Ok(Failure::Refused(Refused::of(body.fields())).into())
}
