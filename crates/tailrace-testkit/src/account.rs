//! The user that runs this process, and the one that runs servers which refuse to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The effective user id of this process.
pub fn effective_uid() -> Result<u32> {
    Ok(fs::metadata("/proc/self").context("reading the owner of /proc/self")?.uid())
}

/// True when this process runs as root.
pub fn is_root() -> Result<bool> {
    Ok(effective_uid()? == 0)
}

/// A system account without privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
}

impl Account {
    /// The account `nobody`, which every Debian system has.
    pub fn nobody() -> Result<Self> {
        let number = |option: &str| -> Result<u32> {
            let output =
                Command::new("id").args([option, "nobody"]).output().context("running id")?;
            let text = String::from_utf8_lossy(&output.stdout);
            let Ok(number) = text.trim().parse() else {
                bail!("`id {option} nobody` gave no number: {}", text.trim());
            };
            Ok(number)
        };
        Ok(Self { uid: number("-u")?, gid: number("-g")? })
    }

    /// Makes the account the owner of a file or folder (not of what is in it).
    pub fn own(self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("giving {} to user {}", path.display(), self.uid))
    }
}
