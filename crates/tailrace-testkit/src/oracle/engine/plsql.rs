//! Calls of packaged procedures in an anonymous block: `BEGIN package.procedure(…); END;`.

use sqlparser::tokenizer::Token;

use super::expression::unknown;
use crate::oracle::value::Value;
use crate::oracle::wire::OraError;
use crate::sql_token::{Piece, behind_parenthesis};

/// A call with its arguments: their names, if they have some, and values.
pub(super) struct Call {
    /// In upper case, as in `DBMS_LOGMNR.ADD_LOGFILE`.
    pub(super) name: String,
    arguments: Vec<(Option<String>, Value)>,
}

/// Constants of packages.
const CONSTANTS: [(&str, i64); 15] = [
    ("NEW", 1),
    ("REMOVEFILE", 2),
    ("ADDFILE", 3),
    ("COMMITTED_DATA_ONLY", 2),
    ("SKIP_CORRUPTION", 4),
    ("DDL_DICT_TRACKING", 8),
    ("DICT_FROM_ONLINE_CATALOG", 16),
    ("DICT_FROM_REDO_LOGS", 32),
    ("NO_SQL_DELIMITER", 64),
    ("PRINT_PRETTY_SQL", 512),
    ("CONTINUOUS_MINE", 1024),
    ("NO_ROWID_IN_STMT", 2048),
    ("SESSION_TRANSFORM", -1),
    ("TRUE", 1),
    ("FALSE", 0),
];

impl Call {
    /// An argument by its name, or by its place if it has none; NULL if it is not given.
    pub(super) fn argument(&self, name: &str, place: usize) -> Value {
        let named = self.arguments.iter().find(|(known, _)| known.as_deref() == Some(name));
        let placed = self.arguments.get(place).filter(|(known, _)| known.is_none());
        named.or(placed).map_or(Value::Null, |(_, value)| value.clone())
    }

    /// An argument as a whole number.
    pub(super) fn number(&self, name: &str, place: usize) -> Option<i64> {
        match self.argument(name, place) {
            Value::Number(number) => number.to_i64(),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// A query that a block opens for one of its binds.
pub(super) struct Opened {
    /// The query, with binds in the place of the block's variables.
    pub(super) query: String,
    /// The bind, from 1.
    pub(super) place: usize,
}

/// The query of a block of the form `DECLARE variables; BEGIN variable := :n; …; OPEN c FOR query; :m := c; END`.
pub(super) fn opened(sql: &str, statements: &[Vec<Piece>]) -> Option<Opened> {
    let mut variables: Vec<(String, usize)> = Vec::new();
    let (mut place, mut query, mut out) = (0, None, 0);
    for pieces in statements {
        let begins = pieces.first().is_some_and(|piece| piece.is("BEGIN"));
        let pieces = if begins { &pieces[1..] } else { &pieces[..] };
        let assigned = pieces.iter().position(|piece| piece.token == Token::Assignment);
        let is_bind = |piece: &Piece| matches!(piece.token, Token::Placeholder(_) | Token::Colon);
        match (pieces.first(), assigned) {
            (Some(first), Some(at)) if pieces.get(at + 1).is_some_and(is_bind) => {
                place += 1;
                variables.push((first.word()?, place));
            }
            (Some(first), Some(_)) if is_bind(first) => {
                place += 1;
                out = place;
            }
            (Some(first), None) if first.is("OPEN") => query = Some(&pieces[3..]),
            _ => {}
        }
    }
    let pieces = query?;
    let mut text = String::new();
    let mut done = pieces.first()?.at.start;
    for piece in pieces {
        let variable =
            piece.word().and_then(|word| variables.iter().find(|(name, _)| *name == word));
        if let Some((_, place)) = variable {
            text.push_str(&sql[done..piece.at.start]);
            text.push_str(&format!(":B{place}"));
            done = piece.at.end;
        }
    }
    text.push_str(&sql[done..pieces.last()?.at.end]);
    Some(Opened { query: text, place: out })
}

/// The calls of a block. The tokens are those of all its statements, one after the other.
pub(super) fn calls(statements: &[Vec<Piece>], binds: &[Value]) -> Result<Vec<Call>, OraError> {
    let mut bound = binds.iter();
    let mut calls = Vec::new();
    for pieces in statements {
        let begins = pieces.first().is_some_and(|piece| piece.is("BEGIN"));
        let pieces = if begins { &pieces[1..] } else { &pieces[..] };
        if pieces.first().is_none_or(|piece| piece.is("END")) {
            continue;
        }
        calls.push(call(pieces, &mut bound)?);
    }
    Ok(calls)
}

fn call<'b>(
    pieces: &[Piece],
    bound: &mut impl Iterator<Item = &'b Value>,
) -> Result<Call, OraError> {
    let open = pieces.iter().position(|piece| piece.token == Token::LParen);
    let head = &pieces[..open.unwrap_or(pieces.len())];
    let name: Vec<String> = head.iter().filter_map(Piece::word).collect();
    let mut call = Call { name: name.join("."), arguments: Vec::new() };
    let Some(open) = open else { return Ok(call) };
    let end = behind_parenthesis(pieces, open)
        .ok_or_else(|| OraError::new(6550, "PLS-00103: a parenthesis is not closed"))?;
    for argument in pieces[open + 1..end - 1].split(|piece| piece.token == Token::Comma) {
        let is_named = argument.get(1).is_some_and(|piece| piece.token == Token::RArrow);
        let (name, value) =
            if is_named { (argument[0].word(), &argument[2..]) } else { (None, argument) };
        call.arguments.push((name, value_of(value, bound)?));
    }
    Ok(call)
}

/// A literal, a bind, or a sum of constants.
fn value_of<'b>(
    pieces: &[Piece],
    bound: &mut impl Iterator<Item = &'b Value>,
) -> Result<Value, OraError> {
    match pieces.first().map(|piece| &piece.token) {
        Some(Token::SingleQuotedString(text)) => return Ok(Value::text(text.replace("''", "'"))),
        Some(Token::Placeholder(_) | Token::Colon) => {
            return Ok(bound.next().cloned().unwrap_or(Value::Null));
        }
        Some(Token::Word(word)) if word.value.eq_ignore_ascii_case("NULL") => {
            return Ok(Value::Null);
        }
        _ => {}
    }
    let mut sum = 0;
    for piece in pieces {
        match &piece.token {
            Token::Number(digits, _) => sum += digits.parse::<i64>().unwrap_or(0),
            Token::Word(_) => {
                let word = piece.word().unwrap_or_default();
                let constant = CONSTANTS.iter().find(|(name, _)| *name == word);
                match constant {
                    Some((_, value)) => sum += value,
                    None if ["DBMS_LOGMNR", "DBMS_METADATA", "SYS"].contains(&word.as_str()) => {}
                    None => return Err(unknown(format!("{word} in a call"))),
                }
            }
            Token::Plus | Token::Period => {}
            other => return Err(unknown(format!("{other} in a call"))),
        }
    }
    Ok(Value::number(sum))
}
