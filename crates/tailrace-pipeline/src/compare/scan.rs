//! Rows of the source as messages would have them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tailrace_codec::encode::AvroSchemas;
use tailrace_codec::mysql::TextRowReader;
use tailrace_codec::{Cell, TableSchema};

use crate::compare::message::{Fields, MessageReader};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobSpec, MessageFormat};
use crate::run::StopSignal;
use crate::source::mysql::catalog::{self, SelectedTable};
use crate::source::mysql::chunk::ChunkSql;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::pace::Pace;
use crate::source::mysql::row_filter::{RowFilter, ServerJudge};
use crate::transform::compose::Composer;
use crate::transform::route::Router;
use crate::transform::table_sink::TableSink;

/// Bytes of messages that are made before their room is used again.
const ROOM_BYTES: usize = 1 << 20;

/// A table that is read to be compared.
pub(crate) struct ScanTable {
    pub(crate) table: SelectedTable,
    schema: TableSchema,
    /// Ordinals of the columns that chunks go by.
    chunk_key: Vec<usize>,
    index: String,
    rows: TextRowReader,
    boundary: TextRowReader,
    sink: TableSink,
    condition: Option<String>,
    /// Names of the columns in messages.
    pub(crate) columns: Vec<String>,
    /// Places of the key's among them.
    pub(crate) key: Vec<usize>,
    /// Places of those whose values say when a message was made: they are not compared.
    pub(crate) passing: Vec<usize>,
    /// Database and table as messages name them.
    pub(crate) seen: (String, String),
}

/// What every table needs.
pub(crate) struct Scan<'a> {
    pub(crate) spec: &'a JobSpec,
    pub(crate) router: &'a Router,
    pub(crate) stop: &'a StopSignal,
    pub(crate) pace: &'a Pace,
    pub(crate) judge: &'a Mutex<ServerJudge>,
    /// Rows read.
    pub(crate) rows: &'a AtomicU64,
}

fn unreadable(schema: &TableSchema, e: &tailrace_codec::DecodeError) -> Error {
    Error::new(ErrorKind::Decode, format!("a row of {}: {e}", schema.full_name()))
}

impl ScanTable {
    /// Reads what has to be known of a table.
    ///
    /// # Errors
    /// Those of source and encoders.
    pub(crate) fn open(
        scan: &Scan<'_>,
        connection: &mut Connection,
        table: &SelectedTable,
    ) -> Result<Self> {
        let schema = catalog::table_schema(connection, table)?;
        let view = scan.spec.mappings.view(&Arc::new(schema.clone()))?;
        let seen = Arc::clone(view.schema());
        let columns = match scan.spec.policy.format {
            MessageFormat::Avro => {
                let schemas = AvroSchemas::of_table(&seen, scan.spec.policy.debezium);
                schemas.map_err(|e| Error::new(ErrorKind::SchemaMismatch, e.to_string()))?.columns
            }
            _ => seen.columns.iter().map(|column| column.name.clone()).collect(),
        };
        let chunk_key = table.chunk_key().map(|_| schema.primary_key.clone()).unwrap_or_default();
        let key_schema = TableSchema {
            columns: chunk_key.iter().filter_map(|i| schema.columns.get(*i).cloned()).collect(),
            primary_key: Vec::new(),
            ..schema.clone()
        };
        let mut judge = scan.judge.lock().unwrap_or_else(PoisonError::into_inner);
        let filter = RowFilter::of_table(scan.spec, &schema, &mut judge)?;
        Ok(Self {
            index: table.chunk_key().map(|key| key.index.clone()).unwrap_or_default(),
            rows: TextRowReader::compile(&schema),
            boundary: TextRowReader::compile(&key_schema),
            // Rows that went to the dead-letter topic are missing in their own.
            sink: TableSink::compile_without_letters(
                Arc::new(schema.clone()),
                scan.router,
                scan.spec,
            )?,
            condition: filter.map(|filter| filter.sql().to_owned()),
            key: seen.primary_key.clone(),
            passing: view.passing(),
            seen: (seen.database.clone(), seen.table.clone()),
            columns,
            chunk_key,
            schema,
            table: table.clone(),
        })
    }

    /// Whether only some of its rows become messages.
    pub(crate) fn has_filter(&self) -> bool {
        self.condition.is_some()
    }

    fn sql(&self) -> ChunkSql<'_> {
        ChunkSql::new(&self.schema, self.chunk_key.clone(), &self.index)
    }
}

impl Scan<'_> {
    /// Reads a table behind a key through the connection's view, until it ends or a moment has come, and gives each row
    /// as its message has it, and its key as literals when asked. Gives the key to go on behind; `None` at the end.
    ///
    /// # Errors
    /// Those of the source, of the encoders and of `each`.
    pub(crate) fn rows(
        &self,
        (connection, until): (&mut Connection, Instant),
        table: &ScanTable,
        mut after: Option<Vec<String>>,
        reader: &mut MessageReader,
        each: &mut EachRow<'_>,
    ) -> Result<Option<Vec<String>>> {
        while Instant::now() < until {
            self.stop.check()?;
            let begun = Instant::now();
            let to = self.boundary(connection, table, after.as_deref())?;
            let query =
                table.sql().rows(after.as_deref(), to.as_deref(), table.condition.as_deref())?;
            self.chunk(connection, table, &query, reader, each)?;
            self.pace.count(connection.take_statements());
            if to.is_none() {
                return Ok(None);
            }
            after = to;
            let share = self.spec.limits.snapshot_share_percent_max;
            self.pace.rest(begun.elapsed(), (share, 1), self.stop)?;
        }
        Ok(after)
    }

    /// Reads the rows of one key.
    ///
    /// # Errors
    /// As [`Scan::rows`].
    pub(crate) fn row(
        &self,
        connection: &mut Connection,
        table: &ScanTable,
        literals: &[String],
        reader: &mut MessageReader,
        each: &mut EachRow<'_>,
    ) -> Result<()> {
        let columns = table.chunk_key.iter().filter_map(|place| table.schema.columns.get(*place));
        let terms: Vec<String> = columns
            .zip(literals)
            .map(|(column, literal)| format!("`{}` = {literal}", column.name.replace('`', "``")))
            .collect();
        let query = table.sql().rows(None, None, Some(&terms.join(" AND ")))?;
        self.chunk(connection, table, &query, reader, each)
    }

    /// The last key of the next chunk; `None` if it ends with the table.
    fn boundary(
        &self,
        connection: &mut Connection,
        table: &ScanTable,
        after: Option<&[String]>,
    ) -> Result<Option<Vec<String>>> {
        if table.chunk_key.is_empty() {
            return Ok(None);
        }
        let sql = table.sql();
        let rows = self.pace.chunk_rows(self.spec.limits.chunk_rows_max);
        connection.start(&sql.boundary(after, rows)?)?;
        let mut to = None;
        while let Some(row) = connection.next_row()? {
            let mut cells = Vec::new();
            table.boundary.read_into(row, &mut cells).map_err(|e| unreadable(&table.schema, &e))?;
            to = Some(sql.boundary_literals(&cells)?);
        }
        Ok(to)
    }

    fn chunk(
        &self,
        connection: &mut Connection,
        table: &ScanTable,
        query: &str,
        reader: &mut MessageReader,
        each: &mut EachRow<'_>,
    ) -> Result<()> {
        let numbers = (Arc::new(AtomicU64::new(0)), 0);
        let mut composer = Composer::new(numbers, self.spec.policy.format, ROOM_BYTES);
        let sql = table.sql();
        connection.start(query)?;
        let mut cells: Vec<Cell<'static>> = Vec::new();
        while let Some(row) = connection.next_row()? {
            let mut now = tailrace_codec::binlog::recycle(std::mem::take(&mut cells));
            table.rows.read_into(row, &mut now).map_err(|e| unreadable(&table.schema, &e))?;
            composer.init(&table.sink, &now)?;
            let change = reader.read(composer.last_value())?;
            // The job's own encoder has just written it.
            let fields = change.and_then(|change| change.after).ok_or_else(|| {
                let name = table.schema.full_name();
                Error::new(ErrorKind::Bug, format!("the message of a row of {name} has no row"))
            })?;
            each(&fields, &mut || sql.literals(&now))?;
            drop(fields);
            cells = tailrace_codec::binlog::recycle(now);
            self.rows.fetch_add(1, Ordering::Relaxed);
            if composer.bytes() >= ROOM_BYTES {
                composer.discard();
            }
        }
        Ok(())
    }
}

/// What is done with a row: its columns as its message has them, and its key as literals.
pub(crate) type EachRow<'e> =
    dyn FnMut(&Fields<'_>, &mut dyn FnMut() -> Result<Vec<String>>) -> Result<()> + 'e;
