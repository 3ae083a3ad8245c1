//! `cargo xtask demo`: the product at work on a machine that has nothing but cargo.

use anyhow::Result;
use clap::Args;
use tailrace_testkit::env;
use tailrace_testkit::servers::kafka::KafkaCluster;
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use crate::report::say;
use crate::setup::{self, Purpose};
use crate::workspace;

/// The rest of the command line goes to `tailrace demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Arguments of `tailrace demo`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Prepares the machine, builds the product, starts a MySQL and a Kafka of its own, and runs
/// `tailrace demo`, which learns of them by its own variables.
pub(crate) fn run(args: &DemoArgs) -> Result<()> {
    setup::ensure(Purpose::Demo)?;
    say("-- building tailrace (the first time takes some minutes)");
    workspace::run(workspace::cargo().args(["build", "--package", "tailrace"]))?;
    say("-- starting MySQL and Kafka");
    let mysql = MySqlServer::start(MySqlOptions::default())?;
    let kafka = KafkaCluster::start(env::shared_kafka_options())?;
    say(&format!("-- MySQL {}, Kafka {}", mysql.address(), kafka.bootstrap()));
    let login = mysql.login();
    let source = format!("mysql://{}:{}@{}", login.user, login.password, login.address());
    workspace::run(
        workspace::cargo()
            .args(["run", "--quiet", "--package", "tailrace", "--", "demo"])
            .args(&args.args)
            .env("TAILRACE_DEMO_SOURCE", source)
            .env("TAILRACE_DEMO_KAFKA", kafka.bootstrap()),
    )
}
