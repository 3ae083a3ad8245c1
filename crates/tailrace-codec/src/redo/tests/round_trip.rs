//! Any row, written as LogMiner writes it, is read as it was.

use proptest::prelude::*;

use super::*;

/// A value, as it is written and as it is read.
#[derive(Debug, Clone)]
struct Told {
    literal: String,
    text: Option<String>,
    bytes: Option<Vec<u8>>,
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn unistr(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| match u8::try_from(unit) {
        Ok(b'\\') => "\\\\".to_owned(),
        Ok(byte) if byte.is_ascii() && byte != b'\'' => char::from(byte).to_string(),
        _ => format!("\\{unit:04X}"),
    });
    format!("UNISTR('{}')", units.collect::<String>())
}

fn told() -> impl Strategy<Value = Told> {
    let text =
        |literal: String, text: &str| Told { literal, text: Some(text.to_owned()), bytes: None };
    prop_oneof![
        Just(Told { literal: "NULL".into(), text: None, bytes: None }),
        any::<String>().prop_map(move |value| text(quoted(&value), &value)),
        any::<String>().prop_map(move |value| text(unistr(&value), &value)),
        (any::<String>(), any::<String>()).prop_map(move |(a, b)| {
            text(format!("{} || CHR(10) || {}", unistr(&a), quoted(&b)), &format!("{a}\n{b}"))
        }),
        any::<i64>().prop_map(move |value| text(value.to_string(), &value.to_string())),
        any::<f64>()
            .prop_filter("a number", |value| value.is_finite())
            .prop_map(move |value| { text(format!("{value:E}"), &format!("{value:E}")) }),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Told { literal: format!("HEXTORAW('{digits}')"), text: None, bytes: Some(bytes) }
        }),
        "[0-9 :.+-]{0,30}".prop_map(move |value| {
            text(format!("TO_TIMESTAMP_TZ({}, 'FF')", quoted(&value)), &value)
        }),
    ]
}

fn name() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|name| format!("\"{}\"", name.replace('"', "\"\"")))
}

fn check<'t>(
    wanted: &[(String, Told)],
    found: impl ExactSizeIterator<Item = (Name<'t>, Value<'t>)>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(wanted.len(), found.len());
    for ((name, told), (found, value)) in wanted.iter().zip(found) {
        let raw = format!("\"{}\"", found.to_str().replace('"', "\"\""));
        prop_assert_eq!(name, &raw);
        let mut bytes = Vec::new();
        let has_bytes = value.bytes_into(&mut bytes).is_ok();
        prop_assert_eq!(&told.bytes, &has_bytes.then_some(bytes));
        prop_assert_eq!(&told.text, &value.text().ok().map(|text| text.into_owned()));
    }
    Ok(())
}

fn condition((name, told): &(String, Told)) -> String {
    match told.literal.as_str() {
        "NULL" => format!("{name} IS NULL"),
        literal => format!("{name} = {literal}"),
    }
}

proptest! {
    #[test]
    fn rows_are_read_as_they_were(
        owner in name(),
        table in name(),
        new in proptest::collection::vec((name(), told()), 1..12),
        old in proptest::collection::vec((name(), told()), 0..12),
        delimiter in proptest::bool::ANY,
    ) {
        let end = if delimiter { ";" } else { "" };
        let mut dml = Dml::default();
        let names: Vec<&str> = new.iter().map(|(name, _)| name.as_str()).collect();
        let values: Vec<&str> = new.iter().map(|(_, told)| told.literal.as_str()).collect();
        let text = format!("insert into {owner}.{table}({}) values ({}){end}", names.join(","), values.join(","));
        dml.parse(&text).unwrap();
        check(&new, dml.values(&text))?;

        let mut conditions: Vec<String> = old.iter().map(condition).collect();
        conditions.push("ROWID = 'AAASPkAAEAAAAF7AAA'".to_owned());
        let conditions = conditions.join(" and ");
        let set: Vec<String> = new.iter().map(|(name, told)| format!("{name} = {}", told.literal)).collect();
        let text = format!("update {owner}.{table} set {} where {conditions}{end}", set.join(", "));
        dml.parse(&text).unwrap();
        check(&new, dml.values(&text))?;
        check(&old, dml.conditions(&text))?;
        prop_assert_eq!(dml.row_id(&text), Some("AAASPkAAEAAAAF7AAA"));

        let text = format!("delete from {owner}.{table} where {conditions}{end}");
        dml.parse(&text).unwrap();
        check(&old, dml.conditions(&text))?;
    }

    /// Any text is read or refused, and so is any of its beginnings.
    #[test]
    fn no_text_is_too_strange(text in "(insert into|update|delete from|DECLARE|BEGIN|select)? ?[ -~\u{e9}\n]{0,60}") {
        let mut dml = Dml::default();
        if dml.parse(&text).is_ok() {
            for (_, value) in dml.values(&text).chain(dml.conditions(&text)) {
                let _ = (value.text(), value.format(), value.bytes_into(&mut Vec::new()));
            }
        }
        let _ = LobStep::default().parse(&text);
    }
}
