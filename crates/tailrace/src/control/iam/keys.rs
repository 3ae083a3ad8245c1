//! Access keys of users.

use secrecy::SecretString;

use super::directory::{check_quota, missing};
use super::{Iam, bootstrap, input};
use crate::control::refusal::Result;
use crate::secret::Place;
use crate::store::SealedTable;

/// Access keys of a user, as IAM has it.
const KEYS_PER_USER_MAX: usize = 2;

/// An access key in a list: without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserKey {
    /// AK.
    pub ak: String,
    /// Its user.
    pub user_id: String,
    /// May be used.
    pub enabled: bool,
    /// What it is for.
    pub description: String,
    /// Made, milliseconds of the Unix epoch.
    pub created_ms: i64,
}

/// What of an access key is to be changed.
#[derive(Debug, Default)]
pub struct KeyChange {
    /// May be used.
    pub enabled: Option<bool>,
    /// What it is for.
    pub description: Option<String>,
}

impl Iam {
    /// Makes an access key of a user; its secret is told here and nowhere else.
    ///
    /// # Errors
    /// [`crate::control::Refusal::IamMissing`], [`crate::control::Refusal::Invalid`],
    /// [`crate::control::Refusal::QuotaReached`].
    pub async fn create_key(
        &self,
        domain_id: &str,
        user_id: &str,
        description: Option<String>,
    ) -> Result<(UserKey, SecretString)> {
        let description = description.unwrap_or_default();
        input::description("description", &description)?;
        self.user_row(domain_id, user_id).await?;
        let count = self.store.access_keys(domain_id, Some(user_id)).await?.len();
        check_quota(count, KEYS_PER_USER_MAX, "access keys of a user")?;
        let (ak, secret) = bootstrap::random_key();
        let key = UserKey {
            ak,
            user_id: user_id.to_owned(),
            enabled: true,
            description,
            created_ms: self.clock.now_ms(),
        };
        let place = Place { table: SealedTable::AccessKeys.name(), row: &key.ak, column: "sealed" };
        let sealed = self.vault.seal(place, &secret).map_err(crate::control::Refusal::internal)?;
        self.store.add_access_key(&key, &sealed).await?;
        Ok((key, secret))
    }

    /// Access keys, all of a domain or those of a user.
    ///
    /// # Errors
    /// [`crate::control::Refusal::Internal`].
    pub async fn keys(&self, domain_id: &str, user_id: Option<&str>) -> Result<Vec<UserKey>> {
        Ok(self.store.access_keys(domain_id, user_id).await?)
    }

    /// An access key of a domain.
    ///
    /// # Errors
    /// [`crate::control::Refusal::IamMissing`].
    pub async fn key(&self, domain_id: &str, ak: &str) -> Result<UserKey> {
        let keys = self.store.access_keys(domain_id, None).await?;
        keys.into_iter().find(|key| key.ak == ak).ok_or_else(|| missing("access key", ak))
    }

    /// Changes whether a key may be used, and its description.
    ///
    /// # Errors
    /// [`crate::control::Refusal::IamMissing`], [`crate::control::Refusal::Invalid`].
    pub async fn update_key(
        &self,
        domain_id: &str,
        ak: &str,
        change: KeyChange,
    ) -> Result<UserKey> {
        let mut key = self.key(domain_id, ak).await?;
        if let Some(description) = change.description {
            input::description("description", &description)?;
            key.description = description;
        }
        key.enabled = change.enabled.unwrap_or(key.enabled);
        match self.store.update_access_key(&key).await? {
            true => Ok(key),
            false => Err(missing("access key", ak)),
        }
    }

    /// Removes a key.
    ///
    /// # Errors
    /// [`crate::control::Refusal::IamMissing`].
    pub async fn delete_key(&self, domain_id: &str, ak: &str) -> Result<()> {
        self.key(domain_id, ak).await?;
        match self.store.delete_access_key(ak).await? {
            true => Ok(()),
            false => Err(missing("access key", ak)),
        }
    }
}
