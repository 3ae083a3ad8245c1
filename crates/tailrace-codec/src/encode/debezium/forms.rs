//! Values in the form that a mode gives them, for JSON and Avro alike.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::super::error::ValueError;
use super::super::number::{six_digits, two_digits};
use super::super::temporal::push_date;
use super::modes::{BinaryMode, TimeMode};
use crate::calendar::days_from_civil;
use crate::cell::{CivilDate, CivilDateTime, TimeOfDay};
use crate::schema::Fsp;

const MICROS_PER_SECOND: i64 = 1_000_000;
const HOURS_PER_DAY: u16 = 24;

/// The first day of the epoch, which stands for a date that is none where there cannot be null.
const EPOCH: CivilDate = CivilDate { year: 1970, month: 1, day: 1 };

/// Days since the epoch; none for zero and partial dates.
pub(super) fn days_of(date: CivilDate) -> Option<i64> {
    (date.year > 0 && date.month > 0 && date.day > 0).then(|| days_from_civil(date))
}

/// Microseconds of the epoch, as if it were UTC; none for zero and partial dates.
fn micros_of_datetime(value: CivilDateTime) -> Option<i64> {
    let days = days_of(value.date)?;
    let of_day =
        i64::from(value.hour) * 3600 + i64::from(value.minute) * 60 + i64::from(value.second);
    Some((days * 86_400 + of_day) * MICROS_PER_SECOND + i64::from(value.micros))
}

fn micros_of_time(time: TimeOfDay) -> i64 {
    let seconds =
        i64::from(time.hours) * 3600 + i64::from(time.minutes) * 60 + i64::from(time.seconds);
    let micros = seconds * MICROS_PER_SECOND + i64::from(time.micros);
    if time.negative { -micros } else { micros }
}

impl TimeMode {
    /// A date and time as a number, `None` for a date that is none; not for [`TimeMode::IsoString`].
    ///
    /// # Errors
    /// It is beyond what 64 bits of nanoseconds hold.
    pub(super) fn datetime(
        self,
        value: CivilDateTime,
        fsp: Fsp,
    ) -> Result<Option<i64>, ValueError> {
        let Some(micros) = micros_of_datetime(value) else { return Ok(None) };
        Ok(Some(match self {
            Self::Connect => micros.div_euclid(1000),
            Self::AdaptiveTimeMicroseconds if fsp <= 3 => micros.div_euclid(1000),
            Self::Nanoseconds => micros.checked_mul(1000).ok_or_else(|| {
                ValueError::new(
                    "a DATETIME that nanoseconds of 64 bits do not reach (time.precision.mode=nanoseconds ends in 2262)",
                )
            })?,
            _ => micros,
        }))
    }

    /// A time as a number; not for [`TimeMode::IsoString`].
    ///
    /// # Errors
    /// It is below zero or more than a day, and the mode is not Debezium's default.
    pub(super) fn time(self, time: TimeOfDay) -> Result<i64, ValueError> {
        let micros = micros_of_time(time);
        if self != Self::AdaptiveTimeMicroseconds {
            check_of_day(time)?;
        }
        Ok(match self {
            Self::Connect => micros.div_euclid(1000),
            Self::Nanoseconds => micros * 1000,
            _ => micros,
        })
    }
}

fn check_of_day(time: TimeOfDay) -> Result<(), ValueError> {
    if time.negative && micros_of_time(time) != 0 || time.hours >= HOURS_PER_DAY {
        return Err(ValueError::new(
            "a TIME that is no time of a day, which only time.precision.mode=adaptive_time_microseconds can tell",
        ));
    }
    Ok(())
}

/// Appends a date as ISO 8601 has it, in UTC; the epoch's first day for one that is none.
pub(super) fn push_iso_date(out: &mut Vec<u8>, date: CivilDate) -> Result<(), ValueError> {
    push_date(out, if days_of(date).is_some() { date } else { EPOCH })?;
    out.push(b'Z');
    Ok(())
}

/// Appends a time of a day as ISO 8601 has it, in UTC.
///
/// # Errors
/// As [`TimeMode::time`].
pub(super) fn push_iso_time(out: &mut Vec<u8>, time: TimeOfDay) -> Result<(), ValueError> {
    check_of_day(time)?;
    let hour = u8::try_from(time.hours)
        .map_err(|_| ValueError::new(format!("a TIME of {} hours", time.hours)))?;
    push_clock(out, (hour, time.minutes, time.seconds), time.micros);
    Ok(())
}

/// Appends a date and time as ISO 8601 has it, in UTC; the epoch for one whose date is none.
pub(super) fn push_iso_datetime(out: &mut Vec<u8>, value: CivilDateTime) -> Result<(), ValueError> {
    let is_date = days_of(value.date).is_some();
    let value =
        if is_date { value } else { CivilDateTime { date: EPOCH, ..CivilDateTime::default() } };
    push_date(out, value.date)?;
    out.push(b'T');
    push_clock(out, (value.hour, value.minute, value.second), value.micros);
    Ok(())
}

/// Hours, minutes, seconds, a fraction in groups of three digits if there is one, and `Z`.
fn push_clock(out: &mut Vec<u8>, (hour, minute, second): (u8, u8, u8), micros: u32) {
    for (part, behind) in [(hour, b":".as_slice()), (minute, b":"), (second, b"")] {
        out.extend_from_slice(&two_digits(part));
        out.extend_from_slice(behind);
    }
    if micros != 0 {
        out.push(b'.');
        let digits = six_digits(micros);
        let end = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
        out.extend_from_slice(digits.get(..end).unwrap_or(&digits));
    }
    out.push(b'Z');
}

impl BinaryMode {
    /// Appends bytes as text; not for [`BinaryMode::Bytes`], which is no text.
    pub(super) fn push_text(self, out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), ValueError> {
        let start = out.len();
        // Four characters for three bytes, the last group filled; or two for each.
        let longest = bytes.len().div_ceil(3).saturating_mul(4).max(bytes.len().saturating_mul(2));
        out.resize(start + longest, 0);
        let room = out.get_mut(start..).unwrap_or_default();
        let written = match self {
            Self::Hex => push_hex(room, bytes),
            Self::Base64UrlSafe => URL_SAFE.encode_slice(bytes, room).map_err(too_long)?,
            Self::Bytes | Self::Base64 => STANDARD.encode_slice(bytes, room).map_err(too_long)?,
        };
        out.truncate(start + written);
        Ok(())
    }
}

fn too_long(e: base64::EncodeSliceError) -> ValueError {
    ValueError::new(format!("base64: {e}"))
}

fn push_hex(room: &mut [u8], bytes: &[u8]) -> usize {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    for (place, byte) in room.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *place = [digit(byte >> 4), digit(byte & 0xF)];
    }
    bytes.len().saturating_mul(2)
}
