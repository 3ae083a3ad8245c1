//! Dates and times as text, with exactly the declared fraction digits.

use super::{
    error::ValueError,
    number::{push_int, push_uint, six_digits, two_digits},
};
use crate::{
    calendar::{LAST_SECOND, SECONDS_PER_DAY, civil_from_days},
    cell::{CivilDate, CivilDateTime, TimeOfDay},
    schema::Fsp,
};

/// Appends `.ffffff`, cut to `fsp` digits; nothing for 0. A fraction with more digits than were
/// declared is an error, never cut.
#[inline]
fn push_fraction(out: &mut Vec<u8>, micros: u32, fsp: Fsp) -> Result<(), ValueError> {
    let unit = match fsp {
        0 => 1_000_000,
        1 => 100_000,
        2 => 10_000,
        3 => 1000,
        4 => 100,
        5 => 10,
        6 => 1,
        _ => return Err(ValueError::new(format!("{fsp} fraction digits, allowed are 0..=6"))),
    };
    if micros > 999_999 || !micros.is_multiple_of(unit) {
        return Err(ValueError::new(format!(
            "{micros} microseconds do not fit {fsp} declared fraction digits"
        )));
    }
    if fsp > 0 {
        let [a, b, c, d, e, f] = six_digits(micros);
        let text = [b'.', a, b, c, d, e, f];
        out.extend_from_slice(text.get(..=usize::from(fsp)).unwrap_or(&text));
    }
    Ok(())
}

/// `YYYY-MM-DD`; zero parts are printed as zeros.
#[inline]
fn date_text(date: CivilDate) -> Result<[u8; 10], ValueError> {
    let CivilDate { year, month, day } = date;
    if year > 9999 || month > 99 || day > 99 {
        return Err(ValueError::new(format!(
            "year {year}, month {month}, day {day} do not fit YYYY-MM-DD"
        )));
    }
    let ([y1, y2], [y3, y4]) = (two_digits((year / 100) as u8), two_digits((year % 100) as u8));
    let ([m1, m2], [d1, d2]) = (two_digits(month), two_digits(day));
    Ok([y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2])
}

/// `HH:MM:SS`
#[inline]
fn clock_text(hour: u8, minute: u8, second: u8) -> Result<[u8; 8], ValueError> {
    if hour > 99 || minute > 99 || second > 99 {
        return Err(ValueError::new(format!(
            "hour {hour}, minute {minute}, second {second} do not fit HH:MM:SS"
        )));
    }
    let ([h1, h2], [m1, m2], [s1, s2]) = (two_digits(hour), two_digits(minute), two_digits(second));
    Ok([h1, h2, b':', m1, m2, b':', s1, s2])
}

/// Appends `YYYY-MM-DD`.
pub(crate) fn push_date(out: &mut Vec<u8>, date: CivilDate) -> Result<(), ValueError> {
    out.extend_from_slice(&date_text(date)?);
    Ok(())
}

/// Appends `[-]HH:MM:SS[.f]`; hours have two digits at least.
pub(crate) fn push_time(out: &mut Vec<u8>, time: TimeOfDay, fsp: Fsp) -> Result<(), ValueError> {
    if time.negative {
        out.push(b'-');
    }
    let hours = match u8::try_from(time.hours) {
        Ok(hours @ 0..=99) => hours,
        _ => {
            // Three digits and more: the ones before the last two stand alone.
            push_uint(out, u64::from(time.hours / 100));
            (time.hours % 100) as u8
        }
    };
    out.extend_from_slice(&clock_text(hours, time.minutes, time.seconds)?);
    push_fraction(out, time.micros, fsp)
}

/// Appends `YYYY-MM-DD HH:MM:SS[.f]`.
pub(crate) fn push_datetime(
    out: &mut Vec<u8>,
    value: CivilDateTime,
    fsp: Fsp,
) -> Result<(), ValueError> {
    push_seconds(out, date_text(value.date)?, clock_text(value.hour, value.minute, value.second)?);
    push_fraction(out, value.micros, fsp)
}

/// `YYYY-MM-DD HH:MM:SS` in one piece.
#[inline]
fn push_seconds(out: &mut Vec<u8>, date: [u8; 10], clock: [u8; 8]) {
    let mut text = [b' '; 19];
    let parts = date.iter().chain(b" ").chain(&clock);
    for (to, from) in text.iter_mut().zip(parts) {
        *to = *from;
    }
    out.extend_from_slice(&text);
}

/// Appends `YEAR` as four digits (`0000` for zero).
pub(crate) fn push_year(out: &mut Vec<u8>, year: u16) -> Result<(), ValueError> {
    if year > 9999 {
        return Err(ValueError::new(format!("year {year} has more than four digits")));
    }
    out.extend_from_slice(&two_digits((year / 100) as u8));
    out.extend_from_slice(&two_digits((year % 100) as u8));
    Ok(())
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
    let clock = clock_text((of_day / 3600) as u8, (of_day / 60 % 60) as u8, (of_day % 60) as u8)?;
    push_seconds(out, date_text(date)?, clock);
    push_fraction(out, micros, fsp)
}

/// Appends a `TIMESTAMP` as `yyyy-mm-ddThh:mm:ss[.f]Z` with exactly the declared fraction digits.
pub(crate) fn push_iso_utc(
    out: &mut Vec<u8>,
    seconds: i64,
    micros: u32,
    fsp: Fsp,
) -> Result<(), ValueError> {
    check_epoch(seconds)?;
    let of_day = (seconds % SECONDS_PER_DAY) as u32;
    let clock = clock_text((of_day / 3600) as u8, (of_day / 60 % 60) as u8, (of_day % 60) as u8)?;
    out.extend_from_slice(&date_text(civil_from_days(seconds / SECONDS_PER_DAY))?);
    out.push(b'T');
    out.extend_from_slice(&clock);
    push_fraction(out, micros, fsp)?;
    out.push(b'Z');
    Ok(())
}

/// A moment as RFC 3339 writes it, in UTC with milliseconds; `None` outside of the years 1970 to 9999.
///
/// `ms` is milliseconds of the Unix epoch.
pub fn rfc3339(ms: i64) -> Option<String> {
    let micros = u32::try_from(ms.rem_euclid(1000)).ok()? * 1000;
    let mut out = Vec::with_capacity(24);
    push_iso_utc(&mut out, ms.div_euclid(1000), micros, 3).ok()?;
    String::from_utf8(out).ok()
}

fn check_epoch(seconds: i64) -> Result<(), ValueError> {
    if (0..=LAST_SECOND).contains(&seconds) {
        return Ok(());
    }
    Err(ValueError::new(format!("TIMESTAMP second {seconds} is outside of 0..={LAST_SECOND}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::days_from_civil;

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
    fn days_are_counted_as_dates_are() {
        for days in (-719_162..2_932_896).step_by(37) {
            let date = civil_from_days(days);
            assert_eq!(days_from_civil(date), days, "{date:?}");
        }
        assert_eq!(days_from_civil(CivilDate { year: 1970, month: 1, day: 1 }), 0);
        assert_eq!(
            text(|o| push_iso_utc(o, 1_624_614_713, 201_000, 3)),
            "2021-06-25T09:51:53.201Z"
        );
        assert_eq!(text(|o| push_iso_utc(o, 0, 700_000, 3)), "1970-01-01T00:00:00.700Z");
        assert_eq!(text(|o| push_iso_utc(o, 10, 0, 6)), "1970-01-01T00:00:10.000000Z");
        assert_eq!(text(|o| push_iso_utc(o, 0, 0, 0)), "1970-01-01T00:00:00Z");
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
