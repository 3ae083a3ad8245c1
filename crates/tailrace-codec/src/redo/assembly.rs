//! From LogMiner's rows, in the order of the redo, to whole transactions, in the order of their commits.
//!
//! `V$LOGMNR_CONTENTS` without `COMMITTED_DATA_ONLY` has the rows of all transactions mixed, of those too that are rolled
//! back later. Which transaction a row belongs to is its XID; what it does, its `OPERATION_CODE`.

use std::collections::HashMap;
use std::fmt;

use super::changes::{Aside, Change, ChangeKind, Changes};
use super::continuation::{Continuation, Joined};
use crate::error::{DecodeError, Result};

/// A transaction's id: undo segment, slot, sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Xid {
    /// `XIDUSN`
    pub segment: u32,
    /// `XIDSLT`
    pub slot: u32,
    /// `XIDSQN`
    pub sequence: u32,
}

impl fmt::Display for Xid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.segment, self.slot, self.sequence)
    }
}

/// A row of `V$LOGMNR_CONTENTS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedoRow<'a> {
    /// `SCN`
    pub scn: u64,
    /// `XIDUSN`, `XIDSLT`, `XIDSQN`
    pub xid: Xid,
    /// `OPERATION_CODE`
    pub operation: u16,
    /// The caller's number of the table; `None` for tables that are not selected.
    pub table: Option<u32>,
    /// `ROW_ID`
    pub row_id: &'a str,
    /// `ROLLBACK`
    pub is_rollback: bool,
    /// `CSF`: the statement goes on in the next row.
    pub goes_on: bool,
    /// `SQL_REDO`
    pub sql: &'a str,
}

/// What a row was the last one of.
#[derive(Debug)]
pub enum Assembled<A> {
    /// Nothing that is to be told yet.
    Nothing,
    /// A transaction is committed; one without changes of selected tables is not told.
    Committed {
        /// Its id.
        xid: Xid,
        /// `SCN` of its commit.
        scn: u64,
        /// `SCN` of its first row.
        begun: u64,
        /// Its begin was met; else it may have rows before the first that was told.
        is_whole: bool,
        /// Its changes.
        changes: Changes<A>,
    },
    /// A transaction is committed that began before the first row that was told: of its changes some may not have been.
    BeganBefore {
        /// Its id.
        xid: Xid,
        /// `SCN` of its commit.
        scn: u64,
    },
    /// A statement that changes a selected table's definition; it commits by itself.
    Definition {
        /// The caller's number of the table.
        table: u32,
        /// `SCN`
        scn: u64,
        /// The statement.
        sql: String,
    },
}

struct Open<A> {
    begun: u64,
    /// Its first row was met. One that began before mining did has ended before whatever is still to be told: where mining
    /// begins is chosen so.
    is_whole: bool,
    /// The table of the large object whose locator was told last.
    located: Option<u32>,
    /// The table of steps whose locator was not told: they belong to the row that is changed next.
    unlocated: Option<u32>,
    changes: Changes<A>,
}

impl<A: Aside> Open<A> {
    fn new(begun: u64, is_whole: bool) -> Self {
        Self { begun, is_whole, located: None, unlocated: None, changes: Changes::new() }
    }
}

/// The open transactions.
pub struct Assembly<A> {
    open: HashMap<Xid, Open<A>>,
    continuation: Continuation,
}

impl<A: Aside> Assembly<A> {
    /// With nothing open; statements have so many bytes at most.
    pub fn new(statement_bytes_max: usize) -> Self {
        Self { open: HashMap::new(), continuation: Continuation::new(statement_bytes_max) }
    }

    /// `SCN` of the oldest row of a transaction that is not committed: mining has to go on there after a restart.
    pub fn oldest_open(&self) -> Option<u64> {
        self.open.values().map(|open| open.begun).min()
    }

    /// The open transactions with the `SCN` at which each begun, for an alarm of those that are open for long.
    pub fn open(&self) -> impl Iterator<Item = (Xid, u64, u64)> {
        self.open.iter().map(|(xid, open)| (*xid, open.begun, open.changes.len()))
    }

    /// Bytes of memory of all open transactions.
    pub fn memory_bytes(&self) -> usize {
        self.open.values().map(|open| open.changes.memory_bytes()).sum()
    }

    /// Puts aside what the transaction with the most memory has; gives the bytes that became free.
    ///
    /// # Errors
    /// Those of the place, which `make` makes.
    pub fn put_largest_aside(
        &mut self,
        make: impl FnOnce() -> Result<A, A::Error>,
    ) -> Result<usize, A::Error> {
        let largest = self.open.values_mut().max_by_key(|open| open.changes.memory_bytes());
        largest.map_or(Ok(0), |open| open.changes.put_aside(make))
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// For rows that say that something is missing or not told, for partial rollbacks of what was not changed, and those
    /// of the place where changes are put aside.
    pub fn push(&mut self, row: &RedoRow<'_>) -> Result<Assembled<A>, A::Error> {
        match row.operation {
            6 => {
                self.open.entry(row.xid).or_insert_with(|| Open::new(row.scn, true));
                Ok(Assembled::Nothing)
            }
            7 => self.commit(row),
            36 => {
                self.open.remove(&row.xid);
                Ok(Assembled::Nothing)
            }
            34 => Err(refused(row, "MISSING_SCN: a part of the redo is not there").into()),
            _ if row.table.is_none() => {
                // Also a row of many: the others have no table either.
                Ok(Assembled::Nothing)
            }
            5 => self.definition(row),
            1 => self.change(row, ChangeKind::Insert),
            2 => self.change(row, ChangeKind::Delete),
            3 => self.change(row, ChangeKind::Update),
            9 => self.change(row, ChangeKind::Lob),
            10 | 11 | 29 => Ok(self.lob_step(row)),
            // INTERNAL, SELECT_FOR_UPDATE, REPLICATION_MARKER: no change of a row's values.
            0 | 25 | 27 => Ok(Assembled::Nothing),
            68 | 70 | 71 => Err(refused(row, "XML DOC: a change inside an XMLTYPE column").into()),
            91..=93 => Err(refused(row, EXTENDED_STRING).into()),
            255 => Err(refused(row, "UNSUPPORTED: LogMiner does not tell this change").into()),
            _ => Err(refused(row, "an operation that is not known").into()),
        }
    }

    fn commit(&mut self, row: &RedoRow<'_>) -> Result<Assembled<A>, A::Error> {
        let (xid, scn) = (row.xid, row.scn);
        let Some(open) = self.open.remove(&xid) else {
            return Ok(Assembled::BeganBefore { xid, scn });
        };
        if open.unlocated.is_some() {
            return Err(refused(row, "a step on a large object whose row was not told").into());
        }
        match (open.changes.is_empty(), open.is_whole) {
            (true, true) => Ok(Assembled::Nothing),
            (true, false) => Ok(Assembled::BeganBefore { xid, scn }),
            (false, is_whole) => {
                let Open { begun, changes, .. } = open;
                Ok(Assembled::Committed { xid, scn, begun, is_whole, changes })
            }
        }
    }

    fn change(&mut self, row: &RedoRow<'_>, kind: ChangeKind) -> Result<Assembled<A>, A::Error> {
        let Some(table) = row.table else { return Ok(Assembled::Nothing) };
        let Joined::Whole(sql) = self.continuation.push(row.sql, row.goes_on)? else {
            return Ok(Assembled::Nothing);
        };
        let change = Change { kind, table, scn: row.scn, row_id: row.row_id, sql };
        // Its first row may be in redo that is older than where mining began: any row begins a transaction.
        let open = self.open.entry(row.xid).or_insert_with(|| Open::new(row.scn, false));
        if kind == ChangeKind::Lob {
            open.located = Some(table);
            // What was in a large object is no part of what is told of it: there is nothing to take back.
            if row.is_rollback {
                return Ok(Assembled::Nothing);
            }
        }
        if row.is_rollback && !open.is_whole {
            // What it takes back may be older than where mining began.
            open.changes.take_back_if_there(change)?;
        } else if row.is_rollback {
            open.changes.take_back(change)?;
        } else {
            open.changes.push(change)?;
            let is_written = matches!(kind, ChangeKind::Insert | ChangeKind::Update);
            if is_written && open.unlocated.take_if(|of| *of == table).is_some() {
                // What was written before is this row's.
                let large = Change { kind: ChangeKind::Lob, sql: "", ..change };
                open.changes.push(large)?;
            }
        }
        Ok(Assembled::Nothing)
    }

    /// A step on a large object: what it holds at last is read from the source, by the row that its locator tells. One that is
    /// never stored in its row may be written before the row, without a locator.
    fn lob_step(&mut self, row: &RedoRow<'_>) -> Assembled<A> {
        if let Some(open) = self.open.get_mut(&row.xid)
            && open.is_whole
            && open.located != row.table
            && !row.is_rollback
        {
            open.unlocated = row.table;
        }
        Assembled::Nothing
    }

    fn definition(&mut self, row: &RedoRow<'_>) -> Result<Assembled<A>, A::Error> {
        let Some(table) = row.table else { return Ok(Assembled::Nothing) };
        Ok(match self.continuation.push(row.sql, row.goes_on)? {
            Joined::Open => Assembled::Nothing,
            Joined::Whole(sql) => {
                Assembled::Definition { table, scn: row.scn, sql: sql.to_owned() }
            }
        })
    }
}

/// Such a value is stored as a large object, and its column is left out of the row's own statement.
const EXTENDED_STRING: &str = "EXTENDED_STRING: a VARCHAR2, NVARCHAR2 or RAW value of more than 4000 bytes is told apart from \
                               its row (MAX_STRING_SIZE = EXTENDED), which is not read yet: leave the table out, or copy it by a full task";

fn refused(row: &RedoRow<'_>, why: &str) -> DecodeError {
    let reason =
        format!("SCN {}, transaction {}, operation {}: {why}", row.scn, row.xid, row.operation);
    DecodeError::new("LogMiner row", 0, reason)
}
