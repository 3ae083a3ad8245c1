//! Rows of the full phase: what to select for each column so that the text is exact, and the text
//! back to [`Cell`]s that give the same message as the binlog's.

use super::{
    result_set::TextRow,
    text_value::{self, Reason},
};
use crate::{
    cell::{Cell, Decimal},
    encode::quote_identifier,
    error::{DecodeError, Result},
    schema::{Column, ColumnType, Fsp, TableSchema},
};

/// What a session must set before it reads rows or the catalog; each entry is one statement.
///
/// * `SET NAMES utf8mb4`: character values arrive in UTF-8;
/// * `time_zone`: `TIMESTAMP` is printed in UTC;
/// * `sql_mode`: no padding of `CHAR`, backticks quote, backslashes escape in what the server
///   prints, and dates such as `2024-02-31`, which a table may hold, can be compared with;
/// * the timeouts in seconds: the reader may be held up by a slow target.
pub const SNAPSHOT_SESSION: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET SESSION time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES', sql_select_limit = DEFAULT, \
     net_write_timeout = 3600, net_read_timeout = 3600, wait_timeout = 28800",
];

/// The expression that selects a column exactly.
///
/// `FLOAT` and `DOUBLE` are multiplied by the double 1: alone, `FLOAT` is printed with six digits
/// and a declared `(M,D)` cuts either. `ENUM` and `SET` are cast to their index or bitmap; `+ 0`
/// would turn a set into a double and lose its high bits.
pub fn select_expression(column: &Column) -> String {
    let name = quote_identifier(&column.name);
    match ValueKind::of(&column.kind) {
        ValueKind::Float | ValueKind::Double => format!("{name} * 1e0"),
        ValueKind::Enum | ValueKind::Set => format!("CAST({name} AS UNSIGNED)"),
        _ => name,
    }
}

/// All columns' expressions in ordinal order, for the list of a `SELECT`. Naming every column is what
/// includes invisible ones.
pub fn select_list(schema: &TableSchema) -> String {
    schema.columns.iter().map(select_expression).collect::<Vec<_>>().join(", ")
}

/// How a column's text becomes a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueKind {
    Signed,
    Unsigned,
    Float,
    Double,
    Decimal,
    Bit { bytes: usize },
    Year,
    Date,
    Time(Fsp),
    DateTime(Fsp),
    Timestamp(Fsp),
    Utf8,
    Binary,
    Enum,
    Set,
    Json,
    Geometry,
    Vector,
}

impl ValueKind {
    fn of(kind: &ColumnType) -> Self {
        match kind {
            ColumnType::TinyInt { unsigned }
            | ColumnType::SmallInt { unsigned }
            | ColumnType::MediumInt { unsigned }
            | ColumnType::Int { unsigned }
            | ColumnType::BigInt { unsigned } => {
                if *unsigned {
                    Self::Unsigned
                } else {
                    Self::Signed
                }
            }
            ColumnType::Float => Self::Float,
            ColumnType::Double => Self::Double,
            ColumnType::Decimal { .. } => Self::Decimal,
            ColumnType::Bit { bits } => Self::Bit { bytes: usize::from(bits.div_ceil(8)) },
            ColumnType::Year => Self::Year,
            ColumnType::Date => Self::Date,
            ColumnType::Time(fsp) => Self::Time(*fsp),
            ColumnType::DateTime(fsp) => Self::DateTime(*fsp),
            ColumnType::Timestamp(fsp) => Self::Timestamp(*fsp),
            ColumnType::Char
            | ColumnType::VarChar
            | ColumnType::Text
            | ColumnType::Uuid
            | ColumnType::Inet4
            | ColumnType::Inet6 => Self::Utf8,
            ColumnType::Binary { .. } | ColumnType::VarBinary | ColumnType::Blob => Self::Binary,
            ColumnType::Enum(members) => Self::unless_lossy(members, Self::Enum),
            ColumnType::Set(members) => Self::unless_lossy(members, Self::Set),
            ColumnType::Json => Self::Json,
            ColumnType::Geometry => Self::Geometry,
            ColumnType::Vector => Self::Vector,
        }
    }

    /// The catalog prints characters beyond the basic plane as `?`. Where a member holds one, its
    /// text is read with the row instead of being looked up.
    fn unless_lossy(members: &[String], kind: Self) -> Self {
        if members.iter().any(|m| m.contains('?')) { Self::Utf8 } else { kind }
    }

    fn cell(self, text: &[u8]) -> Result<Cell<'_>, Reason> {
        Ok(match self {
            Self::Signed => Cell::Int(text_value::signed(text)?),
            Self::Unsigned => Cell::UInt(text_value::unsigned(text)?),
            Self::Float => Cell::Float(text_value::float(text)?),
            Self::Double => Cell::Double(text_value::double(text)?),
            Self::Decimal => Cell::Decimal(Decimal::Text(text)),
            Self::Bit { bytes } if text.len() == bytes => Cell::Bit(text),
            Self::Bit { bytes } => {
                return Err(format!("a BIT value has {} bytes, {bytes} are declared", text.len()));
            }
            Self::Year => Cell::Year(text_value::year(text)?),
            Self::Date => Cell::Date(text_value::date(text)?),
            Self::Time(fsp) => Cell::Time(text_value::time(text, fsp)?, fsp),
            Self::DateTime(fsp) => Cell::DateTime(text_value::datetime(text, fsp)?, fsp),
            Self::Timestamp(fsp) => {
                let (seconds, micros) = text_value::timestamp(text, fsp)?;
                Cell::Timestamp { seconds, micros, fsp }
            }
            Self::Utf8 => Cell::Utf8(text),
            Self::Binary => Cell::Binary(text),
            Self::Enum => {
                let index = text_value::unsigned(text)?;
                let index = u16::try_from(index)
                    .map_err(|_| format!("ENUM index {index} is larger than 65535"))?;
                Cell::Enum(index)
            }
            Self::Set => Cell::Set(text_value::unsigned(text)?),
            Self::Json => Cell::JsonText(text),
            Self::Geometry => Cell::Geometry(text),
            Self::Vector => Cell::Vector(text),
        })
    }
}

/// The value of a type that a text is, written as the server prints it.
///
/// # Errors
/// What the text is not.
pub fn text_cell<'t>(kind: &ColumnType, text: &'t [u8]) -> Result<Cell<'t>, String> {
    ValueKind::of(kind).cell(text)
}

/// One column's conversion, with what an error says of it.
#[derive(Debug)]
struct TextColumn {
    label: Box<str>,
    kind: ValueKind,
}

/// Reads rows that were selected with [`select_list`].
#[derive(Debug)]
pub struct TextRowReader {
    columns: Box<[TextColumn]>,
}

impl TextRowReader {
    /// Prepares a table's conversions.
    pub fn compile(schema: &TableSchema) -> Self {
        let columns = schema
            .columns
            .iter()
            .map(|column| TextColumn {
                label: format!("{}.{} ({})", schema.full_name(), column.name, column.type_name)
                    .into(),
                kind: ValueKind::of(&column.kind),
            })
            .collect();
        Self { columns }
    }

    /// Replaces `cells` with the values of a row packet's payload. The cells borrow from it.
    ///
    /// # Errors
    /// The row is cut, has another number of values than the table has columns, or holds a text
    /// that is not a value of its column's type.
    pub fn read_into<'a>(&self, payload: &'a [u8], cells: &mut Vec<Cell<'a>>) -> Result<()> {
        cells.clear();
        let mut values = TextRow::new(payload).cells();
        for column in &self.columns {
            let Some(value) = values.next() else {
                return Err(self.wrong_width(payload, cells.len()));
            };
            let cell = match value? {
                None => Cell::Null,
                Some(text) => column.kind.cell(text).map_err(|reason| {
                    DecodeError::new(format!("value of {}", column.label), 0, reason)
                })?,
            };
            cells.push(cell);
        }
        match values.next() {
            None => Ok(()),
            Some(_) => Err(self.wrong_width(payload, cells.len().saturating_add(1))),
        }
    }

    #[cold]
    fn wrong_width(&self, payload: &[u8], seen: usize) -> DecodeError {
        let reason = format!("at value {seen}: the table has {} columns", self.columns.len());
        DecodeError::new("text row", payload.len(), reason)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        cell::{CivilDate, CivilDateTime},
        mysql::wire::push_lenenc_bytes,
    };

    fn schema(kinds: &[ColumnType]) -> TableSchema {
        let columns = kinds
            .iter()
            .enumerate()
            .map(|(at, kind)| Column {
                name: format!("c{at}"),
                kind: kind.clone(),
                type_name: "t".into(),
                collation: 63,
                nullable: true,
            })
            .collect();
        TableSchema { database: "d".into(), table: "t".into(), columns, primary_key: vec![] }
    }

    fn packet(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut out = Vec::new();
        for value in values {
            match value {
                None => out.push(0xFB),
                Some(bytes) => push_lenenc_bytes(&mut out, bytes),
            }
        }
        out
    }

    fn strings(members: &[&str]) -> std::sync::Arc<[String]> {
        members.iter().map(|m| (*m).to_owned()).collect()
    }

    #[test]
    fn expressions() {
        let schema = schema(&[
            ColumnType::Int { unsigned: false },
            ColumnType::Float,
            ColumnType::Double,
            ColumnType::Enum(strings(&["a"])),
            ColumnType::Set(strings(&["a", "?"])),
        ]);
        assert_eq!(
            select_list(&schema),
            "`c0`, `c1` * 1e0, `c2` * 1e0, CAST(`c3` AS UNSIGNED), `c4`"
        );
    }

    #[test]
    fn a_row() {
        let schema = schema(&[
            ColumnType::TinyInt { unsigned: false },
            ColumnType::BigInt { unsigned: true },
            ColumnType::Float,
            ColumnType::Decimal { precision: 5, scale: 2 },
            ColumnType::Bit { bits: 9 },
            ColumnType::DateTime(1),
            ColumnType::Timestamp(0),
            ColumnType::Enum(strings(&["a"])),
            ColumnType::Set(strings(&["?"])),
            ColumnType::Json,
            ColumnType::Year,
            ColumnType::Blob,
        ]);
        let payload = packet(&[
            Some(b"-5"),
            Some(b"18446744073709551615"),
            Some(b"0.10000000149011612"),
            Some(b"1.50"),
            Some(&[1, 255]),
            Some(b"2024-01-02 03:04:05.6"),
            Some(b"1970-01-01 00:00:01"),
            Some(b"1"),
            Some(b"?"),
            Some(b"{}"),
            Some(b"1999"),
            None,
        ]);
        let mut cells = Vec::new();
        TextRowReader::compile(&schema).read_into(&payload, &mut cells).unwrap();
        let date = CivilDate { year: 2024, month: 1, day: 2 };
        let moment = CivilDateTime { date, hour: 3, minute: 4, second: 5, micros: 600_000 };
        assert_eq!(
            cells,
            [
                Cell::Int(-5),
                Cell::UInt(u64::MAX),
                Cell::Float(0.1),
                Cell::Decimal(Decimal::Text(b"1.50")),
                Cell::Bit(&[1, 255]),
                Cell::DateTime(moment, 1),
                Cell::Timestamp { seconds: 1, micros: 0, fsp: 0 },
                Cell::Enum(1),
                Cell::Utf8(b"?"),
                Cell::JsonText(b"{}"),
                Cell::Year(1999),
                Cell::Null,
            ]
        );
    }

    #[test]
    fn wrong_rows_are_named() {
        let reader = TextRowReader::compile(&schema(&[ColumnType::Year, ColumnType::Year]));
        let mut cells = Vec::new();
        let read = |values: &[Option<&[u8]>]| {
            reader.read_into(&packet(values), &mut Vec::new()).unwrap_err().to_string()
        };
        assert!(read(&[Some(b"1999")]).contains("the table has 2 columns"));
        assert!(read(&[None, None, None]).contains("the table has 2 columns"));
        let message = read(&[None, Some(b"99")]);
        assert!(message.starts_with("value of d.t.c1 (t)"), "{message}");
        let reader = TextRowReader::compile(&schema(&[ColumnType::Bit { bits: 9 }]));
        assert!(reader.read_into(&packet(&[Some(b"x")]), &mut cells).is_err());
    }

    proptest! {
        #[test]
        fn no_panic(payload: Vec<u8>) {
            let schema = schema(&[
                ColumnType::Float,
                ColumnType::Time(3),
                ColumnType::Timestamp(6),
                ColumnType::Enum(strings(&["a"])),
            ]);
            let _ = TextRowReader::compile(&schema).read_into(&payload, &mut Vec::new());
        }
    }
}
