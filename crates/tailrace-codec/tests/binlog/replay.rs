//! Reads a whole log as the stream source will: frames, payloads, table maps, rows.

use tailrace_codec::binlog::{
    Checksum, Event, FileFrames, LogFormat, PayloadLimits, PayloadReader, RawEvent, RowLimits,
    RowsEvent, RowsKind, TableMap, TableMapCache, TablePlan,
};
use tailrace_codec::{Cell, DecodeError, TableSchema};

/// One image of a row: cells and whether each is in the image.
pub(crate) struct Image<'i> {
    pub(crate) cells: &'i [Cell<'i>],
    pub(crate) present: Vec<bool>,
}

/// Sees what is in a log.
pub(crate) trait Visitor {
    fn event(&mut self, _raw: &RawEvent<'_>, _event: &Event<'_>, _in_payload: bool) {}

    /// The schema of a table whose map has no full metadata.
    fn schema(&self, _map: &TableMap<'_>) -> Option<TableSchema> {
        None
    }

    fn plan(&mut self, _map: &TableMap<'_>, _plan: &TablePlan) {}

    fn row(
        &mut self,
        _plan: &TablePlan,
        _kind: RowsKind,
        _before: Option<Image<'_>>,
        _after: Option<Image<'_>>,
    ) {
    }
}

/// State that lives as long as the stream.
pub(crate) struct Replay {
    format: LogFormat,
    tables: TableMapCache<TablePlan>,
    scratch: Vec<u8>,
}

pub(crate) const EVENT_BYTES_MAX: usize = 64 << 20;

/// Reads all of `file`.
pub(crate) fn replay(file: &[u8], visitor: &mut impl Visitor) -> Result<(), DecodeError> {
    let mut state = Replay {
        format: LogFormat::new(Checksum::None),
        tables: TableMapCache::new(64),
        scratch: Vec::new(),
    };
    let limits = PayloadLimits { event_bytes_max: EVENT_BYTES_MAX, ..PayloadLimits::default() };
    let mut payload_reader = PayloadReader::new(limits)?;
    let mut frames = FileFrames::new(file, EVENT_BYTES_MAX)?;
    while let Some((at, bytes)) = frames.next_frame()? {
        let raw = state.format.frame(bytes).map_err(|e| e.at_base(at))?;
        let event = state.format.decode(&raw).map_err(|e| e.at_base(at))?;
        visitor.event(&raw, &event, false);
        if let Event::TransactionPayload(payload) = &event {
            let mut events = payload_reader.events(payload)?;
            while let Some(raw) = events.next_event(&state.format)? {
                let event = state.format.decode(&raw)?;
                visitor.event(&raw, &event, true);
                state.apply(&event, visitor)?;
            }
        } else {
            state.apply(&event, visitor)?;
        }
    }
    Ok(())
}

impl Replay {
    fn apply(&mut self, event: &Event<'_>, visitor: &mut impl Visitor) -> Result<(), DecodeError> {
        match event {
            Event::TableMap(map) => {
                let plan = self.tables.map_with(map, |map| match visitor.schema(map) {
                    Some(schema) => TablePlan::with_schema(map, schema.into()),
                    None => TablePlan::from_full_metadata(map, &mut member_text),
                });
                let plan = plan.map_err(|e| DecodeError::new("plan", 0, e.to_string()))?;
                visitor.plan(map, plan);
                Ok(())
            }
            Event::Rows(rows) => self.rows(rows, visitor),
            _ => Ok(()),
        }
    }

    fn rows(
        &mut self,
        event: &RowsEvent<'_>,
        visitor: &mut impl Visitor,
    ) -> Result<(), DecodeError> {
        let Some(plan) = self.tables.get(event.table_id) else {
            return Err(DecodeError::new("rows", 0, "no table map before"));
        };
        let columns = |set: tailrace_codec::binlog::ColumnSet<'_>| {
            (0..set.width()).map(|i| set.contains(i)).collect::<Vec<_>>()
        };
        let mut rows = event.rows(plan, &mut self.scratch, RowLimits::default())?;
        let (mut before, mut after) = (Vec::new(), Vec::new());
        while rows.next_row(&mut before, &mut after)? {
            let b = Image { cells: &before, present: columns(event.columns_before()) };
            let a = Image { cells: &after, present: columns(event.columns_after()) };
            let (has_before, has_after) = (event.kind.has_before(), event.kind.has_after());
            visitor.row(plan, event.kind, has_before.then_some(b), has_after.then_some(a));
        }
        Ok(())
    }
}

/// ENUM and SET members; the fixtures hold them in UTF-8 and, for two characters, GBK.
fn member_text(_collation: u16, bytes: &[u8]) -> Result<String, DecodeError> {
    match bytes {
        [0xd6, 0xd0] => Ok("中".to_owned()),
        [0xce, 0xc4] => Ok("文".to_owned()),
        _ => String::from_utf8(bytes.to_vec())
            .map_err(|_| DecodeError::new("member", 0, "is not UTF-8")),
    }
}
