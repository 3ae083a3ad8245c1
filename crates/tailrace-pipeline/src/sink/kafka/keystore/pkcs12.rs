//! PKCS#12 (RFC 7292), as keytool and OpenSSL write it: DER, protected by a password.

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA224, SHA256, SHA384, SHA512};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::certificate;
use super::cipher::{Purpose, decrypt, derive, rounds, unknown};
use super::der::{
    CONTEXT_0, CONTEXT_0_PRIMITIVE, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET,
};
use super::password::Password;
use super::{Certificate, Contents, PrivateKey, bad, wrong_key_password, wrong_password};
use crate::error::Result;

const VERSION: u32 = 3;
/// `1.2.840.113549.1.7.1`: data
const DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
/// `1.2.840.113549.1.7.6`: encrypted data
const ENCRYPTED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x06];
/// `1.2.840.113549.1.12.10.1.`, before the number of a kind of bag
const BAG: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01];
/// `1.2.840.113549.1.9.22.1`: X.509 certificate
const X509: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x16, 0x01];
/// `1.2.840.113549.1.9.21`: local key id, which a key and its certificate share
const LOCAL_KEY_ID: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x15];
/// `1.3.14.3.2.26`: SHA-1
const SHA1: &[u8] = &[0x2B, 0x0E, 0x03, 0x02, 0x1A];
/// `2.16.840.1.101.3.4.2.`, before the number of a SHA-2
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
/// Bags within bags that are gone into.
const DEPTH_MAX: usize = 4;

/// Keys and certificates with their local key ids, in the order of the file.
#[derive(Default)]
struct Bags {
    keys: Vec<(PrivateKey, Option<Vec<u8>>)>,
    certificates: Vec<(Certificate, Option<Vec<u8>>)>,
}

/// Whether bytes begin like a store: a sequence whose first element is the version.
pub(super) fn is_pkcs12(bytes: &[u8]) -> bool {
    let mut outer = Reader::new(bytes);
    outer.inside(SEQUENCE).and_then(|mut store| store.small()).is_ok_and(|v| v == VERSION)
        // BER, for which reading gives a reason.
        || bytes.starts_with(&[SEQUENCE, 0x80, INTEGER, 1, 3])
}

pub(super) fn read(bytes: &[u8], password: &Password, key_password: &Password) -> Result<Contents> {
    let mut store = Reader::new(bytes).inside(SEQUENCE)?;
    store.small()?;
    let mut safe = store.inside(SEQUENCE)?;
    let form = safe.content(OID)?;
    if form != DATA {
        return Err(unknown("protection", form));
    }
    let safe = safe.inside(CONTEXT_0)?.content(OCTET_STRING)?;
    if store.is_empty() {
        return Err(bad("the store has no digest that a password could be checked against"));
    }
    check_mac(store.inside(SEQUENCE)?, safe, password)?;
    let mut bags = Bags::default();
    let mut parts = Reader::new(safe).inside(SEQUENCE)?;
    while !parts.is_empty() {
        let mut part = parts.inside(SEQUENCE)?;
        match part.content(OID)? {
            DATA => {
                let data = part.inside(CONTEXT_0)?.content(OCTET_STRING)?;
                read_bags(data, key_password, &mut bags, DEPTH_MAX)?;
            }
            ENCRYPTED_DATA => {
                let data = decrypt_part(part.inside(CONTEXT_0)?, password)?;
                read_bags(&data, key_password, &mut bags, DEPTH_MAX)?;
            }
            form => return Err(unknown("protection", form)),
        }
    }
    sort(bags)
}

fn check_mac(mut mac: Reader<'_>, data: &[u8], password: &Password) -> Result<()> {
    let mut digest = mac.inside(SEQUENCE)?;
    let id = digest.inside(SEQUENCE)?.content(OID)?;
    let value = digest.content(OCTET_STRING)?;
    let salt = mac.content(OCTET_STRING)?;
    let rounds = rounds(if mac.is_empty() { 1 } else { mac.small()? })?;
    let (hash, hmac): (&'static digest::Algorithm, _) = match (id, id.strip_prefix(SHA2)) {
        (SHA1, _) => (&SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        (_, Some([1])) => (&SHA256, hmac::HMAC_SHA256),
        (_, Some([2])) => (&SHA384, hmac::HMAC_SHA384),
        (_, Some([3])) => (&SHA512, hmac::HMAC_SHA512),
        (_, Some([4])) => (&SHA224, hmac::HMAC_SHA224),
        _ => return Err(unknown("digest", id)),
    };
    let key =
        derive(hash, &password.utf16_with_end(), salt, rounds, Purpose::Mac, hash.output_len());
    hmac::verify(&hmac::Key::new(hmac, &key), data, value).map_err(|_| wrong_password())
}

fn decrypt_part(mut part: Reader<'_>, password: &Password) -> Result<Zeroizing<Vec<u8>>> {
    let mut encrypted = part.inside(SEQUENCE)?;
    encrypted.small()?;
    let mut info = encrypted.inside(SEQUENCE)?;
    let form = info.content(OID)?;
    if form != DATA {
        return Err(unknown("content", form));
    }
    let algorithm = info.content(SEQUENCE)?;
    let data = info.content(CONTEXT_0_PRIMITIVE)?;
    decrypt(algorithm, data, password)?.ok_or_else(wrong_password)
}

fn read_bags(data: &[u8], key_password: &Password, bags: &mut Bags, depth: usize) -> Result<()> {
    let mut list = Reader::new(data).inside(SEQUENCE)?;
    while !list.is_empty() {
        let mut bag = list.inside(SEQUENCE)?;
        let id = bag.content(OID)?;
        let value = bag.content(CONTEXT_0)?;
        let local = if bag.is_empty() { None } else { local_key_id(bag.inside(SET)?)? };
        match id.strip_prefix(BAG) {
            // A private key as it is.
            Some([1]) => bags.keys.push((Zeroizing::new(value.to_vec()), local)),
            // An encrypted private key.
            Some([2]) => {
                let mut info = Reader::new(value).inside(SEQUENCE)?;
                let algorithm = info.content(SEQUENCE)?;
                let covered = info.content(OCTET_STRING)?;
                let key = decrypt(algorithm, covered, key_password)?;
                let key = key.filter(|k| is_private_key(k)).ok_or_else(wrong_key_password)?;
                bags.keys.push((key, local));
            }
            Some([3]) => {
                let mut certificate = Reader::new(value).inside(SEQUENCE)?;
                let form = certificate.content(OID)?;
                if form != X509 {
                    return Err(unknown("form of certificate", form));
                }
                let der = certificate.inside(CONTEXT_0)?.content(OCTET_STRING)?;
                bags.certificates.push((der.to_vec(), local));
            }
            // A list of revoked certificates, or a secret that is no key of a certificate.
            Some([4 | 5]) => {}
            Some([6]) if depth > 0 => read_bags(value, key_password, bags, depth - 1)?,
            _ => return Err(unknown("kind of entry", id)),
        }
    }
    Ok(())
}

/// A wrong password can by chance leave a padding that looks right.
fn is_private_key(der: &[u8]) -> bool {
    let mut outer = Reader::new(der);
    outer.inside(SEQUENCE).and_then(|mut key| key.small()).is_ok() && outer.is_empty()
}

fn local_key_id(mut attributes: Reader<'_>) -> Result<Option<Vec<u8>>> {
    while !attributes.is_empty() {
        let mut attribute = attributes.inside(SEQUENCE)?;
        if attribute.content(OID)? == LOCAL_KEY_ID {
            let id = attribute.inside(SET)?.content(OCTET_STRING)?;
            return Ok(Some(id.to_vec()));
        }
    }
    Ok(None)
}

/// Gives each key its certificate, and that its issuers.
fn sort(bags: Bags) -> Result<Contents> {
    let Bags { keys, mut certificates } = bags;
    let mut contents = Contents::default();
    let only_one = keys.len() == 1;
    for (key, id) in keys {
        let place = certificates.iter().position(|(_, other)| id.is_some() && *other == id);
        // Without ids, the certificate of the only key comes first.
        let place = place.or((only_one && id.is_none() && !certificates.is_empty()).then_some(0));
        let Some(place) = place else {
            return Err(bad("the store has a private key without its certificate"));
        };
        let (leaf, _) = certificates.remove(place);
        let (related, others) =
            certificates.into_iter().partition::<Vec<_>, _>(|(_, other)| other.is_none());
        let related = related.into_iter().map(|(der, _)| der).collect();
        let (chain, left) = certificate::chain(leaf, related)?;
        contents.keys.push((key, chain));
        certificates = others;
        certificates.extend(left.into_iter().map(|der| (der, None)));
    }
    contents.trusted = certificates.into_iter().map(|(der, _)| der).collect();
    Ok(contents)
}
