//! Progress of a job while a command waits: a bar on a terminal, else a line now and then.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// What is shown while something goes on; goes to standard error, so that results stay alone.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    phase: String,
    last_line: Option<Instant>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(100);
            let style = ProgressStyle::with_template("{bar:30} {percent:>3}%  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { bar, phase: String::new(), last_line: None }
    }

    /// Shows where the job is: its phase or status, percent of the full phase, and more in words.
    pub(super) fn show(&mut self, phase: &str, percent: u64, more: &str) {
        let message = if more.is_empty() { phase.to_owned() } else { format!("{phase}  {more}") };
        if let Some(bar) = &self.bar {
            bar.set_position(percent.min(100));
            bar.set_message(message);
            return;
        }
        let is_due = self.last_line.is_none_or(|last| last.elapsed() >= LINE_INTERVAL);
        if self.phase != phase || is_due {
            eprintln!("{percent:>3}%  {message}");
            phase.clone_into(&mut self.phase);
            self.last_line = Some(Instant::now());
        }
    }

    /// A line of the result, on standard output.
    pub(super) fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{line}")),
            None => println!("{line}"),
        }
    }

    /// A line above the bar.
    pub(super) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
