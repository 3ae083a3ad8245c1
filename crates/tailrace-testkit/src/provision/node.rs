//! Node.js packages.

use std::fs;
use std::path::{Path, PathBuf};
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
        npm(into, &["install", of.name])
    })
}

/// The folder `name` of the cache, whose `node_modules` has what `package.json` and `package-lock.json` of `sources` name, made
/// when it is not there.
pub(super) fn locked(name: &str, sources: &Path) -> Result<PathBuf> {
    system::ensure(&[system::NODE])?;
    let read = |file: &str| {
        let file = sources.join(file);
        fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))
    };
    let (list, lock) = (read("package.json")?, read("package-lock.json")?);
    cache::once(name, &format!("{list}{lock}"), |into| {
        announce(&format!(
            "installing the packages of {} into {}",
            sources.display(),
            into.display()
        ));
        fs::write(into.join("package.json"), &list)?;
        fs::write(into.join("package-lock.json"), &lock)?;
        npm(into, &["ci"])
    })
}

fn npm(into: &Path, what: &[&str]) -> Result<()> {
    let mut install = Command::new("npm");
    install.args(what).args(["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]);
    process::run(install.current_dir(into)).context("installing Node.js packages with npm")?;
    Ok(())
}
