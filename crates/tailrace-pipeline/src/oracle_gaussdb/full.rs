//! The full phase: tables are made and filled with what the source had at one SCN, several at a time, in pieces.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::thread;

use tailrace_codec::gaussdb::apply::ApplyTable;
use tailrace_codec::oracle::{OracleColumn, TableVersion};

use super::position::{Position, TableCopy};
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
use crate::source::oracle::session::{LostSnapshot, Session, lost_snapshot};
use crate::source::oracle::snapshot::{PieceRead, TableRead, quoted};
use crate::source::oracle::{catalog, mining};

/// How often a table is copied anew because the source cannot read it any more as it was.
const SNAPSHOTS_MAX: usize = 5;
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

/// Copies the tables that are not copied yet, several at a time, in pieces each of which is a transaction, and makes their
/// indexes.
pub(super) fn copy(
    job: &OracleJob,
    epoch: u64,
    (tables, copies): (&[Described], &HashMap<String, TableCopy>),
    position: &mut Position,
    (stop, watch): (&StopSignal, &Watch<'_>),
) -> Result<()> {
    let copy_of = |table: &Described| copies.get(&table.choice.to_string()).cloned();
    let todo = tables.iter().map(|table| (table, copy_of(table).unwrap_or_default()));
    let todo: VecDeque<(&Described, TableCopy)> = todo.filter(|(_, copy)| !copy.is_done).collect();
    let readers = job.limits.snapshot_readers.clamp(1, todo.len().max(1));
    let common = Common {
        job,
        epoch,
        snapshot_scn: position.snapshot_scn,
        position: position.clone(),
        todo: Mutex::new(todo),
        // Ends the others when one has failed, without telling the outside that the job was stopped.
        stop: stop.child(),
        watch,
        throttle: Throttle::new(),
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..readers).map(|_| scope.spawn(|| common.reader())).collect();
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

/// What all readers share.
struct Common<'a> {
    job: &'a OracleJob,
    epoch: u64,
    snapshot_scn: u64,
    position: Position,
    todo: Mutex<VecDeque<(&'a Described, TableCopy)>>,
    stop: StopSignal,
    watch: &'a Watch<'a>,
    throttle: Throttle,
}

impl Common<'_> {
    /// Copies one table after the other until none is left.
    fn reader(&self) -> Result<()> {
        let copied = self.read();
        if copied.is_err() {
            self.stop.stop();
        }
        copied
    }

    fn read(&self) -> Result<()> {
        let job = self.job;
        let session = Session::connect(&job.source)?.fetching(job.limits.copy_fetch_rows);
        let sink = GaussSink::beside(&job.target, &job.job_id, self.epoch, self.stop.clone())?;
        let mut copier = Copier { common: self, session, sink };
        loop {
            let next = self.todo.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((table, copy)) = next else { return Ok(()) };
            copier.table(table, copy)?;
        }
    }
}

/// One reader, with connections of its own.
struct Copier<'c, 'a> {
    common: &'c Common<'a>,
    session: Session,
    sink: GaussSink,
}

impl Copier<'_, '_> {
    /// Copies a table, or what is left of it.
    fn table(&mut self, table: &Described, mut copy: TableCopy) -> Result<()> {
        let mut anew: Option<Described> = None;
        for _ in 0..SNAPSHOTS_MAX {
            match self.pieces(anew.as_ref().unwrap_or(table), &mut copy) {
                Ok(()) => return Ok(()),
                Err(e) => match lost_snapshot(&e) {
                    Some(lost) => anew = Some(self.begin_anew(table, &mut copy, (lost, e))?),
                    None => return Err(e),
                },
            }
        }
        let text = format!(
            "{}: its rows could not be read as they were at one SCN, {SNAPSHOTS_MAX} times; let the source keep its undo for longer (UNDO_RETENTION)",
            table.choice
        );
        Err(Error::new(ErrorKind::SourceSetting, text))
    }

    /// The rows at the table's SCN, behind those that are copied.
    fn pieces(&mut self, table: &Described, copy: &mut TableCopy) -> Result<()> {
        let (name, watch) = (table.choice.to_string(), self.common.watch);
        let (schema, target) = table.target_place();
        let target = self.sink.table(&schema, &target)?;
        let columns = target.columns().iter().filter_map(|column| {
            let mut source = table.source.columns.iter();
            source.find(|source| source.name.to_ascii_lowercase() == column.name)
        });
        let place = (table.choice.owner.as_str(), table.choice.name.as_str());
        let scn = copy.own_scn.unwrap_or(self.common.snapshot_scn);
        let read = TableRead::new(place, columns.collect(), &table.source.primary_key, scn);
        while !copy.is_done {
            watch.table(place.0, place.1, copy.rows, false);
            self.sink.begin_beside()?;
            let piece = self.piece(&read, &target, copy.after.as_deref())?;
            copy.rows += piece.rows;
            copy.is_done = piece.last.is_none();
            copy.after = piece.last;
            if copy.is_done && self.common.job.make_indexes {
                for index in &table.structure.indexes {
                    self.sink.define(index)?;
                }
            }
            self.sink.save_table_copy(&name, &copy.text()?)?;
            self.sink.commit_beside()?;
            let counts = Counts { snapshot_rows: piece.rows, ..Counts::default() };
            watch.committed(&self.common.position, self.common.snapshot_scn, &counts, None);
        }
        watch.table(place.0, place.1, copy.rows, true);
        Ok(())
    }

    /// One piece in the open transaction, which is given up if the rows cannot be read.
    fn piece(
        &mut self,
        read: &TableRead<'_>,
        target: &ApplyTable,
        after: Option<&[String]>,
    ) -> Result<PieceRead> {
        self.sink.begin_copy(target)?;
        let Common { job, stop, throttle, watch, .. } = self.common;
        let rows_max = job.limits.chunk_rows_max.max(1);
        let sink = &mut self.sink;
        let piece = read.piece(&self.session, after, rows_max, &mut |rows| {
            stop.check()?;
            let bytes = rows.len() as u64;
            Counters::add(&watch.counters.bytes_in, bytes);
            throttle.wait(rows_in(rows), bytes, stop)?;
            sink.copy_rows(rows)
        });
        match piece {
            Ok(piece) => {
                self.sink.end_copy(target)?;
                Ok(piece)
            }
            Err(e) => {
                if lost_snapshot(&e).is_some() {
                    self.sink.cancel_copy()?;
                }
                Err(e)
            }
        }
    }

    /// Makes a table anew that cannot be read any more at its SCN, to be read at a later one.
    fn begin_anew(
        &mut self,
        table: &Described,
        copy: &mut TableCopy,
        (lost, error): (LostSnapshot, Error),
    ) -> Result<Described> {
        let (name, job) = (table.choice.to_string(), self.common.job);
        let advice = match lost {
            LostSnapshot::TooOld => "let the source keep its undo for longer (UNDO_RETENTION)",
            LostSnapshot::Redefined => "begin the job anew",
        };
        if !job.make_structure {
            // Its rows may be another's: nothing of them is taken away.
            return Err(error.context(format!("{name}: {advice}")));
        }
        let only = OracleJob { tables: vec![table.choice.clone()], ..job.clone() };
        let (scn, mut tables) = scn_of_tables(&self.session, &only)?;
        let anew = tables.pop().ok_or_else(|| Error::new(ErrorKind::Bug, name.clone()))?;
        let text = format!(
            "{name} cannot be read any more as it was at SCN {}: {}; it is copied anew as of SCN {scn}",
            copy.own_scn.unwrap_or(self.common.snapshot_scn),
            error.message()
        );
        self.common.watch.log(tracing::Level::WARN, &text);
        *copy = TableCopy { own_scn: Some(scn), ..TableCopy::default() };
        let (schema, target) = anew.target_place();
        self.sink.begin_beside()?;
        self.sink.define(&format!("DROP TABLE {}.{}", quoted(&schema), quoted(&target)))?;
        make(&mut self.sink, &anew)?;
        let version = version_text(&TableVersion::new(anew.source.columns.clone()))?;
        self.sink.save_table_version(&name, &version)?;
        self.sink.save_table_copy(&name, &copy.text()?)?;
        self.sink.commit_beside()?;
        Ok(anew)
    }
}

/// Rows of a part of a copy.
fn rows_in(part: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', part).count() as u64
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
