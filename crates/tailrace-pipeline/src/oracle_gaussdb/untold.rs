//! Keys that the log does not tell, where supplemental logging is too low for them (`read_missing_keys`): an update tells the
//! columns that it changes, and the row's key is read from the source by its place.
//!
//! What is read is the row as it was when it was changed, which lacks what the same transaction has done to it before: keys
//! that it has given to rows are remembered. A column of a key that an update does not tell is not changed by it.

use std::collections::HashMap;

use tailrace_codec::gaussdb::apply::{ApplyTable, Change, ChangeKind, Changes, Text};
use tailrace_codec::oracle::{OracleColumn, TableVersion};

use super::TableChoice;
use crate::error::{Error, ErrorKind, Result};
use crate::source::oracle::session::{Session, lost_snapshot};
use crate::source::oracle::snapshot;

/// Rows of one transaction whose keys are remembered.
const ROWS_MAX: usize = 200_000;

/// The columns of a table's key, in its order.
#[derive(Debug, Default)]
pub(super) struct KeyColumns {
    columns: Vec<OracleColumn>,
}

impl KeyColumns {
    /// None if the target's table has no key, or one of other columns than the source's.
    pub(super) fn new(version: &TableVersion, target: &ApplyTable) -> Self {
        let column = |number: &usize| {
            let name = &target.columns().get(*number)?.name;
            version.columns().iter().find(|one| one.name.to_ascii_lowercase() == *name).cloned()
        };
        let columns: Option<Vec<OracleColumn>> = target.key().iter().map(column).collect();
        Self { columns: columns.unwrap_or_default() }
    }
}

/// Keys that the transaction which is being applied has given to rows, by table and place.
#[derive(Debug, Default)]
pub(super) struct GivenKeys {
    rows: HashMap<(u32, String), Vec<String>>,
}

impl GivenKeys {
    /// Another transaction begins.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
    }

    /// Appends a change; one that does not tell its key gets it. `place` is the row\'s table and ROWID, `scn` that of the change.
    ///
    /// # Errors
    /// `Limit` for too many rows; `Decode` for one whose key can be found nowhere; those of the session.
    pub(super) fn append(
        &mut self,
        session: &Session,
        (choice, table, key): (&TableChoice, &ApplyTable, &KeyColumns),
        (change, row_id, scn): (&Change<'_>, &str, u64),
        into: &mut Changes,
    ) -> Result<bool> {
        let place = (change.table, row_id.to_owned());
        let after: Vec<Text<'_>> = change.after().collect();
        let mut before: Vec<Text<'_>> = change.before().collect();
        let found = if change.kind == ChangeKind::Update
            && !tells_key(table, &before)
            && !key.columns.is_empty()
        {
            let known = self.rows.get(&place).cloned();
            known.map_or_else(|| read(session, choice, key, (row_id, scn)), Ok)?
        } else {
            Vec::new()
        };
        for (number, value) in table.key().iter().zip(&found) {
            before[*number] = Text::Text(value);
        }
        if let Some(key) = given(table, change.kind, &before, &after) {
            if self.rows.len() >= ROWS_MAX {
                let text = format!(
                    "{choice}: a transaction gives keys to more than {ROWS_MAX} rows, which read_missing_keys has to remember"
                );
                return Err(Error::new(ErrorKind::Limit, text));
            }
            self.rows.insert(place, key);
        }
        Ok(into.push(change.kind, change.table, before, after))
    }
}

fn tells_key(table: &ApplyTable, row: &[Text<'_>]) -> bool {
    table.key().iter().all(|number| matches!(row.get(*number), Some(Text::Text(_))))
}

/// The key that a change gives to its row.
fn given(
    table: &ApplyTable,
    kind: ChangeKind,
    before: &[Text<'_>],
    after: &[Text<'_>],
) -> Option<Vec<String>> {
    let sets = |number: &usize| matches!(after.get(*number), Some(Text::Text(_)));
    if kind == ChangeKind::Delete || !table.key().iter().any(sets) {
        return None;
    }
    let value = |number: &usize| match (after.get(*number), before.get(*number)) {
        (Some(Text::Text(text)), _) | (_, Some(Text::Text(text))) => Some((*text).to_owned()),
        _ => None,
    };
    table.key().iter().map(value).collect()
}

/// The key of a row as it was at an SCN.
fn read(
    session: &Session,
    choice: &TableChoice,
    key: &KeyColumns,
    (row_id, scn): (&str, u64),
) -> Result<Vec<String>> {
    let place = (choice.owner.as_str(), choice.name.as_str());
    let found = snapshot::row(session, place, &key.columns, (row_id, scn)).map_err(|e| {
        match lost_snapshot(&e) {
            Some(_) => e.context(format!(
                "{choice}: the key of a row cannot be read any more as it was at SCN {scn}; let the source keep its undo for longer \
                 (UNDO_RETENTION), or log keys: ALTER TABLE … ADD SUPPLEMENTAL LOG DATA (PRIMARY KEY) COLUMNS"
            )),
            None => e,
        }
    })?;
    let values: Option<Vec<String>> = found.and_then(|values| values.into_iter().collect());
    values.ok_or_else(|| {
        let text = format!(
            "{choice}: the log does not tell the key of the row {row_id}, and the source had none there at SCN {scn}"
        );
        Error::new(ErrorKind::Decode, text)
    })
}
