//! Running Python scripts that use the official SDK.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::provision;

/// Runs a script to its end and returns what it prints; the error of one that fails carries all
/// that it printed. `envs` are environment variables for it.
pub fn run(script: &Path, args: &[&str], envs: &[(&str, &str)]) -> Result<String> {
    let mut command = Command::new(provision::python::interpreter()?);
    // Bytecode would be written beside the script, into the source tree.
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).args(args);
    command.envs(envs.iter().copied());
    process::run(&mut command)
}
