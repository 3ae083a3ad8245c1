//! Packed dates and times of row images.
//!
//! Values since MySQL 5.6.4 are big-endian so that they sort as bytes: an integer part with its sign
//! bit inverted, then a fraction of `(fsp + 1) / 2` bytes. Older columns keep decimal digits or a
//! plain Unix time until they are rebuilt.

use super::cell_reader::Fault;
use crate::cell::{CivilDate, CivilDateTime, TimeOfDay};

/// Bytes of the fraction of a value with `fsp` declared digits.
pub(super) const fn fraction_bytes(fsp: u8) -> usize {
    match fsp {
        0 => 0,
        1 | 2 => 1,
        3 | 4 => 2,
        _ => 3,
    }
}

/// A big-endian fraction as microseconds.
fn fraction_micros(bytes: &[u8]) -> u32 {
    match *bytes {
        [a] => u32::from(a).saturating_mul(10_000),
        [a, b] => u32::from(u16::from_be_bytes([a, b])).saturating_mul(100),
        [a, b, c] => u32::from_be_bytes([0, a, b, c]),
        _ => 0,
    }
}

fn checked_micros(bytes: &[u8]) -> Result<u32, Fault> {
    match fraction_micros(bytes) {
        micros @ 0..=999_999 => Ok(micros),
        _ => Err(Fault::Invalid("fraction of a second or more")),
    }
}

fn civil_date(year: u32, month: u32, day: u32) -> Result<CivilDate, Fault> {
    if month > 12 || day > 31 || year > 9999 {
        return Err(Fault::Invalid("year above 9999, month above 12 or day above 31"));
    }
    let (Ok(year), Ok(month), Ok(day)) =
        (u16::try_from(year), u8::try_from(month), u8::try_from(day))
    else {
        return Err(Fault::Invalid("date out of range"));
    };
    Ok(CivilDate { year, month, day })
}

fn clock(hours: u32, minutes: u32, seconds: u32) -> Result<(u8, u8, u8), Fault> {
    if hours > 23 || minutes > 59 || seconds > 59 {
        return Err(Fault::Invalid("hour above 23, minute above 59 or second above 59"));
    }
    let (Ok(h), Ok(m), Ok(s)) = (u8::try_from(hours), u8::try_from(minutes), u8::try_from(seconds))
    else {
        return Err(Fault::Invalid("time out of range"));
    };
    Ok((h, m, s))
}

/// `DATE`: three bytes, little-endian; day in 5 bits, month in 4, year above.
pub(super) fn date(bytes: [u8; 3]) -> Result<CivilDate, Fault> {
    let [a, b, c] = bytes;
    let v = u32::from_le_bytes([a, b, c, 0]);
    civil_date(v >> 9, (v >> 5) & 15, v & 31)
}

/// `DATETIME(fsp)`: five bytes and the fraction. The integer is year * 13 + month in 17 bits, day in
/// 5, hour in 5, minute in 6, second in 6.
pub(super) fn datetime2(bytes: [u8; 5], fraction: &[u8]) -> Result<CivilDateTime, Fault> {
    const SIGN: u64 = 0x80_0000_0000;
    let [a, b, c, d, e] = bytes;
    let stored = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
    let Some(v) = stored.checked_sub(SIGN) else {
        return Err(Fault::Invalid("a DATETIME cannot be negative"));
    };
    let micros = checked_micros(fraction)?;
    datetime_from_packed(v, micros)
}

/// The integer part of a packed `DATETIME` (also of JSON's) with its microseconds.
pub(super) fn datetime_from_packed(v: u64, micros: u32) -> Result<CivilDateTime, Fault> {
    let field = |shift: u32, mask: u64| u32::try_from((v >> shift) & mask).unwrap_or(u32::MAX);
    let year_month = field(22, 0x1_ffff);
    let date = civil_date(year_month / 13, year_month % 13, field(17, 31))?;
    let (hour, minute, second) = clock(field(12, 31), field(6, 63), field(0, 63))?;
    Ok(CivilDateTime { date, hour, minute, second, micros })
}

/// `TIMESTAMP(fsp)`: four bytes of Unix time and the fraction.
pub(super) fn timestamp2(bytes: [u8; 4], fraction: &[u8]) -> Result<(i64, u32), Fault> {
    Ok((i64::from(u32::from_be_bytes(bytes)), checked_micros(fraction)?))
}

/// `TIME(fsp)`: three bytes and the fraction, which together are one number in two's complement with
/// the sign bit inverted. So below zero the fraction counts up from the next lower second.
pub(super) fn time2(bytes: [u8; 3], fraction: &[u8]) -> Result<TimeOfDay, Fault> {
    let [a, b, c] = bytes;
    // Fraction bits below, so that one negation turns the pair into its magnitude.
    let (fraction_bits, raw) = match *fraction {
        [] => (0u32, i64::from(u32::from_be_bytes([0, a, b, c]))),
        [f] => (8, i64::from(u32::from_be_bytes([a, b, c, f]))),
        [f, g] => (16, i64::from_be_bytes([0, 0, 0, a, b, c, f, g])),
        [f, g, h, ..] => (24, i64::from_be_bytes([0, 0, a, b, c, f, g, h])),
    };
    let zero = 0x80_0000_i64 << fraction_bits;
    let value = raw.wrapping_sub(zero);
    let magnitude = value.unsigned_abs();
    let below = (1u64 << fraction_bits).wrapping_sub(1);
    let part = magnitude & below;
    // The parts are hundredths, ten-thousandths or millionths by width.
    let scale = match fraction_bits {
        8 => 10_000,
        16 => 100,
        _ => 1,
    };
    let micros = part.saturating_mul(scale);
    time_from_packed(value < 0, magnitude >> fraction_bits, micros)
}

/// Hours in 10 bits, minutes in 6, seconds in 6 (also JSON's).
pub(super) fn time_from_packed(negative: bool, hms: u64, micros: u64) -> Result<TimeOfDay, Fault> {
    let field = |shift: u32, mask: u64| u32::try_from((hms >> shift) & mask).unwrap_or(u32::MAX);
    let (hours, minutes, seconds) = (field(12, 0x3ff), field(6, 63), field(0, 63));
    time_of_day(negative, hours, minutes, seconds, micros)
}

fn time_of_day(
    negative: bool,
    hours: u32,
    minutes: u32,
    seconds: u32,
    micros: u64,
) -> Result<TimeOfDay, Fault> {
    if hours > 838 || minutes > 59 || seconds > 59 || micros > 999_999 {
        return Err(Fault::Invalid(
            "hour above 838, minute or second above 59, or a whole second of fraction",
        ));
    }
    let (Ok(hours), Ok(minutes), Ok(seconds), Ok(micros)) =
        (u16::try_from(hours), u8::try_from(minutes), u8::try_from(seconds), u32::try_from(micros))
    else {
        return Err(Fault::Invalid("time out of range"));
    };
    Ok(TimeOfDay { negative, hours, minutes, seconds, micros })
}

/// `TIME` before 5.6.4: the decimal number hhmmss in three bytes, little-endian, signed.
pub(super) fn old_time(bytes: [u8; 3]) -> Result<TimeOfDay, Fault> {
    let [a, b, c] = bytes;
    let value = i32::from_le_bytes([0, a, b, c]) >> 8;
    let v = value.unsigned_abs();
    time_of_day(value < 0, v / 10_000, v / 100 % 100, v % 100, 0)
}

/// `DATETIME` before 5.6.4: the decimal number YYYYMMDDhhmmss in eight bytes, little-endian.
pub(super) fn old_datetime(bytes: [u8; 8]) -> Result<CivilDateTime, Fault> {
    let v = u64::from_le_bytes(bytes);
    let narrow = |part: u64| u32::try_from(part).unwrap_or(u32::MAX);
    let (days, seconds) = (v / 1_000_000, narrow(v % 1_000_000));
    let date = civil_date(narrow(days / 10_000), narrow(days / 100 % 100), narrow(days % 100))?;
    let (hour, minute, second) = clock(seconds / 10_000, seconds / 100 % 100, seconds % 100)?;
    Ok(CivilDateTime { date, hour, minute, second, micros: 0 })
}
