//! `cargo xtask deny`: licences, sources and banned crates, by cargo-deny.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use tailrace_testkit::cache;
use tailrace_testkit::provision::{announce, system};

use crate::workspace;

/// The version that is built when the machine has none.
const VERSION: &str = "0.20.2";

/// Checks the dependencies against `deny.toml`. The advisory database is a git repository that not
/// every machine reaches, so it is asked only when `with_advisories` is set.
pub(crate) fn run(with_advisories: bool) -> Result<()> {
    let mut command = Command::new(program()?);
    command.current_dir(workspace::root());
    command.args(["--workspace", "check", "--hide-inclusion-graph"]);
    command.args(["bans", "licenses", "sources"]);
    if with_advisories {
        command.arg("advisories");
    }
    workspace::run(&mut command)
}

fn program() -> Result<PathBuf> {
    if let Some(installed) = system::find("cargo-deny") {
        return Ok(installed);
    }
    let folder = cache::once("cargo-deny", VERSION, |into| {
        announce(&format!("building cargo-deny {VERSION} into {} (once)", into.display()));
        let target = env::temp_dir().join(format!("tailrace-cargo-deny-{}", std::process::id()));
        let built = workspace::run(
            workspace::cargo()
                .args(["install", "cargo-deny", "--version", VERSION, "--locked", "--quiet"])
                // Not optimised: the build takes a third of the time, and the check is quick.
                .arg("--debug")
                .env("CARGO_PROFILE_DEV_DEBUG", "0")
                .arg("--root")
                .arg(into)
                .arg("--target-dir")
                .arg(&target),
        );
        // What is left would only take room.
        let _ = std::fs::remove_dir_all(&target);
        built.context("building cargo-deny")
    })?;
    Ok(folder.join("bin/cargo-deny"))
}
