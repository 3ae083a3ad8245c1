//! Oracle's NUMBER: base-100 digits with an exponent, whose bytes sort as the numbers do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most base-100 digits that are kept.
const DIGITS_MAX: usize = 20;

/// A number in the form in which it is stored and sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Number(Vec<u8>);

impl Number {
    /// A number of its bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads decimal text, with an exponent or without. `None` if it is none. Digits behind the fortieth are cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let all: Vec<u8> = whole.bytes().chain(part.bytes()).collect();
        if all.is_empty() || !all.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let leading = all.iter().take_while(|digit| **digit == b'0').count();
        let significant = &all[leading..];
        if significant.is_empty() {
            return Some(Self(vec![0x80]));
        }
        // Where the point is behind the first significant digit.
        let point = i32::try_from(whole.len()).ok()? - i32::try_from(leading).ok()? + exponent;
        Some(Self::of_digits(negative, significant, point))
    }

    /// `digits` are decimal, the first not zero; the point stands behind so many of them.
    fn of_digits(negative: bool, digits: &[u8], point: i32) -> Self {
        let mut pairs = Vec::new();
        let mut digits = digits.iter().map(|digit| digit - b'0').peekable();
        if point.rem_euclid(2) == 1 {
            pairs.push(digits.next().unwrap_or(0));
        }
        while let Some(high) = digits.next() {
            pairs.push(high * 10 + digits.next().unwrap_or(0));
        }
        pairs.truncate(DIGITS_MAX);
        while pairs.last() == Some(&0) {
            pairs.pop();
        }
        let exponent = (point + 1).div_euclid(2) - 1;
        let mut bytes = Vec::with_capacity(pairs.len() + 2);
        if negative {
            bytes.push(u8::try_from((62 - exponent).clamp(0, 127)).unwrap_or(0));
            bytes.extend(pairs.iter().map(|pair| 101 - pair));
            if pairs.len() < DIGITS_MAX {
                bytes.push(102);
            }
        } else {
            bytes.push(u8::try_from((193 + exponent).clamp(128, 255)).unwrap_or(255));
            bytes.extend(pairs.iter().map(|pair| pair + 1));
        }
        Self(bytes)
    }

    /// Sign, base-100 digits, and how many of them stand before the point.
    fn parts(&self) -> (bool, Vec<u8>, i32) {
        let first = i32::from(self.0.first().copied().unwrap_or(0x80));
        let rest = self.0.get(1..).unwrap_or_default();
        if first >= 128 {
            return (false, rest.iter().map(|b| b.saturating_sub(1)).collect(), first - 192);
        }
        let rest = rest.strip_suffix(&[102]).unwrap_or(rest);
        (true, rest.iter().map(|b| 101_u8.saturating_sub(*b)).collect(), 63 - first)
    }

    /// It with so many digits behind the point, or rounded before it if `scale` is negative.
    #[must_use]
    pub fn rounded(&self, scale: i32) -> Self {
        let text = self.to_string();
        let (negative, text) =
            text.strip_prefix('-').map_or((false, &text[..]), |rest| (true, rest));
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let mut digits: Vec<u8> = whole.bytes().chain(part.bytes()).map(|b| b - b'0').collect();
        let keep = i32::try_from(whole.len()).unwrap_or(i32::MAX) + scale;
        let mut point = i32::try_from(whole.len()).unwrap_or(i32::MAX);
        let Ok(keep) = usize::try_from(keep) else { return Self(vec![0x80]) };
        if keep >= digits.len() {
            return self.clone();
        }
        let mut carry = digits[keep] >= 5;
        digits.truncate(keep);
        for digit in digits.iter_mut().rev() {
            if !carry {
                break;
            }
            carry = *digit == 9;
            *digit = if carry { 0 } else { *digit + 1 };
        }
        if carry {
            digits.insert(0, 1);
            point += 1;
        }
        let leading = digits.iter().take_while(|digit| **digit == 0).count();
        let significant: Vec<u8> = digits[leading..].iter().map(|digit| digit + b'0').collect();
        if significant.is_empty() {
            return Self(vec![0x80]);
        }
        let point = point - i32::try_from(leading).unwrap_or(0);
        Self::of_digits(negative, &significant, point)
    }

    /// How many digits stand before the point, without leading zeros.
    pub fn whole_digits(&self) -> usize {
        let text = self.to_string();
        text.trim_start_matches('-').split('.').next().map_or(0, str::len)
    }

    /// It as a whole number, if it is one that fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.to_string().parse().ok()
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::parse(&number.to_string()).expect("digits")
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::parse(&number.to_string()).expect("digits")
    }
}

/// As Oracle prints it: no zero before the point, none at the end.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (negative, pairs, before) = self.parts();
        if pairs.is_empty() {
            return f.write_str("0");
        }
        let mut whole = String::new();
        let mut part = String::new();
        for place in before.min(0)..before.max(i32::try_from(pairs.len()).unwrap_or(i32::MAX)) {
            let pair = usize::try_from(place).ok().and_then(|place| pairs.get(place)).unwrap_or(&0);
            let digits = format!("{pair:02}");
            if place < before { whole.push_str(&digits) } else { part.push_str(&digits) }
        }
        if negative {
            f.write_str("-")?;
        }
        let part = part.trim_end_matches('0');
        f.write_str(whole.trim_start_matches('0'))?;
        if part.is_empty() { Ok(()) } else { write!(f, ".{part}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_oracle_stores() {
        // By DUMP() in Oracle's documentation and in its clients' tests.
        for (text, bytes) in [
            ("0", &[0x80][..]),
            ("1", &[0xc1, 2]),
            ("-1", &[0x3e, 100, 102]),
            ("100", &[0xc2, 2]),
            ("123", &[0xc2, 2, 24]),
            ("-123.45", &[0x3d, 100, 78, 56, 102]),
            (".5", &[0xc0, 51]),
            (".05", &[0xc0, 6]),
            (".0005", &[0xbf, 6]),
            ("1234567", &[0xc4, 2, 24, 46, 68]),
        ] {
            let number = Number::parse(text).unwrap();
            assert_eq!(number.bytes(), bytes, "{text}");
            assert_eq!(number.to_string(), text);
        }
        assert_eq!(Number::parse("1e3").unwrap().to_string(), "1000");
        assert_eq!(Number::parse("-0.10").unwrap().to_string(), "-.1");
        assert_eq!(Number::parse("12e-4").unwrap().to_string(), ".0012");
        for text in ["", "x", "1x", "-", "1.2.3", "1e"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_rounded_to_their_scale() {
        for (text, scale, rounded) in [
            ("1.005", 2, "1.01"),
            ("-1.005", 2, "-1.01"),
            ("9.999", 2, "10"),
            (".004", 2, "0"),
            (".005", 2, ".01"),
            ("1234", -2, "1200"),
            ("1250", -2, "1300"),
            ("50", -2, "100"),
            ("49", -2, "0"),
            ("12", 0, "12"),
        ] {
            let number = Number::parse(text).unwrap().rounded(scale);
            assert_eq!(number.to_string(), rounded, "{text} to {scale}");
        }
        assert_eq!(Number::parse("-123.4").unwrap().whole_digits(), 3);
    }

    #[test]
    fn bytes_sort_as_numbers_do() {
        let texts = ["-1000", "-10.5", "-1", "-.01", "0", ".009", ".01", "1", "9.99", "10", "1e20"];
        let numbers: Vec<Number> = texts.iter().map(|text| Number::parse(text).unwrap()).collect();
        assert!(numbers.is_sorted());
    }
}
