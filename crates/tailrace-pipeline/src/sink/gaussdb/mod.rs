//! GaussDB Distributed as the target of rows: structure, copies of tables, and changes applied in whole transactions.

mod apply;
mod catalog;
mod connection;
mod login;
mod progress;
mod refused;

use tailrace_codec::gaussdb::apply::{ApplyTable, Changes, Conflict};

use apply::Applier;
pub use apply::ApplyTables;
use connection::Connection;
use progress::Progress;
pub use refused::Refused;

use crate::error::Result;
use crate::job::GaussEndpoint;
use crate::run::StopSignal;

/// A target, owned by one worker of a job. What it does within a transaction becomes visible with the position it commits.
///
/// After an error it is to be opened anew: whether a commit that was under way took place is known then.
pub struct GaussSink {
    connection: Connection,
    progress: Progress,
    applier: Applier,
}

impl GaussSink {
    /// Connects, fences every older worker of the job, and gives the position that was last committed.
    ///
    /// # Errors
    /// `TargetConnection`, `TargetAuthentication`, `TargetPrivilege`; `Fenced` if a worker of a newer epoch has the job.
    pub fn open(
        endpoint: &GaussEndpoint,
        job_id: &str,
        epoch: u64,
        stop: StopSignal,
    ) -> Result<(Self, Option<String>)> {
        let mut connection = Connection::connect(endpoint, stop)?;
        let (progress, position) = Progress::take_over(&mut connection, job_id, epoch)?;
        Ok((Self { connection, progress, applier: Applier::default() }, position))
    }

    /// What the server says of its version.
    pub fn version(&self) -> &str {
        self.connection.version()
    }

    /// Reads a table of the target.
    ///
    /// # Errors
    /// `SchemaMismatch` if it is not there, or no key of it holds the columns by which its rows are distributed.
    pub fn table(&mut self, schema: &str, name: &str) -> Result<ApplyTable> {
        catalog::table(&mut self.connection, schema, name)
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// `Fenced` if another worker has taken the job over; the connection's errors.
    pub fn begin(&mut self) -> Result<()> {
        self.applier.transaction_begins();
        Ok(self.progress.begin(&mut self.connection)?)
    }

    /// Runs a statement that changes a table's definition in the open transaction.
    ///
    /// # Errors
    /// What the server refuses, with the statement.
    pub fn define(&mut self, statement: &str) -> Result<()> {
        let ran = self.connection.run(statement);
        ran.map(drop).map_err(|failure| crate::Error::from(failure).context(statement))
    }

    /// Copies rows, in the text format of `COPY`, into a table in the open transaction; how many they were.
    ///
    /// # Errors
    /// What the server refuses, with the table.
    pub fn copy(&mut self, table: &ApplyTable, rows: &[u8]) -> Result<u64> {
        let statement = apply::copy_statement(table);
        self.connection.begin_copy(&statement)?;
        self.connection.copy(rows)?;
        let copied = self.connection.end_copy();
        copied.map_err(|failure| crate::Error::from(failure).context(table.full_name()))
    }

    /// Applies changes in the open transaction.
    ///
    /// # Errors
    /// `TargetRow` for the first change that does not fit, by the policy; the connection's errors.
    pub fn apply(
        &mut self,
        tables: &ApplyTables,
        changes: &Changes,
        conflict: Conflict,
    ) -> Result<()> {
        self.applier.apply(&mut self.connection, tables, changes, conflict)
    }

    /// Commits the open transaction with the position that it reaches.
    ///
    /// # Errors
    /// The connection's errors, after which it may have been committed.
    pub fn commit(&mut self, position: &str) -> Result<()> {
        Ok(self.progress.commit(&mut self.connection, position)?)
    }

    /// Gives the open transaction up.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn roll_back(&mut self) -> Result<()> {
        self.applier.rolled_back();
        self.connection.run("ROLLBACK")?;
        Ok(())
    }

    /// Removes the job's progress record.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn forget(&mut self) -> Result<()> {
        Ok(self.progress.forget(&mut self.connection)?)
    }
}
