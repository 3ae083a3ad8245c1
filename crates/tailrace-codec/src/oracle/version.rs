//! A table's columns as they were at some point of the log.

use serde::{Deserialize, Serialize};

use super::OracleColumn;
use super::definition::TableChange;

/// The columns of one version of a table, in the order in which their values are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableVersion {
    columns: Vec<OracleColumn>,
}

impl TableVersion {
    /// Of these columns, in the order of `INTERNAL_COLUMN_ID`.
    pub fn new(columns: Vec<OracleColumn>) -> Self {
        Self { columns }
    }

    /// All columns, hidden and virtual ones too.
    pub fn columns(&self) -> &[OracleColumn] {
        &self.columns
    }

    /// The column that LogMiner calls `COL n` where it does not know the table, numbered from 1: those that are calculated have
    /// no place in the rows.
    pub fn stored(&self, number: usize) -> Option<&OracleColumn> {
        let mut stored = self.columns.iter().filter(|column| !column.is_virtual);
        stored.nth(number.checked_sub(1)?)
    }

    /// Becomes the version behind a change.
    pub fn change(&mut self, change: &TableChange) {
        match change {
            TableChange::Add(columns) => self.columns.extend(columns.iter().cloned()),
            TableChange::Modify(changes) => {
                for change in changes {
                    let Some(column) = self.column(&change.name) else { continue };
                    if let Some(now) = &change.column {
                        let (nullable, default) = (column.nullable, column.default.take());
                        *column = OracleColumn { nullable, default, ..now.clone() };
                    }
                    column.nullable = change.nullable.unwrap_or(column.nullable);
                }
            }
            TableChange::Drop(names) => {
                // With a column that is dropped, all that are unused go.
                self.columns.retain(|column| !names.contains(&column.name) && !is_unused(column));
            }
            TableChange::SetUnused(names) => {
                for (number, name) in names.iter().enumerate() {
                    let taken = self.columns.len() + number;
                    let Some(column) = self.column(name) else { continue };
                    column.name = format!("{UNUSED}{taken}$");
                    column.is_hidden = true;
                }
            }
            TableChange::DropUnused => self.columns.retain(|column| !is_unused(column)),
            TableChange::Rename { from, to } => {
                if let Some(column) = self.column(from) {
                    column.name.clone_from(to);
                }
            }
            TableChange::Truncate | TableChange::Passed(_) => {}
        }
    }

    fn column(&mut self, name: &str) -> Option<&mut OracleColumn> {
        self.columns.iter_mut().find(|column| column.name == name)
    }
}

/// How the dictionary names an unused column: `SYS_C00003_26113011:22:33$`; here a number of ours.
const UNUSED: &str = "SYS_C_UNUSED_";

fn is_unused(column: &OracleColumn) -> bool {
    column.is_hidden
        && (column.name.starts_with(UNUSED)
            || column.name.starts_with("SYS_C") && column.name.ends_with('$'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::definition::table_changes;

    fn version(sql: &[&str]) -> TableVersion {
        let mut version = TableVersion::new(Vec::new());
        for sql in sql {
            table_changes(sql).unwrap().iter().for_each(|change| version.change(change));
        }
        version
    }

    fn names(version: &TableVersion) -> String {
        (1..).map_while(|n| version.stored(n)).map(|c| c.name.clone()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn columns_keep_their_places_as_oracle_stores_them() {
        let made = "ALTER TABLE t ADD (a NUMBER, b VARCHAR2(9), c DATE NOT NULL, v NUMBER GENERATED ALWAYS AS (a), d RAW(3))";
        assert_eq!(names(&version(&[made])), "A B C D");
        assert_eq!(names(&version(&[made, "ALTER TABLE t DROP (b, d)"])), "A C");
        assert_eq!(names(&version(&[made, "ALTER TABLE t RENAME COLUMN b TO x"])), "A X C D");
        let unused = [made, "ALTER TABLE t SET UNUSED (b)", "ALTER TABLE t ADD b NUMBER"];
        assert_eq!(names(&version(&unused)), "A SYS_C_UNUSED_5$ C D B");
        let dropped = [&unused[..], &["ALTER TABLE t DROP UNUSED COLUMNS"]].concat();
        assert_eq!(names(&version(&dropped)), "A C D B");
        assert_eq!(
            names(&version(&[&unused[..], &["ALTER TABLE t DROP COLUMN c"]].concat())),
            "A D B"
        );
    }

    #[test]
    fn a_modified_column_keeps_what_is_not_said() {
        let made = "ALTER TABLE t ADD (a NUMBER(3) DEFAULT 7 NOT NULL)";
        let version = version(&[made, "ALTER TABLE t MODIFY a NUMBER(9)"]);
        let column = version.stored(1).unwrap();
        assert_eq!((column.precision, column.nullable), (Some(9), false));
        assert_eq!(column.default.as_deref(), Some("7"));
        assert!(version.stored(0).is_none() && version.stored(2).is_none());
        let again: TableVersion =
            serde_json::from_str(&serde_json::to_string(&version).unwrap()).unwrap();
        assert_eq!(again, version);
    }
}
