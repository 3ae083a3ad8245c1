//! Rows of `COPY … FROM STDIN` in the text format: the empty text is NULL.

/// What has to be known from one piece of the data to the next.
#[derive(Debug)]
pub(crate) struct CopyText {
    field_begins: bool,
    escaped: bool,
}

impl Default for CopyText {
    fn default() -> Self {
        Self { field_begins: true, escaped: false }
    }
}

impl CopyText {
    /// A piece of the data with `\N` in every empty field.
    pub(crate) fn empty_as_null(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut changed = Vec::with_capacity(piece.len() + 16);
        for &byte in piece {
            let ends = !self.escaped && matches!(byte, b'\t' | b'\n');
            if ends && self.field_begins {
                changed.extend_from_slice(b"\\N");
            }
            self.escaped = !self.escaped && byte == b'\\';
            self.field_begins = ends;
            changed.push(byte);
        }
        changed
    }
}
