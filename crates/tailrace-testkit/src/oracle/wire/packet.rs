//! TNS packets.

use std::io::{Error, ErrorKind, Read, Result, Write};

/// Kinds of packets.
pub(super) mod kind {
    pub(in super::super) const CONNECT: u8 = 1;
    pub(in super::super) const ACCEPT: u8 = 2;
    pub(in super::super) const REFUSE: u8 = 4;
    pub(in super::super) const DATA: u8 = 6;
    pub(in super::super) const MARKER: u8 = 12;
}

/// Largest packet, bytes: what both sides agree on.
pub(super) const SDU: usize = 8192;
/// Bytes of a packet's header.
const HEADER: usize = 8;
/// Flag of a data packet: the client leaves.
const END_OF_FILE: u16 = 0x40;

/// A connection in packets.
pub(super) struct Packets<S> {
    stream: S,
    /// Lengths have four bytes, from ACCEPT on.
    pub(super) long_lengths: bool,
}

impl<S: Read + Write> Packets<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, long_lengths: false }
    }

    /// The next packet's kind and content.
    pub(super) fn receive(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut header = [0; HEADER];
        self.stream.read_exact(&mut header)?;
        let length = if self.long_lengths {
            u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize
        } else {
            usize::from(u16::from_be_bytes([header[0], header[1]]))
        };
        let content = length.checked_sub(HEADER).filter(|length| *length <= 1 << 20);
        let mut content = vec![0; content.ok_or_else(|| broken("a packet's length"))?];
        self.stream.read_exact(&mut content)?;
        Ok((header[4], content))
    }

    /// Sends a packet.
    pub(super) fn send(&mut self, kind: u8, content: &[u8]) -> Result<()> {
        let length = u32::try_from(content.len() + HEADER).map_err(|_| broken("a packet"))?;
        let mut packet = if self.long_lengths {
            length.to_be_bytes().to_vec()
        } else {
            let length = u16::try_from(length).map_err(|_| broken("a packet"))?;
            [length.to_be_bytes(), [0, 0]].concat()
        };
        packet.extend_from_slice(&[kind, 0, 0, 0]);
        packet.extend_from_slice(content);
        self.stream.write_all(&packet)?;
        self.stream.flush()
    }

    /// Sends data in as many packets as it takes.
    pub(super) fn send_data(&mut self, data: &[u8]) -> Result<()> {
        for piece in data.chunks(SDU - HEADER - 2) {
            self.send(kind::DATA, &[&[0, 0], piece].concat())?;
        }
        Ok(())
    }

    /// The data of the next packet that has some. What the client interrupts is answered in between.
    pub(super) fn receive_data(&mut self) -> Result<Vec<u8>> {
        loop {
            match self.receive()? {
                // A client that breaks off is told that all before it is forgotten.
                (kind::MARKER, _) => self.send(kind::MARKER, &[1, 0, 2])?,
                (kind::DATA, content) if content.len() >= 2 => {
                    let flags = u16::from_be_bytes([content[0], content[1]]);
                    if flags & END_OF_FILE != 0 {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                    return Ok(content[2..].to_vec());
                }
                (other, _) => return Err(broken(&format!("a packet of kind {other}"))),
            }
        }
    }
}

/// What cannot be read.
pub(super) fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{what} that cannot be"))
}
