//! Character sets.

use tailrace_codec::charset::{Decoder, charset_of};

/// A collation id (two bytes, little-endian) and text of its character set.
pub fn charset(input: &[u8]) {
    let Some((id, text)) = input.split_first_chunk() else { return };
    let id = u16::from_le_bytes(*id);
    let Ok(decoder) = Decoder::for_collation(id) else {
        assert!(charset_of(id).is_none_or(|name| name == "binary"));
        return;
    };
    let mut out = b"before".to_vec();
    decoder.decode_into(text, &mut out);
    let whole = std::str::from_utf8(&out).expect("output is UTF-8");
    let converted = whole.strip_prefix("before").expect("output is appended");
    assert!(converted.len() <= 3 * text.len());
    assert!(converted.chars().count() <= text.len());
    if let Some(same) = decoder.pass_through(text) {
        assert_eq!(same, converted);
    }
}
