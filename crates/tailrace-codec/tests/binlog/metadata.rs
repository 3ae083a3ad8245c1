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
    let mut schemas = Schemas { expected: expected("types"), last: Vec::new() };
    replay(&fixture("types"), &mut schemas).unwrap();
    assert_eq!(schemas.last.len(), 11);
    for schema in &schemas.last {
        let want = &schemas.expected.schemas[&schema.table];
        for (got, want) in schema.columns.iter().zip(&want.columns) {
            assert_eq!(got, want, "{}", schema.table);
        }
        assert_eq!(schema, want);
    }
}
