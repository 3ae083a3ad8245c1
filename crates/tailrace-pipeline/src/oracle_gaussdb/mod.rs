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

use std::collections::HashMap;
use std::fmt;

use tailrace_codec::gaussdb::apply::{ApplyTable, Conflict};
use tailrace_codec::gaussdb::structure::{SourceTable, Structure, structure};
use tailrace_codec::gaussdb::{RedoRows, SourceColumn};
use tailrace_codec::oracle::{DatabaseCharset, OracleColumn};

use crate::error::{Error, ErrorKind, Result};
use crate::job::{GaussEndpoint, OracleEndpoint};
use crate::run::StopSignal;
use crate::sink::gaussdb::{ApplyTables, GaussSink};
use crate::source::oracle::catalog;
use crate::source::oracle::session::Session;

use position::Position;

/// A table that is replicated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChoice {
    /// Owner at the source.
    pub owner: String,
    /// Name at the source.
    pub name: String,
    /// Schema at the target, which is made if it is missing.
    pub schema: String,
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
    /// Where rows come from.
    pub source: OracleEndpoint,
    /// Where they go.
    pub target: GaussEndpoint,
    /// Tables.
    pub tables: Vec<TableChoice>,
    /// What is done where the target's rows are not what the source's were.
    pub conflict: Conflict,
}

/// Runs a job until it is stopped or fails. Blocks.
///
/// # Errors
/// The first error of source or target; `Cancelled` when it is stopped.
pub fn run(job: &OracleJob, epoch: u64, stop: &StopSignal) -> Result<()> {
    let (mut sink, position) = GaussSink::open(&job.target, &job.job_id, epoch, stop.clone())?;
    let session = Session::connect(&job.source)?;
    let charset = catalog::charset(&session)?;
    let tables = describe(job, &session, charset)?;
    let mut position = match position {
        Some(text) => Position::parse(&text)?,
        None => full::begin(&session, &mut sink, &tables)?,
    };
    full::copy(&session, &mut sink, &tables, &mut position, stop)?;
    let mut targets = Targets::of(tables, &mut sink, charset)?;
    stream::follow(&session, &mut sink, &mut targets, position, (job.conflict, stop))
}

/// A table with what makes it at the target.
struct Described {
    choice: TableChoice,
    source: SourceTable,
    structure: Structure,
}

impl Described {
    /// Its name at the target.
    fn target_name(&self) -> String {
        self.source.name.to_ascii_lowercase()
    }
}

fn describe(
    job: &OracleJob,
    session: &Session,
    charset: DatabaseCharset,
) -> Result<Vec<Described>> {
    let mut tables = Vec::new();
    for choice in &job.tables {
        let source = catalog::table(session, &choice.owner, &choice.name, &choice.schema)?;
        let structure = structure(&source, charset).map_err(|faults| {
            let faults: Vec<String> =
                faults.iter().map(|fault| format!("{}: {}", fault.name, fault.reason)).collect();
            let text = format!("{}.{}: {}", choice.owner, choice.name, faults.join("; "));
            Error::new(ErrorKind::SchemaMismatch, text)
        })?;
        tables.push(Described { choice: choice.clone(), source, structure });
    }
    Ok(tables)
}

/// The tables as changes are applied to them.
struct Targets {
    charset: DatabaseCharset,
    choices: Vec<TableChoice>,
    /// Numbers by owner and name.
    numbers: HashMap<String, HashMap<String, u32>>,
    rows: Vec<RedoRows>,
    tables: ApplyTables,
}

impl Targets {
    fn of(
        described: Vec<Described>,
        sink: &mut GaussSink,
        charset: DatabaseCharset,
    ) -> Result<Self> {
        let mut targets = Self {
            charset,
            choices: Vec::new(),
            numbers: HashMap::new(),
            rows: Vec::new(),
            tables: ApplyTables::new(),
        };
        for (number, table) in (0_u32..).zip(described) {
            let target = target_of(&table.choice, sink)?;
            targets.rows.push(redo_rows(&table.source, &target));
            targets.tables.insert(number, target);
            let of_owner = targets.numbers.entry(table.choice.owner.clone()).or_default();
            of_owner.insert(table.choice.name.clone(), number);
            targets.choices.push(table.choice);
        }
        Ok(targets)
    }

    /// The number of a table, if it is replicated.
    fn number(&self, owner: &str, name: &str) -> Option<u32> {
        self.numbers.get(owner)?.get(name).copied()
    }

    /// Reads a table anew at both sides: it was defined in another way.
    fn renew(&mut self, number: u32, session: &Session, sink: &mut GaussSink) -> Result<()> {
        let Some(choice) = self.choices.get(number as usize) else { return Ok(()) };
        let source = catalog::table(session, &choice.owner, &choice.name, &choice.schema)?;
        let target = target_of(choice, sink)?;
        self.rows[number as usize] = redo_rows(&source, &target);
        self.tables.insert(number, target);
        Ok(())
    }
}

fn target_of(choice: &TableChoice, sink: &mut GaussSink) -> Result<ApplyTable> {
    sink.table(&choice.schema.to_ascii_lowercase(), &choice.name.to_ascii_lowercase())
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
