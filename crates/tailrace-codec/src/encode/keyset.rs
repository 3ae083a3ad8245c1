//! Predicates that bound a chunk by key.
//!
//! MySQL does not use an index for `(a, b) > (x, y)`, so the comparison is written out. The first
//! column's own bound stands alone in front: it is what the optimizer turns into an index range.
//!
//! Seen on MySQL 9.7: a range on the primary key for every type but `SET` (and `ENUM` with more than
//! 256 members) in front, where the index is scanned from its begin.

use std::fmt::Write as _;

use crate::schema::{Column, ColumnType};

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
    let mut parts = columns.iter().zip(key).rev();
    let (column, literal) = parts.next()?;
    let mut predicate = comparison(column, last, literal);
    let mut lead_bound = None;
    for (column, literal) in parts {
        let name = quote_identifier(&column.name);
        let beyond = comparison(column, strict, literal);
        predicate = format!("({beyond} OR ({name} = {literal} AND {predicate}))");
        lead_bound = Some(comparison(column, lead, literal));
    }
    if let Some(lead_bound) = lead_bound {
        let rest = std::mem::replace(&mut predicate, lead_bound);
        let _ = write!(predicate, " AND {rest}");
    }
    Some(predicate)
}

/// Longest list of values that stands for a range of an `ENUM`.
const ENUM_VALUES_MAX: usize = 256;

/// `column operator literal`. MySQL has no index range over an `ENUM`'s numbers, but one over a list
/// of them, so that short enumerations are written out.
fn comparison(column: &Column, operator: &str, literal: &str) -> String {
    let name = quote_identifier(&column.name);
    let plain = || format!("{name} {operator} {literal}");
    let ColumnType::Enum(members) = &column.kind else { return plain() };
    let (Ok(bound), true) = (literal.parse::<usize>(), members.len() <= ENUM_VALUES_MAX) else {
        return plain();
    };
    let wanted = |index: &usize| match operator {
        ">" => *index > bound,
        ">=" => *index >= bound,
        "<" => *index < bound,
        _ => *index <= bound,
    };
    // 0 is the error value, which a column can hold too.
    let values: Vec<String> =
        (0..=members.len()).filter(wanted).map(|index| index.to_string()).collect();
    if values.is_empty() { "FALSE".to_owned() } else { format!("{name} IN ({})", values.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn an_enum_is_written_out() {
        let mut e = column("e");
        let members = ["x", "y", "z"].map(str::to_owned);
        e.kind = ColumnType::Enum(members.as_slice().into());
        let a = column("a");
        let key = ["2".to_owned(), "7".to_owned()];
        assert_eq!(
            keyset_after(&[&e, &a], &key).unwrap(),
            "`e` IN (2,3) AND (`e` IN (3) OR (`e` = 2 AND `a` > 7))"
        );
        assert_eq!(keyset_up_to(&[&e], &key[..1]).unwrap(), "`e` IN (0,1,2)");
        assert_eq!(keyset_after(&[&e], &["3".to_owned()]).unwrap(), "FALSE");
        let many: Vec<String> = (0..300).map(|m| m.to_string()).collect();
        e.kind = ColumnType::Enum(many.into());
        assert_eq!(keyset_after(&[&e], &key[..1]).unwrap(), "`e` > 2");
    }
}
