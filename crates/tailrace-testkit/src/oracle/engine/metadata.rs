//! `DBMS_METADATA`: the statement that makes a table.

use super::column::ColumnDef;
use super::expression::{Scope, unknown};
use super::table::Table;
use crate::oracle::value::Value;
use crate::oracle::wire::{Kind, OraError};

/// `GET_DDL('TABLE', name, owner)`, without storage and segments.
pub(super) fn statement(name: &str, owner: &str, scope: &Scope<'_>) -> Result<Value, OraError> {
    let seen = scope.seen.ok_or_else(|| unknown("DBMS_METADATA outside of a query"))?;
    let table = seen.state.tables.get(&(owner.to_owned(), name.to_owned()));
    let table = table.ok_or_else(|| {
        let text = format!("object \"{name}\" of type TABLE not found in schema \"{owner}\"");
        OraError::new(31603, text)
    })?;
    Ok(Value::text(create(table)))
}

fn create(table: &Table) -> String {
    let mut items: Vec<String> = table.columns.iter().map(column).collect();
    for key in table.keys.iter().filter(|key| key.is_constraint) {
        let columns: Vec<String> =
            key.columns.iter().map(|at| format!("\"{}\"", table.columns[*at].name)).collect();
        let kind = if key.is_primary { "PRIMARY KEY" } else { "UNIQUE" };
        let name = format!("CONSTRAINT \"{}\" ", key.name);
        let named = if key.name.starts_with("SYS_C") { "" } else { name.as_str() };
        items.push(format!("{named}{kind} ({}) ENABLE", columns.join(", ")));
    }
    format!(
        "\n  CREATE TABLE \"{}\".\"{}\" \n   (\t{}\n   ) ;",
        table.owner,
        table.name,
        items.join(", \n\t")
    )
}

fn column(column: &ColumnDef) -> String {
    let name = &column.name;
    let unit = if column.by_chars { " CHAR" } else { "" };
    let kind = match (column.kind, column.precision, column.scale) {
        (Kind::Number, precision, _) if column.is_float => {
            format!("FLOAT({})", precision.unwrap_or(126))
        }
        (Kind::Number, Some(precision), scale) => {
            format!("NUMBER({precision},{})", scale.unwrap_or(0))
        }
        (Kind::Number, None, Some(scale)) => format!("NUMBER(*,{scale})"),
        (Kind::VarChar2, ..) => format!("VARCHAR2({}{unit})", column.char_length),
        (Kind::Char, ..) => format!("CHAR({}{unit})", column.char_length),
        (Kind::NVarChar2, ..) => format!("NVARCHAR2({})", column.char_length),
        (Kind::NChar, ..) => format!("NCHAR({})", column.char_length),
        (Kind::Raw, ..) => format!("RAW({})", column.data_length),
        (Kind::Timestamp | Kind::TimestampTz | Kind::TimestampLtz, _, scale) => {
            format!(" {}", column.data_type()).replace("()", &format!("({})", scale.unwrap_or(6)))
        }
        _ => column.data_type(),
    };
    let default =
        column.default.as_ref().map_or_else(String::new, |text| format!(" DEFAULT {text}"));
    let null = if column.nullable { "" } else { " NOT NULL ENABLE" };
    format!("\"{name}\" {}{default}{null}", kind.trim())
}
