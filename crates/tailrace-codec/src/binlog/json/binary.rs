//! A JSON document as text.

use super::scalar::{Container, Value, document, fault};
use super::text;
use crate::error::Result;

/// Objects and arrays in each other, at most (`JSON_DOCUMENT_MAX_DEPTH` in MySQL's source).
pub const DEPTH_MAX: usize = 100;

/// Bounds for reading JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonLimits {
    /// Greatest size of one document's text.
    pub text_bytes_max: usize,
    /// Greatest number of elements that are taken apart to apply the differences of one document.
    pub tree_nodes_max: usize,
}

impl Default for JsonLimits {
    fn default() -> Self {
        // MySQL's own documents are bounded by max_allowed_packet, 1 GiB at most.
        Self { text_bytes_max: 1 << 30, tree_nodes_max: 8 << 20 }
    }
}

/// Appends a document's text, equal to that of `SELECT json_column`, to `out`. Empty bytes are the
/// JSON null.
///
/// # Errors
/// If the document is damaged, nested deeper than 100 or its text longer than the limit; `out` may
/// then hold a part of it.
pub fn write_json_text(document_bytes: &[u8], limits: JsonLimits, out: &mut Vec<u8>) -> Result<()> {
    let text_end_max = out.len().saturating_add(limits.text_bytes_max);
    write_value(document(document_bytes)?, 0, text_end_max, out)
}

/// Appends one value that lies inside `depth` containers.
pub(super) fn write_value(
    value: Value<'_>,
    depth: usize,
    text_end_max: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(i) => out.extend_from_slice(itoa::Buffer::new().format(i).as_bytes()),
        Value::UInt(u) => out.extend_from_slice(itoa::Buffer::new().format(u).as_bytes()),
        Value::Double(d) => text::write_double(d, out),
        Value::String(s) => write_utf8(s, out)?,
        Value::Opaque { field_type, data, at } => {
            text::write_opaque(field_type, data, out).ok_or_else(|| {
                fault(at, format!("{} bytes are not a value of type {field_type}", data.len()))
            })?;
        }
        Value::Container(container) => write_container(container, depth, text_end_max, out)?,
    }
    check_end(text_end_max, out)
}

/// Appends a string or key with its quotes.
pub(super) fn write_utf8(bytes: &[u8], out: &mut Vec<u8>) -> Result<()> {
    if std::str::from_utf8(bytes).is_err() {
        return Err(fault(0, "a string is not UTF-8"));
    }
    text::write_string(bytes, out);
    Ok(())
}

pub(super) fn check_end(text_end_max: usize, out: &[u8]) -> Result<()> {
    if out.len() > text_end_max {
        return Err(fault(0, "the text is longer than text_bytes_max"));
    }
    Ok(())
}

/// One container deeper, if the format allows.
pub(super) fn deeper(depth: usize) -> Result<usize> {
    if depth >= DEPTH_MAX {
        return Err(fault(0, format!("nested deeper than {DEPTH_MAX}")));
    }
    Ok(depth.saturating_add(1))
}

fn write_container(
    container: Container<'_>,
    depth: usize,
    text_end_max: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    let depth = deeper(depth)?;
    let (open, close) = if container.is_object { (b'{', b'}') } else { (b'[', b']') };
    out.push(open);
    for index in 0..container.len() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        if container.is_object {
            write_utf8(container.key(index)?, out)?;
            out.extend_from_slice(b": ");
        }
        // Elements may share bytes in a forged document; each adds text, so this ends.
        write_value(container.element(index)?, depth, text_end_max, out)?;
    }
    out.push(close);
    check_end(text_end_max, out)
}
