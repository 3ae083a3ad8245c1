//! Random values as SQL literals or expressions, with the edge values of each type often.

use rand::RngExt as _;
use rand::rngs::StdRng;

/// Makes one value.
pub(super) type Literal = fn(&mut StdRng) -> String;

/// A text as an SQL string.
pub(super) fn quoted(text: &str) -> String {
    let mut sql = String::with_capacity(text.len() + 2);
    sql.push('\'');
    for c in text.chars() {
        match c {
            '\'' => sql.push_str("''"),
            '\\' => sql.push_str("\\\\"),
            c => sql.push(c),
        }
    }
    sql.push('\'');
    sql
}

/// Bytes as an SQL literal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut sql = String::from("X'");
    for byte in bytes {
        let written = write!(sql, "{byte:02X}");
        debug_assert!(written.is_ok(), "writing to a string does not fail");
    }
    sql.push('\'');
    sql
}

fn one_of<'a>(rng: &mut StdRng, items: &[&'a str]) -> &'a str {
    items.get(rng.random_range(0..items.len().max(1))).copied().unwrap_or("")
}

fn edge<T: std::fmt::Display + Copy>(rng: &mut StdRng, edges: &[T], other: T) -> String {
    let place = rng.random_range(0..edges.len() * 2);
    edges.get(place).copied().unwrap_or(other).to_string()
}

macro_rules! integers {
    ($($name:ident $low:expr, $high:expr;)*) => {$(
        pub(super) fn $name(rng: &mut StdRng) -> String {
            let other = rng.random_range($low..=$high);
            edge(rng, &[$low, 0, 1, $high - 1, $high], other)
        }
    )*};
}

integers! {
    tinyint i8::MIN, i8::MAX;
    tinyint_unsigned u8::MIN, u8::MAX;
    smallint i16::MIN, i16::MAX;
    smallint_unsigned u16::MIN, u16::MAX;
    mediumint -8_388_608_i32, 8_388_607_i32;
    mediumint_unsigned 0_u32, 16_777_215_u32;
    int i32::MIN, i32::MAX;
    int_unsigned u32::MIN, u32::MAX;
    bigint i64::MIN, i64::MAX;
    bigint_unsigned u64::MIN, u64::MAX;
    bit1 0_u8, 1_u8;
    bit17 0_u32, 131_071_u32;
    year_1901 1901_u16, 2155_u16;
}

/// `YEAR`, zero too.
pub(super) fn year(rng: &mut StdRng) -> String {
    if rng.random_ratio(1, 6) { "0".into() } else { year_1901(rng) }
}

fn digits(rng: &mut StdRng, count: usize) -> String {
    (0..count).map(|_| char::from(b'0' + rng.random_range(0..10_u8))).collect()
}

/// `DECIMAL(65,30)`.
pub(super) fn decimal_65_30(rng: &mut StdRng) -> String {
    let sign = one_of(rng, &["", "-"]);
    let (whole, fraction) = (rng.random_range(0..=35), rng.random_range(0..=30));
    match rng.random_range(0..8) {
        0 => "0".into(),
        1 => format!("{sign}{}.{}", "9".repeat(35), "9".repeat(30)),
        2 => format!("{sign}0.{}1", "0".repeat(29)),
        _ => format!("{sign}{}.{}", digits(rng, whole.max(1)), digits(rng, fraction.max(1))),
    }
}

/// `DECIMAL(10,0)`.
pub(super) fn decimal_10_0(rng: &mut StdRng) -> String {
    rng.random_range(-9_999_999_999_i64..=9_999_999_999).to_string()
}

/// `DECIMAL(12,2)`.
pub(super) fn decimal_12_2(rng: &mut StdRng) -> String {
    format!("{}.{}", rng.random_range(-9_999_999_999_i64..=9_999_999_999), digits(rng, 2))
}

/// `DECIMAL(5,5)`.
pub(super) fn decimal_5_5(rng: &mut StdRng) -> String {
    format!("{}0.{}", one_of(rng, &["", "-"]), digits(rng, 5))
}

/// `FLOAT`: every finite bit pattern, and numbers that a text protocol likes to round.
pub(super) fn float(rng: &mut StdRng) -> String {
    let other = f32::from_bits(rng.random());
    let plain = rng.random_range(-1_000_000.0_f32..1_000_000.0);
    let other = if other.is_finite() { other } else { plain };
    let edges = [0.0, 1.0, 16_777_217.0, 1.234_567_8, 10_357.0, 3.402_823_5e38, 1.175_494_4e-38];
    let edges = [&edges[..], &[other, plain, plain]].concat();
    let place = rng.random_range(0..edges.len());
    format!("{:e}", edges.get(place).copied().unwrap_or(plain))
}

/// `FLOAT UNSIGNED`.
pub(super) fn float_unsigned(rng: &mut StdRng) -> String {
    float(rng).trim_start_matches('-').to_owned()
}

/// `DOUBLE`.
pub(super) fn double(rng: &mut StdRng) -> String {
    let bits = f64::from_bits(rng.random());
    let plain = rng.random_range(-1e9..1e9);
    let bits = if bits.is_finite() && (bits == 0.0 || bits.is_normal()) { bits } else { plain };
    let edges = [
        0.0,
        -1.5,
        1e7,
        0.001,
        9_999_999.0,
        1.797_693_134_862_315_7e308,
        2.225_073_858_507_201_4e-308,
    ];
    let edges = [&edges[..], &[bits, bits, plain, plain]].concat();
    let place = rng.random_range(0..edges.len());
    format!("{:e}", edges.get(place).copied().unwrap_or(plain))
}

/// `BIT(64)`.
pub(super) fn bit64(rng: &mut StdRng) -> String {
    format!("b'{:b}'", rng.random::<u64>() >> rng.random_range(0..64))
}

fn date_text(rng: &mut StdRng) -> String {
    match rng.random_range(0..10) {
        0 => "0000-00-00".into(),
        1 => "2024-00-10".into(),
        2 => "2024-02-00".into(),
        3 => "9999-12-31".into(),
        4 => "1000-01-01".into(),
        5 => "2023-02-31".into(),
        _ => format!(
            "{:04}-{:02}-{:02}",
            rng.random_range(1000..=9999),
            rng.random_range(1..=12),
            rng.random_range(1..=28)
        ),
    }
}

fn clock_text(rng: &mut StdRng, fsp: usize) -> String {
    let (h, m, s) = (rng.random_range(0..24), rng.random_range(0..60), rng.random_range(0..60));
    format!("{h:02}:{m:02}:{s:02}{}", fraction(rng, fsp))
}

fn fraction(rng: &mut StdRng, fsp: usize) -> String {
    match rng.random_range(0..4) {
        _ if fsp == 0 => String::new(),
        0 => format!(".{}", "0".repeat(fsp)),
        1 => format!(".{}1", "0".repeat(fsp - 1)),
        _ => format!(".{}", digits(rng, fsp)),
    }
}

/// `DATE`, zero, partial and impossible ones too.
pub(super) fn date(rng: &mut StdRng) -> String {
    quoted(&date_text(rng))
}

macro_rules! clocks {
    ($($fsp:literal $time:ident $datetime:ident $timestamp:ident;)*) => {$(
        pub(super) fn $time(rng: &mut StdRng) -> String {
            time_with(rng, $fsp)
        }
        pub(super) fn $datetime(rng: &mut StdRng) -> String {
            let date = date_text(rng);
            if date == "0000-00-00" {
                return quoted("0000-00-00 00:00:00");
            }
            format!("'{date} {}'", clock_text(rng, $fsp))
        }
        pub(super) fn $timestamp(rng: &mut StdRng) -> String {
            timestamp_with(rng, $fsp)
        }
    )*};
}

clocks! {
    0 time0 datetime0 timestamp0;
    1 time1 datetime1 timestamp1;
    3 time3 datetime3 timestamp3;
    6 time6 datetime6 timestamp6;
}

fn time_with(rng: &mut StdRng, fsp: usize) -> String {
    let sign = one_of(rng, &["", "-"]);
    let (h, m, s) = (rng.random_range(0..838), rng.random_range(0..60), rng.random_range(0..60));
    match rng.random_range(0..8) {
        0 => "'00:00:00'".into(),
        1 => format!("'{sign}838:59:59'"),
        2 => format!("'{sign}00:00:00{}'", fraction(rng, fsp)),
        _ => format!("'{sign}{h:02}:{m:02}:{s:02}{}'", fraction(rng, fsp)),
    }
}

fn timestamp_with(rng: &mut StdRng, fsp: usize) -> String {
    let (y, m, d) =
        (rng.random_range(1971..=2037), rng.random_range(1..=12), rng.random_range(1..=28));
    match rng.random_range(0..8) {
        0 => "'0000-00-00 00:00:00'".into(),
        1 => "'1970-01-01 00:00:01'".into(),
        2 => "'2038-01-19 03:14:07'".into(),
        _ => format!("'{y:04}-{m:02}-{d:02} {}'", clock_text(rng, fsp)),
    }
}

/// Words that a JSON writer, a shell, a CSV reader or a topic name would stumble over.
const WORDS: [&str; 14] = [
    "plain",
    "",
    " leading and trailing ",
    "it's \"quoted\"",
    "back\\slash",
    "tab\tline\nreturn\r",
    "<a href='x'>&amp;=</a>",
    "Grüße aus Köln",
    "日本語テスト",
    "Привет мир",
    "emoji 😀👩‍👩‍👧",
    "nul\u{0}byte",
    "line\u{2028}separator\u{2029}",
    "combining e\u{301}",
];

/// `VARCHAR` and `TEXT` in utf8mb4.
pub(super) fn text(rng: &mut StdRng) -> String {
    quoted(&words(rng, &WORDS, 3))
}

/// A longer text, now and then of 100 KB.
pub(super) fn long_text(rng: &mut StdRng) -> String {
    let count = if rng.random_ratio(1, 400) { 8000 } else { rng.random_range(0..40) };
    quoted(&words(rng, &WORDS, count))
}

/// A short text of characters that a `CHAR(20)` keeps: no spaces at its end.
pub(super) fn char20(rng: &mut StdRng) -> String {
    let text = one_of(rng, &["a", "abc", "Ünïcode", "日本", "😀", "x'y", "", "trail  "]);
    quoted(text)
}

fn words(rng: &mut StdRng, from: &[&str], count_max: usize) -> String {
    let count = rng.random_range(0..=count_max);
    let words: Vec<&str> = (0..count).map(|_| one_of(rng, from)).collect();
    words.join(" ")
}

macro_rules! charsets {
    ($($name:ident $words:expr;)*) => {$(
        pub(super) fn $name(rng: &mut StdRng) -> String {
            quoted(&words(rng, &$words, 4))
        }
    )*};
}

charsets! {
    ascii ["plain", "it's", "a<b>&c", ""];
    latin1 ["Grüße", "€uro", "ÿþ", "naïve", "‰™"];
    latin2 ["Łódź", "žluťoučký", "kůň"];
    cp1251 ["Привет", "мир", "Ёж №1"];
    koi8r ["Привет", "мир"];
    greek ["Καλημέρα", "κόσμε"];
    hebrew ["שלום", "עולם"];
    tis620 ["สวัสดี", "โลก"];
    gbk ["中文", "测试", "汉字 abc"];
    big5 ["繁體", "中文"];
    euckr ["한국어", "안녕"];
    sjis ["日本語", "テスト", "ｶﾅ"];
    bmp ["Grüße", "日本語", "Привет", "한국어"];
    any ["Grüße", "日本語", "😀", "𝄞 clef"];
}

/// `BINARY(16)`: now and then with zero bytes at its end, which a binlog leaves out.
pub(super) fn binary16(rng: &mut StdRng) -> String {
    let length = rng.random_range(0..=16);
    let mut bytes: Vec<u8> = (0..length).map(|_| rng.random()).collect();
    if rng.random_ratio(1, 3) {
        bytes.iter_mut().skip(4).for_each(|b| *b = 0);
    }
    hex(&bytes)
}

/// Up to 40 bytes.
pub(super) fn bytes40(rng: &mut StdRng) -> String {
    let length = rng.random_range(0..=40);
    hex(&(0..length).map(|_| rng.random()).collect::<Vec<u8>>())
}

/// A longer run of bytes, now and then of 20 KB.
pub(super) fn blob(rng: &mut StdRng) -> String {
    let length = if rng.random_ratio(1, 400) { 20_000 } else { rng.random_range(0..600) };
    hex(&(0..length).map(|_| rng.random()).collect::<Vec<u8>>())
}

/// Members of the `ENUM` column; an unknown one becomes the empty error value.
pub(super) fn enumeration(rng: &mut StdRng) -> String {
    quoted(one_of(rng, &["new", "in work", "ü", "x'y", "no such member"]))
}

/// Members of the `SET` column of 64.
pub(super) fn set64(rng: &mut StdRng) -> String {
    let members: Vec<String> =
        (0..rng.random_range(0..6)).map(|_| format!("m{}", rng.random_range(0..64))).collect();
    quoted(&members.join(","))
}

/// `JSON`, with the values that only functions can make: decimals, times, bytes.
pub(super) fn json(rng: &mut StdRng) -> String {
    match rng.random_range(0..6) {
        0 => "CAST('null' AS JSON)".into(),
        1 => "JSON_OBJECT('dec', CAST('12.50' AS DECIMAL(10,2)), 'time', CAST('-10:11:12.5' AS TIME(3)), \
              'when', CAST('2024-02-29 01:02:03.000456' AS DATETIME(6)), 'day', CAST('2024-02-29' AS DATE), \
              'bin', X'00FF10', 'big', 18446744073709551615)"
            .into(),
        2 => format!("CAST({} AS JSON)", quoted(&format!("{:?}", rng.random_range(-1e12..1e12)))),
        _ => quoted(&json_text(rng, 3)),
    }
}

fn json_text(rng: &mut StdRng, depth: u32) -> String {
    let string =
        |rng: &mut StdRng| serde_json::to_string(&words(rng, &WORDS, 2)).unwrap_or_default();
    match rng.random_range(0..if depth == 0 { 6 } else { 9 }) {
        0 => one_of(rng, &["null", "true", "false"]).into(),
        1 => smallint(rng),
        2 => bigint(rng),
        3 => format!("{:?}", rng.random_range(-1e6..1e6)),
        4 | 5 => string(rng),
        6 => {
            let items: Vec<_> =
                (0..rng.random_range(0..5)).map(|_| json_text(rng, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => {
            let members: Vec<_> = (0..rng.random_range(0..5))
                .map(|n| {
                    format!(
                        "\"k{n} {}\":{}",
                        one_of(rng, &["", "ü", "<"]),
                        json_text(rng, depth - 1)
                    )
                })
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

fn coordinate(rng: &mut StdRng) -> String {
    format!("{} {}", rng.random_range(-80..80), rng.random_range(-80..80))
}

fn geometry_of(text: &str) -> String {
    format!("ST_GeomFromText('{text}')")
}

/// `POINT`, with a spatial reference now and then.
pub(super) fn point(rng: &mut StdRng) -> String {
    let point = coordinate(rng);
    let srid = one_of(rng, &["", ", 4326"]);
    format!("ST_GeomFromText('POINT({point})'{srid})")
}

/// `LINESTRING`
pub(super) fn linestring(rng: &mut StdRng) -> String {
    geometry_of(&format!("LINESTRING({}, {})", coordinate(rng), coordinate(rng)))
}

/// `POLYGON`
pub(super) fn polygon(rng: &mut StdRng) -> String {
    let n = rng.random_range(1..9);
    geometry_of(&format!("POLYGON((0 0, {n} 0, {n} {n}, 0 {n}, 0 0))"))
}

/// `MULTIPOINT`
pub(super) fn multipoint(rng: &mut StdRng) -> String {
    geometry_of(&format!("MULTIPOINT({}, {})", coordinate(rng), coordinate(rng)))
}

/// `MULTILINESTRING`
pub(super) fn multilinestring(rng: &mut StdRng) -> String {
    geometry_of(&format!("MULTILINESTRING(({}, {}))", coordinate(rng), coordinate(rng)))
}

/// `MULTIPOLYGON`
pub(super) fn multipolygon(rng: &mut StdRng) -> String {
    let n = rng.random_range(1..9);
    geometry_of(&format!("MULTIPOLYGON(((0 0, {n} 0, {n} {n}, 0 0)))"))
}

/// `GEOMETRYCOLLECTION`, empty now and then.
pub(super) fn geometries(rng: &mut StdRng) -> String {
    if rng.random_ratio(1, 4) {
        return geometry_of("GEOMETRYCOLLECTION EMPTY");
    }
    geometry_of(&format!("GEOMETRYCOLLECTION(POINT({}))", coordinate(rng)))
}

/// `VECTOR(3)`
pub(super) fn vector3(rng: &mut StdRng) -> String {
    let mut number = || format!("{:e}", rng.random_range(-1e6_f32..1e6));
    format!("STRING_TO_VECTOR('[{},{},{}]')", number(), number(), number())
}

/// One of the above, or NULL.
pub(super) fn nullable(rng: &mut StdRng, literal: Literal) -> String {
    if rng.random_ratio(1, 8) { "NULL".into() } else { literal(rng) }
}
