//! Proof of the password without sending it.
//!
//! Source: the behaviour of Huawei's JDBC driver (`gaussdbjdbc`), of openGauss's and of three other clients, which agree;
//! the vectors of the tests are what Huawei's driver answers. The scheme is that of RFC 5802 (SCRAM) without its messages,
//! over PBKDF2 with HMAC-SHA-1 (RFC 8018).

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::{DecodeError, Result};

/// Iterations where the server does not say how many: startup protocols before 3.51, and [`AuthRequest::Md5Sha256`].
pub const ITERATIONS_UNSAID: u32 = 2048;
/// Most iterations that are done for a server: each takes about a microsecond.
const ITERATIONS_MAX: u32 = 10_000_000;
/// Bytes of keys and hashes.
const KEY_BYTES: usize = 32;

/// Version that the client named in its startup message; the form of the server's request depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartupProtocol {
    /// 3.0, PostgreSQL's.
    V3_0,
    /// 3.50
    V3_50,
    /// 3.51: the server says how many iterations there are.
    V3_51,
}

impl StartupProtocol {
    /// As the startup message has it.
    pub fn code(self) -> u32 {
        match self {
            Self::V3_0 => 0x0003_0000,
            Self::V3_50 => 0x0003_0032,
            Self::V3_51 => 0x0003_0033,
        }
    }
}

/// Four bytes that are new for each login.
pub type Salt = [u8; 4];

/// What the server wants in an authentication request, `R`, of a code that PostgreSQL does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthRequest {
    /// Code 10, the password stored in clear or by SHA-256: RFC 5802's proof.
    Sha256 {
        /// Salt of the stored password.
        code: [u8; 32],
        /// New for each login.
        token: Salt,
        /// Rounds of PBKDF2.
        iterations: u32,
        /// The server's own proof, which only clients of protocol 3.0 get.
        server_signature: Option<[u8; KEY_BYTES]>,
    },
    /// Code 10, the password stored by MD5.
    Sha256OfMd5 {
        /// New for each login.
        salt: Salt,
    },
    /// Code 11: MD5 over what SHA-256 stores.
    Md5Sha256 {
        /// Salt of the stored password, as text of 64 hexadecimal digits: it is hashed as such.
        code: [u8; 64],
        /// New for each login.
        salt: Salt,
    },
}

impl AuthRequest {
    /// Reads the body of an `R` message behind its length. `None` for codes of PostgreSQL itself.
    ///
    /// # Errors
    /// For a body that is cut or too long, digits that are none, and methods that are not spoken here, with those that are.
    pub fn parse(body: &[u8], protocol: StartupProtocol) -> Result<Option<Self>> {
        let mut reader = Reader { body, at: 0 };
        let request = match reader.number()? {
            10 => match reader.number()? {
                0 | 2 => Self::sha256(&mut reader, protocol)?,
                1 => Self::Sha256OfMd5 { salt: reader.bytes()? },
                other => return Err(unknown("method of stored password", other)),
            },
            11 => Self::Md5Sha256 { code: reader.digits()?, salt: reader.bytes()? },
            code @ 12.. if code != 12 => return Err(unknown("authentication request", code)),
            _ => return Ok(None),
        };
        if reader.at != body.len() {
            let reason = format!("{} bytes more than it has", body.len() - reader.at);
            return Err(DecodeError::new("GaussDB authentication request", reader.at, reason));
        }
        Ok(Some(request))
    }

    fn sha256(reader: &mut Reader<'_>, protocol: StartupProtocol) -> Result<Self> {
        let code = reader.hex::<32>()?;
        let token = reader.hex::<4>()?;
        let server_signature = match protocol {
            StartupProtocol::V3_0 => Some(reader.hex::<KEY_BYTES>()?),
            _ => None,
        };
        let iterations = match protocol {
            StartupProtocol::V3_51 => reader.number()?,
            _ => ITERATIONS_UNSAID,
        };
        if !(1..=ITERATIONS_MAX).contains(&iterations) {
            let reason = format!("{iterations} iterations; 1 to {ITERATIONS_MAX}");
            return Err(DecodeError::new("GaussDB authentication request", reader.at, reason));
        }
        Ok(Self::Sha256 { code, token, iterations, server_signature })
    }

    /// The text of the password message that answers it, without the NUL at its end.
    ///
    /// # Errors
    /// If the server's own proof is wrong: it does not know the password either.
    pub fn answer(&self, user: &str, password: &str) -> Result<String> {
        match self {
            Self::Sha256 { code, token, iterations, server_signature } => {
                let keys = Keys::derive(password, code, *iterations);
                let is_proved = |signature: &[u8; KEY_BYTES]| {
                    bool::from(keys.server_signature(token).ct_eq(signature))
                };
                if server_signature.as_ref().is_some_and(|signature| !is_proved(signature)) {
                    let reason = "the server's own proof does not fit the password";
                    return Err(DecodeError::new("GaussDB authentication request", 76, reason));
                }
                Ok(hex::encode(keys.proof(token)))
            }
            Self::Sha256OfMd5 { salt } => {
                let stored =
                    hex::encode(Md5::new().chain_update(password).chain_update(user).finalize());
                let hash = Sha256::new().chain_update(stored).chain_update(salt).finalize();
                Ok(format!("sha256{}", hex::encode(hash)))
            }
            Self::Md5Sha256 { code, salt } => {
                let text = String::from_utf8_lossy(code);
                let keys = Keys::derive(password, &unhex::<32>(code, 4)?, ITERATIONS_UNSAID);
                let stored =
                    format!("{text}{}{}", hex::encode(keys.server), hex::encode(keys.stored));
                let hash = Md5::new().chain_update(stored).chain_update(salt).finalize();
                Ok(format!("md5{}", hex::encode(hash)))
            }
        }
    }
}

/// The keys that both sides make of a password (RFC 5802, 3; the server's key has GaussDB's own name).
pub struct Keys {
    client: [u8; KEY_BYTES],
    server: [u8; KEY_BYTES],
    stored: [u8; KEY_BYTES],
}

impl Keys {
    /// Of a password and what it is stored with.
    pub fn derive(password: &str, code: &[u8; 32], iterations: u32) -> Self {
        let salted: [u8; KEY_BYTES] =
            pbkdf2::pbkdf2_hmac_array::<Sha1, KEY_BYTES>(password.as_bytes(), code, iterations);
        let client = hmac(&salted, b"Client Key");
        // Spelled so by every client.
        let server = hmac(&salted, b"Sever Key");
        Self { client, server, stored: Sha256::digest(client).into() }
    }

    /// The client's proof.
    pub fn proof(&self, token: &Salt) -> [u8; KEY_BYTES] {
        let mask = hmac(&self.stored, token);
        std::array::from_fn(|i| self.client[i] ^ mask[i])
    }

    /// The server's proof.
    pub fn server_signature(&self, token: &Salt) -> [u8; KEY_BYTES] {
        hmac(&self.server, token)
    }

    /// Whether a client's proof is right, as a server finds out that knows only the stored key.
    pub fn accepts(&self, proof: &[u8; KEY_BYTES], token: &Salt) -> bool {
        let mask = hmac(&self.stored, token);
        let client: [u8; KEY_BYTES] = std::array::from_fn(|i| proof[i] ^ mask[i]);
        let stored: [u8; KEY_BYTES] = Sha256::digest(client).into();
        stored.ct_eq(&self.stored).into()
    }
}

fn hmac(key: &[u8; KEY_BYTES], data: &[u8]) -> [u8; KEY_BYTES] {
    // A key that is shorter than a block is filled up with zeros (RFC 2104, 2).
    let mut block = [0; 64];
    block[..KEY_BYTES].copy_from_slice(key);
    Hmac::<Sha256>::new(&block.into()).chain_update(data).finalize().into_bytes().into()
}

/// The bytes of digits that begin at this place of the message.
fn unhex<const N: usize>(digits: &[u8], at: usize) -> Result<[u8; N]> {
    let mut out = [0; N];
    match hex::decode_to_slice(digits, &mut out) {
        Ok(()) => Ok(out),
        Err(e) => Err(DecodeError::new("GaussDB authentication request", at, e.to_string())),
    }
}

fn unknown(what: &'static str, code: u32) -> DecodeError {
    let reason = format!(
        "{code} is not supported; supported are SHA256 (10) with passwords stored in clear, by MD5 and by SHA256, and MD5_SHA256 (11)"
    );
    DecodeError::new(format!("GaussDB {what}"), 0, reason)
}

struct Reader<'b> {
    body: &'b [u8],
    at: usize,
}

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let part = self.body.get(self.at..self.at.saturating_add(N));
        let part = part.and_then(|part| <[u8; N]>::try_from(part).ok());
        let short = || {
            let missing = (self.at + N).saturating_sub(self.body.len());
            DecodeError::truncated("GaussDB authentication request", self.at, missing)
        };
        let part = part.ok_or_else(short)?;
        self.at += N;
        Ok(part)
    }

    fn number(&mut self) -> Result<u32> {
        self.bytes().map(u32::from_be_bytes)
    }

    /// Sixty-four digits, as they are.
    fn digits(&mut self) -> Result<[u8; 64]> {
        let at = self.at;
        let digits = self.bytes()?;
        unhex::<32>(&digits, at).map(|_| digits)
    }

    /// `N` bytes that are written in hexadecimal digits.
    fn hex<const N: usize>(&mut self) -> Result<[u8; N]> {
        let at = self.at;
        let end = at.saturating_add(N * 2);
        let Some(digits) = self.body.get(at..end) else {
            let missing = end.saturating_sub(self.body.len());
            return Err(DecodeError::truncated("GaussDB authentication request", at, missing));
        };
        self.at = end;
        unhex(digits, at)
    }
}
