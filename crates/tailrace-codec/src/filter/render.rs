//! A filter as SQL that means the same under all modes of a session.

use std::fmt::Write as _;

use super::tree::{Condition, Constant, Operand};
use crate::encode::quote_identifier;

pub(super) fn condition(tree: &Condition) -> String {
    let mut out = String::new();
    push(&mut out, tree);
    out
}

fn push(out: &mut String, tree: &Condition) {
    let two = |out: &mut String, left: &Condition, word: &str, right: &Condition| {
        out.push('(');
        push(out, left);
        out.push_str(word);
        push(out, right);
        out.push(')');
    };
    let not = |negated: bool| if negated { " NOT" } else { "" };
    match tree {
        Condition::And(left, right) => two(out, left, " AND ", right),
        Condition::Or(left, right) => two(out, left, " OR ", right),
        Condition::Xor(left, right) => two(out, left, " XOR ", right),
        Condition::Not(inner) => {
            out.push_str("(NOT ");
            push(out, inner);
            out.push(')');
        }
        Condition::Is { condition, truth, negated } => {
            out.push('(');
            push(out, condition);
            let word = match truth {
                Some(true) => "TRUE",
                Some(false) => "FALSE",
                None => "UNKNOWN",
            };
            let _ = write!(out, " IS{} {word})", not(*negated));
        }
        Condition::Truth(value) => {
            let _ = write!(out, "({} <> 0)", operand(value));
        }
        Condition::IsNull { operand: value, negated } => {
            let _ = write!(out, "({} IS{} NULL)", operand(value), not(*negated));
        }
        Condition::Compare { left, comparison, right } => {
            let (left, right) = (operand(left), operand(right));
            let _ = write!(out, "({left} {} {right})", comparison.sql());
        }
        Condition::In { operand: value, list, negated } => {
            let list: Vec<String> = list.iter().map(constant).collect();
            let (value, list) = (operand(value), list.join(", "));
            let _ = write!(out, "({value}{} IN ({list}))", not(*negated));
        }
        Condition::Between { operand: value, low, high, negated } => {
            let (value, low, high) = (operand(value), constant(low), constant(high));
            let _ = write!(out, "({value}{} BETWEEN {low} AND {high})", not(*negated));
        }
        Condition::Like { column, pattern, escape, negated } => {
            let (column, pattern) = (quote_identifier(column), text(pattern));
            let escape = text(&escape.to_string());
            let _ = write!(out, "({column}{} LIKE {pattern} ESCAPE {escape})", not(*negated));
        }
    }
}

fn operand(operand: &Operand) -> String {
    match operand {
        Operand::Column(name) => quote_identifier(name),
        Operand::Remainder(name, divisor) => format!("({} % {divisor})", quote_identifier(name)),
        Operand::Constant(value) => constant(value),
    }
}

fn constant(value: &Constant) -> String {
    match value {
        Constant::Null => "NULL".to_owned(),
        Constant::Number(number) => number.clone(),
        Constant::Real(number) => format!("{number:e}"),
        Constant::Text(value) => text(value),
        Constant::Bytes(bytes) => format!("x'{}'", hex(bytes)),
    }
}

/// Text as a constant: plain where nothing in it can be read in another way, else by its bytes.
pub(super) fn text(value: &str) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || " -:.,_%".contains(sign);
    if value.chars().all(plain) {
        return format!("'{value}'");
    }
    format!("_utf8mb4 x'{}'", hex(value.as_bytes()))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
