//! What a precheck asks of a target, without taking a job over.

use tailrace_codec::gaussdb::apply::ApplyTable;

use super::appliers;
use super::catalog;
use super::connection::{Connection, Row};
use super::progress::{SCHEMA, literal};
use crate::error::Result;
use crate::job::GaussEndpoint;
use crate::run::StopSignal;

/// A target that is looked at.
pub(crate) struct Inspection {
    connection: Connection,
}

/// Where a job is in a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It has no position yet.
    NoPosition,
    /// At this one.
    At(String),
    /// Its appliers are at different ones.
    Apart,
}

impl Inspection {
    /// Logs in.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn open(endpoint: &GaussEndpoint, stop: StopSignal) -> Result<Self> {
        Ok(Self { connection: Connection::connect(endpoint, stop)? })
    }

    /// What the server says of its version.
    pub(crate) fn version(&self) -> &str {
        self.connection.version()
    }

    /// Whether the account may make schemas in the database.
    ///
    /// # Errors
    /// The connection's errors.
    pub(crate) fn may_create_schemas(&mut self) -> Result<bool> {
        let sql = "SELECT has_database_privilege(current_database(), 'CREATE')";
        Ok(self.connection.text(sql)? == "t")
    }

    /// Whether a job has a record of its progress.
    ///
    /// # Errors
    /// The connection's errors.
    fn has_progress(&mut self, job_id: &str) -> Result<bool> {
        if !self.has_table(SCHEMA, "progress")? {
            return Ok(false);
        }
        let sql = format!(
            "SELECT 1 FROM {SCHEMA}.progress WHERE job = {} AND position IS NOT NULL",
            literal(job_id)
        );
        Ok(!self.connection.text(&sql)?.is_empty())
    }

    /// The tables that something is kept of under one of these names, as the job calls them.
    ///
    /// # Errors
    /// The connection's errors.
    pub(crate) fn kept_tables(&mut self, job_ids: &[String]) -> Result<Vec<String>> {
        if !self.has_table(SCHEMA, "tables")? {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = job_ids.iter().map(|id| literal(id)).collect();
        let sql =
            format!("SELECT table_name FROM {SCHEMA}.tables WHERE job IN ({})", ids.join(", "));
        let rows = self.connection.rows(&sql)?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().flatten().next()).collect())
    }

    /// Whether there is a table of this name.
    ///
    /// # Errors
    /// The connection's errors.
    pub(crate) fn has_table(&mut self, schema: &str, name: &str) -> Result<bool> {
        has_table(&mut self.connection, schema, name)
    }

    /// Foreign keys of a table.
    ///
    /// # Errors
    /// The connection's errors.
    pub(crate) fn foreign_keys(&mut self, schema: &str, name: &str) -> Result<Vec<String>> {
        self.names(&format!(
            "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = {}",
            oid(schema, name)
        ))
    }

    /// Triggers of a table that are not the server's own and not disabled.
    ///
    /// # Errors
    /// The connection's errors.
    pub(crate) fn triggers(&mut self, schema: &str, name: &str) -> Result<Vec<String>> {
        self.names(&format!(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D' AND tgrelid = {}",
            oid(schema, name)
        ))
    }

    /// Begins a transaction that sees the target as it is now, and gives the job's position in it.
    ///
    /// # Errors
    /// The connection's errors.
    pub(crate) fn see(&mut self, job_id: &str) -> Result<Seen> {
        self.connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        if !self.has_progress(job_id)? {
            return Ok(Seen::NoPosition);
        }
        let position = appliers::one_position(&mut self.connection, job_id)?;
        Ok(position.map_or(Seen::Apart, Seen::At))
    }

    /// How far a table's copy is, as the job keeps it; `None` of a table that it keeps nothing of.
    ///
    /// # Errors
    /// The connection's errors.
    pub(crate) fn table_copy(&mut self, job_id: &str, table: &str) -> Result<Option<String>> {
        let sql = format!(
            "SELECT copied FROM {SCHEMA}.tables WHERE job = {} AND table_name = {}",
            literal(job_id),
            literal(table)
        );
        let record = self.connection.rows(&sql)?.into_iter().next();
        Ok(record.map(|row| row.into_iter().flatten().next().unwrap_or_default()))
    }

    /// Ends that transaction.
    ///
    /// # Errors
    /// The connection's errors.
    pub(crate) fn unsee(&mut self) -> Result<()> {
        self.connection.run("ROLLBACK")?;
        Ok(())
    }

    /// A table's columns and key.
    ///
    /// # Errors
    /// `SchemaMismatch` if there is no such table.
    pub(crate) fn table(&mut self, schema: &str, name: &str) -> Result<ApplyTable> {
        catalog::table(&mut self.connection, schema, name)
    }

    /// A query's one number.
    ///
    /// # Errors
    /// The connection's errors.
    pub(crate) fn number(&mut self, sql: &str) -> Result<u64> {
        Ok(self.connection.text(sql)?.parse().unwrap_or(0))
    }

    /// A query's rows, one at a time.
    ///
    /// # Errors
    /// The connection's errors, and those of `each`.
    pub(crate) fn each_row(
        &mut self,
        sql: &str,
        each: &mut dyn FnMut(Row) -> Result<()>,
    ) -> Result<()> {
        Ok(self.connection.each_row(sql, each)?)
    }

    fn names(&mut self, sql: &str) -> Result<Vec<String>> {
        let rows = self.connection.rows(sql)?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }
}

/// A table's number, as a subquery.
fn oid(schema: &str, name: &str) -> String {
    format!(
        "(SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = {} AND c.relname = {})",
        literal(schema),
        literal(name)
    )
}

/// Whether there is a table of this name.
pub(super) fn has_table(connection: &mut Connection, schema: &str, name: &str) -> Result<bool> {
    Ok(!connection.text(&format!("SELECT {}", oid(schema, name)))?.is_empty())
}
