//! What all sessions share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
}

/// What is in it.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) scn: Scn,
    pub(crate) tables: BTreeMap<TableName, Table>,
    pub(crate) transactions: HashMap<Xid, Transaction>,
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
}

impl Default for State {
    fn default() -> Self {
        Self {
            scn: 1_000_000,
            tables: BTreeMap::new(),
            transactions: HashMap::new(),
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
        self.advance();
        if let Some(found) = self.tables.get_mut(table) {
            let version = Version { since: Since::Open(xid), values };
            found.rows.entry(row).or_default().push(version);
        }
        if let Some(transaction) = self.transactions.get_mut(&xid) {
            transaction.changes.push((table.clone(), row));
        }
    }

    fn commit(&mut self, xid: Xid) -> Scn {
        let scn = self.advance();
        let Some(transaction) = self.transactions.remove(&xid) else { return scn };
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
        for (table, row) in changes.into_iter().rev() {
            self.advance();
            let Some(table) = self.tables.get_mut(&table) else { continue };
            let Some(versions) = table.rows.get_mut(&row) else { continue };
            versions.pop_if(|version| version.since == Since::Open(xid));
            if versions.is_empty() {
                table.rows.remove(&row);
            }
        }
    }
}
