//! `CREATE TABLE` and what belongs to it.

use super::column_type::{Fault, TargetType, target_type};
use super::names::{fold, folded};
use crate::oracle::{DatabaseCharset, OracleColumn};

/// A table as Oracle's dictionary describes it. Partitions are not told: the target's table has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTable {
    /// Schema at the target.
    pub schema: String,
    /// Name at the source.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<OracleColumn>,
    /// Columns of the primary key.
    pub primary_key: Vec<String>,
    /// Unique constraints and indexes, then the others.
    pub indexes: Vec<Index>,
    /// Comment, if there is one.
    pub comment: Option<String>,
}

/// A normal index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Name at the source.
    pub name: String,
    /// Columns in order.
    pub columns: Vec<String>,
    /// No two rows have the same values.
    pub is_unique: bool,
}

/// By which columns rows are distributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Distribution {
    /// The primary key.
    PrimaryKey(Vec<String>),
    /// A unique index, as there is no primary key.
    Unique(Vec<String>),
    /// The first column that can be, as there is no key.
    Column(String),
}

impl Distribution {
    /// Names of the columns at the target.
    pub fn columns(&self) -> &[String] {
        match self {
            Self::PrimaryKey(columns) | Self::Unique(columns) => columns,
            Self::Column(column) => std::slice::from_ref(column),
        }
    }
}

/// What makes a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// `CREATE TABLE`, before the rows come.
    pub create: String,
    /// `CREATE INDEX`, behind them.
    pub indexes: Vec<String>,
    /// `COMMENT ON`.
    pub comments: Vec<String>,
    /// How rows are distributed.
    pub distribution: Distribution,
    /// What the table will not have, and why; columns whose values may lose something.
    pub notes: Vec<Fault>,
}

/// The statements for a table.
///
/// # Errors
/// All that has no counterpart: types, names, keys, a table without a column by which it can be distributed.
pub fn structure(table: &SourceTable, charset: DatabaseCharset) -> Result<Structure, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut notes = Vec::new();
    let visible: Vec<&OracleColumn> = table
        .columns
        .iter()
        .filter(|column| match (column.is_hidden, column.is_virtual) {
            (true, _) => false,
            (false, true) => {
                let reason = "a virtual column: make it by hand where it is wanted";
                notes.push(note(&column.name, reason));
                false
            }
            (false, false) => true,
        })
        .collect();
    let mut types = Vec::new();
    for column in &visible {
        match target_type(column, charset) {
            Ok(one) => types.push(one),
            Err(fault) => faults.push(fault),
        }
    }
    let names = folded(visible.iter().map(|column| column.name.as_str()));
    let place = fold(&table.name).and_then(|name| Ok((fold(&table.schema)?, name)));
    let (names, (schema, name)) = match (names, place) {
        (Ok(names), Ok(place)) if faults.is_empty() => (names, place),
        (names, place) => {
            faults.extend(names.err());
            faults.extend(place.err());
            return Err(faults);
        }
    };
    let columns: Vec<Column<'_>> = visible
        .into_iter()
        .zip(names)
        .zip(types)
        .map(|((source, name), target)| Column { source, name, target })
        .collect();
    let distribution = distribution(table, &columns).map_err(|fault| vec![fault])?;
    let full = format!("{}.{}", quoted(&schema), quoted(&name));
    let create = create(&full, table, &columns, &distribution, &mut notes);
    let indexes = indexes(&full, table, &columns, &distribution, &mut notes);
    for column in &columns {
        if let Some(loss) = column.target.loss {
            let reason = format!(
                "{} becomes {}: {loss:?} may be lost",
                column.source.data_type, column.target.sql
            );
            notes.push(note(&column.source.name, &reason));
        }
    }
    let comments = comments(&full, table, &columns);
    Ok(Structure { create, indexes, comments, distribution, notes })
}

struct Column<'s> {
    source: &'s OracleColumn,
    name: String,
    target: TargetType,
}

fn note(name: &str, reason: &str) -> Fault {
    Fault { name: name.to_owned(), reason: reason.to_owned() }
}

/// A name in double quotes: reserved words are names too. None has quotes inside, see [`fold`].
pub(super) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ")
}

fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The target's names of a key's columns, if all of them can be in a key.
fn key(wanted: &[String], columns: &[Column<'_>]) -> Option<Vec<String>> {
    let find = |name: &String| {
        let column = columns.iter().find(|column| column.source.name == *name)?;
        column.target.is_key.then(|| column.name.clone())
    };
    let found: Option<Vec<String>> = wanted.iter().map(find).collect();
    found.filter(|columns| !columns.is_empty())
}

fn distribution(table: &SourceTable, columns: &[Column<'_>]) -> Result<Distribution, Fault> {
    if !table.primary_key.is_empty() {
        let fault = || {
            note(&table.name, "a column of its primary key has a type that no key can have there")
        };
        return key(&table.primary_key, columns).map(Distribution::PrimaryKey).ok_or_else(fault);
    }
    let unique = table.indexes.iter().filter(|index| index.is_unique);
    if let Some(columns) = unique.into_iter().find_map(|index| key(&index.columns, columns)) {
        return Ok(Distribution::Unique(columns));
    }
    let first = columns.iter().find(|column| column.target.is_key);
    first
        .map(|column| Distribution::Column(column.name.clone()))
        .ok_or_else(|| note(&table.name, "no column has a type by which rows can be distributed"))
}

fn create(
    full: &str,
    table: &SourceTable,
    columns: &[Column<'_>],
    distribution: &Distribution,
    notes: &mut Vec<Fault>,
) -> String {
    let mut lines: Vec<String> = Vec::new();
    for column in columns {
        let mut line = format!("{} {}", quoted(&column.name), column.target.sql);
        if let Some(default) = &column.source.default {
            match plain_default(default) {
                Some(default) => line.push_str(&format!(" DEFAULT {default}")),
                None if default.trim().is_empty() => {}
                None => {
                    let reason =
                        format!("its default {default:?} is an expression and is left out");
                    notes.push(note(&column.source.name, &reason));
                }
            }
        }
        if !column.source.nullable {
            line.push_str(" NOT NULL");
        }
        lines.push(line);
    }
    if let Some(columns) = key(&table.primary_key, columns) {
        lines.push(format!("PRIMARY KEY ({})", list(&columns)));
    }
    format!(
        "CREATE TABLE {full} ({}) DISTRIBUTE BY HASH ({})",
        lines.join(", "),
        list(distribution.columns())
    )
}

/// A default that is a plain text or number, as it can stand in a statement.
pub(super) fn plain_default(default: &str) -> Option<String> {
    let default = default.trim();
    let inner = default.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let is_text = inner.is_some_and(|inner| !inner.replace("''", "").contains('\''));
    let digits = default.trim_start_matches(['-', '+']);
    let is_number = !digits.is_empty()
        && default.len() - digits.len() <= 1
        && digits.parse::<f64>().is_ok()
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    (is_text || is_number).then(|| default.to_owned())
}

/// Unique indexes have to hold the columns of the distribution; others may be on any that can be compared.
fn indexes(
    full: &str,
    table: &SourceTable,
    columns: &[Column<'_>],
    distribution: &Distribution,
    notes: &mut Vec<Fault>,
) -> Vec<String> {
    let mut statements = Vec::new();
    for index in &table.indexes {
        let Ok(name) = fold(&index.name) else {
            notes.push(note(&index.name, "the index has a name that is not possible"));
            continue;
        };
        let Some(keys) = key(&index.columns, columns) else {
            notes.push(note(&index.name, "the index has a column whose type cannot be in one"));
            continue;
        };
        let holds_all = distribution.columns().iter().all(|column| keys.contains(column));
        let unique = if index.is_unique && holds_all { "UNIQUE " } else { "" };
        if index.is_unique && !holds_all {
            let reason = "unique at the source; here it is a plain index, as it does not hold the columns by which rows are distributed";
            notes.push(note(&index.name, reason));
        }
        let name = quoted(&name);
        statements.push(format!("CREATE {unique}INDEX {name} ON {full} ({})", list(&keys)));
    }
    statements
}

fn comments(full: &str, table: &SourceTable, columns: &[Column<'_>]) -> Vec<String> {
    let of_table =
        table.comment.iter().map(|comment| format!("COMMENT ON TABLE {full} IS {}", text(comment)));
    let of_columns = columns.iter().filter_map(|column| {
        let comment = column.source.comment.as_ref()?;
        Some(format!("COMMENT ON COLUMN {full}.{} IS {}", quoted(&column.name), text(comment)))
    });
    of_table.chain(of_columns).collect()
}
