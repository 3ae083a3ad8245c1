//! Pythons with packages: the official SDK, to drive the API as its users do, and a reader of messages whose schemas are in a registry.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{announce, system};
use crate::cache;
use crate::process;

/// What a virtual environment holds; a change of it makes a new cache folder.
#[derive(Debug, Clone, Copy)]
pub struct Packages {
    /// Name of the folder in the cache.
    folder: &'static str,
    packages: &'static [&'static str],
}

/// The official SDK.
pub const SDK: Packages = Packages {
    folder: "python-sdk",
    packages: &["huaweicloudsdkdrs==3.1.219", "huaweicloudsdkiam==3.1.219"],
};

/// Confluent's client with its Avro deserializer.
pub const AVRO: Packages =
    Packages { folder: "python-avro", packages: &["confluent-kafka[avro,schemaregistry]==2.15.0"] };

/// Clients of GaussDB and openGauss.
pub const GAUSSDB: Packages = Packages {
    folder: "python-gaussdb",
    packages: &["async-gaussdb==0.30.4", "py-opengauss==1.3.11"],
};

/// Oracle's client, which speaks the protocol itself.
pub const ORACLE: Packages = Packages { folder: "python-oracle", packages: &["oracledb==26.1.0"] };

/// A maker of requests from an OpenAPI document.
pub const SCHEMATHESIS: Packages =
    Packages { folder: "python-schemathesis", packages: &["schemathesis==4.32.5"] };

/// The interpreter of the virtual environment in the cache, which is made when it is not there.
///
/// # Errors
/// If it cannot be made.
pub fn interpreter(of: Packages) -> Result<PathBuf> {
    system::ensure(&[system::PYTHON])?;
    let version = of.packages.join(" ");
    Ok(cache::once(of.folder, &version, |into| fetch(into, of))?.join("bin/python3"))
}

fn fetch(into: &Path, of: Packages) -> Result<()> {
    announce(&format!("installing {} into {}", of.packages.join(" and "), into.display()));
    process::run(Command::new(base()).args(["-m", "venv", "--clear"]).arg(into))?;
    // By the interpreter, not by the script `pip`: that one holds the folder's name of today.
    process::run(
        Command::new(into.join("bin/python3"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(of.packages),
    )
    .context("installing Python packages with pip")?;
    Ok(())
}

/// Debian's own interpreter where it is, because that is the one that `python3-venv` is for.
fn base() -> &'static str {
    match system::find("/usr/bin/python3") {
        Some(_) => "/usr/bin/python3",
        None => "python3",
    }
}
