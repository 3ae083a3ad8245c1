//! One global transaction identifier: the source's UUID, an optional tag and a number.

use std::fmt;
use std::str::FromStr;

use super::gtid_text::Scanner;
use crate::error::{DecodeError, Result};

/// A server UUID in its binary form.
pub type Uuid = [u8; 16];

/// The largest transaction number a server accepts; numbers begin at 1.
pub const GNO_MAX: u64 = i64::MAX as u64 - 1;

/// The longest tag, in bytes (tags are ASCII).
pub const TAG_BYTES_MAX: usize = 32;

/// The tag of a tagged GTID (MySQL 8.3 and later): 1 to 32 of `[a-z_][a-z0-9_]*`, lower case.
///
/// Held inline, so that a GTID is `Copy` and adding one to a set allocates nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag {
    /// Bytes behind `len` are zero, so that the derived equality and hash hold.
    bytes: [u8; TAG_BYTES_MAX],
    len: u8,
}

impl Tag {
    /// Checks and lower-cases a tag.
    ///
    /// # Errors
    /// Names the tag, and the rule that it breaks.
    pub fn new(text: &str) -> Result<Self> {
        Self::from_bytes(text.as_bytes())
    }

    /// The same from bytes, as an event carries them.
    ///
    /// # Errors
    /// As [`Tag::new`].
    pub fn from_bytes(text: &[u8]) -> Result<Self> {
        let shown = || String::from_utf8_lossy(text).into_owned();
        let mut bytes = [0; TAG_BYTES_MAX];
        let slots = bytes.get_mut(..text.len()).filter(|slots| !slots.is_empty());
        let Some(slots) = slots else {
            let reason =
                format!("`{}` has {} bytes, 1 to {TAG_BYTES_MAX} are allowed", shown(), text.len());
            return Err(DecodeError::new("GTID tag", 0, reason));
        };
        for (at, (slot, byte)) in slots.iter_mut().zip(text).enumerate() {
            if !is_tag_byte(*byte, at == 0) {
                let reason = format!(
                    "`{}`: only letters, digits and `_` are allowed, and no digit at the start",
                    shown()
                );
                return Err(DecodeError::new("GTID tag", at, reason));
            }
            *slot = byte.to_ascii_lowercase();
        }
        // The length is at most TAG_BYTES_MAX here.
        Ok(Self { bytes, len: u8::try_from(text.len()).unwrap_or(0) })
    }

    /// The tag's text.
    pub fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.len))
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }
}

/// Whether `byte` may stand in a tag; a digit may not be the first.
pub(super) fn is_tag_byte(byte: u8, first: bool) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || (!first && byte.is_ascii_digit())
}

impl Ord for Tag {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Tag {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({})", self.as_str())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Tag {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

/// Who numbers a transaction: a server UUID and, from MySQL 8.3 on, maybe a tag. Each pair counts
/// on its own. The order is the one MySQL prints: by UUID, the untagged first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tsid {
    /// The UUID of the server where the transaction was committed first.
    pub uuid: Uuid,
    /// The tag, if any.
    pub tag: Option<Tag>,
}

impl fmt::Display for Tsid {
    /// `3e11fa47-71ca-11e1-9e33-c80aa9429562` or the same with `:tag`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_uuid(f, &self.uuid)?;
        match &self.tag {
            Some(tag) => write!(f, ":{tag}"),
            None => Ok(()),
        }
    }
}

/// One global transaction identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtid {
    tsid: Tsid,
    gno: u64,
}

impl Gtid {
    /// Builds a GTID from its parts.
    ///
    /// # Errors
    /// `gno` must be 1..=[`GNO_MAX`].
    pub fn new(uuid: Uuid, tag: Option<Tag>, gno: u64) -> Result<Self> {
        if !(1..=GNO_MAX).contains(&gno) {
            let reason = format!("{gno} is outside 1..={GNO_MAX}");
            return Err(DecodeError::new("GTID transaction number", 0, reason));
        }
        Ok(Self { tsid: Tsid { uuid, tag }, gno })
    }

    /// The UUID of the server where the transaction was committed first.
    pub fn uuid(&self) -> &Uuid {
        &self.tsid.uuid
    }

    /// The tag, if any.
    pub fn tag(&self) -> Option<Tag> {
        self.tsid.tag
    }

    /// UUID and tag together.
    pub fn tsid(&self) -> &Tsid {
        &self.tsid
    }

    /// The transaction number, 1..=[`GNO_MAX`].
    pub fn gno(&self) -> u64 {
        self.gno
    }
}

impl fmt::Display for Gtid {
    /// `uuid:5` or `uuid:tag:5`, as `@@gtid_next` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tsid, self.gno)
    }
}

impl FromStr for Gtid {
    type Err = DecodeError;

    /// Reads `uuid:5` or `uuid:tag:5`; white space around the parts is allowed.
    fn from_str(text: &str) -> Result<Self> {
        Scanner::new(text, "GTID").gtid()
    }
}

/// Writes a UUID in lower case with dashes.
fn write_uuid(f: &mut fmt::Formatter<'_>, uuid: &Uuid) -> fmt::Result {
    for (at, byte) in uuid.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            f.write_str("-")?;
        }
        write!(f, "{byte:02x}")?;
    }
    Ok(())
}
