//! Running Python scripts that use packages.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::provision;
use crate::provision::python::{Packages, SDK};

/// As [`run_with`], with the official SDK.
///
/// # Errors
/// As [`run_with`].
pub fn run(script: &Path, args: &[&str], envs: &[(&str, &str)]) -> Result<String> {
    run_with(SDK, script, args, envs)
}

/// Runs a script to its end and returns what it prints; the error of one that fails carries all
/// that it printed. `envs` are environment variables for it.
///
/// # Errors
/// If the packages cannot be had, or the script fails.
pub fn run_with(
    packages: Packages,
    script: &Path,
    args: &[&str],
    envs: &[(&str, &str)],
) -> Result<String> {
    let mut command = Command::new(provision::python::interpreter(packages)?);
    // Bytecode would be written beside the script, into the source tree.
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).args(args);
    command.envs(envs.iter().copied());
    process::run(&mut command)
}
