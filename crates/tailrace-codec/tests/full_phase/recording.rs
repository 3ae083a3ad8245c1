//! Reads what `examples/record_full_phase.rs` wrote.

use tailrace_codec::TableSchema;
use tailrace_codec::mysql::{Catalog, TextRow};

/// A statement and the row packets that answered it.
struct Answer {
    sql: String,
    rows: Vec<Vec<u8>>,
}

/// A table of the recording: schema from the catalog, and its row packets.
pub(crate) struct Table {
    pub(crate) schema: TableSchema,
    pub(crate) rows: Vec<Vec<u8>>,
}

fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut records = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let (record, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        records.push(record.to_vec());
        bytes = rest;
    }
    let mut answers = Vec::new();
    for group in records.split(Vec::is_empty).filter(|group| !group.is_empty()) {
        let sql = String::from_utf8(group[0].clone()).unwrap();
        answers.push(Answer { sql, rows: group[1..].to_vec() });
    }
    answers
}

/// The tables of `fixtures/NAME.rows`.
pub(crate) fn recording(name: &str) -> Vec<Table> {
    let path = format!("{}/tests/fixtures/{name}.rows", env!("CARGO_MANIFEST_DIR"));
    let mut answers = answers(&std::fs::read(path).unwrap()).into_iter();
    let mut catalog = Catalog::new();
    let mut next = |prefix: &str| {
        let answer = answers.next().unwrap();
        assert!(answer.sql.starts_with(prefix), "{}", answer.sql);
        answer.rows
    };
    for row in next("SELECT COLLATION_NAME") {
        catalog.add_collation(&TextRow::new(&row).to_vec(2).unwrap()).unwrap();
    }
    for row in next("SELECT c.TABLE_SCHEMA") {
        catalog.add_column(&TextRow::new(&row).to_vec(12).unwrap()).unwrap();
    }
    for row in next("SELECT s.TABLE_SCHEMA") {
        catalog.add_key_column(&TextRow::new(&row).to_vec(4).unwrap()).unwrap();
    }
    let tables: Vec<_> = catalog
        .finish()
        .into_iter()
        .map(|(_, schema)| Table { schema: schema.unwrap(), rows: next("SELECT ") })
        .collect();
    assert!(answers.next().is_none());
    tables
}
