//! The seam between control and the data path. The production runner drives `tailrace_pipeline`;
//! tests script one.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tailrace_pipeline::compare::{CompareProgress, TableComparison};
use tailrace_pipeline::dead_letters::{Letters, LettersRequest};
use tailrace_pipeline::job::{MysqlEndpoint, Selection};
use tailrace_pipeline::observe::{Counters, JobObserver};
use tailrace_pipeline::oracle_gaussdb::AsideRow;
use tailrace_pipeline::oracle_gaussdb::compare::{Repaired, RowKey};
use tailrace_pipeline::plan::{JobPlan, SourceEndpoint, TargetEndpoint};
use tailrace_pipeline::run::{Part, Rate, StopSignal};

use super::objects::FoundDatabase;
use super::query::CheckItem;
use super::source_look::TableColumns;

/// Result of the data path.
pub type RunResult<T> = Result<T, tailrace_pipeline::Error>;

/// Future of a run's end.
pub type RunEnd<'a> = Pin<Box<dyn Future<Output = RunResult<()>> + Send + 'a>>;

/// Runs data paths. Everything but [`JobRunner::start`] may block and is called on blocking threads.
pub trait JobRunner: Send + Sync + 'static {
    /// Starts a data path on threads of its own and returns at once; connecting happens on those
    /// threads. It goes on from the progress record, if there is one.
    fn start(
        &self,
        plan: JobPlan,
        epoch: u64,
        observer: Arc<dyn JobObserver>,
        counters: Arc<Counters>,
    ) -> Box<dyn RunningJob>;

    /// Logs in to a source and leaves.
    ///
    /// # Errors
    /// Of a source kind.
    fn probe_source(&self, endpoint: &SourceEndpoint) -> RunResult<()>;

    /// Logs in to a target and leaves.
    ///
    /// # Errors
    /// Of a target kind.
    fn probe_target(&self, endpoint: &TargetEndpoint) -> RunResult<()>;

    /// Lists databases with their tables, all or those named; without the server's own.
    ///
    /// # Errors
    /// Of a source kind.
    fn list_objects(
        &self,
        endpoint: &SourceEndpoint,
        databases: Option<&[String]>,
    ) -> RunResult<Vec<FoundDatabase>>;

    /// Checks whether a job can run. What cannot be checked for want of a connection is a failed
    /// check, so this has no error of its own.
    fn precheck(&self, plan: &JobPlan) -> Vec<CheckItem>;

    /// The columns of tables.
    ///
    /// # Errors
    /// Those of the connection.
    fn list_columns(
        &self,
        endpoint: &SourceEndpoint,
        tables: &[(String, String)],
    ) -> RunResult<Vec<TableColumns>>;

    /// Where the log was at a time, seconds of the Unix epoch: file and offset.
    ///
    /// # Errors
    /// Those of the connection, and if the log begins later.
    fn position_at(&self, endpoint: &MysqlEndpoint, at: u64) -> RunResult<(String, u64)>;

    /// Compares tables with what the target has of them until it is told to stop; `told` hears of each one that is done.
    ///
    /// # Errors
    /// Those of `tailrace_pipeline::compare::compare`.
    fn compare(
        &self,
        plan: &JobPlan,
        what: &Compared,
        progress: &CompareProgress,
        stop: &StopSignal,
        told: &mut dyn FnMut(TableComparison),
    ) -> RunResult<()>;

    /// Makes rows of a table, which is told by its name at the source, what they are there; `told` hears of each one by its number.
    ///
    /// # Errors
    /// Those of `tailrace_pipeline::oracle_gaussdb::compare::repair`; `Configuration` for a job to Kafka.
    fn repair(
        &self,
        plan: &JobPlan,
        table: (&str, &str),
        keys: &[RowKey],
        stop: &StopSignal,
        told: &mut dyn FnMut(usize, Repaired),
    ) -> RunResult<()>;

    /// Reads what went to the job's dead-letter topic.
    ///
    /// # Errors
    /// Of a target kind.
    fn dead_letters(&self, plan: &JobPlan, request: &LettersRequest) -> RunResult<Letters>;

    /// A page (offset, limit) of the changes that are put aside between two moments, and how many there are.
    ///
    /// # Errors
    /// Those of `tailrace_pipeline::oracle_gaussdb::dirty`; none are there for a job to Kafka.
    fn dirty_rows(
        &self,
        plan: &JobPlan,
        between_ms: (i64, i64),
        page: (u64, u64),
    ) -> RunResult<(u64, Vec<AsideRow>)>;

    /// Makes the rows of changes that were put aside what they are at the source; what came of each change that there is.
    ///
    /// # Errors
    /// As [`dirty_rows`](Self::dirty_rows).
    fn reapply(&self, plan: &JobPlan, ids: &[u64]) -> RunResult<Vec<(u64, Repaired)>>;

    /// Forgets changes that were put aside.
    ///
    /// # Errors
    /// As [`dirty_rows`](Self::dirty_rows).
    fn discard(&self, plan: &JobPlan, ids: &[u64]) -> RunResult<u64>;

    /// Removes the job's progress records from the target. Does nothing if there are none.
    ///
    /// # Errors
    /// Of a target kind.
    fn forget(&self, plan: &JobPlan) -> RunResult<()>;
}

/// What is compared of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// These of the selected tables; `None`: all.
    pub tables: Option<Selection>,
    /// Only whether every table has its topic.
    pub objects_only: bool,
    /// Nothing is changed meanwhile: differences in a database are not looked at again.
    pub is_static: bool,
    /// Of a database only a sample of so many of a million rows.
    pub sample_per_million: Option<u32>,
    /// Not these tables: databases and names at the source.
    pub except: BTreeSet<(String, String)>,
}

/// A data path that runs.
pub trait RunningJob: Send + Sync {
    /// Asks it to stop at the next durable checkpoint. Returns at once; may be called again.
    fn pause(&self);

    /// Limits the speed of the whole job from now on.
    fn set_rate(&self, rate: Rate);

    /// Has a part of the increment rest from its next step on, or go on. Without a meaning where the increment has one part.
    fn hold(&self, part: Part, is_held: bool);

    /// Waits for the end: `Ok` after a pause or when a full-only job is finished. Called once.
    fn join(&self) -> RunEnd<'_>;
}
