//! Nothing panics, loops or takes more than linear time.

use proptest::prelude::*;

use super::super::{AlterTable, Dialect, Statement, apply, classify_as};

fn corpus() -> impl Iterator<Item = &'static str> {
    include_str!("corpus.txt")
        .lines()
        .filter(|line| !line.starts_with("=> ") && !line.starts_with("## ") && !line.is_empty())
}

/// Reads a statement in every dialect, and goes on to the schema.
fn read(sql: &str) {
    let oldest = Dialect { version: 50_500, nullable_timestamps: false, ..Dialect::MYSQL };
    for dialect in
        [Dialect::MYSQL, Dialect::MARIADB, oldest, Dialect::MYSQL.with_sql_mode(u64::MAX)]
    {
        let statement = classify_as(dialect, sql, "d");
        for table in statement.tables() {
            assert!(!table.table.contains('\u{0}') || sql.contains('\u{0}'));
        }
        match statement {
            Statement::CreateTable(create) => {
                for default in [None, Some(255), Some(63), Some(60_000)] {
                    if let Ok(schema) = create.to_schema(default) {
                        assert!(schema.primary_key.iter().all(|at| *at < schema.columns.len()));
                    }
                }
            }
            Statement::AlterTable(alter) => alter_any(&alter),
            _ => {}
        }
    }
}

fn alter_any(alter: &AlterTable) {
    let Statement::CreateTable(create) = classify_as(
        Dialect::MYSQL,
        "CREATE TABLE t (a INT, b VARCHAR(3), c TEXT, d ENUM('x'), PRIMARY KEY (a, b))",
        "d",
    ) else {
        panic!("the table is understood")
    };
    let schema = create.to_schema(Some(8)).unwrap();
    if let Ok(new) = apply(&schema, alter, Some(8)) {
        assert!(new.primary_key.iter().all(|at| *at < new.columns.len()));
    }
}

#[test]
fn every_cut_of_every_statement_is_read() {
    for sql in corpus() {
        for (at, _) in sql.char_indices() {
            read(&sql[..at]);
            read(&sql[at..]);
        }
    }
}

/// A quadratic reader would take minutes for these.
#[test]
fn long_statements_take_linear_time() {
    const REPEATS: usize = 200_000;
    for (head, repeated) in [
        ("CREATE TABLE t (a INT) ", ";"),
        ("CREATE TABLE t ", "("),
        ("CREATE TABLE t (a INT", ", b INT"),
        ("ALTER TABLE t ", "ADD a INT,"),
        ("ALTER TABLE t ADD a INT DEFAULT ", "-"),
        ("ALTER TABLE t COMMENT ", "'x' "),
        ("ALTER TABLE t ", "/*!50000 "),
        ("ALTER TABLE t ", "/* x */"),
        ("ALTER TABLE t ", "/*"),
        ("CREATE TABLE ", "a."),
        ("DROP TABLE t", ",t"),
        ("CREATE ", "AGGREGATE "),
        ("CREATE INDEX i ", "x "),
        ("XA COMMIT ", "'a',"),
        ("", "-- \n"),
        ("ALTER TABLE t ADD a ENUM('", "''"),
        ("ALTER TABLE t ORDER BY a", ",a"),
    ] {
        let sql = format!("{head}{}", repeated.repeat(REPEATS));
        classify_as(Dialect::MYSQL, &sql, "d");
        classify_as(Dialect::MARIADB, &sql, "d");
    }
}

fn piece() -> impl Strategy<Value = String> {
    let words = "ALTER TABLE CREATE DROP RENAME ADD COLUMN MODIFY CHANGE TO AFTER FIRST PRIMARY KEY INDEX \
        UNIQUE CONSTRAINT CHECK REFERENCES DEFAULT NOT NULL COMMENT CHARACTER SET COLLATE utf8mb4 \
        latin1 INT VARCHAR TEXT ENUM DECIMAL TIMESTAMP PARTITION BY IF EXISTS CONVERT ON UPDATE AS \
        GENERATED ALWAYS LIKE SELECT t a b c `a` `b``c` 'x' 'it''s' \"q\" ( ) ( ) , , ; . = - 1 10 0x1F \
        X'41' /*!50000 */ /* -- # @ é 表 DEFINER VIEW TRIGGER XA COMMIT BINARY ORDER";
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    prop_oneof![9 => prop::sample::select(words), 1 => "\\PC{0,3}"]
}

proptest! {
    #[test]
    fn any_text_is_read(sql in "\\PC{0,80}") {
        read(&sql);
    }

    #[test]
    fn any_pieces_are_read(
        head in prop::sample::select(vec!["ALTER TABLE t ", "CREATE TABLE t (", "ALTER TABLE t ADD ", ""]),
        pieces in prop::collection::vec(piece(), 0..30),
    ) {
        read(&format!("{head}{}", pieces.join(" ")));
    }

    #[test]
    fn mutated_statements_are_read(
        number in 0_usize..300,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), piece()), 1..4),
    ) {
        let Some(sql) = corpus().nth(number) else { return Ok(()) };
        let mut signs: Vec<char> = sql.chars().collect();
        for (at, piece) in cuts {
            let at = at.index(signs.len() + 1);
            let tail = signs.split_off(at);
            signs.extend(piece.chars());
            signs.extend(tail.iter().skip(1));
        }
        read(&signs.into_iter().collect::<String>());
    }
}
