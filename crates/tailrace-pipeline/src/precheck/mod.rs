//! Checks before a job starts: each item passes, warns or fails, with the reason and the remedy.
//!
//! Item names of the source are DRS's own (`skip_pre_check_info` of its API); Kafka has none
//! published, so those with the prefix `kafka` are ours.

mod gauss;
mod objects;
mod oracle;
mod privileges;
mod source;
mod target;

use crate::error::Error;
use crate::job::JobSpec;
use crate::plan::JobPlan;
use crate::run::StopSignal;

/// Verdict of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckResult {
    /// All is well.
    Passed,
    /// Works, with the named consequence; to be confirmed by a person.
    Alarm,
    /// The job cannot work.
    Failed,
}

/// One item of a precheck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckItem {
    /// DRS's name of the item.
    pub item: &'static str,
    /// What it belongs to: `source`, `target` or `objects`.
    pub group: &'static str,
    /// Verdict.
    pub result: CheckResult,
    /// Why, with the value seen; empty if passed.
    pub reason: String,
    /// What to do; empty if passed.
    pub remedy: String,
    /// The server's own error, if there was one.
    pub raw_error: String,
}

impl CheckItem {
    fn passed(item: &'static str, group: &'static str) -> Self {
        Self {
            item,
            group,
            result: CheckResult::Passed,
            reason: String::new(),
            remedy: String::new(),
            raw_error: String::new(),
        }
    }

    fn with(
        item: &'static str,
        group: &'static str,
        result: CheckResult,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { result, reason: reason.into(), remedy: remedy.into(), ..Self::passed(item, group) }
    }

    /// A failed item made of an error of the data path.
    fn error(item: &'static str, group: &'static str, error: &Error) -> Self {
        Self {
            raw_error: error.message().to_owned(),
            ..Self::with(item, group, CheckResult::Failed, error.message(), error.kind().solution())
        }
    }

    /// Passed, or the verdict with reason and remedy.
    fn when(
        item: &'static str,
        group: &'static str,
        bad: Option<(CheckResult, String, &str)>,
    ) -> Self {
        match bad {
            None => Self::passed(item, group),
            Some((result, reason, remedy)) => Self::with(item, group, result, reason, remedy),
        }
    }
}

/// Runs every item of a job of any pair. Blocks; the items themselves never fail the call.
pub fn run_plan(plan: &JobPlan) -> Vec<CheckItem> {
    match plan {
        JobPlan::Kafka(spec) => run(spec),
        JobPlan::Gauss(job) => {
            let (mut items, tables) = oracle::run(job);
            items.extend(gauss::run(job, &tables));
            items
        }
    }
}

/// Runs every item of a job to Kafka. Blocks; the items themselves never fail the call.
pub fn run(spec: &JobSpec) -> Vec<CheckItem> {
    let stop = StopSignal::new();
    let (mut items, keeps_history) = source::run(spec, &stop);
    items.extend(target::run(spec, keeps_history));
    items
}
