//! Dates and times as text, with exactly the declared fraction digits.

use super::{
    error::ValueError,
    number::{push_int, push_padded},
};
use crate::{
    cell::{CivilDate, CivilDateTime, TimeOfDay},
    schema::Fsp,
};

/// Last second of the year 9999; beyond it no calendar text of four-digit years exists.
const LAST_SECOND: i64 = 253_402_300_799;

const SECONDS_PER_DAY: i64 = 86_400;

/// Appends exactly two digits for 0..=99, more for what is larger.
#[inline]
fn push_two(out: &mut Vec<u8>, value: u8) {
    if value < 100 {
        out.extend_from_slice(&[b'0' + value / 10, b'0' + value % 10]);
    } else {
        push_padded(out, u32::from(value), 2);
    }
}

/// Appends exactly four digits for 0..=9999, more for what is larger.
#[inline]
fn push_four(out: &mut Vec<u8>, value: u16) {
    if value < 10_000 {
        let (high, low) = ((value / 100) as u8, (value % 100) as u8);
        push_two(out, high);
        push_two(out, low);
    } else {
        push_padded(out, u32::from(value), 4);
    }
}

/// Appends `.ffffff`, cut to `fsp` digits; nothing for 0. A fraction with more digits than were
/// declared is an error, never cut.
fn push_fraction(out: &mut Vec<u8>, micros: u32, fsp: Fsp) -> Result<(), ValueError> {
    let unit = match fsp {
        0..=6 => 10u32.pow(6 - u32::from(fsp)),
        _ => return Err(ValueError::new(format!("{fsp} fraction digits, allowed are 0..=6"))),
    };
    if micros > 999_999 || micros % unit != 0 {
        return Err(ValueError::new(format!(
            "{micros} microseconds do not fit {fsp} declared fraction digits"
        )));
    }
    if fsp > 0 {
        out.push(b'.');
        push_padded(out, micros / unit, usize::from(fsp));
    }
    Ok(())
}

/// Appends `YYYY-MM-DD`; zero parts are printed as zeros.
pub(crate) fn push_date(out: &mut Vec<u8>, date: CivilDate) {
    push_four(out, date.year);
    out.push(b'-');
    push_two(out, date.month);
    out.push(b'-');
    push_two(out, date.day);
}

fn push_clock(out: &mut Vec<u8>, hour: u8, minute: u8, second: u8) {
    push_two(out, hour);
    out.push(b':');
    push_two(out, minute);
    out.push(b':');
    push_two(out, second);
}

/// Appends `[-]HH:MM:SS[.f]`; hours have two digits at least.
pub(crate) fn push_time(out: &mut Vec<u8>, time: TimeOfDay, fsp: Fsp) -> Result<(), ValueError> {
    if time.negative {
        out.push(b'-');
    }
    push_padded(out, u32::from(time.hours), 2);
    out.push(b':');
    push_two(out, time.minutes);
    out.push(b':');
    push_two(out, time.seconds);
    push_fraction(out, time.micros, fsp)
}

/// Appends `YYYY-MM-DD HH:MM:SS[.f]`.
pub(crate) fn push_datetime(
    out: &mut Vec<u8>,
    value: CivilDateTime,
    fsp: Fsp,
) -> Result<(), ValueError> {
    push_date(out, value.date);
    out.push(b' ');
    push_clock(out, value.hour, value.minute, value.second);
    push_fraction(out, value.micros, fsp)
}

/// Appends `YEAR` as four digits (`0000` for zero).
pub(crate) fn push_year(out: &mut Vec<u8>, year: u16) {
    push_four(out, year);
}

/// Appends a `TIMESTAMP` as `seconds.millis`: three fraction digits for `fsp` 0..=3, six above.
pub(crate) fn push_epoch(
    out: &mut Vec<u8>,
    seconds: i64,
    micros: u32,
    fsp: Fsp,
) -> Result<(), ValueError> {
    check_epoch(seconds)?;
    push_int(out, seconds);
    push_fraction(out, micros, if fsp <= 3 { 3 } else { 6 })
}

/// Appends a `TIMESTAMP` as `yyyy-mm-dd hh:mm:ss[.f]` in UTC; the zero timestamp is
/// `0000-00-00 00:00:00`.
pub(crate) fn push_utc(
    out: &mut Vec<u8>,
    seconds: i64,
    micros: u32,
    fsp: Fsp,
) -> Result<(), ValueError> {
    check_epoch(seconds)?;
    let date = if seconds == 0 && micros == 0 {
        CivilDate::default()
    } else {
        civil_from_days(seconds / SECONDS_PER_DAY)
    };
    let of_day = (seconds % SECONDS_PER_DAY) as u32;
    push_date(out, date);
    out.push(b' ');
    push_clock(out, (of_day / 3600) as u8, (of_day / 60 % 60) as u8, (of_day % 60) as u8);
    push_fraction(out, micros, fsp)
}

fn check_epoch(seconds: i64) -> Result<(), ValueError> {
    if (0..=LAST_SECOND).contains(&seconds) {
        return Ok(());
    }
    Err(ValueError::new(format!("TIMESTAMP second {seconds} is outside of 0..={LAST_SECOND}")))
}

/// The proleptic Gregorian date of a day count since 1970-01-01, for `days` of 1970..=9999.
///
/// Works in eras of 400 years (146 097 days) whose years begin in March, so that the leap day is the
/// last of a year and month lengths follow one line.
fn civil_from_days(days: i64) -> CivilDate {
    let since_march_of_zero = days + 719_468;
    let era = since_march_of_zero.div_euclid(146_097);
    let day_of_era = since_march_of_zero.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    CivilDate { year: year as u16, month: month as u8, day: day as u8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> Result<(), ValueError>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times() {
        let time =
            TimeOfDay { negative: true, hours: 838, minutes: 59, seconds: 9, micros: 500_000 };
        assert_eq!(text(|o| push_time(o, time, 1)), "-838:59:09.5");
        assert_eq!(text(|o| push_time(o, time, 6)), "-838:59:09.500000");
        let time = TimeOfDay { hours: 1, ..TimeOfDay::default() };
        assert_eq!(text(|o| push_time(o, time, 0)), "01:00:00");
    }

    #[test]
    fn datetimes() {
        let date = CivilDate { year: 2021, month: 6, day: 25 };
        let value = CivilDateTime { date, hour: 17, minute: 51, second: 53, micros: 120_000 };
        assert_eq!(text(|o| push_datetime(o, value, 3)), "2021-06-25 17:51:53.120");
        assert_eq!(
            text(|o| push_datetime(o, CivilDateTime::default(), 2)),
            "0000-00-00 00:00:00.00"
        );
    }

    #[test]
    fn a_fraction_is_never_cut() {
        let mut out = Vec::new();
        let value = CivilDateTime { micros: 1, ..CivilDateTime::default() };
        assert!(push_datetime(&mut out, value, 5).is_err());
        assert!(push_epoch(&mut out, 1, 1, 3).is_err());
        assert!(push_epoch(&mut out, 1, 0, 0).is_ok());
        assert!(push_datetime(&mut out, value, 7).is_err());
    }

    #[test]
    fn timestamps() {
        assert_eq!(text(|o| push_epoch(o, 1_624_614_713, 201_000, 3)), "1624614713.201");
        assert_eq!(text(|o| push_epoch(o, 1_624_614_713, 0, 0)), "1624614713.000");
        assert_eq!(text(|o| push_epoch(o, 1_624_614_713, 201_001, 6)), "1624614713.201001");
        assert_eq!(text(|o| push_epoch(o, 0, 0, 0)), "0.000");
        assert_eq!(text(|o| push_utc(o, 1_624_614_713, 201_000, 3)), "2021-06-25 09:51:53.201");
        assert_eq!(text(|o| push_utc(o, 1_700_000_000, 0, 0)), "2023-11-14 22:13:20");
        assert_eq!(text(|o| push_utc(o, 0, 0, 0)), "0000-00-00 00:00:00");
        assert_eq!(text(|o| push_utc(o, 1, 0, 0)), "1970-01-01 00:00:01");
        assert_eq!(text(|o| push_utc(o, 951_782_400, 0, 0)), "2000-02-29 00:00:00");
        assert_eq!(text(|o| push_utc(o, 4_294_967_295, 0, 0)), "2106-02-07 06:28:15");
        assert_eq!(text(|o| push_utc(o, LAST_SECOND, 0, 0)), "9999-12-31 23:59:59");
        let mut out = Vec::new();
        assert!(push_utc(&mut out, -1, 0, 0).is_err());
        assert!(push_epoch(&mut out, LAST_SECOND + 1, 0, 0).is_err());
    }
}
