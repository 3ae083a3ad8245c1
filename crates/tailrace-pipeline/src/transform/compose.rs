//! Rows into messages: key, value and partition, written into one reused buffer.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tailrace_codec::Cell;
use tailrace_codec::ddl::Statement;
use tailrace_codec::encode::{
    CanalKind, ChangeOp, ChangeSource, DdlPhase, MaxwellKind, MaxwellMeta, RowEncoder, RowMeta,
    canal_type, encode_canal_ddl, encode_ddl, encode_maxwell_ddl, kafka_partition,
    mark_maxwell_commit, maxwell_type,
};

use crate::batch::{Advance, Batch, Counts, Message, Topic};
use crate::engine::unix_us;
use crate::error::{ErrorKind, Result};
use crate::job::MessageFormat;
use crate::mapping::Moment;
use crate::transform::dead_letter::{DeadLetters, READ, Undelivered};
use crate::transform::headers::{Headers, Said};
use crate::transform::markers::Markers;
use crate::transform::route::Spread;
use crate::transform::table_sink::{RowForm, TableSink, unencodable};

/// Messages between two looks at the clock for `ts`.
const CLOCK_EVERY_MESSAGES: u32 = 256;

/// Where a row comes from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Origin<'a> {
    /// When it was committed at the source, microseconds of the Unix epoch.
    pub(crate) es_us: i64,
    /// `server_id` of the server that wrote it.
    pub(crate) server_id: u32,
    /// Its transaction's GTID, where messages say it.
    pub(crate) gtid: Option<&'a str>,
    /// Log file.
    pub(crate) file: &'a str,
    /// Offset of its event in the file.
    pub(crate) position: u64,
    /// Number among the rows of its event.
    pub(crate) row: u32,
    /// The thread that made it.
    pub(crate) thread: Option<u64>,
    /// Number of its transaction, where messages say it.
    pub(crate) xid: u64,
    /// Offset at which its transaction begins in the log.
    pub(crate) begin: u64,
}

impl Origin<'_> {
    fn moment(&self, is_first: bool) -> Moment {
        Moment { changed_us: self.es_us, is_first }
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

impl Kind {
    /// As Debezium calls it.
    fn op(self) -> ChangeOp {
        match self {
            Self::Init => ChangeOp::Read,
            Self::Insert => ChangeOp::Create,
            Self::Update => ChangeOp::Update,
            Self::Delete => ChangeOp::Delete,
        }
    }

    /// As letters of the dead-letter topic call it.
    fn word(self) -> &'static str {
        match self {
            Self::Init => READ,
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// As Canal calls it, which knows no full phase.
    fn canal(self) -> CanalKind {
        match self {
            Self::Init | Self::Insert => CanalKind::Insert,
            Self::Update => CanalKind::Update,
            Self::Delete => CanalKind::Delete,
        }
    }

    /// As Maxwell calls it.
    fn maxwell(self) -> MaxwellKind {
        match self {
            Self::Init => MaxwellKind::Bootstrap,
            Self::Insert => MaxwellKind::Insert,
            Self::Update => MaxwellKind::Update,
            Self::Delete => MaxwellKind::Delete,
        }
    }
}

/// A row before and after a change.
type Images<'r> = (Option<&'r [Cell<'r>]>, Option<&'r [Cell<'r>]>);

/// Writes the value of a row's message in DRS's form.
fn push_drs(
    encoder: &RowEncoder,
    out: &mut Vec<u8>,
    kind: Kind,
    meta: &RowMeta,
    (before, after): Images<'_>,
) -> Result<()> {
    let (b, a) = (before.unwrap_or(&[]), after.unwrap_or(&[]));
    match kind {
        Kind::Init => encoder.encode_init(out, meta, a),
        Kind::Insert => encoder.encode_insert(out, meta, a),
        Kind::Update => encoder.encode_update(out, meta, b, a),
        Kind::Delete => encoder.encode_delete(out, meta, b),
    }
    .map_err(|e| unencodable(&e))
}

/// A batch that fills no more than this part of its buffer is copied out of it.
const SMALL_PART: usize = 4;

/// A statement that changes structures.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Definition<'a> {
    /// When it was committed at the source, milliseconds of the Unix epoch; 0 for one of the full phase.
    pub(crate) es_ms: i64,
    /// Database, and table if it is about one.
    pub(crate) names: (&'a str, &'a str),
    /// The statement.
    pub(crate) sql: &'a str,
    /// Which phase it belongs to.
    pub(crate) phase: DdlPhase,
    /// What it is.
    pub(crate) statement: &'a Statement,
    /// Its GTID, where messages say it.
    pub(crate) gtid: Option<&'a str>,
}

/// Collects messages until they are handed over as a batch.
pub(crate) struct Composer {
    format: MessageFormat,
    data: Vec<u8>,
    messages: Vec<Message>,
    counts: Counts,
    ids: Arc<AtomicU64>,
    id_offset: u64,
    source_time_ms: i64,
    now_us: i64,
    until_clock: u32,
    /// Fixed key written last: where it lies, so that the next message of the table can share it.
    fixed_key: Option<(Topic, Range<usize>)>,
    /// Which message may turn out to be the last one of its transaction, where messages say that.
    last_row: Option<usize>,
    /// Markers of transactions, where they are sent.
    markers: Option<Markers>,
    /// Headers of messages, where they have some.
    headers: Option<Headers>,
    capacity: usize,
}

impl Composer {
    /// A composer that takes numbers from a counter shared with others; an id is greater by an offset.
    pub(crate) fn new(
        (ids, id_offset): (Arc<AtomicU64>, u64),
        format: MessageFormat,
        batch_bytes_max: usize,
    ) -> Self {
        Self {
            format,
            data: Vec::new(),
            messages: Vec::new(),
            counts: Counts::default(),
            ids,
            id_offset,
            source_time_ms: 0,
            now_us: unix_us(),
            until_clock: CLOCK_EVERY_MESSAGES,
            fixed_key: None,
            last_row: None,
            markers: None,
            headers: None,
            capacity: batch_bytes_max + batch_bytes_max / 8,
        }
    }

    /// Gives messages of rows these headers.
    pub(crate) fn with_headers(mut self, headers: Option<Headers>) -> Self {
        self.headers = headers;
        self
    }

    /// Whether markers of transactions are sent.
    pub(crate) fn has_markers(&self) -> bool {
        self.markers.is_some()
    }

    /// Sends markers of transactions from now on.
    pub(crate) fn mark_transactions(&mut self, topic: Topic) {
        self.markers = Some(Markers::new(topic));
    }

    /// Bytes collected.
    pub(crate) fn bytes(&self) -> usize {
        self.data.len() + self.messages.len() * size_of::<Message>()
    }

    /// Whether nothing is collected.
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Notes that a source transaction ended. Its last row is still here: a part of a transaction is only handed over
    /// when another row follows.
    pub(crate) fn transaction_ended(&mut self) {
        self.counts.transactions += 1;
        self.mark_last_row();
        if let Some(markers) = &mut self.markers {
            markers.end(&mut self.data, &mut self.messages);
        }
    }

    /// Where messages say that they are the last of their transaction, the last one does.
    fn mark_last_row(&mut self) {
        let Some(message) = self.last_row.take().and_then(|last| self.messages.get_mut(last))
        else {
            return;
        };
        if message.value.end != self.data.len() {
            let start = self.data.len();
            self.data.extend_from_within(message.value.clone());
            message.value = start..self.data.len();
        }
        mark_maxwell_commit(&mut self.data);
        message.value.end = self.data.len();
    }

    /// A row of the full phase.
    ///
    /// # Errors
    /// `Decode` if a cell cannot be written as text.
    pub(crate) fn init(&mut self, table: &TableSink, row: &[Cell<'_>]) -> Result<()> {
        self.counts.snapshot_rows += 1;
        let row = table.view.row(row, Moment { changed_us: self.now_us, is_first: true })?;
        self.row(table, Kind::Init, &Origin::default(), None, Some(&row))
    }

    /// An inserted row.
    ///
    /// # Errors
    /// As [`Composer::init`].
    pub(crate) fn insert(
        &mut self,
        table: &TableSink,
        origin: &Origin<'_>,
        row: &[Cell<'_>],
    ) -> Result<()> {
        if !table.kinds.insert {
            return Ok(());
        }
        self.counts.inserts += 1;
        let row = table.view.row(row, origin.moment(true))?;
        self.row(table, Kind::Insert, origin, None, Some(&row))
    }

    /// A deleted row.
    ///
    /// # Errors
    /// As [`Composer::init`].
    pub(crate) fn delete(
        &mut self,
        table: &TableSink,
        origin: &Origin<'_>,
        row: &[Cell<'_>],
    ) -> Result<()> {
        if !table.kinds.delete {
            return Ok(());
        }
        self.counts.deletes += 1;
        let row = table.view.row(row, origin.moment(false))?;
        self.row(table, Kind::Delete, origin, Some(&row), None)
    }

    /// An updated row. Where the primary key decides the partition, or is the message's key, a change of the key becomes a
    /// delete and an insert, so that each partition, or key, tells its whole story.
    ///
    /// # Errors
    /// As [`Composer::init`].
    pub(crate) fn update(
        &mut self,
        table: &TableSink,
        origin: &Origin<'_>,
        before: &[Cell<'_>],
        after: &[Cell<'_>],
    ) -> Result<()> {
        if !table.kinds.update {
            return Ok(());
        }
        self.counts.updates += 1;
        let (before, after) = table.images(origin.es_us, before, after)?;
        let (before, after) = (&*before, &*after);
        if table.is_keyed() && self.key_changes(table, before, after)? {
            self.row(table, Kind::Delete, origin, Some(before), None)?;
            return self.row(table, Kind::Insert, origin, None, Some(after));
        }
        self.row(table, Kind::Update, origin, Some(before), Some(after))
    }

    /// A change that was delivered before a restart: only its place in the transaction counts.
    ///
    /// # Errors
    /// As [`Composer::init`].
    pub(crate) fn passed(
        &mut self,
        table: &TableSink,
        origin: &Origin<'_>,
        before: Option<&[Cell<'_>]>,
        after: Option<&[Cell<'_>]>,
    ) -> Result<()> {
        let events = match (before, after) {
            (Some(before), Some(after)) if table.kinds.update => {
                let (before, after) = table.images(origin.es_us, before, after)?;
                let (before, after) = (&*before, &*after);
                let splits = table.is_keyed() && self.key_changes(table, before, after)?;
                if splits { 2 } else { 1 }
            }
            (None, Some(_)) => u64::from(table.kinds.insert),
            (Some(_), None) => u64::from(table.kinds.delete),
            _ => 0,
        };
        if let Some(markers) = &mut self.markers {
            for _ in 0..events {
                markers.count(&table.name, origin);
            }
        }
        Ok(())
    }

    fn key_changes(
        &mut self,
        table: &TableSink,
        before: &[Cell<'_>],
        after: &[Cell<'_>],
    ) -> Result<bool> {
        // Equal cells have equal texts, but for the two zeros of floating point; the texts of others can be
        // equal too.
        let is_same = |ordinal: &usize| {
            let cells = (before.get(*ordinal), after.get(*ordinal));
            cells.0 == cells.1 && !matches!(cells.0, Some(Cell::Float(_) | Cell::Double(_)))
        };
        if table.key_columns.iter().all(is_same) {
            return Ok(false);
        }
        let start = self.data.len();
        let result = (|| {
            table.push_key(&mut self.data, before)?;
            let middle = self.data.len();
            table.push_key(&mut self.data, after)?;
            Ok(self.data[start..middle] != self.data[middle..])
        })();
        self.data.truncate(start);
        result
    }

    fn row(
        &mut self,
        table: &TableSink,
        kind: Kind,
        origin: &Origin<'_>,
        before: Option<&[Cell<'_>]>,
        after: Option<&[Cell<'_>]>,
    ) -> Result<()> {
        self.begin(origin.es_us.div_euclid(1000));
        if kind != Kind::Init
            && let Some(markers) = &mut self.markers
            && markers.count(&table.name, origin)
        {
            markers.begin(&mut self.data, &mut self.messages);
        }
        match &table.dead_letters {
            None => self.deliver(table, kind, origin, (before, after)),
            Some(dead) => self.deliver_or_bury((table, dead), kind, origin, (before, after)),
        }
    }

    /// The message of a row, or a letter to the dead-letter topic if it cannot be delivered.
    fn deliver_or_bury(
        &mut self,
        (table, dead): (&TableSink, &DeadLetters),
        kind: Kind,
        origin: &Origin<'_>,
        images: Images<'_>,
    ) -> Result<()> {
        let (first, last_row) = (self.messages.len(), self.last_row);
        let start = self.data.len();
        let fault = match self.deliver(table, kind, origin, images) {
            Ok(()) => {
                let new = self.messages.get(first..).unwrap_or_default();
                match new.iter().find_map(|message| dead.oversize(message)) {
                    None => return Ok(()),
                    Some(fault) => fault,
                }
            }
            Err(e) if e.kind() == ErrorKind::Decode => e,
            Err(e) => return Err(e),
        };
        self.messages.truncate(first);
        self.last_row = last_row;
        // The key that the table's messages share may have been written with this one.
        let shared = self.fixed_key.as_ref().map_or(0, |(_, key)| key.end);
        self.data.truncate(start.max(shared));
        let change = Undelivered {
            fault: &fault,
            op: kind.word(),
            gtid: origin.gtid,
            file: origin.file,
            position: origin.position,
            row: origin.row,
            commit_ms: origin.es_us.div_euclid(1000),
            time_ms: self.now_us.div_euclid(1000),
        };
        let id = self.id_offset + self.ids.fetch_add(1, Ordering::Relaxed);
        let meta = RowMeta { id, es_ms: change.commit_ms, ts_ms: change.time_ms };
        let message = dead.push(&mut self.data, &change, |encoder, out| {
            push_drs(encoder, out, kind, &meta, images)
        })?;
        self.messages.push(message);
        self.counts.dead_letters += 1;
        Ok(())
    }

    fn deliver(
        &mut self,
        table: &TableSink,
        kind: Kind,
        origin: &Origin<'_>,
        (before, after): Images<'_>,
    ) -> Result<()> {
        let topic = table.route.topic;
        let (key, partition) = self.key(table, after.or(before).unwrap_or(&[]))?;
        let start = self.data.len();
        let id = self.id_offset + self.ids.fetch_add(1, Ordering::Relaxed);
        let now_ms = self.now_us.div_euclid(1000);
        let es_ms = if kind == Kind::Init { now_ms } else { origin.es_us.div_euclid(1000) };
        let meta = RowMeta { id, es_ms, ts_ms: now_ms };
        self.push_value(table, kind, (origin, &meta), before, after)?;
        let value = start..self.data.len();
        let headers = match &self.headers {
            None => 0..0,
            Some(headers) => {
                let is_read = kind == Kind::Init;
                let (table, version) = (&*table.name, &*table.version);
                let said = Said { table, version, id, time_ms: es_ms, is_read };
                headers.push(&mut self.data, &said, origin)?
            }
        };
        if kind == Kind::Delete && table.tombstones {
            let end = value.end;
            let tombstone = end..end;
            for (key, value) in [(key.clone(), value), (key, tombstone)] {
                let headers = headers.clone();
                self.messages.push(Message { topic: topic.id, partition, key, value, headers });
            }
            return Ok(());
        }
        self.messages.push(Message { topic: topic.id, partition, key, value, headers });
        Ok(())
    }

    /// Writes the key of a row, or finds the one that all messages of its table share; and its partition.
    fn key(&mut self, table: &TableSink, row: &[Cell<'_>]) -> Result<(Range<usize>, i32)> {
        let topic = table.route.topic;
        match (&table.route.spread, &table.form) {
            (Spread::Fixed { partition, key }, form) if form.row_key().is_none() => {
                Ok((self.fixed_key(topic, key), *partition))
            }
            (spread, _) => {
                let start = self.data.len();
                table.push_key(&mut self.data, row)?;
                let key = start..self.data.len();
                let partition = match spread {
                    Spread::Fixed { partition, .. } => *partition,
                    Spread::PrimaryKey => {
                        kafka_partition(&self.data[key.clone()], topic.partitions)
                    }
                };
                Ok((key, partition))
            }
        }
    }

    /// Writes the value of a row's message.
    fn push_value(
        &mut self,
        table: &TableSink,
        kind: Kind,
        (origin, meta): (&Origin<'_>, &RowMeta),
        before: Option<&[Cell<'_>]>,
        after: Option<&[Cell<'_>]>,
    ) -> Result<()> {
        let (b, a) = (before.unwrap_or(&[]), after.unwrap_or(&[]));
        let out = &mut self.data;
        match &table.form {
            RowForm::Drs(encoder) => {
                return push_drs(encoder, out, kind, meta, (before, after));
            }
            RowForm::Canal(encoder) => encoder.encode(out, meta, kind.canal(), origin.gtid, (b, a)),
            RowForm::Maxwell(encoder) => {
                let meta = MaxwellMeta { ts: meta.es_ms.div_euclid(1000), xid: origin.xid };
                if kind != Kind::Init {
                    self.last_row = Some(self.messages.len());
                }
                encoder.encode(out, kind.maxwell(), meta, (b, a))
            }
            RowForm::Debezium(_) | RowForm::Avro(_) => {
                let source = ChangeSource {
                    ts_us: if kind == Kind::Init { self.now_us } else { origin.es_us },
                    server_id: origin.server_id,
                    gtid: origin.gtid,
                    file: origin.file,
                    position: origin.position,
                    row: origin.row,
                    thread: origin.thread,
                    order: self.markers.as_ref().filter(|_| kind != Kind::Init).map(Markers::order),
                };
                let now_us = self.now_us;
                match &table.form {
                    RowForm::Avro(encoder) => {
                        encoder.encode(out, kind.op(), &source, now_us, before, after)
                    }
                    RowForm::Debezium(encoder) => {
                        encoder.encode(out, kind.op(), &source, now_us, before, after)
                    }
                    _ => Ok(()),
                }
            }
        }
        .map_err(|e| unencodable(&e))
    }

    /// The message of a statement. It goes to partition 0 with the database as its key.
    pub(crate) fn ddl(&mut self, topic: Topic, definition: &Definition<'_>) {
        let Definition { es_ms, names, sql, phase, statement, gtid } = *definition;
        self.begin(es_ms);
        self.counts.ddls += 1;
        let start = self.data.len();
        self.data.extend_from_slice(names.0.as_bytes());
        let key = start..self.data.len();
        let now_ms = self.now_us.div_euclid(1000);
        let meta = RowMeta {
            id: self.id_offset + self.ids.fetch_add(1, Ordering::Relaxed),
            es_ms: if es_ms == 0 { now_ms } else { es_ms },
            ts_ms: now_ms,
        };
        let start = self.data.len();
        let out = &mut self.data;
        match self.format {
            MessageFormat::Canal => {
                encode_canal_ddl(out, &meta, gtid, names, sql, canal_type(statement));
            }
            MessageFormat::Maxwell => {
                let ts = meta.es_ms.div_euclid(1000);
                encode_maxwell_ddl(out, ts, names, sql, maxwell_type(statement));
            }
            MessageFormat::Json
            | MessageFormat::JsonC
            | MessageFormat::Debezium
            | MessageFormat::Avro => {
                encode_ddl(out, &meta, phase, names.0, names.1, sql);
            }
        }
        let value = start..self.data.len();
        self.messages.push(Message { topic: topic.id, partition: 0, key, value, headers: 0..0 });
    }

    /// Says that the job goes on: everything before this message was committed before.
    pub(crate) fn heartbeat(&mut self, topic: Topic, job_id: &str) {
        self.begin(0);
        self.now_us = unix_us();
        let start = self.data.len();
        let key = serde_json::json!({ "serverName": job_id }).to_string();
        self.data.extend_from_slice(key.as_bytes());
        let key = start..self.data.len();
        let now_ms = self.now_us.div_euclid(1000);
        self.data.extend_from_slice(format!("{{\"ts_ms\":{now_ms}}}").as_bytes());
        let value = key.end..self.data.len();
        let bytes = self.data.get(key.clone()).unwrap_or_default();
        let partition = kafka_partition(bytes, topic.partitions);
        let headers = 0..0;
        self.messages.push(Message { topic: topic.id, partition, key, value, headers });
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
        self.messages.push(Message { topic: topic.id, partition: 0, key, value, headers: 0..0 });
    }

    fn begin(&mut self, es_ms: i64) {
        if self.data.capacity() == 0 {
            self.data.reserve_exact(self.capacity);
        }
        if self.until_clock == 0 || self.messages.is_empty() {
            self.now_us = unix_us();
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
        (self.fixed_key, self.last_row) = (None, None);
        Batch {
            data: self.take_data(),
            messages: std::mem::take(&mut self.messages),
            advance,
            next_id: self.ids.load(Ordering::Relaxed),
            counts: std::mem::take(&mut self.counts),
            source_time_ms: std::mem::take(&mut self.source_time_ms),
            ends_transaction,
        }
    }

    /// The value of the last message; empty without one.
    pub(crate) fn last_value(&self) -> &[u8] {
        let last = self.messages.last().and_then(|message| self.data.get(message.value.clone()));
        last.unwrap_or_default()
    }

    /// Forgets what is collected.
    pub(crate) fn discard(&mut self) {
        (self.fixed_key, self.last_row) = (None, None);
        self.data.clear();
        self.messages.clear();
    }

    /// A batch's buffer goes with it if it is well filled. What bounds the queue are bytes, not buffers: of small
    /// batches it would hold many times as much.
    fn take_data(&mut self) -> Vec<u8> {
        if self.data.len() > self.data.capacity() / SMALL_PART {
            return std::mem::take(&mut self.data);
        }
        let small = self.data.to_vec();
        self.data.clear();
        small
    }
}

/// A table version that cannot be written.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::TopicId;

    fn batch_of(composer: &mut Composer, bytes: usize) -> Batch {
        composer.record(Topic { id: TopicId(0), partitions: 1 }, b"key", &vec![b'x'; bytes]);
        composer.take(Advance::SnapshotBegin, true)
    }

    #[test]
    fn a_batch_has_no_much_larger_buffer_than_it_fills() {
        let mut composer = Composer::new((Arc::default(), 0), MessageFormat::Json, 1 << 20);
        for bytes in [1, 1000, 100_000, 200_000, 400_000, 1 << 20, 3 << 20, 5] {
            let data = batch_of(&mut composer, bytes).data;
            assert_eq!(data.len(), bytes + 3);
            let room = data.capacity();
            assert!(room < SMALL_PART * (data.len() + 1), "{bytes}: {room}");
        }
        assert!(composer.data.is_empty());
    }
}
