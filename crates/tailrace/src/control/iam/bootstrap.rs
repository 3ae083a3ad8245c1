//! The first domain, project, administrator and access key of an empty store.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{Domain, Project, SECURITY_ADMINISTRATOR, TENANT_ADMINISTRATOR, User, password};
use crate::control::refusal::{Refusal, Result};
use crate::secret::{Place, Vault};
use crate::store::{Bootstrap, SealedTable, Store, UserRow};

const FILE: &str = "credentials.json";
const NEW_FILE: &str = "credentials.json.new";
/// Characters of random keys and passwords.
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Values an operator wants; what is not set is made up.
#[derive(Debug, Clone, Default)]
pub struct BootstrapValues {
    /// `TAILRACE_BOOTSTRAP_PROJECT_ID`
    pub project_id: Option<String>,
    /// `TAILRACE_BOOTSTRAP_PROJECT_NAME`
    pub project_name: Option<String>,
    /// `TAILRACE_BOOTSTRAP_DOMAIN`
    pub domain: Option<String>,
    /// `TAILRACE_BOOTSTRAP_USER`
    pub user: Option<String>,
    /// `TAILRACE_BOOTSTRAP_PASSWORD`
    pub password: Option<SecretString>,
    /// `TAILRACE_BOOTSTRAP_AK`
    pub ak: Option<String>,
    /// `TAILRACE_BOOTSTRAP_SK`
    pub sk: Option<SecretString>,
}

/// What an empty store was filled with, as written to `credentials.json`.
#[derive(Serialize)]
pub struct Credentials {
    /// Domain id.
    pub domain_id: String,
    /// Domain name.
    pub domain_name: String,
    /// Project id.
    pub project_id: String,
    /// Project name; DRS clients take it for the region.
    pub project_name: String,
    /// User id.
    pub user_id: String,
    /// User name.
    pub user_name: String,
    password: String,
    access_key: String,
    secret_key: String,
}

fn random_text(alphabet: &[u8], length: usize) -> String {
    (0..length)
        .filter_map(|_| alphabet.get(rand::random_range(0..alphabet.len())))
        .map(|b| char::from(*b))
        .collect()
}

/// A password that nobody is told.
pub(super) fn random_password() -> String {
    random_text(LETTERS, 24)
}

/// A new access key: AK and SK.
pub(super) fn random_key() -> (String, SecretString) {
    let upper = LETTERS.iter().copied().filter(|b| !b.is_ascii_lowercase());
    let upper: Vec<u8> = upper.collect();
    (random_text(&upper, 20), SecretString::from(random_text(LETTERS, 40)))
}

fn random_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn checked(
    name: &str,
    value: Option<String>,
    otherwise: impl FnOnce() -> String,
) -> Result<String> {
    let Some(value) = value else { return Ok(otherwise()) };
    let fits = (1..=128).contains(&value.len())
        && value.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '/' | '"' | '\\'));
    if fits {
        return Ok(value);
    }
    let allowed = "1 to 128 printable characters without space, '/', '\"' and '\\'";
    Err(Refusal::invalid(format!("TAILRACE_BOOTSTRAP_{name}"), value, allowed))
}

fn checked_secret(
    name: &str,
    value: Option<SecretString>,
    otherwise: impl FnOnce() -> String,
) -> Result<SecretString> {
    match value {
        None => Ok(SecretString::from(otherwise())),
        Some(value) if (1..=1024).contains(&value.expose_secret().len()) => {
            if value.expose_secret().len() < 8 {
                tracing::warn!("TAILRACE_BOOTSTRAP_{name} is shorter than 8 bytes");
            }
            Ok(value)
        }
        Some(_) => Err(Refusal::invalid(
            format!("TAILRACE_BOOTSTRAP_{name}"),
            "a text of another length",
            "1 to 1024 bytes",
        )),
    }
}

impl Credentials {
    fn make(values: BootstrapValues) -> Result<Self> {
        let password = checked_secret("PASSWORD", values.password, || random_text(LETTERS, 24))?;
        let secret_key = checked_secret("SK", values.sk, || random_text(LETTERS, 40))?;
        let upper = LETTERS.iter().copied().filter(|b| !b.is_ascii_lowercase());
        let upper: Vec<u8> = upper.collect();
        Ok(Self {
            domain_id: random_id(),
            domain_name: checked("DOMAIN", values.domain, || "tailrace".to_owned())?,
            project_id: checked("PROJECT_ID", values.project_id, random_id)?,
            project_name: checked("PROJECT_NAME", values.project_name, || "local-1".to_owned())?,
            user_id: random_id(),
            user_name: checked("USER", values.user, || "admin".to_owned())?,
            password: password.expose_secret().to_owned(),
            access_key: checked("AK", values.ak, || random_text(&upper, 20))?,
            secret_key: secret_key.expose_secret().to_owned(),
        })
    }

    fn write_new(&self, path: &Path) -> Result<()> {
        let fail = |e: std::io::Error| Refusal::internal(format!("{}: {e}", path.display()));
        let text = serde_json::to_string_pretty(self).map_err(Refusal::internal)?;
        // Left over from a start that broke off before the store was filled: its values hold nowhere.
        match fs::remove_file(path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(fail(e)),
            _ => {}
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.sync_all())
            .map_err(fail)
    }

    /// Fills an empty store and writes what with to `credentials.json` in `dir`; `None` if the store
    /// was filled before.
    ///
    /// The file is written under another name first and renamed once the store has the values, so a
    /// start that breaks off at any point is completed by the next.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for a value that is not allowed, [`Refusal::Internal`].
    pub async fn bootstrap(
        store: &dyn Store,
        vault: &Vault,
        dir: &Path,
        values: BootstrapValues,
        now_ms: i64,
    ) -> Result<Option<Self>> {
        let (new, path) = (dir.join(NEW_FILE), dir.join(FILE));
        let rename = || {
            fs::rename(&new, &path)
                .map_err(|e| Refusal::internal(format!("{}: {e}", path.display())))
        };
        if store.has_domain().await? {
            if new.is_file() {
                rename()?;
            }
            return Ok(None);
        }
        let credentials = Self::make(values)?;
        let password = SecretString::from(credentials.password.as_str());
        let hash = tokio::task::spawn_blocking(move || password::hash(&password))
            .await
            .map_err(Refusal::internal)??;
        credentials.write_new(&new)?;
        let filled = store.bootstrap(&credentials.rows(vault, hash, now_ms)?).await?;
        if !filled {
            // Another node was faster; its credentials hold.
            return Ok(None);
        }
        rename()?;
        Ok(Some(credentials))
    }

    fn rows(&self, vault: &Vault, password_hash: String, at_ms: i64) -> Result<Bootstrap> {
        let place = Place {
            table: SealedTable::AccessKeys.name(),
            row: &self.access_key,
            column: "sealed",
        };
        let secret = SecretString::from(self.secret_key.as_str());
        let domain = Domain { id: self.domain_id.clone(), name: self.domain_name.clone() };
        Ok(Bootstrap {
            project: Project {
                id: self.project_id.clone(),
                domain_id: domain.id.clone(),
                name: self.project_name.clone(),
                description: String::new(),
            },
            user: UserRow {
                user: User {
                    id: self.user_id.clone(),
                    name: self.user_name.clone(),
                    domain: domain.clone(),
                },
                password_hash,
                enabled: true,
                description: "first administrator".to_owned(),
                created_ms: at_ms,
            },
            domain,
            roles: [SECURITY_ADMINISTRATOR, TENANT_ADMINISTRATOR].map(str::to_owned).to_vec(),
            ak: self.access_key.clone(),
            sealed: vault.seal(place, &secret).map_err(Refusal::internal)?,
            at_ms,
        })
    }
}
