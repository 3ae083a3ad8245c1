//! O5LOGON with the verifier of Oracle 12c: both sides prove that they know the password, and none sends it.

use aes::Aes256;
use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use sha2::{Digest as _, Sha512};

/// Rounds that the verifier of a stored password has.
pub(super) const VERIFIER_ROUNDS: u32 = 4096;
/// Rounds of the key that a session's proof is under.
pub(super) const SESSION_ROUNDS: u32 = 3;
/// The kind of verifier: PBKDF2 with SHA-512.
pub(super) const VERIFIER_KIND: u64 = 0x4815;

/// One login, from its question on.
pub(super) struct Login {
    /// Salt of the verifier.
    pub(super) salt: [u8; 16],
    /// Salt of the session's key.
    pub(super) session_salt: [u8; 16],
    hash: [u8; 32],
    ours: [u8; 32],
    /// Nothing proves a password that there is not.
    is_possible: bool,
    password: String,
}

impl Login {
    /// The login of a user with this password; of nobody without one.
    pub(super) fn new(password: Option<&str>) -> Self {
        let salt: [u8; 16] = rand::random();
        let text = password.unwrap_or_default();
        let speedy = [&salt[..], b"AUTH_PBKDF2_SPEEDY_KEY"].concat();
        let mut key = [0; 64];
        pbkdf2::pbkdf2_hmac::<Sha512>(text.as_bytes(), &speedy, VERIFIER_ROUNDS, &mut key);
        let mut digest = Sha512::new();
        digest.update(key);
        digest.update(salt);
        let hash = digest.finalize()[..32].try_into().expect("more than 32 bytes");
        Self {
            salt,
            session_salt: rand::random(),
            hash,
            ours: rand::random(),
            is_possible: password.is_some(),
            password: text.to_owned(),
        }
    }

    /// Our half of the session's key, encrypted, as digits.
    pub(super) fn session_key(&self) -> String {
        digits(&encrypt_blocks(&self.hash, &self.ours))
    }

    /// Checks what the client answers: its half of the key and the password under it, both as digits. Gives the proof that
    /// we know it too.
    pub(super) fn answer(&self, session_key: &str, password: &str) -> Option<String> {
        let theirs = decrypt_blocks(&self.hash, &hex::decode(session_key).ok()?)?;
        let both = digits(&[theirs.get(..32)?, &self.ours].concat());
        let mut key = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha512>(
            both.as_bytes(),
            &self.session_salt,
            SESSION_ROUNDS,
            &mut key,
        );
        let said = decrypt(&key, &hex::decode(password).ok()?)?;
        if !self.is_possible || said.get(16..)? != self.password.as_bytes() {
            return None;
        }
        let salt: [u8; 16] = rand::random();
        Some(digits(&encrypt(&key, &[&salt[..], b"SERVER_TO_CLIENT"].concat())))
    }
}

/// Bytes as upper-case digits.
pub(super) fn digits(bytes: &[u8]) -> String {
    hex::encode_upper(bytes)
}

fn encrypt(key: &[u8; 32], data: &[u8]) -> Vec<u8> {
    cbc::Encryptor::<Aes256>::new(key.into(), &[0; 16].into()).encrypt_padded_vec::<Pkcs7>(data)
}

fn decrypt(key: &[u8; 32], data: &[u8]) -> Option<Vec<u8>> {
    let cipher = cbc::Decryptor::<Aes256>::new(key.into(), &[0; 16].into());
    cipher.decrypt_padded_vec::<Pkcs7>(data).ok()
}

fn encrypt_blocks(key: &[u8; 32], data: &[u8]) -> Vec<u8> {
    cbc::Encryptor::<Aes256>::new(key.into(), &[0; 16].into()).encrypt_padded_vec::<NoPadding>(data)
}

fn decrypt_blocks(key: &[u8; 32], data: &[u8]) -> Option<Vec<u8>> {
    let cipher = cbc::Decryptor::<Aes256>::new(key.into(), &[0; 16].into());
    cipher.decrypt_padded_vec::<NoPadding>(data).ok()
}
