//! Values in the text format of `COPY` (PostgreSQL's manual, COPY, "Text Format").

use std::borrow::Cow;

/// Appends a value; what ends values and rows is escaped.
pub fn copy_text(into: &mut Vec<u8>, value: &str) {
    let mut rest = value.as_bytes();
    while let Some(at) = next_special(rest) {
        into.extend_from_slice(&rest[..at]);
        into.push(b'\\');
        into.push(match rest[at] {
            b'\t' => b't',
            b'\n' => b'n',
            b'\r' => b'r',
            other => other,
        });
        rest = &rest[at + 1..];
    }
    into.extend_from_slice(rest);
}

/// Appends NULL.
pub fn copy_null(into: &mut Vec<u8>) {
    into.extend_from_slice(b"\\N");
}

fn next_special(bytes: &[u8]) -> Option<usize> {
    let first = memchr::memchr3(b'\t', b'\n', b'\\', bytes);
    let until = first.unwrap_or(bytes.len());
    memchr::memchr(b'\r', &bytes[..until]).or(first)
}

/// The values of a row in that format, without its line end, as this module writes it: `\\` and whatever follows it stands for
/// one character. `None` is NULL. What is no UTF-8 comes as U+FFFD.
pub fn copied_values(row: &[u8]) -> impl Iterator<Item = Option<Cow<'_, str>>> {
    row.split(|byte| *byte == b'\t').map(|value| {
        if value == b"\\N" {
            return None;
        }
        if memchr::memchr(b'\\', value).is_none() {
            return Some(String::from_utf8_lossy(value));
        }
        let mut plain = Vec::with_capacity(value.len());
        let mut bytes = value.iter();
        while let Some(byte) = bytes.next() {
            plain.push(match byte {
                b'\\' => match bytes.next() {
                    Some(b't') => b'\t',
                    Some(b'n') => b'\n',
                    Some(b'r') => b'\r',
                    Some(other) => *other,
                    None => b'\\',
                },
                other => *other,
            });
        }
        Some(Cow::Owned(String::from_utf8_lossy(&plain).into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            row in prop::collection::vec(
                prop::option::of(prop_oneof![".*", "[\\\\\\t\\n\\rNtnr]{0,12}"]), 1..6)
        ) {
            let mut written = Vec::new();
            for (number, value) in row.iter().enumerate() {
                if number > 0 {
                    written.push(b'\t');
                }
                match value {
                    Some(text) => copy_text(&mut written, text),
                    None => copy_null(&mut written),
                }
            }
            prop_assert!(!written.contains(&b'\n'));
            let read: Vec<Option<String>> =
                copied_values(&written).map(|value| value.map(Cow::into_owned)).collect();
            prop_assert_eq!(read, row);
        }

        #[test]
        fn nothing_makes_it_panic(row in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(copied_values(&row).count() > 0);
        }
    }
}
