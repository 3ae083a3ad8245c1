//! What a comparison is asked to do, in the words that v3 and v5 share.

use std::collections::BTreeMap;

use crate::control::{
    Refusal, Result,
    compare::{CompareInput, CompareKind},
};

/// Names of the kinds.
pub(crate) const KINDS: &str = "object, lines, contents, random";
/// What options there are.
const OPTIONS: &str =
    "comparePolicy: normal; contentCompareType: dynamic, static; lobCompare: ignore";

/// A comparison of all tables, now, of the kind with this name. `random` compares contents of a sample; `proportion` is its
/// part of the rows in percent.
///
/// # Errors
/// [`Refusal::Invalid`] for names and values that are not known.
pub(crate) fn comparison(
    field: &str,
    kind: &str,
    options: &BTreeMap<String, String>,
    proportion: Option<f64>,
) -> Result<CompareInput> {
    let known = match kind {
        "random" => Some(CompareKind::Contents),
        other => CompareKind::from_name(other),
    };
    let known = known.ok_or_else(|| Refusal::invalid(field, kind, KINDS))?;
    let mut input = CompareInput::of(known);
    for (option, value) in options {
        match (option.as_str(), value.as_str()) {
            ("comparePolicy", "normal")
            | ("contentCompareType", "dynamic")
            | ("lobCompare", "ignore") => {}
            ("contentCompareType", "static") => input.is_static = true,
            _ => return Err(Refusal::invalid(format!("option.{option}"), value, OPTIONS)),
        }
    }
    input.sample_per_million = match (kind, proportion) {
        ("random", Some(percent)) => Some(per_million(percent)?),
        ("random", None) => {
            let allowed = "percent of the rows, more than 0 and at most 100";
            return Err(Refusal::invalid("proportion_value", "none", allowed));
        }
        (_, None) => None,
        (_, Some(percent)) => {
            let allowed = format!("none with type {kind}, only with type random");
            return Err(Refusal::invalid("proportion_value", percent, allowed));
        }
    };
    Ok(input)
}

/// Rows of a million.
fn per_million(percent: f64) -> Result<u32> {
    let rows = (percent * 10_000.0).round();
    if percent > 0.0 && percent <= 100.0 && rows >= 1.0 {
        return Ok(rows as u32);
    }
    Err(Refusal::invalid("proportion_value", percent, "percent of the rows, 0.0001 to 100"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        kind: &str,
        option: Option<(&str, &str)>,
        percent: Option<f64>,
    ) -> Result<CompareInput> {
        let options = option.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        comparison("type", kind, &options.collect(), percent)
    }

    #[test]
    fn kinds_options_and_parts_are_read_or_refused_by_name() {
        let sample =
            read("random", Some(("contentCompareType", "static")), Some(0.5)).expect("a sample");
        assert_eq!((sample.kind, sample.is_static), (CompareKind::Contents, true));
        assert_eq!(sample.sample_per_million, Some(5000));
        assert_eq!(read("lines", None, None).expect("lines").sample_per_million, None);
        for (kind, option, percent, named) in [
            ("users", None, None, "type"),
            ("contents", Some(("lobCompare", "length")), None, "option.lobCompare"),
            ("contents", Some(("speed", "1")), None, "option.speed"),
            ("random", None, None, "proportion_value"),
            ("random", None, Some(f64::NAN), "proportion_value"),
            ("random", None, Some(100.1), "proportion_value"),
            ("random", None, Some(0.00001), "proportion_value"),
            ("lines", None, Some(1.0), "proportion_value"),
        ] {
            let refusal = read(kind, option, percent).expect_err(named).to_string();
            assert!(refusal.contains(named), "{refusal}");
        }
    }
}
