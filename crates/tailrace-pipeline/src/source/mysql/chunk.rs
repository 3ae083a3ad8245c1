//! SQL of the full phase: boundaries of chunks and the rows between them.
//!
//! Bounds are lists of SQL literals in key order, as the codec writes them.

use tailrace_codec::encode::{
    key_literal, key_order, keyset_after, keyset_up_to, quote_identifier,
};
use tailrace_codec::mysql::{select_expression, select_list};
use tailrace_codec::{Cell, Column, TableSchema};

use crate::error::{Error, ErrorKind, Result};

/// A table's name as SQL takes it.
pub(crate) fn quoted_table(database: &str, table: &str) -> String {
    format!("{}.{}", quote_identifier(database), quote_identifier(table))
}

/// A table as the full phase reads it.
pub(crate) struct ChunkSql<'s> {
    schema: &'s TableSchema,
    /// Ordinals of the key's columns; empty for a table that is read in one piece.
    key: Vec<usize>,
    /// Name of the index that the key belongs to.
    index: String,
}

impl<'s> ChunkSql<'s> {
    pub(crate) fn new(schema: &'s TableSchema, key: Vec<usize>, index: &str) -> Self {
        Self { schema, key, index: index.to_owned() }
    }

    fn key_columns(&self) -> Vec<&'s Column> {
        self.key.iter().filter_map(|i| self.schema.columns.get(*i)).collect()
    }

    fn from(&self) -> String {
        let table = quoted_table(&self.schema.database, &self.schema.table);
        if self.key.is_empty() {
            return table;
        }
        format!("{table} FORCE INDEX ({})", quote_identifier(&self.index))
    }

    /// The `WHERE` clause of a range, and of a condition beside it.
    fn range(
        &self,
        after: Option<&[String]>,
        to: Option<&[String]>,
        filter: Option<&str>,
    ) -> Result<String> {
        let columns = self.key_columns();
        let mut terms = Vec::new();
        let damaged = || {
            Error::new(
                ErrorKind::Checkpoint,
                format!(
                    "a chunk of {} has a bound that does not fit its key",
                    self.schema.full_name()
                ),
            )
        };
        if let Some(after) = after {
            terms.push(keyset_after(&columns, after).ok_or_else(damaged)?);
        }
        if let Some(to) = to {
            terms.push(keyset_up_to(&columns, to).ok_or_else(damaged)?);
        }
        terms.extend(filter.map(str::to_owned));
        Ok(if terms.is_empty() {
            String::new()
        } else {
            format!(" WHERE ({})", terms.join(") AND ("))
        })
    }

    /// The last key of the next chunk: the `rows`-th key behind `after`, no row if fewer are left.
    ///
    /// # Errors
    /// `Checkpoint` if `after` does not fit the key.
    pub(crate) fn boundary(&self, after: Option<&[String]>, rows: u64) -> Result<String> {
        let columns = self.key_columns();
        let select: Vec<String> = columns.iter().map(|c| select_expression(c)).collect();
        Ok(format!(
            "SELECT {} FROM {}{} ORDER BY {} LIMIT 1 OFFSET {}",
            select.join(", "),
            self.from(),
            self.range(after, None, None)?,
            key_order(&columns),
            rows.saturating_sub(1),
        ))
    }

    /// The rows behind `after` up to and with `to`, in key order; with a filter those for which it is true.
    ///
    /// # Errors
    /// `Checkpoint` if a bound does not fit the key.
    pub(crate) fn rows(
        &self,
        after: Option<&[String]>,
        to: Option<&[String]>,
        filter: Option<&str>,
    ) -> Result<String> {
        let order = match self.key_columns() {
            columns if columns.is_empty() => String::new(),
            columns => format!(" ORDER BY {}", key_order(&columns)),
        };
        Ok(format!(
            "SELECT {} FROM {}{}{order}",
            select_list(self.schema),
            self.from(),
            self.range(after, to, filter)?
        ))
    }

    /// The key of a row as literals.
    ///
    /// # Errors
    /// `Decode` if a cell cannot be a key.
    pub(crate) fn literals(&self, cells: &[Cell<'_>]) -> Result<Vec<String>> {
        self.key
            .iter()
            .filter_map(|i| self.schema.columns.get(*i).zip(cells.get(*i)))
            .map(|(column, cell)| self.literal(column, cell))
            .collect()
    }

    /// The key of a boundary row, whose cells are the key's columns only.
    ///
    /// # Errors
    /// `Decode` if a cell cannot be a key.
    pub(crate) fn boundary_literals(&self, cells: &[Cell<'_>]) -> Result<Vec<String>> {
        self.key_columns().into_iter().zip(cells).map(|(c, cell)| self.literal(c, cell)).collect()
    }

    fn literal(&self, column: &Column, cell: &Cell<'_>) -> Result<String> {
        key_literal(cell, column)
            .map_err(|e| Error::new(ErrorKind::Decode, format!("{}: {e}", self.schema.full_name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailrace_codec::ColumnType;

    fn schema() -> TableSchema {
        let column = |name: &str| Column {
            name: name.into(),
            kind: ColumnType::Int { unsigned: false },
            type_name: "int".into(),
            collation: 63,
            nullable: false,
        };
        TableSchema {
            database: "shop".into(),
            table: "a`b".into(),
            columns: vec![column("a"), column("b")],
            primary_key: vec![0],
        }
    }

    #[test]
    fn rows_of_a_chunk_come_in_key_order() {
        let schema = schema();
        let sql = ChunkSql::new(&schema, vec![0], "PRIMARY");
        assert_eq!(
            sql.rows(Some(&["1".into()]), Some(&["9".into()]), None).unwrap(),
            "SELECT `a`, `b` FROM `shop`.`a``b` FORCE INDEX (`PRIMARY`) \
             WHERE (`a` > 1) AND (`a` <= 9) ORDER BY `a`"
        );
    }

    #[test]
    fn a_boundary_is_the_last_row_of_the_chunk() {
        let schema = schema();
        let sql = ChunkSql::new(&schema, vec![0], "PRIMARY");
        assert_eq!(
            sql.boundary(None, 100).unwrap(),
            "SELECT `a` FROM `shop`.`a``b` FORCE INDEX (`PRIMARY`) ORDER BY `a` LIMIT 1 OFFSET 99"
        );
    }

    #[test]
    fn a_table_without_a_key_is_read_in_one_piece() {
        let schema = schema();
        let sql = ChunkSql::new(&schema, Vec::new(), "");
        assert_eq!(sql.rows(None, None, None).unwrap(), "SELECT `a`, `b` FROM `shop`.`a``b`");
    }

    #[test]
    fn a_filter_stands_beside_the_range() {
        let schema = schema();
        let sql = ChunkSql::new(&schema, vec![0], "PRIMARY");
        assert!(
            sql.rows(Some(&["1".into()]), None, Some("(`b` = 2)"))
                .unwrap()
                .ends_with(" WHERE (`a` > 1) AND ((`b` = 2)) ORDER BY `a`")
        );
        let whole = ChunkSql::new(&schema, Vec::new(), "");
        assert!(whole.rows(None, None, Some("x")).unwrap().ends_with("WHERE (x)"));
    }

    #[test]
    fn a_bound_that_does_not_fit_is_refused() {
        let schema = schema();
        let sql = ChunkSql::new(&schema, vec![0], "PRIMARY");
        let bound = ["1".to_owned(), "2".to_owned()];
        assert_eq!(sql.rows(Some(&bound), None, None).unwrap_err().kind(), ErrorKind::Checkpoint);
    }
}
