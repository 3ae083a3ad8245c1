//! Differences of JSON documents (`binlog_row_value_options=PARTIAL_JSON`): applied to the document
//! before, they give the document after.
//!
//! Differences are `operation, path, value`, one after the other. Paths name one place exactly:
//! `$`, then `.member`, `."quoted member"`, `[index]`, `[last]` or `[last-index]`.

use std::borrow::Cow;

use super::binary::{DEPTH_MAX, JsonLimits};
use super::scalar::{Value, document};
use super::tree::{Budget, Node, key_order};
use crate::binlog::cursor::Cursor;
use crate::error::{DecodeError, Result};

const WHAT: &str = "JSON difference";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Replace,
    Insert,
    Remove,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Leg<'a> {
    Member(Cow<'a, [u8]>),
    /// Counted from the front, or from the last element backwards.
    Cell {
        index: usize,
        from_end: bool,
    },
}

/// Applies `diffs` (the bytes of the value in the after image, without their length) to the document
/// `before` in binary form and appends the text of the result to `out`.
///
/// # Errors
/// If a difference is damaged or names a place that the document does not have, or a bound is
/// reached; `out` may then hold a part of the text.
pub fn apply_json_diffs(
    before: &[u8],
    diffs: &[u8],
    limits: JsonLimits,
    out: &mut Vec<u8>,
) -> Result<()> {
    let mut root = Node::Whole(document(before)?);
    let mut budget = Budget { nodes: limits.tree_nodes_max };
    let mut c = Cursor::new(diffs, 0, WHAT);
    while !c.is_empty() {
        apply_one(&mut c, &mut root, &mut budget)?;
    }
    root.write(0, out.len().saturating_add(limits.text_bytes_max), out)
}

fn apply_one<'a>(c: &mut Cursor<'a>, root: &mut Node<'a>, budget: &mut Budget) -> Result<()> {
    let start = *c;
    let operation = match c.u8("operation")? {
        0 => Operation::Replace,
        1 => Operation::Insert,
        2 => Operation::Remove,
        other => {
            return Err(start.error("operation", format!("{other}; 0 to 2 are known")));
        }
    };
    let path_len = c.length("path length")?;
    let path_at = *c;
    let path = c.text(path_len, "path")?;
    let legs = parse_path(path, &path_at)?;
    let value = if operation == Operation::Remove {
        Value::Null
    } else {
        let len = c.length("value length")?;
        let at = c.pos();
        document(c.bytes(len, "value")?).map_err(|e| e.at_base(at))?
    };
    let Some((last, parents)) = legs.split_last() else {
        return Err(path_at.error("path", "the whole document cannot be the place of a difference"));
    };
    let missing = || path_at.error("path", format!("{path:?} is not in the document before"));
    let mut parent = root;
    for leg in parents {
        parent.open(budget)?;
        parent = child(parent, leg).ok_or_else(missing)?;
    }
    parent.open(budget)?;
    change(parent, operation, last, value).ok_or_else(missing)
}

/// The element that a leg names.
fn child<'n, 'a>(parent: &'n mut Node<'a>, leg: &Leg<'_>) -> Option<&'n mut Node<'a>> {
    match (parent, leg) {
        (Node::Array(elements), Leg::Cell { index, from_end }) => {
            let position = existing(elements.len(), *index, *from_end)?;
            elements.get_mut(position)
        }
        (Node::Object(members), Leg::Member(name)) => {
            members.iter_mut().find(|(key, _)| key == name).map(|(_, node)| node)
        }
        _ => None,
    }
}

/// Position of an element that exists.
fn existing(len: usize, index: usize, from_end: bool) -> Option<usize> {
    if index >= len {
        return None;
    }
    Some(if from_end { len.saturating_sub(1).saturating_sub(index) } else { index })
}

fn change<'a>(
    parent: &mut Node<'a>,
    operation: Operation,
    leg: &Leg<'a>,
    value: Value<'a>,
) -> Option<()> {
    match operation {
        Operation::Replace => *child(parent, leg)? = Node::Whole(value),
        Operation::Remove => match (parent, leg) {
            (Node::Array(elements), Leg::Cell { index, from_end }) => {
                let position = existing(elements.len(), *index, *from_end)?;
                drop(elements.remove(position));
            }
            (Node::Object(members), Leg::Member(name)) => {
                let position = members.iter().position(|(key, _)| key == name)?;
                drop(members.remove(position));
            }
            _ => return None,
        },
        Operation::Insert => match (parent, leg) {
            (Node::Array(elements), Leg::Cell { index, from_end }) => {
                // Past either end counts as that end.
                let len = elements.len();
                let position = match existing(len, *index, *from_end) {
                    Some(position) => position,
                    None if *from_end => 0,
                    None => len,
                };
                elements.insert(position, Node::Whole(value));
            }
            (Node::Object(members), Leg::Member(name)) => {
                match members.binary_search_by(|(key, _)| key_order(key, name)) {
                    Ok(_) => return None,
                    Err(position) => members.insert(position, (name.clone(), Node::Whole(value))),
                }
            }
            _ => return None,
        },
    }
    Some(())
}

fn parse_path<'a>(path: &'a str, at: &Cursor<'_>) -> Result<Vec<Leg<'a>>> {
    let wrong = |reason: &str| -> DecodeError { at.error("path", format!("{path:?}: {reason}")) };
    let Some(mut rest) = path.strip_prefix('$') else {
        return Err(wrong("must begin with $"));
    };
    let mut legs = Vec::new();
    while !rest.is_empty() {
        if legs.len() >= DEPTH_MAX {
            return Err(wrong("has more than 100 legs"));
        }
        let (leg, tail) = if let Some(cell) = rest.strip_prefix('[') {
            let (inner, tail) = cell.split_once(']').ok_or_else(|| wrong("] is missing"))?;
            (parse_cell(inner).ok_or_else(|| wrong("not an array index"))?, tail)
        } else if let Some(quoted) = rest.strip_prefix(".\"") {
            let (name, tail) = parse_quoted(quoted).ok_or_else(|| wrong("not a quoted member"))?;
            (Leg::Member(name), tail)
        } else if let Some(plain) = rest.strip_prefix('.') {
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            let (name, tail) = plain.split_at_checked(end).unwrap_or((plain, ""));
            if name.is_empty() {
                return Err(wrong("a member without a name"));
            }
            if name.contains(['*', '"']) {
                return Err(wrong("a difference names one place only"));
            }
            (Leg::Member(Cow::Borrowed(name.as_bytes())), tail)
        } else {
            return Err(wrong("a leg begins with . or ["));
        };
        legs.push(leg);
        rest = tail;
    }
    Ok(legs)
}

fn parse_cell(inner: &str) -> Option<Leg<'static>> {
    let number = |text: &str| {
        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten()
    };
    let (index, from_end) = match inner.strip_prefix("last") {
        Some("") => (0, true),
        Some(back) => (number(back.strip_prefix('-')?)?, true),
        None => (number(inner)?, false),
    };
    Some(Leg::Cell { index: usize::try_from(index).ok()?, from_end })
}

/// Reads a member up to its closing quote, which is behind the text given; escapes are those of JSON.
fn parse_quoted(text: &str) -> Option<(Cow<'_, [u8]>, &str)> {
    let plain_end = text.find(['"', '\\'])?;
    let (plain, tail) = text.split_at_checked(plain_end)?;
    if let Some(tail) = tail.strip_prefix('"') {
        return Some((Cow::Borrowed(plain.as_bytes()), tail));
    }
    let mut name = String::from(plain);
    let mut chars = tail.chars();
    loop {
        match chars.next()? {
            '"' => return Some((Cow::Owned(name.into_bytes()), chars.as_str())),
            '\\' => name.push(match chars.next()? {
                escaped @ ('"' | '\\' | '/') => escaped,
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let (hex, tail) = chars.as_str().split_at_checked(4)?;
                    chars = tail.chars();
                    // The server escapes control characters this way and nothing else, so halves of
                    // a surrogate pair do not occur.
                    char::from_u32(u32::from_str_radix(hex, 16).ok()?)?
                }
                _ => return None,
            }),
            other => name.push(other),
        }
    }
}
