//! `tailrace jobs`: a client of a running server.

mod ask;
mod compare;
mod compare_policy;
mod create;
mod dirty;
mod edit;
mod follow;
mod logs;
mod objects;
mod parts;
mod repair;
mod settings;
mod tags;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::client_options::ClientOptions;
use super::exit::{Exit, Failed};
use super::explain::Explain;
use super::output::{Output, flat, text};
use crate::client::{CheckedFor, Client, PrecheckItem};

/// See and drive the jobs of a server.
///
/// JOB is a job's id or its name. The server and the login come from the options, else from the
/// environment: TAILRACE_ENDPOINT, and TAILRACE_CREDENTIALS (the credentials.json that the server's
/// first start writes), TAILRACE_PROJECT_ID with TAILRACE_AK and TAILRACE_SK or TAILRACE_TOKEN, or
/// TAILRACE_USER and TAILRACE_PASSWORD; else from the context that `tailrace contexts use` chose.
///
/// Exit codes: 0 done, 1 failed, 2 wrong command line or job file, 3 no such job, 4 not in this state,
/// 5 no server answers, 6 the precheck failed, 7 access refused, 8 the time of a wait was over,
/// 9 a comparison found differences.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Jobs {
    #[command(flatten)]
    options: ClientOptions,
    #[command(subcommand)]
    command: JobsCommand,
}

const EXAMPLES: &str = "\
Examples:
  export TAILRACE_CREDENTIALS=/var/lib/tailrace/credentials.json
  tailrace jobs create shop.toml --start     a job from a file, checked and started
  tailrace jobs follow shop                  phase, rows and delay until it is interrupted
  tailrace jobs parts shop timeline          what was done to it, by whom
  tailrace jobs set shop read_task_num=4     a parameter; `parts shop parameters` shows all
  tailrace jobs reread shop shop.orders      the rows of a table again, while the job goes on
  tailrace jobs compare shop                 do the topics say what the tables say?
  tailrace jobs delete shop --stop           end it and remove all that is its own";

/// How long to wait.
#[derive(Debug, Clone, Args)]
struct Waiting {
    /// Wait until the job is where the command brings it.
    #[arg(long)]
    wait: bool,
    /// Longest time to wait, in seconds; without, as long as it takes.
    #[arg(long, value_name = "SECONDS", requires = "wait")]
    timeout: Option<u64>,
}

impl Waiting {
    fn limit(&self) -> Option<Duration> {
        self.timeout.map(Duration::from_secs)
    }
}

/// Views of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum View {
    /// Status and figures.
    Overview,
    /// All settings.
    Detail,
    /// Progress by phase.
    Progress,
    /// The newest precheck.
    Precheck,
    /// The newest connection test.
    Network,
    /// What happened.
    Log,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    /// List all jobs.
    List,
    /// Show a job.
    Show {
        /// Id or name.
        job: String,
        /// What of it.
        #[arg(long, value_enum, default_value = "detail")]
        view: View,
    },
    /// List what belongs to a job: user actions, tables, DDL statements, parameters, what is to be read.
    Parts {
        /// Id or name.
        job: String,
        /// What of it.
        #[arg(value_enum)]
        part: parts::Part,
    },
    /// Set parameters of a job.
    Set {
        /// Id or name.
        job: String,
        /// Parameters, each as NAME=VALUE.
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = parts::name_and_value)]
        values: Vec<(String, String)>,
    },
    /// Read a table again, whole or in part, while the job goes on.
    Reread {
        /// Id or name.
        job: String,
        /// Table.
        #[arg(value_name = "DATABASE.TABLE", value_parser = parts::database_and_table)]
        table: (String, String),
        /// Only rows for which this is true, as behind WHERE.
        #[arg(long, value_name = "CONDITION")]
        r#where: Option<String>,
    },
    /// Stop reading a table beside the job; `parts JOB rereads` shows the ids.
    StopReread {
        /// Id or name.
        job: String,
        /// Id of what is to be stopped.
        id: String,
    },
    Logs(logs::Logs),
    Objects(objects::Objects),
    Tags(tags::Tags),
    Rename(settings::Rename),
    Copy(settings::Copy),
    Password(settings::Password),
    Limit(settings::Limit),
    Position(settings::Position),
    Explain(Explain),
    Compare(compare::Compare),
    ComparePolicy(compare_policy::ComparePolicy),
    Repair(repair::Repair),
    Dirty(dirty::Dirty),
    /// Check a paused or failed job and begin it anew, from its first row.
    Reset {
        /// Id or name.
        job: String,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Make a job of a file, test its connections and save its settings; with --start also check and
    /// start it. If something is refused, the job is left as far as it came, to be seen or deleted.
    Create(create::Create),
    /// Give a job other objects, those of a file; tables that are added to a job that runs are read beside its stream.
    Edit(edit::Edit),
    /// Check whether a job can start.
    Precheck {
        /// Id or name.
        job: String,
    },
    /// Check a job and start it.
    Start {
        /// Id or name.
        job: String,
        /// Start without a check; the newest one has to be passed.
        #[arg(long)]
        no_precheck: bool,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Pause a job at a durable checkpoint.
    Pause {
        /// Id or name.
        job: String,
        /// Only this part of the increment; the job itself goes on. (Of jobs that have parts: Oracle to GaussDB.)
        #[arg(long, conflicts_with = "wait")]
        part: Option<parts::Half>,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Let a paused or failed job go on where it stopped.
    Resume {
        /// Id or name.
        job: String,
        /// Only this part of the increment.
        #[arg(long, conflicts_with = "wait")]
        part: Option<parts::Half>,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// End a job for good; it cannot be started again.
    Stop {
        /// Id or name.
        job: String,
        /// Do not wait until the last messages are delivered.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Delete an ended job: its settings, secrets and progress records. Its topics stay.
    Delete {
        /// Id or name.
        job: String,
        /// End it first if it has not ended.
        #[arg(long)]
        stop: bool,
    },
    #[command(visible_alias = "watch")]
    /// Follow a job: phase, rows, delay; until it is interrupted, ends or fails.
    Follow {
        /// Id or name.
        job: String,
        /// Stop following after this many seconds.
        #[arg(long, value_name = "SECONDS")]
        timeout: Option<u64>,
    },
}

impl Jobs {
    pub(super) fn run(self) -> Result<(), Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let command = match self.command {
            JobsCommand::Explain(explain) => return explain.run(),
            command => command,
        };
        runtime.block_on(async {
            let client = self.options.client().await?;
            Box::pin(command.run(&client, self.options.output)).await
        })
    }
}

impl JobsCommand {
    async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        match self {
            Self::List => output.print(&Value::Array(client.jobs().await?), list_rows),
            Self::Show { job, view } => {
                let id = client.find(&job).await?;
                output.print(&client.show(&id, view.name()).await?, flat)
            }
            Self::Create(create) => create.run(client, output).await,
            Self::Edit(edit) => edit.run(client, output).await,
            Self::Precheck { job } => {
                let id = client.find(&job).await?;
                let purpose = match client.status(&id).await?.as_str() {
                    "CONFIGURATION" => CheckedFor::Start,
                    _ => CheckedFor::Retry,
                };
                let items = client.precheck(&id, purpose).await?;
                print_checks(output, &items)?;
                passed(&items)
            }
            Self::Start { job, no_precheck, waiting } => {
                let id = client.find(&job).await?;
                start(client, &id, !no_precheck).await?;
                follow::started(client, &id, &waiting).await?;
                print_job(client, &id, output).await
            }
            Self::Pause { job, part: Some(half), .. } => {
                let id = client.find(&job).await?;
                parts::hold(client, &id, ("stop", half), output).await
            }
            Self::Resume { job, part: Some(half), .. } => {
                let id = client.find(&job).await?;
                parts::hold(client, &id, ("continue", half), output).await
            }
            Self::Pause { job, waiting, .. } => {
                let id = client.find(&job).await?;
                client.act(&id, "stop", json!({"pause_mode": "target"})).await?;
                follow::until(client, &id, &waiting, &["PAUSING"]).await?;
                print_job(client, &id, output).await
            }
            Self::Resume { job, waiting, .. } => {
                let id = client.find(&job).await?;
                client.act(&id, "restart", json!({})).await?;
                follow::started(client, &id, &waiting).await?;
                print_job(client, &id, output).await
            }
            Self::Parts { job, part } => {
                let id = client.find(&job).await?;
                part.print(client, &id, output).await
            }
            Self::Set { job, values } => {
                let id = client.find(&job).await?;
                parts::set(client, &id, &values).await?;
                parts::Part::Parameters.print(client, &id, output).await
            }
            Self::Reread { job, table: (database, table), r#where } => {
                let id = client.find(&job).await?;
                client.reread(&id, &database, &table, r#where.as_deref()).await?;
                parts::Part::Rereads.print(client, &id, output).await
            }
            Self::StopReread { job, id: reread } => {
                let id = client.find(&job).await?;
                client.stop_reread(&id, &reread).await?;
                parts::Part::Rereads.print(client, &id, output).await
            }
            Self::Logs(logs) => logs.run(client, output).await,
            Self::Objects(objects) => objects.run(client, output).await,
            Self::Tags(tags) => tags.run(client, output).await,
            Self::Rename(rename) => rename.run(client, output).await,
            Self::Copy(copy) => copy.run(client, output).await,
            Self::Password(password) => password.run(client, output).await,
            Self::Limit(limit) => limit.run(client, output).await,
            Self::Position(position) => position.run(client, output).await,
            // It needs no server, and was done before.
            Self::Explain(explain) => explain.run(),
            Self::Compare(compare) => compare.run(client, output).await,
            Self::ComparePolicy(policy) => policy.run(client, output).await,
            Self::Repair(repair) => repair.run(client, output).await,
            Self::Dirty(dirty) => dirty.run(client, output).await,
            Self::Reset { job, waiting } => {
                let id = client.find(&job).await?;
                passed(&client.precheck(&id, CheckedFor::Retry).await?)?;
                client.act(&id, "reset", json!({})).await?;
                follow::started(client, &id, &waiting).await?;
                print_job(client, &id, output).await
            }
            Self::Stop { job, force, waiting } => {
                let id = client.find(&job).await?;
                client.act(&id, "terminate", json!({"force_delete": force})).await?;
                follow::until(client, &id, &waiting, &[ENDED]).await?;
                print_job(client, &id, output).await
            }
            Self::Delete { job, stop } => delete(client, &job, stop, output).await,
            Self::Follow { job, timeout } => {
                let id = client.find(&job).await?;
                follow::follow(client, &id, timeout.map(Duration::from_secs)).await
            }
        }
    }
}

/// Status of an ended job.
const ENDED: &str = "RELEASE_RESOURCE_COMPLETE";

impl View {
    fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Detail => "detail",
            Self::Progress => "progress",
            Self::Precheck => "precheck",
            Self::Network => "network",
            Self::Log => "log",
        }
    }
}

/// Starts a job, after a check of it that has to pass.
async fn start(client: &Client, id: &str, checked: bool) -> Result<(), Failed> {
    if checked {
        passed(&client.precheck(id, CheckedFor::Start).await?)?;
    }
    client.act(id, "start", json!({})).await?;
    Ok(())
}

async fn delete(client: &Client, job: &str, stop: bool, output: Output) -> Result<(), Failed> {
    let id = client.find(job).await?;
    if stop && client.status(&id).await? != ENDED {
        client.act(&id, "terminate", json!({})).await?;
        let waiting = Waiting { wait: true, timeout: None };
        follow::until(client, &id, &waiting, &[ENDED]).await?;
    }
    client.delete(&id).await?;
    let done = json!({"id": id, "status": "DELETED"});
    output.print(&done, |value| job_rows(std::slice::from_ref(value)))
}

/// An error if a check found what hinders the start; names each with its reason.
fn passed(items: &[PrecheckItem]) -> Result<(), Failed> {
    let bad: Vec<String> = items
        .iter()
        .filter(|item| item.result == "FAILED")
        .map(|item| format!("\n  {}: {}", item.item, item.reason))
        .collect();
    if bad.is_empty() {
        return Ok(());
    }
    Err(Failed::new(Exit::Precheck, format!("the precheck failed:{}", bad.concat())))
}

fn print_checks(output: Output, items: &[PrecheckItem]) -> Result<(), Failed> {
    let value = json!(items);
    output.print(&value, |_| {
        let mut rows = vec![vec!["result".into(), "check".into(), "reason".into()]];
        for item in items {
            rows.push(vec![item.result.clone(), item.item.clone(), item.reason.clone()]);
        }
        rows
    })
}

/// Prints a job's id, name and status.
async fn print_job(client: &Client, id: &str, output: Output) -> Result<(), Failed> {
    let view = client.show(id, "detail").await?;
    let short = json!({
        "id": id, "name": text(&view, "/base_info/name"), "status": text(&view, "/status"),
    });
    output.print(&short, |value| job_rows(std::slice::from_ref(value)))
}

fn job_rows(jobs: &[Value]) -> Vec<Vec<String>> {
    let heads = ["id", "name", "status"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for job in jobs {
        rows.push(heads.map(|head| text(job, &format!("/{head}"))).to_vec());
    }
    rows
}

fn list_rows(jobs: &Value) -> Vec<Vec<String>> {
    let columns = [
        ("id", "/id"),
        ("name", "/name"),
        ("status", "/status"),
        ("link", "/engine_type"),
        ("phases", "/task_type"),
        ("created", "/create_time"),
    ];
    let mut rows = vec![columns.map(|(head, _)| head.to_owned()).to_vec()];
    for job in jobs.as_array().map(Vec::as_slice).unwrap_or_default() {
        rows.push(columns.map(|(_, pointer)| text(job, pointer)).to_vec());
    }
    rows
}
