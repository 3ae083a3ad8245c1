//! JSON string escaping at memcpy speed, by one of two rules.
//!
//! [`HTML`] rules are those of Gson's HTML-safe writer, which DRS's published samples follow: control
//! characters, `"` and `\` as JSON demands (with the short forms `\b \t \n \f \r`), `<` `>` `&` `=`
//! `'` as `\u003c` and so on, and U+2028 / U+2029, which JavaScript once took for line ends. Any JSON
//! parser undoes all of it. [`PLAIN`] rules are what JSON demands and no more.

use crate::charset::Decoder;

/// Escapes what means something in HTML as well.
pub(crate) const HTML: bool = true;
/// Escapes only what JSON demands.
pub(crate) const PLAIN: bool = false;

/// Bytes examined per step: one SSE2 or NEON register, so that the compiler turns the test of a
/// block into a handful of vector compares.
const BLOCK: usize = 16;

/// True for bytes that cannot simply be copied: those with an escape, `?` (cheaper to include than
/// to tell from its neighbours `<=>`), 0xE2 (may begin U+2028), and with `STOP_AT_HIGH` every byte
/// of a multi-byte character. Written without branches so that it vectorises.
#[inline(always)]
const fn stops<const RULES: bool, const STOP_AT_HIGH: bool>(byte: u8) -> bool {
    let high = if STOP_AT_HIGH { byte >= 0x80 } else { RULES == HTML && byte == 0xE2 };
    let html = RULES == HTML && ((byte & 0xFE == b'&') | (byte & 0xFC == b'<'));
    high | html | (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// [`stops`] for every byte, for the ends of texts that fill no block.
struct StopTable([bool; 256]);

impl StopTable {
    const fn build<const RULES: bool, const STOP_AT_HIGH: bool>() -> Self {
        let mut table = [false; 256];
        let mut rest = table.as_mut_slice();
        let mut byte = 0u8;
        while let Some((slot, tail)) = rest.split_first_mut() {
            *slot = stops::<RULES, STOP_AT_HIGH>(byte);
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

static STOPS: StopTable = StopTable::build::<HTML, false>();
static STOPS_AND_HIGH: StopTable = StopTable::build::<HTML, true>();
static PLAIN_STOPS: StopTable = StopTable::build::<PLAIN, false>();
static PLAIN_STOPS_AND_HIGH: StopTable = StopTable::build::<PLAIN, true>();

/// Some byte of the block stops.
#[inline(always)]
fn block_stops<const RULES: bool, const STOP_AT_HIGH: bool>(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(0u8, |found, &b| found | u8::from(stops::<RULES, STOP_AT_HIGH>(b))) != 0
}

/// Length of the prefix that can be copied as it is.
#[inline]
fn clean_prefix<const RULES: bool, const STOP_AT_HIGH: bool>(bytes: &[u8]) -> usize {
    let table = match (RULES == HTML, STOP_AT_HIGH) {
        (true, true) => &STOPS_AND_HIGH,
        (true, false) => &STOPS,
        (false, true) => &PLAIN_STOPS_AND_HIGH,
        (false, false) => &PLAIN_STOPS,
    };
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    let mut clean = 0;
    for block in blocks {
        if block_stops::<RULES, STOP_AT_HIGH>(block) {
            return clean + table.position(block).unwrap_or(BLOCK);
        }
        clean += BLOCK;
    }
    // The end overlaps the block before it, which is known to be clean.
    match bytes.last_chunk::<BLOCK>() {
        Some(end) if !block_stops::<RULES, STOP_AT_HIGH>(end) => bytes.len(),
        _ => clean + table.position(tail).unwrap_or(tail.len()),
    }
}

/// Appends text of a character set that contains ASCII, as escaped UTF-8. Bytes that are no text
/// become `?`, as a server converts them, so that the output is JSON whatever came in.
#[inline]
pub(crate) fn push_text<const RULES: bool>(out: &mut Vec<u8>, bytes: &[u8], decoder: &Decoder) {
    let clean = clean_prefix::<RULES, true>(bytes);
    let (head, rest) = bytes.split_at_checked(clean).unwrap_or((bytes, &[]));
    out.extend_from_slice(head);
    if !rest.is_empty() {
        push_from_stop::<RULES>(out, rest, decoder);
    }
}

/// The rest of [`push_text`], out of line. As long as the stops are ASCII, nothing is decoded.
fn push_from_stop<const RULES: bool>(out: &mut Vec<u8>, mut rest: &[u8], decoder: &Decoder) {
    while let Some((&byte, tail)) = rest.split_first() {
        if byte >= 0x80 {
            return push_decoded::<RULES>(out, rest, decoder);
        }
        push_stop::<RULES>(out, [byte, 0, 0]);
        let clean = clean_prefix::<RULES, true>(tail);
        let (head, next) = tail.split_at_checked(clean).unwrap_or((tail, &[]));
        out.extend_from_slice(head);
        rest = next;
    }
}

/// Appends text of any character set, as escaped UTF-8.
pub(crate) fn push_decoded<const RULES: bool>(out: &mut Vec<u8>, bytes: &[u8], decoder: &Decoder) {
    if let Some(text) = decoder.pass_through(bytes) {
        return push_str::<RULES>(out, text);
    }
    let start = out.len();
    decoder.decode_into(bytes, out);
    escape_tail::<RULES>(out, start);
}

/// Appends text that is known to be valid UTF-8, escaped.
pub(crate) fn push_str<const RULES: bool>(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    loop {
        let clean = clean_prefix::<RULES, false>(rest);
        let Some((head, tail)) = rest.split_at_checked(clean) else { return };
        out.extend_from_slice(head);
        if tail.is_empty() {
            return;
        }
        let taken =
            push_stop::<RULES>(out, tail.first_chunk::<3>().copied().unwrap_or_else(|| pad(tail)));
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
fn push_stop<const RULES: bool>(out: &mut Vec<u8>, [byte, second, third]: [u8; 3]) -> usize {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        0x0C => out.extend_from_slice(b"\\f"),
        b'<' if RULES == HTML => out.extend_from_slice(b"\\u003c"),
        b'>' if RULES == HTML => out.extend_from_slice(b"\\u003e"),
        b'&' if RULES == HTML => out.extend_from_slice(b"\\u0026"),
        b'=' if RULES == HTML => out.extend_from_slice(b"\\u003d"),
        b'\'' if RULES == HTML => out.extend_from_slice(b"\\u0027"),
        0x00..0x20 => out.extend_from_slice(&control_escape(byte)),
        0xE2 if RULES == HTML && second == 0x80 && third == 0xA8 => {
            out.extend_from_slice(b"\\u2028");
            return 3;
        }
        0xE2 if RULES == HTML && second == 0x80 && third == 0xA9 => {
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
pub(crate) fn escape_tail<const RULES: bool>(out: &mut Vec<u8>, start: usize) {
    let end = out.len();
    let first = start + clean_prefix::<RULES, false>(out.get(start..).unwrap_or_default());
    if first >= end {
        return;
    }
    let mut at = first;
    while at < end {
        let raw = out.get(at..end).unwrap_or_default();
        let clean = clean_prefix::<RULES, false>(raw);
        let stop = raw.get(clean..).unwrap_or_default();
        let stop = (!stop.is_empty()).then(|| pad(stop));
        out.extend_from_within(at..at + clean);
        at += clean;
        if let Some(stop) = stop {
            at += push_stop::<RULES>(out, stop);
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
        push_text::<HTML>(&mut out, bytes, utf8());
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
        push_text::<HTML>(&mut out, b"caf\xE9 <", Decoder::for_collation(8).unwrap());
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

    #[test]
    fn plain_rules_escape_what_json_demands_and_no_more() {
        let text = "<a>&b='c'?\u{2028}é\"\\\x08\t\n\x0c\r\x00\x1f\x7f";
        let mut out = Vec::new();
        push_text::<PLAIN>(&mut out, text.as_bytes(), utf8());
        let want = "<a>&b='c'?\u{2028}é\\\"\\\\\\b\\t\\n\\f\\r\\u0000\\u001f\x7f";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    proptest! {
        #[test]
        fn plain_rules_parse_back_to_the_text(text in any::<String>()) {
            let mut out = b"\"".to_vec();
            push_text::<PLAIN>(&mut out, text.as_bytes(), utf8());
            out.push(b'"');
            prop_assert_eq!(&out[..], serde_json::to_vec(&text).unwrap());
        }

        #[test]
        fn parses_back_to_the_text(text in any::<String>()) {
            let mut out = b"\"".to_vec();
            push_text::<HTML>(&mut out, text.as_bytes(), utf8());
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
            push_text::<HTML>(&mut out, &bytes, utf8());
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
            escape_tail::<HTML>(&mut out, head.len());
            let mut want = head;
            push_text::<HTML>(&mut want, text.as_bytes(), utf8());
            prop_assert_eq!(out, want);
        }
    }
}
