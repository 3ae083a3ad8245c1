//! A table as applying needs it.

use crate::error::{DecodeError, Result};

/// A column at the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyColumn {
    /// Name, as the catalog has it.
    pub name: String,
    /// Type, as the catalog formats it (`format_type`).
    pub sql_type: String,
}

impl ApplyColumn {
    /// The type without lengths and digits.
    pub fn base_type(&self) -> String {
        let kind = self.sql_type.to_ascii_lowercase();
        if kind.starts_with("interval") {
            return "interval".to_owned();
        }
        let without = match (kind.find('('), kind.find(')')) {
            (Some(open), Some(close)) if open < close => {
                format!("{}{}", kind[..open].trim_end(), &kind[close + 1..])
            }
            _ => kind,
        };
        // By itself that is one character long.
        if without == "character" { "bpchar".to_owned() } else { without }
    }
}

/// What is done where a row is there already that should not be, or is not there that should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Conflict {
    /// The change wins: an insertion takes the row's place, a changed row that is missing is inserted.
    #[default]
    Overwrite,
    /// The target's row stays as it is, or away.
    Ignore,
    /// The job stops.
    Stop,
}

/// A table at the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyTable {
    schema: String,
    name: String,
    columns: Vec<ApplyColumn>,
    key: Vec<usize>,
    distribution: Vec<usize>,
    has_other_keys: bool,
}

impl ApplyTable {
    /// A table whose rows are told apart by the columns `key`, none of which is ever NULL; without such columns, by all.
    ///
    /// # Errors
    /// For a column's number that the table does not have, and for a distribution column that is not in a key that there is.
    pub fn new(
        schema: &str,
        name: &str,
        columns: Vec<ApplyColumn>,
        key: Vec<usize>,
        distribution: Vec<usize>,
    ) -> Result<Self> {
        let bad = |reason: String| Err(DecodeError::new("target table", 0, reason));
        if let Some(number) = key.iter().chain(&distribution).find(|n| **n >= columns.len()) {
            return bad(format!("{schema}.{name} has no column number {number}"));
        }
        if !key.is_empty()
            && let Some(number) = distribution.iter().find(|number| !key.contains(number))
        {
            let column = &columns[*number].name;
            return bad(format!(
                "{schema}.{name} is distributed by {column}, which is not in its key"
            ));
        }
        let (schema, name) = (schema.to_owned(), name.to_owned());
        Ok(Self { schema, name, columns, key, distribution, has_other_keys: false })
    }

    /// The same table, which has unique keys beside the one by which its rows are told apart.
    #[must_use]
    pub fn with_other_keys(self) -> Self {
        Self { has_other_keys: true, ..self }
    }

    /// Whether it has unique keys beside [`key`](Self::key).
    pub fn has_other_keys(&self) -> bool {
        self.has_other_keys
    }

    /// Schema and name in quotes.
    pub fn full_name(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// Columns in order.
    pub fn columns(&self) -> &[ApplyColumn] {
        &self.columns
    }

    /// Numbers of the columns that tell rows apart; none if there is no key.
    pub fn key(&self) -> &[usize] {
        &self.key
    }

    /// Numbers of the columns by which rows are distributed; none for a table that every node has whole.
    pub fn distribution(&self) -> &[usize] {
        &self.distribution
    }

    /// Whether a column is in the key.
    pub(super) fn is_key(&self, column: usize) -> bool {
        self.key.contains(&column)
    }

    /// A column's name in quotes.
    pub(super) fn column(&self, number: usize) -> String {
        quoted(&self.columns[number].name)
    }

    /// Names in quotes, with commas between.
    pub(super) fn list(&self, numbers: impl IntoIterator<Item = usize>) -> String {
        let names: Vec<String> = numbers.into_iter().map(|number| self.column(number)).collect();
        names.join(", ")
    }
}

/// A name in double quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
