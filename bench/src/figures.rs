//! What was measured, and how it is told: median and spread over the rounds.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::prepare::Log;

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Wall time.
    pub(crate) seconds: f64,
    /// CPU time of the measured process.
    pub(crate) cpu_seconds: Option<f64>,
    /// Most memory of the measured process.
    pub(crate) peak_mib: Option<f64>,
}

struct Series {
    order: usize,
    changes: u64,
    bytes: u64,
    runs: Vec<Run>,
}

/// All measurements by name.
pub(crate) struct Figures {
    only: Option<String>,
    series: BTreeMap<String, Series>,
    lines: Vec<String>,
}

impl Figures {
    pub(crate) fn new(only: Option<String>) -> Self {
        Self { only, series: BTreeMap::new(), lines: Vec::new() }
    }

    /// Whether a measurement is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    }

    pub(crate) fn add(&mut self, name: &str, log: &Log, run: &Run) {
        println!(
            "{name}: {:.2} s, {:.0} per second{}",
            run.seconds,
            log.changes as f64 / run.seconds,
            run.cpu_seconds.map_or_else(String::new, |cpu| format!(", {cpu:.2} s of CPU"))
        );
        let order = self.series.len();
        let series = self.series.entry(name.to_owned()).or_insert_with(|| Series {
            order,
            changes: log.changes,
            bytes: log.bytes,
            runs: Vec::new(),
        });
        series.runs.push(*run);
    }

    /// A result that is no rate.
    pub(crate) fn say(&mut self, line: String) {
        println!("{line}");
        self.lines.push(line);
    }

    /// A table for `bench/README.md`.
    pub(crate) fn markdown(&self) -> String {
        let mut out = String::from(
            "\n| measurement | changes/s, median (least – most) | MB/s of log | CPU-s per million | peak MiB |\n|---|---|---|---|---|\n",
        );
        let mut all: Vec<_> = self.series.iter().collect();
        all.sort_by_key(|(_, series)| series.order);
        for (name, series) in all {
            let rates = sorted(series.runs.iter().map(|r| series.changes as f64 / r.seconds));
            let cpu = sorted(series.runs.iter().filter_map(|r| r.cpu_seconds));
            let peak = sorted(series.runs.iter().filter_map(|r| r.peak_mib));
            let rate = median(&rates);
            let megabytes = series.bytes as f64 / series.changes as f64 * rate / 1e6;
            let or_dash = |value: f64, text: String| if value > 0.0 { text } else { "–".into() };
            let per_million = median(&cpu) * 1e6 / series.changes as f64;
            // Writing to a text cannot fail.
            let _infallible = writeln!(
                out,
                "| {name} | {:.0} K ({:.0} – {:.0}) | {} | {} | {} |",
                rate / 1e3,
                rates.first().copied().unwrap_or(0.0) / 1e3,
                rates.last().copied().unwrap_or(0.0) / 1e3,
                or_dash(megabytes, format!("{megabytes:.0}")),
                or_dash(per_million, format!("{per_million:.2}")),
                or_dash(
                    peak.last().copied().unwrap_or(0.0),
                    format!("{:.0}", peak.last().copied().unwrap_or(0.0))
                ),
            );
        }
        for line in &self.lines {
            out.push('\n');
            out.push_str(line);
            out.push('\n');
        }
        out
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
