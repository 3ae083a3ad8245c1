//! Who the client is: from a server's `credentials.json`, or from single values.

use std::path::Path;

use secrecy::SecretString;
use serde::Deserialize;

use super::{ClientError, Result, secret};

/// Who the client is, in which project.
pub struct Login {
    /// Project.
    pub project_id: String,
    /// What shows it.
    pub proof: Proof,
}

/// What shows who the client is.
pub enum Proof {
    /// An access key, with which requests are signed.
    Key {
        /// Access key.
        access_key: String,
        /// Secret key.
        secret_key: SecretString,
    },
    /// A token.
    Token(SecretString),
}

/// The members of `credentials.json` that are needed.
#[derive(Deserialize)]
struct CredentialsFile {
    project_id: String,
    access_key: String,
    secret_key: String,
}

impl Login {
    /// Reads the file that a server's first start writes.
    ///
    /// # Errors
    /// [`ClientError::Settings`] if it cannot be read; never with its content.
    pub fn read(path: &Path) -> Result<Self> {
        let failed =
            |e: &dyn std::fmt::Display| ClientError::Settings(format!("{}: {e}", path.display()));
        let bytes = std::fs::read(path).map_err(|e| failed(&e))?;
        let file: CredentialsFile = serde_json::from_slice(&bytes).map_err(|_| {
            failed(&"not a credentials file: project_id, access_key and secret_key are wanted")
        })?;
        Ok(Self {
            project_id: file.project_id,
            proof: Proof::Key { access_key: file.access_key, secret_key: secret(file.secret_key) },
        })
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("project_id", &self.project_id).finish_non_exhaustive()
    }
}
