//! The kind of a statement.

use super::alter::alter_table;
use super::column::{at_charset, collation_option};
use super::create::create_table;
use super::cursor::{Cursor, Parsed};
use super::dialect::Dialect;
use super::lexer::Token;
use super::statement::{
    AlterOp, AlterTable, NotUnderstood, Statement, StoredObject, TableName, TransactionControl,
    Verb,
};
use crate::schema::CollationId;

/// Classifies a statement of MySQL or TaurusDB with the default SQL mode.
/// `default_database` is the one of names without a database.
pub fn classify(sql: &str, default_database: &str) -> Statement {
    classify_as(Dialect::MYSQL, sql, default_database)
}

/// Classifies a statement of a given server and session.
pub fn classify_as(dialect: Dialect, sql: &str, default_database: &str) -> Statement {
    let mut cursor = Cursor::new(sql, default_database, dialect);
    statement(&mut cursor).unwrap_or_else(Statement::Unknown)
}

/// First words of statements that change rows.
const ROW_WORDS: [&str; 10] =
    ["CALL", "DELETE", "HANDLER", "INSERT", "LOAD", "MERGE", "REPLACE", "SELECT", "UPDATE", "WITH"];

/// First words of statements that change neither rows nor schemas.
const OTHER_WORDS: [&str; 37] = [
    "ANALYZE",
    "BACKUP",
    "BINLOG",
    "CACHE",
    "CHANGE",
    "CHECK",
    "CHECKSUM",
    "CLONE",
    "DEALLOCATE",
    "DESC",
    "DESCRIBE",
    "DO",
    "EXECUTE",
    "EXPLAIN",
    "FLUSH",
    "GET",
    "HELP",
    "INSTALL",
    "KILL",
    "LOCK",
    "OPTIMIZE",
    "PREPARE",
    "PURGE",
    "REPAIR",
    "RESET",
    "RESTART",
    "SET",
    "SHOW",
    "SHUTDOWN",
    "SIGNAL",
    "START",
    "STOP",
    "UNINSTALL",
    "UNLOCK",
    "USE",
    "VALUES",
    "RESIGNAL",
];

fn statement(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    let Token::Word(first) = cursor.peek() else {
        return Err(cursor.expected("a statement"));
    };
    let verb = first.to_ascii_uppercase();
    match verb.as_str() {
        "ALTER" => alter(cursor),
        "CREATE" => create(cursor),
        "DROP" => drop(cursor),
        "RENAME" => rename(cursor),
        "TRUNCATE" => truncate(cursor),
        "GRANT" | "REVOKE" => Ok(Statement::Account),
        "BEGIN" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "XA" => transaction(cursor),
        "START" if is_second(cursor, &["TRANSACTION"]) => {
            Ok(Statement::Transaction(TransactionControl::Begin))
        }
        "SET" if is_second(cursor, &["PASSWORD", "ROLE"]) => Ok(Statement::Account),
        "SET" if cursor.eat_all(&["SET", "DEFAULT", "ROLE"]) => Ok(Statement::Account),
        "LOAD" if is_second(cursor, &["INDEX"]) => Ok(Statement::Other { verb }),
        verb_ if ROW_WORDS.contains(&verb_) => Ok(Statement::Rows { verb }),
        verb_ if OTHER_WORDS.contains(&verb_) => Ok(Statement::Other { verb }),
        _ => Err(cursor.expected("a known statement")),
    }
}

fn is_second(cursor: &Cursor<'_>, words: &[&str]) -> bool {
    let mut ahead = *cursor;
    ahead.advance();
    ahead.is_any(words)
}

fn create(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    cursor.advance();
    cursor.eat_all(&["OR", "REPLACE"]);
    let temporary = cursor.eat("TEMPORARY");
    if cursor.eat("TABLE") {
        return create_table(cursor, temporary).map(Statement::CreateTable);
    }
    if cursor.eat_any(&["DATABASE", "SCHEMA"]) {
        cursor.if_not_exists();
        let name = cursor.name()?.into_owned();
        return Ok(Statement::CreateDatabase { name, collation: database_collation(cursor)? });
    }
    if cursor.eat_any(&["USER", "ROLE"]) {
        return Ok(Statement::Account);
    }
    if let Some(statement) = create_index(cursor)? {
        return Ok(statement);
    }
    if let Some(object) = stored_object(cursor) {
        cursor.if_not_exists();
        let names = vec![cursor.table_name()?];
        return Ok(Statement::StoredObject { verb: Verb::Create, object, names });
    }
    other_object(cursor, "CREATE")
}

/// `[UNIQUE] INDEX name … ON table (…)`
fn create_index(cursor: &mut Cursor<'_>) -> Parsed<Option<Statement>> {
    let mut ahead = *cursor;
    ahead.eat_any(&["ONLINE", "OFFLINE"]);
    ahead.eat_any(&["UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"]);
    if !ahead.eat("INDEX") {
        return Ok(None);
    }
    ahead.if_not_exists();
    while !ahead.is("ON") {
        if ahead.at_part_end() {
            return Err(ahead.expected("ON"));
        }
        ahead.skip_item()?;
    }
    ahead.advance();
    let table = ahead.table_name()?;
    *cursor = ahead;
    Ok(Some(Statement::CreateIndex { table }))
}

/// Steps over `DEFINER = …`, `ALGORITHM = …`, `SQL SECURITY …` and the like to a word for a stored
/// object, and over that.
fn stored_object(cursor: &mut Cursor<'_>) -> Option<StoredObject> {
    let mut ahead = *cursor;
    loop {
        let object = if ahead.eat("VIEW") {
            Some(StoredObject::View)
        } else if ahead.eat("PROCEDURE") {
            Some(StoredObject::Procedure)
        } else if ahead.eat("FUNCTION") {
            Some(StoredObject::Function)
        } else if ahead.eat("TRIGGER") {
            Some(StoredObject::Trigger)
        } else if ahead.eat("EVENT") {
            Some(StoredObject::Event)
        } else {
            None
        };
        if object.is_some() {
            *cursor = ahead;
            return object;
        }
        let prefix = ahead.eat_all(&["SQL", "SECURITY"])
            || ahead.eat_any(&["AGGREGATE", "MATERIALIZED", "JSON", "RELATIONAL", "DUALITY"]);
        let valued = ahead.eat_any(&["DEFINER", "INVOKER", "ALGORITHM"]);
        if valued && ahead.eat_sign('=') && !skip_user_or_word(&mut ahead) {
            return None;
        }
        if !prefix && !valued {
            return None;
        }
    }
}

/// `name`, `'name'@'host'`, `CURRENT_USER()`
fn skip_user_or_word(cursor: &mut Cursor<'_>) -> bool {
    if cursor.name_or_text().is_err() {
        return false;
    }
    if cursor.eat_sign('(') {
        return cursor.eat_sign(')');
    }
    !cursor.eat_sign('@') || cursor.name_or_text().is_ok()
}

/// Objects that replication does not look at.
const OTHER_OBJECTS: [&str; 11] = [
    "INSTANCE",
    "LIBRARY",
    "LOGFILE",
    "PACKAGE",
    "PREPARE",
    "RESOURCE",
    "SEQUENCE",
    "SERVER",
    "SPATIAL",
    "TABLESPACE",
    "UNDO",
];

fn other_object(cursor: &Cursor<'_>, verb: &str) -> Parsed<Statement> {
    if cursor.is_any(&OTHER_OBJECTS) {
        return Ok(Statement::Other { verb: verb.to_owned() });
    }
    Err(cursor.expected("a known kind of object"))
}

/// The options of a database. A name that is not known gives no collation, as none does.
fn database_collation(cursor: &mut Cursor<'_>) -> Parsed<Option<CollationId>> {
    let mut collation = None;
    while !cursor.at_end() {
        if cursor.is("COLLATE") || at_charset(cursor) {
            let before = cursor.rest().len();
            collation = collation_option(cursor).ok().flatten();
            if cursor.rest().len() == before {
                return Err(cursor.expected("a character set"));
            }
        } else {
            cursor.skip_item()?;
        }
    }
    Ok(collation)
}

fn alter(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    cursor.advance();
    let mut ahead = *cursor;
    ahead.eat_any(&["ONLINE", "OFFLINE"]);
    ahead.eat("IGNORE");
    if ahead.eat("TABLE") {
        *cursor = ahead;
        return alter_table(cursor).map(Statement::AlterTable);
    }
    if cursor.eat_any(&["DATABASE", "SCHEMA"]) {
        let options =
            ["DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "ENCRYPTION", "READ", "COMMENT"];
        let name = if cursor.is_any(&options) {
            cursor.default_database().to_owned()
        } else {
            cursor.name()?.into_owned()
        };
        return Ok(Statement::AlterDatabase { name, collation: database_collation(cursor)? });
    }
    if cursor.is_any(&["USER", "ROLE"]) {
        return Ok(Statement::Account);
    }
    if let Some(object) = stored_object(cursor) {
        cursor.if_exists();
        let names = vec![cursor.table_name()?];
        return Ok(Statement::StoredObject { verb: Verb::Alter, object, names });
    }
    other_object(cursor, "ALTER")
}

fn drop(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    cursor.advance();
    let temporary = cursor.eat("TEMPORARY");
    if cursor.eat_any(&["TABLE", "TABLES"]) {
        cursor.if_exists();
        let names = table_names(cursor)?;
        cursor.skip_wait();
        cursor.eat_any(&["RESTRICT", "CASCADE"]);
        cursor.expect_end()?;
        return Ok(Statement::DropTable { names, temporary });
    }
    if cursor.eat_any(&["DATABASE", "SCHEMA"]) {
        cursor.if_exists();
        let name = cursor.name()?.into_owned();
        cursor.expect_end()?;
        return Ok(Statement::DropDatabase { name });
    }
    cursor.eat_any(&["ONLINE", "OFFLINE"]);
    if cursor.eat("INDEX") {
        return drop_index(cursor);
    }
    if cursor.is_any(&["USER", "ROLE"]) {
        return Ok(Statement::Account);
    }
    if let Some(object) = stored_object(cursor) {
        cursor.if_exists();
        let names = table_names(cursor)?;
        return Ok(Statement::StoredObject { verb: Verb::Drop, object, names });
    }
    other_object(cursor, "DROP")
}

/// Dropping the index of the primary key is an `ALTER TABLE … DROP PRIMARY KEY`.
fn drop_index(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    cursor.if_exists();
    let index = cursor.name()?.into_owned();
    cursor.expect("ON")?;
    let table = cursor.table_name()?;
    if index.eq_ignore_ascii_case("PRIMARY") {
        let ops = vec![AlterOp::DropPrimaryKey];
        return Ok(Statement::AlterTable(AlterTable { name: table, ops }));
    }
    Ok(Statement::DropIndex { table })
}

fn table_names(cursor: &mut Cursor<'_>) -> Parsed<Vec<TableName>> {
    let mut names = vec![cursor.table_name()?];
    while cursor.eat_sign(',') {
        names.push(cursor.table_name()?);
    }
    Ok(names)
}

fn rename(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    cursor.advance();
    if cursor.is("USER") {
        return Ok(Statement::Account);
    }
    if !cursor.eat_any(&["TABLE", "TABLES"]) {
        return Err(cursor.expected("TABLE"));
    }
    cursor.if_exists();
    let mut pairs = Vec::new();
    loop {
        let from = cursor.table_name()?;
        cursor.skip_wait();
        cursor.expect("TO")?;
        pairs.push((from, cursor.table_name()?));
        if !cursor.eat_sign(',') {
            break;
        }
    }
    cursor.expect_end()?;
    Ok(Statement::RenameTable { pairs })
}

fn truncate(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    cursor.advance();
    cursor.eat("TABLE");
    let name = cursor.table_name()?;
    cursor.skip_wait();
    cursor.expect_end()?;
    Ok(Statement::TruncateTable { name })
}

fn transaction(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    let control = if cursor.eat("BEGIN") {
        cursor.eat("WORK");
        cursor.expect_end()?;
        TransactionControl::Begin
    } else if cursor.eat("COMMIT") {
        TransactionControl::Commit
    } else if cursor.eat("ROLLBACK") {
        cursor.eat("WORK");
        if cursor.eat("TO") {
            cursor.eat("SAVEPOINT");
            TransactionControl::RollbackTo(cursor.name()?.into_owned())
        } else {
            TransactionControl::Rollback
        }
    } else if cursor.eat("SAVEPOINT") {
        TransactionControl::Savepoint(cursor.name()?.into_owned())
    } else if cursor.eat_all(&["RELEASE", "SAVEPOINT"]) {
        TransactionControl::Release(cursor.name()?.into_owned())
    } else if cursor.eat("XA") {
        return xa(cursor);
    } else {
        return Err(cursor.expected("SAVEPOINT"));
    };
    Ok(Statement::Transaction(control))
}

fn xa(cursor: &mut Cursor<'_>) -> Parsed<Statement> {
    let verb = *cursor;
    if cursor.eat("RECOVER") {
        return Ok(Statement::Other { verb: "XA".to_owned() });
    }
    if !cursor.eat_any(&["START", "BEGIN", "END", "PREPARE", "COMMIT", "ROLLBACK"]) {
        return Err(cursor.expected("a known XA statement"));
    }
    let text = cursor.rest();
    while !cursor.at_end() && !matches!(cursor.peek(), Token::Word(_)) {
        cursor.skip_item()?;
    }
    let xid = text.strip_suffix(cursor.rest()).unwrap_or(text);
    let xid = xid.trim().trim_end_matches(';').trim_end().to_owned();
    if xid.is_empty() {
        return Err(NotUnderstood::because("an XA statement has no XID"));
    }
    Ok(Statement::Transaction(if verb.is_any(&["START", "BEGIN"]) {
        TransactionControl::XaStart(xid)
    } else if verb.is("END") {
        TransactionControl::XaEnd(xid)
    } else if verb.is("PREPARE") {
        TransactionControl::XaPrepare(xid)
    } else if verb.is("COMMIT") {
        TransactionControl::XaCommit { xid, one_phase: cursor.eat_all(&["ONE", "PHASE"]) }
    } else {
        TransactionControl::XaRollback(xid)
    }))
}
