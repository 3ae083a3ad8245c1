//! Large objects that a client reads by their locators.

use std::collections::HashMap;
use std::io::{Read, Result, Write};

use super::reply::Reply;
use super::{Kind, OraError};
use crate::oracle::value::Value;
use crate::oracle::wire::read::Reader;
use crate::oracle::wire::value::national;

/// Bytes of a locator.
const LOCATOR_BYTES: usize = 40;
/// Byte of a locator that says that characters have two bytes, and the bit of it that does.
const CHARSET_BYTE: usize = 6;
const TWO_BYTES: u8 = 0x80;
/// Where our number of the object is in it.
const NUMBER_AT: usize = 10;
/// Most objects that a session may hold: beyond it the oldest is forgotten.
const HELD_MAX: u64 = 100_000;

/// What is asked of an object.
mod operation {
    pub(super) const LENGTH: u64 = 0x01;
    pub(super) const READ: u64 = 0x02;
    pub(super) const FREE_TEMPORARY: u64 = 0x111;
    pub(super) const CHUNK_SIZE: u64 = 0x4000;
    pub(super) const OPEN: u64 = 0x8000;
    pub(super) const CLOSE: u64 = 0x1_0000;
}

/// The objects that a session was told of: characters as UTF-16, as the real one sends them.
#[derive(Default)]
pub(super) struct Lobs {
    held: HashMap<u64, (Vec<u8>, usize)>,
    next: u64,
}

impl Lobs {
    /// Puts a value of a row as a locator.
    pub(super) fn send(&mut self, reply: &mut Reply, kind: Kind, value: &Value, tells_size: bool) {
        let (data, unit) = match (value, kind) {
            (Value::Bytes(bytes), _) => (bytes.clone(), 1),
            (Value::Text(text), _) => (national(text), 2),
            _ => return reply.locator(None, None),
        };
        self.next += 1;
        let mut locator = [0; LOCATOR_BYTES];
        locator[1] = 38;
        if unit == 2 {
            locator[CHARSET_BYTE] = TWO_BYTES;
        }
        locator[NUMBER_AT..NUMBER_AT + 8].copy_from_slice(&self.next.to_be_bytes());
        let size = (data.len() / unit) as u64;
        reply.locator(Some(&locator), tells_size.then_some(size));
        self.held.insert(self.next, (data, unit));
        self.held.remove(&self.next.wrapping_sub(HELD_MAX));
    }

    /// Answers a call about an object.
    pub(super) fn call<S: Read + Write>(
        &mut self,
        reader: &mut Reader<S>,
        reply: &mut Reply,
    ) -> Result<()> {
        reader.u8()?;
        let length = reader.count()?;
        reader.u8()?;
        for _ in 0..3 {
            reader.number()?;
        }
        reader.raw(3)?;
        let what = reader.number()?;
        reader.raw(2)?;
        let (offset, _) = (reader.number()?, reader.number()?);
        let has_amount = reader.u8()? != 0;
        reader.raw(6)?;
        let locator = reader.raw(length)?;
        let amount = if has_amount { reader.number()? } else { 0 };
        let number = locator.get(NUMBER_AT..NUMBER_AT + 8);
        let number = number.map(|bytes| u64::from_be_bytes(bytes.try_into().expect("eight")));
        let held = number.and_then(|number| self.held.get(&number));
        let Some((data, unit)) = held else {
            reply.error(&OraError::new(22922, "nonexistent LOB value"), 0, 0);
            return Ok(());
        };
        let size = (data.len() / unit) as u64;
        match what {
            operation::LENGTH => reply.lob_parameters(&locator, Some(size)),
            operation::CHUNK_SIZE => reply.lob_parameters(&locator, Some(8060)),
            operation::READ => {
                let from = offset.saturating_sub(1).min(size);
                let to = from.saturating_add(amount).min(size);
                let at = |place: u64| usize::try_from(place).unwrap_or(0) * unit;
                reply.lob_data(&data[at(from)..at(to)]);
                reply.lob_parameters(&locator, Some(to - from));
            }
            operation::OPEN => reply.lob_parameters(&locator, Some(amount)),
            operation::CLOSE | operation::FREE_TEMPORARY => reply.lob_parameters(&locator, None),
            other => {
                let text = format!("the stand-in for Oracle does not have LOB operation {other}");
                reply.error(&OraError::new(3115, text), 0, 0);
                return Ok(());
            }
        }
        reply.success(0, 0);
        Ok(())
    }
}
