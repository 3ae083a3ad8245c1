//! The master key and where it comes from.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use super::SecretError;

/// Bytes of a master or data key.
pub(super) const KEY_BYTES: usize = 32;

/// The key that wraps data keys.
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl MasterKey {
    /// A new key.
    ///
    /// # Errors
    /// [`SecretError::NoRandomness`].
    pub fn generate() -> Result<Self, SecretError> {
        Ok(Self { bytes: random_key()? })
    }

    /// A key from its text: Base64 of 32 bytes.
    ///
    /// # Errors
    /// [`SecretError::Master`] if the text is anything else.
    pub fn from_text(text: &SecretString) -> Result<Self, SecretError> {
        let mut decoded = STANDARD
            .decode(text.expose_secret().trim())
            .map_err(|_| SecretError::Master("the text is not Base64".to_owned()))?;
        let length = decoded.len();
        let bytes = <[u8; KEY_BYTES]>::try_from(decoded.as_slice()).map_err(|_| {
            SecretError::Master(format!("the key has {length} bytes, it must have {KEY_BYTES}"))
        });
        decoded.zeroize();
        Ok(Self { bytes: Zeroizing::new(bytes?) })
    }

    /// Reads the key from a file that only its owner may read.
    ///
    /// # Errors
    /// [`SecretError::Master`] if the file is not there, open to others, or holds no key.
    pub fn read(path: &Path) -> Result<Self, SecretError> {
        let fail = |e: std::io::Error| SecretError::Master(format!("{}: {e}", path.display()));
        let mode = fs::metadata(path).map_err(fail)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(SecretError::Master(format!(
                "{} has mode {mode:04o}; only its owner may have access (chmod 600)",
                path.display()
            )));
        }
        let text = SecretString::from(fs::read_to_string(path).map_err(fail)?);
        Self::from_text(&text)
    }

    /// Writes the key to a new file of mode 0600.
    ///
    /// # Errors
    /// [`SecretError::Master`] if the file exists or cannot be written.
    pub fn write_new(&self, path: &Path) -> Result<(), SecretError> {
        let fail = |e: std::io::Error| SecretError::Master(format!("{}: {e}", path.display()));
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
        let mut text = Zeroizing::new(STANDARD.encode(self.bytes.as_slice()));
        text.push('\n');
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)
    }

    /// Short name of the key that tells nothing about it, to tell keys apart.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"tailrace master key");
        hash.update(self.bytes.as_slice());
        hex::encode(hash.finalize().get(..8).unwrap_or_default())
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.fingerprint())
    }
}

pub(super) fn random_key() -> Result<Zeroizing<[u8; KEY_BYTES]>, SecretError> {
    use rand::TryRng as _;
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    rand::rngs::SysRng
        .try_fill_bytes(bytes.as_mut_slice())
        .map_err(|_| SecretError::NoRandomness)?;
    Ok(bytes)
}
