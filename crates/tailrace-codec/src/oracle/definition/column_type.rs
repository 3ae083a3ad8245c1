//! A column's type in a statement, as the dictionary would describe it.

use super::alter::Words;
use crate::error::Result;
use crate::oracle::{LengthUnit, OracleColumn};

/// Bytes of a character of the national set.
const NATIONAL_CHAR_BYTES: u32 = 2;
/// Bytes of a character, at most, where a length counts characters. The target counts characters then too.
const CHAR_BYTES: u32 = 4;

/// Reads a type. `None` if there is none: what follows is a default or a constraint.
pub(super) fn column_type(words: &mut Words<'_>, name: &str) -> Result<Option<OracleColumn>> {
    let Some(kind) = words.peek_word() else { return Ok(None) };
    if is_clause(&kind) {
        return Ok(None);
    }
    words.next();
    let mut column = empty(name, &kind);
    match kind.as_str() {
        "VARCHAR2" | "VARCHAR" | "CHAR" | "CHARACTER" => characters(words, &mut column, &kind)?,
        "NVARCHAR2" | "NCHAR" => {
            column.char_length =
                numbers(words)?.first().copied().flatten().unwrap_or(1).unsigned_abs();
            column.char_used = Some(LengthUnit::Chars);
            column.data_length = column.char_length * NATIONAL_CHAR_BYTES;
        }
        "NUMBER" | "NUMERIC" | "DECIMAL" | "DEC" => {
            column.data_type = "NUMBER".to_owned();
            let numbers = numbers(words)?;
            column.precision = numbers.first().copied().flatten();
            let said = numbers.get(1).copied().flatten();
            column.scale = if numbers.is_empty() { None } else { said.or(Some(0)) };
        }
        "INTEGER" | "INT" | "SMALLINT" => {
            column.data_type = "NUMBER".to_owned();
            column.scale = Some(0);
        }
        "FLOAT" | "REAL" => {
            column.data_type = "FLOAT".to_owned();
            column.precision = numbers(words)?.first().copied().flatten();
        }
        "DOUBLE" => {
            words.eat("PRECISION");
            column.data_type = "FLOAT".to_owned();
        }
        "RAW" => {
            let length = numbers(words)?.first().copied().flatten().unwrap_or(1);
            column.data_length = length.unsigned_abs();
        }
        "LONG" if words.eat("RAW") => column.data_type = "LONG RAW".to_owned(),
        "TIMESTAMP" => timestamp(words, &mut column)?,
        "INTERVAL" => interval(words, &mut column)?,
        // Types of users, of other schemas and of Oracle's options have no counterpart; neither have the words behind them.
        _ => {
            numbers(words)?;
        }
    }
    Ok(Some(column))
}

/// Words that begin what may follow a type.
fn is_clause(word: &str) -> bool {
    const CLAUSES: [&str; 22] = [
        "DEFAULT",
        "NOT",
        "NULL",
        "CONSTRAINT",
        "PRIMARY",
        "UNIQUE",
        "CHECK",
        "REFERENCES",
        "ENABLE",
        "DISABLE",
        "VISIBLE",
        "INVISIBLE",
        "GENERATED",
        "AS",
        "ENCRYPT",
        "DECRYPT",
        "SORT",
        "COLLATE",
        "DROP",
        "SCOPE",
        "WITH",
        "RELY",
    ];
    CLAUSES.contains(&word)
}

fn empty(name: &str, kind: &str) -> OracleColumn {
    OracleColumn {
        name: name.to_owned(),
        data_type: kind.to_owned(),
        data_length: 0,
        char_length: 0,
        char_used: None,
        precision: None,
        scale: None,
        nullable: true,
        default: None,
        is_virtual: false,
        is_hidden: false,
        comment: None,
    }
}

/// `(n [BYTE | CHAR])`
fn characters(words: &mut Words<'_>, column: &mut OracleColumn, kind: &str) -> Result<()> {
    if matches!(kind, "CHAR" | "CHARACTER") && words.eat("VARYING") {
        column.data_type = "VARCHAR2".to_owned();
    } else if kind == "CHARACTER" {
        column.data_type = "CHAR".to_owned();
    }
    let mut unit = LengthUnit::Bytes;
    let mut length = 1;
    if words.eat_mark('(') {
        length = words.number()?.unsigned_abs();
        if words.eat("CHAR") {
            unit = LengthUnit::Chars;
        } else {
            words.eat("BYTE");
        }
        words.need_mark(')')?;
    }
    column.char_length = length;
    column.char_used = Some(unit);
    let each = if unit == LengthUnit::Chars { CHAR_BYTES } else { 1 };
    column.data_length = length.saturating_mul(each);
    Ok(())
}

/// `[(n)] [WITH [LOCAL] TIME ZONE]`
fn timestamp(words: &mut Words<'_>, column: &mut OracleColumn) -> Result<()> {
    let digits = numbers(words)?.first().copied().flatten().unwrap_or(6);
    let zone = if words.eat_all(&["WITH", "LOCAL", "TIME", "ZONE"]) {
        " WITH LOCAL TIME ZONE"
    } else if words.eat_all(&["WITH", "TIME", "ZONE"]) {
        " WITH TIME ZONE"
    } else {
        ""
    };
    column.data_type = format!("TIMESTAMP({digits}){zone}");
    column.scale = Some(digits);
    Ok(())
}

/// `YEAR [(n)] TO MONTH`, `DAY [(n)] TO SECOND [(m)]`
fn interval(words: &mut Words<'_>, column: &mut OracleColumn) -> Result<()> {
    let is_year = words.eat("YEAR");
    if !is_year {
        words.need("DAY")?;
    }
    let leading = numbers(words)?.first().copied().flatten().unwrap_or(2);
    words.need("TO")?;
    column.precision = Some(leading);
    column.data_type = if is_year {
        words.need("MONTH")?;
        format!("INTERVAL YEAR({leading}) TO MONTH")
    } else {
        words.need("SECOND")?;
        let digits = numbers(words)?.first().copied().flatten().unwrap_or(6);
        column.scale = Some(digits);
        format!("INTERVAL DAY({leading}) TO SECOND({digits})")
    };
    Ok(())
}

/// Numbers in parentheses, `None` for `*`; none without parentheses.
fn numbers(words: &mut Words<'_>) -> Result<Vec<Option<i32>>> {
    let mut numbers = Vec::new();
    if !words.eat_mark('(') {
        return Ok(numbers);
    }
    loop {
        numbers.push(if words.eat_mark('*') { None } else { Some(words.number()?) });
        if !words.eat_mark(',') {
            break;
        }
    }
    words.need_mark(')')?;
    Ok(numbers)
}
