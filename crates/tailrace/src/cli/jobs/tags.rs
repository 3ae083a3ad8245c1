//! `tailrace jobs tags`: words by which jobs are found.

use clap::Args;
use serde_json::{Value, json};

use super::parts::name_and_value;
use crate::cli::exit::Failed;
use crate::cli::output::{Output, columns};
use crate::client::Client;

/// Show, set and remove the tags of a job.
#[derive(Debug, Args)]
pub(super) struct Tags {
    /// Id or name.
    job: String,
    /// Tags to set.
    #[arg(value_name = "KEY=VALUE", value_parser = name_and_value)]
    set: Vec<(String, String)>,
    /// Keys of tags to remove.
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    remove: Vec<String>,
}

impl Tags {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        if !self.remove.is_empty() {
            let tags = self.remove.iter().map(|key| json!({"key": key})).collect();
            client.change_tags(&job, "delete", tags).await?;
        }
        if !self.set.is_empty() {
            let tags =
                self.set.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
            client.change_tags(&job, "create", tags).await?;
        }
        let tags = Value::Array(client.tags(&job).await?);
        output.print(&tags, |tags| columns(&[("key", "/key"), ("value", "/value")], tags))
    }
}
