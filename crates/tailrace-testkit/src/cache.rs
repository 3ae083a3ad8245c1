//! The cache of what is fetched or built once per machine: servers, tools, Python packages.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The cache folder: `$TAILRACE_CACHE`, else `$XDG_CACHE_HOME/tailrace`, else `~/.cache/tailrace`.
/// It is made when missing.
pub fn root() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let root = if let Some(own) = set("TAILRACE_CACHE") {
        own
    } else if let Some(xdg) = set("XDG_CACHE_HOME") {
        xdg.join("tailrace")
    } else if let Some(home) = set("HOME") {
        home.join(".cache/tailrace")
    } else {
        bail!("no place for the cache: set TAILRACE_CACHE or HOME");
    };
    make_dir(&root)?;
    root.canonicalize().with_context(|| format!("resolving {}", root.display()))
}

/// A folder under the cache root, made when missing.
pub fn dir(name: &str) -> Result<PathBuf> {
    let dir = root()?.join(name);
    make_dir(&dir)?;
    Ok(dir)
}

fn make_dir(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))
}

/// An exclusive lock between processes, held until it is dropped or its process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock on `path`. The file is made when missing and stays.
    pub fn wait(path: &Path) -> Result<Self> {
        let file = open(path)?;
        file.lock().with_context(|| format!("locking {}", path.display()))?;
        Ok(Self { _file: file })
    }

    /// Takes the lock on `path` when nobody holds it.
    pub fn take(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("locking {}", path.display()))
            }
        }
    }
}

fn open(path: &Path) -> Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("opening {}", path.display()))
}

/// Makes the folder `name` of the cache once: when its stamp is not `version`, `make` fills an
/// empty folder, which then takes the place of what was there. Parallel callers, in this process
/// or others, wait for the first one. Returns the folder.
pub fn once(name: &str, version: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let target = root()?.join(name);
    let beside = |suffix: &str| target.with_file_name(format!(".{name}.{suffix}"));
    let is_made = || fs::read_to_string(target.join(STAMP)).is_ok_and(|have| have == version);
    if is_made() {
        return Ok(target);
    }
    let _lock = Lock::wait(&beside("lock"))?;
    if is_made() {
        return Ok(target);
    }
    let fresh = beside("new");
    remove(&fresh)?;
    make_dir(&fresh)?;
    make(&fresh)?;
    fs::write(fresh.join(STAMP), version).context("writing the stamp of a cache folder")?;
    remove(&target)?;
    fs::rename(&fresh, &target)
        .with_context(|| format!("putting {} in its place", target.display()))?;
    Ok(target)
}

/// The file in a finished cache folder that says what version it holds.
const STAMP: &str = ".stamp";

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", dir.display()))
        }
        _ => Ok(()),
    }
}
