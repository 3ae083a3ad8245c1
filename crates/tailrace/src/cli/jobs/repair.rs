//! `tailrace jobs repair`: make rows that a comparison found what they are at the source.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::parts;
use crate::cli::exit::{Exit, Failed};
use crate::cli::output::{Output, emit, text};
use crate::cli::progress::Progress;
use crate::client::{Client, Waited};

/// Rows that are told one by one.
const ROWS_SHOWN_MAX: usize = 20;
/// State of a row that could not be repaired.
const FAILED: u64 = 2;

/// Make rows of the target that a comparison found what they are at the source, while the job runs or rests. Exit code 9 if some
/// could not be.
#[derive(Debug, Args)]
pub(super) struct Repair {
    /// Id or name.
    job: String,
    /// Tables; by default all that have rows that differ.
    #[arg(value_name = "DATABASE.TABLE", value_parser = parts::database_and_table)]
    tables: Vec<(String, String)>,
    /// The comparison; the newest by default.
    #[arg(long, value_name = "ID")]
    task: Option<String>,
    /// Do not wait for the result.
    #[arg(long, conflicts_with = "timeout")]
    detach: bool,
    /// Longest time to wait, in seconds; the repair goes on behind it.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Show the repair of this id.
    #[arg(long, value_name = "ID", conflicts_with_all = ["tables", "task", "detach"])]
    show: Option<String>,
    /// Stop the repair that runs.
    #[arg(long, conflicts_with_all = ["tables", "task", "detach", "timeout", "show"])]
    stop: bool,
}

impl Repair {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        if self.stop {
            client.stop_repair(&job).await?;
        }
        let id = match (&self.show, self.stop) {
            (Some(id), _) => Some(id.clone()),
            (None, true) => None,
            (None, false) => Some(self.begin(client, &job).await?),
        };
        let newest = client.repair_progress(&job, id.as_deref()).await?;
        let id = id.unwrap_or_else(|| text(&newest, "/repair_progress_details/query_id"));
        if self.detach {
            return output.print(&newest, |_| vec![vec!["id".to_owned()], vec![id.clone()]]);
        }
        let mut progress = Progress::new();
        let limit = self.timeout.map(Duration::from_secs);
        let see = |repair: &Value| {
            let done = text(repair, "/progress").parse().unwrap_or(0);
            progress.show(&text(repair, "/status"), done, "");
        };
        if client.wait_for_repair(&job, &id, limit, see).await? == Waited::TimedOut {
            let text = format!("the repair goes on: see it with --show {id}");
            return Err(Failed::new(Exit::TimedOut, text));
        }
        show(client, &job, &id, output).await
    }

    async fn begin(&self, client: &Client, job: &str) -> Result<String, Failed> {
        let comparison = match &self.task {
            Some(id) => id.clone(),
            None => {
                let newest = client.comparisons(job, None).await?.into_iter().next();
                let newest = newest.ok_or_else(|| {
                    Failed::new(Exit::Failure, "nothing was compared yet: tailrace jobs compare")
                })?;
                text(&newest, "/id")
            }
        };
        Ok(client.repair(job, &comparison, &self.tables).await?)
    }
}

/// Heads and members of the table.
const COLUMNS: [(&str, &str); 7] = [
    ("database", "/db_name"),
    ("table", "/table_name"),
    ("rows", "/total_row_count"),
    ("repaired", "/repaired_row_count"),
    ("equal by now", "/filter_row_count"),
    ("failed", "/failed_row_count"),
    ("until", "/update_time"),
];

/// Prints what came of a repair; an error if it did not repair all.
async fn show(client: &Client, job: &str, id: &str, output: Output) -> Result<(), Failed> {
    let repair = client.repair_progress(job, Some(id)).await?;
    let rows = client.repaired_rows(job, id).await?;
    let value = json!({"repair": repair, "rows": rows});
    output.print(&value, |_| {
        let mut lines = vec![COLUMNS.iter().map(|(head, _)| (*head).to_owned()).collect()];
        let tables = repair.get("tables").and_then(Value::as_array);
        for table in tables.into_iter().flatten() {
            lines.push(COLUMNS.iter().map(|(_, place)| text(table, place)).collect());
        }
        lines
    })?;
    let is_failed =
        |row: &&Value| row.get("repair_sql_state").and_then(Value::as_u64) == Some(FAILED);
    let failed: Vec<&Value> = rows.iter().filter(is_failed).collect();
    if output == Output::Table {
        for row in failed.iter().take(ROWS_SHOWN_MAX) {
            let key = [text(row, "/source_meta"), text(row, "/target_meta")];
            let key = key.iter().find(|key| !key.is_empty()).cloned().unwrap_or_default();
            emit(&format!("[{key}]: {}\n", text(row, "/repair_sql_info")))?;
        }
    }
    match text(&repair, "/status").as_str() {
        "SUCCESSFUL" if failed.is_empty() => Ok(()),
        "SUCCESSFUL" => {
            let text = format!("{} of {} rows could not be repaired", failed.len(), rows.len());
            Err(Failed::new(Exit::Inconsistent, text))
        }
        status => {
            let text = format!("the repair is {status}: {}", text(&repair, "/error_msg"));
            Err(Failed::new(Exit::Failure, text))
        }
    }
}
