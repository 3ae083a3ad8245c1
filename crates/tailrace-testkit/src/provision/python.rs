//! A Python with the official SDK, to drive the API as its users do.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{announce, system};
use crate::cache;
use crate::process;

/// What is installed; a change of it makes a new cache folder.
const PACKAGES: &[&str] = &["huaweicloudsdkdrs==3.1.219", "huaweicloudsdkiam==3.1.219"];

/// The interpreter of the virtual environment in the cache, which is made when it is not there.
pub fn interpreter() -> Result<PathBuf> {
    system::ensure(&[system::PYTHON])?;
    let version = PACKAGES.join(" ");
    Ok(cache::once("python-sdk", &version, fetch)?.join("bin/python3"))
}

fn fetch(into: &Path) -> Result<()> {
    announce(&format!("installing {} into {}", PACKAGES.join(" and "), into.display()));
    process::run(Command::new(base()).args(["-m", "venv", "--clear"]).arg(into))?;
    // By the interpreter, not by the script `pip`: that one holds the folder's name of today.
    process::run(
        Command::new(into.join("bin/python3"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(PACKAGES),
    )
    .context("installing the official SDK with pip")?;
    Ok(())
}

/// Debian's own interpreter where it is, because that is the one that `python3-venv` is for.
fn base() -> &'static str {
    match system::find("/usr/bin/python3") {
        Some(_) => "/usr/bin/python3",
        None => "python3",
    }
}
