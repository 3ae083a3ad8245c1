//! The full phase: tables are made and filled with what the source had at one SCN, one after the other, in pieces.

use std::sync::atomic::Ordering;

use tailrace_codec::gaussdb::apply::ApplyTable;
use tailrace_codec::oracle::{OracleColumn, TableVersion};

use super::position::{OpenCopy, Position};
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

/// Copies the tables that are not copied yet, in pieces each of which is a transaction, and makes their indexes.
pub(super) fn copy(
    (session, sink): (&Session, &mut GaussSink),
    job: &OracleJob,
    tables: &[Described],
    position: &mut Position,
    (stop, watch): (&StopSignal, &Watch<'_>),
) -> Result<()> {
    estimate(session, tables, position, watch.counters)?;
    let mut copy = Copy { session, sink, job, position, stop, watch, throttle: Throttle::new() };
    for table in tables {
        if !copy.position.copied.contains(&table.choice.to_string()) {
            copy.table(table)?;
        }
    }
    position.is_copied = true;
    sink.begin()?;
    sink.commit(&position.text()?)?;
    watch.committed(position, position.snapshot_scn, &Counts::default(), None);
    Ok(())
}

/// Copies tables.
struct Copy<'a> {
    session: &'a Session,
    sink: &'a mut GaussSink,
    job: &'a OracleJob,
    position: &'a mut Position,
    stop: &'a StopSignal,
    watch: &'a Watch<'a>,
    throttle: Throttle,
}

impl Copy<'_> {
    /// Copies a table, or what is left of it.
    fn table(&mut self, table: &Described) -> Result<()> {
        let name = table.choice.to_string();
        let mut anew: Option<Described> = None;
        for _ in 0..SNAPSHOTS_MAX {
            match self.pieces(anew.as_ref().unwrap_or(table)) {
                Ok(()) => return Ok(()),
                Err(e) => match lost_snapshot(&e) {
                    Some(lost) => anew = Some(self.begin_anew(table, lost, e)?),
                    None => return Err(e),
                },
            }
        }
        let text = format!(
            "{name}: its rows could not be read as they were at one SCN, {SNAPSHOTS_MAX} times; let the source keep its undo for longer (UNDO_RETENTION)"
        );
        Err(Error::new(ErrorKind::SourceSetting, text))
    }

    /// The rows at the table's SCN, behind those that are copied.
    fn pieces(&mut self, table: &Described) -> Result<()> {
        let name = table.choice.to_string();
        let (schema, target) = table.target_place();
        let target = self.sink.table(&schema, &target)?;
        let columns = target.columns().iter().filter_map(|column| {
            let mut source = table.source.columns.iter();
            source.find(|source| source.name.to_ascii_lowercase() == column.name)
        });
        let place = (table.choice.owner.as_str(), table.choice.name.as_str());
        let scn = self.position.scn_of(&name);
        let read = TableRead::new(place, columns.collect(), &table.source.primary_key, scn);
        let open = self.position.open.take().filter(|open| open.table == name);
        let (mut after, mut rows) = open.map_or((None, 0), |open| (Some(open.after), open.rows));
        loop {
            self.watch.table(place.0, place.1, rows, false);
            self.sink.begin()?;
            let piece = self.piece(&read, &target, after.as_deref())?;
            rows += piece.rows;
            self.position.open =
                piece.last.clone().map(|after| OpenCopy { table: name.clone(), after, rows });
            if piece.last.is_none() {
                self.indexes(table)?;
                self.position.copied.insert(name.clone());
            }
            self.sink.commit(&self.position.text()?)?;
            let counts = Counts { snapshot_rows: piece.rows, ..Counts::default() };
            self.watch.committed(self.position, self.position.snapshot_scn, &counts, None);
            after = piece.last;
            if after.is_none() {
                self.watch.table(place.0, place.1, rows, true);
                return Ok(());
            }
        }
    }

    /// One piece in the open transaction, which is given up if the rows cannot be read.
    fn piece(
        &mut self,
        read: &TableRead<'_>,
        target: &ApplyTable,
        after: Option<&[String]>,
    ) -> Result<PieceRead> {
        self.sink.begin_copy(target)?;
        let rows_max = self.job.limits.chunk_rows_max.max(1);
        let (sink, stop, throttle, watch) =
            (&mut *self.sink, self.stop, &self.throttle, self.watch);
        let piece = read.piece(self.session, after, rows_max, &mut |rows| {
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

    fn indexes(&mut self, table: &Described) -> Result<()> {
        if self.job.make_indexes {
            for index in &table.structure.indexes {
                self.sink.define(index)?;
            }
        }
        Ok(())
    }

    /// Makes a table anew that cannot be read any more at its SCN, to be read at a later one.
    fn begin_anew(
        &mut self,
        table: &Described,
        lost: LostSnapshot,
        error: Error,
    ) -> Result<Described> {
        let name = table.choice.to_string();
        let advice = match lost {
            LostSnapshot::TooOld => "let the source keep its undo for longer (UNDO_RETENTION)",
            LostSnapshot::Redefined => "begin the job anew",
        };
        if !self.job.make_structure {
            // Its rows may be another's: nothing of them is taken away.
            return Err(error.context(format!("{name}: {advice}")));
        }
        let (scn, mut tables) = scn_of_tables(self.session, self.job)?;
        let at = tables.iter().position(|found| found.choice == table.choice);
        let anew = tables.swap_remove(at.ok_or_else(|| Error::new(ErrorKind::Bug, name.clone()))?);
        let text = format!(
            "{name} cannot be read any more as it was at SCN {}: {}; it is copied anew as of SCN {scn}",
            self.position.scn_of(&name),
            error.message()
        );
        self.watch.log(tracing::Level::WARN, &text);
        self.position.open = None;
        self.position.own_scns.insert(name, scn);
        let (schema, target) = anew.target_place();
        self.sink.begin()?;
        self.sink.define(&format!("DROP TABLE {}.{}", quoted(&schema), quoted(&target)))?;
        make(self.sink, &anew)?;
        let version = version_text(&TableVersion::new(anew.source.columns.clone()))?;
        self.sink.save_table_version(&table.choice.to_string(), &version)?;
        self.sink.commit(&self.position.text()?)?;
        Ok(anew)
    }
}

/// Rows of a part of a copy.
fn rows_in(part: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', part).count() as u64
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
