//! The rules that the module states.

use proptest::prelude::*;

use super::super::Decoder;
use super::decode;

const ALL: [&str; 40] = [
    "armscii8", "ascii", "big5", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866",
    "cp932", "dec8", "eucjpms", "euckr", "gb18030", "gb2312", "gbk", "geostd8", "greek", "hebrew",
    "hp8", "keybcs2", "koi8r", "koi8u", "latin1", "latin2", "latin5", "latin7", "macce",
    "macroman", "sjis", "swe7", "tis620", "ucs2", "ujis", "utf16", "utf16le", "utf32", "utf8mb3",
    "utf8mb4",
];

#[test]
fn latin1_is_cp1252_and_five_more() {
    assert_eq!(decode("latin1", &[0x80, 0x81, 0x8D, 0x9F, 0xE9]), "€\u{81}\u{8d}Ÿé");
}

#[test]
fn text_in_each_family_reads() {
    assert_eq!(decode("gbk", b"a\xD6\xD0\xCE\xC4b"), "a中文b");
    assert_eq!(decode("gb2312", b"\xD6\xD0\xCE\xC4"), "中文");
    assert_eq!(decode("gb18030", b"\x81\x30\x84\x36\x94\x39\xDA\x33"), "¥💩");
    assert_eq!(decode("big5", b"\xA4\xA4\xA4\xE5"), "中文");
    assert_eq!(decode("sjis", b"\x93\xFA\x96\x7B\xB1"), "日本ｱ");
    assert_eq!(decode("cp932", b"\x87\x40"), "①");
    assert_eq!(decode("ujis", b"\xC6\xFC\x8E\xB1\x8F\xB0\xA1"), "日ｱ丂");
    assert_eq!(decode("euckr", b"\xC7\xD1"), "한");
    assert_eq!(decode("koi8r", b"\xF2\xF5\xF3"), "РУС");
    assert_eq!(decode("swe7", b"[\\]"), "ÄÖÅ");
    assert_eq!(decode("utf16", b"\xD8\x3D\xDC\xA9\x00a"), "💩a");
    assert_eq!(decode("utf16le", b"\x3D\xD8\xA9\xDC"), "💩");
    assert_eq!(decode("utf32", b"\x00\x01\xF4\xA9"), "💩");
    assert_eq!(decode("ucs2", b"\x4E\x2D"), "中");
    assert_eq!(decode("utf8mb4", "é中💩".as_bytes()), "é中💩");
}

#[test]
fn what_is_no_text_gives_question_marks() {
    assert_eq!(decode("ascii", b"a\x80b"), "a?b");
    assert_eq!(decode("utf8mb3", "a💩".as_bytes()), "a????");
    assert_eq!(decode("utf8mb3", b"a\xE4\xB8"), "a");
    assert_eq!(decode("utf8mb4", b"a\xFF\xC0\xAFb"), "a???b");
    assert_eq!(decode("utf8mb4", b"a\xF0\x9F\x92"), "a???");
    assert_eq!(decode("utf8mb4", b"\xE1A"), "?A");
    assert_eq!(decode("utf8mb4", b"\xED\xA0\x80"), "???");
    assert_eq!(decode("ucs2", b"\xD8\x00\x00a"), "?a");
    assert_eq!(decode("utf32", b"\x00\x11\x00\x00\x00\x00\xD8\x00\x00\x00\x00a"), "??a");
    assert_eq!(decode("utf16", b"\x00a\x00"), "a");
    assert_eq!(decode("gbk", b"\xFF\xFFa\x81"), "?a");
}

#[test]
fn utf8_is_told_apart() {
    let utf8: Vec<&str> =
        ALL.into_iter().filter(|name| Decoder::for_charset(name).unwrap().is_utf8()).collect();
    assert_eq!(utf8, ["ascii", "utf8mb3", "utf8mb4"]);
}

/// `MAXLEN` of the server's `information_schema.CHARACTER_SETS`, where it is not 1.
#[test]
fn the_longest_character_is_the_servers() {
    let longer = [
        (2, ["big5", "cp932", "euckr", "gb2312", "gbk", "sjis", "ucs2"].as_slice()),
        (3, &["eucjpms", "ujis", "utf8mb3"]),
        (4, &["gb18030", "utf16", "utf16le", "utf32", "utf8mb4"]),
    ];
    for name in ALL {
        let expected =
            longer.iter().find(|(_, names)| names.contains(&name)).map_or(1, |(n, _)| *n);
        assert_eq!(Decoder::for_charset(name).unwrap().char_bytes_max(), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn output_is_utf8_appended_and_bounded(
        charset in prop::sample::select(ALL.to_vec()),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x80_u8..=0xFF, Just(0x8F)], 0..64),
    ) {
        let decoder = Decoder::for_charset(charset).unwrap();
        let mut out = b"x".to_vec();
        decoder.decode_into(&bytes, &mut out);
        let text = std::str::from_utf8(&out).unwrap();
        prop_assert!(text.starts_with('x'));
        prop_assert!(out.len() <= 1 + 3 * bytes.len());
        if let Some(same) = decoder.pass_through(&bytes) {
            prop_assert_eq!(&text[1..], same);
            prop_assert_eq!(same.as_bytes(), bytes.as_slice());
        }
    }

    #[test]
    fn text_of_the_unicode_sets_comes_back(text in "\\PC{0,24}") {
        let units: Vec<u16> = text.encode_utf16().collect();
        let be: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let le: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let utf32: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        prop_assert_eq!(decode("utf16", &be), text.as_str());
        prop_assert_eq!(decode("utf16le", &le), text.as_str());
        prop_assert_eq!(decode("utf32", &utf32), text.as_str());
        prop_assert_eq!(decode("utf8mb4", text.as_bytes()), text);
    }
}
