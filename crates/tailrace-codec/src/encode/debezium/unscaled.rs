//! `DECIMAL` as Debezium's `precise` mode has it: the unscaled value as a big-endian two's complement
//! number of as few bytes as it needs, in base64 (Java's `BigInteger.toByteArray`).

use super::super::error::ValueError;

/// Limbs of 64 bits: 65 digits need 216 bits, and the sign one more.
const LIMBS: usize = 4;
const BYTES: usize = LIMBS * 8;

/// The bytes of a decimal's text, its point left out: `-12.30` gives those of -1230. The first of them that count, and
/// all of them.
///
/// # Errors
/// The text has more than 65 digits, or something else than digits, a sign and a point.
pub(super) fn unscaled(text: &[u8]) -> Result<([u8; BYTES], usize), ValueError> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let negative = digits.len() != text.len();
    let mut limbs = [0_u64; LIMBS];
    for &byte in digits.iter().filter(|byte| **byte != b'.') {
        let digit = byte.wrapping_sub(b'0');
        let mut carry = u128::from(digit);
        for limb in &mut limbs {
            let sum = u128::from(*limb) * 10 + carry;
            (*limb, carry) = (sum as u64, sum >> 64);
        }
        if digit > 9 || carry != 0 || limbs.last().is_some_and(|top| top >> 63 != 0) {
            let text = String::from_utf8_lossy(text);
            return Err(ValueError::new(format!("{text:?} is not a DECIMAL of at most 65 digits")));
        }
    }
    if negative {
        let mut carry = true;
        for limb in &mut limbs {
            (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
        }
    }
    let mut bytes = [0; BYTES];
    for (to, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(limbs.iter().rev()) {
        *to = limb.to_be_bytes();
    }
    let sign = if negative && limbs != [0; LIMBS] { 0xFF } else { 0 };
    let spare = bytes.iter().take_while(|byte| **byte == sign).count();
    // One of them stays if the next has another sign.
    let same = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 0x80 == sign & 0x80);
    let first = if same(bytes.get(spare)) { spare } else { spare.saturating_sub(1) };
    Ok((bytes, first.min(BYTES - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        let (bytes, first) = unscaled(text.as_bytes()).unwrap();
        bytes[first..].to_vec()
    }

    #[test]
    fn numbers_have_as_few_bytes_as_they_need() {
        for (text, want) in [
            ("0", &[0][..]),
            ("-0.00", &[0]),
            ("1.27", &[127]),
            ("1.28", &[0, 128]),
            ("-1.28", &[128]),
            ("-1.29", &[0xFF, 127]),
            ("655.35", &[0, 255, 255]),
            ("-1", &[255]),
            ("-256", &[255, 0]),
            ("12345.67", &[18, 214, 135]),
        ] {
            assert_eq!(bytes(text), want, "{text}");
        }
        let nines = "9".repeat(65);
        assert_eq!(bytes(&nines).len(), 28);
        assert_eq!(bytes(&format!("-{nines}")).len(), 28);
        for wrong in ["1e5", "x", &"9".repeat(90)] {
            assert!(unscaled(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn they_are_the_numbers(value in proptest::prelude::any::<i128>()) {
            let bytes = bytes(&value.to_string());
            let fill = if value < 0 { 0xFF } else { 0 };
            let mut all = [fill; 16];
            all[16 - bytes.len()..].copy_from_slice(&bytes);
            proptest::prop_assert_eq!(i128::from_be_bytes(all), value);
            // No byte too many.
            let spare = bytes.len() > 1 && bytes[0] == fill && bytes[1] & 0x80 == fill & 0x80;
            proptest::prop_assert!(!spare, "{:?}", bytes);
        }
    }
}
