//! Changes of LogMiner's become changes of the target's rows.

use std::borrow::Cow;
use std::collections::HashMap;

use super::apply::{ChangeKind, Changes, Text};
use super::value::target_text;
use crate::error::{DecodeError, Result};
use crate::oracle::{InternalForm, OracleType};
use crate::redo::{self, Dml, DmlKind, Form};

/// A column of the source as it is replicated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumn {
    /// Name at the source.
    pub name: String,
    /// Its type there.
    pub kind: OracleType,
    /// Its values are stored in the rows.
    pub is_stored: bool,
    /// Where its values go.
    pub target: ColumnTarget,
}

/// Where the values of a column go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnTarget {
    /// To the target's column of this number.
    Column(usize),
    /// Nowhere: hidden and calculated columns.
    LeftOut,
    /// The target should have a column and has none: a value of it cannot be told.
    Missing,
}

/// How one table's statements become rows.
#[derive(Debug)]
pub struct RedoRows {
    names: HashMap<String, usize>,
    /// Numbers of the columns by their places in the rows.
    stored: Vec<usize>,
    internal: InternalForm,
    columns: Vec<SourceColumn>,
    width: usize,
    dml: Dml,
}

/// What a statement says of a column.
#[derive(Debug, Clone, PartialEq)]
enum Told<'t> {
    Nothing,
    Null,
    Text(Cow<'t, str>),
    /// A large object, of which the row has a locator only.
    Elsewhere,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It has all that is told.
    Whole,
    /// It lacks large objects, which are to be read from the source.
    WithoutLarge,
    /// The row is too large for the buffer.
    NoRoom,
}

/// Whether values of a type may be stored apart from their rows.
fn is_large(kind: OracleType) -> bool {
    matches!(kind, OracleType::Clob | OracleType::NClob | OracleType::Blob)
}

impl RedoRows {
    /// For a table of these columns, whose target has `width` columns.
    pub fn new(columns: Vec<SourceColumn>, width: usize, internal: InternalForm) -> Self {
        let numbered = || columns.iter().enumerate();
        let names = numbered().map(|(number, column)| (column.name.clone(), number)).collect();
        let stored = numbered().filter(|(_, column)| column.is_stored).map(|(number, _)| number);
        let stored = stored.collect();
        Self { names, stored, internal, columns, width, dml: Dml::default() }
    }

    /// Appends a change of a row.
    ///
    /// # Errors
    /// For a statement that cannot be read, columns that the table does not have here or at the target, and values that do not
    /// fit their columns' types.
    pub fn append(
        &mut self,
        change: &redo::Change<'_>,
        table: u32,
        into: &mut Changes,
    ) -> Result<Appended> {
        let mut dml = std::mem::take(&mut self.dml);
        let appended = dml
            .parse(change.sql)
            .and_then(|()| self.append_dml(&dml, change.sql, table, into))
            .map_err(|e| DecodeError::new("SQL_REDO", 0, format!("SCN {}: {e}", change.scn)));
        self.dml = dml;
        appended
    }

    fn append_dml(&self, dml: &Dml, sql: &str, table: u32, into: &mut Changes) -> Result<Appended> {
        let is_unresolved = dml.is_unresolved(sql) || self.has_numbers_for_names(dml, sql);
        let before = self.row(dml.conditions(sql), is_unresolved)?;
        let after = self.row(dml.values(sql), is_unresolved)?;
        let has_large = after.contains(&Told::Elsewhere)
            || dml.kind() == DmlKind::Insert && self.lacks_large(&after);
        let none: &[Told<'_>] = &[];
        let (kind, before, after) = match dml.kind() {
            DmlKind::Insert => (ChangeKind::Insert, none, &self.filled(after)[..]),
            DmlKind::Update => (ChangeKind::Update, &before[..], &after[..]),
            DmlKind::Delete => (ChangeKind::Delete, &before[..], none),
        };
        let fits =
            into.push(kind, table, before.iter().map(Told::text), after.iter().map(Told::text));
        Ok(match (fits, has_large) {
            (false, _) => Appended::NoRoom,
            (true, false) => Appended::Whole,
            (true, true) => Appended::WithoutLarge,
        })
    }

    /// Whether an inserted row has a large object of which nothing is told: one that is never stored in its row is told by its
    /// writes alone, which may come before the row.
    fn lacks_large(&self, row: &[Told<'_>]) -> bool {
        self.columns.iter().any(|column| match column.target {
            ColumnTarget::Column(number) => is_large(column.kind) && row[number] == Told::Nothing,
            _ => false,
        })
    }

    /// An inserted row has NULL where nothing is told.
    fn filled<'t>(&self, mut row: Vec<Told<'t>>) -> Vec<Told<'t>> {
        for column in &self.columns {
            if let ColumnTarget::Column(number) = column.target
                && matches!(row[number], Told::Nothing | Told::Elsewhere)
            {
                row[number] = Told::Null;
            }
        }
        row
    }

    /// The target's row with what a list of columns and values tells of it.
    fn row<'t>(
        &self,
        told: impl Iterator<Item = (redo::Name<'t>, redo::Value<'t>)>,
        is_unresolved: bool,
    ) -> Result<Vec<Told<'t>>> {
        let mut row = vec![Told::Nothing; self.width];
        for (name, value) in told {
            let name = name.to_str();
            let column = if is_unresolved {
                self.stored_column(&name)
            } else {
                self.names.get(name.as_ref()).map(|number| &self.columns[*number])
            };
            let target = match column.map(|column| column.target) {
                Some(ColumnTarget::LeftOut) => continue,
                Some(ColumnTarget::Column(number)) => Some(number),
                Some(ColumnTarget::Missing) | None => None,
            };
            let (Some(column), Some(target)) = (column, target) else {
                let reason = format!("a column {name} that the table does not have");
                return Err(DecodeError::new("SQL_REDO", 0, reason));
            };
            if is_unresolved && is_large(column.kind) && value.form() == Form::Hex {
                row[target] = Told::Elsewhere;
                continue;
            }
            let text = if is_unresolved {
                self.internal_text(column.kind, &value)
            } else {
                target_text(column.kind, &value)
            };
            let text = text.map_err(|e| {
                DecodeError::new("SQL_REDO", 0, format!("column {}: {e}", column.name))
            })?;
            row[target] = match text {
                None => Told::Null,
                // The target has no empty text, and none that has zeros in it.
                Some(text) if text.is_empty() => Told::Null,
                Some(text) if text.contains('\0') => Told::Text(text.replace('\0', " ").into()),
                Some(text) => Told::Text(text),
            };
        }
        Ok(row)
    }
}

impl RedoRows {
    /// Whether the statement tells columns by their numbers. A dictionary that knows the table, but as it is in another
    /// version, has its name and no names of columns.
    fn has_numbers_for_names(&self, dml: &Dml, sql: &str) -> bool {
        dml.values(sql).chain(dml.conditions(sql)).next().is_some_and(|(name, _)| {
            name.raw().starts_with("COL ") && !self.names.contains_key(name.raw())
        })
    }

    /// The column that is told as `COL n`.
    fn stored_column(&self, name: &str) -> Option<&SourceColumn> {
        let number: usize = name.strip_prefix("COL ")?.parse().ok()?;
        self.columns.get(*self.stored.get(number.checked_sub(1)?)?)
    }

    /// A value that is told by its bytes.
    fn internal_text<'t>(
        &self,
        kind: OracleType,
        value: &redo::Value<'t>,
    ) -> Result<Option<Cow<'t, str>>> {
        if value.form() == Form::Null {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        value.bytes_into(&mut bytes)?;
        Ok(Some(Cow::Owned(self.internal.text(kind, &bytes)?)))
    }
}

impl Told<'_> {
    fn text(&self) -> Text<'_> {
        match self {
            Told::Nothing | Told::Elsewhere => Text::Unknown,
            Told::Null => Text::Null,
            Told::Text(text) => Text::Text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> RedoRows {
        let column = |name: &str, kind, target| SourceColumn {
            name: name.into(),
            kind,
            is_stored: name != "CALC",
            target: match target {
                Some(usize::MAX) => ColumnTarget::Missing,
                Some(number) => ColumnTarget::Column(number),
                None => ColumnTarget::LeftOut,
            },
        };
        RedoRows::new(
            vec![
                column("ID", OracleType::Number { precision: None, scale: None }, Some(0)),
                column("N\"AME", OracleType::VarChar2, Some(1)),
                column("CALC", OracleType::VarChar2, None),
                column("OUT", OracleType::Unsupported, None),
                column("DOC", OracleType::Clob, Some(2)),
                column("GONE", OracleType::VarChar2, Some(usize::MAX)),
            ],
            3,
            InternalForm::new("AL32UTF8", "+00:00"),
        )
    }

    fn told(sql: &str) -> Result<String> {
        let change =
            redo::Change { kind: redo::ChangeKind::Insert, table: 0, scn: 7, row_id: "", sql };
        let mut changes = Changes::new();
        assert_ne!(rows().append(&change, 4, &mut changes)?, Appended::NoRoom);
        let change = changes.get(0);
        let row = |row: Vec<Text<'_>>| {
            let cells = row.into_iter().map(|cell| match cell {
                Text::Unknown => "?".to_owned(),
                Text::Null => "-".to_owned(),
                Text::Text(text) => text.to_owned(),
            });
            cells.collect::<Vec<_>>().join(",")
        };
        let (before, after) = (row(change.before().collect()), row(change.after().collect()));
        Ok(format!("{:?} {} [{before}] [{after}]", change.kind, change.table))
    }

    #[test]
    fn statements_become_rows_of_the_target() {
        for (sql, row) in [
            (
                "insert into \"S\".\"T\"(\"ID\",\"N\"\"AME\",\"OUT\",\"DOC\") values ('1','it''s',Unsupported Type,EMPTY_CLOB());",
                "Insert 4 [] [1,it's,-]",
            ),
            ("insert into \"S\".\"T\"(\"ID\") values ('1');", "Insert 4 [] [1,-,-]"),
            (
                "update \"S\".\"T\" set \"N\"\"AME\" = NULL where \"ID\" = '1' and \"OUT\" IS NULL;",
                "Update 4 [1,?,?] [?,-,?]",
            ),
            (
                "insert into \"UNKNOWN\".\"OBJ# 12\"(\"COL 1\",\"COL 2\",\"COL 3\") values (HEXTORAW('c102'),HEXTORAW('6974'),NULL);",
                "Insert 4 [] [1,it,-]",
            ),
            // The dictionary has the table in another version.
            (
                "insert into \"S\".\"T\"(\"COL 2\",\"COL 1\") values (HEXTORAW('6974'),HEXTORAW('c102'));",
                "Insert 4 [] [1,it,-]",
            ),
            (
                "delete from \"S\".\"T\" where \"COL 1\" = HEXTORAW('c102') and \"COL 2\" IS NULL;",
                "Delete 4 [1,-,?] []",
            ),
            (
                "update \"UNKNOWN\".\"OBJ# 12\" set \"COL 2\" = NULL where \"COL 1\" = HEXTORAW('c102') and \"COL 2\" = HEXTORAW('6974');",
                "Update 4 [1,it,?] [?,-,?]",
            ),
            (
                "delete from \"S\".\"T\" where \"ID\" = '1' and \"N\"\"AME\" = 'a\0b';",
                "Delete 4 [1,a b,?] []",
            ),
        ] {
            assert_eq!(told(sql).unwrap(), row, "{sql}");
        }
    }

    #[test]
    fn large_objects_that_are_not_in_an_inserted_row_are_to_be_read() {
        for (sql, wanted) in [
            ("insert into \"S\".\"T\"(\"ID\",\"DOC\") values ('1','short');", Appended::Whole),
            ("insert into \"S\".\"T\"(\"ID\",\"DOC\") values ('1',NULL);", Appended::Whole),
            (
                "insert into \"S\".\"T\"(\"ID\",\"DOC\") values ('1',EMPTY_CLOB());",
                // What is written into it is told with its locator.
                Appended::Whole,
            ),
            ("insert into \"S\".\"T\"(\"ID\") values ('1');", Appended::WithoutLarge),
            ("update \"S\".\"T\" set \"ID\" = '2' where \"ID\" = '1';", Appended::Whole),
            ("delete from \"S\".\"T\" where \"ID\" = '1';", Appended::Whole),
        ] {
            let kind = redo::ChangeKind::Insert;
            let change = redo::Change { kind, table: 0, scn: 7, row_id: "", sql };
            let appended = rows().append(&change, 4, &mut Changes::new()).unwrap();
            assert_eq!(appended, wanted, "{sql}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_named_with_its_scn() {
        for (sql, wanted) in [
            ("insert into \"S\".\"T\"(\"NEW\") values ('1');", "SCN 7: SQL_REDO"),
            (
                "insert into \"S\".\"T\"(\"NEW\") values ('1');",
                "a column NEW that the table does not have",
            ),
            (
                "delete from \"UNKNOWN\".\"OBJ# 12\" where \"COL 1\" = HEXTORAW('c1');",
                "column ID: Oracle's internal form",
            ),
            (
                "delete from \"UNKNOWN\".\"OBJ# 12\" where \"COL 6\" = HEXTORAW('c102');",
                "a column COL 6 that the table does not have",
            ),
            (
                "delete from \"UNKNOWN\".\"OBJ# 12\" where \"COL 5\" = HEXTORAW('41');",
                "a column COL 5 that the table does not have",
            ),
            (
                "delete from \"S\".\"T\" where \"COL 6\" = HEXTORAW('41');",
                "a column COL 6 that the table does not have",
            ),
            (
                "delete from \"S\".\"T\" where \"GONE\" = 'a';",
                "a column GONE that the table does not have",
            ),
            ("insert into \"S\".\"T\"(\"ID\") values (HEXTORAW('00'));", "column ID"),
            ("merge", "insert, update or delete"),
        ] {
            let error = told(sql).unwrap_err().to_string();
            assert!(error.contains(wanted), "{sql}: {error}");
        }
    }
}
