//! Integers, and floats in the text form of Java's `Float.toString` / `Double.toString`.
//!
//! Java's form (JDK 19 and later): the shortest decimal that reads back as the same value, at least
//! one digit on both sides of the point; plain for 10^-3 <= |x| < 10^7, else `d.dddE±n`.

use super::error::ValueError;

/// Appends a signed integer.
#[inline]
pub(crate) fn push_int(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an unsigned integer.
#[inline]
pub(crate) fn push_uint(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Two decimal digits of 0..=99.
#[inline(always)]
pub(crate) fn two_digits(value: u8) -> [u8; 2] {
    [b'0' + value / 10, b'0' + value % 10]
}

/// Six decimal digits of 0..=999_999.
#[inline(always)]
pub(crate) fn six_digits(value: u32) -> [u8; 6] {
    let pair = |divisor: u32| two_digits((value / divisor % 100) as u8);
    let ([a, b], [c, d], [e, f]) = (pair(10_000), pair(100), pair(1));
    [a, b, c, d, e, f]
}

/// Significant digits of a float without a point, and the power of ten of the first one.
struct Shortest {
    /// 17 for any double; room for the zeros of the printer's plain form.
    digits: [u8; 24],
    len: usize,
    /// The value is `0.d1d2d3… * 10^point`.
    point: i32,
}

impl Shortest {
    /// Takes apart a printed finite, non-zero, non-negative number such as `12.5`, `1e16`, `3.2e-7`.
    fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once('e') {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut shortest = Self { digits: [0; 24], len: 0, point: 0 };
        let mut leading_zeros = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            if shortest.len == 0 && byte == b'0' {
                leading_zeros += 1;
                continue;
            }
            *shortest.digits.get_mut(shortest.len)? = byte;
            shortest.len += 1;
        }
        shortest.point = i32::try_from(whole.len()).ok()? - leading_zeros + exponent;
        while shortest.len > 1 && shortest.digits.get(shortest.len - 1) == Some(&b'0') {
            shortest.len -= 1;
        }
        (shortest.len > 0).then_some(shortest)
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).unwrap_or_default()
    }

    /// Lays the digits out as Java does.
    fn push_java(&self, out: &mut Vec<u8>) {
        let digits = self.digits();
        let exponent = self.point - 1;
        match usize::try_from(self.point) {
            Ok(before) if (1..=7).contains(&before) => {
                let (whole, fraction) = digits.split_at_checked(before).unwrap_or((digits, &[]));
                out.extend_from_slice(whole);
                for _ in whole.len()..before {
                    out.push(b'0');
                }
                push_fraction(out, fraction);
            }
            _ if (-2..=0).contains(&self.point) => {
                out.extend_from_slice(b"0.");
                for _ in self.point..0 {
                    out.push(b'0');
                }
                out.extend_from_slice(digits);
            }
            _ => {
                let (whole, fraction) = digits.split_at_checked(1).unwrap_or((digits, &[]));
                out.extend_from_slice(whole);
                push_fraction(out, fraction);
                out.push(b'E');
                push_int(out, i64::from(exponent));
            }
        }
    }
}

fn push_fraction(out: &mut Vec<u8>, fraction: &[u8]) {
    out.push(b'.');
    out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction });
}

/// The words for values that have no digits; true if the value was one of them.
fn push_special(out: &mut Vec<u8>, value: f64) -> bool {
    let word: &[u8] = if value.is_nan() {
        b"NaN"
    } else if value.is_infinite() {
        if value < 0.0 { b"-Infinity" } else { b"Infinity" }
    } else if value == 0.0 {
        if value.is_sign_negative() { b"-0.0" } else { b"0.0" }
    } else {
        return false;
    };
    out.extend_from_slice(word);
    true
}

/// Appends digits in Java's layout; `subnormal` values with one shortest digit are printed with the
/// two closest ones, which is where Java's rule and the shortest form differ (4.9E-324, 1.4E-45).
fn push_digits(out: &mut Vec<u8>, text: &str, subnormal: Option<String>) -> Result<(), ValueError> {
    let mut parts = Shortest::parse(text);
    if parts.as_ref().is_some_and(|p| p.len == 1)
        && let Some(two_digits) = subnormal
    {
        parts = Shortest::parse(&two_digits);
    }
    let parts =
        parts.ok_or_else(|| ValueError::new(format!("the float text {text} is not a number")))?;
    parts.push_java(out);
    Ok(())
}

/// Appends a `FLOAT` as Java's `Float.toString` prints it.
pub(crate) fn push_java_float(out: &mut Vec<u8>, value: f32) -> Result<(), ValueError> {
    if push_special(out, f64::from(value)) {
        return Ok(());
    }
    if value < 0.0 {
        out.push(b'-');
    }
    let value = value.abs();
    if (1e-3..1e7).contains(&value) {
        // Here the shortest form is laid out as Java does it.
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
        return Ok(());
    }
    let subnormal = (!value.is_normal()).then(|| format!("{value:.1e}"));
    push_digits(out, zmij::Buffer::new().format_finite(value), subnormal)
}

/// Appends a `DOUBLE` as Java's `Double.toString` prints it.
pub(crate) fn push_java_double(out: &mut Vec<u8>, value: f64) -> Result<(), ValueError> {
    if push_special(out, value) {
        return Ok(());
    }
    if value < 0.0 {
        out.push(b'-');
    }
    let value = value.abs();
    if (1e-3..1e7).contains(&value) {
        // Here the shortest form is laid out as Java does it.
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
        return Ok(());
    }
    let subnormal = (!value.is_normal()).then(|| format!("{value:.1e}"));
    push_digits(out, zmij::Buffer::new().format_finite(value), subnormal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn double(value: f64) -> String {
        let mut out = Vec::new();
        push_java_double(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn float(value: f32) -> String {
        let mut out = Vec::new();
        push_java_float(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn java_double_forms() {
        for (value, want) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (100.0, "100.0"),
            (0.001, "0.001"),
            (0.0123, "0.0123"),
            (0.123, "0.123"),
            (0.000_999_9, "9.999E-4"),
            (1.0e-5, "1.0E-5"),
            (9_999_999.0, "9999999.0"),
            (9_999_999.5, "9999999.5"),
            (1.0e7, "1.0E7"),
            (12_510_357.0, "1.2510357E7"),
            (1.0e23, "1.0E23"),
            (2.0e23, "2.0E23"),
            (2.2e-322, "2.2E-322"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::MIN_POSITIVE, "2.2250738585072014E-308"),
            (f64::from_bits(1), "4.9E-324"),
            (f64::from_bits(2), "9.9E-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), want);
        }
    }

    #[test]
    fn java_float_forms() {
        for (value, want) in [
            (10357.0, "10357.0"),
            (0.1, "0.1"),
            (1.1, "1.1"),
            (3.141_592_5, "3.1415925"),
            (16_777_216.0, "1.6777216E7"),
            (f32::MAX, "3.4028235E38"),
            (f32::from_bits(1), "1.4E-45"),
            (f32::MIN_POSITIVE, "1.1754944E-38"),
            (-2.5e-4, "-2.5E-4"),
        ] {
            assert_eq!(float(value), want);
        }
    }

    proptest! {
        #[test]
        fn the_plain_form_needs_no_new_layout(exponent in -3.0f64..7.0) {
            let value = 10f64.powf(exponent);
            prop_assume!((1e-3..1e7).contains(&value));
            let mut laid_out = Vec::new();
            push_digits(&mut laid_out, zmij::Buffer::new().format_finite(value), None).unwrap();
            prop_assert_eq!(double(value).into_bytes(), laid_out);
            let value = value as f32;
            prop_assume!((1e-3..1e7).contains(&value));
            let mut laid_out = Vec::new();
            push_digits(&mut laid_out, zmij::Buffer::new().format_finite(value), None).unwrap();
            prop_assert_eq!(float(value).into_bytes(), laid_out);
        }

        #[test]
        fn doubles_read_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let text = double(value);
            prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits);
            let magnitude = value.abs();
            let plain = magnitude == 0.0 || (1e-3..1e7).contains(&magnitude);
            prop_assert_eq!(!text.contains('E'), plain);
        }

        #[test]
        fn floats_read_back(bits in any::<u32>()) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(float(value).parse::<f32>().unwrap().to_bits(), bits);
        }
    }
}
