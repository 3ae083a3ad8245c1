//! Times in the forms that each part of the API uses. All are UTC.

use jiff::Timestamp;

/// `2026-11-24T02:00:00Z`, as v5 answers.
pub(crate) fn iso(ms: i64) -> String {
    form(ms, "%Y-%m-%dT%H:%M:%SZ")
}

/// `2026-11-24 02:00:00`, as v3's list answers.
pub(crate) fn spaced(ms: i64) -> String {
    form(ms, "%Y-%m-%d %H:%M:%S")
}

/// `2026-11-24T02:00:00.123000Z`, as IAM answers.
pub(crate) fn keystone(ms: i64) -> String {
    form(ms, "%Y-%m-%dT%H:%M:%S%.6fZ")
}

/// Times beyond what a calendar holds are shown as the epoch; the store has none.
fn form(ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form() {
        let ms = 1_608_519_469_412;
        assert_eq!(iso(ms), "2020-12-21T02:57:49Z");
        assert_eq!(spaced(ms), "2020-12-21 02:57:49");
        assert_eq!(keystone(ms), "2020-12-21T02:57:49.412000Z");
        assert_eq!(iso(i64::MAX), "1970-01-01T00:00:00Z");
    }
}
