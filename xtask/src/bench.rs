//! `cargo xtask bench`: the benchmarks of the code, and the built binary against real servers.

use anyhow::Result;
use clap::Args;
use tailrace_testkit::env::{self, SharedKafka};
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use crate::instructions;
use crate::report::say;
use crate::setup::{self, Purpose};
use crate::workspace;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    /// Instead of the built binary, the benchmarks of this crate's code (repeatable)
    #[arg(short, long = "package", value_name = "CRATE")]
    packages: Vec<String>,
    /// Instead of the built binary, the codec's instructions for a row, counted by callgrind
    #[arg(long, conflicts_with = "packages")]
    instructions: bool,
    /// How the measured program is built: `perf` builds faster and runs nearly as fast
    #[arg(long, default_value = "release")]
    profile: String,
    /// The rest of the command line goes to `tailrace-bench` (`-- --help` shows what it takes), or is
    /// the name of a benchmark
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds and runs the measurements with a MySQL and a Kafka of their own. Kafka runs with its usual JVM
/// settings, not those that start quickly.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    setup::ensure(Purpose::Demo)?;
    if args.instructions {
        return instructions::run(&args.profile);
    }
    if !args.packages.is_empty() {
        return code(args);
    }
    workspace::run(workspace::cargo().args([
        "build",
        "--profile",
        &args.profile,
        "--package",
        "tailrace",
        "--package",
        "tailrace-bench",
    ]))?;
    let mysql = MySqlServer::start(MySqlOptions {
        // The log of a measurement must not be cut into more files than a server at work has.
        extra: vec!["--max-binlog-size=1G".into(), "--innodb-buffer-pool-size=512M".into()],
        ..MySqlOptions::default()
    })?;
    let kafka = KafkaCluster::start(KafkaOptions {
        quick_start: false,
        heap_mib: 1024,
        ..env::shared_kafka_options()
    })?;
    say(&format!("-- MySQL {}, Kafka {}", mysql.address(), kafka.bootstrap()));
    // The program itself: with `cargo run` the choice of features would be another one, and all built again.
    let built = std::path::Path::new("target").join(&args.profile);
    workspace::run(
        std::process::Command::new(built.join("tailrace-bench"))
            .arg(format!("--program={}", built.join("tailrace").display()))
            .args(&args.args)
            .envs(env::mysql_variables(&mysql.login()))
            .envs(SharedKafka::of(&kafka).variables())
            .env("TAILRACE_BENCH_SOURCE_PID", mysql.process().pid().to_string())
            .env("TAILRACE_BENCH_BROKER_PID", kafka.process(1)?.pid().to_string()),
    )
}

/// `cargo bench` of benchmark targets only: unit tests have no measurements.
fn code(args: &BenchArgs) -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["bench", "--benches"]);
    for package in &args.packages {
        command.args(["--package", package]);
    }
    if !args.args.is_empty() {
        command.arg("--").args(&args.args);
    }
    workspace::run(&mut command)
}
