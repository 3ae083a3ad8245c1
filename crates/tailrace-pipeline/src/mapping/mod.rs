//! How selected objects appear in messages: other names, fewer columns, added ones.

mod added;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tailrace_codec::TableSchema;
pub use tailrace_codec::filter::Filter;

pub(crate) use added::Moment;
pub use added::{ADDED_COLUMNS_MAX, AddedColumn, AddedFault, AddedKind, Operation};
pub(crate) use view::View;

use crate::error::{Error, ErrorKind, Result};
use crate::job::Selection;

/// Tables of a job that may have a filter (DRS's limit).
pub const FILTERED_TABLES_MAX: usize = 500;

/// What differs from the source. Empty: everything appears as it is there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Mappings {
    /// By the database's name at the source.
    pub databases: BTreeMap<String, DatabaseMapping>,
}

/// What differs in one database.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseMapping {
    /// Name in messages.
    pub target: Option<String>,
    /// By the table's name at the source.
    pub tables: BTreeMap<String, TableMapping>,
}

/// What differs in one table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableMapping {
    /// Name of the database in its messages, where it is not that of all others.
    pub database: Option<String>,
    /// Name in messages.
    pub target: Option<String>,
    /// The columns that messages have, by their names at the source; `None`: all, those added later too.
    pub columns: Option<BTreeSet<String>>,
    /// Names of columns in messages by those at the source.
    pub renamed: BTreeMap<String, String>,
    /// The condition of the rows that messages are about, as behind `WHERE`; `None`: all.
    pub filter: Option<String>,
    /// The columns that decide the partition and are the message's key instead of the primary key's, in this order, by their
    /// names at the source; `None`: the primary key's.
    pub partition_columns: Option<Vec<String>>,
    /// Columns that messages have behind those of the source, by their names.
    pub added: BTreeMap<String, AddedColumn>,
}

impl TableMapping {
    /// What is wrong with the columns that are added, if anything: where, what it is, what it may be.
    fn added_fault(&self) -> Option<String> {
        if self.added.len() > ADDED_COLUMNS_MAX {
            let (n, max) = (self.added.len(), ADDED_COLUMNS_MAX);
            return Some(format!("added: {n} columns are added, at most {max} may be"));
        }
        if self.added.contains_key("") {
            return Some("added: a column has no name".to_owned());
        }
        self.added.iter().find_map(|(name, column)| {
            let AddedFault { field, given, allowed } = column.fault()?;
            Some(format!("added.{name}.{field}: it is {given:?}, allowed is {allowed}"))
        })
    }
}

impl Mappings {
    /// Whether everything appears as it is at the source.
    pub fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    fn table(
        &self,
        database: &str,
        table: &str,
    ) -> Option<(&DatabaseMapping, Option<&TableMapping>)> {
        let database = self.databases.get(database)?;
        Some((database, database.tables.get(table)))
    }

    /// Database and table as messages name them; the table may be empty.
    pub fn names<'n>(&'n self, database: &'n str, table: &'n str) -> (&'n str, &'n str) {
        let Some((mapped, of_table)) = self.table(database, table) else {
            return (database, table);
        };
        let own = of_table.and_then(|t| t.database.as_deref());
        (
            own.or(mapped.target.as_deref()).unwrap_or(database),
            of_table.and_then(|t| t.target.as_deref()).unwrap_or(table),
        )
    }

    /// The condition of a table's rows, if it has one.
    pub(crate) fn filter(&self, database: &str, table: &str) -> Option<&str> {
        self.table(database, table)?.1?.filter.as_deref()
    }

    /// How a table version appears.
    ///
    /// # Errors
    /// `SchemaMismatch` if a column that is chosen or renamed does not exist, a part of the primary key is left out, or
    /// two columns get the same name.
    pub(crate) fn view(&self, schema: &Arc<TableSchema>) -> Result<View> {
        let Some((_, of_table)) = self.table(&schema.database, &schema.table) else {
            return Ok(View::of_all(schema));
        };
        let view = match of_table {
            Some(mapping) => View::of_mapping(schema, mapping)?,
            None => View::of_all(schema),
        };
        Ok(view.named(self.names(&schema.database, &schema.table)))
    }

    /// Checks what can be checked without the source.
    ///
    /// # Errors
    /// `Configuration` that names the object.
    pub fn validate(&self, selection: &Selection) -> Result<()> {
        let bad = |text: String| Err(Error::new(ErrorKind::Configuration, text));
        let mut filters = 0;
        for (name, database) in &self.databases {
            let selected = selection.databases.iter().find(|selected| selected.name == *name);
            let Some(selected) = selected else {
                return bad(format!("objects.{name}: it is mapped and not selected"));
            };
            for (table, mapping) in &database.tables {
                let object = format!("objects.{name}.{table}");
                if !selected.tables.iter().flatten().any(|selected| selected == table) {
                    return bad(format!(
                        "{object}: it is mapped and not named among the selected tables"
                    ));
                }
                if mapping.columns.as_ref().is_some_and(BTreeSet::is_empty) {
                    return bad(format!("{object}: no column is chosen"));
                }
                if let Some(Err(e)) = mapping.filter.as_deref().map(Filter::parse) {
                    return bad(format!("{object}: {e}"));
                }
                if mapping.partition_columns.as_ref().is_some_and(Vec::is_empty) {
                    return bad(format!("{object}: partition_columns names no column"));
                }
                if let Some(fault) = mapping.added_fault() {
                    return bad(format!("{object}.{fault}"));
                }
                filters += usize::from(mapping.filter.is_some());
            }
        }
        if filters > FILTERED_TABLES_MAX {
            return bad(format!(
                "objects: {filters} tables have a filter, {FILTERED_TABLES_MAX} may have one"
            ));
        }
        let mut seen = BTreeMap::new();
        for (database, table) in selection.named() {
            let names = self.names(database, table);
            if names.0.is_empty() || (names.1.is_empty() && !table.is_empty()) {
                return bad(format!("objects.{database}.{table}: a name in messages is empty"));
            }
            if let Some(other) = seen.insert(names, (database, table)) {
                return bad(format!(
                    "objects: {}.{} and {database}.{table} both appear as {}.{}",
                    other.0, other.1, names.0, names.1
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
