//! `tailrace jobs compare-policy`: comparisons that a job makes by itself.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::exit::Failed;
use crate::cli::output::{Output, text};
use crate::client::Client;

/// Show when a job compares by itself, or set it: times are UTC.
#[derive(Debug, Args)]
pub(super) struct ComparePolicy {
    /// Id or name.
    job: String,
    /// When a day's first comparison begins.
    #[arg(long, value_name = "HH:MM:SS", requires = "until")]
    from: Option<String>,
    /// When none runs any more.
    #[arg(long, value_name = "HH:MM:SS", requires = "from")]
    until: Option<String>,
    /// Days of the week, 0 is Sunday; every day by default.
    #[arg(long, value_name = "1,3,5", requires = "from")]
    days: Option<String>,
    /// Hours from one comparison to the next; one a day by default.
    #[arg(long, value_name = "HOURS", requires = "from")]
    every: Option<u32>,
    /// What is compared.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "lines",
        value_name = "lines,contents,object_comparison"
    )]
    kinds: Vec<String>,
    /// Compare by itself no more.
    #[arg(long, conflicts_with = "from")]
    close: bool,
}

/// Heads and members of the table.
const COLUMNS: [(&str, &str); 6] = [
    ("status", "/status"),
    ("days", "/period"),
    ("from", "/begin_time"),
    ("until", "/end_time"),
    ("every (hours)", "/interval_hour"),
    ("next", "/next_compare_time"),
];

impl ComparePolicy {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        if self.close {
            client.set_compare_policy(&job, json!({"action": "close"})).await?;
        } else if self.from.is_some() {
            client.set_compare_policy(&job, self.request()).await?;
        }
        let policy = client.compare_policy(&job).await?;
        output.print(&policy, |policy| {
            let head = COLUMNS.iter().map(|(head, _)| (*head).to_owned()).collect();
            vec![head, COLUMNS.iter().map(|(_, place)| text(policy, place)).collect()]
        })
    }

    fn request(&self) -> Value {
        let mut request = Map::new();
        request.insert("action".to_owned(), "open".into());
        request.insert("compare_type".to_owned(), self.kinds.clone().into());
        let period = self.days.as_ref().map(|days| format!("* * {days}"));
        for (member, value) in
            [("begin_time", &self.from), ("end_time", &self.until), ("period", &period)]
        {
            if let Some(value) = value {
                request.insert(member.to_owned(), value.clone().into());
            }
        }
        if let Some(hours) = self.every {
            request.insert("interval_hour".to_owned(), hours.into());
        }
        Value::Object(request)
    }
}
