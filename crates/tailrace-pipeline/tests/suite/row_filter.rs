//! Row filters: the server's own judgement in the full phase, the same one for rows of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;
use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::{JobSpec, MessageFormat, SelectedDatabase, TopicPolicy};
use tailrace_pipeline::mapping::{DatabaseMapping, Mappings, TableMapping};
use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::precheck::{CheckResult, run};
use tailrace_testkit::env;
use tailrace_testkit::sql::Login;

use crate::support::{create_topic, mysql, read_topic, spec_at, start, unique};

const SEED: &str = "TAILRACE_TEST_FILTER_SEED";
/// Tables, each with a filter of its own over the same rows.
const TABLES: usize = 60;
/// Rows before the job begins, and as many behind it.
const ROWS: usize = 60;
/// Added to the ids of rows that the log brings.
const LATER: usize = 1000;

/// A column of the tables, and constants that filters hold against it and rows have; `None` where both cannot be the same.
struct Kind {
    name: &'static str,
    sql: &'static str,
    class: Class,
    /// As SQL for rows.
    values: &'static [&'static str],
    /// As SQL for filters.
    constants: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Whole,
    Number,
    Moment,
    Text,
    Bytes,
}

const TEXTS: &[&str] = &[
    "''", "' '", "'a'", "'A'", "'a '", "'ab'", "'aB'", "'b'", "'ä'", "'Ä'", "'ß'", "'ss'", "'é'",
    "'z'", "'Z'", "'a_b'", "'a%b'", "'_'", "'~'", "'0'", "'10'", "'9'", "'-'", "'a-b'", "'AB  '",
    "'\t'", "'a\tb'", "'ch'", "'c'", "'d'", "'zz'",
];

const KINDS: &[Kind] = &[
    Kind {
        name: "i",
        sql: "INT",
        class: Class::Whole,
        values: &["0", "1", "-1", "7", "2147483647", "-2147483648", "100"],
        constants: &[
            "0",
            "1",
            "-1",
            "7",
            "7.5",
            "1e2",
            "'100'",
            "99999999999999999999",
            "-0.5",
            "TRUE",
        ],
    },
    Kind {
        name: "big",
        sql: "BIGINT UNSIGNED",
        class: Class::Whole,
        values: &["0", "1", "18446744073709551615", "9007199254740993", "9007199254740992", "42"],
        constants: &[
            "0",
            "42",
            "18446744073709551615",
            "90071992547409.5",
            "9.007199254740991e15",
            "'42'",
            "-1",
        ],
    },
    Kind {
        name: "bits",
        sql: "BIT(10)",
        class: Class::Whole,
        values: &["b'0'", "b'1'", "b'1000000000'", "b'111'"],
        constants: &["0", "1", "512", "7", "6.5"],
    },
    Kind {
        name: "price",
        sql: "DECIMAL(20,6)",
        class: Class::Number,
        values: &["0", "0.1", "-0.1", "12345678901234.123456", "1", "-1", "0.100001"],
        constants: &[
            "0",
            "0.1",
            "-0.1",
            "1",
            "12345678901234.123456",
            "0.1000010",
            "1e-1",
            "12345678901234.1234560000001",
        ],
    },
    Kind {
        name: "ratio",
        sql: "DOUBLE",
        class: Class::Number,
        values: &["0", "0.1", "-0.1", "1e300", "-1e300", "1", "9007199254740992"],
        constants: &["0", "0.1", "1e300", "1", "-0.1", "9007199254740993"],
    },
    Kind {
        name: "small",
        sql: "FLOAT",
        class: Class::Number,
        values: &["0", "0.1", "0.5", "-0.25", "1e30"],
        constants: &["0", "0.1", "0.5", "-0.25", "1e-1"],
    },
    Kind {
        name: "y",
        sql: "YEAR",
        class: Class::Number,
        values: &["1901", "2000", "2024", "2155", "0"],
        constants: &["1901", "2000", "2024", "2155"],
    },
    Kind {
        name: "day",
        sql: "DATE",
        class: Class::Moment,
        values: &["'2024-02-29'", "'1000-01-01'", "'9999-12-31'", "'2024-03-01'"],
        constants: &[
            "'2024-02-29'",
            "'2024-02-29 00:00:00'",
            "'2024-02-29 12:00:00'",
            "'9999-12-31'",
            "'2024-03-01 00:00:00.000001'",
        ],
    },
    Kind {
        name: "made",
        sql: "DATETIME(3)",
        class: Class::Moment,
        values: &[
            "'2024-02-29 00:00:00'",
            "'2024-02-29 12:00:00.5'",
            "'2024-02-28 23:59:59.999'",
            "'1000-01-01'",
        ],
        constants: &[
            "'2024-02-29'",
            "'2024-02-29 12:00:00.5'",
            "'2024-02-29 12:00:00.500001'",
            "'2024-02-28 23:59:59.999'",
        ],
    },
    Kind {
        name: "seen",
        sql: "TIMESTAMP(2) NULL",
        class: Class::Moment,
        values: &["'1970-01-02 00:00:00'", "'2024-02-29 12:00:00.25'", "'2037-12-31 23:59:59'"],
        constants: &[
            "'2024-02-29 12:00:00.25'",
            "'2024-02-29'",
            "'1960-01-01'",
            "'2024-02-29 12:00:00.250001'",
        ],
    },
    Kind {
        name: "clock",
        sql: "TIME(1)",
        class: Class::Moment,
        values: &["'00:00:00'", "'-00:00:00.5'", "'838:59:59'", "'-838:59:59'", "'12:30:00'"],
        constants: &["'00:00:00'", "'-00:00:00.5'", "'838:59:59'", "'12:30:00.05'", "'12:30:00'"],
    },
    Kind {
        name: "t0",
        sql: "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        class: Class::Text,
        values: TEXTS,
        constants: TEXTS,
    },
    Kind {
        name: "t1",
        sql: "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        class: Class::Text,
        values: TEXTS,
        constants: TEXTS,
    },
    Kind {
        name: "t2",
        sql: "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
        class: Class::Text,
        values: TEXTS,
        constants: TEXTS,
    },
    Kind {
        name: "t3",
        sql: "CHAR(10) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
        class: Class::Text,
        values: TEXTS,
        constants: TEXTS,
    },
    Kind {
        name: "t4",
        sql: "VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin",
        class: Class::Text,
        values: TEXTS,
        constants: TEXTS,
    },
    Kind {
        name: "t5",
        sql: "CHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_czech_ci",
        class: Class::Text,
        values: TEXTS,
        constants: TEXTS,
    },
    Kind {
        name: "t6",
        sql: "VARCHAR(20) CHARACTER SET utf16 COLLATE utf16_general_ci",
        class: Class::Text,
        values: TEXTS,
        constants: TEXTS,
    },
    Kind {
        name: "e",
        sql: "ENUM('a','B','ä','') CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        class: Class::Text,
        values: &["'a'", "'B'", "'ä'", "''"],
        constants: TEXTS,
    },
    Kind {
        name: "s",
        sql: "SET('a','B','z') CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
        class: Class::Text,
        values: &["'a'", "'a,B'", "'B,z'", "''"],
        constants: &["'a,b'", "'a'", "''", "'B,Z'", "'ä'", "'z'"],
    },
    Kind {
        name: "raw",
        sql: "VARBINARY(8)",
        class: Class::Bytes,
        values: &["x''", "x'00'", "x'61'", "x'6120'", "x'ff'", "'ab'"],
        constants: &["'a'", "'a '", "x'00'", "0xFF", "'AB'"],
    },
    Kind {
        name: "fixed",
        sql: "BINARY(3)",
        class: Class::Bytes,
        values: &["x''", "'abc'", "'ab'"],
        constants: &["'abc'", "'ab'", "x'616200'"],
    },
];

/// Collations that only MySQL has.
const OF_MYSQL: &[(&str, &str)] = &[
    ("m0", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci"),
    ("m1", "CHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_as_cs"),
    ("m2", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin"),
    ("m3", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_de_pb_0900_ai_ci"),
];
/// Collations that only MariaDB has.
const OF_MARIADB: &[(&str, &str)] = &[
    ("m0", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE uca1400_ai_ci"),
    ("m1", "CHAR(10) CHARACTER SET utf8mb4 COLLATE uca1400_as_cs"),
    ("m2", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"),
    ("m3", "VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_nopad_ci"),
];

fn kinds(own: &[(&'static str, &'static str)]) -> Vec<Kind> {
    let shared = KINDS.iter().map(|k| Kind { ..*k });
    let own = own.iter().map(|&(name, sql)| Kind {
        name,
        sql,
        class: Class::Text,
        values: TEXTS,
        constants: TEXTS,
    });
    shared.chain(own).collect()
}

fn pick<'a>(random: &mut StdRng, from: &'a [&'a str]) -> &'a str {
    from.choose(random).expect("one")
}

/// One comparison of a random column.
fn comparison(random: &mut StdRng, kinds: &[Kind]) -> String {
    let kind = kinds.choose(random).expect("one");
    let (name, all) = (kind.name, kind.constants);
    let one = pick(random, all);
    let operator = pick(random, &["=", "<>", "!=", "<", "<=", ">", ">=", "<=>"]);
    let not = if random.random_bool(0.3) { "NOT " } else { "" };
    // The constants of one list are all numbers, or all text.
    let alike: Vec<&str> = all.iter().copied().filter(|c| sort(c) == sort(one)).collect();
    match random.random_range(0..10) {
        0 => format!("{name} IS {not}NULL"),
        1 => {
            let mut list: Vec<&str> = (0..3).map(|_| pick(random, &alike)).collect();
            // Whole numbers that the column cannot be are refused beside fractions.
            if list.iter().any(|c| c.contains('.')) {
                let unsigned = kind.sql.contains("UNSIGNED") || kind.sql.contains("BIT");
                let beyond = |c: &&str| match unsigned {
                    true => c.starts_with('-') && !c.contains('.'),
                    false => *c == "18446744073709551615",
                };
                list.retain(|c| !beyond(c));
            }
            let null = if random.random_bool(0.2) { ", NULL" } else { "" };
            format!("{name} {not}IN ({}{null})", list.join(", "))
        }
        2 => format!("{name} {not}BETWEEN {one} AND {}", pick(random, &alike)),
        3 => format!("{one} {operator} `{name}`"),
        4 if kind.class == Class::Whole => {
            format!(
                "{name} % {} {operator} {}",
                random.random_range(1..9),
                random.random_range(-2..3)
            )
        }
        4 | 5 if kind.class == Class::Whole => format!("{not}{name}"),
        4 | 5 if kind.class == Class::Text => {
            let patterns = [
                "'a%'",
                "'%b'",
                "'_'",
                "'%'",
                "'A_%'",
                "'a\\\\_b'",
                "'a|%b' ESCAPE '|'",
                "'%ä%'",
                "'c%'",
                "''",
            ];
            format!("{name} {not}LIKE {}", pick(random, &patterns))
        }
        6 => pick(
            random,
            &[
                "i < big",
                "price > i",
                "ratio >= price",
                "small = ratio",
                "day <= made",
                "made > seen",
                "bits <=> i",
            ],
        )
        .to_owned(),
        7 => format!("{name} {operator} NULL"),
        _ => format!("{name} {operator} {one}"),
    }
}

/// What decides whether constants may stand in one list.
fn sort(constant: &str) -> u8 {
    match constant.as_bytes() {
        [b'\'', ..] => 0,
        [b'x', ..] | [b'0', b'x', ..] => 1,
        _ if constant.contains('e') => 2,
        _ => 3,
    }
}

fn condition(random: &mut StdRng, kinds: &[Kind], depth: u32) -> String {
    if depth == 0 || random.random_bool(0.3) {
        return comparison(random, kinds);
    }
    let left = condition(random, kinds, depth - 1);
    match random.random_range(0..7) {
        0 => format!("NOT {left}"),
        1 => format!("({left})"),
        2 => {
            let truth =
                pick(random, &["TRUE", "NOT TRUE", "FALSE", "UNKNOWN", "NOT UNKNOWN", "NULL"]);
            format!("({left}) IS {truth}")
        }
        _ => {
            let word = pick(random, &["AND", "and", "OR", "XOR", "&&"]);
            format!("{left} {word} {}", condition(random, kinds, depth - 1))
        }
    }
}

/// One row in SQL, each column NULL at times.
fn row(random: &mut StdRng, kinds: &[Kind], id: usize) -> String {
    let values: Vec<String> = kinds
        .iter()
        .map(|kind| match random.random_range(0..8) {
            0 => "NULL".to_owned(),
            _ => pick(random, kind.values).to_owned(),
        })
        .collect();
    format!("({id}, {})", values.join(", "))
}

/// Ids of messages by table.
type Ids = BTreeMap<String, BTreeSet<String>>;

fn judged_alike(login: &Login, own: &[(&'static str, &'static str)]) {
    let kinds = kinds(own);
    let given = std::env::var(SEED).ok().map(|seed| seed.parse().expect("a number"));
    let seed: u64 = given.unwrap_or_else(rand::random);
    println!("{SEED}={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let database = unique("filtered");
    let columns: Vec<String> = kinds.iter().map(|k| format!("{} {}", k.name, k.sql)).collect();
    let mut script = format!(
        "CREATE DATABASE {database}; USE {database}; SET time_zone = '+00:00', sql_mode = '';
        CREATE TABLE done (id INT PRIMARY KEY, v INT); INSERT INTO done VALUES (1, 1);"
    );
    let rows: Vec<String> = (0..ROWS).map(|id| row(&mut random, &kinds, id)).collect();
    let mut tables = BTreeMap::new();
    for number in 0..TABLES {
        let filter = loop {
            let filter = condition(&mut random, &kinds, 3);
            if filter.chars().count() <= 512 {
                break filter;
            }
        };
        script += &format!(
            "CREATE TABLE f{number} (id INT PRIMARY KEY, {}); INSERT INTO f{number} VALUES {};",
            columns.join(", "),
            rows.join(", ")
        );
        tables.insert(
            format!("f{number}"),
            TableMapping { filter: Some(filter), ..Default::default() },
        );
    }
    login.query(&script).unwrap_or_else(|e| panic!("{SEED}={seed}: {e}"));

    let mut spec = spec_at(login, &database);
    let names = tables.keys().cloned().chain(["done".to_owned()]).collect();
    spec.selection.databases =
        vec![SelectedDatabase { name: database.clone(), tables: Some(names) }];
    spec.mappings
        .databases
        .insert(database.clone(), DatabaseMapping { target: None, tables: tables.clone() });
    spec.policy.topic = TopicPolicy::One(create_topic(&unique("all")));
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    let mut later = format!("USE {database}; SET sql_mode = '';");
    for table in tables.keys() {
        later +=
            &format!("INSERT INTO {table} SELECT id + {LATER}, {} FROM {table};", names_of(&kinds));
    }
    later += "UPDATE done SET v = 2;";
    login.query(&later).unwrap_or_else(|e| panic!("{SEED}={seed}: {e}"));
    job.wait_until("the last change", |job| job.counters.updates.load(Relaxed) == 1);
    job.stop().expect("a clean stop");

    let TopicPolicy::One(topic) = &spec.policy.topic else { unreachable!() };
    let mut seen = Ids::new();
    for message in read_topic(topic) {
        let table = message.value["table"].as_str().expect("a table").to_owned();
        for row in message.value["data"].as_array().expect("rows") {
            seen.entry(table.clone())
                .or_default()
                .insert(row["id"].as_str().expect("id").to_owned());
        }
    }
    for (table, mapping) in &tables {
        let filter = mapping.filter.as_deref().expect("a filter");
        let sql = format!(
            "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = ''; SELECT id FROM {database}.{table} WHERE {filter}"
        );
        let expected: BTreeSet<String> = login
            .query(&sql)
            .unwrap_or_else(|e| panic!("{SEED}={seed} {filter}: {e}"))
            .into_iter()
            .map(|row| row[0].clone())
            .collect();
        let seen = seen.remove(table).unwrap_or_default();
        let differ: Vec<&String> = seen.symmetric_difference(&expected).collect();
        assert!(differ.is_empty(), "{SEED}={seed} {database}.{table}: {filter}: rows {differ:?}");
    }
}

fn names_of(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_log_is_judged_as_mysql_judges_its_tables() {
    judged_alike(&mysql(), OF_MYSQL);
}

#[test]
fn the_log_is_judged_as_mariadb_judges_its_tables() {
    judged_alike(&env::mariadb().expect("the shared MariaDB"), OF_MARIADB);
}

/// A job over the table `t` of a database, with a filter.
fn filtered(database: &str, filter: &str) -> JobSpec {
    let mut spec = spec_at(&mysql(), database);
    let tables = Some(vec!["t".to_owned()]);
    spec.selection.databases = vec![SelectedDatabase { name: database.to_owned(), tables }];
    let mapping = TableMapping { filter: Some(filter.to_owned()), ..Default::default() };
    let tables = BTreeMap::from([("t".to_owned(), mapping)]);
    let mapping = DatabaseMapping { target: None, tables };
    spec.mappings = Mappings { databases: BTreeMap::from([(database.to_owned(), mapping)]) };
    spec
}

#[test]
fn rows_that_enter_or_leave_the_filter_are_updates() {
    let (database, sql) = (unique("crossing"), mysql());
    sql.query(&format!(
        "CREATE DATABASE {database}; USE {database}; CREATE TABLE t (id INT PRIMARY KEY, v INT, w INT);
         INSERT INTO t VALUES (1, 1, 0), (2, 20, 0), (3, NULL, 0)"
    ))
    .expect("a table");
    let mut spec = filtered(&database, "v > 10");
    spec.policy.format = MessageFormat::JsonC;
    let mut job = start(&spec);
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    sql.query(&format!(
        "USE {database}; UPDATE t SET w = 1; UPDATE t SET v = 30 WHERE id = 1; UPDATE t SET v = 5 WHERE id = 2;
         DELETE FROM t WHERE id IN (2, 3); INSERT INTO t VALUES (4, 4, 0), (5, 50, 0); DELETE FROM t"
    ))
    .expect("changes");
    job.wait_until("changes", |job| job.counters.deletes.load(Relaxed) == 2);
    job.stop().expect("a clean stop");
    let seen: Vec<_> = read_topic(&format!("{database}-t"))
        .into_iter()
        .map(|m| json!([m.value["type"], m.value["data"][0]["id"], m.value["data"][0]["v"]]))
        .collect();
    assert_eq!(
        seen,
        [
            json!(["INIT", "2", "20"]),
            json!(["UPDATE", "2", "20"]),
            json!(["UPDATE", "1", "30"]),
            json!(["UPDATE", "2", "5"]),
            json!(["INSERT", "5", "50"]),
            json!(["DELETE", "1", "30"]),
            json!(["DELETE", "5", "50"]),
        ]
    );
}

#[test]
fn a_filter_that_does_not_fit_is_named_before_the_start_and_stops_the_job() {
    let (database, sql) = (unique("unfit"), mysql());
    sql.query(&format!(
        "CREATE DATABASE {database}; USE {database}; CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 1)"
    ))
    .expect("a table");
    let item = |spec: &JobSpec| {
        run(spec).into_iter().find(|item| item.item == "srcRowFilterCheck").expect("the item")
    };
    assert_eq!(item(&filtered(&database, "v = 1")).result, CheckResult::Passed);
    for (filter, word) in [("gone = 1", "`gone`"), ("v = 'x'", "without quotes")] {
        let spec = filtered(&database, filter);
        let item = item(&spec);
        assert_eq!(item.result, CheckResult::Failed);
        assert!(item.reason.contains(word), "{}", item.reason);
        let error = start(&spec).end().expect_err("a filter that does not fit");
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
        assert!(error.message().contains(word), "{}", error.message());
    }
    let error = start(&filtered(&database, "v =")).end().expect_err("no filter");
    assert_eq!(error.kind(), ErrorKind::Configuration);

    // A column that goes away while the job runs.
    let mut job = start(&filtered(&database, "v = 1"));
    job.wait_until("stream", |job| job.recorder.has_reached(Phase::Incremental));
    sql.query(&format!("USE {database}; ALTER TABLE t DROP v; INSERT INTO t VALUES (2)"))
        .expect("a change");
    let error = job.end().expect_err("no column");
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(error.message().contains("no column `v`"), "{}", error.message());
}
