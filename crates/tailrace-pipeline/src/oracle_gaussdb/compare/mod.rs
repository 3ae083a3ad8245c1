//! Compares tables of Oracle with those of GaussDB Distributed, row by row, at one SCN.
//!
//! The target is seen as it is at one moment, with the job's position in the same transaction; the source is read as of that
//! position's SCN. So both sides have the same transactions however much is changed meanwhile, and what differs, differs. Both
//! come in the order of the key and are held side by side: memory holds some thousands of rows.

mod canonical;
mod merge;
mod repair;
mod sample;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tailrace_codec::gaussdb::apply::ApplyTable;
use tailrace_codec::gaussdb::structure::SourceTable;
use tailrace_codec::oracle::OracleColumn;

use super::position::{Position, TableCopy};
use super::{OracleJob, TableChoice};
use crate::compare::{CompareOutcome, CompareProgress, CompareRequest, TableComparison};
use crate::error::{Error, ErrorKind, Result};
use crate::run::StopSignal;
use crate::sink::gaussdb::{Inspection, Seen};
use crate::source::oracle::session::{Session, lost_snapshot};
use crate::source::oracle::snapshot::{TableRead, quoted};
use crate::source::oracle::{catalog, mining};

pub(super) use repair::repair_told;
pub use repair::{Repaired, RowKey, repair};

use canonical::Form;
use merge::{Column, Found, Merge, Places, Row};

/// How often a table is looked at: once more where something differs, and where the source's past is gone.
const LOOKS_MAX: usize = 3;
/// Longest wait for a moment at which the appliers of a job are at one place, and how often it is looked for.
const MEETING_MAX: Duration = Duration::from_secs(10);
const MEETING_INTERVAL: Duration = Duration::from_millis(5);
/// Rows of the target in one hand-over.
const BATCH_ROWS: usize = 1000;
/// Hand-overs that wait.
const BATCHES_MAX: usize = 8;
/// Rows of the source that are read by one statement.
const PIECE_ROWS_MAX: u64 = 100_000;

/// Compares tables of a job with the target's; blocks. `told` hears of every table as soon as it is done.
///
/// # Errors
/// `Cancelled`, and those of source and target. What is wrong with one table is told in its result.
pub fn compare(
    job: &OracleJob,
    request: &CompareRequest,
    progress: &CompareProgress,
    stop: &StopSignal,
    told: &mut dyn FnMut(TableComparison),
) -> Result<()> {
    let session = job.session()?;
    let wanted = job.tables.iter().filter(|one| request.includes(&one.owner, &one.name));
    let wanted: Vec<&TableChoice> = wanted.collect();
    progress.tables.store((request.except.len() + wanted.len()) as u64, Relaxed);
    for choice in wanted {
        stop.check()?;
        let look = Look { job, choice, session: &session, progress, stop, request };
        told(look.compared()?);
    }
    Ok(())
}

/// What a table is compared by.
struct Look<'a> {
    job: &'a OracleJob,
    choice: &'a TableChoice,
    session: &'a Session,
    progress: &'a CompareProgress,
    stop: &'a StopSignal,
    request: &'a CompareRequest,
}

impl Look<'_> {
    fn compared(&self) -> Result<TableComparison> {
        let only_once = self.request.objects_only || self.request.is_static;
        let mut last = None;
        for _ in 0..LOOKS_MAX {
            self.stop.check()?;
            match self.once() {
                Ok(result) => {
                    let is_over = result.outcome != CompareOutcome::Inconsistent || only_once;
                    if is_over || last.is_some() {
                        return Ok(result);
                    }
                    last = Some(result);
                }
                Err(e) => match (lost_snapshot(&e), e.kind()) {
                    (Some(_), _) => {
                        let why = format!("its rows cannot be read as they were: {}", e.message());
                        last = Some(self.result(CompareOutcome::Undecided, vec![why]));
                    }
                    (None, ErrorKind::SchemaMismatch | ErrorKind::Decode) => {
                        let why = e.message().to_owned();
                        return Ok(self.result(CompareOutcome::Impossible, vec![why]));
                    }
                    (None, _) => return Err(e),
                },
            }
        }
        Ok(last.unwrap_or_else(|| self.result(CompareOutcome::Undecided, Vec::new())))
    }

    fn result(&self, outcome: CompareOutcome, notes: Vec<String>) -> TableComparison {
        let (schema, name) =
            (self.choice.schema.to_ascii_lowercase(), self.choice.target.to_ascii_lowercase());
        let names = (self.choice.owner.as_str(), self.choice.name.as_str());
        let empty = TableComparison::without_rows(names, outcome, String::new());
        TableComparison { seen: (schema, name), notes, ..empty }
    }

    /// One look at both sides.
    fn once(&self) -> Result<TableComparison> {
        let mut target = Inspection::open(&self.job.target, self.stop.clone())?;
        let (scn, mut notes) = self.scn(&mut target)?;
        let choice = self.choice;
        let source = catalog::table(self.session, &choice.owner, &choice.name, &choice.schema)?;
        let table = target
            .table(&choice.schema.to_ascii_lowercase(), &choice.target.to_ascii_lowercase())?;
        let columns = match columns(&source, &table) {
            Ok(columns) => columns,
            Err(missing) => {
                let why = format!("the target has no columns for {}", missing.join(", "));
                return Ok(self.result(CompareOutcome::Inconsistent, vec![why]));
            }
        };
        let mut result = self.result(CompareOutcome::Consistent, Vec::new());
        result.position = Some(("SCN".to_owned(), scn));
        if !self.request.objects_only {
            let found = match Compared::of(&columns, &table) {
                Ok(compared) => {
                    notes.extend(compared.note());
                    match self.request.sample_per_million {
                        None => self.rows(&mut target, &table, &compared, scn)?,
                        Some(of) => {
                            notes.push(format!(
                                "a sample of {} % of the source's rows; rows that only the target has are not found so",
                                f64::from(of) / 10_000.0
                            ));
                            sample::compare(self, &mut target, (&table, &compared), (scn, of))?
                        }
                    }
                }
                Err(why) => {
                    notes.push(format!("{why}: only the rows are counted"));
                    self.counts(&mut target, &table, scn)?
                }
            };
            if !found.is_equal() {
                result.outcome = CompareOutcome::Inconsistent;
            }
            (result.source_rows, result.target_rows) = (found.source_rows, found.target_rows);
            (result.missing, result.extra) = (found.missing, found.extra);
            result.differing = found.differing;
            result.differences = found.differences;
        }
        result.notes = notes;
        target.unsee()?;
        Ok(result)
    }

    /// The SCN that the target has, in a transaction that sees it so.
    fn scn(&self, target: &mut Inspection) -> Result<(u64, Vec<String>)> {
        let position = match self.seen(target)? {
            Some(position) => Position::parse(&position)?,
            None => {
                let note =
                    "the job has no position at the target: the source is compared as it is now";
                return Ok((mining::current_scn(self.session)?, vec![note.to_owned()]));
            }
        };
        let copy = target.table_copy(&self.job.job_id, &self.choice.to_string())?;
        let copy = copy.ok_or_else(still_added)?;
        let copy = TableCopy::parse(Some(&copy))?;
        Ok((applied_scn(&position, &copy)?, Vec::new()))
    }

    /// The job's position, in a transaction that sees the target so: a moment at which its appliers, if there are several, are at
    /// one place.
    fn seen(&self, target: &mut Inspection) -> Result<Option<String>> {
        let until = Instant::now() + MEETING_MAX;
        loop {
            self.stop.check()?;
            match target.see(&self.job.job_id)? {
                Seen::NoPosition => return Ok(None),
                Seen::At(position) => return Ok(Some(position)),
                Seen::Apart if Instant::now() < until => target.unsee()?,
                Seen::Apart => {
                    let text = "the job's appliers are at different positions, as they were killed between their commits; \
                                compare again when the job runs";
                    return Err(Error::new(ErrorKind::SchemaMismatch, text));
                }
            }
            thread::park_timeout(MEETING_INTERVAL);
        }
    }

    fn counts(&self, target: &mut Inspection, table: &ApplyTable, scn: u64) -> Result<Found> {
        let choice = self.choice;
        let source = format!(
            "SELECT COUNT(*) FROM {}.{} AS OF SCN {scn}",
            quoted(&choice.owner),
            quoted(&choice.name)
        );
        let source_rows = self.session.number(&source, &[])?.unwrap_or(0);
        let target_rows = target.number(&format!("SELECT count(*) FROM {}", table.full_name()))?;
        Ok(Found {
            source_rows,
            target_rows,
            missing: source_rows.saturating_sub(target_rows),
            extra: target_rows.saturating_sub(source_rows),
            ..Found::default()
        })
    }

    fn rows(
        &self,
        target: &mut Inspection,
        table: &ApplyTable,
        compared: &Compared<'_>,
        scn: u64,
    ) -> Result<Found> {
        let choice = self.choice;
        let place = (choice.owner.as_str(), choice.name.as_str());
        let read = TableRead::new(place, compared.source.clone(), &compared.key_names(), scn);
        if read.key.is_empty() {
            let text = "its key cannot be asked for in order";
            return Err(Error::new(ErrorKind::SchemaMismatch, text));
        }
        let (sender, receiver) = sync_channel(BATCHES_MAX);
        let sql = compared.target_query(table);
        let source = format!("{}.{} AS OF SCN {scn}", quoted(&choice.owner), quoted(&choice.name));
        let places = Places { source, target: table.full_name() };
        thread::scope(|scope| {
            let reading = scope.spawn(move || read_target(target, &sql, &sender));
            let found = self.merge(&read, (compared, &places), &receiver);
            // Ends the other side if this one has failed.
            drop(receiver);
            let read = reading.join();
            let read =
                read.unwrap_or_else(|_| Err(Error::new(ErrorKind::Bug, "a reader panicked")));
            match found {
                Ok(found) => read.map(|()| found),
                Err(e) => Err(e),
            }
        })
    }

    fn merge(
        &self,
        read: &TableRead<'_>,
        (compared, places): (&Compared<'_>, &Places),
        receiver: &Receiver<Vec<Row>>,
    ) -> Result<Found> {
        let mut batch = Vec::new().into_iter();
        let forms: Vec<Form> = compared.columns.iter().map(|column| column.form).collect();
        let mut next = || {
            loop {
                if let Some(row) = batch.next() {
                    return Ok(Some(canonical(row, &forms)));
                }
                match receiver.recv() {
                    Ok(rows) => batch = rows.into_iter(),
                    Err(_) => return Ok(None),
                }
            }
        };
        let mut merge = Merge::new(places, (&compared.columns, &compared.key), &mut next)?;
        let mut after: Option<Vec<String>> = None;
        loop {
            let piece = read.texts(self.session, after.as_deref(), PIECE_ROWS_MAX, &mut |row| {
                if merge.found.source_rows.is_multiple_of(BATCH_ROWS as u64) {
                    self.stop.check()?;
                    self.progress.rows.fetch_add(BATCH_ROWS as u64, Relaxed);
                }
                merge.source(canonical(row, &forms))
            })?;
            after = piece.last;
            if after.is_none() {
                return merge.end();
            }
        }
    }
}

/// Of a table that has its rows at another place than the rest of the job.
fn still_added() -> Error {
    let text = "it was added to the job and is still to meet the other tables; the job's log says when it has";
    Error::new(ErrorKind::SchemaMismatch, text)
}

/// The SCN as of which the source has what the target's table has.
fn applied_scn(position: &Position, copy: &TableCopy) -> Result<u64> {
    if !position.is_copied && !copy.is_done {
        return Err(Error::new(ErrorKind::SchemaMismatch, "its rows are not copied yet"));
    }
    let applied = match position.committed.is_empty() {
        true => position.committed_scn.saturating_sub(1),
        false => position.committed_scn,
    };
    // Changes up to a table's own SCN are in its rows already.
    Ok(applied.max(copy.own_scn.unwrap_or(0)))
}

fn canonical(row: Row, forms: &[Form]) -> Row {
    row.into_iter().zip(forms).map(|(value, form)| value.map(|text| form.text(text))).collect()
}

/// Hands the target's rows over in batches; ends early if nobody wants them.
fn read_target(target: &mut Inspection, sql: &str, sender: &SyncSender<Vec<Row>>) -> Result<()> {
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    target.each_row(sql, &mut |row| {
        batch.push(row);
        if batch.len() >= BATCH_ROWS {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS));
            let gone = || Error::new(ErrorKind::Cancelled, "nobody wants the rows");
            sender.send(full).map_err(|_| gone())?;
        }
        Ok(())
    })?;
    // Whoever is gone has an error of its own.
    sender.send(batch).ok();
    Ok(())
}

/// A source's column with the number of its counterpart.
type Pair<'a> = (&'a OracleColumn, usize);

/// The columns with their counterparts, or those that have none.
fn columns<'a>(
    source: &'a SourceTable,
    table: &ApplyTable,
) -> std::result::Result<Vec<Pair<'a>>, Vec<String>> {
    let (mut pairs, mut missing) = (Vec::new(), Vec::new());
    for column in source.columns.iter().filter(|column| !column.is_hidden && !column.is_virtual) {
        let name = column.name.to_ascii_lowercase();
        match table.columns().iter().position(|to| to.name == name) {
            Some(number) => pairs.push((column, number)),
            None => missing.push(column.name.clone()),
        }
    }
    if missing.is_empty() { Ok(pairs) } else { Err(missing) }
}

/// What is compared of a table.
struct Compared<'a> {
    columns: Vec<Column>,
    source: Vec<&'a OracleColumn>,
    /// Numbers of the key's columns among them.
    key: Vec<usize>,
    passed: Vec<String>,
}

impl<'a> Compared<'a> {
    /// Of these columns; the error says why rows cannot be told apart.
    fn of(pairs: &[Pair<'a>], table: &ApplyTable) -> std::result::Result<Self, String> {
        let mut compared =
            Self { columns: Vec::new(), source: Vec::new(), key: Vec::new(), passed: Vec::new() };
        for (column, _) in pairs {
            let form = Form::of(column.oracle_type());
            if form == Form::Passed {
                compared.passed.push(column.name.clone());
                continue;
            }
            compared.columns.push(Column {
                name: column.name.to_ascii_lowercase(),
                source: column.name.clone(),
                form,
            });
            compared.source.push(column);
        }
        if table.key().is_empty() {
            return Err("the target's table has no key".to_owned());
        }
        for number in table.key() {
            let name = table.columns().get(*number).map(|column| column.name.as_str());
            let place =
                compared.columns.iter().position(|column| Some(column.name.as_str()) == name);
            match place.filter(|place| compared.columns[*place].form.has_order()) {
                Some(place) => compared.key.push(place),
                None => {
                    let name = name.unwrap_or_default();
                    return Err(format!(
                        "the key's column {name} has no order that both sides know"
                    ));
                }
            }
        }
        Ok(compared)
    }

    fn note(&self) -> Option<String> {
        (!self.passed.is_empty()).then(|| {
            format!(
                "not compared, as with DRS: {} (zones, intervals and large objects)",
                self.passed.join(", ")
            )
        })
    }

    fn key_names(&self) -> Vec<String> {
        self.key.iter().map(|number| self.source[*number].name.clone()).collect()
    }

    /// The target's rows in the order in which Oracle gives its own.
    fn target_query(&self, table: &ApplyTable) -> String {
        // Without the table's name the order would be that of the selected texts.
        let name = |column: &Column| format!("s.\"{}\"", column.name.replace('"', "\"\""));
        let selected: Vec<String> =
            self.columns.iter().map(|column| format!("{}::text", name(column))).collect();
        let order = |number: &usize| {
            let column = &self.columns[*number];
            match column.form {
                Form::Text | Form::Padded => format!("{} COLLATE \"C\"", name(column)),
                _ => name(column),
            }
        };
        let order: Vec<String> = self.key.iter().map(order).collect();
        format!(
            "SELECT {} FROM {} AS s ORDER BY {}",
            selected.join(", "),
            table.full_name(),
            order.join(", ")
        )
    }
}
