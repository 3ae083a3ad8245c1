//! Dates and times as numbers that sort as MySQL sorts them.

use crate::calendar::{SECONDS_PER_DAY, civil_from_days};
use crate::cell::{Cell, CivilDate, CivilDateTime, TimeOfDay};
const MICROS_PER_SECOND: i64 = 1_000_000;

/// The sort number of a cell: of dates, datetimes and timestamps (UTC) one scale, of times another. `None` for others.
pub(super) fn of_cell(cell: &Cell<'_>) -> Option<i64> {
    match *cell {
        Cell::Date(date) => Some(of_datetime(&CivilDateTime { date, ..CivilDateTime::default() })),
        Cell::DateTime(value, _) => Some(of_datetime(&value)),
        Cell::Timestamp { seconds: 0, micros: 0, .. } => Some(0),
        Cell::Timestamp { seconds, micros, .. } => {
            let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
            let date = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
            Some(packed(date, second_of_day, micros))
        }
        Cell::Time(time, _) => Some(of_time(&time)),
        _ => None,
    }
}

fn of_datetime(value: &CivilDateTime) -> i64 {
    packed(value.date, clock(value.hour.into(), value.minute, value.second), value.micros)
}

fn clock(hours: i64, minute: u8, second: u8) -> i64 {
    hours
        .saturating_mul(60)
        .saturating_add(minute.into())
        .saturating_mul(60)
        .saturating_add(second.into())
}

fn packed(date: CivilDate, second_of_day: i64, micros: u32) -> i64 {
    let months = i64::from(date.year).saturating_mul(13).saturating_add(date.month.into());
    let days = months.saturating_mul(32).saturating_add(date.day.into());
    days.saturating_mul(SECONDS_PER_DAY)
        .saturating_add(second_of_day)
        .saturating_mul(MICROS_PER_SECOND)
        .saturating_add(micros.into())
}

fn of_time(time: &TimeOfDay) -> i64 {
    let seconds = clock(time.hours.into(), time.minutes, time.seconds);
    let micros = seconds.saturating_mul(MICROS_PER_SECOND).saturating_add(time.micros.into());
    if time.negative { micros.saturating_neg() } else { micros }
}

/// `YYYY-MM-DD`, alone or with ` HH:MM:SS` and a fraction of up to six digits; `None` for anything else.
pub(super) fn datetime(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = civil(date)?;
    if rest.is_empty() {
        return Some(packed(date, 0, 0));
    }
    let (hour, minute, second, micros) = time_of_day(rest.strip_prefix(' ')?)?;
    (hour <= 23).then(|| packed(date, clock(hour, minute, second), micros))
}

/// `[-]HH:MM:SS` with hours up to 838 and a fraction of up to six digits; `None` for anything else.
pub(super) fn time(text: &str) -> Option<i64> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (hours, minutes, seconds, micros) = time_of_day(text)?;
    let in_range = hours <= 837 || (hours == 838 && (minutes, seconds, micros) <= (59, 59, 0));
    let hours = u16::try_from(hours).ok().filter(|_| in_range)?;
    Some(of_time(&TimeOfDay { negative, hours, minutes, seconds, micros }))
}

fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let all = text.bytes().all(|byte| byte.is_ascii_digit());
    if all && lengths.contains(&text.len()) { text.parse().ok() } else { None }
}

/// A date that the calendar has.
fn civil(text: &str) -> Option<CivilDate> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let year = digits(year, 4..=4)?;
    let (month, day) = (digits(month, 2..=2)?, digits(day, 2..=2)?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let exists = (1..=last).contains(&day) && year > 0;
    exists.then_some(CivilDate { year: year as u16, month: month as u8, day: day as u8 })
}

fn time_of_day(text: &str) -> Option<(i64, u8, u8, u32)> {
    let (clock, fraction) = text.split_once('.').map_or((text, None), |(c, f)| (c, Some(f)));
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (minute, second) = (digits(minute, 2..=2)?, digits(second, 2..=2)?);
    let micros = match fraction {
        None => 0,
        Some(fraction) => {
            digits(&format!("{fraction:0<6}"), 6..=6).filter(|_| !fraction.is_empty())?
        }
    };
    let in_range = minute <= 59 && second <= 59;
    in_range.then_some((i64::from(digits(hour, 2..=3)?), minute as u8, second as u8, micros))
}
