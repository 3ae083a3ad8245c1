//! Certificates and keys as callers give them, turned into PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::refusal::{Refusal, Result};

/// Most bytes of one certificate or store, as given.
const MATERIAL_BYTES_MAX: usize = 1 << 20;

/// PEM blocks of a file.
pub(crate) struct Pem {
    /// Certificates, in order; empty if there is none.
    pub(crate) certificates: String,
    /// Private keys, in order; `None` if there is none.
    pub(crate) keys: Option<SecretString>,
}

/// Reads a certificate or key file: PEM, or Base64 of PEM. Names the field, never the content.
///
/// # Errors
/// [`Refusal::Invalid`] if it is none of these.
pub(crate) fn read(field: &str, material: &str, _password: Option<&SecretString>) -> Result<Pem> {
    let refuse = |seen: &str| Refusal::invalid(field, seen, "PEM, or Base64 of a PEM file");
    if material.len() > MATERIAL_BYTES_MAX {
        return Err(refuse("more than 1 MiB"));
    }
    let text: Zeroizing<String> = if material.contains("-----BEGIN ") {
        Zeroizing::new(material.to_owned())
    } else {
        let compact: Zeroizing<String> =
            Zeroizing::new(material.chars().filter(|c| !c.is_ascii_whitespace()).collect());
        let bytes =
            Zeroizing::new(STANDARD.decode(compact.as_bytes()).map_err(|_| refuse("no Base64"))?);
        let text = std::str::from_utf8(&bytes).map_err(|_| refuse("a binary file"))?;
        Zeroizing::new(text.to_owned())
    };
    split(&text).ok_or_else(|| refuse("no PEM block"))
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
    Some(Pem { certificates, keys })
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
    let pem = read(field, material, password)?;
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
    password: Option<&SecretString>,
) -> Result<(String, SecretString)> {
    let pem = read(field, material.expose_secret(), password)?;
    match pem.keys {
        Some(keys) if !pem.certificates.is_empty() => Ok((pem.certificates, keys)),
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
            let (chain, key) =
                certificates_and_key("key_store_key", &SecretString::from(material), None).unwrap();
            assert_eq!(chain, format!("{CERTIFICATE}{CERTIFICATE}"));
            assert_eq!(key.expose_secret(), KEY);
        }
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
