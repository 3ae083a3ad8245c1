//! Values as Oracle stores them, which LogMiner tells as `HEXTORAW('…')` where its dictionary does not know a table as it was.
//!
//! Sources: Oracle Call Interface Programmer's Guide, "Internal Data Types"; Oracle Database SQL Language Reference, `DUMP`.

use std::fmt::Write as _;

use super::OracleType;
use crate::charset::Decoder;
use crate::error::{DecodeError, Result};

/// How a database stores its texts, and its local times.
#[derive(Debug, Clone, Copy)]
pub struct InternalForm {
    texts: Texts,
    /// `DBTIMEZONE`, minutes ahead of UTC; `None` for a region, whose offset depends on the time.
    zone_minutes: Option<i32>,
}

/// Texts of the database's character set.
#[derive(Debug, Clone, Copy)]
enum Texts {
    Utf8,
    /// UTF-8 in which a character beyond the first plane is two halves of a pair.
    Cesu8,
    Ascii,
    Decoded(&'static Decoder),
}

/// Digits of base 64 in a row's place.
const ROW_ID_DIGITS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl InternalForm {
    /// For a database with this `NLS_CHARACTERSET` and this `DBTIMEZONE`. Of a character set that is not known here, only texts
    /// in ASCII can be read.
    pub fn new(charset: &str, database_zone: &str) -> Self {
        let mysql = match charset {
            "ZHS16GBK" => Some("gbk"),
            "WE8MSWIN1252" | "WE8ISO8859P1" => Some("latin1"),
            "WE8ISO8859P2" => Some("latin2"),
            "WE8ISO8859P7" => Some("greek"),
            "WE8ISO8859P9" => Some("latin5"),
            "WE8ISO8859P13" => Some("latin7"),
            _ => None,
        };
        let decoder = mysql.and_then(|name| Decoder::for_charset(name).ok());
        let texts = match charset {
            "AL32UTF8" => Texts::Utf8,
            "UTF8" => Texts::Cesu8,
            _ => decoder.map_or(Texts::Ascii, Texts::Decoded),
        };
        Self { texts, zone_minutes: zone_minutes(database_zone) }
    }

    /// The text of a value that is not NULL, as the target reads it.
    ///
    /// # Errors
    /// For bytes that are no value of the type, and types whose values are not in their rows.
    pub fn text(&self, kind: OracleType, bytes: &[u8]) -> Result<String> {
        use OracleType as T;
        let text = match kind {
            T::Number { .. } | T::Float => number(bytes),
            T::VarChar2 | T::Char | T::Long => self.characters(bytes),
            T::NVarChar2 | T::NChar => utf16(bytes),
            T::Raw | T::LongRaw => Some(format!("\\x{}", hex::encode(bytes))),
            T::Date => (bytes.len() == 7).then(|| moment(bytes)).flatten(),
            T::Timestamp => moment(bytes),
            T::TimestampTz => zoned(bytes),
            T::TimestampLtz => self.local(bytes),
            T::BinaryFloat => float(bytes),
            T::BinaryDouble => double(bytes),
            T::IntervalYearMonth => year_month(bytes),
            T::IntervalDaySecond => day_second(bytes),
            T::RowId => row_id(bytes),
            T::Clob | T::NClob | T::Blob | T::Unsupported => None,
        };
        text.ok_or_else(|| {
            let reason = format!("0x{} is no {kind:?} that can be read", hex::encode(bytes));
            DecodeError::new("Oracle's internal form", 0, reason)
        })
    }

    fn characters(&self, bytes: &[u8]) -> Option<String> {
        match self.texts {
            Texts::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
            Texts::Cesu8 => cesu8(bytes),
            Texts::Ascii => bytes.is_ascii().then(|| String::from_utf8_lossy(bytes).into_owned()),
            Texts::Decoded(decoder) => {
                let mut out = Vec::with_capacity(bytes.len() * 2);
                decoder.decode_into(bytes, &mut out);
                String::from_utf8(out).ok()
            }
        }
    }

    /// A local time, which is stored in the database's zone.
    fn local(&self, bytes: &[u8]) -> Option<String> {
        let minutes = self.zone_minutes?;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        with_zone(moment(bytes)?, &format!(" {sign}{hours:02}:{rest:02}"))
    }
}

/// `+05:30` in minutes; `None` for a region's name.
fn zone_minutes(text: &str) -> Option<i32> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("UTC") {
        return Some(0);
    }
    let (hours, minutes) = text.split_once(':')?;
    let whole = hours.parse::<i32>().ok()?.abs() * 60 + minutes.parse::<i32>().ok()?;
    Some(if hours.starts_with('-') { -whole } else { whole })
}

/// UTF-8 with pairs of halves.
fn cesu8(bytes: &[u8]) -> Option<String> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, ..] = rest {
        let length = match first {
            0..=0x7f => 1,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => return None,
        };
        let (character, behind) = rest.split_at_checked(length)?;
        if !character[1..].iter().all(|b| b & 0xc0 == 0x80) {
            return None;
        }
        let high = match length {
            1 => u16::from(*first),
            2 => u16::from(first & 0x1f),
            _ => u16::from(first & 0x0f),
        };
        units.push(character[1..].iter().fold(high, |n, b| n << 6 | u16::from(b & 0x3f)));
        rest = behind;
    }
    String::from_utf16(&units).ok()
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    odd.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
}

/// Base-100 digits with an exponent; of negative numbers all is turned round, and 102 ends the digits.
fn number(bytes: &[u8]) -> Option<String> {
    let (&first, digits) = bytes.split_first()?;
    match (first, digits) {
        (0x80, []) => return Some("0".to_owned()),
        (0xff, [0x65]) => return Some("Infinity".to_owned()),
        (0, []) => return Some("-Infinity".to_owned()),
        _ => {}
    }
    let is_negative = first < 0x80;
    let digits = if is_negative { digits.strip_suffix(&[102]).unwrap_or(digits) } else { digits };
    let pair = |b: &u8| {
        let pair = if is_negative { 101_u8.checked_sub(*b)? } else { b.checked_sub(1)? };
        (pair < 100).then_some(pair)
    };
    let pairs: Vec<u8> = digits.iter().map(pair).collect::<Option<_>>()?;
    if pairs.is_empty() {
        return None;
    }
    // Pairs of digits before the point.
    let before = if is_negative { 63 - i32::from(first) } else { i32::from(first) - 192 };
    let (mut whole, mut fraction) = (String::new(), String::new());
    let end = before.max(i32::try_from(pairs.len()).ok()?);
    for place in before.min(0)..end {
        let pair = usize::try_from(place).ok().and_then(|place| pairs.get(place)).unwrap_or(&0);
        let out = if place < before { &mut whole } else { &mut fraction };
        write!(out, "{pair:02}").ok()?;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let sign = if is_negative { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{}{point}{fraction}", if whole.is_empty() { "0" } else { whole }))
}

/// Century and year with 100 added, month, day, then hour, minute and second with 1 added; of timestamps nanoseconds.
fn moment(bytes: &[u8]) -> Option<String> {
    let (date, fraction) = bytes.split_at_checked(7)?;
    let [century, year, month, day, hour, minute, second] = <[u8; 7]>::try_from(date).ok()?;
    let year = (i32::from(century) - 100) * 100 + i32::from(year) - 100;
    let (hour, minute, second) =
        (hour.checked_sub(1)?, minute.checked_sub(1)?, second.checked_sub(1)?);
    let fits = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && year != 0;
    if !fits {
        return None;
    }
    let mut text =
        format!("{:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}", year.abs());
    if !fraction.is_empty() {
        let nanos = u32::from_be_bytes(fraction.try_into().ok()?);
        // The target has microseconds; the rest is cut off, as of statements.
        write!(text, ".{:06}", (nanos < 1_000_000_000).then_some(nanos / 1000)?).ok()?;
    }
    if year < 0 {
        text.push_str(" BC");
    }
    Some(text)
}

/// The zone stands before what says that a year is before Christ.
fn with_zone(text: String, zone: &str) -> Option<String> {
    Some(match text.strip_suffix(" BC") {
        Some(time) => format!("{time}{zone} BC"),
        None => text + zone,
    })
}

/// A timestamp in UTC with its zone in two bytes, which the target does not keep.
fn zoned(bytes: &[u8]) -> Option<String> {
    let (time, _) = bytes.split_at_checked(bytes.len().checked_sub(2)?)?;
    if time.len() != 11 {
        return None;
    }
    with_zone(moment(time)?, " +00:00")
}

/// Of positive numbers the first bit is set, of negative ones all bits are turned round: bytes sort as numbers do.
fn float(bytes: &[u8]) -> Option<String> {
    let bits = u32::from_be_bytes(bytes.try_into().ok()?);
    let bits = if bits >> 31 == 1 { bits & !(1 << 31) } else { !bits };
    let value = f32::from_bits(bits);
    Some(named(value.into()).map_or_else(|| value.to_string(), str::to_owned))
}

fn double(bytes: &[u8]) -> Option<String> {
    let bits = u64::from_be_bytes(bytes.try_into().ok()?);
    let bits = if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits };
    let value = f64::from_bits(bits);
    Some(named(value).map_or_else(|| value.to_string(), str::to_owned))
}

/// The three that are no numbers.
fn named(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value.is_infinite() {
        Some(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

/// Years with 2^31 added, months with 60 added.
fn year_month(bytes: &[u8]) -> Option<String> {
    let (years, months) = bytes.split_at_checked(4)?;
    let years = excess(years)?;
    let months = i64::from(*months.first()?) - 60;
    let sign = if years < 0 || months < 0 { "-" } else { "" };
    (bytes.len() == 5 && months.abs() < 12)
        .then(|| format!("{sign}{}-{}", years.abs(), months.abs()))
}

/// Days with 2^31 added, hours, minutes and seconds with 60 added, nanoseconds with 2^31 added.
fn day_second(bytes: &[u8]) -> Option<String> {
    let bytes: [u8; 11] = bytes.try_into().ok()?;
    let days = excess(&bytes[..4])?;
    let [hours, minutes, seconds] = [bytes[4], bytes[5], bytes[6]].map(|b| i64::from(b) - 60);
    let nanos = excess(&bytes[7..])?;
    let is_negative = [days, hours, minutes, seconds, nanos].iter().any(|part| *part < 0);
    let fits =
        hours.abs() < 24 && minutes.abs() < 60 && seconds.abs() < 60 && nanos.abs() < 1_000_000_000;
    let sign = if is_negative { "-" } else { "" };
    fits.then(|| {
        format!(
            "{sign}{} days {sign}{:02}:{:02}:{:02}.{:06}",
            days.abs(),
            hours.abs(),
            minutes.abs(),
            seconds.abs(),
            nanos.abs() / 1000
        )
    })
}

/// Four bytes with 2^31 added.
fn excess(bytes: &[u8]) -> Option<i64> {
    Some(i64::from(u32::from_be_bytes(bytes.try_into().ok()?)) - (1 << 31))
}

/// Data object, file and block in 10 and 22 bits, row.
fn row_id(bytes: &[u8]) -> Option<String> {
    let bytes: [u8; 10] = bytes.try_into().ok()?;
    let part = |range: std::ops::Range<usize>| {
        bytes[range].iter().fold(0_u64, |n, b| n << 8 | u64::from(*b))
    };
    let place = part(4..8);
    let parts = [(part(0..4), 6), (place >> 22, 3), (place & 0x3f_ffff, 6), (part(8..10), 3)];
    let mut text = String::with_capacity(18);
    for (number, digits) in parts {
        for digit in (0..digits).rev() {
            let digit = usize::try_from(number >> (6 * digit) & 63).ok()?;
            text.push(char::from(*ROW_ID_DIGITS.get(digit)?));
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NUMBER: OracleType = OracleType::Number { precision: None, scale: None };

    fn read(kind: OracleType, digits: &str) -> Result<String> {
        let bytes = hex::decode(digits).expect("digits");
        InternalForm::new("AL32UTF8", "+02:00").text(kind, &bytes)
    }

    /// Of numbers and dates by DUMP() in Oracle's documentation and its clients' tests.
    #[test]
    fn values_are_what_oracle_shows_of_them() {
        use OracleType as T;
        for (kind, digits, text) in [
            (NUMBER, "80", "0"),
            (NUMBER, "c102", "1"),
            (NUMBER, "3e6466", "-1"),
            (NUMBER, "c202", "100"),
            (NUMBER, "c20218", "123"),
            (NUMBER, "3d644e3866", "-123.45"),
            (NUMBER, "c033", "0.5"),
            (NUMBER, "bf06", "0.0005"),
            (NUMBER, "ff65", "Infinity"),
            (T::Float, "00", "-Infinity"),
            (T::VarChar2, "61c3a4", "aä"),
            (T::Char, "6120", "a "),
            (T::NVarChar2, "4e2dd83dde00", "中😀"),
            (T::Raw, "00ff", "\\x00ff"),
            (T::Date, "78780c1f183c3c", "2020-12-31 23:59:59"),
            (T::Date, "3558010101010101", ""),
            (T::Date, "35580101010101", "4712-01-01 00:00:00 BC"),
            (T::Timestamp, "7878021d0d1f33", "2020-02-29 12:30:50"),
            (T::Timestamp, "7878021d0d1f33075bcd15", "2020-02-29 12:30:50.123456"),
            (T::TimestampTz, "7878021d0d1f33075bcd15163c", "2020-02-29 12:30:50.123456 +00:00"),
            (T::TimestampLtz, "7878021d0d1f33", "2020-02-29 12:30:50 +02:00"),
            (T::BinaryFloat, "bfc00000", "1.5"),
            (T::BinaryFloat, "403fffff", "-1.5"),
            (T::BinaryDouble, "bff8000000000000", "1.5"),
            (T::BinaryDouble, "4007ffffffffffff", "-1.5"),
            (T::BinaryDouble, "fff0000000000000", "Infinity"),
            (T::IntervalYearMonth, "800000023f", "2-3"),
            (T::IntervalYearMonth, "7ffffffe39", "-2-3"),
            (T::IntervalDaySecond, "800000033e3f40800f4240", "3 days 02:03:04.001000"),
            (T::IntervalDaySecond, "7ffffffd3a393880000000", "-3 days -02:03:04.000000"),
            (T::RowId, "0000f79c014000520000", "AAAPecAAFAAAABSAAA"),
        ] {
            match (text, read(kind, digits)) {
                ("", read) => assert!(read.is_err(), "{digits}"),
                (text, read) => assert_eq!(read.unwrap(), text, "{digits}"),
            }
        }
    }

    #[test]
    fn texts_are_in_the_databases_character_set() {
        let read = |charset, digits| {
            let bytes = hex::decode(digits).expect("digits");
            InternalForm::new(charset, "UTC").text(OracleType::VarChar2, &bytes)
        };
        assert_eq!(read("ZHS16GBK", "d6d0").unwrap(), "中");
        assert_eq!(read("WE8MSWIN1252", "e480").unwrap(), "ä€");
        assert_eq!(read("UTF8", "61eda0bdedb880").unwrap(), "a😀");
        assert_eq!(read("UTF8", "61").unwrap(), "a");
        for (charset, digits) in [
            ("UTF8", "eda0bd"),
            ("UTF8", "c0"),
            ("AL32UTF8", "ff"),
            ("US7ASCII", "e4"),
            ("UTF8", "e4b8"),
        ] {
            assert!(read(charset, digits).is_err(), "{charset} {digits}");
        }
    }

    #[test]
    fn what_is_no_value_is_an_error_with_its_bytes() {
        use OracleType as T;
        for (kind, digits) in [
            (NUMBER, ""),
            (NUMBER, "c1"),
            (NUMBER, "c100"),
            (NUMBER, "c1ff"),
            (T::Date, "787802"),
            (T::Date, "78780d1f183c3c"),
            (T::Timestamp, "7878021d0d1f33ffffffff"),
            (T::TimestampTz, "00"),
            (T::BinaryFloat, "00"),
            (T::IntervalYearMonth, "8000000248"),
            (T::NVarChar2, "00"),
            (T::Clob, "00"),
            (T::RowId, "00"),
        ] {
            let error = read(kind, digits).unwrap_err().to_string();
            assert!(error.contains(&format!("0x{digits}")), "{error}");
        }
        let region = InternalForm::new("AL32UTF8", "Europe/Berlin");
        assert!(region.text(T::TimestampLtz, &[120, 120, 2, 29, 13, 31, 51]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..24), charset in 0_usize..4) {
            use OracleType as T;
            let charset = ["AL32UTF8", "UTF8", "ZHS16GBK", "US7ASCII"][charset];
            let form = InternalForm::new(charset, "-03:30");
            for kind in [NUMBER, T::VarChar2, T::NChar, T::Raw, T::Date, T::Timestamp, T::TimestampTz, T::TimestampLtz,
                T::BinaryFloat, T::BinaryDouble, T::IntervalYearMonth, T::IntervalDaySecond, T::RowId, T::Blob]
            {
                let _ = form.text(kind, &bytes);
            }
        }
    }
}
