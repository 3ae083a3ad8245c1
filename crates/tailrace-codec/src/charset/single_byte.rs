//! Character sets of one byte per character.

use super::ascii;

/// For every byte its UTF-8: the length in the first byte, then up to three bytes.
type Cells = [[u8; 4]; 256];

/// A character set of one byte.
#[derive(Debug)]
pub(super) struct SingleByte {
    cells: Box<Cells>,
    /// Whether every byte below 0x80 is itself.
    ascii: bool,
}

impl SingleByte {
    /// Builds the set from 256 code points; 0 stands for `?`, except at byte 0.
    pub(super) fn new(codes: impl Iterator<Item = u16>) -> Self {
        let mut cells = Box::new([[1, b'?', 0, 0]; 256]);
        let mut ascii = true;
        for (byte, (cell, code)) in (0_u8..=255).zip(cells.iter_mut().zip(codes)) {
            if code != 0 || byte == 0 {
                *cell = encode(code);
            }
            ascii &= !byte.is_ascii() || *cell == [1, byte, 0, 0];
        }
        Self { cells, ascii }
    }

    /// Whether every byte below 0x80 is itself.
    pub(super) fn is_ascii_compatible(&self) -> bool {
        self.ascii
    }

    /// Appends `bytes` in UTF-8.
    pub(super) fn decode_into(&self, bytes: &[u8], out: &mut Vec<u8>) {
        let start = if self.ascii { ascii::prefix_len(bytes) } else { 0 };
        let (run, rest) = bytes.split_at(start);
        out.extend_from_slice(run);
        out.reserve(rest.len());
        for byte in rest {
            let cell = self.cells.get(usize::from(*byte)).unwrap_or(&[1, b'?', 0, 0]);
            let [len, text @ ..] = cell;
            out.extend_from_slice(text.get(..usize::from(*len)).unwrap_or_default());
        }
    }
}

fn encode(code: u16) -> [u8; 4] {
    let character = char::from_u32(code.into()).unwrap_or('?');
    let mut text = [0; 3];
    let len = character.encode_utf8(&mut text).len();
    let [a, b, c] = text;
    [u8::try_from(len).unwrap_or(0), a, b, c]
}
