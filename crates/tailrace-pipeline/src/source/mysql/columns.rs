//! The columns of tables, for people who choose among them.

use crate::error::Result;
use crate::source::mysql::catalog::literal;
use crate::source::mysql::connection::Connection;

/// A table with its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundColumns {
    /// Database; of Oracle the schema.
    pub database: String,
    /// Table.
    pub table: String,
    /// Columns in order; empty if there is no such table, or the account may not see it.
    pub columns: Vec<FoundColumn>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundColumn {
    /// Name.
    pub name: String,
    /// Type, in the words of the source.
    pub type_name: String,
    /// What key it is part of.
    pub key: ColumnKey,
}

/// What key a column is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKey {
    /// Of none.
    None,
    /// Of the primary key.
    Primary,
    /// Of a unique index.
    Unique,
}

/// Columns of these tables, in the order of the tables.
///
/// # Errors
/// Those of the connection.
pub(crate) fn list(
    connection: &mut Connection,
    tables: &[(String, String)],
) -> Result<Vec<FoundColumns>> {
    let found = |(database, table): &(String, String)| FoundColumns {
        database: database.clone(),
        table: table.clone(),
        columns: Vec::new(),
    };
    let mut found: Vec<FoundColumns> = tables.iter().map(found).collect();
    if found.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = tables
        .iter()
        .map(|(database, table)| format!("({}, {})", literal(database), literal(table)))
        .collect();
    let rows = connection.rows(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLUMN_KEY \
         FROM information_schema.COLUMNS WHERE (TABLE_SCHEMA, TABLE_NAME) IN ({}) \
         ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION",
        names.join(", ")
    ))?;
    for row in &rows {
        let (database, table) = (row.text(0)?, row.text(1)?);
        let column = FoundColumn {
            name: row.text(2)?.to_owned(),
            type_name: row.text(3)?.to_owned(),
            key: match row.text(4)? {
                "PRI" => ColumnKey::Primary,
                "UNI" => ColumnKey::Unique,
                _ => ColumnKey::None,
            },
        };
        let of = found.iter_mut().filter(|f| f.database == database && f.table == table);
        of.for_each(|found| found.columns.push(column.clone()));
    }
    Ok(found)
}
