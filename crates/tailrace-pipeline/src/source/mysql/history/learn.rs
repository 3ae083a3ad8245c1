//! Columns from the catalog, with the proof that they were the same at an earlier place of the log.

use std::collections::BTreeSet;

use tailrace_codec::TableSchema;
use tailrace_codec::binlog::{Event, EventInflater, EventType, LogFormat};
use tailrace_codec::ddl::{Dialect, Statement, StoredObject, classify_as};
use tailrace_codec::position::FileOffset;

use super::{Name, members};
use crate::checkpoint::StreamPosition;
use crate::error::{Error, ErrorKind, Result};
use crate::source::mysql::catalog;
use crate::source::mysql::context::Context;
use crate::source::mysql::dump::{Dump, Reach};
use crate::source::mysql::{offset, statement};

/// Events that tell where the log stands, how to read it, or what was executed. Statements that change
/// tables are never inside a compressed transaction.
const TELLING: [EventType; 5] = [
    EventType::FORMAT_DESCRIPTION,
    EventType::ROTATE,
    EventType::HEARTBEAT,
    EventType::HEARTBEAT_V2,
    EventType::QUERY,
];

/// A table as the catalog has it.
pub(crate) struct Learned {
    pub(crate) name: Name,
    pub(crate) schema: TableSchema,
    /// Its key is a PRIMARY KEY.
    pub(crate) primary: bool,
}

/// A statement between the place in question and the catalog, so that this is of no use for its table.
pub(crate) struct Change {
    pub(crate) name: Name,
    /// File, offset and the statement's beginning.
    pub(crate) what: String,
}

/// Reads tables from the catalog, and the log from `from` to where the catalog was read. Statements up
/// to `behind` (file and offset), if it is given, are those that the caller knows. Gives the tables that no statement
/// touched in between, and the statements that touched others.
///
/// # Errors
/// Those of the connection and of the log.
pub(crate) fn learn(
    context: &Context,
    from: &StreamPosition,
    behind: Option<&(String, u64)>,
    wanted: &BTreeSet<Name>,
) -> Result<(Vec<Learned>, Vec<Change>)> {
    let mut connection = context.connect()?;
    let named = catalog::names_columns(&mut connection)?;
    let mut tables = catalog::selected_tables(&mut connection, &context.spec.selection)?;
    tables.retain(|t| wanted.contains(&(t.database.clone(), t.table.clone())));
    let mut found = Vec::with_capacity(tables.len());
    // What is dropped this moment is left out; the log tells it as well.
    for (table, mut schema) in catalog::table_schemas(&mut connection, tables)? {
        let name = (table.database, table.table);
        let primary = table.key.as_ref().is_some_and(|key| key.index == "PRIMARY");
        // A log that names columns has the members too.
        let resolved = if named { Ok(()) } else { members::resolve(&mut connection, &mut schema) };
        match resolved {
            Ok(()) => found.push(Learned { name, schema, primary }),
            Err(e) if e.kind() == ErrorKind::SourceStatement => {}
            Err(e) => return Err(e),
        }
    }
    let end = catalog::binlog_end(&mut connection)?;
    let changes = changes(context, from, behind, &end, wanted)?;
    found.retain(|table| !changes.iter().any(|change| change.name == table.name));
    Ok((found, changes))
}

fn place(at: &(String, u64)) -> Result<FileOffset> {
    FileOffset::new(at.0.clone(), at.1)
        .map_err(|e| Error::new(ErrorKind::SourceStatement, e.to_string()))
}

/// Statements about the wanted tables behind `behind`, up to `end`; the first of each table.
fn changes(
    context: &Context,
    from: &StreamPosition,
    behind: Option<&(String, u64)>,
    end: &(String, u64),
    wanted: &BTreeSet<Name>,
) -> Result<Vec<Change>> {
    let spec = &context.spec;
    // Not the stream's own identity: the server would end its dump.
    let identity = format!("{} schema history", spec.job_id);
    let from_place = (from, Reach::Present);
    let stop = context.stop.clone();
    let mut dump = Dump::open(&spec.source, &spec.limits, &identity, from_place, stop)?;
    let mut format = LogFormat::new(dump.checksum());
    let (end, behind) = (place(end)?, behind.map(place).transpose()?);
    let mut seen = (from.file.clone(), 4);
    let mut inflater = EventInflater::new(spec.limits.event_bytes_max);
    let mut server = Dialect::MYSQL;
    let mut changes: Vec<Change> = Vec::new();
    loop {
        context.stop.check()?;
        let damaged = |e: tailrace_codec::DecodeError| {
            Error::new(ErrorKind::Decode, format!("{} behind offset {}: {e}", seen.0, seen.1))
        };
        let raw = format.frame(dump.next_event()?).map_err(damaged)?;
        let is_packed_query = raw.header.event_type == EventType::MARIADB_QUERY_COMPRESSED;
        let unpacked =
            if is_packed_query { inflater.expand(&format, &raw).map_err(damaged)? } else { None };
        let raw = unpacked.unwrap_or(raw);
        let tells = TELLING.contains(&raw.header.event_type);
        let event = if tells { Some(format.decode(&raw).map_err(damaged)?) } else { None };
        if raw.header.log_pos > 0 && !raw.header.flags.is_artificial() {
            seen.1 = offset::unwrap_offset(seen.1, raw.header.log_pos);
        }
        match event {
            Some(Event::FormatDescription(description)) => {
                let mariadb = description.is_mariadb();
                server = Dialect::of_server(mariadb, description.version_numbers());
            }
            Some(Event::Rotate(rotate)) => seen = (rotate.file.to_owned(), rotate.position),
            Some(Event::Heartbeat(beat)) if beat.file == seen.0 => {
                seen.1 = seen.1.max(beat.position);
            }
            Some(Event::Query(query)) if query.sql != b"BEGIN" && Some(place(&seen)?) > behind => {
                let sql = statement::text(&query)?;
                let dialect = statement::dialect_of(&query, server);
                let classified = classify_as(dialect, &sql, query.database);
                for name in touched(&classified, query.database, wanted) {
                    if !changes.iter().any(|change| change.name == name) {
                        let excerpt: String = sql.chars().take(200).collect();
                        let what = format!("{}:{}: {excerpt}", seen.0, seen.1);
                        changes.push(Change { name, what });
                    }
                }
            }
            _ => {}
        }
        if place(&seen)? >= end {
            return Ok(changes);
        }
    }
}

/// The wanted tables whose columns or key a statement may change.
fn touched(statement: &Statement, database: &str, wanted: &BTreeSet<Name>) -> Vec<Name> {
    let all_of =
        |database: &str| wanted.iter().filter(|(d, _)| d == database).cloned().collect::<Vec<_>>();
    match statement {
        Statement::TruncateTable { .. }
        | Statement::StoredObject { object: StoredObject::View, .. } => Vec::new(),
        Statement::DropDatabase { name } => all_of(name),
        Statement::Unknown(_) => all_of(database),
        other => other
            .tables()
            .into_iter()
            .map(|t| (t.database.clone(), t.table.clone()))
            .filter(|name| wanted.contains(name))
            .collect(),
    }
}
