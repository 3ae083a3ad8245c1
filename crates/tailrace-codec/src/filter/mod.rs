//! Row filters: the condition of a `WHERE` clause, judged as MySQL judges it.
//!
//! A filter is read by the server in the full phase ([`Filter::to_sql`]) and here for rows of the log
//! ([`BoundFilter::judge`]), with the same result. What cannot be decided here with certainty, which is text in
//! collations beyond printable ASCII, is a [`Question`] to the server through a [`Judge`]. What MySQL would decide in
//! ways that depend on settings or on guesses about types is refused, with the reason.
//!
//! The language: `AND` `OR` `XOR` `NOT`, `=` `<=>` `<>` `!=` `<` `<=` `>` `>=`, `IS [NOT] NULL | TRUE | FALSE | UNKNOWN`,
//! `[NOT] IN (…)`, `[NOT] BETWEEN … AND …`, `[NOT] LIKE … [ESCAPE …]`, between columns and constants; two columns of
//! numbers, or of moments, may be compared; `column % n` and `MOD(column, n)` of integers.
//!
//! Not a filter language of Tailrace's own: the rules are those of MySQL's manual, "Type Conversion in Expression
//! Evaluation" and "Comparison Functions and Operators", and the tests ask the server.

mod bind;
mod evaluate;
mod lexer;
mod like;
mod moment;
mod number;
mod parser;
mod render;
mod text;
mod tree;

pub use bind::BoundFilter;
pub use evaluate::{Judge, Question, TextValue};
pub use text::{AsciiOrder, TextOrder, TextTest};

/// Characters of a filter's text (DRS's limit).
pub const FILTER_CHARS_MAX: usize = 512;

/// Why a filter is refused, or a row cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(pub(crate) String);

impl FilterError {
    pub(crate) fn at(character: usize, text: impl std::fmt::Display) -> Self {
        Self(format!("the filter, character {}: {text}", character.saturating_add(1)))
    }
}

/// A filter that was read and is not yet bound to a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    tree: tree::Condition,
}

impl Filter {
    /// Reads the condition of a `WHERE` clause, without the word itself.
    ///
    /// # Errors
    /// What cannot be read or is not offered, with its place in the text.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let length = text.chars().count();
        if length > FILTER_CHARS_MAX {
            return Err(FilterError(format!(
                "the filter has {length} characters, {FILTER_CHARS_MAX} are allowed"
            )));
        }
        parser::parse(text).map(|tree| Self { tree })
    }

    /// The condition in SQL, with all its brackets: what the server decides does not depend on its modes.
    pub fn to_sql(&self) -> String {
        render::condition(&self.tree)
    }

    /// The names of its columns, each once, in order of appearance.
    pub fn columns(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.tree.visit_columns(&mut |name| {
            if !names.contains(&name) {
                names.push(name);
            }
        });
        names
    }
}

#[cfg(test)]
mod tests;
