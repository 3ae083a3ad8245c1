//! Statements, parameters and rows on their way to PostgreSQL.

use super::bind;
use super::copy::CopyText;
use super::statement::rewrite;

fn passed(sql: &str) -> String {
    rewrite(sql).unwrap_or_else(|refused| panic!("{sql}: {refused:?}")).sql
}

fn refused(sql: &str) -> (&'static str, String) {
    let refused = rewrite(sql).expect_err(sql);
    (refused.code, refused.message)
}

#[test]
fn the_distribution_becomes_a_comment() {
    let sql = "CREATE TABLE shop.\"Odd\" (\"a b\" VARCHAR2(10), d DATE, n NUMBER(5,2))\n DISTRIBUTE BY HASH (\"a b\", D) TO GROUP g;SELECT 1";
    assert_eq!(
        passed(sql),
        "CREATE TABLE shop.\"Odd\" (\"a b\" varchar(10), d timestamp(0), n numeric(5,2))\n \
         /*gaussdb {\"table\": \"Odd\", \"hash\": [\"a b\", \"d\"]}*/;SELECT 1"
    );
    let replicated = passed("create unlogged table t (a int) distribute by replication");
    assert_eq!(
        replicated,
        "create unlogged table t (a int) /*gaussdb {\"table\": \"t\", \"hash\": []}*/"
    );
}

#[test]
fn names_of_types_are_changed_where_a_type_stands() {
    assert_eq!(passed("ALTER TABLE t ADD COLUMN clob CLOB"), "ALTER TABLE t ADD COLUMN clob text");
    assert_eq!(
        passed("ALTER TABLE t ALTER COLUMN a TYPE NVARCHAR2(5)"),
        "ALTER TABLE t ALTER COLUMN a TYPE varchar(5)"
    );
    assert_eq!(passed("ALTER TABLE t DROP COLUMN raw"), "ALTER TABLE t DROP COLUMN raw");
}

#[test]
fn the_empty_text_is_null() {
    assert_eq!(
        passed("INSERT INTO 表 VALUES ('', 'it''s', E'', '\n')"),
        "INSERT INTO 表 VALUES (NULL, 'it''s', NULL, '\n')"
    );
    assert_eq!(passed("SELECT ''"), "SELECT ''");
    let mut rows = CopyText::default();
    let mut copied = Vec::new();
    for piece in [&b"a\t\tb\\\t\n"[..], b"\t", b"\n\\N\tc\\", b"\n\t\n"] {
        copied.extend(rows.empty_as_null(piece));
    }
    assert_eq!(copied, b"a\t\\N\tb\\\t\n\\N\t\\N\n\\N\tc\\\n\t\\N\n");
    // Portal, statement, one format, three parameters: none of bytes, NULL, one byte; one result format.
    let bound = b"p\0s\0\0\x01\0\x01\0\x03\0\0\0\0\xff\xff\xff\xff\0\0\0\x01x\0\x01\0\0";
    let changed = b"p\0s\0\0\x01\0\x01\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x01x\0\x01\0\0";
    assert_eq!(bind::empty_as_null(bound).unwrap(), changed);
    assert!(bind::empty_as_null(&bound[..15]).is_err());
}

#[test]
fn what_gaussdb_lacks_is_refused() {
    for (sql, near) in [
        ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "CONFLICT"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", "DELETE"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED AND s.b THEN UPDATE SET b = 1", "AND"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN NOT MATCHED THEN DO NOTHING", "DO"),
        ("CREATE SCHEMA IF NOT EXISTS s", "NOT"),
    ] {
        let wanted = format!("syntax error at or near \"{near}\"");
        assert_eq!(refused(sql), ("42601", wanted), "{sql}");
    }
    assert_eq!(refused("CREATE TABLE t (a int REFERENCES s)").0, "0A000");
    assert_eq!(refused("LISTEN x").0, "0A000");
    let merged = "MERGE INTO t USING s ON (t.a = s.a) WHEN MATCHED THEN UPDATE SET b = s.b \
                  WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)";
    assert_eq!(passed(merged), merged);
}

#[test]
fn forms_of_gaussdb_become_those_of_postgresql() {
    assert_eq!(
        passed("INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE NOTHING"),
        "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING"
    );
    assert_eq!(passed("SET connection_info = 'x'"), "SET gaussdb.connection_info = 'x'");
    assert!(passed("SHOW sql_compatibility").contains("'ORA') AS sql_compatibility"));
    assert_eq!(refused("set sql_compatibility = 'B'").0, "55P02");
}

#[test]
fn text_that_has_no_tokens_is_left_to_postgresql() {
    assert_eq!(passed("SELECT 'open"), "SELECT 'open");
}
