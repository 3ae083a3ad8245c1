//! Seals and opens values with data keys.

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm_siv::aead::{Aead as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, KeyInit as _, Nonce};
use rand::TryRng as _;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::SecretError;
use super::master::{MasterKey, random_key};

const NONCE_BYTES: usize = 12;
const KEY_ID_BYTES: usize = 4;

/// Where a sealed value belongs. Authenticated, not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Table.
    pub table: &'a str,
    /// Row, by its primary key in text form.
    pub row: &'a str,
    /// Column, or name of the value in the row.
    pub column: &'a str,
}

impl Place<'_> {
    /// Bytes to authenticate: every part with its length in front, so that no two places are alike.
    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for part in [self.table, self.row, self.column] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} ({})", self.table, self.column, self.row)
    }
}

/// A data key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey {
    /// Id, from 1; the greatest one seals.
    pub id: u32,
    /// Fingerprint of the master key that wraps it.
    pub master: String,
    /// `nonce ‖ ciphertext with tag`.
    pub wrapped: Vec<u8>,
}

/// Data keys, unwrapped.
pub struct Vault {
    keys: BTreeMap<u32, Aes256GcmSiv>,
    sealing: u32,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault(keys {:?})", self.keys.keys())
    }
}

impl Vault {
    /// Unwraps the stored data keys.
    ///
    /// # Errors
    /// [`SecretError::WrongMaster`] if another master key wrapped one, [`SecretError::Damaged`] if
    /// one does not open, [`SecretError::KeyMissing`] if there is none.
    pub fn open(master: &MasterKey, stored: &[WrappedKey]) -> Result<Self, SecretError> {
        let mut keys = BTreeMap::new();
        for key in stored {
            let bytes = unwrap(master, key)?;
            keys.insert(
                key.id,
                Aes256GcmSiv::new(
                    bytes
                        .as_slice()
                        .try_into()
                        .map_err(|_| SecretError::Damaged(format!("data key {}", key.id)))?,
                ),
            );
        }
        let sealing = *keys.keys().next_back().ok_or(SecretError::KeyMissing(1))?;
        Ok(Self { keys, sealing })
    }

    /// Makes a data key and wraps it.
    ///
    /// # Errors
    /// [`SecretError::NoRandomness`].
    pub fn make_key(master: &MasterKey, id: u32) -> Result<WrappedKey, SecretError> {
        wrap(master, id, random_key()?.as_slice())
    }

    /// Wraps a stored data key with another master key.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn rewrap(
        old: &MasterKey,
        new: &MasterKey,
        key: &WrappedKey,
    ) -> Result<WrappedKey, SecretError> {
        wrap(new, key.id, unwrap(old, key)?.as_slice())
    }

    /// Seals a value for a place, with the newest data key.
    ///
    /// # Errors
    /// [`SecretError::NoRandomness`].
    pub fn seal(&self, place: Place<'_>, secret: &SecretString) -> Result<Vec<u8>, SecretError> {
        let cipher = self.key(self.sealing)?;
        let mut sealed = self.sealing.to_be_bytes().to_vec();
        sealed.extend(encrypt(
            cipher,
            secret.expose_secret().as_bytes(),
            &place.associated_data(),
        )?);
        Ok(sealed)
    }

    /// Opens a value that was sealed for a place.
    ///
    /// # Errors
    /// [`SecretError::Damaged`] or [`SecretError::KeyMissing`].
    pub fn unseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<SecretString, SecretError> {
        let damaged = || SecretError::Damaged(place.to_string());
        let (id, rest) = sealed.split_first_chunk::<KEY_ID_BYTES>().ok_or_else(damaged)?;
        let cipher = self.key(u32::from_be_bytes(*id))?;
        let plain = decrypt(cipher, rest, &place.associated_data()).ok_or_else(damaged)?;
        let text = std::str::from_utf8(&plain).map_err(|_| damaged())?;
        Ok(SecretString::from(text))
    }

    /// Seals a value again with the newest data key; `None` if it is already.
    ///
    /// # Errors
    /// As [`Vault::unseal`].
    pub fn reseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<Option<Vec<u8>>, SecretError> {
        if sealed.starts_with(&self.sealing.to_be_bytes()) {
            return Ok(None);
        }
        self.seal(place, &self.unseal(place, sealed)?).map(Some)
    }

    fn key(&self, id: u32) -> Result<&Aes256GcmSiv, SecretError> {
        self.keys.get(&id).ok_or(SecretError::KeyMissing(id))
    }
}

fn wrap(master: &MasterKey, id: u32, key: &[u8]) -> Result<WrappedKey, SecretError> {
    let cipher = Aes256GcmSiv::new(master.bytes().into());
    let wrapped = encrypt(&cipher, key, &key_place(id))?;
    Ok(WrappedKey { id, master: master.fingerprint(), wrapped })
}

fn unwrap(master: &MasterKey, key: &WrappedKey) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    if key.master != master.fingerprint() {
        return Err(SecretError::WrongMaster {
            wanted: key.master.clone(),
            found: master.fingerprint(),
        });
    }
    let cipher = Aes256GcmSiv::new(master.bytes().into());
    decrypt(&cipher, &key.wrapped, &key_place(key.id))
        .ok_or_else(|| SecretError::Damaged(format!("data key {}", key.id)))
}

fn key_place(id: u32) -> Vec<u8> {
    Place { table: "data_keys", row: &id.to_string(), column: "wrapped" }.associated_data()
}

fn encrypt(cipher: &Aes256GcmSiv, plain: &[u8], aad: &[u8]) -> Result<Vec<u8>, SecretError> {
    let mut nonce = [0; NONCE_BYTES];
    rand::rngs::SysRng.try_fill_bytes(&mut nonce).map_err(|_| SecretError::NoRandomness)?;
    let mut out = nonce.to_vec();
    // The only error is a plaintext beyond 64 GiB.
    let text = cipher
        .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad })
        .map_err(|_| SecretError::Damaged("a value of more than 64 GiB".to_owned()))?;
    out.extend(text);
    Ok(out)
}

fn decrypt(cipher: &Aes256GcmSiv, sealed: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>()?;
    let plain = cipher.decrypt(&Nonce::from(*nonce), Payload { msg: text, aad }).ok()?;
    Some(Zeroizing::new(plain))
}
