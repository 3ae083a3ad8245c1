//! Numbers compared as MySQL compares them: exactly, unless one of them is a FLOAT or DOUBLE.

use std::cmp::Ordering;

use super::FilterError;
use crate::cell::Cell;
use crate::encode::{bit_value, push_decimal};

/// A value of a numeric type.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number<'a> {
    Integer(i128),
    /// Digits with at most one point and a leading minus.
    Decimal(&'a str),
    Real(f64),
}

/// The number of a cell; `None` for NULL. `scratch` takes the digits of a DECIMAL.
///
/// # Errors
/// A cell of another type, or one that cannot be read.
pub(super) fn of_cell<'a>(
    cell: &Cell<'_>,
    scratch: &'a mut Vec<u8>,
) -> Result<Option<Number<'a>>, FilterError> {
    let unreadable = |reason: String| FilterError(format!("a value cannot be judged: {reason}"));
    Ok(Some(match cell {
        Cell::Null => return Ok(None),
        Cell::Int(value) => Number::Integer((*value).into()),
        Cell::UInt(value) => Number::Integer((*value).into()),
        Cell::Year(value) => Number::Integer((*value).into()),
        Cell::Bit(bytes) => {
            let value = bit_value(bytes).map_err(|e| unreadable(e.0.into_owned()))?;
            Number::Integer(value.into())
        }
        Cell::Float(value) => Number::Real((*value).into()),
        Cell::Double(value) => Number::Real(*value),
        Cell::Decimal(value) => {
            scratch.clear();
            push_decimal(scratch, value).map_err(|e| unreadable(e.0.into_owned()))?;
            Number::Decimal(std::str::from_utf8(scratch).map_err(|e| unreadable(e.to_string()))?)
        }
        other => return Err(unreadable(format!("{other:?} is not a number"))),
    }))
}

impl Number<'_> {
    fn real(&self) -> f64 {
        match *self {
            Self::Integer(value) => value as f64,
            // Digits are always a number.
            Self::Decimal(digits) => digits.parse().unwrap_or(f64::NAN),
            Self::Real(value) => value,
        }
    }
}

/// How two numbers compare; `None` is never seen, MySQL has no NaN.
pub(super) fn compare(left: &Number<'_>, right: &Number<'_>) -> Option<Ordering> {
    match (left, right) {
        (Number::Real(_), _) | (_, Number::Real(_)) => left.real().partial_cmp(&right.real()),
        (Number::Integer(left), Number::Integer(right)) => Some(left.cmp(right)),
        (Number::Integer(left), Number::Decimal(right)) => {
            Some(digits(itoa::Buffer::new().format(*left), right))
        }
        (Number::Decimal(left), Number::Integer(right)) => {
            Some(digits(left, itoa::Buffer::new().format(*right)))
        }
        (Number::Decimal(left), Number::Decimal(right)) => Some(digits(left, right)),
    }
}

/// Sign, digits before the point without leading zeros, digits behind it without trailing ones.
fn parts(text: &str) -> (bool, &str, &str) {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    (negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction)
}

fn digits(left: &str, right: &str) -> Ordering {
    let (left, right) = (parts(left), parts(right));
    let size = |(_, whole, fraction): (bool, &str, &str), other: (bool, &str, &str)| {
        whole
            .len()
            .cmp(&other.1.len())
            .then_with(|| whole.cmp(other.1))
            .then_with(|| fraction.cmp(other.2))
    };
    match (left.0, right.0) {
        (false, false) => size(left, right),
        (true, true) => size(right, left),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}
