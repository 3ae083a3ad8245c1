//! How far a job is, as the target's progress row has it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::source::oracle::snapshot::RowIdRange;

/// A transaction's id: segment, slot, sequence.
pub(super) type XidParts = (u32, u32, u32);

/// How far a table's copy is, as the target keeps it beside the table's version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableCopy {
    /// SCN of a table that could not be read at the one of all others: commits up to there are in its rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) own_scn: Option<u64>,
    /// Key of the last row that is at the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Vec<String>>,
    /// Of a table that is read in ranges of its rows' places, by several readers at a time: those whose rows are still to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ranges: Option<Vec<RowIdRange>>,
    /// Rows that are there.
    pub(super) rows: u64,
    /// All are.
    pub(super) is_done: bool,
}

impl TableCopy {
    /// Reads it; nothing is copied where nothing is kept.
    ///
    /// # Errors
    /// `Checkpoint` if it is damaged.
    pub(super) fn parse(text: Option<&str>) -> Result<Self> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(Self::default()) };
        serde_json::from_str(text).map_err(|e| {
            let text = format!("how far a table's copy is cannot be read at the target: {e}");
            Error::new(ErrorKind::Checkpoint, text)
        })
    }

    /// As the target keeps it.
    pub(super) fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::new(ErrorKind::Bug, e.to_string()))
    }
}

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// SCN at which the tables are read.
    pub(super) snapshot_scn: u64,
    /// All tables and their indexes are there.
    pub(super) is_copied: bool,
    /// SCN from which the log has to be read after a restart: no transaction that is still to be applied began before.
    pub(super) mine_from: u64,
    /// SCN of the last commit that was applied. Commits up to it are not applied again, …
    pub(super) committed_scn: u64,
    /// … and of those at this very SCN not the ones of these transactions.
    pub(super) committed: Vec<XidParts>,
}

impl Position {
    /// Reads it.
    ///
    /// # Errors
    /// `Checkpoint` if it is damaged.
    pub(super) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| {
            let text = format!("the progress record at the target cannot be read: {e}");
            Error::new(ErrorKind::Checkpoint, text)
        })
    }

    /// As the target keeps it.
    pub(super) fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::new(ErrorKind::Bug, e.to_string()))
    }

    /// Whether a transaction is in what was applied.
    pub(super) fn has(&self, scn: u64, xid: XidParts) -> bool {
        scn < self.committed_scn || scn == self.committed_scn && self.committed.contains(&xid)
    }

    /// Takes a commit in that is applied.
    pub(super) fn applied(&mut self, scn: u64, xid: XidParts) {
        if scn > self.committed_scn {
            self.committed.clear();
            self.committed_scn = scn;
        }
        self.committed.push(xid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_at_the_same_scn_are_told_apart() {
        let mut position = Position { committed_scn: 10, ..Position::default() };
        assert!(position.has(9, (1, 1, 1)));
        assert!(!position.has(10, (1, 1, 1)));
        position.applied(11, (1, 1, 1));
        position.applied(11, (2, 2, 2));
        assert!(
            position.has(11, (1, 1, 1))
                && position.has(11, (2, 2, 2))
                && position.has(10, (9, 9, 9))
        );
        assert!(!position.has(11, (3, 3, 3)) && !position.has(12, (1, 1, 1)));
        let again = Position::parse(&position.text().unwrap()).unwrap();
        assert_eq!(again, position);
        assert_eq!(Position::parse("{").unwrap_err().kind(), ErrorKind::Checkpoint);
    }
}
