//! Jobs, their secrets, timeline and log.

use super::StoreFuture;
use crate::control::endpoint::Side;
use crate::control::job::{ChildJob, Job, JobFilter, Page};
use crate::control::status::JobStatus;
use crate::control::view::{LogEntry, LogLevel, ParameterChange, TimelineEntry};

/// Entries kept of a job's timeline; older ones go.
pub const TIMELINE_ENTRIES_MAX: u64 = 2_000;
/// Entries kept of a job's log; older ones go.
pub const LOG_ENTRIES_MAX: u64 = 10_000;
/// Entries kept of a job's parameter changes; older ones go.
pub const PARAMETER_CHANGES_MAX: u64 = 1_000;
/// How long it is remembered that a job was deleted, milliseconds.
pub const DELETED_JOB_AGE_MS_MAX: i64 = 90 * 24 * 3600 * 1000;

/// A secret of a job, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Which end it belongs to.
    pub side: Side,
    /// Name.
    pub name: String,
    /// Sealed value.
    pub sealed: Vec<u8>,
}

/// A job with the revision it was read at.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredJob {
    /// The job; its children are not filled in.
    pub job: Job,
    /// Grows with each change.
    pub revision: i64,
}

/// A job to be stored for the first time.
#[derive(Debug)]
pub struct NewJobRow<'a> {
    /// The job.
    pub job: &'a Job,
    /// Its secrets.
    pub secrets: &'a [SealedSecret],
    /// First entry of its timeline.
    pub timeline: Option<TimelineEntry>,
}

/// A change of a job; all of it is written or nothing.
#[derive(Debug)]
pub struct JobChange<'a> {
    /// The job as it shall be.
    pub job: &'a Job,
    /// The revision the change is based on.
    pub revision: i64,
    /// Epoch of the worker that writes; `None` for users, who need no lease.
    pub epoch: Option<u64>,
    /// Secrets to add or replace.
    pub secrets: &'a [SealedSecret],
    /// Entry of the timeline.
    pub timeline: Option<TimelineEntry>,
    /// Entries of the log.
    pub log: &'a [LogEntry],
    /// Changes of parameters.
    pub parameters: &'a [ParameterChange],
    /// A child to add.
    pub child: Option<&'a Job>,
}

impl<'a> JobChange<'a> {
    /// A change of the row alone, by a user.
    pub fn of(job: &'a Job, revision: i64) -> Self {
        Self {
            job,
            revision,
            epoch: None,
            secrets: &[],
            timeline: None,
            log: &[],
            parameters: &[],
            child: None,
        }
    }
}

/// Jobs.
pub trait JobStore {
    /// Stores a new job.
    ///
    /// [`super::StoreError::NameTaken`] if another job of the project has its name.
    fn insert_job<'a>(&'a self, new: NewJobRow<'a>) -> StoreFuture<'a, ()>;

    /// Changes a job and answers its new revision.
    ///
    /// [`super::StoreError::Stale`] if it was changed since, [`super::StoreError::Fenced`] if the
    /// epoch is old, [`super::StoreError::NameTaken`] for its name.
    fn change_job<'a>(&'a self, change: JobChange<'a>) -> StoreFuture<'a, i64>;

    /// One job.
    fn job<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<StoredJob>>;

    /// Jobs of a project, and how many there are in all.
    fn jobs<'a>(
        &'a self,
        project_id: &'a str,
        filter: &'a JobFilter,
    ) -> StoreFuture<'a, (u64, Vec<Job>)>;

    /// How many jobs a project has, without children.
    fn job_count<'a>(&'a self, project_id: &'a str) -> StoreFuture<'a, u64>;

    /// Whether a job of the project, other than `except`, has this name without regard to case.
    fn name_taken<'a>(
        &'a self,
        project_id: &'a str,
        name: &'a str,
        except: Option<&'a str>,
    ) -> StoreFuture<'a, bool>;

    /// Children of these jobs with their parent's id, oldest first.
    fn children<'a>(&'a self, parent_ids: &'a [String])
    -> StoreFuture<'a, Vec<(String, ChildJob)>>;

    /// Ids of all jobs in one of these statuses.
    fn job_ids_in<'a>(&'a self, statuses: &'a [JobStatus]) -> StoreFuture<'a, Vec<String>>;

    /// How many jobs there are of each status.
    fn status_counts(&self) -> StoreFuture<'_, Vec<(String, u64)>>;

    /// Removes a job and all that belongs to it, and remembers that it was there.
    ///
    /// [`super::StoreError::Stale`] if it was changed since.
    fn delete_job<'a>(&'a self, id: &'a str, revision: i64, at_ms: i64) -> StoreFuture<'a, ()>;

    /// Whether a job of this id was deleted from the project.
    fn was_deleted<'a>(&'a self, project_id: &'a str, id: &'a str) -> StoreFuture<'a, bool>;

    /// Secrets of a job.
    fn secrets<'a>(&'a self, job_id: &'a str) -> StoreFuture<'a, Vec<SealedSecret>>;

    /// Adds an entry to a job's timeline; does nothing if the job is gone.
    fn add_timeline<'a>(&'a self, job_id: &'a str, entry: &'a TimelineEntry)
    -> StoreFuture<'a, ()>;

    /// Timeline, newest first, and how many entries there are.
    fn timeline<'a>(
        &'a self,
        job_id: &'a str,
        page: Page,
    ) -> StoreFuture<'a, (u64, Vec<TimelineEntry>)>;

    /// Adds entries to a job's log; does nothing if the job is gone.
    fn add_log<'a>(&'a self, job_id: &'a str, entries: &'a [LogEntry]) -> StoreFuture<'a, ()>;

    /// Log, newest first, of one level or all, and how many entries there are.
    fn log<'a>(
        &'a self,
        job_id: &'a str,
        level: Option<LogLevel>,
        page: Page,
    ) -> StoreFuture<'a, (u64, Vec<LogEntry>)>;

    /// Changes of parameters, newest first, and how many there are.
    fn parameter_changes<'a>(
        &'a self,
        job_id: &'a str,
        page: Page,
    ) -> StoreFuture<'a, (u64, Vec<ParameterChange>)>;
}
