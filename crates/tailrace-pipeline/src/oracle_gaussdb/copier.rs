//! A reader of the full phase: it brings rows as they were at an SCN to the target, a piece or a range in a transaction.

use tailrace_codec::gaussdb::apply::{ApplyTable, Conflict};
use tailrace_codec::oracle::TableVersion;

use super::full::{make, scn_of_tables};
use super::inserting::Inserting;
use super::position::{Position, TableCopy};
use super::shares::{Share, Shares, Task};
use super::targets::version_text;
use super::watch::Watch;
use super::{Described, OracleJob};
use crate::batch::Counts;
use crate::error::{Error, ErrorKind, Result};
use crate::observe::Counters;
use crate::run::StopSignal;
use crate::sink::gaussdb::{AsideLane, GaussSink, Refused};
use crate::source::Throttle;
use crate::source::oracle::session::{LostSnapshot, Session, lost_snapshot};
use crate::source::oracle::snapshot::{PieceRead, RowIdRange, TableRead, quoted};
use crate::source::oracle::{catalog, extents};

/// How often a table is copied because the source cannot read it any more as it was.
const SNAPSHOTS_MAX: usize = 5;

/// More rows than any table has, for one that is read at once.
const ALL_ROWS: u64 = 1_000_000_000_000;

/// What all readers share.
pub(super) struct Copying<'a> {
    pub(super) job: &'a OracleJob,
    pub(super) epoch: u64,
    pub(super) position: Position,
    pub(super) shares: Shares,
    pub(super) stop: StopSignal,
    pub(super) watch: &'a Watch<'a>,
    pub(super) throttle: Throttle,
}

impl Copying<'_> {
    /// Copies what is left, beside others, until nothing is.
    pub(super) fn reader(&self, lane: AsideLane) -> Result<()> {
        let copied = self.read(lane);
        if copied.is_err() {
            self.stop.stop();
        }
        copied
    }

    fn read(&self, lane: AsideLane) -> Result<()> {
        let mut copier = None;
        while let Some(task) = self.shares.next(&self.stop)? {
            let copier = match &mut copier {
                Some(copier) => copier,
                // Connections are made for work only.
                none => none.insert(Copier::connect(self, lane)?),
            };
            copier.does(task)?;
        }
        Ok(())
    }

    /// Reads rows as fast as the job may.
    fn rows(
        &self,
        session: &Session,
        (read, after): (&TableRead<'_>, Option<&[String]>),
        each: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<PieceRead> {
        let rows_max = self.job.limits.piece_rows().unwrap_or(ALL_ROWS);
        read.piece(session, after, rows_max, &mut |rows| {
            self.stop.check()?;
            let bytes = rows.len() as u64;
            Counters::add(&self.watch.counters.bytes_in, bytes);
            self.throttle.wait(rows_in(rows), bytes, &self.stop)?;
            each(rows)
        })
    }

    fn scn_of(&self, copy: &TableCopy) -> u64 {
        copy.own_scn.unwrap_or(self.position.snapshot_scn)
    }
}

/// One reader, with connections of its own.
struct Copier<'c, 'a> {
    copying: &'c Copying<'a>,
    session: Session,
    sink: GaussSink,
    lane: AsideLane,
}

impl<'c, 'a> Copier<'c, 'a> {
    fn connect(copying: &'c Copying<'a>, lane: AsideLane) -> Result<Self> {
        let job = copying.job;
        let session = job.session()?;
        let sink =
            GaussSink::beside(&job.target, &job.job_id, copying.epoch, copying.stop.clone())?;
        Ok(Self { copying, session, sink, lane })
    }

    fn does(&mut self, task: Task) -> Result<()> {
        let (at, share, read) = match task {
            Task::Divide(at, share) => {
                let ranges = self.divide(&share)?;
                self.copying.shares.divided(at, ranges);
                return Ok(());
            }
            Task::Whole(at, share) => {
                let read = self.pieces(&share);
                (at, share, read)
            }
            Task::Range(at, share, range) => {
                let read = self.range(&share, range);
                (at, share, read)
            }
        };
        let lost = match read {
            Err(e) if lost_snapshot(&e).is_some() => Some(e),
            other => other.map(|()| None)?,
        };
        if let Some((error, begun)) = self.copying.shares.leave(at, lost) {
            self.begin_anew(at, &share, (error, begun))?;
        }
        Ok(())
    }

    /// Looks whether a table is to be read in ranges, and keeps them at the target then.
    fn divide(&mut self, share: &Share) -> Result<Option<Vec<RowIdRange>>> {
        let choice = &share.table.choice;
        let (owner, name) = (choice.owner.as_str(), choice.name.as_str());
        let limits = &self.copying.job.limits;
        let Some(rows_max) = limits.piece_rows() else { return Ok(None) };
        let rows = catalog::rows_estimated(&self.session, owner, name)?;
        let splits_partitions = limits.splits_partitions;
        let size = extents::Size { rows, rows_max, splits_partitions };
        let bounds = match extents::bounds(&self.session, owner, name, size) {
            Ok(bounds) => bounds,
            Err(e) if e.kind() == ErrorKind::SourcePrivilege => {
                let text = format!(
                    "{choice} is copied by one reader, as the account may not see where its rows lie (SELECT on DBA_EXTENTS): {}",
                    e.message()
                );
                self.copying.watch.log(tracing::Level::INFO, &text);
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        if bounds.is_empty() {
            return Ok(None);
        }
        let ranges = RowIdRange::between(&bounds);
        let mut copy = share.copy();
        copy.ranges = Some(ranges.clone());
        self.sink.begin_beside()?;
        self.sink.save_table_copy(&choice.to_string(), &copy.text()?)?;
        self.sink.commit_beside()?;
        Ok(Some(ranges))
    }

    /// The target's table, and how the source's is read.
    fn reading<'t>(
        &mut self,
        table: &'t Described,
        scn: u64,
    ) -> Result<(ApplyTable, TableRead<'t>)> {
        let (schema, target) = table.target_place();
        let target = self.sink.table(&schema, &target)?;
        let columns = target.columns().iter().filter_map(|column| {
            let mut source = table.source.columns.iter();
            source.find(|source| source.name.to_ascii_lowercase() == column.name)
        });
        let place = (table.choice.owner.as_str(), table.choice.name.as_str());
        let read = TableRead::new(place, columns.collect(), &table.source.primary_key, scn);
        Ok((target, read))
    }

    /// The rows at the table's SCN, behind those that are copied, one piece after the other.
    fn pieces(&mut self, share: &Share) -> Result<()> {
        let table = &*share.table;
        let scn = self.copying.scn_of(&share.copy());
        let (target, read) = self.reading(table, scn)?;
        loop {
            let mut copy = share.copy().clone();
            if copy.is_done {
                return Ok(());
            }
            self.tells(table, &copy);
            self.sink.begin_beside()?;
            let (piece, counts) = self.piece((table, &read), &target, copy.after.as_deref())?;
            copy.is_done = piece.last.is_none();
            copy.after = piece.last;
            self.committed(table, copy, counts, &mut share.copy())?;
        }
    }

    /// The rows of a range.
    fn range(&mut self, share: &Share, range: RowIdRange) -> Result<()> {
        let table = &*share.table;
        let scn = self.copying.scn_of(&share.copy());
        let (target, read) = self.reading(table, scn)?;
        self.tells(table, &share.copy());
        self.sink.begin_beside()?;
        let read = read.within(range.clone());
        let (_, counts) = self.piece((table, &read), &target, None)?;
        let mut kept = share.copy();
        let mut copy = kept.clone();
        let left = copy.ranges.get_or_insert_default();
        left.retain(|other| *other != range);
        copy.is_done = left.is_empty();
        self.committed(table, copy, counts, &mut kept)
    }

    /// Commits rows with how far the table is by them, and makes its indexes behind the last ones.
    fn committed(
        &mut self,
        table: &Described,
        mut copy: TableCopy,
        counts: Counts,
        kept: &mut TableCopy,
    ) -> Result<()> {
        copy.rows += counts.snapshot_rows;
        if copy.is_done && self.copying.job.make_indexes {
            for index in &table.structure.indexes {
                self.sink.define(index)?;
            }
        }
        self.sink.save_table_copy(&table.choice.to_string(), &copy.text()?)?;
        self.sink.commit_beside()?;
        let (watch, position) = (self.copying.watch, &self.copying.position);
        watch.committed(position, position.snapshot_scn, &counts, None);
        if copy.is_done {
            self.tells(table, &copy);
        }
        *kept = copy;
        Ok(())
    }

    fn tells(&self, table: &Described, copy: &TableCopy) {
        let choice = &table.choice;
        self.copying.watch.table(&choice.owner, &choice.name, copy.rows, copy.is_done);
    }

    /// Rows in the open transaction, which is given up if they cannot be read any more.
    fn piece(
        &mut self,
        (table, read): (&Described, &TableRead<'_>),
        target: &ApplyTable,
        after: Option<&[String]>,
    ) -> Result<(PieceRead, Counts)> {
        let limits = &self.copying.job.limits;
        if limits.inserts_rows {
            return self.inserted((table, read), (target, Conflict::Ignore), after);
        }
        let refused = match self.copied(read, target, after)? {
            Ok(piece) => {
                let counts = Counts { snapshot_rows: piece.rows, ..Counts::default() };
                return Ok((piece, counts));
            }
            Err(refused) => refused,
        };
        if limits.dirty_rows_max == 0 {
            return Err(Error::from(refused).context(target.full_name()));
        }
        let text = format!(
            "{}: a copy of rows was refused, so they are inserted: {refused}",
            table.choice
        );
        self.copying.watch.log(tracing::Level::WARN, &text);
        self.sink.roll_back()?;
        self.sink.begin_beside()?;
        self.inserted((table, read), (target, Conflict::Stop), after)
    }

    /// Rows by `COPY`; that one of them does not fit is said of all.
    fn copied(
        &mut self,
        read: &TableRead<'_>,
        target: &ApplyTable,
        after: Option<&[String]>,
    ) -> Result<Result<PieceRead, Refused>> {
        self.sink.begin_copy(target)?;
        let sink = &mut self.sink;
        let piece =
            self.copying.rows(&self.session, (read, after), &mut |rows| sink.copy_rows(rows));
        match piece {
            Ok(piece) => Ok(self.sink.end_copy(target)?.map(|_| piece)),
            Err(e) => {
                if lost_snapshot(&e).is_some() {
                    self.sink.cancel_copy()?;
                }
                Err(e)
            }
        }
    }

    /// Rows by insertions.
    fn inserted(
        &mut self,
        (table, read): (&Described, &TableRead<'_>),
        (target, conflict): (&ApplyTable, Conflict),
        after: Option<&[String]>,
    ) -> Result<(PieceRead, Counts)> {
        let name = table.choice.to_string();
        let aside = (read.scn, self.copying.job.limits.dirty_rows_max, self.lane);
        let mut inserting = Inserting::new(&name, target, conflict, aside);
        let sink = &mut self.sink;
        let piece =
            self.copying.rows(&self.session, (read, after), &mut |rows| inserting.take(rows, sink));
        let piece = match piece {
            Ok(piece) => piece,
            Err(e) => {
                if lost_snapshot(&e).is_some() {
                    self.sink.roll_back()?;
                }
                return Err(e);
            }
        };
        inserting.flush(&mut self.sink)?;
        let set_aside = inserting.set_aside;
        if set_aside > 0 {
            let text = format!("{name}: {set_aside} rows were refused by the target and put aside");
            self.copying.watch.log(tracing::Level::WARN, &text);
        }
        let snapshot_rows = piece.rows - set_aside.min(piece.rows);
        Ok((piece, Counts { snapshot_rows, dead_letters: set_aside, ..Counts::default() }))
    }

    /// Makes a table anew that cannot be read any more at its SCN, to be read at a later one.
    fn begin_anew(
        &mut self,
        at: usize,
        share: &Share,
        (error, begun): (Error, usize),
    ) -> Result<()> {
        let (choice, job) = (&share.table.choice, self.copying.job);
        let name = choice.to_string();
        if begun >= SNAPSHOTS_MAX {
            let text = format!(
                "{name}: its rows could not be read as they were at one SCN, {SNAPSHOTS_MAX} times; let the source keep its undo \
                 for longer (UNDO_RETENTION)"
            );
            return Err(Error::new(ErrorKind::SourceSetting, text));
        }
        if job.limits.full_scn > 0 && share.copy().own_scn.is_none() {
            // Whoever asks for an SCN wants these rows and no later ones.
            let text = format!(
                "{name}: its rows cannot be had any more as they were at full_scn, {}; set a later one, or 0 for the source's, and \
                 begin the job anew",
                job.limits.full_scn
            );
            return Err(error.context(text));
        }
        if !job.make_structure {
            // Its rows may be another's: nothing of them is taken away.
            let advice = match lost_snapshot(&error) {
                Some(LostSnapshot::Redefined) => "begin the job anew",
                _ => "let the source keep its undo for longer (UNDO_RETENTION)",
            };
            return Err(error.context(format!("{name}: {advice}")));
        }
        let only = OracleJob { tables: vec![choice.clone()], ..job.clone() };
        let (scn, mut tables) = scn_of_tables(&self.session, &only)?;
        let anew = tables.pop().ok_or_else(|| Error::new(ErrorKind::Bug, name.clone()))?;
        let text = format!(
            "{name} cannot be read any more as it was at SCN {}: {}; it is copied anew as of SCN {scn}",
            self.copying.scn_of(&share.copy()),
            error.message()
        );
        self.copying.watch.log(tracing::Level::WARN, &text);
        let copy = TableCopy { own_scn: Some(scn), ..TableCopy::default() };
        let (schema, target) = anew.target_place();
        self.sink.begin_beside()?;
        self.sink.define(&format!("DROP TABLE {}.{}", quoted(&schema), quoted(&target)))?;
        make(&mut self.sink, &anew)?;
        let version = version_text(&TableVersion::new(anew.source.columns.clone()))?;
        self.sink.save_table_version(&name, &version)?;
        self.sink.save_table_copy(&name, &copy.text()?)?;
        self.sink.commit_beside()?;
        self.copying.shares.begun_anew(at, anew, copy);
        Ok(())
    }
}

/// Rows of a part of a copy.
fn rows_in(part: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', part).count() as u64
}
