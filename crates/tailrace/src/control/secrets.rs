//! Secrets of a job's endpoints, between what callers give, what the store holds and what the data
//! path needs.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use super::endpoint::{EndpointSecrets, Side};
use super::refusal::{Refusal, Result};
use crate::secret::{Place, Vault};
use crate::store::{SealedSecret, SealedTable};

/// Secrets of both ends of a job.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobSecrets {
    /// Of the source.
    pub(crate) source: EndpointSecrets,
    /// Of the target.
    pub(crate) target: EndpointSecrets,
}

/// Names in the store, with the member they stand for.
fn members(secrets: &mut EndpointSecrets) -> [(&'static str, &mut Option<SecretString>); 7] {
    [
        ("password", &mut secrets.password),
        ("certificate_password", &mut secrets.certificate_password),
        ("trust_store_password", &mut secrets.trust_store_password),
        ("key_store", &mut secrets.key_store),
        ("key_store_password", &mut secrets.key_store_password),
        ("key_password", &mut secrets.key_password),
        ("registry_password", &mut secrets.registry_password),
    ]
}

fn row(job_id: &str, side: Side) -> String {
    format!("{job_id}/{}", side.code())
}

/// Seals what is given.
///
/// # Errors
/// [`Refusal::Internal`] if sealing fails.
pub(crate) fn seal(
    vault: &Vault,
    job_id: &str,
    side: Side,
    secrets: &EndpointSecrets,
) -> Result<Vec<SealedSecret>> {
    let row = row(job_id, side);
    let mut sealed = Vec::new();
    for (name, value) in members(&mut secrets.clone()) {
        let Some(value) = value else { continue };
        let place = Place { table: SealedTable::JobSecrets.name(), row: &row, column: name };
        let value = vault.seal(place, value).map_err(Refusal::internal)?;
        sealed.push(SealedSecret { side, name: name.to_owned(), sealed: value });
    }
    Ok(sealed)
}

impl JobSecrets {
    /// Opens what the store holds.
    ///
    /// # Errors
    /// [`Refusal::Internal`] if a value does not open.
    pub(crate) fn unseal(vault: &Vault, job_id: &str, stored: &[SealedSecret]) -> Result<Self> {
        let mut secrets = Self::default();
        for secret in stored {
            let row = row(job_id, secret.side);
            let place =
                Place { table: SealedTable::JobSecrets.name(), row: &row, column: &secret.name };
            let value = vault.unseal(place, &secret.sealed).map_err(Refusal::internal)?;
            let end = match secret.side {
                Side::Source => &mut secrets.source,
                Side::Target => &mut secrets.target,
            };
            match members(end).into_iter().find(|(name, _)| *name == secret.name) {
                Some((_, member)) => *member = Some(value),
                None => {
                    let detail = format!("job {job_id} has a secret named {:?}", secret.name);
                    return Err(Refusal::internal(detail));
                }
            }
        }
        Ok(secrets)
    }

    /// Secrets of one end.
    pub(crate) fn of(&self, side: Side) -> &EndpointSecrets {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }
}

/// What is given over what is stored.
pub(crate) fn merged(stored: &EndpointSecrets, given: &EndpointSecrets) -> EndpointSecrets {
    let mut merged = stored.clone();
    let mut given = given.clone();
    for ((_, to), (_, from)) in members(&mut merged).into_iter().zip(members(&mut given)) {
        if from.is_some() {
            to.clone_from(from);
        }
    }
    merged
}

/// Secrets of an endpoint as one text, to be sealed together.
pub(crate) struct SecretTexts(BTreeMap<&'static str, SecretString>);

impl SecretTexts {
    /// Those that are there.
    pub(crate) fn of(secrets: &EndpointSecrets) -> Self {
        let mut secrets = secrets.clone();
        let there = members(&mut secrets).into_iter();
        Self(there.filter_map(|(name, value)| Some((name, value.take()?))).collect())
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them: JSON, by name.
    ///
    /// # Errors
    /// None that can be met: names and texts are JSON always.
    pub(crate) fn text(&self) -> std::result::Result<String, String> {
        let texts: BTreeMap<&str, &str> =
            self.0.iter().map(|(name, value)| (*name, value.expose_secret())).collect();
        serde_json::to_string(&texts).map_err(|e| e.to_string())
    }

    /// Reads them back.
    ///
    /// # Errors
    /// What is not such a text, without any of it.
    pub(crate) fn parse(text: &str) -> std::result::Result<EndpointSecrets, String> {
        let damaged = || "the sealed secrets of a connection are damaged".to_owned();
        let texts: BTreeMap<String, String> = serde_json::from_str(text).map_err(|_| damaged())?;
        let mut secrets = EndpointSecrets::default();
        for (name, text) in texts {
            let all = members(&mut secrets).into_iter();
            let (_, member) =
                all.into_iter().find(|(known, _)| *known == name).ok_or_else(damaged)?;
            *member = Some(SecretString::from(text));
        }
        Ok(secrets)
    }
}
