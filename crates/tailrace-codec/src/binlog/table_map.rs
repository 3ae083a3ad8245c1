//! TABLE_MAP_EVENT: which table the row events that follow are about and how its rows are laid out.

use super::cursor::Cursor;
use super::header::HEADER_BYTES;
use super::table_metadata::OptionalMetadata;
use super::wire_column::WireColumn;
use crate::error::Result;

const WHAT: &str = "TABLE_MAP_EVENT";

/// A table of this many columns or more cannot exist (`MAX_FIELDS` in MySQL's source).
pub const COLUMNS_MAX: usize = 4096;

/// A table's layout at this point of the log. Parsing it allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableMap<'a> {
    /// Number that the row events refer to; it changes when the server opens the table anew.
    pub table_id: u64,
    /// Flags as written.
    pub flags: u16,
    /// Database name.
    pub database: &'a str,
    /// Table name.
    pub table: &'a str,
    /// One type code per column.
    pub type_codes: &'a [u8],
    /// Type metadata, packed.
    pub type_metadata: &'a [u8],
    /// One bit per column, set if it may hold NULL.
    nullable: &'a [u8],
    /// The optional metadata fields, packed; empty from servers before 8.0.1.
    optional: &'a [u8],
    /// All of the body after the table id, to tell one version of a table from another.
    layout: &'a [u8],
    mariadb: bool,
    metadata_at: usize,
    optional_at: usize,
}

impl<'a> TableMap<'a> {
    /// Reads the body; `post_header` is the length of the fixed part as FORMAT_DESCRIPTION gives it.
    ///
    /// # Errors
    /// If the body is cut short, a name is not UTF-8 or there are more columns than a table can have.
    pub fn parse(body: &'a [u8], post_header: usize) -> Result<Self> {
        let mut c = Cursor::new(body, HEADER_BYTES, WHAT);
        let id_bytes = if post_header == 6 { 4 } else { 6 };
        let table_id = c.uint(id_bytes, "table id")?;
        let layout = c.rest();
        let flags = c.u16("flags")?;
        let database_len = c.u8("database length")?;
        let database = c.text(usize::from(database_len), "database")?;
        c.zero("database")?;
        let table_len = c.u8("table length")?;
        let table = c.text(usize::from(table_len), "table")?;
        c.zero("table")?;
        let count_at = c;
        let columns = c.length("column count")?;
        if columns > COLUMNS_MAX {
            return Err(count_at
                .error("column count", format!("{columns}; a table has at most {COLUMNS_MAX}")));
        }
        let type_codes = c.bytes(columns, "column types")?;
        let metadata_len = c.length("column metadata length")?;
        let metadata_at = c.pos();
        let type_metadata = c.bytes(metadata_len, "column metadata")?;
        let nullable = c.bytes(columns.div_ceil(8), "nullable columns")?;
        let optional_at = c.pos();
        let optional = c.take_rest();
        Ok(Self {
            table_id,
            flags,
            database,
            table,
            type_codes,
            type_metadata,
            nullable,
            optional,
            layout,
            mariadb: false,
            metadata_at,
            optional_at,
        })
    }

    /// The same, as MariaDB writes it: its metadata of character sets has more columns.
    #[must_use]
    pub fn written_by_mariadb(mut self, mariadb: bool) -> Self {
        self.mariadb = mariadb;
        self
    }

    /// Whether a column has an entry in the metadata of character sets (ENUM and SET have a list of
    /// their own).
    pub fn lists_collation(&self, column: WireColumn) -> bool {
        column.is_character() || (self.mariadb && matches!(column, WireColumn::Geometry { .. }))
    }

    /// Whether MariaDB wrote it.
    pub fn is_mariadb(&self) -> bool {
        self.mariadb
    }

    /// Number of columns, invisible and generated ones included.
    pub fn column_count(&self) -> usize {
        self.type_codes.len()
    }

    /// True if column `index` may hold NULL.
    pub fn is_nullable(&self, index: usize) -> bool {
        bit(self.nullable, index)
    }

    /// Everything that describes the table, as bytes: equal bytes are the same version of the same
    /// table as far as the log can tell.
    pub fn layout(&self) -> &'a [u8] {
        self.layout
    }

    /// Type and metadata of each column in order.
    pub fn wire_columns(&self) -> WireColumns<'a> {
        WireColumns {
            codes: self.type_codes.iter(),
            meta: Cursor::new(self.type_metadata, self.metadata_at, WHAT),
        }
    }

    /// The optional metadata (names, signs, character sets …) that this server wrote.
    ///
    /// # Errors
    /// If it is cut short or a field appears twice.
    pub fn optional_metadata(&self) -> Result<OptionalMetadata<'a>> {
        OptionalMetadata::parse(Cursor::new(self.optional, self.optional_at, WHAT))
    }
}

/// Bit `index` of a bitmap that counts from the lowest bit of the first byte.
pub(super) fn bit(bitmap: &[u8], index: usize) -> bool {
    bitmap.get(index >> 3).is_some_and(|byte| (byte >> (index & 7)) & 1 == 1)
}

/// Iterator over the columns of a [`TableMap`]; an error ends it.
#[derive(Debug, Clone)]
pub struct WireColumns<'a> {
    codes: std::slice::Iter<'a, u8>,
    meta: Cursor<'a>,
}

impl Iterator for WireColumns<'_> {
    type Item = Result<WireColumn>;

    fn next(&mut self) -> Option<Self::Item> {
        let column = WireColumn::read(*self.codes.next()?, &mut self.meta);
        if column.is_err() {
            self.codes = [].iter();
        }
        Some(column)
    }
}
