//! Tables in partitions by the value of one column: by ranges, by lists or by a hash.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use sqlparser::tokenizer::Token;

use super::assign::Formats;
use super::expression::{compare, unknown};
use super::table::{Segment, Table};
use crate::oracle::number::Number;
use crate::oracle::value::Value;
use crate::oracle::wire::OraError;
use crate::sql_token::{Piece, behind_parenthesis, find, follow};

/// Which partition a row is in.
#[derive(Debug)]
pub(crate) struct Partitioning {
    by: By,
    /// Number of the column that decides.
    pub(super) column: usize,
    /// Of each partition: the value that is above all of a range, or the values of a list; none stands for all others.
    bounds: Vec<Vec<Value>>,
    /// A row goes to another partition when its value does.
    pub(super) moves_rows: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Range,
    List,
    Hash,
}

/// A partition that a statement defines.
struct Defined {
    name: String,
    bounds: Vec<Value>,
}

impl Partitioning {
    /// The number of the partition that has a value; `None` if no one has.
    pub(crate) fn place(&self, values: &[Value]) -> Option<usize> {
        let value = values.get(self.column)?;
        let formats = Formats::default();
        let order = |bound: &Value| compare(value, bound, &formats).ok().flatten();
        match self.by {
            By::Hash => {
                // The real one's hash is not published.
                let mut hash = DefaultHasher::new();
                format!("{value:?}").hash(&mut hash);
                usize::try_from(hash.finish() % self.bounds.len() as u64).ok()
            }
            // NULL is above all values, where nothing bounds the last partition.
            By::Range => self.bounds.iter().position(|bounds| {
                bounds.first().is_none_or(|bound| order(bound).is_some_and(|o| o.is_lt()))
            }),
            By::List => {
                let has = |bounds: &Vec<Value>| {
                    bounds.iter().any(|bound| order(bound).is_some_and(|o| o.is_eq()))
                };
                let others = || self.bounds.iter().position(Vec::is_empty);
                self.bounds.iter().position(has).or_else(others)
            }
        }
    }
}

/// Reads what stands behind the columns of CREATE TABLE, and divides the table.
pub(super) fn divide(
    pieces: &[Piece],
    table: &mut Table,
    new_object: &mut dyn FnMut() -> u32,
) -> Result<(), OraError> {
    let Some(at) = find(pieces, &["PARTITION", "BY"]) else { return Ok(()) };
    let by = match pieces.get(at + 2).and_then(Piece::word).as_deref() {
        Some("RANGE") => By::Range,
        Some("LIST") => By::List,
        Some("HASH") => By::Hash,
        _ => return Err(unknown("such partitions")),
    };
    let column = pieces.get(at + 4).map(super::define::identifier).unwrap_or_default();
    let column = table
        .column(&column)
        .ok_or_else(|| OraError::new(904, format!("\"{column}\": invalid identifier")))?;
    let behind = behind_parenthesis(pieces, at + 3).ok_or_else(|| unknown("such partitions"))?;
    let parts = match by {
        By::Hash => hashed(&pieces[behind..])?,
        _ => {
            let end = behind_parenthesis(pieces, behind)
                .ok_or_else(|| OraError::new(906, "missing left parenthesis"))?;
            let items = super::define::items(&pieces[behind + 1..end - 1]);
            items.into_iter().map(|item| part(item, by)).collect::<Result<Vec<_>, _>>()?
        }
    };
    let moves_rows = find(pieces, &["ENABLE", "ROW", "MOVEMENT"]).is_some();
    let (segments, bounds) =
        parts.into_iter().map(|p| (Segment::new(Some(p.name), new_object()), p.bounds)).unzip();
    table.segments = segments;
    table.partitioning = Some(Partitioning { by, column, bounds, moves_rows });
    Ok(())
}

/// ALTER TABLE of a table's partitions; `None` if it is about something else.
pub(super) fn alter(
    pieces: &[Piece],
    table: &mut Table,
    new_object: u32,
) -> Option<Result<(), OraError>> {
    let is = |words: &[&str]| follow(pieces, 0, words);
    if is(&["ENABLE", "ROW", "MOVEMENT"]) || is(&["DISABLE", "ROW", "MOVEMENT"]) {
        if let Some(partitioning) = &mut table.partitioning {
            partitioning.moves_rows = is(&["ENABLE"]);
        }
        return Some(Ok(()));
    }
    let verb = ["ADD", "DROP", "TRUNCATE"].into_iter().find(|verb| is(&[verb, "PARTITION"]))?;
    let Some(partitioning) = &mut table.partitioning else {
        return Some(Err(OraError::new(14501, "object is not partitioned")));
    };
    if verb == "ADD" {
        return Some(part(&pieces[1..], partitioning.by).map(|part| {
            partitioning.bounds.push(part.bounds);
            table.segments.push(Segment::new(Some(part.name), new_object));
        }));
    }
    let name = pieces.get(2).map(super::define::identifier);
    let Some(at) = table.segments.iter().position(|segment| segment.name == name) else {
        return Some(Err(OraError::new(2149, "Specified partition does not exist")));
    };
    let data_object = table.segments[at].data_object;
    table.rows.retain(|place, _| place.object != data_object);
    if verb == "DROP" {
        table.segments.remove(at);
        partitioning.bounds.remove(at);
    } else {
        table.segments[at].data_object = new_object;
    }
    Some(Ok(()))
}

/// `PARTITIONS n`
fn hashed(pieces: &[Piece]) -> Result<Vec<Defined>, OraError> {
    let count = match pieces.get(1).map(|piece| &piece.token) {
        Some(Token::Number(count, _)) if follow(pieces, 0, &["PARTITIONS"]) => count.parse().ok(),
        _ => None,
    };
    let count: u32 = count.ok_or_else(|| unknown("such partitions by a hash"))?;
    let part = |n: u32| Defined { name: format!("SYS_P{n}"), bounds: Vec::new() };
    Ok((1..=count).map(part).collect())
}

/// `PARTITION p VALUES LESS THAN (n)` or `PARTITION p VALUES ('a', 'b')`
fn part(item: &[Piece], by: By) -> Result<Defined, OraError> {
    let wanted: &[&str] = match by {
        By::Range => &["VALUES", "LESS", "THAN"],
        _ => &["VALUES"],
    };
    let open = 2 + wanted.len();
    if !follow(item, 0, &["PARTITION"]) || !follow(item, 2, wanted) {
        return Err(unknown("such a partition"));
    }
    let end = behind_parenthesis(item, open).ok_or_else(|| unknown("such a partition"))?;
    let mut bounds = Vec::new();
    for bound in super::define::items(&item[open + 1..end - 1]) {
        match bound {
            [one] if one.is("MAXVALUE") || one.is("DEFAULT") => {}
            [Piece { token: Token::Number(number, _), .. }] => {
                bounds.extend(Number::parse(number).map(Value::Number));
            }
            [Piece { token: Token::SingleQuotedString(text), .. }] => {
                bounds.push(Value::text(text.replace("''", "'")));
            }
            _ => return Err(unknown("bounds but numbers and texts")),
        }
    }
    let name = item.get(1).map(super::define::identifier).unwrap_or_default();
    Ok(Defined { name, bounds })
}
