//! Work that is asked for now and answered later, and what comes of it.

use serde::{Deserialize, Serialize};

use super::endpoint::Side;
use super::objects::FoundDatabase;

/// How far a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueryStatus {
    /// Under way.
    Pending,
    /// Finished.
    Success,
    /// Finished without a result.
    Failed,
}

impl QueryStatus {
    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failed => "failed",
        }
    }
}

/// Outcome of a connection test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionOutcome {
    /// Which end.
    pub side: Side,
    /// Address that was tried.
    pub address: String,
    /// It worked.
    pub success: bool,
    /// Stable name of the kind of error, if it did not.
    pub error_kind: Option<String>,
    /// The error and what to do about it.
    pub error_message: Option<String>,
}

/// A connection test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionTest {
    /// Query id.
    pub query_id: String,
    /// How far it is. A test that ran and failed to connect is `Success` with outcomes that say so.
    pub status: QueryStatus,
    /// One outcome per endpoint tested; empty while pending.
    pub outcomes: Vec<ConnectionOutcome>,
}

/// A collection of the source's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Query id.
    pub query_id: String,
    /// How far it is.
    pub status: QueryStatus,
    /// What was found; empty while pending.
    pub databases: Vec<FoundDatabase>,
    /// Why it failed.
    pub error_message: Option<String>,
}

/// Which prechecks to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PrecheckMode {
    /// `forStartJob`
    #[serde(rename = "forStartJob")]
    Start,
    /// `forRetryJob`
    #[serde(rename = "forRetryJob")]
    Retry,
}

impl PrecheckMode {
    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "forStartJob",
            Self::Retry => "forRetryJob",
        }
    }

    /// The mode with this wire name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "forStartJob" => Some(Self::Start),
            "forRetryJob" => Some(Self::Retry),
            _ => None,
        }
    }
}

/// Result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckResult {
    /// In order.
    Passed,
    /// To be looked at; does not hinder the start.
    Alarm,
    /// Hinders the start.
    Failed,
}

impl CheckResult {
    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Alarm => "ALARM",
            Self::Failed => "FAILED",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckItem {
    /// DRS's name of the check, e.g. `srcBinlogFormatCheck`.
    pub item: String,
    /// Group it is shown in.
    pub group: String,
    /// Result.
    pub result: CheckResult,
    /// What is wrong, if anything.
    pub reason: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// The server's own words.
    pub raw: Option<String>,
}

/// A precheck.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precheck {
    /// Query id; `precheck_id` of v3.
    pub query_id: String,
    /// Mode.
    pub mode: PrecheckMode,
    /// How far it is.
    pub status: QueryStatus,
    /// 0..=100: how much is done.
    pub process_percent: u8,
    /// 0..=100: how much of what is done is passed or only an alarm, rounded down.
    pub passed_percent: u8,
    /// The checks; empty while pending.
    pub items: Vec<CheckItem>,
    /// Why the precheck itself could not run.
    pub error_message: Option<String>,
}

impl Precheck {
    /// Every check is passed or only an alarm.
    pub fn passed(&self) -> bool {
        self.status == QueryStatus::Success
            && self.items.iter().all(|item| item.result != CheckResult::Failed)
    }
}
