//! The type of a column: DRS's mapping from Oracle to GaussDB.

use crate::oracle::{DatabaseCharset, LengthUnit, OracleColumn, OracleType};

/// Longest `CHARACTER` and `CHARACTER VARYING`, bytes.
const CHARACTERS_MAX: u32 = 10_485_760;
/// Bytes of a character of the national set (AL16UTF16) in UTF-8.
const NATIONAL_CHAR_BYTES: u32 = 3;
/// Most digits of a `NUMERIC` that is said to have so many.
const NUMERIC_DIGITS_MAX: i32 = 1000;

/// A column's type at the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetType {
    /// As in `CREATE TABLE`.
    pub sql: String,
    /// It may be part of a primary key and of a distribution key.
    pub is_key: bool,
    /// What may be lost.
    pub loss: Option<Loss>,
}

/// What a value may lose on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Digits: a binary number has fewer.
    Digits,
    /// Digits of seconds behind the sixth.
    Seconds,
}

/// Why something has no counterpart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The column, or the table, that it is about.
    pub name: String,
    /// Why, in words.
    pub reason: String,
}

/// The target's type of a column.
///
/// # Errors
/// For types that are not replicated, and lengths that do not fit.
pub fn target_type(column: &OracleColumn, charset: DatabaseCharset) -> Result<TargetType, Fault> {
    use OracleType as T;
    let of = |sql: &str, is_key, loss| Ok(TargetType { sql: sql.to_owned(), is_key, loss });
    match column.oracle_type() {
        T::Char => characters("CHARACTER", column, charset),
        T::VarChar2 => characters("CHARACTER VARYING", column, charset),
        T::NChar => national("CHARACTER", column),
        T::NVarChar2 => national("NVARCHAR2", column),
        T::Number { precision, scale } => Ok(number(precision, scale)),
        T::Float => of("DOUBLE PRECISION", false, Some(Loss::Digits)),
        T::BinaryFloat => of("REAL", false, Some(Loss::Digits)),
        T::BinaryDouble => of("DOUBLE PRECISION", false, None),
        T::Date => of("TIMESTAMP(0) WITHOUT TIME ZONE", true, None),
        T::Timestamp => of("TIMESTAMP(6) WITHOUT TIME ZONE", true, seconds(column)),
        T::TimestampTz | T::TimestampLtz => {
            of("TIMESTAMP(6) WITH TIME ZONE", false, seconds(column))
        }
        T::IntervalYearMonth => of("INTERVAL YEAR TO MONTH", true, None),
        T::IntervalDaySecond => of("INTERVAL DAY TO SECOND(6)", true, seconds(column)),
        T::Clob | T::NClob | T::Long => of("TEXT", false, None),
        T::Blob | T::LongRaw | T::Raw => of("BYTEA", false, None),
        T::RowId => of("CHARACTER VARYING(18)", true, None),
        T::Unsupported => Err(Fault {
            name: column.name.clone(),
            reason: format!("{} is not replicated; leave the column out", column.data_type),
        }),
    }
}

/// Integers have the smallest type that takes all their digits.
fn number(precision: Option<i32>, scale: Option<i32>) -> TargetType {
    let sql = match (precision, scale) {
        (Some(digits), scale) if scale.unwrap_or(0) <= 0 => match digits - scale.unwrap_or(0) {
            ..=4 => "SMALLINT".to_owned(),
            5..=9 => "INTEGER".to_owned(),
            10..=18 => "BIGINT".to_owned(),
            digits => format!("NUMERIC({},0)", digits.min(NUMERIC_DIGITS_MAX)),
        },
        // `NUMBER(3,5)` has zeros between the point and its digits.
        (Some(digits), Some(scale)) => format!("NUMERIC({},{scale})", digits.max(scale)),
        _ => "NUMERIC".to_owned(),
    };
    TargetType { sql, is_key: true, loss: None }
}

fn characters(
    name: &str,
    column: &OracleColumn,
    charset: DatabaseCharset,
) -> Result<TargetType, Fault> {
    let bytes = match column.char_used {
        Some(LengthUnit::Chars) => column.char_length.saturating_mul(charset.char_bytes_max()),
        _ => column.data_length.saturating_mul(charset.byte_factor()),
    };
    sized(name, column, bytes)
}

fn national(name: &str, column: &OracleColumn) -> Result<TargetType, Fault> {
    let chars = column.char_length;
    // The length of NVARCHAR2 counts characters.
    sized(name, column, if name == "NVARCHAR2" { chars } else { chars * NATIONAL_CHAR_BYTES })
}

fn sized(name: &str, column: &OracleColumn, length: u32) -> Result<TargetType, Fault> {
    if !(1..=CHARACTERS_MAX).contains(&length) {
        let reason = format!("{name}({length}): 1 to {CHARACTERS_MAX} are possible");
        return Err(Fault { name: column.name.clone(), reason });
    }
    Ok(TargetType { sql: format!("{name}({length})"), is_key: true, loss: None })
}

/// Whether more than six digits of seconds may be there: the type's last number in parentheses.
fn seconds(column: &OracleColumn) -> Option<Loss> {
    let (_, last) = column.data_type.rsplit_once('(')?;
    let digits: u32 = last.split(')').next()?.parse().ok()?;
    (digits > 6).then_some(Loss::Seconds)
}
