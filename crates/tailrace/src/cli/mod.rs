//! The command line.

mod api_call;
mod audit;
mod batches;
mod client_options;
mod connections;
mod contexts;
mod data_dir;
mod demo;
mod exit;
mod explain;
mod iam;
mod jobs;
mod keys;
mod offers;
mod output;
mod progress;
mod prompt;
mod run;
mod serve;
mod shell;

use std::process::ExitCode;

use exit::Failed;

use clap::{CommandFactory as _, Parser, Subcommand};

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
    Batches(batches::Batches),
    Connections(connections::Connections),
    Quotas(offers::Quotas),
    Links(offers::Links),
    NodeTypes(offers::NodeTypes),
    Zones(offers::Zones),
    Tags(offers::Tags),
    Api(api_call::ApiCall),
    Contexts(contexts::ContextsCommand),
    Login(contexts::LogIn),
    Logout(contexts::LogOut),
    Keys(keys::Keys),
    Audit(audit::Audit),
    Explain(explain::Explain),
    Completion(shell::Completion),
    Man(shell::Man),
}

impl Cli {
    fn run(self) -> Result<(), Failed> {
        match self.command {
            Command::Serve(serve) => serve.run(),
            Command::Demo(demo) => demo.run(),
            Command::Run(run) => run.run(),
            Command::Jobs(jobs) => jobs.run(),
            Command::Batches(batches) => batches.run(),
            Command::Connections(connections) => connections.run(),
            Command::Quotas(quotas) => quotas.run(),
            Command::Links(links) => links.run(),
            Command::NodeTypes(types) => types.run(),
            Command::Zones(zones) => zones.run(),
            Command::Tags(tags) => tags.run(),
            Command::Api(call) => call.run(),
            Command::Contexts(contexts) => contexts.run(),
            Command::Login(login) => login.run(),
            Command::Logout(logout) => logout.run(),
            Command::Users(users) => users.run(),
            Command::Groups(groups) => groups.run(),
            Command::Projects(projects) => projects.run(),
            Command::Roles(roles) => roles.run(),
            Command::Keys(keys) => keys.run(),
            Command::Audit(audit) => audit.run(),
            Command::Explain(explain) => explain.run(),
            Command::Completion(completion) => completion.run(Cli::command()),
            Command::Man(man) => man.run(Cli::command()),
        }
    }
}

/// Runs what the command line says.
pub fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(),
    }
}

/// Runs a command line in this thread: exit code, standard output, and why it failed.
#[cfg(test)]
pub(crate) fn run_captured(args: &[String]) -> (u8, String, String) {
    let args = std::iter::once("tailrace".to_owned()).chain(args.iter().cloned());
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(e) => return (2, String::new(), e.to_string()),
    };
    let (done, printed) = output::captured(|| cli.run());
    match done {
        Ok(()) => (0, printed, String::new()),
        Err(failed) => (failed.code(), printed, failed.message().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
