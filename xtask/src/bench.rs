//! `cargo xtask bench`: the benchmarks of the code, and the whole path against real servers.

use anyhow::Result;
use clap::Args;
use tailrace_testkit::env::{self, SharedKafka};
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use crate::report::say;
use crate::setup::{self, Purpose};
use crate::workspace;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// Only benchmarks of this crate (repeatable)
    #[arg(short, long = "package", value_name = "CRATE")]
    packages: Vec<String>,
    /// Only benchmarks whose name contains this
    name: Option<String>,
}

/// Runs `cargo bench` with the addresses of a MySQL and a Kafka of their own in the variables of
/// [`env`]. Kafka runs with its usual JVM settings, not those that start quickly.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    setup::ensure(Purpose::Demo)?;
    let mut build = command(args);
    workspace::run(build.arg("--no-run"))?;
    let mysql = MySqlServer::start(MySqlOptions::default())?;
    let kafka = KafkaCluster::start(KafkaOptions {
        quick_start: false,
        heap_mib: 1024,
        ..env::shared_kafka_options()
    })?;
    say(&format!("-- MySQL {}, Kafka {}", mysql.address(), kafka.bootstrap()));
    let mut bench = command(args);
    bench.envs(env::mysql_variables(&mysql.login())).envs(SharedKafka::of(&kafka).variables());
    if let Some(name) = &args.name {
        bench.args(["--", name]);
    }
    workspace::run(&mut bench)
}

/// `cargo bench` of benchmark targets only: unit tests have no measurements.
fn command(args: &BenchArgs) -> std::process::Command {
    let mut command = workspace::cargo();
    command.args(["bench", "--benches"]);
    if args.packages.is_empty() {
        command.arg("--workspace");
    }
    for package in &args.packages {
        command.args(["--package", package]);
    }
    command
}
