//! TLS towards Oracle (TCPS): its driver speaks plain TNS, to a socket of this process from which everything goes on encrypted.
//!
//! A tunnel takes one connection and no other. Listeners that send their clients to another address (`REDIRECT`) cannot be
//! followed through it: the driver would go there in clear, and is refused by what listens for TLS.

use std::io::Error as IoError;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::{Error, ErrorKind, Result};
use crate::job::DatabaseTls;
use crate::socket::{Peer, tls};

/// Longest time for a connection with its handshake, and for the driver to come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a tunnel to a listener; the local port that leads into it. It ends with the connection that comes.
///
/// # Errors
/// `SourceConnection`; `SourceAuthentication` for certificates that do not count; `Configuration` for those that cannot be
/// read.
pub(super) fn open(host: &str, port: u16, settings: &DatabaseTls) -> Result<u16> {
    let local = |e: IoError| Error::new(ErrorKind::Local, format!("a socket for TLS: {e}"));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(local)?;
    let stream = runtime.block_on(connect(host, port, settings))?;
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = runtime.block_on(TcpListener::bind(any)).map_err(local)?;
    let here = listener.local_addr().map_err(local)?.port();
    let thread = std::thread::Builder::new().name("tailrace-tls".into());
    thread.spawn(move || carry(&runtime, listener, stream)).map_err(local)?;
    Ok(here)
}

async fn connect(host: &str, port: u16, settings: &DatabaseTls) -> Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|e| Error::new(ErrorKind::Configuration, format!("host {host}: {e}")))?;
    let connector = TlsConnector::from(tls::client_config(settings)?);
    let late = || IoError::new(std::io::ErrorKind::TimedOut, "no answer");
    let dialled = timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port))).await;
    let stream = dialled.map_err(|_| late()).flatten().map_err(|e| {
        Peer::Source.closed(format!("the source {host}:{port} cannot be reached: {e}"))
    })?;
    stream.set_nodelay(true).map_err(|e| Peer::Source.closed(e.to_string()))?;
    let shaken = timeout(CONNECT_TIMEOUT, connector.connect(name, stream)).await;
    shaken.map_err(|_| late()).flatten().map_err(|e| {
        let text = format!("TLS handshake with the source failed: {e}");
        Error::new(tls::kind_of(&e, Peer::Source), text)
    })
}

/// Takes the driver's connection and carries everything to and fro until one side ends.
fn carry(runtime: &Runtime, listener: TcpListener, mut stream: TlsStream<TcpStream>) {
    runtime.block_on(async move {
        let Ok(Ok((mut driver, _))) = timeout(CONNECT_TIMEOUT, listener.accept()).await else {
            return;
        };
        drop(listener);
        driver.set_nodelay(true).ok();
        // How it ends is what the driver sees.
        tokio::io::copy_bidirectional(&mut driver, &mut stream).await.ok();
    });
}
