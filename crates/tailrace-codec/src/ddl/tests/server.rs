//! Schemas advanced by statements, against what a MySQL 9.7.4 server made of the same statements.
//!
//! The fixture has one case per block: statements, one per line (`\n` for a line end inside), and
//! then what the server's catalog said behind the last: lines of `= name`, `COLUMN_TYPE`, `IS_NULLABLE`
//! and `COLLATION_NAME`, and one with the columns of the index `PRIMARY`. The database's default was
//! utf8mb4.

use super::super::{Statement, apply, classify};
use crate::charset::collation_id;
use crate::schema::{Column, ColumnType, TableSchema};

const DATABASE_COLLATION: u16 = 255;

#[test]
fn the_server_makes_the_same_of_the_same_statements() {
    let mut cases = 0;
    for case in include_str!("server_schema.txt").split("\n\n") {
        let (facts, statements): (Vec<&str>, Vec<&str>) =
            case.lines().partition(|line| line.starts_with("= "));
        let schema = replay(&statements);
        let columns: Vec<String> = schema.columns.iter().map(fact).collect();
        let expected: Vec<String> = facts
            .iter()
            .filter(|fact| !fact.starts_with("= PRIMARY"))
            .map(|f| comparable(f))
            .collect();
        assert_eq!(columns, expected, "{statements:#?}");
        let key: Vec<&str> =
            schema.primary_key.iter().map(|at| schema.columns[*at].name.as_str()).collect();
        assert_eq!(
            format!("= PRIMARY {}", key.join(",")),
            *facts.last().unwrap(),
            "{statements:#?}"
        );
        cases += 1;
    }
    assert_eq!(cases, 30);
}

fn replay(statements: &[&str]) -> TableSchema {
    let mut state: Option<(TableSchema, u16)> = None;
    for statement in statements {
        let statement = statement.replace("\\n", "\n");
        state = Some(match (classify(&statement, "d"), state) {
            (Statement::CreateTable(create), None) => {
                let schema = create.to_schema(Some(DATABASE_COLLATION)).unwrap();
                (schema, create.collation.unwrap_or(DATABASE_COLLATION))
            }
            (Statement::AlterTable(alter), Some((schema, default))) => {
                assert_eq!(alter.name.table, schema.table);
                let new = apply(&schema, &alter, Some(default))
                    .unwrap_or_else(|error| panic!("{statement}: {error}"));
                (new, alter.default_collation().unwrap_or(default))
            }
            (other, _) => panic!("{statement}: {other:?}"),
        });
    }
    state.unwrap().0
}

/// A column as a line of the fixture, without what a schema does not hold.
fn fact(column: &Column) -> String {
    let members = |list: &[String]| {
        let quoted: Vec<String> = list
            .iter()
            .map(|member| format!("'{}'", member.replace('\\', r"\\").replace('\'', "''")))
            .collect();
        format!("({})", quoted.join(","))
    };
    let fraction = |digits: u8| if digits == 0 { String::new() } else { format!("({digits})") };
    let detail = match &column.kind {
        ColumnType::Decimal { precision, scale } => format!("({precision},{scale})"),
        ColumnType::Bit { bits } => format!("({bits})"),
        ColumnType::Binary { length } => format!("({length})"),
        ColumnType::Time(digits) | ColumnType::DateTime(digits) | ColumnType::Timestamp(digits) => {
            fraction(*digits)
        }
        ColumnType::Enum(list) | ColumnType::Set(list) => members(list),
        _ => String::new(),
    };
    let (name, unsigned) = match column.type_name.strip_suffix(" unsigned") {
        Some(name) => (name, " unsigned"),
        None => (column.type_name.as_str(), ""),
    };
    let declared = match column.kind {
        ColumnType::TinyInt { unsigned }
        | ColumnType::SmallInt { unsigned }
        | ColumnType::MediumInt { unsigned }
        | ColumnType::Int { unsigned }
        | ColumnType::BigInt { unsigned } => unsigned,
        _ => !unsigned.is_empty(),
    };
    assert_eq!(declared, !unsigned.is_empty(), "{column:?}");
    let nullable = if column.nullable { "YES" } else { "NO" };
    format!("= {}\t{name}{detail}{unsigned}\t{nullable}\t{}", column.name, column.collation)
}

/// A line of the fixture without what a schema does not hold.
fn comparable(line: &str) -> String {
    let fields: Vec<&str> = line.split('\t').collect();
    let [name, column_type, nullable, collation] = fields.as_slice() else { panic!("{line}") };
    let word = column_type.split(['(', ' ']).next().unwrap();
    let kept = ["decimal", "bit", "binary", "time", "datetime", "timestamp", "enum", "set"];
    let column_type = match (column_type.find('('), column_type.find(')')) {
        (Some(open), Some(close)) if !kept.contains(&word) => {
            format!("{}{}", &column_type[..open], &column_type[close + 1..])
        }
        _ => (*column_type).to_owned(),
    };
    let column_type = column_type.replace(" zerofill", "");
    let collation = if collation.is_empty() {
        63
    } else {
        collation_id(collation).unwrap_or_else(|| panic!("{line}"))
    };
    format!("{name}\t{column_type}\t{nullable}\t{collation}")
}
