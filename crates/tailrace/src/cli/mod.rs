//! The command line.

mod audit;
mod data_dir;
mod demo;
mod exit;
mod explain;
mod iam;
mod jobs;
mod keys;
mod output;
mod progress;
mod run;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Self-hosted real-time data replication with the DRS API.
#[derive(Debug, Parser)]
#[command(name = "tailrace", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Run(run::Run),
    Jobs(jobs::Jobs),
    Users(iam::users::Users),
    Groups(iam::groups::Groups),
    Projects(iam::projects::Projects),
    Roles(iam::roles::Roles),
    Keys(keys::Keys),
    Audit(audit::Audit),
    Explain(explain::Explain),
}

/// Runs what the command line says.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Demo(demo) => demo.run(),
        Command::Run(run) => run.run(),
        Command::Jobs(jobs) => jobs.run(),
        Command::Users(users) => users.run(),
        Command::Groups(groups) => groups.run(),
        Command::Projects(projects) => projects.run(),
        Command::Roles(roles) => roles.run(),
        Command::Keys(keys) => keys.run(),
        Command::Audit(audit) => audit.run(),
        Command::Explain(explain) => explain.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }
}
