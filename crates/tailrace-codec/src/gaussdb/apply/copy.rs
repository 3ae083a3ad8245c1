//! Values in the text format of `COPY` (PostgreSQL's manual, COPY, "Text Format").

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
