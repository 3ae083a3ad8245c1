//! A password in the forms that stores want.

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

/// A password; wiped when it is dropped.
pub(super) struct Password {
    utf8: Zeroizing<Vec<u8>>,
    utf16: Zeroizing<Vec<u8>>,
}

impl Password {
    pub(super) fn new(secret: &SecretString) -> Self {
        let text = secret.expose_secret();
        let mut utf16 = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
        for unit in text.encode_utf16() {
            utf16.extend_from_slice(&unit.to_be_bytes());
        }
        Self { utf8: Zeroizing::new(text.as_bytes().to_vec()), utf16 }
    }

    /// UTF-8, as PBKDF2 takes it.
    pub(super) fn utf8(&self) -> &[u8] {
        &self.utf8
    }

    /// UTF-16 with the high byte first, as JKS takes it.
    pub(super) fn utf16(&self) -> &[u8] {
        &self.utf16
    }

    /// The same with a final zero character, as PKCS#12's own derivation takes it.
    pub(super) fn utf16_with_end(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.utf16.len() + 2));
        bytes.extend_from_slice(&self.utf16);
        bytes.extend_from_slice(&[0, 0]);
        bytes
    }
}
