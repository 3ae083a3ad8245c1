//! What the server tells of its one job while it runs.

use anyhow::Result;

use super::served::Served;

/// Figures of the job; all zero while the server is not up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Figures {
    /// Rows of the full phase delivered.
    pub(super) snapshot_rows: f64,
    /// Messages delivered.
    pub(super) messages: f64,
    /// A data path runs.
    pub(super) running: bool,
}

impl Figures {
    /// Asks the server.
    pub(super) fn ask(served: &Served) -> Result<Self> {
        let text = served.get("/metrics")?;
        Ok(Self {
            snapshot_rows: value(&text, "tailrace_job_snapshot_rows_total"),
            messages: value(&text, "tailrace_job_messages_total"),
            running: value(&text, "tailrace_job_running") > 0.0,
        })
    }
}

/// Sum of a metric over its label sets.
fn value(text: &str, name: &str) -> f64 {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[test]
fn reads_prometheus_text() {
    let text = "# TYPE a counter\na{job=\"x y\"} 3\na{job=\"z\"} 4.5\nab{job=\"x\"} 9\n";
    assert_eq!((value(text, "a"), value(text, "ab"), value(text, "c")), (7.5, 9.0, 0.0));
}
