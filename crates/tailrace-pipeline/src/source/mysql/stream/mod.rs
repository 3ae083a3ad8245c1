//! The log as steps of progress: transactions, tables, rows and DDL.

mod ahead;
mod beside;
mod gtid_text;
mod rows;
mod schema;
mod transaction;
mod xa;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tailrace_codec::binlog::{
    Event, EventInflater, LogFormat, PayloadLimits, PayloadReader, RawEvent, TransactionPayload,
};
use tailrace_codec::ddl::Dialect;
use tailrace_codec::position::{ExecutedGtids, FileOffset};
use tailrace_codec::{Cell, TableSchema};

use crate::batch::Advance;
use crate::checkpoint::{Checkpoint, StreamPosition};
use crate::error::{Error, ErrorKind, Result, Retry};
use crate::source::mysql::backoff::Backoff;
use crate::source::mysql::catalog::SelectedTable;
use crate::source::mysql::context::Context;
use crate::source::mysql::dump::{Dump, Reach};
use crate::source::mysql::history::SchemaHistory;
use crate::source::mysql::horizon::{Horizon, Kept, Sight};
use crate::source::mysql::offset;
use crate::source::mysql::tables::Tables;
use crate::source::mysql::window::{Read, Visible, Window};
use crate::stages::Wait;
use crate::transform::compose::Composer;

use self::beside::Joining;
use self::gtid_text::GtidText;
use self::transaction::Transaction;
use self::xa::Prepared;

/// Longest time a position may move without being recorded when nothing selected changes.
const EMPTY_STEP_INTERVAL: Duration = Duration::from_secs(1);
/// How often a stream with nothing to read looks for rows of tables beside it.
const BESIDE_POLL_INTERVAL: Duration = Duration::from_millis(2);
/// Longest time messages wait for more while the log does not pause.
const STEP_AGE_MAX: Duration = Duration::from_millis(10);

/// Buffers that serve event after event.
#[derive(Default)]
struct Scratch {
    restored: Vec<u8>,
    before: Vec<Cell<'static>>,
    after: Vec<Cell<'static>>,
}

/// Reads the log and hands over batches.
pub(crate) struct Stream<'c> {
    context: &'c Context,
    composer: Composer,
    tables: Tables,
    history: SchemaHistory,
    /// The log does not name columns, at least in parts.
    keeps_history: bool,
    scratch: Scratch,
    payload_reader: Option<PayloadReader>,
    inflater: Option<EventInflater>,
    /// Product and version of the server that writes the log.
    dialect: Dialect,
    /// Where the last step that was handed over ends.
    at: Option<StreamPosition>,
    /// What is executed behind the last whole transaction, where the source has GTIDs.
    gtids: Option<ExecutedGtids>,
    /// File and offset behind the last whole transaction.
    file: String,
    offset: u64,
    /// The server whose log is read; `None` where that is of no use.
    server_uuid: Option<String>,
    /// Everything before file and offset in that log is read.
    place_known: bool,
    /// How far the log is read, whole transactions or not.
    seen: (String, u64),
    /// Time of the newest event that was read, seconds of the Unix epoch; 0 if there was none.
    seen_seconds: u32,
    transaction: Option<Transaction>,
    /// The open transaction's GTID as text, where messages say it.
    gtid_text: GtidText,
    /// Distributed transactions that are prepared and not ended.
    prepared: Prepared,
    /// Events come from a second reading of a distributed transaction.
    replaying: bool,
    /// Tables whose changes the full phase will deliver with their rows.
    withheld: HashSet<(String, String)>,
    /// Changes of the next transaction that were delivered before a restart.
    delivered: u64,
    /// Tables that are read beside it.
    beside: Option<Joining>,
    horizon: Horizon,
    /// Message id with which the next step begins.
    step_id: u64,
    last_step: Instant,
    /// When the last sign of life was sent.
    /// Every transaction is handed over by itself: behind them is one that stops the job.
    step_by_step: bool,
    last_heartbeat: Instant,
    bytes_counted: u64,
}

impl<'c> Stream<'c> {
    pub(crate) fn new(
        context: &'c Context,
        checkpoint: &Checkpoint,
        history: SchemaHistory,
    ) -> Result<Self> {
        let mut stream = Self {
            context,
            composer: context.composer(),
            tables: Tables::new(),
            keeps_history: !history.is_empty(),
            history,
            scratch: Scratch::default(),
            payload_reader: None,
            inflater: None,
            dialect: Dialect::MYSQL,
            at: None,
            gtids: None,
            file: String::new(),
            offset: 4,
            server_uuid: None,
            place_known: false,
            seen: (String::new(), 4),
            transaction: None,
            gtid_text: GtidText::default(),
            prepared: Prepared::default(),
            replaying: false,
            withheld: HashSet::new(),
            delivered: 0,
            beside: None,
            horizon: Horizon::new(Kept::default()),
            step_id: checkpoint.next_id,
            seen_seconds: 0,
            last_step: Instant::now(),
            step_by_step: false,
            last_heartbeat: Instant::now(),
            bytes_counted: 0,
        };
        let start = checkpoint.stream.clone().or_else(|| {
            context.spec.start.as_ref().map(|start| StreamPosition {
                gtid_set: start.gtid_set.clone(),
                file: start.file.clone(),
                offset: start.offset,
                ..StreamPosition::default()
            })
        });
        if let Some(position) = start {
            stream.adopt(&position)?;
            stream.at = Some(position);
        }
        Ok(stream)
    }

    /// Whether the stream knows where it stands.
    pub(crate) fn has_position(&self) -> bool {
        self.at.is_some()
    }

    /// Gives the stream its first position; false if tables changed just then, so that it needs a new
    /// one.
    ///
    /// # Errors
    /// `Checkpoint` if the position cannot be read, and those of the source.
    pub(crate) fn begin_at(&mut self, position: StreamPosition) -> Result<bool> {
        self.adopt(&position)?;
        self.at = Some(position.clone());
        if !self.learn_all()? {
            self.composer = self.context.composer();
            self.history.rewind(self.step_id);
            self.at = None;
            return Ok(false);
        }
        let from = position.clone();
        self.step(Advance::Stream { from, to: position })?;
        Ok(true)
    }

    fn adopt(&mut self, position: &StreamPosition) -> Result<()> {
        self.gtids = position
            .gtid_set
            .as_ref()
            .map(|text| ExecutedGtids::parse(text))
            .transpose()
            .map_err(|e| Error::new(ErrorKind::Checkpoint, format!("gtid_set: {e}")))?;
        self.file.clone_from(&position.file);
        self.offset = position.offset;
        self.server_uuid.clone_from(&position.server_uuid);
        self.place_known = position.server_uuid.is_some();
        self.seen = (position.file.clone(), 4);
        self.delivered = position.messages_done;
        self.prepared = Prepared::restore(&position.prepared);
        Ok(())
    }

    /// Leaves out the changes of these tables, and of no others, from now on.
    pub(crate) fn withhold<'t>(&mut self, tables: impl IntoIterator<Item = &'t SelectedTable>) {
        self.withheld = tables.into_iter().map(|t| (t.database.clone(), t.table.clone())).collect();
    }

    fn is_withheld(&self, schema: &TableSchema) -> bool {
        !self.withheld.is_empty()
            && self.withheld.contains(&(schema.database.clone(), schema.table.clone()))
    }

    /// Whether all that the stream has read is in views that show so much.
    pub(crate) fn is_shown_by(&self, visible: &Visible) -> Result<bool> {
        self.read_so_far().is_shown_by(visible)
    }

    /// How far it has read.
    fn read_so_far(&self) -> Read {
        Read { gtids: self.gtids.clone(), place: (self.file.clone(), self.offset) }
    }

    /// Hands over a step that is none of the stream's own, behind everything composed so far.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn step(&mut self, advance: Advance) -> Result<()> {
        let batch = self.composer.take(advance, true);
        self.step_id = batch.next_id;
        self.context.send(batch)
    }

    /// Reads until the job is stopped.
    ///
    /// # Errors
    /// `Cancelled` when stopped; else what went wrong.
    pub(crate) fn run_forever(&mut self) -> Result<()> {
        self.run(None, &mut None)
    }

    /// Reads until everything before `end` (file and offset) is handed over.
    ///
    /// # Errors
    /// `Cancelled` when stopped; else what went wrong.
    pub(crate) fn run_until(
        &mut self,
        end: &(String, u64),
        mut window: Option<&mut Window>,
    ) -> Result<()> {
        let end = FileOffset::new(end.0.clone(), end.1)
            .map_err(|e| Error::new(ErrorKind::SourceStatement, e.to_string()))?;
        self.run(Some(&end), &mut window)
    }

    /// Reads, and connects again when the connection is lost.
    fn run(&mut self, end: Option<&FileOffset>, window: &mut Option<&mut Window>) -> Result<()> {
        // Key columns to remember are compiled into the tables.
        if window.is_some() {
            self.tables.clear();
        }
        let mut backoff = Backoff::new();
        loop {
            let result = self.read(end, window, &mut backoff);
            match result {
                Err(e) if e.kind() == ErrorKind::SourceConnection => {
                    self.rewind()?;
                    backoff.wait(&e, self.context)?;
                }
                // What is complete before the place that stops the job is delivered first: read again, each
                // transaction is a step of its own.
                Err(e) if is_final(&e) && !self.step_by_step && !self.composer.is_empty() => {
                    self.step_by_step = true;
                    self.rewind()?;
                }
                other => return other,
            }
        }
    }

    /// Drops what is composed of an unfinished step: it is read again.
    fn rewind(&mut self) -> Result<()> {
        let position = self.at.clone().unwrap_or_default();
        self.composer = self.context.composer();
        self.context.ids.store(self.step_id, Ordering::Relaxed);
        self.history.rewind(self.step_id);
        self.transaction = None;
        self.replaying = false;
        self.tables.clear();
        self.adopt(&position)
    }

    fn read(
        &mut self,
        end: Option<&FileOffset>,
        window: &mut Option<&mut Window>,
        backoff: &mut Backoff,
    ) -> Result<()> {
        // Lent out: what is remembered for tables beside the stream takes the window's place.
        let mut beside = self.beside.take();
        let result = self.read_log(end, window, backoff, &mut beside);
        self.beside = beside;
        result
    }

    fn read_log(
        &mut self,
        end: Option<&FileOffset>,
        window: &mut Option<&mut Window>,
        backoff: &mut Backoff,
        beside: &mut Option<Joining>,
    ) -> Result<()> {
        let position = self.at.clone().ok_or_else(|| {
            Error::new(ErrorKind::Bug, "the stream is started without a position")
        })?;
        let spec = &self.context.spec;
        let mut dump = Dump::open(
            &spec.source,
            &spec.limits,
            &spec.job_id,
            (&position, if end.is_some() { Reach::Present } else { Reach::Endless }),
            self.context.stop.clone(),
        )?;
        self.read_from(dump.server_uuid());
        if let Some(joining) = beside {
            // Places may be those of another server's log now.
            joining.void();
        }
        self.horizon = Horizon::new(dump.kept());
        let mut format = LogFormat::new(dump.checksum());
        self.bytes_counted = 0;
        loop {
            let quiet = !dump.has_buffered_event();
            if quiet {
                self.flush_quiet()?;
            }
            self.context.counters.idle.store(quiet, Ordering::Relaxed);
            self.context.stop.check()?;
            if self.transaction.is_none()
                && let Some(joining) = beside
            {
                if !self.join(joining)? {
                    *beside = None;
                } else if quiet && !dump.wait_for_event(BESIDE_POLL_INTERVAL)? {
                    continue;
                }
            }
            let begun = quiet.then(Instant::now);
            let bytes = dump.next_event()?;
            if let Some(begun) = begun {
                self.context.counters.stages.waited(Wait::Source, begun);
            }
            match beside {
                Some(joining) => self.event(&mut format, bytes, &mut joining.window())?,
                None => self.event(&mut format, bytes, window)?,
            }
            if self.tables.take_asked_for_topic() {
                self.make_topics_ahead(&format, dump.buffered_events());
            }
            backoff.succeeded();
            self.count_bytes(dump.bytes_read());
            if self.step_by_step && self.transaction.is_none() {
                self.flush()?;
            }
            if self.transaction.is_none()
                && let Some(end) = end
                && self.has_reached(end)?
            {
                self.place_reached();
                return self.flush();
            }
        }
    }

    /// The log comes from this server now: a place in another one's says nothing of it.
    fn read_from(&mut self, server_uuid: Option<&str>) {
        if self.server_uuid.as_deref() == server_uuid {
            return;
        }
        if self.place_known {
            self.file.clear();
            self.offset = 4;
        }
        self.place_known = false;
        self.server_uuid = server_uuid.map(str::to_owned);
    }

    /// Between two transactions: everything up to here is read.
    fn place_reached(&mut self) {
        self.file.clone_from(&self.seen.0);
        self.offset = self.seen.1;
        self.place_known = true;
    }

    /// An event that changes nothing. Between two transactions everything up to its end is read: the head of a new file is
    /// all that a quiet source writes.
    fn passed_over(&mut self) {
        if self.transaction.is_none() && self.file == self.seen.0 {
            self.offset = self.offset.max(self.seen.1);
        }
    }

    fn count_bytes(&mut self, bytes_read: u64) {
        let new = bytes_read - self.bytes_counted;
        if new >= 1 << 16 {
            crate::observe::Counters::add(&self.context.counters.bytes_in, new);
            self.bytes_counted = bytes_read;
        }
    }

    /// Whether everything before a file and offset is read.
    fn has_reached_place(&self, place: &(String, u64)) -> Result<bool> {
        let place = FileOffset::new(place.0.clone(), place.1)
            .map_err(|e| Error::new(ErrorKind::SourceStatement, e.to_string()))?;
        self.has_reached(&place)
    }

    fn has_reached(&self, end: &FileOffset) -> Result<bool> {
        let seen = FileOffset::new(self.seen.0.clone(), self.seen.1)
            .map_err(|e| Error::new(ErrorKind::Decode, e.to_string()))?;
        Ok(seen >= *end)
    }

    /// One event from the network.
    fn event(
        &mut self,
        format: &mut LogFormat,
        bytes: &[u8],
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        let at = |e: tailrace_codec::DecodeError, seen: &(String, u64)| {
            Error::new(ErrorKind::Decode, format!("{} behind offset {}: {e}", seen.0, seen.1))
        };
        let raw = format.frame(bytes).map_err(|e| at(e, &self.seen))?;
        if !EventInflater::unpacks(raw.header.event_type) {
            return self.framed_event(format, &raw, window);
        }
        let event_bytes_max = self.context.spec.limits.event_bytes_max;
        let mut inflater =
            self.inflater.take().unwrap_or_else(|| EventInflater::new(event_bytes_max));
        let unpacked = inflater.expand(format, &raw).map_err(|e| at(e, &self.seen))?;
        let result = self.framed_event(format, unpacked.as_ref().unwrap_or(&raw), window);
        self.inflater = Some(inflater);
        result
    }

    fn framed_event(
        &mut self,
        format: &mut LogFormat,
        raw: &RawEvent<'_>,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        let event = format.decode(raw).map_err(|e| unreadable(raw, e, &self.seen))?;
        // Of the position in the header only the low 32 bits are written; artificial events have none.
        if raw.header.log_pos > 0 && !raw.header.flags.is_artificial() {
            self.seen.1 = offset::unwrap_offset(self.seen.1, raw.header.log_pos);
            // A heartbeat has none.
            if raw.header.timestamp > 0 {
                self.seen_seconds = raw.header.timestamp;
            }
        }
        match event {
            Event::FormatDescription(description) => {
                let product = description.is_mariadb();
                self.dialect = Dialect::of_server(product, description.version_numbers());
            }
            Event::Rotate(rotate) => {
                if rotate.file != self.seen.0 {
                    self.tables.clear();
                    self.seen = (rotate.file.to_owned(), rotate.position);
                }
                // A server that is asked by GTID reads the file from its begin; what it leaves out is
                // behind the job all the same.
                self.seen.1 = self.seen.1.max(rotate.position);
                if self.transaction.is_none() {
                    // Nor does the place behind the last transaction move back: the next one begins there.
                    let begun = if self.file == self.seen.0 { self.offset } else { 0 };
                    self.file.clone_from(&self.seen.0);
                    self.offset = self.seen.1.max(begun);
                }
            }
            Event::Heartbeat(heartbeat) => {
                if !heartbeat.file.is_empty() && self.seen.0 == heartbeat.file {
                    self.seen.1 = self.seen.1.max(heartbeat.position);
                }
            }
            Event::TransactionPayload(payload) => {
                let mut reader = std::mem::take(&mut self.payload_reader);
                let result = self.payload(format, &mut reader, &payload, window);
                self.payload_reader = reader;
                result?;
            }
            other => self.transaction_event(raw, other, window)?,
        }
        Ok(())
    }

    /// The events of a compressed transaction.
    fn payload(
        &mut self,
        format: &LogFormat,
        reader: &mut Option<PayloadReader>,
        payload: &TransactionPayload<'_>,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        let seen = self.seen.clone();
        let damaged = |e: tailrace_codec::DecodeError| {
            Error::new(
                ErrorKind::Decode,
                format!("TRANSACTION_PAYLOAD behind {}:{}: {e}", seen.0, seen.1),
            )
        };
        let reader = match reader {
            Some(reader) => reader,
            None => {
                let limits = PayloadLimits {
                    event_bytes_max: self.context.spec.limits.event_bytes_max,
                    ..PayloadLimits::default()
                };
                reader.insert(PayloadReader::new(limits).map_err(damaged)?)
            }
        };
        // Inner events are read in the format of the log, which none of them can change.
        let mut inner_format = format.clone();
        let mut events = reader.events(payload).map_err(damaged)?;
        while let Some(raw) = events.next_event(format).map_err(damaged)? {
            let event = inner_format.decode(&raw).map_err(|e| unreadable(&raw, e, &self.seen))?;
            self.transaction_event(&raw, event, window)?;
        }
        Ok(())
    }

    /// An event of a transaction, whether it came alone or inside a payload.
    fn transaction_event(
        &mut self,
        raw: &RawEvent<'_>,
        event: Event<'_>,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        if self.replaying {
            return self.replayed_event(raw, event, window);
        }
        match event {
            Event::Gtid(gtid) => self.begin(&gtid),
            Event::MariaDbGtid(gtid) => self.begin_mariadb(&gtid),
            Event::Query(query) => self.query(raw, &query, window),
            Event::TableMap(map) => self.table_map(&map, window),
            Event::Rows(rows) => self.rows(raw, &rows, window),
            Event::Xid(_) => self.commit(),
            Event::XaPrepare(prepare) => self.xa_prepare(prepare.one_phase, window),
            Event::Incident(incident) => Err(Error::new(
                ErrorKind::Decode,
                format!(
                    "the source wrote an incident into its log at {}:{} ({}): changes may be missing there",
                    self.seen.0,
                    self.seen.1,
                    String::from_utf8_lossy(incident.message)
                ),
            )),
            Event::PreviousGtids(_) | Event::RowsQuery(_) | Event::Stop | Event::Ignored(_) => {
                self.passed_over();
                Ok(())
            }
            Event::FormatDescription(_)
            | Event::Rotate(_)
            | Event::Heartbeat(_)
            | Event::TransactionPayload(_) => Err(Error::new(
                ErrorKind::Decode,
                format!("{} inside a transaction payload", raw.header.event_type),
            )),
        }
    }

    /// Ends the open transaction: what is composed now covers it whole.
    fn commit(&mut self) -> Result<()> {
        if let Some(transaction) = self.transaction.take() {
            if let (Some(executed), Some(gtid)) = (&mut self.gtids, &transaction.gtid) {
                executed
                    .add(gtid)
                    .map_err(|e| Error::new(ErrorKind::PositionLost, e.to_string()))?;
            }
            self.gtid_text.clear();
            self.composer.transaction_ended();
        }
        self.delivered = 0;
        self.place_reached();
        self.beat()?;
        let full = self.composer.bytes() >= self.context.spec.limits.batch_bytes_max;
        let age_max = if self.composer.is_empty() { EMPTY_STEP_INTERVAL } else { STEP_AGE_MAX };
        if full || self.last_step.elapsed() >= age_max {
            self.flush()?;
        }
        Ok(())
    }

    /// Nothing more can be had without waiting: hands over what is complete.
    fn flush_quiet(&mut self) -> Result<()> {
        if self.transaction.is_some() {
            return Ok(());
        }
        self.beat()?;
        if self.composer.is_empty() && self.last_step.elapsed() < EMPTY_STEP_INTERVAL {
            return Ok(());
        }
        self.flush()
    }

    /// Between two transactions: sends a sign of life when it is time.
    fn beat(&mut self) -> Result<()> {
        let Some(heartbeat) = &self.context.spec.policy.heartbeat else { return Ok(()) };
        if self.last_heartbeat.elapsed() < heartbeat.interval {
            return Ok(());
        }
        if let Some(topic) = self.context.router.heartbeats()? {
            self.last_heartbeat = Instant::now();
            self.composer.heartbeat(topic, &self.context.spec.job_id);
        }
        Ok(())
    }

    fn position(&self, messages_done: u64) -> StreamPosition {
        StreamPosition {
            gtid_set: self.gtids.as_ref().map(ExecutedGtids::to_string),
            file: self.file.clone(),
            offset: self.offset,
            server_uuid: self.server_uuid.clone().filter(|_| self.place_known),
            messages_done,
            prepared: self.prepared.to_vec(),
        }
    }

    /// Hands over everything up to the last whole transaction.
    fn flush(&mut self) -> Result<()> {
        // Between transactions, what was delivered of the next one before a restart still is.
        let to = self.position(self.delivered);
        self.hand_over(to, true)
    }

    /// Hands over a part of the open transaction.
    fn flush_part(&mut self) -> Result<()> {
        let changes = self.transaction.as_ref().map_or(0, |t| t.changes);
        let to = self.position(changes);
        self.hand_over(to, false)
    }

    fn hand_over(&mut self, to: StreamPosition, ends_transaction: bool) -> Result<()> {
        self.last_step = Instant::now();
        let from = self.at.clone().unwrap_or_default();
        if from == to && self.composer.is_empty() {
            return Ok(());
        }
        self.at = Some(to.clone());
        let mut batch = self.composer.take(Advance::Stream { from, to }, ends_transaction);
        if batch.source_time_ms == 0 {
            // Changes of others move the job on too.
            batch.source_time_ms = i64::from(self.seen_seconds) * 1000;
        }
        self.look_at_horizon(batch.source_time_ms);
        self.step_id = batch.next_id;
        self.context.send(batch)
    }
}

impl Stream<'_> {
    /// Warns if the source may delete soon what the job has not read yet.
    fn look_at_horizon(&mut self, committed_ms: i64) {
        let sight = self.horizon.look(committed_ms);
        let context = self.context;
        let sight = sight.or_else(|| self.horizon.look_at_size(&self.seen.0, || context.connect()));
        let (level, text) = match sight {
            None => return,
            Some(Sight::NearSize(needed, kept)) => (
                tracing::Level::WARN,
                format!(
                    "the job still needs {needed} bytes of the source's log, which deletes its oldest files beyond {kept} bytes: what is deleted before it is read is lost to the job; raise max_binlog_total_size or binlog_space_limit, or find out what holds the job up"
                ),
            ),
            Some(Sight::Near(lag, kept_for)) => (
                tracing::Level::WARN,
                format!(
                    "the job is {} s behind, and the source deletes its log after {} s: what is deleted before it is read is lost to the job; raise binlog_expire_logs_seconds, or find out what holds the job up",
                    lag.as_secs(),
                    kept_for.as_secs()
                ),
            ),
            Some(Sight::Far) => (
                tracing::Level::INFO,
                "the job is no longer near the end of the source's log".to_owned(),
            ),
        };
        self.context.observer.log(level, &text);
    }
}

/// Names the event in a decode error, and tells an event that is not known from one that is damaged.
/// Whether an error stops the job for good.
fn is_final(error: &Error) -> bool {
    error.kind() != ErrorKind::Cancelled && error.kind().retry() == Retry::Never
}

fn unreadable(raw: &RawEvent<'_>, e: tailrace_codec::DecodeError, seen: &(String, u64)) -> Error {
    let known = raw.header.event_type.name() != "UNKNOWN_EVENT";
    let kind = if known { ErrorKind::Decode } else { ErrorKind::UnknownEvent };
    Error::new(kind, format!("{} behind {}:{}: {e}", raw.header.event_type, seen.0, seen.1))
}
