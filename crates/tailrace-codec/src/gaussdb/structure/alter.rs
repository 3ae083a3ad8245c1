//! Changes of a table's definition as statements for its table at the target.

use super::column_type::{Fault, target_type};
use super::names::fold;
use super::table::{plain_default, quoted};
use crate::oracle::definition::{ColumnChange, TableChange};
use crate::oracle::{DatabaseCharset, OracleColumn};

/// The statements that do a change at the target, for the table `full`, its name in quotes. None for what the target's table
/// does not have.
///
/// # Errors
/// For what has no counterpart: types, names, and defaults that are expressions, as the rows that are there get values by them
/// which the log does not tell.
pub fn alterations(
    full: &str,
    change: &TableChange,
    charset: DatabaseCharset,
) -> Result<Vec<String>, Vec<Fault>> {
    let alter = |what: String| format!("ALTER TABLE {full} {what}");
    match change {
        TableChange::Add(columns) => {
            let visible = columns.iter().filter(|column| !column.is_virtual && !column.is_hidden);
            each(visible, |column| Ok(vec![alter(added(column, charset)?)]))
        }
        TableChange::Modify(columns) => each(columns.iter(), |column| {
            Ok(modified(column, charset)?.into_iter().map(alter).collect())
        }),
        TableChange::Drop(names) | TableChange::SetUnused(names) => each(names.iter(), |name| {
            Ok(vec![alter(format!("DROP COLUMN {}", quoted(&fold(name)?)))])
        }),
        TableChange::Rename { from, to } => {
            let names = fold(from).and_then(|from| Ok((from, fold(to)?)));
            let (from, to) = names.map_err(|fault| vec![fault])?;
            // Names that differ by case only are one there.
            if from == to {
                return Ok(Vec::new());
            }
            Ok(vec![alter(format!("RENAME COLUMN {} TO {}", quoted(&from), quoted(&to)))])
        }
        TableChange::Truncate => Ok(vec![format!("TRUNCATE TABLE {full}")]),
        TableChange::DropUnused | TableChange::Passed(_) => Ok(Vec::new()),
    }
}

/// All statements, or all faults.
fn each<'i, T: 'i>(
    items: impl Iterator<Item = &'i T>,
    statements: impl Fn(&T) -> Result<Vec<String>, Fault>,
) -> Result<Vec<String>, Vec<Fault>> {
    let (mut all, mut faults) = (Vec::new(), Vec::new());
    for item in items {
        match statements(item) {
            Ok(statements) => all.extend(statements),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

fn added(column: &OracleColumn, charset: DatabaseCharset) -> Result<String, Fault> {
    let name = quoted(&fold(&column.name)?);
    let mut clause = format!("ADD COLUMN {name} {}", target_type(column, charset)?.sql);
    match column.default.as_deref().map(|default| (default, plain_default(default))) {
        None => {}
        Some((default, _)) if default.trim().eq_ignore_ascii_case("NULL") => {}
        Some((_, Some(plain))) => clause.push_str(&format!(" DEFAULT {plain}")),
        Some((default, None)) => {
            let reason = format!(
                "its default {default:?} is an expression, by which the rows that are there get values that the log does not tell"
            );
            return Err(Fault { name: column.name.clone(), reason });
        }
    }
    if !column.nullable {
        clause.push_str(" NOT NULL");
    }
    Ok(clause)
}

fn modified(change: &ColumnChange, charset: DatabaseCharset) -> Result<Vec<String>, Fault> {
    let name = quoted(&fold(&change.name)?);
    let mut clauses = Vec::new();
    if let Some(column) = &change.column {
        let target = target_type(column, charset)?;
        clauses.push(format!("ALTER COLUMN {name} TYPE {}", target.sql));
    }
    if let Some(nullable) = change.nullable {
        let what = if nullable { "DROP" } else { "SET" };
        clauses.push(format!("ALTER COLUMN {name} {what} NOT NULL"));
    }
    Ok(clauses)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::definition::table_changes;

    fn made(sql: &str) -> Result<Vec<String>, Vec<Fault>> {
        let changes = table_changes(sql).unwrap();
        let mut all = Vec::new();
        for change in changes {
            all.extend(alterations(
                "\"s\".\"t\"",
                &change,
                DatabaseCharset::from_name("AL32UTF8").unwrap(),
            )?);
        }
        Ok(all)
    }

    #[test]
    fn changes_become_statements_of_the_target() {
        for (sql, wanted) in [
            (
                "ALTER TABLE t ADD (a NUMBER(3) DEFAULT 7 NOT NULL, \"B c\" VARCHAR2(10 CHAR) DEFAULT 'x', v NUMBER GENERATED ALWAYS AS (a))",
                &[
                    "ALTER TABLE \"s\".\"t\" ADD COLUMN \"a\" SMALLINT DEFAULT 7 NOT NULL",
                    "ALTER TABLE \"s\".\"t\" ADD COLUMN \"b c\" CHARACTER VARYING(40) DEFAULT 'x'",
                ][..],
            ),
            (
                "ALTER TABLE t ADD d DATE DEFAULT NULL",
                &["ALTER TABLE \"s\".\"t\" ADD COLUMN \"d\" TIMESTAMP(0) WITHOUT TIME ZONE"],
            ),
            (
                "ALTER TABLE t MODIFY (a NUMBER(10) NOT NULL, b NULL)",
                &[
                    "ALTER TABLE \"s\".\"t\" ALTER COLUMN \"a\" TYPE BIGINT",
                    "ALTER TABLE \"s\".\"t\" ALTER COLUMN \"a\" SET NOT NULL",
                    "ALTER TABLE \"s\".\"t\" ALTER COLUMN \"b\" DROP NOT NULL",
                ],
            ),
            (
                "ALTER TABLE t DROP (A, b)",
                &[
                    "ALTER TABLE \"s\".\"t\" DROP COLUMN \"a\"",
                    "ALTER TABLE \"s\".\"t\" DROP COLUMN \"b\"",
                ],
            ),
            (
                "ALTER TABLE t RENAME COLUMN a TO b",
                &["ALTER TABLE \"s\".\"t\" RENAME COLUMN \"a\" TO \"b\""],
            ),
            ("ALTER TABLE t RENAME COLUMN a TO \"a\"", &[]),
            ("TRUNCATE TABLE t", &["TRUNCATE TABLE \"s\".\"t\""]),
            ("ALTER TABLE t ENABLE ROW MOVEMENT", &[]),
        ] {
            assert_eq!(made(sql).unwrap(), wanted, "{sql}");
        }
    }

    #[test]
    fn what_has_no_counterpart_is_named() {
        let faults =
            made("ALTER TABLE t ADD (a DATE DEFAULT SYSDATE, b BFILE, c NUMBER)").unwrap_err();
        let told: Vec<String> =
            faults.iter().map(|f| format!("{}: {}", f.name, f.reason)).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("A: its default \"SYSDATE\" is an expression"), "{told:?}");
        assert!(told[1].starts_with("B: BFILE is not replicated"), "{told:?}");
        assert!(made("ALTER TABLE t RENAME COLUMN a TO \"b.c\"").is_err());
    }
}
