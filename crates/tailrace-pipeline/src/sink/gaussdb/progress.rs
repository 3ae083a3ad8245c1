//! The job's progress record in the target: it moves in the transaction that applies what it covers.
//!
//! One row for each job, with the epoch of the worker that owns it. A worker locks its row before it applies anything, so an
//! older one that comes back finds a newer epoch and stops, and a newer one waits until the older one's transaction has ended.

use super::connection::Connection;
use super::refused::Failure;
use crate::error::{Error, ErrorKind, Result};

/// Schema of everything that Tailrace keeps at the target.
pub(crate) const SCHEMA: &str = "tailrace";
/// Longest name of a job, characters.
const JOB_CHARS_MAX: usize = 100;
/// Times that a row is looked for when another worker makes it at the same time.
const ATTEMPTS: usize = 3;

/// The record of one job.
#[derive(Debug)]
pub(super) struct Progress {
    job_id: String,
    /// The job's name as a literal.
    job: String,
    pub(super) epoch: u64,
}

/// What is kept of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRecord {
    /// The table's name, as the job calls it.
    pub name: String,
    /// Its definition.
    pub version: Option<String>,
    /// How far its copy is.
    pub copied: Option<String>,
}

impl Progress {
    /// The job's name.
    pub(super) fn job_id(&self) -> &str {
        &self.job_id
    }

    /// The job's name as a literal.
    pub(super) fn job(&self) -> &str {
        &self.job
    }

    /// The record of a job that was taken over.
    pub(super) fn of(job_id: &str, epoch: u64) -> Self {
        // The target's numbers have a sign.
        let job = literal(job_id);
        Self { job_id: job_id.to_owned(), job, epoch: epoch.min(i64::MAX as u64) }
    }

    /// The record of a job, as whichever worker owns it now.
    ///
    /// # Errors
    /// `Configuration` if the job has none.
    pub(super) fn of_owner(connection: &mut Connection, job_id: &str) -> Result<Self> {
        let none = || {
            let text = format!(
                "job {job_id:?} has no progress record at the target: it was never started"
            );
            Error::new(ErrorKind::Configuration, text)
        };
        if !super::inspection::has_table(connection, SCHEMA, "progress")? {
            return Err(none());
        }
        let sql = format!("SELECT epoch FROM {SCHEMA}.progress WHERE job = {}", literal(job_id));
        let row = connection.rows(&sql)?.into_iter().next().ok_or_else(none)?;
        Ok(Self::of(job_id, number(row.into_iter().next().flatten())?))
    }

    /// Takes the job over for a worker of this epoch, and gives the position that was last committed.
    ///
    /// # Errors
    /// `Fenced` if a worker of a newer epoch has it; `TargetPrivilege` if the schema or its table cannot be made.
    pub(super) fn take_over(
        connection: &mut Connection,
        job_id: &str,
        epoch: u64,
    ) -> Result<(Self, Option<String>)> {
        if job_id.chars().count() > JOB_CHARS_MAX {
            let text = format!("job {job_id:?}: its name has more than {JOB_CHARS_MAX} characters");
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        make_tables(connection)?;
        let progress = Self::of(job_id, epoch);
        for _ in 0..ATTEMPTS {
            connection.run("BEGIN")?;
            let taken = progress.take(connection);
            match taken {
                Ok(position) => {
                    connection.run("COMMIT")?;
                    return Ok((progress, position));
                }
                // Another worker has made the row since it was looked for.
                Err(Failure::Refused(refused)) if refused.is_duplicate() => {
                    connection.run("ROLLBACK")?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::new(ErrorKind::Target, "the progress record is made and gone again and again"))
    }

    fn take(&self, connection: &mut Connection) -> Result<Option<String>, Failure> {
        let rows = connection.rows(&format!(
            "SELECT epoch, position FROM {SCHEMA}.progress WHERE job = {} FOR UPDATE",
            self.job
        ))?;
        let Some(row) = rows.into_iter().next() else {
            connection.run(&format!(
                "INSERT INTO {SCHEMA}.progress (job, epoch) VALUES ({}, {})",
                self.job, self.epoch
            ))?;
            return Ok(None);
        };
        let mut cells = row.into_iter();
        let theirs = number(cells.next().flatten())?;
        if theirs > self.epoch {
            return Err(self.fenced(theirs).into());
        }
        // Waits for the ends of those that the worker before has left in the midst of their transactions.
        connection.run(&format!(
            "UPDATE {SCHEMA}.progress SET epoch = {epoch} WHERE job = {job}; \
             UPDATE {SCHEMA}.appliers SET epoch = {epoch} WHERE job = {job}",
            epoch = self.epoch,
            job = self.job
        ))?;
        Ok(cells.next().flatten())
    }

    /// Begins a transaction in which this worker owns the job.
    ///
    /// # Errors
    /// `Fenced` if another worker has taken it over.
    pub(super) fn begin(&self, connection: &mut Connection) -> Result<(), Failure> {
        self.begin_with(connection, "UPDATE")
    }

    /// Begins a transaction of several that may be open at a time, in none of which another worker can take the job over.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(super) fn begin_beside(&self, connection: &mut Connection) -> Result<(), Failure> {
        self.begin_with(connection, "SHARE")
    }

    fn begin_with(&self, connection: &mut Connection, lock: &str) -> Result<(), Failure> {
        let owned = self.lock(connection, lock);
        if matches!(owned, Err(Failure::Broken(ref e)) if e.kind() == ErrorKind::Fenced) {
            // Whoever has the job now is not to wait for this one.
            connection.run("ROLLBACK")?;
        }
        owned
    }

    fn lock(&self, connection: &mut Connection, lock: &str) -> Result<(), Failure> {
        let theirs = connection.rows(&format!(
            "BEGIN; SELECT epoch FROM {SCHEMA}.progress WHERE job = {} FOR {lock}",
            self.job
        ))?;
        let theirs = theirs.into_iter().next().ok_or_else(|| {
            Error::new(ErrorKind::Fenced, "the job's progress record at the target was removed")
        })?;
        match number(theirs.into_iter().next().flatten())? {
            epoch if epoch == self.epoch => Ok(()),
            epoch => Err(self.fenced(epoch).into()),
        }
    }

    /// Commits the open transaction together with the position that it reaches.
    pub(super) fn commit(
        &self,
        connection: &mut Connection,
        position: &str,
    ) -> Result<(), Failure> {
        connection.run(&format!(
            "UPDATE {SCHEMA}.progress SET position = {} WHERE job = {}; COMMIT",
            literal(position),
            self.job
        ))?;
        Ok(())
    }

    /// Removes the record.
    pub(super) fn forget(&self, connection: &mut Connection) -> Result<(), Failure> {
        self.begin(connection)?;
        self.remove(connection, &self.job_id)?;
        connection.run("COMMIT")?;
        Ok(())
    }

    /// Keeps a table's version in the open transaction.
    pub(super) fn save_table_version(
        &self,
        connection: &mut Connection,
        table: &str,
        version: &str,
    ) -> Result<(), Failure> {
        self.save_of_table(connection, table, ("version", version))
    }

    /// Keeps how far a table's copy is in the open transaction. The table has a version already.
    pub(super) fn save_table_copy(
        &self,
        connection: &mut Connection,
        table: &str,
        copied: &str,
    ) -> Result<(), Failure> {
        self.save_of_table(connection, table, ("copied", copied))
    }

    fn save_of_table(
        &self,
        connection: &mut Connection,
        table: &str,
        (column, value): (&str, &str),
    ) -> Result<(), Failure> {
        let (job, table, value) = (&self.job, literal(table), literal(value));
        let there = connection.run(&format!(
            "UPDATE {SCHEMA}.tables SET {column} = {value} WHERE job = {job} AND table_name = {table}"
        ))?;
        if there == 0 {
            connection.run(&format!(
                "INSERT INTO {SCHEMA}.tables (job, table_name, {column}) VALUES ({job}, {table}, {value})"
            ))?;
        }
        Ok(())
    }

    /// What is kept of a job's tables.
    pub(super) fn tables(
        connection: &mut Connection,
        job: &str,
    ) -> Result<Vec<TableRecord>, Failure> {
        let rows = connection.rows(&format!(
            "SELECT table_name, version, copied FROM {SCHEMA}.tables WHERE job = {}",
            literal(job)
        ))?;
        let record = |row: Vec<Option<String>>| {
            let mut cells = row.into_iter();
            TableRecord {
                name: cells.next().flatten().unwrap_or_default(),
                version: cells.next().flatten(),
                copied: cells.next().flatten(),
            }
        };
        Ok(rows.into_iter().map(record).collect())
    }

    /// Forgets tables that the job has no more, in the open transaction.
    pub(super) fn forget_tables(
        &self,
        connection: &mut Connection,
        names: &[String],
    ) -> Result<(), Failure> {
        for name in names {
            connection.run(&format!(
                "DELETE FROM {SCHEMA}.tables WHERE job = {} AND table_name = {}",
                self.job,
                literal(name)
            ))?;
        }
        Ok(())
    }

    /// Takes over the changes that were put aside under another name, in the open transaction.
    pub(super) fn adopt_aside(
        &self,
        connection: &mut Connection,
        from: &str,
    ) -> Result<(), Failure> {
        // Rows are distributed by the job's name, which therefore cannot be updated.
        let (job, from) = (&self.job, literal(from));
        connection.run(&format!(
            "INSERT INTO {SCHEMA}.dirty_rows (job, id, table_name, kind, scn, at_ms, statement, error, row_keys) \
             SELECT {job}, id + (SELECT coalesce(max(id), 0) FROM {SCHEMA}.dirty_rows WHERE job = {job}), \
             table_name, kind, scn, at_ms, statement, error, row_keys FROM {SCHEMA}.dirty_rows WHERE job = {from}"
        ))?;
        Ok(())
    }

    /// Removes all that is kept of a job, in the open transaction.
    pub(super) fn remove(&self, connection: &mut Connection, job: &str) -> Result<(), Failure> {
        for table in ["tables", "dirty_rows", "appliers", "progress"] {
            let job = literal(job);
            connection.run(&format!("DELETE FROM {SCHEMA}.{table} WHERE job = {job}"))?;
        }
        Ok(())
    }

    pub(super) fn fenced(&self, epoch: u64) -> Error {
        let text = format!(
            "the job's progress at the target belongs to a worker of epoch {epoch}; this one has {}",
            self.epoch
        );
        Error::new(ErrorKind::Fenced, text)
    }
}

/// Makes the schema and its tables if they are not there.
fn make_tables(connection: &mut Connection) -> Result<()> {
    let has_schema = format!("SELECT 1 FROM pg_namespace WHERE nspname = '{SCHEMA}'");
    if connection.text(&has_schema)?.is_empty() {
        make(connection, &format!("CREATE SCHEMA {SCHEMA}"))?;
    }
    for (name, columns) in TABLES {
        let is_there = format!(
            "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = '{SCHEMA}' AND c.relname = '{name}'"
        );
        if connection.text(&is_there)?.is_empty() {
            let columns =
                columns.replace("JOB", &format!("job character varying({JOB_CHARS_MAX})"));
            make(
                connection,
                &format!("CREATE TABLE {SCHEMA}.{name} ({columns}) DISTRIBUTE BY HASH (job)"),
            )?;
        }
    }
    Ok(())
}

/// What is kept: positions, of jobs and of the further appliers of one; of tables their definitions there, and how far their copies are; changes that were put aside.
const TABLES: [(&str, &str); 4] = [
    ("progress", "JOB PRIMARY KEY, epoch bigint NOT NULL, position text"),
    (
        "appliers",
        "JOB, applier integer, epoch bigint NOT NULL, position text, PRIMARY KEY (job, applier)",
    ),
    (
        "tables",
        "JOB, table_name character varying(300), version text, copied text, PRIMARY KEY (job, table_name)",
    ),
    (
        "dirty_rows",
        "JOB, id bigint, table_name character varying(300), kind character varying(10), scn bigint, at_ms bigint, statement text, \
         error text, row_keys text, PRIMARY KEY (job, id)",
    ),
];

fn make(connection: &mut Connection, statement: &str) -> Result<()> {
    match connection.run(statement) {
        Ok(_) => Ok(()),
        // Another job made it at the same time: duplicate_schema, duplicate_table, duplicate_object, unique_violation of the catalog.
        Err(Failure::Refused(refused))
            if ["42P06", "42P07", "42710", "23505"].contains(&refused.code.as_str()) =>
        {
            Ok(())
        }
        Err(other) => Err(other.into()),
    }
}

pub(super) fn number(cell: Option<String>) -> Result<u64> {
    let text = cell.unwrap_or_default();
    text.parse().map_err(|_| {
        let text = format!("the progress record at the target has the epoch {text:?}");
        Error::new(ErrorKind::Checkpoint, text)
    })
}

/// A text in quotes.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
