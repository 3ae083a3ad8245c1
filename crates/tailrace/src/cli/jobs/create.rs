//! `tailrace jobs create`: from a file, or from answers, to a job that can be started, or runs.

use std::path::PathBuf;

use clap::Args;

use super::{Waiting, ask, follow, print_job, start};
use crate::cli::exit::{Exit, Failed};
use crate::cli::output::Output;
use crate::cli::prompt;
use crate::client::Client;
use crate::job_file::JobFile;

#[derive(Debug, Args)]
pub(super) struct Create {
    /// Job file: TOML, YAML (.yaml, .yml) or JSON (.json); `tailrace run` takes the same. docs/commands.md
    /// explains it. Without it, on a terminal, what is needed is asked for.
    file: Option<PathBuf>,
    /// Check the job and start it.
    #[arg(long)]
    start: bool,
    #[command(flatten)]
    waiting: Waiting,
}

impl Create {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let file = match &self.file {
            Some(file) => JobFile::read(file)?,
            None if prompt::is_possible() => ask::job()?,
            None => {
                let text = "<FILE> is missing; only on a terminal a job is asked for";
                return Err(Failed::new(Exit::Usage, text));
            }
        };
        // Everything that can be seen from here is refused before there is a job.
        file.plan()?;
        let id = client.create(&file).await?;
        let ready = Waiting { wait: true, timeout: None };
        follow::until(client, &id, &ready, &["CONFIGURATION"]).await?;
        client.save_endpoints(&id, &file).await?;
        client.save_settings(&id, &file).await?;
        if self.start {
            start(client, &id, true).await?;
            follow::started(client, &id, &self.waiting).await?;
        }
        print_job(client, &id, output).await
    }
}
