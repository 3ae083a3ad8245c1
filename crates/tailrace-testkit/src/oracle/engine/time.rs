//! Dates from text and to text, by Oracle's format models as far as clients use them.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::oracle::value::DateTime;
use crate::oracle::wire::OraError;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Elements of a format, the longer before those that they begin with.
const ELEMENTS: [&str; 18] = [
    "SYYYY", "YYYY", "RRRR", "HH24", "HH12", "TZH", "TZM", "FF1", "FF3", "FF6", "FF9", "FF", "MON",
    "MM", "DD", "MI", "SS", "YY",
];
/// English names of months.
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

/// The time of this moment, UTC.
pub(super) fn now() -> DateTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(0);
    of_seconds(seconds, since.subsec_nanos())
}

/// A time by its seconds since 1970.
pub(crate) fn of_seconds(seconds: i64, nanos: u32) -> DateTime {
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // Days since March 1st of the year 0, by eras of 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    DateTime {
        year: year as i16,
        month: month as u8,
        day: day as u8,
        hour: (rest / 3600) as u8,
        minute: (rest / 60 % 60) as u8,
        second: (rest % 60) as u8,
        nanos,
    }
}

/// Seconds since 1970.
pub(crate) fn to_seconds(at: &DateTime) -> i64 {
    let (year, month) = (i64::from(at.year), i64::from(at.month));
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(at.day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    days * DAY + i64::from(at.hour) * 3600 + i64::from(at.minute) * 60 + i64::from(at.second)
}

/// Reads a time by a format; minutes of its zone if the format has one.
pub(super) fn parse(text: &str, format: &str) -> Result<(DateTime, Option<i16>), OraError> {
    let upper = format.to_uppercase();
    let (mut format, mut rest) = (upper.as_str(), text.trim());
    let mut at = DateTime { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanos: 0 };
    let mut zone: Option<i16> = None;
    while !format.is_empty() {
        let Some(element) = ELEMENTS.iter().find(|element| format.starts_with(**element)) else {
            let mut characters = format.chars();
            let wanted = characters.next().unwrap_or(' ');
            format = characters.as_str();
            rest = rest.strip_prefix(wanted).unwrap_or(rest);
            continue;
        };
        format = &format[element.len()..];
        if *element == "MON" {
            let name = rest.get(..3).unwrap_or_default().to_uppercase();
            let month = MONTHS.iter().position(|month| *month == name);
            at.month = month.ok_or_else(|| OraError::new(1843, "not a valid month"))? as u8 + 1;
            rest = &rest[3..];
            continue;
        }
        let most = match *element {
            "SYYYY" => 5,
            "YYYY" | "RRRR" => 4,
            "TZH" => 3,
            "FF" | "FF1" | "FF3" | "FF6" | "FF9" => 9,
            _ => 2,
        };
        let (number, digits, negative, behind) = number(rest, most)?;
        rest = behind;
        let signed = if negative { -number } else { number };
        match *element {
            "SYYYY" | "YYYY" | "RRRR" => at.year = signed as i16,
            "YY" => at.year = 2000 + number as i16,
            "MM" => at.month = number as u8,
            "DD" => at.day = number as u8,
            "HH24" | "HH12" => at.hour = number as u8,
            "MI" => at.minute = number as u8,
            "SS" => at.second = number as u8,
            "TZH" => zone = Some(signed as i16 * 60),
            "TZM" => {
                let hours = zone.unwrap_or(0);
                let minutes = if hours < 0 { -(number as i16) } else { number as i16 };
                zone = Some(hours + minutes);
            }
            _ => at.nanos = number as u32 * 10_u32.pow(9 - digits as u32),
        }
    }
    if !rest.trim().is_empty() {
        let text = "date format picture ends before converting entire input string";
        return Err(OraError::new(1830, text));
    }
    check(&at)?;
    Ok((at, zone))
}

/// A number of so many digits at most: itself, its digits, whether it is negative, and what is behind it.
fn number(text: &str, most: usize) -> Result<(i64, usize, bool, &str), OraError> {
    let negative = text.starts_with('-');
    let digits_from = usize::from(negative || text.starts_with('+'));
    let digits = text[digits_from..].bytes().take(most).take_while(u8::is_ascii_digit).count();
    let end = digits_from + digits;
    let number = text[digits_from..end].parse().map_err(|_| {
        OraError::new(1858, "a non-numeric character was found where a numeric was expected")
    })?;
    Ok((number, digits, negative, &text[end..]))
}

fn check(at: &DateTime) -> Result<(), OraError> {
    if !(1..=12).contains(&at.month) {
        return Err(OraError::new(1843, "not a valid month"));
    }
    // A day that the month does not have comes back as another one.
    let seconds = to_seconds(&DateTime { hour: 0, minute: 0, second: 0, ..*at });
    if of_seconds(seconds, at.nanos).day != at.day {
        return Err(OraError::new(1839, "date not valid for month specified"));
    }
    if at.hour > 23 || at.minute > 59 || at.second > 59 {
        return Err(OraError::new(1850, "hour must be between 0 and 23"));
    }
    Ok(())
}

/// A time's text by a format.
pub(crate) fn format(at: &DateTime, zone: Option<i16>, format: &str) -> String {
    let upper = format.to_uppercase();
    let mut rest = upper.as_str();
    let mut out = String::new();
    while !rest.is_empty() {
        let Some(element) = ELEMENTS.iter().find(|element| rest.starts_with(**element)) else {
            let mut characters = rest.chars();
            out.extend(characters.next());
            rest = characters.as_str();
            continue;
        };
        rest = &rest[element.len()..];
        let zone = zone.unwrap_or(0);
        let _ = match *element {
            "SYYYY" if at.year < 0 => write!(out, "-{:04}", -at.year),
            "SYYYY" => write!(out, " {:04}", at.year),
            "YYYY" | "RRRR" => write!(out, "{:04}", at.year.unsigned_abs()),
            "YY" => write!(out, "{:02}", at.year.rem_euclid(100)),
            "MON" => write!(out, "{}", MONTHS[usize::from(at.month.saturating_sub(1)) % 12]),
            "MM" => write!(out, "{:02}", at.month),
            "DD" => write!(out, "{:02}", at.day),
            "HH24" | "HH12" => write!(out, "{:02}", at.hour),
            "MI" => write!(out, "{:02}", at.minute),
            "SS" => write!(out, "{:02}", at.second),
            "TZH" => write!(out, "{}{:02}", if zone < 0 { '-' } else { '+' }, zone.abs() / 60),
            "TZM" => write!(out, "{:02}", zone.abs() % 60),
            "FF1" => write!(out, "{:01}", at.nanos / 100_000_000),
            "FF3" => write!(out, "{:03}", at.nanos / 1_000_000),
            "FF9" => write!(out, "{:09}", at.nanos),
            _ => write!(out, "{:06}", at.nanos / 1000),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_text_and_back() {
        for (text, model) in [
            ("2026-11-30 23:59:58", "YYYY-MM-DD HH24:MI:SS"),
            ("30-NOV-26", "DD-MON-YY"),
            ("2024-02-29 00:00:00.123456789 -05:30", "YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM"),
            ("-0044-03-15 00:00:00", "SYYYY-MM-DD HH24:MI:SS"),
        ] {
            let (at, zone) = parse(text, model).unwrap();
            assert_eq!(format(&at, zone, model), text);
            assert_eq!(of_seconds(to_seconds(&at), at.nanos), at, "{text}");
        }
        assert_eq!(parse("2023-02-29", "YYYY-MM-DD").unwrap_err().code, 1839);
        assert_eq!(parse("2023-13-01", "YYYY-MM-DD").unwrap_err().code, 1843);
        assert_eq!(parse("x", "YYYY").unwrap_err().code, 1858);
        assert_eq!(parse("2023-01-01x", "YYYY-MM-DD").unwrap_err().code, 1830);
        assert_eq!(to_seconds(&of_seconds(0, 0)), 0);
    }
}
