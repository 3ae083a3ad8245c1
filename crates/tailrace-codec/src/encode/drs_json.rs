//! DRS's two JSON formats: `json` and `json_c`.
//!
//! One record has thirteen fields in fixed order: mysqlType, id, es, ts, database, table, type,
//! isDdl, sql, sqlType, data, old, pkNames. The formats differ in two points only: where the row of a
//! DELETE stands (`old` in `json`, `data` in `json_c`) and how a `TIMESTAMP` is printed.

use super::{error::EncodeError, escape, jdbc, number, row_image::RowImage};
use crate::{cell::Cell, schema::TableSchema};

/// The message formats of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `json`: DELETE rows in `old`, `TIMESTAMP` as `seconds.millis` of the Unix epoch.
    Json,
    /// `json_c`: DELETE rows in `data`, `TIMESTAMP` as `yyyy-mm-dd hh:mm:ss[.f]` in UTC.
    JsonC,
    /// The values of [`CanalEncoder`](super::CanalEncoder): as in `json_c`, and binary strings as the characters of the same numbers.
    Canal,
}

/// What a message says besides the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowMeta {
    /// Number of the message in its job: strictly increasing, the same after any replay.
    pub id: u64,
    /// When the change was made at the source, milliseconds of the Unix epoch.
    pub es_ms: i64,
    /// When the message was encoded, milliseconds of the Unix epoch.
    pub ts_ms: i64,
}

/// Where the row images of a message kind stand.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Insert,
    Update,
    Delete,
    Init,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Insert, Self::Update, Self::Delete, Self::Init];

    fn name(self) -> &'static [u8] {
        match self {
            Self::Insert => b"INSERT",
            Self::Update => b"UPDATE",
            Self::Delete => b"DELETE",
            Self::Init => b"INIT",
        }
    }
}

/// Encodes the rows of one table version in one format.
#[derive(Debug)]
pub struct RowEncoder {
    image: RowImage,
    /// `{"mysqlType":{…},"id":`
    head: Box<[u8]>,
    /// `,"database":…` up to `,"data":`, one for each of [`Kind::ALL`].
    middle: [Box<[u8]>; 4],
    /// `,"pkNames":[…]}`
    tail: Box<[u8]>,
}

impl RowEncoder {
    /// Prepares everything that does not depend on a row.
    ///
    /// # Errors
    /// A column has a collation whose character set cannot be converted to UTF-8, or the primary key
    /// names an ordinal that the table does not have.
    pub fn compile(schema: &TableSchema, format: Format) -> Result<Self, EncodeError> {
        Ok(Self {
            image: RowImage::compile(schema, format)?,
            head: head(schema),
            middle: Kind::ALL.map(|kind| middle(schema, kind)),
            tail: tail(schema)?,
        })
    }

    /// `database.table`.
    pub fn full_name(&self) -> &str {
        self.image.table()
    }

    /// The table has a primary key, so that [`Self::encode_key`] gives one key per row.
    pub fn has_primary_key(&self) -> bool {
        self.image.has_primary_key()
    }

    /// Appends the message of an inserted row.
    ///
    /// # Errors
    /// The row has another number of columns than the schema, or a value that its type cannot have;
    /// `out` is left as it was.
    pub fn encode_insert(
        &self,
        out: &mut Vec<u8>,
        meta: &RowMeta,
        after: &[Cell<'_>],
    ) -> Result<(), EncodeError> {
        self.encode(out, meta, Kind::Insert, Some(after), None)
    }

    /// Appends the message of a changed row: the whole image before in `old`, the one after in
    /// `data`.
    ///
    /// # Errors
    /// As [`Self::encode_insert`].
    pub fn encode_update(
        &self,
        out: &mut Vec<u8>,
        meta: &RowMeta,
        before: &[Cell<'_>],
        after: &[Cell<'_>],
    ) -> Result<(), EncodeError> {
        self.encode(out, meta, Kind::Update, Some(after), Some(before))
    }

    /// Appends the message of a deleted row.
    ///
    /// # Errors
    /// As [`Self::encode_insert`].
    pub fn encode_delete(
        &self,
        out: &mut Vec<u8>,
        meta: &RowMeta,
        before: &[Cell<'_>],
    ) -> Result<(), EncodeError> {
        match self.image.format() {
            Format::Json => self.encode(out, meta, Kind::Delete, None, Some(before)),
            Format::JsonC | Format::Canal => {
                self.encode(out, meta, Kind::Delete, Some(before), None)
            }
        }
    }

    /// Appends the message of a row of the full phase.
    ///
    /// # Errors
    /// As [`Self::encode_insert`].
    pub fn encode_init(
        &self,
        out: &mut Vec<u8>,
        meta: &RowMeta,
        row: &[Cell<'_>],
    ) -> Result<(), EncodeError> {
        self.encode(out, meta, Kind::Init, Some(row), None)
    }

    /// Appends the message key of a row: the JSON array of its primary key values in key order, in
    /// the text of the message (`["7","a"]`); for a table without primary key `database.table`.
    ///
    /// # Errors
    /// As [`Self::encode_insert`].
    pub fn encode_key(&self, out: &mut Vec<u8>, row: &[Cell<'_>]) -> Result<(), EncodeError> {
        self.image.push_key(out, row)
    }

    fn encode(
        &self,
        out: &mut Vec<u8>,
        meta: &RowMeta,
        kind: Kind,
        data: Option<&[Cell<'_>]>,
        old: Option<&[Cell<'_>]>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        out.extend_from_slice(&self.head);
        push_meta(out, meta);
        let [insert, update, delete, init] = &self.middle;
        out.extend_from_slice(match kind {
            Kind::Insert => insert,
            Kind::Update => update,
            Kind::Delete => delete,
            Kind::Init => init,
        });
        let written = self.image.push(out, data).and_then(|()| {
            out.extend_from_slice(b",\"old\":");
            self.image.push(out, old)
        });
        if let Err(error) = written {
            out.truncate(start);
            return Err(error);
        }
        out.extend_from_slice(&self.tail);
        Ok(())
    }
}

/// `<id>,"es":<es>,"ts":<ts>`
pub(super) fn push_meta(out: &mut Vec<u8>, meta: &RowMeta) {
    number::push_uint(out, meta.id);
    out.extend_from_slice(b",\"es\":");
    number::push_int(out, meta.es_ms);
    out.extend_from_slice(b",\"ts\":");
    number::push_int(out, meta.ts_ms);
}

/// A JSON string.
pub(super) fn push_quoted(out: &mut Vec<u8>, text: &str) {
    push_quoted_by::<{ escape::HTML }>(out, text);
}

/// A JSON string by one of the escape rules.
pub(super) fn push_quoted_by<const RULES: bool>(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape::push_str::<RULES>(out, text);
    out.push(b'"');
}

/// `{"mysqlType":{…},"id":`
fn head(schema: &TableSchema) -> Box<[u8]> {
    let mut out = b"{\"mysqlType\":".to_vec();
    push_per_column(&mut out, schema, |out, column| push_quoted(out, &column.type_name));
    out.extend_from_slice(b",\"id\":");
    out.into()
}

/// `,"database":…,"sqlType":{…},"data":`
fn middle(schema: &TableSchema, kind: Kind) -> Box<[u8]> {
    let mut out = b",\"database\":".to_vec();
    push_quoted(&mut out, &schema.database);
    out.extend_from_slice(b",\"table\":");
    push_quoted(&mut out, &schema.table);
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(kind.name());
    out.extend_from_slice(b"\",\"isDdl\":false,\"sql\":\"\",\"sqlType\":");
    push_per_column(&mut out, schema, |out, column| {
        number::push_int(out, i64::from(jdbc::jdbc_code(&column.kind)));
    });
    out.extend_from_slice(b",\"data\":");
    out.into()
}

/// `,"pkNames":[…]}`
fn tail(schema: &TableSchema) -> Result<Box<[u8]>, EncodeError> {
    let mut out = b",\"pkNames\":".to_vec();
    push_key_names(&mut out, schema)?;
    out.push(b'}');
    Ok(out.into())
}

/// An array of the primary key's names in its order.
pub(super) fn push_key_names(out: &mut Vec<u8>, schema: &TableSchema) -> Result<(), EncodeError> {
    out.push(b'[');
    let mut first = true;
    for &ordinal in &schema.primary_key {
        let column = schema.columns.get(ordinal).ok_or_else(|| EncodeError {
            table: schema.full_name(),
            column: String::new(),
            reason: format!(
                "the primary key names column ordinal {ordinal}, the table has {} columns",
                schema.columns.len()
            )
            .into(),
        })?;
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        push_quoted(out, &column.name);
    }
    out.push(b']');
    Ok(())
}

/// An object with one member per column.
pub(super) fn push_per_column(
    out: &mut Vec<u8>,
    schema: &TableSchema,
    mut push: impl FnMut(&mut Vec<u8>, &crate::schema::Column),
) {
    out.push(b'{');
    let mut first = true;
    for column in &schema.columns {
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        push_quoted(out, &column.name);
        out.push(b':');
        push(out, column);
    }
    out.push(b'}');
}
