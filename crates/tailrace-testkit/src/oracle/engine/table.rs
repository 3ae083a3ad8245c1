//! Tables and the versions of their rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::column::ColumnDef;
use super::partition::Partitioning;
use super::supplemental::Supplemental;
use super::time;
use crate::oracle::value::{DateTime, RowId, Value};
use crate::oracle::wire::OraError;

/// System change number.
pub(crate) type Scn = u64;

/// A transaction's number: segment, slot and sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Xid {
    pub(crate) segment: u16,
    pub(crate) slot: u16,
    pub(crate) sequence: u32,
}

/// When a version came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// Committed at this SCN.
    Scn(Scn),
    /// Of a transaction that is open.
    Open(Xid),
}

/// What a row was from some time on.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) since: Since,
    /// `None`: it was not there.
    pub(crate) values: Option<Vec<Value>>,
}

/// A primary key, a unique constraint, or an index without one.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) columns: Vec<usize>,
    pub(crate) is_primary: bool,
    pub(crate) is_unique: bool,
    pub(crate) is_constraint: bool,
}

/// Where rows are: all of a table's, or those of a partition.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Name of the partition.
    pub(crate) name: Option<String>,
    /// Number of the object, and of its data: a truncation gives another one.
    pub(crate) object: u32,
    pub(crate) data_object: u32,
    /// Rows that were given a place, whether they are there still or not.
    pub(super) rows_made: u64,
}

impl Segment {
    pub(super) fn new(name: Option<String>, object: u32) -> Self {
        Self { name, object, data_object: object, rows_made: 0 }
    }
}

/// A table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) owner: String,
    pub(crate) name: String,
    /// Number of the object.
    pub(crate) object: u32,
    /// One, or one for each partition.
    pub(crate) segments: Vec<Segment>,
    pub(crate) partitioning: Option<Partitioning>,
    pub(crate) columns: Arc<Vec<ColumnDef>>,
    pub(crate) keys: Vec<Key>,
    pub(crate) comment: Option<String>,
    pub(super) supplemental: Supplemental,
    /// Numbers of the columns whose old values are always logged.
    pub(super) logged: Arc<Vec<usize>>,
    /// The last change of its definition behind which what was before cannot be read any more.
    pub(crate) defined_at: Scn,
    /// When it was last defined in another way.
    pub(crate) defined_time: DateTime,
    pub(crate) rows: BTreeMap<RowId, Vec<Version>>,
}

/// Rows of a block, so that places look as real ones do.
pub(super) const ROWS_OF_A_BLOCK: u64 = 100;
/// The file that all rows are in.
pub(super) const FILE: u16 = 7;
/// The first block with rows.
pub(super) const FIRST_BLOCK: u32 = 131;

impl Table {
    pub(crate) fn new(owner: &str, name: &str, object: u32, columns: Vec<ColumnDef>) -> Self {
        Self {
            owner: owner.to_owned(),
            name: name.to_owned(),
            object,
            segments: vec![Segment::new(None, object)],
            partitioning: None,
            columns: Arc::new(columns),
            keys: Vec::new(),
            comment: None,
            supplemental: Supplemental::default(),
            logged: Arc::default(),
            defined_at: 0,
            defined_time: DateTime { nanos: 0, ..time::now() },
            rows: BTreeMap::new(),
        }
    }

    /// A place for a new row.
    ///
    /// # Errors
    /// If no partition has its values.
    pub(crate) fn new_row_id(&mut self, values: &[Value]) -> Result<RowId, OraError> {
        let at = self.segment_of(values)?;
        let segment = &mut self.segments[at];
        let number = segment.rows_made;
        segment.rows_made += 1;
        Ok(RowId {
            object: segment.data_object,
            file: FILE,
            block: u32::try_from(number / ROWS_OF_A_BLOCK).unwrap_or(u32::MAX) + FIRST_BLOCK,
            slot: (number % ROWS_OF_A_BLOCK) as u16,
        })
    }

    fn segment_of(&self, values: &[Value]) -> Result<usize, OraError> {
        let Some(partitioning) = &self.partitioning else { return Ok(0) };
        let none = || OraError::new(14400, "inserted partition key does not map to any partition");
        partitioning.place(values).ok_or_else(none)
    }

    /// Whether a row with new values has to go to another place.
    ///
    /// # Errors
    /// If it may not, or there is none.
    pub(crate) fn moves(&self, row: RowId, values: &[Value]) -> Result<bool, OraError> {
        let Some(partitioning) = &self.partitioning else { return Ok(false) };
        let moves = self.segments[self.segment_of(values)?].data_object != row.object;
        if moves && !partitioning.moves_rows {
            let text = "updating partition key column would cause a partition change";
            return Err(OraError::new(14402, text));
        }
        Ok(moves)
    }

    /// The number of the object that a place is in.
    pub(crate) fn object_of(&self, row: RowId) -> u32 {
        let segment = self.segments.iter().find(|segment| segment.data_object == row.object);
        segment.map_or(self.object, |segment| segment.object)
    }

    /// A place was given to a row before.
    pub(super) fn took_row(&mut self, row: RowId) {
        let block = u64::from(row.block.saturating_sub(FIRST_BLOCK));
        let number = block * ROWS_OF_A_BLOCK + u64::from(row.slot);
        let segment = self.segments.iter_mut().find(|segment| segment.data_object == row.object);
        if let Some(segment) = segment {
            segment.rows_made = segment.rows_made.max(number + 1);
        }
    }

    /// The columns, to be changed.
    pub(crate) fn columns_mut(&mut self) -> &mut Vec<ColumnDef> {
        Arc::make_mut(&mut self.columns)
    }

    /// Gives every version of a row a value for a column that is new.
    pub(crate) fn add_to_rows(&mut self, value: &Value) {
        let versions = self.rows.values_mut().flatten();
        versions
            .filter_map(|version| version.values.as_mut())
            .for_each(|values| values.push(value.clone()));
    }

    /// A column's number.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Rows as a transaction sees them at an SCN: what was committed by then, and its own changes.
    pub(crate) fn visible(
        &self,
        scn: Scn,
        own: Option<Xid>,
    ) -> impl Iterator<Item = (RowId, &Vec<Value>)> {
        self.rows
            .iter()
            .filter_map(move |(place, versions)| Some((*place, seen(versions, scn, own)?)))
    }

    /// One row, as [`visible`](Self::visible).
    pub(crate) fn visible_row(&self, row: RowId, scn: Scn, own: Xid) -> Option<&Vec<Value>> {
        seen(self.rows.get(&row)?, scn, Some(own))
    }
}

fn seen(versions: &[Version], scn: Scn, own: Option<Xid>) -> Option<&Vec<Value>> {
    let version = versions.iter().rev().find(|version| match version.since {
        Since::Scn(since) => since <= scn,
        Since::Open(xid) => Some(xid) == own,
    })?;
    version.values.as_ref()
}
