//! `tailrace audit`: who asked a server for which change.

use std::path::PathBuf;

use super::exit::{Exit, Failed};
use super::output::{Output, text};
use crate::audit::{AUDIT_FILE, AuditFilter, read_audit};

/// Show who asked a server for which change, from where, and how it ended; also of a server that does not run.
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// Data directory of the server.
    #[arg(long, value_name = "DIR", env = "TAILRACE_DATA_DIR")]
    data_dir: PathBuf,
    /// How many entries, the newest.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    last: u32,
    /// Only of this user, by name or id.
    #[arg(long)]
    user: Option<String>,
    /// Only of this operation, e.g. delete_job.
    #[arg(long)]
    operation: Option<String>,
    /// Only with this in the path, e.g. the id of a job.
    #[arg(long)]
    target: Option<String>,
    /// Only what was refused or failed.
    #[arg(long)]
    refused: bool,
    /// Form of the result.
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

const COLUMNS: [(&str, &str); 8] = [
    ("at", "/at"),
    ("user", "/user_name"),
    ("access key", "/access_key"),
    ("address", "/address"),
    ("operation", "/operation"),
    ("path", "/path"),
    ("status", "/status"),
    ("code", "/code"),
];

impl Audit {
    pub(super) fn run(self) -> Result<(), Failed> {
        let Self { data_dir, last, user, operation, target, refused, output } = self;
        let filter = AuditFilter { user, operation, target, refused };
        let count_max = usize::try_from(last).unwrap_or(usize::MAX);
        let entries = read_audit(&data_dir, &filter, count_max).map_err(|e| {
            Failed::new(Exit::Usage, format!("{}: {e}", data_dir.join(AUDIT_FILE).display()))
        })?;
        let entries = serde_json::to_value(entries).map_err(anyhow::Error::from)?;
        output.print(&entries, |entries| {
            let mut rows = vec![COLUMNS.map(|(head, _)| head.to_owned()).to_vec()];
            for entry in entries.as_array().map(Vec::as_slice).unwrap_or_default() {
                rows.push(COLUMNS.map(|(_, at)| text(entry, at)).to_vec());
            }
            rows
        })
    }
}
