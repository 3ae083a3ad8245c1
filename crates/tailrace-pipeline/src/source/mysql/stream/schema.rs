//! Table definitions along the log: TABLE_MAP events, DDL, and the schema history.

use std::collections::BTreeSet;

use tailrace_codec::binlog::{QueryEvent, TableMap};
use tailrace_codec::ddl::{Statement, classify_as};
use tailrace_codec::encode::DdlPhase;

use super::Stream;
use crate::error::{Error, ErrorKind, Result};
use crate::schema_history::record_key;
use crate::source::mysql::history::{Change, Name, learn};
use crate::source::mysql::statement::dialect_of;
use crate::source::mysql::tables::Unmapped;
use crate::source::mysql::window::Window;
use crate::source::mysql::{catalog, context};
use crate::transform::compose::Definition;

/// Collation of text columns whose own is not known yet: the log tells it with their first rows.
const TEXT_COLLATION: u16 = 255;

/// Whether a statement makes a table keep earlier versions of its rows.
fn adds_versioning(sql: &str) -> bool {
    let words: Vec<String> = sql.split_ascii_whitespace().map(str::to_ascii_uppercase).collect();
    words.windows(3).any(|three| {
        three[1] == "SYSTEM" && three[2].starts_with("VERSIONING") && three[0] != "DROP"
    })
}

impl Stream<'_> {
    /// A statement that changes the definition of a selected object.
    pub(super) fn definition(
        &mut self,
        es_ms: i64,
        (database, table): (&str, &str),
        sql: &str,
        query: &QueryEvent<'_>,
    ) -> Result<()> {
        self.tables.clear();
        let delivered = self.delivered;
        let transaction = self.open_transaction();
        transaction.changes += 1;
        if transaction.changes <= delivered {
            return Ok(());
        }
        let statement = classify_as(dialect_of(query, self.dialect), sql, query.database);
        if let Some(topic) = self.context.router.ddl()?
            && !self.is_filtered(sql, query)
            && !self.context.spec.selection.leaves_out_shadow(database, table)
        {
            let definition = Definition {
                es_ms,
                names: self.context.spec.mappings.names(database, table),
                sql,
                phase: DdlPhase::Stream,
                statement: &statement,
                gtid: self.gtid_text.get(),
            };
            self.composer.ddl(topic, &definition);
        }
        let place = format!("{}:{}", self.seen.0, self.seen.1);
        self.context.observer.ddl(&place, sql);
        if let Some(what) = statement.rows_unseen() {
            let tables: Vec<String> = statement.tables().iter().map(ToString::to_string).collect();
            self.context.observer.log(
                tracing::Level::WARN,
                &format!(
                    "{} at {place}: {what}, which the log does not show as changes of rows: what reads its messages keeps the rows it had; read the table again where that matters",
                    tables.join(" and ")
                ),
            );
        }
        if self.dialect.mariadb && adds_versioning(sql) {
            return Err(context::versioned(&format!("{database}.{table}")));
        }
        if self.keeps_history {
            let default = query.status.database_collation.unwrap_or(TEXT_COLLATION);
            let id = self.composer.version_id();
            let changed = self.history.advance(&statement, sql, query.database, default, id);
            self.record(&changed)?;
        }
        Ok(())
    }

    /// Whether the policy leaves a statement out.
    fn is_filtered(&self, sql: &str, query: &QueryEvent<'_>) -> bool {
        self.context.spec.policy.filter_drop_database
            && matches!(
                classify_as(dialect_of(query, self.dialect), sql, query.database),
                Statement::DropDatabase { .. }
            )
    }

    /// Writes the records of tables with the step that is being composed.
    fn record(&mut self, names: &[Name]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let topic = self.context.router.schema_history()?;
        for name in names {
            if let Some(table) = self.history.record(name) {
                let key = record_key(&self.context.spec.job_id, &name.0, &name.1);
                self.composer.record(topic, &key, &table.to_bytes()?);
            }
        }
        Ok(())
    }

    pub(super) fn table_map(
        &mut self,
        map: &TableMap<'_>,
        window: &mut Option<&mut Window>,
    ) -> Result<()> {
        match self.tables.map(map, self.context, window.as_deref(), &self.history) {
            Ok(()) => return Ok(()),
            Err(Unmapped::Failed(error)) => return Err(error),
            Err(Unmapped::SchemaMissing(_)) => {}
        }
        let name = (map.database.to_owned(), map.table.to_owned());
        self.keeps_history = true;
        // What this transaction has done before its rows is known.
        let behind = self.seen.clone();
        let changes = self.learn(Some(&behind), &BTreeSet::from([name]))?;
        match self.tables.map(map, self.context, window.as_deref(), &self.history) {
            Ok(()) => Ok(()),
            Err(Unmapped::Failed(error)) => Err(error),
            Err(Unmapped::SchemaMissing(why)) => Err(self.unknowable(map, &why, changes.first())),
        }
    }

    fn unknowable(&self, map: &TableMap<'_>, why: &str, change: Option<&Change>) -> Error {
        let change = change.map_or_else(
            || "the catalog does not have it".to_owned(),
            |change| format!("the catalog has it as it is behind {}", change.what),
        );
        Error::new(
            ErrorKind::SchemaMismatch,
            format!(
                "the columns of {}.{} at {}:{} cannot be known: the log does not name them (binlog_row_metadata is not FULL), {why}, and {change}",
                map.database, map.table, self.seen.0, self.seen.1
            ),
        )
    }

    /// Where the log does not name columns, or not all their types: makes sure that all selected tables are known as they are at
    /// the stream's position. False if some changed between there and now.
    ///
    /// # Errors
    /// Those of the source.
    pub(crate) fn learn_all(&mut self) -> Result<bool> {
        let mut connection = self.context.connect()?;
        let selection = &self.context.spec.selection;
        // MariaDB's log does not tell UUID, INET4 and INET6 from BINARY.
        self.keeps_history = !self.history.is_empty()
            || connection.version()?.mariadb
            || !catalog::names_columns(&mut connection)?;
        if !self.keeps_history {
            return Ok(true);
        }
        let wanted: BTreeSet<Name> = catalog::selected_tables(&mut connection, selection)?
            .into_iter()
            .filter(|t| self.history.schema(&t.database, &t.table).is_none())
            .map(|t| (t.database, t.table))
            .collect();
        if wanted.is_empty() || self.at.is_none() {
            return Ok(true);
        }
        Ok(self.learn(None, &wanted)?.is_empty())
    }

    /// Takes tables from the catalog; gives the statements that make it useless for some of them.
    fn learn(
        &mut self,
        behind: Option<&(String, u64)>,
        wanted: &BTreeSet<Name>,
    ) -> Result<Vec<Change>> {
        let from = self.position(0);
        let (tables, changes) = learn(self.context, &from, behind, wanted)?;
        let id = self.composer.version_id();
        let mut names = Vec::new();
        for table in tables {
            names.push(table.name.clone());
            self.history.learned(table, id);
        }
        self.record(&names)?;
        Ok(changes)
    }
}
