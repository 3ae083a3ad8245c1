//! A data directory, taken hold of and opened: lock, store, keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use secrecy::SecretString;

use crate::config::StoreLocation;
use crate::secret::{MasterKey, Vault, WrappedKey};
use crate::store::rotation::rewrap_data_keys;
use crate::store::sqlite::SqliteStore;
use crate::store::{DataDirLock, Store};

/// Environment variable of the master key.
const MASTER_KEY_VARIABLE: &str = "TAILRACE_MASTER_KEY";

/// A data directory that this process has.
pub(super) struct DataDir {
    pub(super) path: PathBuf,
    pub(super) store: Arc<dyn Store>,
    pub(super) vault: Arc<Vault>,
    pub(super) master: MasterKey,
    _lock: DataDirLock,
}

impl DataDir {
    /// Takes hold of a directory and opens what is in it; makes what is not there yet.
    pub(super) async fn open(path: &Path, location: &StoreLocation) -> anyhow::Result<Self> {
        let lock = DataDirLock::acquire(path)?;
        let store: Arc<dyn Store> = match location {
            StoreLocation::Sqlite(file) => Arc::new(SqliteStore::open(file).await?),
        };
        let mut keys = store.data_keys().await?;
        let master = master_key(path, &keys)?;
        if keys.is_empty() {
            keys = vec![Vault::make_key(&master, 1)?];
            store.put_data_keys(&keys).await?;
        }
        let vault = Arc::new(Vault::open(&master, &keys)?);
        Ok(Self { path: path.to_owned(), store, vault, master, _lock: lock })
    }

    /// Name of this directory's process among those that share a store; kept, so that a process that
    /// was killed finds its leases its own when it starts again.
    pub(super) fn owner(&self) -> anyhow::Result<String> {
        let path = self.path.join("node-id");
        let known = match std::fs::read_to_string(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.with_context(|| path.display().to_string())?,
        };
        if !known.trim().is_empty() {
            return Ok(known.trim().to_owned());
        }
        let id = uuid::Uuid::new_v4().to_string();
        std::fs::write(&path, &id).with_context(|| path.display().to_string())?;
        Ok(id)
    }

    /// Makes a new master key, wraps the data keys with it and puts its file in the place of the old
    /// one. What breaks off is completed or taken back by the next [`DataDir::open`].
    pub(super) async fn replace_master_key(&self) -> anyhow::Result<MasterKey> {
        if std::env::var_os(MASTER_KEY_VARIABLE).is_some() {
            anyhow::bail!(
                "the master key comes from {MASTER_KEY_VARIABLE}; only a key in a file can be replaced"
            );
        }
        let (path, new_path) = key_files(&self.path);
        let new = MasterKey::generate()?;
        new.write_new(&new_path)?;
        rewrap_data_keys(self.store.as_ref(), &self.master, &new).await?;
        std::fs::rename(&new_path, &path).with_context(|| path.display().to_string())?;
        Ok(new)
    }
}

fn key_files(dir: &Path) -> (PathBuf, PathBuf) {
    (dir.join("master.key"), dir.join("master.key.new"))
}

/// Reads the master key, or makes one for a store that has sealed nothing yet.
fn master_key(dir: &Path, keys: &[WrappedKey]) -> anyhow::Result<MasterKey> {
    if let Ok(text) = std::env::var(MASTER_KEY_VARIABLE) {
        return MasterKey::from_text(&SecretString::from(text))
            .with_context(|| format!("variable {MASTER_KEY_VARIABLE}"));
    }
    let (path, new_path) = key_files(dir);
    if new_path.is_file() {
        settle_replacement(&path, &new_path, keys)?;
    }
    if path.is_file() || !keys.is_empty() {
        return Ok(MasterKey::read(&path)?);
    }
    let key = MasterKey::generate()?;
    key.write_new(&path)?;
    tracing::info!(path = %path.display(), "master key made; keep a copy of it");
    Ok(key)
}

/// A replacement broke off: if the data keys are wrapped with the new key already, its file takes its
/// place; if not, it was never used.
fn settle_replacement(path: &Path, new_path: &Path, keys: &[WrappedKey]) -> anyhow::Result<()> {
    let used = MasterKey::read(new_path)
        .is_ok_and(|new| keys.iter().any(|key| key.master == new.fingerprint()));
    let settled =
        if used { std::fs::rename(new_path, path) } else { std::fs::remove_file(new_path) };
    settled.with_context(|| new_path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn open(dir: &Path) -> anyhow::Result<DataDir> {
        DataDir::open(dir, &StoreLocation::Sqlite(dir.join("t.db"))).await
    }

    #[tokio::test]
    async fn what_was_made_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path()).await.unwrap();
        let (owner, fingerprint) = (first.owner().unwrap(), first.master.fingerprint());
        assert!(open(dir.path()).await.is_err());
        drop(first);
        let again = open(dir.path()).await.unwrap();
        assert_eq!((again.owner().unwrap(), again.master.fingerprint()), (owner, fingerprint));
    }

    #[tokio::test]
    async fn a_lost_or_wrong_master_key_is_no_reason_to_make_one() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).await.unwrap());
        let (path, _) = key_files(dir.path());
        std::fs::remove_file(&path).unwrap();
        let error = format!("{:#}", open(dir.path()).await.err().unwrap());
        assert!(error.contains("master.key") && !path.exists(), "{error}");
        MasterKey::generate().unwrap().write_new(&path).unwrap();
        let error = format!("{:#}", open(dir.path()).await.err().unwrap());
        assert!(error.contains("were sealed with key"), "{error}");
    }

    #[tokio::test]
    async fn a_replaced_master_key_holds_and_what_broke_off_is_settled() {
        let dir = tempfile::tempdir().unwrap();
        let (path, new_path) = key_files(dir.path());
        let data = open(dir.path()).await.unwrap();
        let old = data.master.fingerprint();
        let new = data.replace_master_key().await.unwrap().fingerprint();
        assert_ne!(old, new);
        drop(data);
        assert_eq!(open(dir.path()).await.unwrap().master.fingerprint(), new);

        // Broken off before the data keys were wrapped anew.
        MasterKey::generate().unwrap().write_new(&new_path).unwrap();
        assert_eq!(open(dir.path()).await.unwrap().master.fingerprint(), new);
        assert!(!new_path.exists());

        // Broken off after that.
        let data = open(dir.path()).await.unwrap();
        let saved = dir.path().join("saved");
        std::fs::copy(&path, &saved).unwrap();
        let newer = data.replace_master_key().await.unwrap().fingerprint();
        std::fs::rename(&path, &new_path).unwrap();
        std::fs::rename(&saved, &path).unwrap();
        drop(data);
        assert_eq!(open(dir.path()).await.unwrap().master.fingerprint(), newer);
    }
}
