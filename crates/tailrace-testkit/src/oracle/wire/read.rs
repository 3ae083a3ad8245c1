//! Reading a message that lies in one packet or in several, whose end nothing tells.

use std::io::{Read, Result, Write};

use super::packet::{Packets, broken};

/// The client's side of a conversation.
pub(super) struct Reader<S> {
    pub(super) packets: Packets<S>,
    /// The client is ojdbc, which leaves out lengths that were said before.
    pub(super) is_java: bool,
    bytes: Vec<u8>,
    at: usize,
}

impl<S: Read + Write> Reader<S> {
    pub(super) fn new(packets: Packets<S>) -> Self {
        Self { packets, is_java: false, bytes: Vec::new(), at: 0 }
    }

    /// Waits for the client's next message. Whatever is left of the last one is forgotten.
    pub(super) fn next_message(&mut self) -> Result<()> {
        self.bytes = self.packets.receive_data()?;
        self.at = 0;
        Ok(())
    }

    /// What is there of the message and not read yet.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// The next bytes, from further packets if it takes them.
    pub(super) fn raw(&mut self, count: usize) -> Result<Vec<u8>> {
        while self.bytes.len() - self.at < count {
            let more = self.packets.receive_data()?;
            self.bytes.extend_from_slice(&more);
        }
        let from = self.at;
        self.at += count;
        Ok(self.bytes[from..self.at].to_vec())
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.raw(1)?[0])
    }

    /// A number behind the count of its bytes; its sign is left out.
    pub(super) fn number(&mut self) -> Result<u64> {
        let count = usize::from(self.u8()? & 0x7f);
        if count > 8 {
            return Err(broken("a number"));
        }
        Ok(self.raw(count)?.into_iter().fold(0, |number, byte| number << 8 | u64::from(byte)))
    }

    /// As [`number`](Self::number), for counts of what is held in memory.
    pub(super) fn count(&mut self) -> Result<usize> {
        let number = self.number()?;
        usize::try_from(number)
            .ok()
            .filter(|count| *count <= 1 << 20)
            .ok_or_else(|| broken("a count"))
    }

    /// Bytes behind their length, in pieces if they are many; `None` for NULL.
    pub(super) fn bytes(&mut self) -> Result<Option<Vec<u8>>> {
        match self.u8()? {
            0 | 255 => Ok(None),
            254 => {
                let mut bytes = Vec::new();
                loop {
                    let count = self.count()?;
                    if count == 0 {
                        return Ok(Some(bytes));
                    }
                    bytes.extend(self.raw(count)?);
                }
            }
            count => self.raw(count.into()).map(Some),
        }
    }

    /// Text of a length that was said before, which most clients say once more.
    pub(super) fn text(&mut self, length: usize) -> Result<String> {
        let bytes =
            if self.is_java { self.raw(length)? } else { self.bytes()?.unwrap_or_default() };
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Bytes behind their length as a number and as a byte.
    pub(super) fn double_bytes(&mut self) -> Result<Option<Vec<u8>>> {
        if self.number()? == 0 { Ok(None) } else { self.bytes() }
    }
}
