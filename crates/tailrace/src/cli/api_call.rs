//! `tailrace api`: any call of the API, signed.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use reqwest::Method;

use super::client_options::ClientOptions;
use super::connections::read;
use super::exit::{Exit, Failed};
use super::output::{Output, flat};

/// Call the API, for what has no command of its own. `{project_id}` in the path is the login's project.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct ApiCall {
    #[command(flatten)]
    options: ClientOptions,
    /// Method.
    #[arg(value_enum, ignore_case = true)]
    method: Verb,
    /// Path with its query, percent-encoded; openapi.json of the server has all of them.
    path: String,
    /// Body: a file of JSON or YAML.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tailrace api GET '/v5/{project_id}/jobs?job_type=sync' -o json
  tailrace api POST '/v3/{project_id}/jobs/batch-status' --body ids.yaml";

/// Methods of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl ApiCall {
    pub(super) fn run(self) -> Result<(), Failed> {
        let wrong = |what: &str| Failed::new(Exit::Usage, format!("path {:?}: {what}", self.path));
        if !self.path.starts_with('/') {
            return Err(wrong("it begins with /, such as /v5/{project_id}/jobs?job_type=sync"));
        }
        if !self.path.chars().all(|c| c.is_ascii_graphic()) {
            return Err(wrong("it has to be percent-encoded"));
        }
        let method = match self.method {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
            Verb::Delete => Method::DELETE,
        };
        let body = self.body.as_deref().map(read).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = self.options.client().await?;
            let whole = self.path.replace("{project_id}", client.project_id());
            let (path, query) = match whole.split_once('?') {
                Some((path, query)) => (path, Some(query)),
                None => (whole.as_str(), None),
            };
            let answer = client.call(method, path, query, body.as_ref()).await?;
            match self.options.output {
                Output::Table if answer.is_null() => Ok(()),
                output => output.print(&answer, flat),
            }
        })
    }
}
