//! Our own stored form of a GTID set: compact, versioned, equal for equal sets.
//!
//! ```text
//! version u8 = 1
//! number of sources, varint
//! per source, in the set's order: uuid 16 bytes, tag length u8, tag,
//!     number of intervals, varint; per interval: gap to the end of the one before, length
//! ```
//!
//! Numbers are unsigned LEB128. A reader refuses any other version and any form that the writer
//! would not have written, so that the bytes may be compared instead of the sets.

use super::gtid::{GNO_MAX, Tag, Tsid};
use super::gtid_set::GtidSet;
use super::reader::{Reader, put_varint};
use crate::error::Result;

/// The only version there is.
const VERSION: u8 = 1;

impl GtidSet {
    /// Appends the stored form.
    pub fn encode_storage(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        let groups = self.groups();
        put_varint(out, u64::try_from(groups.len()).unwrap_or(u64::MAX));
        for (tsid, intervals) in groups {
            let tag = tsid.tag.as_ref().map_or("", Tag::as_str);
            out.extend_from_slice(&tsid.uuid);
            out.push(u8::try_from(tag.len()).unwrap_or(0));
            out.extend_from_slice(tag.as_bytes());
            let intervals = intervals.intervals();
            put_varint(out, u64::try_from(intervals.len()).unwrap_or(u64::MAX));
            let mut behind = 0;
            for interval in intervals {
                put_varint(out, interval.start.saturating_sub(behind));
                put_varint(out, interval.end.saturating_sub(interval.start));
                behind = interval.end;
            }
        }
    }

    /// Reads the stored form; `bytes` must be all of it.
    ///
    /// # Errors
    /// Another version, or bytes that [`GtidSet::encode_storage`] would not have written.
    pub fn decode_storage(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, "stored GTID set");
        let version = reader.byte()?;
        if version != VERSION {
            let reason = format!("version {version} is unknown, this program reads {VERSION}");
            return Err(reader.error(reason));
        }
        let mut set = Self::new();
        let mut last = None;
        for _ in 0..reader.varint()? {
            let tsid = Tsid { uuid: reader.array()?, tag: read_tag(&mut reader)? };
            if last.is_some_and(|last| last >= tsid) {
                return Err(reader.error(format!("source {tsid} is not in order")));
            }
            last = Some(tsid);
            read_intervals(&mut reader, tsid, &mut set)?;
        }
        reader.finish()?;
        Ok(set)
    }
}

fn read_tag(reader: &mut Reader<'_>) -> Result<Option<Tag>> {
    let length = usize::from(reader.byte()?);
    if length == 0 {
        return Ok(None);
    }
    let text = reader.take(length)?;
    let tag = Tag::from_bytes(text).map_err(|error| reader.error(error.to_string()))?;
    if tag.as_str().as_bytes() != text {
        return Err(reader.error(format!("tag `{tag}` is stored in upper case")));
    }
    Ok(Some(tag))
}

fn read_intervals(reader: &mut Reader<'_>, tsid: Tsid, set: &mut GtidSet) -> Result<()> {
    let count = reader.varint()?;
    if count == 0 {
        return Err(reader.error(format!("source {tsid} has no intervals")));
    }
    let mut behind = 0_u64;
    for _ in 0..count {
        let gap = reader.varint()?;
        let length = reader.varint()?;
        let start = behind.checked_add(gap).filter(|_| gap > 0);
        let end = start.and_then(|start| start.checked_add(length)).filter(|_| length > 0);
        let (Some(start), Some(end)) = (start, end.filter(|end| *end <= GNO_MAX.saturating_add(1)))
        else {
            return Err(reader.error(format!(
                "interval of {length} numbers {gap} behind {behind}: both must be at least 1, and \
                 the last at most {GNO_MAX}"
            )));
        };
        set.add_range(tsid, start, end);
        behind = end;
    }
    Ok(())
}
