//! Where tables' rows are in files: extents of eight blocks.

use super::dictionary::{View, made, number};
use super::store::State;
use super::table::{FILE, FIRST_BLOCK, ROWS_OF_A_BLOCK, Segment, Table};
use crate::oracle::value::Value;

/// Blocks of an extent.
const BLOCKS: u64 = 8;
/// Blocks before the first with rows, which keep what is free.
const HEADER_BLOCKS: u64 = 3;
/// Bytes of a block.
const BLOCK_BYTES: u64 = 8192;

/// `DBA_EXTENTS`
pub(super) fn view(state: &State) -> View {
    let names = [
        "OWNER",
        "SEGMENT_NAME",
        "PARTITION_NAME",
        "SEGMENT_TYPE",
        "EXTENT_ID#",
        "FILE_ID#",
        "BLOCK_ID#",
        "BYTES#",
        "BLOCKS#",
        "RELATIVE_FNO#",
    ];
    made(&names, state.tables.values().flat_map(of_table).collect())
}

fn of_table(table: &Table) -> Vec<Vec<Value>> {
    table.segments.iter().flat_map(|segment| of_segment(table, segment)).collect()
}

fn of_segment(table: &Table, segment: &Segment) -> Vec<Vec<Value>> {
    let blocks = HEADER_BLOCKS + segment.rows_made.div_ceil(ROWS_OF_A_BLOCK);
    let whole = |n: u64| number(i64::try_from(n).unwrap_or(i64::MAX));
    let extent = |id: u64| {
        vec![
            Value::text(&table.owner),
            Value::text(&table.name),
            segment.name.as_ref().map_or(Value::Null, Value::text),
            Value::text(if segment.name.is_some() { "TABLE PARTITION" } else { "TABLE" }),
            whole(id),
            number(FILE),
            whole(u64::from(FIRST_BLOCK) - HEADER_BLOCKS + id * BLOCKS),
            whole(BLOCKS * BLOCK_BYTES),
            whole(BLOCKS),
            number(FILE),
        ]
    };
    (0..blocks.div_ceil(BLOCKS)).map(extent).collect()
}
