//! Messages of PostgreSQL's protocol 3, of which GaussDB's is a dialect.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Largest message that is taken, bytes.
const MESSAGE_BYTES_MAX: usize = 1 << 30;

/// One message: its tag and what is behind the length.
#[derive(Debug)]
pub(crate) struct Message {
    /// Kind; 0 in the first message of a connection.
    pub(crate) tag: u8,
    /// Content.
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// A message to be sent.
    pub(crate) fn new(tag: u8, body: impl Into<Vec<u8>>) -> Self {
        Self { tag, body: body.into() }
    }

    /// An error that ends a login or a statement.
    pub(crate) fn error(severity: &str, code: &str, message: &str) -> Self {
        let mut body = Vec::new();
        for (field, text) in [(b'S', severity), (b'V', severity), (b'C', code), (b'M', message)] {
            body.push(field);
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        Self::new(b'E', body)
    }

    /// Appends the message as it goes over the wire.
    pub(crate) fn write(&self, into: &mut Vec<u8>) {
        if self.tag != 0 {
            into.push(self.tag);
        }
        let length = u32::try_from(self.body.len() + 4).expect("messages are bounded");
        into.extend_from_slice(&length.to_be_bytes());
        into.extend_from_slice(&self.body);
    }

    /// Reads a message that has a tag.
    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Self> {
        let tag = from.read_u8().await?;
        Ok(Self { tag, body: body(from).await? })
    }

    /// Reads the first message of a connection, which has none.
    pub(crate) async fn read_first(from: &mut (impl AsyncRead + Unpin)) -> Result<Self> {
        Ok(Self { tag: 0, body: body(from).await? })
    }
}

async fn body(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let length = from.read_u32().await? as usize;
    if !(4..MESSAGE_BYTES_MAX).contains(&length) {
        return Err(broken(format!("a message of {length} bytes")));
    }
    let mut body = vec![0; length - 4];
    from.read_exact(&mut body).await?;
    Ok(body)
}

/// What cannot be read.
pub(crate) fn broken(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidData, what.into())
}

/// The text up to the next NUL, and what follows.
pub(crate) fn text(body: &[u8]) -> Result<(&str, &[u8])> {
    let end =
        body.iter().position(|byte| *byte == 0).ok_or_else(|| broken("a text without end"))?;
    let text = std::str::from_utf8(&body[..end]).map_err(|_| broken("a text that is not UTF-8"))?;
    Ok((text, &body[end + 1..]))
}
