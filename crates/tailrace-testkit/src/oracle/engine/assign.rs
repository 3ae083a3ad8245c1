//! A value becomes what a column can hold.

use super::column::ColumnDef;
use super::time;
use crate::oracle::number::Number;
use crate::oracle::value::{RowId, Value};
use crate::oracle::wire::{Kind, OraError};

/// Formats of dates and times in text, which a session may set.
#[derive(Debug, Clone)]
pub(crate) struct Formats {
    pub(crate) date: String,
    pub(crate) timestamp: String,
    pub(crate) timestamp_tz: String,
}

impl Default for Formats {
    fn default() -> Self {
        Self {
            date: "DD-MON-RR".replace("RR", "YY"),
            timestamp: "DD-MON-YY HH24:MI:SS.FF6".into(),
            timestamp_tz: "DD-MON-YY HH24:MI:SS.FF6 TZH:TZM".into(),
        }
    }
}

/// The value that a column gets.
pub(super) fn assign(
    value: Value,
    column: &ColumnDef,
    formats: &Formats,
) -> Result<Value, OraError> {
    if value == Value::Null {
        return if column.nullable {
            Ok(Value::Null)
        } else {
            let text = format!("cannot insert NULL into (\"{}\")", column.name);
            Err(OraError::new(1400, text))
        };
    }
    match column.kind {
        Kind::VarChar2 | Kind::NVarChar2 | Kind::Char | Kind::NChar => {
            characters(&to_text(&value, formats), column)
        }
        Kind::Long | Kind::Clob | Kind::NClob => Ok(Value::text(to_text(&value, formats))),
        Kind::Number => number(&to_number(&value)?, column),
        Kind::Date | Kind::Timestamp | Kind::TimestampTz | Kind::TimestampLtz => {
            moment(value, column, formats)
        }
        Kind::Raw | Kind::LongRaw | Kind::Blob => bytes(value, column),
        Kind::BinaryFloat => float(&value).map(|number| Value::Float(number as f32)),
        Kind::BinaryDouble => float(&value).map(Value::Double),
        Kind::RowId => match value {
            Value::RowId(place) => Ok(Value::RowId(place)),
            other => RowId::parse(&to_text(&other, formats))
                .map(Value::RowId)
                .ok_or_else(|| OraError::new(1410, "invalid ROWID")),
        },
        Kind::IntervalYearMonth | Kind::IntervalDaySecond => match value {
            Value::Months(_) | Value::Nanos(_) => Ok(value),
            _ => Err(inconsistent()),
        },
    }
}

fn inconsistent() -> OraError {
    OraError::new(932, "inconsistent datatypes")
}

fn characters(text: &str, column: &ColumnDef) -> Result<Value, OraError> {
    let (length, limit) = if column.by_chars {
        (text.chars().count(), column.char_length as usize)
    } else {
        (text.len(), column.data_length as usize)
    };
    if length > limit {
        let text = format!(
            "value too large for column \"{}\" (actual: {length}, maximum: {limit})",
            column.name
        );
        return Err(OraError::new(12899, text));
    }
    let pads = matches!(column.kind, Kind::Char | Kind::NChar);
    let blanks = if pads { limit - length } else { 0 };
    Ok(Value::text(format!("{text}{}", " ".repeat(blanks))))
}

fn number(number: &Number, column: &ColumnDef) -> Result<Value, OraError> {
    let Some(scale) = column.scale else { return Ok(Value::Number(number.clone())) };
    let rounded = number.rounded(scale);
    let room = column.precision.map(|precision| precision - scale);
    let digits = i32::try_from(rounded.whole_digits()).unwrap_or(i32::MAX);
    if room.is_some_and(|room| digits > room.max(0)) {
        let text = "value larger than specified precision allowed for this column";
        return Err(OraError::new(1438, text));
    }
    Ok(Value::Number(rounded))
}

fn moment(value: Value, column: &ColumnDef, formats: &Formats) -> Result<Value, OraError> {
    let format = match column.kind {
        Kind::Date => &formats.date,
        Kind::TimestampTz => &formats.timestamp_tz,
        _ => &formats.timestamp,
    };
    let (mut at, zone) = match value {
        Value::DateTime(at) => (at, None),
        Value::Zoned(at, zone) => (at, Some(zone)),
        Value::Text(text) => {
            let (at, zone) = time::parse(&text, format)?;
            let minutes = i64::from(zone.unwrap_or(0));
            let utc = time::of_seconds(time::to_seconds(&at) - minutes * 60, at.nanos);
            (if zone.is_some() { utc } else { at }, zone)
        }
        _ => return Err(inconsistent()),
    };
    let keep = 10_u32.pow(9 - column.scale.unwrap_or(0).clamp(0, 9) as u32);
    let rounded = (at.nanos + keep / 2) / keep * keep;
    if rounded >= 1_000_000_000 {
        at = time::of_seconds(time::to_seconds(&at) + 1, 0);
    } else {
        at.nanos = rounded;
    }
    if column.kind == Kind::Date {
        at.nanos = 0;
    }
    Ok(match column.kind {
        Kind::TimestampTz => Value::Zoned(at, zone.unwrap_or(0)),
        _ => Value::DateTime(at),
    })
}

fn bytes(value: Value, column: &ColumnDef) -> Result<Value, OraError> {
    let bytes = match value {
        Value::Bytes(bytes) => bytes,
        Value::Text(text) => {
            hex::decode(text).map_err(|_| OraError::new(1465, "invalid hex number"))?
        }
        _ => return Err(inconsistent()),
    };
    let limit = column.data_length as usize;
    if column.kind == Kind::Raw && bytes.len() > limit {
        let text = format!(
            "value too large for column \"{}\" (actual: {}, maximum: {limit})",
            column.name,
            bytes.len()
        );
        return Err(OraError::new(12899, text));
    }
    Ok(Value::Bytes(bytes))
}

fn float(value: &Value) -> Result<f64, OraError> {
    match value {
        Value::Float(number) => Ok(f64::from(*number)),
        Value::Double(number) => Ok(*number),
        Value::Number(number) => number.to_string().parse().map_err(|_| invalid_number()),
        Value::Text(text) => text.trim().parse().map_err(|_| invalid_number()),
        _ => Err(inconsistent()),
    }
}

fn invalid_number() -> OraError {
    OraError::new(1722, "invalid number")
}

/// A value as a number.
pub(super) fn to_number(value: &Value) -> Result<Number, OraError> {
    match value {
        Value::Number(number) => Ok(number.clone()),
        Value::Text(text) => Number::parse(text).ok_or_else(invalid_number),
        Value::Float(number) => Number::parse(&number.to_string()).ok_or_else(invalid_number),
        Value::Double(number) => Number::parse(&number.to_string()).ok_or_else(invalid_number),
        _ => Err(inconsistent()),
    }
}

/// A value as text.
pub(super) fn to_text(value: &Value, formats: &Formats) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bytes(bytes) => hex::encode_upper(bytes),
        Value::DateTime(at) if at.nanos == 0 => time::format(at, None, &formats.date),
        Value::DateTime(at) => time::format(at, None, &formats.timestamp),
        Value::Zoned(at, zone) => {
            let local = time::of_seconds(time::to_seconds(at) + i64::from(*zone) * 60, at.nanos);
            time::format(&local, Some(*zone), &formats.timestamp_tz)
        }
        Value::Float(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Months(months) => format!("{:+03}-{:02}", months / 12, (months % 12).abs()),
        Value::Nanos(nanos) => day_second(*nanos),
        Value::RowId(place) => place.to_string(),
    }
}

/// An interval of days to seconds, as in `+03 04:00:05.000006`.
pub(super) fn day_second(nanos: i128) -> String {
    let (sign, nanos) = (if nanos < 0 { '-' } else { '+' }, nanos.unsigned_abs());
    let seconds = nanos / 1_000_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let micros = nanos % 1_000_000_000 / 1000;
    format!("{sign}{days:02} {hours:02}:{minutes:02}:{:02}.{micros:06}", seconds % 60)
}
