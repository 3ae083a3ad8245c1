//! Avro's binary forms (Apache Avro 1.12, "Binary Encoding").

/// Appends an `int` or `long`: zigzag, seven bits a byte, the lowest first.
#[inline]
pub(super) fn push_long(out: &mut Vec<u8>, value: i64) {
    let (bytes, length) = varint(value);
    out.extend_from_slice(bytes.get(..length).unwrap_or(&bytes));
}

/// The bytes of a number and how many they are.
fn varint(value: i64) -> ([u8; 10], usize) {
    let mut rest = value.wrapping_shl(1).cast_unsigned() ^ (value >> 63).cast_unsigned();
    let mut bytes = [0; 10];
    let mut length = 0;
    for byte in &mut bytes {
        length += 1;
        *byte = (rest & 0x7F) as u8;
        rest >>= 7;
        if rest == 0 {
            break;
        }
        *byte |= 0x80;
    }
    (bytes, length)
}

/// Appends `bytes` or a `string`.
#[inline]
pub(super) fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_long(out, bytes.len() as i64);
    out.extend_from_slice(bytes);
}

/// Appends `bytes` or a `string` of what `push` appends.
///
/// # Errors
/// Those of `push`.
pub(super) fn push_written<E>(
    out: &mut Vec<u8>,
    push: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let start = out.len();
    push(out)?;
    let end = out.len();
    let (bytes, length) = varint((end - start) as i64);
    let bytes = bytes.get(..length).unwrap_or(&bytes);
    // The length stands before what is not known until it is written.
    out.extend_from_slice(bytes);
    out.copy_within(start..end, start + length);
    if let Some(place) = out.get_mut(start..start + length) {
        place.copy_from_slice(bytes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_zigzag() {
        for (value, bytes) in [
            (0, &[0][..]),
            (-1, &[1]),
            (1, &[2]),
            (-64, &[0x7F]),
            (64, &[0x80, 1]),
            (i64::MAX, &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]),
            (i64::MIN, &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]),
        ] {
            let mut out = Vec::new();
            push_long(&mut out, value);
            assert_eq!(out, bytes, "{value}");
        }
    }

    #[test]
    fn the_length_stands_before_what_was_written() {
        for length in [0, 1, 63, 64, 8191, 8192, 100_000] {
            let text: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let (mut known, mut written) = (vec![9], vec![9]);
            push_bytes(&mut known, &text);
            let push = |out: &mut Vec<u8>| {
                out.extend_from_slice(&text);
                Ok::<(), ()>(())
            };
            push_written(&mut written, push).unwrap();
            assert_eq!(written, known, "{length}");
        }
    }
}
