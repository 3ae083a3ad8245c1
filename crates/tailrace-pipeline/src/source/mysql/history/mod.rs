//! The columns of tables at the place where the stream stands, where the log does not name them, or (MariaDB)
//! not all their types.

mod advance;
mod learn;
mod members;

use std::collections::BTreeMap;
use std::sync::Arc;

use tailrace_codec::TableSchema;

use crate::error::Result;
use crate::schema_history::{TableHistory, TableVersion};
use crate::sink::HistoryRecord;

pub(crate) use self::learn::{Change, Learned, learn};

/// Database and table.
pub(crate) type Name = (String, String);

/// What is known of the selected tables. Empty where the log tells all of it.
#[derive(Default)]
pub(crate) struct SchemaHistory {
    tables: BTreeMap<Name, TableHistory>,
}

impl SchemaHistory {
    /// The history as it was when `next_id` was the next message id.
    ///
    /// # Errors
    /// `Checkpoint` if a record cannot be read.
    pub(crate) fn restore(records: &[HistoryRecord], next_id: u64) -> Result<Self> {
        let mut history = Self::default();
        for record in records {
            let table = TableHistory::from_bytes(&record.value)?;
            history.tables.insert((table.database.clone(), table.table.clone()), table);
        }
        history.rewind(next_id);
        Ok(history)
    }

    /// Forgets what was learned at or behind a message id.
    pub(crate) fn rewind(&mut self, next_id: u64) {
        self.tables.retain(|_, table| table.rewind(next_id));
    }

    /// Whether nothing is known of any table.
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// The columns of a table.
    pub(crate) fn schema(&self, database: &str, table: &str) -> Option<&Arc<TableSchema>> {
        self.known(&(database.to_owned(), table.to_owned())).map(|(schema, _)| schema)
    }

    /// Takes in what the catalog says.
    pub(crate) fn learned(&mut self, table: Learned, id: u64) {
        self.set(&table.name, id, Some(Arc::new(table.schema)), table.primary);
    }

    /// The record of a table.
    pub(crate) fn record(&self, name: &Name) -> Option<&TableHistory> {
        self.tables.get(name)
    }

    fn known(&self, name: &Name) -> Option<(&Arc<TableSchema>, bool)> {
        self.tables.get(name).and_then(TableHistory::known)
    }

    fn set(&mut self, name: &Name, id: u64, schema: Option<Arc<TableSchema>>, primary: bool) {
        self.tables
            .entry(name.clone())
            .or_insert_with(|| TableHistory::new(&name.0, &name.1))
            .push(TableVersion { from_id: id, schema, primary });
    }
}
