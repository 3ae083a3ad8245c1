//! GaussDB Distributed as the target of rows: structure, copies of tables, and changes applied in whole transactions.

mod appliers;
mod apply;
mod aside;
mod catalog;
mod connection;
mod inspection;
mod login;
mod progress;
mod refused;

use tailrace_codec::gaussdb::apply::{ApplyTable, Changes, Conflict};

pub use apply::ApplyTables;
use apply::{Applier, Policy};
pub use aside::{Aside, AsideKey, AsideLane, AsideRow};
use connection::Connection;
pub(crate) use inspection::{Inspection, Seen};
pub use progress::TableRecord;
use progress::{Progress, literal};
use refused::Failure;
pub use refused::Refused;

use crate::error::{Error, ErrorKind, Result};
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

    /// Connects beside the worker that has taken the job over, for transactions that are open at the same time as others of it:
    /// they begin by [`begin_beside`](Self::begin_beside).
    ///
    /// # Errors
    /// `TargetConnection`, `TargetAuthentication`, `TargetPrivilege`.
    pub fn beside(
        endpoint: &GaussEndpoint,
        job_id: &str,
        epoch: u64,
        stop: StopSignal,
    ) -> Result<Self> {
        let connection = Connection::connect(endpoint, stop)?;
        let progress = Progress::of(job_id, epoch);
        Ok(Self { connection, progress, applier: Applier::default() })
    }

    /// Connects beside whichever worker has the job now, or had it last.
    ///
    /// # Errors
    /// As [`beside`](Self::beside); `Configuration` if none ever had.
    pub fn beside_owner(endpoint: &GaussEndpoint, job_id: &str, stop: StopSignal) -> Result<Self> {
        let mut connection = Connection::connect(endpoint, stop)?;
        let progress = Progress::of_owner(&mut connection, job_id)?;
        Ok(Self { connection, progress, applier: Applier::default() })
    }

    /// The job's position as it is in the open transaction; empty before the first.
    ///
    /// # Errors
    /// `Target` if the job's appliers are at different ones; the connection's errors.
    pub fn position(&mut self) -> Result<String> {
        let position = appliers::one_position(&mut self.connection, self.progress.job_id())?;
        position.ok_or_else(|| {
            let text = "the appliers of the job are at different positions, as they were killed between their commits; they \
                        meet when the job runs again";
            Error::new(ErrorKind::Target, text)
        })
    }

    /// Positions of the job's appliers beside this one.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn applier_positions(&mut self) -> Result<Vec<String>> {
        Ok(self.progress.applier_positions(&mut self.connection)?)
    }

    /// Makes it so many appliers beside this one, in the open transaction, and commits it with the position that all have.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn commit_with_appliers(&mut self, others: usize, position: &str) -> Result<()> {
        self.progress.set_appliers(&mut self.connection, others, position)?;
        self.commit(position)
    }

    /// Commits the open transaction with the position that it reaches, also for all other appliers, none of which is at work.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn commit_for_all(&mut self, position: &str) -> Result<()> {
        self.progress.move_appliers(&mut self.connection, position)?;
        self.commit(position)
    }

    /// Begins a transaction of another applier, while the job's own has one open.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_applier(&mut self, applier: u32) -> Result<()> {
        self.applier.transaction_begins();
        Ok(self.progress.begin_applier(&mut self.connection, applier)?)
    }

    /// Commits it, before the job's own commits.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn commit_applier(&mut self, applier: u32, position: &str) -> Result<()> {
        Ok(self.progress.commit_applier(&mut self.connection, applier, position)?)
    }

    /// A query's only row as texts, if there is one.
    ///
    /// # Errors
    /// What the server refuses.
    pub(crate) fn row(&mut self, sql: &str) -> Result<Option<Vec<Option<String>>>> {
        Ok(self.connection.rows(sql)?.into_iter().next())
    }

    /// Begins a transaction that does not move the job's position, beside others.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn begin_beside(&mut self) -> Result<()> {
        self.applier.transaction_begins();
        Ok(self.progress.begin_beside(&mut self.connection)?)
    }

    /// Commits such a transaction.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn commit_beside(&mut self) -> Result<()> {
        self.connection.run("COMMIT")?;
        Ok(())
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
        ran.map(drop).map_err(|failure| Error::from(failure).context(statement))
    }

    /// Makes a schema in the open transaction if it is not there.
    ///
    /// # Errors
    /// What the server refuses.
    pub fn make_schema(&mut self, schema: &str) -> Result<()> {
        let there = format!("SELECT 1 FROM pg_namespace WHERE nspname = {}", literal(schema));
        if self.connection.text(&there)?.is_empty() {
            self.define(&format!("CREATE SCHEMA \"{}\"", schema.replace('"', "\"\"")))?;
        }
        Ok(())
    }

    /// Whether there is a table of this name.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn has_table(&mut self, schema: &str, name: &str) -> Result<bool> {
        inspection::has_table(&mut self.connection, schema, name)
    }

    /// Begins to copy rows into a table in the open transaction.
    ///
    /// # Errors
    /// What the server refuses.
    pub fn begin_copy(&mut self, table: &ApplyTable) -> Result<()> {
        Ok(self.connection.begin_copy(&apply::copy_statement(table))?)
    }

    /// Sends rows of a copy, in the text format of `COPY`.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn copy_rows(&mut self, rows: &[u8]) -> Result<()> {
        self.connection.copy(rows)
    }

    /// Ends a copy; how many rows it had, or why one of them does not fit, with which the transaction has failed.
    ///
    /// # Errors
    /// What the server refuses beside that, with the table; the connection's errors.
    pub fn end_copy(&mut self, table: &ApplyTable) -> Result<Result<u64, Refused>> {
        match self.connection.end_copy() {
            Ok(rows) => Ok(Ok(rows)),
            Err(Failure::Refused(refused)) if refused.is_of_data() => Ok(Err(refused)),
            Err(failure) => Err(Error::from(failure).context(table.full_name())),
        }
    }

    /// Gives a copy up, and the open transaction with it.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn cancel_copy(&mut self) -> Result<()> {
        self.connection.cancel_copy()?;
        self.roll_back()
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
        let policy = Policy { conflict, aside: None, progress: &self.progress };
        self.applier.apply(&mut self.connection, tables, changes, &policy).map(drop)
    }

    /// Applies changes in the open transaction and puts those aside that the target refuses; how many.
    ///
    /// # Errors
    /// As [`apply`](Self::apply), where no more may be put aside and where a row is not what it was at the source while the
    /// policy says that the job stops at that.
    pub fn apply_or_set_aside(
        &mut self,
        tables: &ApplyTables,
        changes: &Changes,
        conflict: Conflict,
        aside: &Aside<'_>,
    ) -> Result<u64> {
        let policy = Policy { conflict, aside: Some(aside), progress: &self.progress };
        self.applier.apply(&mut self.connection, tables, changes, &policy)
    }

    /// A page of the changes that are put aside between two moments, and how many there are.
    ///
    /// # Errors
    /// `Checkpoint` if one is damaged; the connection's errors.
    pub fn aside(
        &mut self,
        between_ms: (i64, i64),
        page: (u64, u64),
    ) -> Result<(u64, Vec<AsideRow>)> {
        self.progress.aside(&mut self.connection, between_ms, page)
    }

    /// The changes with these numbers that are put aside.
    ///
    /// # Errors
    /// As [`aside`](Self::aside).
    pub fn aside_of(&mut self, ids: &[u64]) -> Result<Vec<AsideRow>> {
        self.progress.aside_of(&mut self.connection, ids)
    }

    /// Forgets changes that were put aside; how many there were.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn discard(&mut self, ids: &[u64]) -> Result<u64> {
        self.begin_beside()?;
        let gone = self.progress.discard(&mut self.connection, ids)?;
        self.commit_beside()?;
        Ok(gone)
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

    /// Keeps a table's version in the open transaction, in the place of the one before it.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn save_table_version(&mut self, table: &str, version: &str) -> Result<()> {
        Ok(self.progress.save_table_version(&mut self.connection, table, version)?)
    }

    /// Keeps how far a table's copy is in the open transaction.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn save_table_copy(&mut self, table: &str, copied: &str) -> Result<()> {
        Ok(self.progress.save_table_copy(&mut self.connection, table, copied)?)
    }

    /// What is kept of the job's tables.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn tables(&mut self) -> Result<Vec<TableRecord>> {
        self.tables_of(self.progress.job_id().to_owned().as_str())
    }

    /// What is kept of the tables under another name.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn tables_of(&mut self, job_id: &str) -> Result<Vec<TableRecord>> {
        Ok(Progress::tables(&mut self.connection, job_id)?)
    }

    /// Forgets tables that the job has no more, in the open transaction.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn forget_tables(&mut self, names: &[String]) -> Result<()> {
        Ok(self.progress.forget_tables(&mut self.connection, names)?)
    }

    /// Takes over, in the open transaction, the changes that were put aside under another name.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn adopt_aside(&mut self, from: &str) -> Result<()> {
        Ok(self.progress.adopt_aside(&mut self.connection, from)?)
    }

    /// Removes, in the open transaction, all that is kept under another name.
    ///
    /// # Errors
    /// The connection's errors.
    pub fn forget_other(&mut self, job_id: &str) -> Result<()> {
        Ok(self.progress.remove(&mut self.connection, job_id)?)
    }

    /// Removes the job's progress record.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub fn forget(&mut self) -> Result<()> {
        Ok(self.progress.forget(&mut self.connection)?)
    }
}
