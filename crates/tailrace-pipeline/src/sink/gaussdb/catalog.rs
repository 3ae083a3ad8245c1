//! What the target's catalog says of a table.

use tailrace_codec::gaussdb::apply::{ApplyColumn, ApplyTable};

use super::connection::Connection;
use super::progress::literal;
use crate::error::{Error, ErrorKind, Result};

/// Reads a table: its columns, how its rows are distributed, and the key by which they are told apart: the primary key, or a
/// unique index none of whose columns can be NULL.
///
/// # Errors
/// `SchemaMismatch` if there is no such table, or no key of it holds the columns by which its rows are distributed.
pub(super) fn table(connection: &mut Connection, schema: &str, name: &str) -> Result<ApplyTable> {
    let oid = connection.text(&format!(
        "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relname = {} AND c.relkind IN ('r', 'p')",
        literal(schema),
        literal(name)
    ))?;
    if oid.is_empty() {
        let text = format!("the target has no table {schema}.{name}");
        return Err(Error::new(ErrorKind::SchemaMismatch, text));
    }
    let rows = connection.rows(&format!(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attnum FROM pg_attribute \
         WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    ))?;
    let mut columns = Vec::new();
    let mut numbers = Vec::new();
    let mut never_null = Vec::new();
    for row in rows {
        let mut cells = row.into_iter().map(Option::unwrap_or_default);
        let mut next = || cells.next().unwrap_or_default();
        columns.push(ApplyColumn { name: next(), sql_type: next() });
        never_null.push(next() == "t");
        numbers.push(next());
    }
    let places = |list: &str| -> Option<Vec<usize>> {
        list.split(' ')
            .filter(|number| !number.is_empty())
            .map(|number| numbers.iter().position(|known| known == number))
            .collect()
    };
    // By hash, range or list; a table that every node has whole has no columns there.
    let distribution =
        connection.text(&format!("SELECT pcattnum FROM pgxc_class WHERE pcrelid = {oid}"))?;
    let distribution = places(&distribution).ok_or_else(|| {
        let text = format!(
            "{schema}.{name} is distributed by the columns number {distribution:?}, which are not in its catalog"
        );
        Error::new(ErrorKind::SchemaMismatch, text)
    })?;
    let keys = connection.rows(&format!(
        "SELECT CASE WHEN indpred IS NULL AND indexprs IS NULL THEN indkey::text END FROM pg_index \
         WHERE indrelid = {oid} AND indisunique ORDER BY indisprimary DESC, indexrelid"
    ))?;
    let has_other_keys = keys.len() > 1;
    // Those of a part of the rows, or of what is calculated, tell no rows apart.
    let keys = keys.into_iter().flatten().flatten();
    let key = keys.filter_map(|list| places(&list)).find(|columns| {
        columns.iter().all(|column| never_null[*column])
            && distribution.iter().all(|column| columns.contains(column))
    });
    let table = ApplyTable::new(schema, name, columns, key.unwrap_or_default(), distribution)
        .map_err(|e| Error::new(ErrorKind::SchemaMismatch, e.to_string()))?;
    Ok(if has_other_keys { table.with_other_keys() } else { table })
}
