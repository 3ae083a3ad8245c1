//! `tailrace jobs dirty`: changes that a target database refused.

use clap::Args;
use serde_json::Value;

use crate::cli::exit::{Exit, Failed};
use crate::cli::output::{Output, text};
use crate::client::Client;

/// List the changes that a target database refused and that are put aside (`dirty_rows_max`), or bring some to an end. Exit code 9
/// if some of them stay.
#[derive(Debug, Args)]
pub(super) struct Dirty {
    /// Id or name.
    job: String,
    /// Make the rows of these changes what they are at the source by now.
    #[arg(long, value_name = "NUMBER", num_args = 1.., conflicts_with = "discard")]
    reapply: Vec<u64>,
    /// Forget these changes.
    #[arg(long, value_name = "NUMBER", num_args = 1..)]
    discard: Vec<u64>,
}

/// Heads and members of the table.
const COLUMNS: [(&str, &str); 7] = [
    ("number", "/id"),
    ("time", "/error_time"),
    ("schema", "/db_name"),
    ("table", "/table_name"),
    ("SCN", "/position"),
    ("statement", "/error_sql"),
    ("why", "/error_msg"),
];

impl Dirty {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        let results = match (&self.reapply[..], &self.discard[..]) {
            ([], []) => {
                let rows = client.list(&job, "/dirty-data", "dirty_data_list").await?;
                return print(&rows, &COLUMNS, output);
            }
            (ids, []) => client.settle_dirty_rows(&job, "reapply", ids).await?,
            (_, ids) => client.settle_dirty_rows(&job, "discard", ids).await?,
        };
        let columns = [("number", "/id"), ("result", "/status"), ("why", "/error_msg")];
        print(&results, &columns, output)?;
        let left = results.iter().filter(|result| text(result, "/status") != "success").count();
        match left {
            0 => Ok(()),
            left => {
                let text = format!("{left} of {} changes stay put aside", results.len());
                Err(Failed::new(Exit::Inconsistent, text))
            }
        }
    }
}

fn print(items: &[Value], columns: &[(&str, &str)], output: Output) -> Result<(), Failed> {
    output.print(&Value::Array(items.to_vec()), |_| {
        let mut lines = vec![columns.iter().map(|(head, _)| (*head).to_owned()).collect()];
        for item in items {
            lines.push(columns.iter().map(|(_, place)| text(item, place)).collect());
        }
        lines
    })
}
