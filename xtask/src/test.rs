//! `cargo xtask test`: what CI runs, step by step.

use anyhow::Result;
use clap::Args;

use crate::report::Report;
use crate::{cargo_test, workspace};

/// Which tests to run. Without any of these, all checks and all tests run.
#[derive(Args, Debug, Default)]
pub(crate) struct TestArgs {
    /// Only the tests of this crate (repeatable); skips the checks that are not tests
    #[arg(short, long = "package", value_name = "CRATE")]
    packages: Vec<String>,
    /// Only tests whose name contains one of these; skips the checks that are not tests
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

impl TestArgs {
    fn everything(&self) -> bool {
        self.packages.is_empty() && self.names.is_empty()
    }

    /// The arguments of `cargo test` after its own options.
    fn append_to(&self, command: &mut std::process::Command) {
        if self.packages.is_empty() {
            command.arg("--workspace");
        }
        for package in &self.packages {
            command.args(["--package", package]);
        }
    }
}

/// Runs the steps; the last line printed is `N passed, N failed`.
pub(crate) fn run(args: &TestArgs) -> Result<()> {
    let mut report = Report::new();
    if args.everything() {
        report
            .check("fmt", || workspace::run(workspace::cargo().args(["fmt", "--all", "--check"])));
        report.check("clippy", clippy);
    }
    // Doc tests are part of it.
    report.suite("tests", || {
        let mut command = workspace::cargo();
        command.args(["test", "--no-fail-fast"]);
        args.append_to(&mut command);
        command.arg("--").args(&args.names);
        cargo_test::run(&mut command)
    });
    report.finish()
}

fn clippy() -> Result<()> {
    workspace::run(workspace::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
}
