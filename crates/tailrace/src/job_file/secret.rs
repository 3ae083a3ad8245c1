//! A secret in a job file: written there, or said where it is.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use super::JobFileError;

/// A secret, or where it is.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "text, { env = \"VARIABLE\" } or { file = \"PATH\" }")]
pub enum Secret {
    /// The secret itself.
    Text(#[serde(deserialize_with = "text")] SecretString),
    /// In an environment variable.
    Env {
        /// Its name.
        env: String,
    },
    /// In a file, without the line break at its end.
    File {
        /// Its path.
        file: PathBuf,
    },
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

impl Secret {
    /// The secret. `field` names it in errors.
    ///
    /// # Errors
    /// [`JobFileError`] if variable or file is not there.
    pub fn reveal(&self, field: &str) -> Result<SecretString, JobFileError> {
        match self {
            Self::Text(secret) => Ok(secret.clone()),
            Self::Env { env } => std::env::var(env).map(SecretString::from).map_err(|_| {
                JobFileError(format!("{field}: environment variable {env} is not set"))
            }),
            Self::File { file } => {
                let text = std::fs::read_to_string(file)
                    .map_err(|e| JobFileError(format!("{field}: {}: {e}", file.display())))?;
                Ok(SecretString::from(text.trim_end_matches(['\n', '\r']).to_owned()))
            }
        }
    }
}
