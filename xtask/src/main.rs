//! Developer commands of the workspace: `cargo xtask <command>`.
//!
//! This crate is the first thing that is built on a fresh machine, before any system package is
//! installed, so it depends on nothing that needs a C library.

mod bench;
mod cargo_test;
mod demo;
mod deny;
mod fuzz;
mod instructions;
mod report;
mod servers;
mod setup;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

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
    /// Show the product at work: a real MySQL, a real Kafka, one job from end to end
    Demo(demo::DemoArgs),
    /// Check and test everything as CI does; with -p or a name, run only those tests
    Test(test::TestArgs),
    /// Measure, against real servers
    Bench(bench::BenchArgs),
    /// Put on this machine what building, testing and the demo need
    Setup(setup::SetupArgs),
    /// Keep a MySQL and a Kafka running for work by hand
    #[command(subcommand)]
    Servers(servers::ServersCommand),
    /// Check the house rules that rustfmt and clippy do not know
    Tidy,
    /// Check licences, sources and banned crates of the dependencies
    Deny {
        /// Ask the advisory database too, which must be reachable
        #[arg(long)]
        advisories: bool,
    },
    /// Run the fuzz targets for a while (TAILRACE_FUZZ_SECONDS, 60 for each)
    Fuzz {
        /// Only targets whose name contains one of these
        names: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// False when the command has told what failed already.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Demo(args) => demo::run(&args)?,
        Command::Test(args) => return test::run(&args),
        Command::Bench(args) => bench::run(&args)?,
        Command::Setup(args) => setup::run(&args)?,
        Command::Servers(command) => servers::run(&command)?,
        Command::Tidy => tidy::run()?,
        Command::Deny { advisories } => deny::run(advisories)?,
        Command::Fuzz { names } => return Ok(fuzz::run(&names)?.failed == 0),
    }
    Ok(true)
}
