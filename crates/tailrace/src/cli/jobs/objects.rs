//! `tailrace jobs objects`: what a job copies, and what its source has.

use clap::Args;
use serde_json::Value;

use crate::cli::exit::Failed;
use crate::cli::output::{Output, text};
use crate::client::Client;

/// Show the objects of a job: what is selected, or with --source what could be.
#[derive(Debug, Args)]
pub(super) struct Objects {
    /// Id or name.
    job: String,
    /// Read the source, whole or only these databases (schemas of Oracle).
    #[arg(long, value_name = "DATABASE", num_args = 0..)]
    source: Option<Vec<String>>,
    /// Only what the job really runs with: without an edit that is still to come into force.
    #[arg(long, conflicts_with = "source")]
    in_force: bool,
}

impl Objects {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        let found = match &self.source {
            Some(databases) => client.source_objects(&job, databases).await?,
            None if self.in_force => client.objects(&job, "synchronized").await?,
            None => client.objects(&job, "modified").await?,
        };
        output.print(&found, rows)
    }
}

/// A row per table, or per database that is selected whole.
fn rows(found: &Value) -> Vec<Vec<String>> {
    let mut rows = vec![["database", "table", "at the target"].map(str::to_owned).to_vec()];
    for (database, entry) in members(found, "object_info") {
        let other = renamed(database, entry);
        let before = rows.len();
        for (table, of_table) in members(entry, "tables") {
            let target = match (other.as_str(), renamed(table, of_table)) {
                ("", name) => name,
                (database, name) if name.is_empty() => format!("{database}.{table}"),
                (database, name) => format!("{database}.{name}"),
            };
            rows.push(vec![database.clone(), table.clone(), target]);
        }
        if rows.len() == before {
            rows.push(vec![database.clone(), "*".to_owned(), other]);
        }
    }
    rows
}

fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// The other name that an object has at the target; empty if it has none.
fn renamed(name: &str, entry: &Value) -> String {
    let other = text(entry, "/name");
    if other == name { String::new() } else { other }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn databases_and_tables_are_told_with_their_other_names() {
        let found = json!({"object_info": {
            "a": {"all": true}, "b": {"name": "B", "all": true},
            "c": {"name": "c", "tables": {"t": {"all": true}, "u": {"name": "U"}}},
            "d": {"name": "D", "tables": {"t": {"name": "t"}, "u": {"name": "U"}}},
        }});
        let wanted = [
            ["a", "*", ""],
            ["b", "*", "B"],
            ["c", "t", ""],
            ["c", "u", "U"],
            ["d", "t", "D.t"],
            ["d", "u", "D.U"],
        ];
        assert_eq!(rows(&found)[1..], wanted.map(|row| row.map(str::to_owned).to_vec()));
    }
}
