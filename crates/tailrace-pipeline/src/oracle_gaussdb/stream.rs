//! The increment: transactions in the order of their commits become batches of whole ones at the target.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tailrace_codec::gaussdb::Appended;
use tailrace_codec::gaussdb::apply::{ApplyTable, Changes};
use tailrace_codec::gaussdb::structure::alterations;
use tailrace_codec::oracle::definition::{TableChange, table_changes};
use tailrace_codec::redo;

use super::capture::{Capture, Captured};
use super::dirty::Marks;
use super::handover::{Handover, Next};
use super::large::{self, LargeRows};
use super::position::{Position, XidParts};
use super::spill::SpillFile;
use super::targets::Targets;
use super::watch::Watch;
use super::{OracleJob, TableChoice};
use crate::batch::Counts;
use crate::engine::{Ended, unix_ms};
use crate::error::{Error, ErrorKind, Result};
use crate::run::{Part, StopSignal};
use crate::sink::gaussdb::{Aside, GaussSink};
use crate::source::oracle::session::Session;

/// What stands for a definition among the transactions that were applied at its SCN.
const DEFINITION: XidParts = (0, 0, 0);
/// Bytes of changes in memory before they go to the target, also in the middle of a transaction.
const CHANGES_BYTES_MAX: usize = 16 << 20;
/// Bytes of changes of which a batch of whole transactions is committed.
const BATCH_BYTES: usize = 4 << 20;
/// Bytes of transactions that wait to be applied.
const QUEUE_BYTES_MAX: usize = 32 << 20;
/// How many of them.
const QUEUE_ITEMS_MAX: usize = 4096;
/// Time after which what is applied is committed although more may come soon.
const QUIET_INTERVAL: Duration = Duration::from_millis(20);
/// Longest time for which the position at the target stays behind while nothing is to be applied.
const QUIET_MAX: Duration = Duration::from_secs(5);

/// How often the outside is told how far the log is read while nothing is to be applied.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// Follows the log until the job is stopped: one thread reads it, this one applies what it hands over.
pub(super) fn follow(
    (session, sink): (&Session, &mut GaussSink),
    targets: &mut Targets,
    position: Position,
    (job, stop, watch): (&OracleJob, &StopSignal, &Watch<'_>),
) -> Result<Ended> {
    let queue = Handover::new(QUEUE_BYTES_MAX, QUEUE_ITEMS_MAX);
    let numbers = targets.numbers(session)?;
    let from = position.mine_from;
    // Ends the reader when what it has read cannot be applied, without telling the outside that the job was stopped.
    let reading_stop = stop.child();
    let mut applier = Applier {
        session,
        sink,
        targets,
        position,
        job,
        watch,
        changes: Changes::new(),
        marks: Marks::default(),
        large: LargeRows::default(),
        counts: Counts::default(),
        committed_ms: None,
        read: from,
        written: Instant::now(),
        told: Instant::now(),
        bytes: 0,
        in_transaction: false,
    };
    thread::scope(|scope| {
        let capture = Capture {
            source: &job.source,
            fetch_rows: job.limits.log_fetch_rows,
            numbers,
            watch,
            stop: &reading_stop,
            out: &queue,
        };
        let reading =
            thread::Builder::new().name("tailrace-capture".into()).spawn_scoped(scope, || {
                let read = capture.run(from);
                queue.close();
                read
            });
        let reading = reading.map_err(|e| {
            Error::new(ErrorKind::Local, format!("the thread that reads the log: {e}"))
        })?;
        let applied = applier.run(&queue, stop);
        queue.close();
        reading_stop.stop();
        let read = reading.join();
        let read = read.unwrap_or_else(|_| Err(Error::new(ErrorKind::Bug, "a reader panicked")));
        // What was read is applied before what the reader met is told.
        applied.and(read)
    })?;
    Err(Error::new(ErrorKind::Bug, "the log came to an end"))
}

/// Brings transactions to the target.
struct Applier<'a> {
    session: &'a Session,
    sink: &'a mut GaussSink,
    targets: &'a mut Targets,
    position: Position,
    job: &'a OracleJob,
    watch: &'a Watch<'a>,
    /// What is not at the target yet.
    changes: Changes,
    /// Whose changes they are.
    marks: Marks,
    /// Rows of the transaction that is being applied whose large objects are still to be read.
    large: LargeRows,
    /// What the open target transaction has.
    counts: Counts,
    /// When the newest of it was committed at the source, milliseconds of the Unix epoch.
    committed_ms: Option<i64>,
    /// Up to here the log was read.
    read: u64,
    /// When the position was last committed at the target.
    written: Instant,
    /// When the outside was last told how far the log is read.
    told: Instant,
    /// Bytes of the open target transaction.
    bytes: usize,
    in_transaction: bool,
}

impl Applier<'_> {
    /// Applies what is handed over until nothing is to come any more.
    fn run(&mut self, queue: &Handover<Captured>, stop: &StopSignal) -> Result<()> {
        loop {
            self.rest(stop)?;
            match queue.pop(QUIET_INTERVAL, stop)? {
                Next::Item(captured) => {
                    self.watch.counters.idle.store(false, Ordering::Relaxed);
                    self.take(captured, queue)?;
                }
                Next::Quiet => self.commit_if_due()?,
                Next::Closed => return self.commit_if_due(),
            }
        }
    }

    /// Waits while the applying is to rest; what was applied is committed first.
    fn rest(&mut self, stop: &StopSignal) -> Result<()> {
        let counters = self.watch.counters;
        if stop.is_held(Part::Apply) {
            self.commit()?;
        }
        while stop.is_held(Part::Apply) {
            stop.check()?;
            counters.apply_rests.store(true, Ordering::Relaxed);
            thread::park_timeout(QUIET_INTERVAL);
        }
        counters.apply_rests.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn take(&mut self, captured: Captured, queue: &Handover<Captured>) -> Result<()> {
        match captured {
            Captured::Transaction { xid, scn, committed_ms, mine_from, changes } => {
                if self.position.has(scn, xid) {
                    return Ok(());
                }
                self.apply(changes, scn, xid)?;
                self.committed_ms = committed_ms;
                self.read = self.read.max(scn);
                self.position.mine_from = mine_from;
                if self.bytes > BATCH_BYTES { self.commit() } else { Ok(()) }
            }
            Captured::Definition { table, scn, sql } => self.define(table, scn, &sql),
            Captured::Window { read, mine_from } => {
                self.read = read;
                self.position.mine_from = mine_from;
                if !queue.is_empty() {
                    return Ok(());
                }
                self.watch.counters.idle.store(true, Ordering::Relaxed);
                self.commit_if_due()
            }
        }
    }

    /// Applies a transaction, in pieces if it is large; it is committed with those behind it, or alone.
    fn apply(
        &mut self,
        mut changes: redo::Changes<SpillFile>,
        scn: u64,
        xid: XidParts,
    ) -> Result<()> {
        self.marks.begin(self.changes.len(), scn);
        changes.for_each(|change| {
            if self.targets.is_in_rows(change.table, scn) {
                return Ok(());
            }
            match change.kind {
                redo::ChangeKind::Insert => self.counts.inserts += 1,
                redo::ChangeKind::Delete => self.counts.deletes += 1,
                redo::ChangeKind::Update => self.counts.updates += 1,
                redo::ChangeKind::Lob => {
                    let choice = self.targets.choices.get(change.table as usize);
                    let choice = choice.ok_or_else(unknown_table)?;
                    return self.large.note(change.table, change.row_id, choice);
                }
            }
            self.append(&change)?;
            self.flush_if_full()
        })?;
        self.read_large(scn)?;
        self.position.applied(scn, xid);
        self.counts.transactions += 1;
        Ok(())
    }

    /// Appends a change of a row.
    fn append(&mut self, change: &redo::Change<'_>) -> Result<()> {
        let table = change.table;
        let (Some(rows), Some(choice)) =
            (self.targets.rows.get_mut(table as usize), self.targets.choices.get(table as usize))
        else {
            return Err(unknown_table());
        };
        let before = self.changes.bytes();
        let appended = rows
            .append(change, table, &mut self.changes)
            .map_err(|e| Error::new(ErrorKind::SchemaMismatch, format!("{choice}: {e}")))?;
        match appended {
            Appended::Whole => {}
            Appended::WithoutLarge => self.large.note(table, change.row_id, choice)?,
            Appended::NoRoom => return Err(too_large(choice)),
        }
        self.bytes += self.changes.bytes() - before;
        Ok(())
    }

    /// Large objects as they were when the transaction was committed.
    fn read_large(&mut self, scn: u64) -> Result<()> {
        if self.large.is_empty() {
            return Ok(());
        }
        for (table, row_id) in self.large.take() {
            let at = table as usize;
            let (Some(columns), Some(choice)) =
                (self.targets.large.get(at), self.targets.choices.get(at))
            else {
                return Err(unknown_table());
            };
            let before = self.changes.bytes();
            let row = (table, row_id.as_str(), scn);
            if !large::read_back(self.session, choice, columns, row, &mut self.changes)? {
                return Err(too_large(choice));
            }
            self.bytes += self.changes.bytes() - before;
            self.flush_if_full()?;
        }
        Ok(())
    }

    fn flush_if_full(&mut self) -> Result<()> {
        if self.changes.bytes() > CHANGES_BYTES_MAX { self.flush() } else { Ok(()) }
    }

    /// Brings what is in memory into the target's open transaction.
    fn flush(&mut self) -> Result<()> {
        if self.changes.is_empty() {
            self.marks.clear();
            return Ok(());
        }
        self.begin()?;
        let (tables, conflict) = (&self.targets.tables, self.job.conflict);
        if self.job.limits.dirty_rows_max == 0 {
            self.sink.apply(tables, &self.changes, conflict)?;
        } else {
            let choices = &self.targets.choices;
            let aside = Aside {
                rows_max: self.job.limits.dirty_rows_max,
                table_name: &|table| {
                    choices.get(table as usize).map_or(String::new(), TableChoice::to_string)
                },
                scn: &|change| self.marks.scn(change),
                at_ms: unix_ms(),
            };
            let set_aside =
                self.sink.apply_or_set_aside(tables, &self.changes, conflict, &aside)?;
            self.counts.dead_letters += set_aside;
            if set_aside > 0 {
                let text = format!("{set_aside} changes were refused by the target and put aside");
                self.watch.log(tracing::Level::WARN, &text);
            }
        }
        self.changes.clear();
        self.marks.clear();
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        if !self.in_transaction {
            self.sink.begin()?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Commits what was applied; without anything new the position now and then.
    fn commit_if_due(&mut self) -> Result<()> {
        let nothing = self.changes.is_empty() && !self.in_transaction;
        if !nothing || self.written.elapsed() >= QUIET_MAX {
            return self.commit();
        }
        if self.told.elapsed() >= TELL_INTERVAL {
            self.told = Instant::now();
            self.watch.read(&self.position, self.read);
        }
        Ok(())
    }

    /// Commits what was applied, with the position.
    fn commit(&mut self) -> Result<()> {
        self.flush()?;
        self.begin()?;
        self.sink.commit(&self.position.text()?)?;
        self.in_transaction = false;
        self.bytes = 0;
        self.written = Instant::now();
        let counts = std::mem::take(&mut self.counts);
        self.watch.committed(&self.position, self.read, &counts, self.committed_ms.take());
        Ok(())
    }

    /// A table is defined in another way: all that was committed before it goes first, then it alone.
    fn define(&mut self, table: u32, scn: u64, sql: &str) -> Result<()> {
        if self.position.has(scn, DEFINITION) || self.targets.is_in_rows(table, scn) {
            return Ok(());
        }
        self.watch.ddl(scn, sql);
        let refused = |why: String| {
            let name = &self.targets.choices[table as usize];
            let text = format!(
                "{name} was defined anew at SCN {scn}, which cannot be applied: {why}: {sql}"
            );
            Error::new(ErrorKind::SchemaMismatch, text)
        };
        let changes = table_changes(sql).map_err(|e| refused(e.to_string()))?;
        let statements = if self.job.apply_definitions {
            self.statements(table, &changes).map_err(refused)?
        } else {
            let text = format!("passed over, as the job applies no definitions: SCN {scn}: {sql}");
            self.watch.log(tracing::Level::WARN, &text);
            Vec::new()
        };
        self.flush()?;
        self.begin()?;
        for statement in &statements {
            self.sink.define(statement)?;
        }
        self.targets.change(table, &changes, self.sink)?;
        self.position.applied(scn, DEFINITION);
        self.counts.ddls += 1;
        self.commit()?;
        self.targets.renew(table, self.sink)
    }

    /// What does a table's changes at the target; the error says what has no counterpart there.
    fn statements(&self, table: u32, changes: &[TableChange]) -> Result<Vec<String>, String> {
        let target = self.targets.tables.get(&table).map(ApplyTable::full_name);
        let target = target.ok_or("the table is not known")?;
        let mut statements = Vec::new();
        for change in changes {
            let made = alterations(&target, change, self.targets.charset).map_err(|faults| {
                let faults = faults.iter().map(|fault| format!("{}: {}", fault.name, fault.reason));
                faults.collect::<Vec<_>>().join("; ")
            })?;
            statements.extend(made);
        }
        Ok(statements)
    }
}

fn unknown_table() -> Error {
    Error::new(ErrorKind::Bug, "a table that is not known")
}

fn too_large(choice: &TableChoice) -> Error {
    Error::new(ErrorKind::Limit, format!("{choice}: a row of more than 4 GiB"))
}
