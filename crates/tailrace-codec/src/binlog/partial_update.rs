//! The after images of PARTIAL_UPDATE_ROWS, in which a JSON value may be a list of differences from
//! the value before.
//!
//! Such an image begins with its value options; if they announce partial JSON, a bitmap with one bit
//! per JSON column of the table follows, set where the value is differences.

use super::cell_reader::{CellReader, Fault, take_n};
use super::json::{JsonLimits, apply_json_diffs};
use super::table_map::bit;
use crate::cell::Cell;
use crate::error::DecodeError;

/// Bit of the value options: some JSON values may be differences.
const PARTIAL_JSON: u8 = 1;
/// Differences have a length of four bytes whatever the column's own length is.
const DIFF_LENGTH_BYTES: u8 = 4;

/// Which JSON columns of one image are differences.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartialColumns<'a> {
    bits: &'a [u8],
    json_column: usize,
}

impl<'a> PartialColumns<'a> {
    /// Reads what stands before the image.
    pub(super) fn read(data: &mut &'a [u8], json_columns: usize) -> Result<Self, Fault> {
        let (options, rest) = data.split_first().ok_or(Fault::Truncated)?;
        // A length-encoded integer of which only one bit is in use.
        if *options & !PARTIAL_JSON != 0 {
            return Err(Fault::Invalid("value options other than partial JSON are set"));
        }
        *data = rest;
        let bytes = if *options == PARTIAL_JSON { json_columns.div_ceil(8) } else { 0 };
        let (bits, rest) = data.split_at_checked(bytes).ok_or(Fault::Truncated)?;
        *data = rest;
        Ok(Self { bits, json_column: 0 })
    }

    /// To be asked once for every column of the table, in the image or not: true if it is JSON and
    /// its value is differences.
    pub(super) fn next_is_partial(&mut self, reader: CellReader) -> bool {
        if !matches!(reader, CellReader::Json(_)) {
            return false;
        }
        let partial = bit(self.bits, self.json_column);
        self.json_column = self.json_column.saturating_add(1);
        partial
    }
}

/// Takes the differences of one column from the row.
pub(super) fn take_diffs<'a>(data: &mut &'a [u8]) -> Result<&'a [u8], Fault> {
    take_n(data, DIFF_LENGTH_BYTES)
}

fn json_before<'a>(before: &[Cell<'a>], column: usize) -> Result<&'a [u8], Fault> {
    match before.get(column) {
        Some(Cell::Json(document)) => Ok(document),
        _ => Err(Fault::Invalid(
            "differences without a document before; the server needs binlog_row_image=FULL",
        )),
    }
}

/// Why a value cannot be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RestoreFault {
    /// The image cannot be read.
    Cell(Fault),
    /// A JSON value's differences cannot be applied.
    Json(DecodeError),
}

impl From<Fault> for RestoreFault {
    fn from(fault: Fault) -> Self {
        Self::Cell(fault)
    }
}

/// Applies differences and appends the length and the text of the result to `out`. Nothing is
/// appended for a document that did not change.
pub(super) fn restore_json(
    before: &[Cell<'_>],
    column: usize,
    diffs: &[u8],
    limits: JsonLimits,
    out: &mut Vec<u8>,
) -> Result<(), RestoreFault> {
    let document = json_before(before, column)?;
    if diffs.is_empty() {
        return Ok(());
    }
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    let text_at = out.len();
    apply_json_diffs(document, diffs, limits, out).map_err(RestoreFault::Json)?;
    let len = u32::try_from(out.len().saturating_sub(text_at))
        .map_err(|_| Fault::Invalid("the text of a JSON value is 4 GiB or more"))?;
    if let Some(slot) = out.get_mut(length_at..text_at) {
        slot.copy_from_slice(&len.to_le_bytes());
    }
    Ok(())
}

/// The cell of a column given as differences: the text that [`restore_json`] left, or the document
/// before if nothing changed.
pub(super) fn partial_cell<'a>(
    before: &[Cell<'a>],
    column: usize,
    diffs: &[u8],
    restored: &mut &'a [u8],
) -> Result<Cell<'a>, Fault> {
    if diffs.is_empty() {
        return json_before(before, column).map(Cell::Json);
    }
    take_n(restored, DIFF_LENGTH_BYTES).map(Cell::JsonText)
}
