//! What was measured, and how it is told: median and spread over the rounds.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::chart::{self, Group};

/// One measurement.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Changes, or rows, per second.
    pub(crate) rate: f64,
    /// CPU seconds of the measured process per million.
    #[serde(rename = "cpu_seconds_per_million")]
    pub(crate) cpu: Option<f64>,
    /// Of the broker meanwhile.
    #[serde(rename = "broker_cpu_seconds_per_million")]
    pub(crate) broker_cpu: Option<f64>,
    /// Of the source meanwhile.
    #[serde(rename = "source_cpu_seconds_per_million")]
    pub(crate) source_cpu: Option<f64>,
    /// Most memory of the measured process.
    pub(crate) peak_mib: Option<f64>,
    /// Bytes of a change in the broker's log, compressed as they came.
    #[serde(rename = "stored_bytes_per_change")]
    pub(crate) stored_bytes: Option<f64>,
    /// Seconds until the first message.
    #[serde(rename = "first_message_seconds")]
    pub(crate) first_seconds: Option<f64>,
    /// Time that other machines took from this one, as a share of its own work.
    pub(crate) stolen: Option<f64>,
}

impl Run {
    /// A run of which nothing is left out: `cpu` in seconds altogether.
    pub(crate) fn whole(
        changes: u64,
        seconds: f64,
        cpu: Option<f64>,
        peak_mib: Option<f64>,
    ) -> Self {
        let cpu = cpu.map(|cpu| cpu * 1e6 / changes as f64);
        Self { rate: changes as f64 / seconds, cpu, peak_mib, ..Self::default() }
    }
}

/// All rounds of one measurement.
#[derive(Serialize, Deserialize)]
struct Series {
    section: String,
    name: String,
    runs: Vec<Run>,
}

impl Series {
    fn sorted(&self, figure: impl Fn(&Run) -> Option<f64>) -> Vec<f64> {
        let mut values: Vec<f64> = self.runs.iter().filter_map(figure).collect();
        values.sort_by(f64::total_cmp);
        values
    }

    fn median(&self, figure: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        median(self.sorted(figure))
    }

    fn most(&self, figure: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        self.sorted(figure).last().copied()
    }

    fn line(&self) -> String {
        let rates = self.sorted(|run| Some(run.rate));
        let k = |at: usize| rates.get(at).copied().unwrap_or(0.0) / 1e3;
        let cell = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
        };
        format!(
            "| {} | {:.1} K ({:.1} – {:.1}) | {} | {} | {} | {} | {} |",
            self.name,
            self.median(|run| Some(run.rate)).unwrap_or(0.0) / 1e3,
            k(0),
            k(rates.len().saturating_sub(1)),
            cell(self.median(|run| run.cpu), 2),
            cell(self.median(|run| run.broker_cpu), 2),
            cell(self.median(|run| run.source_cpu), 2),
            cell(self.most(|run| run.peak_mib), 0),
            cell(self.median(|run| run.stored_bytes), 0),
        )
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

/// What a file of figures holds.
#[derive(Serialize, Deserialize)]
struct File {
    series: Vec<Series>,
    lines: Vec<String>,
}

impl File {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }
}

/// All measurements in the order in which they came first.
pub(crate) struct Figures {
    only: Vec<String>,
    section: String,
    series: Vec<Series>,
    lines: Vec<String>,
}

impl Figures {
    /// Those whose section and name contain one of `only`, or all.
    pub(crate) fn new(only: Vec<String>) -> Self {
        Self { only, section: String::new(), series: Vec::new(), lines: Vec::new() }
    }

    /// Takes up what an earlier measurement has found, whose file [`Figures::write_json`] wrote.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn take_up(&mut self, path: &Path) -> Result<()> {
        let File { series, lines } = File::read(path)?;
        for one in series {
            let known =
                self.series.iter_mut().find(|s| s.section == one.section && s.name == one.name);
            match known {
                Some(known) => known.runs.extend(one.runs),
                None => self.series.push(one),
            }
        }
        self.lines.extend(lines);
        Ok(())
    }

    /// Begins a section: what is measured from now on has this workload.
    pub(crate) fn section(&mut self, name: &str) {
        name.clone_into(&mut self.section);
    }

    /// Whether a measurement is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.wants_of(&self.section, name)
    }

    /// Whether a measurement of a section is asked for.
    pub(crate) fn wants_of(&self, section: &str, name: &str) -> bool {
        let name = format!("{section}: {name}");
        self.only.is_empty() || self.only.iter().any(|only| name.contains(only.as_str()))
    }

    /// Whether one of these measurements of the section is asked for.
    pub(crate) fn wants_any(&self, mut names: impl Iterator<Item = &'static str>) -> bool {
        names.any(|name| self.wants(name))
    }

    pub(crate) fn add(&mut self, name: &str, run: Run) {
        println!(
            "{}: {name}: {:.0} per second, {:.2} CPU-s per million, {:.0} MiB",
            self.section,
            run.rate,
            run.cpu.unwrap_or(f64::NAN),
            run.peak_mib.unwrap_or(f64::NAN),
        );
        let section = &self.section;
        let known = self.series.iter_mut().find(|s| s.section == *section && s.name == name);
        match known {
            Some(series) => series.runs.push(run),
            None => self.series.push(Series {
                section: section.clone(),
                name: name.to_owned(),
                runs: vec![run],
            }),
        }
    }

    /// A result that is no rate.
    pub(crate) fn say(&mut self, line: String) {
        println!("{line}");
        self.lines.push(line);
    }

    /// Tables for `bench/README.md`, one for each section.
    pub(crate) fn markdown(&self) -> String {
        let mut out = String::new();
        let mut sections: Vec<&str> = self.series.iter().map(|s| s.section.as_str()).collect();
        sections.dedup();
        let mut told: Vec<&str> = Vec::new();
        for section in sections {
            if told.contains(&section) {
                continue;
            }
            told.push(section);
            // Writing to a text cannot fail.
            let _infallible = write!(
                out,
                "\n**{section}**\n\n| | per second, median (least – most) | CPU-s per million | broker | MySQL | peak MiB | bytes stored |\n|---|---|---|---|---|---|---|\n"
            );
            for series in self.series.iter().filter(|s| s.section == section) {
                out.push_str(&series.line());
                out.push('\n');
            }
        }
        for line in &self.lines {
            // Lines of one table stay together.
            if !line.starts_with('|') {
                out.push('\n');
            }
            out.push_str(line);
            out.push('\n');
        }
        out
    }

    /// Bars of those measurements that `README.md` compares: their medians, with the CPU time of each.
    pub(crate) fn chart(&self, names: &[&str]) -> String {
        let mut groups: Vec<Group> = Vec::new();
        for series in self.series.iter().filter(|s| names.contains(&s.name.as_str())) {
            let rate = series.median(|run| Some(run.rate)).unwrap_or(0.0) / 1e3;
            let cpu = series.median(|run| run.cpu);
            let more = cpu.map_or_else(String::new, |cpu| format!(" · {cpu:.1} CPU-s/M"));
            let bar = (series.name.clone(), rate, more);
            match groups.iter_mut().find(|group| group.title == series.section) {
                Some(group) => group.bars.push(bar),
                None => groups.push(Group { title: series.section.clone(), bars: vec![bar] }),
            }
        }
        // One bar says nothing beside others.
        groups.retain(|group| group.bars.len() > 1);
        chart::svg(&groups)
    }

    /// Medians beside those of an earlier measurement, whose file [`Figures::write_json`] wrote.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn against(&self, path: &Path) -> Result<String> {
        let earlier = File::read(path)?;
        let mut out = format!(
            "\nAgainst {}:\n\n| | rate | CPU-s per million | peak memory |\n|---|---|---|---|\n",
            path.display()
        );
        for series in &self.series {
            let known = earlier
                .series
                .iter()
                .find(|known| known.section == series.section && known.name == series.name);
            let Some(known) = known else { continue };
            let ratio = |figure: fn(&Run) -> Option<f64>| {
                let change = series
                    .median(figure)
                    .zip(known.median(figure))
                    .map(|(now, before)| (now / before - 1.0) * 100.0);
                change.map_or_else(|| "–".to_owned(), |change| format!("{change:+.0} %"))
            };
            // Writing to a text cannot fail.
            let _infallible = writeln!(
                out,
                "| {}: {} | {} | {} | {} |",
                series.section,
                series.name,
                ratio(|run| Some(run.rate)),
                ratio(|run| run.cpu),
                ratio(|run| run.peak_mib),
            );
        }
        Ok(out)
    }

    /// Every run, to compare two commits.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write_json(&self, path: &Path) -> Result<()> {
        let text =
            serde_json::to_string_pretty(&json!({ "series": self.series, "lines": self.lines }))?;
        Ok(std::fs::write(path, text + "\n")?)
    }
}
