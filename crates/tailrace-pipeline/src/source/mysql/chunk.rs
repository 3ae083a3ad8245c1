//! SQL of the full phase: boundaries of chunks and the rows between them.
//!
//! Bounds are lists of SQL literals in key order. A comparison of several columns is spelled out,
//! because MySQL uses an index range for `a > x OR (a = x AND b > y)` and not for `(a, b) > (x, y)`.

/// A name as SQL takes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A table's name as SQL takes it.
pub(crate) fn quoted_table(database: &str, table: &str) -> String {
    format!("{}.{}", quoted(database), quoted(table))
}

/// `key > bound` (or `key <= bound`), column by column.
fn compare(columns: &[String], bound: &[String], less_or_equal: bool) -> String {
    let last = columns.len().saturating_sub(1);
    let strict = if less_or_equal { "<" } else { ">" };
    let mut terms = Vec::with_capacity(columns.len());
    for (i, (column, value)) in columns.iter().zip(bound).enumerate() {
        let mut term = String::new();
        for (earlier, its_value) in columns.iter().zip(bound).take(i) {
            term.push_str(&format!("{earlier} = {its_value} AND "));
        }
        let operator = if less_or_equal && i == last { "<=" } else { strict };
        terms.push(format!("({term}{column} {operator} {value})"));
    }
    format!("({})", terms.join(" OR "))
}

/// A table as the full phase reads it.
#[derive(Debug, Clone)]
pub(crate) struct ChunkSql {
    /// Quoted table name.
    pub(crate) table: String,
    /// Quoted name of the index that the key belongs to, for `FORCE INDEX`.
    pub(crate) index: String,
    /// Quoted key columns in key order; empty for a table that is read in one piece.
    pub(crate) key: Vec<String>,
    /// What is selected of a row, in column order.
    pub(crate) select: String,
    /// What is selected of a key, in key order.
    pub(crate) select_key: String,
}

impl ChunkSql {
    fn hint(&self) -> String {
        if self.key.is_empty() { String::new() } else { format!(" FORCE INDEX ({})", self.index) }
    }

    fn range(&self, after: Option<&[String]>, to: Option<&[String]>) -> String {
        let mut terms = Vec::new();
        if let Some(after) = after {
            terms.push(compare(&self.key, after, false));
        }
        if let Some(to) = to {
            terms.push(compare(&self.key, to, true));
        }
        if terms.is_empty() { String::new() } else { format!(" WHERE {}", terms.join(" AND ")) }
    }

    /// The last key of the next chunk: the `rows`-th key behind `after`, no row if fewer are left.
    pub(crate) fn boundary(&self, after: Option<&[String]>, rows: u64) -> String {
        format!(
            "SELECT {} FROM {}{}{} ORDER BY {} LIMIT 1 OFFSET {}",
            self.select_key,
            self.table,
            self.hint(),
            self.range(after, None),
            self.key.join(", "),
            rows.saturating_sub(1),
        )
    }

    /// The rows behind `after` up to and with `to`, in key order.
    pub(crate) fn rows(&self, after: Option<&[String]>, to: Option<&[String]>) -> String {
        let order = if self.key.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {}", self.key.join(", "))
        };
        format!(
            "SELECT {} FROM {}{}{}{}",
            self.select,
            self.table,
            self.hint(),
            self.range(after, to),
            order
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(key: &[&str]) -> ChunkSql {
        ChunkSql {
            table: quoted_table("shop", "a`b"),
            index: quoted("PRIMARY"),
            key: key.iter().map(|k| quoted(k)).collect(),
            select: "`a`, `b`".into(),
            select_key: "`a`".into(),
        }
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted_table("shop", "a`b"), "`shop`.`a``b`");
    }

    #[test]
    fn a_single_key_compares_directly() {
        assert_eq!(
            sql(&["a"]).rows(Some(&["1".into()]), Some(&["9".into()])),
            "SELECT `a`, `b` FROM `shop`.`a``b` FORCE INDEX (`PRIMARY`) \
             WHERE ((`a` > 1)) AND ((`a` <= 9)) ORDER BY `a`"
        );
    }

    #[test]
    fn a_composite_key_is_spelled_out() {
        let bound = ["1".to_owned(), "2".to_owned()];
        assert_eq!(
            compare(&["`a`".into(), "`b`".into()], &bound, false),
            "((`a` > 1) OR (`a` = 1 AND `b` > 2))"
        );
        assert_eq!(
            compare(&["`a`".into(), "`b`".into()], &bound, true),
            "((`a` < 1) OR (`a` = 1 AND `b` <= 2))"
        );
    }

    #[test]
    fn a_table_without_a_key_is_read_in_one_piece() {
        assert_eq!(sql(&[]).rows(None, None), "SELECT `a`, `b` FROM `shop`.`a``b`");
    }

    #[test]
    fn a_boundary_skips_to_the_last_row_of_the_chunk() {
        assert_eq!(
            sql(&["a"]).boundary(None, 100),
            "SELECT `a` FROM `shop`.`a``b` FORCE INDEX (`PRIMARY`) ORDER BY `a` LIMIT 1 OFFSET 99"
        );
    }
}
