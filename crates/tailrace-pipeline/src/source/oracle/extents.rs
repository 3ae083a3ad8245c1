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

/// How large a table is, and its ranges are to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Rows of the table; 0 if nobody knows.
    pub(crate) rows: u64,
    /// Rows of a range.
    pub(crate) rows_max: u64,
    /// No range has rows of two partitions, unless these are so many that there would be too many ranges.
    pub(crate) splits_partitions: bool,
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
    size: Size,
) -> Result<Vec<String>> {
    let extents = extents(session, owner, name)?;
    let mut bounds: Vec<String> = Vec::new();
    for place in cuts(&extents, size) {
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

/// Where ranges begin, as extents without a length: of so many blocks that as many rows are in each as should be.
fn cuts(extents: &[Extent], size: Size) -> Vec<Extent> {
    let total: u64 = extents.iter().map(|extent| extent.blocks).sum();
    let least = total.div_ceil(RANGES_MAX).max(1);
    let of_a_block =
        if size.rows == 0 { ROWS_OF_A_BLOCK } else { size.rows.div_ceil(total.max(1)) };
    let blocks = match total < BLOCKS_MIN {
        true => u64::MAX,
        false => (size.rows_max / of_a_block.max(1)).max(least),
    };
    let (mut cuts, mut before): (Vec<Extent>, Option<Extent>) = (Vec::new(), None);
    // Blocks since the last cut.
    let mut passed = 0;
    for extent in extents {
        let is_next = before.is_some_and(|before| before.data_object != extent.data_object);
        if size.splits_partitions && is_next && passed >= least {
            cuts.push(Extent { blocks: 0, ..*extent });
            passed = 0;
        }
        let mut at = 0;
        while extent.blocks - at > blocks - passed {
            at += blocks - passed;
            passed = 0;
            cuts.push(Extent { block: extent.block + at, blocks: 0, ..*extent });
        }
        passed += extent.blocks - at;
        before = Some(*extent);
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
        let places = |splits_partitions| -> Vec<(u64, u64)> {
            let size = Size { rows: 5000, rows_max: 1500, splits_partitions };
            cuts(&extents, size).iter().map(|cut| (cut.data_object, cut.block)).collect()
        };
        assert_eq!(places(false), [(1, 1050), (1, 1200), (2, 178)]);
        assert_eq!(places(true), [(1, 1050), (1, 1200), (2, 128)]);
    }

    #[test]
    fn partitions_are_ranges_however_small_but_not_too_many() {
        let of = |partitions: u64, blocks: u64| -> Vec<Extent> {
            (1..=partitions).map(|number| extent(number, 128, blocks)).collect()
        };
        let size = Size { rows: 0, rows_max: 1_000_000, splits_partitions: true };
        let found: Vec<u64> = cuts(&of(4, 8), size).iter().map(|cut| cut.data_object).collect();
        assert_eq!(found, [2, 3, 4]);
        let many = cuts(&of(5_000, 8), size);
        assert!((400..=512).contains(&many.len()), "{}", many.len());
        assert!(many.is_sorted());
        assert_eq!(cuts(&of(4, 8), Size { splits_partitions: false, ..size }), []);
    }

    #[test]
    fn small_tables_are_not_cut_and_large_ones_not_into_crumbs() {
        let cuts = |extents: &[Extent], rows: u64, rows_max: u64| {
            cuts(extents, Size { rows, rows_max, splits_partitions: true })
        };
        assert_eq!(cuts(&[extent(1, 128, BLOCKS_MIN - 1)], 1_000_000, 10), []);
        assert_eq!(cuts(&[], 0, 10), []);
        let large = [extent(1, 128, 1_000_000), extent(1, 5_000_000, 1_000_000)];
        let found = cuts(&large, 0, 1);
        assert!((500..512).contains(&found.len()), "{}", found.len());
        assert!(found.is_sorted());
        // More rows in a range than the table has.
        assert_eq!(cuts(&[extent(1, 128, 1000)], 100, 1_000_000), []);
    }
}
