//! The frame around every payload: three bytes of length, one of sequence.

use crate::error::{DecodeError, Result};

/// Bytes in front of each payload.
pub const PACKET_HEADER_BYTES: usize = 4;

/// Largest payload of one packet in bytes; a payload of exactly this size is continued in the next
/// packet, which may be empty.
pub const PACKET_PAYLOAD_MAX: usize = 0xFF_FFFF;

/// A packet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHeader {
    /// Bytes of payload, 0..=[`PACKET_PAYLOAD_MAX`].
    pub length: usize,
    /// Counts packets of one exchange, modulo 256, from 0.
    pub sequence: u8,
}

impl PacketHeader {
    /// Reads the header in front of `bytes`.
    ///
    /// # Errors
    /// Fewer than [`PACKET_HEADER_BYTES`] bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let Some(&[a, b, c, sequence]) = bytes.first_chunk::<PACKET_HEADER_BYTES>() else {
            let missing = PACKET_HEADER_BYTES.saturating_sub(bytes.len());
            return Err(DecodeError::truncated("packet header", bytes.len(), missing));
        };
        let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        Ok(Self { length, sequence })
    }

    /// The header's bytes.
    ///
    /// # Errors
    /// The length is larger than [`PACKET_PAYLOAD_MAX`].
    pub fn to_bytes(self) -> Result<[u8; PACKET_HEADER_BYTES]> {
        if self.length > PACKET_PAYLOAD_MAX {
            return Err(DecodeError::new(
                "packet header",
                0,
                format!("{} bytes, a packet holds at most {PACKET_PAYLOAD_MAX}", self.length),
            ));
        }
        let length = self.length as u64;
        let [a, b, c, ..] = length.to_le_bytes();
        Ok([a, b, c, self.sequence])
    }

    /// The payload goes on in the next packet.
    pub fn is_continued(self) -> bool {
        self.length == PACKET_PAYLOAD_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        for length in [0, 1, 255, 256, 65_536, PACKET_PAYLOAD_MAX] {
            let header = PacketHeader { length, sequence: 7 };
            assert_eq!(PacketHeader::parse(&header.to_bytes().unwrap()).unwrap(), header);
        }
        assert!(PacketHeader::parse(&[1, 2, 3]).is_err());
        assert!(PacketHeader { length: PACKET_PAYLOAD_MAX + 1, sequence: 0 }.to_bytes().is_err());
        assert!(PacketHeader { length: PACKET_PAYLOAD_MAX, sequence: 0 }.is_continued());
    }
}
