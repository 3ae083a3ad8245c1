//! The schema history: which columns a table had at which point of the log, kept beside the checkpoint.
//!
//! A log with `binlog_row_metadata=MINIMAL` has no names of columns, no members of ENUM and SET, and no
//! primary keys. They are taken from the catalog once, advanced by the DDL in the log, and written as
//! messages of the same step of progress, so that a job which is started again behind the source's present
//! still reads old rows by their own schema. See `docs/adr/0005`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tailrace_codec::TableSchema;

use crate::error::{Error, ErrorKind, Result};

/// Version of the record's form; a record of a newer version is refused, never guessed at.
pub const HISTORY_VERSION: u16 = 1;
/// Versions of a table that are kept. More than one is needed only by a worker that begins before the
/// newest DDL again (`at_least_once`), so a few would do.
const VERSIONS_MAX: usize = 16;

/// A table from one point of the log on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableVersion {
    /// Id that the version took: messages of its rows have greater ones.
    pub from_id: u64,
    /// Its columns; `None` if the table is gone, or its columns are to be read from the catalog again.
    pub schema: Option<Arc<TableSchema>>,
    /// Its key is a PRIMARY KEY, not a unique index that the server takes for one.
    pub primary: bool,
}

/// The versions of one table, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableHistory {
    /// Form of the record.
    version: u16,
    /// Database.
    pub database: String,
    /// Table.
    pub table: String,
    versions: Vec<TableVersion>,
}

impl TableHistory {
    /// A table of which nothing is known.
    pub fn new(database: &str, table: &str) -> Self {
        Self {
            version: HISTORY_VERSION,
            database: database.to_owned(),
            table: table.to_owned(),
            versions: Vec::new(),
        }
    }

    /// The newest version, if its columns are known.
    pub fn known(&self) -> Option<(&Arc<TableSchema>, bool)> {
        let last = self.versions.last()?;
        last.schema.as_ref().map(|schema| (schema, last.primary))
    }

    /// Adds a version; one with the same id takes the place of the last.
    pub fn push(&mut self, version: TableVersion) {
        if self.versions.last().is_some_and(|last| last.from_id == version.from_id) {
            self.versions.pop();
        }
        if self.versions.len() >= VERSIONS_MAX {
            self.versions.remove(0);
        }
        self.versions.push(version);
    }

    /// Forgets versions that begin at or behind an id; false if none is left.
    pub fn rewind(&mut self, next_id: u64) -> bool {
        self.versions.retain(|version| version.from_id < next_id);
        !self.versions.is_empty()
    }

    /// The record's bytes: JSON, so that an operator can read it with a console consumer.
    ///
    /// # Errors
    /// [`ErrorKind::Bug`]; the types here always serialise.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| {
            Error::new(ErrorKind::Bug, "a schema history cannot be written").caused_by(e)
        })
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`ErrorKind::Checkpoint`] if it is damaged or of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let history: Self = serde_json::from_slice(bytes).map_err(|e| {
            Error::new(ErrorKind::Checkpoint, format!("the schema history cannot be read: {e}"))
        })?;
        if history.version > HISTORY_VERSION {
            return Err(Error::new(
                ErrorKind::Checkpoint,
                format!(
                    "the schema history has version {}, this Tailrace reads up to {HISTORY_VERSION}",
                    history.version
                ),
            ));
        }
        Ok(history)
    }
}

/// Key of a table's record.
pub fn record_key(job_id: &str, database: &str, table: &str) -> Vec<u8> {
    serde_json::json!([job_id, database, table]).to_string().into_bytes()
}

/// What the keys of all records of a job begin with, and no other job's.
pub fn key_prefix(job_id: &str) -> Vec<u8> {
    let mut prefix = serde_json::json!([job_id]).to_string().into_bytes();
    prefix.pop();
    prefix.push(b',');
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(from_id: u64) -> TableVersion {
        let schema = TableSchema {
            database: "shop".into(),
            table: "item".into(),
            columns: Vec::new(),
            primary_key: Vec::new(),
        };
        TableVersion { from_id, schema: Some(Arc::new(schema)), primary: true }
    }

    #[test]
    fn a_record_comes_back_and_a_newer_or_damaged_one_is_refused() {
        let mut history = TableHistory::new("shop", "item");
        history.push(version(3));
        history.push(TableVersion { schema: None, ..version(9) });
        let bytes = history.to_bytes().unwrap();
        assert_eq!(TableHistory::from_bytes(&bytes).unwrap(), history);
        let newer = String::from_utf8(bytes).unwrap().replace("\"version\":1", "\"version\":2");
        let error = TableHistory::from_bytes(newer.as_bytes()).unwrap_err();
        assert!(error.message().contains("version 2"), "{error}");
        assert_eq!(TableHistory::from_bytes(b"{").unwrap_err().kind(), ErrorKind::Checkpoint);
    }

    #[test]
    fn a_table_is_as_it_was_before_an_id() {
        let mut history = TableHistory::new("shop", "item");
        history.push(version(3));
        history.push(TableVersion { schema: None, ..version(9) });
        assert!(history.known().is_none());
        assert!(history.rewind(9) && history.known().is_some());
        assert!(!history.rewind(3));
        for id in 0..40 {
            history.push(version(id));
            history.push(version(id));
        }
        assert_eq!(history.versions.len(), VERSIONS_MAX);
    }

    #[test]
    fn keys_are_one_jobs() {
        let key = record_key("job-1", "a\"b", "c,d");
        assert!(key.starts_with(&key_prefix("job-1")));
        assert!(!key.starts_with(&key_prefix("job-")));
        assert!(!record_key("job-11", "a", "b").starts_with(&key_prefix("job-1")));
    }
}
