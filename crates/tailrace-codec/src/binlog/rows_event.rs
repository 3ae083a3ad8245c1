//! WRITE_ROWS, UPDATE_ROWS, DELETE_ROWS and PARTIAL_UPDATE_ROWS: the changed rows, still packed.

use super::cursor::Cursor;
use super::event_type::EventType;
use super::header::HEADER_BYTES;
use super::table_map::{COLUMNS_MAX, bit};
use crate::error::Result;

/// What happened to the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsKind {
    /// Rows were inserted: after images.
    Write,
    /// Rows were changed: before and after images.
    Update,
    /// Rows were deleted: before images.
    Delete,
    /// Rows were changed: before images, and after images in which a JSON value may be written as
    /// its difference from the one before.
    PartialUpdate,
}

impl RowsKind {
    /// True if each row has a before image.
    pub fn has_before(self) -> bool {
        !matches!(self, Self::Write)
    }

    /// True if each row has an after image.
    pub fn has_after(self) -> bool {
        !matches!(self, Self::Delete)
    }
}

/// The columns that an image of the event has values for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSet<'a> {
    bits: &'a [u8],
    width: usize,
}

impl<'a> ColumnSet<'a> {
    /// Number of columns of the table.
    pub fn width(&self) -> usize {
        self.width
    }

    /// True if column `index` has a value.
    pub fn contains(&self, index: usize) -> bool {
        index < self.width && bit(self.bits, index)
    }

    /// Number of columns with a value.
    pub fn count(&self) -> usize {
        (0..self.width).filter(|i| self.contains(*i)).count()
    }

    /// True if every column has a value (`binlog_row_image=FULL`).
    pub fn is_full(&self) -> bool {
        let (whole, rest) = (self.width >> 3, self.width & 7);
        let mask = (1u8 << rest).wrapping_sub(1);
        self.bits.iter().take(whole).all(|b| *b == 0xff)
            && (rest == 0 || self.bits.get(whole).is_some_and(|b| b & mask == mask))
    }
}

/// Extra data of a version 2 rows event that this reader knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RowsExtra<'a> {
    /// NDB's extra row information, without its length byte.
    pub ndb: Option<&'a [u8]>,
    /// Partition the rows are in now.
    pub partition: Option<u16>,
    /// Partition the rows of an UPDATE came from.
    pub source_partition: Option<u16>,
    /// Type of the first part this reader does not know. Parts have no common length, so it and what
    /// follows it cannot be read; none of them changes how rows are laid out.
    pub first_unknown: Option<u8>,
}

/// A rows event. Parsing it allocates nothing and does not look into the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowsEvent<'a> {
    /// The event's type, for errors.
    pub event_type: EventType,
    /// What happened.
    pub kind: RowsKind,
    /// The table, as the TABLE_MAP before it numbers it.
    pub table_id: u64,
    /// Flags as written.
    pub flags: u16,
    /// Extra data.
    pub extra: RowsExtra<'a>,
    columns_before: ColumnSet<'a>,
    columns_after: ColumnSet<'a>,
    rows: &'a [u8],
    rows_at: usize,
}

/// Set in the last rows event of a statement (`STMT_END_F`).
const STATEMENT_END: u16 = 1;

impl<'a> RowsEvent<'a> {
    /// Reads the body; `post_header` is the length of the fixed part as FORMAT_DESCRIPTION gives it.
    ///
    /// # Errors
    /// If the body is cut short or the column count is impossible.
    pub fn parse(event_type: EventType, body: &'a [u8], post_header: usize) -> Result<Self> {
        let (kind, version_2) = match event_type {
            EventType::WRITE_ROWS_V1 => (RowsKind::Write, false),
            EventType::UPDATE_ROWS_V1 => (RowsKind::Update, false),
            EventType::DELETE_ROWS_V1 => (RowsKind::Delete, false),
            EventType::WRITE_ROWS => (RowsKind::Write, true),
            EventType::UPDATE_ROWS => (RowsKind::Update, true),
            EventType::DELETE_ROWS => (RowsKind::Delete, true),
            _ => (RowsKind::PartialUpdate, true),
        };
        let mut c = Cursor::new(body, HEADER_BYTES, event_type.name());
        let id_bytes = if post_header == 6 { 4 } else { 6 };
        let table_id = c.uint(id_bytes, "table id")?;
        let flags = c.u16("flags")?;
        let extra = if version_2 { read_extra(&mut c, kind)? } else { RowsExtra::default() };
        let count_at = c;
        let width = c.length("column count")?;
        if width > COLUMNS_MAX || (width == 0 && !is_dummy_id(table_id)) {
            return Err(
                count_at.error("column count", format!("{width}; a table has 1 to {COLUMNS_MAX}"))
            );
        }
        let first = ColumnSet { bits: c.bytes(width.div_ceil(8), "columns present")?, width };
        let second = match kind {
            RowsKind::Update | RowsKind::PartialUpdate => {
                ColumnSet { bits: c.bytes(width.div_ceil(8), "columns present after")?, width }
            }
            RowsKind::Write | RowsKind::Delete => first,
        };
        let rows_at = c.pos();
        let rows = c.take_rest();
        Ok(Self {
            event_type,
            kind,
            table_id,
            flags,
            extra,
            columns_before: first,
            columns_after: second,
            rows,
            rows_at,
        })
    }

    /// True if this is the last rows event of its statement; table numbers may mean other tables
    /// after it.
    pub fn ends_statement(&self) -> bool {
        self.flags & STATEMENT_END != 0
    }

    /// True for the placeholder that old servers wrote to end a statement that left no rows; it
    /// belongs to no table.
    pub fn is_dummy(&self) -> bool {
        is_dummy_id(self.table_id) && self.rows.is_empty()
    }

    /// Number of columns of the table.
    pub fn width(&self) -> usize {
        self.columns_before.width
    }

    /// Columns that the before images have values for; meaningless for [`RowsKind::Write`].
    pub fn columns_before(&self) -> ColumnSet<'a> {
        self.columns_before
    }

    /// Columns that the after images have values for; meaningless for [`RowsKind::Delete`].
    pub fn columns_after(&self) -> ColumnSet<'a> {
        self.columns_after
    }

    /// True if every image of the event is full.
    pub fn is_full(&self) -> bool {
        (!self.kind.has_before() || self.columns_before.is_full())
            && (!self.kind.has_after() || self.columns_after.is_full())
    }

    /// True if no image of the event has any column.
    pub(super) fn row_takes_no_bytes(&self) -> bool {
        // PARTIAL_UPDATE_ROWS writes at least its value options.
        self.kind != RowsKind::PartialUpdate
            && (!self.kind.has_before() || self.columns_before.count() == 0)
            && (!self.kind.has_after() || self.columns_after.count() == 0)
    }

    /// The rows' bytes.
    pub fn row_bytes(&self) -> &'a [u8] {
        self.rows
    }

    /// Offset of the rows in the event.
    pub(super) fn rows_at(&self) -> usize {
        self.rows_at
    }
}

fn is_dummy_id(table_id: u64) -> bool {
    matches!(table_id, 0xff_ffff | 0xffff_ffff_ffff)
}

/// The extra data says its length (its own two bytes included) and is a sequence of typed parts.
fn read_extra<'a>(c: &mut Cursor<'a>, kind: RowsKind) -> Result<RowsExtra<'a>> {
    const NDB: u8 = 0;
    const PARTITION: u8 = 1;
    let len_at = *c;
    let len = usize::from(c.u16("extra data length")?);
    let Some(len) = len.checked_sub(2) else {
        return Err(len_at.error("extra data length", format!("{len}; it counts itself, 2")));
    };
    let at = c.pos();
    let name = "rows event";
    let mut data = Cursor::new(c.bytes(len, "extra data")?, at, name);
    let mut extra = RowsExtra::default();
    while !data.is_empty() {
        let part_at = data;
        match data.u8("extra data type")? {
            NDB => {
                let len = usize::from(data.u8("NDB info length")?);
                let Some(len) = len.checked_sub(1) else {
                    return Err(part_at.error("NDB info length", "0; it counts itself"));
                };
                extra.ndb = Some(data.bytes(len, "NDB info")?);
            }
            PARTITION => {
                extra.partition = Some(data.u16("partition id")?);
                // An UPDATE carries the partition it took the row from as well.
                if matches!(kind, RowsKind::Update | RowsKind::PartialUpdate) {
                    extra.source_partition = Some(data.u16("source partition id")?);
                }
            }
            other => {
                extra.first_unknown = Some(other);
                break;
            }
        }
    }
    Ok(extra)
}
