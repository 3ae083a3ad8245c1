//! Statements that are longer than one row of `V$LOGMNR_CONTENTS` has room for.

use crate::error::{DecodeError, Result};

/// Puts together the rows of one statement: all but the last have `CSF` 1 and end anywhere, in the midst of a text too.
#[derive(Debug)]
pub struct Continuation {
    text: String,
    bytes_max: usize,
    is_open: bool,
}

/// What a row's text is.
#[derive(Debug, PartialEq, Eq)]
pub enum Joined<'a> {
    /// More rows follow.
    Open,
    /// The whole statement.
    Whole(&'a str),
}

impl Continuation {
    /// For statements of so many bytes at most.
    pub fn new(bytes_max: usize) -> Self {
        Self { text: String::new(), bytes_max, is_open: false }
    }

    /// Takes the next row's text. A statement of one row is passed through.
    ///
    /// # Errors
    /// If the statement becomes longer than is allowed; the rest of it has to be left out then.
    pub fn push<'a>(&'a mut self, text: &'a str, more_follow: bool) -> Result<Joined<'a>> {
        if !self.is_open && !more_follow {
            return self.check(text.len()).map(|()| Joined::Whole(text));
        }
        if !self.is_open {
            self.text.clear();
        }
        self.is_open = more_follow;
        self.check(self.text.len().saturating_add(text.len()))?;
        self.text.push_str(text);
        Ok(if more_follow { Joined::Open } else { Joined::Whole(&self.text) })
    }

    /// Whether rows are still to come.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Forgets the rows that came so far.
    pub fn reset(&mut self) {
        self.is_open = false;
        self.text.clear();
    }

    fn check(&self, bytes: usize) -> Result<()> {
        if bytes <= self.bytes_max {
            return Ok(());
        }
        let reason = format!("a statement of more than {} bytes", self.bytes_max);
        Err(DecodeError::new("SQL_REDO", self.bytes_max, reason))
    }
}
