//! A reader of the full phase: plans chunks, reads rows through its view, and hands them over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tailrace_codec::binlog::recycle;
use tailrace_codec::ddl::classify;
use tailrace_codec::encode::{DdlPhase, RowEncoder};
use tailrace_codec::mysql::{SNAPSHOT_SESSION, TextRowReader};
use tailrace_codec::{Cell, TableSchema};

use crate::batch::Advance;
use crate::checkpoint::OpenChunk;
use crate::error::{Error, ErrorKind, Result};
use crate::source::mysql::catalog::{self, SelectedTable};
use crate::source::mysql::chunk::{ChunkSql, quoted_table};
use crate::source::mysql::connection::Connection;
use crate::source::mysql::context::Context;
use crate::source::mysql::pace::Pace;
use crate::source::mysql::window::{Window, chunk_key_encoder};
use crate::source::mysql::work::{Next, Task, Work};
use crate::stages::Wait;
use crate::transform::compose::{Composer, Definition};
use crate::transform::table_sink::TableSink;

/// Session settings of every reading connection.
pub(crate) const SESSION: &[&str] = SNAPSHOT_SESSION;

/// Server errors that say that a table's definition is newer than the view: 1412 definition changed,
/// 1146 no such table, 1054 no such column, 1176 no such index, 1049 no such database.
const STALE_VIEW_CODES: [&str; 5] = ["(1412,", "(1146,", "(1054,", "(1176,", "(1049,"];

/// Whether an error goes away with a new view.
pub(crate) fn is_stale_view(error: &Error) -> bool {
    error.kind() == ErrorKind::SourceStatement
        && STALE_VIEW_CODES.iter().any(|code| error.message().contains(code))
}

/// What a reader knows of the table it works on.
pub(crate) struct OpenedTable {
    table: SelectedTable,
    schema: TableSchema,
    /// Ordinals of the columns that chunks go by.
    key: Vec<usize>,
    index: String,
    rows: TextRowReader,
    boundary: TextRowReader,
    sink: TableSink,
    /// Which rows are read, as the server reads it.
    condition: Option<String>,
    /// Writes the key that the window remembers; `None` for a table without one.
    window_key: Option<RowEncoder>,
}

/// Reads what has to be known of a table.
///
/// # Errors
/// Those of source, routing and encoders.
pub(crate) fn open_table(
    context: &Context,
    connection: &mut Connection,
    table: &SelectedTable,
) -> Result<OpenedTable> {
    let schema = catalog::table_schema(connection, table)?;
    let chunk_key = table.chunk_key();
    let index = chunk_key.map(|key| key.index.clone()).unwrap_or_default();
    let key = chunk_key.map(|_| schema.primary_key.clone()).unwrap_or_default();
    let window_key = chunk_key.map(|key| chunk_key_encoder(&schema, &key.columns)).transpose()?;
    let key_schema = TableSchema {
        columns: key.iter().filter_map(|i| schema.columns.get(*i).cloned()).collect(),
        primary_key: Vec::new(),
        ..schema.clone()
    };
    let sink = TableSink::compile(Arc::new(schema.clone()), &context.router, &context.spec)?;
    let filter = context.row_filter(&schema)?;
    Ok(OpenedTable {
        table: table.clone(),
        rows: TextRowReader::compile(&schema),
        boundary: TextRowReader::compile(&key_schema),
        key,
        index,
        sink,
        condition: filter.map(|filter| filter.sql().to_owned()),
        window_key,
        schema,
    })
}

impl OpenedTable {
    /// The same with fewer rows: those of its filter for which a condition is true too.
    pub(crate) fn with_condition(mut self, condition: Option<String>) -> Self {
        self.condition = match (self.condition, condition) {
            (Some(filter), Some(condition)) => Some(format!("{filter} AND {condition}")),
            (filter, condition) => filter.or(condition),
        };
        self
    }

    /// Which rows are read, as the server reads it.
    pub(crate) fn condition(&self) -> Option<&str> {
        self.condition.as_deref()
    }

    /// Ordinals of the columns that chunks go by; empty for a table that is read in one piece.
    pub(crate) fn key(&self) -> &[usize] {
        &self.key
    }

    /// Name of the index that the key belongs to.
    pub(crate) fn index(&self) -> &str {
        &self.index
    }

    pub(crate) fn schema(&self) -> &TableSchema {
        &self.schema
    }

    pub(crate) fn sink(&self) -> &TableSink {
        &self.sink
    }

    /// Appends the cells of a row.
    ///
    /// # Errors
    /// `Decode` if it cannot be read.
    pub(crate) fn read_into<'r>(&self, row: &'r [u8], cells: &mut Vec<Cell<'r>>) -> Result<()> {
        self.rows.read_into(row, cells).map_err(|e| unreadable(self, &e))
    }

    /// The cells of a row.
    ///
    /// # Errors
    /// `Decode` if it cannot be read.
    pub(crate) fn cells<'r>(&self, row: &'r [u8]) -> Result<Vec<Cell<'r>>> {
        let mut cells = Vec::new();
        self.read_into(row, &mut cells)?;
        Ok(cells)
    }

    /// The cells of a boundary: those of the key.
    ///
    /// # Errors
    /// `Decode` if it cannot be read.
    pub(crate) fn boundary_cells<'r>(&self, row: &'r [u8]) -> Result<Vec<Cell<'r>>> {
        let mut cells = Vec::new();
        self.boundary.read_into(row, &mut cells).map_err(|e| unreadable(self, &e))?;
        Ok(cells)
    }
}

/// One reader with its view.
pub(crate) struct Reader<'c> {
    context: &'c Context,
    connection: Connection,
    window: &'c Window,
    composer: Composer,
    opened: Option<OpenedTable>,
    pace: &'c Pace,
    /// Readers that share it.
    sharers: usize,
    /// How long the source has worked for this chunk.
    reading: Duration,
}

impl<'c> Reader<'c> {
    pub(crate) fn new(
        context: &'c Context,
        connection: Connection,
        window: &'c Window,
        (pace, sharers): (&'c Pace, usize),
    ) -> Self {
        let composer = context.composer();
        Self {
            context,
            connection,
            window,
            composer,
            opened: None,
            pace,
            sharers,
            reading: Duration::ZERO,
        }
    }

    /// Works until nothing is left or the view is too old. Returns the number of chunks read.
    ///
    /// # Errors
    /// Those of source and queue.
    pub(crate) fn run(mut self, work: &Work, until: Instant) -> Result<u64> {
        let mut chunks = 0;
        while Instant::now() < until {
            self.context.stop.check()?;
            let next = work.next(|table| self.begin_table(table))?;
            let task = match next {
                Next::Done => break,
                Next::Read(task) => task,
                Next::Plan(table, number, after) => {
                    let chunk = self.plan(&table, number, after)?;
                    work.planned(table, chunk, |table, chunk| self.record_chunk(table, chunk))?
                }
            };
            self.read(&task)?;
            work.finished(&task);
            self.rest()?;
            chunks += 1;
        }
        Ok(chunks)
    }

    fn count_statements(&mut self) {
        self.pace.count(self.connection.take_statements());
    }

    /// Makes room for others behind a chunk.
    fn rest(&mut self) -> Result<()> {
        self.count_statements();
        let share = self.context.spec.limits.snapshot_share_percent_max;
        let read = std::mem::take(&mut self.reading);
        self.context.counters.stages.add(Wait::Source, read);
        self.pace.rest(read, (share, self.sharers), &self.context.stop)
    }

    fn step(&self, advance: Advance) -> Result<()> {
        // Steps without rows are not held up by the speed limit.
        let batch = self.context.composer().take(advance, true);
        self.context.send(batch)
    }

    /// Records that a table begins, with its structure where DDL messages are sent.
    fn begin_table(&mut self, table: &SelectedTable) -> Result<()> {
        let mut composer = self.context.composer();
        if let Some(topic) = self.context.router.ddl()? {
            let name = quoted_table(&table.database, &table.table);
            let row = self.connection.one_row(&format!("SHOW CREATE TABLE {name}"))?;
            let names = (table.database.as_str(), table.table.as_str());
            let seen = self.context.spec.mappings.names(names.0, names.1);
            let sql = row.text(1)?;
            let definition = Definition {
                es_ms: 0,
                names: seen,
                sql,
                phase: DdlPhase::Init,
                statement: &classify(sql, names.0),
                gtid: None,
            };
            composer.ddl(topic, &definition);
        }
        self.context.observer.table(&table.database, &table.table, 0, false);
        let advance =
            Advance::TableBegin { database: table.database.clone(), table: table.table.clone() };
        self.context.send(composer.take(advance, true))
    }

    fn record_chunk(&self, table: &SelectedTable, chunk: &OpenChunk) -> Result<()> {
        self.step(Advance::ChunkPlanned {
            database: table.database.clone(),
            table: table.table.clone(),
            chunk: chunk.clone(),
        })
    }

    /// Makes sure the table is known to this reader.
    fn open(&mut self, table: &SelectedTable) -> Result<()> {
        let is_open = self
            .opened
            .as_ref()
            .is_some_and(|o| o.table.database == table.database && o.table.table == table.table);
        if is_open {
            return Ok(());
        }
        self.opened = Some(open_table(self.context, &mut self.connection, table)?);
        Ok(())
    }

    fn opened(&self) -> Result<&OpenedTable> {
        self.opened.as_ref().ok_or_else(|| Error::new(ErrorKind::Bug, "no table is open"))
    }

    /// Finds the end of the chunk behind `after`.
    fn plan(
        &mut self,
        table: &SelectedTable,
        number: u64,
        after: Option<Vec<String>>,
    ) -> Result<OpenChunk> {
        self.open(table)?;
        let opened = self.opened.as_ref().ok_or_else(|| Error::new(ErrorKind::Bug, "no table"))?;
        if opened.key.is_empty() {
            return Ok(OpenChunk { chunk: number, after, to: None });
        }
        let sql = ChunkSql::new(&opened.schema, opened.key.clone(), &opened.index);
        let rows = self.pace.chunk_rows(self.context.spec.limits.chunk_rows_max);
        let begun = Instant::now();
        self.connection.start(&sql.boundary(after.as_deref(), rows)?)?;
        self.pace.count(self.connection.take_statements());
        let mut to = None;
        while let Some(row) = self.connection.next_row()? {
            let mut cells = Vec::new();
            opened.boundary.read_into(row, &mut cells).map_err(|e| unreadable(opened, &e))?;
            to = Some(sql.boundary_literals(&cells)?);
        }
        self.reading += begun.elapsed();
        Ok(OpenChunk { chunk: number, after, to })
    }

    /// Reads a chunk and hands its rows over, step by step in key order.
    fn read(&mut self, task: &Task) -> Result<()> {
        self.open(&task.table)?;
        let opened = self.opened()?;
        let sql = ChunkSql::new(&opened.schema, opened.key.clone(), &opened.index);
        let (after, to) = (task.chunk.after.as_deref(), task.chunk.to.as_deref());
        let query = sql.rows(after, to, opened.condition())?;
        let skips = self.window.has_keys(&task.table.database, &task.table.table);
        let opened = self.opened.take().ok_or_else(|| Error::new(ErrorKind::Bug, "no table"))?;
        let mut in_pieces = false;
        let result = self.read_rows(&opened, &query, task, skips, &mut in_pieces);
        self.opened = Some(opened);
        // A piece that is with the sink cannot be taken back by itself: only a new start from the last
        // durable checkpoint drops it.
        result.map_err(|e| if in_pieces && is_stale_view(&e) { begin_anew(&e) } else { e })
    }

    fn read_rows(
        &mut self,
        opened: &OpenedTable,
        query: &str,
        task: &Task,
        skips: bool,
        in_pieces: &mut bool,
    ) -> Result<()> {
        let sql = ChunkSql::new(&opened.schema, opened.key.clone(), &opened.index);
        let batch_bytes_max = self.context.spec.limits.batch_bytes_max;
        let mut from = task.chunk.after.clone();
        let mut key_bytes = Vec::new();
        let mut spare: Vec<Cell<'static>> = Vec::new();
        let mut begun = Instant::now();
        self.connection.start(query)?;
        self.count_statements();
        while let Some(row) = self.connection.next_row()? {
            let mut cells = recycle(std::mem::take(&mut spare));
            opened.rows.read_into(row, &mut cells).map_err(|e| unreadable(opened, &e))?;
            let delivered = skips && self.window.delivers(opened, &cells, &mut key_bytes)?;
            if !delivered {
                self.composer.init(&opened.sink, &cells)?;
            }
            let full = self.composer.bytes() >= batch_bytes_max;
            let to =
                if full && !opened.key.is_empty() { Some(sql.literals(&cells)?) } else { None };
            spare = recycle(cells);
            if full {
                *in_pieces |= to.is_none();
                self.reading += begun.elapsed();
                hand_over(self.context, &mut self.composer, task, &mut from, to)?;
                begun = Instant::now();
            }
        }
        self.reading += begun.elapsed();
        let advance = chunk_rows(task, from, None, true);
        let batch = self.composer.take(advance, true);
        self.context.send(batch)
    }
}

/// An error after which the job goes on from its last durable checkpoint.
fn begin_anew(error: &Error) -> Error {
    Error::new(
        ErrorKind::SourceConnection,
        format!(
            "a table without a key changed its definition while it was read: {}",
            error.message()
        ),
    )
}

/// Hands over what is composed of a chunk so far.
fn hand_over(
    context: &Context,
    composer: &mut Composer,
    task: &Task,
    from: &mut Option<Vec<String>>,
    to: Option<Vec<String>>,
) -> Result<()> {
    let advance = match &to {
        None => Advance::Piece {
            database: task.table.database.clone(),
            table: task.table.table.clone(),
        },
        Some(_) => chunk_rows(task, from.clone(), to.clone(), false),
    };
    *from = to;
    context.send(composer.take(advance, true))
}

fn chunk_rows(
    task: &Task,
    from: Option<Vec<String>>,
    to: Option<Vec<String>>,
    done: bool,
) -> Advance {
    Advance::ChunkRows {
        database: task.table.database.clone(),
        table: task.table.table.clone(),
        chunk: task.chunk.chunk,
        from,
        to,
        done,
    }
}

impl Window {
    /// Whether the stream has delivered this row already.
    pub(crate) fn delivers(
        &self,
        opened: &OpenedTable,
        cells: &[Cell<'_>],
        key: &mut Vec<u8>,
    ) -> Result<bool> {
        let Some(encoder) = &opened.window_key else { return Ok(false) };
        key.clear();
        encoder.encode_key(key, cells).map_err(|e| Error::new(ErrorKind::Decode, e.to_string()))?;
        Ok(self.contains(&opened.table.database, &opened.table.table, key))
    }
}

fn unreadable(opened: &OpenedTable, e: &tailrace_codec::DecodeError) -> Error {
    Error::new(ErrorKind::Decode, format!("a row of {}: {e}", opened.schema.full_name()))
}
