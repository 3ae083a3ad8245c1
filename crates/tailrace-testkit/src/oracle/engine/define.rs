//! CREATE TABLE, ALTER TABLE, DROP TABLE, TRUNCATE TABLE and comments, by their tokens: the parser of SQL knows few of
//! Oracle's types.

use sqlparser::tokenizer::Token;

use super::column::{ColumnDef, read_type};
use super::expression::unknown;
use super::partition;
use super::store::{State, TableName};
use super::table::{Key, Table};
use super::time;
use crate::oracle::number::Number;
use crate::oracle::value::{DateTime, Value};
use crate::oracle::wire::OraError;
use crate::sql_token::{Piece, behind_parenthesis, follow};

/// Runs a statement that defines something, and logs it; `None` if it is none.
pub(super) fn run(
    sql: &str,
    pieces: &[Piece],
    state: &mut State,
    user: &str,
) -> Option<Result<(), OraError>> {
    let is_table = follow(pieces, 1, &["TABLE"]);
    // A table that is dropped is known by its number only before.
    let (table, _) = if is_table { name(pieces, 2, user) } else { <_>::default() };
    let known = state.tables.get(&table).map(|table| table.object);
    let defined = define(sql, pieces, state, user)?;
    if defined.is_ok() {
        state.relog();
        if let Some(table) = state.tables.get_mut(&table) {
            table.defined_time = DateTime { nanos: 0, ..time::now() };
        }
        let object = state.tables.get(&table).map(|table| table.object).or(known);
        if let Some(object) = object.filter(|_| is_table) {
            state.log_definition(table, object, sql);
        }
    }
    Some(defined)
}

fn define(
    sql: &str,
    pieces: &[Piece],
    state: &mut State,
    user: &str,
) -> Option<Result<(), OraError>> {
    if follow(pieces, 0, &["ALTER", "DATABASE"]) {
        let changed = state.supplemental.change(pieces, 2);
        return changed.then_some(Ok(()));
    }
    if follow(pieces, 0, &["ALTER", "SYSTEM"]) {
        if follow(pieces, 2, &["SWITCH", "LOGFILE"]) || follow(pieces, 2, &["ARCHIVE", "LOG"]) {
            let scn = state.advance();
            state.redo.switch(scn);
        }
        return Some(Ok(()));
    }
    if follow(pieces, 0, &["CREATE", "TABLE"]) {
        return Some(create_table(sql, pieces, state, user));
    }
    if follow(pieces, 0, &["DROP", "TABLE"]) {
        let (name, _) = name(pieces, 2, user);
        state.advance();
        return Some(state.tables.remove(&name).map(drop).ok_or_else(missing));
    }
    if follow(pieces, 0, &["TRUNCATE", "TABLE"]) {
        return Some(truncate(pieces, state, user));
    }
    if follow(pieces, 0, &["ALTER", "TABLE"]) {
        return Some(alter_table(sql, pieces, state, user));
    }
    if follow(pieces, 0, &["COMMENT", "ON"]) {
        return Some(comment(pieces, state, user));
    }
    let is_index = follow(pieces, 0, &["CREATE", "INDEX"]);
    if is_index || follow(pieces, 0, &["CREATE", "UNIQUE", "INDEX"]) {
        return Some(create_index(pieces, state, user, !is_index));
    }
    None
}

fn missing() -> OraError {
    OraError::new(942, "table or view does not exist")
}

/// `[owner.]name` at a place, and where it ends.
fn name(pieces: &[Piece], at: usize, user: &str) -> (TableName, usize) {
    let part = |at: usize| pieces.get(at).map(identifier).unwrap_or_default();
    if pieces.get(at + 1).is_some_and(|piece| piece.token == Token::Period) {
        return ((part(at), part(at + 2)), at + 3);
    }
    ((user.to_owned(), part(at)), at + 1)
}

/// A name as Oracle folds it.
pub(super) fn identifier(piece: &Piece) -> String {
    match &piece.token {
        Token::Word(word) if word.quote_style.is_some() => word.value.clone(),
        Token::Word(word) => word.value.to_uppercase(),
        other => other.to_string(),
    }
}

fn create_table(
    sql: &str,
    pieces: &[Piece],
    state: &mut State,
    user: &str,
) -> Result<(), OraError> {
    let (table_name, at) = name(pieces, 2, user);
    if state.tables.contains_key(&table_name) {
        return Err(OraError::new(955, "name is already used by an existing object"));
    }
    let end = behind_parenthesis(pieces, at).ok_or_else(|| unknown("CREATE TABLE … AS"))?;
    let mut table = Table::new(&table_name.0, &table_name.1, state.new_object(), Vec::new());
    for item in items(&pieces[at + 1..end - 1]) {
        match item.first().and_then(Piece::word).as_deref() {
            Some("CONSTRAINT" | "PRIMARY" | "UNIQUE") => table_constraint(item, &mut table)?,
            _ => column(sql, item, &mut table)?,
        }
    }
    partition::divide(&pieces[end..], &mut table, &mut || state.new_object())?;
    table.defined_at = state.advance();
    state.tables.insert(table_name, table);
    Ok(())
}

/// What stands between commas that are in no parentheses.
pub(super) fn items(pieces: &[Piece]) -> Vec<&[Piece]> {
    let (mut depth, mut begin, mut items) = (0_usize, 0, Vec::new());
    for (at, piece) in pieces.iter().enumerate() {
        match piece.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Comma if depth == 0 => {
                items.push(&pieces[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    items.push(&pieces[begin..]);
    items
}

/// A column's definition with what follows its type.
fn column(sql: &str, item: &[Piece], table: &mut Table) -> Result<(), OraError> {
    let name = item.first().map(identifier).unwrap_or_default();
    let (mut column, mut at) = read_type(&name, item, 1)?;
    let number = table.columns.len();
    while let Some(word) = item.get(at).and_then(Piece::word) {
        match word.as_str() {
            "DEFAULT" => {
                // What stands first is the default itself, also NULL.
                let end = (at + 2..item.len())
                    .find(|end| {
                        ["NOT", "NULL", "PRIMARY", "UNIQUE"].iter().any(|w| item[*end].is(w))
                    })
                    .unwrap_or(item.len());
                let text = &sql[item[at + 1].at.start..item[end - 1].at.end];
                column.default = Some(text.to_owned());
                at = end;
            }
            "NOT" => {
                column.nullable = false;
                at += 2;
            }
            "NULL" | "ENABLE" => at += 1,
            "CONSTRAINT" => at += 2,
            "PRIMARY" | "UNIQUE" => {
                let is_primary = word == "PRIMARY";
                column.nullable &= !is_primary;
                add_key(table, None, vec![number], is_primary);
                at += if is_primary { 2 } else { 1 };
            }
            other => return Err(unknown(format!("{other} behind a column"))),
        }
    }
    table.columns_mut().push(column);
    Ok(())
}

fn add_key(table: &mut Table, name: Option<String>, columns: Vec<usize>, is_primary: bool) {
    let number = 8000 + table.object * 10 + u32::try_from(table.keys.len()).unwrap_or(0);
    let name = name.unwrap_or_else(|| format!("SYS_C00{number}"));
    let key = Key { name, columns, is_primary, is_unique: true, is_constraint: true };
    table.keys.push(key);
}

/// `[CONSTRAINT name] PRIMARY KEY (…)` or `UNIQUE (…)`.
fn table_constraint(item: &[Piece], table: &mut Table) -> Result<(), OraError> {
    let named = item.first().is_some_and(|piece| piece.is("CONSTRAINT"));
    let name = named.then(|| item.get(1).map(identifier).unwrap_or_default());
    let item = if named { &item[2..] } else { item };
    let is_primary = follow(item, 0, &["PRIMARY", "KEY"]);
    if !is_primary && !follow(item, 0, &["UNIQUE"]) {
        return Err(unknown("constraints but keys"));
    }
    let columns = column_list(item, table)?;
    if is_primary {
        columns.iter().for_each(|column| table.columns_mut()[*column].nullable = false);
    }
    add_key(table, name, columns, is_primary);
    Ok(())
}

/// Columns in the first parentheses.
fn column_list(pieces: &[Piece], table: &Table) -> Result<Vec<usize>, OraError> {
    let open = pieces.iter().position(|piece| piece.token == Token::LParen);
    let open = open.ok_or_else(|| OraError::new(906, "missing left parenthesis"))?;
    let end = behind_parenthesis(pieces, open).unwrap_or(pieces.len());
    let names = items(&pieces[open + 1..end - 1]);
    names
        .into_iter()
        .filter_map(|item| item.first())
        .map(|piece| {
            let name = identifier(piece);
            let invalid = || OraError::new(904, format!("\"{name}\": invalid identifier"));
            table.column(&name).ok_or_else(invalid)
        })
        .collect()
}

fn create_index(
    pieces: &[Piece],
    state: &mut State,
    user: &str,
    is_unique: bool,
) -> Result<(), OraError> {
    let at = if is_unique { 3 } else { 2 };
    let ((_, index), on) = name(pieces, at, user);
    let (table_name, _) = name(pieces, on + 1, user);
    state.advance();
    let table = state.tables.get_mut(&table_name).ok_or_else(missing)?;
    let columns = column_list(pieces, table)?;
    let key = Key { name: index, columns, is_primary: false, is_unique, is_constraint: false };
    table.keys.push(key);
    Ok(())
}

fn truncate(pieces: &[Piece], state: &mut State, user: &str) -> Result<(), OraError> {
    let (table_name, _) = name(pieces, 2, user);
    let scn = state.advance();
    let segments = state.tables.get(&table_name).ok_or_else(missing)?.segments.len();
    let objects: Vec<u32> = (0..segments).map(|_| state.new_object()).collect();
    let table = state.tables.get_mut(&table_name).ok_or_else(missing)?;
    table.rows.clear();
    table.defined_at = scn;
    for (segment, object) in table.segments.iter_mut().zip(objects) {
        segment.data_object = object;
    }
    Ok(())
}

fn alter_table(sql: &str, pieces: &[Piece], state: &mut State, user: &str) -> Result<(), OraError> {
    let (table_name, at) = name(pieces, 2, user);
    let (scn, object) = (state.advance(), state.new_object());
    let table = state.tables.get_mut(&table_name).ok_or_else(missing)?;
    // Columns that come leave what was before to be read.
    if !follow(pieces, at, &["ADD"]) {
        table.defined_at = scn;
    }
    if table.supplemental.change(pieces, at) {
        return Ok(());
    }
    if let Some(altered) = partition::alter(&pieces[at..], table, object) {
        return altered;
    }
    if follow(pieces, at, &["RENAME", "COLUMN"]) {
        let column = find(table, &pieces[at + 2])?;
        table.columns_mut()[column].name = pieces.get(at + 4).map(identifier).unwrap_or_default();
        return Ok(());
    }
    if follow(pieces, at, &["DROP", "COLUMN"]) {
        let column = find(table, &pieces[at + 2])?;
        return drop_column(table, column);
    }
    let word = pieces.get(at).and_then(Piece::word).unwrap_or_default();
    let opens = pieces.get(at + 1).is_some_and(|piece| piece.token == Token::LParen);
    let list = if opens {
        let end = behind_parenthesis(pieces, at + 1).unwrap_or(pieces.len());
        items(&pieces[at + 2..end - 1])
    } else {
        vec![&pieces[at + 1..]]
    };
    for item in list {
        match (word.as_str(), item.first().and_then(Piece::word).as_deref()) {
            ("ADD", Some("CONSTRAINT" | "PRIMARY" | "UNIQUE")) => table_constraint(item, table)?,
            ("ADD", _) => {
                column(sql, item, table)?;
                let default = table.columns.last().and_then(|column| column.default.as_deref());
                let value = plain_default(default)?;
                table.add_to_rows(&value);
            }
            ("MODIFY", _) => modify(item, table)?,
            ("DROP", _) if opens => {
                let column = find(table, &item[0])?;
                drop_column(table, column)?;
            }
            _ => return Err(unknown(format!("ALTER TABLE … {word}"))),
        }
    }
    Ok(())
}

/// The value of a default that is a number or a text; NULL without one.
fn plain_default(default: Option<&str>) -> Result<Value, OraError> {
    let Some(default) = default.map(str::trim) else { return Ok(Value::Null) };
    let text = default.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    match (text, Number::parse(default)) {
        (Some(text), _) => Ok(Value::text(text.replace("''", "'"))),
        (None, Some(number)) => Ok(Value::Number(number)),
        (None, None) if default.eq_ignore_ascii_case("NULL") => Ok(Value::Null),
        (None, None) => Err(unknown(format!("the default {default} for rows that are there"))),
    }
}

fn find(table: &Table, piece: &Piece) -> Result<usize, OraError> {
    let name = identifier(piece);
    table.column(&name).ok_or_else(|| OraError::new(904, format!("\"{name}\": invalid identifier")))
}

fn drop_column(table: &mut Table, column: usize) -> Result<(), OraError> {
    if let Some(partitioning) = &mut table.partitioning {
        if partitioning.column == column {
            return Err(OraError::new(12984, "cannot drop partitioning column"));
        }
        partitioning.column -= usize::from(partitioning.column > column);
    }
    table.columns_mut().remove(column);
    table.keys.retain(|key| !key.columns.contains(&column));
    for key in &mut table.keys {
        key.columns.iter_mut().filter(|number| **number > column).for_each(|number| *number -= 1);
    }
    let versions = table.rows.values_mut().flatten();
    versions.filter_map(|version| version.values.as_mut()).for_each(|values| {
        values.remove(column);
    });
    Ok(())
}

fn modify(item: &[Piece], table: &mut Table) -> Result<(), OraError> {
    let number = find(table, &item[0])?;
    let old = &table.columns[number];
    let (mut column, _) = read_type(&old.name.clone(), item, 1)?;
    column = ColumnDef {
        nullable: old.nullable,
        default: old.default.clone(),
        comment: old.comment.clone(),
        ..column
    };
    table.columns_mut()[number] = column;
    Ok(())
}

/// `COMMENT ON TABLE t IS '…'`, `COMMENT ON COLUMN t.c IS '…'`
fn comment(pieces: &[Piece], state: &mut State, user: &str) -> Result<(), OraError> {
    let text = match pieces.last().map(|piece| &piece.token) {
        Some(Token::SingleQuotedString(text)) => text.replace("''", "'"),
        _ => return Err(OraError::new(1780, "string literal required")),
    };
    let text = Some(text).filter(|text| !text.is_empty());
    if follow(pieces, 2, &["TABLE"]) {
        let (table_name, _) = name(pieces, 3, user);
        state.tables.get_mut(&table_name).ok_or_else(missing)?.comment = text;
        return Ok(());
    }
    let names: Vec<String> =
        pieces[3..pieces.len() - 2].iter().step_by(2).map(identifier).collect();
    let (table_name, column) = match &names[..] {
        [owner, table, column] => ((owner.clone(), table.clone()), column),
        [table, column] => ((user.to_owned(), table.clone()), column),
        _ => return Err(unknown("comments on what is no column")),
    };
    let table = state.tables.get_mut(&table_name).ok_or_else(missing)?;
    let number = table
        .column(column)
        .ok_or_else(|| OraError::new(904, format!("\"{column}\": invalid identifier")))?;
    table.columns_mut()[number].comment = text;
    Ok(())
}
