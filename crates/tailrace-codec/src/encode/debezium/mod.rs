//! Debezium's change event as JSON without schemas: `before`, `after`, `source`, `transaction`, `op` and
//! times, with the connector's modes for numbers, dates and bytes.
//!
//! The form is that of Debezium's documentation (MySQL connector, "Data change events" and "Data type
//! mappings"), checked against the connector itself by `tests/suite/debezium.rs` of the pipeline.
//! `docs/message-format.md` says where a message differs.

mod avro;
mod column;
mod forms;
mod modes;
mod transaction;
mod unscaled;

pub use self::avro::{AvroEncoder, AvroIds, AvroSchemas};
use self::column::DebeziumColumn;
pub use self::modes::{
    BigintUnsignedMode, BinaryMode, DebeziumModes, DecimalMode, ModeFault, TimeMode,
};
use self::transaction::push_order;
pub use self::transaction::{
    EventOrder, TransactionMarker, encode_transaction_key, encode_transaction_marker,
};
use super::drs_json::push_quoted_by;
use super::error::{EncodeError, ValueError};
use super::escape::PLAIN;
use super::number::{push_int, push_uint};
use crate::{cell::Cell, schema::TableSchema};

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOp {
    /// Read in the full phase: `r`.
    Read,
    /// Inserted: `c`.
    Create,
    /// Changed: `u`.
    Update,
    /// Deleted: `d`.
    Delete,
}

impl ChangeOp {
    /// As an event says it.
    fn letter(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Create => "c",
            Self::Update => "u",
            Self::Delete => "d",
        }
    }
}

/// Where a change comes from, as the `source` of an event says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangeSource<'a> {
    /// When it was made at the source, microseconds of the Unix epoch.
    pub ts_us: i64,
    /// `server_id` of the server that wrote it; 0 in the full phase.
    pub server_id: u32,
    /// Its transaction's GTID; none in the full phase and without GTIDs.
    pub gtid: Option<&'a str>,
    /// Log file; empty in the full phase.
    pub file: &'a str,
    /// Offset of its rows event in the file, bytes.
    pub position: u64,
    /// Its number among the rows of that event, from 0.
    pub row: u32,
    /// Thread of the server that made it, where the log tells it.
    pub thread: Option<u64>,
    /// Its place in its transaction, where events say it.
    pub order: Option<EventOrder<'a>>,
}

/// Encodes the rows of one table version as Debezium's events.
#[derive(Debug)]
pub struct DebeziumEncoder {
    table: Box<str>,
    columns: Box<[DebeziumColumn]>,
    primary_key: Box<[usize]>,
    /// `,"source":{"version":…,"connector":"mysql","name":…,"ts_ms":`
    source: Box<[u8]>,
    /// `,"db":…,"sequence":null,"ts_us":`
    database: Box<[u8]>,
    /// `,"table":…,"server_id":`
    table_name: Box<[u8]>,
}

impl DebeziumEncoder {
    /// Prepares what does not depend on a row. `name` is the logical name of the source, `version` what
    /// writes the events.
    ///
    /// # Errors
    /// As [`RowEncoder::compile`](super::RowEncoder::compile).
    pub fn compile(
        schema: &TableSchema,
        (name, version): (&str, &str),
        modes: DebeziumModes,
    ) -> Result<Self, EncodeError> {
        let mut columns = Vec::with_capacity(schema.columns.len());
        for column in &schema.columns {
            columns.push(DebeziumColumn::compile(column, columns.is_empty(), modes).map_err(
                |e| EncodeError {
                    table: schema.full_name(),
                    column: column.name.clone(),
                    reason: e.to_string().into(),
                },
            )?);
        }
        if let Some(ordinal) = schema.primary_key.iter().find(|ordinal| **ordinal >= columns.len())
        {
            let reason = format!("the primary key names column ordinal {ordinal}");
            let column = String::new();
            return Err(EncodeError { table: schema.full_name(), column, reason: reason.into() });
        }
        let part = |before: &str, text: &str, after: &str| -> Box<[u8]> {
            let mut out = before.as_bytes().to_vec();
            push_quoted_by::<PLAIN>(&mut out, text);
            out.extend_from_slice(after.as_bytes());
            out.into()
        };
        let head = part(",\"source\":{\"version\":", version, ",\"connector\":\"mysql\",\"name\":");
        let name = part("", name, ",\"ts_ms\":");
        Ok(Self {
            table: schema.full_name().into(),
            columns: columns.into(),
            primary_key: schema.primary_key.as_slice().into(),
            source: [head, name].concat().into(),
            database: part(",\"db\":", &schema.database, ",\"sequence\":null,\"ts_us\":"),
            table_name: part(",\"table\":", &schema.table, ",\"server_id\":"),
        })
    }

    /// The table has a primary key, so that its messages have keys.
    pub fn has_primary_key(&self) -> bool {
        !self.primary_key.is_empty()
    }

    /// Appends the message key of a row: an object of its primary key; nothing for a table without one,
    /// whose messages have no key.
    ///
    /// # Errors
    /// As [`RowEncoder::encode_insert`](super::RowEncoder::encode_insert).
    pub fn encode_key(&self, out: &mut Vec<u8>, row: &[Cell<'_>]) -> Result<(), EncodeError> {
        if self.primary_key.is_empty() {
            return Ok(());
        }
        self.check_width(row)?;
        let start = out.len();
        let mut first = true;
        for &ordinal in &self.primary_key {
            let (Some(plan), Some(cell)) = (self.columns.get(ordinal), row.get(ordinal)) else {
                continue;
            };
            plan.push_label(out, std::mem::take(&mut first));
            if let Err(error) = plan.push_value(out, cell) {
                out.truncate(start);
                return Err(self.error(&plan.name, error));
            }
        }
        out.push(b'}');
        Ok(())
    }

    /// Appends an event: the image before for [`ChangeOp::Update`] and [`ChangeOp::Delete`], the one after for all
    /// others. `now_us` is when it is encoded, microseconds of the Unix epoch.
    ///
    /// # Errors
    /// As [`RowEncoder::encode_insert`](super::RowEncoder::encode_insert); `out` is left as it was.
    pub fn encode(
        &self,
        out: &mut Vec<u8>,
        op: ChangeOp,
        source: &ChangeSource<'_>,
        now_us: i64,
        before: Option<&[Cell<'_>]>,
        after: Option<&[Cell<'_>]>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        out.extend_from_slice(b"{\"before\":");
        let images = self.push_image(out, before).and_then(|()| {
            out.extend_from_slice(b",\"after\":");
            self.push_image(out, after)
        });
        if let Err(error) = images {
            out.truncate(start);
            return Err(error);
        }
        self.push_source(out, op, source);
        push_order(out, source.order.as_ref());
        out.extend_from_slice(b",\"op\":\"");
        out.extend_from_slice(op.letter().as_bytes());
        out.extend_from_slice(b"\",\"ts_ms\":");
        push_int(out, now_us.div_euclid(1000));
        out.extend_from_slice(b",\"ts_us\":");
        push_int(out, now_us);
        out.extend_from_slice(b",\"ts_ns\":");
        push_nanos(out, now_us);
        out.push(b'}');
        Ok(())
    }

    fn push_source(&self, out: &mut Vec<u8>, op: ChangeOp, source: &ChangeSource<'_>) {
        out.extend_from_slice(&self.source);
        push_int(out, source.ts_us.div_euclid(1000));
        out.extend_from_slice(if op == ChangeOp::Read {
            b",\"snapshot\":\"true\"".as_slice()
        } else {
            b",\"snapshot\":\"false\""
        });
        out.extend_from_slice(&self.database);
        push_int(out, source.ts_us);
        out.extend_from_slice(b",\"ts_ns\":");
        push_nanos(out, source.ts_us);
        out.extend_from_slice(&self.table_name);
        push_uint(out, u64::from(source.server_id));
        out.extend_from_slice(b",\"gtid\":");
        match source.gtid {
            None => out.extend_from_slice(b"null"),
            // Letters, digits, `-`, `_` and `:` only.
            Some(gtid) => {
                out.push(b'"');
                out.extend_from_slice(gtid.as_bytes());
                out.push(b'"');
            }
        }
        out.extend_from_slice(b",\"file\":");
        push_quoted_by::<PLAIN>(out, source.file);
        out.extend_from_slice(b",\"pos\":");
        push_uint(out, source.position);
        out.extend_from_slice(b",\"row\":");
        push_uint(out, u64::from(source.row));
        out.extend_from_slice(b",\"thread\":");
        match source.thread {
            None => out.extend_from_slice(b"null"),
            Some(thread) => push_uint(out, thread),
        }
        out.extend_from_slice(b",\"query\":null}");
    }

    fn push_image(&self, out: &mut Vec<u8>, row: Option<&[Cell<'_>]>) -> Result<(), EncodeError> {
        let Some(row) = row else {
            out.extend_from_slice(b"null");
            return Ok(());
        };
        self.check_width(row)?;
        if row.is_empty() {
            out.push(b'{');
        }
        for (plan, cell) in self.columns.iter().zip(row) {
            out.extend_from_slice(&plan.label);
            plan.push_value(out, cell).map_err(|e| self.error(&plan.name, e))?;
        }
        out.push(b'}');
        Ok(())
    }

    fn check_width(&self, row: &[Cell<'_>]) -> Result<(), EncodeError> {
        if row.len() == self.columns.len() {
            return Ok(());
        }
        let (values, columns) = (row.len(), self.columns.len());
        let reason = format!("a row image has {values} values, the schema has {columns} columns");
        Err(self.error("", ValueError::new(reason)))
    }

    #[cold]
    fn error(&self, column: &str, error: ValueError) -> EncodeError {
        EncodeError { table: self.table.to_string(), column: column.into(), reason: error.0 }
    }
}

/// Microseconds as nanoseconds.
fn push_nanos(out: &mut Vec<u8>, micros: i64) {
    push_int(out, micros);
    if micros != 0 {
        out.extend_from_slice(b"000");
    }
}
