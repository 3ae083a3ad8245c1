//! The keys that changed while the full phase opened its read views.
//!
//! See `docs/adr/0001`: a row whose key is here was delivered by the stream already, at least as new as
//! any view can show it, so the full phase leaves it out.

use std::collections::{BTreeMap, HashSet};

use foldhash::fast::RandomState;
use tailrace_codec::encode::{EncodeError, Format, RowEncoder};
use tailrace_codec::position::{ExecutedGtids, FileOffset, GtidSet, SourceGtid};
use tailrace_codec::{Cell, TableSchema};

use crate::error::{Error, ErrorKind, Result};
use crate::source::mysql::catalog::SelectedTable;

type Keys = HashSet<Box<[u8]>, RandomState>;

/// What is watched of one table.
enum Watched {
    /// Keys by the columns named here.
    Keyed { columns: Vec<String>, keys: Keys },
    /// The table has no key: only whether it changed.
    Keyless { changed: bool },
}

/// `L`: what every view of a pass shows.
#[derive(Debug, Clone)]
pub(crate) enum Visible {
    /// All that is committed: the views were opened under a lock, and nothing is to be remembered.
    All,
    /// These transactions.
    Gtids(GtidSet),
    /// What lies before this place of the log.
    Until(FileOffset),
}

/// How far the stream has read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    /// What is executed behind the last whole transaction, where the source has GTIDs.
    pub(crate) gtids: Option<ExecutedGtids>,
    /// File and offset behind it.
    pub(crate) place: (String, u64),
}

impl Read {
    /// Whether all of it is in views that show so much.
    ///
    /// # Errors
    /// `Decode` for a place that is none.
    pub(crate) fn is_shown_by(&self, visible: &Visible) -> Result<bool> {
        match (visible, &self.gtids) {
            (Visible::All, _) => Ok(true),
            (Visible::Gtids(shown), Some(ExecutedGtids::MySql(read))) => {
                Ok(shown.contains_set(read))
            }
            (Visible::Gtids(_), _) => Ok(false),
            (Visible::Until(end), _) => {
                let read = FileOffset::new(self.place.0.clone(), self.place.1)
                    .map_err(|e| Error::new(ErrorKind::Decode, e.to_string()))?;
                Ok(read <= *end)
            }
        }
    }
}

/// Changes in `(L, H]` of the tables that are still to be read.
pub(crate) struct Window {
    /// `L`
    visible: Visible,
    tables: BTreeMap<(String, String), Watched>,
    keys: usize,
    keys_max: usize,
    overflowed: bool,
    /// A selected table's definition changed.
    definition_changed: bool,
}

impl Window {
    pub(crate) fn new(visible: Visible, keys_max: usize) -> Self {
        Self {
            visible,
            tables: BTreeMap::new(),
            keys: 0,
            keys_max,
            overflowed: false,
            definition_changed: false,
        }
    }

    /// Changes of one table from now on, whatever a view shows; by its key columns, none means by the whole table.
    pub(crate) fn from_now_on(table: &SelectedTable, keys_max: usize) -> Self {
        let mut window = Self::new(Visible::Gtids(GtidSet::default()), keys_max);
        let key = table.chunk_key().map(|key| key.columns.as_slice());
        window.watch(&table.database, &table.table, key);
        window
    }

    /// Watches a table by its key columns; none means by the whole table.
    pub(crate) fn watch(&mut self, database: &str, table: &str, key: Option<&[String]>) {
        let watched = match key {
            Some(columns) => Watched::Keyed { columns: columns.to_vec(), keys: Keys::default() },
            None => Watched::Keyless { changed: false },
        };
        self.tables.insert((database.to_owned(), table.to_owned()), watched);
    }

    /// Whether changes of a transaction are to be remembered. `begin` is its file and offset.
    pub(crate) fn covers(&self, gtid: Option<&SourceGtid>, begin: (&str, u64)) -> bool {
        match (&self.visible, gtid) {
            (Visible::All, _) => false,
            (Visible::Gtids(visible), Some(SourceGtid::MySql(gtid))) => !visible.contains(gtid),
            (Visible::Gtids(_), _) => true,
            (Visible::Until(end), _) => {
                FileOffset::new(begin.0, begin.1).map_or(true, |begin| begin >= *end)
            }
        }
    }

    /// Notes that a selected table's definition changed.
    pub(crate) fn definition_changed(&mut self) {
        self.definition_changed = true;
    }

    /// Compiles what to remember of a table version; `None` if the table is not watched.
    ///
    /// # Errors
    /// `SchemaMismatch` if a key column is missing in this version.
    pub(crate) fn key_encoder(&self, schema: &TableSchema) -> Result<Option<RowEncoder>> {
        let name = (schema.database.clone(), schema.table.clone());
        let Some(Watched::Keyed { columns, .. }) = self.tables.get(&name) else {
            return Ok(None);
        };
        chunk_key_encoder(schema, columns).map(Some)
    }

    /// Remembers the key of a changed row.
    ///
    /// # Errors
    /// `Decode` if the key cannot be written as text.
    pub(crate) fn remember(
        &mut self,
        schema: &TableSchema,
        encoder: Option<&RowEncoder>,
        row: &[Cell<'_>],
    ) -> Result<()> {
        let name = (schema.database.clone(), schema.table.clone());
        match (self.tables.get_mut(&name), encoder) {
            (Some(Watched::Keyed { keys, .. }), Some(encoder)) => {
                if self.keys >= self.keys_max {
                    self.overflowed = true;
                    return Ok(());
                }
                let mut key = Vec::new();
                encoder.encode_key(&mut key, row).map_err(|e| unencodable(&e))?;
                if keys.insert(key.into_boxed_slice()) {
                    self.keys += 1;
                }
            }
            (Some(Watched::Keyless { changed }), _) => *changed = true,
            _ => {}
        }
        Ok(())
    }

    /// Whether the views can be used: nothing was lost and no table without a key changed.
    pub(crate) fn is_usable(&self) -> bool {
        let keyless_changed =
            self.tables.values().any(|t| matches!(t, Watched::Keyless { changed: true }));
        !self.overflowed && !self.definition_changed && !keyless_changed
    }

    /// Whether a row is left out because the stream has delivered its key.
    pub(crate) fn contains(&self, database: &str, table: &str, key: &[u8]) -> bool {
        if self.keys == 0 {
            return false;
        }
        let name = (database.to_owned(), table.to_owned());
        matches!(self.tables.get(&name), Some(Watched::Keyed { keys, .. }) if keys.contains(key))
    }

    /// Whether any key of a table is remembered.
    pub(crate) fn has_keys(&self, database: &str, table: &str) -> bool {
        let name = (database.to_owned(), table.to_owned());
        matches!(self.tables.get(&name), Some(Watched::Keyed { keys, .. }) if !keys.is_empty())
    }
}

fn unencodable(e: &EncodeError) -> Error {
    Error::new(ErrorKind::Decode, e.to_string())
}

/// An encoder whose keys are those that chunks go by. Stream and full phase compare keys by these bytes.
///
/// # Errors
/// `SchemaMismatch` if a key column is missing in this version.
pub(crate) fn chunk_key_encoder(schema: &TableSchema, columns: &[String]) -> Result<RowEncoder> {
    let keyed = TableSchema { primary_key: key_ordinals(schema, columns)?, ..schema.clone() };
    RowEncoder::compile(&keyed, Format::Json)
        .map_err(|e| Error::new(ErrorKind::SchemaMismatch, e.to_string()))
}

/// Ordinals of named columns.
///
/// # Errors
/// `SchemaMismatch` that names the missing column.
pub(crate) fn key_ordinals(schema: &TableSchema, columns: &[String]) -> Result<Vec<usize>> {
    columns
        .iter()
        .map(|name| {
            schema.columns.iter().position(|c| c.name == *name).ok_or_else(|| {
                Error::new(
                    ErrorKind::SchemaMismatch,
                    format!("{} has no column {name} any more", schema.full_name()),
                )
            })
        })
        .collect()
}
