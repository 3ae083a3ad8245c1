//! Reading the rows of an event into cells, without allocating per row or cell.

use std::borrow::Cow;

use super::cell_reader::{CellReader, Fault, take_bytes, take_fixed_binary, take_n};
use super::inflate::PackedValue;
use super::json::JsonLimits;
use super::partial_update::{PartialColumns, RestoreFault, partial_cell, restore_json, take_diffs};
use super::plan::TablePlan;
use super::rows_event::{ColumnSet, RowsEvent, RowsKind};
use super::table_map::bit;
use crate::cell::Cell;
use crate::error::{DecodeError, Result};

/// Bounds for reading the rows of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowLimits {
    /// Greatest size of the buffer that holds values which are not in the event as such: `BINARY(n)`
    /// values with trailing zero bytes, JSON values written as differences, and MariaDB's compressed
    /// values and UUIDs.
    pub restored_bytes_max: usize,
    /// Bounds for applying differences of JSON values.
    pub json: JsonLimits,
}

impl Default for RowLimits {
    fn default() -> Self {
        Self { restored_bytes_max: 1 << 30, json: JsonLimits::default() }
    }
}

/// The rows of one event. Cells live as long as the event's bytes and the scratch buffer.
#[derive(Debug, Clone)]
pub struct Rows<'s> {
    event: RowsEvent<'s>,
    plan: &'s TablePlan,
    data: &'s [u8],
    restored: &'s [u8],
    row: usize,
    full_before: bool,
    full_after: bool,
}

impl<'a> RowsEvent<'a> {
    /// Stands before the first row. `scratch` takes the values that the log does not have in full; it
    /// stays empty for most tables and may be reused for event after event.
    ///
    /// # Errors
    /// If the event is not of the plan's table, or a value that must be restored is damaged.
    pub fn rows<'s>(
        &self,
        plan: &'s TablePlan,
        scratch: &'s mut Vec<u8>,
        limits: RowLimits,
    ) -> Result<Rows<'s>>
    where
        'a: 's,
    {
        scratch.clear();
        if self.width() != plan.readers().len() {
            return Err(DecodeError::new(
                format!("{} column count", self.event_type.name()),
                self.rows_at(),
                format!(
                    "{} columns, the TABLE_MAP of {} has {}",
                    self.width(),
                    plan.schema().full_name(),
                    plan.readers().len()
                ),
            ));
        }
        if self.row_takes_no_bytes() {
            // Their number could not be told. The server refuses to write such rows.
            return Err(DecodeError::new(
                format!("{} columns present", self.event_type.name()),
                self.rows_at(),
                format!("rows of {} without any column", plan.schema().full_name()),
            ));
        }
        let mut rows = Rows {
            event: *self,
            plan,
            data: self.row_bytes(),
            restored: &[],
            row: 0,
            full_before: self.columns_before().is_full(),
            full_after: self.columns_after().is_full(),
        };
        if plan.restores() || self.kind == RowsKind::PartialUpdate {
            rows.clone().restore(scratch, limits)?;
            rows.restored = scratch;
        }
        Ok(rows)
    }
}

/// Empties a vector of cells so that its memory can serve the next event.
pub fn recycle(mut cells: Vec<Cell<'_>>) -> Vec<Cell<'static>> {
    cells.clear();
    // Nothing is left to map; collecting in place keeps the allocation.
    cells.into_iter().map(|_| Cell::Null).collect()
}

/// Column and reason of a cell that cannot be read.
type CellFault = (usize, Fault);

impl<'s> Rows<'s> {
    /// Reads the next row: one cell per column of the table, in column order. `before` is left empty
    /// for [`RowsKind::Write`], `after` for [`RowsKind::Delete`]. A column without a value in the
    /// image ([`RowsEvent::columns_before`], [`RowsEvent::columns_after`]) is [`Cell::Null`].
    /// Returns false at the end of the event.
    ///
    /// # Errors
    /// If the row is damaged: the error names the column and the row. Nothing can be read after it.
    pub fn next_row(
        &mut self,
        before: &mut Vec<Cell<'s>>,
        after: &mut Vec<Cell<'s>>,
    ) -> Result<bool> {
        if self.data.is_empty() {
            before.clear();
            after.clear();
            return Ok(false);
        }
        self.row = self.row.saturating_add(1);
        if self.event.kind.has_before() {
            let (set, full) = (self.event.columns_before(), self.full_before);
            self.image(set, full, before).map_err(|fault| self.error("before", fault))?;
        } else {
            before.clear();
        }
        match self.event.kind {
            RowsKind::Delete => after.clear(),
            RowsKind::PartialUpdate => {
                self.partial_after(before, after).map_err(|fault| self.error("after", fault))?;
            }
            RowsKind::Write | RowsKind::Update => {
                let (set, full) = (self.event.columns_after(), self.full_after);
                self.image(set, full, after).map_err(|fault| self.error("after", fault))?;
            }
        }
        Ok(true)
    }

    /// The event these rows are from.
    pub fn event(&self) -> &RowsEvent<'s> {
        &self.event
    }

    #[inline]
    fn image(
        &mut self,
        set: ColumnSet<'s>,
        full: bool,
        cells: &mut Vec<Cell<'s>>,
    ) -> Result<(), CellFault> {
        let readers = self.plan.readers();
        if cells.len() != readers.len() {
            cells.clear();
            cells.resize(readers.len(), Cell::Null);
        }
        if full {
            full_image(readers, &mut self.data, &mut self.restored, cells)
        } else {
            partial_image(readers, set, &mut self.data, &mut self.restored, cells)
        }
    }

    #[cold]
    fn error(&self, image: &str, (column, fault): CellFault) -> DecodeError {
        self.restore_error(image, (column, RestoreFault::Cell(fault)))
    }

    #[cold]
    fn restore_error(&self, image: &str, (column, fault): (usize, RestoreFault)) -> DecodeError {
        let schema = self.plan.schema();
        let place = match schema.columns.get(column) {
            Some(c) => {
                let number = column.saturating_add(1);
                format!("column {number} `{}` ({})", c.name, c.type_name)
            }
            None => "null bitmap".to_owned(),
        };
        let used = self.event.row_bytes().len().saturating_sub(self.data.len());
        DecodeError::new(
            format!(
                "{} of {} row {} {image} image {place}",
                self.event.event_type.name(),
                schema.full_name(),
                self.row,
            ),
            self.event.rows_at().saturating_add(used),
            match fault {
                RestoreFault::Cell(Fault::Truncated) => {
                    Cow::Borrowed("the event ends inside the value")
                }
                RestoreFault::Cell(Fault::Invalid(reason)) => Cow::Borrowed(reason),
                RestoreFault::Json(error) => Cow::Owned(error.to_string()),
            },
        )
    }

    /// Reads the after image of PARTIAL_UPDATE_ROWS.
    fn partial_after(
        &mut self,
        before: &[Cell<'s>],
        after: &mut Vec<Cell<'s>>,
    ) -> Result<(), CellFault> {
        let set = self.event.columns_after();
        let mut partial = self.partial_columns()?;
        let mut nulls = self.null_bits(set)?;
        after.clear();
        for (column, reader) in self.plan.readers().iter().enumerate() {
            let is_partial = partial.next_is_partial(*reader);
            let cell = if !set.contains(column) || nulls.next_is_null() {
                Ok(Cell::Null)
            } else if is_partial {
                take_diffs(&mut self.data)
                    .and_then(|diffs| partial_cell(before, column, diffs, &mut self.restored))
            } else {
                reader.read(&mut self.data, &mut self.restored)
            };
            after.push(cell.map_err(|fault| (column, fault))?);
        }
        Ok(())
    }

    fn partial_columns(&mut self) -> Result<PartialColumns<'s>, CellFault> {
        PartialColumns::read(&mut self.data, self.plan.json_columns()).map_err(whole_image)
    }

    fn null_bits(&mut self, set: ColumnSet<'s>) -> Result<NullBits<'s>, CellFault> {
        NullBits::read(&mut self.data, set).map_err(whole_image)
    }

    /// Walks all rows and puts what the log left out into `out`, in the order it will be asked for.
    fn restore(mut self, out: &mut Vec<u8>, limits: RowLimits) -> Result<()> {
        let kind = self.event.kind;
        let mut before = Vec::new();
        while !self.data.is_empty() {
            self.row = self.row.saturating_add(1);
            if kind.has_before() {
                let set = self.event.columns_before();
                before.clear();
                self.restore_image(set, None, &mut before, out, limits)
                    .map_err(|f| self.restore_error("before", f))?;
            }
            if kind.has_after() {
                let set = self.event.columns_after();
                let documents = (kind == RowsKind::PartialUpdate).then_some(before.as_slice());
                self.restore_image(set, documents, &mut Vec::new(), out, limits)
                    .map_err(|f| self.restore_error("after", f))?;
            }
        }
        Ok(())
    }

    /// Restores one image's values. `documents` is the before image if this is the after image of
    /// PARTIAL_UPDATE_ROWS; `cells` takes the cells where differences will need them.
    fn restore_image(
        &mut self,
        set: ColumnSet<'s>,
        documents: Option<&[Cell<'s>]>,
        cells: &mut Vec<Cell<'s>>,
        out: &mut Vec<u8>,
        limits: RowLimits,
    ) -> Result<(), (usize, RestoreFault)> {
        let in_bitmap = |(column, fault): CellFault| (column, fault.into());
        let mut partial =
            documents.map(|_| self.partial_columns()).transpose().map_err(in_bitmap)?;
        let mut nulls = self.null_bits(set).map_err(in_bitmap)?;
        let keep = self.event.kind == RowsKind::PartialUpdate && documents.is_none();
        for (column, reader) in self.plan.readers().iter().enumerate() {
            let is_partial = partial.as_mut().is_some_and(|p| p.next_is_partial(*reader));
            let cell = if !set.contains(column) || nulls.next_is_null() {
                Cell::Null
            } else {
                let documents = documents.filter(|_| is_partial);
                self.restore_cell((column, *reader), documents, out, limits)
                    .map_err(|fault| (column, fault))?
            };
            if out.len() > limits.restored_bytes_max {
                return Err((column, Fault::Invalid("restored_bytes_max is reached").into()));
            }
            if keep {
                cells.push(cell);
            }
        }
        Ok(())
    }

    /// Restores one value; `documents` is the before image if the value is differences.
    fn restore_cell(
        &mut self,
        (column, reader): (usize, CellReader),
        documents: Option<&[Cell<'s>]>,
        out: &mut Vec<u8>,
        limits: RowLimits,
    ) -> Result<Cell<'s>, RestoreFault> {
        match (documents, reader) {
            (Some(documents), _) => {
                let diffs = take_diffs(&mut self.data)?;
                restore_json(documents, column, diffs, limits.json, out)?;
                Ok(Cell::Null)
            }
            (None, CellReader::FixedBinary { length }) => {
                let value = take_fixed_binary(&mut self.data, length)?;
                restore_zeros(value, usize::from(length), out);
                Ok(Cell::Null)
            }
            (None, CellReader::Packed { length_bytes, .. }) => {
                let value = take_n(&mut self.data, length_bytes)?;
                PackedValue::read(value)
                    .and_then(|value| value.unpack(limits.restored_bytes_max, out))
                    .map_err(Fault::Invalid)?;
                Ok(Cell::Null)
            }
            (None, CellReader::FixedText(kind)) => {
                let text = kind.text(take_fixed_binary(&mut self.data, kind.bytes())?);
                // At most 45 bytes.
                out.push(u8::try_from(text.len()).unwrap_or(0));
                out.extend_from_slice(text.as_bytes());
                Ok(Cell::Null)
            }
            (None, reader) => Ok(reader.read(&mut self.data, &mut &[][..])?),
        }
    }
}

/// A fault in front of the first column.
fn whole_image(fault: Fault) -> CellFault {
    (usize::MAX, fault)
}

/// Appends a `BINARY(length)` value in full if the log shortened it.
fn restore_zeros(value: &[u8], length: usize, out: &mut Vec<u8>) {
    let missing = length.saturating_sub(value.len());
    if missing > 0 {
        out.extend_from_slice(value);
        out.resize(out.len().saturating_add(missing), 0);
    }
}

/// The null bitmap of an image: one bit for each column that is in it.
struct NullBits<'s> {
    bits: &'s [u8],
    position: usize,
}

impl<'s> NullBits<'s> {
    fn read(data: &mut &'s [u8], set: ColumnSet<'s>) -> Result<Self, Fault> {
        Ok(Self { bits: take_bytes(data, set.count().div_ceil(8))?, position: 0 })
    }

    /// To be asked once for every column in the image.
    fn next_is_null(&mut self) -> bool {
        let null = bit(self.bits, self.position);
        self.position = self.position.saturating_add(1);
        null
    }
}

/// Reads an image that has every column: 64 columns per word of the null bitmap, and no test per
/// column where a word has no NULL.
#[inline]
fn full_image<'s>(
    readers: &[CellReader],
    position: &mut &'s [u8],
    restored: &mut &'s [u8],
    cells: &mut [Cell<'s>],
) -> Result<(), CellFault> {
    // Copies, so that the position stays in registers.
    let (mut data, mut full) = (*position, *restored);
    let nulls = take_bytes(&mut data, readers.len().div_ceil(8)).map_err(whole_image)?;
    let groups = readers.chunks(64).zip(cells.chunks_mut(64)).zip(nulls.chunks(8));
    for (group, ((readers, cells), nulls)) in groups.enumerate() {
        let word = null_word(nulls, readers.len());
        for (index, (reader, cell)) in readers.iter().zip(cells.iter_mut()).enumerate() {
            if word != 0 && (word >> (index & 63)) & 1 == 1 {
                *cell = Cell::Null;
                continue;
            }
            match reader.read(&mut data, &mut full) {
                Ok(value) => *cell = value,
                Err(fault) => {
                    *position = data;
                    return Err((group.wrapping_mul(64).wrapping_add(index), fault));
                }
            }
        }
    }
    *position = data;
    *restored = full;
    Ok(())
}

/// Up to 64 null bits; the server sets those behind the last column, so they are cut off.
#[inline(always)]
fn null_word(nulls: &[u8], columns: usize) -> u64 {
    let word = match nulls {
        [a] => u64::from(*a),
        _ => {
            let mut wide = [0u8; 8];
            for (slot, byte) in wide.iter_mut().zip(nulls) {
                *slot = *byte;
            }
            u64::from_le_bytes(wide)
        }
    };
    let unused = 64usize.saturating_sub(columns);
    (word << (unused & 63)) >> (unused & 63)
}

/// Reads an image that leaves columns out; its null bitmap has bits for the others only.
fn partial_image<'s>(
    readers: &[CellReader],
    set: ColumnSet<'s>,
    data: &mut &'s [u8],
    restored: &mut &'s [u8],
    cells: &mut [Cell<'s>],
) -> Result<(), CellFault> {
    let mut nulls = NullBits::read(data, set).map_err(whole_image)?;
    for (column, (reader, cell)) in readers.iter().zip(cells).enumerate() {
        *cell = if set.contains(column) && !nulls.next_is_null() {
            reader.read(data, restored).map_err(|f| (column, f))?
        } else {
            Cell::Null
        };
    }
    Ok(())
}
