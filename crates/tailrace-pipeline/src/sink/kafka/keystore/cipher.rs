//! The password-based ciphers of PKCS#12: PBES2 (RFC 8018) and the older ones of RFC 7292 appendix C.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::digest;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt as _, KeyInit, KeyIvInit as _};
use zeroize::Zeroizing;

use super::bad;
use super::der::{Element, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE};
use super::password::Password;
use crate::error::Result;

/// Rounds of a key derivation that are gone through; makers of stores use up to some hundred thousand.
const ROUNDS_MAX: u32 = 10_000_000;

/// `1.2.840.113549.1.5.13`
const PBES2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0D];
/// `1.2.840.113549.1.5.12`
const PBKDF2: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x05, 0x0C];
/// `1.2.840.113549.1.12.1.3`: SHA-1 and triple DES with three keys
const SHA1_3DES: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01, 0x03];
/// `1.2.840.113549.1.12.1.5`: SHA-1 and RC2 with 128 bits
const SHA1_RC2_128: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01, 0x05];
/// `1.2.840.113549.1.12.1.6`: SHA-1 and RC2 with 40 bits
const SHA1_RC2_40: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x01, 0x06];
/// `1.2.840.113549.2.`, before the number of an HMAC
const HMAC: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02];
/// `2.16.840.1.101.3.4.1.`, before the number of an AES mode
const AES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01];

/// What a derived value is for (RFC 7292 appendix B.3).
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

/// Decrypts what an `AlgorithmIdentifier` covers; `None` if the padding shows a wrong password.
///
/// # Errors
/// `Configuration` for an algorithm that is not known.
pub(super) fn decrypt(
    algorithm: &[u8],
    data: &[u8],
    password: &Password,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let mut algorithm = Reader::new(algorithm);
    let id = algorithm.content(OID)?;
    let mut parameters = algorithm.inside(SEQUENCE)?;
    if id == PBES2 {
        return pbes2(&mut parameters, data, password);
    }
    let salt = parameters.content(OCTET_STRING)?;
    let rounds = rounds(parameters.small()?)?;
    let derive = |purpose, length| {
        let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
        derive(sha1, &password.utf16_with_end(), salt, rounds, purpose, length)
    };
    let iv = derive(Purpose::Iv, 8);
    match id {
        SHA1_3DES => decrypt_cbc::<des::TdesEde3>(&derive(Purpose::Key, 24), &iv, data),
        SHA1_RC2_128 => decrypt_cbc::<rc2::Rc2>(&derive(Purpose::Key, 16), &iv, data),
        SHA1_RC2_40 => decrypt_cbc::<rc2::Rc2>(&derive(Purpose::Key, 5), &iv, data),
        _ => Err(unknown("cipher", id)),
    }
}

fn decrypt_cbc<C: KeyInit + BlockCipherDecrypt>(
    key: &[u8],
    iv: &[u8],
    data: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv)
        .map_err(|_| bad("the store has a key of the wrong length"))?;
    let mut plain = Zeroizing::new(data.to_vec());
    let Ok(length) = cipher.decrypt_padded::<Pkcs7>(&mut plain).map(<[u8]>::len) else {
        return Ok(None);
    };
    plain.truncate(length);
    Ok(Some(plain))
}

fn pbes2(
    parameters: &mut Reader<'_>,
    data: &[u8],
    password: &Password,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let mut derivation = parameters.inside(SEQUENCE)?;
    let id = derivation.content(OID)?;
    if id != PBKDF2 {
        return Err(unknown("key derivation", id));
    }
    let mut derivation = derivation.inside(SEQUENCE)?;
    let salt = derivation.content(OCTET_STRING)?;
    let rounds = rounds(derivation.small()?)?;
    if derivation.peek() == Some(INTEGER) {
        // Length of the key, which follows from the cipher.
        derivation.any()?;
    }
    let hash = if derivation.is_empty() {
        pbkdf2::PBKDF2_HMAC_SHA1
    } else {
        pbkdf2_hash(derivation.inside(SEQUENCE)?.content(OID)?)?
    };
    let mut cipher = parameters.inside(SEQUENCE)?;
    let (algorithm, key_bytes) = aes(cipher.content(OID)?)?;
    let iv = cipher.any()?;
    let mut key = Zeroizing::new(vec![0; key_bytes]);
    pbkdf2::derive(hash, rounds, salt, password.utf8(), &mut key);
    decrypt_aes(algorithm, &key, iv, data)
}

fn decrypt_aes(
    algorithm: &'static Algorithm,
    key: &[u8],
    iv: Element<'_>,
    data: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let iv = <[u8; 16]>::try_from(iv.content)
        .ok()
        .filter(|_| iv.tag == OCTET_STRING)
        .ok_or_else(|| bad("the store has an AES start value that is not of 16 bytes"))?;
    let key = UnboundCipherKey::new(algorithm, key)
        .and_then(PaddedBlockDecryptingKey::cbc_pkcs7)
        .map_err(|_| bad("the store has an AES key of the wrong length"))?;
    let mut plain = Zeroizing::new(data.to_vec());
    let length = match key.decrypt(&mut plain, DecryptionContext::Iv128(FixedLength::from(iv))) {
        Ok(decrypted) => decrypted.len(),
        Err(_) => return Ok(None),
    };
    plain.truncate(length);
    Ok(Some(plain))
}

fn pbkdf2_hash(id: &[u8]) -> Result<pbkdf2::Algorithm> {
    match id.strip_prefix(HMAC) {
        Some([7]) => Ok(pbkdf2::PBKDF2_HMAC_SHA1),
        Some([9]) => Ok(pbkdf2::PBKDF2_HMAC_SHA256),
        Some([10]) => Ok(pbkdf2::PBKDF2_HMAC_SHA384),
        Some([11]) => Ok(pbkdf2::PBKDF2_HMAC_SHA512),
        _ => Err(unknown("hash", id)),
    }
}

fn aes(id: &[u8]) -> Result<(&'static Algorithm, usize)> {
    match id.strip_prefix(AES) {
        Some([2]) => Ok((&AES_128, 16)),
        Some([22]) => Ok((&AES_192, 24)),
        Some([42]) => Ok((&AES_256, 32)),
        _ => Err(unknown("cipher", id)),
    }
}

/// Rounds of a derivation within what is gone through.
pub(super) fn rounds(rounds: u32) -> Result<NonZeroU32> {
    NonZeroU32::new(rounds).filter(|r| r.get() <= ROUNDS_MAX).ok_or_else(|| {
        bad(format!(
            "the store wants {rounds} rounds of key derivation, 1 to {ROUNDS_MAX} are gone through"
        ))
    })
}

/// An algorithm that is not known, by its object identifier in hexadecimal.
pub(super) fn unknown(what: &str, id: &[u8]) -> crate::error::Error {
    let hex: String = id.iter().map(|b| format!("{b:02x}")).collect();
    bad(format!(
        "the store has a {what} that is not known (object identifier {hex}): write it again with keytool -importkeystore -deststoretype PKCS12"
    ))
}

/// PKCS#12's own key derivation (RFC 7292 appendix B.2). `password` is UTF-16 with a final zero.
pub(super) fn derive(
    hash: &'static digest::Algorithm,
    password: &[u8],
    salt: &[u8],
    rounds: NonZeroU32,
    purpose: Purpose,
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let block = hash.block_len;
    let fill = |bytes: &[u8]| repeat(bytes, bytes.len().div_ceil(block) * block);
    let diversifier = vec![purpose as u8; block];
    let mut input = Zeroizing::new(fill(salt));
    input.extend_from_slice(&Zeroizing::new(fill(password)));
    let mut out = Zeroizing::new(Vec::with_capacity(length + digest::MAX_OUTPUT_LEN));
    while out.len() < length {
        let mut context = digest::Context::new(hash);
        context.update(&diversifier);
        context.update(&input);
        let mut value = context.finish();
        for _ in 1..rounds.get() {
            value = digest::digest(hash, value.as_ref());
        }
        out.extend_from_slice(value.as_ref());
        let addend = Zeroizing::new(repeat(value.as_ref(), block));
        for part in input.chunks_mut(block) {
            add_with_one(part, &addend);
        }
    }
    out.truncate(length);
    out
}

/// Bytes one time after the other up to a length.
fn repeat(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(length).collect()
}

/// Adds a number of the same length, and one, to a number; high byte first, overflow dropped.
fn add_with_one(number: &mut [u8], addend: &[u8]) {
    let mut carry = 1_u16;
    for (digit, more) in number.iter_mut().zip(addend).rev() {
        carry += u16::from(*digit) + u16::from(*more);
        // The low eight bits.
        *digit = (carry & 0xFF) as u8;
        carry >>= 8;
    }
}
