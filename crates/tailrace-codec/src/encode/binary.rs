//! Values that are bytes: binary strings, geometries, vectors and bit fields.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{
    error::ValueError,
    escape::{HTML, push_str},
    number::{push_java_float, push_uint},
};

/// Appends bytes as Java's `Arrays.toString(byte[])` prints them: signed, `[106, -3]`, empty `[]`.
pub(crate) fn push_byte_list(out: &mut Vec<u8>, bytes: &[u8]) {
    // The longest element is `-128, `.
    out.reserve(bytes.len().saturating_mul(6).saturating_add(2));
    out.push(b'[');
    let mut first = true;
    for &byte in bytes {
        if !std::mem::take(&mut first) {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(itoa::Buffer::new().format(byte.cast_signed()).as_bytes());
    }
    out.push(b']');
}

/// Appends bytes as the characters of the same numbers (ISO 8859-1), escaped.
pub(crate) fn push_latin1(out: &mut Vec<u8>, bytes: &[u8]) {
    for &byte in bytes {
        push_str::<HTML>(out, char::from(byte).encode_utf8(&mut [0; 2]));
    }
}

/// Appends a `VECTOR` as a list of floats, each as Java prints it: `[1.0, -2.5]`. Reading the
/// numbers back gives the same 32 bits.
pub(crate) fn push_vector(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(ValueError::new(format!(
            "a VECTOR of {} bytes is not a whole number of 4-byte floats",
            bytes.len()
        )));
    }
    out.push(b'[');
    let mut first = true;
    for float in floats {
        if !std::mem::take(&mut first) {
            out.extend_from_slice(b", ");
        }
        push_java_float(out, f32::from_le_bytes(*float))?;
    }
    out.push(b']');
    Ok(())
}

/// Appends bytes in base64, with quotes.
pub(crate) fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
    out.push(b'"');
    let start = out.len();
    // Four characters for three bytes, the last group filled.
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let room = out.get_mut(start..).unwrap_or_default();
    let written =
        BASE64.encode_slice(bytes, room).map_err(|e| ValueError::new(format!("base64: {e}")))?;
    out.truncate(start + written);
    out.push(b'"');
    Ok(())
}

/// The number that a big-endian bit field stands for.
pub(crate) fn bit_value(bytes: &[u8]) -> Result<u64, ValueError> {
    if bytes.is_empty() || bytes.len() > 8 {
        return Err(ValueError::new(format!("a BIT value has {} bytes, not 1..=8", bytes.len())));
    }
    Ok(bytes.iter().fold(0, |value, &byte| (value << 8) | u64::from(byte)))
}

/// Appends a bit field as an unsigned decimal number.
pub(crate) fn push_bit(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
    push_uint(out, bit_value(bytes)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        push_byte_list(&mut out, bytes);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn byte_lists() {
        assert_eq!(list(b""), "[]");
        assert_eq!(list(b"jgo"), "[106, 103, 111]");
        assert_eq!(list(&[0, 127, 128, 255]), "[0, 127, -128, -1]");
    }

    #[test]
    fn vectors() {
        let mut out = Vec::new();
        let bytes: Vec<u8> = [1.0f32, -2.5, 1e10].iter().flat_map(|f| f.to_le_bytes()).collect();
        push_vector(&mut out, &bytes).unwrap();
        assert_eq!(out, b"[1.0, -2.5, 1.0E10]");
        assert!(push_vector(&mut out, &bytes[1..]).is_err());
    }

    #[test]
    fn bits() {
        let mut out = Vec::new();
        push_bit(&mut out, &[0xFF; 8]).unwrap();
        assert_eq!(out, b"18446744073709551615");
        assert_eq!(bit_value(&[1, 2]).unwrap(), 258);
        assert!(bit_value(&[]).is_err());
        assert!(bit_value(&[0; 9]).is_err());
    }
}
