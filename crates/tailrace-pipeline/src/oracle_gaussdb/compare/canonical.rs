//! One text for each value, whichever side it comes from, and the order of keys.

use std::cmp::Ordering;

use tailrace_codec::oracle::OracleType;

/// How values of a column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Numbers with decimal digits.
    Decimal,
    /// Binary numbers of eight bytes; the target may have rounded to one.
    Double,
    /// Binary numbers of four bytes.
    Single,
    /// Texts.
    Text,
    /// Texts without the blanks at their end.
    Padded,
    /// Dates and timestamps, without the zeros at their end.
    Moment,
    /// Bytes by their digits.
    Bytes,
    /// Not compared.
    Passed,
}

impl Form {
    /// Of a column; what DRS does not compare is passed over here too: zones, intervals, large objects.
    pub(super) fn of(kind: OracleType) -> Self {
        use OracleType as T;
        match kind {
            T::Number { .. } => Self::Decimal,
            T::Float | T::BinaryDouble => Self::Double,
            T::BinaryFloat => Self::Single,
            T::VarChar2 | T::NVarChar2 | T::RowId => Self::Text,
            T::Char | T::NChar => Self::Padded,
            T::Date | T::Timestamp => Self::Moment,
            T::Raw => Self::Bytes,
            _ => Self::Passed,
        }
    }

    /// Whether both sides have the same order of such keys, which is known here too.
    pub(super) fn has_order(self) -> bool {
        matches!(self, Self::Decimal | Self::Text | Self::Padded | Self::Moment)
    }

    /// The one text of a value.
    pub(super) fn text(self, text: String) -> String {
        match self {
            Self::Decimal => decimal(&text).unwrap_or(text),
            Self::Double => text.parse::<f64>().map_or(text, |number| format!("{number:?}")),
            Self::Single => text.parse::<f32>().map_or(text, |number| format!("{number:?}")),
            Self::Padded => text.trim_end_matches(' ').to_owned(),
            Self::Moment => moment(text),
            Self::Bytes => text.to_ascii_lowercase(),
            Self::Text | Self::Passed => text,
        }
    }

    /// The order of two canonical texts.
    pub(super) fn order(self, a: &str, b: &str) -> Ordering {
        match self {
            Self::Decimal => by_number(a, b),
            Self::Moment => by_time(a, b),
            _ => a.as_bytes().cmp(b.as_bytes()),
        }
    }
}

/// `-1.5E+3`, `.50`, `007` as `-1500`, `0.5`, `7`; `None` for what is no number.
fn decimal(text: &str) -> Option<String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, exponent) = match rest.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (rest, 0),
    };
    // Oracle's numbers have exponents from -130 to 125.
    if exponent.unsigned_abs() > 1000 {
        return None;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    if all.is_empty() || !all.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let point = i32::try_from(whole.len()).ok()? + exponent;
    if point < 0 {
        all.splice(0..0, std::iter::repeat_n(b'0', usize::try_from(-point).ok()?));
    }
    let point = usize::try_from(point.max(0)).ok()?;
    if all.len() < point {
        all.resize(point, b'0');
    }
    let text = String::from_utf8(all).ok()?;
    let (whole, fraction) = text.split_at(point);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    })
}

/// Canonical numbers in their order.
fn by_number(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| {
        let is_negative = text.starts_with('-');
        let rest = text.trim_start_matches('-').to_owned();
        let (whole, fraction) = match rest.split_once('.') {
            Some((whole, fraction)) => (whole.to_owned(), fraction.to_owned()),
            None => (rest, String::new()),
        };
        (is_negative, whole, fraction)
    };
    let ((minus, whole, fraction), (other_minus, other_whole, other_fraction)) =
        (parts(a), parts(b));
    let size = whole
        .len()
        .cmp(&other_whole.len())
        .then_with(|| whole.cmp(&other_whole))
        .then_with(|| fraction.cmp(&other_fraction));
    match (minus, other_minus) {
        (false, false) => size,
        (true, true) => size.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

/// `2026-11-30 01:02:03.500000` without the zeros at its end.
fn moment(text: String) -> String {
    let (time, era) = text.strip_suffix(" BC").map_or((text.as_str(), ""), |time| (time, " BC"));
    match time.split_once('.') {
        None => text,
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => format!("{whole}{era}"),
            fraction => format!("{whole}.{fraction}{era}"),
        },
    }
}

/// Times in their order: of those before Christ, greater years come first, and within a year it goes on as ever.
fn by_time(a: &str, b: &str) -> Ordering {
    let era = |text: &str| !text.ends_with(" BC");
    era(a).cmp(&era(b)).then_with(|| {
        let (year, rest) = a.split_at(a.find('-').unwrap_or(a.len()));
        let (other_year, other_rest) = b.split_at(b.find('-').unwrap_or(b.len()));
        let years = year.len().cmp(&other_year.len()).then_with(|| year.cmp(other_year));
        let years = if era(a) { years } else { years.reverse() };
        years.then_with(|| rest.cmp(other_rest))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_have_one_text_whichever_side_they_come_from() {
        for (form, texts) in [
            (Form::Decimal, &["-.5", "-0.50", "-5E-1", "-00.5"][..]),
            (Form::Decimal, &["1500", "1.5E+3", "+1500.000", "01500"]),
            (Form::Decimal, &["0", "-0", ".0", "0E10"]),
            (Form::Double, &["0.1", "1e-1", "0.1000000000000000055"]),
            (Form::Single, &["1.5", "1.50"]),
            (Form::Padded, &["ab", "ab   "]),
            (Form::Moment, &["2026-11-30 01:02:03", "2026-11-30 01:02:03.000000"]),
            (Form::Moment, &["4712-01-01 00:00:00.5 BC", "4712-01-01 00:00:00.500 BC"]),
            (Form::Bytes, &["\\x0aFF", "\\x0aff"]),
        ] {
            let all: Vec<String> = texts.iter().map(|text| form.text((*text).to_owned())).collect();
            assert!(all.iter().all(|text| *text == all[0]), "{all:?}");
        }
        assert_eq!(Form::Text.text("a ".to_owned()), "a ");
        assert_eq!(Form::Decimal.text("1E+2000".to_owned()), "1E+2000");
        assert_eq!(Form::Decimal.text("1E-3".to_owned()), "0.001");
        assert_eq!(Form::of(OracleType::Clob), Form::Passed);
    }

    #[test]
    fn times_are_in_the_order_of_time() {
        let times = [
            "4712-01-01 00:00:00 BC",
            "0001-01-01 00:00:00 BC",
            "0001-12-31 00:00:00 BC",
            "0001-01-01 00:00:00",
            "2026-11-30 01:02:03",
            "2026-11-30 01:02:03.5",
            "9999-12-31 00:00:00",
        ];
        assert!(times.is_sorted_by(|a, b| Form::Moment.order(a, b) == Ordering::Less));
    }

    proptest! {
        #[test]
        fn numbers_are_in_their_order(a in -10_000_i64..10_000, b in -10_000_i64..10_000, scale in 0_usize..4) {
            let text = |number: i64| {
                let digits = format!("{:05}", number.abs());
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                let sign = if number < 0 { "-" } else { "" };
                Form::Decimal.text(format!("{sign}{whole}.{fraction}"))
            };
            prop_assert_eq!(Form::Decimal.order(&text(a), &text(b)), a.cmp(&b));
            prop_assert_eq!(text(a) == text(b), a == b);
        }
    }
}
