//! A character set's way to UTF-8.

use super::multi_byte::{self, Grid, Runs};
use super::single_byte::SingleByte;
use super::step::{self, Step};
use super::{collation, registry, unicode};
use crate::error::{DecodeError, Result};
use crate::schema::CollationId;

/// Converts text of one MySQL character set to UTF-8.
#[derive(Debug)]
pub struct Decoder {
    name: &'static str,
    form: Form,
}

/// How the character set is built.
#[derive(Debug)]
pub(super) enum Form {
    SingleByte(SingleByte),
    Pair(Grid),
    PairOfSevenBits(Grid),
    ShiftJis(Grid),
    EucJp { grid: Grid, plane_8f: Grid },
    Gb18030 { grid: Grid, runs: Runs },
    Utf8Mb3,
    Utf8Mb4,
    Ucs2,
    Utf16,
    Utf16Le,
    Utf32,
}

impl Decoder {
    pub(super) fn new(name: &'static str, form: Form) -> Self {
        Self { name, form }
    }

    /// The decoder of a collation's character set. Ids of MySQL 5.5 to 9.7 and MariaDB 10.11 are
    /// known; the two never disagree on a character set.
    ///
    /// # Errors
    /// An unknown id, or 63 (`binary`), whose values are bytes and not text. The error names the id.
    pub fn for_collation(id: CollationId) -> Result<&'static Self> {
        match collation::charset_of(id) {
            Some(charset) => Self::for_charset(charset)
                .map_err(|error| DecodeError::new(format!("collation {id}"), 0, error.reason)),
            None => Err(DecodeError::new(
                format!("collation {id}"),
                0,
                "the id is unknown, those of MySQL up to 9.7 and MariaDB up to 10.11 are known",
            )),
        }
    }

    /// The decoder of a character set by its name, upper or lower case, `utf8` being `utf8mb3`.
    ///
    /// # Errors
    /// An unknown name, or `binary`.
    pub fn for_charset(name: &str) -> Result<&'static Self> {
        let known = collation::charset_name(name);
        if let Some(decoder) = known.and_then(registry::find) {
            return Ok(decoder);
        }
        let reason = match known {
            Some(_) => "its values are bytes, not text",
            None => "the name is unknown, those of MySQL 9.7 are known",
        };
        Err(DecodeError::new(format!("character set `{name}`"), 0, reason))
    }

    /// The character set's name as the catalog gives it, for example `utf8mb4`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The most bytes that one character has: 1 to 4.
    pub fn char_bytes_max(&self) -> u8 {
        match self.form {
            Form::SingleByte(_) => 1,
            Form::Pair(_) | Form::PairOfSevenBits(_) | Form::ShiftJis(_) | Form::Ucs2 => 2,
            Form::EucJp { .. } | Form::Utf8Mb3 => 3,
            Form::Gb18030 { .. } | Form::Utf8Mb4 | Form::Utf16 | Form::Utf16Le | Form::Utf32 => 4,
        }
    }

    /// Whether well-formed text of this character set is UTF-8 as it stands (`utf8mb4`, `utf8mb3`
    /// and `ascii`). Bytes of a log may still be bad: see [`Decoder::pass_through`].
    pub fn is_utf8(&self) -> bool {
        matches!(self.form, Form::Utf8Mb3 | Form::Utf8Mb4) || self.name == "ascii"
    }

    /// The bytes themselves as text, where they are UTF-8 already and mean the same: well-formed
    /// text of `utf8mb4` and `utf8mb3`, and plain ASCII in all sets that contain it. Else `None`:
    /// use [`Decoder::decode_into`].
    pub fn pass_through<'a>(&self, bytes: &'a [u8]) -> Option<&'a str> {
        let same = match &self.form {
            Form::Utf8Mb4 => true,
            Form::Utf8Mb3 => !bytes.iter().any(|byte| *byte >= FOUR_BYTE_LEAD),
            Form::SingleByte(set) => set.is_ascii_compatible() && bytes.is_ascii(),
            Form::Ucs2 | Form::Utf16 | Form::Utf16Le | Form::Utf32 => bytes.is_empty(),
            Form::Pair(_)
            | Form::PairOfSevenBits(_)
            | Form::ShiftJis(_)
            | Form::EucJp { .. }
            | Form::Gb18030 { .. } => bytes.is_ascii(),
        };
        if same { std::str::from_utf8(bytes).ok() } else { None }
    }

    /// Appends `bytes` in UTF-8. Bytes that are no text of this character set become `?` by the rules
    /// of [the module](super); what is appended is always valid UTF-8, at most three times as long.
    pub fn decode_into(&self, bytes: &[u8], out: &mut Vec<u8>) {
        if let Some(text) = self.pass_through(bytes) {
            out.extend_from_slice(text.as_bytes());
            return;
        }
        match &self.form {
            Form::SingleByte(set) => set.decode_into(bytes, out),
            Form::Pair(grid) => step::decode(bytes, out, true, |at| multi_byte::pair(grid, at)),
            Form::PairOfSevenBits(grid) => {
                step::decode(bytes, out, true, |at| multi_byte::pair_of_seven_bits(grid, at));
            }
            Form::ShiftJis(grid) => {
                step::decode(bytes, out, true, |at| multi_byte::shift_jis(grid, at));
            }
            Form::EucJp { grid, plane_8f } => {
                step::decode(bytes, out, true, |at| multi_byte::euc_jp(grid, plane_8f, at));
            }
            Form::Gb18030 { grid, runs } => {
                step::decode(bytes, out, true, |at| multi_byte::gb18030(grid, runs, at));
            }
            Form::Utf8Mb3 => step::decode(bytes, out, true, |at| unicode::utf8(at, false)),
            Form::Utf8Mb4 => step::decode(bytes, out, true, |at| match unicode::utf8(at, true) {
                Step::Incomplete => Step::Bad(1),
                step => step,
            }),
            Form::Ucs2 => step::decode(bytes, out, false, unicode::ucs2),
            Form::Utf16 => {
                step::decode(bytes, out, false, |at| unicode::utf16(at, u16::from_be_bytes));
            }
            Form::Utf16Le => {
                step::decode(bytes, out, false, |at| unicode::utf16(at, u16::from_le_bytes));
            }
            Form::Utf32 => step::decode(bytes, out, false, unicode::utf32),
        }
    }
}

/// The first byte of UTF-8 that begins a character of four bytes.
const FOUR_BYTE_LEAD: u8 = 0xF0;
