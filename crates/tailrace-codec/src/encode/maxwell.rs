//! Maxwell's JSON messages.
//!
//! One object for a row: database, table, type, ts (seconds), xid, data, in an update old (the changed columns only), and
//! `commit` in the last one of a transaction (Maxwell's documentation, "Data Format"). Numbers are numbers, binary strings
//! base64, sets arrays, JSON columns stand as they are, geometries as text.

use super::{
    binary::{push_base64, push_bit, push_vector},
    column_text::ColumnText,
    decimal::push_decimal,
    error::{EncodeError, ValueError},
    escape::{PLAIN, push_str},
    number::{push_int, push_java_double, push_java_float, push_uint},
    temporal::{push_date, push_datetime, push_time, push_utc},
    wkt::push_wkt,
};
use crate::{
    binlog::{JsonLimits, write_json_text},
    cell::Cell,
    ddl::Statement,
    error::DecodeError,
    schema::{Column, TableSchema},
};

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxwellKind {
    /// Read in the full phase.
    Bootstrap,
    /// Inserted.
    Insert,
    /// Changed.
    Update,
    /// Deleted.
    Delete,
}

impl MaxwellKind {
    const ALL: [Self; 4] = [Self::Bootstrap, Self::Insert, Self::Update, Self::Delete];

    fn name(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap-insert",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// When and in what transaction a row changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxwellMeta {
    /// Commit time, or that of reading, in seconds of the Unix epoch.
    pub ts: i64,
    /// Number of the transaction; not said of rows of the full phase.
    pub xid: u64,
}

/// Encodes the rows of one table version as Maxwell's messages.
#[derive(Debug)]
pub struct MaxwellEncoder {
    /// `database.table`, for errors.
    table: Box<str>,
    columns: Box<[MaxwellColumn]>,
    primary_key: Box<[usize]>,
    /// `{"database":…,"table":…`
    names: Box<[u8]>,
    /// The same up to `"ts":`, one for each of [`MaxwellKind::ALL`].
    heads: [Box<[u8]>; 4],
}

impl MaxwellEncoder {
    /// Prepares everything that does not depend on a row.
    ///
    /// # Errors
    /// As [`RowEncoder::compile`](super::RowEncoder::compile).
    pub fn compile(schema: &TableSchema) -> Result<Self, EncodeError> {
        let table: Box<str> = schema.full_name().into();
        let mut columns = Vec::with_capacity(schema.columns.len());
        for column in &schema.columns {
            columns.push(MaxwellColumn::compile(column).map_err(|e| EncodeError {
                table: table.to_string(),
                column: column.name.clone(),
                reason: e.to_string().into(),
            })?);
        }
        let names = names(&schema.database, &schema.table);
        let heads = MaxwellKind::ALL.map(|kind| {
            let mut head = names.clone();
            head.extend_from_slice(b",\"type\":\"");
            head.extend_from_slice(kind.name().as_bytes());
            head.extend_from_slice(b"\",\"ts\":");
            head.into()
        });
        Ok(Self {
            table,
            columns: columns.into(),
            primary_key: schema.primary_key.as_slice().into(),
            names: names.into(),
            heads,
        })
    }

    /// The table has a primary key, so that keys differ from row to row.
    pub fn has_primary_key(&self) -> bool {
        !self.primary_key.is_empty()
    }

    /// Appends the message key of a row: its table, and the values of its primary key.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_key(&self, out: &mut Vec<u8>, row: &[Cell<'_>]) -> Result<(), EncodeError> {
        let start = out.len();
        out.extend_from_slice(&self.names);
        for &ordinal in &self.primary_key {
            let (Some(column), Some(cell)) = (self.columns.get(ordinal), row.get(ordinal)) else {
                out.truncate(start);
                return Err(self.error("", ValueError::new("the key names a column it lacks")));
            };
            out.extend_from_slice(&column.key_label);
            if let Err(error) = column.push_value(out, cell) {
                out.truncate(start);
                return Err(self.error(&column.name, error));
            }
        }
        out.push(b'}');
        Ok(())
    }

    /// Appends a message: of an inserted row `after`, of a deleted one `before`, of a changed one both.
    ///
    /// # Errors
    /// A row has another number of columns than the schema, or a value that its type cannot have; `out` is
    /// left as it was.
    pub fn encode(
        &self,
        out: &mut Vec<u8>,
        kind: MaxwellKind,
        meta: MaxwellMeta,
        (before, after): (&[Cell<'_>], &[Cell<'_>]),
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let [bootstrap, insert, update, delete] = &self.heads;
        let (head, row) = match kind {
            MaxwellKind::Bootstrap => (bootstrap, after),
            MaxwellKind::Insert => (insert, after),
            MaxwellKind::Update => (update, after),
            MaxwellKind::Delete => (delete, before),
        };
        out.extend_from_slice(head);
        push_int(out, meta.ts);
        if kind != MaxwellKind::Bootstrap {
            out.extend_from_slice(b",\"xid\":");
            push_uint(out, meta.xid);
        }
        out.extend_from_slice(b",\"data\":");
        let mut written = self.push_object(out, row, |_, _| true);
        if kind == MaxwellKind::Update && written.is_ok() {
            out.extend_from_slice(b",\"old\":");
            written = self.push_object(out, before, |ordinal, old| after.get(ordinal) != Some(old));
        }
        out.push(b'}');
        written.inspect_err(|_| out.truncate(start))
    }

    /// Appends an object of those columns that are wanted.
    fn push_object(
        &self,
        out: &mut Vec<u8>,
        row: &[Cell<'_>],
        is_wanted: impl Fn(usize, &Cell<'_>) -> bool,
    ) -> Result<(), EncodeError> {
        if row.len() != self.columns.len() {
            let (values, columns) = (row.len(), self.columns.len());
            let reason =
                format!("a row image has {values} values, the schema has {columns} columns");
            return Err(self.error("", ValueError::new(reason)));
        }
        let mut open = b'{';
        for (ordinal, (column, cell)) in self.columns.iter().zip(row).enumerate() {
            if !is_wanted(ordinal, cell) {
                continue;
            }
            out.push(open);
            open = b',';
            out.extend_from_slice(&column.label);
            column.push_value(out, cell).map_err(|e| self.error(&column.name, e))?;
        }
        if open == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
        Ok(())
    }

    #[cold]
    fn error(&self, column: &str, error: ValueError) -> EncodeError {
        EncodeError { table: self.table.to_string(), column: column.into(), reason: error.0 }
    }
}

/// Marks the message at the end of `out` as the last one of its transaction.
pub fn mark_maxwell_commit(out: &mut Vec<u8>) {
    if out.pop_if(|last| *last == b'}').is_some() {
        out.extend_from_slice(b",\"commit\":true}");
    }
}

/// `type` of the message of a statement, as far as Maxwell has one.
pub fn maxwell_type(statement: &Statement) -> &'static str {
    match statement {
        Statement::CreateTable(_) => "table-create",
        Statement::DropTable { .. } => "table-drop",
        Statement::AlterTable(_)
        | Statement::RenameTable { .. }
        | Statement::CreateIndex { .. }
        | Statement::DropIndex { .. } => "table-alter",
        Statement::CreateDatabase { .. } => "database-create",
        Statement::DropDatabase { .. } => "database-drop",
        Statement::AlterDatabase { .. } => "database-alter",
        _ => "sql",
    }
}

/// Appends the message of a statement, whose [`maxwell_type`] it has. `table` is empty for statements on a database.
pub fn encode_maxwell_ddl(
    out: &mut Vec<u8>,
    ts: i64,
    (database, table): (&str, &str),
    sql: &str,
    maxwell_type: &str,
) {
    out.extend_from_slice(b"{\"database\":");
    push_quoted(out, database);
    if !table.is_empty() {
        out.extend_from_slice(b",\"table\":");
        push_quoted(out, table);
    }
    out.extend_from_slice(b",\"type\":");
    push_quoted(out, maxwell_type);
    out.extend_from_slice(b",\"ts\":");
    push_int(out, ts);
    out.extend_from_slice(b",\"sql\":");
    push_quoted(out, sql);
    out.push(b'}');
}

/// One column, compiled.
#[derive(Debug)]
struct MaxwellColumn {
    /// Column name, for errors.
    name: Box<str>,
    /// `"name":`
    label: Box<[u8]>,
    /// `,"pk.name":`
    key_label: Box<[u8]>,
    text: ColumnText<PLAIN>,
}

impl MaxwellColumn {
    fn compile(column: &Column) -> Result<Self, DecodeError> {
        let label = |before: &[u8]| -> Box<[u8]> {
            let mut label = before.to_vec();
            push_str::<PLAIN>(&mut label, &column.name);
            label.extend_from_slice(b"\":");
            label.into()
        };
        Ok(Self {
            name: column.name.as_str().into(),
            label: label(b"\""),
            key_label: label(b",\"pk."),
            text: ColumnText::compile(column)?,
        })
    }

    /// Appends a value with its quotes, if it has any.
    #[inline]
    fn push_value(&self, out: &mut Vec<u8>, cell: &Cell<'_>) -> Result<(), ValueError> {
        match *cell {
            Cell::Null => out.extend_from_slice(b"null"),
            Cell::Int(value) => push_int(out, value),
            Cell::UInt(value) => push_uint(out, value),
            Cell::Year(year) => push_int(out, i64::from(year)),
            Cell::JsonText(bytes) => out.extend_from_slice(bytes),
            Cell::Float(value) => return push_java_float(out, value),
            Cell::Double(value) => return push_java_double(out, value),
            Cell::Decimal(ref value) => return push_decimal(out, value),
            Cell::Bit(bytes) => return push_bit(out, bytes),
            Cell::Json(bytes) => {
                return Ok(write_json_text(bytes, JsonLimits::default(), out)?);
            }
            Cell::Binary(bytes) => return push_base64(out, bytes),
            Cell::Vector(bytes) => return push_vector(out, bytes),
            Cell::Set(bits) => return self.push_set(out, bits),
            _ => return self.push_text(out, cell),
        }
        Ok(())
    }

    /// A value between quotes.
    fn push_text(&self, out: &mut Vec<u8>, cell: &Cell<'_>) -> Result<(), ValueError> {
        out.push(b'"');
        match *cell {
            Cell::Text(bytes) => self.text.push(out, bytes),
            Cell::Utf8(bytes) => self.text.push_utf8(out, bytes),
            Cell::Enum(index) => self.text.push_enum(out, index)?,
            Cell::Date(date) => push_date(out, date)?,
            Cell::Time(time, fsp) => push_time(out, time, fsp)?,
            Cell::DateTime(value, fsp) => push_datetime(out, value, fsp)?,
            Cell::Timestamp { seconds, micros, fsp } => push_utc(out, seconds, micros, fsp)?,
            Cell::Geometry(bytes) => push_wkt(out, bytes)?,
            _ => return Err(ValueError::new("a value came where it cannot be")),
        }
        out.push(b'"');
        Ok(())
    }

    fn push_set(&self, out: &mut Vec<u8>, bits: u64) -> Result<(), ValueError> {
        if bits == 0 {
            out.extend_from_slice(b"[]");
            return Ok(());
        }
        out.extend_from_slice(b"[\"");
        self.text.push_set(out, bits, b"\",\"")?;
        out.extend_from_slice(b"\"]");
        Ok(())
    }
}

/// `{"database":…,"table":…`
fn names(database: &str, table: &str) -> Vec<u8> {
    let mut out = b"{\"database\":".to_vec();
    push_quoted(&mut out, database);
    out.extend_from_slice(b",\"table\":");
    push_quoted(&mut out, table);
    out
}

fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_str::<PLAIN>(out, text);
    out.push(b'"');
}
