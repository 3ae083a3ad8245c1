//! `tailrace jobs logs`: what happened to a job, also while it happens.

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::cli::exit::Failed;
use crate::cli::output::{Output, emit, text};
use crate::client::Client;

/// Entries that are shown where no number is given.
const TAIL_DEFAULT: usize = 100;

/// Show a job's log, the newest entry last; with --follow also what comes.
#[derive(Debug, Args)]
pub(super) struct Logs {
    /// Id or name.
    job: String,
    /// Go on with what comes, until it is interrupted or the job is deleted.
    #[arg(long, short)]
    follow: bool,
    /// Entries from before, at most.
    #[arg(long, value_name = "ENTRIES", default_value_t = TAIL_DEFAULT)]
    tail: usize,
    /// Only entries of this level.
    #[arg(long, value_enum, ignore_case = true)]
    level: Option<Level>,
}

/// Levels of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// What happened.
    Info,
    /// What should be looked at.
    Warn,
    /// What stopped it.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "Info",
            Self::Warn => "Warn",
            Self::Error => "Error",
        }
    }
}

impl Logs {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        let level = self.level.map(Level::name);
        let (mut total, mut newest) = client.log(&job, level).await?;
        let mut shown: Vec<Value> = newest.iter().take(self.tail).rev().cloned().collect();
        if !self.follow {
            return match output {
                Output::Table => shown.iter().try_for_each(|entry| emit(&line(entry))),
                _ => output.print(&Value::Array(shown), |_| Vec::new()),
            };
        }
        loop {
            for entry in shown.drain(..) {
                print_one(&entry, output)?;
            }
            client.pause().await;
            let (total_now, page) = client.log(&job, level).await?;
            let count = fresh(&newest, &page, total_now.saturating_sub(total));
            shown.extend(page.iter().take(count).rev().cloned());
            (total, newest) = (total_now, page);
        }
    }
}

/// One entry as soon as it is there: a line, a JSON value on a line, or a YAML document.
fn print_one(entry: &Value, output: Output) -> Result<(), Failed> {
    match output {
        Output::Table => emit(&line(entry)),
        Output::Json => emit(&format!("{entry}\n")),
        Output::Yaml => {
            emit("---\n")?;
            output.print(entry, |_| Vec::new())
        }
    }
}

fn line(entry: &Value) -> String {
    let level = text(entry, "/level").to_uppercase();
    format!("{}  {level:<5}  {}\n", text(entry, "/create_time"), text(entry, "/message"))
}

/// How many entries at the head of `page` are new since `before`; both have the newest first. `more` have
/// been added at least: a log that is full gets no longer, so its number alone does not tell.
fn fresh(before: &[Value], page: &[Value], more: u64) -> usize {
    let least = usize::try_from(more).unwrap_or(usize::MAX).min(page.len());
    (least..page.len())
        .find(|n| {
            let rest = page.get(*n..).unwrap_or_default();
            rest.iter().zip(before).all(|(a, b)| a == b) && !before.is_empty()
        })
        .unwrap_or(page.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn new_entries_are_told_once_even_if_the_log_is_full_or_repeats_itself() {
        let list = |text: &str| text.chars().map(|c| json!(c.to_string())).collect::<Vec<_>>();
        for (before, page, more, wanted) in [
            ("", "", 0, 0),
            ("", "ba", 2, 2),
            ("ba", "ba", 0, 0),
            ("ba", "dcba", 2, 2),
            ("aa", "aaa", 1, 1),
            // Full: as many went as came.
            ("cba", "edc", 0, 2),
            ("cba", "fed", 0, 3),
            // It was begun anew.
            ("cba", "x", 0, 1),
        ] {
            assert_eq!(fresh(&list(before), &list(page), more), wanted, "{before} {page}");
        }
    }
}
