//! What GaussDB Distributed refuses is refused, and what it does by itself is done.

use std::process::Command;

use tailrace_testkit::gaussdb::GaussFront;
use tailrace_testkit::process;
use tailrace_testkit::provision::{python, python::interpreter};

use super::{PASSWORD, USER, front};

/// Runs statements one after the other; what each gives: rows, or the code and the first line of its error.
fn run(front: &GaussFront, statements: &[&str]) -> Vec<String> {
    let script = "
import asyncio, os, sys
import async_gaussdb
async def run():
    connection = await async_gaussdb.connect(
        host='127.0.0.1', port=int(sys.argv[1]), user=sys.argv[2], password=os.environ['PASSWORD'], database='postgres')
    for statement in sys.argv[3:]:
        try:
            rows = await connection.fetch(statement)
            print(';'.join(','.join(str(value) for value in row) for row in rows))
        except async_gaussdb.exceptions._base.GaussDBError as e:
            print(e.sqlstate, str(e).splitlines()[0])
    await connection.close()
asyncio.run(run())
";
    let mut command = Command::new(interpreter(python::GAUSSDB).expect("a client"));
    command.env("PASSWORD", PASSWORD).args(["-c", script]);
    command.args([&front.port().to_string(), USER]).args(statements);
    process::run(&mut command).expect("the client").lines().map(str::to_owned).collect()
}

/// How the rows of a table are distributed.
const DISTRIBUTION: &str = "SELECT pclocatortype, pcattnum::text FROM pgxc_class c JOIN pg_class r ON r.oid = c.pcrelid \
                            WHERE relname = 't'";

#[test]
fn a_table_is_distributed_as_it_says_or_by_its_first_key() {
    let (_postgres, front) = front(|_| {});
    for (columns, clause, distribution) in [
        ("a int, b int, c int, PRIMARY KEY (b, a)", "DISTRIBUTE BY HASH (a)", "b'H',1"),
        ("a int, b int, c int, PRIMARY KEY (b, a)", "", "b'H',2"),
        ("a int, b text, c int UNIQUE", "", "b'H',3"),
        ("a real, b bytea, c int", "", "b'H',3"),
        ("a int, b varchar(3)", "DISTRIBUTE BY HASH (b, a)", "b'H',2 1"),
        ("a int", "DISTRIBUTE BY REPLICATION", "b'R',None"),
        ("a real, b bytea", "", "b'R',None"),
    ] {
        let create = format!("CREATE TABLE t ({columns}) {clause}");
        let saw = run(&front, &[&create, DISTRIBUTION, "DROP TABLE t", DISTRIBUTION]);
        assert_eq!(saw, ["", distribution, "", ""], "{create}");
    }
}

#[test]
fn keys_and_columns_obey_the_distribution() {
    let (_postgres, front) = front(|_| {});
    let statements = [
        "CREATE TABLE t (a int, b int, v text, PRIMARY KEY (a, b)) DISTRIBUTE BY HASH (a)",
        "INSERT INTO t VALUES (1, 2, ''), (2, 2, 'x')",
        "UPDATE t SET a = a",
        "UPDATE t SET b = 5, v = 'y' WHERE v IS NULL",
        "MERGE INTO t USING (SELECT 1 AS k) s ON (t.a = s.k) WHEN MATCHED THEN UPDATE SET a = 3",
        "MERGE INTO t USING (SELECT 1 AS k) s ON (t.a = s.k) WHEN MATCHED THEN UPDATE SET v = 'm'",
        "CREATE UNIQUE INDEX u ON t (b)",
        "CREATE UNIQUE INDEX u ON t (b, a)",
        "ALTER TABLE t ADD CONSTRAINT w UNIQUE (v)",
        "ALTER TABLE t DROP COLUMN a",
        "ALTER TABLE t DROP COLUMN a CASCADE",
        "ALTER TABLE t ALTER COLUMN a TYPE bigint",
        "ALTER TABLE t ALTER COLUMN v TYPE NVARCHAR2(50)",
        "ALTER TABLE t RENAME COLUMN a TO z",
        "UPDATE t SET z = 1",
        "CREATE TABLE f (x real) DISTRIBUTE BY HASH (x)",
        "CREATE TABLE f (x int) DISTRIBUTE BY HASH (y)",
        "SELECT * FROM t ORDER BY 1",
    ];
    let saw = run(&front, &statements);
    let wanted = [
        "",
        "",
        "0A000 Distributed key column can't be updated in current version",
        "",
        "0A000 Distributed key column can't be updated in current version",
        "",
        "0A000 Cannot create index whose evaluation cannot be enforced to remote nodes",
        "",
        "0A000 Cannot create index whose evaluation cannot be enforced to remote nodes",
        "2BP01 cannot drop column a of table t because other objects depend on it",
        "0A000 Distribute column can't be dropped",
        "0A000 cannot alter type of a column used in a trigger definition",
        "",
        "",
        "0A000 Distributed key column can't be updated in current version",
        "42809 Column x is not a hash distributable data type",
        "42703 column \"y\" does not exist",
        "1,5,m;2,2,x",
    ];
    for ((statement, saw), wanted) in statements.iter().zip(&saw).zip(wanted) {
        assert_eq!(saw, wanted, "{statement}");
    }
}

#[test]
fn a_refusal_fails_the_transaction_and_a_test_can_order_one() {
    let (_postgres, front) = front(|_| {});
    front.fail("INTO t", 1, "53100", "could not extend file: No space left on device");
    let statements = [
        "CREATE TABLE t (a int) DISTRIBUTE BY HASH (a)",
        "BEGIN",
        "INSERT INTO t VALUES (1)",
        "SELECT 1",
        "ROLLBACK",
        "BEGIN",
        "INSERT INTO t VALUES (2)",
        "INSERT INTO t VALUES (3) ON CONFLICT DO NOTHING",
        "SELECT 1",
        "COMMIT",
        "INSERT INTO t VALUES (4)",
        "SELECT * FROM t",
        "SHOW sql_compatibility",
    ];
    let saw = run(&front, &statements);
    let aborted =
        "25P02 current transaction is aborted, commands ignored until end of transaction block";
    let wanted = [
        "",
        "",
        "53100 could not extend file: No space left on device",
        aborted,
        "",
        "",
        "",
        "42601 syntax error at or near \"CONFLICT\"",
        aborted,
        "",
        "",
        "4",
        "ORA",
    ];
    for ((statement, saw), wanted) in statements.iter().zip(&saw).zip(wanted) {
        assert_eq!(saw, wanted, "{statement}");
    }
}
