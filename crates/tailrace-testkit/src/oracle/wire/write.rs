//! Writing messages.

/// Longest bytes that are sent in one piece.
const SHORT_MAX: usize = 252;
/// Bytes of a piece of longer ones.
const PIECE: usize = 32767;

/// A message that is put together.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn u8(&mut self, byte: u8) -> &mut Self {
        self.0.push(byte);
        self
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A number behind the count of its bytes, of which there are 0, 1, 2, 4 or 8.
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        let bytes = number.to_be_bytes();
        let skip = match number {
            0 => 8,
            1..=0xff => 7,
            0x100..=0xffff => 6,
            0x1_0000..=0xffff_ffff => 4,
            _ => 0,
        };
        self.u8(8 - skip as u8).raw(&bytes[skip..])
    }

    /// A count.
    pub(super) fn count(&mut self, count: usize) -> &mut Self {
        self.number(count as u64)
    }

    /// Bytes behind their length; no bytes are NULL.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        if bytes.len() <= SHORT_MAX {
            return self.u8(bytes.len() as u8).raw(bytes);
        }
        self.u8(254);
        for piece in bytes.chunks(PIECE) {
            self.count(piece.len()).raw(piece);
        }
        self.number(0)
    }

    /// Bytes behind their length as a number and as a byte.
    pub(super) fn double_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len());
        if bytes.is_empty() { self } else { self.bytes(bytes) }
    }
}
