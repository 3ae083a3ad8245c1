//! Large objects that the log tells in pieces are what they were when their transaction was committed.

use oracledb::Connection;
use sha2::{Digest as _, Sha256};

use super::{connect, job, run, server, start};
use crate::gaussdb;

/// A text of so many characters, with quotes and characters of three bytes.
fn long(seed: u32, characters: usize) -> String {
    (0..characters as u32)
        .map(|at| {
            char::from_u32(0x27 + (at * 7 + seed) % 40 + 0x4e00 * (at % 97 / 96)).unwrap_or('x')
        })
        .collect()
}

fn insert(source: &Connection, id: i64, note: &str, data: &[u8]) {
    let data = data.to_vec();
    source
        .execute("INSERT INTO t (id, note, data) VALUES (:1, :2, :3)", &[&id, &note, &data])
        .expect("a row");
}

/// Length and MD5 of both, by the target.
fn of_target() -> String {
    let (postgres, _) = gaussdb::shared();
    let sql = "SELECT id, coalesce(v, ''), length(note), md5(note), length(data), md5(data) FROM oracle_large.t ORDER BY id";
    postgres.sql(sql).expect("rows").trim_end().to_owned()
}

fn same(id: i64, v: &str, note: &str, data: &[u8]) -> String {
    let (postgres, _) = gaussdb::shared();
    let sql = format!(
        "SELECT {id}, '{v}', length(n), md5(n), length(d), md5(d) FROM (SELECT '{}'::text AS n, '\\x{}'::bytea AS d) AS x",
        note.replace('\'', "''"),
        hex::encode(data)
    );
    postgres.sql(&sql).expect("a row").trim_end().to_owned()
}

#[test]
fn they_are_what_they_were_when_their_transaction_was_committed() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, note CLOB, v VARCHAR2(20), data BLOB)",
        ],
    );
    let (a, b, c) = (long(1, 9000), long(2, 20_000), long(3, 5001));
    let bytes: Vec<u8> = (0..30_000_u32).map(|n| (n % 251) as u8).collect();
    insert(&source, 1, &a, &bytes);
    run(&source, &["COMMIT"]);
    let job = job(&server, "oracle_large", &["T"]);
    let running = start(&job, 1);
    let count = "SELECT count(*) FROM oracle_large.t WHERE v = 'end'";
    running.wait_for("the full phase", "SELECT count(*) FROM oracle_large.t", "1");
    insert(&source, 2, &b, &bytes[..5000]);
    run(&source, &["COMMIT"]);
    insert(&source, 3, &c, &bytes[..10]);
    // Its key changes behind it, in the same transaction.
    run(&source, &["UPDATE t SET id = 30 WHERE id = 3", "COMMIT"]);
    source.execute("UPDATE t SET note = :1 WHERE id = 1", &[&b]).expect("an update");
    run(&source, &["SAVEPOINT a"]);
    source.execute("UPDATE t SET note = :1 WHERE id = 2", &[&c]).expect("an update");
    insert(&source, 4, &c, &bytes);
    run(&source, &["ROLLBACK TO SAVEPOINT a", "COMMIT"]);
    insert(&source, 5, &a, &bytes);
    run(
        &source,
        &["DELETE FROM t WHERE id = 5", "UPDATE t SET note = 'short' WHERE id = 30", "COMMIT"],
    );
    insert(&source, 6, &a, &bytes);
    run(&source, &["ROLLBACK", "UPDATE t SET v = 'end' WHERE id = 2", "COMMIT"]);
    running.wait_for("the end", count, "1");
    assert!(running.stop().is_none());
    let wanted = [
        same(1, "", &b, &bytes),
        same(2, "end", &b, &bytes[..5000]),
        same(30, "", "short", &bytes[..10]),
    ];
    assert_eq!(of_target(), wanted.join("\n"));
}

#[test]
fn they_are_read_too_where_the_table_is_another_by_now() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, note CLOB)",
            "INSERT INTO t VALUES (1, 'one')",
            "COMMIT",
        ],
    );
    let job = job(&server, "oracle_large_before", &["T"]);
    let running = start(&job, 1);
    running.wait_for("the full phase", "SELECT count(*) FROM oracle_large_before.t", "1");
    assert!(running.stop().is_none());
    let text = long(4, 8000);
    source.execute("INSERT INTO t VALUES (2, :1)", &[&text]).expect("a row");
    run(
        &source,
        &["COMMIT", "ALTER TABLE t ADD (z NUMBER(3))", "UPDATE t SET z = 1 WHERE id = 2", "COMMIT"],
    );
    let running = start(&job, 2);
    let there = format!(
        "SELECT count(*) FROM oracle_large_before.t WHERE z = 1 AND note = '{}'",
        text.replace('\'', "''")
    );
    running.wait_for("the row", &there, "1");
    assert!(running.stop().is_none());
}

/// Long ones are copied in pieces, some of which would end between the halves of a character.
#[test]
fn long_ones_are_copied_in_pieces() {
    let server = server();
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(10) PRIMARY KEY, note CLOB, v VARCHAR2(20), data BLOB)",
        ],
    );
    // An odd number of units before characters of two, all of which have four bytes in UTF-8.
    let halves = format!("x{}", "\u{1f980}".repeat(400_000));
    let escaped = "it's\ta\\line\n".repeat(60_000);
    let bytes: Vec<u8> = (0..1_500_000_u32).map(|n| (n % 251) as u8).collect();
    insert(&source, 1, &halves, &bytes);
    insert(&source, 2, &escaped, &bytes[..262_144]);
    insert(&source, 3, "short", &bytes[..262_145]);
    run(&source, &["INSERT INTO t (id, v) VALUES (4, 'nothing')", "COMMIT"]);
    let mut job = job(&server, "oracle_pieces_of_lobs", &["T"]);
    job.limits.chunk_rows_max = 2;
    let running = start(&job, 1);
    running.wait_for_increment();
    assert!(running.stop().is_none());
    let (postgres, _) = gaussdb::shared();
    let sql = "SELECT id, coalesce(v, ''), length(note), encode(sha256(convert_to(note, 'UTF8')), 'hex'), length(data), encode(sha256(data), 'hex') \
               FROM oracle_pieces_of_lobs.t ORDER BY id";
    let there = postgres.sql(sql).expect("rows").trim_end().to_owned();
    let file = |id: i64, note: &str, data: &[u8]| {
        let sql = format!(
            "SELECT {id}, '', {}, '{}', {}, '{}'",
            note.chars().count(),
            hex::encode(Sha256::digest(note)),
            data.len(),
            hex::encode(Sha256::digest(data))
        );
        postgres.sql(&sql).expect("a row").trim_end().to_owned()
    };
    let nothing = postgres.sql("SELECT 4, 'nothing', NULL, NULL, NULL, NULL").expect("a row");
    let wanted = [
        file(1, &halves, &bytes),
        file(2, &escaped, &bytes[..262_144]),
        file(3, "short", &bytes[..262_145]),
        nothing.trim_end().to_owned(),
    ];
    assert_eq!(there, wanted.join("\n"));
}
