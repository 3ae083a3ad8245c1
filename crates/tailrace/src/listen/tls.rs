//! A listener whose connections have TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Certificate;

/// Handshakes at the same time; further connections wait in the kernel's queue.
const HANDSHAKES_MAX: usize = 1024;
/// Time that a client has for its handshake.
const HANDSHAKE_DURATION_MAX: Duration = Duration::from_secs(10);

/// A connection behind its handshake.
type Ready = (TlsStream<TcpStream>, SocketAddr);

/// Connections with TLS 1.2 or 1.3, for HTTP/2 or HTTP/1.1. A slow handshake holds up nobody else.
pub struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<Ready>>,
}

impl TlsListener {
    /// A listener that shows this certificate, as it is at the time of each handshake.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(tcp: TcpListener, certificate: Arc<Certificate>) -> Result<Self, rustls::Error> {
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(&[&TLS13, &TLS12])?
                .with_no_client_auth()
                .with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { tcp, acceptor: TlsAcceptor::from(Arc::new(config)), handshakes: JoinSet::new() })
    }

    fn begin_handshake(&mut self, stream: TcpStream, address: SocketAddr) {
        let acceptor = self.acceptor.clone();
        self.handshakes.spawn(async move {
            let handshake = acceptor.accept(stream);
            match tokio::time::timeout(HANDSHAKE_DURATION_MAX, handshake).await {
                Ok(Ok(stream)) => Some((stream, address)),
                Ok(Err(e)) => {
                    tracing::debug!(%address, "TLS handshake failed: {e}");
                    None
                }
                Err(_) => {
                    tracing::debug!(%address, "TLS handshake took too long");
                    None
                }
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let has_room = self.handshakes.len() < HANDSHAKES_MAX;
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(ready)) = done {
                        return ready;
                    }
                }
                // Axum's own, which waits where there are no file descriptors left.
                (stream, address) = Listener::accept(&mut self.tcp), if has_room => {
                    self.begin_handshake(stream, address);
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

impl std::fmt::Debug for TlsListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsListener").field("tcp", &self.tcp).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::ConnectInfo;
    use axum::routing::get;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsConnector;

    use super::super::Peer;
    use super::super::certificate::tests::write;
    use super::*;

    struct Scene {
        address: SocketAddr,
        authority: String,
        dir: tempfile::TempDir,
        certificate: Arc<Certificate>,
    }

    async fn scene() -> Scene {
        let dir = tempfile::tempdir().expect("a directory");
        let authority = write(dir.path());
        let certificate =
            Certificate::read(&dir.path().join("chain.pem"), &dir.path().join("key.pem"));
        let certificate = Arc::new(certificate.expect("usable"));
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = tcp.local_addr().expect("an address");
        let listener = TlsListener::new(tcp, Arc::clone(&certificate)).expect("TLS");
        let answer = |ConnectInfo(peer): ConnectInfo<Peer>| async move {
            format!("{} {}", peer.address.ip(), peer.tls)
        };
        let service = Router::new().route("/", get(answer));
        let service = service.into_make_service_with_connect_info::<Peer>();
        tokio::spawn(axum::serve(listener, service).into_future());
        Scene { address, authority, dir, certificate }
    }

    async fn connect(
        scene: &Scene,
        versions: &[&'static SupportedProtocolVersion],
        protocol: &str,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(scene.authority.as_bytes()).expect("PEM");
        roots.add(authority).expect("a root");
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_protocol_versions(versions)
                .expect("versions")
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let tcp = TcpStream::connect(scene.address).await?;
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await
    }

    #[tokio::test]
    async fn both_versions_of_tls_and_of_http_are_served() {
        let scene = scene().await;
        for version in [&TLS12, &TLS13] {
            let mut stream = connect(&scene, &[version], "http/1.1").await.expect("a connection");
            let request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.expect("sent");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("an answer");
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            assert!(answer.ends_with("127.0.0.1 true"), "{answer}");
        }
        let mut stream = connect(&scene, &[&TLS13], "h2").await.expect("a connection");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        stream.write_all(preface).await.expect("sent");
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        // RFC 9113, section 4.1: the fourth byte is the frame's type; 4 is SETTINGS.
        assert_eq!(head[3], 4, "{head:?}");
    }

    /// A client hello of TLS 1.1 with one suite of its time, byte by byte: no library of ours speaks it.
    fn hello_of_tls_1_1() -> Vec<u8> {
        let mut body = vec![3, 2];
        body.extend([7; 32]);
        // No session, one suite, no compression; algorithms of signatures, without which nothing else is looked at.
        body.extend([0, 0, 2, 0xC0, 0x13, 1, 0]);
        body.extend([0, 10, 0, 13, 0, 6, 0, 4, 4, 1, 4, 3]);
        let length = u8::try_from(body.len()).expect("short");
        let mut bytes = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
        bytes.extend(body);
        bytes
    }

    #[tokio::test]
    async fn tls_1_1_is_refused() {
        let scene = scene().await;
        let mut tcp = TcpStream::connect(scene.address).await.expect("a connection");
        tcp.write_all(&hello_of_tls_1_1()).await.expect("sent");
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).await.expect("an answer");
        // An alert (21), fatal (2), protocol_version (70): RFC 5246, section 7.2.
        assert_eq!((answer[0], &answer[5..7]), (21, [2, 70].as_slice()), "{answer:?}");
    }

    #[tokio::test]
    async fn a_client_that_does_not_shake_hands_holds_up_nobody() {
        let scene = scene().await;
        let silent = TcpStream::connect(scene.address).await.expect("a connection");
        connect(&scene, &[&TLS13], "http/1.1").await.expect("another one is served");
        drop(silent);
    }

    #[tokio::test]
    async fn the_next_connection_sees_the_new_certificate() {
        let mut scene = scene().await;
        let fresh = write(scene.dir.path());
        assert_eq!(scene.certificate.look(), Ok(true));
        connect(&scene, &[&TLS13], "http/1.1").await.expect_err("the authority is another one");
        scene.authority = fresh;
        connect(&scene, &[&TLS13], "http/1.1").await.expect("the new one is served");
    }
}
