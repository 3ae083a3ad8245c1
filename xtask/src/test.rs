//! `cargo xtask test`: what CI runs, step by step. docs/testing.md tells why in this order.

use std::process::Command;

use anyhow::Result;
use clap::Args;
use tailrace_testkit::env::{self, SharedKafka};
use tailrace_testkit::servers::kafka::KafkaCluster;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use crate::report::{Report, say};
use crate::setup::{self, Purpose};
use crate::{cargo_test, deny, fuzz, tidy, workspace};

/// Crates whose tests need no server.
const WITHOUT_SERVERS: &[&str] = &["tailrace-codec", "xtask"];

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
    fn is_everything(&self) -> bool {
        self.packages.is_empty() && self.names.is_empty()
    }

    fn needs_servers(&self) -> bool {
        self.packages.is_empty()
            || !self.packages.iter().all(|name| WITHOUT_SERVERS.contains(&name.as_str()))
    }

    /// `cargo test` for what is asked for. Doc tests are part of it, benchmarks are not.
    fn command(&self, options: &[&str]) -> Command {
        let mut command = workspace::cargo();
        command.args(["test", "--no-fail-fast", "--all-features"]).args(options);
        if self.packages.is_empty() {
            command.arg("--workspace");
        }
        for package in &self.packages {
            command.args(["--package", package]);
        }
        command.arg("--").args(&self.names);
        command
    }
}

/// Runs the steps; the last line printed is `N passed, N failed`. True when nothing failed.
pub(crate) fn run(args: &TestArgs) -> Result<bool> {
    let mut report = Report::new();
    let purpose = if args.needs_servers() { Purpose::Test } else { Purpose::Build };
    // Without what it brings, what follows would fail for no fault of the code.
    if !report.check("setup", || setup::ensure(purpose)) {
        return Ok(report.finish());
    }
    if args.is_everything() {
        report
            .check("fmt", || workspace::run(workspace::cargo().args(["fmt", "--all", "--check"])));
        report.check("tidy", tidy::run);
        report.check("deny", || deny::run(false));
        report.check("clippy", clippy);
    }
    tests(args, &mut report);
    if args.is_everything() && fuzz::is_there() {
        report.suite("fuzz", || fuzz::run(&[]));
    }
    Ok(report.finish())
}

fn clippy() -> Result<()> {
    workspace::run(
        workspace::cargo()
            .args(["clippy", "--workspace", "--all-targets", "--all-features", "--quiet"])
            .args(["--", "-D", "warnings"]),
    )
}

fn tests(args: &TestArgs, report: &mut Report) {
    let mut command = args.command(&[]);
    let mut servers = None;
    if args.needs_servers() {
        // Built first, so that servers and compilers do not compete for the cores.
        let build = || workspace::run(&mut args.command(&["--no-run", "--quiet"]));
        let is_up = report.check("build of the tests", build)
            && report.check("start of the servers", || {
                servers = Some(Servers::start()?);
                Ok(())
            });
        if !is_up {
            return;
        }
    }
    if let Some(servers) = &servers {
        command.envs(servers.variables());
    }
    let has_passed = report.suite("tests", || cargo_test::run(&mut command));
    if let (false, Some(servers)) = (has_passed, &servers) {
        servers.show_logs();
    }
}

/// The servers that the tests share.
struct Servers {
    mysql: MySqlServer,
    kafka: KafkaCluster,
}

impl Servers {
    fn start() -> Result<Self> {
        Ok(Self {
            mysql: MySqlServer::start(MySqlOptions::default())?,
            kafka: KafkaCluster::start(env::shared_kafka_options())?,
        })
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = env::mysql_variables(&self.mysql.login());
        variables.extend(SharedKafka::of(&self.kafka).variables());
        variables
    }

    fn show_logs(&self) {
        let kafka = self.kafka.process(1).ok();
        for process in [Some(self.mysql.process()), kafka].into_iter().flatten() {
            say(&format!("---- the log of {} ends:\n{}", process.name(), process.log_tail()));
        }
    }
}
