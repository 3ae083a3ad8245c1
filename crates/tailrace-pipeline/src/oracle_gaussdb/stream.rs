//! The increment: transactions in the order of their commits become batches of whole ones at the target.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use tailrace_codec::gaussdb::Appended;
use tailrace_codec::gaussdb::apply::{ApplyTable, Changes};
use tailrace_codec::gaussdb::structure::alterations;
use tailrace_codec::oracle::definition::{TableChange, table_changes};
use tailrace_codec::redo;

use super::appliers::{Appliers, DIVIDED_BYTES_MAX, Divider, OwnSink, ROUND_BYTES, Round, locked};
use super::capture::{Capture, Captured};
use super::dirty::{self, Marks};
use super::handover::{Handover, Next};
use super::large::{self, LargeRows};
use super::meeting::Meets;
use super::position::{Position, XidParts};
use super::spill::SpillFile;
use super::targets::Targets;
use super::untold::GivenKeys;
use super::watch::Watch;
use super::{OracleJob, TableChoice};
use crate::batch::Counts;
use crate::error::{Error, ErrorKind, Result};
use crate::run::{Part, StopSignal};
use crate::sink::gaussdb::{AsideLane, GaussSink};
use crate::source::oracle::session::{CallLimits, Session};

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

/// Follows the log until the job is stopped, or has met another's: one thread reads it, this one takes what it hands over to the
/// target, alone or by several appliers. Gives the position at which it has met the other, and the SCN up to which the log was
/// read there.
pub(super) fn follow(
    (session, sink): (&Session, &mut GaussSink),
    targets: &mut Targets,
    position: Position,
    (job, epoch): (&OracleJob, u64),
    (stop, watch, meets): (&StopSignal, &Watch<'_>, Meets<'_>),
) -> Result<(Position, u64)> {
    let queue = Handover::new(QUEUE_BYTES_MAX, QUEUE_ITEMS_MAX);
    let numbers = targets.numbers(session)?;
    // Ends all others when one has failed, without telling the outside that the job was stopped.
    let inner = stop.child();
    let (mut appliers, position) = Appliers::open(job, epoch, (sink, position), (&inner, watch))?;
    let sinks = appliers.as_mut().map(Appliers::take_sinks).unwrap_or_default();
    let (appliers, sink) = (appliers.as_ref(), OwnSink::new(sink));
    let from = position.mine_from;
    let mut applier = Applier {
        session,
        sink: &sink,
        targets,
        position,
        job,
        stop,
        watch,
        meets,
        divider: appliers.map(Divider::new),
        changes: Changes::new(),
        marks: Marks::default(),
        probe: Changes::new(),
        given: GivenKeys::default(),
        large: LargeRows::default(),
        counts: Counts::default(),
        committed_ms: None,
        read: from,
        read_whole: None,
        written: Instant::now(),
        told: Instant::now(),
        bytes: 0,
        in_transaction: false,
    };
    let (source, calls, out) = (&job.source, CallLimits::of_log(&job.limits), &queue);
    let readers = job.limits.log_readers;
    let capture = Capture { source, calls, readers, numbers, watch, stop: &inner, out };
    thread::scope(|scope| {
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        let reading = named("tailrace-capture").spawn_scoped(scope, || {
            let read = capture.run(from);
            queue.close();
            read
        });
        let mut threads = Vec::new();
        for (number, other) in sinks.into_iter().enumerate() {
            let (sink, inner) = (&sink, &inner);
            let run = move || match appliers {
                Some(all) => all.run(number, (sink, other), job, (inner, watch)),
                None => Ok(()),
            };
            threads.push(named("tailrace-applier").spawn_scoped(scope, run).map_err(no_thread));
        }
        let applied = applier.run(&queue, stop);
        queue.close();
        appliers.into_iter().for_each(Appliers::close);
        inner.stop();
        if applied.as_ref().is_ok_and(|has_met| *has_met) {
            // What others meet behind that place is read once more.
            return Ok(());
        }
        let mut ends = vec![applied.map(drop)];
        ends.extend(threads.into_iter().map(|thread| thread.and_then(ended)));
        // What was read is applied before what the reader met is told.
        ends.push(reading.map_err(no_thread).and_then(ended));
        first_error(ends)?;
        Err(Error::new(ErrorKind::Bug, "the log came to an end"))
    })?;
    Ok((applier.position, applier.read))
}

fn no_thread(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Local, format!("a thread of the increment: {error}"))
}

fn ended(thread: ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread.join().unwrap_or_else(|_| Err(Error::new(ErrorKind::Bug, "a thread panicked")))
}

/// The first of these errors that is not the consequence of another.
fn first_error(ends: Vec<Result<()>>) -> Result<()> {
    let mut errors: Vec<Error> = ends.into_iter().filter_map(Result::err).collect();
    let at = errors.iter().position(|error| error.kind() != ErrorKind::Cancelled).unwrap_or(0);
    if errors.is_empty() { Ok(()) } else { Err(errors.swap_remove(at)) }
}

/// Brings transactions to the target.
struct Applier<'a> {
    session: &'a Session,
    sink: &'a OwnSink<'a>,
    targets: &'a mut Targets,
    position: Position,
    job: &'a OracleJob,
    stop: &'a StopSignal,
    watch: &'a Watch<'a>,
    /// The other stream that it meets.
    meets: Meets<'a>,
    /// Where transactions go that several appliers share; without it, and what cannot be shared, goes to the own sink.
    divider: Option<Divider<'a>>,
    /// What is not at the target yet.
    changes: Changes,
    /// Whose changes they are.
    marks: Marks,
    /// A change of which the key may be missing.
    probe: Changes,
    /// Keys that the transaction has given to rows, if missing ones are to be found.
    given: GivenKeys,
    /// Rows of the transaction that is being applied whose large objects are still to be read.
    large: LargeRows,
    /// What the open target transaction has.
    counts: Counts,
    /// When the newest of it was committed at the source, milliseconds of the Unix epoch.
    committed_ms: Option<i64>,
    /// Up to here the log was read.
    read: u64,
    /// The same while nothing behind it was taken: all that was committed up to there is applied or in memory.
    read_whole: Option<u64>,
    /// When the position was last committed at the target.
    written: Instant,
    /// When the outside was last told how far the log is read.
    told: Instant,
    /// Bytes of the open target transaction.
    bytes: usize,
    in_transaction: bool,
}

impl Applier<'_> {
    /// Applies what is handed over until nothing is to come any more, or the other stream is met: `true`.
    fn run(&mut self, queue: &Handover<Captured>, stop: &StopSignal) -> Result<bool> {
        loop {
            self.rest(stop)?;
            if self.read_whole.is_some_and(|read| self.meets.is_met(read)) {
                self.commit()?;
                return Ok(true);
            }
            self.divider.as_ref().map_or(Ok(()), |divider| divider.check(stop))?;
            match queue.pop(QUIET_INTERVAL, stop)? {
                Next::Item(captured) => {
                    self.watch.counters.idle.store(false, Ordering::Relaxed);
                    self.take(captured, queue)?;
                }
                Next::Quiet => self.commit_if_due()?,
                Next::Closed => {
                    self.commit_if_due()?;
                    self.settle()?;
                    return Ok(false);
                }
            }
        }
    }

    /// Waits while the applying is to rest; what was applied is committed first.
    fn rest(&mut self, stop: &StopSignal) -> Result<()> {
        let counters = self.watch.counters;
        if stop.is_held(Part::Apply) {
            self.commit()?;
            self.settle()?;
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
        self.read_whole = None;
        match captured {
            Captured::Transaction { xid, scn, committed_ms, is_whole, mine_from, changes } => {
                if self.position.has(scn, xid) {
                    return Ok(());
                }
                if let Some(told) = self.job.limits.told_start().filter(|_| !is_whole) {
                    return Err(begun_before(told, (scn, xid)));
                }
                let is_alone = self.apply(changes, scn, xid)?;
                self.committed_ms = committed_ms;
                self.read = self.read.max(scn);
                self.position.mine_from = mine_from;
                if is_alone || self.bytes > self.batch_bytes() { self.commit() } else { Ok(()) }
            }
            Captured::BeganBefore { xid, scn } => match self.job.limits.told_start() {
                Some(told) if !self.position.has(scn, xid) => Err(begun_before(told, (scn, xid))),
                // Else all that was open where the job began was read from its begin on.
                _ => Ok(()),
            },
            Captured::Definition { table, scn, sql } => self.define(table, scn, &sql),
            Captured::Window { read, mine_from } => {
                self.read = read;
                self.read_whole = Some(read);
                self.meets.has_read(read);
                self.position.mine_from = mine_from;
                if !queue.is_empty() {
                    return Ok(());
                }
                self.watch.counters.idle.store(true, Ordering::Relaxed);
                self.commit_if_due()
            }
        }
    }

    /// Applies a transaction, in pieces if it is large; it is committed with those behind it, or, if this says so, alone.
    fn apply(
        &mut self,
        mut changes: redo::Changes<SpillFile>,
        scn: u64,
        xid: XidParts,
    ) -> Result<bool> {
        self.marks.begin(self.changes.len(), scn);
        self.given.clear();
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
        self.counts.transactions += 1;
        let is_alone = !self.share(scn, xid)?;
        self.position.applied(scn, xid);
        Ok(is_alone)
    }

    /// Shares a transaction out among the appliers; `false` if it has to be alone, behind all that came before it.
    fn share(&mut self, scn: u64, xid: XidParts) -> Result<bool> {
        let Some(divider) = &mut self.divider else { return Ok(true) };
        let tables = &self.targets.tables;
        if self.in_transaction || !divider.take(&self.changes, tables, (scn, xid))? {
            self.settle()?;
            return Ok(false);
        }
        divider.counts.add(&std::mem::take(&mut self.counts));
        self.changes.clear();
        self.marks.clear();
        Ok(true)
    }

    /// Waits until all that is shared out is committed.
    fn settle(&mut self) -> Result<()> {
        if self.divider.as_ref().is_some_and(|divider| !divider.is_empty()) {
            self.hand_out()?;
        }
        self.divider.as_ref().map_or(Ok(()), |divider| divider.wait_done(self.stop))
    }

    /// Hands the transactions that are shared out to the appliers, as one round.
    fn hand_out(&mut self) -> Result<()> {
        let Some(divider) = &mut self.divider else { return Ok(()) };
        let round = Round {
            tables: Arc::clone(&self.targets.tables),
            position: self.position.clone(),
            counts: std::mem::take(&mut divider.counts),
            read: self.read,
            committed_ms: self.committed_ms.take(),
            set_aside: AtomicU64::new(0),
        };
        divider.hand_out(round, self.stop)?;
        self.bytes = 0;
        self.written = Instant::now();
        Ok(())
    }

    /// Bytes of changes of which a batch is committed.
    fn batch_bytes(&self) -> usize {
        if self.divider.is_some() { ROUND_BYTES } else { BATCH_BYTES }
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
        let reads_keys = self.job.limits.reads_missing_keys;
        self.probe.clear();
        let into = if reads_keys { &mut self.probe } else { &mut self.changes };
        let appended = rows
            .append(change, table, into)
            .map_err(|e| Error::new(ErrorKind::SchemaMismatch, format!("{choice}: {e}")))?;
        if reads_keys && appended != Appended::NoRoom {
            let key = self.targets.keys.get(table as usize).ok_or_else(unknown_table)?;
            let target = self.targets.tables.get(&table).ok_or_else(unknown_table)?;
            let told = (&self.probe.get(0), change.row_id, change.scn);
            let of = (choice, target, key);
            if !self.given.append(self.session, of, told, &mut self.changes)? {
                return Err(too_large(choice));
            }
        }
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
        let most = if self.divider.is_some() { DIVIDED_BYTES_MAX } else { CHANGES_BYTES_MAX };
        if self.changes.bytes() > most { self.flush() } else { Ok(()) }
    }

    /// Brings what is in memory into the target's open transaction.
    fn flush(&mut self) -> Result<()> {
        if self.changes.is_empty() {
            self.marks.clear();
            return Ok(());
        }
        self.begin()?;
        let changes = (&self.changes, &self.marks);
        let sink = (&mut **locked(self.sink), AsideLane::ALONE);
        let set_aside = dirty::apply(sink, &self.targets.tables, changes, self.job)?;
        self.counts.dead_letters += set_aside;
        dirty::tell(self.watch, set_aside);
        self.changes.clear();
        self.marks.clear();
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        if !self.in_transaction {
            self.settle()?;
            locked(self.sink).begin()?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Commits what was applied; without anything new the position now and then.
    fn commit_if_due(&mut self) -> Result<()> {
        let nothing = self.changes.is_empty()
            && !self.in_transaction
            && self.divider.as_ref().is_none_or(Divider::is_empty);
        if !nothing || self.written.elapsed() >= QUIET_MAX {
            return self.commit();
        }
        let is_settled = self.divider.as_ref().is_none_or(Divider::is_settled);
        if is_settled && self.told.elapsed() >= TELL_INTERVAL {
            self.told = Instant::now();
            self.watch.read(&self.position, self.read);
        }
        Ok(())
    }

    /// Commits what was applied, with the position.
    fn commit(&mut self) -> Result<()> {
        let is_own = self.in_transaction || !self.changes.is_empty();
        if !is_own && self.divider.as_ref().is_some_and(|divider| !divider.is_empty()) {
            return self.hand_out();
        }
        self.flush()?;
        self.begin()?;
        let position = self.position.text()?;
        match &self.divider {
            None => locked(self.sink).commit(&position)?,
            Some(_) => locked(self.sink).commit_for_all(&position)?,
        }
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
            locked(self.sink).define(statement)?;
        }
        self.targets.change(table, &changes, &mut locked(self.sink))?;
        self.position.applied(scn, DEFINITION);
        self.counts.ddls += 1;
        self.commit()?;
        self.targets.renew(table, &mut locked(self.sink))
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

/// A transaction of which the log that is read has an end and no begin.
fn begun_before(
    (name, start): (&str, u64),
    (scn, (segment, slot, sequence)): (u64, XidParts),
) -> Error {
    let text = format!(
        "transaction {segment}.{slot}.{sequence}, committed at SCN {scn}, began before the log is read: set capture_start_scn to an SCN at \
         which nothing was open any more that is open at {name}, which is {start}, and begin the job anew"
    );
    Error::new(ErrorKind::Configuration, text)
}

fn unknown_table() -> Error {
    Error::new(ErrorKind::Bug, "a table that is not known")
}

fn too_large(choice: &TableChoice) -> Error {
    Error::new(ErrorKind::Limit, format!("{choice}: a row of more than 4 GiB"))
}
