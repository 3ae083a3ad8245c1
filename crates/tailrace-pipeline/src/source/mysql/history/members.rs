//! Members of `ENUM` and `SET` that the catalog cannot print.
//!
//! The catalog is kept in `utf8mb3`: it prints `?` for every character beyond the basic plane. The log
//! of such a server has numbers only, so a wrong text would be delivered for them.

use std::sync::Arc;

use tailrace_codec::charset::charset_of;
use tailrace_codec::encode::quote_identifier;
use tailrace_codec::{Column, ColumnType, TableSchema};

use crate::error::{Error, ErrorKind, Result};
use crate::source::mysql::chunk::quoted_table;
use crate::source::mysql::connection::Connection;

/// Character sets with characters beyond the basic plane.
const BEYOND_BASIC_PLANE: [&str; 5] = ["utf8mb4", "utf16", "utf16le", "utf32", "gb18030"];

/// Takes the text of doubtful members from rows that have them.
///
/// # Errors
/// `SchemaMismatch` if no row has one, and those of the connection.
pub(super) fn resolve(connection: &mut Connection, schema: &mut TableSchema) -> Result<()> {
    let table = quoted_table(&schema.database, &schema.table);
    let full_name = format!("{}.{}", schema.database, schema.table);
    for column in &mut schema.columns {
        if !charset_of(column.collation).is_some_and(|name| BEYOND_BASIC_PLANE.contains(&name)) {
            continue;
        }
        let (members, is_set) = match &column.kind {
            ColumnType::Enum(members) => (members, false),
            ColumnType::Set(members) => (members, true),
            _ => continue,
        };
        let mut texts = members.to_vec();
        for (at, text) in texts.iter_mut().enumerate().filter(|(_, text)| text.contains('?')) {
            // An ENUM counts from 1, a SET has a bit for each.
            let number = if is_set { 1_u64 << at } else { at as u64 + 1 };
            let name = quote_identifier(&column.name);
            let rows = connection
                .rows(&format!("SELECT {name} FROM {table} WHERE {name} = {number} LIMIT 1"))?;
            match rows.first() {
                Some(row) => row.text(0)?.clone_into(text),
                None => return Err(unknown(&full_name, column, at + 1, text)),
            }
        }
        let texts: Arc<[String]> = texts.into();
        column.kind = if is_set { ColumnType::Set(texts) } else { ColumnType::Enum(texts) };
    }
    Ok(())
}

fn unknown(table: &str, column: &Column, number: usize, text: &str) -> Error {
    Error::new(
        ErrorKind::SchemaMismatch,
        format!(
            "member {number} of {} {table}.{} is not known: the catalog prints \"{text}\", in which a ? may stand for a \
             character of four bytes, the log does not name members (binlog_row_metadata is not FULL), and no row has it \
             alone; SET GLOBAL binlog_row_metadata = 'FULL', or write a row with it",
            column.type_name, column.name
        ),
    )
}
