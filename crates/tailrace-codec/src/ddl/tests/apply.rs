//! What `apply` refuses, and the rules that the server's cases do not reach.

use super::super::{AlterTable, CreateTable, Dialect, Statement, apply, classify, classify_as};
use crate::schema::{ColumnType, TableSchema};

const LATIN1: u16 = 8;

fn create(sql: &str) -> CreateTable {
    match classify(sql, "d") {
        Statement::CreateTable(create) => create,
        other => panic!("{sql}: {other:?}"),
    }
}

fn alter(dialect: Dialect, sql: &str) -> AlterTable {
    match classify_as(dialect, sql, "d") {
        Statement::AlterTable(alter) => alter,
        other => panic!("{sql}: {other:?}"),
    }
}

fn table() -> TableSchema {
    create("CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(9), `Ä` TEXT)")
        .to_schema(Some(LATIN1))
        .unwrap()
}

fn names(schema: &TableSchema) -> Vec<&str> {
    schema.columns.iter().map(|column| column.name.as_str()).collect()
}

fn refused(sql: &str, default: Option<u16>) -> String {
    apply(&table(), &alter(Dialect::MYSQL, sql), default).unwrap_err().to_string()
}

#[test]
fn a_schema_that_does_not_fit_is_refused_by_name() {
    for (sql, reason) in [
        ("ALTER TABLE t DROP x", "d.t has no column `x`"),
        ("ALTER TABLE t MODIFY x INT", "d.t has no column `x`"),
        ("ALTER TABLE t CHANGE x y INT", "d.t has no column `x`"),
        ("ALTER TABLE t RENAME COLUMN x TO y", "d.t has no column `x`"),
        ("ALTER TABLE t ADD a INT", "d.t has a column `a` already"),
        ("ALTER TABLE t ADD ä INT", "d.t has a column `ä` already"),
        ("ALTER TABLE t ADD c INT, ADD c INT", "d.t has a column `c` already"),
        ("ALTER TABLE t ADD c INT AFTER x", "d.t has no column `x` to put `c` behind"),
        ("ALTER TABLE t CHANGE a c INT, ADD d INT AFTER a", "no column `a` to put `d` behind"),
        ("ALTER TABLE t ADD PRIMARY KEY (x)", "d.t has no column `x` for its primary key"),
        ("ALTER TABLE t ADD c INT, FROB", "an operation was expected"),
        ("ALTER TABLE t CONVERT TO CHARACTER SET binary", "converted to bytes"),
        ("ALTER TABLE t MODIFY b VARCHAR(65536)", "more than 65535 bytes"),
    ] {
        let error = refused(sql, Some(LATIN1));
        assert!(error.contains(reason), "{sql}: {error}");
    }
}

#[test]
fn an_unknown_default_character_set_matters_only_where_it_is_used() {
    let error = refused("ALTER TABLE t ADD c VARCHAR(3)", None);
    assert!(error.contains("column `c` has the table's default character set"), "{error}");
    for sql in [
        "ALTER TABLE t ADD c INT",
        "ALTER TABLE t ADD c VARCHAR(3) CHARSET gbk",
        "ALTER TABLE t ADD c VARCHAR(3) CHARACTER SET binary",
        "ALTER TABLE t ADD c VARCHAR(3), DEFAULT CHARSET gbk",
        "ALTER TABLE t ADD c BLOB",
    ] {
        apply(&table(), &alter(Dialect::MYSQL, sql), None).unwrap();
    }
    let error = create("CREATE TABLE t (a TEXT)").to_schema(None).unwrap_err().to_string();
    assert!(error.contains("column `a`"), "{error}");
}

#[test]
fn columns_that_are_not_written_are_refused() {
    for sql in [
        "CREATE TABLE t LIKE u",
        "CREATE TABLE t (a INT) SELECT 1",
        "CREATE TABLE t",
        "CREATE TABLE t (a FROB)",
        "CREATE TABLE t (a INT, PRIMARY KEY (b))",
    ] {
        assert!(create(sql).to_schema(Some(LATIN1)).is_err(), "{sql}");
    }
}

#[test]
fn conditions_of_mariadb_are_kept() {
    let sql = "ALTER TABLE t ADD COLUMN IF NOT EXISTS A TEXT, DROP COLUMN IF EXISTS x, \
        MODIFY COLUMN IF EXISTS y INT FIRST, CHANGE COLUMN IF EXISTS z zz INT AFTER id, \
        RENAME COLUMN IF EXISTS w TO ww, ADD COLUMN IF NOT EXISTS c INT";
    let schema = apply(&table(), &alter(Dialect::MARIADB, sql), Some(LATIN1)).unwrap();
    assert_eq!(names(&schema), ["id", "a", "b", "Ä", "c"]);
    assert!(matches!(schema.columns[1].kind, ColumnType::Int { unsigned: false }));
}

#[test]
fn the_primary_key_follows_its_columns() {
    let schema =
        create("CREATE TABLE t (a INT, b INT, c INT, PRIMARY KEY (c, a))").to_schema(None).unwrap();
    assert_eq!(schema.primary_key, [2, 0]);
    let moved = "ALTER TABLE t MODIFY c BIGINT FIRST, CHANGE a aa INT, DROP b";
    let moved = apply(&schema, &alter(Dialect::MYSQL, moved), None).unwrap();
    assert_eq!(
        (names(&moved).as_slice(), moved.primary_key.as_slice()),
        (["c", "aa"].as_slice(), [0, 1].as_slice())
    );
    assert!(moved.columns.iter().all(|column| !column.nullable));
    let gone =
        apply(&schema, &alter(Dialect::MYSQL, "ALTER TABLE t DROP c, DROP a"), None).unwrap();
    assert_eq!((names(&gone).as_slice(), gone.primary_key.len()), (["b"].as_slice(), 0));
}

#[test]
fn an_alter_without_effect_on_rows_changes_nothing() {
    for sql in [
        "ALTER TABLE t ENGINE=InnoDB, ADD INDEX (a), ADD CONSTRAINT x CHECK (a > 0), FORCE",
        "ALTER TABLE t DROP PARTITION p0",
        "ALTER TABLE t IMPORT TABLESPACE",
        "ALTER TABLE t ALTER a SET DEFAULT 3",
        "ALTER TABLE t",
    ] {
        assert_eq!(apply(&table(), &alter(Dialect::MYSQL, sql), None).unwrap(), table(), "{sql}");
    }
}

#[test]
fn older_servers_have_other_defaults() {
    let old = Dialect { version: 50_744, nullable_timestamps: false, ..Dialect::MYSQL };
    let sql = "CREATE TABLE t (a VARCHAR(3), b TIMESTAMP, c TIMESTAMP NULL, d REAL, \
        e GEOMETRYCOLLECTION) CHARSET=utf8mb4";
    let schema = |dialect| match classify_as(dialect, sql, "d") {
        Statement::CreateTable(create) => create.to_schema(None).unwrap(),
        other => panic!("{other:?}"),
    };
    let columns = schema(old).columns;
    assert_eq!(columns[0].collation, 45);
    assert!(!columns[1].nullable && columns[2].nullable);
    assert_eq!(columns[3].kind, ColumnType::Double);
    assert_eq!(columns[4].type_name, "geometrycollection");
    assert_eq!(schema(Dialect::MYSQL).columns[0].collation, 255);
    assert_eq!(schema(Dialect::MYSQL.with_sql_mode(1)).columns[3].kind, ColumnType::Float);
}
