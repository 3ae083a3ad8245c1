//! `cargo xtask fuzz`: runs each fuzz target of `fuzz/` for a while.
//!
//! With the stable compiler, so without the address sanitizer, which safe code does not need; with
//! coverage feedback, so that the fuzzer learns. The corpus in the repository is read first, and
//! what is found goes to `target/fuzz/corpus`; a crash is written to `fuzz/artifacts`.

use std::env;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::report::{Counts, say};
use crate::workspace;

/// Seconds for each target; as many targets as there are cores run at a time.
const SECONDS: &str = "TAILRACE_FUZZ_SECONDS";
const SECONDS_DEFAULT: u64 = 40;

/// What makes a program tell the fuzzer where it went.
const COVERAGE_FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions=yes",
];

/// True when there is something to run.
pub(crate) fn is_there() -> bool {
    manifest().is_file()
}

/// Runs all targets, or those whose name contains one of `names`; each counts as one test.
pub(crate) fn run(names: &[String]) -> Result<Counts> {
    let targets: Vec<String> = targets()?
        .into_iter()
        .filter(|target| names.is_empty() || names.iter().any(|name| target.contains(name)))
        .collect();
    if targets.is_empty() {
        bail!("no fuzz target in {} matches {names:?}", manifest().display());
    }
    let seconds = seconds()?;
    let host = host()?;
    build(&host)?;
    let programs = target_dir().join(&host).join("debug");
    let (next, passed) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work = || {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            match fuzz(&programs, target, seconds) {
                Ok(()) => {
                    passed.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => say(&format!("fuzz target {target}: {error:#}")),
            }
        }
    };
    let at_a_time = thread::available_parallelism().map_or(1, NonZero::get).min(targets.len());
    thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(work);
        }
    });
    let passed = passed.into_inner();
    Ok(Counts { passed, failed: targets.len() as u64 - passed })
}

fn manifest() -> PathBuf {
    workspace::root().join("fuzz/Cargo.toml")
}

fn target_dir() -> PathBuf {
    workspace::root().join("target/fuzz")
}

fn seconds() -> Result<u64> {
    match env::var(SECONDS) {
        Ok(text) => {
            text.parse().with_context(|| format!("{SECONDS} is {text:?}: whole seconds are wanted"))
        }
        Err(_) => Ok(SECONDS_DEFAULT),
    }
}

fn targets() -> Result<Vec<String>> {
    let output = workspace::cargo()
        .args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"])
        .arg(manifest())
        .output()
        .context("asking cargo for the fuzz targets")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata =
        serde_json::from_slice(&output.stdout).context("the answer of cargo metadata")?;
    Ok(binaries(&metadata))
}

/// The names of the binaries in the answer of `cargo metadata`.
fn binaries(metadata: &Value) -> Vec<String> {
    let list = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let targets = list(metadata, "packages").into_iter().flat_map(|one| list(&one, "targets"));
    targets
        .filter(|target| list(target, "kind").iter().any(|kind| kind == "bin"))
        .filter_map(|target| Some(target.get("name")?.as_str()?.to_owned()))
        .collect()
}

/// The name of the platform that this runs on, as the compiler says it.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("asking rustc for the host")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

fn build(host: &str) -> Result<()> {
    workspace::run(
        workspace::cargo()
            .args(["build", "--quiet", "--bins", "--manifest-path"])
            .arg(manifest())
            .arg("--target-dir")
            .arg(target_dir())
            // With a target named, the flags do not reach build scripts, which have no fuzzer to
            // report to.
            .args(["--target", host])
            // The unit separator of this variable lets a flag hold spaces.
            .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE_FLAGS.join("\x1f")),
    )
}

fn fuzz(programs: &Path, target: &str, seconds: u64) -> Result<()> {
    let root = workspace::root();
    let found = target_dir().join("corpus").join(target);
    let artifacts = root.join("fuzz/artifacts").join(target);
    for folder in [&found, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let log = target_dir().join(format!("{target}.log"));
    let output = fs::File::create(&log)?;
    let mut command = Command::new(programs.join(target));
    // The place of the panic is enough; a backtrace would push it out of what is shown.
    command.current_dir(&root).env("RUST_BACKTRACE", "0").arg(&found);
    let seeds = root.join("fuzz/corpus").join(target);
    if seeds.is_dir() {
        command.arg(seeds);
    }
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg("-rss_limit_mb=2048")
        .arg("-timeout=10")
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .stdout(output.try_clone()?)
        .stderr(output);
    let status = command.status().with_context(|| format!("starting {target}"))?;
    let tail = tailrace_testkit::process::tail(&log, if status.success() { 1 } else { 30 });
    say(&format!("fuzz target {target}, {seconds} s: {tail}"));
    if !status.success() {
        bail!("ended with {status}; the input is in {}", shown(&artifacts, &root));
    }
    Ok(())
}

fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_binaries() {
        let metadata = serde_json::json!({"packages": [{"targets": [
            {"name": "rows", "kind": ["bin"]},
            {"name": "fuzz", "kind": ["lib"]},
            {"name": "ddl", "kind": ["bin"]},
        ]}]});
        assert_eq!(binaries(&metadata), ["rows", "ddl"]);
    }
}
