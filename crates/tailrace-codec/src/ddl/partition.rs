//! Operations on partitions. Each is the only one or the last one of its statement, so all reads to
//! the end.

use super::cursor::{Cursor, Parsed};
use super::statement::{AlterOp, PartitionOp};

/// Words before PARTITION whose operation leaves all rows in the table.
const LAYOUT_WORDS: [&str; 8] =
    ["ADD", "COALESCE", "REORGANIZE", "REBUILD", "ANALYZE", "CHECK", "OPTIMIZE", "REPAIR"];

/// Reads a partition operation, if one begins here.
pub(super) fn partition_op(cursor: &mut Cursor<'_>) -> Parsed<Option<AlterOp>> {
    let mut ahead = *cursor;
    let op = if ahead.eat_all(&["PARTITION", "BY"])
        || ahead.eat_all(&["REMOVE", "PARTITIONING"])
        || ahead.eat_all(&["UPGRADE", "PARTITIONING"])
        || (ahead.eat_any(&LAYOUT_WORDS) && ahead.eat("PARTITION"))
    {
        PartitionOp::Layout
    } else {
        ahead = *cursor;
        if ahead.eat_any(&["DROP", "TRUNCATE", "DISCARD", "IMPORT"]) && ahead.eat("PARTITION") {
            PartitionOp::RowsDropped
        } else {
            ahead = *cursor;
            if !ahead.eat_all(&["EXCHANGE", "PARTITION"]) {
                return Ok(None);
            }
            ahead.name()?;
            ahead.expect("WITH")?;
            ahead.expect("TABLE")?;
            PartitionOp::Exchange { with: ahead.table_name()? }
        }
    };
    while !ahead.at_end() {
        ahead.skip_item()?;
    }
    *cursor = ahead;
    Ok(Some(AlterOp::Partition(op)))
}
