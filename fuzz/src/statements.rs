//! Statements.

use tailrace_codec::TableSchema;
use tailrace_codec::ddl::{Dialect, Statement, apply, classify_as};

/// A table that most statements of the corpus can alter.
const TABLE: &str =
    "CREATE TABLE t (a INT, b VARCHAR(10), c TEXT, d ENUM('x','y'), PRIMARY KEY (a, b))";

/// Statements with line feeds of `;;` between them, read in the dialect that the first byte says, and
/// applied one after the other.
pub fn ddl(input: &[u8]) {
    let Some((flags, text)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let dialect = dialect(*flags);
    let Statement::CreateTable(create) = classify_as(dialect, TABLE, "d") else {
        panic!("the table is understood");
    };
    let mut schema = create.to_schema(Some(8)).expect("the table is understood");
    for sql in text.split(";;\n") {
        let statement = classify_as(dialect, sql, "d");
        assert_eq!(statement, classify_as(dialect, sql, "d"));
        statement.tables();
        let next = match &statement {
            Statement::CreateTable(create) => create.to_schema(Some(255)),
            Statement::AlterTable(alter) => apply(&schema, alter, Some(45)),
            _ => continue,
        };
        if let Ok(next) = next {
            check(&next);
            schema = next;
        }
    }
}

fn dialect(flags: u8) -> Dialect {
    let server = if flags & 1 == 0 { Dialect::MYSQL } else { Dialect::MARIADB };
    Dialect {
        version: if flags & 2 == 0 { server.version } else { 50_500 },
        ansi_quotes: flags & 4 != 0,
        no_backslash_escapes: flags & 8 != 0,
        real_as_float: flags & 16 != 0,
        nullable_timestamps: flags & 32 == 0,
        ..server
    }
}

fn check(schema: &TableSchema) {
    for (at, column) in schema.columns.iter().enumerate() {
        assert!(!column.type_name.is_empty());
        if schema.primary_key.contains(&at) {
            assert!(!column.nullable, "{schema:?}");
        }
    }
    assert!(schema.primary_key.iter().all(|at| *at < schema.columns.len()), "{schema:?}");
}
