//! SQL in tokens that know where in the text they are.

use std::ops::Range;

use sqlparser::dialect::{Dialect, OracleDialect, PostgreSqlDialect};
use sqlparser::tokenizer::{Location, Token, Tokenizer};

/// A token that counts, with its place in the text.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    /// What it is.
    pub(crate) token: Token,
    /// Bytes of the text.
    pub(crate) at: Range<usize>,
}

impl Piece {
    /// An unquoted word in upper case.
    pub(crate) fn word(&self) -> Option<String> {
        match &self.token {
            Token::Word(word) if word.quote_style.is_none() => {
                Some(word.value.to_ascii_uppercase())
            }
            _ => None,
        }
    }

    /// Whether it is this unquoted word, given in upper case.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.word().is_some_and(|found| found == word)
    }

    /// A name, folded to lower case unless it is quoted.
    pub(crate) fn name(&self) -> Option<String> {
        match &self.token {
            Token::Word(word) if word.quote_style.is_none() => {
                Some(word.value.to_ascii_lowercase())
            }
            Token::Word(word) => Some(word.value.clone()),
            _ => None,
        }
    }
}

/// The statements of a text for PostgreSQL, each as its tokens without white space, comments and semicolons. `None` for a text
/// that has no tokens that can be told; PostgreSQL finds words for it.
pub(crate) fn postgresql(text: &str) -> Option<Vec<Vec<Piece>>> {
    statements(&PostgreSqlDialect {}, text)
}

/// As [`postgresql`], for Oracle. Texts keep their doubled quotes.
pub(crate) fn oracle(text: &str) -> Option<Vec<Vec<Piece>>> {
    statements(&OracleDialect {}, text)
}

fn statements(dialect: &dyn Dialect, text: &str) -> Option<Vec<Vec<Piece>>> {
    let tokens =
        Tokenizer::new(dialect, text).with_unescape(false).tokenize_with_location().ok()?;
    let places = Places::of(text);
    let mut statements = vec![Vec::new()];
    for token in tokens {
        match token.token {
            Token::Whitespace(_) => {}
            Token::SemiColon => statements.push(Vec::new()),
            kind => {
                let at = places.byte(token.span.start)..places.byte(token.span.end);
                statements.last_mut()?.push(Piece { token: kind, at });
            }
        }
    }
    statements.retain(|statement| !statement.is_empty());
    Some(statements)
}

/// Whether the words follow each other at a place.
pub(crate) fn follow(pieces: &[Piece], at: usize, words: &[&str]) -> bool {
    words.iter().enumerate().all(|(i, word)| pieces.get(at + i).is_some_and(|piece| piece.is(word)))
}

/// Where the words follow each other for the first time.
pub(crate) fn find(pieces: &[Piece], words: &[&str]) -> Option<usize> {
    (0..pieces.len()).find(|at| follow(pieces, *at, words))
}

/// Index behind the parenthesis that closes the one at `open`.
pub(crate) fn behind_parenthesis(pieces: &[Piece], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, piece) in pieces.iter().enumerate().skip(open) {
        match piece.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Lines and characters to bytes.
struct Places {
    /// For every line, where each of its characters begins, and where the line ends.
    lines: Vec<Vec<usize>>,
}

impl Places {
    fn of(text: &str) -> Self {
        let mut lines = vec![Vec::new()];
        for (at, character) in text.char_indices() {
            lines.last_mut().expect("there is one").push(at);
            if character == '\n' {
                lines.push(Vec::new());
            }
        }
        lines.last_mut().expect("there is one").push(text.len());
        Self { lines }
    }

    /// Byte at a location, both of whose numbers begin with 1.
    fn byte(&self, location: Location) -> usize {
        let line = (location.line as usize).saturating_sub(1);
        let column = (location.column as usize).saturating_sub(1);
        let begins = &self.lines[line.min(self.lines.len() - 1)];
        match begins.get(column) {
            Some(byte) => *byte,
            // Behind a line's last character: where the next line begins.
            None => self.lines[line + 1..].iter().flatten().next().copied().unwrap_or(0),
        }
    }
}
