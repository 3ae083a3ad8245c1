//! A schema made from TABLE_MAP alone must be the catalog's.

use tailrace_codec::TableSchema;
use tailrace_codec::binlog::{TableMap, TablePlan};

use super::expected::{Expected, expected, fixture};
use super::replay::{Visitor, replay};

struct Schemas {
    expected: Expected,
    last: Vec<TableSchema>,
}

impl Visitor for Schemas {
    fn plan(&mut self, _map: &TableMap<'_>, plan: &TablePlan) {
        let schema = plan.schema().as_ref().clone();
        self.last.retain(|s| s.table != schema.table);
        self.last.push(schema);
    }
}

#[test]
fn full_metadata_gives_the_schema_of_the_catalog() {
    let mut tables = 0;
    for name in ["types", "json", "partial_json", "compressed", "anonymous"] {
        let mut schemas = Schemas { expected: expected(name), last: Vec::new() };
        replay(&fixture(name), &mut schemas).unwrap();
        tables += schemas.last.len();
        for schema in &schemas.last {
            let want = &schemas.expected.schemas[&schema.table];
            for (got, want) in schema.columns.iter().zip(&want.columns) {
                assert_eq!(got, want, "{name}: {}", schema.table);
            }
            assert_eq!(schema, want);
        }
    }
    assert_eq!(tables, 17);
}
