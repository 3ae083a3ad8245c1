//! `CREATE TABLE`, and the keys that it shares with `ALTER TABLE`.

use super::column::{ColumnDefinition, at_charset, collation_option, column_definition};
use super::cursor::{Cursor, Parsed};
use super::lexer::Token;
use super::statement::{CreateTable, NotUnderstood, TableName};
use crate::schema::{CollationId, TableSchema};

/// Words that begin a query.
const QUERY_WORDS: [&str; 5] = ["SELECT", "WITH", "VALUES", "TABLE", "AS"];

/// A key or constraint of a table.
pub(super) enum Key {
    /// Its columns in key order.
    Primary(Vec<String>),
    /// Any other index.
    Index,
    /// A foreign key or check.
    Constraint,
}

/// Reads a `CREATE TABLE` behind the word TABLE.
pub(super) fn create_table(cursor: &mut Cursor<'_>, temporary: bool) -> Parsed<CreateTable> {
    let if_not_exists = cursor.if_not_exists();
    let mut create = CreateTable {
        name: cursor.table_name()?,
        temporary,
        if_not_exists,
        like: None,
        as_select: false,
        columns: Ok(Vec::new()),
        primary_key: Vec::new(),
        collation: None,
    };
    if cursor.eat("LIKE") {
        create.like = Some(cursor.table_name()?);
        cursor.expect_end()?;
        return Ok(create);
    }
    if cursor.peek() == Token::Sign('(') {
        let mut inside = *cursor;
        inside.advance();
        if inside.eat("LIKE") {
            create.like = Some(inside.table_name()?);
            inside.expect_sign(')')?;
            inside.expect_end()?;
            return Ok(create);
        }
        cursor.skip_brackets()?;
        if inside.is_any(&QUERY_WORDS) || inside.peek() == Token::Sign('(') {
            create.as_select = true;
            return Ok(create);
        }
        create.columns = elements(&mut inside, &mut create.primary_key);
    }
    if let Err(reason) = options(cursor, &mut create) {
        create.columns = Err(reason);
    }
    Ok(create)
}

/// The list of columns and keys, behind its bracket.
fn elements(
    cursor: &mut Cursor<'_>,
    primary_key: &mut Vec<String>,
) -> Parsed<Vec<ColumnDefinition>> {
    let mut columns = Vec::new();
    loop {
        match key(cursor)? {
            Some(Key::Primary(columns)) => *primary_key = columns,
            Some(Key::Index | Key::Constraint) => {}
            None => {
                let column = column_definition(cursor)?;
                if column.primary_key {
                    *primary_key = vec![column.name.clone()];
                }
                columns.push(column);
            }
        }
        if cursor.eat_sign(')') {
            return Ok(columns);
        }
        cursor.expect_sign(',')?;
    }
}

/// A key or constraint, if one begins here.
pub(super) fn key(cursor: &mut Cursor<'_>) -> Parsed<Option<Key>> {
    let mut ahead = *cursor;
    if ahead.eat("CONSTRAINT") && !ahead.is_any(&["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]) {
        ahead.if_not_exists();
        ahead.name()?;
    }
    let key = if ahead.eat("PRIMARY") {
        ahead.expect("KEY")?;
        while ahead.peek() != Token::Sign('(') && !ahead.at_part_end() {
            ahead.advance();
        }
        Key::Primary(key_columns(&mut ahead)?)
    } else if ahead.is_any(&["UNIQUE", "INDEX", "KEY", "FULLTEXT", "SPATIAL"]) {
        Key::Index
    } else if ahead.is_any(&["FOREIGN", "CHECK"]) {
        Key::Constraint
    } else if cursor.is("CONSTRAINT") {
        return Err(ahead.expected("a constraint"));
    } else if ahead.is("PERIOD")
        && matches!(ahead.peek_second(), Token::Word(word) if word.eq_ignore_ascii_case("FOR"))
    {
        return Err(ahead.beyond("a period"));
    } else {
        return Ok(None);
    };
    ahead.skip_part()?;
    *cursor = ahead;
    Ok(Some(key))
}

/// `(a, b(10) DESC)`
fn key_columns(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.expect_sign('(')?;
    let mut columns = Vec::new();
    loop {
        columns.push(cursor.column_name()?);
        cursor.skip_part()?;
        if cursor.eat_sign(')') {
            return Ok(columns);
        }
        cursor.expect_sign(',')?;
    }
}

/// The options behind the columns, up to a query if there is one.
fn options(cursor: &mut Cursor<'_>, create: &mut CreateTable) -> Parsed<()> {
    let mut partitions = false;
    while !cursor.at_end() {
        if cursor.is_any(&["SELECT", "VALUES", "TABLE", "AS", "IGNORE", "REPLACE"])
            || (cursor.is("WITH") && !is_with_option(cursor))
            || (cursor.peek() == Token::Sign('(')
                && create.columns.as_ref().is_ok_and(Vec::is_empty))
        {
            create.as_select = true;
            return Ok(());
        }
        if cursor.is("PARTITION") {
            partitions = true;
        }
        if cursor.is("WITH") {
            return Err(cursor.beyond("system versioning"));
        }
        if !partitions && (cursor.is("COLLATE") || at_charset(cursor)) {
            create.collation = collation_option(cursor)?;
        } else {
            cursor.skip_item()?;
        }
    }
    Ok(())
}

/// `WITH SYSTEM VERSIONING` of MariaDB, which adds hidden columns.
fn is_with_option(cursor: &Cursor<'_>) -> bool {
    let mut ahead = *cursor;
    ahead.eat_all(&["WITH", "SYSTEM", "VERSIONING"])
}

impl CreateTable {
    /// The schema of the new table, in a database with this default collation.
    ///
    /// # Errors
    /// The columns are another table's, come from a query, or were not understood; or a character
    /// set is needed that is not known.
    pub fn to_schema(
        &self,
        database_collation: Option<CollationId>,
    ) -> Result<TableSchema, NotUnderstood> {
        let definitions = self.columns.as_ref().map_err(Clone::clone)?;
        if self.like.is_some() || self.as_select || definitions.is_empty() {
            return Err(NotUnderstood::because(format!(
                "the columns of {} are not written in its CREATE TABLE",
                self.name
            )));
        }
        let default = self.collation.or(database_collation);
        let columns = definitions.iter().map(|definition| definition.to_column(default));
        let mut columns = columns.collect::<Result<Vec<_>, _>>()?;
        let mut primary_key = Vec::new();
        for name in &self.primary_key {
            let Some((at, column)) =
                columns.iter_mut().enumerate().find(|(_, column)| same_name(&column.name, name))
            else {
                return Err(NotUnderstood::because(format!(
                    "{} has no column `{name}` for its primary key",
                    self.name
                )));
            };
            column.nullable = false;
            primary_key.push(at);
        }
        let TableName { database, table } = self.name.clone();
        Ok(TableSchema { database, table, columns, primary_key })
    }
}

/// Column names do not know upper and lower case.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_lowercase() == b.to_lowercase()
}
