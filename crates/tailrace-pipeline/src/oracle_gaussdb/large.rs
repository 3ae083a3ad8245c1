//! Large objects of a transaction's rows: the log tells their locators, and their values are read from the source as they were
//! when the transaction was committed.

use std::collections::BTreeSet;

use tailrace_codec::gaussdb::apply::{ApplyTable, ChangeKind, Changes, Text};
use tailrace_codec::oracle::{OracleColumn, OracleType, TableVersion};

use super::TableChoice;
use crate::error::{Error, ErrorKind, Result};
use crate::source::oracle::session::{Session, lost_snapshot};
use crate::source::oracle::snapshot;

/// Rows of one transaction whose large objects change.
const ROWS_MAX: usize = 200_000;
/// The place of a row that is not told.
const NO_PLACE: &str = "AAAAAAAAAAAAAAAAAA";

/// How a table's large objects are read: its key, or all its columns without one, and its large ones.
#[derive(Debug, Default)]
pub(super) struct LargeColumns {
    columns: Vec<OracleColumn>,
    /// Number of each at the target, and whether it is large.
    targets: Vec<(usize, bool)>,
    width: usize,
}

impl LargeColumns {
    pub(super) fn new(version: &TableVersion, target: &ApplyTable) -> Self {
        let mut large = Self { width: target.columns().len(), ..Self::default() };
        for column in version.columns() {
            let name = column.name.to_ascii_lowercase();
            let Some(number) = target.columns().iter().position(|to| to.name == name) else {
                continue;
            };
            let is_large = matches!(
                column.oracle_type(),
                OracleType::Clob | OracleType::NClob | OracleType::Blob
            );
            if is_large || target.key().is_empty() || target.key().contains(&number) {
                large.columns.push(column.clone());
                large.targets.push((number, is_large));
            }
        }
        large
    }
}

/// The rows of the transaction that is being applied.
#[derive(Debug, Default)]
pub(super) struct LargeRows {
    rows: BTreeSet<(u32, String)>,
}

impl LargeRows {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Notes a row.
    ///
    /// # Errors
    /// `Decode` if its place is not told, `Limit` for too many of them.
    pub(super) fn note(&mut self, table: u32, row_id: &str, choice: &TableChoice) -> Result<()> {
        if row_id.is_empty() || row_id == NO_PLACE {
            let text = format!("{choice}: a large object changes of a row whose ROWID is not told");
            return Err(Error::new(ErrorKind::Decode, text));
        }
        self.rows.insert((table, row_id.to_owned()));
        if self.rows.len() > ROWS_MAX {
            let text = format!("a transaction changes large objects of more than {ROWS_MAX} rows");
            return Err(Error::new(ErrorKind::Limit, text));
        }
        Ok(())
    }

    /// Takes the rows out.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (u32, String)> + use<> {
        std::mem::take(&mut self.rows).into_iter()
    }
}

/// Appends an update of a row's large objects to what they were at an SCN; none if the row was not there then. `false` if it
/// has no room in the buffer.
///
/// # Errors
/// `SourceStatement` if the source does not know any more what they were; those of the session.
pub(super) fn read_back(
    session: &Session,
    choice: &TableChoice,
    large: &LargeColumns,
    (table, row_id, scn): (u32, &str, u64),
    into: &mut Changes,
) -> Result<bool> {
    let place = (choice.owner.as_str(), choice.name.as_str());
    let found = snapshot::row(session, place, &large.columns, (row_id, scn)).map_err(|e| {
        match lost_snapshot(&e) {
            Some(_) => e.context(format!(
                "{choice}: its large objects cannot be read any more as they were at SCN {scn}; let the source keep its undo for longer (UNDO_RETENTION), and begin the job anew"
            )),
            None => e,
        }
    })?;
    let Some(values) = found else { return Ok(true) };
    let mut before = vec![Text::Unknown; large.width];
    let mut after = before.clone();
    for ((number, is_large), value) in large.targets.iter().zip(&values) {
        let text = value.as_deref().map_or(Text::Null, Text::Text);
        if *is_large { after[*number] = text } else { before[*number] = text }
    }
    Ok(into.push(ChangeKind::Update, table, before, after))
}
