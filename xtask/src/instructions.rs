//! `cargo xtask bench --instructions`: how many instructions the codec takes for a row. The count is the same on every
//! machine and under any load, so that two commits can be compared exactly.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use tailrace_testkit::provision::system;

use crate::report::say;
use crate::workspace;

/// How often a work is done in two runs, whose difference leaves out the start.
const COUNTS: [u64; 2] = [2_000, 12_000];

/// Counts all works and tells them.
pub(crate) fn run(profile: &str) -> Result<()> {
    system::ensure(&[system::COUNTING])?;
    let program = build(profile)?;
    let names = Command::new(&program).output().context("the works")?;
    for name in String::from_utf8_lossy(&names.stdout).lines() {
        let [few, many] = COUNTS;
        let more = counted(&program, name, many)?.saturating_sub(counted(&program, name, few)?);
        say(&format!("{name}: {:.1} instructions a row", more as f64 / (many - few) as f64));
    }
    Ok(())
}

/// Builds the works; gives the program.
fn build(profile: &str) -> Result<PathBuf> {
    let mut command = workspace::cargo();
    command.args(["build", "--package", "tailrace-codec", "--bench", "instructions"]);
    command.args(["--profile", profile, "--message-format", "json"]);
    let output = command.output().context("cargo build")?;
    if !output.status.success() {
        bail!("cargo build: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    let mut programs = messages.filter(|m| m["target"]["name"] == "instructions");
    let program = programs.find_map(|m| m["executable"].as_str().map(PathBuf::from));
    program.context("cargo says no program")
}

/// Instructions of one run, as callgrind counts them.
fn counted(program: &Path, name: &str, count: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([name, &count.to_string()])
        .output()
        .context("valgrind")?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        bail!("{name}: {told}");
    }
    let line = told.lines().find_map(|line| line.split_once("Collected :")).map(|(_, n)| n.trim());
    line.and_then(|n| n.parse().ok()).with_context(|| format!("valgrind says no count: {told}"))
}
