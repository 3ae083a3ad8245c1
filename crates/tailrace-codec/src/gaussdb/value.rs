//! Values of LogMiner's statements as the text that GaussDB reads, in parameters and in COPY.

use std::borrow::Cow;

use crate::error::{DecodeError, Result};
use crate::oracle::OracleType;
use crate::redo::{Form, Value};

/// `NLS_DATE_FORMAT` that the mining session has to have: years before Christ have a sign.
pub const DATE_FORMAT: &str = "SYYYY-MM-DD HH24:MI:SS";
/// `NLS_TIMESTAMP_FORMAT` likewise.
pub const TIMESTAMP_FORMAT: &str = "SYYYY-MM-DD HH24:MI:SS.FF9";
/// `NLS_TIMESTAMP_TZ_FORMAT` likewise.
pub const TIMESTAMP_TZ_FORMAT: &str = "SYYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM";

/// Digits of seconds that the target has; Oracle's that are more are cut off, as DRS does.
const SECOND_DIGITS: usize = 6;

/// A value's text for the target; `None` for NULL.
///
/// # Errors
/// For a form that a column of this type never has, a date in another format than the session's, and what LogMiner does
/// not tell.
pub fn target_text<'t>(kind: OracleType, value: &Value<'t>) -> Result<Option<Cow<'t, str>>> {
    use OracleType as T;
    match (value.form(), kind) {
        (Form::Null, _) => Ok(None),
        (Form::EmptyClob, T::Clob | T::NClob) | (Form::EmptyBlob, T::Blob) => {
            Ok(Some(Cow::Borrowed("")))
        }
        (Form::Hex, T::Raw | T::LongRaw | T::Blob) => bytes(value).map(Some),
        (Form::Date, T::Date | T::Timestamp) => date(value, &[DATE_FORMAT]).map(Some),
        (Form::Timestamp, T::Date | T::Timestamp | T::TimestampLtz) => {
            date(value, &[TIMESTAMP_FORMAT]).map(Some)
        }
        (Form::TimestampTz, T::TimestampTz | T::TimestampLtz) => {
            date(value, &[TIMESTAMP_TZ_FORMAT, TIMESTAMP_FORMAT]).map(Some)
        }
        (Form::YearMonth, T::IntervalYearMonth) => {
            year_month(&value.text()?).map(|text| Some(text.into()))
        }
        (Form::DaySecond, T::IntervalDaySecond) => {
            day_second(&value.text()?).map(|text| Some(text.into()))
        }
        (Form::Text | Form::Number, T::BinaryFloat | T::BinaryDouble) => binary(value).map(Some),
        (Form::Text | Form::Number, T::Number { .. } | T::Float) => decimal(value).map(Some),
        (
            Form::Text | Form::Pieces,
            T::Char
            | T::NChar
            | T::VarChar2
            | T::NVarChar2
            | T::Clob
            | T::NClob
            | T::Long
            | T::RowId,
        ) => value.text().map(Some),
        (form, kind) => {
            let reason = format!("a value of the form {form:?} in a column of the type {kind:?}");
            Err(DecodeError::new("SQL_REDO value", 0, reason))
        }
    }
}

fn bad(what: &'static str, text: &str) -> DecodeError {
    DecodeError::new("SQL_REDO value", 0, format!("{text:?} is no {what}"))
}

/// `\x` and digits: the hex form of BYTEA.
fn bytes<'t>(value: &Value<'_>) -> Result<Cow<'t, str>> {
    let mut checked = Vec::new();
    value.bytes_into(&mut checked)?;
    Ok(format!("\\x{}", value.raw().to_ascii_lowercase()).into())
}

fn decimal<'t>(value: &Value<'t>) -> Result<Cow<'t, str>> {
    let text = value.text()?;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    let (number, exponent) = match digits.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (digits, None),
    };
    let is_number = number.bytes().any(|b| b.is_ascii_digit())
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && number.bytes().filter(|b| *b == b'.').count() <= 1
        && exponent.is_none_or(|exponent| exponent.parse::<i32>().is_ok());
    if is_number { Ok(text) } else { Err(bad("number", &text)) }
}

/// Binary numbers, and the three that are no numbers by the names that PostgreSQL has for them.
fn binary<'t>(value: &Value<'t>) -> Result<Cow<'t, str>> {
    let text = value.text()?;
    let plain = text.trim_end_matches(['f', 'F', 'd', 'D']);
    let named = match text.to_ascii_lowercase().as_str() {
        "nan" | "binary_float_nan" | "binary_double_nan" => "NaN",
        "inf" | "+inf" | "infinity" | "binary_float_infinity" | "binary_double_infinity" => {
            "Infinity"
        }
        "-inf" | "-infinity" | "-binary_float_infinity" | "-binary_double_infinity" => "-Infinity",
        _ if plain.parse::<f64>().is_ok_and(f64::is_finite) => return Ok(plain.to_owned().into()),
        _ => return Err(bad("binary number", &text)),
    };
    Ok(Cow::Borrowed(named))
}

/// The target's text of a value that a query gives as text: dates and timestamps in the formats above, intervals as
/// `TO_CHAR` has them, numbers in digits.
///
/// # Errors
/// For a text of another form.
pub fn selected_text(kind: OracleType, text: &str) -> Result<Cow<'_, str>> {
    use OracleType as T;
    match kind {
        T::Date | T::Timestamp | T::TimestampTz | T::TimestampLtz => moment(text).map(Cow::Owned),
        T::IntervalYearMonth => year_month(text).map(Cow::Owned),
        T::IntervalDaySecond => day_second(text).map(Cow::Owned),
        _ => Ok(Cow::Borrowed(text)),
    }
}

/// A date or timestamp, written in one of these formats.
fn date<'t>(value: &Value<'t>, formats: &[&str]) -> Result<Cow<'t, str>> {
    let text = value.text()?;
    if let Some(format) = value.format()?
        && !formats.contains(&format.as_ref())
    {
        let reason =
            format!("{text:?} in the format {format:?}; the session's is {:?}", formats[0]);
        return Err(DecodeError::new("SQL_REDO date", 0, reason));
    }
    moment(&text).map(Cow::Owned)
}

/// A date or timestamp in one of the session's formats, as the target reads it.
fn moment(text: &str) -> Result<String> {
    let trimmed = text.trim();
    let (is_before_christ, rest) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed),
    };
    let shape = |text: &str| {
        let bytes = text.as_bytes();
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let mark = |at: usize, mark: u8| bytes.get(at) == Some(&mark);
        [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18].into_iter().all(digit)
            && mark(4, b'-')
            && mark(7, b'-')
            && mark(10, b' ')
            && mark(13, b':')
            && mark(16, b':')
    };
    if !rest.is_ascii() || !shape(rest) {
        return Err(bad("date in the session's format", text));
    }
    let (time, behind) = rest.split_at(19);
    let (fraction, zone) = match behind.strip_prefix('.') {
        Some(behind) => {
            let end = behind.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(behind.len());
            behind.split_at(end)
        }
        None => ("", behind),
    };
    let zone = zone.trim();
    let is_zone = zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-:/_".contains(&b));
    if !is_zone {
        return Err(bad("date in the session's format", text));
    }
    let kept = &fraction[..fraction.len().min(SECOND_DIGITS)];
    let mut out = String::with_capacity(text.len() + 4);
    out.push_str(time);
    if !kept.is_empty() {
        out.push('.');
        out.push_str(kept);
    }
    if !zone.is_empty() {
        // A region's name needs the blank, an offset may have it.
        out.push(' ');
        out.push_str(zone);
    }
    if is_before_christ {
        out.push_str(" BC");
    }
    Ok(out)
}

/// `+YY-MM` to the SQL form, whose sign is that of both.
fn year_month(text: &str) -> Result<String> {
    let (sign, rest) = signed(text);
    let parts = rest.split_once('-');
    let number = |part: &str| part.parse::<u32>().ok().filter(|_| !part.starts_with('+'));
    match parts.and_then(|(years, months)| Some((number(years)?, number(months)?))) {
        Some((years, months)) if months < 12 => Ok(format!("{sign}{years}-{months}")),
        _ => Err(bad("interval of years and months", text)),
    }
}

/// `+DDDDDDDDD HH:MI:SS.FFFFFFFFF`, with the sign before the days and before the time: PostgreSQL's own style gives each its own.
fn day_second(text: &str) -> Result<String> {
    let wrong = || bad("interval of days and seconds", text);
    let (sign, rest) = signed(text);
    let (days, time) = rest.split_once(' ').ok_or_else(wrong)?;
    let days: u64 = days.parse().map_err(|_| wrong())?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = clock.split(':').map(|part| part.parse::<u8>().ok());
    let mut part = |max: u8| parts.next().flatten().filter(|part| *part <= max);
    let (Some(hours), Some(minutes), Some(seconds)) = (part(23), part(59), part(59)) else {
        return Err(wrong());
    };
    if parts.next().is_some() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let kept = &fraction[..fraction.len().min(SECOND_DIGITS)];
    let point = if kept.is_empty() { "" } else { "." };
    Ok(format!("{sign}{days} days {sign}{hours:02}:{minutes:02}:{seconds:02}{point}{kept}"))
}

/// The sign, nothing for plus, and the rest.
fn signed(text: &str) -> (&'static str, &str) {
    let text = text.trim();
    match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redo::Dml;

    fn read(kind: OracleType, literal: &str) -> Result<Option<String>> {
        let text = format!("insert into \"S\".\"T\"(\"C\") values ({literal});");
        let mut dml = Dml::default();
        dml.parse(&text)?;
        let (_, value) = dml.values(&text).next().expect("a value");
        Ok(target_text(kind, &value)?.map(Cow::into_owned))
    }

    const NUMBER: OracleType = OracleType::Number { precision: None, scale: None };

    #[test]
    fn values_become_what_the_target_reads() {
        use OracleType as T;
        let date = format!("TO_DATE(' 2020-02-29 23:59:58', '{DATE_FORMAT}')");
        let before = format!("TO_DATE('-4712-01-01 00:00:00', '{DATE_FORMAT}')");
        for (kind, literal, text) in [
            (T::VarChar2, "'it''s \u{4e2d}'", "it's \u{4e2d}"),
            (T::Char, "'a  '", "a  "),
            (T::NVarChar2, "UNISTR('\\4E2D')", "\u{4e2d}"),
            (T::Clob, "EMPTY_CLOB()", ""),
            (T::Clob, "'short'", "short"),
            (T::Blob, "EMPTY_BLOB()", ""),
            (T::Raw, "HEXTORAW('0aFF')", "\\x0aff"),
            (NUMBER, "'-.5'", "-.5"),
            (
                NUMBER,
                "'12345678901234567890123456789012345678'",
                "12345678901234567890123456789012345678",
            ),
            (NUMBER, "1.5E+10", "1.5E+10"),
            (T::Float, "'0.1'", "0.1"),
            (T::BinaryDouble, "1.7976931348623157E+308", "1.7976931348623157E+308"),
            (T::BinaryFloat, "1.5f", "1.5"),
            (T::BinaryDouble, "Nan", "NaN"),
            (T::BinaryDouble, "-Inf", "-Infinity"),
            (T::BinaryFloat, "BINARY_FLOAT_INFINITY", "Infinity"),
            (T::Date, date.as_str(), "2020-02-29 23:59:58"),
            (T::Date, before.as_str(), "4712-01-01 00:00:00 BC"),
            (
                T::Timestamp,
                "TO_TIMESTAMP(' 2020-01-31 01:02:03.123456789')",
                "2020-01-31 01:02:03.123456",
            ),
            (T::Timestamp, "TIMESTAMP '2020-01-31 01:02:03'", "2020-01-31 01:02:03"),
            (
                T::TimestampTz,
                "TO_TIMESTAMP_TZ('2020-01-31 01:02:03.100000000 +05:30')",
                "2020-01-31 01:02:03.100000 +05:30",
            ),
            (
                T::TimestampTz,
                "TO_TIMESTAMP_TZ('2020-01-31 01:02:03.1 Europe/Berlin')",
                "2020-01-31 01:02:03.1 Europe/Berlin",
            ),
            (T::IntervalYearMonth, "TO_YMINTERVAL('-02-11')", "-2-11"),
            (
                T::IntervalDaySecond,
                "TO_DSINTERVAL('-000000003 04:05:06.789000000')",
                "-3 days -04:05:06.789000",
            ),
            (T::IntervalDaySecond, "TO_DSINTERVAL('+000000000 00:00:00')", "0 days 00:00:00"),
            (T::RowId, "'AAASPkAAEAAAAF7AAA'", "AAASPkAAEAAAAF7AAA"),
        ] {
            assert_eq!(read(kind, literal).unwrap().as_deref(), Some(text), "{literal}");
        }
        assert_eq!(read(NUMBER, "NULL").unwrap(), None);
    }

    #[test]
    fn what_does_not_belong_into_a_column_is_an_error() {
        use OracleType as T;
        for (kind, literal, said) in [
            (NUMBER, "'1,5'", "is no number"),
            (NUMBER, "'.'", "is no number"),
            (NUMBER, "'1E'", "is no number"),
            (NUMBER, "HEXTORAW('c102')", "the form Hex"),
            (T::VarChar2, "Unsupported Type", "Unsupported"),
            (T::VarChar2, "HEXTORAW('00')", "the form Hex"),
            (T::Unsupported, "'x'", "the type Unsupported"),
            (T::Blob, "'text'", "the form Text"),
            (T::BinaryDouble, "'x'", "no binary number"),
            (T::BinaryDouble, "'1E999'", "no binary number"),
            (T::Date, "TO_DATE('31-JAN-20', 'DD-MON-RR')", "in the format \"DD-MON-RR\""),
            (T::Date, "TO_DATE('31-JAN-20')", "session's format"),
            (T::Timestamp, "TO_TIMESTAMP('2020-01-31 01:02:03; x')", "session's format"),
            (T::IntervalYearMonth, "TO_YMINTERVAL('02-12')", "years and months"),
            (T::IntervalDaySecond, "TO_DSINTERVAL('3 24:00:00')", "days and seconds"),
            (T::IntervalDaySecond, "TO_DSINTERVAL('3 1:0:0:0')", "days and seconds"),
        ] {
            let error = read(kind, literal).expect_err(literal).to_string();
            assert!(error.contains(said), "{literal}: {error}");
        }
    }
}
