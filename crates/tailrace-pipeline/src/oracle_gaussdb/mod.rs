//! Oracle → GaussDB Distributed: structure, rows as they were at one SCN, then every committed transaction.
//!
//! ```text
//! dictionary ─► CREATE TABLE ─► rows AS OF SCN ─► COPY ─► indexes
//! LogMiner ─► transactions in the order of their commits ─► one target transaction for several of them, with the position
//! ```

mod full;
mod position;
mod spill;
mod stream;
mod watch;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tailrace_codec::gaussdb::apply::ApplyTable;
pub use tailrace_codec::gaussdb::apply::Conflict;
use tailrace_codec::gaussdb::structure::{SourceTable, Structure, structure};
use tailrace_codec::gaussdb::{RedoRows, SourceColumn};
use tailrace_codec::oracle::{DatabaseCharset, OracleColumn};

use crate::engine::Ended;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{GaussEndpoint, OracleEndpoint, TaskType};
use crate::observe::{Counters, JobObserver, Phase};
use crate::run::StopSignal;
use crate::sink::gaussdb::{ApplyTables, GaussSink};
use crate::source::oracle::catalog;
use crate::source::oracle::mining::Mined;
use crate::source::oracle::session::Session;

use position::Position;
use watch::Watch;

/// The owner that LogMiner tells where its dictionary does not know a row's table as it was.
const UNKNOWN_OWNER: &str = "UNKNOWN";

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
    /// What is done where the target's rows are not what the source's were.
    pub conflict: Conflict,
    /// Tables are made at the target; without this they have to be there.
    pub make_structure: bool,
    /// Their indexes are made at the target.
    pub make_indexes: bool,
    /// Changes of the tables' definitions are applied; without this they are told and passed over, and values of columns that
    /// the target does not have stop the job.
    pub apply_definitions: bool,
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
    let (mut sink, position) = GaussSink::open(&job.target, &job.job_id, epoch, stop.clone())?;
    let session = Session::connect(&job.source)?;
    let charset = catalog::charset(&session)?;
    let tables = describe(job, &session, charset)?;
    let mut position = match position {
        Some(text) => Position::parse(&text)?,
        None => full::begin(&session, &mut sink, job, &tables)?,
    };
    if !position.is_copied {
        watch.phase(Phase::Full);
        full::copy((&session, &mut sink), job, &tables, &mut position, (stop, &watch))?;
        watch.phase(Phase::FullComplete);
    }
    if job.task == TaskType::Full {
        let read = position.snapshot_scn;
        return Ok(Ended::Finished(watch::checkpoint(&position, read, epoch)));
    }
    let mut targets = Targets::of(tables, (&session, &mut sink), charset)?;
    watch.phase(Phase::Incremental);
    stream::follow((&session, &mut sink), &mut targets, position, (job, stop, &watch))
}

/// Removes what the target keeps of a job's progress; its rows stay.
///
/// # Errors
/// Those of the target.
pub fn forget(job: &OracleJob, epoch: u64) -> Result<()> {
    let (mut sink, _) = GaussSink::open(&job.target, &job.job_id, epoch, StopSignal::new())?;
    sink.forget()
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

fn describe(
    job: &OracleJob,
    session: &Session,
    charset: DatabaseCharset,
) -> Result<Vec<Described>> {
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

/// The tables as changes are applied to them.
struct Targets {
    charset: DatabaseCharset,
    choices: Vec<TableChoice>,
    /// Numbers by owner and name.
    numbers: HashMap<String, HashMap<String, u32>>,
    /// Numbers by that of the object, as which LogMiner tells rows of tables that were defined in another way since.
    objects: HashMap<u64, u32>,
    rows: Vec<RedoRows>,
    tables: ApplyTables,
}

impl Targets {
    fn of(
        described: Vec<Described>,
        (session, sink): (&Session, &mut GaussSink),
        charset: DatabaseCharset,
    ) -> Result<Self> {
        let mut targets = Self {
            charset,
            choices: Vec::new(),
            numbers: HashMap::new(),
            objects: HashMap::new(),
            rows: Vec::new(),
            tables: ApplyTables::new(),
        };
        for (number, table) in (0_u32..).zip(described) {
            let target = target_of(&table.choice, sink)?;
            targets.rows.push(redo_rows(&table.source, &target));
            targets.tables.insert(number, target);
            targets.find_objects(number, &table.choice, session)?;
            let of_owner = targets.numbers.entry(table.choice.owner.clone()).or_default();
            of_owner.insert(table.choice.name.clone(), number);
            targets.choices.push(table.choice);
        }
        Ok(targets)
    }

    /// The number of a row's table, if it is replicated.
    fn number(&self, mined: &Mined<'_>) -> Option<u32> {
        if mined.owner == UNKNOWN_OWNER {
            return self.objects.get(&mined.object).copied();
        }
        self.numbers.get(mined.owner)?.get(mined.table).copied()
    }

    /// Notes the objects of a table: itself and its partitions.
    fn find_objects(&mut self, number: u32, choice: &TableChoice, session: &Session) -> Result<()> {
        for object in catalog::objects(session, &choice.owner, &choice.name)? {
            self.objects.insert(object, number);
        }
        Ok(())
    }

    /// Reads a table anew at both sides: it was defined in another way.
    fn renew(&mut self, number: u32, session: &Session, sink: &mut GaussSink) -> Result<()> {
        let Some(choice) = self.choices.get(number as usize).cloned() else { return Ok(()) };
        self.find_objects(number, &choice, session)?;
        let source = catalog::table(session, &choice.owner, &choice.name, &choice.schema)?;
        let target = target_of(&choice, sink)?;
        self.rows[number as usize] = redo_rows(&source, &target);
        self.tables.insert(number, target);
        Ok(())
    }
}

fn target_of(choice: &TableChoice, sink: &mut GaussSink) -> Result<ApplyTable> {
    sink.table(&choice.schema.to_ascii_lowercase(), &choice.target.to_ascii_lowercase())
}

/// How a table's statements become rows: columns find each other by their names. One that the target should have and has not is
/// not known, so a change that tells a value of it stops the job.
fn redo_rows(source: &SourceTable, target: &ApplyTable) -> RedoRows {
    let column = |source: &OracleColumn| {
        let name = source.name.to_ascii_lowercase();
        let target = target.columns().iter().position(|column| column.name == name);
        let is_left_out = source.is_hidden || source.is_virtual;
        (target.is_some() || is_left_out).then(|| SourceColumn {
            name: source.name.clone(),
            kind: source.oracle_type(),
            target,
        })
    };
    let columns = source.columns.iter().filter_map(column).collect();
    RedoRows::new(columns, target.columns().len())
}
