//! The full phase: tables are made and filled with what the source had at one SCN, one after the other.

use std::sync::atomic::Ordering;

use tailrace_codec::oracle::{OracleColumn, TableVersion};

use super::position::Position;
use super::targets::version_text;
use super::watch::Watch;
use super::{Described, OracleJob, describe};
use crate::batch::Counts;
use crate::error::{Error, ErrorKind, Result};
use crate::job::TaskType;
use crate::observe::Counters;
use crate::run::StopSignal;
use crate::sink::gaussdb::GaussSink;
use crate::source::Throttle;
use crate::source::oracle::session::Session;
use crate::source::oracle::{catalog, mining, snapshot};

/// How often the tables are looked at while their definitions change.
const DESCRIPTIONS_MAX: usize = 5;

/// Makes the tables and says at which SCN they are read.
pub(super) fn begin(session: &Session, sink: &mut GaussSink, job: &OracleJob) -> Result<Position> {
    // A transaction that is not in the rows at `scn` was open when `open` was asked for, or began behind `before`.
    let before = mining::current_scn(session)?;
    let open = mining::oldest_open(session)?;
    let (scn, tables) = scn_of_tables(session, job)?;
    let position = Position {
        snapshot_scn: scn,
        mine_from: open.unwrap_or(before).min(before),
        // What was committed at this SCN is in the rows.
        committed_scn: scn + 1,
        // An increment alone has no rows to copy.
        is_copied: job.task == TaskType::Incremental,
        ..Position::default()
    };
    sink.begin()?;
    for table in &tables {
        if job.make_structure && !position.is_copied {
            make(sink, table)?;
        }
        let version = version_text(&TableVersion::new(table.source.columns.clone()))?;
        sink.save_table_version(&table.choice.to_string(), &version)?;
    }
    sink.commit(&position.text()?)?;
    Ok(position)
}

/// An SCN with the tables as they are there. The dictionary has no past: what it says before and behind must be the same.
fn scn_of_tables(session: &Session, job: &OracleJob) -> Result<(u64, Vec<Described>)> {
    let columns = |tables: &[Described]| -> Vec<Vec<OracleColumn>> {
        tables.iter().map(|table| table.source.columns.clone()).collect()
    };
    for _ in 0..DESCRIPTIONS_MAX {
        let before = describe(job, session)?;
        let scn = mining::current_scn(session)?;
        let tables = describe(job, session)?;
        if columns(&before) == columns(&tables) {
            return Ok((scn, tables));
        }
    }
    let text = "tables are defined in another way again and again; begin the job when that is over";
    Err(Error::new(ErrorKind::SchemaMismatch, text))
}

/// Makes a table that the target does not have yet.
fn make(sink: &mut GaussSink, table: &Described) -> Result<()> {
    let schema = table.choice.schema.to_ascii_lowercase();
    sink.make_schema(&schema)?;
    if sink.has_table(&schema, &table.target_name())? {
        let text = format!(
            "{}: the target has a table {schema}.{} already; drop it, or take tableStructure out of sync_type_policy if its rows are to be added to",
            table.choice,
            table.target_name()
        );
        return Err(Error::new(ErrorKind::SchemaMismatch, text));
    }
    sink.define(&table.structure.create)?;
    for comment in &table.structure.comments {
        sink.define(comment)?;
    }
    Ok(())
}

/// Copies the tables that are not copied yet, each in a transaction of its own, and makes their indexes.
pub(super) fn copy(
    (session, sink): (&Session, &mut GaussSink),
    job: &OracleJob,
    tables: &[Described],
    position: &mut Position,
    (stop, watch): (&StopSignal, &Watch<'_>),
) -> Result<()> {
    estimate(session, tables, position, watch.counters)?;
    let throttle = Throttle::new();
    for table in tables {
        stop.check()?;
        let name = table.choice.to_string();
        if position.copied.contains(&name) {
            continue;
        }
        watch.table(&table.choice.owner, &table.choice.name, 0, false);
        sink.begin()?;
        let rows = copy_table((session, &mut *sink), table, position.snapshot_scn, &mut |bytes| {
            Counters::add(&watch.counters.bytes_in, bytes);
            throttle.wait(0, bytes, stop)
        })?;
        if job.make_indexes {
            for index in &table.structure.indexes {
                sink.define(index)?;
            }
        }
        position.copied.push(name);
        sink.commit(&position.text()?)?;
        let counts = Counts { snapshot_rows: rows, ..Counts::default() };
        watch.committed(position, position.snapshot_scn, &counts, None);
        watch.table(&table.choice.owner, &table.choice.name, rows, true);
    }
    position.is_copied = true;
    sink.begin()?;
    sink.commit(&position.text()?)?;
    watch.committed(position, position.snapshot_scn, &Counts::default(), None);
    Ok(())
}

/// Copies a table's rows in the open transaction; how many they were. `pace` is told of each piece's bytes before it goes.
fn copy_table(
    (session, sink): (&Session, &mut GaussSink),
    table: &Described,
    scn: u64,
    pace: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<u64> {
    let target = sink.table(&table.choice.schema.to_ascii_lowercase(), &table.target_name())?;
    let columns: Vec<&OracleColumn> = target
        .columns()
        .iter()
        .filter_map(|column| {
            let source = table.source.columns.iter();
            source.into_iter().find(|source| source.name.to_ascii_lowercase() == column.name)
        })
        .collect();
    sink.begin_copy(&target)?;
    let place = (table.choice.owner.as_str(), table.choice.name.as_str());
    let rows = snapshot::copy(session, place, &columns, scn, &mut |rows| {
        pace(rows.len() as u64)?;
        sink.copy_rows(rows)
    })?;
    sink.end_copy(&target)?;
    Ok(rows)
}

/// What the source's statistics say of the rows, and how many tables are there.
fn estimate(
    session: &Session,
    tables: &[Described],
    position: &Position,
    counters: &Counters,
) -> Result<()> {
    let mut rows = 0;
    for table in tables {
        rows += catalog::rows_estimated(session, &table.choice.owner, &table.choice.name)?;
    }
    counters.snapshot_rows_estimated.store(rows, Ordering::Relaxed);
    counters.snapshot_tables.store(tables.len() as u64, Ordering::Relaxed);
    counters.snapshot_tables_done.store(position.copied.len() as u64, Ordering::Relaxed);
    Ok(())
}
