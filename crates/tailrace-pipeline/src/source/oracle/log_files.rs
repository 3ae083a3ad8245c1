//! Which files hold a part of the log, of every instance that writes one; and how far the log is in its files.

use std::collections::{BTreeMap, BTreeSet};

use oracledb::Row;

use super::session::{Session, number, text};
use crate::error::{Error, ErrorKind, Result};

/// How often the files are looked for while one of them is missing: it may be archived and used again just then.
const LOOKS_MAX: usize = 3;

/// A log file of a thread: the thread's number and the file's sequence.
type LogNumber = (u64, u64);

/// What is known of a log file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Log {
    first_scn: u64,
    /// Behind the last.
    next_scn: u64,
    /// Its name, if the file is there.
    name: Option<String>,
}

/// The SCN up to which everything that was logged is in files. What an instance has logged waits in memory for its log writer,
/// at most for some three seconds: LogMiner does not tell it yet, although the database's SCN is behind it. Rows of the same SCN
/// may be in the file in part, so the SCN before it counts.
///
/// # Errors
/// Those of the session; `SourceStatement` if the database does not tell.
pub(crate) fn written_scn(session: &Session) -> Result<u64> {
    // Threads that are closed have nothing in memory.
    let sql = "SELECT MIN(last_redo_change#) FROM v$thread WHERE status = 'OPEN'";
    let written = session.number(sql, &[])?.filter(|scn| *scn > 0);
    written.map(|scn| scn - 1).ok_or_else(|| {
        let text =
            "the source does not tell how far its log is written (V$THREAD.LAST_REDO_CHANGE#)";
        Error::new(ErrorKind::SourceStatement, text)
    })
}

/// Where the log is looked for: online, and in the archive where that may know more.
#[derive(Debug, Default)]
pub(crate) struct LogFiles {
    /// Threads that had online logs at the last look.
    threads: BTreeSet<u64>,
    /// Up to this SCN there may be threads that have no online logs any more: their instances have left the cluster.
    archive_until: u64,
}

impl LogFiles {
    /// The files that hold the log between two SCNs, both included, of all threads.
    ///
    /// # Errors
    /// `PositionLost` if one is not there any more; those of the session.
    pub(super) fn between(&mut self, session: &Session, from: u64, to: u64) -> Result<Vec<String>> {
        let mut missing = None;
        for _ in 0..LOOKS_MAX {
            let (mut logs, threads) = online(session, from, to)?;
            // At the first look nobody knows who was there before.
            if self.threads.is_empty() || !self.threads.is_subset(&threads) {
                self.archive_until = super::mining::current_scn(session)?;
            }
            self.threads = threads;
            if from <= self.archive_until || !is_each_in_one(&logs, from) {
                archived(session, from, to, &mut logs)?;
            }
            missing = gap(session, &logs, from)?;
            if missing.is_none() {
                return Ok(logs.into_values().filter_map(|log| log.name).collect());
            }
        }
        let (thread, sequence) = missing.unwrap_or_default();
        let text = format!(
            "log file {sequence} of thread {thread}, which holds changes from SCN {from} on, is neither online nor archived any \
             more; restore it to where it was archived and resume the job, or begin the job anew"
        );
        Err(Error::new(ErrorKind::PositionLost, text))
    }
}

/// Whether of each thread one log holds what begins at an SCN, so that the archive has nothing to add.
fn is_each_in_one(logs: &BTreeMap<LogNumber, Log>, from: u64) -> bool {
    !logs.is_empty() && logs.values().all(|log| log.first_scn <= from && log.next_scn > from)
}

/// A log of a row: thread, sequence, first and next SCN.
fn log(row: &Row) -> Result<(LogNumber, Log)> {
    let whole = |column: usize| Ok::<_, Error>(number(row, column)?.unwrap_or(0));
    Ok(((whole(0)?, whole(1)?), Log { first_scn: whole(2)?, next_scn: whole(3)?, name: None }))
}

/// The online logs that are needed, and all threads that have some.
fn online(
    session: &Session,
    from: u64,
    to: u64,
) -> Result<(BTreeMap<LogNumber, Log>, BTreeSet<u64>)> {
    let mut members: BTreeMap<u64, String> = BTreeMap::new();
    let sql = "SELECT group#, member, status FROM v$logfile WHERE type = 'ONLINE'";
    session.each(sql, &[], |row| {
        // What is STALE is incomplete, what is INVALID cannot be read.
        let is_whole = text(row, 2)?.is_none_or(|status| status.is_empty());
        if let (Some(group), Some(member), true) = (number(row, 0)?, text(row, 1)?, is_whole) {
            members.entry(group).or_insert(member);
        }
        Ok::<(), Error>(())
    })?;
    let (mut logs, mut threads) = (BTreeMap::new(), BTreeSet::new());
    let sql = "SELECT thread#, sequence#, first_change#, next_change#, group# FROM v$log \
               WHERE status <> 'UNUSED'";
    session.each(sql, &[], |row| {
        let (number_of, mut found) = log(row)?;
        threads.insert(number_of.0);
        if found.next_scn > from && found.first_scn <= to {
            found.name = number(row, 4)?.and_then(|group| members.get(&group).cloned());
            logs.insert(number_of, found);
        }
        Ok::<(), Error>(())
    })?;
    Ok((logs, threads))
}

/// SCN at which the database's incarnation began, which tells its archived files from those of an older one.
pub(super) fn incarnation(session: &Session) -> Result<u64> {
    Ok(session.number("SELECT resetlogs_change# FROM v$database", &[])?.unwrap_or(0))
}

/// Archived files go before online ones, which may be written over; those that were deleted are known but have no name.
fn archived(
    session: &Session,
    from: u64,
    to: u64,
    logs: &mut BTreeMap<LogNumber, Log>,
) -> Result<()> {
    let (from, to) = (super::mining::signed(from)?, super::mining::signed(to)?);
    let incarnation = super::mining::signed(incarnation(session)?)?;
    let sql = "SELECT thread#, sequence#, first_change#, next_change#, name, archived, deleted FROM v$archived_log \
               WHERE next_change# > :1 AND first_change# <= :2 AND resetlogs_change# = :3 AND standby_dest = 'NO'";
    session.each(sql, &[&from, &to, &incarnation], |row| {
        let (number_of, found) = log(row)?;
        let is_there =
            text(row, 5)?.as_deref() == Some("YES") && text(row, 6)?.as_deref() == Some("NO");
        let known = logs.entry(number_of).or_insert(found);
        if let Some(name) = text(row, 4)?.filter(|_| is_there) {
            known.name = Some(name);
        }
        Ok(())
    })
}

/// The first log file that is needed and not there.
fn gap(session: &Session, logs: &BTreeMap<LogNumber, Log>, from: u64) -> Result<Option<LogNumber>> {
    let mut before: Option<LogNumber> = None;
    for ((thread, sequence), log) in logs {
        let last = before.filter(|(same, _)| same == thread).map(|(_, last)| last);
        let first_missing = match last {
            Some(last) => Some(last + 1).filter(|next| next != sequence),
            // The thread's first one that is needed.
            None => {
                let is_covered =
                    log.first_scn <= from || begins_there(session, (*thread, *sequence), from)?;
                (!is_covered).then(|| sequence - 1)
            }
        };
        if let Some(missing) = first_missing {
            return Ok(Some((*thread, missing)));
        }
        if log.name.is_none() {
            return Ok(Some((*thread, *sequence)));
        }
        before = Some((*thread, *sequence));
    }
    Ok(logs.is_empty().then_some((0, 0)))
}

/// Whether a thread has logged nothing between an SCN and the begin of a log file behind it: the instance was not running, or
/// there was none.
fn begins_there(session: &Session, (thread, sequence): LogNumber, from: u64) -> Result<bool> {
    if sequence <= 1 {
        return Ok(true);
    }
    let (of, previous) = (super::mining::signed(thread)?, super::mining::signed(sequence - 1)?);
    let mut ended = None;
    for view in ["v$log", "v$archived_log", "v$log_history"] {
        let sql =
            format!("SELECT MAX(next_change#) FROM {view} WHERE thread# = :1 AND sequence# = :2");
        ended = ended.max(session.number(&sql, &[&of, &previous])?);
    }
    let enabled =
        session.number("SELECT enable_change# FROM v$thread WHERE thread# = :1", &[&of])?;
    Ok(ended.is_some_and(|next| next <= from) || enabled.is_some_and(|scn| scn > from))
}
