//! Rows into messages: key, value and partition, written into one reused buffer.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tailrace_codec::encode::{
    DdlPhase, EncodeError, Format, RowEncoder, RowMeta, encode_ddl, kafka_partition,
};
use tailrace_codec::{Cell, TableSchema};

use crate::batch::{Advance, Batch, Counts, Message, Topic};
use crate::engine::unix_ms;
use crate::error::{Error, ErrorKind, Result};
use crate::job::MessageFormat;
use crate::transform::route::{Router, Spread, TableRoute};

/// Messages between two looks at the clock for `ts`.
const CLOCK_EVERY_MESSAGES: u32 = 256;

/// Everything needed to turn rows of one table version into messages. Compiled once per version.
pub(crate) struct TableSink {
    schema: Arc<TableSchema>,
    encoder: RowEncoder,
    route: TableRoute,
}

impl TableSink {
    /// Compiles a table version; makes its topic if the policy says so.
    ///
    /// # Errors
    /// The router's errors, and `SchemaMismatch` for a schema that cannot be encoded.
    pub(crate) fn compile(
        schema: Arc<TableSchema>,
        router: &Router,
        format: MessageFormat,
    ) -> Result<Self> {
        let route = router.table(&schema)?;
        let format = match format {
            MessageFormat::Json => Format::Json,
            MessageFormat::JsonC => Format::JsonC,
        };
        let encoder = RowEncoder::compile(&schema, format)
            .map_err(|e| Error::new(ErrorKind::SchemaMismatch, e.to_string()))?;
        Ok(Self { encoder, route, schema })
    }

    /// The table version.
    pub(crate) fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }
}

/// What kind of message a row becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Init,
    Insert,
    Update,
    Delete,
}

/// Collects messages until they are handed over as a batch.
pub(crate) struct Composer {
    data: Vec<u8>,
    messages: Vec<Message>,
    counts: Counts,
    ids: Arc<AtomicU64>,
    id_offset: u64,
    source_time_ms: i64,
    now_ms: i64,
    until_clock: u32,
    /// Fixed key written last: where it lies, so that the next message of the table can share it.
    fixed_key: Option<(Topic, Range<usize>)>,
    capacity: usize,
}

impl Composer {
    /// A composer that takes numbers from a counter shared with others; an id is greater by an offset.
    pub(crate) fn new((ids, id_offset): (Arc<AtomicU64>, u64), batch_bytes_max: usize) -> Self {
        Self {
            data: Vec::new(),
            messages: Vec::new(),
            counts: Counts::default(),
            ids,
            id_offset,
            source_time_ms: 0,
            now_ms: unix_ms(),
            until_clock: CLOCK_EVERY_MESSAGES,
            fixed_key: None,
            capacity: batch_bytes_max + batch_bytes_max / 8,
        }
    }

    /// Bytes collected.
    pub(crate) fn bytes(&self) -> usize {
        self.data.len() + self.messages.len() * size_of::<Message>()
    }

    /// Whether nothing is collected.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Notes that a source transaction ended.
    pub(crate) fn transaction_ended(&mut self) {
        self.counts.transactions += 1;
    }

    /// A row of the full phase.
    ///
    /// # Errors
    /// `Decode` if a cell cannot be written as text.
    pub(crate) fn init(&mut self, table: &TableSink, row: &[Cell<'_>]) -> Result<()> {
        self.counts.snapshot_rows += 1;
        self.row(table, Kind::Init, 0, None, Some(row))
    }

    /// An inserted row.
    ///
    /// # Errors
    /// As [`Composer::init`].
    pub(crate) fn insert(&mut self, table: &TableSink, es_ms: i64, row: &[Cell<'_>]) -> Result<()> {
        self.counts.inserts += 1;
        self.row(table, Kind::Insert, es_ms, None, Some(row))
    }

    /// A deleted row.
    ///
    /// # Errors
    /// As [`Composer::init`].
    pub(crate) fn delete(&mut self, table: &TableSink, es_ms: i64, row: &[Cell<'_>]) -> Result<()> {
        self.counts.deletes += 1;
        self.row(table, Kind::Delete, es_ms, Some(row), None)
    }

    /// An updated row. Where the primary key decides the partition, a change of the key becomes a
    /// delete and an insert, so that each partition tells the whole story of its keys.
    ///
    /// # Errors
    /// As [`Composer::init`].
    pub(crate) fn update(
        &mut self,
        table: &TableSink,
        es_ms: i64,
        before: &[Cell<'_>],
        after: &[Cell<'_>],
    ) -> Result<()> {
        self.counts.updates += 1;
        if table.route.spread == Spread::PrimaryKey && self.key_changes(table, before, after)? {
            self.row(table, Kind::Delete, es_ms, Some(before), None)?;
            return self.row(table, Kind::Insert, es_ms, None, Some(after));
        }
        self.row(table, Kind::Update, es_ms, Some(before), Some(after))
    }

    fn key_changes(
        &mut self,
        table: &TableSink,
        before: &[Cell<'_>],
        after: &[Cell<'_>],
    ) -> Result<bool> {
        let start = self.data.len();
        let result = (|| {
            table.encoder.encode_key(&mut self.data, before)?;
            let middle = self.data.len();
            table.encoder.encode_key(&mut self.data, after)?;
            Ok(self.data[start..middle] != self.data[middle..])
        })();
        self.data.truncate(start);
        result.map_err(|e: EncodeError| unencodable(&e))
    }

    fn row(
        &mut self,
        table: &TableSink,
        kind: Kind,
        es_ms: i64,
        before: Option<&[Cell<'_>]>,
        after: Option<&[Cell<'_>]>,
    ) -> Result<()> {
        self.begin(es_ms);
        let topic = table.route.topic;
        let (key, partition) = match &table.route.spread {
            Spread::Fixed { partition, key } => (self.fixed_key(topic, key), *partition),
            Spread::PrimaryKey => {
                let start = self.data.len();
                let row = after.or(before).unwrap_or(&[]);
                table.encoder.encode_key(&mut self.data, row).map_err(|e| unencodable(&e))?;
                let key = start..self.data.len();
                let partition = kafka_partition(&self.data[key.clone()], topic.partitions);
                (key, partition)
            }
        };
        let start = self.data.len();
        let now_ms = self.now_ms;
        let meta = RowMeta {
            id: self.id_offset + self.ids.fetch_add(1, Ordering::Relaxed),
            es_ms: if kind == Kind::Init { now_ms } else { es_ms },
            ts_ms: now_ms,
        };
        let out = &mut self.data;
        let (b, a) = (before.unwrap_or(&[]), after.unwrap_or(&[]));
        match kind {
            Kind::Init => table.encoder.encode_init(out, &meta, a),
            Kind::Insert => table.encoder.encode_insert(out, &meta, a),
            Kind::Update => table.encoder.encode_update(out, &meta, b, a),
            Kind::Delete => table.encoder.encode_delete(out, &meta, b),
        }
        .map_err(|e| unencodable(&e))?;
        let value = start..self.data.len();
        self.messages.push(Message { topic: topic.id, partition, key, value });
        Ok(())
    }

    /// A DDL message. It goes to partition 0 with the database as its key.
    pub(crate) fn ddl(
        &mut self,
        topic: Topic,
        es_ms: i64,
        (database, table): (&str, &str),
        sql: &str,
        phase: DdlPhase,
    ) {
        self.begin(es_ms);
        self.counts.ddls += 1;
        let start = self.data.len();
        self.data.extend_from_slice(database.as_bytes());
        let key = start..self.data.len();
        let meta = RowMeta {
            id: self.id_offset + self.ids.fetch_add(1, Ordering::Relaxed),
            es_ms: if es_ms == 0 { self.now_ms } else { es_ms },
            ts_ms: self.now_ms,
        };
        let start = self.data.len();
        encode_ddl(&mut self.data, &meta, phase, database, table, sql);
        let value = start..self.data.len();
        self.messages.push(Message { topic: topic.id, partition: 0, key, value });
    }

    /// Takes an id for a version of a table: messages composed from now on have greater ones.
    pub(crate) fn version_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// A record of the schema history, which becomes durable with the messages around it.
    pub(crate) fn record(&mut self, topic: Topic, key: &[u8], value: &[u8]) {
        self.begin(0);
        let mut part = |bytes: &[u8]| {
            let start = self.data.len();
            self.data.extend_from_slice(bytes);
            start..self.data.len()
        };
        let (key, value) = (part(key), part(value));
        self.messages.push(Message { topic: topic.id, partition: 0, key, value });
    }

    fn begin(&mut self, es_ms: i64) {
        if self.data.capacity() == 0 {
            self.data.reserve_exact(self.capacity);
        }
        if self.until_clock == 0 || self.messages.is_empty() {
            self.now_ms = unix_ms();
            self.until_clock = CLOCK_EVERY_MESSAGES;
        }
        self.until_clock -= 1;
        self.source_time_ms = self.source_time_ms.max(es_ms);
    }

    fn fixed_key(&mut self, topic: Topic, key: &[u8]) -> Range<usize> {
        if let Some((last, range)) = &self.fixed_key
            && *last == topic
            && self.data.get(range.clone()) == Some(key)
        {
            return range.clone();
        }
        let start = self.data.len();
        self.data.extend_from_slice(key);
        let range = start..self.data.len();
        self.fixed_key = Some((topic, range.clone()));
        range
    }

    /// Hands over what is collected as one step of progress and starts anew.
    pub(crate) fn take(&mut self, advance: Advance, ends_transaction: bool) -> Batch {
        self.fixed_key = None;
        Batch {
            data: std::mem::take(&mut self.data),
            messages: std::mem::take(&mut self.messages),
            advance,
            next_id: self.ids.load(Ordering::Relaxed),
            counts: std::mem::take(&mut self.counts),
            source_time_ms: std::mem::take(&mut self.source_time_ms),
            ends_transaction,
        }
    }
}

fn unencodable(e: &EncodeError) -> Error {
    Error::new(ErrorKind::Decode, e.to_string())
}
