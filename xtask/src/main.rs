//! Developer commands of the workspace: `cargo xtask <command>`.
//!
//! This crate is the first thing that is built on a fresh machine, before any system package is
//! installed, so it depends on nothing that needs a C library.

mod cargo_test;
mod report;
mod servers;
mod test;
mod tidy;
mod workspace;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer commands of Tailrace")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check and test everything as CI does; with -p or a name, run only those tests
    Test(test::TestArgs),
    /// Check the house rules that rustfmt and clippy do not know
    Tidy,
    /// Keep a MySQL and a Kafka running for work by hand
    #[command(subcommand)]
    Servers(servers::ServersCommand),
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Test(args) => test::run(&args),
        Command::Tidy => tidy::run(),
        Command::Servers(command) => servers::run(&command),
    }
}
