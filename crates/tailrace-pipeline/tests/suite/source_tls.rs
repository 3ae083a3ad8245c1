//! TLS towards a source: names, certificates of the client, versions, new keys under load.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tailrace_pipeline::job::{DatabaseTls, MysqlEndpoint, TlsIdentity};
use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::{ErrorKind, probe_mysql};
use tailrace_testkit::rundir::RunDir;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::{read_topic, spec, start, unique};

/// A certificate authority of the test's own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        // One whose name is also that of what it signs would seem to have signed itself.
        params.distinguished_name.push(rcgen::DnType::CommonName, "the test's authority");
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a name, and its key.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

/// A server whose certificate is for a name.
fn server(authority: &Authority, name: &str, dir: &Path, extra: &[&str]) -> MySqlServer {
    let (certificate, key) = authority.sign(name);
    let file = |label: &str, text: &str| {
        let path = dir.join(label);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let mut arguments = vec![
        format!("--ssl-ca={}", file("ca.pem", &authority.pem())),
        format!("--ssl-cert={}", file("server.pem", &certificate)),
        format!("--ssl-key={}", file("server.key", &key)),
    ];
    arguments.extend(extra.iter().map(|argument| (*argument).to_owned()));
    MySqlServer::start(MySqlOptions { extra: arguments, ..MySqlOptions::default() })
        .expect("a server")
}

fn endpoint(server: &MySqlServer, user: &str, tls: DatabaseTls) -> MysqlEndpoint {
    MysqlEndpoint {
        host: "localhost".into(),
        port: server.port(),
        others: Vec::new(),
        user: user.into(),
        password: "secret-1".into(),
        tls: Some(tls),
    }
}

fn trusting(authority: &Authority) -> DatabaseTls {
    DatabaseTls { ca_pem: Some(authority.pem()), verify_host: true, identity: None }
}

#[test]
fn a_name_is_checked_where_that_is_asked_for() {
    let (authority, dir) = (Authority::new(), RunDir::new("tls").expect("a folder"));
    let server = server(&authority, "localhost", dir.path(), &[]);
    server.sql("CREATE USER guarded IDENTIFIED BY 'secret-1' REQUIRE SSL").expect("an account");
    let named = endpoint(&server, "guarded", trusting(&authority));
    probe_mysql(&named).expect("the certificate's name");
    let other = MysqlEndpoint { host: "127.0.0.1".into(), ..named };
    let error = probe_mysql(&other).expect_err("another name");
    assert_eq!(error.kind(), ErrorKind::SourceAuthentication, "{error}");
    assert!(error.to_string().contains("not valid for name"), "{error}");
    let unchecked = DatabaseTls { verify_host: false, ..trusting(&authority) };
    probe_mysql(&MysqlEndpoint { tls: Some(unchecked), ..other }).expect("no name is checked");
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_it() {
    let (authority, dir) = (Authority::new(), RunDir::new("tls").expect("a folder"));
    let server = server(&authority, "localhost", dir.path(), &[]);
    server.sql("CREATE USER known IDENTIFIED BY 'secret-1' REQUIRE X509").expect("an account");
    let identity = |(chain_pem, key_pem): (String, String)| {
        Some(TlsIdentity { chain_pem, key_pem: key_pem.into() })
    };
    let with =
        |identity| endpoint(&server, "known", DatabaseTls { identity, ..trusting(&authority) });
    probe_mysql(&with(identity(authority.sign("tailrace")))).expect("a known client");
    let error = probe_mysql(&with(None)).expect_err("no certificate");
    assert_eq!(error.kind(), ErrorKind::SourceAuthentication, "{error}");
    // One of another authority: the server ends the connection.
    let stranger = identity(Authority::new().sign("tailrace"));
    let error = probe_mysql(&with(stranger)).expect_err("a stranger");
    assert_eq!(error.kind(), ErrorKind::SourceAuthentication, "{error}");
    let (chain, _) = authority.sign("tailrace");
    let (_, other_key) = authority.sign("tailrace");
    for key in [other_key, "no PEM".to_owned()] {
        let error = probe_mysql(&with(identity((chain.clone(), key)))).expect_err("a wrong key");
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.message().contains("ssl_client.key_store_key"), "{error}");
    }
}

#[test]
fn both_versions_are_spoken() {
    let authority = Authority::new();
    for version in ["TLSv1.2", "TLSv1.3"] {
        let dir = RunDir::new("tls").expect("a folder");
        let only = format!("--tls-version={version}");
        let server = server(&authority, "localhost", dir.path(), &[&only]);
        server.sql("CREATE USER guarded IDENTIFIED BY 'secret-1' REQUIRE SSL").expect("an account");
        let guarded = endpoint(&server, "guarded", trusting(&authority));
        probe_mysql(&guarded).unwrap_or_else(|e| panic!("{version}: {e}"));
    }
}

/// Bytes to the job between two changes of keys.
const NEW_KEYS_EVERY_BYTES: usize = 300_000;

/// Stands between a job and its source, speaks TLS with both, and changes its keys again and again.
struct Changing {
    address: SocketAddr,
    changes: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Changing {
    fn start(authority: &Authority, upstream: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (certificate, key) = authority.sign("localhost");
        let chain = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .expect("a server's settings");
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM");
        roots.add(ca).expect("a root");
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let (acceptor, connector) =
            (TlsAcceptor::from(Arc::new(config)), TlsConnector::from(Arc::new(client)));
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let changes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&changes);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, connector) = (acceptor.clone(), connector.clone());
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    // A connection that ends is the peers' matter.
                    let _ended = between(client, upstream, (acceptor, connector), &counted).await;
                });
            }
        });
        Self { address, changes, _runtime: runtime }
    }
}

async fn between(
    mut client: TcpStream,
    upstream: u16,
    (acceptor, connector): (TlsAcceptor, TlsConnector),
    changes: &AtomicU64,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", upstream)).await?;
    // The greeting goes one way, the wish for TLS the other; what follows is TLS.
    for from_server in [true, false] {
        let (source, target) =
            if from_server { (&mut server, &mut client) } else { (&mut client, &mut server) };
        let mut packet = vec![0; 4];
        source.read_exact(&mut packet).await?;
        let length = usize::from(packet[0]) | usize::from(packet[1]) << 8;
        packet.resize(4 + length, 0);
        source.read_exact(&mut packet[4..]).await?;
        target.write_all(&packet).await?;
    }
    let name = ServerName::try_from("localhost").expect("a name");
    let (client, server) =
        tokio::try_join!(acceptor.accept(client), connector.connect(name, server))?;
    let (mut client, mut server) = (client, server);
    let (mut up, mut down) = (vec![0; 16_384], vec![0; 16_384]);
    let mut since = 0;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let count = read?;
                if count == 0 { return Ok(()); }
                server.write_all(&up[..count]).await?;
                server.flush().await?;
            }
            read = server.read(&mut down) => {
                let count = read?;
                if count == 0 { return Ok(()); }
                since += count;
                if since >= NEW_KEYS_EVERY_BYTES {
                    since = 0;
                    client.get_mut().1.refresh_traffic_keys().map_err(std::io::Error::other)?;
                    changes.fetch_add(1, Ordering::Relaxed);
                }
                client.write_all(&down[..count]).await?;
                client.flush().await?;
            }
        }
    }
}

#[test]
fn keys_may_change_under_load() {
    let (authority, dir) = (Authority::new(), RunDir::new("tls").expect("a folder"));
    let server = server(&authority, "localhost", dir.path(), &["--tls-version=TLSv1.3"]);
    let proxy = Changing::start(&authority, server.port());
    let database = unique("newkeys");
    let rows = |from: u32, to: u32| {
        format!(
            "SET SESSION cte_max_recursion_depth = 100000; INSERT INTO {database}.item
             WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})
             SELECT i, REPEAT(CHAR(65 + i % 26), 500) FROM n;"
        )
    };
    server
        .sql(&format!(
            "CREATE USER guarded IDENTIFIED BY 'secret-1' REQUIRE SSL; GRANT ALL ON *.* TO guarded;
             CREATE DATABASE {database}; CREATE TABLE {database}.item (id INT PRIMARY KEY, t TEXT); {}",
            rows(1, 10_000)
        ))
        .expect("rows");
    let mut spec = spec(&database);
    spec.source = MysqlEndpoint {
        port: proxy.address.port(),
        ..endpoint(&server, "guarded", trusting(&authority))
    };
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    let read = proxy.changes.load(Ordering::Relaxed);
    assert!(read >= 5, "{read} changes of keys in the full phase");
    for batch in 1..=10 {
        server.sql(&rows(batch * 10_000 + 1, batch * 10_000 + 2_000)).expect("rows");
    }
    job.wait_until("changes", |job| job.counters.inserts.load(Ordering::Relaxed) == 20_000);
    assert!(proxy.changes.load(Ordering::Relaxed) >= read + 20);
    assert!(!job.recorder.log().iter().any(|line| line.contains("connecting again")));
    job.stop().expect("a clean stop");
    let seen = read_topic(&format!("{database}-item"));
    assert_eq!(seen.len(), 30_000);
    for one in &seen {
        let row = &one.value["data"][0];
        let id: u32 = row["id"].as_str().and_then(|id| id.parse().ok()).expect("a number");
        let letter = char::from(b'A' + (id % 26) as u8).to_string();
        assert_eq!(row["t"], letter.repeat(500), "{id}");
    }
}
