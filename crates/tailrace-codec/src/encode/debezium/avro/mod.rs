//! Debezium's change event in Avro, as a schema registry's readers take it: a zero byte, the schema's id in four bytes, and the event in
//! Avro's binary form (Confluent's wire format).
//!
//! The schemas are those that Kafka Connect's Avro converter makes of Debezium's (`schema.rs`), but for the defaults of columns, which a log
//! does not tell, and the namespace, which is that of the table at the source and not of a connector.

mod column;
mod schema;
mod write;

use self::column::AvroColumn;
use self::write::{push_bytes, push_long};
use super::super::error::{EncodeError, ValueError};
use super::{ChangeOp, ChangeSource, DebeziumModes};
use crate::cell::Cell;
use crate::schema::TableSchema;

/// First byte of a message whose schema is in a registry.
const MAGIC: u8 = 0;

/// The schemas of a table's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvroSchemas {
    /// Of keys, JSON; `None` for a table without a primary key.
    pub key: Option<String>,
    /// Full name of the keys' record.
    pub key_record: String,
    /// Of events, JSON.
    pub value: String,
    /// Full name of the events' record.
    pub value_record: String,
    /// Names of the columns' fields, in the table's order.
    pub columns: Vec<String>,
}

impl AvroSchemas {
    /// The schemas of a table version.
    ///
    /// # Errors
    /// Two columns whose names are one in Avro.
    pub fn of_table(table: &TableSchema, modes: DebeziumModes) -> Result<Self, EncodeError> {
        let schemas = schema::schemas(table, modes).map_err(|e| EncodeError {
            table: table.full_name(),
            column: String::new(),
            reason: e.0,
        })?;
        let record = |name: &str| {
            let (database, table) =
                (schema::name_of(&table.database), schema::name_of(&table.table));
            format!("{database}.{table}.{name}")
        };
        Ok(Self {
            key: schemas.key,
            key_record: record("Key"),
            value: schemas.value,
            value_record: record("Envelope"),
            columns: schemas.columns,
        })
    }
}

/// The ids that a registry gave schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AvroIds {
    /// Of keys.
    pub key: u32,
    /// Of events.
    pub value: u32,
}

/// Encodes the rows of one table version as Debezium's events in Avro.
#[derive(Debug)]
pub struct AvroEncoder {
    table: Box<str>,
    columns: Box<[AvroColumn]>,
    primary_key: Box<[usize]>,
    /// Before a key.
    key_head: [u8; 5],
    /// Before an event.
    value_head: [u8; 5],
    /// Version, connector and logical name.
    source: Box<[u8]>,
    /// Database, and no sequence.
    database: Box<[u8]>,
    /// Table.
    table_name: Box<[u8]>,
}

impl AvroEncoder {
    /// Prepares what does not depend on a row. `name` is the logical name of the source, `version` what writes the events.
    ///
    /// # Errors
    /// As [`RowEncoder::compile`](super::super::RowEncoder::compile).
    pub fn compile(
        schema: &TableSchema,
        (name, version): (&str, &str),
        ids: AvroIds,
        modes: DebeziumModes,
    ) -> Result<Self, EncodeError> {
        let columns = schema
            .columns
            .iter()
            .map(|column| {
                AvroColumn::compile(column, modes).map_err(|e| EncodeError {
                    table: schema.full_name(),
                    column: column.name.clone(),
                    reason: e.to_string().into(),
                })
            })
            .collect::<Result<Box<[_]>, _>>()?;
        if let Some(ordinal) = schema.primary_key.iter().find(|ordinal| **ordinal >= columns.len())
        {
            let reason = format!("the primary key names column ordinal {ordinal}");
            let column = String::new();
            return Err(EncodeError { table: schema.full_name(), column, reason: reason.into() });
        }
        let head = |id: u32| {
            let [a, b, c, d] = id.to_be_bytes();
            [MAGIC, a, b, c, d]
        };
        let texts = |texts: &[&str]| -> Box<[u8]> {
            let mut out = Vec::new();
            texts.iter().for_each(|text| push_bytes(&mut out, text.as_bytes()));
            out.into()
        };
        let mut database = texts(&[&schema.database]).into_vec();
        database.push(0);
        let mut table_name = Vec::new();
        push_long(&mut table_name, 1);
        push_bytes(&mut table_name, schema.table.as_bytes());
        Ok(Self {
            table: schema.full_name().into(),
            columns,
            primary_key: schema.primary_key.as_slice().into(),
            key_head: head(ids.key),
            value_head: head(ids.value),
            source: texts(&[version, "mysql", name]),
            database: database.into(),
            table_name: table_name.into(),
        })
    }

    /// The table has a primary key, so that its messages have keys.
    pub fn has_primary_key(&self) -> bool {
        !self.primary_key.is_empty()
    }

    /// Appends the message key of a row; nothing for a table without a primary key, whose messages have no key.
    ///
    /// # Errors
    /// As [`RowEncoder::encode_insert`](super::super::RowEncoder::encode_insert).
    pub fn encode_key(&self, out: &mut Vec<u8>, row: &[Cell<'_>]) -> Result<(), EncodeError> {
        if self.primary_key.is_empty() {
            return Ok(());
        }
        self.check_width(row)?;
        let start = out.len();
        out.extend_from_slice(&self.key_head);
        for &ordinal in &self.primary_key {
            let (Some(plan), Some(cell)) = (self.columns.get(ordinal), row.get(ordinal)) else {
                continue;
            };
            if let Err(error) = plan.push_value(out, cell) {
                out.truncate(start);
                return Err(self.error(&plan.name, error));
            }
        }
        Ok(())
    }

    /// Appends an event: the image before for [`ChangeOp::Update`] and [`ChangeOp::Delete`], the one after for all
    /// others. `now_us` is when it is encoded, microseconds of the Unix epoch.
    ///
    /// # Errors
    /// As [`RowEncoder::encode_insert`](super::super::RowEncoder::encode_insert); `out` is left as it was.
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
        out.extend_from_slice(&self.value_head);
        let images = self.push_image(out, before).and_then(|()| self.push_image(out, after));
        if let Err(error) = images {
            out.truncate(start);
            return Err(error);
        }
        self.push_source(out, op, source);
        match &source.order {
            None => out.push(0),
            Some(order) => {
                push_long(out, 1);
                push_bytes(out, order.id.as_bytes());
                push_long(out, order.total_order.cast_signed());
                push_long(out, order.data_collection_order.cast_signed());
            }
        }
        push_bytes(out, op.letter().as_bytes());
        push_times(out, now_us);
        Ok(())
    }

    fn push_source(&self, out: &mut Vec<u8>, op: ChangeOp, source: &ChangeSource<'_>) {
        out.extend_from_slice(&self.source);
        push_long(out, source.ts_us.div_euclid(1000));
        // Of the union of text and null.
        out.push(0);
        push_bytes(out, if op == ChangeOp::Read { b"true" } else { b"false" });
        out.extend_from_slice(&self.database);
        push_some(out, source.ts_us);
        push_some(out, source.ts_us.saturating_mul(1000));
        out.extend_from_slice(&self.table_name);
        push_long(out, source.server_id.into());
        match source.gtid {
            None => out.push(0),
            Some(gtid) => {
                push_long(out, 1);
                push_bytes(out, gtid.as_bytes());
            }
        }
        push_bytes(out, source.file.as_bytes());
        push_long(out, source.position.cast_signed());
        push_long(out, source.row.into());
        match source.thread {
            None => out.push(0),
            Some(thread) => push_some(out, thread.cast_signed()),
        }
        // No query.
        out.push(0);
    }

    fn push_image(&self, out: &mut Vec<u8>, row: Option<&[Cell<'_>]>) -> Result<(), EncodeError> {
        let Some(row) = row else {
            out.push(0);
            return Ok(());
        };
        self.check_width(row)?;
        push_long(out, 1);
        for (plan, cell) in self.columns.iter().zip(row) {
            plan.push_value(out, cell).map_err(|e| self.error(&plan.name, e))?;
        }
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

/// A number of a union with null before it.
fn push_some(out: &mut Vec<u8>, value: i64) {
    push_long(out, 1);
    push_long(out, value);
}

/// Milliseconds, microseconds and nanoseconds.
fn push_times(out: &mut Vec<u8>, micros: i64) {
    push_some(out, micros.div_euclid(1000));
    push_some(out, micros);
    push_some(out, micros.saturating_mul(1000));
}
