//! The full phase over every kind of key, in small chunks, stopped and resumed: each row comes once.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use tailrace_pipeline::Ended;
use tailrace_pipeline::job::TaskType;

use crate::support::{mysql, read_topic, spec, start, unique};

/// Rows of each table, where its key has so many values.
const ROWS: u64 = 400;

/// A table: its name, its columns besides `serial` with the key, its rows, and the key of each as
/// literals.
struct Keyed {
    name: &'static str,
    columns: &'static str,
    rows: u64,
    key: fn(u64) -> String,
}

const fn keyed(name: &'static str, columns: &'static str, key: fn(u64) -> String) -> Keyed {
    Keyed { name, columns, rows: ROWS, key }
}

/// Different for each number, in an order that has nothing to do with the numbers'.
fn spread(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Text that is different for each number in every collation, of characters that a charset has.
fn text(n: u64, starts: &[&str]) -> String {
    let start = starts[usize::try_from(spread(n) >> 32).unwrap() % starts.len()];
    let end = if n.is_multiple_of(5) { " " } else { "" };
    let text = format!("{start}-{n}{end}").replace('\\', "\\\\").replace('\'', "''");
    format!("'{text}'")
}

/// What sorts oddly somewhere: case, accents, digraphs, quotes, an empty start.
const LATIN: &[&str] = &["", "a", "A", "ä", "Ä", "ß", "ss", "ch", "ll", "'", "\\", "\"", "%", "_"];
/// And what only Unicode has.
const UNICODE: &[&str] = &[
    "",
    "z",
    "Z",
    "é",
    "е\u{301}",
    "ß",
    "ẞ",
    "日本",
    "ﾆ",
    "😀",
    "\u{1}",
    "i",
    "İ",
    "ı",
    "'",
    "\\",
];
const ASIAN: &[&str] = &["", "啊", "中", "文", "a", "A", "'", "\\"];

const TABLES: &[Keyed] = &[
    keyed("empty", "k INT PRIMARY KEY", |_| String::new()),
    // Sparse: from the least to the largest value with gaps of millions.
    keyed("int_sparse", "k INT PRIMARY KEY", |n| (spread(n) as i32).to_string()),
    // Skewed: nearly all in one place, some at the far end.
    keyed("bigint_skewed", "k BIGINT UNSIGNED PRIMARY KEY", |n| match n % 50 {
        0 => (u64::MAX - n).to_string(),
        _ => n.to_string(),
    }),
    keyed("int_descending", "k INT, PRIMARY KEY (k DESC)", |n| (spread(n) as i32).to_string()),
    keyed("decimal_key", "k DECIMAL(20,5) PRIMARY KEY", |n| {
        format!("{}.{:05}", spread(n) as i32, n * 251 % 100_000)
    }),
    keyed("float_key", "k FLOAT PRIMARY KEY", |n| format!("{:e}", (n as f32 + 0.1) * 1.1 - 200.0)),
    keyed("double_key", "k DOUBLE PRIMARY KEY", |n| format!("{:e}", 1.1_f64.powi(n as i32) - 3.3)),
    keyed("bit_key", "k BIT(40) PRIMARY KEY", |n| (spread(n) >> 24).to_string()),
    keyed(
        "enum_key",
        "k ENUM('z','a','M','b','10','9','') NOT NULL, l SMALLINT, PRIMARY KEY (k, l)",
        |n| format!("{}, {}", n % 7 + 1, n / 7),
    ),
    keyed("set_key", "k SET('z','a','m','b','q','9','10','B2','c') PRIMARY KEY", |n| n.to_string()),
    keyed("text_ci", "k VARCHAR(40) COLLATE utf8mb4_0900_ai_ci PRIMARY KEY", |n| text(n, UNICODE)),
    keyed("text_general", "k VARCHAR(40) COLLATE utf8mb4_general_ci PRIMARY KEY", |n| {
        text(n, UNICODE)
    }),
    keyed("text_bin", "k VARCHAR(40) COLLATE utf8mb4_bin PRIMARY KEY", |n| text(n, UNICODE)),
    keyed("text_german", "k VARCHAR(40) COLLATE utf8mb4_de_pb_0900_as_cs PRIMARY KEY", |n| {
        text(n, UNICODE)
    }),
    keyed("text_japanese", "k VARCHAR(40) COLLATE utf8mb4_ja_0900_as_cs_ks PRIMARY KEY", |n| {
        text(n, UNICODE)
    }),
    keyed("text_spanish", "k CHAR(40) COLLATE utf8mb4_spanish2_ci PRIMARY KEY", |n| {
        text(n, UNICODE)
    }),
    keyed("text_latin1", "k CHAR(40) COLLATE latin1_german2_ci PRIMARY KEY", |n| text(n, LATIN)),
    keyed("text_gbk", "k VARCHAR(40) COLLATE gbk_chinese_ci PRIMARY KEY", |n| text(n, ASIAN)),
    keyed("text_utf16", "k VARCHAR(40) COLLATE utf16_unicode_ci PRIMARY KEY", |n| text(n, UNICODE)),
    keyed("bytes", "k VARBINARY(20) PRIMARY KEY", |n| {
        let width = usize::try_from(n % 7 + 2).unwrap() * 2;
        format!("0x{:0width$X}{:02X}", n, n % 3)
    }),
    keyed("bytes_fixed", "k BINARY(8) PRIMARY KEY", |n| format!("0x{:016X}", spread(n))),
    keyed("date_key", "k DATE PRIMARY KEY", |n| {
        // Zero and partial dates among them.
        match n {
            0 => "'0000-00-00'".into(),
            1 => "'2020-00-00'".into(),
            2 => "'2020-05-00'".into(),
            _ => format!("'{:04}-{:02}-{:02}'", spread(n) % 9999, n % 12 + 1, n % 28 + 1),
        }
    }),
    keyed("datetime_key", "k DATETIME(6) PRIMARY KEY", |n| {
        format!("'2024-02-{:02} 03:04:{:02}.{:06}'", n % 29 + 1, n % 60, spread(n) % 1_000_000)
    }),
    keyed("timestamp_key", "k TIMESTAMP(3) PRIMARY KEY", |n| {
        // Through the hour that a clock in summer time shows twice; the session is in UTC.
        format!("'2024-10-27 {:02}:{:02}:00.{:03}'", n / 60 % 24, n % 60, n % 1000)
    }),
    keyed("time_key", "k TIME(2) PRIMARY KEY", |n| {
        let sign = if n.is_multiple_of(2) { "-" } else { "" };
        format!("'{sign}{}:{:02}:07.{:02}'", n * 2, n % 60, n % 100)
    }),
    Keyed {
        name: "year_key",
        columns: "k YEAR PRIMARY KEY",
        rows: 150,
        key: |n| match n {
            0 => "0".into(),
            n => (1901 + n).to_string(),
        },
    },
    keyed(
        "composite",
        "a TINYINT, b VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, c DATE, d BIGINT UNSIGNED, PRIMARY KEY (b, a, d, c)",
        |n| {
            format!(
                "{}, '{}', '2024-01-{:02}', {}",
                n % 3,
                ["x", "Y", "é"][(n % 3) as usize],
                n % 28 + 1,
                u64::MAX - n / 3
            )
        },
    ),
    keyed("composite_mixed", "a INT, b INT, c INT, PRIMARY KEY (a, b DESC, c)", |n| {
        format!("{}, {}, {}", n % 2, spread(n) % 5, n)
    }),
    keyed("unique_key", "k INT NOT NULL, l VARCHAR(9) NOT NULL, UNIQUE KEY (l, k)", |n| {
        format!("{}, '{}'", n, n % 4)
    }),
    keyed("no_key", "k INT", |n| (n % 3).to_string()),
];

fn create(database: &str) -> String {
    let mut sql =
        format!("SET SESSION sql_mode = '', time_zone = '+00:00'; CREATE DATABASE {database};");
    for table in TABLES {
        let name = format!("{database}.{}", table.name);
        write!(sql, "CREATE TABLE {name} ({}, serial INT);", table.columns).unwrap();
        if table.name == "empty" {
            continue;
        }
        let rows: Vec<String> =
            (0..table.rows).map(|n| format!("({}, {n})", (table.key)(n))).collect();
        write!(sql, "INSERT INTO {name} VALUES {};", rows.join(", ")).unwrap();
    }
    sql
}

#[test]
fn every_kind_of_key_is_read_in_chunks_that_neither_lose_nor_repeat_a_row() {
    let database = unique("keys");
    mysql().query(&create(&database)).unwrap();
    let mut spec = spec(&database);
    spec.task = TaskType::Full;
    spec.limits.chunk_rows_max = 7;
    spec.limits.snapshot_readers = 3;
    // So that there is a middle to stop it in, several seconds wide: all tables have some 11 000 rows.
    spec.limits.rows_per_second_max = Some(1_000);
    for rows in [500, 1_500, 2_500] {
        let mut job = start(&spec);
        job.wait_until("rows", |j| j.counters.snapshot_rows.load(Ordering::Relaxed) >= rows);
        assert!(matches!(job.stop().unwrap(), Ended::Stopped(_)), "in the middle");
    }
    spec.limits.rows_per_second_max = None;
    assert!(matches!(start(&spec).end().unwrap(), Ended::Finished(_)));
    for table in TABLES.iter().filter(|t| t.name != "empty") {
        let seen = read_topic(&format!("{database}-{}", table.name));
        let mut serials: Vec<u64> = seen
            .iter()
            .map(|m| m.value["data"][0]["serial"].as_str().unwrap().parse().unwrap())
            .collect();
        serials.sort_unstable();
        let wanted: Vec<u64> = (0..table.rows).collect();
        assert_eq!(serials, wanted, "{}", table.name);
    }
}
