//! Expressions over a row.

use std::cmp::Ordering;

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, Ident, InTarget, Query, UnaryOperator,
    Value as Literal,
};

use super::assign::{Formats, to_number, to_text};
use super::logminer::Mining;
use super::query::{self, View};
use super::store::State;
use super::{functions, time};
use crate::oracle::number::Number;
use crate::oracle::value::{DateTime, RowId, Value};
use crate::oracle::wire::OraError;

/// What names in an expression mean.
pub(super) struct Scope<'s> {
    /// Columns: the table's alias or name, and the column's.
    pub(super) columns: &'s [(String, String)],
    pub(super) values: &'s [Value],
    pub(super) row_id: Option<RowId>,
    /// `ROWNUM`
    pub(super) row_number: u64,
    pub(super) session: &'s Context<'s>,
    /// What queries inside of an expression see.
    pub(super) seen: Option<Seen<'s>>,
}

/// The database as a query sees it, with the row of the query around it.
#[derive(Clone, Copy)]
pub(super) struct Seen<'s> {
    pub(super) state: &'s State,
    pub(super) view: View,
    pub(super) outer: Option<&'s Scope<'s>>,
    /// Values of a group of rows.
    pub(super) group: Option<&'s Grouped<'s>>,
}

/// What a function of a group of rows comes to.
pub(super) type Grouped<'s> = dyn Fn(&Function) -> Result<Value, OraError> + 's;

/// What a session gives to its expressions.
pub(super) struct Context<'s> {
    pub(super) user: &'s str,
    pub(super) formats: &'s Formats,
    /// Values of the binds, by their place in the text, from 1.
    pub(super) binds: &'s [Value],
    pub(super) scn: u64,
    /// Name and number of the container.
    pub(super) container: (&'s str, u16),
    pub(super) now: DateTime,
    pub(super) mining: &'s Mining,
}

/// A name as Oracle folds it.
pub(super) fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_uppercase() }
}

/// What the stand-in does not know.
pub(super) fn unknown(what: impl std::fmt::Display) -> OraError {
    OraError::new(
        3001,
        format!("unimplemented feature: the stand-in for Oracle does not have {what}"),
    )
}

/// The value of an expression.
pub(super) fn evaluate(expression: &Expr, scope: &Scope<'_>) -> Result<Value, OraError> {
    match expression {
        Expr::Nested(inner) => evaluate(inner, scope),
        Expr::Identifier(name) => named(None, &folded(name), scope),
        Expr::CompoundIdentifier(parts) => {
            let parts: Vec<String> = parts.iter().map(folded).collect();
            let [.., table, name] = &parts[..] else { return Err(unknown(expression)) };
            named(Some(table), name, scope)
        }
        Expr::Value(literal) => constant(&literal.value, scope),
        Expr::TypedString(typed) => {
            let text = typed.value.clone().into_string().unwrap_or_default();
            let format = match typed.data_type {
                DataType::Date => "YYYY-MM-DD",
                _ if text.contains('.') => "YYYY-MM-DD HH24:MI:SS.FF9",
                _ => "YYYY-MM-DD HH24:MI:SS",
            };
            Ok(Value::DateTime(time::parse(&text, format)?.0))
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            let number = to_number(&evaluate(expr, scope)?)?.to_string();
            let negated = number.strip_prefix('-').map_or(format!("-{number}"), str::to_owned);
            Ok(Value::Number(Number::parse(&negated).ok_or_else(|| unknown(expression))?))
        }
        Expr::BinaryOp { left, op, right } => {
            let (left, right) = (evaluate(left, scope)?, evaluate(right, scope)?);
            operate(op, &left, &right, scope.session.formats)
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            for when in conditions {
                let holds = match operand {
                    Some(operand) => {
                        let (a, b) = (evaluate(operand, scope)?, evaluate(&when.condition, scope)?);
                        compare(&a, &b, scope.session.formats)? == Some(Ordering::Equal)
                    }
                    None => is_true(&when.condition, scope)?,
                };
                if holds {
                    return evaluate(&when.result, scope);
                }
            }
            else_result.as_ref().map_or(Ok(Value::Null), |other| evaluate(other, scope))
        }
        Expr::Cast { expr, data_type, .. } => {
            functions::cast(evaluate(expr, scope)?, &data_type.to_string(), scope.session)
        }
        Expr::Function(function) => functions::call(function, scope),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            let whole = |expression: &Expr| {
                let value = to_number(&evaluate(expression, scope)?)?;
                Ok::<_, OraError>(value.to_i64().unwrap_or(0))
            };
            let text = to_text(&evaluate(expr, scope)?, scope.session.formats);
            let from = substring_from.as_deref().map_or(Ok(1), whole)?;
            let length = substring_for.as_deref().map(whole).transpose()?;
            Ok(functions::substring(&text, from, length))
        }
        Expr::Subquery(query) => {
            let rows = inner(query, scope)?;
            Ok(rows
                .into_iter()
                .next()
                .and_then(|row| row.into_iter().next())
                .unwrap_or(Value::Null))
        }
        other => Err(unknown(other)),
    }
}

fn named(table: Option<&str>, name: &str, scope: &Scope<'_>) -> Result<Value, OraError> {
    let found = scope
        .columns
        .iter()
        .position(|(of, column)| column == name && table.is_none_or(|table| table == of));
    if let Some(place) = found {
        return Ok(scope.values[place].clone());
    }
    match name {
        "ROWID" => Ok(scope.row_id.map_or(Value::Null, Value::RowId)),
        "ROWNUM" => Ok(Value::Number(Number::from(scope.row_number))),
        "USER" => Ok(Value::text(scope.session.user)),
        "DBTIMEZONE" | "SESSIONTIMEZONE" => Ok(Value::text("+00:00")),
        "SYSDATE" => Ok(Value::DateTime(DateTime { nanos: 0, ..scope.session.now })),
        "SYSTIMESTAMP" | "CURRENT_TIMESTAMP" => Ok(Value::Zoned(scope.session.now, 0)),
        _ => match scope.seen.and_then(|seen| seen.outer) {
            Some(outer) => named(table, name, outer),
            None => Err(OraError::new(904, format!("\"{name}\": invalid identifier"))),
        },
    }
}

/// The rows of a query inside of an expression.
fn inner(query: &Query, scope: &Scope<'_>) -> Result<Vec<Vec<Value>>, OraError> {
    let seen = scope.seen.ok_or_else(|| unknown("a query inside of a change"))?;
    let seen = Seen { outer: Some(scope), group: None, ..seen };
    query::run(query, seen, scope.session)?.rows.collect()
}

fn constant(literal: &Literal, scope: &Scope<'_>) -> Result<Value, OraError> {
    match literal {
        Literal::Null => Ok(Value::Null),
        Literal::Number(digits, _) => Number::parse(digits)
            .map(Value::Number)
            .ok_or_else(|| OraError::new(1722, "invalid number")),
        Literal::Placeholder(name) => {
            let number: usize = name.trim_start_matches(":B").parse().unwrap_or(0);
            let bound = number.checked_sub(1).and_then(|place| scope.session.binds.get(place));
            bound.cloned().ok_or_else(|| OraError::new(1008, "not all variables bound"))
        }
        other => match other.clone().into_string() {
            Some(text) => Ok(Value::text(text)),
            None => Err(unknown(other)),
        },
    }
}

fn operate(
    op: &BinaryOperator,
    left: &Value,
    right: &Value,
    formats: &Formats,
) -> Result<Value, OraError> {
    if *op == BinaryOperator::StringConcat {
        return Ok(Value::text(to_text(left, formats) + &to_text(right, formats)));
    }
    if *left == Value::Null || *right == Value::Null {
        return Ok(Value::Null);
    }
    if let (Value::DateTime(at), Value::Number(days)) = (left, right) {
        let days: f64 = days.to_string().parse().unwrap_or(0.0);
        let days = if *op == BinaryOperator::Minus { -days } else { days };
        let seconds = time::to_seconds(at) + (days * 86_400.0).round() as i64;
        return Ok(Value::DateTime(time::of_seconds(seconds, at.nanos)));
    }
    let (a, b) = (to_number(left)?.to_string(), to_number(right)?.to_string());
    let text = match (a.parse::<i128>(), b.parse::<i128>(), op) {
        (Ok(a), Ok(b), BinaryOperator::Plus) => (a + b).to_string(),
        (Ok(a), Ok(b), BinaryOperator::Minus) => (a - b).to_string(),
        (Ok(a), Ok(b), BinaryOperator::Multiply) => (a * b).to_string(),
        _ => {
            let (a, b): (f64, f64) = (a.parse().unwrap_or(0.0), b.parse().unwrap_or(0.0));
            match op {
                BinaryOperator::Plus => (a + b).to_string(),
                BinaryOperator::Minus => (a - b).to_string(),
                BinaryOperator::Multiply => (a * b).to_string(),
                BinaryOperator::Divide if b == 0.0 => {
                    return Err(OraError::new(1476, "divisor is equal to zero"));
                }
                BinaryOperator::Divide => (a / b).to_string(),
                other => return Err(unknown(other)),
            }
        }
    };
    Number::parse(&text).map(Value::Number).ok_or_else(|| OraError::new(1426, "numeric overflow"))
}

/// Whether a condition holds; what is unknown does not.
pub(super) fn is_true(condition: &Expr, scope: &Scope<'_>) -> Result<bool, OraError> {
    Ok(truth(condition, scope)? == Some(true))
}

/// A condition's truth, `None` if it is unknown.
fn truth(condition: &Expr, scope: &Scope<'_>) -> Result<Option<bool>, OraError> {
    match condition {
        Expr::Nested(inner) => truth(inner, scope),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(truth(expr, scope)?.map(|t| !t)),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            Ok(match (truth(left, scope)?, truth(right, scope)?) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            })
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
            Ok(match (truth(left, scope)?, truth(right, scope)?) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            })
        }
        Expr::BinaryOp { left, op, right } => {
            let (left, right) = (evaluate(left, scope)?, evaluate(right, scope)?);
            let Some(order) = compare(&left, &right, scope.session.formats)? else {
                return Ok(None);
            };
            Ok(Some(match op {
                BinaryOperator::Eq => order.is_eq(),
                BinaryOperator::NotEq => order.is_ne(),
                BinaryOperator::Lt => order.is_lt(),
                BinaryOperator::LtEq => order.is_le(),
                BinaryOperator::Gt => order.is_gt(),
                BinaryOperator::GtEq => order.is_ge(),
                other => return Err(unknown(other)),
            }))
        }
        Expr::IsNull(inner) => Ok(Some(evaluate(inner, scope)? == Value::Null)),
        Expr::IsNotNull(inner) => Ok(Some(evaluate(inner, scope)? != Value::Null)),
        Expr::Between { expr, negated, low, high } => {
            let value = evaluate(expr, scope)?;
            let formats = scope.session.formats;
            let above = compare(&value, &evaluate(low, scope)?, formats)?.map(Ordering::is_ge);
            let below = compare(&value, &evaluate(high, scope)?, formats)?.map(Ordering::is_le);
            let inside = above.zip(below).map(|(above, below)| above && below);
            Ok(inside.map(|inside| inside != *negated))
        }
        Expr::In { expr, target: InTarget::List(list), negated, .. } => {
            let value = evaluate(expr, scope)?;
            let mut is_in = false;
            for item in list {
                let order = compare(&value, &evaluate(item, scope)?, scope.session.formats)?;
                is_in |= order == Some(Ordering::Equal);
            }
            Ok(Some(is_in != *negated))
        }
        Expr::In { expr, target: InTarget::Subquery(query), negated, .. } => {
            let value = evaluate(expr, scope)?;
            let mut is_in = false;
            for row in inner(query, scope)? {
                let order = compare(&value, &row[0], scope.session.formats)?;
                is_in |= order == Some(Ordering::Equal);
            }
            Ok(Some(is_in != *negated))
        }
        Expr::Exists { subquery, negated } => {
            Ok(Some(inner(subquery, scope)?.is_empty() == *negated))
        }
        Expr::Like { negated, expr, pattern, escape_char, .. } => {
            let formats = scope.session.formats;
            let text = to_text(&evaluate(expr, scope)?, formats);
            let pattern = to_text(&evaluate(pattern, scope)?, formats);
            let escape = match escape_char {
                Some(escape) => to_text(&evaluate(escape, scope)?, formats).chars().next(),
                None => None,
            };
            let text: Vec<char> = text.chars().collect();
            Ok(Some(is_like(&text, &likened(&pattern, escape)) != *negated))
        }
        other => Err(unknown(other)),
    }
}

/// A place of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likened {
    Any,
    One,
    This(char),
}

fn likened(pattern: &str, escape: Option<char>) -> Vec<Likened> {
    let mut places = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        places.push(match character {
            escaped if Some(escaped) == escape => {
                Likened::This(characters.next().unwrap_or(escaped))
            }
            '%' => Likened::Any,
            '_' => Likened::One,
            other => Likened::This(other),
        });
    }
    places
}

fn is_like(text: &[char], pattern: &[Likened]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [Likened::Any, rest @ ..] => (0..=text.len()).any(|skip| is_like(&text[skip..], rest)),
        [wanted, rest @ ..] => {
            let fits = |found: &char| *wanted == Likened::One || *wanted == Likened::This(*found);
            text.first().is_some_and(fits) && is_like(&text[1..], rest)
        }
    }
}

/// How two values are ordered; `None` if one is NULL.
pub(super) fn compare(
    left: &Value,
    right: &Value,
    formats: &Formats,
) -> Result<Option<Ordering>, OraError> {
    Ok(match (left, right) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Text(b)) => Some(hex::encode_upper(a).cmp(&b.to_uppercase())),
        (Value::DateTime(a) | Value::Zoned(a, _), Value::DateTime(b) | Value::Zoned(b, _)) => {
            Some(a.cmp(b))
        }
        (Value::DateTime(a), Value::Text(b)) => Some(a.cmp(&time::parse(b, &formats.date)?.0)),
        (Value::Text(a), Value::DateTime(b)) => Some(time::parse(a, &formats.date)?.0.cmp(b)),
        (Value::RowId(a), Value::RowId(b)) => Some(a.cmp(b)),
        (Value::RowId(_), _) | (_, Value::RowId(_)) => {
            Some(to_text(left, formats).cmp(&to_text(right, formats)))
        }
        (Value::Float(_) | Value::Double(_), _) | (_, Value::Float(_) | Value::Double(_)) => {
            let number = |value: &Value| match value {
                Value::Float(number) => f64::from(*number),
                Value::Double(number) => *number,
                other => to_number(other)
                    .ok()
                    .and_then(|number| number.to_string().parse().ok())
                    .unwrap_or(f64::NAN),
            };
            Some(number(left).total_cmp(&number(right)))
        }
        (Value::Months(a), Value::Months(b)) => Some(a.cmp(b)),
        (Value::Nanos(a), Value::Nanos(b)) => Some(a.cmp(b)),
        _ => Some(to_number(left)?.cmp(&to_number(right)?)),
    })
}
