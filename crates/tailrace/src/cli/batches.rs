//! `tailrace batches`: jobs that are created together.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};

use super::client_options::ClientOptions;
use super::connections::read;
use super::exit::{Exit, Failed};
use super::output::{columns, text};
use crate::client::{Client, encoded};

/// Create jobs together: look at all of them, correct what is wrong, and have them made, prechecked and started.
#[derive(Debug, Args)]
pub(super) struct Batches {
    #[command(flatten)]
    options: ClientOptions,
    #[command(subcommand)]
    command: Do,
}

#[derive(Debug, Subcommand)]
enum Do {
    /// List the batches.
    List,
    /// Ask for jobs, and say what is wrong with them.
    Create {
        /// JSON or YAML: the body of POST jobs/batch-async-create.
        file: PathBuf,
        /// Have them made if nothing is wrong, and say what came of each.
        #[arg(long)]
        commit: bool,
        #[command(flatten)]
        patience: Patience,
    },
    /// Show the jobs of a batch, and what is wrong with them.
    Show {
        /// Id of the batch.
        batch: String,
    },
    /// Correct jobs of a batch.
    Edit {
        /// Id of the batch.
        batch: String,
        /// JSON or YAML: the body of PUT batch-async-jobs.
        file: PathBuf,
        #[command(flatten)]
        patience: Patience,
    },
    /// Have the jobs of a batch made, prechecked and started, and say what came of each.
    Commit {
        /// Id of the batch.
        batch: String,
        #[command(flatten)]
        patience: Patience,
    },
}

#[derive(Debug, Clone, Copy, Args)]
struct Patience {
    /// Longest time to wait, in seconds; without, as long as it takes.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

impl Batches {
    pub(super) fn run(self) -> Result<(), Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = self.options.client().await?;
            let Some((batch, failed)) = self.command.run(&client).await? else {
                let path = client.path("v5", "/batch-async-jobs");
                let all = client.call(Method::GET, &path, Some("limit=1000"), None).await?;
                let heads = [
                    ("id", "/async_job_id"),
                    ("status", "/status"),
                    ("by", "/user_name"),
                    ("created", "/create_time"),
                ];
                return self.options.output.print(&all["jobs"], |list| columns(&heads, list));
            };
            let path = path_of(&client, &batch, "");
            let jobs = client.call(Method::GET, &path, Some("limit=1000"), None).await?;
            let heads = [
                ("id", "/id"),
                ("name", "/base_info/name"),
                ("status", "/status"),
                ("what is wrong", "/failed_reason"),
            ];
            self.options.output.print(&jobs["jobs"], |list| columns(&heads, list))?;
            failed.map_or(Ok(()), Err)
        })
    }
}

fn path_of(client: &Client, batch: &str, rest: &str) -> String {
    client.path("v5", &format!("/batch-async-jobs/{}{rest}", encoded(batch)))
}

impl Do {
    /// Carries the command out; the batch that is to be shown, and why the command failed nevertheless.
    async fn run(self, client: &Client) -> Result<Option<(String, Option<Failed>)>, Failed> {
        match self {
            Self::List => Ok(None),
            Self::Show { batch } => Ok(Some((batch, None))),
            Self::Create { file, commit, patience } => {
                let path = client.path("v5", "/jobs/batch-async-create");
                let body = read(&file)?;
                let asked = client.call(Method::POST, &path, None, Some(&body)).await?;
                let batch = text(&asked, "/job/async_job_id");
                let status = settled(client, &batch, patience).await?;
                if commit && status == VALID {
                    return committed(client, batch, patience).await.map(Some);
                }
                Ok(Some((batch, invalid(&status))))
            }
            Self::Edit { batch, file, patience } => {
                let body = read(&file)?;
                client.call(Method::PUT, &path_of(client, &batch, ""), None, Some(&body)).await?;
                let status = settled(client, &batch, patience).await?;
                Ok(Some((batch, invalid(&status))))
            }
            Self::Commit { batch, patience } => committed(client, batch, patience).await.map(Some),
        }
    }
}

/// Status of a batch whose jobs can be made.
const VALID: &str = "AUTO_PARAM_VALIDATE_SUCCESS";

fn invalid(status: &str) -> Option<Failed> {
    let text = "something is wrong with a job; correct it with `tailrace batches edit`";
    (status != VALID).then(|| Failed::new(Exit::Precheck, text))
}

async fn committed(
    client: &Client,
    batch: String,
    patience: Patience,
) -> Result<(String, Option<Failed>), Failed> {
    let path = path_of(client, &batch, "/commit");
    client.call(Method::POST, &path, None, Some(&json!({}))).await?;
    settled(client, &batch, patience).await?;
    let jobs =
        client.call(Method::GET, &path_of(client, &batch, ""), Some("limit=1000"), None).await?;
    let is_wrong = |job: &Value| job.get("logs").is_some();
    let wrong = jobs["jobs"].as_array().into_iter().flatten().filter(|job| is_wrong(job)).count();
    let failed = (wrong > 0)
        .then(|| Failed::new(Exit::Precheck, format!("{wrong} of the jobs could not be started")));
    Ok((batch, failed))
}

/// Waits until nothing is being done for a batch; its status.
async fn settled(client: &Client, batch: &str, patience: Patience) -> Result<String, Failed> {
    let begun = Instant::now();
    let limit = patience.timeout.map(Duration::from_secs);
    let query = format!("async_job_id={}", encoded(batch));
    loop {
        let path = client.path("v5", "/batch-async-jobs");
        let found = client.call(Method::GET, &path, Some(&query), None).await?;
        let status = text(&found, "/jobs/0/status");
        if !matches!(status.as_str(), "ASYNC_JOB_VALIDATING" | "ASYNC_JOB_CREATING") {
            return Ok(status);
        }
        if limit.is_some_and(|limit| begun.elapsed() >= limit) {
            let text = format!("batch {batch} is {status} after the time given");
            return Err(Failed::new(Exit::TimedOut, text));
        }
        client.pause().await;
    }
}
