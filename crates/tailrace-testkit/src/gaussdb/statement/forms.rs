//! Forms that PostgreSQL has and GaussDB Distributed lacks, and the other way round.

use sqlparser::tokenizer::Token;

use super::Edit;
use crate::gaussdb::error::Refusal;
use crate::sql_token::{Piece, find, follow};

/// Parameters that only GaussDB has, with the value they have here. Kept in PostgreSQL with `gaussdb.` before the name.
const PARAMETERS: [(&str, &str); 6] = [
    ("sql_compatibility", "ORA"),
    ("connection_info", ""),
    ("session_timeout", "0"),
    ("behavior_compat_options", ""),
    ("enable_stream_operator", "on"),
    ("max_datanode_for_plan", "0"),
];

/// Words that follow each other nowhere in GaussDB's grammar, and the one that its error names.
const UNKNOWN: [(&[&str], &str); 9] = [
    (&["ON", "CONFLICT"], "CONFLICT"),
    (&["WITH", "ORDINALITY"], "ORDINALITY"),
    (&["ADD", "COLUMN", "IF"], "IF"),
    (&["INDEX", "IF", "NOT"], "NOT"),
    (&["SCHEMA", "IF", "NOT"], "NOT"),
    (&["ROWS", "FROM"], "FROM"),
    (&["GENERATED", "BY", "DEFAULT"], "BY"),
    (&["OVERRIDING"], "OVERRIDING"),
    (&["LATERAL"], "LATERAL"),
];

/// Statements that are not offered.
const UNOFFERED: [&[&str]; 6] = [
    &["LISTEN"],
    &["UNLISTEN"],
    &["NOTIFY"],
    &["CREATE", "EXTENSION"],
    &["CREATE", "PUBLICATION"],
    &["CREATE", "SUBSCRIPTION"],
];

/// Refuses what GaussDB would.
pub(super) fn check(pieces: &[Piece]) -> Result<(), Refusal> {
    for (words, near) in UNKNOWN {
        if find(pieces, words).is_some() {
            return Err(Refusal::syntax(near));
        }
    }
    if let Some(words) = UNOFFERED.into_iter().find(|words| follow(pieces, 0, words)) {
        let statement = words.join(" ");
        return Err(Refusal::unsupported(format!("{statement} is not yet supported.")));
    }
    if pieces[0].is("MERGE") {
        return merge(pieces);
    }
    let makes_tables = pieces[0].is("CREATE") || pieces[0].is("ALTER");
    if makes_tables && pieces.iter().any(|piece| piece.is("REFERENCES")) {
        let message = "FOREIGN KEY ... REFERENCES constraint is not yet supported.";
        return Err(Refusal::unsupported(message));
    }
    Ok(())
}

/// One `WHEN MATCHED THEN UPDATE` and one `WHEN NOT MATCHED THEN INSERT`, no more.
fn merge(pieces: &[Piece]) -> Result<(), Refusal> {
    let (mut updates, mut inserts) = (0, 0);
    for at in (0..pieces.len()).filter(|at| pieces[*at].is("WHEN")) {
        let (then, action, count) = if follow(pieces, at + 1, &["MATCHED"]) {
            (at + 2, "UPDATE", &mut updates)
        } else if follow(pieces, at + 1, &["NOT", "MATCHED"]) {
            (at + 3, "INSERT", &mut inserts)
        } else {
            continue;
        };
        for (place, wanted) in [(then, "THEN"), (then + 1, action)] {
            if !follow(pieces, place, &[wanted]) {
                let near = pieces.get(place).and_then(Piece::word).unwrap_or_default();
                return Err(Refusal::syntax(&near));
            }
        }
        *count += 1;
    }
    if updates > 1 || inserts > 1 {
        return Err(Refusal::syntax("WHEN"));
    }
    // Behind an action it narrows it; PostgreSQL has that elsewhere.
    if find(pieces, &["WHERE"]).is_some_and(|at| at > find(pieces, &["WHEN"]).unwrap_or(at)) {
        return Err(Refusal::stand_in("WHERE in MERGE"));
    }
    Ok(())
}

/// `ON DUPLICATE KEY UPDATE NOTHING` is what PostgreSQL calls `ON CONFLICT DO NOTHING`.
pub(super) fn duplicate_key(pieces: &[Piece], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let words = ["ON", "DUPLICATE", "KEY", "UPDATE"];
    let Some(at) = find(pieces, &words) else { return Ok(()) };
    let Some(last) = pieces.get(at + 4).filter(|piece| piece.is("NOTHING")) else {
        return Err(Refusal::stand_in("ON DUPLICATE KEY UPDATE with columns"));
    };
    edits.push((pieces[at].at.start..last.at.end, "ON CONFLICT DO NOTHING".to_owned()));
    Ok(())
}

/// A database's compatibility, a column that PostgreSQL lacks, where it is selected.
pub(super) fn compatibility(pieces: &[Piece], edits: &mut Vec<Edit>) {
    for pair in pieces.windows(2).filter(|pair| pair[1].is("DATCOMPATIBILITY")) {
        if pair[0].is("SELECT") || matches!(pair[0].token, Token::Comma) {
            edits.push((pair[1].at.clone(), "'ORA'::name AS datcompatibility".to_owned()));
        }
    }
}

/// `SET` and `SHOW` of GaussDB's own parameters.
pub(super) fn settings(pieces: &[Piece], edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let at = if follow(pieces, 0, &["SET", "LOCAL"]) || follow(pieces, 0, &["SET", "SESSION"]) {
        2
    } else {
        1
    };
    let Some(name) = pieces.get(at).and_then(Piece::name) else { return Ok(()) };
    let Some((name, value)) = PARAMETERS.into_iter().find(|(known, _)| *known == name) else {
        return Ok(());
    };
    if pieces[0].is("SHOW") {
        let shown = format!(
            "SELECT coalesce(nullif(current_setting('gaussdb.{name}', true), ''), '{value}') AS {name}"
        );
        edits.push((pieces[0].at.start..pieces[at].at.end, shown));
    } else if pieces[0].is("SET") {
        if name == "sql_compatibility" {
            let message = format!("parameter \"{name}\" cannot be changed");
            return Err(Refusal { code: "55P02", message });
        }
        edits.push((pieces[at].at.clone(), format!("gaussdb.{name}")));
    }
    Ok(())
}
