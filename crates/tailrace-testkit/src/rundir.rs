//! Folders for the data of one server, removed when they are no longer owned.

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

use crate::account;
use crate::cache::Lock;

/// A folder that is removed on drop. When its process is killed first, the next process that
/// makes a folder finds it without an owner and removes it.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    owner: Option<Lock>,
}

impl RunDir {
    /// Makes an empty folder whose name begins with `kind`, readable by other users: some servers
    /// refuse to run as root.
    pub fn new(kind: &str) -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let parent = parent()?;
        // Without it, a sweep could take a folder that is just being made for an abandoned one.
        let _making = Lock::wait(&parent.join("lock"))?;
        remove_abandoned(&parent)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{kind}-{}-{number}", process::id()));
        let owner = Lock::wait(&owner_file(&path))?;
        fs::create_dir(&path).with_context(|| format!("making {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Self { path, owner: Some(owner) })
    }

    /// A folder that the caller has chosen and that stays; made when missing.
    pub fn kept(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self { path: path.canonicalize()?, owner: None })
    }

    /// The folder's absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if self.owner.is_some() {
            // What cannot be removed now is removed by the next process that makes a folder.
            let _ = fs::remove_dir_all(&self.path);
            let _ = fs::remove_file(owner_file(&self.path));
        }
    }
}

/// The folder of all run folders of this user, outside the home folder because that may be closed
/// to other users.
fn parent() -> Result<PathBuf> {
    let uid = account::effective_uid()?;
    let parent = env::temp_dir().join(format!("tailrace-servers-{uid}"));
    fs::create_dir_all(&parent).with_context(|| format!("making {}", parent.display()))?;
    // The name can be guessed, so somebody else may have put a link there.
    let found = fs::symlink_metadata(&parent)?;
    if !found.is_dir() || found.uid() != uid {
        bail!("{} is not a folder of this user: remove it", parent.display());
    }
    Ok(parent)
}

/// The lock file beside a folder; its lock tells that the folder's process still runs.
fn owner_file(folder: &Path) -> PathBuf {
    folder.with_extension("owner")
}

fn remove_abandoned(parent: &Path) -> Result<()> {
    for entry in fs::read_dir(parent).with_context(|| format!("reading {}", parent.display()))? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "owner")
            && let Some(_lock) = Lock::take(&file)?
        {
            // Another process may be removing the same folder; either result is the wanted one.
            let _ = fs::remove_dir_all(file.with_extension(""));
            let _ = fs::remove_file(&file);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_lives_as_long_as_its_owner() {
        let dir = RunDir::new("rundir-test").unwrap();
        let path = dir.path().to_path_buf();
        fs::write(path.join("data"), "x").unwrap();
        // Made while the first is owned: it must not sweep the first away.
        let other = RunDir::new("rundir-test").unwrap();
        assert!(path.join("data").exists() && other.path() != path);
        drop(dir);
        assert!(!path.exists() && !owner_file(&path).exists());
    }

    #[test]
    fn a_folder_without_an_owner_is_swept() {
        let parent = parent().unwrap();
        fs::create_dir_all(parent.join("rundir-left-1-1")).unwrap();
        fs::write(parent.join("rundir-left-1-1.owner"), "").unwrap();
        let _dir = RunDir::new("rundir-test").unwrap();
        assert!(!parent.join("rundir-left-1-1").exists());
    }
}
