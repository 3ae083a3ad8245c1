//! Words of a statement.

use std::borrow::Cow;

use crate::error::{DecodeError, Result};

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// An unquoted word, in upper case.
    Word(Cow<'t, str>),
    /// A name in double quotes, as it is.
    Quoted(&'t str),
    /// A text in quotes, with them; also `q'[…]'` and `N'…'`.
    Text(&'t str),
    /// A number without sign.
    Number(&'t str),
    /// Any other character.
    Mark(char),
}

/// A word with the bytes at which it begins and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lexeme<'t> {
    pub(super) token: Token<'t>,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Lexeme<'_> {
    /// Whether it is this unquoted word, given in upper case.
    pub(super) fn is(&self, word: &str) -> bool {
        matches!(&self.token, Token::Word(found) if found == word)
    }

    /// Whether it is this mark.
    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.token == Token::Mark(mark)
    }

    /// A name as Oracle folds it.
    pub(super) fn name(&self) -> Option<String> {
        match &self.token {
            Token::Word(word) => Some(word.to_string()),
            Token::Quoted(name) => Some((*name).to_owned()),
            _ => None,
        }
    }
}

/// The words of a statement, without comments.
///
/// # Errors
/// For quotes and comments that are not closed.
pub(super) fn lexemes(text: &str) -> Result<Vec<Lexeme<'_>>> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = if next.is_whitespace() {
            next.len_utf8()
        } else if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(inside) = rest.strip_prefix("/*") {
            2 + closed(inside, "*/", at, "comment")?
        } else {
            let (token, length) = token(rest, next, at)?;
            out.push(Lexeme { token, start: at, end: at + length });
            length
        };
        at += length;
    }
    Ok(out)
}

/// Bytes up to the end of what closes.
fn closed(text: &str, end: &str, at: usize, what: &str) -> Result<usize> {
    let found = text.find(end).map(|found| found + end.len());
    found.ok_or_else(|| {
        DecodeError::new("definition", at, format!("a {what} that is not closed by {end}"))
    })
}

fn token(rest: &str, next: char, at: usize) -> Result<(Token<'_>, usize)> {
    if next == '"' {
        let length = 1 + closed(&rest[1..], "\"", at, "name")?;
        return Ok((Token::Quoted(&rest[1..length - 1]), length));
    }
    if let Some(prefix) = text_prefix(rest) {
        let length = text_length(rest, prefix, at)?;
        return Ok((Token::Text(&rest[..length]), length));
    }
    if next.is_ascii_digit() || next == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
        let length = number_length(rest);
        return Ok((Token::Number(&rest[..length]), length));
    }
    if next.is_alphabetic() {
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '#');
        let length = rest.find(|c: char| !part(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        let is_upper = !word.chars().any(char::is_lowercase);
        let word = if is_upper { Cow::Borrowed(word) } else { Cow::Owned(word.to_uppercase()) };
        return Ok((Token::Word(word), length));
    }
    Ok((Token::Mark(next), next.len_utf8()))
}

/// What stands before the first quote of a text: nothing, `N`, `Q` or `NQ`.
fn text_prefix(rest: &str) -> Option<usize> {
    let quote = rest.find('\'').filter(|quote| *quote <= 2)?;
    let prefix = &rest[..quote];
    ["", "N", "Q", "NQ"].iter().any(|known| prefix.eq_ignore_ascii_case(known)).then_some(quote)
}

fn text_length(rest: &str, prefix: usize, at: usize) -> Result<usize> {
    let inside = &rest[prefix + 1..];
    let is_free = rest[..prefix].to_ascii_uppercase().ends_with('Q');
    if is_free && let Some(open) = inside.chars().next() {
        let close = match open {
            '[' => ']',
            '(' => ')',
            '{' => '}',
            '<' => '>',
            other => other,
        };
        let begin = open.len_utf8();
        let length = closed(&inside[begin..], &format!("{close}'"), at, "text")?;
        return Ok(prefix + 1 + begin + length);
    }
    let mut end = 0;
    loop {
        end += closed(&inside[end..], "'", at, "text")?;
        if !inside[end..].starts_with('\'') {
            return Ok(prefix + 1 + end);
        }
        end += 1;
    }
}

/// Digits, a point, digits, and an exponent.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits =
        |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let behind = digits(end + 1 + sign);
        if behind > end + 1 + sign {
            end = behind;
        }
    }
    end
}
