//! A row gives the same message whether it was read from the table or from the log, and the catalog
//! gives the same schema as the log.

use std::collections::BTreeMap;

use tailrace_codec::binlog::{RowsKind, TableMap, TablePlan};
use tailrace_codec::encode::{Format, RowEncoder, RowMeta};
use tailrace_codec::mysql::TextRowReader;
use tailrace_codec::{Cell, ColumnType, TableSchema};

use super::recording::recording;
use crate::binlog::expected::fixture;
use crate::binlog::replay::{Image, Visitor, replay};

const META: RowMeta = RowMeta { id: 1, es_ms: 2, ts_ms: 3 };

fn message(encoder: &RowEncoder, cells: &[Cell<'_>]) -> String {
    let mut out = Vec::new();
    encoder.encode_insert(&mut out, &META, cells).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert!(value["data"][0].is_object());
    String::from_utf8(out).unwrap()
}

/// Messages of the rows that a log leaves behind, by table.
struct FromLog {
    format: Format,
    schemas: BTreeMap<String, TableSchema>,
    rows: BTreeMap<String, Vec<String>>,
}

impl Visitor for FromLog {
    fn plan(&mut self, map: &TableMap<'_>, plan: &TablePlan) {
        self.schemas.insert(map.table.to_owned(), TableSchema::clone(plan.schema()));
    }

    fn row(
        &mut self,
        plan: &TablePlan,
        _kind: RowsKind,
        before: Option<Image<'_>>,
        after: Option<Image<'_>>,
    ) {
        let encoder = RowEncoder::compile(plan.schema(), self.format).unwrap();
        let rows = self.rows.entry(plan.schema().table.clone()).or_default();
        if let Some(before) = before {
            let gone = message(&encoder, before.cells);
            let position = rows.iter().position(|row| *row == gone);
            rows.remove(position.unwrap_or_else(|| panic!("{gone} is not in {rows:#?}")));
        }
        if let Some(after) = after {
            rows.push(message(&encoder, after.cells));
        }
    }
}

fn check(name: &str, format: Format) -> BTreeMap<String, Vec<String>> {
    let mut log = FromLog { format, schemas: BTreeMap::new(), rows: BTreeMap::new() };
    replay(&fixture(name), &mut log).unwrap();
    let tables = recording(name);
    assert!(tables.len() >= 4);
    for table in tables {
        let name = &table.schema.table;
        let encoder = RowEncoder::compile(&table.schema, format).unwrap();
        let reader = TextRowReader::compile(&table.schema);
        let mut messages = Vec::new();
        for row in &table.rows {
            let mut cells = Vec::new();
            reader.read_into(row, &mut cells).unwrap();
            messages.push(message(&encoder, &cells));
        }
        let from_log = log.rows.get_mut(name).unwrap();
        messages.sort();
        from_log.sort();
        assert_eq!(messages.len(), from_log.len(), "{name}");
        for (from_table, from_log) in messages.iter().zip(from_log) {
            assert_eq!(from_table, from_log, "{name}");
        }
    }
    log.rows
}

#[test]
fn every_type() {
    for format in [Format::Json, Format::JsonC] {
        let rows = check("types", format);
        assert_eq!(rows["times"].len(), 7);
        assert_eq!(rows["strings"].len(), 4);
    }
}

#[test]
fn what_a_select_would_print_otherwise() {
    let rows = check("full_phase", Format::Json);
    // Zero fill, display scales and six-digit floats leave no trace in messages.
    let displayed = &rows["displayed"];
    let has = |text: &str| displayed.iter().any(|row| row.contains(text));
    assert!(has(r#""id":"42""#) && has(r#""f":"1234.567""#) && has(r#""dz":"4.9E-324""#));
    assert!(has(r#""dd":"0.001""#) && has(r#""f24":"-3.4028235E38""#));
    assert!(has(r#""dt":"2024-02-31""#) && has(r#""cp":"Привет""#) && has("ｱあ"));
    // Members that the catalog prints as `?`.
    let members = &rows["wide_members"];
    assert!(members.iter().any(|row| row.contains(r#""e":"😀","s":"😀,😁""#)), "{members:#?}");
}

/// Characters beyond the basic plane, which the catalog cannot print.
fn as_the_catalog_prints(schema: &TableSchema) -> TableSchema {
    let lossy = |members: &[String]| {
        let text = |m: &String| m.chars().map(|c| if c > '\u{FFFF}' { '?' } else { c }).collect();
        members.iter().map(text).collect()
    };
    let mut schema = schema.clone();
    for column in &mut schema.columns {
        column.kind = match &column.kind {
            ColumnType::Enum(members) => ColumnType::Enum(lossy(members)),
            ColumnType::Set(members) => ColumnType::Set(lossy(members)),
            other => other.clone(),
        };
    }
    schema
}

#[test]
fn the_catalog_gives_the_schema_of_the_log() {
    for name in ["types", "full_phase"] {
        let mut log =
            FromLog { format: Format::Json, schemas: BTreeMap::new(), rows: BTreeMap::new() };
        replay(&fixture(name), &mut log).unwrap();
        for table in recording(name) {
            let from_log = as_the_catalog_prints(&log.schemas[&table.schema.table]);
            for (catalog, log) in table.schema.columns.iter().zip(&from_log.columns) {
                assert_eq!(catalog, log, "{}", table.schema.table);
            }
            assert_eq!(table.schema, from_log);
        }
    }
}
