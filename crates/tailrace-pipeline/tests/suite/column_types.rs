//! Every column type comes out of the full phase and out of the log with the same text.

use std::sync::atomic::Ordering;

use tailrace_pipeline::job::PartitionPolicy;
use tailrace_pipeline::observe::Phase;

use tailrace_testkit::env;
use tailrace_testkit::servers::mariadb::{MariaDbOptions, Release};
use tailrace_testkit::sql::Login;

use crate::support::{Server, mysql, read_topic, spec, spec_at, start, unique};

/// Name, type, and a value in each of three rows.
pub(crate) type Column = (&'static str, &'static str, [&'static str; 3]);

/// Columns and three rows of values for each.
pub(crate) const COLUMNS: &[Column] = &[
    ("ti", "TINYINT", ["-128", "127", "NULL"]),
    ("tu", "TINYINT UNSIGNED", ["0", "255", "NULL"]),
    ("si", "SMALLINT", ["-32768", "32767", "NULL"]),
    ("su", "SMALLINT UNSIGNED", ["0", "65535", "1"]),
    ("mi", "MEDIUMINT", ["-8388608", "8388607", "-1"]),
    ("mu", "MEDIUMINT UNSIGNED", ["0", "16777215", "1"]),
    ("ii", "INT", ["-2147483648", "2147483647", "0"]),
    ("iu", "INT UNSIGNED", ["0", "4294967295", "7"]),
    ("bi", "BIGINT", ["-9223372036854775808", "9223372036854775807", "-1"]),
    ("bu", "BIGINT UNSIGNED", ["0", "18446744073709551615", "NULL"]),
    ("fl", "FLOAT", ["16777216", "-1.17549e-38", "0.1"]),
    ("fd", "FLOAT(7,3)", ["1234.567", "-0.001", "NULL"]),
    ("do", "DOUBLE", ["1.7976931348623157e308", "-2.5e-300", "0.1"]),
    ("dd", "DOUBLE(12,4)", ["12345678.9", "-0.0001", "0"]),
    (
        "de",
        "DECIMAL(65,30)",
        [
            "-12345678901234567890123456789012345.123456789012345678901234567890",
            "0.000000000000000000000000000001",
            "0",
        ],
    ),
    ("d2", "DECIMAL(10,0)", ["-9999999999", "5", "NULL"]),
    ("b1", "BIT(1)", ["b'1'", "b'0'", "NULL"]),
    ("b64", "BIT(64)", ["0xFFFFFFFFFFFFFFFF", "1", "0"]),
    ("ye", "YEAR", ["0", "1901", "2155"]),
    ("da", "DATE", ["'0000-00-00'", "'2024-00-10'", "'9999-12-31'"]),
    ("t0", "TIME", ["'-838:59:59'", "'838:59:59'", "'00:00:00'"]),
    ("t1", "TIME(1)", ["'-12:34:56.7'", "'12:34:56.7'", "'-00:00:00.1'"]),
    ("t2", "TIME(2)", ["'-12:34:56.78'", "'-00:00:00.01'", "NULL"]),
    ("t3", "TIME(3)", ["'-12:34:56.789'", "'-00:00:00.001'", "'1:2:3.5'"]),
    ("t4", "TIME(4)", ["'-12:34:56.7891'", "'-00:00:00.0001'", "'1:2:3.5'"]),
    ("t6", "TIME(6)", ["'-838:59:58.999999'", "'-00:00:00.000001'", "'1:2:3.5'"]),
    ("dt0", "DATETIME", ["'0000-00-00 00:00:00'", "'2024-02-29 23:59:59'", "NULL"]),
    ("dt3", "DATETIME(3)", ["'1000-01-01 00:00:00.001'", "'2024-00-00 01:02:03.999'", "NULL"]),
    (
        "dt6",
        "DATETIME(6)",
        ["'9999-12-31 23:59:59.999999'", "'2024-02-29 00:00:00.000001'", "NULL"],
    ),
    (
        "ts0",
        "TIMESTAMP NULL",
        ["'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00 00:00:00'"],
    ),
    (
        "ts3",
        "TIMESTAMP(3) NULL",
        ["'1970-01-01 00:00:01.001'", "'2038-01-19 03:14:07.499'", "NULL"],
    ),
    (
        "ts6",
        "TIMESTAMP(6) NULL",
        ["'1970-01-01 00:00:01.000001'", "'2024-06-01 12:00:00.123456'", "NULL"],
    ),
    ("ch", "CHAR(10)", ["'abc  '", "''", "'<>&=\\'\"\\\\'"]),
    ("chb", "CHAR(255) CHARACTER SET utf8mb4", ["REPEAT('é', 255)", "'x'", "NULL"]),
    ("vc", "VARCHAR(300) CHARACTER SET utf8mb4", ["'𝄞 \\n\\t\\0 end'", "REPEAT('z', 300)", "NULL"]),
    ("la", "VARCHAR(40) CHARACTER SET latin1", ["'äöü€ß'", "'plain'", "NULL"]),
    ("gb", "VARCHAR(40) CHARACTER SET gbk", ["'中文字符'", "'a中b'", "NULL"]),
    ("sj", "VARCHAR(40) CHARACTER SET sjis", ["'日本語ｱｲｳ'", "'a'", "NULL"]),
    ("u16", "VARCHAR(40) CHARACTER SET utf16", ["'𝄞a'", "'b'", "NULL"]),
    ("g18", "TEXT CHARACTER SET gb18030", ["'中文𝄞'", "'c'", "NULL"]),
    ("tt", "TINYTEXT", ["'tiny'", "''", "NULL"]),
    ("lt", "LONGTEXT", ["REPEAT('long ', 40000)", "''", "NULL"]),
    ("bn", "BINARY(8)", ["0x0102", "0xFF00FF00", "0x00"]),
    ("vb", "VARBINARY(300)", ["x''", "0xFF00", "REPEAT(0x80, 300)"]),
    ("bl", "BLOB", ["0x00FF7F80", "''", "NULL"]),
    ("mb", "MEDIUMBLOB", ["REPEAT(0x41, 70000)", "''", "NULL"]),
    ("en", "ENUM('a','b','ü''x','d,e')", ["'a'", "'ü''x'", "NULL"]),
    ("en2", "ENUM('x','y') CHARACTER SET latin1", ["1", "2", "''"]),
    ("se", "SET('a','b','c','d')", ["'a,c'", "''", "'d'"]),
    (
        "js",
        "JSON",
        [
            "'{\"b\": [1, 2.5, true, null, \"x\\\\ny\"], \"aa\": {\"k\": 1e100}}'",
            "'\"text\"'",
            "CAST(CAST('12:34:56.789' AS TIME(3)) AS JSON)",
        ],
    ),
    (
        "js2",
        "JSON",
        [
            "JSON_ARRAY(CAST(1.50 AS DECIMAL(5,2)), CAST('2024-01-02 03:04:05' AS DATETIME), x'FF')",
            "'[]'",
            "'{}'",
        ],
    ),
    (
        "ge",
        "GEOMETRY",
        ["ST_GeomFromText('POINT(1 2)', 4326)", "ST_GeomFromText('LINESTRING(0 0, 1 1)')", "NULL"],
    ),
    ("po", "POINT", ["ST_GeomFromText('POINT(1 2)')", "NULL", "NULL"]),
    ("ve", "VECTOR(3)", ["STRING_TO_VECTOR('[1,2.5,-3]')", "STRING_TO_VECTOR('[0,0,0]')", "NULL"]),
];

/// Types, and forms of values, that MariaDB 10.11 does not have.
const MYSQL_ONLY: [&str; 5] = ["g18", "js", "js2", "ge", "ve"];

/// Types that MySQL does not have, or has in another form.
const MARIADB_ONLY: &[Column] = &[
    (
        "u1",
        "UUID",
        [
            "'01020304-0506-1708-890a-0b0c0d0e0f10'",
            "'00000000-0000-0000-0000-000000000000'",
            "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        ],
    ),
    (
        "u2",
        "UUID",
        [
            "'01020304-0506-7708-890a-0b0c0d0e0f00'",
            "'01020304-0506-4708-090a-0b0c0d0e0f10'",
            "'01020304-0506-8708-3f0a-0b0c0d0e0f10'",
        ],
    ),
    ("i4", "INET4", ["'1.2.3.4'", "'0.0.0.0'", "'255.1.0.0'"]),
    ("i6", "INET6", ["'::1'", "'::ffff:1.2.3.4'", "'2001:db8::ff00:42:8329'"]),
    ("i6b", "INET6", ["'::'", "'1:0:0:2::3'", "'fe80::'"]),
    ("b16", "BINARY(16)", ["0x0102", "0xFF00FF0000000000", "NULL"]),
    ("b4", "BINARY(4)", ["0x01020304", "0x00", "NULL"]),
    ("js", "JSON", ["'{\"b\": [1, 2.5], \"a\": \"<é>\"}'", "'[]'", "NULL"]),
    ("ge", "GEOMETRY", ["ST_GeomFromText('LINESTRING(0 0, 1 1)')", "NULL", "NULL"]),
    ("after", "VARCHAR(9) CHARACTER SET latin2", ["'ő'", "'ű'", "NULL"]),
    ("tc", "TEXT COMPRESSED", ["REPEAT('grüße ', 500)", "'short'", "''"]),
    ("bc", "LONGBLOB COMPRESSED", ["REPEAT(0xff, 70000)", "0x00", "NULL"]),
    ("vc1", "VARCHAR(200) COMPRESSED", ["REPEAT('z', 200)", "'z'", "NULL"]),
    ("vc2", "VARBINARY(2000) COMPRESSED", ["REPEAT('z', 2000)", "'z'", "''"]),
];

/// A server, and what to write there.
struct Case<'a> {
    sql: Login,
    columns: &'a [Column],
    /// Statements before those that write.
    session: &'a str,
    /// Whether the table has generated columns.
    generated: bool,
}

/// Generated columns of the table.
const GENERATED: &str =
    "ge1 INT GENERATED ALWAYS AS (id + 1) STORED, ge2 INT GENERATED ALWAYS AS (id + 2) VIRTUAL,";

pub(crate) fn create(database: &str, columns: &[Column]) -> String {
    let columns: Vec<String> =
        columns.iter().map(|(name, kind, _)| format!("{name} {kind}")).collect();
    format!(
        "SET NAMES utf8mb4; SET sql_mode = '';
         CREATE DATABASE {database}; CREATE TABLE {database}.t (id INT PRIMARY KEY, v INT, {},
         {GENERATED}
         inv INT DEFAULT 5 INVISIBLE) DEFAULT CHARSET utf8mb4;",
        columns.join(", ")
    )
}

pub(crate) fn insert(database: &str, columns: &[Column], id: usize, row: usize) -> String {
    let names: Vec<&str> = columns.iter().map(|c| c.0).collect();
    let values: Vec<&str> = columns.iter().map(|c| c.2[row]).collect();
    format!(
        "INSERT INTO {database}.t (id, v, {}) VALUES ({id}, 0, {});",
        names.join(", "),
        values.join(", ")
    )
}

fn both_ways_agree(case: &Case<'_>) -> serde_json::Value {
    let Case { sql, columns, session, generated } = case;
    let database = unique("types");
    let prefix = format!("SET NAMES utf8mb4; SET sql_mode = ''; {session}");
    let rows: String = (0..3).map(|row| insert(&database, columns, row + 1, row)).collect();
    let mut table = create(&database, columns);
    if !generated {
        table = table.replace(GENERATED, "");
    }
    sql.query(&format!("{table}{prefix}{rows}")).expect("rows of the full phase");
    let mut job = start(&spec_at(sql, &database));
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    let rows: String = (0..3).map(|row| insert(&database, columns, row + 11, row)).collect();
    sql.query(&format!("{prefix}{rows} UPDATE {database}.t SET v = 1 WHERE id < 10;"))
        .expect("rows of the log");
    job.wait_until("changes", |j| j.counters.updates.load(Ordering::Relaxed) == 3);
    job.stop().expect("a clean stop");

    let seen = read_topic(&format!("{database}-t"));
    let find = |kind: &str, id: usize| {
        let of_kind = seen.iter().filter(|m| m.value["type"] == kind);
        let id = id.to_string();
        of_kind
            .into_iter()
            .find(|m| m.value["data"][0]["id"] == id.as_str())
            .unwrap_or_else(|| panic!("no {kind} of {id}"))
            .value
            .clone()
    };
    for row in 1..=3 {
        let (init, insert, update) =
            (find("INIT", row), find("INSERT", row + 10), find("UPDATE", row));
        for member in ["mysqlType", "sqlType"] {
            for (name, told) in init[member].as_object().expect("an object") {
                assert_eq!(*told, insert[member][name], "{member} of {name}");
            }
        }
        assert_eq!(init["pkNames"], insert["pkNames"]);
        assert_eq!(init["data"], update["old"], "row {row}: full phase and before image");
        for (name, kind, values) in *columns {
            assert_eq!(
                init["data"][0][*name],
                insert["data"][0][*name],
                "{name} {kind} = {}: full phase and log",
                values[row - 1]
            );
        }
    }
    let first = find("INIT", 1);
    let value = |name: &str| first["data"][0][name].as_str().map(str::to_owned);
    let both = [value("ge1"), value("ge2")];
    assert_eq!(both, ["2", "3"].map(|text| generated.then(|| text.to_owned())));
    assert_eq!(value("inv").as_deref(), Some("5"));
    assert_eq!(value("fl").as_deref(), Some("1.6777216E7"));
    assert_eq!(value("b64").as_deref(), Some("18446744073709551615"));
    assert_eq!(value("t2").as_deref(), Some("-12:34:56.78"));
    assert_eq!(value("gb").as_deref(), Some("中文字符"));
    assert_eq!(value("bn").as_deref(), Some("[1, 2, 0, 0, 0, 0, 0, 0]"));
    first
}

#[test]
fn full_phase_and_log_give_the_same_text() {
    both_ways_agree(&Case { sql: mysql(), columns: COLUMNS, session: "", generated: true });
}

#[test]
fn compressed_transactions_give_the_same_text() {
    let session = "SET SESSION binlog_transaction_compression = ON;";
    both_ways_agree(&Case { sql: mysql(), columns: COLUMNS, session, generated: true });
}

/// Its log is compressed event by event, and for the whole server.
#[test]
fn mariadb_gives_the_same_text_with_compression_and_without() {
    let of_both = COLUMNS.iter().filter(|column| !MYSQL_ONLY.contains(&column.0));
    let columns: Vec<Column> = of_both.chain(MARIADB_ONLY).copied().collect();
    let sql = env::mariadb().expect("the shared MariaDB");
    for session in ["SET GLOBAL log_bin_compress = ON;", "SET GLOBAL log_bin_compress = OFF;"] {
        let first = both_ways_agree(&Case {
            sql: sql.clone(),
            columns: &columns,
            session,
            generated: true,
        });
        let value = |name: &str| first["data"][0][name].as_str();
        assert_eq!(value("u1"), Some("01020304-0506-1708-890a-0b0c0d0e0f10"));
        assert_eq!(value("i6"), Some("::1"));
        assert_eq!(value("after"), Some("ő"));
        assert_eq!(value("vc1"), Some("z".repeat(200).as_str()));
        assert_eq!(first["mysqlType"]["u1"], "uuid");
    }
}

/// Its default collation has a number above those of MySQL, and it has vectors, which it logs as binary strings.
#[test]
fn mariadb_11_8_gives_the_same_text() {
    let of_both = COLUMNS.iter().filter(|column| !MYSQL_ONLY.contains(&column.0));
    let vectors: Column =
        ("vec", "VECTOR(3)", ["VEC_FromText('[1,2.5,-3]')", "VEC_FromText('[0,0,0]')", "NULL"]);
    let columns: Vec<Column> = of_both.chain(MARIADB_ONLY).copied().chain([vectors]).collect();
    let release = Release::V11_8;
    let server = Server::mariadb(MariaDbOptions { release, ..MariaDbOptions::default() });
    let login = server.login();
    let version = login.query("SELECT VERSION()").expect("a row").concat().concat();
    assert!(version.starts_with("11.8."), "{version}");
    for session in ["SET GLOBAL log_bin_compress = ON;", "SET GLOBAL log_bin_compress = OFF;"] {
        let first = both_ways_agree(&Case {
            sql: login.clone(),
            columns: &columns,
            session,
            generated: false,
        });
        assert_eq!(first["data"][0]["vec"], "[1.0, 2.5, -3.0]");
        assert_eq!(first["mysqlType"]["vec"], "vector");
    }
}

/// A primary key of prefixes names its columns like any other, in the full phase and from the log,
/// whether the log names columns or not.
#[test]
fn a_primary_key_of_prefixes_is_the_same_key_everywhere() {
    let database = unique("prefix");
    let sql = mysql();
    sql.query(&format!(
        "CREATE DATABASE {database};
         CREATE TABLE {database}.p (t TEXT, n INT, v INT, PRIMARY KEY (t(4), n));
         INSERT INTO {database}.p VALUES ('abcdefgh', 1, 0), ('abcdxyz', 2, 0), ('b', 1, 0);"
    ))
    .unwrap();
    let mut spec = spec(&database);
    spec.policy.partition = PartitionPolicy::PrimaryKey;
    spec.policy.partitions = 7;
    let mut job = start(&spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    sql.query(&format!("UPDATE {database}.p SET v = 1;")).unwrap();
    job.wait_until("changes", |j| j.counters.updates.load(Ordering::Relaxed) == 3);
    job.stop().unwrap();
    let seen = read_topic(&format!("{database}-p"));
    assert_eq!(seen.len(), 6, "{seen:?}");
    for message in &seen {
        assert_eq!(message.value["pkNames"], serde_json::json!(["t", "n"]), "{message:?}");
        let row = &message.value["data"][0];
        let same = seen
            .iter()
            .filter(|m| m.value["data"][0]["t"] == row["t"] && m.value["data"][0]["n"] == row["n"]);
        for other in same {
            assert_eq!((&message.key, message.partition), (&other.key, other.partition));
        }
    }
}
