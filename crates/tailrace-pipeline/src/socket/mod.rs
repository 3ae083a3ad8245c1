//! Sockets to databases, plain or TLS.
//!
//! Reads and writes wake up every [`POLL_INTERVAL`], so that whoever waits sees a stop although the other side is silent.

pub(crate) mod tls;

use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::error::{Error, ErrorKind, Result};

/// How often a blocked read or write comes back.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Longest time a connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time in which the other side may take nothing of what is written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Which end of a job is on the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Where rows come from.
    Source,
    /// Where they go.
    Target,
}

impl Peer {
    /// As errors name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    /// The kind of a connection that is lost or cannot be made.
    pub(crate) fn lost(self) -> ErrorKind {
        match self {
            Self::Source => ErrorKind::SourceConnection,
            Self::Target => ErrorKind::TargetConnection,
        }
    }

    /// The kind of a login that is refused.
    pub(crate) fn refused(self) -> ErrorKind {
        match self {
            Self::Source => ErrorKind::SourceAuthentication,
            Self::Target => ErrorKind::TargetAuthentication,
        }
    }

    /// A lost connection, with why.
    pub(crate) fn closed(self, text: impl Into<String>) -> Error {
        Error::new(self.lost(), text)
    }
}

enum Link {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// TLS was begun and failed.
    Closed,
}

/// A connection.
pub(crate) struct Socket {
    link: Link,
    peer: Peer,
}

impl Socket {
    /// Connects by TCP to the first address of a name that answers.
    ///
    /// # Errors
    /// The peer's kind of a lost connection.
    pub(crate) fn dial(peer: Peer, host: &str, port: u16) -> Result<Self> {
        let unreachable = |e: std::io::Error| {
            peer.closed(format!("the {} {host}:{port} cannot be reached: {e}", peer.name()))
        };
        let mut last = std::io::Error::new(IoErrorKind::NotFound, "the name has no address");
        for candidate in (host, port).to_socket_addrs().map_err(unreachable)? {
            match TcpStream::connect_timeout(&candidate, CONNECT_TIMEOUT) {
                Ok(stream) => {
                    let stream = prepare(stream).map_err(unreachable)?;
                    return Ok(Self { link: Link::Plain(stream), peer });
                }
                Err(e) => last = e,
            }
        }
        Err(unreachable(last))
    }

    /// Whether it is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.link, Link::Tls(_))
    }

    /// Turns the connection into TLS; everything that was read must be consumed.
    ///
    /// # Errors
    /// The peer's kind of a refused login for certificates that do not count, else of a lost connection.
    pub(crate) fn start_tls(&mut self, config: Arc<ClientConfig>, host: &str) -> Result<()> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|e| Error::new(ErrorKind::Configuration, format!("host {host}: {e}")))?;
        let Link::Plain(mut tcp) = std::mem::replace(&mut self.link, Link::Closed) else {
            return Err(Error::new(ErrorKind::Bug, "TLS was started twice"));
        };
        let mut session = ClientConnection::new(config, name)
            .map_err(|e| Error::new(ErrorKind::Configuration, format!("TLS: {e}")))?;
        // The handshake is driven here, so that its errors are told apart from those of the login.
        let begun = Instant::now();
        while session.is_handshaking() {
            match session.complete_io(&mut tcp) {
                Ok(_) => {}
                Err(e) if is_timeout(&e) && begun.elapsed() < CONNECT_TIMEOUT => {}
                Err(e) => {
                    let text = format!("TLS handshake with the {} failed: {e}", self.peer.name());
                    return Err(Error::new(tls::kind_of(&e, self.peer), text));
                }
            }
        }
        self.link = Link::Tls(Box::new(StreamOwned::new(session, tcp)));
        Ok(())
    }

    /// Reads what comes next: the number of bytes, none if nothing came in the time for which a read may block.
    ///
    /// # Errors
    /// A lost connection; a refused login if the other side says behind the handshake that a certificate does not count.
    pub(crate) fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let read = match &mut self.link {
            Link::Plain(link) => link.read(into),
            Link::Tls(link) => link.read(into),
            Link::Closed => return Err(self.peer.closed("the connection is closed")),
        };
        match read {
            Ok(0) => {
                Err(self.peer.closed(format!("the {} closed the connection", self.peer.name())))
            }
            Ok(bytes) => Ok(bytes),
            Err(e) if e.kind() == IoErrorKind::Interrupted || is_timeout(&e) => Ok(0),
            Err(e) => {
                let text = format!("the {} cannot be read from: {e}", self.peer.name());
                Err(Error::new(tls::kind_of(&e, self.peer), text))
            }
        }
    }

    /// Writes all of it. `waiting` is called each time when the other side takes nothing, and may end it.
    ///
    /// # Errors
    /// A lost connection, also when nothing is taken for [`WRITE_TIMEOUT`]; those of `waiting`.
    pub(crate) fn write_all(
        &mut self,
        mut bytes: &[u8],
        mut waiting: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let mut taken = Instant::now();
        while !bytes.is_empty() {
            match self.write_some(bytes) {
                Ok(0) => return Err(self.unwritable("it takes nothing")),
                Ok(count) => {
                    bytes = &bytes[count..];
                    taken = Instant::now();
                }
                Err(e) => self.retry_write(&e, taken, &mut waiting)?,
            }
        }
        while let Link::Tls(link) = &mut self.link {
            match link.flush() {
                Ok(()) => break,
                Err(e) => self.retry_write(&e, taken, &mut waiting)?,
            }
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "what was not taken is written in the next turn")]
    fn write_some(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &mut self.link {
            Link::Plain(link) => link.write(bytes),
            Link::Tls(link) => link.write(bytes),
            Link::Closed => Err(std::io::Error::other("the connection is closed")),
        }
    }

    fn retry_write(
        &self,
        e: &std::io::Error,
        taken: Instant,
        waiting: &mut impl FnMut() -> Result<()>,
    ) -> Result<()> {
        if e.kind() == IoErrorKind::Interrupted {
            return Ok(());
        }
        if !is_timeout(e) || taken.elapsed() > WRITE_TIMEOUT {
            return Err(self.unwritable(e));
        }
        waiting()
    }

    fn unwritable(&self, why: impl std::fmt::Display) -> Error {
        self.peer.closed(format!("the {} cannot be written to: {why}", self.peer.name()))
    }

    /// Sets the time for which a read may block.
    ///
    /// # Errors
    /// A lost connection.
    pub(crate) fn set_read_timeout(&self, longest: Duration) -> Result<()> {
        let tcp = match &self.link {
            Link::Plain(tcp) => tcp,
            Link::Tls(link) => &link.sock,
            Link::Closed => return Err(self.peer.closed("the connection is closed")),
        };
        tcp.set_read_timeout(Some(longest)).map_err(|e| {
            self.peer.closed(format!("the {} cannot be read from: {e}", self.peer.name()))
        })
    }
}

fn is_timeout(e: &std::io::Error) -> bool {
    matches!(e.kind(), IoErrorKind::WouldBlock | IoErrorKind::TimedOut)
}

fn prepare(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(POLL_INTERVAL))?;
    stream.set_write_timeout(Some(POLL_INTERVAL))?;
    let socket = socket2::SockRef::from(&stream);
    socket.set_tcp_keepalive(
        &socket2::TcpKeepalive::new()
            .with_time(Duration::from_secs(30))
            .with_interval(Duration::from_secs(10)),
    )?;
    Ok(stream)
}
