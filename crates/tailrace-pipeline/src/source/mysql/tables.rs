//! What the stream knows of the tables it meets.

use std::rc::Rc;
use std::sync::Arc;

use tailrace_codec::TableSchema;
use tailrace_codec::binlog::{PlanError, TableMap, TableMapCache, TablePlan};
use tailrace_codec::encode::RowEncoder;
use tailrace_codec::schema::{Column, ColumnType};

use crate::error::{Error, ErrorKind, Result};
use crate::source::mysql::context::Context;
use crate::source::mysql::history::SchemaHistory;
use crate::source::mysql::row_filter::RowFilter;
use crate::source::mysql::window::Window;
use crate::transform::table_sink::TableSink;

/// Tables remembered at once; the one mapped longest ago goes first.
const TABLES_MAX: usize = 16_384;

/// A selected table in its present version.
pub(crate) struct Table {
    plan: TablePlan,
    sink: TableSink,
    window_key: Option<RowEncoder>,
    filter: Option<RowFilter>,
}

impl Table {
    pub(crate) fn plan(&self) -> &TablePlan {
        &self.plan
    }

    pub(crate) fn sink(&self) -> &TableSink {
        &self.sink
    }

    pub(crate) fn schema(&self) -> &TableSchema {
        self.sink.schema()
    }

    pub(crate) fn window_key(&self) -> Option<&RowEncoder> {
        self.window_key.as_ref()
    }

    pub(crate) fn filter(&self) -> Option<&RowFilter> {
        self.filter.as_ref()
    }

    pub(crate) fn name(&self) -> String {
        self.schema().full_name()
    }
}

/// Why a table cannot be mapped.
pub(crate) enum Unmapped {
    /// The log does not name its columns, or not all their types, and the history does not know them, or
    /// knows others; in words.
    SchemaMissing(String),
    /// Something else.
    Failed(Error),
}

impl From<Error> for Unmapped {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Tables by the number the log gives them.
pub(crate) struct Tables {
    /// `None` stands for a table that is not selected.
    cache: TableMapCache<Option<Rc<Table>>>,
    /// A topic of a table's own had to be asked for.
    asked_for_topic: bool,
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self { cache: TableMapCache::new(TABLES_MAX), asked_for_topic: false }
    }

    /// Forgets all: a definition may have changed.
    pub(crate) fn clear(&mut self) {
        self.cache.clear();
    }

    /// Takes a TABLE_MAP in; costs a comparison if the table is known in this form.
    ///
    /// # Errors
    /// That its columns are not known; `Decode`, or the router's errors.
    pub(crate) fn map(
        &mut self,
        map: &TableMap<'_>,
        context: &Context,
        window: Option<&Window>,
        history: &SchemaHistory,
    ) -> std::result::Result<(), Unmapped> {
        let asked = &mut self.asked_for_topic;
        let known = self.cache.map_with(map, |map| {
            *asked |= context.router.has_unknown_topic(map.database, map.table);
            compile(map, context, window, history)
        });
        known.map(|_| ())
    }

    /// Whether a topic of a table's own had to be asked for since the last call.
    pub(crate) fn take_asked_for_topic(&mut self) -> bool {
        std::mem::take(&mut self.asked_for_topic)
    }

    /// The table of a row event; `None` if it is not selected.
    ///
    /// # Errors
    /// `Decode` if no TABLE_MAP came before.
    pub(crate) fn get(&self, table_id: u64, at: &(String, u64)) -> Result<Option<Rc<Table>>> {
        match self.cache.get(table_id) {
            Some(table) => Ok(table.clone()),
            None => Err(Error::new(
                ErrorKind::Decode,
                format!(
                    "rows of table number {table_id} without a TABLE_MAP before them, behind {}:{}",
                    at.0, at.1
                ),
            )),
        }
    }
}

fn compile(
    map: &TableMap<'_>,
    context: &Context,
    window: Option<&Window>,
    history: &SchemaHistory,
) -> std::result::Result<Option<Rc<Table>>, Unmapped> {
    let selection = &context.spec.selection;
    if !selection.includes(map.database, map.table) {
        if selection.leaves_out_shadow(map.database, map.table) {
            let (database, table) = (map.database, map.table);
            let text = format!(
                "{database}.{table} is left out: by its name an online schema change made it, and its rows are those of another table; to have it, name the tables of {database} in the selection"
            );
            context.observer.log(tracing::Level::INFO, &text);
        }
        return Ok(None);
    }
    let plan = plan(map, history)?;
    let schema = Arc::clone(plan.schema());
    let window_key = window.map(|w| w.key_encoder(&schema)).transpose()?.flatten();
    let filter = context.row_filter(&schema)?;
    let sink = TableSink::compile(schema, &context.router, &context.spec)?;
    Ok(Some(Rc::new(Table { plan, sink, window_key, filter })))
}

/// How to read a table's rows: by what the log says of it, else by the history.
fn plan(map: &TableMap<'_>, history: &SchemaHistory) -> std::result::Result<TablePlan, Unmapped> {
    let decode = |e: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Decode, format!("{}.{}: {e}", map.database, map.table))
    };
    let known = history.schema(map.database, map.table);
    let unknown = || Unmapped::SchemaMissing("no earlier statement tells them".to_owned());
    if map.optional_metadata().map_err(|e| decode(&e))?.has_names() {
        let plan = TablePlan::from_full_metadata(map, &mut member_text)
            .map_err(|e| Unmapped::Failed(decode(&e)))?;
        if !map.is_mariadb() {
            return Ok(plan);
        }
        if !plan.schema().columns.iter().any(may_be_text) {
            return match known.and_then(|known| tell_hidden(plan.schema(), known)) {
                None => Ok(plan),
                Some(told) => TablePlan::with_schema(map, Arc::new(told))
                    .map_err(|e| Unmapped::SchemaMissing(e.to_string())),
            };
        }
        let told = tell_types(plan.schema(), known.ok_or_else(unknown)?).ok_or_else(unknown)?;
        return TablePlan::with_schema(map, Arc::new(told))
            .map_err(|e| Unmapped::SchemaMissing(e.to_string()));
    }
    let schema = known.ok_or_else(unknown)?;
    TablePlan::with_schema(map, Arc::clone(schema)).map_err(|e| match e {
        PlanError::Mismatch { .. } => Unmapped::SchemaMissing(e.to_string()),
        PlanError::Decode(e) => Unmapped::Failed(decode(&e)),
    })
}

/// Whether a column of MariaDB that looks like BINARY in its log may be UUID, INET4 or INET6: nothing
/// there tells them apart.
fn may_be_text(column: &Column) -> bool {
    matches!(column.kind, ColumnType::Binary { length: 4 | 16 })
}

/// The schema of the log with such columns as the history has them; `None` if it lacks one.
fn tell_types(logged: &TableSchema, known: &TableSchema) -> Option<TableSchema> {
    let mut schema = logged.clone();
    for column in schema.columns.iter_mut().filter(|column| may_be_text(column)) {
        let known = known.columns.iter().find(|known| known.name == column.name)?;
        column.kind.clone_from(&known.kind);
        column.type_name.clone_from(&known.type_name);
    }
    Some(tell_hidden(&schema, known).unwrap_or(schema))
}

/// The schema of the log with what it hides of columns and the history knows: MariaDB logs a VECTOR as VARBINARY, and
/// times with fractions in its form before 10.1 (`mysql56_temporal_format=OFF`) as times without, which are not to be
/// read as such. `None` if there are none.
fn tell_hidden(logged: &TableSchema, known: &TableSchema) -> Option<TableSchema> {
    let mut schema = logged.clone();
    let mut found = false;
    for column in &mut schema.columns {
        let known = known.columns.iter().find(|known| known.name == column.name);
        let hides = |known: &&Column| {
            use ColumnType::{DateTime, Time, Timestamp, VarBinary, Vector};
            matches!(
                (&column.kind, &known.kind),
                (VarBinary, Vector)
                    | (Time(0), Time(1..))
                    | (DateTime(0), DateTime(1..))
                    | (Timestamp(0), Timestamp(1..))
            )
        };
        if let Some(known) = known.filter(hides) {
            column.kind.clone_from(&known.kind);
            column.type_name.clone_from(&known.type_name);
            found = true;
        }
    }
    found.then_some(schema)
}

/// A member of an ENUM or SET as text.
fn member_text(
    collation: tailrace_codec::schema::CollationId,
    bytes: &[u8],
) -> tailrace_codec::error::Result<String> {
    let mut text = Vec::new();
    tailrace_codec::charset::Decoder::for_collation(collation)?.decode_into(bytes, &mut text);
    String::from_utf8(text)
        .map_err(|e| tailrace_codec::DecodeError::new("ENUM or SET member", 0, e.to_string()))
}
