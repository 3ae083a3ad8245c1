//! A client's login, from its first byte to the answer that it is in.

use std::collections::BTreeMap;
use std::io::Result;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::front::Stored;
use super::wire::{Message, broken, text};

/// Number of a request for TLS where a protocol's version would stand.
const TLS_REQUEST: u32 = 80_877_103;
/// Number of a request to cancel a statement.
const CANCEL_REQUEST: u32 = 80_877_102;
/// Iterations of PBKDF2 that clients before 3.51 do.
const ITERATIONS_UNSAID: u32 = 2048;

/// A client's connection, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What the front asks of a client.
#[derive(Debug)]
pub(crate) struct Demands {
    /// Passwords by user.
    pub(crate) passwords: BTreeMap<String, String>,
    /// How passwords are stored.
    pub(crate) stored: Stored,
    /// Iterations for clients of 3.51.
    pub(crate) iterations: u32,
}

/// What a client came with.
pub(crate) enum Arrival {
    /// It is logged in: its connection and the parameters of its session.
    Session(Box<dyn Stream>, BTreeMap<String, String>),
    /// It wants a statement of another connection cancelled: the message, to be passed on.
    Cancel(Message),
    /// It was refused and told so.
    Refused,
}

/// Takes a client through TLS and the proof of its password.
pub(crate) async fn welcome(
    client: tokio::net::TcpStream,
    tls: Option<&TlsAcceptor>,
    demands: &Demands,
) -> Result<Arrival> {
    let mut client: Box<dyn Stream> = Box::new(client);
    let mut secured = false;
    loop {
        let first = Message::read_first(&mut client).await?;
        let code = first.body.get(..4).ok_or_else(|| broken("a start of no version"))?;
        match (u32::from_be_bytes(code.try_into().expect("four bytes")), tls) {
            (CANCEL_REQUEST, _) => return Ok(Arrival::Cancel(first)),
            (TLS_REQUEST, Some(acceptor)) if !secured => {
                client.write_all(b"S").await?;
                client = Box::new(acceptor.accept(client).await?);
                secured = true;
            }
            (TLS_REQUEST, _) => client.write_all(b"N").await?,
            (version, _) => return session(client, version, &first.body[4..], demands).await,
        }
    }
}

async fn session(
    mut client: Box<dyn Stream>,
    version: u32,
    parameters: &[u8],
    demands: &Demands,
) -> Result<Arrival> {
    let minor = version & 0xffff;
    if version >> 16 != 3 || ![0, 50, 51].contains(&minor) {
        let message = format!("unsupported frontend protocol {}.{minor}", version >> 16);
        return refuse(client, "0A000", &message).await;
    }
    let mut rest = parameters;
    let mut given = BTreeMap::new();
    while let Ok((name, behind)) = text(rest) {
        if name.is_empty() {
            break;
        }
        let (value, behind) = text(behind)?;
        given.insert(name.to_owned(), value.to_owned());
        rest = behind;
    }
    let user = given.get("user").cloned().unwrap_or_default();
    // One that is not there is asked for its password all the same.
    let password = demands.passwords.get(&user);
    let login = Login::new(user, password.cloned().unwrap_or_default(), demands, minor);
    send(&mut client, &login.request()).await?;
    let answer = Message::read(&mut client).await?;
    let said = String::from_utf8_lossy(&answer.body);
    if answer.tag != b'p' || password.is_none() || !login.proves(said.trim_end_matches('\0')) {
        return refuse(client, "28P01", "Invalid username/password,login denied.").await;
    }
    Ok(Arrival::Session(client, given))
}

async fn refuse(mut client: Box<dyn Stream>, code: &str, message: &str) -> Result<Arrival> {
    send(&mut client, &Message::error("FATAL", code, message)).await?;
    client.shutdown().await?;
    Ok(Arrival::Refused)
}

async fn send(client: &mut Box<dyn Stream>, message: &Message) -> Result<()> {
    let mut bytes = Vec::new();
    message.write(&mut bytes);
    client.write_all(&bytes).await?;
    client.flush().await
}

/// One login's question and what proves the password.
struct Login {
    user: String,
    password: String,
    stored: Stored,
    minor: u32,
    iterations: u32,
    code: [u8; 32],
    token: [u8; 4],
}

impl Login {
    fn new(user: String, password: String, demands: &Demands, minor: u32) -> Self {
        let knows_iterations = minor == 51 && demands.stored == Stored::Sha256;
        let iterations = if knows_iterations { demands.iterations } else { ITERATIONS_UNSAID };
        let (code, token) = (rand::random(), rand::random());
        Self { user, password, stored: demands.stored, minor, iterations, code, token }
    }

    fn request(&self) -> Message {
        let mut body = Vec::new();
        let (code, token) = (hex::encode(self.code), hex::encode(self.token));
        match self.stored {
            Stored::Sha256 => {
                body.extend_from_slice(&[0, 0, 0, 10, 0, 0, 0, 2]);
                body.extend_from_slice(code.as_bytes());
                body.extend_from_slice(token.as_bytes());
                match self.minor {
                    0 => body.extend_from_slice(self.server_proof().as_bytes()),
                    51 => body.extend_from_slice(&self.iterations.to_be_bytes()),
                    _ => {}
                }
            }
            Stored::Md5AskedBySha256 => {
                body.extend_from_slice(&[0, 0, 0, 10, 0, 0, 0, 1]);
                body.extend_from_slice(&self.token);
            }
            Stored::Sha256AskedByMd5 => {
                body.extend_from_slice(&[0, 0, 0, 11]);
                body.extend_from_slice(code.as_bytes());
                body.extend_from_slice(&self.token);
            }
            Stored::Md5 => {
                body.extend_from_slice(&[0, 0, 0, 5]);
                body.extend_from_slice(&self.token);
            }
        }
        Message::new(b'R', body)
    }

    fn proves(&self, said: &str) -> bool {
        match self.stored {
            Stored::Sha256 => self.proves_sha256(said).unwrap_or(false),
            Stored::Md5AskedBySha256 => {
                let mut hash = Sha256::new();
                hash.update(self.md5_stored());
                hash.update(self.token);
                said == format!("sha256{}", hex::encode(hash.finalize()))
            }
            Stored::Sha256AskedByMd5 => {
                let stored = hex::encode(Sha256::digest(self.client_key()));
                let kept = format!("{}{}{stored}", hex::encode(self.code), hex::encode(self.key()));
                said == format!("md5{}", self.md5_of(&kept))
            }
            Stored::Md5 => said == format!("md5{}", self.md5_of(&self.md5_stored())),
        }
    }

    fn proves_sha256(&self, said: &str) -> Option<bool> {
        let stored = Sha256::digest(self.client_key());
        let mask = hmac(&stored, &self.token);
        let proof = hex::decode(said).ok().filter(|proof| proof.len() == mask.len())?;
        let key: Vec<u8> = proof.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        Some(Sha256::digest(key) == stored)
    }

    fn md5_stored(&self) -> String {
        hex::encode(Md5::digest(format!("{}{}", self.password, self.user)))
    }

    fn md5_of(&self, kept: &str) -> String {
        let mut hash = Md5::new();
        hash.update(kept);
        hash.update(self.token);
        hex::encode(hash.finalize())
    }

    fn salted(&self) -> [u8; 32] {
        let mut key = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha1>(
            self.password.as_bytes(),
            &self.code,
            self.iterations,
            &mut key,
        );
        key
    }

    fn client_key(&self) -> [u8; 32] {
        hmac(&self.salted(), b"Client Key")
    }

    /// The server's key. Its name lacks a letter in the real one.
    fn key(&self) -> [u8; 32] {
        hmac(&self.salted(), b"Sever Key")
    }

    fn server_proof(&self) -> String {
        hex::encode(hmac(&self.key(), &self.token))
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

/// A certificate and its key for TLS.
pub(crate) fn acceptor(certificate: &str, key: &str) -> anyhow::Result<TlsAcceptor> {
    crate::tls::config(certificate, key).map(TlsAcceptor::from)
}
