//! One process per data directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::{StoreError, StoreResult};

/// Holds a data directory for as long as it lives; the system lets go of it when the process dies.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Makes the directory (mode 0700) if it is not there, and takes hold of it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process has it, [`StoreError::Engine`] if it cannot be made.
    pub fn acquire(dir: &Path) -> StoreResult<Self> {
        let fail = |e: std::io::Error| {
            StoreError::Engine(format!("data directory {}: {e}", dir.display()))
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fail)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(dir.join("lock"))
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(format!(
                "data directory {} is in use by another tailrace process",
                dir.display()
            ))),
            Err(TryLockError::Error(e)) => Err(fail(e)),
        }
    }
}
