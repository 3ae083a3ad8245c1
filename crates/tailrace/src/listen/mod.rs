//! Where the server's clients connect: plain TCP or TLS, and who is at the other end of a connection.

mod certificate;
mod tls;

use std::net::SocketAddr;

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::net::TcpListener;

pub use certificate::{Certificate, CertificateError, LOOK_INTERVAL};
pub use tls::TlsListener;

/// Who opened a connection, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Address of the other end: the client, or a proxy.
    pub address: SocketAddr,
    /// The connection has TLS.
    pub tls: bool,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self { address: *stream.remote_addr(), tls: false }
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self { address: *stream.remote_addr(), tls: true }
    }
}
