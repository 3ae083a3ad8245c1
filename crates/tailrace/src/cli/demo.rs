//! `tailrace demo`: see [`crate::demo`].

use std::path::PathBuf;

use super::exit::{Exit, Failed};
use super::progress::Progress;
use crate::demo::{self, Narrator, Options};

/// Watch a MySQL database flow into Kafka, and what arrives compared with the source.
///
/// Starts a private MySQL or MariaDB if a server program is installed (or takes --source) and an embedded Kafka emulator
/// (or takes --kafka), fills a shop, starts a server, makes one job through its API, shows the full
/// phase and live changes, compares what a consumer holds with the source row by row, and ends and
/// deletes the job. Everything it started or made is gone at its end, but for topics of a broker that
/// was given.
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Take this MySQL or MariaDB as the source: mysql://USER:PASSWORD@HOST:PORT. The user needs all rights.
    #[arg(long, value_name = "URL", env = "TAILRACE_DEMO_SOURCE", hide_env_values = true)]
    source: Option<String>,
    /// Server program to start, if it is not found by itself.
    #[arg(long, value_name = "PROGRAM", conflicts_with = "source")]
    mysqld: Option<PathBuf>,
    /// Take this Kafka as the target.
    #[arg(long, value_name = "HOST:PORT", env = "TAILRACE_DEMO_KAFKA")]
    kafka: Option<String>,
    /// Rows of the shop, about.
    #[arg(long, default_value_t = 40_000, value_parser = clap::value_parser!(u64).range(100..=50_000_000))]
    rows: u64,
    /// Seconds of live changes.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

impl Narrator for Progress {
    fn say(&mut self, line: &str) {
        self.print(line);
    }

    fn show(&mut self, phase: &str, percent: u64, more: &str) {
        Self::show(self, phase, percent, more);
    }
}

impl Demo {
    /// What clap does not see; its own errors would show the password of a source.
    fn check(&self) -> Result<(), Failed> {
        let usage = |text: String| Err(Failed::new(Exit::Usage, text));
        if let Some(url) = &self.source
            && let Err(error) = demo::Source::named(url)
        {
            return usage(format!("{error:#}"));
        }
        if let Some(address) = &self.kafka
            && !address.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
            })
        {
            return usage(format!("--kafka is HOST:PORT, not {address:?}"));
        }
        Ok(())
    }

    pub(super) fn run(self) -> Result<(), Failed> {
        self.check()?;
        let options = Options {
            source: self.source,
            mysqld: self.mysqld,
            kafka: self.kafka,
            rows: self.rows,
            seconds: self.seconds,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let mut progress = Progress::new();
        let done = runtime.block_on(demo::run(&options, &mut progress));
        drop(progress);
        Ok(done?)
    }
}
