//! JSON string escaping at memcpy speed.
//!
//! The rules are those of Gson's HTML-safe writer, which DRS's published samples follow: control
//! characters, `"` and `\` as JSON demands (with the short forms `\b \t \n \f \r`), `<` `>` `&` `=`
//! `'` as `\u003c` and so on, and U+2028 / U+2029, which JavaScript once took for line ends. Any JSON
//! parser undoes all of it.

/// Bytes examined per step: one SSE2 or NEON register, so that the compiler turns the test of a
/// block into a handful of vector compares.
const BLOCK: usize = 16;

/// What stands for U+FFFD in UTF-8; written for each byte sequence that is not valid UTF-8.
const REPLACEMENT: &[u8] = "\u{FFFD}".as_bytes();

/// True for bytes that cannot simply be copied: those with an escape, `?` (cheaper to include than
/// to tell from its neighbours `<=>`), 0xE2 (may begin U+2028), and with `STOP_AT_HIGH` every byte
/// of a multi-byte character. Written without branches so that it vectorises.
#[inline(always)]
fn stops<const STOP_AT_HIGH: bool>(byte: u8) -> bool {
    let high = if STOP_AT_HIGH { byte >= 0x80 } else { byte == 0xE2 };
    high | (byte < 0x20)
        | (byte == b'"')
        | (byte & 0xFE == b'&')
        | (byte & 0xFC == b'<')
        | (byte == b'\\')
}

/// Length of the prefix that can be copied as it is.
#[inline]
fn clean_prefix<const STOP_AT_HIGH: bool>(bytes: &[u8]) -> usize {
    let (blocks, tail) = bytes.as_chunks::<BLOCK>();
    let mut clean = 0;
    for block in blocks {
        let found = block.iter().fold(0u8, |acc, &b| acc | u8::from(stops::<STOP_AT_HIGH>(b)));
        if found != 0 {
            let within = block.iter().position(|&b| stops::<STOP_AT_HIGH>(b)).unwrap_or(BLOCK);
            return clean + within;
        }
        clean += BLOCK;
    }
    clean + tail.iter().position(|&b| stops::<STOP_AT_HIGH>(b)).unwrap_or(tail.len())
}

/// Appends UTF-8 text, escaped. Sequences that are not valid UTF-8 become U+FFFD, so that the output
/// is JSON whatever came in.
#[inline]
pub(crate) fn push_utf8(out: &mut Vec<u8>, bytes: &[u8]) {
    let clean = clean_prefix::<true>(bytes);
    let (head, rest) = bytes.split_at_checked(clean).unwrap_or((bytes, &[]));
    out.extend_from_slice(head);
    if !rest.is_empty() {
        push_from_first_stop(out, rest);
    }
}

/// The rest of [`push_utf8`], out of line to keep the common case small.
fn push_from_first_stop(out: &mut Vec<u8>, rest: &[u8]) {
    if std::str::from_utf8(rest).is_ok() {
        return push_valid(out, rest);
    }
    for chunk in rest.utf8_chunks() {
        push_valid(out, chunk.valid().as_bytes());
        if !chunk.invalid().is_empty() {
            out.extend_from_slice(REPLACEMENT);
        }
    }
}

/// Appends text that is known to be valid UTF-8, escaped.
pub(crate) fn push_str(out: &mut Vec<u8>, text: &str) {
    push_valid(out, text.as_bytes());
}

fn push_valid(out: &mut Vec<u8>, mut rest: &[u8]) {
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

    fn escaped(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        push_utf8(&mut out, bytes);
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
    fn invalid_utf8_becomes_a_replacement_character() {
        assert_eq!(escaped(b"ab\xFFcd\"\xE2\x82"), "ab\u{FFFD}cd\\\"\u{FFFD}");
        assert_eq!(escaped(b"\xE2"), "\u{FFFD}");
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
            push_utf8(&mut out, text.as_bytes());
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
            push_utf8(&mut out, &bytes);
            out.push(b'"');
            let back: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(back, String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn in_place_equals_copying(head in any::<Vec<u8>>(), text in any::<String>()) {
            let mut out = head.clone();
            out.extend_from_slice(text.as_bytes());
            escape_tail(&mut out, head.len());
            let mut want = head;
            push_utf8(&mut want, text.as_bytes());
            prop_assert_eq!(out, want);
        }
    }
}
