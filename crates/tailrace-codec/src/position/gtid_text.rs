//! The text of GTIDs and GTID sets, read as MySQL 9.7 reads it.
//!
//! Grammar, white space (`\t \n \v \f \r` and space) being free between any two tokens:
//!
//! ```text
//! set   := { ',' } [ group { ',' { ',' } group } ] { ',' }
//! group := uuid { ':' ( tag | number [ '-' number ] ) }
//! uuid  := 36 characters with dashes | 32 without | '{' 36 with dashes '}'
//! ```
//!
//! A tag holds for the intervals behind it up to the next tag or comma. A range whose end is before
//! its start is legal and empty, numbers are decimal (`010` is ten), a group without intervals adds
//! nothing. Servers before 8.3 know no tags, and take only the form of a UUID with dashes.

use super::gtid::{GNO_MAX, Gtid, TAG_BYTES_MAX, Tag, Tsid, Uuid, is_tag_byte};
use super::gtid_set::GtidSet;
use crate::error::{DecodeError, Result};

/// Positions of dashes inside the text of a UUID, counted in bytes before them.
const UUID_DASHES: [usize; 4] = [4, 6, 8, 10];

/// How much of the text behind a mistake an error shows, in characters.
const ERROR_EXCERPT_CHARS_MAX: usize = 40;

/// A cursor over the text.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    what: &'static str,
}

impl<'a> Scanner<'a> {
    /// Begins at the start of `text`; `what` names it in errors.
    pub(super) fn new(text: &'a str, what: &'static str) -> Self {
        Self { text, at: 0, what }
    }

    /// Reads a whole set.
    pub(super) fn set(mut self) -> Result<GtidSet> {
        let mut set = GtidSet::new();
        self.skip_space();
        while self.peek().is_some() {
            if self.eat(b',') {
                continue;
            }
            self.group(&mut set)?;
            if self.peek().is_some() && self.peek() != Some(b',') {
                return Err(self.expected("`,`, `:` or the end"));
            }
        }
        Ok(set)
    }

    /// Reads exactly one GTID.
    pub(super) fn gtid(mut self) -> Result<Gtid> {
        self.skip_space();
        let uuid = self.uuid()?;
        self.skip_space();
        if !self.eat(b':') {
            return Err(self.expected("`:` behind the UUID"));
        }
        let tag = self.tag()?;
        if tag.is_some() && !self.eat(b':') {
            return Err(self.expected("`:` behind the tag"));
        }
        let gno = self.start_number()?;
        if self.peek().is_some() {
            return Err(self.expected("the end"));
        }
        Gtid::new(uuid, tag, gno)
    }

    /// One UUID and what follows it up to a comma.
    fn group(&mut self, set: &mut GtidSet) -> Result<()> {
        let mut tsid = Tsid { uuid: self.uuid()?, tag: None };
        self.skip_space();
        while self.eat(b':') {
            if let Some(tag) = self.tag()? {
                tsid.tag = Some(tag);
                continue;
            }
            let start = self.start_number()?;
            let end = if self.eat(b'-') { self.end_number()? } else { start };
            if end >= start {
                set.add_range(tsid, start, end.saturating_add(1));
            }
        }
        Ok(())
    }

    fn uuid(&mut self) -> Result<Uuid> {
        let braced = self.peek() == Some(b'{');
        if braced {
            self.bump();
        }
        let mut uuid = [0; 16];
        let mut dashed = braced;
        for (at, slot) in uuid.iter_mut().enumerate() {
            if at == 4 && !braced {
                dashed = self.peek() == Some(b'-');
            }
            if dashed && UUID_DASHES.contains(&at) {
                if self.peek() != Some(b'-') {
                    return Err(self.expected("`-` inside the UUID"));
                }
                self.bump();
            }
            *slot = self.hex_byte()?;
        }
        if braced {
            if self.peek() != Some(b'}') {
                return Err(self.expected("`}` behind the UUID"));
            }
            self.bump();
        }
        Ok(uuid)
    }

    fn hex_byte(&mut self) -> Result<u8> {
        let mut value = 0_u8;
        for _ in 0..2 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit.and_then(|digit| u8::try_from(digit).ok()) else {
                return Err(self.expected("a hexadecimal digit of a UUID"));
            };
            value = value.wrapping_shl(4) | digit;
            self.bump();
        }
        Ok(value)
    }

    /// A tag and the white space around it, if one begins here.
    fn tag(&mut self) -> Result<Option<Tag>> {
        self.skip_space();
        let start = self.at;
        while self.peek().is_some_and(|byte| is_tag_byte(byte, self.at == start)) {
            self.bump();
        }
        if self.at == start {
            return Ok(None);
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let tag = Tag::new(text).map_err(|_| {
            let reason = format!("the tag `{text}` is longer than {TAG_BYTES_MAX} characters");
            DecodeError::new(self.what, start, reason)
        })?;
        self.skip_space();
        Ok(Some(tag))
    }

    /// The first number of an interval: 1..=[`GNO_MAX`].
    fn start_number(&mut self) -> Result<u64> {
        let at = self.at;
        let number = self.number()?;
        if number == 0 {
            let reason = format!("an interval begins with 0, 1..={GNO_MAX} are allowed");
            return Err(DecodeError::new(self.what, at, reason));
        }
        Ok(number)
    }

    /// The last number of an interval: 0..=[`GNO_MAX`].
    fn end_number(&mut self) -> Result<u64> {
        self.number()
    }

    fn number(&mut self) -> Result<u64> {
        self.skip_space();
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.bump();
        }
        if self.at == start {
            return Err(self.expected("a number"));
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let number = digits.parse::<u64>().ok().filter(|number| *number <= GNO_MAX);
        self.skip_space();
        number.ok_or_else(|| {
            let reason = format!("the number {digits} is above {GNO_MAX}");
            DecodeError::new(self.what, start, reason)
        })
    }

    /// Takes `byte` and the white space behind it, if it is next.
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.bump();
            self.skip_space();
        }
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b'\t' | b'\n' | 0x0B | 0x0C | b'\r' | b' ')) {
            self.bump();
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn bump(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn expected(&self, wanted: &str) -> DecodeError {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let excerpt: String = rest.chars().take(ERROR_EXCERPT_CHARS_MAX).collect();
        let reason = if excerpt.is_empty() {
            format!("the text ends, {wanted} was expected")
        } else {
            format!("{wanted} was expected, found `{excerpt}`")
        };
        DecodeError::new(self.what, self.at, reason)
    }
}
