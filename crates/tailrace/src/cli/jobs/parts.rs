//! What belongs to a job, as tables: what happened to it, its tables, its DDL, its parameters,
//! what is still to be read, what could not be delivered.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::super::exit::Failed;
use super::super::output::{Output, columns};
use crate::client::Client;

/// A kind of things that belong to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// User actions, newest first.
    Timeline,
    /// Tables with their progress.
    Tables,
    /// DDL statements that were met.
    Ddl,
    /// Parameters with value, default and range.
    Parameters,
    /// Tables that are still to be read beside the stream.
    Rereads,
    /// Changes that went to the dead-letter topic.
    DeadLetters,
    /// Parameters by the phase that they are about.
    Tuning,
    /// Changes of parameters, newest first.
    History,
    /// What can be done to the job now.
    Actions,
    /// Speeds, delays and what the process takes, now.
    Monitor,
    /// Comparisons that the job's policy asked for, newest first.
    HealthComparisons,
    /// Parts of the increment, of jobs that have some: what reads the log, and what writes to the target.
    Components,
}

/// A part of the increment that can be stopped alone.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Half {
    /// Reads the log.
    Capture,
    /// Writes to the target.
    Apply,
}

/// Has a part rest (`stop`) or go on (`continue`), and shows both.
pub(super) async fn hold(
    client: &Client,
    id: &str,
    (what, half): (&str, Half),
    output: Output,
) -> Result<(), Failed> {
    let half = match half {
        Half::Capture => "capture",
        Half::Apply => "apply",
    };
    client.act(id, &format!("{what}_{half}"), json!({})).await?;
    Part::Components.print(client, id, output).await
}

impl Part {
    /// Where it is under the job's path, and the member of the answer that holds the list.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Timeline => ("/timelines", "timelines"),
            Self::Tables => ("/progress-data/table", "flow_compare_data"),
            Self::Ddl => ("/ddl", "ddl_list"),
            Self::Parameters => ("/configurations", "parameter_config_list"),
            Self::Rereads => ("/rereads", "rereads"),
            Self::DeadLetters => ("/dirty-data", "dirty_data_list"),
            Self::Tuning => ("/tuning-params/query-params", ""),
            Self::History => ("/configuration-histories", "parameter_history_config_list"),
            Self::Actions => ("/actions", ""),
            Self::Monitor => ("/monitor-data", ""),
            Self::HealthComparisons => ("/health-compare-jobs", "compare_jobs"),
            Self::Components => ("/increment-components-detail", "increment_components_list"),
        }
    }

    /// Heads and members of the table's columns.
    fn columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Timeline => &[
                ("time", "/operation_time"),
                ("action", "/name"),
                ("result", "/status"),
                ("user", "/user_name"),
                ("detail", "/detail"),
            ],
            Self::Tables => &[
                ("database", "/src_db"),
                ("table", "/src_tb"),
                ("rows", "/rows"),
                ("percent", "/progress"),
            ],
            Self::Ddl => {
                &[("number", "/seqno"), ("position", "/checkpoint"), ("statement", "/ddl_text")]
            }
            Self::Rereads => &[
                ("id", "/id"),
                ("database", "/database"),
                ("table", "/table"),
                ("condition", "/condition"),
                ("rows", "/rows"),
            ],
            Self::DeadLetters => &[
                ("time", "/error_time"),
                ("change", "/error_sql"),
                ("error", "/error_code"),
                ("why", "/error_msg"),
            ],
            Self::Tuning => {
                &[("phase", "/phase"), ("name", "/name"), ("value", "/value"), ("range", "/range")]
            }
            Self::History => &[
                ("time", "/update_time"),
                ("name", "/name"),
                ("before", "/old_value"),
                ("after", "/new_value"),
                ("in force", "/is_applied"),
            ],
            Self::Actions => &[
                ("possible", "/available_actions"),
                ("not now", "/unavailable_actions"),
                ("under way", "/current_action"),
            ],
            Self::Monitor => &[
                ("rows/s", "/dst_rps"),
                ("bytes/s in", "/src_io"),
                ("bytes/s out", "/dst_io"),
                ("s behind, read", "/src_delay"),
                ("s behind, delivered", "/dst_delay"),
                ("is at", "/src_offset"),
                ("CPU %", "/used_cpu_percent"),
                ("MB", "/used_memory"),
            ],
            Self::HealthComparisons => &[
                ("id", "/id"),
                ("type", "/type"),
                ("status", "/status"),
                ("begun", "/start_time"),
                ("ended", "/end_time"),
            ],
            Self::Components => &[
                ("part", "/type"),
                ("status", "/status"),
                ("from", "/start_point"),
                ("is at", "/current_point"),
                ("seconds behind", "/delay"),
            ],
            Self::Parameters => &[
                ("name", "/name"),
                ("value", "/value"),
                ("default", "/default_value"),
                ("range", "/value_range"),
                ("what it is", "/description"),
            ],
        }
    }

    /// Prints all of them.
    pub(super) async fn print(
        self,
        client: &Client,
        id: &str,
        output: Output,
    ) -> Result<(), Failed> {
        let (path, member) = self.place();
        let items = match self {
            Self::Tuning => client.tuning(id, path).await?,
            Self::Actions | Self::Monitor => client.alone(id, path).await?,
            _ => client.list(id, path, member).await?,
        };
        output.print(&Value::Array(items), |items| columns(self.columns(), items))
    }
}

/// Reads a parameter of the command line.
pub(super) fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("NAME=VALUE is needed, such as read_task_num=4".into()),
    }
}

/// Reads a table's name on the command line.
pub(super) fn database_and_table(text: &str) -> Result<(String, String), String> {
    match text.split_once('.') {
        Some((database, table)) if !database.is_empty() && !table.is_empty() => {
            Ok((database.to_owned(), table.to_owned()))
        }
        _ => Err("DATABASE.TABLE is needed, such as shop.orders".into()),
    }
}

/// Sets parameters.
pub(super) async fn set(
    client: &Client,
    id: &str,
    pairs: &[(String, String)],
) -> Result<(), Failed> {
    let values = pairs
        .iter()
        .map(|(name, value)| json!({"parameter_name": name, "parameter_value": value}))
        .collect();
    client.set_parameters(id, Value::Array(values)).await?;
    Ok(())
}
