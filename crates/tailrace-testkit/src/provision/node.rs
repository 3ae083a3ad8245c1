//! Node.js packages.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{announce, system};
use crate::cache;
use crate::process;

/// A package with its version, as npm names it.
#[derive(Debug, Clone, Copy)]
pub struct Package {
    folder: &'static str,
    name: &'static str,
}

/// Oracle's client, which speaks the protocol itself.
pub const ORACLE: Package = Package { folder: "node-oracle", name: "oracledb@26.0.0" };

/// The folder whose `node_modules` has a package, made when it is not there.
///
/// # Errors
/// If it cannot be fetched.
pub fn folder(of: Package) -> Result<PathBuf> {
    system::ensure(&[system::NODE])?;
    cache::once(of.folder, of.name, |into| {
        announce(&format!("installing {} into {}", of.name, into.display()));
        fs::write(into.join("package.json"), "{\"private\": true}")?;
        let mut install = Command::new("npm");
        install.args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            of.name,
        ]);
        process::run(install.current_dir(into)).context("installing Node.js packages with npm")?;
        Ok(())
    })
}
