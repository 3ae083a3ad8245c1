//! A job as callers see it, and what they give to make one.

use serde::{Deserialize, Serialize};
use tailrace_pipeline::run::Part;

use super::compare_policy::ComparePolicy;
use super::endpoint::{DbType, Endpoint, EndpointInput};
use super::job_state::JobState;
use super::objects::ObjectSelection;
use super::policy::SyncPolicy;
use super::refusal::{Refusal, Result};
use super::rereads::JobReread;
use super::status::JobStatus;

/// Values that DRS clients send and want back unchanged and that have no meaning here, by any name
/// the API chooses. Never a secret.
pub type Attributes = serde_json::Map<String, serde_json::Value>;

/// The links offered, by DRS `engine_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Engine {
    /// `mysql-to-kafka`
    #[serde(rename = "mysql-to-kafka")]
    MysqlToKafka,
    /// `taurus-to-kafka`
    #[serde(rename = "taurus-to-kafka")]
    TaurusToKafka,
    /// `oracle-to-gaussdbv5`: GaussDB Distributed
    #[serde(rename = "oracle-to-gaussdbv5")]
    OracleToGaussDbV5,
}

impl Engine {
    /// All links.
    pub const ALL: [Self; 3] = [Self::MysqlToKafka, Self::TaurusToKafka, Self::OracleToGaussDbV5];

    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::MysqlToKafka => "mysql-to-kafka",
            Self::TaurusToKafka => "taurus-to-kafka",
            Self::OracleToGaussDbV5 => "oracle-to-gaussdbv5",
        }
    }

    /// The link with this wire name.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with the names allowed.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|e| e.name() == name).ok_or_else(|| {
            Refusal::invalid(
                "engine_type",
                name,
                "mysql-to-kafka, taurus-to-kafka or oracle-to-gaussdbv5",
            )
        })
    }

    /// Kind of its source.
    pub fn source(self) -> DbType {
        match self {
            Self::MysqlToKafka => DbType::Mysql,
            Self::TaurusToKafka => DbType::Taurus,
            Self::OracleToGaussDbV5 => DbType::Oracle,
        }
    }

    /// Whether its increment has a part that reads and one that writes, each of which can be stopped alone.
    pub fn has_parts(self) -> bool {
        self.target() == DbType::GaussDbV5
    }

    /// Kind of its target.
    pub fn target(self) -> DbType {
        match self {
            Self::MysqlToKafka | Self::TaurusToKafka => DbType::Kafka,
            Self::OracleToGaussDbV5 => DbType::GaussDbV5,
        }
    }
}

/// Which phases a job has, by DRS `task_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TaskMode {
    /// `FULL_TRANS`
    #[serde(rename = "FULL_TRANS")]
    Full,
    /// `FULL_INCR_TRANS`
    #[serde(rename = "FULL_INCR_TRANS")]
    FullIncremental,
    /// `INCR_TRANS`
    #[serde(rename = "INCR_TRANS")]
    Incremental,
}

impl TaskMode {
    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "FULL_TRANS",
            Self::FullIncremental => "FULL_INCR_TRANS",
            Self::Incremental => "INCR_TRANS",
        }
    }

    /// The mode with this wire name.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with the names allowed.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "FULL_TRANS" => Ok(Self::Full),
            "FULL_INCR_TRANS" => Ok(Self::FullIncremental),
            "INCR_TRANS" => Ok(Self::Incremental),
            other => Err(Refusal::invalid(
                "task_type",
                other,
                "FULL_TRANS, FULL_INCR_TRANS or INCR_TRANS",
            )),
        }
    }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Key, unique in a job.
    pub key: String,
    /// Value.
    pub value: String,
}

/// A window of the speed limit; only the full phase is limited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeedWindow {
    /// `begin`: `HH:00`, UTC.
    pub begin: String,
    /// `end`: `HH:59`, UTC; a window may go past midnight.
    pub end: String,
    /// `speed`: megabytes per second, 1..=9999.
    pub megabytes_per_second: u32,
}

/// Where an increment-only job starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct StartPosition {
    /// `file_and_position`: `name.number:offset`.
    pub file_and_position: Option<String>,
    /// `gtid_set`
    pub gtid_set: Option<String>,
}

/// What stopped a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable name of the kind of error.
    pub kind: String,
    /// The error.
    pub message: String,
    /// What to do about it.
    pub solution: String,
    /// When, milliseconds of the Unix epoch.
    pub at_ms: i64,
}

impl Failure {
    /// The text for `failed_reason` and `error_msg`.
    pub fn reason(&self) -> String {
        format!("{} {}", self.message, self.solution)
    }
}

/// Times of a job, milliseconds of the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobTimes {
    /// Created.
    pub created_ms: i64,
    /// Last change of the row.
    pub updated_ms: i64,
    /// First start.
    pub started_ms: Option<i64>,
    /// Full phase begun.
    pub full_started_ms: Option<i64>,
    /// Full phase finished.
    pub full_completed_ms: Option<i64>,
    /// Incremental phase first entered.
    pub incremental_started_ms: Option<i64>,
    /// Ended.
    pub ended_ms: Option<i64>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Id: 36 characters in the form DRS uses.
    pub id: String,
    /// Domain that owns it.
    pub domain_id: String,
    /// Project that owns it.
    pub project_id: String,
    /// Parent of a re-edit's child.
    pub parent_id: Option<String>,
    /// Name, unique in the project without regard to case.
    pub name: String,
    /// Description.
    pub description: String,
    /// Link.
    pub engine: Engine,
    /// Phases.
    pub task: TaskMode,
    /// `job_direction`: `up`, `down` or `non-dbs`.
    pub direction: String,
    /// `net_type`: `eip`, `vpc` or `vpn`.
    pub net_type: String,
    /// `enterprise_project_id`
    pub enterprise_project_id: String,
    /// `expired_days`, 14..=100; kept for clients, Tailrace ends no job by itself.
    pub expired_days: u32,
    /// Tags.
    pub tags: Vec<Tag>,
    /// See [`Attributes`].
    #[serde(default)]
    pub attributes: Attributes,
    /// Where it stands and where it is to go.
    pub state: JobState,
    /// Source.
    pub source: Endpoint,
    /// Target.
    pub target: Endpoint,
    /// Policy; `None` until one is set: [`SyncPolicy::default_for_unset`] holds then.
    pub policy: Option<SyncPolicy>,
    /// Selected objects.
    pub selection: Option<ObjectSelection>,
    /// Selection edited while running, not yet in force.
    #[serde(default)]
    pub edited_selection: Option<ObjectSelection>,
    /// Databases a selection of the whole server stands for, listed when the job first started.
    #[serde(default)]
    pub listed_databases: Option<Vec<String>>,
    /// What is still to be read beside the stream.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rereads: Vec<JobReread>,
    /// Progress records could not be removed from the target when the job ended.
    #[serde(default)]
    pub progress_left: bool,
    /// Windows of the speed limit.
    #[serde(default)]
    pub speed_windows: Vec<SpeedWindow>,
    /// Comparisons that it makes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_policy: Option<ComparePolicy>,
    /// Parts of the increment that are to rest.
    #[serde(default, skip_serializing_if = "HeldParts::is_none")]
    pub held: HeldParts,
    /// Parameters that differ from their defaults.
    #[serde(default)]
    pub parameters: std::collections::BTreeMap<String, String>,
    /// What stopped it last; gone after a start.
    pub failure: Option<Failure>,
    /// Times.
    pub times: JobTimes,
    /// Children of re-edits, oldest first; filled on reading, not stored.
    #[serde(skip)]
    pub children: Vec<ChildJob>,
}

impl Job {
    /// Where it stands.
    pub fn status(&self) -> JobStatus {
        self.state.status
    }
}

/// Parts of an increment that a user has stopped while the job goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HeldParts {
    /// The one that reads the log.
    #[serde(default)]
    pub capture: bool,
    /// The one that writes to the target.
    #[serde(default)]
    pub apply: bool,
}

impl HeldParts {
    /// Whether all parts are to go on.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Has a part rest or go on.
    pub fn set(&mut self, part: Part, is_held: bool) {
        match part {
            Part::Capture => self.capture = is_held,
            Part::Apply => self.apply = is_held,
        }
    }
}

/// A child in its parent's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildJob {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Status.
    pub status: JobStatus,
    /// Created, milliseconds of the Unix epoch.
    pub created_ms: i64,
}

/// What makes a job.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Name: 4..=50 characters, a letter first, then letters, digits, `-` and `_`.
    pub name: String,
    /// Description: at most 256 characters without `! < > & ' " \`.
    pub description: String,
    /// Link.
    pub engine: Engine,
    /// Phases.
    pub task: TaskMode,
    /// `up`, `down` or `non-dbs`.
    pub direction: String,
    /// `eip`, `vpc` or `vpn`.
    pub net_type: String,
    /// Enterprise project; `"0"` is the default one.
    pub enterprise_project_id: String,
    /// 14..=100.
    pub expired_days: u32,
    /// Tags.
    pub tags: Vec<Tag>,
    /// See [`Attributes`].
    pub attributes: Attributes,
    /// Source, as far as known.
    pub source: Option<EndpointInput>,
    /// Target, as far as known.
    pub target: Option<EndpointInput>,
}

/// Changes to the notes on a job; `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// Name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Days.
    pub expired_days: Option<u32>,
    /// Attributes to add or replace; a JSON null removes one.
    pub attributes: Attributes,
}

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Entries to pass over.
    pub offset: u64,
    /// Entries at most.
    pub limit: u64,
}

impl Page {
    /// Most entries one page may have.
    pub const LIMIT_MAX: u64 = 1000;

    /// Everything up to the most a page may have.
    pub const FIRST: Self = Self { offset: 0, limit: Self::LIMIT_MAX };

    /// The entries of this page, of a list that is known whole.
    pub fn of<T>(self, all: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        let bound = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        all.into_iter().skip(bound(self.offset)).take(bound(self.limit))
    }
}

/// What a list of jobs is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortKey {
    /// `name`
    Name,
    /// `status`
    Status,
    /// `create_time`
    #[default]
    Created,
    /// `net_type`
    NetType,
    /// `job_direction`
    Direction,
}

/// Which jobs to list. Unset members do not filter.
#[derive(Debug, Clone)]
pub struct JobFilter {
    /// Ids; empty does not filter.
    pub ids: Vec<String>,
    /// Part of the name, without regard to case, or a whole id.
    pub name_or_id: Option<String>,
    /// Status.
    pub status: Option<JobStatus>,
    /// Link.
    pub engine: Option<Engine>,
    /// Phases.
    pub task: Option<TaskMode>,
    /// `net_type`
    pub net_type: Option<String>,
    /// Enterprise project.
    pub enterprise_project_id: Option<String>,
    /// A tag with this key, and this value if given.
    pub tag: Option<(String, Option<String>)>,
    /// List children as jobs of their own too.
    pub with_children: bool,
    /// Order.
    pub sort: SortKey,
    /// Smallest first.
    pub ascending: bool,
    /// Page.
    pub page: Page,
}

impl Default for JobFilter {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            name_or_id: None,
            status: None,
            engine: None,
            task: None,
            net_type: None,
            enterprise_project_id: None,
            tag: None,
            with_children: false,
            sort: SortKey::Created,
            ascending: false,
            page: Page::FIRST,
        }
    }
}
