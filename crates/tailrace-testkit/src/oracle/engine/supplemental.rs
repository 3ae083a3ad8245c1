//! Supplemental logging: which columns' old values are in the log besides those that change.

use super::table::Table;
use crate::sql_token::{Piece, find, follow};

/// What is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Supplemental {
    /// Enough for LogMiner to work.
    pub(super) minimal: bool,
    pub(super) primary_key: bool,
    pub(super) unique: bool,
    pub(super) all: bool,
}

impl Supplemental {
    /// Reads `{ADD | DROP} SUPPLEMENTAL LOG DATA [(ALL | PRIMARY KEY | UNIQUE, …) COLUMNS]`; whether it is that.
    pub(super) fn change(&mut self, pieces: &[Piece], at: usize) -> bool {
        let adds = follow(pieces, at, &["ADD", "SUPPLEMENTAL", "LOG"]);
        if !adds && !follow(pieces, at, &["DROP", "SUPPLEMENTAL", "LOG"]) {
            return false;
        }
        let has = |words: &[&str]| find(pieces, words).is_some_and(|found| found > at);
        let (all, primary, unique) = (has(&["ALL"]), has(&["PRIMARY", "KEY"]), has(&["UNIQUE"]));
        if all {
            self.all = adds;
        }
        if primary {
            self.primary_key = adds;
        }
        if unique {
            self.unique = adds;
        }
        if adds || !(all || primary || unique) {
            self.minimal = adds;
        }
        true
    }

    /// Numbers of the columns of a table that are always logged.
    pub(super) fn columns(self, table: &Table) -> Vec<usize> {
        let own = table.supplemental;
        let mut columns: Vec<usize> = if self.all || own.all {
            (0..table.columns.len()).collect()
        } else {
            let (primary, unique) =
                (self.primary_key || own.primary_key, self.unique || own.unique);
            let keys = table.keys.iter().filter(|key| {
                key.is_primary && primary || key.is_unique && !key.is_primary && unique
            });
            keys.flat_map(|key| key.columns.iter().copied()).collect()
        };
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}
