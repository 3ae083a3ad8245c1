//! Statements of LogMiner.

use tailrace_codec::oracle::definition::table_changes;
use tailrace_codec::oracle::{InternalForm, OracleType, TableVersion};
use tailrace_codec::redo::{Dml, DmlKind, Form, LobAction, LobStep, Value};

/// One statement, read as a change of a row and as a block about a large object.
pub fn redo(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut dml = Dml::default();
    if dml.parse(&text).is_ok() {
        check(&dml, &text);
        let before = said(&dml, &text);
        dml.parse(&text).expect("what was read once is read again");
        assert_eq!(before, said(&dml, &text));
    }
    let mut step = LobStep::default();
    if step.parse(&text).is_ok() {
        assert!(step.locator(&text).is_some() || step.action(&text).is_some());
        if let Some(LobAction::Write { data, .. }) = step.action(&text) {
            read(data);
        }
        step.conditions(&text).for_each(|(_, value)| read(value));
    }
    if let Ok(changes) = table_changes(&text) {
        let mut version = TableVersion::new(Vec::new());
        changes.iter().for_each(|change| version.change(change));
        let stored = version.columns().iter().filter(|column| !column.is_virtual).count();
        assert!(version.stored(stored + 1).is_none());
    }
}

/// Types whose values are stored in their rows.
const KINDS: [OracleType; 14] = [
    OracleType::Number { precision: None, scale: None },
    OracleType::VarChar2,
    OracleType::NVarChar2,
    OracleType::Raw,
    OracleType::Date,
    OracleType::Timestamp,
    OracleType::TimestampTz,
    OracleType::TimestampLtz,
    OracleType::BinaryFloat,
    OracleType::BinaryDouble,
    OracleType::IntervalYearMonth,
    OracleType::IntervalDaySecond,
    OracleType::RowId,
    OracleType::Blob,
];

fn check(dml: &Dml, text: &str) {
    match dml.kind() {
        DmlKind::Insert => {
            assert!(dml.values(text).len() > 0);
            assert_eq!((dml.conditions(text).len(), dml.row_id(text)), (0, None));
        }
        DmlKind::Update => assert!(dml.values(text).len() > 0),
        DmlKind::Delete => assert_eq!(dml.values(text).len(), 0),
    }
    for (name, value) in dml.values(text).chain(dml.conditions(text)) {
        assert_eq!(name.to_str().replace('"', "\"\""), name.raw());
        read(value);
    }
}

fn read(value: Value<'_>) {
    let text = value.text();
    if matches!(value.form(), Form::Text | Form::Number) {
        assert!(text.is_ok());
    }
    let mut bytes = vec![1];
    if value.bytes_into(&mut bytes).is_ok() {
        assert_eq!(value.form(), Form::Hex);
        assert_eq!(bytes.len(), 1 + value.raw().len() / 2);
        for charset in ["AL32UTF8", "UTF8", "ZHS16GBK", "JA16SJIS"] {
            let form = InternalForm::new(charset, "-03:30");
            for kind in KINDS {
                let text = form.text(kind, &bytes[1..]);
                assert!(kind != OracleType::Blob || text.is_err());
            }
        }
    }
    let _ = value.format();
}

fn said(dml: &Dml, text: &str) -> Vec<String> {
    dml.values(text)
        .chain(dml.conditions(text))
        .map(|(name, value)| format!("{name:?} {value:?}"))
        .collect()
}
