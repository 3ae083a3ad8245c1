//! What a statement becomes on its way to PostgreSQL.

mod create_table;
mod forms;

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::error::Refusal;
use crate::sql_token::{self, Piece, follow};

/// A text of statements as PostgreSQL gets it.
#[derive(Debug)]
pub(crate) struct Rewritten {
    /// The statements.
    pub(crate) sql: String,
    /// It begins a `COPY … FROM STDIN` in the text format.
    pub(crate) copies_in: bool,
}

/// A change of the text: bytes and what stands there afterwards.
type Edit = (Range<usize>, String);

/// Puts GaussDB's forms into PostgreSQL's.
///
/// # Errors
/// For forms that GaussDB does not have.
pub(crate) fn rewrite(sql: &str) -> Result<Rewritten, Refusal> {
    let Some(statements) = sql_token::postgresql(sql) else {
        return Ok(Rewritten { sql: sql.to_owned(), copies_in: false });
    };
    let mut edits = Vec::new();
    let mut copies_in = false;
    for pieces in &statements {
        forms::check(pieces)?;
        copies_in |= copies_from_stdin(pieces)?;
        if let Some(table) = create_table::head(pieces) {
            create_table::rewrite(pieces, table, &mut edits)?;
        } else if follow(pieces, 0, &["ALTER", "TABLE"]) {
            create_table::types(pieces, &mut edits);
        } else if changes_rows(pieces) {
            null_texts(pieces, &mut edits);
            forms::duplicate_key(pieces, &mut edits)?;
        } else {
            forms::compatibility(pieces, &mut edits);
            forms::settings(pieces, &mut edits)?;
        }
    }
    Ok(Rewritten { sql: apply(sql, edits), copies_in })
}

fn changes_rows(pieces: &[Piece]) -> bool {
    ["INSERT", "UPDATE", "DELETE", "MERGE", "WITH"].iter().any(|word| pieces[0].is(word))
}

/// `''` is NULL.
fn null_texts(pieces: &[Piece], edits: &mut Vec<Edit>) {
    let empty = pieces.iter().filter(|piece| match &piece.token {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => text.is_empty(),
        _ => false,
    });
    edits.extend(empty.map(|piece| (piece.at.clone(), "NULL".to_owned())));
}

fn copies_from_stdin(pieces: &[Piece]) -> Result<bool, Refusal> {
    if !pieces[0].is("COPY") || sql_token::find(pieces, &["FROM", "STDIN"]).is_none() {
        return Ok(false);
    }
    for format in ["BINARY", "CSV"] {
        if pieces.iter().any(|piece| piece.is(format)) {
            return Err(Refusal::stand_in(&format!("COPY in the format {format}")));
        }
    }
    Ok(true)
}

fn apply(sql: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(at, _)| at.start);
    let mut changed = String::with_capacity(sql.len());
    let mut done = 0;
    for (at, text) in edits {
        changed.push_str(&sql[done..at.start]);
        changed.push_str(&text);
        done = at.end;
    }
    changed.push_str(&sql[done..]);
    changed
}
