//! Columns that messages have and the source does not: DRS's additional columns.

use serde::{Deserialize, Serialize};
use tailrace_codec::cell::{Cell, CivilDateTime};
use tailrace_codec::mysql::text_cell;
use tailrace_codec::schema::Fsp;
use tailrace_codec::{Column, ColumnType};

/// Characters of a `varchar(256)`.
const VARCHAR_CHARACTERS_MAX: usize = 256;
/// Characters of a `varchar(191)`.
const SHORT_VARCHAR_CHARACTERS_MAX: usize = 191;
/// `utf8mb4_0900_ai_ci`, the collation of added texts.
const UTF8MB4: u16 = 255;
/// `binary`, the collation of all that is no text.
const BINARY: u16 = 63;

/// Columns that may be added to one table.
pub const ADDED_COLUMNS_MAX: usize = 64;

/// What an added column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// The same value in every row.
    DefaultValue,
    /// When the row was written: the commit of its INSERT, or in the full phase when it was read. `NULL` in messages of
    /// later changes, as the log does not say it.
    CreateTime,
    /// When the change was committed, or in the full phase when the row was read.
    UpdateTime,
    /// `database@table`, DRS's one expression.
    Expression,
    /// `server@database@table`, with a name of the server that the value gives.
    ServerDatabaseTable,
}

impl Operation {
    /// All.
    pub const ALL: [Self; 5] = [
        Self::DefaultValue,
        Self::CreateTime,
        Self::UpdateTime,
        Self::Expression,
        Self::ServerDatabaseTable,
    ];

    /// As DRS calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DefaultValue => "default_value",
            Self::CreateTime => "create_time",
            Self::UpdateTime => "update_time",
            Self::Expression => "expression",
            Self::ServerDatabaseTable => "server_database_table",
        }
    }

    /// Which types its column may have.
    pub fn kinds(self) -> &'static [AddedKind] {
        use AddedKind::{DateTime, Int, Long, ShortText, Text, Timestamp};
        match self {
            Self::DefaultValue => &[Int, Long, Text, ShortText, DateTime, Timestamp],
            Self::CreateTime | Self::UpdateTime => &[Long, DateTime, Timestamp],
            Self::Expression | Self::ServerDatabaseTable => &[Text, ShortText],
        }
    }

    /// Whether its value is given.
    pub fn has_value(self) -> bool {
        matches!(self, Self::DefaultValue | Self::ServerDatabaseTable)
    }
}

/// Type of an added column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddedKind {
    /// 32 bits with a sign.
    #[serde(rename = "int")]
    Int,
    /// 64 bits with a sign; of a time, milliseconds of the Unix epoch.
    #[serde(rename = "long")]
    Long,
    /// Up to 256 characters.
    #[serde(rename = "varchar(256)")]
    Text,
    /// Up to 191 characters.
    #[serde(rename = "varchar(191)")]
    ShortText,
    /// Date and time; of a time, in UTC with seconds.
    #[serde(rename = "datetime")]
    DateTime,
    /// A moment; of a time, with seconds.
    #[serde(rename = "timestamp")]
    Timestamp,
}

impl AddedKind {
    /// All.
    pub const ALL: [Self; 6] =
        [Self::Int, Self::Long, Self::Text, Self::ShortText, Self::DateTime, Self::Timestamp];

    /// As DRS calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Long => "long",
            Self::Text => "varchar(256)",
            Self::ShortText => "varchar(191)",
            Self::DateTime => "datetime",
            Self::Timestamp => "timestamp",
        }
    }

    fn characters_max(self) -> Option<usize> {
        match self {
            Self::Text => Some(VARCHAR_CHARACTERS_MAX),
            Self::ShortText => Some(SHORT_VARCHAR_CHARACTERS_MAX),
            _ => None,
        }
    }

    fn column_type(self, fsp: Fsp) -> ColumnType {
        match self {
            Self::Int => ColumnType::Int { unsigned: false },
            Self::Long => ColumnType::BigInt { unsigned: false },
            Self::Text | Self::ShortText => ColumnType::VarChar,
            Self::DateTime => ColumnType::DateTime(fsp),
            Self::Timestamp => ColumnType::Timestamp(fsp),
        }
    }

    fn type_name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Long => "bigint",
            Self::Text | Self::ShortText => "varchar",
            Self::DateTime => "datetime",
            Self::Timestamp => "timestamp",
        }
    }
}

/// A column that messages have and the source does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddedColumn {
    /// What it says.
    pub operation: Operation,
    /// Its type.
    pub r#type: AddedKind,
    /// The default value, as the source would print it, or the server's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What is wrong with an added column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedFault {
    /// `type` or `value`.
    pub field: &'static str,
    /// As it is.
    pub given: String,
    /// What it may be.
    pub allowed: String,
}

impl AddedColumn {
    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<AddedFault> {
        let given = self.value.clone().unwrap_or_default();
        let of_value =
            |allowed: String| Some(AddedFault { field: "value", given: given.clone(), allowed });
        if !self.operation.kinds().contains(&self.r#type) {
            let names: Vec<_> = self.operation.kinds().iter().map(|kind| kind.name()).collect();
            return Some(AddedFault {
                field: "type",
                given: self.r#type.name().to_owned(),
                allowed: format!("{} for {}", names.join(", "), self.operation.name()),
            });
        }
        match (self.operation.has_value(), &self.value) {
            (false, None) => None,
            (false, Some(_)) => of_value(format!("none for {}", self.operation.name())),
            (true, None) => of_value(format!("a value for {}", self.operation.name())),
            (true, Some(value)) => match self.constant(value) {
                Ok(_) => None,
                Err(reason) => of_value(reason),
            },
        }
    }

    /// Digits of the fraction of seconds that a value of it has.
    fn fraction(&self) -> Fsp {
        let is_time = matches!(self.r#type, AddedKind::DateTime | AddedKind::Timestamp);
        let digits = self.value.as_deref().filter(|_| is_time).and_then(|v| v.split_once('.'));
        digits.and_then(|(_, digits)| Fsp::try_from(digits.len()).ok()).unwrap_or(0).min(6)
    }

    /// The cell of a value that is always the same.
    fn constant<'v>(&self, value: &'v str) -> Result<Cell<'v>, String> {
        if let Some(max) = self.r#type.characters_max()
            && value.chars().count() > max
        {
            return Err(format!("at most {max} characters"));
        }
        let cell = text_cell(&self.r#type.column_type(self.fraction()), value.as_bytes())?;
        match (self.r#type, cell) {
            (AddedKind::Int, Cell::Int(number)) if i32::try_from(number).is_err() => {
                Err(format!("{}..={}", i32::MIN, i32::MAX))
            }
            (_, cell) => Ok(cell),
        }
    }

    /// The column that messages have.
    pub(super) fn column(&self, name: &str) -> Column {
        let kind = self.r#type.column_type(self.fraction());
        let collation = if self.r#type.characters_max().is_some() { UTF8MB4 } else { BINARY };
        let type_name = self.r#type.type_name().to_owned();
        Column { name: name.to_owned(), kind, type_name, collation, nullable: true }
    }
}

/// When the change was that a row comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// Its commit, or when the row was read; microseconds of the Unix epoch.
    pub(crate) changed_us: i64,
    /// It is also when the row began.
    pub(crate) is_first: bool,
}

/// An added column, compiled.
pub(super) enum Filled {
    /// A text that is always the same.
    Text(Box<str>),
    /// Another value that is always the same.
    Same(Cell<'static>),
    /// When it was changed.
    Changed(AddedKind),
    /// When it began.
    Created(AddedKind),
}

impl Filled {
    /// Compiles a column of a table, by the database and the table at the source.
    ///
    /// # Errors
    /// What the value is not.
    pub(super) fn compile(
        column: &AddedColumn,
        (database, table): (&str, &str),
    ) -> Result<Self, String> {
        let value = column.value.as_deref().unwrap_or_default();
        Ok(match column.operation {
            Operation::CreateTime => Self::Created(column.r#type),
            Operation::UpdateTime => Self::Changed(column.r#type),
            Operation::Expression => Self::Text(format!("{database}@{table}").into()),
            Operation::ServerDatabaseTable => {
                Self::Text(format!("{value}@{database}@{table}").into())
            }
            Operation::DefaultValue => match column.constant(value)? {
                Cell::Int(number) => Self::Same(Cell::Int(number)),
                Cell::DateTime(value, fsp) => Self::Same(Cell::DateTime(value, fsp)),
                Cell::Timestamp { seconds, micros, fsp } => {
                    Self::Same(Cell::Timestamp { seconds, micros, fsp })
                }
                _ => Self::Text(value.into()),
            },
        })
    }

    /// Whether it is the same whenever the row is read.
    pub(super) fn is_lasting(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Same(_))
    }

    /// Its value in a row.
    pub(super) fn cell(&self, moment: Moment) -> Cell<'_> {
        match self {
            Self::Text(text) => Cell::Utf8(text.as_bytes()),
            Self::Same(cell) => *cell,
            Self::Changed(kind) => time(*kind, moment.changed_us),
            Self::Created(kind) if moment.is_first => time(*kind, moment.changed_us),
            Self::Created(_) => Cell::Null,
        }
    }
}

/// A moment as a value of a type.
fn time(kind: AddedKind, us: i64) -> Cell<'static> {
    let seconds = us.div_euclid(1_000_000);
    match kind {
        AddedKind::Timestamp => Cell::Timestamp { seconds, micros: 0, fsp: 0 },
        AddedKind::DateTime => CivilDateTime::from_unix(seconds, 0)
            .map_or(Cell::Null, |value| Cell::DateTime(value, 0)),
        _ => Cell::Int(us.div_euclid(1000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(operation: Operation, r#type: AddedKind, value: Option<&str>) -> AddedColumn {
        AddedColumn { operation, r#type, value: value.map(str::to_owned) }
    }

    #[test]
    fn what_an_added_column_may_not_say_is_named() {
        use AddedKind::{DateTime, Int, Long, ShortText, Text, Timestamp};
        use Operation::{CreateTime, DefaultValue, Expression, ServerDatabaseTable, UpdateTime};
        let long = "x".repeat(192);
        for (operation, kind, value, field) in [
            (DefaultValue, Int, Some("2147483648"), "value"),
            (DefaultValue, Int, Some("12a"), "value"),
            (DefaultValue, Long, Some("9223372036854775808"), "value"),
            (DefaultValue, ShortText, Some(long.as_str()), "value"),
            (DefaultValue, DateTime, Some("2024-13-01 00:00:00"), "value"),
            (DefaultValue, DateTime, Some("2024-01-01 00:00:00.1234567"), "value"),
            (DefaultValue, Timestamp, Some("1960-01-01 00:00:00"), "value"),
            (DefaultValue, Text, None, "value"),
            (CreateTime, Timestamp, Some("now"), "value"),
            (CreateTime, Int, None, "type"),
            (UpdateTime, Text, None, "type"),
            (Expression, Text, Some("concat(a)"), "value"),
            (Expression, Long, None, "type"),
            (ServerDatabaseTable, Text, None, "value"),
        ] {
            let fault = column(operation, kind, value).fault().expect("a fault");
            assert_eq!(fault.field, field, "{operation:?} {kind:?} {value:?}: {fault:?}");
        }
        for (operation, kind, value) in [
            (DefaultValue, Int, Some("-2147483648")),
            (DefaultValue, Text, Some("")),
            (DefaultValue, DateTime, Some("2024-02-29 23:59:59.25")),
            (DefaultValue, Timestamp, Some("2024-02-29 23:59:59")),
            (CreateTime, Long, None),
            (UpdateTime, DateTime, None),
            (Expression, Text, None),
            (ServerDatabaseTable, ShortText, Some("eu-1")),
        ] {
            assert_eq!(column(operation, kind, value).fault(), None);
        }
    }

    #[test]
    fn values_are_what_they_say() {
        let of = |operation, kind, value| {
            Filled::compile(&column(operation, kind, value), ("shop", "item")).unwrap()
        };
        // 2024-02-29 23:59:59.987654 UTC
        let changed_us = 1_709_251_199_987_654;
        let (first, later) =
            (Moment { changed_us, is_first: true }, Moment { changed_us, is_first: false });
        let created = of(Operation::CreateTime, AddedKind::Long, None);
        assert_eq!(created.cell(first), Cell::Int(1_709_251_199_987));
        assert_eq!(created.cell(later), Cell::Null);
        let Cell::DateTime(value, 0) =
            of(Operation::UpdateTime, AddedKind::DateTime, None).cell(later)
        else {
            panic!("a date and time");
        };
        assert_eq!((value.date.day, value.hour, value.minute, value.second), (29, 23, 59, 59));
        assert_eq!(
            of(Operation::UpdateTime, AddedKind::Timestamp, None).cell(first),
            Cell::Timestamp { seconds: 1_709_251_199, micros: 0, fsp: 0 }
        );
        let named = of(Operation::ServerDatabaseTable, AddedKind::Text, Some("eu"));
        assert_eq!(named.cell(first), Cell::Utf8(b"eu@shop@item"));
        let named = of(Operation::Expression, AddedKind::Text, None);
        assert_eq!(named.cell(later), Cell::Utf8(b"shop@item"));
        assert!(named.is_lasting() && !created.is_lasting());
    }
}
