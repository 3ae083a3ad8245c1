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

use tailrace_codec::gaussdb::apply::Conflict;
use tailrace_codec::gaussdb::structure::{SourceTable, Structure, structure};
use tailrace_codec::gaussdb::{RedoRows, SourceColumn};

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
    let tables = describe(job, &session)?;
    let mut position = match position {
        Some(text) => Position::parse(&text)?,
        None => full::begin(&session, &mut sink, &tables)?,
    };
    full::copy(&session, &mut sink, &tables, &mut position, stop)?;
    let mut targets = Targets::of(tables, &mut sink)?;
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

fn describe(job: &OracleJob, session: &Session) -> Result<Vec<Described>> {
    let charset = catalog::charset(session)?;
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
    /// Numbers by owner and name.
    numbers: HashMap<String, HashMap<String, u32>>,
    /// Names as errors have them, by number.
    names: Vec<String>,
    rows: Vec<RedoRows>,
    tables: ApplyTables,
}

impl Targets {
    fn of(described: Vec<Described>, sink: &mut GaussSink) -> Result<Self> {
        let mut targets = Self {
            numbers: HashMap::new(),
            names: Vec::new(),
            rows: Vec::new(),
            tables: ApplyTables::new(),
        };
        for (number, table) in (0_u32..).zip(described) {
            let name = table.target_name();
            let target = sink.table(&table.choice.schema.to_ascii_lowercase(), &name)?;
            let column = |source: &tailrace_codec::oracle::OracleColumn| {
                let name = source.name.to_ascii_lowercase();
                SourceColumn {
                    name: source.name.clone(),
                    kind: source.oracle_type(),
                    target: target.columns().iter().position(|column| column.name == name),
                }
            };
            let columns = table.source.columns.iter().map(column).collect();
            targets.rows.push(RedoRows::new(columns, target.columns().len()));
            targets.tables.insert(number, target);
            targets.names.push(format!("{}.{}", table.choice.owner, table.choice.name));
            let of_owner = targets.numbers.entry(table.choice.owner).or_default();
            of_owner.insert(table.choice.name, number);
        }
        Ok(targets)
    }

    /// The number of a table, if it is replicated.
    fn number(&self, owner: &str, name: &str) -> Option<u32> {
        self.numbers.get(owner)?.get(name).copied()
    }
}
