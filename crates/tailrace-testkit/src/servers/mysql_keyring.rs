//! A keyring for a MySQL server of the shared prefix, which stays as it is.
//!
//! The server looks for its manifest beside the path of its program and for a component's settings beside the
//! component (MySQL's manual, "Keyring Component Installation"): both are links in the server's folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::provision::prefix::Prefix;

/// Folder of plugins and components below `usr`.
pub(super) const PLUGINS: &str = "lib/mysql/plugin";
const COMPONENT: &str = "component_keyring_file";

/// Where a server with a keyring is started from.
pub(super) struct Keyring {
    dir: PathBuf,
}

impl Keyring {
    /// Makes the links and settings in a server's folder, once.
    pub(super) fn set_up(prefix: &Prefix, dir: &Path) -> Result<Self> {
        let keyring = Self { dir: dir.join("keyring") };
        if keyring.dir.exists() {
            return Ok(keyring);
        }
        let program = prefix.program("mysqld")?.pop().context("the program of mysqld is empty")?;
        for folder in ["bin", "plugin"] {
            fs::create_dir_all(keyring.dir.join(folder))?;
        }
        symlink(program, keyring.mysqld())?;
        let library = format!("{COMPONENT}.so");
        symlink(
            prefix.root().join("usr").join(PLUGINS).join(&library),
            keyring.plugins().join(library),
        )?;
        fs::write(
            keyring.dir.join("bin/mysqld.my"),
            serde_json::json!({ "components": format!("file://{COMPONENT}") }).to_string(),
        )?;
        fs::write(
            keyring.plugins().join(format!("{COMPONENT}.cnf")),
            serde_json::json!({ "path": keyring.dir.join("keys"), "read_only": false }).to_string(),
        )?;
        Ok(keyring)
    }

    /// The path that the server takes for its program's.
    pub(super) fn mysqld(&self) -> PathBuf {
        self.dir.join("bin/mysqld")
    }

    /// Its folder of plugins.
    pub(super) fn plugins(&self) -> PathBuf {
        self.dir.join("plugin")
    }
}
