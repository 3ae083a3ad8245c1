//! Where a large table is cut into ranges of ROWIDs, so that several readers can read it at a time and none reads an index.
//!
//! The ranges have no end on either side of the table, and their bounds rise as the database itself orders them: every row is in
//! one range and in one only, wherever it lies.

use std::collections::HashMap;

use super::session::{Session, number, text};
use crate::error::{Error, Result};

/// Blocks of a table from which on it is cut: 512 KiB where a block has 8 KiB.
const BLOCKS_MIN: u64 = 64;
/// Most ranges of a table.
const RANGES_MAX: u64 = 512;
/// Rows of a block of which the statistics tell nothing.
const ROWS_OF_A_BLOCK: u64 = 50;

/// A part of a table's segment that lies together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    data_object: u64,
    file: u64,
    block: u64,
    blocks: u64,
}

/// The first ROWIDs of all ranges of a table but the first, in their order; none for a table that is not worth to be cut, or has no
/// extents of its own (as one that is organised by its index).
///
/// # Errors
/// `SourcePrivilege` if the account may not see `DBA_EXTENTS`; those of the session.
pub(crate) fn bounds(
    session: &Session,
    owner: &str,
    name: &str,
    (rows, rows_max): (u64, u64),
) -> Result<Vec<String>> {
    let extents = extents(session, owner, name)?;
    let mut bounds: Vec<String> = Vec::new();
    for place in cuts(&extents, rows, rows_max) {
        let Extent { data_object, file, block, .. } = place;
        // A bound that would not be behind the one before is left out: the two ranges are one then.
        let made = format!("DBMS_ROWID.ROWID_CREATE(1, {data_object}, {file}, {block}, 0)");
        let behind = bounds
            .last()
            .map_or(String::new(), |last| format!(" WHERE {made} > CHARTOROWID('{last}')"));
        session.each(&format!("SELECT ROWIDTOCHAR({made}) FROM dual{behind}"), &[], |row| {
            bounds.extend(text(row, 0)?);
            Ok(())
        })?;
    }
    Ok(bounds)
}

/// Where ranges begin, as extents without a length: of so many blocks that `rows_max` rows are in each, if the table has `rows`.
fn cuts(extents: &[Extent], rows: u64, rows_max: u64) -> Vec<Extent> {
    let total: u64 = extents.iter().map(|extent| extent.blocks).sum();
    if total < BLOCKS_MIN {
        return Vec::new();
    }
    let of_a_block = if rows == 0 { ROWS_OF_A_BLOCK } else { rows.div_ceil(total) };
    let blocks = (rows_max / of_a_block).max(total.div_ceil(RANGES_MAX)).max(1);
    let (mut cuts, mut passed) = (Vec::new(), 0);
    for extent in extents {
        // Blocks of this one that are behind the last bound's range.
        let mut at = (blocks - passed % blocks) % blocks;
        while at < extent.blocks {
            if passed + at > 0 {
                cuts.push(Extent { block: extent.block + at, blocks: 0, ..*extent });
            }
            at += blocks;
        }
        passed += extent.blocks;
    }
    cuts
}

fn extents(session: &Session, owner: &str, name: &str) -> Result<Vec<Extent>> {
    let objects = data_objects(session, owner, name)?;
    let mut extents = Vec::new();
    let sql = "SELECT partition_name, relative_fno, block_id, blocks FROM dba_extents \
               WHERE owner = :1 AND segment_name = :2 \
               AND segment_type IN ('TABLE', 'TABLE PARTITION', 'TABLE SUBPARTITION')";
    session.each(sql, &[&owner, &name], |row| {
        let whole = |column| Ok::<u64, Error>(number(row, column)?.unwrap_or(0));
        // A partition that is made just now has no row of the snapshot.
        if let Some(data_object) = objects.get(&text(row, 0)?) {
            let (file, block, blocks) = (whole(1)?, whole(2)?, whole(3)?);
            extents.push(Extent { data_object: *data_object, file, block, blocks });
        }
        Ok::<(), Error>(())
    })?;
    extents.sort_unstable();
    Ok(extents)
}

/// Numbers of the data of a table and its partitions, by the partitions' names.
fn data_objects(
    session: &Session,
    owner: &str,
    name: &str,
) -> Result<HashMap<Option<String>, u64>> {
    let mut objects = HashMap::new();
    let sql = "SELECT subobject_name, data_object_id FROM all_objects WHERE owner = :1 AND object_name = :2 \
               AND object_type IN ('TABLE', 'TABLE PARTITION', 'TABLE SUBPARTITION')";
    session.each(sql, &[&owner, &name], |row| {
        // What is divided itself has no data of its own.
        if let Some(object) = number(row, 1)? {
            objects.insert(text(row, 0)?, object);
        }
        Ok::<(), Error>(())
    })?;
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(data_object: u64, block: u64, blocks: u64) -> Extent {
        Extent { data_object, file: 4, block, blocks }
    }

    #[test]
    fn a_table_is_cut_into_ranges_of_as_many_rows() {
        let extents = [extent(1, 128, 100), extent(1, 1000, 300), extent(2, 128, 100)];
        // Ten rows a block, 1500 of them in a range.
        let cuts = cuts(&extents, 5000, 1500);
        let places: Vec<_> = cuts.iter().map(|cut| (cut.data_object, cut.block)).collect();
        assert_eq!(places, [(1, 1050), (1, 1200), (2, 178)]);
    }

    #[test]
    fn small_tables_are_not_cut_and_large_ones_not_into_crumbs() {
        assert_eq!(cuts(&[extent(1, 128, BLOCKS_MIN - 1)], 1_000_000, 10), []);
        assert_eq!(cuts(&[], 0, 10), []);
        let large = [extent(1, 128, 1_000_000), extent(1, 5_000_000, 1_000_000)];
        let cuts = cuts(&large, 0, 1);
        assert!((500..512).contains(&cuts.len()), "{}", cuts.len());
        assert!(cuts.is_sorted());
        // More rows in a range than the table has.
        assert_eq!(super::cuts(&[extent(1, 128, 1000)], 100, 1_000_000), []);
    }
}
