//! What all sessions share.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::define;
use super::journal::{Journal, Step};
use super::redo::{Change, Redo, What};
use super::supplemental::Supplemental;
use super::table::{Scn, Since, Table, Version, Xid};
use crate::oracle::value::{RowId, Value};
use crate::oracle::wire::OraError;
use crate::sql_token;

/// Longest wait for a row that another transaction has changed, after which it counts as a deadlock.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(20);

/// Owner and name.
pub(crate) type TableName = (String, String);

/// The database as the sessions of one place see it. Cheap to clone; clones are of the same database.
#[derive(Clone)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
    place: Place,
}

/// Where a session is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the container: 0 is the root, or all of a database without containers.
    pub(crate) container: u16,
    /// Number of the instance, from 0.
    pub(crate) instance: u16,
}

struct Shared {
    state: Mutex<State>,
    /// A transaction has ended.
    ended: Condvar,
    failures: Mutex<Vec<OrderedFailure>>,
    /// Statements that were begun.
    statements: AtomicU64,
}

/// A failure that a test has ordered.
#[derive(Debug)]
struct OrderedFailure {
    part: String,
    /// Statements that are let through before it.
    pass: usize,
    code: u32,
    message: String,
}

/// What is in it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) scn: Scn,
    /// Tables and open transactions of the container in which the session is that holds the database.
    pub(crate) tables: BTreeMap<TableName, Table>,
    pub(crate) transactions: HashMap<Xid, Transaction>,
    next_transaction: u32,
    pub(super) redo: Redo,
    /// Of the whole database.
    pub(super) supplemental: Supplemental,
    next_object: u32,
    /// Number of that container.
    pub(super) container: u16,
    pub(super) containers: Vec<Container>,
    /// Where it is written down what is done, if it is.
    journal: Option<Journal>,
}

/// A container: the root or a pluggable database, whose undo is its own, and with it the numbers of its transactions.
#[derive(Debug, Default)]
pub(super) struct Container {
    pub(super) name: String,
    /// What is in it while no session in it holds the database.
    tables: BTreeMap<TableName, Table>,
    transactions: HashMap<Xid, Transaction>,
    next_transaction: u32,
}

/// An open transaction.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// What it has changed, in order.
    pub(crate) changes: Vec<(TableName, RowId)>,
    /// Savepoints: name, and how many changes there were.
    pub(crate) savepoints: Vec<(String, usize)>,
    /// SCN of its first change.
    pub(crate) start_scn: Option<Scn>,
    /// Number of the instance whose session has it.
    pub(crate) instance: u16,
}

impl State {
    fn new(containers: &[String], instances: u16) -> Self {
        let scn = 1_000_000;
        let named = |name: &String| Container { name: name.clone(), ..Container::default() };
        let mut all = vec![Container { name: "CDB$ROOT".to_owned(), ..Container::default() }];
        all.extend(containers.iter().map(named));
        Self {
            scn,
            tables: BTreeMap::new(),
            transactions: HashMap::new(),
            next_transaction: 0,
            redo: Redo::new(scn, instances),
            supplemental: Supplemental::default(),
            next_object: 70_000,
            container: 0,
            containers: all,
            journal: None,
        }
    }

    /// What comes now is of a session at this place.
    fn enter(&mut self, place: Place) {
        self.redo.tick(&mut self.scn);
        self.enter_at(place, self.scn);
    }

    /// What comes now is of a session at this place, at this SCN.
    pub(super) fn enter_at(&mut self, place: Place, scn: Scn) {
        self.scn = scn;
        self.redo.enter(place.instance);
        if self.container != place.container {
            self.exchange();
            self.container = place.container;
            self.exchange();
        }
    }

    /// What is in the current container against what its place has.
    fn exchange(&mut self) {
        let held = &mut self.containers[usize::from(self.container)];
        std::mem::swap(&mut self.tables, &mut held.tables);
        std::mem::swap(&mut self.transactions, &mut held.transactions);
        std::mem::swap(&mut self.next_transaction, &mut held.next_transaction);
    }

    /// Tables of a container.
    pub(super) fn tables_of(&self, container: u16) -> &BTreeMap<TableName, Table> {
        if container == self.container {
            &self.tables
        } else {
            &self.containers[usize::from(container)].tables
        }
    }

    /// Open transactions of a container.
    pub(super) fn transactions_of(&self, container: u16) -> &HashMap<Xid, Transaction> {
        if container == self.container {
            &self.transactions
        } else {
            &self.containers[usize::from(container)].transactions
        }
    }

    /// Whether there are pluggable databases.
    pub(super) fn is_cdb(&self) -> bool {
        self.containers.len() > 1
    }

    /// `CON_ID` of a container: the seed is the second.
    pub(super) fn container_id(&self, container: u16) -> u16 {
        match container {
            0 => u16::from(self.is_cdb()),
            number => number + 2,
        }
    }
}

impl Engine {
    /// A database with pluggable ones of these names, and so many instances, which has what its journal has.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub(crate) fn with_journal(
        containers: &[String],
        instances: u16,
        journal: Option<&Path>,
    ) -> Result<Self> {
        let mut state = State::new(containers, instances);
        if let Some(path) = journal {
            let mut journal = Journal::open(path, &mut state)?;
            state.recover(&mut journal);
            state.journal = Some(journal);
        }
        Ok(Self::of(state))
    }

    fn of(state: State) -> Self {
        let shared = Shared {
            state: Mutex::new(state),
            ended: Condvar::new(),
            failures: Mutex::default(),
            statements: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared), place: Place::default() }
    }

    /// The same database from another place.
    pub(crate) fn at(&self, place: Place) -> Self {
        Self { shared: Arc::clone(&self.shared), place }
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// The state, for as long as the guard lives.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.enter(self.place);
        state
    }

    /// Waits until no other transaction has an open change of a row.
    pub(crate) fn wait_for_row<'s>(
        &self,
        mut state: MutexGuard<'s, State>,
        table: &TableName,
        row: RowId,
        own: Xid,
    ) -> Result<MutexGuard<'s, State>, OraError> {
        let begun = Instant::now();
        while state.is_locked(table, row, own) {
            if begun.elapsed() > LOCK_WAIT_MAX {
                let text = "deadlock detected while waiting for resource";
                return Err(OraError::new(60, text));
            }
            let waited = self.shared.ended.wait_timeout(state, Duration::from_millis(100));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.enter(self.place);
        }
        Ok(state)
    }

    /// Commits a transaction; the SCN at which it is.
    pub(crate) fn commit(&self, xid: Xid) -> Scn {
        let mut state = self.lock();
        let scn = state.commit(xid);
        drop(state);
        self.shared.ended.notify_all();
        scn
    }

    /// Deletes archived logs up to a sequence.
    pub(crate) fn delete_archived(&self, up_to: u32) {
        self.lock().redo.delete_archived(up_to);
    }

    /// The log writer of an instance writes only what it has to from here on (commits, a full buffer), or again all.
    pub(crate) fn hold_log_writer(&self, instance: u16, is_held: bool) {
        self.lock().redo.hold(instance, is_held);
    }

    /// Ends an instance; what was open in it is rolled back by the first.
    pub(crate) fn close_instance(&self, instance: u16) {
        let containers = self.lock().containers.len();
        for container in 0..u16::try_from(containers).unwrap_or(u16::MAX) {
            let there = self.at(Place { container, instance: 0 });
            let open: Vec<Xid> = {
                let state = there.lock();
                let open = state.transactions.iter().filter(|(_, open)| open.instance == instance);
                open.map(|(xid, _)| *xid).collect()
            };
            open.into_iter().for_each(|xid| there.roll_back(xid, 0));
        }
        let mut state = self.lock();
        let scn = state.advance();
        state.redo.close(instance, scn);
    }

    /// Drops the online logs of an instance that has ended.
    pub(crate) fn drop_thread(&self, instance: u16) {
        self.lock().redo.drop_thread(instance);
    }

    /// Starts an instance again.
    pub(crate) fn open_instance(&self, instance: u16) {
        let mut state = self.lock();
        let scn = state.advance();
        state.redo.open(instance, scn);
    }

    /// Lets a statement that has a part in it fail once, after so many others that have it.
    pub(crate) fn fail(&self, part: &str, pass: usize, code: u32, message: &str) {
        let (part, message) = (part.to_owned(), message.to_owned());
        self.failures().push(OrderedFailure { part, pass, code, message });
    }

    /// Statements that were begun so far.
    pub(crate) fn statements(&self) -> u64 {
        self.shared.statements.load(Ordering::Relaxed)
    }

    /// A statement begins; the failure that was ordered for it.
    pub(super) fn begin_statement(&self, sql: &str) -> Result<(), OraError> {
        self.shared.statements.fetch_add(1, Ordering::Relaxed);
        let mut failures = self.failures();
        let Some(at) = failures.iter().position(|failure| sql.contains(&failure.part)) else {
            return Ok(());
        };
        if failures[at].pass > 0 {
            failures[at].pass -= 1;
            return Ok(());
        }
        let failure = failures.remove(at);
        Err(OraError::new(failure.code, failure.message))
    }

    fn failures(&self) -> MutexGuard<'_, Vec<OrderedFailure>> {
        self.shared.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a transaction back, whole or down to so many changes.
    pub(crate) fn roll_back(&self, xid: Xid, to: usize) {
        let mut state = self.lock();
        state.roll_back(xid, to);
        drop(state);
        self.shared.ended.notify_all();
    }
}

impl State {
    /// The next SCN.
    pub(crate) fn advance(&mut self) -> Scn {
        self.scn += 1;
        self.scn
    }

    /// A number for a new object.
    pub(crate) fn new_object(&mut self) -> u32 {
        self.next_object += 1;
        self.next_object
    }

    /// Writes down what is about to be done.
    fn note(&mut self, step: impl FnOnce() -> Step) {
        let place = Place { container: self.container, instance: self.redo.instance() };
        if let Some(journal) = &mut self.journal {
            journal.note(place, self.scn, step());
        }
    }

    /// Takes back what was open when the server was killed.
    fn recover(&mut self, journal: &mut Journal) {
        for container in 0..u16::try_from(self.containers.len()).unwrap_or(u16::MAX) {
            let place = Place { container, instance: 0 };
            self.enter_at(place, self.scn);
            let mut open: Vec<Xid> = self.transactions.keys().copied().collect();
            open.sort_unstable();
            for xid in open {
                journal.note(place, self.scn, Step::RollBack { xid, to: 0 });
                self.roll_back(xid, 0);
            }
        }
    }

    /// Runs a statement of a user that is no change of rows; `None` if it is another one.
    pub(super) fn define(&mut self, sql: &str, user: &str) -> Option<Result<(), OraError>> {
        self.note(|| Step::Define { sql: sql.to_owned(), user: user.to_owned() });
        // What it does is part of it.
        let journal = self.journal.take();
        // What has no tokens is no definition, and whoever asked says so.
        let statements = sql_token::oracle(sql).unwrap_or_default();
        let defined = statements.first().and_then(|pieces| define::run(sql, pieces, self, user));
        self.journal = journal;
        defined
    }

    /// A row has a place that was given out before.
    pub(super) fn took_row(&mut self, table: &TableName, row: RowId) {
        if let Some(table) = self.tables.get_mut(table) {
            table.took_row(row);
        }
    }

    /// Begins a transaction.
    pub(crate) fn begin(&mut self) -> Xid {
        self.note(|| Step::Begin);
        self.next_transaction += 1;
        let number = self.next_transaction;
        let instance = self.redo.instance();
        let xid = Xid {
            segment: (number % 10 + 1) as u16 + 20 * instance,
            slot: (number / 10 % 34) as u16,
            sequence: number / 340 + 1,
        };
        self.transactions.insert(xid, Transaction { instance, ..Transaction::default() });
        xid
    }

    fn is_locked(&self, table: &TableName, row: RowId, own: Xid) -> bool {
        let versions = self.tables.get(table).and_then(|table| table.rows.get(&row));
        let last = versions.and_then(|versions| versions.last());
        last.is_some_and(|version| matches!(version.since, Since::Open(xid) if xid != own))
    }

    /// Gives a row new values, or none, within a transaction.
    pub(crate) fn put(
        &mut self,
        xid: Xid,
        table: &TableName,
        row: RowId,
        values: Option<Vec<Value>>,
    ) {
        self.note(|| Step::Put { xid, table: table.clone(), row, values: values.clone() });
        let scn = self.advance();
        if let Some(transaction) = self.transactions.get_mut(&xid) {
            if transaction.start_scn.is_none() {
                transaction.start_scn = Some(scn);
                self.redo.push((scn, self.container), xid, scn, What::Start);
            }
            transaction.changes.push((table.clone(), row));
        }
        let Some(found) = self.tables.get_mut(table) else { return };
        let versions = found.rows.entry(row).or_default();
        let before = versions.last().and_then(|version| version.values.clone());
        versions.push(Version { since: Since::Open(xid), values: values.clone() });
        self.log_change(xid, table, row, (before, values), false);
    }

    fn log_change(
        &mut self,
        xid: Xid,
        table: &TableName,
        row: RowId,
        (before, after): (Option<Vec<Value>>, Option<Vec<Value>>),
        is_undo: bool,
    ) {
        let Some(found) = self.tables.get(table) else { return };
        let change = Change {
            table: table.clone(),
            object: found.object_of(row),
            data_object: row.object,
            columns: Arc::clone(&found.columns),
            logged: Arc::clone(&found.logged),
            row,
            before,
            after,
            is_undo,
        };
        let start = self.transactions.get(&xid).and_then(|transaction| transaction.start_scn);
        let at = (self.scn, self.container);
        self.redo.push(at, xid, start.unwrap_or(self.scn), What::Change(change));
    }

    /// Logs a statement that defines a table in another way, in a transaction of its own.
    pub(super) fn log_definition(&mut self, table: TableName, object: u32, sql: &str) {
        let xid = self.begin();
        self.transactions.remove(&xid);
        let start = self.advance();
        let sql = sql.to_owned();
        for what in [What::Start, What::Definition { table, object, sql }, What::Commit] {
            let scn = self.advance();
            self.redo.push((scn, self.container), xid, start, what);
        }
    }

    /// Finds out anew which columns are always logged.
    pub(super) fn relog(&mut self) {
        let supplemental = self.supplemental;
        let others = self.containers.iter_mut().flat_map(|container| container.tables.values_mut());
        for table in self.tables.values_mut().chain(others) {
            table.logged = Arc::new(supplemental.columns(table));
        }
    }

    pub(super) fn commit(&mut self, xid: Xid) -> Scn {
        self.note(|| Step::Commit { xid });
        let scn = self.advance();
        let Some(transaction) = self.transactions.remove(&xid) else { return scn };
        if let Some(start) = transaction.start_scn {
            self.redo.push((scn, self.container), xid, start, What::Commit);
        }
        for (table, row) in transaction.changes {
            let versions = self.tables.get_mut(&table).and_then(|table| table.rows.get_mut(&row));
            let Some(versions) = versions else { continue };
            let Some(last) = versions.pop_if(|version| version.since == Since::Open(xid)) else {
                continue;
            };
            versions.retain(|version| version.since != Since::Open(xid));
            versions.push(Version { since: Since::Scn(scn), values: last.values });
        }
        scn
    }

    /// Takes a transaction back, whole or down to so many changes.
    pub(super) fn roll_back(&mut self, xid: Xid, to: usize) {
        self.note(|| Step::RollBack { xid, to });
        self.take_back(xid, to);
        if to == 0 {
            self.transactions.remove(&xid);
        }
    }

    fn take_back(&mut self, xid: Xid, to: usize) {
        let Some(transaction) = self.transactions.get_mut(&xid) else { return };
        let changes = transaction.changes.split_off(to.min(transaction.changes.len()));
        transaction.savepoints.retain(|(_, changes)| *changes <= to);
        let start = transaction.start_scn;
        for (table, row) in changes.into_iter().rev() {
            self.advance();
            let Some(found) = self.tables.get_mut(&table) else { continue };
            let Some(versions) = found.rows.get_mut(&row) else { continue };
            let Some(undone) = versions.pop_if(|version| version.since == Since::Open(xid)) else {
                continue;
            };
            let back = versions.last().and_then(|version| version.values.clone());
            if versions.is_empty() {
                found.rows.remove(&row);
            }
            self.log_change(xid, &table, row, (undone.values, back), true);
        }
        if let Some(start) = start.filter(|_| to == 0) {
            let scn = self.advance();
            self.redo.push((scn, self.container), xid, start, What::RolledBack);
        }
    }
}
