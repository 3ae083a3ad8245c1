//! Oracle → GaussDB Distributed: structure, rows as they were at one SCN, then every committed transaction.
//!
//! ```text
//! dictionary ─► CREATE TABLE ─► rows AS OF SCN ─► COPY ─► indexes
//! LogMiner ─► transactions in the order of their commits ─► one target transaction for several of them, with the position
//! ```

mod additions;
mod appliers;
mod capture;
pub mod compare;
mod copier;
pub mod dirty;
mod full;
mod handover;
mod inserting;
mod large;
mod long_open;
mod meeting;
mod position;
mod shares;
mod spill;
mod stream;
mod targets;
mod untold;
mod watch;

use std::fmt;
use std::sync::Arc;

pub use tailrace_codec::gaussdb::apply::Conflict;
use tailrace_codec::gaussdb::structure::{SourceTable, Structure, structure};
use tailrace_codec::oracle::DatabaseCharset;

use crate::engine::Ended;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{GaussEndpoint, Limits, OracleEndpoint, Reread, TaskType};
use crate::observe::{Counters, JobObserver, Phase};
use crate::run::{Rate, StopSignal};
use crate::sink::gaussdb::GaussSink;
pub use crate::sink::gaussdb::{AsideKey, AsideRow};
use crate::source::oracle::session::{CallLimits, Session};
use crate::source::oracle::{catalog, mining};

use additions::Increment;
pub(crate) use additions::added_id;
use position::Position;
use watch::Watch;

/// A table that is replicated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChoice {
    /// Owner at the source.
    pub owner: String,
    /// Name at the source.
    pub name: String,
    /// Schema at the target, which is made if it is missing.
    pub schema: String,
    /// Name at the target, without regard to case.
    pub target: String,
}

/// As errors name it.
impl fmt::Display for TableChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.owner, self.name)
    }
}

/// What a job is to do.
#[derive(Debug, Clone)]
pub struct OracleJob {
    /// Name of the job, by which its progress is kept at the target.
    pub job_id: String,
    /// Phases.
    pub task: TaskType,
    /// Where rows come from.
    pub source: OracleEndpoint,
    /// Where they go.
    pub target: GaussEndpoint,
    /// Tables.
    pub tables: Vec<TableChoice>,
    /// Those of them that were added since the job began, by the names under which they are told of.
    pub rereads: Vec<Reread>,
    /// What is done where the target's rows are not what the source's were.
    pub conflict: Conflict,
    /// Tables are made at the target; without this they have to be there.
    pub make_structure: bool,
    /// Their indexes are made at the target.
    pub make_indexes: bool,
    /// Changes of the tables' definitions are applied; without this they are told and passed over, and values of columns that
    /// the target does not have stop the job.
    pub apply_definitions: bool,
    /// Bounds: of them count rows of a piece of the full phase (`chunk_rows_max`), rows that the source hands out at a time,
    /// changes that may be put aside (`dirty_rows_max`), readers, and the speed limits.
    pub limits: Limits,
}

impl OracleJob {
    /// A session that reads the source's tables and dictionary.
    ///
    /// # Errors
    /// Those of [`Session::connect`].
    pub(crate) fn session(&self) -> Result<Session> {
        Session::connect(&self.source)?.within(CallLimits::of_tables(&self.limits))
    }
}

/// Runs a job until it is stopped, is finished or fails. Blocks.
///
/// # Errors
/// The first error of source or target; `Cancelled` when it is stopped.
pub fn run(
    job: &OracleJob,
    epoch: u64,
    stop: &StopSignal,
    observer: &Arc<dyn JobObserver>,
    counters: &Arc<Counters>,
) -> Result<Ended> {
    let watch = Watch::new(epoch, observer, counters);
    watch.phase(Phase::Starting);
    if stop.rate() == Rate::default() {
        // Else somebody has set it already who knows more than the job's own limits.
        stop.set_rate(job.limits.rate());
    }
    let position = begun(job, epoch, stop, &watch)?;
    if job.task == TaskType::Full {
        return Ok(Ended::Finished(watch.checkpoint(&position, position.snapshot_scn)));
    }
    match (Increment { job, epoch, stop, watch: &watch }).run()? {}
}

/// Where the increment goes on, once all rows are there.
fn begun(job: &OracleJob, epoch: u64, stop: &StopSignal, watch: &Watch<'_>) -> Result<Position> {
    let (mut sink, position) = GaussSink::open(&job.target, &job.job_id, epoch, stop.clone())?;
    let session = job.session()?;
    let mut position = match position {
        Some(text) => {
            let mut position = Position::parse(&text)?;
            forget_removed(job, &mut sink)?;
            if !position.is_copied || job.task == TaskType::Full {
                full::join(&session, &mut sink, job, &mut position)?;
            }
            position
        }
        None => full::begin(&session, &mut sink, job)?,
    };
    if !position.is_copied {
        watch.phase(Phase::Full);
        let tables = describe(job, &session)?;
        let copies = full::copies(&mut sink)?;
        full::estimate(&session, &tables, &copies, watch.counters)?;
        drop((session, sink));
        full::copy(job, epoch, (tables, copies), &mut position, (stop, watch))?;
        watch.phase(Phase::FullComplete);
    }
    Ok(position)
}

/// Forgets tables that the job has no more: if one comes back, it has missed changes.
fn forget_removed(job: &OracleJob, sink: &mut GaussSink) -> Result<()> {
    let records = sink.tables()?.into_iter().map(|record| record.name);
    let is_gone = |name: &String| !job.tables.iter().any(|choice| choice.to_string() == *name);
    let gone: Vec<String> = records.filter(is_gone).collect();
    if gone.is_empty() {
        return Ok(());
    }
    sink.begin_beside()?;
    sink.forget_tables(&gone)?;
    sink.commit_beside()
}

/// The newest SCN of a job's source.
///
/// # Errors
/// Those of the source.
pub fn end_of_log(job: &OracleJob) -> Result<u64> {
    mining::current_scn(&job.session()?)
}

/// Removes what the target keeps of a job's progress; its rows stay.
///
/// # Errors
/// Those of the target.
pub fn forget(job: &OracleJob, epoch: u64) -> Result<()> {
    for id in [added_id(&job.job_id), job.job_id.clone()] {
        let (mut sink, _) = GaussSink::open(&job.target, &id, epoch, StopSignal::new())?;
        sink.forget()?;
    }
    Ok(())
}

/// A table with what makes it at the target.
pub(crate) struct Described {
    pub(crate) choice: TableChoice,
    pub(crate) source: SourceTable,
    pub(crate) structure: Structure,
}

impl Described {
    /// Its name at the target.
    fn target_name(&self) -> String {
        self.source.name.to_ascii_lowercase()
    }

    /// Its schema and name at the target.
    pub(crate) fn target_place(&self) -> (String, String) {
        (self.choice.schema.to_ascii_lowercase(), self.target_name())
    }
}

/// The selected tables as the source's dictionary has them now.
fn describe(job: &OracleJob, session: &Session) -> Result<Vec<Described>> {
    let charset = catalog::charset(session)?;
    let table = |choice: &TableChoice| {
        let source = catalog::table(session, &choice.owner, &choice.name, &choice.schema)?;
        described(choice, source, charset)
    };
    job.tables.iter().map(table).collect()
}

/// What makes a table at the target.
///
/// # Errors
/// `SchemaMismatch` with all that has no counterpart there.
pub(crate) fn described(
    choice: &TableChoice,
    mut source: SourceTable,
    charset: DatabaseCharset,
) -> Result<Described> {
    source.name.clone_from(&choice.target);
    let structure = structure(&source, charset).map_err(|faults| {
        let faults: Vec<String> =
            faults.iter().map(|fault| format!("{}: {}", fault.name, fault.reason)).collect();
        Error::new(ErrorKind::SchemaMismatch, format!("{choice}: {}", faults.join("; ")))
    })?;
    Ok(Described { choice: choice.clone(), source, structure })
}
