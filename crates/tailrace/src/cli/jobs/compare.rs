//! `tailrace jobs compare`: do a job's topics say what its tables say?

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::parts;
use crate::cli::exit::{Exit, Failed};
use crate::cli::output::{Output, columns, emit, text};
use crate::cli::progress::Progress;
use crate::client::{Client, Waited};

/// Rows that are told one by one.
const ROWS_SHOWN_MAX: usize = 20;

/// Compare tables with the target's, or with what a consumer of their topics ends with, while both change. Exit code 9 if they
/// differ.
#[derive(Debug, Args)]
pub(super) struct Compare {
    /// Id or name.
    job: String,
    /// Tables; all of the job's by default.
    #[arg(value_name = "DATABASE.TABLE", value_parser = parts::database_and_table)]
    tables: Vec<(String, String)>,
    /// Compare numbers of rows only.
    #[arg(long, conflicts_with = "objects")]
    lines: bool,
    /// Only see whether every table has its topic.
    #[arg(long)]
    objects: bool,
    /// Compare a sample of so many percent of the rows, of a job to a database; rows that only the target has are not found.
    #[arg(long, value_name = "PERCENT", conflicts_with_all = ["lines", "objects"])]
    sample: Option<f64>,
    /// Nothing is changed meanwhile: rows that differ are not looked at again.
    #[arg(long = "static", conflicts_with_all = ["lines", "objects"])]
    is_static: bool,
    /// Do not wait for the result.
    #[arg(long, conflicts_with = "timeout")]
    detach: bool,
    /// Longest time to wait, in seconds; the comparison goes on behind it.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Show a comparison that was asked for before.
    #[arg(long, value_name = "ID", conflicts_with_all = ["tables", "detach"])]
    task: Option<String>,
    /// Stop the comparison that --task names.
    #[arg(long, requires = "task", conflicts_with_all = ["pause", "resume"])]
    cancel: bool,
    /// Let the comparison that --task names rest; it goes on with --resume.
    #[arg(long, requires = "task", conflicts_with = "resume")]
    pause: bool,
    /// Let the comparison that --task names go on.
    #[arg(long, requires = "task")]
    resume: bool,
}

impl Compare {
    /// What is asked for, as `compare_task_param`.
    fn asked(&self) -> Value {
        let kind = match (self.lines, self.objects, self.sample) {
            (true, _, _) => "lines",
            (_, true, _) => "object",
            (_, _, Some(_)) => "random",
            _ => "contents",
        };
        let mut task = json!({"type": kind});
        if let Some(percent) = self.sample {
            task["proportion_value"] = json!(percent);
        }
        if self.is_static {
            task["option"] = json!({"contentCompareType": "static"});
        }
        task
    }

    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        let id = match &self.task {
            Some(id) => id.clone(),
            None => client.compare(&job, self.asked(), &self.tables).await?,
        };
        if self.cancel {
            client.cancel_comparison(&job, &id).await?;
        }
        if self.pause || self.resume {
            client.pause_comparison(&job, &id, self.pause).await?;
        }
        if self.detach || self.pause {
            return print_tasks(output, &client.comparisons(&job, Some(&id)).await?);
        }
        let mut progress = Progress::new();
        let limit = self.timeout.map(Duration::from_secs);
        let see = |task: &Value| {
            let (rows, messages) = (text(task, "/rows_read"), text(task, "/messages_read"));
            let more = format!("{rows} rows and {messages} messages read");
            progress.show(&text(task, "/status"), 0, &more);
        };
        if client.wait_for_comparison(&job, &id, limit, see).await? == Waited::TimedOut {
            let text = format!("the comparison goes on: see it with --task {id}");
            return Err(Failed::new(Exit::TimedOut, text));
        }
        show(client, &job, &id, output).await
    }
}

/// Prints the result of a comparison that has ended; an error if it found a difference or could not be done.
async fn show(client: &Client, job: &str, id: &str, output: Output) -> Result<(), Failed> {
    let tasks = client.comparisons(job, Some(id)).await?;
    let task = tasks.first().cloned().unwrap_or_default();
    let status = text(&task, "/status");
    if status == "FAILED" {
        let text = format!("the comparison failed: {}", text(&task, "/error_msg"));
        return Err(Failed::new(Exit::Failure, text));
    }
    let (compare_type, member, heads) = match text(&task, "/type").as_str() {
        "object" => ("object_compare", "objects_compare_detail_infos", OBJECTS),
        "lines" => ("line_compare", "line_compare_detail_infos", LINES),
        _ => ("content_compare", "content_compare_detail_infos", CONTENTS),
    };
    let which = |query: &str| {
        format!("compare_type={compare_type}&query_type={query}&compare_task_id={id}")
    };
    let tables = client.compared(job, &which("detail"), member).await?;
    let rows = if compare_type == "content_compare" {
        client.compared(job, &which("diff"), "content_diff_detail_info/contents_infos").await?
    } else {
        Vec::new()
    };
    let value = json!({"task": task, "tables": tables, "differences": rows});
    output.print(&value, |_| columns(heads, &json!(tables)))?;
    if output == Output::Table {
        tell_rows(&rows)?;
    }
    verdict(compare_type, &status, &tables)
}

/// Heads and members of columns.
type Columns = &'static [(&'static str, &'static str)];

const OBJECTS: Columns = &[
    ("database", "/source_db_name"),
    ("table", "/source_db_value"),
    ("in messages", "/target_db_value"),
    ("note", "/error_message"),
];
const LINES: Columns = &[
    ("table", "/source_table_name"),
    ("result", "/status"),
    ("rows", "/source_row_num"),
    ("in topic", "/target_row_num"),
    ("note", "/message"),
];
const CONTENTS: Columns = &[
    ("database", "/source_db"),
    ("table", "/source_table_name"),
    ("result", "/status"),
    ("rows", "/source_row_num"),
    ("in topic", "/target_row_num"),
    ("missing", "/missing_row_num"),
    ("extra", "/extra_row_num"),
    ("in all", "/difference_row_num"),
    ("note", "/message"),
];

fn print_tasks(output: Output, tasks: &[Value]) -> Result<(), Failed> {
    let heads: Columns = &[("id", "/id"), ("type", "/type"), ("status", "/status")];
    output.print(&json!(tasks), |tasks| columns(heads, tasks))
}

/// Tells some of the rows that differ.
fn tell_rows(rows: &[Value]) -> Result<(), Failed> {
    let list = |row: &Value, member: &str| {
        let values = row.get(member).and_then(Value::as_array).cloned().unwrap_or_default();
        let values: Vec<String> = values.iter().map(|value| text(value, "")).collect();
        values.join(", ")
    };
    for row in rows.iter().take(ROWS_SHOWN_MAX) {
        let (here, there) = (list(row, "source_key_value"), list(row, "target_key_value"));
        let what = match (here.is_empty(), there.is_empty()) {
            (false, true) => "only in the source".to_owned(),
            (true, false) => "only at the target".to_owned(),
            _ => format!("differs in {}", list(row, "columns")),
        };
        let key = if here.is_empty() { there } else { here };
        // Of a database what repairs it, of a topic where the last message is.
        let repair = row.get("repair_sql").and_then(Value::as_str);
        let last = repair.map_or_else(|| text(row, "/target_select_sql"), str::to_owned);
        emit(&format!("{} [{key}]: {what}; {last}\n", text(row, "/source_table_name")))?;
    }
    if rows.len() > ROWS_SHOWN_MAX {
        let more = rows.len() - ROWS_SHOWN_MAX;
        emit(&format!("… {more} more; --output json has them\n"))?;
    }
    Ok(())
}

fn verdict(compare_type: &str, status: &str, tables: &[Value]) -> Result<(), Failed> {
    let is_good = |table: &&Value| match compare_type {
        "object_compare" => !text(table, "/target_db_value").is_empty(),
        _ => text(table, "/status") == "CONSISTENT",
    };
    let bad = tables.len() - tables.iter().filter(is_good).count();
    if bad > 0 {
        let text = format!("{bad} of {} tables are not consistent", tables.len());
        return Err(Failed::new(Exit::Inconsistent, text));
    }
    if status != "SUCCESSFUL" {
        return Err(Failed::new(Exit::Failure, format!("the comparison is {status}")));
    }
    Ok(())
}
