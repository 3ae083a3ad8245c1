//! Random tables with random rows: the full phase, the insert and the before image in the log give the
//! same text, and another decoder of the log reads the same values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use futures_util::StreamExt as _;
use mysql_async::binlog::events::{EventData, RowsEventData};
use mysql_async::binlog::value::BinlogValue;
use mysql_async::{BinlogStreamRequest, Conn, Opts, Value};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value as Json;
use tailrace_pipeline::observe::Phase;
use tailrace_testkit::sql::Login;

use crate::support::{Running, Seen, mysql, read_topic, spec, start, unique};

/// The environment variable that repeats a run.
const SEED: &str = "TAILRACE_SEED";
const TABLES: usize = 8;
const COLUMNS: usize = 10;
const ROWS: usize = 60;

pub(crate) fn seed() -> u64 {
    let given = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    eprintln!("{SEED}={seed}");
    seed
}

/// A column: its SQL type, and which of its values the other decoder reads right.
struct Column {
    kind: String,
    family: Family,
}

#[derive(Clone, Copy, PartialEq)]
enum Family {
    Integer { bits: u32, unsigned: bool },
    Float,
    Double,
    Decimal { precision: usize, scale: usize },
    Date,
    Time { decimals: usize },
    Datetime { decimals: usize },
    Timestamp { decimals: usize },
    Year,
    Text { chars: usize, unicode: bool },
    Bytes { length: usize, fixed: bool },
    Bit { bits: u32 },
    Enum,
    Set,
    Json,
}

fn pick<'a>(rng: &mut StdRng, items: &[&'a str]) -> &'a str {
    items[rng.random_range(0..items.len())]
}

fn column(rng: &mut StdRng) -> Column {
    let (kind, family) = match rng.random_range(0..15) {
        0 => {
            let (name, bits) =
                [("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)]
                    [rng.random_range(0..5)];
            let unsigned = rng.random();
            let suffix = if unsigned { " UNSIGNED" } else { "" };
            (format!("{name}{suffix}"), Family::Integer { bits, unsigned })
        }
        1 => ("FLOAT".into(), Family::Float),
        2 => ("DOUBLE".into(), Family::Double),
        3 => {
            let precision = rng.random_range(1..=65);
            let scale = rng.random_range(0..=precision.min(30));
            (format!("DECIMAL({precision},{scale})"), Family::Decimal { precision, scale })
        }
        4 => ("DATE".into(), Family::Date),
        5 => {
            let decimals = rng.random_range(0..=6);
            (format!("TIME({decimals})"), Family::Time { decimals })
        }
        6 => {
            let decimals = rng.random_range(0..=6);
            (format!("DATETIME({decimals})"), Family::Datetime { decimals })
        }
        7 => {
            let decimals = rng.random_range(0..=6);
            (format!("TIMESTAMP({decimals}) NULL"), Family::Timestamp { decimals })
        }
        8 => ("YEAR".into(), Family::Year),
        9 | 10 => text_column(rng),
        11 => {
            let length = rng.random_range(1..=300);
            match rng.random_range(0..3) {
                0 => {
                    let length = length.min(255);
                    (format!("BINARY({length})"), Family::Bytes { length, fixed: true })
                }
                1 => (format!("VARBINARY({length})"), Family::Bytes { length, fixed: false }),
                _ => (
                    pick(rng, &["BLOB", "MEDIUMBLOB", "LONGBLOB"]).into(),
                    Family::Bytes { length, fixed: false },
                ),
            }
        }
        12 => {
            let bits = rng.random_range(1..=64);
            (format!("BIT({bits})"), Family::Bit { bits })
        }
        13 if rng.random() => ("ENUM('', 'a', 'B', 'ß', 'x''y')".into(), Family::Enum),
        13 => ("SET('a', 'B', 'ß', 'x\"y', 'e5', 'e6', 'e7', 'e8', 'e9')".into(), Family::Set),
        _ => ("JSON".into(), Family::Json),
    };
    Column { kind, family }
}

fn text_column(rng: &mut StdRng) -> (String, Family) {
    let charset = pick(
        rng,
        &[
            "utf8mb4", "utf8mb4", "utf8mb3", "latin1", "ascii", "gbk", "big5", "sjis", "cp932",
            "ujis", "euckr", "gb2312", "gb18030", "utf16", "utf16le", "utf32", "ucs2", "cp1251",
            "koi8r", "latin2", "latin5", "latin7", "greek", "hebrew", "cp850", "cp1250", "cp1256",
            "cp1257", "tis620",
        ],
    );
    let chars = rng.random_range(1..=120);
    let kind = match rng.random_range(0..3) {
        0 => format!("CHAR({chars})"),
        1 => format!("VARCHAR({chars})"),
        _ => pick(rng, &["TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT"]).into(),
    };
    let chars = chars.min(60);
    (
        format!("{kind} CHARACTER SET {charset}"),
        Family::Text { chars, unicode: charset == "utf8mb4" },
    )
}

/// A value as an SQL literal.
fn literal(rng: &mut StdRng, family: Family) -> String {
    if rng.random_ratio(1, 9) {
        return "NULL".into();
    }
    match family {
        Family::Integer { bits, unsigned } => {
            let any: u64 = if rng.random_ratio(1, 3) {
                u64::MAX << rng.random_range(0..64_u32)
            } else {
                rng.random()
            };
            if unsigned {
                (any >> (64 - bits)).to_string()
            } else {
                (any.cast_signed() >> (64 - bits)).to_string()
            }
        }
        Family::Float => {
            let value = f32::from_bits(rng.random());
            if value.is_finite() { format!("{value:e}") } else { "-0.1".into() }
        }
        Family::Double => {
            let value = f64::from_bits(rng.random());
            if value.is_finite() { format!("{value:e}") } else { "1e23".into() }
        }
        Family::Decimal { precision, scale } => {
            let mut digits = |count: usize| -> String {
                (0..rng.random_range(0..=count))
                    .map(|_| char::from(rng.random_range(b'0'..=b'9')))
                    .collect()
            };
            let (whole, fraction) = (digits(precision - scale), digits(scale));
            format!("{}0{whole}.{fraction}0", if fraction.len() % 2 == 0 { "-" } else { "" })
        }
        Family::Date => format!("'{}'", date(rng)),
        Family::Time { .. } => format!(
            "'{}{}:{:02}:{:02}.{:06}'",
            if rng.random() { "-" } else { "" },
            rng.random_range(0..838),
            rng.random_range(0..60),
            rng.random_range(0..60),
            rng.random_range(0..1_000_000)
        ),
        Family::Datetime { .. } => format!("'{} {}'", date(rng), clock(rng)),
        Family::Timestamp { .. } => format!(
            "'{:04}-{:02}-{:02} {}'",
            rng.random_range(1971..2037),
            rng.random_range(1..=12),
            rng.random_range(1..=28),
            clock(rng)
        ),
        Family::Year => [0, 1901, 1999, 2155][rng.random_range(0..4)].to_string(),
        Family::Text { chars, .. } => text(rng, chars),
        Family::Bytes { length, .. } => {
            let length = rng.random_range(0..=length);
            let hex: String = (0..length).map(|_| format!("{:02x}", rng.random::<u8>())).collect();
            format!("x'{hex}'")
        }
        Family::Bit { bits } => (rng.random::<u64>() >> (64 - bits)).to_string(),
        Family::Enum => rng.random_range(1..=5).to_string(),
        Family::Set => rng.random_range(0..512).to_string(),
        Family::Json => format!("'{}'", json(rng, 3).replace('\\', "\\\\").replace('\'', "''")),
    }
}

fn date(rng: &mut StdRng) -> String {
    // Zero and partial dates are values too.
    let (month, day) = (rng.random_range(0..=12), rng.random_range(0..=28));
    format!("{:04}-{month:02}-{day:02}", rng.random_range(0..=9999))
}

fn clock(rng: &mut StdRng) -> String {
    let second = rng.random_range(0..86_400);
    let micro = if rng.random() { 0 } else { rng.random_range(0..1_000_000) };
    format!("{:02}:{:02}:{:02}.{micro:06}", second / 3600, second / 60 % 60, second % 60)
}

fn text(rng: &mut StdRng, chars: usize) -> String {
    let count = rng.random_range(0..=chars);
    let mut sql = String::from("_utf8mb4'");
    for _ in 0..count {
        let c = match rng.random_range(0..8) {
            0 => char::from(rng.random_range(1..=127_u8)),
            1 => pick(
                rng,
                &["é", "ß", "Ж", "ω", "א", "ก", "中", "あ", "ｱ", "한", "€", "𝄞", "<", "&", "\""],
            )
            .chars()
            .next()
            .unwrap(),
            _ => char::from(rng.random_range(b' '..=b'~')),
        };
        match c {
            '\'' => sql.push_str("''"),
            '\\' => sql.push_str("\\\\"),
            c => sql.push(c),
        }
    }
    sql.push('\'');
    sql
}

fn json(rng: &mut StdRng, depth: usize) -> String {
    let members = rng.random_range(0..4);
    match rng.random_range(0..if depth == 0 { 6 } else { 8 }) {
        0 => "null".into(),
        1 => rng.random::<bool>().to_string(),
        2 => rng.random::<i64>().to_string(),
        3 => rng.random::<u64>().to_string(),
        4 => format!("{:e}", rng.random::<f64>() * 1e6),
        5 => Json::from(format!("{}é\"\\\n𝄞{}", pick(rng, &["", "a", "/"]), rng.random::<u8>()))
            .to_string(),
        6 => {
            let items: Vec<String> = (0..members).map(|_| json(rng, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => {
            let items: Vec<String> = (0..members)
                .map(|i| format!("\"k{i}{}\":{}", "x".repeat(i * 3), json(rng, depth - 1)))
                .collect();
            format!("{{{}}}", items.join(","))
        }
    }
}

/// What the other decoder's value looks like in a message; `None` where it is known to read less than
/// there is: the text of old character sets, of ENUM and SET, how JSON prints.
fn other_text(family: Family, value: &Value) -> Option<Json> {
    let text = match (family, value) {
        (_, Value::NULL) => return Some(Json::Null),
        // It does not know which columns are unsigned, and takes MEDIUMINT for such.
        (Family::Integer { bits, unsigned: true }, Value::Int(n)) => {
            (n.cast_unsigned() & (u64::MAX >> (64 - bits))).to_string()
        }
        (Family::Integer { bits, .. }, Value::Int(n)) => {
            ((n << (64 - bits)) >> (64 - bits)).to_string()
        }
        (Family::Integer { unsigned: true, .. }, Value::UInt(n)) => n.to_string(),
        (Family::Decimal { .. }, Value::Bytes(bytes)) => String::from_utf8(bytes.clone()).unwrap(),
        (Family::Text { unicode: true, .. }, Value::Bytes(bytes)) => {
            String::from_utf8(bytes.clone()).unwrap()
        }
        (Family::Bytes { fixed: false, .. }, Value::Bytes(bytes)) => {
            let numbers: Vec<String> = bytes.iter().map(|b| b.cast_signed().to_string()).collect();
            format!("[{}]", numbers.join(", "))
        }
        (Family::Date, Value::Date(y, m, d, ..)) => format!("{y:04}-{m:02}-{d:02}"),
        (Family::Datetime { decimals }, Value::Date(y, m, d, h, i, s, us)) => {
            format!("{y:04}-{m:02}-{d:02} {h:02}:{i:02}:{s:02}{}", fraction(*us, decimals))
        }
        (Family::Time { decimals }, Value::Time(negative, d, h, i, s, us)) => format!(
            "{}{:02}:{i:02}:{s:02}{}",
            if *negative { "-" } else { "" },
            d * 24 + u32::from(*h),
            fraction(*us, decimals)
        ),
        _ => return None,
    };
    Some(Json::from(text))
}

fn fraction(us: u32, decimals: usize) -> String {
    if decimals == 0 { String::new() } else { format!(".{}", &format!("{us:06}")[..decimals]) }
}

/// Inserted rows of each table as the other decoder reads them from the log behind a position.
fn read_by_the_other(
    login: &Login,
    from: &(String, u64),
    database: &str,
    tables: &BTreeSet<String>,
) -> BTreeMap<String, Vec<Vec<Value>>> {
    let url = format!("mysql://{}:{}@{}:{}", login.user, login.password, login.host, login.port);
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let conn = Conn::new(Opts::from_url(&url).unwrap()).await.unwrap();
        let request = BinlogStreamRequest::new(rand::random_range(1 << 20..1 << 30))
            .with_non_blocking()
            .with_filename(from.0.as_bytes())
            .with_pos(from.1);
        let mut stream = conn.get_binlog_stream(request).await.unwrap();
        let mut found: BTreeMap<String, Vec<Vec<Value>>> = BTreeMap::new();
        while let Some(event) = stream.next().await {
            let event = event.unwrap();
            // Other tests write as well, also what it cannot read.
            let Ok(Some(EventData::RowsEvent(RowsEventData::WriteRowsEvent(rows)))) =
                event.read_data()
            else {
                continue;
            };
            let Some(map) = stream.get_tme(rows.table_id()) else { continue };
            if map.database_name() != database || !tables.contains(&*map.table_name()) {
                continue;
            }
            let read = found.entry(map.table_name().into_owned()).or_default();
            for row in rows.rows(map) {
                let (_, after) = row.unwrap();
                read.push(after.unwrap().unwrap().into_iter().map(plain).collect());
            }
        }
        found
    })
}

/// Whether the other decoder can read a table: a negative TIME(1) or TIME(2) makes it panic.
fn is_readable(columns: &[Column]) -> bool {
    columns.iter().all(|c| !matches!(c.family, Family::Time { decimals: 1 | 2 }))
}

fn plain(value: BinlogValue<'static>) -> Value {
    match value {
        BinlogValue::Value(value) => value,
        _ => Value::Bytes(Vec::new()),
    }
}

fn wait_for(job: &mut Running, what: &str, count: impl Fn(&Running) -> u64) {
    job.wait_until(what, |j| count(j) >= (TABLES * ROWS) as u64);
}

/// Data of the messages of one kind, by the row's first column modulo the number of rows: the rows of
/// the full phase are inserted a second time with higher ids.
fn data_of(seen: &[Seen], kind: &str) -> BTreeMap<usize, Json> {
    seen.iter()
        .filter(|m| m.value["type"] == kind)
        .map(|m| {
            let row = &m.value[if kind == "DELETE" { "old" } else { "data" }][0];
            (row["id"].as_str().unwrap().parse::<usize>().unwrap() % ROWS, row.clone())
        })
        .collect()
}

#[test]
fn three_readings_and_another_decoder_agree() {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    let database = unique("random");
    let sql = mysql();
    let session = "SET NAMES utf8mb4; SET sql_mode = ''; SET time_zone = '+00:00';";
    sql.query(&format!("CREATE DATABASE {database} DEFAULT CHARSET utf8mb4;")).unwrap();
    let mut tables: Vec<Vec<Column>> = Vec::new();
    let (mut first, mut second) = (String::from(session), String::from(session));
    for number in 0..TABLES {
        let columns: Vec<Column> = (0..COLUMNS).map(|_| column(&mut rng)).collect();
        let list: Vec<String> =
            columns.iter().enumerate().map(|(i, c)| format!("c{i} {}", c.kind)).collect();
        first.push_str(&format!(
            "CREATE TABLE {database}.t{number} (id INT PRIMARY KEY, {});",
            list.join(", ")
        ));
        for row in 0..ROWS {
            let values: Vec<String> = columns.iter().map(|c| literal(&mut rng, c.family)).collect();
            let values = values.join(", ");
            first.push_str(&format!(
                "INSERT IGNORE INTO {database}.t{number} VALUES ({row}, {values});"
            ));
            second.push_str(&format!(
                "INSERT IGNORE INTO {database}.t{number} VALUES ({}, {values});",
                row + ROWS
            ));
        }
        second.push_str(&format!("DELETE FROM {database}.t{number} WHERE id < {ROWS};"));
        tables.push(columns);
    }
    sql.query(&first).unwrap_or_else(|e| panic!("{SEED}={seed}: {e}"));
    let mut job = start(&spec(&database));
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    let end = sql.query("SHOW BINARY LOG STATUS").unwrap();
    let from = (end[0][0].clone(), end[0][1].parse::<u64>().unwrap());
    sql.query(&second).unwrap();
    wait_for(&mut job, "inserts", |j| j.counters.inserts.load(Ordering::Relaxed));
    wait_for(&mut job, "deletes", |j| j.counters.deletes.load(Ordering::Relaxed));
    job.stop().unwrap();
    let readable = tables.iter().enumerate().filter(|(_, columns)| is_readable(columns));
    let readable: BTreeSet<String> = readable.map(|(number, _)| format!("t{number}")).collect();
    let other = read_by_the_other(&sql, &from, &database, &readable);

    let mut compared = 0;
    for (number, columns) in tables.iter().enumerate() {
        let seen = read_topic(&format!("{database}-t{number}"));
        let [init, insert, delete] = ["INIT", "INSERT", "DELETE"].map(|kind| data_of(&seen, kind));
        assert_eq!(
            (init.len(), insert.len(), delete.len()),
            (ROWS, ROWS, ROWS),
            "{SEED}={seed} t{number}"
        );
        let rows = other.get(&format!("t{number}"));
        for row in 0..ROWS {
            for (i, column) in columns.iter().enumerate() {
                let name = format!("c{i}");
                let text = &insert[&row][&name];
                let place = format!("{SEED}={seed}: t{number}.{name} {} of row {row}", column.kind);
                assert_eq!(init[&row][&name], *text, "{place}: full phase and insert");
                assert_eq!(delete[&row][&name], *text, "{place}: delete and insert");
                let id = Value::Int((row + ROWS) as i64);
                let value = rows.and_then(|rows| rows.iter().find(|r| r[0] == id));
                if let Some(expected) = value.and_then(|v| other_text(column.family, &v[i + 1])) {
                    assert_eq!(*text, expected, "{place}: here and by the other decoder");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > ROWS, "{SEED}={seed}: the other decoder said too little: {compared} values");
}
