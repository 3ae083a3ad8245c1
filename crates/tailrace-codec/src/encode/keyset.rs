//! Predicates that bound a chunk by key.
//!
//! MySQL does not use an index for `(a, b) > (x, y)`, so the comparison is written out. The first
//! column's own bound stands alone in front: it is what the optimizer turns into an index range.

use std::fmt::Write as _;

use crate::schema::Column;

/// A name in backticks.
pub fn quote_identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The `ORDER BY` list of a key: `` `a`, `b` ``.
pub fn key_order(columns: &[&Column]) -> String {
    columns.iter().map(|c| quote_identifier(&c.name)).collect::<Vec<_>>().join(", ")
}

/// Rows whose key is after `key` (exclusive). `None` if the numbers of columns and literals differ
/// or are zero.
pub fn keyset_after(columns: &[&Column], key: &[String]) -> Option<String> {
    bound(columns, key, ">", ">", ">=")
}

/// Rows whose key is up to `key` (inclusive). `None` as for [`keyset_after`].
pub fn keyset_up_to(columns: &[&Column], key: &[String]) -> Option<String> {
    bound(columns, key, "<", "<=", "<=")
}

/// `strict` compares all columns but the last, `last` the last one, `lead` is the bound on the first.
fn bound(
    columns: &[&Column],
    key: &[String],
    strict: &str,
    last: &str,
    lead: &str,
) -> Option<String> {
    if columns.len() != key.len() {
        return None;
    }
    let mut parts = columns.iter().map(|c| quote_identifier(&c.name)).zip(key).rev();
    let (name, literal) = parts.next()?;
    let mut predicate = format!("{name} {last} {literal}");
    let mut lead_bound = None;
    for (name, literal) in parts {
        predicate = format!("({name} {strict} {literal} OR ({name} = {literal} AND {predicate}))");
        lead_bound = Some(format!("{name} {lead} {literal}"));
    }
    if let Some(lead_bound) = lead_bound {
        let rest = std::mem::replace(&mut predicate, lead_bound);
        let _ = write!(predicate, " AND {rest}");
    }
    Some(predicate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::ColumnType;

    fn column(name: &str) -> Column {
        Column {
            name: name.into(),
            kind: ColumnType::Int { unsigned: false },
            type_name: "int".into(),
            collation: 63,
            nullable: false,
        }
    }

    #[test]
    fn predicates() {
        let (a, b, c) = (column("a"), column("b`"), column("c"));
        let key = ["1".to_owned(), "2".to_owned(), "3".to_owned()];
        assert_eq!(keyset_after(&[&a], &key[..1]).unwrap(), "`a` > 1");
        assert_eq!(keyset_up_to(&[&a], &key[..1]).unwrap(), "`a` <= 1");
        assert_eq!(
            keyset_after(&[&a, &b], &key[..2]).unwrap(),
            "`a` >= 1 AND (`a` > 1 OR (`a` = 1 AND `b``` > 2))"
        );
        assert_eq!(
            keyset_up_to(&[&a, &b, &c], &key).unwrap(),
            "`a` <= 1 AND (`a` < 1 OR (`a` = 1 AND (`b``` < 2 OR (`b``` = 2 AND `c` <= 3))))"
        );
        assert_eq!(keyset_after(&[&a], &key), None);
        assert_eq!(keyset_after(&[], &[]), None);
        assert_eq!(key_order(&[&a, &b]), "`a`, `b```");
    }
}
