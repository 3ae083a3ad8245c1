//! `CREATE TABLE`: how its rows are distributed, and names of types.

use sqlparser::tokenizer::Token;

use super::Edit;
use crate::gaussdb::error::Refusal;
use crate::sql_token::{Piece, behind_parenthesis, find, follow};

/// Types of ORA mode and what they are in PostgreSQL.
const TYPES: [(&str, &str); 7] = [
    ("VARCHAR2", "varchar"),
    ("NVARCHAR2", "varchar"),
    ("NUMBER", "numeric"),
    ("CLOB", "text"),
    ("BLOB", "bytea"),
    ("RAW", "bytea"),
    ("DATE", "timestamp(0)"),
];

/// Index behind `CREATE … TABLE [IF NOT EXISTS]`, if the statement makes a table.
pub(super) fn head(pieces: &[Piece]) -> Option<usize> {
    if !pieces[0].is("CREATE") {
        return None;
    }
    let mut at = 1;
    while ["GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED"]
        .iter()
        .any(|word| pieces.get(at).is_some_and(|piece| piece.is(word)))
    {
        at += 1;
    }
    if !pieces.get(at)?.is("TABLE") {
        return None;
    }
    Some(if follow(pieces, at + 1, &["IF", "NOT", "EXISTS"]) { at + 4 } else { at + 1 })
}

/// Takes `DISTRIBUTE BY` out and leaves it in a comment, which the event trigger of `rules.sql` reads.
pub(super) fn rewrite(
    pieces: &[Piece],
    table: usize,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    types(pieces, edits);
    let Some(at) = find(pieces, &["DISTRIBUTE", "BY"]) else { return Ok(()) };
    let (columns, end) = distribution(pieces, at + 2)?;
    // `[schema.]table`, up to the list of columns or to `AS`.
    let name = pieces[table..at]
        .iter()
        .take_while(|piece| !matches!(piece.token, Token::LParen) && !piece.is("AS"))
        .filter_map(Piece::name)
        .last()
        .unwrap_or_default();
    let columns: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let note =
        format!("/*gaussdb {{\"table\": {}, \"hash\": [{}]}}*/", quoted(&name), columns.join(", "));
    edits.push((pieces[at].at.start..pieces[end - 1].at.end, note));
    Ok(())
}

/// The columns of `HASH (…)`, none for `REPLICATION`; and the index behind the clause.
fn distribution(pieces: &[Piece], at: usize) -> Result<(Vec<String>, usize), Refusal> {
    let Some(kind) = pieces.get(at) else { return Err(Refusal::syntax("BY")) };
    let (columns, mut end) = if kind.is("REPLICATION") {
        (Vec::new(), at + 1)
    } else if kind.is("HASH") {
        let end = behind_parenthesis(pieces, at + 1).ok_or_else(|| Refusal::syntax("HASH"))?;
        (pieces[at + 2..end - 1].iter().filter_map(Piece::name).collect(), end)
    } else {
        let word = kind.word().unwrap_or_default();
        return Err(Refusal::stand_in(&format!("a distribution by {word}")));
    };
    if follow(pieces, end, &["TO", "GROUP"]) || follow(pieces, end, &["TO", "NODE"]) {
        end = (end + 3).min(pieces.len());
    }
    Ok((columns, end))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Types that PostgreSQL does not have, where a type can stand: behind a name or behind `TYPE`.
pub(super) fn types(pieces: &[Piece], edits: &mut Vec<Edit>) {
    for pair in pieces.windows(2) {
        let Some(word) = pair[1].word() else { continue };
        let Some((_, instead)) = TYPES.iter().find(|(name, _)| *name == word) else { continue };
        let behind_name = matches!(pair[0].token, Token::Word(_) | Token::DoubleColon);
        if behind_name && !["ADD", "COLUMN", "DROP", "RENAME", "TO"].iter().any(|w| pair[0].is(w)) {
            edits.push((pair[1].at.clone(), (*instead).to_owned()));
        }
    }
}
