//! A part of the log in memory.

use std::collections::BTreeSet;

use tailrace_codec::redo::{RedoRow, Xid};

use super::mining::{Mined, UNKNOWN_OWNER};
use crate::error::{Error, ErrorKind, Result};

/// Most bytes of a window; what has more is read in smaller parts, or row by row.
const WINDOW_BYTES_MAX: usize = 32 << 20;

/// A part of the log, from one SCN to another, both included.
pub(crate) struct Window {
    /// Its first SCN.
    pub(crate) from: u64,
    /// Its last SCN.
    pub(crate) to: u64,
    /// Whose tables' rows it has.
    pub(super) owners: BTreeSet<String>,
    rows: Vec<Kept>,
    pub(super) bytes: usize,
}

/// A row of LogMiner's.
struct Kept {
    owner: String,
    table: String,
    object: u64,
    committed_ms: Option<i64>,
    scn: u64,
    xid: Xid,
    operation: u16,
    row_id: String,
    is_rollback: bool,
    goes_on: bool,
    sql: String,
}

impl Kept {
    fn of(mined: &Mined<'_>) -> Self {
        let row = &mined.row;
        Self {
            owner: mined.owner.to_owned(),
            table: mined.table.to_owned(),
            object: mined.object,
            committed_ms: mined.committed_ms,
            scn: row.scn,
            xid: row.xid,
            operation: row.operation,
            row_id: row.row_id.to_owned(),
            is_rollback: row.is_rollback,
            goes_on: row.goes_on,
            sql: row.sql.to_owned(),
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.owner.len() + self.table.len() + self.row_id.len() + self.sql.len()
    }

    fn mined(&self) -> Mined<'_> {
        Mined {
            owner: &self.owner,
            table: &self.table,
            object: self.object,
            committed_ms: self.committed_ms,
            row: RedoRow {
                scn: self.scn,
                xid: self.xid,
                operation: self.operation,
                table: None,
                row_id: &self.row_id,
                is_rollback: self.is_rollback,
                goes_on: self.goes_on,
                sql: &self.sql,
            },
        }
    }
}

impl Window {
    /// One without rows, for those of the tables of these owners.
    pub(super) fn new((from, to): (u64, u64), owners: BTreeSet<String>) -> Self {
        Self { from, to, owners, rows: Vec::new(), bytes: 0 }
    }

    /// Takes a row that one of the jobs may want: of an owner of its tables, or of none, as ends of transactions are.
    pub(super) fn take(&mut self, mined: &Mined<'_>) -> Result<()> {
        let is_wanted = mined.owner.is_empty()
            || mined.owner == UNKNOWN_OWNER
            || self.owners.contains(mined.owner);
        if is_wanted {
            let row = Kept::of(mined);
            self.bytes += row.bytes();
            self.rows.push(row);
        }
        if self.is_full() {
            return Err(Error::new(ErrorKind::Limit, "a window of the log that is too large"));
        }
        Ok(())
    }

    /// Whether it has more than it may.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > WINDOW_BYTES_MAX
    }

    /// Its rows from an SCN on.
    pub(crate) fn rows_from(&self, from: u64) -> impl Iterator<Item = Mined<'_>> {
        self.rows.iter().filter(move |row| row.scn >= from).map(Kept::mined)
    }
}
