//! MySQL's binary form of a GTID set: the payload of `COM_BINLOG_DUMP_GTID` and the body of
//! `PREVIOUS_GTIDS_LOG_EVENT`.
//!
//! All numbers are little-endian. The highest byte of the first word is the format:
//!
//! ```text
//! format 0 (no tags):       n_sids u56 | 0
//! format 1 (MySQL 8.3+):    1 | n_sids u48 | 1
//! then n_sids times:        uuid 16 bytes
//!                           [format 1: tag length (one byte, times two), tag]
//!                           n_intervals u64
//!                           n_intervals times: start u64, end u64 (behind the last)
//! ```
//!
//! The tag length is a variable-length integer whose low bits say how many bytes follow; a tag has
//! at most 32 bytes, so it is always one byte with its low bit clear.

use super::gtid::{GNO_MAX, TAG_BYTES_MAX, Tag, Tsid};
use super::gtid_set::GtidSet;
use super::reader::Reader;
use crate::error::Result;

const FORMAT_UNTAGGED: u64 = 0;
const FORMAT_TAGGED: u64 = 1;
const FORMAT_SHIFT: u32 = 56;
const COUNT_MASK_UNTAGGED: u64 = 0x00FF_FFFF_FFFF_FFFF;
const COUNT_MASK_TAGGED: u64 = 0x0000_FFFF_FFFF_FFFF;

impl GtidSet {
    /// Appends MySQL's binary form: without tags the one that every server reads, with tags the one
    /// of MySQL 8.3 and later.
    pub fn encode_mysql(&self, out: &mut Vec<u8>) {
        let tagged = self.has_tags();
        let groups = self.groups();
        let count = u64::try_from(groups.len()).unwrap_or(u64::MAX);
        let first = if tagged {
            (FORMAT_TAGGED << FORMAT_SHIFT) | (count << 8) | FORMAT_TAGGED
        } else {
            count
        };
        out.extend_from_slice(&first.to_le_bytes());
        for (tsid, intervals) in groups {
            out.extend_from_slice(&tsid.uuid);
            if tagged {
                let tag = tsid.tag.as_ref().map_or("", Tag::as_str);
                // At most 32, so the doubled length is below 128.
                out.push(u8::try_from(tag.len()).unwrap_or(0).wrapping_shl(1));
                out.extend_from_slice(tag.as_bytes());
            }
            let intervals = intervals.intervals();
            let count = u64::try_from(intervals.len()).unwrap_or(u64::MAX);
            out.extend_from_slice(&count.to_le_bytes());
            for interval in intervals {
                out.extend_from_slice(&interval.start.to_le_bytes());
                out.extend_from_slice(&interval.end.to_le_bytes());
            }
        }
    }

    /// Reads MySQL's binary form; `bytes` must be all of it (an event's checksum is not part of it).
    ///
    /// # Errors
    /// An unknown format, a tag that is none, intervals that are empty or not in order, an end
    /// before or after the structure's own.
    pub fn decode_mysql(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, "binary GTID set");
        let first = u64::from_le_bytes(reader.array()?);
        let (tagged, sources) = match first >> FORMAT_SHIFT {
            FORMAT_UNTAGGED => (false, first & COUNT_MASK_UNTAGGED),
            FORMAT_TAGGED => (true, (first >> 8) & COUNT_MASK_TAGGED),
            other => {
                let reason = format!("format {other} is unknown, 0 and 1 are known");
                return Err(reader.error(reason));
            }
        };
        let mut set = Self::new();
        for _ in 0..sources {
            read_source(&mut reader, tagged, &mut set)?;
        }
        reader.finish()?;
        Ok(set)
    }
}

fn read_source(reader: &mut Reader<'_>, tagged: bool, set: &mut GtidSet) -> Result<()> {
    let uuid = reader.array()?;
    let tag = if tagged { read_tag(reader)? } else { None };
    let intervals = u64::from_le_bytes(reader.array()?);
    let mut behind = 0;
    for _ in 0..intervals {
        let start = u64::from_le_bytes(reader.array()?);
        let end = u64::from_le_bytes(reader.array()?);
        if start <= behind || end <= start || end > GNO_MAX.saturating_add(1) {
            return Err(reader.error(format!(
                "interval {start}..{end} behind {behind}: it must begin after that, hold a number \
                 and end within {GNO_MAX}"
            )));
        }
        behind = end;
        set.add_range(Tsid { uuid, tag }, start, end);
    }
    Ok(())
}

fn read_tag(reader: &mut Reader<'_>) -> Result<Option<Tag>> {
    let doubled = reader.byte()?;
    let length = usize::from(doubled >> 1);
    if doubled & 1 != 0 || length > TAG_BYTES_MAX {
        let reason = format!("tag length byte {doubled:#04x}, at most {TAG_BYTES_MAX} is allowed");
        return Err(reader.error(reason));
    }
    if length == 0 {
        return Ok(None);
    }
    let text = reader.take(length)?;
    Tag::from_bytes(text).map(Some).map_err(|error| reader.error(error.to_string()))
}
