//! What can be done with jobs and by whom. The API calls this and nothing below it.

pub mod caller;
pub mod command;
pub mod endpoint;
pub mod iam;
pub mod job;
pub mod job_state;
pub mod objects;
pub mod policy;
pub mod query;
pub mod refusal;
pub mod runner;
pub mod status;
pub mod view;

use std::sync::Arc;

pub use caller::{Caller, Language};
pub use command::{Actions, Command};
pub use refusal::{Refusal, Result};
pub use status::{Action, JobStatus};

use endpoint::{EndpointInput, Side};
use iam::Iam;
use job::{Description, Job, JobFilter, NewJob, Page, SpeedWindow, StartPosition, Tag};
use objects::ObjectSelection;
use policy::PolicyText;
use query::{Collection, ConnectionOutcome, ConnectionTest, Precheck, PrecheckMode, QueryStatus};
use secrecy::SecretString;
use view::{
    DdlEntry, LogEntry, LogLevel, Monitor, Parameter, ParameterChange, Progress, TableProgress,
    TimelineEntry,
};

/// How a pause is meant, by DRS `pause_mode`. Tailrace stops reading and writing in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PauseMode {
    /// `target`
    #[default]
    Target,
    /// `all`
    All,
}

/// Which objects are asked for, by DRS `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// `source`: what is at the source.
    Source,
    /// `modified`: what is selected or edited.
    Modified,
    /// `synchronized`: what is in force.
    Synchronized,
}

/// The control plane. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    _inner: Arc<()>,
}

#[allow(unused_variables, clippy::unused_async, clippy::todo, reason = "signatures first")]
impl Control {
    /// Users, projects, keys and tokens.
    pub fn iam(&self) -> &Iam {
        todo!()
    }
    /// Whether the store answers and workers run; the text says what does not.
    pub async fn ready(&self) -> Result<(), String> {
        todo!()
    }
    /// Makes a job; its worker takes it to `CONFIGURATION`.
    pub async fn create(&self, caller: &Caller, new: NewJob) -> Result<Job> {
        todo!()
    }
    /// Whether a new job could have this name: form and uniqueness.
    pub async fn check_name(&self, caller: &Caller, name: &str) -> Result<()> {
        todo!()
    }
    /// One job, with its children.
    pub async fn get(&self, caller: &Caller, job_id: &str) -> Result<Job> {
        todo!()
    }
    /// Jobs, and how many there are in all.
    pub async fn list(&self, caller: &Caller, filter: &JobFilter) -> Result<(u64, Vec<Job>)> {
        todo!()
    }
    /// Changes the notes on a job.
    pub async fn describe(&self, caller: &Caller, job_id: &str, to: Description) -> Result<Job> {
        todo!()
    }
    /// Adds or replaces tags, then removes those named.
    pub async fn set_tags(
        &self,
        caller: &Caller,
        job_id: &str,
        set: Vec<Tag>,
        remove: &[String],
    ) -> Result<()> {
        todo!()
    }
    /// Saves endpoints; `None` leaves one as it is. Secrets that are not given stay.
    pub async fn set_endpoints(
        &self,
        caller: &Caller,
        job_id: &str,
        source: Option<EndpointInput>,
        target: Option<EndpointInput>,
    ) -> Result<Job> {
        todo!()
    }
    /// Saves the policy.
    pub async fn set_policy(
        &self,
        caller: &Caller,
        job_id: &str,
        policy: &PolicyText,
    ) -> Result<()> {
        todo!()
    }
    /// Sets the log position an increment-only job starts from.
    pub async fn set_start_position(
        &self,
        caller: &Caller,
        job_id: &str,
        position: StartPosition,
    ) -> Result<()> {
        todo!()
    }
    /// Selects objects, or edits the selection of a running job. Saved when this returns; the query
    /// id is for clients that ask.
    pub async fn select_objects(
        &self,
        caller: &Caller,
        job_id: &str,
        selection: ObjectSelection,
    ) -> Result<String> {
        todo!()
    }
    /// How a saving of objects went.
    pub async fn saving_status(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
    ) -> Result<QueryStatus> {
        todo!()
    }
    /// Tests endpoints in the background; secrets that are not given are those stored.
    pub async fn test_connection(
        &self,
        caller: &Caller,
        job_id: &str,
        endpoints: Vec<(Side, EndpointInput)>,
    ) -> Result<String> {
        todo!()
    }
    /// How a connection test went.
    pub async fn connection_result(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
    ) -> Result<ConnectionTest> {
        todo!()
    }
    /// Tests one endpoint and waits for the outcome.
    pub async fn connect_now(
        &self,
        caller: &Caller,
        job_id: &str,
        side: Side,
        endpoint: EndpointInput,
    ) -> Result<ConnectionOutcome> {
        todo!()
    }
    /// Lists the source's objects in the background. Without `refresh` an earlier answer may do.
    pub async fn collect_objects(
        &self,
        caller: &Caller,
        job_id: &str,
        refresh: bool,
        databases: Option<Vec<String>>,
    ) -> Result<String> {
        todo!()
    }
    /// What a collection found.
    pub async fn collected(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
    ) -> Result<Collection> {
        todo!()
    }
    /// What the newest successful collection found, or `NotCollected`.
    pub async fn last_collected(&self, caller: &Caller, job_id: &str) -> Result<Collection> {
        todo!()
    }
    /// Runs the prechecks in the background.
    pub async fn precheck(
        &self,
        caller: &Caller,
        job_id: &str,
        mode: PrecheckMode,
    ) -> Result<String> {
        todo!()
    }
    /// A precheck: the one of the query, or the job's newest.
    pub async fn precheck_result(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: Option<&str>,
    ) -> Result<Precheck> {
        todo!()
    }
    /// Starts a job, now or at a time in milliseconds of the Unix epoch.
    pub async fn start(&self, caller: &Caller, job_id: &str, at_ms: Option<i64>) -> Result<()> {
        todo!()
    }
    /// Pauses a job.
    pub async fn pause(&self, caller: &Caller, job_id: &str, mode: PauseMode) -> Result<()> {
        todo!()
    }
    /// Resumes or retries a job, or restarts a running one with changed parameters; with `re_edit`
    /// the edited objects come into force.
    pub async fn resume(&self, caller: &Caller, job_id: &str, re_edit: bool) -> Result<()> {
        todo!()
    }
    /// Forgets the progress and begins again with the full phase.
    pub async fn reset(&self, caller: &Caller, job_id: &str) -> Result<()> {
        todo!()
    }
    /// Ends a job.
    pub async fn end(&self, caller: &Caller, job_id: &str, force: bool) -> Result<()> {
        todo!()
    }
    /// Deletes an ended job; answers the job as it was.
    pub async fn delete(&self, caller: &Caller, job_id: &str) -> Result<Job> {
        todo!()
    }
    /// Makes a job of the same settings, without passwords.
    pub async fn clone_job(&self, caller: &Caller, job_id: &str, name: &str) -> Result<Job> {
        todo!()
    }
    /// What can be done with a job.
    pub async fn actions(&self, caller: &Caller, job_id: &str) -> Result<Actions> {
        todo!()
    }
    /// Progress.
    pub async fn progress(&self, caller: &Caller, job_id: &str) -> Result<Progress> {
        todo!()
    }
    /// What it does right now.
    pub async fn monitor(&self, caller: &Caller, job_id: &str) -> Result<Monitor> {
        todo!()
    }
    /// Progress of the tables of the full phase, and how many there are.
    pub async fn object_progress(
        &self,
        caller: &Caller,
        job_id: &str,
        page: Page,
    ) -> Result<(u64, Vec<TableProgress>)> {
        todo!()
    }
    /// Timeline, newest first, and how many entries there are.
    pub async fn timeline(
        &self,
        caller: &Caller,
        job_id: &str,
        page: Page,
    ) -> Result<(u64, Vec<TimelineEntry>)> {
        todo!()
    }
    /// Log, newest first, of one level or all, and how many entries there are.
    pub async fn log(
        &self,
        caller: &Caller,
        job_id: &str,
        level: Option<LogLevel>,
        page: Page,
    ) -> Result<(u64, Vec<LogEntry>)> {
        todo!()
    }
    /// DDL statements that went by, oldest first, and how many there are.
    pub async fn ddl(
        &self,
        caller: &Caller,
        job_id: &str,
        page: Page,
    ) -> Result<(u64, Vec<DdlEntry>)> {
        todo!()
    }
    /// Clears the alarm of a DDL statement.
    pub async fn clear_ddl(&self, caller: &Caller, job_id: &str, seq: u64) -> Result<()> {
        todo!()
    }
    /// Changes an endpoint's password; a running data path takes it up at its next checkpoint.
    pub async fn change_password(
        &self,
        caller: &Caller,
        job_id: &str,
        side: Side,
        password: SecretString,
    ) -> Result<()> {
        todo!()
    }
    /// Sets the windows of the speed limit; none lifts it.
    pub async fn set_speed_limit(
        &self,
        caller: &Caller,
        job_id: &str,
        windows: Vec<SpeedWindow>,
    ) -> Result<()> {
        todo!()
    }
    /// Parameters.
    pub async fn parameters(&self, caller: &Caller, job_id: &str) -> Result<Vec<Parameter>> {
        todo!()
    }
    /// Changes parameters; they hold from the next start.
    pub async fn set_parameters(
        &self,
        caller: &Caller,
        job_id: &str,
        values: &[(String, String)],
    ) -> Result<()> {
        todo!()
    }
    /// Changes of parameters, newest first.
    pub async fn parameter_history(
        &self,
        caller: &Caller,
        job_id: &str,
        page: Page,
    ) -> Result<(u64, Vec<ParameterChange>)> {
        todo!()
    }
}
