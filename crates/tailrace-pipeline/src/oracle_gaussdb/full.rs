//! The full phase: tables are made and filled with what the source had at one SCN, several at a time, in pieces.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;

use tailrace_codec::oracle::{OracleColumn, TableVersion};

use super::copier::Copying;
use super::position::{Position, TableCopy};
use super::shares::Shares;
use super::targets::version_text;
use super::watch::Watch;
use super::{Described, OracleJob, TableChoice, describe};
use crate::batch::Counts;
use crate::error::{Error, ErrorKind, Result};
use crate::job::TaskType;
use crate::observe::Counters;
use crate::run::StopSignal;
use crate::sink::gaussdb::{AsideLane, GaussSink};
use crate::source::Throttle;
use crate::source::oracle::session::Session;
use crate::source::oracle::{catalog, mining};

/// How often the tables are looked at while their definitions change.
const DESCRIPTIONS_MAX: usize = 5;

/// Makes the tables and says at which SCN they are read.
pub(super) fn begin(session: &Session, sink: &mut GaussSink, job: &OracleJob) -> Result<Position> {
    // A transaction that is not in the rows at `scn` was open when `open` was asked for, or began behind `before`.
    let before = mining::current_scn(session)?;
    let open = mining::oldest_open(session)?;
    let (now, tables) = scn_of_tables(session, job)?;
    let started = told_start(job, now)?;
    let scn = started.unwrap_or(now);
    // Of what was open at an SCN of the past, and is over, nobody tells when it began.
    let mine_from = match started {
        Some(scn) if job.task == TaskType::Incremental => job.limits.captured_from(scn),
        Some(scn) => job.limits.captured_from(scn).min(open.unwrap_or(scn)),
        None => open.unwrap_or(before).min(before),
    };
    let position = Position {
        snapshot_scn: scn,
        mine_from,
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

/// The SCN of the past at which a job is to begin: where its rows are read, or where the target has those of.
fn told_start(job: &OracleJob, now: u64) -> Result<Option<u64>> {
    let bad = |text: String| Err(Error::new(ErrorKind::Configuration, text));
    let is_increment = job.task == TaskType::Incremental;
    if job.limits.apply_start_scn > 0 && !is_increment {
        return bad(
            "apply_start_scn: a job with a full phase begins at the SCN of its rows; set full_scn, or make the task INCR_TRANS"
                .to_owned(),
        );
    }
    if job.limits.full_scn > 0 && is_increment {
        return bad(
            "full_scn: an increment alone has no full phase; set apply_start_scn".to_owned()
        );
    }
    match job.limits.told_start() {
        Some((name, scn)) if scn > now => {
            bad(format!("{name} is {scn}, and the source is at SCN {now} only"))
        }
        told => Ok(told.map(|(_, scn)| scn)),
    }
}

/// Takes tables that were added into a full phase that is under way or over: each is read at an SCN of its own.
pub(super) fn join(
    session: &Session,
    sink: &mut GaussSink,
    job: &OracleJob,
    position: &mut Position,
) -> Result<()> {
    let has: Vec<String> = sink.tables()?.into_iter().map(|record| record.name).collect();
    let is_new = |choice: &&TableChoice| !has.contains(&choice.to_string());
    let tables: Vec<TableChoice> = job.tables.iter().filter(is_new).cloned().collect();
    if tables.is_empty() {
        return Ok(());
    }
    let added = OracleJob { tables, ..job.clone() };
    // As in `begin`.
    let before = mining::current_scn(session)?;
    let open = mining::oldest_open(session)?;
    let (scn, tables) = scn_of_tables(session, &added)?;
    position.mine_from = position.mine_from.min(open.unwrap_or(before)).min(before);
    position.is_copied = false;
    let copy = TableCopy { own_scn: Some(scn), ..TableCopy::default() }.text()?;
    sink.begin()?;
    for table in &tables {
        if job.make_structure {
            make(sink, table)?;
        }
        let name = table.choice.to_string();
        let version = version_text(&TableVersion::new(table.source.columns.clone()))?;
        sink.save_table_version(&name, &version)?;
        sink.save_table_copy(&name, &copy)?;
    }
    sink.commit(&position.text()?)
}

/// An SCN with the tables as they are there. The dictionary has no past: what it says before and behind must be the same.
pub(super) fn scn_of_tables(session: &Session, job: &OracleJob) -> Result<(u64, Vec<Described>)> {
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
pub(super) fn make(sink: &mut GaussSink, table: &Described) -> Result<()> {
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

/// Copies the tables that are not copied yet, several of them and several ranges of a large one at a time, in pieces each of which
/// is a transaction, and makes their indexes.
pub(super) fn copy(
    job: &OracleJob,
    epoch: u64,
    (tables, mut copies): (Vec<Described>, HashMap<String, TableCopy>),
    position: &mut Position,
    (stop, watch): (&StopSignal, &Watch<'_>),
) -> Result<()> {
    let mut copy_of = |table: &Described| copies.remove(&table.choice.to_string());
    let todo = tables.into_iter().map(|table| {
        let copy = copy_of(&table).unwrap_or_default();
        (Arc::new(table), copy)
    });
    let readers = job.limits.snapshot_readers.max(1);
    let copying = Copying {
        job,
        epoch,
        position: position.clone(),
        shares: Shares::new(todo.filter(|(_, copy)| !copy.is_done), job.limits.table_readers_max),
        // Ends the others when one has failed, without telling the outside that the job was stopped.
        stop: stop.child(),
        watch,
        throttle: Throttle::new(),
    };
    thread::scope(|scope| {
        let lane = |number| AsideLane { number, of: readers as u64 };
        let copying = &copying;
        let readers: Vec<_> = (0..readers as u64)
            .map(|number| scope.spawn(move || copying.reader(lane(number))))
            .collect();
        let ended = readers.into_iter().map(|reader| {
            reader.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Bug, "a reader panicked")))
        });
        let mut first = Ok(());
        for end in ended {
            // Those that were ended by another's failure have nothing to tell.
            let tells = |e: &Error| e.kind() != ErrorKind::Cancelled;
            match (&first, &end) {
                (Ok(()), Err(_)) => first = end,
                (Err(before), Err(e)) if !tells(before) && tells(e) => first = end,
                _ => {}
            }
        }
        first
    })?;
    position.is_copied = true;
    let (mut sink, _) = GaussSink::open(&job.target, &job.job_id, epoch, stop.clone())?;
    sink.begin()?;
    sink.commit(&position.text()?)?;
    watch.committed(position, position.snapshot_scn, &Counts::default(), None);
    Ok(())
}

/// What the source's statistics say of the rows, and how many tables are there.
pub(super) fn estimate(
    session: &Session,
    tables: &[Described],
    copies: &HashMap<String, TableCopy>,
    counters: &Counters,
) -> Result<()> {
    let mut rows = 0;
    for table in tables {
        rows += catalog::rows_estimated(session, &table.choice.owner, &table.choice.name)?;
    }
    let done = copies.values().filter(|copy| copy.is_done).count();
    counters.snapshot_rows_estimated.store(rows, Ordering::Relaxed);
    counters.snapshot_tables.store(tables.len() as u64, Ordering::Relaxed);
    counters.snapshot_tables_done.store(done as u64, Ordering::Relaxed);
    Ok(())
}

/// How far the tables' copies are.
pub(super) fn copies(sink: &mut GaussSink) -> Result<HashMap<String, TableCopy>> {
    let records = sink.tables()?.into_iter();
    records.map(|record| Ok((record.name, TableCopy::parse(record.copied.as_deref())?))).collect()
}
