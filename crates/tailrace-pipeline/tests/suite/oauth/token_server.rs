//! A stand-in for an OAuth 2.0 server: it gives signed tokens for client credentials over TLS (RFC 6749, 4.4; RFC 7519).

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as URL_SAFE};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The one client that is known, and its secret.
pub(super) const CLIENT: (&str, &str) = ("tailrace", "hunter2-client-secret");
/// Whom tokens are for.
pub(super) const AUDIENCE: &str = "kafka-brokers";
/// Name of the signing key.
const KEY_ID: &str = "key-1";

/// How it answers, and what it was asked.
#[derive(Default)]
pub(super) struct State {
    /// Answers 503.
    pub(super) is_busy: AtomicBool,
    /// Requests that were answered 503.
    pub(super) refused: AtomicU64,
    /// Tokens given.
    pub(super) issued: AtomicU64,
}

/// A running stand-in. It ends with the process.
pub(super) struct TokenServer {
    pub(super) url: String,
    pub(super) ca_pem: String,
    pub(super) state: Arc<State>,
}

impl TokenServer {
    /// Starts one whose tokens live so long, and writes the set of its keys to a file (RFC 7517).
    pub(super) fn start(key_set: &Path, seconds: u64) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a certificate and its key");
        let signer = Signer::new();
        std::fs::write(key_set, json!({"keys": [signer.public()]}).to_string()).expect("a file");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (state, config) = (Arc::<State>::default(), Arc::new(config));
        let answering = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(Arc::clone(&config)).expect("TLS");
                // One that does not trust the certificate goes away.
                let _ = answer(StreamOwned::new(connection, stream), &signer, &answering, seconds);
            }
        });
        Self { url: format!("https://localhost:{port}/token"), ca_pem: cert.pem(), state }
    }
}

type Stream = StreamOwned<ServerConnection, TcpStream>;

fn answer(stream: Stream, signer: &Signer, state: &State, seconds: u64) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut login, mut line) = (0, String::new(), String::new());
    reader.read_line(&mut line)?;
    assert!(line.starts_with("POST /token "), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a length"),
            "authorization" => login = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8(body).expect("a form");
    let (status, answer) = if state.is_busy.load(Ordering::Relaxed) {
        state.refused.fetch_add(1, Ordering::Relaxed);
        ("503 Service Unavailable", json!({"error": "temporarily_unavailable"}))
    } else if login == basic(CLIENT) {
        assert!(body.contains("grant_type=client_credentials"), "{body}");
        assert!(body.contains("scope=kafka"), "{body}");
        state.issued.fetch_add(1, Ordering::Relaxed);
        let token = signer.token(seconds);
        let answer = json!({"access_token": token, "token_type": "Bearer", "expires_in": seconds});
        ("200 OK", answer)
    } else {
        ("401 Unauthorized", json!({"error": "invalid_client"}))
    };
    respond(reader.get_mut(), status, &answer)
}

fn basic((user, password): (&str, &str)) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

fn respond(stream: &mut Stream, status: &str, body: &Value) -> std::io::Result<()> {
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Signs tokens with ES256 (RFC 7518, 3.4).
struct Signer(EcdsaKeyPair);

impl Signer {
    fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    /// The public key: an uncompressed point, 4 and both coordinates of 32 bytes.
    fn public(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let (x, y) = (URL_SAFE.encode(&point[1..33]), URL_SAFE.encode(&point[33..]));
        json!({"kty": "EC", "crv": "P-256", "kid": KEY_ID, "use": "sig", "alg": "ES256", "x": x, "y": y})
    }

    fn token(&self, seconds: u64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
        let header = json!({"alg": "ES256", "kid": KEY_ID, "typ": "JWT"});
        let claims = json!({
            "iss": "https://login.example", "aud": AUDIENCE, "sub": CLIENT.0, "scope": "kafka",
            "iat": now, "exp": now + seconds,
        });
        let encoded = |part: &Value| URL_SAFE.encode(part.to_string());
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", URL_SAFE.encode(signature.as_ref()))
    }
}
