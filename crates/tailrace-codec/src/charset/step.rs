//! One step of decoding, and the loop around it.

use super::ascii;

/// What stands at the start of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A character and how many bytes it has.
    Char(char, usize),
    /// No character: how many bytes one `?` stands for.
    Bad(usize),
    /// The bytes end inside a character.
    Incomplete,
}

impl Step {
    /// A sequence of `len` bytes: its code point, or `?` for all of it where it has none.
    pub(super) fn mapped(code: Option<u16>, len: usize) -> Self {
        match code.and_then(|code| char::from_u32(code.into())) {
            Some(character) => Self::Char(character, len),
            None => Self::Bad(len),
        }
    }
}

/// Decodes all of `bytes`. With `ascii`, bytes below 0x80 at the start of a character are themselves
/// and are never shown to `step`.
pub(super) fn decode(
    mut bytes: &[u8],
    out: &mut Vec<u8>,
    ascii: bool,
    step: impl Fn(&[u8]) -> Step,
) {
    while let Some(first) = bytes.first() {
        if ascii && first.is_ascii() {
            let (run, rest) = bytes.split_at(ascii::prefix_len(bytes));
            out.extend_from_slice(run);
            bytes = rest;
            continue;
        }
        let consumed = match step(bytes) {
            Step::Char(character, len) => {
                push(out, character);
                len
            }
            Step::Bad(len) => {
                out.push(b'?');
                len
            }
            Step::Incomplete => return,
        };
        // A step consumes at least one byte, so the loop ends.
        bytes = bytes.get(consumed.max(1)..).unwrap_or_default();
    }
}

/// Appends a character in UTF-8.
pub(super) fn push(out: &mut Vec<u8>, character: char) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
