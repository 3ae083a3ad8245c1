//! `ALTER TABLE`.

use super::column::{at_charset, collation_option, column_definition, default_value};
use super::create::{Key, key};
use super::cursor::{Cursor, Parsed};
use super::lexer::Token;
use super::partition::partition_op;
use super::statement::{AlterOp, AlterTable, Position};

/// Reads an `ALTER TABLE` behind the word TABLE. The table must be understood; what is not
/// understood of the operations is said in their list.
pub(super) fn alter_table(cursor: &mut Cursor<'_>) -> Parsed<AlterTable> {
    cursor.if_exists();
    let name = cursor.table_name()?;
    cursor.skip_wait();
    let mut ops = Vec::new();
    if let Err(reason) = operations(cursor, &mut ops) {
        ops.push(AlterOp::NotUnderstood(reason));
    }
    Ok(AlterTable { name, ops })
}

fn operations(cursor: &mut Cursor<'_>, ops: &mut Vec<AlterOp>) -> Parsed<()> {
    while !cursor.at_end() {
        if let Some(op) = partition_op(cursor)? {
            ops.push(op);
        } else {
            operation(cursor, ops)?;
        }
        // Table options need no comma between them, and partition options none before them.
        if cursor.eat_sign(',') && cursor.at_end() {
            return Err(cursor.expected("an operation"));
        }
    }
    Ok(())
}

fn operation(cursor: &mut Cursor<'_>, ops: &mut Vec<AlterOp>) -> Parsed<()> {
    let before = *cursor;
    let op = if cursor.eat("ADD") {
        return add(cursor, ops);
    } else if cursor.eat("DROP") {
        drop(cursor)?
    } else if cursor.eat("MODIFY") {
        cursor.eat("COLUMN");
        let if_exists = cursor.if_exists();
        let column = column_definition(cursor)?;
        AlterOp::ModifyColumn { column, position: position(cursor)?, if_exists }
    } else if cursor.eat("CHANGE") {
        cursor.eat("COLUMN");
        let if_exists = cursor.if_exists();
        let old = cursor.column_name()?;
        let column = column_definition(cursor)?;
        AlterOp::ChangeColumn { old, column, position: position(cursor)?, if_exists }
    } else if cursor.eat("RENAME") {
        rename(cursor)?
    } else if cursor.eat("ALTER") {
        alter(cursor)?
    } else if cursor.eat_all(&["CONVERT", "TO"]) {
        return convert(cursor, ops);
    } else {
        table_option(cursor)?
    };
    if cursor.rest().len() == before.rest().len() {
        return Err(cursor.expected("an operation"));
    }
    ops.push(op);
    Ok(())
}

fn add(cursor: &mut Cursor<'_>, ops: &mut Vec<AlterOp>) -> Parsed<()> {
    let mut ahead = *cursor;
    if ahead.eat_any(&["SYSTEM", "PERIOD"]) && ahead.is_any(&["VERSIONING", "FOR"]) {
        return Err(cursor.beyond("system versioning"));
    }
    if !cursor.is("COLUMN")
        && let Some(key) = key(cursor)?
    {
        ops.push(key_op(key));
        return Ok(());
    }
    cursor.eat("COLUMN");
    let if_not_exists = cursor.if_not_exists();
    if !cursor.eat_sign('(') {
        let column = column_definition(cursor)?;
        ops.push(AlterOp::AddColumn { column, position: position(cursor)?, if_not_exists });
        return Ok(());
    }
    loop {
        let op = match key(cursor)? {
            Some(key) => key_op(key),
            None => {
                let column = column_definition(cursor)?;
                AlterOp::AddColumn { column, position: Position::Unsaid, if_not_exists }
            }
        };
        ops.push(op);
        if cursor.eat_sign(')') {
            return Ok(());
        }
        cursor.expect_sign(',')?;
    }
}

fn key_op(key: Key) -> AlterOp {
    match key {
        Key::Primary(columns) => AlterOp::AddPrimaryKey { columns },
        Key::Index => AlterOp::AddIndex,
        Key::Constraint => AlterOp::Constraint,
    }
}

fn position(cursor: &mut Cursor<'_>) -> Parsed<Position> {
    if cursor.eat("FIRST") {
        return Ok(Position::First);
    }
    if cursor.eat("AFTER") {
        return cursor.column_name().map(Position::After);
    }
    Ok(Position::Unsaid)
}

fn drop(cursor: &mut Cursor<'_>) -> Parsed<AlterOp> {
    if cursor.eat("PRIMARY") {
        cursor.expect("KEY")?;
        return Ok(AlterOp::DropPrimaryKey);
    }
    let mut ahead = *cursor;
    if ahead.eat_any(&["SYSTEM", "PERIOD"]) && ahead.is_any(&["VERSIONING", "FOR"]) {
        return Err(cursor.beyond("system versioning"));
    }
    let index = cursor.eat_any(&["INDEX", "KEY"]);
    let constraint = !index && cursor.eat("CONSTRAINT");
    if index || constraint {
        cursor.if_exists();
        let name = cursor.name()?.into_owned();
        return Ok(match (name.eq_ignore_ascii_case("PRIMARY"), index) {
            (true, _) => AlterOp::DropPrimaryKey,
            (false, true) => AlterOp::DropIndex { name },
            (false, false) => AlterOp::Constraint,
        });
    }
    if cursor.eat_all(&["FOREIGN", "KEY"]) || cursor.eat("CHECK") {
        cursor.if_exists();
        cursor.name()?;
        return Ok(AlterOp::Constraint);
    }
    cursor.eat("COLUMN");
    let if_exists = cursor.if_exists();
    let name = cursor.column_name()?;
    cursor.eat_any(&["RESTRICT", "CASCADE"]);
    Ok(AlterOp::DropColumn { name, if_exists })
}

fn rename(cursor: &mut Cursor<'_>) -> Parsed<AlterOp> {
    if cursor.eat("COLUMN") {
        let if_exists = cursor.if_exists();
        let from = cursor.column_name()?;
        cursor.expect("TO")?;
        return Ok(AlterOp::RenameColumn { from, to: cursor.column_name()?, if_exists });
    }
    if cursor.eat_any(&["INDEX", "KEY"]) {
        cursor.if_exists();
        cursor.name()?;
        cursor.expect("TO")?;
        cursor.name()?;
        return Ok(AlterOp::AlterIndex);
    }
    let _ = cursor.eat_any(&["TO", "AS"]) || cursor.eat_sign('=');
    Ok(AlterOp::RenameTo(cursor.table_name()?))
}

fn alter(cursor: &mut Cursor<'_>) -> Parsed<AlterOp> {
    if cursor.eat_any(&["INDEX", "KEY"]) {
        cursor.if_exists();
        cursor.name()?;
        cursor.skip_part()?;
        return Ok(AlterOp::AlterIndex);
    }
    if cursor.eat_any(&["CHECK", "CONSTRAINT"]) {
        cursor.name()?;
        cursor.eat("NOT");
        cursor.expect("ENFORCED")?;
        return Ok(AlterOp::Constraint);
    }
    cursor.eat("COLUMN");
    cursor.if_exists();
    let name = cursor.column_name()?;
    if cursor.eat_all(&["SET", "DEFAULT"]) {
        default_value(cursor)?;
    } else if !cursor.eat_all(&["DROP", "DEFAULT"])
        && !cursor.eat_all(&["SET", "VISIBLE"])
        && !cursor.eat_all(&["SET", "INVISIBLE"])
    {
        return Err(cursor.expected("a default"));
    }
    Ok(AlterOp::AlterColumnDefault { name })
}

/// `CONVERT TO CHARACTER SET name [COLLATE name]`
fn convert(cursor: &mut Cursor<'_>, ops: &mut Vec<AlterOp>) -> Parsed<()> {
    if !at_charset(cursor) {
        return Err(cursor.expected("CHARACTER SET"));
    }
    let before = *cursor;
    let mut id = collation_option(cursor)?;
    if cursor.is("COLLATE") {
        id = collation_option(cursor)?;
    }
    let Some(id) = id else { return Err(before.beyond("the database's default character set")) };
    ops.push(AlterOp::ConvertCharset(id));
    Ok(())
}

/// A table option, or another operation that leaves rows as they look.
fn table_option(cursor: &mut Cursor<'_>) -> Parsed<AlterOp> {
    let before = *cursor;
    cursor.eat("DEFAULT");
    if cursor.is("COLLATE") || at_charset(cursor) {
        let id = collation_option(cursor)?;
        let id = id.ok_or_else(|| before.beyond("the database's default character set"))?;
        return Ok(AlterOp::DefaultCollation(id));
    }
    *cursor = before;
    if cursor.eat_all(&["DISCARD", "TABLESPACE"]) || cursor.eat_all(&["IMPORT", "TABLESPACE"]) {
        return Ok(AlterOp::Tablespace);
    }
    let known = cursor.eat_any(&["FORCE", "SECONDARY_LOAD", "SECONDARY_UNLOAD", "NOWAIT"])
        || cursor.eat_all(&["ENABLE", "KEYS"])
        || cursor.eat_all(&["DISABLE", "KEYS"])
        || cursor.eat_all(&["WITH", "VALIDATION"])
        || cursor.eat_all(&["WITHOUT", "VALIDATION"])
        || cursor.eat_all(&["START", "TRANSACTION"]);
    if known {
        return Ok(AlterOp::TableOption);
    }
    if cursor.eat_all(&["ORDER", "BY"]) {
        return order_by(cursor);
    }
    option_with_value(cursor)
}

fn order_by(cursor: &mut Cursor<'_>) -> Parsed<AlterOp> {
    loop {
        cursor.column_name()?;
        cursor.eat_any(&["ASC", "DESC"]);
        let mut ahead = *cursor;
        if !ahead.eat_sign(',') || ahead.is_any(&["ADD", "DROP", "CHANGE", "MODIFY", "ALTER"]) {
            return Ok(AlterOp::TableOption);
        }
        *cursor = ahead;
    }
}

/// Options that may be written without `=`. Any word before `=` is taken for an option: engines have
/// their own.
const OPTIONS: [&str; 28] = [
    "ALGORITHM",
    "AUTOEXTEND_SIZE",
    "AUTO_INCREMENT",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "COMMENT",
    "COMPRESSION",
    "CONNECTION",
    "DELAY_KEY_WRITE",
    "ENCRYPTION",
    "ENGINE",
    "ENGINE_ATTRIBUTE",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "LOCK",
    "MAX_ROWS",
    "MIN_ROWS",
    "PACK_KEYS",
    "PASSWORD",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "STORAGE",
    "TABLESPACE",
    "UNION",
];

fn option_with_value(cursor: &mut Cursor<'_>) -> Parsed<AlterOp> {
    let directory =
        cursor.eat_all(&["DATA", "DIRECTORY"]) || cursor.eat_all(&["INDEX", "DIRECTORY"]);
    if !directory && !cursor.eat_any(&OPTIONS) {
        let assigned = cursor.peek_second() == Token::Sign('=');
        if !assigned || !matches!(cursor.peek(), Token::Word(_) | Token::Name(..)) {
            return Err(cursor.expected("an operation"));
        }
        cursor.advance();
    }
    cursor.eat_sign('=');
    if matches!(cursor.peek(), Token::Text(..)) {
        cursor.text()?;
    } else if cursor.at_part_end() {
        return Err(cursor.expected("a value"));
    } else {
        cursor.skip_item()?;
    }
    Ok(AlterOp::TableOption)
}
