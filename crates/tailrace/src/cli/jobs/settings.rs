//! Small settings of a job: its name and description, its speed limit, its passwords, where it starts.

use clap::{Args, ValueEnum};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::print_job;
use crate::cli::client_options::password;
use crate::cli::exit::{Exit, Failed};
use crate::cli::output::Output;
use crate::client::Client;

/// Give a job another name or description.
#[derive(Debug, Args)]
pub(super) struct Rename {
    /// Id or name.
    job: String,
    /// New name.
    #[arg(required_unless_present = "description")]
    name: Option<String>,
    /// New description.
    #[arg(long)]
    description: Option<String>,
}

impl Rename {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        for (kind, value) in [("name", self.name), ("description", self.description)] {
            if let Some(value) = value {
                let info = json!({"base_info": {kind: value}});
                client.update(&job, kind, info).await?;
            }
        }
        print_job(client, &job, output).await
    }
}

/// Make a job of the settings of another one. It has no passwords.
#[derive(Debug, Args)]
pub(super) struct Copy {
    /// Id or name of the job to copy.
    job: String,
    /// Name of the new one.
    name: String,
}

impl Copy {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        let made = client.copy(&job, &self.name).await?;
        print_job(client, &made, output).await
    }
}

/// An end of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum End {
    /// Where it reads.
    Source,
    /// Where it writes.
    Target,
}

/// Give a job the new password of an account. It is in TAILRACE_NEW_PASSWORD, else asked for.
#[derive(Debug, Args)]
pub(super) struct Password {
    /// Id or name.
    job: String,
    /// Whose account.
    #[arg(value_enum)]
    end: End,
}

impl Password {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        let (kind, what) = match self.end {
            End::Source => ("so", "the source's account"),
            End::Target => ("ta", "the target's account"),
        };
        let secret = password(Some("TAILRACE_NEW_PASSWORD"), what)?;
        client.set_password(&job, kind, secret.expose_secret()).await?;
        print_job(client, &job, output).await
    }
}

/// Limit the speed of a job's full phase and stream, by hours of the day (UTC).
#[derive(Debug, Args)]
pub(super) struct Limit {
    /// Id or name.
    job: String,
    /// Limits, each as MEGABYTES a second, or MEGABYTES@FROM-UNTIL with hours such as 10@08-17; none lifts them.
    #[arg(value_name = "LIMIT", value_parser = window)]
    limits: Vec<Window>,
}

/// A limit for hours of the day.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Window {
    speed: u32,
    begin: u8,
    end: u8,
}

/// Reads a limit of the command line.
fn window(text: &str) -> Result<Window, String> {
    let wrong = || {
        "MEGABYTES, or MEGABYTES@FROM-UNTIL with hours from 00 to 23, such as 10@08-17".to_owned()
    };
    let (speed, hours) = text.split_once('@').unwrap_or((text, "00-23"));
    let (begin, end) = hours.split_once('-').ok_or_else(wrong)?;
    let hour = |text: &str| text.parse::<u8>().ok().filter(|hour| *hour < 24).ok_or_else(wrong);
    let speed = speed.parse::<u32>().ok().filter(|n| (1..=9999).contains(n)).ok_or_else(wrong)?;
    Ok(Window { speed, begin: hour(begin)?, end: hour(end)? })
}

impl Limit {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        let windows = self
            .limits
            .iter()
            .map(|one| {
                json!({"speed": one.speed.to_string(), "begin": format!("{:02}:00", one.begin),
                    "end": format!("{:02}:59", one.end), "is_utc": true})
            })
            .collect();
        client.limit_speed(&job, windows).await?;
        print_job(client, &job, output).await
    }
}

/// Say where a job that has not started begins in the source's log.
#[derive(Debug, Args)]
pub(super) struct Position {
    /// Id or name.
    job: String,
    /// File and place, such as mysql-bin.000277:805.
    #[arg(long, value_name = "FILE:PLACE", required_unless_present = "gtid_set")]
    binlog: Option<String>,
    /// Executed GTIDs; changes behind them are read.
    #[arg(long, value_name = "GTIDS")]
    gtid_set: Option<String>,
}

impl Position {
    pub(super) async fn run(self, client: &Client, output: Output) -> Result<(), Failed> {
        let job = client.find(&self.job).await?;
        if self.binlog.is_none() && self.gtid_set.is_none() {
            return Err(Failed::new(Exit::Usage, "--binlog or --gtid-set is needed"));
        }
        client.set_position(&job, self.binlog.as_deref(), self.gtid_set.as_deref()).await?;
        print_job(client, &job, output).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_with_their_hours() {
        let of = |speed, begin, end| Ok(Window { speed, begin, end });
        assert_eq!(window("10"), of(10, 0, 23));
        assert_eq!(window("9999@08-17"), of(9999, 8, 17));
        for bad in ["", "0", "10000", "ten", "10@", "10@8", "10@08-24", "10@a-b", "-1"] {
            assert!(window(bad).is_err(), "{bad}");
        }
    }
}
