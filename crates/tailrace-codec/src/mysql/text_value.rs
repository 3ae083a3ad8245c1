//! Values of text result sets, parsed strictly: what the server prints for a type, and nothing else.

use crate::{
    calendar::days_from_civil,
    cell::{CivilDate, CivilDateTime, TimeOfDay},
    schema::Fsp,
};

/// Why a text is not a value of its type; the caller names the column.
pub(super) type Reason = String;

fn refuse<T>(text: &[u8], wanted: &str) -> Result<T, Reason> {
    /// Bytes of a wrong value that an error quotes.
    const QUOTED_BYTES_MAX: usize = 64;
    let shown = text.get(..QUOTED_BYTES_MAX).unwrap_or(text);
    Err(format!("{:?} is not {wanted}", String::from_utf8_lossy(shown)))
}

/// An unsigned number of at least one digit.
#[inline]
pub(super) fn unsigned(text: &[u8]) -> Result<u64, Reason> {
    match digits(text) {
        Some(value) => Ok(value),
        None => refuse(text, "an unsigned integer of 64 bits"),
    }
}

#[inline]
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |value, &byte| {
        let digit = byte.checked_sub(b'0').filter(|&d| d < 10)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A signed number.
#[inline]
pub(super) fn signed(text: &[u8]) -> Result<i64, Reason> {
    let value = match text.strip_prefix(b"-") {
        None => digits(text).and_then(|v| i64::try_from(v).ok()),
        Some(magnitude) => digits(magnitude).and_then(|v| 0i64.checked_sub_unsigned(v)),
    };
    match value {
        Some(value) => Ok(value),
        None => refuse(text, "a signed integer of 64 bits"),
    }
}

/// A double; the server prints the shortest text that reads back as the same value.
pub(super) fn double(text: &[u8]) -> Result<f64, Reason> {
    let begins_like_a_number = text
        .strip_prefix(b"-")
        .unwrap_or(text)
        .first()
        .is_some_and(|b| b.is_ascii_digit() || *b == b'.');
    let parsed = std::str::from_utf8(text).ok().and_then(|t| t.parse::<f64>().ok());
    match parsed {
        Some(value) if begins_like_a_number && value.is_finite() => Ok(value),
        _ => refuse(text, "a finite number"),
    }
}

/// A `FLOAT`, selected as a double so that no digit is lost.
#[expect(clippy::cast_possible_truncation, reason = "the value is compared after the cast")]
pub(super) fn float(text: &[u8]) -> Result<f32, Reason> {
    let wide = double(text)?;
    let narrow = wide as f32;
    // Compared as bits, so that -0 stays -0.
    if f64::from(narrow).to_bits() == wide.to_bits() {
        return Ok(narrow);
    }
    refuse(text, "a value that 32 bits hold exactly; FLOAT must be selected as DOUBLE")
}

/// `YEAR`: 0000 or 1901..=2155.
pub(super) fn year(text: &[u8]) -> Result<u16, Reason> {
    match digits(text).and_then(|v| u16::try_from(v).ok()) {
        Some(value) if text.len() == 4 && (value == 0 || (1901..=2155).contains(&value)) => {
            Ok(value)
        }
        _ => refuse(text, "a YEAR of four digits, 0000 or 1901..=2155"),
    }
}

/// A number of exactly `N` digits, at most `max`.
fn part<const N: usize>(text: &[u8], max: u64) -> Option<u64> {
    (text.len() == N).then(|| digits(text)).flatten().filter(|&v| v <= max)
}

/// Splits a text at the first occurrence of a byte.
fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let (head, rest) = text.split_at_checked(memchr::memchr(at, text)?)?;
    rest.split_first().map(|(_, tail)| (head, tail))
}

fn date_parts(text: &[u8]) -> Option<CivilDate> {
    let (year, rest) = split(text, b'-')?;
    let (month, day) = split(rest, b'-')?;
    Some(CivilDate {
        year: u16::try_from(part::<4>(year, 9999)?).ok()?,
        month: u8::try_from(part::<2>(month, 12)?).ok()?,
        day: u8::try_from(part::<2>(day, 31)?).ok()?,
    })
}

/// `YYYY-MM-DD`; zero parts are legal.
pub(super) fn date(text: &[u8]) -> Result<CivilDate, Reason> {
    match date_parts(text) {
        Some(date) => Ok(date),
        None => refuse(text, "a date YYYY-MM-DD"),
    }
}

/// `MM:SS[.f]` behind the hours.
fn clock_tail(text: &[u8], fsp: Fsp) -> Option<(u8, u8, u32)> {
    let (minute, rest) = split(text, b':')?;
    let (second, fraction) = match split(rest, b'.') {
        Some((second, fraction)) => (second, fraction),
        None => (rest, &[][..]),
    };
    if fraction.len() != usize::from(fsp) {
        return None;
    }
    let micros = if fraction.is_empty() {
        0
    } else {
        let unit = 10u64.checked_pow(6u32.checked_sub(u32::from(fsp))?)?;
        u32::try_from(digits(fraction)?.checked_mul(unit)?).ok()?
    };
    let minute = u8::try_from(part::<2>(minute, 59)?).ok()?;
    let second = u8::try_from(part::<2>(second, 59)?).ok()?;
    Some((minute, second, micros))
}

/// `[-]H…H:MM:SS[.f]` with exactly `fsp` fraction digits.
pub(super) fn time(text: &[u8], fsp: Fsp) -> Result<TimeOfDay, Reason> {
    let parse = || {
        let magnitude = text.strip_prefix(b"-").unwrap_or(text);
        let (hours, rest) = split(magnitude, b':')?;
        let (minutes, seconds, micros) = clock_tail(rest, fsp)?;
        let hours = part::<2>(hours, 99).or_else(|| part::<3>(hours, 838))?;
        Some(TimeOfDay {
            negative: magnitude.len() < text.len(),
            hours: u16::try_from(hours).ok()?,
            minutes,
            seconds,
            micros,
        })
    };
    match parse() {
        Some(time) => Ok(time),
        None => refuse(text, &format!("a time with {fsp} fraction digits")),
    }
}

/// `YYYY-MM-DD HH:MM:SS[.f]` with exactly `fsp` fraction digits.
pub(super) fn datetime(text: &[u8], fsp: Fsp) -> Result<CivilDateTime, Reason> {
    let parse = || {
        let (date, clock) = split(text, b' ')?;
        let (hour, rest) = split(clock, b':')?;
        let (minute, second, micros) = clock_tail(rest, fsp)?;
        let hour = u8::try_from(part::<2>(hour, 23)?).ok()?;
        Some(CivilDateTime { date: date_parts(date)?, hour, minute, second, micros })
    };
    match parse() {
        Some(value) => Ok(value),
        None => refuse(text, &format!("a date and time with {fsp} fraction digits")),
    }
}

/// A `TIMESTAMP` printed in UTC, as seconds of the Unix epoch and microseconds; the zero timestamp
/// gives 0.
pub(super) fn timestamp(text: &[u8], fsp: Fsp) -> Result<(i64, u32), Reason> {
    let value = datetime(text, fsp)?;
    if value == CivilDateTime::default() {
        return Ok((0, 0));
    }
    let CivilDateTime { date, hour, minute, second, micros } = value;
    if date.year < 1970 || date.month == 0 || date.day == 0 {
        return refuse(text, "a TIMESTAMP of the Unix epoch in UTC");
    }
    let of_day = [(hour, 3600), (minute, 60), (second, 1)]
        .iter()
        .map(|&(count, unit): &(u8, i64)| i64::from(count).saturating_mul(unit))
        .fold(0i64, i64::saturating_add);
    let seconds = days_from_civil(date).saturating_mul(86_400).saturating_add(of_day);
    Ok((seconds, micros))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers() {
        assert_eq!(unsigned(b"18446744073709551615").unwrap(), u64::MAX);
        assert_eq!(unsigned(b"00042").unwrap(), 42);
        assert_eq!(signed(b"-9223372036854775808").unwrap(), i64::MIN);
        assert_eq!(signed(b"9223372036854775807").unwrap(), i64::MAX);
        for wrong in [&b""[..], b"-", b"1a", b"+1", b" 1", b"18446744073709551616"] {
            assert!(unsigned(wrong).is_err());
            assert!(signed(wrong).is_err());
        }
    }

    #[test]
    fn floats() {
        assert_eq!(float(b"0.10000000149011612").unwrap(), 0.1);
        assert_eq!(float(b"1.401298464324817e-45").unwrap().to_bits(), 1);
        assert_eq!(float(b"-0").unwrap().to_bits(), 0x8000_0000);
        assert!(float(b"0.1").is_err());
        assert_eq!(double(b"5e-324").unwrap().to_bits(), 1);
        for wrong in [&b""[..], b"nan", b"inf", b"-inf", b"infinity", b"1e999", b"1,5"] {
            assert!(double(wrong).is_err());
        }
    }

    #[test]
    fn moments() {
        assert_eq!(date(b"2024-00-10").unwrap(), CivilDate { year: 2024, month: 0, day: 10 });
        assert_eq!(
            time(b"-838:59:59.000001", 6).unwrap(),
            TimeOfDay { negative: true, hours: 838, minutes: 59, seconds: 59, micros: 1 }
        );
        assert_eq!(time(b"00:00:01.5", 1).unwrap().micros, 500_000);
        assert_eq!(timestamp(b"2021-06-25 09:51:53.201", 3).unwrap(), (1_624_614_713, 201_000));
        assert_eq!(timestamp(b"0000-00-00 00:00:00.00", 2).unwrap(), (0, 0));
        assert_eq!(timestamp(b"2000-02-29 00:00:00", 0).unwrap(), (951_782_400, 0));
        assert_eq!(timestamp(b"2106-02-07 06:28:15", 0).unwrap(), (4_294_967_295, 0));
        assert_eq!(year(b"0000").unwrap(), 0);
        assert!(year(b"24").is_err() && year(b"1900").is_err());
        for wrong in [&b"2024-1-1"[..], b"2024-13-01", b"2024-01-32", b"x", b"2024-01-01 "] {
            assert!(date(wrong).is_err());
        }
        for wrong in [&b"1:00:00"[..], b"839:00:00", b"00:60:00", b"00:00:00.1", b"--1:00:00"] {
            assert!(time(wrong, 0).is_err());
        }
        assert!(time(b"00:00:00", 3).is_err());
        assert!(datetime(b"2024-01-01 24:00:00", 0).is_err());
        assert!(timestamp(b"1969-12-31 23:59:59", 0).is_err());
        assert!(timestamp(b"2024-00-01 00:00:00", 0).is_err());
    }

    proptest! {
        #[test]
        fn no_panic(text: Vec<u8>, fsp: u8) {
            let _ = (signed(&text), float(&text), year(&text), date(&text));
            let _ = (time(&text, fsp), timestamp(&text, fsp));
        }

        #[test]
        fn near_misses_do_not_panic(text in "[-0-9:. ]{0,30}", fsp in 0u8..8) {
            let _ = (time(text.as_bytes(), fsp), timestamp(text.as_bytes(), fsp));
            let _ = (signed(text.as_bytes()), double(text.as_bytes()));
        }
    }
}
