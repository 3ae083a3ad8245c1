//! Messages between a client that is logged in and PostgreSQL, each looked at.

use std::collections::BTreeMap;
use std::io::Result;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::bind;
use super::copy::CopyText;
use super::error::{Refusal, failing_statement, mark_of};
use super::front::Shared;
use super::login::Stream;
use super::statement::rewrite;
use super::wire::{Message, broken, text};

/// Bytes that are read from a socket at once.
const READ_BYTES: usize = 256 * 1024;
/// The version that GaussDB says of PostgreSQL.
const SERVER_VERSION: &str = "9.2.4";
/// Parameters of a session that PostgreSQL knows too.
const PASSED_ON: [&str; 5] =
    ["application_name", "client_encoding", "DateStyle", "TimeZone", "extra_float_digits"];

/// Refusals that one connection was given, by number.
type Refusals = Arc<Mutex<Vec<Refusal>>>;

/// Passes on what client and server say until one of them leaves.
pub(crate) async fn run(
    client: Box<dyn Stream>,
    parameters: &BTreeMap<String, String>,
    shared: &Shared,
) -> Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", shared.postgres_port)).await?;
    server.set_nodelay(true)?;
    server.write_all(&startup(parameters)).await?;
    let (client_read, client_write) = tokio::io::split(client);
    let (server_read, server_write) = server.into_split();
    let refusals = Refusals::default();
    tokio::select! {
        ended = to_server(client_read, server_write, Arc::clone(&refusals), shared) => ended,
        ended = to_client(server_read, client_write, refusals) => ended,
    }
}

fn startup(parameters: &BTreeMap<String, String>) -> Vec<u8> {
    let mut body = 0x0003_0000_u32.to_be_bytes().to_vec();
    let none = String::new();
    let user = parameters.get("user").unwrap_or(&none);
    let mut put = |name: &str, value: &str| {
        for text in [name, value] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
    };
    put("user", user);
    put("database", parameters.get("database").unwrap_or(user));
    for (name, value) in parameters {
        if let Some(name) = PASSED_ON.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            put(name, value.trim_matches('\''));
        }
    }
    body.push(0);
    let mut bytes = Vec::new();
    Message { tag: 0, body }.write(&mut bytes);
    bytes
}

async fn to_server(
    client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
    refusals: Refusals,
    shared: &Shared,
) -> Result<()> {
    let mut client = BufReader::with_capacity(READ_BYTES, client);
    let mut copied = None;
    let mut bytes = Vec::new();
    loop {
        let message = Message::read(&mut client).await?;
        let message = match message.tag {
            b'Q' => {
                let (sql, _) = text(&message.body)?;
                let sql = looked_at(sql, &refusals, shared, &mut copied);
                shared.note(&[sql.as_bytes(), b";\n"]);
                Message::new(b'Q', [sql.as_bytes(), b"\0"].concat())
            }
            b'P' => {
                let (name, rest) = text(&message.body)?;
                let (sql, rest) = text(rest)?;
                let sql = looked_at(sql, &refusals, shared, &mut copied);
                Message::new(b'P', [name.as_bytes(), b"\0", sql.as_bytes(), b"\0", rest].concat())
            }
            b'B' => Message::new(b'B', bind::empty_as_null(&message.body)?),
            b'd' => {
                let rows = copied.as_mut().ok_or_else(|| broken("rows without a COPY"))?;
                let rows = CopyText::empty_as_null(rows, &message.body);
                shared.note(&[&rows]);
                Message::new(b'd', rows)
            }
            b'c' => {
                shared.note(&[b"\\.\n"]);
                message
            }
            _ => message,
        };
        bytes.clear();
        message.write(&mut bytes);
        server.write_all(&bytes).await?;
        if message.tag == b'X' {
            return Ok(());
        }
    }
}

/// The statement as PostgreSQL gets it; one that fails if it is refused.
fn looked_at(
    sql: &str,
    refusals: &Refusals,
    shared: &Shared,
    copied: &mut Option<CopyText>,
) -> String {
    let refused = match shared.ordered_failure(sql).map_or_else(|| rewrite(sql), Err) {
        Ok(rewritten) => {
            if rewritten.copies_in {
                *copied = Some(CopyText::default());
            }
            return rewritten.sql;
        }
        Err(refused) => refused,
    };
    let mut refusals = refusals.lock().unwrap_or_else(PoisonError::into_inner);
    refusals.push(refused);
    failing_statement(refusals.len() - 1)
}

async fn to_client(
    server: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    refusals: Refusals,
) -> Result<()> {
    let mut server = BufReader::with_capacity(READ_BYTES, server);
    let mut bytes = Vec::new();
    loop {
        let message = translated(Message::read(&mut server).await?, &refusals)?;
        message.write(&mut bytes);
        // What is there already goes out together with it.
        if server.buffer().is_empty() || bytes.len() >= READ_BYTES {
            client.write_all(&bytes).await?;
            client.flush().await?;
            bytes.clear();
        }
    }
}

fn translated(message: Message, refusals: &Refusals) -> Result<Message> {
    Ok(match message.tag {
        b'E' => {
            let refusals = refusals.lock().unwrap_or_else(PoisonError::into_inner);
            match mark_of(&message.body).and_then(|number| refusals.get(number)) {
                Some(refused) => Message::error("ERROR", refused.code, &refused.message),
                None => message,
            }
        }
        b'S' if text(&message.body)?.0 == "server_version" => {
            Message::new(b'S', format!("server_version\0{SERVER_VERSION}\0"))
        }
        _ => message,
    })
}
