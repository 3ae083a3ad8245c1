//! Hashes and checks passwords with argon2id, on blocking threads and a few at a time: each takes
//! 19 MiB and tens of milliseconds.

use std::sync::{Arc, OnceLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

use crate::control::refusal::{Refusal, Result};

/// Hashes at the same time.
const HASHES_MAX: usize = 2;
/// Longest password that is looked at, bytes.
const PASSWORD_BYTES_MAX: usize = 1024;

pub(super) struct Passwords {
    permits: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(HASHES_MAX)) }
    }
}

/// Hashes a password to a PHC string.
///
/// # Errors
/// [`Refusal::Internal`].
pub(super) fn hash(password: &SecretString) -> Result<String> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.expose_secret().as_bytes())
        .map_err(Refusal::internal)?;
    Ok(hash.to_string())
}

/// What a password is checked against if there is no such user, so that the answer takes as long.
fn nobody() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash(&SecretString::from("nobody")).unwrap_or_default())
}

fn verify(password: &SecretString, hash: &str) -> bool {
    let password = password.expose_secret().as_bytes();
    let parsed = PasswordHash::new(hash);
    password.len() <= PASSWORD_BYTES_MAX
        && parsed.is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
}

impl Passwords {
    /// Waits for room, then hashes a password.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub(super) async fn hash(&self, password: &SecretString) -> Result<String> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Refusal::internal)?;
        let password = password.clone();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            hash(&password)
        })
        .await
        .map_err(Refusal::internal)?
    }

    /// Waits for room, then checks with `allowed` whether it is still wanted, then checks a password;
    /// `None` is a user that is not there.
    ///
    /// # Errors
    /// What `allowed` refuses with, or [`Refusal::Internal`].
    pub(super) async fn check(
        &self,
        password: &SecretString,
        hash: Option<String>,
        allowed: impl FnOnce() -> Result<()>,
    ) -> Result<bool> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Refusal::internal)?;
        allowed()?;
        let password = password.clone();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let right = verify(&password, hash.as_deref().unwrap_or_else(|| nobody()));
            right && hash.is_some()
        })
        .await
        .map_err(Refusal::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_of_a_user_that_is_there() {
        let right = SecretString::from("pass");
        let hash = hash(&right).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let passwords = Passwords::default();
        let ok = || Ok(());
        assert!(passwords.check(&right, Some(hash.clone()), ok).await.unwrap());
        let wrong = SecretString::from("Pass");
        assert!(!passwords.check(&wrong, Some(hash.clone()), ok).await.unwrap());
        assert!(!passwords.check(&SecretString::from("nobody"), None, ok).await.unwrap());
        assert!(!passwords.check(&right, Some("no hash".to_owned()), ok).await.unwrap());
        let refused = passwords.check(&right, Some(hash), || Err(Refusal::Forbidden)).await;
        assert_eq!(refused, Err(Refusal::Forbidden));
    }
}
