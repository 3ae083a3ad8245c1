//! What a source is asked for people who configure a job: the columns of tables, and where its log was at a time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tailrace_pipeline::plan::SourceEndpoint;
use tailrace_pipeline::{ColumnKey, ErrorKind, FoundColumns};

use super::caller::Caller;
use super::change::unchanged;
use super::command::Command;
use super::probe::{explain, from_json, to_json};
use super::query::QueryStatus;
use super::refusal::{Refusal, Result};
use super::{Control, spec};
use crate::store::QueryKind;

/// Tables whose columns one call may ask for.
pub const COLUMN_TABLES_MAX: usize = 500;

/// A table with its columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableColumns {
    /// Database; of Oracle the schema.
    pub database: String,
    /// Table.
    pub table: String,
    /// Columns in order; empty if there is no such table, or the account may not see it.
    pub columns: Vec<SourceColumn>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceColumn {
    /// Name.
    pub name: String,
    /// Type, in the words of the source.
    pub type_name: String,
    /// `PRI`, `UNI`, or empty.
    pub key: String,
}

impl TableColumns {
    /// From what the data path finds.
    pub(crate) fn of(found: FoundColumns) -> Self {
        let columns = found.columns.into_iter().map(|column| SourceColumn {
            name: column.name,
            type_name: column.type_name,
            key: match column.key {
                ColumnKey::Primary => "PRI",
                ColumnKey::Unique => "UNI",
                ColumnKey::None => "",
            }
            .to_owned(),
        });
        Self { database: found.database, table: found.table, columns: columns.collect() }
    }
}

impl Control {
    /// Reads the columns of tables in the background. Without `refresh` an earlier answer to the same will do.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Invalid`], [`Refusal::WrongState`], [`Refusal::NotConfigured`] without a source.
    pub async fn collect_columns(
        &self,
        caller: &Caller,
        job_id: &str,
        refresh: bool,
        tables: Vec<(String, String)>,
    ) -> Result<String> {
        let source = self.source_to_look_at(caller, job_id, &tables).await?;
        let request = to_json(&tables).map_err(Refusal::internal)?;
        if !refresh {
            let done = Some(QueryStatus::Success);
            let newest = self.inner.store.newest_query(job_id, QueryKind::Columns, done).await?;
            if let Some(query) = newest.filter(|query| query.request == request) {
                return Ok(query.id);
            }
        }
        let query_id = self.inner.add_query(job_id, QueryKind::Columns, request).await?;
        let this = self.clone();
        self.in_background(query_id.clone(), async move {
            to_json(&this.columns_of(source, tables).await?)
        });
        Ok(query_id)
    }

    async fn source_to_look_at(
        &self,
        caller: &Caller,
        job_id: &str,
        tables: &[(String, String)],
    ) -> Result<SourceEndpoint> {
        if tables.is_empty() {
            return Err(Refusal::Missing { field: "db_object_infos".to_owned() });
        }
        if tables.len() > COLUMN_TABLES_MAX {
            let allowed = format!("at most {COLUMN_TABLES_MAX} tables");
            return Err(Refusal::invalid("db_object_infos", tables.len(), allowed));
        }
        let job = self.command(caller, job_id, Command::CollectObjects, &unchanged).await?;
        let secrets = self.inner.secrets_of(job_id).await?;
        spec::source(&job.source, &secrets.source)
    }

    async fn columns_of(
        &self,
        source: SourceEndpoint,
        tables: Vec<(String, String)>,
    ) -> Result<Vec<TableColumns>, String> {
        let age_max = self.inner.bounds.collection_age_max;
        let read = self.inner.blocking(ErrorKind::SourceConnection, age_max, move |runner| {
            runner.list_columns(&source, &tables)
        });
        read.await.map_err(|e| explain(&e))
    }

    /// Reads the columns of tables and waits for them.
    ///
    /// # Errors
    /// As [`Control::collect_columns`], and [`Refusal::Unreachable`].
    pub async fn read_columns(
        &self,
        caller: &Caller,
        job_id: &str,
        tables: Vec<(String, String)>,
    ) -> Result<Vec<TableColumns>> {
        let source = self.source_to_look_at(caller, job_id, &tables).await?;
        self.columns_of(source, tables).await.map_err(|why| Refusal::Unreachable { why })
    }

    /// Columns that were asked for; empty while they are read.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`], [`Refusal::Unreachable`] if they could not be read.
    pub async fn collected_columns(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
    ) -> Result<(QueryStatus, Vec<TableColumns>)> {
        let query = self.query(caller, job_id, query_id, QueryKind::Columns).await?;
        if let Some(why) = query.error {
            return Err(Refusal::Unreachable { why });
        }
        Ok((query.status, from_json(query.result.as_deref())?))
    }

    /// Looks in the background where the source's log was at a time, milliseconds of the Unix epoch.
    ///
    /// # Errors
    /// [`Refusal::Unsupported`] for a source of Oracle, [`Refusal::WrongState`], [`Refusal::NotConfigured`] without a source.
    pub async fn collect_position(
        &self,
        caller: &Caller,
        job_id: &str,
        at_ms: i64,
    ) -> Result<String> {
        let job = self.command(caller, job_id, Command::CollectObjects, &unchanged).await?;
        let secrets = self.inner.secrets_of(job_id).await?;
        let source = match spec::source(&job.source, &secrets.source)? {
            SourceEndpoint::Mysql(endpoint) => endpoint,
            SourceEndpoint::Oracle(_) => {
                return Err(Refusal::Unsupported {
                    what: format!("a position by time of {}", job.engine.name()),
                    instead: "capture_start_scn, with the database's TIMESTAMP_TO_SCN".to_owned(),
                });
            }
        };
        // A part of a second is left out: a position a little earlier has all that follows.
        let at = u64::try_from(at_ms / 1000).unwrap_or(0);
        let query_id = self.inner.add_query(job_id, QueryKind::Position, at.to_string()).await?;
        let inner = Arc::clone(&self.inner);
        self.in_background(query_id.clone(), async move {
            let age_max = inner.bounds.collection_age_max;
            let found = inner.blocking(ErrorKind::SourceConnection, age_max, move |runner| {
                runner.position_at(&source, at)
            });
            let (file, offset) = found.await.map_err(|e| explain(&e))?;
            to_json(&format!("{file}:{offset}"))
        });
        Ok(query_id)
    }

    /// A position that was looked for; empty while it is.
    ///
    /// # Errors
    /// [`Refusal::QueryMissing`], [`Refusal::Unreachable`] if it could not be found.
    pub async fn collected_position(
        &self,
        caller: &Caller,
        job_id: &str,
        query_id: &str,
    ) -> Result<(QueryStatus, String)> {
        let query = self.query(caller, job_id, query_id, QueryKind::Position).await?;
        if let Some(why) = query.error {
            return Err(Refusal::Unreachable { why });
        }
        Ok((query.status, from_json(query.result.as_deref())?))
    }
}
