//! Applying every change of a log must give the rows that the server has.

use std::collections::BTreeMap;

use tailrace_codec::TableSchema;
use tailrace_codec::binlog::{Event, RowsKind, TableMap, TablePlan};

use super::expected::{Expected, Row, expected, fixture};
use super::print::cell_text;
use super::replay::{Image, Visitor, replay};

struct Tables<'e> {
    rows: BTreeMap<String, Vec<Row>>,
    /// Given where the log has no full metadata.
    expected: Option<&'e Expected>,
    kinds: Vec<RowsKind>,
    partial_images: usize,
    payloads: usize,
}

fn text_row(plan: &TablePlan, image: &Image<'_>) -> Row {
    image.cells.iter().zip(&plan.schema().columns).map(|(c, col)| cell_text(c, col)).collect()
}

impl Tables<'_> {
    /// Index of a row that agrees with the image where it has values.
    fn find(&self, plan: &TablePlan, image: &Image<'_>) -> usize {
        let wanted = text_row(plan, image);
        let rows = &self.rows[&plan.schema().table];
        let agrees = |row: &Row| {
            row.iter().zip(&wanted).zip(&image.present).all(|((have, want), p)| !p || have == want)
        };
        let found = rows.iter().position(agrees);
        found.unwrap_or_else(|| panic!("{}: no row {wanted:?} in {rows:#?}", plan.schema().table))
    }
}

impl Visitor for Tables<'_> {
    fn event(&mut self, _raw: &tailrace_codec::binlog::RawEvent<'_>, event: &Event<'_>, _: bool) {
        if matches!(event, Event::TransactionPayload(_)) {
            self.payloads += 1;
        }
    }

    fn schema(&self, map: &TableMap<'_>) -> Option<TableSchema> {
        self.expected.map(|e| e.schemas[map.table].clone())
    }

    fn plan(&mut self, map: &TableMap<'_>, plan: &TablePlan) {
        let width = plan.schema().columns.len();
        for row in self.rows.entry(map.table.to_owned()).or_default() {
            // ALTER TABLE ADD COLUMN k JSON NOT NULL: old rows read as the JSON null.
            row.resize(width, Some("null".to_owned()));
        }
    }

    fn row(
        &mut self,
        plan: &TablePlan,
        kind: RowsKind,
        before: Option<Image<'_>>,
        after: Option<Image<'_>>,
    ) {
        self.kinds.push(kind);
        let present =
            |image: &Option<Image<'_>>| image.iter().all(|i| i.present.iter().all(|p| *p));
        self.partial_images += usize::from(!(present(&before) && present(&after)));
        let table = plan.schema().table.clone();
        let position = before.map(|image| self.find(plan, &image));
        let rows = self.rows.get_mut(&table).unwrap();
        match (position, after) {
            (None, Some(image)) => rows.push(text_row(plan, &image)),
            (Some(position), None) => drop(rows.remove(position)),
            (Some(position), Some(image)) => {
                let new = text_row(plan, &image);
                let row = &mut rows[position];
                for ((slot, value), present) in row.iter_mut().zip(new).zip(&image.present) {
                    if *present {
                        *slot = value;
                    }
                }
            }
            (None, None) => unreachable!("every row has an image"),
        }
    }
}

fn check(name: &str, schema_from_catalog: bool) -> (Vec<RowsKind>, usize, usize) {
    let expected = expected(name);
    let mut tables = Tables {
        rows: BTreeMap::new(),
        expected: schema_from_catalog.then_some(&expected),
        kinds: Vec::new(),
        partial_images: 0,
        payloads: 0,
    };
    replay(&fixture(name), &mut tables).unwrap_or_else(|e| panic!("{name}: {e}"));
    for rows in tables.rows.values_mut() {
        rows.sort();
    }
    tables.rows.retain(|_, rows| !rows.is_empty());
    let names: Vec<_> = tables.rows.keys().collect();
    assert_eq!(names, expected.rows.keys().collect::<Vec<_>>());
    for (table, rows) in &expected.rows {
        let columns = &expected.schemas[table].columns;
        for (got, want) in tables.rows[table].iter().zip(rows) {
            for ((got, want), column) in got.iter().zip(want).zip(columns) {
                assert_eq!(got, want, "{table}.{} in row {:?}", column.name, want);
            }
        }
        assert_eq!(tables.rows[table].len(), rows.len(), "rows of {table}");
    }
    (tables.kinds, tables.partial_images, tables.payloads)
}

#[test]
fn every_type_reads_as_the_server_prints_it() {
    let (kinds, ..) = check("types", false);
    assert!(kinds.len() > 40, "{}", kinds.len());
}

#[test]
fn every_type_reads_the_same_with_the_schema_from_the_catalog() {
    check("types", true);
}

#[test]
fn json_documents_print_as_the_server_prints_them() {
    check("json", false);
}

#[test]
fn json_differences_give_the_document_the_server_has() {
    let (kinds, ..) = check("partial_json", false);
    assert!(kinds.iter().filter(|k| **k == RowsKind::PartialUpdate).count() > 15, "{kinds:?}");
}

#[test]
fn images_that_leave_columns_out() {
    let (_, partial, _) = check("minimal", true);
    assert!(partial > 5, "{partial}");
}

#[test]
fn compressed_transactions() {
    let (kinds, _, payloads) = check("compressed", false);
    assert!(payloads > 3, "{payloads}");
    assert_eq!(kinds.iter().filter(|k| **k == RowsKind::Write).count(), 3002);
    assert_eq!(kinds.iter().filter(|k| **k == RowsKind::Delete).count(), 2991);
}

#[test]
fn a_log_without_checksums_and_gtids() {
    check("anonymous", false);
}
