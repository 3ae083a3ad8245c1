//! A position by binary log file and offset: `mysql-bin.000277:805`.

use std::cmp::Ordering;
use std::fmt;

use super::reader::Reader;
use crate::error::{DecodeError, Result};

/// The longest text that [`FileOffset::parse`] takes, in bytes.
pub const FILE_OFFSET_TEXT_BYTES_MAX: usize = 100;

/// The longest file name a server can have (`FN_REFLEN`), in bytes.
const FILE_BYTES_MAX: usize = 512;

const NAME_CHARS_MAX: usize = 60;
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 3..=20;
const OFFSET_DIGITS: std::ops::RangeInclusive<usize> = 1..=20;

const VERSION: u8 = 1;

/// A binary log file and a byte offset inside it.
///
/// The order is that of the log: by the file's number, then by offset. Two servers, or one before and
/// after `RESET`, number their files independently: order positions of one log only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileOffset {
    file: String,
    /// Where the digits begin in `file`.
    digits_at: usize,
    sequence: u64,
    offset: u64,
}

impl FileOffset {
    /// A position from a server's own file name, for example of a ROTATE event.
    ///
    /// # Errors
    /// The name must be `name.number`, the number within 64 bits, all of it at most 512 bytes.
    pub fn new(file: impl Into<String>, offset: u64) -> Result<Self> {
        let file = file.into();
        let refuse = |reason: &str| {
            let shown: String = file.chars().take(NAME_CHARS_MAX).collect();
            Err(DecodeError::new("binlog file name", 0, format!("`{shown}`: {reason}")))
        };
        if file.len() > FILE_BYTES_MAX {
            return refuse("it is longer than 512 bytes");
        }
        let Some((name, digits)) = file.rsplit_once('.') else {
            return refuse("it has no `.number` at its end");
        };
        if name.is_empty() || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return refuse("it must be a name, `.` and a number");
        }
        let Ok(sequence) = digits.parse() else {
            return refuse("its number is above 64 bits");
        };
        let digits_at = file.len().saturating_sub(digits.len());
        Ok(Self { file, digits_at, sequence, offset })
    }

    /// Reads `name.number:offset`: a name of 1 to 60 characters, a number of 3 to 20 digits, an
    /// offset of 1 to 20 digits, 100 bytes in all. White space around the whole is ignored.
    ///
    /// # Errors
    /// Names the part that is wrong.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let fail = |part: &str, at: usize, reason: String| {
            DecodeError::new(format!("binlog position, {part}"), at, reason)
        };
        if text.len() > FILE_OFFSET_TEXT_BYTES_MAX {
            let reason =
                format!("{} bytes, at most {FILE_OFFSET_TEXT_BYTES_MAX} are allowed", text.len());
            return Err(fail("length", FILE_OFFSET_TEXT_BYTES_MAX, reason));
        }
        let Some((file, offset)) = text.rsplit_once(':') else {
            let reason = format!("`{text}` has no `:offset` behind the file name");
            return Err(fail("offset", text.len(), reason));
        };
        let Some((name, number)) = file.rsplit_once('.') else {
            let reason = format!("`{file}` has no `.number` behind the name");
            return Err(fail("file number", file.len(), reason));
        };
        let name_chars = name.chars().count();
        if !(1..=NAME_CHARS_MAX).contains(&name_chars) {
            let reason =
                format!("`{name}` has {name_chars} characters, 1 to {NAME_CHARS_MAX} are allowed");
            return Err(fail("file name", 0, reason));
        }
        let number_at = file.len().saturating_sub(number.len());
        let sequence =
            digits(number, NUMBER_DIGITS).map_err(|r| fail("file number", number_at, r))?;
        let offset_at = text.len().saturating_sub(offset.len());
        let offset = digits(offset, OFFSET_DIGITS).map_err(|r| fail("offset", offset_at, r))?;
        Ok(Self { file: file.to_owned(), digits_at: number_at, sequence, offset })
    }

    /// The file's name, for example `mysql-bin.000277`.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The name without its number and point, for example `mysql-bin`.
    pub fn base_name(&self) -> &str {
        self.file.get(..self.digits_at.saturating_sub(1)).unwrap_or_default()
    }

    /// The file's number, for example 277.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The byte offset inside the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The same file at another offset.
    #[must_use]
    pub fn at(&self, offset: u64) -> Self {
        Self { offset, ..self.clone() }
    }

    /// Appends the stored form, whose byte order is the order of positions:
    /// `version u8 = 1, number u64, offset u64` (big-endian), then the file's name.
    pub fn encode_storage(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(self.file.as_bytes());
    }

    /// Reads the stored form; `bytes` must be all of it.
    ///
    /// # Errors
    /// Another version, or bytes that [`FileOffset::encode_storage`] would not have written.
    pub fn decode_storage(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, "stored binlog position");
        let version = reader.byte()?;
        if version != VERSION {
            let reason = format!("version {version} is unknown, this program reads {VERSION}");
            return Err(reader.error(reason));
        }
        let sequence = u64::from_be_bytes(reader.array()?);
        let offset = u64::from_be_bytes(reader.array()?);
        let file = std::str::from_utf8(reader.take(reader.left())?)
            .map_err(|_| reader.error("the file name is not UTF-8"))?;
        let position = Self::new(file, offset)?;
        if position.sequence != sequence {
            let reason = format!("number {sequence} does not match file `{file}`");
            return Err(reader.error(reason));
        }
        Ok(position)
    }
}

/// Reads a decimal of a number of digits inside `allowed`.
fn digits(text: &str, allowed: std::ops::RangeInclusive<usize>) -> Result<u64, String> {
    let (least, most) = (allowed.start(), allowed.end());
    if !text.bytes().all(|byte| byte.is_ascii_digit()) || !allowed.contains(&text.len()) {
        return Err(format!("`{text}` is not {least} to {most} decimal digits"));
    }
    text.parse().map_err(|_| format!("{text} is above {}", u64::MAX))
}

impl Ord for FileOffset {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |position: &Self| (position.sequence, position.offset);
        key(self).cmp(&key(other)).then_with(|| self.file.cmp(&other.file))
    }
}

impl PartialOrd for FileOffset {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for FileOffset {
    /// `mysql-bin.000277:805`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)
    }
}

impl std::str::FromStr for FileOffset {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}
