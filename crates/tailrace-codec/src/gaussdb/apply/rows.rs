//! Statements for one change.

use super::changes::{Change, ChangeKind, Text};
use super::table::{ApplyTable, Conflict};
use crate::error::{DecodeError, Result};

/// How many rows a statement has to touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// One.
    One,
    /// One or none.
    UpToOne,
}

/// The statements that one change is, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowStatements {
    /// Each with the number of rows that it has to touch.
    pub statements: Vec<(String, Rows)>,
    /// Where the first deletes more rows than one, which look the same: the statement that brings one of the others back.
    pub twin: Option<String>,
}

/// What a change is for the target. Unknown values stay as they are.
///
/// Overwriting deletes what is in an inserted row's way, and inserts an updated row that is missing if all its values are
/// known. Ignoring inserts only where nothing is in the way.
///
/// # Errors
/// For a change that does not tell its row's key, and one of a row without a key of which nothing is told.
pub fn row_statements(
    table: &ApplyTable,
    change: &Change<'_>,
    conflict: Conflict,
) -> Result<RowStatements> {
    let before: Vec<Text<'_>> = change.before().collect();
    let after: Vec<Text<'_>> = change.after().collect();
    let telling = if change.kind == ChangeKind::Insert { &after } else { &before };
    let untold = |column: &&usize| !matches!(telling.get(**column), Some(Text::Text(_)));
    if let Some(column) = table.key().iter().find(untold) {
        return Err(untold_key(table, &table.column(*column)));
    }
    if table.key().is_empty() && telling.iter().all(|value| *value == Text::Unknown) {
        return Err(untold_key(table, "any column"));
    }
    Ok(match change.kind {
        ChangeKind::Insert => insertion(table, &after, conflict),
        ChangeKind::Delete => deletion(table, &before, conflict),
        ChangeKind::Update => update(table, &before, &after, conflict),
    })
}

fn untold_key(table: &ApplyTable, column: &str) -> DecodeError {
    let reason = format!(
        "a change of {} does not tell the value of {column}, by which its row is known: supplemental logging is too low",
        table.full_name()
    );
    DecodeError::new("change", 0, reason)
}

/// Of a row that has to be there for the change.
fn expected(conflict: Conflict) -> Rows {
    if conflict == Conflict::Stop { Rows::One } else { Rows::UpToOne }
}

fn insertion(table: &ApplyTable, row: &[Text<'_>], conflict: Conflict) -> RowStatements {
    let insert = insert_statement(table, row);
    let has_key = !table.key().is_empty();
    let statements = match conflict {
        Conflict::Overwrite if has_key => {
            let delete = format!("DELETE FROM {} WHERE {}", table.full_name(), by_key(table, row));
            vec![(delete, Rows::UpToOne), (insert, Rows::One)]
        }
        Conflict::Ignore if has_key => {
            let (columns, values) = told(table, row, |column, value| typed(table, column, value));
            let name = table.full_name();
            let key = by_key(table, row);
            let insert = format!(
                "INSERT INTO {name} ({columns}) SELECT {values} WHERE NOT EXISTS (SELECT 1 FROM {name} WHERE {key})"
            );
            vec![(insert, Rows::UpToOne)]
        }
        _ => vec![(insert, Rows::One)],
    };
    RowStatements { statements, twin: None }
}

fn deletion(table: &ApplyTable, row: &[Text<'_>], conflict: Conflict) -> RowStatements {
    let delete = format!("DELETE FROM {} WHERE {}", table.full_name(), condition(table, row));
    let is_whole = !row.contains(&Text::Unknown);
    let twin = (table.key().is_empty() && is_whole).then(|| insert_statement(table, row));
    RowStatements { statements: vec![(delete, expected(conflict))], twin }
}

fn update(
    table: &ApplyTable,
    before: &[Text<'_>],
    after: &[Text<'_>],
    conflict: Conflict,
) -> RowStatements {
    let merged: Vec<Text<'_>> = before
        .iter()
        .zip(after)
        .map(|(before, after)| if *after == Text::Unknown { *before } else { *after })
        .collect();
    let changes_key = |column: &usize| merged[*column] != before[*column];
    let moves = table.key().iter().chain(table.distribution()).any(changes_key);
    let is_whole = !merged.contains(&Text::Unknown);
    if is_whole && (moves || table.key().is_empty() || conflict == Conflict::Overwrite) {
        // The row goes and comes as it is now.
        let mut statements = deletion(table, before, conflict);
        let insertion = insertion(table, &merged, conflict);
        statements.statements.extend(insertion.statements);
        return statements;
    }
    if moves {
        return move_row(table, before, after, conflict);
    }
    let sets = sets(table, after);
    if sets.is_empty() {
        return RowStatements::default();
    }
    let statement =
        format!("UPDATE {} SET {sets} WHERE {}", table.full_name(), condition(table, before));
    // Of a row that is missing nothing but these values is known.
    let rows = if conflict == Conflict::Ignore { Rows::UpToOne } else { Rows::One };
    RowStatements { statements: vec![(statement, rows)], twin: None }
}

/// A row whose values are not all known gets another key: the target knows them.
fn move_row(
    table: &ApplyTable,
    before: &[Text<'_>],
    after: &[Text<'_>],
    conflict: Conflict,
) -> RowStatements {
    let name = table.full_name();
    let from = condition(table, before);
    let values: Vec<String> = after
        .iter()
        .enumerate()
        .map(|(column, value)| match value {
            Text::Unknown => table.column(column),
            told => typed(table, column, *told),
        })
        .collect();
    let columns = table.list(0..table.columns().len());
    let insert = format!(
        "INSERT INTO {name} ({columns}) SELECT {} FROM {name} WHERE {from}",
        values.join(", ")
    );
    let delete = format!("DELETE FROM {name} WHERE {from}");
    let rows = if conflict == Conflict::Ignore { Rows::UpToOne } else { Rows::One };
    let mut statements = vec![(insert, rows), (delete, rows)];
    if conflict == Conflict::Overwrite {
        let merged: Vec<Text<'_>> = before
            .iter()
            .zip(after)
            .map(|(before, after)| if *after == Text::Unknown { *before } else { *after })
            .collect();
        let in_the_way = format!("DELETE FROM {name} WHERE {}", by_key(table, &merged));
        statements.insert(0, (in_the_way, Rows::UpToOne));
    }
    RowStatements { statements, twin: None }
}

fn insert_statement(table: &ApplyTable, row: &[Text<'_>]) -> String {
    let (columns, values) = told(table, row, |_, value| literal(value));
    format!("INSERT INTO {} ({columns}) VALUES ({values})", table.full_name())
}

/// Columns whose values are told, and the values.
fn told(
    table: &ApplyTable,
    row: &[Text<'_>],
    value: impl Fn(usize, Text<'_>) -> String,
) -> (String, String) {
    let told: Vec<usize> = (0..row.len()).filter(|column| row[*column] != Text::Unknown).collect();
    let values: Vec<String> = told.iter().map(|column| value(*column, row[*column])).collect();
    (table.list(told), values.join(", "))
}

fn sets(table: &ApplyTable, row: &[Text<'_>]) -> String {
    let set = |(column, value): (usize, &Text<'_>)| {
        (*value != Text::Unknown && !table.is_key(column))
            .then(|| format!("{} = {}", table.column(column), literal(*value)))
    };
    row.iter().enumerate().filter_map(set).collect::<Vec<_>>().join(", ")
}

/// What tells the row apart: its key, or else all that is known of it.
fn condition(table: &ApplyTable, row: &[Text<'_>]) -> String {
    if !table.key().is_empty() {
        return by_key(table, row);
    }
    let told = (0..row.len()).filter(|column| row[*column] != Text::Unknown);
    equal(table, told, row)
}

fn by_key(table: &ApplyTable, row: &[Text<'_>]) -> String {
    equal(table, table.key().iter().copied(), row)
}

fn equal(table: &ApplyTable, columns: impl Iterator<Item = usize>, row: &[Text<'_>]) -> String {
    let equal = |column: usize| match row[column] {
        Text::Text(_) => format!("{} = {}", table.column(column), literal(row[column])),
        Text::Null | Text::Unknown => format!("{} IS NULL", table.column(column)),
    };
    columns.map(equal).collect::<Vec<_>>().join(" AND ")
}

/// A value that does not stand where its column's type is known. Of the type without its length: a cast to one with a length
/// would cut the value off without a word.
fn typed(table: &ApplyTable, column: usize, value: Text<'_>) -> String {
    match value {
        Text::Text(_) => format!("{}::{}", literal(value), table.columns()[column].base_type()),
        Text::Null | Text::Unknown => "NULL".to_owned(),
    }
}

/// A text in quotes; the session takes backslashes as they are.
fn literal(value: Text<'_>) -> String {
    match value {
        Text::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Text::Null | Text::Unknown => "NULL".to_owned(),
    }
}

/// A statement that brings a twin back so many times.
pub fn copies(twin: &str, count: u64) -> String {
    (0..count).map(|_| twin).collect::<Vec<_>>().join("; ")
}
