//! JSON string escaping at memcpy speed.
//!
//! The rules are those of Gson's HTML-safe writer, which DRS's published samples follow: control
//! characters, `"` and `\` as JSON demands (with the short forms `\b \t \n \f \r`), `<` `>` `&` `=`
//! `'` as `\u003c` and so on, and U+2028 / U+2029, which JavaScript once took for line ends. Any JSON
//! parser undoes all of it.

use crate::charset::Decoder;

/// Bytes examined per step: one SSE2 or NEON register, so that the compiler turns the test of a
/// block into a handful of vector compares.
const BLOCK: usize = 16;

/// True for bytes that cannot simply be copied: those with an escape, `?` (cheaper to include than
/// to tell from its neighbours `<=>`), 0xE2 (may begin U+2028), and with `STOP_AT_HIGH` every byte
/// of a multi-byte character. Written without branches so that it vectorises.
#[inline(always)]
const fn stops<const STOP_AT_HIGH: bool>(byte: u8) -> bool {
    let high = if STOP_AT_HIGH { byte >= 0x80 } else { byte == 0xE2 };
    high | (byte < 0x20)
        | (byte == b'"')
        | (byte & 0xFE == b'&')
        | (byte & 0xFC == b'<')
        | (byte == b'\\')
}

/// [`stops`] for every byte, for the ends of texts that fill no block.
struct StopTable([bool; 256]);

impl StopTable {
    const fn build<const STOP_AT_HIGH: bool>() -> Self {
        let mut table = [false; 256];
        let mut rest = table.as_mut_slice();
        let mut byte = 0u8;
        while let Some((slot, tail)) = rest.split_first_mut() {
            *slot = stops::<STOP_AT_HIGH>(byte);
            byte = byte.wrapping_add(1);
            rest = tail;
        }
        Self(table)
    }

    #[inline(always)]
    fn position(&self, bytes: &[u8]) -> Option<usize> {
        bytes.iter().position(|&b| self.0.get(usize::from(b)).copied().unwrap_or(true))
    }
}

static STOPS: StopTable = StopTable::build::<false>();
static STOPS_AND_HIGH: StopTable = StopTable::build::<true>();

/// Some byte of the block stops.
#[inline(always)]
fn block_stops<const STOP_AT_HIGH: bool>(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(0u8, |found, &b| found | u8::from(stops::<STOP_AT_HIGH>(b))) != 0
}

/// Length of the prefix that can be copied as it is.
#[inline]
fn clean_prefix<const STOP_AT_HIGH: bool>(bytes: &[u8]) -> usize {
    let table = if STOP_AT_HIGH { &STOPS_AND_HIGH } else { &STOPS };
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    let mut clean = 0;
    for block in blocks {
        if block_stops::<STOP_AT_HIGH>(block) {
            return clean + table.position(block).unwrap_or(BLOCK);
        }
        clean += BLOCK;
    }
    // The end overlaps the block before it, which is known to be clean.
    match bytes.last_chunk::<BLOCK>() {
        Some(end) if !block_stops::<STOP_AT_HIGH>(end) => bytes.len(),
        _ => clean + table.position(tail).unwrap_or(tail.len()),
    }
}

/// Appends text of a character set that contains ASCII, as escaped UTF-8. Bytes that are no text
/// become `?`, as a server converts them, so that the output is JSON whatever came in.
#[inline]
pub(crate) fn push_text(out: &mut Vec<u8>, bytes: &[u8], decoder: &Decoder) {
    let clean = clean_prefix::<true>(bytes);
    let (head, rest) = bytes.split_at_checked(clean).unwrap_or((bytes, &[]));
    out.extend_from_slice(head);
    if !rest.is_empty() {
        push_from_stop(out, rest, decoder);
    }
}

/// The rest of [`push_text`], out of line. As long as the stops are ASCII, nothing is decoded.
fn push_from_stop(out: &mut Vec<u8>, mut rest: &[u8], decoder: &Decoder) {
    while let Some((&byte, tail)) = rest.split_first() {
        if byte >= 0x80 {
            return push_decoded(out, rest, decoder);
        }
        push_stop(out, [byte, 0, 0]);
        let clean = clean_prefix::<true>(tail);
        let (head, next) = tail.split_at_checked(clean).unwrap_or((tail, &[]));
        out.extend_from_slice(head);
        rest = next;
    }
}

/// Appends text of any character set, as escaped UTF-8.
pub(crate) fn push_decoded(out: &mut Vec<u8>, bytes: &[u8], decoder: &Decoder) {
    if let Some(text) = decoder.pass_through(bytes) {
        return push_str(out, text);
    }
    let start = out.len();
    decoder.decode_into(bytes, out);
    escape_tail(out, start);
}

/// Appends text that is known to be valid UTF-8, escaped.
pub(crate) fn push_str(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    loop {
        let clean = clean_prefix::<false>(rest);
        let Some((head, tail)) = rest.split_at_checked(clean) else { return };
        out.extend_from_slice(head);
        if tail.is_empty() {
            return;
        }
        let taken = push_stop(out, tail.first_chunk::<3>().copied().unwrap_or_else(|| pad(tail)));
        rest = tail.get(taken..).unwrap_or_default();
    }
}

/// Up to three bytes, filled with zero bytes.
fn pad(bytes: &[u8]) -> [u8; 3] {
    let mut padded = [0; 3];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    padded
}

/// Writes what the byte in front stands for and returns how many bytes of input that was.
fn push_stop(out: &mut Vec<u8>, [byte, second, third]: [u8; 3]) -> usize {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        0x0C => out.extend_from_slice(b"\\f"),
        b'<' => out.extend_from_slice(b"\\u003c"),
        b'>' => out.extend_from_slice(b"\\u003e"),
        b'&' => out.extend_from_slice(b"\\u0026"),
        b'=' => out.extend_from_slice(b"\\u003d"),
        b'\'' => out.extend_from_slice(b"\\u0027"),
        0x00..0x20 => out.extend_from_slice(&control_escape(byte)),
        0xE2 if second == 0x80 && third == 0xA8 => {
            out.extend_from_slice(b"\\u2028");
            return 3;
        }
        0xE2 if second == 0x80 && third == 0xA9 => {
            out.extend_from_slice(b"\\u2029");
            return 3;
        }
        _ => out.push(byte),
    }
    1
}

/// `\u00XX` for a control character.
fn control_escape(byte: u8) -> [u8; 6] {
    let low = byte & 0x0F;
    let last = if low < 10 { b'0' + low } else { b'a' + (low - 10) };
    [b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), last]
}

/// Escapes what stands in `out` from `start` on, in place. It must be valid UTF-8.
///
/// Used where a value is first written raw (another character set, JSON text) and its length is not
/// known before. The escaped copy is built behind the raw one and moved down, so that no second
/// buffer is needed.
pub(crate) fn escape_tail(out: &mut Vec<u8>, start: usize) {
    let end = out.len();
    let first = start + clean_prefix::<false>(out.get(start..).unwrap_or_default());
    if first >= end {
        return;
    }
    let mut at = first;
    while at < end {
        let raw = out.get(at..end).unwrap_or_default();
        let clean = clean_prefix::<false>(raw);
        let stop = raw.get(clean..).unwrap_or_default();
        let stop = (!stop.is_empty()).then(|| pad(stop));
        out.extend_from_within(at..at + clean);
        at += clean;
        if let Some(stop) = stop {
            at += push_stop(out, stop);
        }
    }
    out.copy_within(end.., first);
    out.truncate(out.len() - (end - first));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf8() -> &'static Decoder {
        Decoder::for_charset("utf8mb4").unwrap()
    }

    fn escaped(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        push_text(&mut out, bytes, utf8());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_published_escape() {
        assert_eq!(escaped(b"<a>&b='c'"), r"\u003ca\u003e\u0026b\u003d\u0027c\u0027");
        assert_eq!(
            escaped(b"\"\\\x08\t\n\x0c\r\x00\x1f\x7f?"),
            "\\\"\\\\\\b\\t\\n\\f\\r\\u0000\\u001f\x7f?"
        );
        assert_eq!(
            escaped("a\u{2028}b\u{2029}c\u{2027}\u{20ac}".as_bytes()),
            "a\\u2028b\\u2029c\u{2027}€"
        );
    }

    #[test]
    fn bad_bytes_become_question_marks() {
        assert_eq!(escaped(b"ab\xFFcd\"\xC3\xA9"), "ab?cd\\\"\u{e9}");
        let mut out = Vec::new();
        push_text(&mut out, b"caf\xE9 <", Decoder::for_collation(8).unwrap());
        assert_eq!(String::from_utf8(out).unwrap(), "caf\u{e9} \\u003c");
    }

    #[test]
    fn a_stop_at_every_place_of_a_long_run() {
        for at in 0..70 {
            let mut text = vec![b'x'; 70];
            text[at] = b'=';
            let want = String::from_utf8(text.clone()).unwrap().replace('=', "\\u003d");
            assert_eq!(escaped(&text), want);
        }
    }

    proptest! {
        #[test]
        fn parses_back_to_the_text(text in any::<String>()) {
            let mut out = b"\"".to_vec();
            push_text(&mut out, text.as_bytes(), utf8());
            out.push(b'"');
            let back: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(back, text);
            for &byte in b"<>&='" {
                prop_assert!(!out.contains(&byte));
            }
        }

        #[test]
        fn any_bytes_give_a_json_string(bytes in any::<Vec<u8>>()) {
            let mut out = b"\"".to_vec();
            push_text(&mut out, &bytes, utf8());
            out.push(b'"');
            let back: String = serde_json::from_slice(&out).unwrap();
            if let Ok(text) = std::str::from_utf8(&bytes) {
                prop_assert_eq!(back, text);
            } else {
                prop_assert!(back.contains('?'));
            }
        }

        #[test]
        fn in_place_equals_copying(head in any::<Vec<u8>>(), text in any::<String>()) {
            let mut out = head.clone();
            out.extend_from_slice(text.as_bytes());
            escape_tail(&mut out, head.len());
            let mut want = head;
            push_text(&mut want, text.as_bytes(), utf8());
            prop_assert_eq!(out, want);
        }
    }
}
