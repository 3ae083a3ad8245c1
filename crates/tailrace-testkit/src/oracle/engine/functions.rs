//! Functions of one row.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::assign::{to_number, to_text};
use super::expression::{Context, Scope, evaluate, folded, unknown};
use super::{metadata, rows, time};
use crate::oracle::value::Value;
use crate::oracle::wire::OraError;

/// Functions of a group of rows.
pub(super) const AGGREGATES: [&str; 4] = ["COUNT", "MIN", "MAX", "SUM"];

/// A function's name, without what is before it, in upper case.
pub(super) fn name(function: &Function) -> String {
    let parts = &function.name.0;
    parts.last().and_then(|part| part.as_ident()).map(folded).unwrap_or_default()
}

/// A function's arguments; `*` is none.
pub(super) fn arguments(function: &Function) -> Vec<&Expr> {
    let FunctionArguments::List(list) = &function.args else { return Vec::new() };
    let argument = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expression)) => Some(expression),
        _ => None,
    };
    list.args.iter().filter_map(argument).collect()
}

/// The value of a function.
pub(super) fn call(function: &Function, scope: &Scope<'_>) -> Result<Value, OraError> {
    if let Some(group) = scope.seen.and_then(|seen| seen.group)
        && AGGREGATES.contains(&name(function).as_str())
    {
        return group(function);
    }
    let values: Result<Vec<Value>, OraError> =
        arguments(function).into_iter().map(|argument| evaluate(argument, scope)).collect();
    let values = values?;
    let formats = scope.session.formats;
    let text = |place: usize| values.get(place).map_or(String::new(), |v| to_text(v, formats));
    let first = values.first().cloned().unwrap_or(Value::Null);
    let name = name(function);
    match name.as_str() {
        "EMPTY_CLOB" | "EMPTY_BLOB" => return Ok(Value::Null),
        "SYSDATE" | "SYSTIMESTAMP" | "CURRENT_TIMESTAMP" => {
            return Ok(Value::DateTime(scope.session.now));
        }
        "NVL" | "COALESCE" => {
            let found = values.into_iter().find(|value| *value != Value::Null);
            return Ok(found.unwrap_or(Value::Null));
        }
        "CURRENT_SCN" | "GET_SYSTEM_CHANGE_NUMBER" => {
            return Ok(Value::Number(scope.session.scn.into()));
        }
        "GET_DDL" => return metadata::statement(&text(1), &text(2), scope),
        "SYS_CONTEXT" => return Ok(Value::text(context(&text(1), scope.session))),
        "DECODE" => return Ok(decode(&values)),
        _ if first == Value::Null => return Ok(Value::Null),
        _ => {}
    }
    if let Some(value) = rows::call(&name, &values, &text(0))? {
        return Ok(value);
    }
    Ok(match name.as_str() {
        "NLS_CHARSET_ID" => match text(0).as_str() {
            "AL32UTF8" => Value::number(873_i64),
            "AL16UTF16" => Value::number(2000_i64),
            _ => Value::Null,
        },
        "TIMESTAMP_TO_SCN" | "SCN_TO_TIMESTAMP" => moment(name.as_str(), &first, scope)?,
        "UPPER" => Value::text(text(0).to_uppercase()),
        "LOWER" => Value::text(text(0).to_lowercase()),
        "TRIM" => Value::text(text(0).trim()),
        "LENGTH" => Value::number(i64::try_from(text(0).chars().count()).unwrap_or(i64::MAX)),
        "TO_NUMBER" => Value::Number(to_number(&first)?),
        "TO_CHAR" | "TO_CLOB" | "TO_NCHAR" | "TO_NCLOB" => match (&first, values.get(1)) {
            (Value::DateTime(at), Some(_)) => Value::text(time::format(at, None, &text(1))),
            (Value::Zoned(at, zone), Some(_)) => {
                let seconds = time::to_seconds(at) + i64::from(*zone) * 60;
                let local = time::of_seconds(seconds, at.nanos);
                Value::text(time::format(&local, Some(*zone), &text(1)))
            }
            _ => Value::text(text(0)),
        },
        "TO_DATE" | "TO_TIMESTAMP" => {
            let format = if values.len() > 1 { text(1) } else { formats.date.clone() };
            match first {
                Value::DateTime(at) => Value::DateTime(at),
                _ => Value::DateTime(time::parse(&text(0), &format)?.0),
            }
        }
        "TO_TIMESTAMP_TZ" => {
            let (at, zone) = time::parse(&text(0), &text(1))?;
            let zone = zone.unwrap_or(0);
            let seconds = time::to_seconds(&at) - i64::from(zone) * 60;
            Value::Zoned(time::of_seconds(seconds, at.nanos), zone)
        }
        "HEXTORAW" | "TO_BLOB" => match first {
            Value::Bytes(bytes) => Value::Bytes(bytes),
            _ => Value::Bytes(
                hex::decode(text(0)).map_err(|_| OraError::new(1465, "invalid hex number"))?,
            ),
        },
        "RAWTOHEX" => match first {
            Value::Bytes(bytes) => Value::text(hex::encode_upper(bytes)),
            _ => return Err(unknown("RAWTOHEX of what is no RAW")),
        },
        "TO_BINARY_FLOAT" => Value::Float(text(0).parse().unwrap_or(f32::NAN)),
        "TO_BINARY_DOUBLE" => Value::Double(text(0).parse().unwrap_or(f64::NAN)),
        "NUMTODSINTERVAL" => {
            let unit: f64 = match text(1).to_uppercase().as_str() {
                "DAY" => 86_400e9,
                "HOUR" => 3_600e9,
                "MINUTE" => 60e9,
                _ => 1e9,
            };
            Value::Nanos((text(0).parse::<f64>().unwrap_or(0.0) * unit).round() as i128)
        }
        "NUMTOYMINTERVAL" => {
            let unit = if text(1).eq_ignore_ascii_case("YEAR") { 12.0 } else { 1.0 };
            Value::Months((text(0).parse::<f64>().unwrap_or(0.0) * unit).round() as i32)
        }
        "SUBSTR" => {
            let number = |place: usize| text(place).parse::<i64>().unwrap_or(0);
            substring(&text(0), number(1), (values.len() > 2).then(|| number(2)))
        }
        other => return Err(OraError::new(904, format!("\"{other}\": invalid identifier"))),
    })
}

/// `SUBSTR(text, from, length)`, in characters from 1.
pub(super) fn substring(text: &str, from: i64, length: Option<i64>) -> Value {
    let characters: Vec<char> = text.chars().collect();
    let from = usize::try_from(from.max(1) - 1).unwrap_or(0).min(characters.len());
    let most = usize::try_from(length.unwrap_or(i64::MAX).max(0)).unwrap_or(usize::MAX);
    Value::text(characters[from..].iter().take(most).collect::<String>())
}

/// The SCN of a time by the log, and the other way round.
fn moment(name: &str, of: &Value, scope: &Scope<'_>) -> Result<Value, OraError> {
    let seen = scope.seen.ok_or_else(|| unknown(format!("{name} outside of a query")))?;
    let records = || seen.state.redo.logs().flat_map(|log| log.records());
    match of {
        Value::DateTime(at) | Value::Zoned(at, _) => {
            let before = records().filter(|record| record.at <= *at).map(|record| record.scn);
            let first = seen.state.redo.logs().map(|log| log.first_scn).min();
            let scn = before.max().or(first).unwrap_or(0);
            Ok(Value::Number(scn.into()))
        }
        other => {
            let scn: u64 = to_number(other)?.to_string().parse().unwrap_or(0);
            let before = records().filter(|record| record.scn <= scn).map(|record| record.at);
            Ok(Value::DateTime(before.max().unwrap_or(scope.session.now)))
        }
    }
}

/// `DECODE(value, search, result, …, default)`, for which NULL equals NULL.
fn decode(values: &[Value]) -> Value {
    let Some((value, pairs)) = values.split_first() else { return Value::Null };
    for pair in pairs.chunks(2) {
        match pair {
            [search, result] if search == value => return result.clone(),
            [default] => return default.clone(),
            _ => {}
        }
    }
    Value::Null
}

/// `SYS_CONTEXT('USERENV', …)`
fn context(what: &str, session: &Context<'_>) -> String {
    match what.to_uppercase().as_str() {
        "CURRENT_SCHEMA" | "SESSION_USER" | "CURRENT_USER" => session.user.to_owned(),
        "CON_NAME" => session.container.0.to_owned(),
        "CON_ID" => session.container.1.to_string(),
        "DB_NAME" | "DB_UNIQUE_NAME" | "INSTANCE_NAME" | "SERVICE_NAME" => "STANDIN".to_owned(),
        _ => String::new(),
    }
}

/// `CAST(… AS …)`
pub(super) fn cast(value: Value, to: &str, session: &Context<'_>) -> Result<Value, OraError> {
    let to = to.to_uppercase();
    if value == Value::Null {
        return Ok(Value::Null);
    }
    Ok(match to.split('(').next().unwrap_or_default().trim() {
        "NUMBER" | "NUMERIC" | "DECIMAL" | "INTEGER" | "INT" => Value::Number(to_number(&value)?),
        "VARCHAR2" | "VARCHAR" | "CHAR" | "NVARCHAR2" => {
            Value::text(to_text(&value, session.formats))
        }
        "BINARY_DOUBLE" => Value::Double(
            to_text(&value, session.formats)
                .parse()
                .map_err(|_| OraError::new(1722, "invalid number"))?,
        ),
        "BINARY_FLOAT" => Value::Float(
            to_text(&value, session.formats)
                .parse()
                .map_err(|_| OraError::new(1722, "invalid number"))?,
        ),
        "DATE" | "TIMESTAMP" => value,
        other => return Err(unknown(format!("CAST to {other}"))),
    })
}
