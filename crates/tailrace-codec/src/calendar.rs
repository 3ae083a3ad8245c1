//! Dates and day counts.

use crate::cell::{CivilDate, CivilDateTime};

/// Last second of the year 9999; beyond it no calendar text of four-digit years exists.
pub(crate) const LAST_SECOND: i64 = 253_402_300_799;

pub(crate) const SECONDS_PER_DAY: i64 = 86_400;

/// The proleptic Gregorian date of a day count since 1970-01-01, for `days` of 1970..=9999.
///
/// Works in eras of 400 years (146 097 days) whose years begin in March, so that the leap day is the
/// last of a year and month lengths follow one line.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the years are 1970..=9999, and months and days are what they are"
)]
pub(crate) fn civil_from_days(days: i64) -> CivilDate {
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

/// Days since 1970-01-01 of a proleptic Gregorian date; the inverse of [`civil_from_days`].
pub(crate) fn days_from_civil(date: CivilDate) -> i64 {
    let (month, day) = (i64::from(date.month), i64::from(date.day));
    let year = i64::from(date.year) - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl CivilDateTime {
    /// The date and time in UTC of a moment, in seconds of the Unix epoch and microseconds; `None` outside of the years
    /// 1970 to 9999.
    pub fn from_unix(seconds: i64, micros: u32) -> Option<Self> {
        if !(0..=LAST_SECOND).contains(&seconds) {
            return None;
        }
        let part = |unit: i64, of: i64| u8::try_from(seconds / unit % of).ok();
        Some(Self {
            date: civil_from_days(seconds / SECONDS_PER_DAY),
            hour: part(3600, 24)?,
            minute: part(60, 60)?,
            second: part(1, 60)?,
            micros,
        })
    }
}
