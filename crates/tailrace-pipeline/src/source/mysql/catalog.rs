//! What the source's catalog says: server settings, tables, keys.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tailrace_codec::TableSchema;
use tailrace_codec::mysql::{Catalog, collations_query, columns_query};
use tailrace_codec::position::GtidSet;

use crate::checkpoint::StreamPosition;
use crate::error::{Error, ErrorKind, Result};
use crate::job::Selection;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::window::key_ordinals;

/// Databases that belong to the server itself and are never replicated.
pub(crate) const SYSTEM_DATABASES: [&str; 4] =
    ["mysql", "information_schema", "performance_schema", "sys"];

/// Longest time to wait for transactions that are written into the log and not committed.
const COMMIT_WAIT_SECONDS: u32 = 1;

/// Settings of the server that the data path depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerSettings {
    /// MariaDB, whose views tell where in the log they stand.
    pub(crate) mariadb: bool,
    /// Transactions have GTIDs: `@@gtid_mode` is ON, or it is MariaDB.
    pub(crate) gtid: bool,
    /// `@@log_bin`: there is a log.
    pub(crate) log: bool,
}

/// Reads the settings of a server.
///
/// # Errors
/// Those of the connection.
pub(crate) fn server_settings(connection: &mut Connection) -> Result<ServerSettings> {
    let mariadb = connection.version()?.mariadb;
    let mut settings = ServerSettings { mariadb, gtid: mariadb, log: false };
    for row in
        connection.rows("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('gtid_mode', 'log_bin')")?
    {
        let is_on = row.text(1)?.eq_ignore_ascii_case("ON");
        match row.text(0)? {
            "gtid_mode" => settings.gtid = is_on,
            "log_bin" => settings.log = is_on,
            _ => {}
        }
    }
    Ok(settings)
}

/// Whether the log names columns (`binlog_row_metadata=FULL`). Servers before 8.0.1 do not have that.
///
/// # Errors
/// Those of the connection.
pub(crate) fn names_columns(connection: &mut Connection) -> Result<bool> {
    let rows = connection.rows("SHOW GLOBAL VARIABLES LIKE 'binlog_row_metadata'")?;
    match rows.first() {
        Some(row) => Ok(row.text(1)?.eq_ignore_ascii_case("FULL")),
        None => Ok(false),
    }
}

/// Selected tables of MariaDB that keep earlier versions of their rows, as `database.table`.
///
/// # Errors
/// Those of the connection.
pub(crate) fn versioned_tables(
    connection: &mut Connection,
    selection: &Selection,
) -> Result<Vec<String>> {
    let rows = connection.rows(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES \
         WHERE TABLE_TYPE = 'SYSTEM VERSIONED' AND TABLE_SCHEMA IN ({}) ORDER BY 1, 2",
        database_list(selection)
    ))?;
    let mut names = Vec::new();
    for row in &rows {
        let (database, table) = (row.text(0)?, row.text(1)?);
        if selection.includes(database, table) {
            names.push(format!("{database}.{table}"));
        }
    }
    Ok(names)
}

fn database_list(selection: &Selection) -> String {
    let databases: Vec<String> = selection.databases.iter().map(|d| literal(&d.name)).collect();
    databases.join(", ")
}

/// The end of the binlog: file and offset.
///
/// # Errors
/// `SourceSetting` if the binlog is off, else those of the connection.
pub(crate) fn binlog_end(connection: &mut Connection) -> Result<(String, u64)> {
    // MySQL 8.4 renamed the statement; older servers and MariaDB know only the old one.
    let rows = match connection.rows("SHOW BINARY LOG STATUS") {
        Ok(rows) => rows,
        Err(e) if e.kind() == ErrorKind::SourceStatement => {
            connection.rows("SHOW MASTER STATUS")?
        }
        Err(e) => return Err(e),
    };
    let row = rows.first().ok_or_else(|| {
        Error::new(
            ErrorKind::SourceSetting,
            "log_bin is OFF: the source writes no binlog; set log_bin=ON",
        )
    })?;
    Ok((row.text(0)?.to_owned(), row.number(1)?))
}

/// `@@gtid_executed` without line breaks.
///
/// # Errors
/// Those of the connection.
pub(crate) fn gtid_executed(connection: &mut Connection) -> Result<String> {
    let row = connection.one_row("SELECT @@GLOBAL.gtid_executed")?;
    Ok(row.text(0)?.replace(['\n', ' '], ""))
}

/// The place in the log up to which a read view shows what was committed. The connection is in the
/// transaction that opened it, on a MariaDB server.
///
/// # Errors
/// Those of the connection.
pub(crate) fn view_position(connection: &mut Connection) -> Result<(String, u64)> {
    let rows = connection.rows("SHOW STATUS LIKE 'binlog_snapshot_%'")?;
    let (mut file, mut offset) = (String::new(), 0);
    for row in &rows {
        if row.text(0)?.eq_ignore_ascii_case("binlog_snapshot_file") {
            row.text(1)?.clone_into(&mut file);
        } else if row.text(0)?.eq_ignore_ascii_case("binlog_snapshot_position") {
            offset = row.number(1)?;
        }
    }
    if file.is_empty() {
        let reason = "the source does not say where in its log a read view stands \
                      (status binlog_snapshot_file)";
        return Err(Error::new(ErrorKind::SourceSetting, reason));
    }
    Ok((file, offset))
}

/// Waits until all that MySQL's log has at this moment is committed, for [`COMMIT_WAIT_SECONDS`] at most. Gives the
/// server's UUID if it is, so that a place taken before this call holds nothing that a GTID set taken
/// behind it lacks.
///
/// A transaction owns its GTID from before it is written into the log until it is part of
/// `gtid_executed`, and what is read of both is of one moment.
fn committed_so_far(connection: &mut Connection) -> Result<Option<String>> {
    let row = connection.one_row("SELECT @@GLOBAL.server_uuid, @@GLOBAL.gtid_owned")?;
    let (uuid, owned) = (row.text(0)?.to_owned(), without_owners(row.text(1)?));
    if owned.is_empty() {
        return Ok(Some(uuid));
    }
    let Ok(owned) = owned.parse::<GtidSet>() else { return Ok(None) };
    let waited = connection
        .one_row(&format!("SELECT WAIT_FOR_EXECUTED_GTID_SET('{owned}', {COMMIT_WAIT_SECONDS})"));
    match waited {
        Ok(row) => Ok((row.number(0)? == 0).then_some(uuid)),
        // A server before 5.7.5 has no such function.
        Err(e) if e.kind() == ErrorKind::SourceStatement => Ok(None),
        Err(e) => Err(e),
    }
}

/// A GTID set from the text of `gtid_owned`, which has the owning thread behind each number: `uuid:7#24:9#31`.
fn without_owners(owned: &str) -> String {
    let mut pieces = owned.split('#');
    // A split text has one piece at least.
    let mut set = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        set.push_str(piece.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    set.retain(|c| !c.is_ascii_whitespace());
    set
}

/// Where a job may begin: everything before it is committed and shown by every later view.
///
/// # Errors
/// `SourceSetting` if there is no log, and those of the connection.
pub(crate) fn present_position(
    connection: &mut Connection,
    settings: &ServerSettings,
) -> Result<StreamPosition> {
    if !settings.mariadb {
        let (file, offset) = binlog_end(connection)?;
        if !settings.gtid {
            return Ok(StreamPosition { file, offset, ..StreamPosition::default() });
        }
        let server_uuid = committed_so_far(connection)?;
        let gtid_set = Some(gtid_executed(connection)?);
        return Ok(StreamPosition { gtid_set, file, offset, server_uuid, ..Default::default() });
    }
    // The end of the log may lie behind transactions that are not committed yet.
    connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
    let view = view_position(connection);
    connection.execute("COMMIT")?;
    let (file, offset) = view?;
    let gtids = format!("SELECT BINLOG_GTID_POS({}, {offset})", literal(&file));
    let gtid_set = Some(connection.one_row(&gtids)?.text(0)?.to_owned());
    Ok(StreamPosition { gtid_set, file, offset, ..StreamPosition::default() })
}

/// A table of the selection, as the full phase plans it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SelectedTable {
    /// Database.
    pub(crate) database: String,
    /// Table.
    pub(crate) table: String,
    /// What the server takes for its primary key. `None` without one.
    pub(crate) key: Option<PrimaryKey>,
}

impl SelectedTable {
    /// The key by which the table can be read in chunks: not one that holds only the begin of a column,
    /// by which rows have no order.
    pub(crate) fn chunk_key(&self) -> Option<&PrimaryKey> {
        self.key.as_ref().filter(|key| !key.prefix)
    }
}

/// What the server takes for a table's primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PrimaryKey {
    /// Name of the index.
    pub(crate) index: String,
    /// Columns in order.
    pub(crate) columns: Vec<String>,
    /// Of some column it holds only the begin.
    pub(crate) prefix: bool,
}

/// A value as a SQL string literal.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// The base tables of a selection, in the order of `(database, table)`.
///
/// # Errors
/// Those of the connection.
pub(crate) fn selected_tables(
    connection: &mut Connection,
    selection: &Selection,
) -> Result<Vec<SelectedTable>> {
    let list = database_list(selection);
    let mut keys = primary_keys(connection, &list)?;
    let rows = connection.rows(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES \
         WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({list})"
    ))?;
    let mut tables = Vec::new();
    for row in &rows {
        let (database, table) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        if selection.includes(&database, &table) {
            let key = keys.remove(&(database.clone(), table.clone()));
            tables.push(SelectedTable { database, table, key });
        }
    }
    tables.sort_by(|a, b| (&a.database, &a.table).cmp(&(&b.database, &b.table)));
    Ok(tables)
}

/// The server's estimate of the rows of some tables together. It may take seconds for thousands of tables: the server
/// opens every one that it has not been asked for lately.
///
/// # Errors
/// Those of the connection.
pub(crate) fn rows_estimated(
    connection: &mut Connection,
    selection: &Selection,
    tables: &HashSet<TableName>,
) -> Result<u64> {
    let list = database_list(selection);
    let rows = connection.rows(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES \
         WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({list})"
    ))?;
    let mut estimated = 0;
    for row in &rows {
        if tables.contains(&(row.text(0)?.to_owned(), row.text(1)?.to_owned())) {
            estimated += row.number(2)?;
        }
    }
    Ok(estimated)
}

/// The present definition of a table.
///
/// # Errors
/// `SourceStatement` if it does not exist, `SchemaMismatch` if it has a type that is not known.
pub(crate) fn table_schema(
    connection: &mut Connection,
    selected: &SelectedTable,
) -> Result<TableSchema> {
    let (database, table) = (selected.database.as_str(), selected.table.as_str());
    let mut catalog = read_columns(connection, &[(database, Some(table))])?;
    match catalog.remove(&(database.to_owned(), table.to_owned())) {
        Some(schema) => complete(selected, schema),
        None => Err(Error::new(
            ErrorKind::SourceStatement,
            // The server's own number for a missing table, so that a reader takes a new view.
            format!("{database}.{table} does not exist any more (1146, 42S02)"),
        )),
    }
}

/// The present definitions of tables, with one statement for each database. Tables that do not exist any
/// more are left out.
///
/// # Errors
/// `SchemaMismatch` if one has a type that is not known, and those of the connection.
pub(crate) fn table_schemas(
    connection: &mut Connection,
    tables: Vec<SelectedTable>,
) -> Result<Vec<(SelectedTable, TableSchema)>> {
    let databases: BTreeSet<&str> = tables.iter().map(|t| t.database.as_str()).collect();
    let scopes: Vec<(&str, Option<&str>)> = databases.into_iter().map(|d| (d, None)).collect();
    let mut catalog = read_columns(connection, &scopes)?;
    let mut found = Vec::with_capacity(tables.len());
    for table in tables {
        if let Some(schema) = catalog.remove(&(table.database.clone(), table.table.clone())) {
            let schema = complete(&table, schema)?;
            found.push((table, schema));
        }
    }
    Ok(found)
}

type CatalogTables = BTreeMap<TableName, tailrace_codec::error::Result<TableSchema>>;

/// Columns of databases, or of single tables in them.
fn read_columns(
    connection: &mut Connection,
    scopes: &[(&str, Option<&str>)],
) -> Result<CatalogTables> {
    let strange = |e: tailrace_codec::DecodeError| {
        Error::new(ErrorKind::SchemaMismatch, format!("the source's catalog: {e}"))
    };
    // They do not change while a server runs.
    let mut catalog = match connection.collations.clone() {
        Some(known) => known,
        None => {
            let mut catalog = Catalog::new();
            for row in connection.rows(collations_query(connection.version()?))? {
                catalog.add_collation(&row.cells()).map_err(strange)?;
            }
            connection.collations.insert(catalog).clone()
        }
    };
    for (database, table) in scopes {
        for row in connection.rows(&columns_query(database, *table))? {
            catalog.add_column(&row.cells()).map_err(strange)?;
        }
    }
    Ok(catalog.finish().into_iter().collect())
}

/// A definition with its key.
fn complete(
    selected: &SelectedTable,
    schema: tailrace_codec::error::Result<TableSchema>,
) -> Result<TableSchema> {
    let mut schema = schema.map_err(|e| {
        let name = format!("{}.{}", selected.database, selected.table);
        Error::new(ErrorKind::SchemaMismatch, format!("{name}: {e}"))
    })?;
    let columns = selected.key.as_ref().map_or(&[][..], |key| &key.columns);
    schema.primary_key = key_ordinals(&schema, columns)?;
    Ok(schema)
}

/// A database at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDatabase {
    /// Name.
    pub name: String,
    /// Its base tables, by name.
    pub tables: Vec<FoundTable>,
}

/// A table at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    /// Name.
    pub name: String,
    /// The server's estimate of its rows.
    pub rows_estimated: u64,
    /// Whether it has a primary key.
    pub has_primary_key: bool,
}

/// Databases with their base tables in order, without the server's own.
///
/// # Errors
/// Those of the connection.
pub(crate) fn list(
    connection: &mut Connection,
    databases: Option<&[String]>,
) -> Result<Vec<FoundDatabase>> {
    let mut found: BTreeMap<String, Vec<FoundTable>> = BTreeMap::new();
    let wanted = |name: &str| databases.is_none_or(|list| list.iter().any(|d| d == name));
    for row in connection.rows("SHOW DATABASES")? {
        let name = row.text(0)?;
        if wanted(name) && !SYSTEM_DATABASES.contains(&name) {
            found.insert(name.to_owned(), Vec::new());
        }
    }
    let rows = connection.rows(
        "SELECT t.TABLE_SCHEMA, t.TABLE_NAME, COALESCE(t.TABLE_ROWS, 0), \
         EXISTS (SELECT 1 FROM information_schema.STATISTICS s WHERE s.TABLE_SCHEMA = t.TABLE_SCHEMA \
         AND s.TABLE_NAME = t.TABLE_NAME AND s.INDEX_NAME = 'PRIMARY') \
         FROM information_schema.TABLES t \
         WHERE t.TABLE_TYPE = 'BASE TABLE' ORDER BY t.TABLE_SCHEMA, t.TABLE_NAME",
    )?;
    for row in &rows {
        if let Some(tables) = found.get_mut(row.text(0)?) {
            tables.push(FoundTable {
                name: row.text(1)?.to_owned(),
                rows_estimated: row.number(2)?,
                has_primary_key: row.number(3)? == 1,
            });
        }
    }
    Ok(found.into_iter().map(|(name, tables)| FoundDatabase { name, tables }).collect())
}

/// Database and table.
pub(crate) type TableName = (String, String);

/// Columns of a unique index.
#[derive(Default)]
struct UniqueIndex {
    columns: Vec<String>,
    /// A part of it is the begin of a column.
    prefix: bool,
    /// A part of it is an expression, or can be NULL.
    unusable: bool,
}

/// What the server takes for the primary key of each table: index name and columns in order.
///
/// A PRIMARY KEY may hold prefixes. Without one it is the first unique index over whole columns that cannot be NULL. The log's
/// metadata names it as the primary key too, and `COLUMN_KEY` tells which one it is.
fn primary_keys(
    connection: &mut Connection,
    databases: &str,
) -> Result<BTreeMap<TableName, PrimaryKey>> {
    let mut marked: BTreeMap<TableName, BTreeSet<String>> = BTreeMap::new();
    for row in connection.rows(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS \
         WHERE COLUMN_KEY = 'PRI' AND TABLE_SCHEMA IN ({databases})"
    ))? {
        let name = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        marked.entry(name).or_default().insert(row.text(2)?.to_owned());
    }
    let mut indexes: BTreeMap<TableName, BTreeMap<String, UniqueIndex>> = BTreeMap::new();
    for row in connection.rows(&format!(
        "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART, NULLABLE \
         FROM information_schema.STATISTICS WHERE NON_UNIQUE = 0 AND TABLE_SCHEMA IN ({databases}) \
         ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"
    ))? {
        let name = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        let index = indexes.entry(name).or_default().entry(row.text(2)?.to_owned()).or_default();
        index.prefix |= row.get(4).is_some();
        index.unusable |= row.get(3).is_none() || row.text_or_empty(5)? == "YES";
        index.columns.push(row.text_or_empty(3)?.to_owned());
    }
    Ok(marked
        .into_iter()
        .filter_map(|(name, columns)| {
            let mut of_table = indexes.remove(&name)?;
            of_table.retain(|name, i| {
                !i.unusable
                    && (!i.prefix || name == "PRIMARY")
                    && i.columns.len() == columns.len()
                    && i.columns.iter().all(|c| columns.contains(c))
            });
            let (index, key) = of_table.remove_entry("PRIMARY").or_else(|| of_table.pop_first())?;
            Some((name, PrimaryKey { index, columns: key.columns, prefix: key.prefix }))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_gtids_are_a_set_without_their_threads() {
        let owned = "aaaaaaaa-0000-4000-8000-000000000000:7#24:9#31,\nbbbbbbbb-0000-4000-8000-000000000000:x:1#5";
        assert_eq!(
            without_owners(owned),
            "aaaaaaaa-0000-4000-8000-000000000000:7:9,bbbbbbbb-0000-4000-8000-000000000000:x:1"
        );
        assert_eq!(without_owners(""), "");
    }
}
