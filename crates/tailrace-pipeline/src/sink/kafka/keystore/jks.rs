//! Sun's JKS form, as `sun.security.provider.JavaKeyStore` of OpenJDK writes it: big-endian numbers,
//! entries, and a SHA-1 digest over password and file. Private keys are covered by a key stream of
//! chained SHA-1 digests with a digest of their own.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Context, Digest, SHA1_FOR_LEGACY_USE_ONLY};
use zeroize::Zeroizing;

use super::bytes::Bytes;
use super::der::{OCTET_STRING, OID, Reader, SEQUENCE};
use super::password::Password;
use super::{Contents, bad, wrong_key_password, wrong_password};
use crate::error::Result;

const MAGIC: [u8; 4] = [0xFE, 0xED, 0xFE, 0xED];
/// JCEKS, whose entries have other ciphers.
const MAGIC_JCEKS: [u8; 4] = [0xCE, 0xCE, 0xCE, 0xCE];
const DIGEST_BYTES: usize = 20;
/// Goes into the digest between password and file.
const WHITENER: &[u8] = b"Mighty Aphrodite";
/// `1.3.6.1.4.1.42.2.17.1.1`: Sun's key protector.
const KEY_PROTECTOR: &[u8] = &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x2A, 0x02, 0x11, 0x01, 0x01];
const TAG_KEY: u32 = 1;
const TAG_CERTIFICATE: u32 = 2;

pub(super) fn is_jks(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC) || bytes.starts_with(&MAGIC_JCEKS)
}

pub(super) fn read(bytes: &[u8], password: &Password, key_password: &Password) -> Result<Contents> {
    if bytes.starts_with(&MAGIC_JCEKS) {
        return Err(bad(
            "the store is JCEKS: turn it into PKCS#12 with keytool -importkeystore -deststoretype PKCS12",
        ));
    }
    let split = bytes.len().checked_sub(DIGEST_BYTES);
    let Some((body, digest)) = split.and_then(|at| bytes.split_at_checked(at)) else {
        return Err(bad("the store is cut off"));
    };
    verify_slices_are_equal(sha1(&[password.utf16(), WHITENER, body]).as_ref(), digest)
        .map_err(|_| wrong_password())?;
    let mut body = Bytes(body);
    body.take(MAGIC.len())?;
    let version = body.u32()?;
    if !matches!(version, 1 | 2) {
        return Err(bad(format!("the store is JKS version {version}, 1 and 2 are known")));
    }
    let mut contents = Contents::default();
    for _ in 0..body.u32()? {
        let tag = body.u32()?;
        // Alias and time of its making.
        body.text()?;
        body.take(8)?;
        match tag {
            TAG_KEY => {
                let covered = body.piece()?;
                let mut chain = Vec::new();
                for _ in 0..body.u32()? {
                    chain.push(certificate(&mut body, version)?);
                }
                contents.keys.push((uncover(covered, key_password)?, chain));
            }
            TAG_CERTIFICATE => contents.trusted.push(certificate(&mut body, version)?),
            other => {
                return Err(bad(format!(
                    "the store has an entry of kind {other}, 1 and 2 are known"
                )));
            }
        }
    }
    if !body.0.is_empty() {
        return Err(bad(format!("the store has {} bytes behind its last entry", body.0.len())));
    }
    Ok(contents)
}

fn certificate(body: &mut Bytes<'_>, version: u32) -> Result<Vec<u8>> {
    if version == 2 {
        let form = body.text()?;
        if form != b"X.509" {
            return Err(bad(format!(
                "the store has a certificate of form {:?}, X.509 is known",
                String::from_utf8_lossy(form)
            )));
        }
    }
    body.piece().map(<[u8]>::to_vec)
}

/// Takes the cover off a private key: salt, covered PKCS#8, digest of password and PKCS#8.
fn uncover(covered: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>> {
    let mut info = Reader::new(covered).inside(SEQUENCE)?;
    if info.inside(SEQUENCE)?.content(OID)? != KEY_PROTECTOR {
        return Err(bad("the private key in the store is covered by an unknown method"));
    }
    let mut data = Bytes(info.content(OCTET_STRING)?);
    let salt = data.take(DIGEST_BYTES)?;
    let length = data.0.len().checked_sub(DIGEST_BYTES);
    let key = data.take(length.ok_or_else(|| bad("the private key in the store is cut off"))?)?;
    let digest = data.0;
    let mut plain = Zeroizing::new(Vec::with_capacity(key.len()));
    let mut stream = salt.to_vec();
    for block in key.chunks(DIGEST_BYTES) {
        stream = sha1(&[password.utf16(), &stream]).as_ref().to_vec();
        plain.extend(block.iter().zip(&stream).map(|(a, b)| a ^ b));
    }
    verify_slices_are_equal(sha1(&[password.utf16(), &plain]).as_ref(), digest)
        .map_err(|_| wrong_key_password())?;
    Ok(plain)
}

fn sha1(parts: &[&[u8]]) -> Digest {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    context.finish()
}
