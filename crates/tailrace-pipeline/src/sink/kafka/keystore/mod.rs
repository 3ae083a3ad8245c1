//! Java key stores and PKCS#12 files, turned into the PEM that librdkafka takes.
//!
//! DRS's API carries a `.jks` file in Base64. Since Java 9 the tool that makes such files writes PKCS#12
//! under the same name, so that the form is told from the content. The password's check over the whole
//! file is verified before anything in it is believed.

mod bytes;
mod certificate;
mod cipher;
mod der;
mod jks;
mod password;
mod pkcs12;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use zeroize::Zeroizing;

use self::password::Password;
use crate::error::{Error, ErrorKind, Result};

/// Largest store that is read, bytes.
const STORE_BYTES_MAX: usize = 1 << 20;

/// What a store holds.
#[derive(Debug)]
pub struct KeyStore {
    /// Certificates that do not belong to a private key, as PEM; empty if there are none.
    pub trusted_pem: String,
    /// The private key and its certificates.
    pub identity: Option<Identity>,
}

impl KeyStore {
    /// Everything that can vouch for a server: trusted certificates, and, as Java does it, those of a
    /// private key.
    pub fn authorities_pem(&self) -> String {
        let own = self.identity.as_ref().map(|i| i.chain_pem.as_str()).unwrap_or_default();
        format!("{}{own}", self.trusted_pem)
    }
}

/// A private key with its certificates.
#[derive(Debug)]
pub struct Identity {
    /// The key's certificate, then those of its issuers, as PEM.
    pub chain_pem: String,
    /// The key as PEM, PKCS#8, not encrypted.
    pub key_pem: SecretString,
}

/// A certificate in DER.
type Certificate = Vec<u8>;
/// A private key in PKCS#8 DER.
type PrivateKey = Zeroizing<Vec<u8>>;

/// A store before it is written as PEM: certificates in DER, in the order of the file.
#[derive(Default)]
struct Contents {
    trusted: Vec<Certificate>,
    /// Private keys, each with its chain.
    keys: Vec<(PrivateKey, Vec<Certificate>)>,
}

/// Whether bytes look like a store of a form that [`read`] knows.
pub fn is_store(bytes: &[u8]) -> bool {
    jks::is_jks(bytes) || pkcs12::is_pkcs12(bytes)
}

/// Reads a store: JKS or PKCS#12. `key_password` is the password of the private key where it has one
/// of its own.
///
/// # Errors
/// `Configuration` if it is of another form, damaged, or the password does not fit. The text names
/// neither content nor password.
pub fn read(
    bytes: &[u8],
    password: &SecretString,
    key_password: Option<&SecretString>,
) -> Result<KeyStore> {
    if bytes.len() > STORE_BYTES_MAX {
        return Err(bad(format!(
            "the store has {} bytes, at most {STORE_BYTES_MAX} are read",
            bytes.len()
        )));
    }
    let password = Password::new(password);
    let key_password = key_password.map(Password::new);
    let key_password = key_password.as_ref().unwrap_or(&password);
    let contents = if jks::is_jks(bytes) {
        jks::read(bytes, &password, key_password)?
    } else if pkcs12::is_pkcs12(bytes) {
        pkcs12::read(bytes, &password, key_password)?
    } else {
        return Err(bad("the store is neither JKS nor PKCS#12"));
    };
    let mut keys = contents.keys.into_iter();
    let identity = keys.next().map(|(key, chain)| Identity {
        chain_pem: chain.iter().map(|c| pem("CERTIFICATE", c)).collect(),
        key_pem: SecretString::from(pem("PRIVATE KEY", &key)),
    });
    if keys.next().is_some() {
        return Err(bad("the store holds more than one private key: leave the one to be used"));
    }
    let trusted_pem = contents.trusted.iter().map(|c| pem("CERTIFICATE", c)).collect();
    Ok(KeyStore { trusted_pem, identity })
}

/// A PEM block with lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    let text = Zeroizing::new(STANDARD.encode(der));
    // To the byte, so that no copy of a key is left behind by a reallocation.
    let lines = text.len().div_ceil(64);
    let mut out = String::with_capacity(text.len() + lines + 2 * label.len() + 32);
    out.push_str("-----BEGIN ");
    out.push_str(label);
    out.push_str("-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out.push_str("-----END ");
    out.push_str(label);
    out.push_str("-----\n");
    out
}

fn bad(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, text)
}

fn wrong_password() -> Error {
    bad("the password does not fit the store, or the store is damaged")
}

fn wrong_key_password() -> Error {
    bad("the password does not fit the private key in the store")
}

#[cfg(test)]
mod tests;
