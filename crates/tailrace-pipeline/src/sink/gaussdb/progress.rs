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
    /// The job's name as a literal.
    job: String,
    epoch: u64,
}

impl Progress {
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
        make_table(connection)?;
        let progress = Self { job: literal(job_id), epoch };
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
        connection.run(&format!(
            "UPDATE {SCHEMA}.progress SET epoch = {} WHERE job = {}",
            self.epoch, self.job
        ))?;
        Ok(cells.next().flatten())
    }

    /// Begins a transaction in which this worker owns the job.
    ///
    /// # Errors
    /// `Fenced` if another worker has taken it over.
    pub(super) fn begin(&self, connection: &mut Connection) -> Result<(), Failure> {
        let owned = self.lock(connection);
        if matches!(owned, Err(Failure::Broken(ref e)) if e.kind() == ErrorKind::Fenced) {
            // Whoever has the job now is not to wait for this one.
            connection.run("ROLLBACK")?;
        }
        owned
    }

    fn lock(&self, connection: &mut Connection) -> Result<(), Failure> {
        let theirs = connection.rows(&format!(
            "BEGIN; SELECT epoch FROM {SCHEMA}.progress WHERE job = {} FOR UPDATE",
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
        connection
            .run(&format!("DELETE FROM {SCHEMA}.progress WHERE job = {}; COMMIT", self.job))?;
        Ok(())
    }

    fn fenced(&self, epoch: u64) -> Error {
        let text = format!(
            "the job's progress at the target belongs to a worker of epoch {epoch}; this one has {}",
            self.epoch
        );
        Error::new(ErrorKind::Fenced, text)
    }
}

/// Makes the schema and the table if they are not there.
fn make_table(connection: &mut Connection) -> Result<()> {
    let is_there = connection.text(&format!(
        "SELECT 1 FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'progress' \
         WHERE n.nspname = '{SCHEMA}' AND c.oid IS NOT NULL"
    ))?;
    if !is_there.is_empty() {
        return Ok(());
    }
    let has_schema =
        connection.text(&format!("SELECT 1 FROM pg_namespace WHERE nspname = '{SCHEMA}'"))?;
    let schema = format!("CREATE SCHEMA {SCHEMA}");
    let table = format!(
        "CREATE TABLE {SCHEMA}.progress (job character varying({JOB_CHARS_MAX}) PRIMARY KEY, epoch bigint NOT NULL, \
         position text) DISTRIBUTE BY HASH (job)"
    );
    let statements = if has_schema.is_empty() { vec![schema, table] } else { vec![table] };
    for statement in statements {
        match connection.run(&statement) {
            Ok(_) => {}
            // Another job made it at the same time: duplicate_schema, duplicate_table, unique_violation of the catalog.
            Err(Failure::Refused(refused))
                if ["42P06", "42P07", "23505"].contains(&refused.code.as_str()) => {}
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

fn number(cell: Option<String>) -> Result<u64> {
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
