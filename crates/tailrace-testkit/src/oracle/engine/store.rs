//! What all sessions share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::redo::{Change, Redo, What};
use super::supplemental::Supplemental;
use super::table::{Scn, Since, Table, Version, Xid};
use crate::oracle::value::{RowId, Value};
use crate::oracle::wire::OraError;

/// Longest wait for a row that another transaction has changed, after which it counts as a deadlock.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(20);

/// Owner and name.
pub(crate) type TableName = (String, String);

/// The database. Cheap to clone; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// A transaction has ended.
    ended: Condvar,
    failures: Mutex<Vec<OrderedFailure>>,
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
    pub(crate) tables: BTreeMap<TableName, Table>,
    pub(crate) transactions: HashMap<Xid, Transaction>,
    pub(super) redo: Redo,
    /// Of the whole database.
    pub(super) supplemental: Supplemental,
    next_object: u32,
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
}

impl Default for State {
    fn default() -> Self {
        let scn = 1_000_000;
        Self {
            scn,
            tables: BTreeMap::new(),
            transactions: HashMap::new(),
            redo: Redo::new(scn),
            supplemental: Supplemental::default(),
            next_object: 70_000,
            next_transaction: 0,
        }
    }
}

impl Engine {
    /// The state, for as long as the guard lives.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Lets a statement that has a part in it fail once, after so many others that have it.
    pub(crate) fn fail(&self, part: &str, pass: usize, code: u32, message: &str) {
        let (part, message) = (part.to_owned(), message.to_owned());
        self.failures().push(OrderedFailure { part, pass, code, message });
    }

    /// The failure that was ordered for this statement.
    pub(super) fn ordered_failure(&self, sql: &str) -> Result<(), OraError> {
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
        if to == 0 {
            state.transactions.remove(&xid);
        }
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

    /// Begins a transaction.
    pub(crate) fn begin(&mut self) -> Xid {
        self.next_transaction += 1;
        let number = self.next_transaction;
        let xid = Xid {
            segment: (number % 10 + 1) as u16,
            slot: (number / 10 % 34) as u16,
            sequence: number / 340 + 1,
        };
        self.transactions.insert(xid, Transaction::default());
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
        let scn = self.advance();
        if let Some(transaction) = self.transactions.get_mut(&xid) {
            if transaction.start_scn.is_none() {
                transaction.start_scn = Some(scn);
                self.redo.push(scn, xid, scn, What::Start);
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
            object: found.object,
            data_object: found.data_object,
            columns: Arc::clone(&found.columns),
            logged: Arc::clone(&found.logged),
            row,
            before,
            after,
            is_undo,
        };
        let start = self.transactions.get(&xid).and_then(|transaction| transaction.start_scn);
        self.redo.push(self.scn, xid, start.unwrap_or(self.scn), What::Change(change));
    }

    /// Logs a statement that defines a table in another way, in a transaction of its own.
    pub(super) fn log_definition(&mut self, table: TableName, object: u32, sql: &str) {
        let xid = self.begin();
        self.transactions.remove(&xid);
        let start = self.advance();
        let sql = sql.to_owned();
        for what in [What::Start, What::Definition { table, object, sql }, What::Commit] {
            let scn = self.advance();
            self.redo.push(scn, xid, start, what);
        }
    }

    /// Finds out anew which columns are always logged.
    pub(super) fn relog(&mut self) {
        let supplemental = self.supplemental;
        for table in self.tables.values_mut() {
            table.logged = Arc::new(supplemental.columns(table));
        }
    }

    fn commit(&mut self, xid: Xid) -> Scn {
        let scn = self.advance();
        let Some(transaction) = self.transactions.remove(&xid) else { return scn };
        if let Some(start) = transaction.start_scn {
            self.redo.push(scn, xid, start, What::Commit);
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

    fn roll_back(&mut self, xid: Xid, to: usize) {
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
            self.redo.push(scn, xid, start, What::RolledBack);
        }
    }
}
