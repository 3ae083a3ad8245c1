//! Users, projects, access keys and tokens.

mod address;
mod bootstrap;
mod directory;
mod grants;
mod input;
mod keys;
mod lockout;
mod login;
mod password;
mod rights;
mod roles;

use std::sync::{Arc, Mutex};

pub use bootstrap::{BootstrapValues, Credentials};
pub use directory::{Naming, NewUser, UserChange};
pub use grants::{Actor, Grant, RoleInput};
pub use keys::{KeyChange, UserKey};
pub use rights::{Effect, Policy, Right, Rights, Statement};
pub use roles::{Role, RoleKind, SECURITY_ADMINISTRATOR, TENANT_ADMINISTRATOR, predefined};
use secrecy::SecretString;

use super::caller::{Caller, Language};
use super::inner::locked;
use super::refusal::{Refusal, Result};
use crate::clock::Clock;
use crate::secret::{Place, Vault};
use crate::store::{SealedTable, Store, UserRow};
use lockout::Lockout;
use password::Passwords;

/// A domain (account).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Id: 32 hexadecimal digits.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Id: 32 hexadecimal digits.
    pub id: String,
    /// Domain.
    pub domain_id: String,
    /// Name; DRS clients take it for the region.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Id: 32 hexadecimal digits.
    pub id: String,
    /// Domain.
    pub domain_id: String,
    /// Name, unique in the domain.
    pub name: String,
    /// Who is in it.
    pub description: String,
    /// Made, milliseconds of the Unix epoch.
    pub created_ms: i64,
}

/// A user with what administrators see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// User.
    pub user: User,
    /// May log in.
    pub enabled: bool,
    /// Who it is.
    pub description: String,
    /// Made, milliseconds of the Unix epoch.
    pub created_ms: i64,
}

impl From<UserRow> for Account {
    fn from(row: UserRow) -> Self {
        let UserRow { user, enabled, description, created_ms, password_hash: _ } = row;
        Self { user, enabled, description, created_ms }
    }
}

/// A user, without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Id: 32 hexadecimal digits.
    pub id: String,
    /// Name, unique in the domain.
    pub name: String,
    /// Domain.
    pub domain: Domain,
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One project.
    Project(Project),
    /// The domain.
    Domain,
}

/// How a client names the scope of a token it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeWanted {
    /// By id.
    ProjectId(String),
    /// By name, in the user's domain.
    ProjectName(String),
    /// The user's domain.
    Domain,
    /// Not said: the domain.
    Unscoped,
}

/// An identity that proved itself by a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// User.
    pub user: User,
    /// Scope.
    pub scope: Scope,
    /// Issued, milliseconds of the Unix epoch.
    pub issued_ms: i64,
    /// Expires, milliseconds of the Unix epoch.
    pub expires_ms: i64,
}

/// A token that was just issued. Its text is nowhere else.
#[derive(Debug)]
pub struct IssuedToken {
    /// Text for `X-Subject-Token`.
    pub token: SecretString,
    /// What it stands for.
    pub session: Session,
}

/// An access key with the secret that verifies signatures.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// AK.
    pub ak: String,
    /// SK.
    pub secret: SecretString,
    /// Its user.
    pub user: User,
}

/// Users, projects, access keys and tokens.
pub struct Iam {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    lockout: Mutex<Lockout>,
    /// Addresses that too many wrong passwords came from.
    addresses: Mutex<Lockout>,
}

/// Who a failed attempt is counted for.
fn ak_key(ak: &str) -> String {
    format!("ak {ak}")
}

/// Who a wrong password is counted for.
fn user_key(domain_name: &str, user_name: &str) -> String {
    format!("user {domain_name}/{user_name}")
}

impl Iam {
    pub(crate) fn new(store: Arc<dyn Store>, vault: Arc<Vault>, clock: Arc<dyn Clock>) -> Self {
        let passwords = Passwords::default();
        let addresses = Mutex::new(Lockout::of_addresses());
        Self { store, vault, clock, passwords, lockout: Mutex::default(), addresses }
    }

    /// The key of an AK, to verify a signature with.
    ///
    /// # Errors
    /// [`Refusal::LoginFailed`] if there is none that may be used, [`Refusal::Locked`] after too many
    /// wrong signatures.
    pub async fn access_key(&self, ak: &str) -> Result<AccessKey> {
        self.check_lock(&ak_key(ak))?;
        let key = self.store.access_key(ak).await?.filter(|key| key.enabled);
        let Some(key) = key else { return Err(Refusal::LoginFailed) };
        let place = Place { table: SealedTable::AccessKeys.name(), row: ak, column: "sealed" };
        let secret = self.vault.unseal(place, &key.sealed).map_err(Refusal::internal)?;
        Ok(AccessKey { ak: key.ak, secret, user: key.user })
    }

    /// A signature with this AK was wrong.
    pub fn signature_failed(&self, ak: &str) {
        locked(&self.lockout).failed(&ak_key(ak), self.clock.now_ms());
    }

    /// A signature with this AK was right.
    pub fn signature_verified(&self, ak: &str) {
        locked(&self.lockout).succeeded(&ak_key(ak));
    }

    fn check_lock(&self, key: &str) -> Result<()> {
        let locked_until = locked(&self.lockout).locked_until(key, self.clock.now_ms());
        locked_until.map_or(Ok(()), |until_ms| Err(Refusal::Locked { until_ms }))
    }

    /// The caller a user is in a project.
    ///
    /// # Errors
    /// [`Refusal::WrongProject`] if the project is not of the user's domain.
    pub async fn caller(
        &self,
        user: &User,
        project_id: &str,
        language: Language,
    ) -> Result<Caller> {
        let project = self.store.project(project_id).await?;
        match project.filter(|project| project.domain_id == user.domain.id) {
            Some(project) => Ok(Caller {
                rights: self.rights(user, Some(&project.id)).await?,
                domain_id: project.domain_id,
                project_id: project.id,
                user_id: user.id.clone(),
                user_name: user.name.clone(),
                language,
            }),
            None => Err(Refusal::WrongProject),
        }
    }

    /// The domain a user is in, as a list of one.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub async fn domains(&self, domain_id: &str) -> Result<Vec<Domain>> {
        Ok(self.store.domain(domain_id).await?.into_iter().collect())
    }
}
