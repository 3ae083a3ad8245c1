//! Certificates and keys as callers give them, turned into PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use tailrace_pipeline::sink::kafka::keystore;
use zeroize::Zeroizing;

use super::refusal::{Refusal, Result};

/// Most bytes of one certificate or store, as given.
const MATERIAL_BYTES_MAX: usize = 1 << 20;

/// What a file holds, as PEM.
pub(crate) struct Pem {
    /// Certificates, in order; empty if there is none.
    pub(crate) certificates: String,
    /// Private keys, in order; `None` if there is none.
    pub(crate) keys: Option<SecretString>,
    /// The certificates that belong to the key, where the file tells them from others.
    chain: Option<String>,
}

/// Passwords of a Java key store or PKCS#12 file; PEM has none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Passwords<'a> {
    /// Of the whole store.
    pub(crate) store: Option<&'a SecretString>,
    /// Of the private key in it, if it is another.
    pub(crate) key: Option<&'a SecretString>,
}

/// Reads a certificate or key file: PEM, or Base64 of PEM or of a store (JKS, PKCS#12). Names the field,
/// never the content.
///
/// # Errors
/// [`Refusal::Invalid`] if it is none of these, or the password does not fit.
pub(crate) fn read(field: &str, material: &str, passwords: Passwords<'_>) -> Result<Pem> {
    let refuse =
        |seen: &str| Refusal::invalid(field, seen, "PEM, or Base64 of a PEM, JKS or PKCS#12 file");
    if material.len() > MATERIAL_BYTES_MAX {
        return Err(refuse("more than 1 MiB"));
    }
    if material.contains("-----BEGIN ") {
        return split(material).ok_or_else(|| refuse("no PEM block"));
    }
    let compact: Zeroizing<String> =
        Zeroizing::new(material.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    let bytes =
        Zeroizing::new(STANDARD.decode(compact.as_bytes()).map_err(|_| refuse("no Base64"))?);
    if keystore::is_store(&bytes) {
        let password = passwords.store.ok_or_else(|| refuse("a store without its password"))?;
        let store = keystore::read(&bytes, password, passwords.key)
            .map_err(|error| refuse(error.message()))?;
        let certificates = store.authorities_pem();
        let (chain, keys) = store.identity.map(|i| (i.chain_pem, i.key_pem)).unzip();
        return Ok(Pem { certificates, keys, chain });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| refuse("a binary file"))?;
    split(text).ok_or_else(|| refuse("no PEM block"))
}

/// Sorts the blocks of a PEM text; `None` if it has none or one is cut off.
fn split(text: &str) -> Option<Pem> {
    let mut certificates = String::new();
    let mut keys = Zeroizing::new(String::new());
    let mut rest = text;
    while let Some(begin) = rest.find("-----BEGIN ") {
        let block = rest.get(begin..)?;
        let label = block.strip_prefix("-----BEGIN ")?.split("-----").next()?;
        let end = format!("-----END {label}-----");
        let length = block.find(&end)? + end.len();
        let to = if label.ends_with("PRIVATE KEY") { &mut *keys } else { &mut certificates };
        to.push_str(block.get(..length)?);
        to.push('\n');
        rest = block.get(length..)?;
    }
    if certificates.is_empty() && keys.is_empty() {
        return None;
    }
    let keys = (!keys.is_empty()).then(|| SecretString::from(keys.as_str()));
    Some(Pem { certificates, keys, chain: None })
}

/// Reads a file that must hold certificates.
///
/// # Errors
/// As [`read`], and if it holds none.
pub(crate) fn certificates(
    field: &str,
    material: &str,
    password: Option<&SecretString>,
) -> Result<String> {
    let pem = read(field, material, Passwords { store: password, key: None })?;
    if pem.certificates.is_empty() {
        return Err(Refusal::invalid(field, "no certificate", "at least one certificate"));
    }
    Ok(pem.certificates)
}

/// Reads a file that must hold certificates and their private key.
///
/// # Errors
/// As [`read`], and if one of them is missing.
pub(crate) fn certificates_and_key(
    field: &str,
    material: &SecretString,
    passwords: Passwords<'_>,
) -> Result<(String, SecretString)> {
    let pem = read(field, material.expose_secret(), passwords)?;
    let certificates = pem.chain.unwrap_or(pem.certificates);
    match pem.keys {
        Some(keys) if !certificates.is_empty() => Ok((certificates, keys)),
        _ => Err(Refusal::invalid(
            field,
            "a file without both",
            "a certificate chain and its private key",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n";

    #[test]
    fn pem_and_base64_of_pem_are_read() {
        let both = format!("# a comment\n{CERTIFICATE}{KEY}{CERTIFICATE}");
        for material in [both.clone(), STANDARD.encode(&both)] {
            let material = SecretString::from(material);
            let (chain, key) =
                certificates_and_key("key_store_key", &material, Passwords::default()).unwrap();
            assert_eq!(chain, format!("{CERTIFICATE}{CERTIFICATE}"));
            assert_eq!(key.expose_secret(), KEY);
        }
    }

    const TRUST_STORE: &[u8] =
        include_bytes!("../../../tailrace-pipeline/src/sink/kafka/keystore/fixtures/trust.jks");
    const KEY_STORE: &[u8] =
        include_bytes!("../../../tailrace-pipeline/src/sink/kafka/keystore/fixtures/key.jks");

    #[test]
    fn java_key_stores_are_read_with_their_passwords() {
        let password = SecretString::from("changeit");
        let key_password = SecretString::from("other-key-pass");
        let trust = STANDARD.encode(TRUST_STORE);
        let pem = certificates("trust_store_key", &trust, Some(&password)).unwrap();
        assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----").count(), 2);
        for (wrong, why) in [(None, "without its password"), (Some(&key_password), "does not fit")]
        {
            let error = certificates("trust_store_key", &trust, wrong).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        let store = SecretString::from(STANDARD.encode(KEY_STORE));
        let both = Passwords { store: Some(&password), key: Some(&key_password) };
        let (chain, key) = certificates_and_key("key_store_key", &store, both).unwrap();
        assert_eq!(chain.matches("-----BEGIN CERTIFICATE-----").count(), 3);
        assert!(key.expose_secret().starts_with("-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn anything_else_is_refused_by_the_name_of_the_field() {
        let cut = CERTIFICATE.replace("-----END", "----");
        for material in ["", "§", "AAAA", cut.as_str(), KEY] {
            let error = certificates("trust_store_key", material, None).unwrap_err();
            assert!(
                matches!(&error, Refusal::Invalid { field, .. } if field == "trust_store_key"),
                "{error}"
            );
        }
    }
}
