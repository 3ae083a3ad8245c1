//! What a precheck asks of a target, without taking a job over.

use super::connection::Connection;
use super::progress::{SCHEMA, literal};
use crate::error::Result;
use crate::job::GaussEndpoint;
use crate::run::StopSignal;

/// A target that is looked at.
pub(crate) struct Inspection {
    connection: Connection,
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
    pub(crate) fn has_progress(&mut self, job_id: &str) -> Result<bool> {
        if !self.has_table(SCHEMA, "progress")? {
            return Ok(false);
        }
        let sql = format!(
            "SELECT 1 FROM {SCHEMA}.progress WHERE job = {} AND position IS NOT NULL",
            literal(job_id)
        );
        Ok(!self.connection.text(&sql)?.is_empty())
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
