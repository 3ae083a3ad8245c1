//! Columns as they are declared.

use sqlparser::tokenizer::Token;

use crate::oracle::wire::{Column, Kind, OraError};
use crate::sql_token::Piece;

/// A column of a table.
#[derive(Debug, Clone)]
pub(crate) struct ColumnDef {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Bytes.
    pub(crate) data_length: u32,
    /// In the unit of `by_chars`; 0 for other types.
    pub(crate) char_length: u32,
    pub(crate) by_chars: bool,
    pub(crate) precision: Option<i32>,
    pub(crate) scale: Option<i32>,
    /// `FLOAT(b)`, which is a number of binary digits.
    pub(crate) is_float: bool,
    pub(crate) nullable: bool,
    /// The expression's text.
    pub(crate) default: Option<String>,
    pub(crate) comment: Option<String>,
}

impl ColumnDef {
    /// A column of this type without more.
    pub(crate) fn new(name: &str, kind: Kind, data_length: u32) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            data_length,
            char_length: 0,
            by_chars: false,
            precision: None,
            scale: None,
            is_float: false,
            nullable: true,
            default: None,
            comment: None,
        }
    }

    /// `DATA_TYPE` of the dictionary.
    pub(crate) fn data_type(&self) -> String {
        let scale = self.scale.unwrap_or(6);
        match self.kind {
            Kind::Number if self.is_float => "FLOAT".into(),
            Kind::VarChar2 => "VARCHAR2".into(),
            Kind::NVarChar2 => "NVARCHAR2".into(),
            Kind::Char => "CHAR".into(),
            Kind::NChar => "NCHAR".into(),
            Kind::Number => "NUMBER".into(),
            Kind::Date => "DATE".into(),
            Kind::Timestamp => format!("TIMESTAMP({scale})"),
            Kind::TimestampTz => format!("TIMESTAMP({scale}) WITH TIME ZONE"),
            Kind::TimestampLtz => format!("TIMESTAMP({scale}) WITH LOCAL TIME ZONE"),
            Kind::Raw => "RAW".into(),
            Kind::BinaryFloat => "BINARY_FLOAT".into(),
            Kind::BinaryDouble => "BINARY_DOUBLE".into(),
            Kind::IntervalYearMonth => {
                format!("INTERVAL YEAR({}) TO MONTH", self.precision.unwrap_or(2))
            }
            Kind::IntervalDaySecond => {
                format!("INTERVAL DAY({}) TO SECOND({scale})", self.precision.unwrap_or(2))
            }
            Kind::RowId => "ROWID".into(),
            Kind::Long => "LONG".into(),
            Kind::LongRaw => "LONG RAW".into(),
            Kind::Clob => "CLOB".into(),
            Kind::NClob => "NCLOB".into(),
            Kind::Blob => "BLOB".into(),
        }
    }

    /// As a result tells it.
    pub(crate) fn described(&self, name: &str) -> Column {
        let (precision, scale) = match (self.kind, self.is_float) {
            (Kind::Number, true) => (self.precision.unwrap_or(126), -127),
            (Kind::Number, false) => match (self.precision, self.scale) {
                (None, None) => (0, -127),
                (precision, scale) => (precision.unwrap_or(38), scale.unwrap_or(0)),
            },
            _ => (0, self.scale.unwrap_or(0)),
        };
        Column {
            name: name.to_owned(),
            kind: self.kind,
            size: self.data_length,
            precision: i8::try_from(precision).unwrap_or(i8::MAX),
            scale: i8::try_from(scale).unwrap_or(i8::MIN),
            nullable: self.nullable,
        }
    }
}

/// Reads a column's type at a place; also where it ends.
pub(super) fn read_type(
    name: &str,
    pieces: &[Piece],
    at: usize,
) -> Result<(ColumnDef, usize), OraError> {
    let word = |at: usize| pieces.get(at).and_then(Piece::word).unwrap_or_default();
    let kind = word(at);
    let (numbers, unit, end) = parentheses(pieces, at + 1);
    let number = |place: usize| numbers.get(place).copied().flatten();
    let sized = |kind: Kind, bytes_each: u32, default: i32| {
        let length = u32::try_from(number(0).unwrap_or(default)).unwrap_or(0);
        let by_chars =
            unit.as_deref() == Some("CHAR") || matches!(kind, Kind::NVarChar2 | Kind::NChar);
        let each = if by_chars { bytes_each } else { 1 };
        let mut column = ColumnDef::new(name, kind, length * each);
        (column.char_length, column.by_chars) = (length, by_chars);
        column
    };
    let column = match kind.as_str() {
        "VARCHAR2" | "VARCHAR" => sized(Kind::VarChar2, 4, 1),
        "NVARCHAR2" => sized(Kind::NVarChar2, 2, 1),
        "CHAR" => sized(Kind::Char, 4, 1),
        "NCHAR" => sized(Kind::NChar, 2, 1),
        "NUMBER" | "NUMERIC" | "DECIMAL" => {
            let mut column = ColumnDef::new(name, Kind::Number, 22);
            column.precision = number(0);
            column.scale = if numbers.is_empty() { None } else { number(1).or(Some(0)) };
            column
        }
        "INTEGER" | "INT" | "SMALLINT" => {
            let mut column = ColumnDef::new(name, Kind::Number, 22);
            column.scale = Some(0);
            column
        }
        "FLOAT" => {
            let mut column = ColumnDef::new(name, Kind::Number, 22);
            (column.precision, column.is_float) = (number(0).or(Some(126)), true);
            column
        }
        "DATE" => ColumnDef::new(name, Kind::Date, 7),
        "RAW" => {
            ColumnDef::new(name, Kind::Raw, u32::try_from(number(0).unwrap_or(1)).unwrap_or(0))
        }
        "BINARY_FLOAT" => ColumnDef::new(name, Kind::BinaryFloat, 4),
        "BINARY_DOUBLE" => ColumnDef::new(name, Kind::BinaryDouble, 8),
        "CLOB" => ColumnDef::new(name, Kind::Clob, 4000),
        "NCLOB" => ColumnDef::new(name, Kind::NClob, 4000),
        "BLOB" => ColumnDef::new(name, Kind::Blob, 4000),
        "ROWID" => ColumnDef::new(name, Kind::RowId, 10),
        "LONG" if word(at + 1) == "RAW" => {
            return Ok((ColumnDef::new(name, Kind::LongRaw, 0), at + 2));
        }
        "LONG" => ColumnDef::new(name, Kind::Long, 0),
        "TIMESTAMP" => {
            let (kind, length, more) = match (word(end), word(end + 1)) {
                (a, b) if a == "WITH" && b == "LOCAL" => (Kind::TimestampLtz, 11, 4),
                (a, _) if a == "WITH" => (Kind::TimestampTz, 13, 3),
                _ => (Kind::Timestamp, 11, 0),
            };
            let mut column = ColumnDef::new(name, kind, length);
            column.scale = number(0).or(Some(6));
            return Ok((column, end + more));
        }
        "INTERVAL" => return interval(name, pieces, at + 1),
        other => {
            let text = format!("invalid datatype: the stand-in for Oracle does not have {other}");
            return Err(OraError::new(902, text));
        }
    };
    Ok((column, end))
}

fn interval(name: &str, pieces: &[Piece], at: usize) -> Result<(ColumnDef, usize), OraError> {
    let (first, _, to) = parentheses(pieces, at + 1);
    let (second, _, end) = parentheses(pieces, to + 2);
    let is_day = pieces.get(at).is_some_and(|piece| piece.is("DAY"));
    let (kind, length) =
        if is_day { (Kind::IntervalDaySecond, 11) } else { (Kind::IntervalYearMonth, 5) };
    let mut column = ColumnDef::new(name, kind, length);
    column.precision = first.first().copied().flatten().or(Some(2));
    column.scale = is_day.then(|| second.first().copied().flatten().unwrap_or(6));
    Ok((column, end))
}

/// Numbers in parentheses, `*` for none of them; a unit behind the first; and where they end.
fn parentheses(pieces: &[Piece], at: usize) -> (Vec<Option<i32>>, Option<String>, usize) {
    let mut numbers = Vec::new();
    if pieces.get(at).is_none_or(|piece| piece.token != Token::LParen) {
        return (numbers, None, at);
    }
    let (mut unit, mut negative) = (None, false);
    for (place, piece) in pieces.iter().enumerate().skip(at + 1) {
        match &piece.token {
            Token::Number(digits, _) => {
                let number = digits.parse::<i32>().ok();
                numbers.push(number.map(|number| if negative { -number } else { number }));
                negative = false;
            }
            Token::Minus => negative = true,
            Token::Mul => numbers.push(None),
            Token::RParen => return (numbers, unit, place + 1),
            _ => unit = piece.word().or(unit),
        }
    }
    (numbers, unit, pieces.len())
}
