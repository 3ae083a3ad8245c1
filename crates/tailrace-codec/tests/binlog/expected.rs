//! What `fixtures/*.jsonl` says the server holds after a log was written.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tailrace_codec::{Column, ColumnType, TableSchema};

use super::print::real;

pub(crate) type Row = Vec<Option<String>>;

/// Tables by name.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) schemas: BTreeMap<String, TableSchema>,
    /// Sorted.
    pub(crate) rows: BTreeMap<String, Vec<Row>>,
}

pub(crate) fn fixture_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixture_path(&format!("{name}.binlog"))).expect("fixture is checked in")
}

pub(crate) fn expected(name: &str) -> Expected {
    let text = std::fs::read_to_string(fixture_path(&format!("{name}.jsonl"))).unwrap();
    let mut expected = Expected::default();
    for line in text.lines().filter(|l| !l.is_empty()) {
        let line: Value = serde_json::from_str(line).unwrap();
        let table = line["table"].as_str().unwrap().to_owned();
        if let Some(row) = line.get("row") {
            let schema = &expected.schemas[&table];
            let cells = row.as_array().unwrap().iter().zip(&schema.columns).map(expected_cell);
            let row = cells.collect();
            expected.rows.entry(table).or_default().push(row);
        } else {
            add_column(&mut expected, table, &line);
        }
    }
    expected.rows.values_mut().for_each(|rows| rows.sort());
    expected
}

fn expected_cell((value, column): (&Value, &Column)) -> Option<String> {
    let text = value.as_str()?;
    Some(match column.kind {
        ColumnType::Float | ColumnType::Double => real(text.parse().unwrap()),
        _ => text.to_owned(),
    })
}

fn add_column(expected: &mut Expected, table: String, line: &Value) {
    let schema = expected.schemas.entry(table.clone()).or_insert_with(|| TableSchema {
        database: "fixture".to_owned(),
        table,
        columns: Vec::new(),
        primary_key: Vec::new(),
    });
    if let Some(part) = line["key_part"].as_u64() {
        let part = usize::try_from(part).unwrap();
        schema.primary_key.resize(schema.primary_key.len().max(part), usize::MAX);
        schema.primary_key[part - 1] = schema.columns.len();
    }
    let text = |key: &str| line[key].as_str().unwrap();
    let unsigned = text("column_type").contains(" unsigned");
    let collation = line["collation"].as_u64().map_or(63, |c| u16::try_from(c).unwrap());
    let type_name = format!("{}{}", text("data_type"), if unsigned { " unsigned" } else { "" });
    schema.columns.push(Column {
        name: text("column").to_owned(),
        kind: kind(text("data_type"), text("column_type"), unsigned),
        type_name,
        collation,
        nullable: line["nullable"].as_bool().unwrap(),
    });
}

fn kind(data_type: &str, column_type: &str, unsigned: bool) -> ColumnType {
    use ColumnType as K;
    let arguments = column_type.split_once('(').map_or("", |(_, a)| a.rsplit_once(')').unwrap().0);
    let number = || arguments.parse::<u16>().unwrap_or(0);
    let small = || u8::try_from(number()).unwrap();
    match data_type {
        "tinyint" => K::TinyInt { unsigned },
        "smallint" => K::SmallInt { unsigned },
        "mediumint" => K::MediumInt { unsigned },
        "int" => K::Int { unsigned },
        "bigint" => K::BigInt { unsigned },
        "float" => K::Float,
        "double" => K::Double,
        "decimal" => {
            let (precision, scale) = arguments.split_once(',').unwrap();
            K::Decimal { precision: precision.parse().unwrap(), scale: scale.parse().unwrap() }
        }
        "bit" => K::Bit { bits: small() },
        "year" => K::Year,
        "date" => K::Date,
        "time" => K::Time(small()),
        "datetime" => K::DateTime(small()),
        "timestamp" => K::Timestamp(small()),
        "char" => K::Char,
        "varchar" => K::VarChar,
        "tinytext" | "text" | "mediumtext" | "longtext" => K::Text,
        "binary" => K::Binary { length: number() },
        "varbinary" => K::VarBinary,
        "tinyblob" | "blob" | "mediumblob" | "longblob" => K::Blob,
        "enum" => K::Enum(members(arguments)),
        "set" => K::Set(members(arguments)),
        "json" => K::Json,
        "vector" => K::Vector,
        _ => K::Geometry,
    }
}

/// `'a','it''s'` as a list.
fn members(arguments: &str) -> Arc<[String]> {
    let mut members = Vec::new();
    let mut rest = arguments;
    while let Some(quoted) = rest.strip_prefix('\'') {
        let mut member = String::new();
        let mut chars = quoted.chars().peekable();
        loop {
            match chars.next().unwrap() {
                '\'' if chars.peek() == Some(&'\'') => member.push(chars.next().unwrap()),
                '\'' => break,
                other => member.push(other),
            }
        }
        members.push(member);
        let tail: String = chars.collect();
        rest = &rest[rest.len() - tail.len()..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    members.into()
}
