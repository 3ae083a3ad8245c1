//! Canal's flat JSON message.
//!
//! Fourteen members in alphabetical order: data, database, es, gtid, id, isDdl, mysqlType, old, pkNames, sql, sqlType,
//! table, ts, type. All values are texts or null. `old` has the changed columns only. The type codes are those that
//! Canal gives (its wiki, "FlatMessage", and its `LogEventConvert`): `java.sql.Types` by the form in the log, and for an
//! unsigned number in the upper half of its range the next larger type.

use super::drs_json::{Format, RowMeta, push_key_names, push_per_column, push_quoted};
use super::error::EncodeError;
use super::number::{push_int, push_uint};
use super::row_image::RowImage;
use crate::{
    cell::Cell,
    ddl::Statement,
    schema::{ColumnType, TableSchema},
};

/// What happened to a row. A row of the full phase is an insert to Canal's readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanalKind {
    /// Inserted, or read in the full phase.
    Insert,
    /// Changed.
    Update,
    /// Deleted.
    Delete,
}

/// The type code of a column, and the one of an unsigned number beyond the signed range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TypeCode {
    code: i32,
    /// From this number on, the other code.
    wide: Option<(u64, i32)>,
}

/// Encodes the rows of one table version as Canal's messages.
#[derive(Debug)]
pub struct CanalEncoder {
    image: RowImage,
    /// Labels of `sqlType`, `{"a":` or `,"a":`, with their codes.
    types: Box<[(Box<[u8]>, TypeCode)]>,
    /// `,"database":…,"es":`
    database: Box<[u8]>,
    /// `,"isDdl":false,"mysqlType":{…},"old":`
    mysql_type: Box<[u8]>,
    /// `,"pkNames":[…],"sql":"","sqlType":`
    key_names: Box<[u8]>,
    /// `,"table":…,"ts":`
    table: Box<[u8]>,
}

impl CanalEncoder {
    /// Prepares everything that does not depend on a row.
    ///
    /// # Errors
    /// As [`RowEncoder::compile`](super::RowEncoder::compile).
    pub fn compile(schema: &TableSchema) -> Result<Self, EncodeError> {
        let mut mysql_type = b",\"isDdl\":false,\"mysqlType\":".to_vec();
        push_per_column(&mut mysql_type, schema, |out, column| push_quoted(out, &column.type_name));
        mysql_type.extend_from_slice(b",\"old\":");
        let mut key_names = b",\"pkNames\":".to_vec();
        if schema.primary_key.is_empty() {
            key_names.extend_from_slice(b"null");
        } else {
            push_key_names(&mut key_names, schema)?;
        }
        key_names.extend_from_slice(b",\"sql\":\"\",\"sqlType\":");
        Ok(Self {
            image: RowImage::compile(schema, Format::Canal)?,
            types: type_codes(schema),
            database: named(b",\"database\":", &schema.database, b",\"es\":"),
            mysql_type: mysql_type.into(),
            key_names: key_names.into(),
            table: named(b",\"table\":", &schema.table, b",\"ts\":"),
        })
    }

    /// Appends the message key of a row, as [`RowEncoder::encode_key`](super::RowEncoder::encode_key).
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_key(&self, out: &mut Vec<u8>, row: &[Cell<'_>]) -> Result<(), EncodeError> {
        self.image.push_key(out, row)
    }

    /// Appends a message: of an inserted row `after`, of a deleted one `before`, of a changed one both. `gtid` is its
    /// transaction's.
    ///
    /// # Errors
    /// A row has another number of columns than the schema, or a value that its type cannot have; `out` is
    /// left as it was.
    pub fn encode(
        &self,
        out: &mut Vec<u8>,
        meta: &RowMeta,
        kind: CanalKind,
        gtid: Option<&str>,
        (before, after): (&[Cell<'_>], &[Cell<'_>]),
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let row = if kind == CanalKind::Delete { before } else { after };
        out.extend_from_slice(b"{\"data\":");
        let written = self.image.push(out, Some(row)).and_then(|()| {
            out.extend_from_slice(&self.database);
            push_int(out, meta.es_ms);
            push_gtid_and_id(out, gtid, meta.id);
            out.extend_from_slice(&self.mysql_type);
            if kind == CanalKind::Update {
                return self.image.push_changed(out, before, after);
            }
            out.extend_from_slice(b"null");
            Ok(())
        });
        if let Err(error) = written {
            out.truncate(start);
            return Err(error);
        }
        out.extend_from_slice(&self.key_names);
        self.push_types(out, row);
        out.extend_from_slice(&self.table);
        push_int(out, meta.ts_ms);
        out.extend_from_slice(match kind {
            CanalKind::Insert => b",\"type\":\"INSERT\"}",
            CanalKind::Update => b",\"type\":\"UPDATE\"}",
            CanalKind::Delete => b",\"type\":\"DELETE\"}",
        });
        Ok(())
    }

    fn push_types(&self, out: &mut Vec<u8>, row: &[Cell<'_>]) {
        if self.types.is_empty() {
            out.push(b'{');
        }
        for ((label, code), cell) in self.types.iter().zip(row) {
            out.extend_from_slice(label);
            push_int(out, i64::from(code.of(cell)));
        }
        out.push(b'}');
    }
}

/// `type` of the message of a statement.
pub fn canal_type(statement: &Statement) -> &'static str {
    match statement {
        Statement::CreateTable(_) => "CREATE",
        Statement::AlterTable(_) => "ALTER",
        Statement::DropTable { .. } => "ERASE",
        Statement::RenameTable { .. } => "RENAME",
        Statement::TruncateTable { .. } => "TRUNCATE",
        Statement::CreateIndex { .. } => "CINDEX",
        Statement::DropIndex { .. } => "DINDEX",
        _ => "QUERY",
    }
}

/// Appends the message of a statement, whose [`canal_type`] it has. `table` is empty for statements on a database.
pub fn encode_canal_ddl(
    out: &mut Vec<u8>,
    meta: &RowMeta,
    gtid: Option<&str>,
    (database, table): (&str, &str),
    sql: &str,
    canal_type: &str,
) {
    out.extend_from_slice(b"{\"data\":null,\"database\":");
    push_quoted(out, database);
    out.extend_from_slice(b",\"es\":");
    push_int(out, meta.es_ms);
    push_gtid_and_id(out, gtid, meta.id);
    out.extend_from_slice(
        b",\"isDdl\":true,\"mysqlType\":null,\"old\":null,\"pkNames\":null,\"sql\":",
    );
    push_quoted(out, sql);
    out.extend_from_slice(b",\"sqlType\":null,\"table\":");
    push_quoted(out, table);
    out.extend_from_slice(b",\"ts\":");
    push_int(out, meta.ts_ms);
    out.extend_from_slice(b",\"type\":");
    push_quoted(out, canal_type);
    out.push(b'}');
}

/// `,"gtid":…,"id":…`
fn push_gtid_and_id(out: &mut Vec<u8>, gtid: Option<&str>, id: u64) {
    // Letters, digits, `-`, `_` and `:` only.
    out.extend_from_slice(b",\"gtid\":\"");
    out.extend_from_slice(gtid.unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\",\"id\":");
    push_uint(out, id);
}

impl TypeCode {
    fn of(self, cell: &Cell<'_>) -> i32 {
        match (self.wide, cell) {
            (Some((from, wide)), Cell::UInt(value)) if *value >= from => wide,
            _ => self.code,
        }
    }

    fn for_column(kind: &ColumnType) -> Self {
        let plain = |code| Self { code, wide: None };
        let number = |code, unsigned: bool, bits: u32, wide| Self {
            code,
            wide: unsigned.then_some((1 << (bits - 1), wide)),
        };
        match *kind {
            ColumnType::TinyInt { unsigned } => number(-6, unsigned, 8, 5),
            ColumnType::SmallInt { unsigned } => number(5, unsigned, 16, 4),
            ColumnType::MediumInt { unsigned } => number(4, unsigned, 24, 4),
            ColumnType::Int { unsigned } => number(4, unsigned, 32, -5),
            ColumnType::BigInt { unsigned } => number(-5, unsigned, 64, 3),
            ColumnType::Float => plain(7),
            ColumnType::Double => plain(8),
            ColumnType::Decimal { .. } => plain(3),
            ColumnType::Bit { .. } | ColumnType::Set(_) => plain(-7),
            ColumnType::Date => plain(91),
            ColumnType::Time(_) => plain(92),
            ColumnType::DateTime(_) | ColumnType::Timestamp(_) => plain(93),
            ColumnType::Enum(_) => plain(4),
            ColumnType::Char | ColumnType::Uuid | ColumnType::Inet4 | ColumnType::Inet6 => plain(1),
            ColumnType::VarChar | ColumnType::Json | ColumnType::Year => plain(12),
            ColumnType::Text => plain(2005),
            ColumnType::Binary { .. }
            | ColumnType::VarBinary
            | ColumnType::Blob
            | ColumnType::Geometry
            | ColumnType::Vector => plain(2004),
        }
    }
}

fn type_codes(schema: &TableSchema) -> Box<[(Box<[u8]>, TypeCode)]> {
    let mut separator = b'{';
    let mut types = Vec::with_capacity(schema.columns.len());
    for column in &schema.columns {
        let mut label = vec![separator];
        separator = b',';
        push_quoted(&mut label, &column.name);
        label.push(b':');
        types.push((label.into(), TypeCode::for_column(&column.kind)));
    }
    types.into()
}

/// A member with a name as its value, and the label of the next one.
fn named(label: &[u8], name: &str, next: &[u8]) -> Box<[u8]> {
    let mut out = label.to_vec();
    push_quoted(&mut out, name);
    out.extend_from_slice(next);
    out.into()
}
