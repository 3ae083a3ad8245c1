//! `tailrace quotas`, `links`, `node-types`, `zones` and `tags`: what a project has and is offered.

use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

use super::client_options::ClientOptions;
use super::exit::Failed;
use super::output::columns;
use crate::client::Client;

/// Show how many jobs the project has, and may have.
#[derive(Debug, Args)]
pub(super) struct Quotas {
    #[command(flatten)]
    options: ClientOptions,
}

/// List the links that jobs can have: from which source to which target.
#[derive(Debug, Args)]
pub(super) struct Links {
    #[command(flatten)]
    options: ClientOptions,
}

/// List the sizes that a link's jobs can have.
#[derive(Debug, Args)]
pub(super) struct NodeTypes {
    #[command(flatten)]
    options: ClientOptions,
    /// Link.
    #[arg(value_name = "LINK", default_value = "mysql-to-kafka")]
    link: String,
}

/// List the zones that a link's jobs can run in.
#[derive(Debug, Args)]
pub(super) struct Zones {
    #[command(flatten)]
    options: ClientOptions,
    /// Link.
    #[arg(value_name = "LINK", default_value = "mysql-to-kafka")]
    link: String,
}

/// List the tags of the project's jobs; `tailrace jobs tags` has those of one job.
#[derive(Debug, Args)]
pub(super) struct Tags {
    #[command(flatten)]
    options: ClientOptions,
}

/// Heads and members of a table's columns.
type Columns = &'static [(&'static str, &'static str)];

/// Calls the server once, and prints a member of what it answers.
fn print(
    options: &ClientOptions,
    call: impl AsyncFnOnce(&Client) -> Result<Value, Failed>,
    pointer: &str,
    heads: Columns,
) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = options.client().await?;
        let answer = call(&client).await?;
        let found = answer.pointer(pointer).cloned().unwrap_or_default();
        options.output.print(&found, |found| columns(heads, found))
    })
}

impl Quotas {
    pub(super) fn run(self) -> Result<(), Failed> {
        let call = async |client: &Client| {
            Ok(client.call(Method::GET, &client.path("v3", "/quotas"), None, None).await?)
        };
        let heads = &[("of", "/type"), ("used", "/used"), ("quota", "/quota"), ("most", "/max")];
        print(&self.options, call, "/quotas/resource", heads)
    }
}

impl Links {
    pub(super) fn run(self) -> Result<(), Failed> {
        let call = async |client: &Client| {
            let query = Some("job_type=sync&limit=1000");
            Ok(client.call(Method::GET, &client.path("v5", "/links"), query, None).await?)
        };
        let heads = &[
            ("link", "/engine_type"),
            ("direction", "/job_direction"),
            ("network", "/net_type"),
            ("what it is", "/description"),
        ];
        print(&self.options, call, "/job_links", heads)
    }
}

impl NodeTypes {
    pub(super) fn run(self) -> Result<(), Failed> {
        let link = self.link;
        let call = async |client: &Client| {
            let link: String =
                link.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            let query = format!("engine_type={link}&db_use_type=sync&job_direction=non-dbs");
            let path = client.path("v3", "/node-type");
            Ok(client.call(Method::GET, &path, Some(&query), None).await?)
        };
        print(&self.options, call, "/node_types", &[("size", "/node_type")])
    }
}

impl Zones {
    pub(super) fn run(self) -> Result<(), Failed> {
        let link = self.link;
        let call = async |client: &Client| {
            let body = json!({"engine_type": link, "db_use_type": "sync",
                "job_direction": "non-dbs", "node_type": "high"});
            let path = client.path("v3", "/available-zone");
            Ok(client.call(Method::POST, &path, None, Some(&body)).await?)
        };
        let heads = &[("code", "/code"), ("name", "/name"), ("status", "/status")];
        print(&self.options, call, "/az_infos", heads)
    }
}

impl Tags {
    pub(super) fn run(self) -> Result<(), Failed> {
        let call = async |client: &Client| {
            Ok(client.call(Method::GET, &client.path("v5", "/sync/tags"), None, None).await?)
        };
        print(&self.options, call, "/tags", &[("key", "/key"), ("values", "/values")])
    }
}
