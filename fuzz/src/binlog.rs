//! Events, rows and JSON of the binary log.

use tailrace_codec::binlog::{
    Checksum, Event, Frame, JsonLimits, LogFormat, PayloadLimits, PayloadReader, RowLimits,
    RowsEvent, TableMap, TableMapCache, TablePlan, apply_json_diffs, frame, write_json_text,
};
use tailrace_codec::charset::Decoder;
use tailrace_codec::ddl::{Dialect, classify_as};
use tailrace_codec::encode::{Format, RowEncoder, RowMeta};
use tailrace_codec::error::Result;
use tailrace_codec::position::GtidSet;
use tailrace_codec::schema::CollationId;
use tailrace_codec::{Cell, DecodeError};

/// Small limits, so that a run that goes wrong is a crash and not a machine without memory.
const EVENT_BYTES_MAX: usize = 1 << 20;
const JSON: JsonLimits = JsonLimits { text_bytes_max: 1 << 20, tree_nodes_max: 1 << 16 };
const ROWS: RowLimits = RowLimits { restored_bytes_max: 1 << 20, json: JSON };
const PAYLOAD: PayloadLimits =
    PayloadLimits { event_bytes_max: EVENT_BYTES_MAX, window_log_max: 20 };
/// A payload that unpacks to more is not read to its end.
const UNPACKED_BYTES_MAX: u64 = 4 << 20;
const META: RowMeta = RowMeta { id: 1, es_ms: 2, ts_ms: 3 };

/// Where the header has the event's size.
const SIZE_AT: std::ops::Range<usize> = 9..13;

/// One event without checksum. Its size is put right first, or nothing but that would be tested.
pub fn event(input: &[u8]) {
    let mut bytes = input.to_vec();
    let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let Some(slot) = bytes.get_mut(SIZE_AT) else { return };
    slot.copy_from_slice(&size);
    for checksum in [Checksum::None, Checksum::Crc32] {
        let mut format = LogFormat::new(checksum);
        if let Ok(raw) = format.frame(&bytes)
            && let Ok(event) = format.decode(&raw)
        {
            inspect(&event);
        }
    }
}

/// Events without checksum laid end to end, as a stream is read: table maps, rows, payloads.
pub fn log(input: &[u8]) {
    let mut reader = PayloadReader::new(PAYLOAD).expect("the limits are possible");
    let mut stream = Stream {
        format: LogFormat::new(Checksum::None),
        tables: TableMapCache::new(4),
        scratch: Vec::new(),
        out: Vec::new(),
    };
    let mut rest = input;
    while let Ok(Frame::Complete { event, rest: behind }) =
        frame::split_frame(rest, EVENT_BYTES_MAX)
    {
        rest = behind;
        if stream.read(event, &mut reader).is_err() {
            return;
        }
    }
}

/// A document in binary form (its length in two bytes, little-endian, before it), then differences.
pub fn json(input: &[u8]) {
    let Some((length, rest)) = input.split_first_chunk() else { return };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (document, diffs) = rest.split_at(length);
    let mut text = Vec::new();
    let whole = write_json_text(document, JSON, &mut text);
    if whole.is_ok() {
        assert!(std::str::from_utf8(&text).is_ok());
    }
    let mut changed = Vec::new();
    let applied = apply_json_diffs(document, diffs, JSON, &mut changed);
    if applied.is_ok() {
        assert!(std::str::from_utf8(&changed).is_ok());
    }
    // No difference changes nothing.
    if diffs.is_empty() && whole.is_ok() && !document.is_empty() {
        assert_eq!((applied.is_ok(), changed), (true, text));
    }
}

/// Looks into all that an event holds.
fn inspect(event: &Event<'_>) {
    match event {
        Event::PreviousGtids(body) => {
            let _ = GtidSet::decode_mysql(body);
        }
        Event::Query(query) => {
            if let Ok(sql) = std::str::from_utf8(query.sql) {
                let dialect = Dialect::MYSQL.with_sql_mode(query.status.sql_mode.unwrap_or(0));
                classify_as(dialect, sql, query.database);
            }
        }
        Event::TableMap(map) => {
            for column in map.wire_columns() {
                if column.is_err() {
                    break;
                }
            }
            if let Ok(plan) = TablePlan::from_full_metadata(map, &mut member_text) {
                assert_eq!(plan.schema().columns.len(), map.column_count());
            }
        }
        Event::Rows(rows) => {
            assert_eq!(rows.columns_before().width(), rows.columns_after().width());
        }
        _ => {}
    }
}

/// What lives as long as a stream.
struct Stream {
    format: LogFormat,
    tables: TableMapCache<TablePlan>,
    scratch: Vec<u8>,
    out: Vec<u8>,
}

impl Stream {
    fn read(&mut self, bytes: &[u8], payloads: &mut PayloadReader) -> Result<()> {
        let raw = self.format.frame(bytes)?;
        let event = self.format.decode(&raw)?;
        inspect(&event);
        let Event::TransactionPayload(payload) = &event else { return self.apply(&event) };
        let mut events = payloads.events(payload)?;
        while events.unpacked_bytes() < UNPACKED_BYTES_MAX {
            let Some(raw) = events.next_event(&self.format)? else { break };
            let event = self.format.decode(&raw)?;
            inspect(&event);
            self.apply(&event)?;
        }
        Ok(())
    }

    fn apply(&mut self, event: &Event<'_>) -> Result<()> {
        match event {
            Event::TableMap(map) => {
                let build =
                    |map: &TableMap<'_>| TablePlan::from_full_metadata(map, &mut member_text);
                let plan = self.tables.map_with(map, build);
                plan.map(|_| ()).map_err(|e| DecodeError::new("plan", 0, e.to_string()))
            }
            Event::Rows(rows) => self.rows(rows),
            _ => Ok(()),
        }
    }

    fn rows(&mut self, event: &RowsEvent<'_>) -> Result<()> {
        let Some(plan) = self.tables.get(event.table_id) else { return Ok(()) };
        let encoders = [Format::Json, Format::JsonC]
            .map(|format| RowEncoder::compile(plan.schema(), format).ok());
        let mut rows = event.rows(plan, &mut self.scratch, ROWS)?;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        while rows.next_row(&mut before, &mut after)? {
            for encoder in encoders.iter().flatten() {
                self.out.clear();
                encode(encoder, event, &before, &after, &mut self.out);
            }
        }
        Ok(())
    }
}

/// The message of a row and its key are UTF-8, or nothing.
fn encode(
    encoder: &RowEncoder,
    event: &RowsEvent<'_>,
    before: &[Cell<'_>],
    after: &[Cell<'_>],
    out: &mut Vec<u8>,
) {
    let (row, result) = match (event.kind.has_before(), event.kind.has_after()) {
        (true, true) => (after, encoder.encode_update(out, &META, before, after)),
        (true, false) => (before, encoder.encode_delete(out, &META, before)),
        _ => (after, encoder.encode_insert(out, &META, after)),
    };
    assert!(result.is_ok() || out.is_empty());
    let _ = encoder.encode_key(out, row);
    assert!(std::str::from_utf8(out).is_ok());
}

fn member_text(collation: CollationId, bytes: &[u8]) -> Result<String> {
    let mut text = Vec::new();
    Decoder::for_collation(collation)?.decode_into(bytes, &mut text);
    Ok(String::from_utf8(text).expect("decoders write UTF-8"))
}
