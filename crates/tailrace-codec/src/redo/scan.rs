//! A cursor over a statement's bytes. Its places are `u32`: a statement has at most [`TEXT_BYTES_MAX`] bytes.

use memchr::memchr;

use crate::error::{DecodeError, Result};

/// Bytes of the longest statement that is read.
pub(super) const TEXT_BYTES_MAX: usize = u32::MAX as usize;

/// A part of the statement's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    /// The part, or nothing where the text is another one.
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// What comes next in a statement.
pub(super) struct Scan<'t> {
    pub(super) bytes: &'t [u8],
    pub(super) at: usize,
}

impl<'t> Scan<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self> {
        if text.len() > TEXT_BYTES_MAX {
            let reason = format!("{} bytes, at most {TEXT_BYTES_MAX}", text.len());
            return Err(DecodeError::new("SQL_REDO", 0, reason));
        }
        Ok(Self { bytes: text.as_bytes(), at: 0 })
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        // Both are at most `TEXT_BYTES_MAX`.
        Span { start: start as u32, end: end as u32 }
    }

    /// An error at this place, with what stands there.
    pub(super) fn expected(&self, what: &'static str) -> DecodeError {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let shown = String::from_utf8_lossy(rest.get(..rest.len().min(24)).unwrap_or_default());
        let reason = if rest.is_empty() {
            format!("the statement ends where {what} should be")
        } else {
            format!("{what} should be where {shown:?} is")
        };
        DecodeError::new("SQL_REDO", self.at, reason)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over blanks and line ends.
    #[inline]
    pub(super) fn blanks(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Steps over this byte, with blanks before it, if it is there.
    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        self.blanks();
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    pub(super) fn need(&mut self, byte: u8, what: &'static str) -> Result<()> {
        if self.eat(byte) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// Steps over this word in any case, with blanks before it, if it is there as a whole.
    #[inline]
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        self.blanks();
        let end = self.at + word.len();
        let is_there = self
            .bytes
            .get(self.at..end)
            .is_some_and(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
            && !self.bytes.get(end).is_some_and(|b| is_word(*b));
        if is_there {
            self.at = end;
        }
        is_there
    }

    pub(super) fn need_word(&mut self, word: &str, what: &'static str) -> Result<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// A word of letters, digits, `_`, `$`, `#` and dots.
    pub(super) fn word(&mut self) -> Option<Span> {
        self.blanks();
        let start = self.at;
        while self.peek().is_some_and(|b| is_word(b) || b == b'.') {
            self.at += 1;
        }
        (self.at > start).then(|| self.span(start, self.at))
    }

    /// What stands between quotes of one kind, doubled ones inside; whether there are any. The cursor is at the first quote.
    #[inline]
    pub(super) fn quoted(&mut self, quote: u8, what: &'static str) -> Result<(Span, bool)> {
        self.blanks();
        if self.peek() != Some(quote) {
            return Err(self.expected(what));
        }
        let start = self.at + 1;
        let (mut from, mut doubled) = (start, false);
        loop {
            let rest = self.bytes.get(from..).unwrap_or_default();
            let Some(place) = memchr(quote, rest) else {
                let reason = format!("{what} begins here and does not end");
                return Err(DecodeError::new("SQL_REDO", self.at, reason));
            };
            let end = from + place;
            if self.bytes.get(end + 1) != Some(&quote) {
                self.at = end + 1;
                return Ok((self.span(start, end), doubled));
            }
            doubled = true;
            from = end + 2;
        }
    }

    /// An identifier: in double quotes, or a word in capitals, which means the same to Oracle.
    #[inline]
    pub(super) fn name(&mut self) -> Result<Span> {
        self.blanks();
        match self.peek() {
            Some(b'A'..=b'Z') => self.plain_name(),
            _ => self.quoted(b'"', "a name in double quotes").map(|(span, _)| span),
        }
    }

    #[cold]
    fn plain_name(&mut self) -> Result<Span> {
        let start = self.at;
        while self.peek().is_some_and(|b| is_word(b) && !b.is_ascii_lowercase()) {
            self.at += 1;
        }
        // In small letters, and beyond ASCII, it would be another name than the one that is written.
        match self.peek() {
            Some(byte) if is_word(byte) || !byte.is_ascii() => {
                self.at = start;
                Err(self.expected("a name in double quotes"))
            }
            _ => Ok(self.span(start, self.at)),
        }
    }

    /// A whole number without a sign.
    pub(super) fn number(&mut self, what: &'static str) -> Result<u64> {
        self.blanks();
        let start = self.at;
        let mut number = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            let next = number.checked_mul(10).and_then(|n| n.checked_add(u64::from(digit - b'0')));
            number = next.ok_or_else(|| self.expected(what))?;
            self.at += 1;
        }
        if self.at == start { Err(self.expected(what)) } else { Ok(number) }
    }

    /// Nothing more may follow but a semicolon.
    pub(super) fn end(&mut self) -> Result<()> {
        self.eat(b';');
        self.blanks();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.expected("the end")) }
    }
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'#')
}
