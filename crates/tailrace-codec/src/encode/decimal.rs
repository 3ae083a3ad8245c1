//! `DECIMAL` as plain text with exactly its declared scale.
//!
//! Packed form (MySQL's `decimal2bin`): nine digits in four big-endian bytes, the digits left over
//! on either side of the point in as few bytes as they need; the first bit is inverted, and all bits
//! of a negative value are.

use super::{
    error::ValueError,
    number::{push_uint, six_digits, two_digits},
};
use crate::cell::Decimal;

/// Digits in a full group of four bytes.
const GROUP_DIGITS: u8 = 9;

/// Bytes that hold 0..=9 digits.
const BYTES_OF_DIGITS: [u8; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/// 10^0..=10^9.
const POWERS_OF_TEN: [u32; 10] =
    [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// Appends a decimal. The text form of the server is checked, so that nothing but digits, one sign
/// and one point can get into a message or a statement.
pub(crate) fn push_decimal(out: &mut Vec<u8>, value: &Decimal<'_>) -> Result<(), ValueError> {
    match *value {
        Decimal::Packed { bytes, precision, scale } => push_packed(out, bytes, precision, scale),
        Decimal::Text(text) => push_text(out, text),
    }
}

fn push_text(out: &mut Vec<u8>, text: &[u8]) -> Result<(), ValueError> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let mut parts = digits.splitn(2, |&b| b == b'.');
    let whole = parts.next().unwrap_or_default();
    let fraction = parts.next();
    let all_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if !all_digits(whole) || !fraction.is_none_or(all_digits) {
        return Err(ValueError::new(format!(
            "the DECIMAL text {:?} is not digits with at most one point and a leading minus",
            String::from_utf8_lossy(text)
        )));
    }
    // Leading zeros are a matter of display (ZEROFILL), not of the value.
    let zeros = whole.iter().take_while(|&&b| b == b'0').count().min(whole.len().saturating_sub(1));
    let value_is_zero = digits.iter().all(|&b| b == b'0' || b == b'.');
    if text.len() != digits.len() && !value_is_zero {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(zeros..).unwrap_or_default());
    Ok(())
}

/// Reads groups of digits from the packed bytes, sign removed.
struct Groups<'a> {
    bytes: &'a [u8],
    /// 0xFF for negative values, whose bits are inverted.
    mask: u8,
    first: bool,
}

impl Groups<'_> {
    /// The next group of `digits` (1..=9) decimal digits.
    fn next(&mut self, digits: u8) -> Result<u32, ValueError> {
        let length = BYTES_OF_DIGITS.get(usize::from(digits)).copied().unwrap_or(4);
        let Some((group, rest)) = self.bytes.split_at_checked(usize::from(length)) else {
            return Err(ValueError::new("the packed DECIMAL ends within a group of digits"));
        };
        self.bytes = rest;
        // The first bit of all is inverted; later groups have their bits as they are.
        let flip = if std::mem::take(&mut self.first) { 0x80 } else { 0 };
        let byte = |b: u8| u32::from(b ^ self.mask);
        let value = match *group {
            [a] => byte(a ^ flip),
            [a, b] => byte(a ^ flip) << 8 | byte(b),
            [a, b, c] => byte(a ^ flip) << 16 | byte(b) << 8 | byte(c),
            [a, b, c, d] => byte(a ^ flip) << 24 | byte(b) << 16 | byte(c) << 8 | byte(d),
            _ => 0,
        };
        let end = POWERS_OF_TEN.get(usize::from(digits)).copied().unwrap_or(1_000_000_000);
        if value >= end {
            return Err(ValueError::new(format!(
                "a group of {digits} DECIMAL digits holds {value}"
            )));
        }
        Ok(value)
    }
}

fn push_packed(
    out: &mut Vec<u8>,
    bytes: &[u8],
    precision: u8,
    scale: u8,
) -> Result<(), ValueError> {
    let whole_digits = precision.checked_sub(scale).filter(|_| (1..=65).contains(&precision));
    let (Some(whole_digits), true) = (whole_digits, scale <= 30) else {
        return Err(ValueError::new(format!(
            "DECIMAL({precision},{scale}) is outside of precision 1..=65, scale 0..=30"
        )));
    };
    let Some(&sign_byte) = bytes.first() else {
        return Err(ValueError::new("the packed DECIMAL is empty"));
    };
    let mask = if sign_byte & 0x80 == 0 { 0xFF } else { 0 };
    let mut groups = Groups { bytes, mask, first: true };
    let start = out.len();
    if mask != 0 {
        out.push(b'-');
    }
    let digits_from = out.len();
    push_whole(out, &mut groups, whole_digits, digits_from)?;
    if scale > 0 {
        out.push(b'.');
        push_groups(out, &mut groups, scale)?;
    }
    if !groups.bytes.is_empty() {
        return Err(ValueError::new(format!(
            "the packed DECIMAL({precision},{scale}) has {} bytes too many",
            groups.bytes.len()
        )));
    }
    drop_sign_of_zero(out, start, digits_from);
    Ok(())
}

/// Digits before the point: a short group first, leading zeros left out.
fn push_whole(
    out: &mut Vec<u8>,
    groups: &mut Groups<'_>,
    digits: u8,
    from: usize,
) -> Result<(), ValueError> {
    let short = digits % GROUP_DIGITS;
    if short > 0 {
        let value = groups.next(short)?;
        if value > 0 {
            push_uint(out, u64::from(value));
        }
    }
    for _ in 0..digits / GROUP_DIGITS {
        let value = groups.next(GROUP_DIGITS)?;
        if out.len() > from {
            push_digits(out, value, GROUP_DIGITS);
        } else if value > 0 {
            push_uint(out, u64::from(value));
        }
    }
    if out.len() == from {
        out.push(b'0');
    }
    Ok(())
}

/// Digits behind the point: full groups, then a short one.
fn push_groups(out: &mut Vec<u8>, groups: &mut Groups<'_>, digits: u8) -> Result<(), ValueError> {
    for _ in 0..digits / GROUP_DIGITS {
        let value = groups.next(GROUP_DIGITS)?;
        push_digits(out, value, GROUP_DIGITS);
    }
    let short = digits % GROUP_DIGITS;
    if short > 0 {
        let value = groups.next(short)?;
        push_digits(out, value, short);
    }
    Ok(())
}

/// Exactly `width` (at most 9) digits.
fn push_digits(out: &mut Vec<u8>, value: u32, width: u8) {
    let [a, b] = two_digits((value / 10_000_000) as u8);
    let [c, d, e, f, g, h] = six_digits(value / 10 % 1_000_000);
    let digits = [a, b, c, d, e, f, g, h, b'0' + (value % 10) as u8];
    let skip = usize::from(GROUP_DIGITS.saturating_sub(width));
    out.extend_from_slice(digits.get(skip..).unwrap_or_default());
}

/// MySQL has no negative zero.
fn drop_sign_of_zero(out: &mut Vec<u8>, start: usize, digits_from: usize) {
    if digits_from > start
        && out.get(digits_from..).unwrap_or_default().iter().all(|&b| b == b'0' || b == b'.')
    {
        out.remove(start);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packed(hex: &str, precision: u8, scale: u8) -> Result<String, ValueError> {
        let bytes = hex::decode(hex).unwrap();
        let mut out = Vec::new();
        push_decimal(&mut out, &Decimal::Packed { bytes: &bytes, precision, scale })?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn text(text: &str) -> Result<String, ValueError> {
        let mut out = Vec::new();
        push_decimal(&mut out, &Decimal::Text(text.as_bytes()))?;
        Ok(String::from_utf8(out).unwrap())
    }

    /// Packs a decimal as the server does, for round trips.
    fn pack(negative: bool, whole: &str, fraction: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let short = whole.len() % 9;
        let mut groups: Vec<&str> = Vec::new();
        if short > 0 {
            groups.push(&whole[..short]);
        }
        groups.extend(whole.as_bytes()[short..].chunks(9).map(|c| std::str::from_utf8(c).unwrap()));
        groups.extend(fraction.as_bytes().chunks(9).map(|c| std::str::from_utf8(c).unwrap()));
        for group in groups {
            let value: u32 = group.parse().unwrap();
            let length = usize::from(BYTES_OF_DIGITS[group.len()]);
            bytes.extend_from_slice(&value.to_be_bytes()[4 - length..]);
        }
        if negative {
            bytes.iter_mut().for_each(|b| *b = !*b);
        }
        bytes[0] ^= 0x80;
        bytes
    }

    #[test]
    fn the_example_of_the_manual() {
        // 1234567890.1234 as DECIMAL(14,4), from the description of decimal2bin.
        assert_eq!(packed("810dfb38d204d2", 14, 4).unwrap(), "1234567890.1234");
        assert_eq!(packed("7ef204c72dfb2d", 14, 4).unwrap(), "-1234567890.1234");
    }

    #[test]
    fn small_values() {
        assert_eq!(packed("8000", 4, 2).unwrap(), "0.00");
        assert_eq!(packed("7fff", 4, 2).unwrap(), "0.00");
        assert_eq!(packed("8032", 4, 2).unwrap(), "0.50");
        assert_eq!(packed("7fcd", 4, 2).unwrap(), "-0.50");
        assert_eq!(packed("87", 1, 0).unwrap(), "7");
        assert_eq!(packed("b2", 2, 2).unwrap(), "0.50");
    }

    #[test]
    fn wrong_bytes_are_named() {
        assert!(packed("", 4, 2).is_err());
        assert!(packed("80", 4, 2).is_err());
        assert!(packed("800000", 4, 2).is_err());
        assert!(packed("80ff", 4, 2).is_err());
        assert!(packed("80", 66, 0).is_err());
        assert!(packed("80", 2, 3).is_err());
    }

    #[test]
    fn server_text() {
        assert_eq!(text("-12.50").unwrap(), "-12.50");
        assert_eq!(text("00012.50").unwrap(), "12.50");
        assert_eq!(text("0000.00").unwrap(), "0.00");
        assert_eq!(text("-0.00").unwrap(), "0.00");
        for bad in ["", "-", ".5", "5.", "1.2.3", "1e5", "1'", "--1", "+1", "nan"] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn packed_gives_the_digits(negative: bool, whole in "[0-9]{0,35}", fraction in "[0-9]{0,30}") {
            prop_assume!(!(whole.is_empty() && fraction.is_empty()));
            let bytes = pack(negative, &whole, &fraction);
            let precision = (whole.len() + fraction.len()) as u8;
            let got = packed(&hex::encode(bytes), precision, fraction.len() as u8).unwrap();
            let trimmed = whole.trim_start_matches('0');
            let mut want = String::from(if trimmed.is_empty() { "0" } else { trimmed });
            if !fraction.is_empty() {
                want = format!("{want}.{fraction}");
            }
            if negative && want.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
                want.insert(0, '-');
            }
            prop_assert_eq!(&got, &want);
            prop_assert_eq!(text(&want).unwrap(), want);
        }

        #[test]
        fn no_panic(bytes: Vec<u8>, precision: u8, scale: u8) {
            let mut out = Vec::new();
            let _ = push_decimal(&mut out, &Decimal::Packed { bytes: &bytes, precision, scale });
            let _ = push_decimal(&mut out, &Decimal::Text(&bytes));
        }
    }
}
