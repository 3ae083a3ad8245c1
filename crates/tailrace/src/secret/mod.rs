//! Secrets at rest.
//!
//! Envelope encryption: values are sealed with data keys, data keys are wrapped with the master key,
//! and the master key is never in the store. A sealed value is `key id (4 bytes, big endian) ‖ nonce
//! (12) ‖ AES-256-GCM-SIV ciphertext with tag`; table, row and column are authenticated with it, so
//! that a value moved to another place does not open.

mod master;
mod vault;

use std::fmt;

pub use master::MasterKey;
pub use vault::{Place, Vault, WrappedKey};

/// Why a secret cannot be had. Never holds one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretError {
    /// The master key cannot be read or is not one.
    Master(String),
    /// A data key was wrapped with another master key.
    WrongMaster {
        /// Fingerprint of the key it was wrapped with.
        wanted: String,
        /// Fingerprint of the key in use.
        found: String,
    },
    /// A sealed value is damaged or was moved.
    Damaged(String),
    /// A value was sealed with a data key that is not there.
    KeyMissing(u32),
    /// The machine gives no random numbers.
    NoRandomness,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master(text) => write!(f, "master key: {text}"),
            Self::WrongMaster { wanted, found } => write!(
                f,
                "master key: the stored secrets were sealed with key {wanted}, the key in use is {found}"
            ),
            Self::Damaged(place) => {
                write!(f, "the sealed value of {place} is damaged or was moved there")
            }
            Self::KeyMissing(id) => write!(f, "data key {id} is not in the store"),
            Self::NoRandomness => f.write_str("the system gives no random numbers"),
        }
    }
}

impl std::error::Error for SecretError {}

#[cfg(test)]
mod tests;
