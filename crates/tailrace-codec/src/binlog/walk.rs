//! Reading all there is in some bytes and keeping nothing: to verify a log file, and as the entry
//! points of fuzzing. Every function here is pure, takes untrusted bytes and either says what it saw
//! or why the bytes cannot be right.

use std::sync::Arc;

use super::event::Event;
use super::event_type::EventType;
use super::format_description::{Checksum, LogFormat};
use super::frame::{FileFrames, RawEvent};
use super::inflate::EventInflater;
use super::json::{JsonLimits, apply_json_diffs, write_json_text};
use super::payload::{PayloadLimits, PayloadReader};
use super::plan::{PlanError, TablePlan};
use super::rows::RowLimits;
use super::rows_event::RowsEvent;
use super::table_map::TableMap;
use super::table_map_cache::{TABLES_MAX_DEFAULT, TableMapCache};
use crate::cell::Cell;
use crate::error::{DecodeError, Result};
use crate::schema::CollationId;

/// Bounds for a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WalkLimits {
    /// Bounds for events and payloads; `event_bytes_max` holds outside of payloads too.
    pub payload: PayloadLimits,
    /// Bounds for rows.
    pub rows: RowLimits,
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Walked {
    /// Events, those inside payloads included.
    pub events: u64,
    /// Transactions that began.
    pub transactions: u64,
    /// Rows changed.
    pub rows: u64,
    /// Rows events of tables whose map has no full metadata; their rows were not read.
    pub rows_events_without_schema: u64,
    /// Bytes of text that all JSON values have.
    pub json_text_bytes: u64,
}

/// State of a walk.
struct Walk {
    format: LogFormat,
    tables: TableMapCache<Option<Arc<TablePlan>>>,
    limits: WalkLimits,
    scratch: Vec<u8>,
    text: Vec<u8>,
    walked: Walked,
}

/// Reads every event and every row of a log file.
///
/// # Errors
/// The first thing that is wrong; the offset counts from the start of the file for what lies outside
/// of a payload.
pub fn walk_file(file: &[u8], limits: WalkLimits) -> Result<Walked> {
    let mut walk = Walk::new(limits);
    let mut reader = PayloadReader::new(limits.payload)?;
    let mut inflater = EventInflater::new(limits.payload.event_bytes_max);
    let mut frames = FileFrames::new(file, limits.payload.event_bytes_max)?;
    while let Some((at, bytes)) = frames.next_frame()? {
        let in_file = |e: DecodeError| e.at_base(at);
        let raw = walk.format.frame(bytes).map_err(in_file)?;
        let raw = inflater.expand(&walk.format, &raw).map_err(in_file)?.unwrap_or(raw);
        let event = walk.format.decode(&raw).map_err(in_file)?;
        walk.event(&event).map_err(in_file)?;
        if let Event::TransactionPayload(payload) = event {
            let mut events = reader.events(&payload)?;
            while let Some(raw) = events.next_event(&walk.format)? {
                let event = walk.format.decode(&raw)?;
                walk.event(&event)?;
            }
        }
    }
    Ok(walk.walked)
}

/// Reads one event that has no checksum, and the events inside it if it is a payload.
///
/// # Errors
/// If it is damaged.
pub fn walk_event(event: &[u8], limits: WalkLimits) -> Result<Walked> {
    let mut walk = Walk::new(limits);
    let raw = walk.format.frame_inner(event)?;
    let mut inflater = EventInflater::new(limits.payload.event_bytes_max);
    let raw: RawEvent<'_> = inflater.expand(&walk.format, &raw)?.unwrap_or(raw);
    let event = walk.format.decode(&raw)?;
    walk.event(&event)?;
    if let Event::TransactionPayload(payload) = event {
        let mut reader = PayloadReader::new(limits.payload)?;
        let mut events = reader.events(&payload)?;
        while let Some(raw) = events.next_event(&walk.format)? {
            let event = walk.format.decode(&raw)?;
            walk.event(&event)?;
        }
    }
    Ok(walk.walked)
}

/// Reads a TABLE_MAP body and the rows of a rows event of some type for that table: two bytes with
/// the length of the first, little-endian, the first, one byte of event type, the second.
///
/// # Errors
/// If either is damaged or the first lacks full metadata.
pub fn walk_table_and_rows(input: &[u8], limits: WalkLimits) -> Result<Walked> {
    let short = || DecodeError::truncated("fuzz input", 0, 3);
    let (len, rest) = input.split_first_chunk::<2>().ok_or_else(short)?;
    let (map, rest) =
        rest.split_at_checked(usize::from(u16::from_le_bytes(*len))).ok_or_else(short)?;
    let (event_type, body) = rest.split_first().ok_or_else(short)?;
    let mut walk = Walk::new(limits);
    let event_type = match event_type % 7 {
        0 => EventType::WRITE_ROWS,
        1 => EventType::UPDATE_ROWS,
        2 => EventType::DELETE_ROWS,
        3 => EventType::PARTIAL_UPDATE_ROWS,
        4 => EventType::WRITE_ROWS_V1,
        5 => EventType::UPDATE_ROWS_V1,
        _ => EventType::DELETE_ROWS_V1,
    };
    let map_header = walk.format.post_header_length(EventType::TABLE_MAP);
    let rows_header = walk.format.post_header_length(event_type);
    let plan = plan(&TableMap::parse(map, map_header)?)?;
    let event = RowsEvent::parse(event_type, body, rows_header)?;
    if let Some(plan) = plan {
        walk.read_rows(&event, &plan)?;
    }
    Ok(walk.walked)
}

/// The text of a JSON document.
///
/// # Errors
/// If it is damaged.
pub fn walk_json(document: &[u8], limits: JsonLimits) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    write_json_text(document, limits, &mut text)?;
    Ok(text)
}

/// The text of a JSON document after differences: two bytes with the length of the document,
/// little-endian, the document, the differences.
///
/// # Errors
/// If either is damaged.
pub fn walk_json_diff(input: &[u8], limits: JsonLimits) -> Result<Vec<u8>> {
    let short = || DecodeError::truncated("fuzz input", 0, 2);
    let (len, rest) = input.split_first_chunk::<2>().ok_or_else(short)?;
    let (document, diffs) =
        rest.split_at_checked(usize::from(u16::from_le_bytes(*len))).ok_or_else(short)?;
    let mut text = Vec::new();
    apply_json_diffs(document, diffs, limits, &mut text)?;
    Ok(text)
}

/// `None` if the table map has no full metadata.
fn plan(map: &TableMap<'_>) -> Result<Option<Arc<TablePlan>>> {
    if !map.optional_metadata()?.has_names() {
        return Ok(None);
    }
    match TablePlan::from_full_metadata(map, &mut lossy_member) {
        Ok(plan) => Ok(Some(Arc::new(plan))),
        Err(PlanError::Decode(error)) => Err(error),
        Err(error) => Err(DecodeError::new("TABLE_MAP_EVENT", 0, error.to_string())),
    }
}

/// A walk keeps no member, so their character set does not matter.
fn lossy_member(_collation: CollationId, bytes: &[u8]) -> Result<String> {
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

impl Walk {
    fn new(limits: WalkLimits) -> Self {
        Self {
            format: LogFormat::new(Checksum::None),
            tables: TableMapCache::new(TABLES_MAX_DEFAULT),
            limits,
            scratch: Vec::new(),
            text: Vec::new(),
            walked: Walked::default(),
        }
    }

    fn event(&mut self, event: &Event<'_>) -> Result<()> {
        self.walked.events = self.walked.events.saturating_add(1);
        match event {
            Event::Gtid(_) | Event::MariaDbGtid(_) => {
                self.walked.transactions = self.walked.transactions.saturating_add(1);
                Ok(())
            }
            Event::TableMap(map) => self.tables.map_with(map, plan).map(|_| ()),
            Event::Rows(event) if !event.is_dummy() => {
                let Some(plan) = self.tables.get(event.table_id) else {
                    return Err(DecodeError::new(
                        format!("{} table id", event.event_type.name()),
                        0,
                        format!("{} was not announced by a TABLE_MAP", event.table_id),
                    ));
                };
                match plan {
                    Some(plan) => self.read_rows(event, &Arc::clone(plan)),
                    None => {
                        let count = &mut self.walked.rows_events_without_schema;
                        *count = count.saturating_add(1);
                        Ok(())
                    }
                }
            }
            _ => Ok(()),
        }
    }

    fn read_rows(&mut self, event: &RowsEvent<'_>, plan: &TablePlan) -> Result<()> {
        let mut rows = event.rows(plan, &mut self.scratch, self.limits.rows)?;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        while rows.next_row(&mut before, &mut after)? {
            self.walked.rows = self.walked.rows.saturating_add(1);
            for cell in before.iter().chain(&after) {
                if let Cell::Json(document) = cell {
                    self.text.clear();
                    write_json_text(document, self.limits.rows.json, &mut self.text)?;
                    let bytes = u64::try_from(self.text.len()).unwrap_or(u64::MAX);
                    self.walked.json_text_bytes = self.walked.json_text_bytes.saturating_add(bytes);
                }
            }
        }
        Ok(())
    }
}
