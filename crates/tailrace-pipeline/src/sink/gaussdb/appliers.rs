//! Several appliers of one job, each with a connection, a transaction and a position of its own.
//!
//! The first is the job's own, whose position is in its progress record; the others have a record each. They work in rounds:
//! the first begins, which locks the progress record; then all apply their parts; the others commit; the first commits as the
//! last. So whoever has locked the progress record finds none of them at work, and after a crash the job's position is the
//! least of all, from which the others are ahead by one round at most.

use super::connection::Connection;
use super::progress::{Progress, SCHEMA, literal, number};
use super::refused::Failure;
use crate::error::{Error, ErrorKind, Result};

impl Progress {
    /// The positions of the other appliers, by their numbers, which are 1 and up.
    pub(super) fn applier_positions(
        &self,
        connection: &mut Connection,
    ) -> Result<Vec<String>, Failure> {
        let rows = connection.rows(&format!(
            "SELECT position FROM {SCHEMA}.appliers WHERE job = {} ORDER BY applier",
            self.job()
        ))?;
        Ok(rows
            .into_iter()
            .map(|row| row.into_iter().next().flatten().unwrap_or_default())
            .collect())
    }

    /// Makes it so many others in the open transaction, all at one position.
    pub(super) fn set_appliers(
        &self,
        connection: &mut Connection,
        others: usize,
        position: &str,
    ) -> Result<(), Failure> {
        let (job, epoch, position) = (self.job(), self.epoch, literal(position));
        connection.run(&format!("DELETE FROM {SCHEMA}.appliers WHERE job = {job}"))?;
        for applier in 1..=others {
            connection.run(&format!(
                "INSERT INTO {SCHEMA}.appliers (job, applier, epoch, position) VALUES ({job}, {applier}, {epoch}, {position})"
            ))?;
        }
        Ok(())
    }

    /// Gives all others the position that the open transaction reaches, while none of them is at work.
    pub(super) fn move_appliers(
        &self,
        connection: &mut Connection,
        position: &str,
    ) -> Result<(), Failure> {
        connection.run(&format!(
            "UPDATE {SCHEMA}.appliers SET position = {} WHERE job = {}",
            literal(position),
            self.job()
        ))?;
        Ok(())
    }

    /// Begins a transaction of one of the others.
    ///
    /// # Errors
    /// `Fenced` if another worker has taken the job over.
    pub(super) fn begin_applier(
        &self,
        connection: &mut Connection,
        applier: u32,
    ) -> Result<(), Failure> {
        let theirs = connection.rows(&format!(
            "BEGIN; SELECT epoch FROM {SCHEMA}.appliers WHERE job = {} AND applier = {applier} FOR UPDATE",
            self.job()
        ))?;
        let theirs = theirs.into_iter().next().ok_or_else(|| {
            Error::new(ErrorKind::Fenced, "the applier's record at the target was removed")
        })?;
        match number(theirs.into_iter().next().flatten())? {
            epoch if epoch == self.epoch => Ok(()),
            epoch => Err(self.fenced(epoch).into()),
        }
    }

    /// Commits it with the position that it reaches.
    pub(super) fn commit_applier(
        &self,
        connection: &mut Connection,
        applier: u32,
        position: &str,
    ) -> Result<(), Failure> {
        connection.run(&format!(
            "UPDATE {SCHEMA}.appliers SET position = {} WHERE job = {} AND applier = {applier}; COMMIT",
            literal(position),
            self.job()
        ))?;
        Ok(())
    }
}

/// The one position of all appliers of a job, as it is in the open transaction; empty before the first. `None` if they are at
/// different ones: between two commits of a round, or since they were killed there.
pub(super) fn one_position(connection: &mut Connection, job_id: &str) -> Result<Option<String>> {
    let job = literal(job_id);
    let own = format!("SELECT position FROM {SCHEMA}.progress WHERE job = {job}");
    let own = connection.text(&own)?;
    // A worker of an older version has made no such table.
    if !super::inspection::has_table(connection, SCHEMA, "appliers")? {
        return Ok(Some(own));
    }
    let others = connection.text(&format!(
        "SELECT count(*) FROM {SCHEMA}.appliers WHERE job = {job} AND position <> {}",
        literal(&own)
    ))?;
    Ok((others == "0").then_some(own))
}
