mod assembly;
mod changes;
mod dml;
mod lob;
mod round_trip;
mod values;

use super::*;

/// Parses a statement that has to be right: kind, table, values, conditions, ROWID, as they are written.
fn parsed(text: &str) -> String {
    let mut dml = Dml::default();
    dml.parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let pair = |(name, value): (Name<'_>, Value<'_>)| {
        format!("{}:{:?}:{}", name.to_str(), value.form(), value.raw())
    };
    let values: Vec<String> = dml.values(text).map(pair).collect();
    let conditions: Vec<String> = dml.conditions(text).map(pair).collect();
    format!(
        "{:?} {}.{} [{}] [{}] {}",
        dml.kind(),
        dml.owner(text).to_str(),
        dml.table(text).to_str(),
        values.join("|"),
        conditions.join("|"),
        dml.row_id(text).unwrap_or("-")
    )
}

fn refused(text: &str) -> String {
    Dml::default().parse(text).expect_err(text).to_string()
}

/// The value of a literal that stands alone.
fn value(literal: &str) -> (Form, String) {
    let text = format!("insert into \"S\".\"T\"(\"C\") values ({literal});");
    let mut dml = Dml::default();
    dml.parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let (_, value) = dml.values(&text).next().expect("a value");
    (value.form(), value.text().unwrap_or_else(|e| panic!("{literal}: {e}")).into_owned())
}
