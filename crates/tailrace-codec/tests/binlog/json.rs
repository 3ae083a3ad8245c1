//! JSON documents and differences made by hand; those of a server are in the fixtures.

use tailrace_codec::binlog::{JsonLimits, apply_json_diffs, write_json_text};

fn text(document: &[u8]) -> Result<String, String> {
    let mut out = Vec::new();
    write_json_text(document, JsonLimits::default(), &mut out).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

/// `{"a": [1, 2], "b": "c"}`
const DOCUMENT: &[u8] = &[
    0x00, 2, 0, 36, 0, 18, 0, 1, 0, 19, 0, 1, 0, 0x02, 20, 0, 0x0c, 34, 0, b'a', b'b', 2, 0, 14, 0,
    0x05, 1, 0, 0x05, 2, 0, 0, 0, 0, 0, 1, b'c',
];

#[test]
fn documents() {
    assert_eq!(text(DOCUMENT).unwrap(), r#"{"a": [1, 2], "b": "c"}"#);
    assert_eq!(text(&[]).unwrap(), "null");
    assert_eq!(text(&[4, 1]).unwrap(), "true");
    assert_eq!(text(&[0x0b, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]).unwrap(), "1.0");
}

#[test]
fn documents_that_cannot_be() {
    let cases: [(&[u8], &str); 11] = [
        (&[4, 3], "literal 3"),
        (&[0x0d], "value type 0x0d"),
        (&[0x09, 1], "8 more bytes"),
        (&[0x0b, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f], "not finite"),
        (&[0x0c, 5, b'a'], "4 more bytes"),
        (&[0x0c, 0xff, 0xff, 0xff, 0xff, 0xff], "longer than five bytes"),
        (&[0x0c, 2, 0xc3, 0x28], "not UTF-8"),
        (&[0x02, 9, 0, 10, 0, 0, 0, 0, 0, 0, 0], "9 elements do not fit 10 bytes"),
        (&[0x02, 1, 0, 50, 0, 0, 0], "50 bytes are announced"),
        // An array that is its own element.
        (&[0x02, 1, 0, 7, 0, 0x02, 0, 0], "lies outside"),
        (&[0x0f, 246, 3, 3, 1, 0x80], "not a value of type 246"),
    ];
    for (document, want) in cases {
        let error = text(document).unwrap_err();
        assert!(error.contains(want) && error.contains("binary JSON"), "{document:?}: {error}");
    }
}

/// Arrays of two elements that are the same next array, `levels` deep: the text doubles each level.
fn doubling(levels: usize) -> Vec<u8> {
    let mut inner: Vec<u8> = vec![0, 0, 4, 0];
    for _ in 0..levels {
        let size = u16::try_from(10 + inner.len()).unwrap();
        let mut outer = vec![2, 0];
        outer.extend(size.to_le_bytes());
        outer.extend([0x02, 10, 0, 0x02, 10, 0]);
        outer.extend_from_slice(&inner);
        inner = outer;
    }
    inner.insert(0, 0x02);
    inner
}

#[test]
fn a_document_that_grows_without_end_is_bounded() {
    assert_eq!(text(&doubling(2)).unwrap(), "[[[], []], [[], []]]");
    let limits = JsonLimits { text_bytes_max: 100_000, ..JsonLimits::default() };
    let mut out = b"before".to_vec();
    let error = write_json_text(&doubling(60), limits, &mut out).unwrap_err().to_string();
    assert!(error.contains("text_bytes_max"), "{error}");
    assert!(out.len() < 100_200, "{}", out.len());
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| {
        let mut inner: Vec<u8> = vec![0, 0, 4, 0];
        for _ in 1..levels {
            let size = u16::try_from(7 + inner.len()).unwrap();
            let mut outer = vec![1, 0];
            outer.extend(size.to_le_bytes());
            outer.extend([0x02, 7, 0]);
            outer.extend_from_slice(&inner);
            inner = outer;
        }
        inner.insert(0, 0x02);
        inner
    };
    assert_eq!(text(&nested(100)).unwrap(), "[".repeat(100) + &"]".repeat(100));
    assert!(text(&nested(101)).unwrap_err().contains("deeper than 100"));
}

fn diff(operation: u8, path: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![operation, u8::try_from(path.len()).unwrap()];
    bytes.extend_from_slice(path.as_bytes());
    if operation != 2 {
        bytes.push(u8::try_from(value.len()).unwrap());
        bytes.extend_from_slice(value);
    }
    bytes
}

fn patched(diffs: &[u8]) -> Result<String, String> {
    let mut out = Vec::new();
    apply_json_diffs(DOCUMENT, diffs, JsonLimits::default(), &mut out)
        .map_err(|e| e.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

const SEVEN: &[u8] = &[0x05, 7, 0];

#[test]
fn differences() {
    let case = |operation, path: &str| patched(&diff(operation, path, SEVEN)).unwrap();
    assert_eq!(patched(&[]).unwrap(), r#"{"a": [1, 2], "b": "c"}"#);
    assert_eq!(case(0, "$.b"), r#"{"a": [1, 2], "b": 7}"#);
    assert_eq!(case(0, "$.a[last]"), r#"{"a": [1, 7], "b": "c"}"#);
    assert_eq!(case(0, "$.a[last-1]"), r#"{"a": [7, 2], "b": "c"}"#);
    assert_eq!(case(1, "$.a[1]"), r#"{"a": [1, 7, 2], "b": "c"}"#);
    assert_eq!(case(1, "$.a[9]"), r#"{"a": [1, 2, 7], "b": "c"}"#);
    assert_eq!(case(1, "$.a[last-9]"), r#"{"a": [7, 1, 2], "b": "c"}"#);
    assert_eq!(case(1, "$.\"\""), r#"{"": 7, "a": [1, 2], "b": "c"}"#);
    assert_eq!(case(1, "$.aa"), r#"{"a": [1, 2], "b": "c", "aa": 7}"#);
    assert_eq!(
        case(1, "$.\"x\\n\\u0001\\\"\\\\é\""),
        "{\"a\": [1, 2], \"b\": \"c\", \"x\\n\\u0001\\\"\\\\é\": 7}"
    );
    assert_eq!(case(2, "$.a"), r#"{"b": "c"}"#);
    assert_eq!(case(2, "$.a[0]"), r#"{"a": [2], "b": "c"}"#);
    // Later ones see what earlier ones did.
    let both =
        [diff(0, "$.b", DOCUMENT), diff(2, "$.b.a[1]", &[]), diff(1, "$.b.z", SEVEN)].concat();
    assert_eq!(patched(&both).unwrap(), r#"{"a": [1, 2], "b": {"a": [1], "b": "c", "z": 7}}"#);
}

#[test]
fn differences_that_do_not_fit_the_document() {
    for (operation, path) in [
        (0, "$.z"),
        (0, "$.a[2]"),
        (0, "$.b[0]"),
        (0, "$.a.x"),
        (1, "$.b"),
        (1, "$.b.x"),
        (1, "$[0]"),
        (2, "$.z"),
        (2, "$.a[5]"),
        (2, "$.z.z"),
    ] {
        let error = patched(&diff(operation, path, SEVEN)).unwrap_err();
        assert!(error.contains("is not in the document before"), "{path}: {error}");
    }
    for (path, want) in [
        ("", "must begin with $"),
        ("$", "whole document"),
        ("$a", "a leg begins with"),
        ("$.", "without a name"),
        ("$.*", "one place only"),
        ("$**.a", "a leg begins with"),
        ("$[*]", "not an array index"),
        ("$[1 to 2]", "not an array index"),
        ("$[+1]", "not an array index"),
        ("$[1", "] is missing"),
        ("$.\"a", "not a quoted member"),
        ("$.\"\\x\"", "not a quoted member"),
        ("$.\"\\u12\"", "not a quoted member"),
    ] {
        let error = patched(&diff(2, path, &[])).unwrap_err();
        assert!(error.contains(want), "{path}: {error}");
    }
    let deep = "$".to_owned() + &".a".repeat(101);
    assert!(patched(&diff(2, &deep, &[])).unwrap_err().contains("more than 100 legs"));
    assert!(patched(&[3, 1, b'$']).unwrap_err().contains("0 to 2 are known"));
    assert!(patched(&[0, 2, b'$']).unwrap_err().contains("1 more bytes"));
    let error = patched(&diff(0, "$.b", &[0x0d])).unwrap_err();
    assert!(error.contains("binary JSON at byte 7"), "{error}");
    let few = JsonLimits { tree_nodes_max: 3, ..JsonLimits::default() };
    let result = apply_json_diffs(DOCUMENT, &diff(2, "$.a[0]", &[]), few, &mut Vec::new());
    assert!(result.unwrap_err().to_string().contains("tree_nodes_max"));
}
