//! Reading, binding and judging, without a server; against one: the pipeline's suite `row_filter`.

use std::sync::Arc;

use proptest::prelude::*;

use super::text::{AsciiOrder, TextOrder};
use super::{BoundFilter, Filter, FilterError, Judge, Question, TextValue};
use crate::cell::{Cell, CivilDate, CivilDateTime, Decimal, TimeOfDay};
use crate::schema::{CollationId, Column, ColumnType, TableSchema};

/// Knows one order, in which capitals are as small letters, and answers every question with yes.
#[derive(Default)]
struct Asked {
    questions: Vec<String>,
}

impl Judge for Asked {
    type Error = FilterError;

    fn order(&mut self, collation: CollationId) -> Result<TextOrder, FilterError> {
        if collation != 45 {
            return Ok(TextOrder::Asked);
        }
        let key = |byte: u8| vec![0, byte.to_ascii_uppercase()];
        let singles: Vec<_> = (b' '..=b'~').map(key).collect();
        let all = (b' '..=b'~').flat_map(|a| (b' '..=b'~').map(move |b| (a, b)));
        let pairs: Vec<_> = all.map(|(a, b)| [key(a), key(b)].concat()).collect();
        let order = AsciiOrder::of_keys(&singles, &pairs, true).expect("keys of characters");
        Ok(TextOrder::Ascii(Arc::new(order)))
    }

    fn outcome(&mut self, question: &Question<'_>) -> Result<bool, FilterError> {
        self.questions.push(format!("{} {}", question.value.to_sql(), question.test.to_sql()));
        Ok(true)
    }
}

fn schema() -> TableSchema {
    let column = |(name, kind, collation): (&str, ColumnType, CollationId)| Column {
        name: name.into(),
        kind,
        type_name: "x".into(),
        collation,
        nullable: true,
    };
    let members: Arc<[String]> = Arc::from(["small".to_owned(), "LARGE".to_owned()]);
    TableSchema {
        database: "shop".into(),
        table: "t".into(),
        columns: [
            ("n", ColumnType::Int { unsigned: false }, 63),
            ("price", ColumnType::Decimal { precision: 10, scale: 2 }, 63),
            ("ratio", ColumnType::Double, 63),
            ("day", ColumnType::Date, 63),
            ("made", ColumnType::Timestamp(3), 63),
            ("clock", ColumnType::Time(0), 63),
            ("name", ColumnType::VarChar, 45),
            ("code", ColumnType::VarChar, 46),
            ("note", ColumnType::Text, 45),
            ("size", ColumnType::Enum(Arc::clone(&members)), 45),
            ("tags", ColumnType::Set(members), 45),
            ("odd", ColumnType::VarChar, 255),
            ("raw", ColumnType::VarBinary, 63),
            ("year", ColumnType::Year, 63),
        ]
        .map(column)
        .into(),
        primary_key: vec![0],
    }
}

fn row() -> Vec<Cell<'static>> {
    let date = CivilDate { year: 2024, month: 2, day: 29 };
    vec![
        Cell::Int(-7),
        Cell::Decimal(Decimal::Text(b"12.50")),
        Cell::Double(0.5),
        Cell::Date(date),
        // 2024-02-29 12:00:00.250 UTC
        Cell::Timestamp { seconds: 1_709_208_000, micros: 250_000, fsp: 3 },
        Cell::Time(TimeOfDay { negative: true, hours: 1, ..TimeOfDay::default() }, 0),
        Cell::Text(b"Anna"),
        Cell::Text(b"Anna "),
        Cell::Null,
        Cell::Enum(2),
        Cell::Set(3),
        Cell::Text("\u{e4}".as_bytes()),
        Cell::Binary(&[0, 255]),
        Cell::Year(2024),
    ]
}

fn bound(text: &str) -> Result<BoundFilter, FilterError> {
    Filter::parse(text)?.bind(&schema(), &mut Asked::default())
}

fn judged(text: &str) -> bool {
    let filter = bound(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    filter.admits(&row(), &mut Asked::default()).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn what_is_true_of_a_row() {
    for text in [
        "n = -7",
        "-7 = n",
        "n < -6 AND n > -8",
        "n BETWEEN -10 AND 0",
        "n IN (1, -7, 3)",
        "n NOT IN (1, 2)",
        "n % 4 = -3",
        "MOD(n, 4) = -3",
        "n = '-7'",
        "NOT n = 1 AND n",
        "price = 12.5",
        "price > 12.49 AND price < 12.500000000000000000000000000001",
        "price > n",
        "n < 1e0",
        "ratio = 0.5",
        "ratio = .5",
        "day = '2024-02-29'",
        "day < '2024-02-29 00:00:01'",
        "day < made",
        "made >= '2024-02-29 12:00:00.25'",
        "made < '2024-02-29 12:00:00.251'",
        "clock = '-01:00:00'",
        "clock < '00:00:00'",
        "name = 'ANNA '",
        "name <> 'Bert'",
        "name LIKE 'a%A'",
        "name LIKE 'a__a'",
        "name NOT LIKE '_a%'",
        "code = 'Anna'",
        "code <> 'anna'",
        "code > 'AnnZ'",
        "size = 'large'",
        "size IN ('small', 'large')",
        "tags = 'small,large'",
        "raw = x'00ff' and raw > 0x00",
        "year >= 2024",
        "(n = 1 OR n = -7) && `n` <= -7",
        "n = 1 XOR n = -7",
        "n = 1 OR n = -7 AND n = -7",
        "(n = NULL) IS UNKNOWN",
        "n = 2 IS FALSE",
        "n = NULL IS NOT TRUE",
        "n <=> -7",
        "NOT n <=> NULL",
        "(n IN (1, NULL)) IS NULL",
        "N = -7",
    ] {
        assert!(judged(text), "{text}");
        assert!(!judged(&format!("NOT ({text})")), "{text}");
    }
    for text in ["n = NULL", "n NOT IN (1, NULL)", "n > NULL XOR TRUE = n"] {
        assert!(!judged(text), "{text}");
        assert!(!judged(&format!("NOT ({text})")), "{text}");
    }
}

#[test]
fn what_is_refused_names_its_place_or_its_column() {
    for (text, words) in [
        ("", "empty"),
        ("WHERE n = 1", "without WHERE"),
        ("n = 1;", "without `;`"),
        ("n = 1 -- all", "comments"),
        ("n = 1 /* all */", "comments"),
        ("n =", "the end"),
        ("n = 1 n", "AND, OR or the end"),
        ("(n = 1", "`)`"),
        ("n = 'a", "does not end"),
        ("n + 1 = 2", "does not calculate"),
        ("ABS(n) = 1", "functions"),
        ("n = 1 || n = 2", "write OR"),
        ("!n", "`!`"),
        ("n = 1 = 1", "cannot be compared"),
        ("(n = 1) = 1", "cannot be calculated"),
        ("1 = 1", "two constants"),
        ("1", "a comparison"),
        ("t.n = 1", "`.`"),
        ("n IN ()", "a constant"),
        ("n IN (1, 'a')", "all numbers, or all text"),
        ("n IN (18446744073709551615, 4.5)", "of its own"),
        ("n BETWEEN 1 AND '2'", "all numbers, or all text"),
        ("n % 0 = 1", "from 1"),
        ("price % 2 = 1", "whole numbers"),
        ("n REGEXP 'a'", "REGEXP"),
        ("n = 1.5.5", ".5 is not offered"),
        ("n = 1e999", "range of DOUBLE"),
        ("n = 'seven'", "without quotes"),
        ("n < 9007199254740992e0", "has an exponent"),
        ("n > 900719925474099.25", "15 digits"),
        ("n = '9007199254740992'", "without quotes"),
        ("price = '1'", "without quotes"),
        ("day = '2024-02-30'", "calendar"),
        ("day = 20240229", "in quotes"),
        ("day = '24-02-29'", "calendar"),
        ("clock = '12:00'", "HH:MM:SS"),
        ("year = 24", "1901 to 2155"),
        ("name = 5", "text in quotes"),
        ("name = code", "two columns"),
        ("day = clock", "two columns"),
        ("name LIKE 5", "pattern"),
        ("n LIKE '5'", "for text"),
        ("name LIKE 'a' ESCAPE 'ab'", "one ASCII character"),
        ("note = 'a'", "not offered"),
        ("gone = 1", "no column `gone`"),
        ("raw = 'ä'", "ASCII"),
        ("raw = x'0'", "even number"),
    ] {
        let error = bound(text).map(drop).expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    let long = format!("n = 1{}", " ".repeat(super::FILTER_CHARS_MAX));
    assert!(Filter::parse(&long).unwrap_err().to_string().contains("512"));
    let deep = format!("{}n = 1{}", "(".repeat(65), ")".repeat(65));
    assert!(Filter::parse(&deep).unwrap_err().to_string().contains("64"));
    assert!(Filter::parse("n = 1 OR é = ;").unwrap_err().to_string().contains("character 14:"));
}

#[test]
fn only_what_is_not_known_here_is_asked() {
    let asked = |text: &str| {
        let mut judge = Asked::default();
        let filter = Filter::parse(text).and_then(|f| f.bind(&schema(), &mut judge)).expect(text);
        filter.admits(&row(), &mut judge).expect(text);
        judge.questions
    };
    assert!(asked("name = 'Bert' OR code LIKE 'A%' OR size = 'x'").is_empty());
    assert_eq!(asked("name = 'änna'"), ["x'416e6e61' = _utf8mb4 x'c3a46e6e61'"]);
    assert_eq!(asked("odd <=> 'a'"), ["x'c3a4' = 'a'"]);
    assert_eq!(
        asked("odd LIKE 'a|%' ESCAPE '|'"),
        ["x'c3a4' LIKE _utf8mb4 x'617c25' ESCAPE _utf8mb4 x'7c'"]
    );
    assert_eq!(asked("size = 'ä'"), ["_utf8mb4 x'4c41524745' = _utf8mb4 x'c3a4'"]);
    // What decides before it is not asked.
    assert!(asked("n = 1 AND odd = 'a'").is_empty());
    assert_eq!(TextValue::Native(&[1]).to_sql(), "x'01'");
}

#[test]
fn the_server_reads_it_with_all_brackets() {
    let filter =
        Filter::parse("a=1 or not b like 'x\\_%' and c in (1,'\\'') xor `d``e` is not null");
    assert_eq!(
        filter.expect("read").to_sql(),
        "((`a` = 1) OR (((NOT (`b` LIKE _utf8mb4 x'785c5f25' ESCAPE _utf8mb4 x'5c')) AND \
         (`c` IN (1, _utf8mb4 x'27'))) XOR (`d``e` IS NOT NULL)))"
    );
    let filter = Filter::parse("x between -1.50 and +2e3 and y % 3 and z != TRUE and a<>0x1F");
    let filter = filter.expect("read");
    assert_eq!(
        filter.to_sql(),
        "((((`x` BETWEEN -1.50 AND 2e3) AND ((`y` % 3) <> 0)) AND (`z` <> 1)) AND (`a` <> x'1f'))"
    );
    assert_eq!(filter.columns(), ["x", "y", "z", "a"]);
}

#[test]
fn keys_that_do_not_show_single_characters_give_no_order() {
    let key = |byte: u8| vec![byte];
    let singles: Vec<_> = (b' '..=b'~').map(key).collect();
    let all = || (b' '..=b'~').flat_map(|a| (b' '..=b'~').map(move |b| (a, b)));
    let pairs = |of: fn(u8, u8) -> Vec<u8>| all().map(|(a, b)| of(a, b)).collect::<Vec<_>>();
    let plain = pairs(|a, b| vec![a, b]);
    assert!(AsciiOrder::of_keys(&singles, &plain, false).is_some());
    let contracted = pairs(|a, b| if (a, b) == (b'c', b'h') { vec![200, 0] } else { vec![a, b] });
    assert_eq!(AsciiOrder::of_keys(&singles, &contracted, false), None);
    assert_eq!(AsciiOrder::of_keys(&singles[1..], &plain, false), None);
    let mut uneven = singles;
    uneven[5].push(1);
    assert_eq!(AsciiOrder::of_keys(&uneven, &plain, false), None);
    assert_eq!(AsciiOrder::of_keys(&vec![Vec::new(); 95], &vec![Vec::new(); 9025], false), None);
}

#[test]
fn a_zero_timestamp_is_before_all_and_an_odd_date_sorts_by_its_parts() {
    let zero = Cell::Timestamp { seconds: 0, micros: 0, fsp: 0 };
    let date = CivilDate { year: 2024, month: 0, day: 0 };
    let partial = Cell::DateTime(CivilDateTime { date, ..Default::default() }, 0);
    let schema = TableSchema {
        columns: vec![
            Column { kind: ColumnType::Timestamp(0), ..schema().columns[4].clone() },
            Column {
                name: "d".into(),
                kind: ColumnType::DateTime(0),
                ..schema().columns[4].clone()
            },
        ],
        ..schema()
    };
    let filter = Filter::parse("made < '0001-01-01' AND d < '2024-01-01' AND d > '2023-12-31'");
    let filter = filter.and_then(|f| f.bind(&schema, &mut Asked::default())).expect("bound");
    assert!(filter.admits(&[zero, partial], &mut Asked::default()).expect("judged"));
    let misfit = filter.admits(&[zero, Cell::Int(1)], &mut Asked::default());
    assert!(misfit.unwrap_err().to_string().contains("not a date"));
    assert!(filter.admits(&[zero], &mut Asked::default()).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}") {
        drop(Filter::parse(&text));
    }

    #[test]
    fn words_of_the_language_in_any_order_do_not_either(
        words in prop::collection::vec(prop::sample::select(&[
            "n", "name", "`day`", "=", "<=>", "<", "(", ")", ",", "-", "%", "1", "2.5", "'x'", "NULL", "AND", "OR",
            "XOR", "NOT", "IS", "IN", "BETWEEN", "LIKE", "ESCAPE", "MOD", "TRUE", "x'00'", "1e3", ".",
        ][..]), 0..14)
    ) {
        let text = words.join(" ");
        if let Ok(filter) = Filter::parse(&text) {
            // What was read is read again from its own SQL, as the same.
            let sql = filter.to_sql();
            let again = Filter::parse(&sql.replace("_utf8mb4 x'", "x'"));
            prop_assert!(again.is_ok() || sql.contains("LIKE"), "{} {:?}", sql, again);
            if let Ok(bound) = filter.bind(&schema(), &mut Asked::default()) {
                prop_assert!(bound.admits(&row(), &mut Asked::default()).is_ok());
            }
        }
    }
}
