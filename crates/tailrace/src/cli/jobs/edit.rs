//! `tailrace jobs edit`: other objects, or another policy, for a job, also for one that runs.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Waiting, passed, print_job};
use crate::cli::exit::{Exit, Failed};
use crate::cli::output::Output;
use crate::client::{CheckedFor, Client, Waited};
use crate::job_file::JobFile;

#[derive(Debug, Args)]
pub(super) struct Edit {
    /// Id or name.
    job: String,
    /// Job file, of which [objects] and [mapping] are taken.
    file: PathBuf,
    /// Take [policy] of the file instead, and leave the objects as they are. A job that runs has it from its next step on:
    /// there is nothing to wait for.
    #[arg(long, conflicts_with = "wait")]
    policy: bool,
    #[command(flatten)]
    waiting: Waiting,
}

impl Edit {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let file = JobFile::read(&self.file)?;
        file.plan()?;
        let id = client.find(&self.job).await?;
        if self.policy {
            client.save_policy(&id, &file).await?;
            return print_job(client, &id, output).await;
        }
        let runs = client.status(&id).await? != "CONFIGURATION";
        client.save_objects(&id, &file).await?;
        if runs {
            passed(&client.precheck(&id, CheckedFor::Retry).await?)?;
            client.act(&id, "restart", json!({"is_sync_re_edit": true})).await?;
        }
        if self.waiting.wait
            && client.wait_for_rereads(&id, self.waiting.limit()).await? == Waited::TimedOut
        {
            let text =
                "the added tables are not read yet; `tailrace jobs parts JOB rereads` shows them";
            return Err(Failed::new(Exit::TimedOut, text));
        }
        print_job(client, &id, output).await
    }
}
