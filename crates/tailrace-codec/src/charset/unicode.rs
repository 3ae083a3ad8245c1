//! The encodings of Unicode itself.

use super::step::Step;

/// utf8mb3 and utf8mb4 where they are not well-formed. ASCII is never seen here.
pub(super) fn utf8(bytes: &[u8], four_byte_characters: bool) -> Step {
    let Some(first) = bytes.first() else { return Step::Incomplete };
    let len = match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 if four_byte_characters => 4,
        _ => return Step::Bad(1),
    };
    let Some(sequence) = bytes.get(..len) else { return Step::Incomplete };
    let text = std::str::from_utf8(sequence).ok();
    match text.and_then(|text| text.chars().next()) {
        Some(character) => Step::Char(character, len),
        None => Step::Bad(1),
    }
}

/// ucs2: two bytes, big-endian; no surrogates.
pub(super) fn ucs2(bytes: &[u8]) -> Step {
    match bytes.first_chunk() {
        Some(unit) => Step::mapped(Some(u16::from_be_bytes(*unit)), 2),
        None => Step::Incomplete,
    }
}

/// utf16 and utf16le: `unit` reads two bytes. Decoding goes on one byte behind a bad start.
pub(super) fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Step {
    let read = |at: usize| bytes.get(at..).and_then(<[u8]>::first_chunk).map(|two| unit(*two));
    let Some(first) = read(0) else { return Step::Incomplete };
    match first {
        0xD800..=0xDBFF => match read(2) {
            None => Step::Incomplete,
            Some(second) => match char::decode_utf16([first, second]).next() {
                Some(Ok(character)) => Step::Char(character, 4),
                _ => Step::Bad(1),
            },
        },
        0xDC00..=0xDFFF => Step::Bad(1),
        _ => Step::mapped(Some(first), 2),
    }
}

/// utf32: four bytes, big-endian.
pub(super) fn utf32(bytes: &[u8]) -> Step {
    let Some(four) = bytes.first_chunk() else { return Step::Incomplete };
    match char::from_u32(u32::from_be_bytes(*four)) {
        Some(character) => Step::Char(character, 4),
        None => Step::Bad(4),
    }
}
