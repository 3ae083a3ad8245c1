//! How many bytes of the log lie between SCNs, so that a window has as much to read as it should.
//!
//! The database tells of a log file its bytes and its first and last SCN, so that within a file they count as spread evenly. What
//! comes of it is a measure of windows and nothing else: where it is wrong, the next window is longer or shorter.

use std::collections::{BTreeMap, HashMap};

use super::log_files::incarnation;
use super::mining::signed;
use super::session::{Session, number};
use crate::error::{Error, Result};

/// SCNs that are read in one window without a look at their bytes.
const SCNS_UNASKED: u64 = 1000;

/// A log file's part of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    first_scn: u64,
    /// Behind the last.
    next_scn: u64,
    bytes: u64,
}

impl Stretch {
    /// Its bytes between two SCNs, both included.
    fn bytes_between(&self, from: u64, to: u64) -> u64 {
        let begin = self.first_scn.max(from);
        let end = self.next_scn.min(to.saturating_add(1));
        let scns = u128::from(self.next_scn.saturating_sub(self.first_scn).max(1));
        let share = u128::from(end.saturating_sub(begin)) * u128::from(self.bytes) / scns;
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}

/// The last SCN of a window of about so many bytes that begins at `from` and does not go beyond `newest`.
///
/// # Errors
/// Those of the session.
pub(crate) fn end_of_window(
    session: &Session,
    (from, newest): (u64, u64),
    bytes: u64,
) -> Result<u64> {
    if newest.saturating_sub(from) <= SCNS_UNASKED {
        return Ok(newest);
    }
    Ok(end(&stretches(session, from, newest)?, (from, newest), bytes))
}

/// The largest SCN up to which there are no more bytes than these, by halves; all that a window has at least is its first SCNs.
fn end(stretches: &[Stretch], (from, newest): (u64, u64), bytes: u64) -> u64 {
    let has =
        |to: u64| stretches.iter().map(|stretch| stretch.bytes_between(from, to)).sum::<u64>();
    let (mut fits, mut beyond) = (from.saturating_add(SCNS_UNASKED).min(newest), newest + 1);
    while beyond - fits > 1 {
        let middle = fits + (beyond - fits) / 2;
        if has(middle) <= bytes {
            fits = middle;
        } else {
            beyond = middle;
        }
    }
    fits
}

/// What is known of the log files from an SCN on, of all threads.
fn stretches(session: &Session, from: u64, newest: u64) -> Result<Vec<Stretch>> {
    let mut files: BTreeMap<(u64, u64), Stretch> = BTreeMap::new();
    let mut online_from = u64::MAX;
    // Of files that are written to it counts what is written.
    let mut written: HashMap<(u64, u64), (u64, u64)> = HashMap::new();
    let sql =
        "SELECT thread#, last_redo_sequence#, last_redo_block, last_redo_change# FROM v$thread";
    session.each(sql, &[], |row| {
        let whole = |column: usize| Ok::<u64, Error>(number(row, column)?.unwrap_or(0));
        written.insert((whole(0)?, whole(1)?), (whole(2)?, whole(3)?));
        Ok::<(), Error>(())
    })?;
    let sql = "SELECT thread#, sequence#, first_change#, next_change#, bytes, blocksize FROM v$log \
               WHERE status <> 'UNUSED'";
    session.each(sql, &[], |row| {
        let whole = |column: usize| Ok::<u64, Error>(number(row, column)?.unwrap_or(0));
        let (file, first_scn) = ((whole(0)?, whole(1)?), whole(2)?);
        let mut stretch = Stretch { first_scn, next_scn: whole(3)?, bytes: whole(4)? };
        if let Some((blocks, last_scn)) = written.get(&file) {
            stretch.bytes = stretch.bytes.min(blocks.saturating_mul(whole(5)?));
            stretch.next_scn = stretch.next_scn.min(last_scn.saturating_add(1));
        }
        online_from = online_from.min(first_scn);
        files.insert(file, stretch);
        Ok::<(), Error>(())
    })?;
    if from < online_from {
        let incarnation = signed(incarnation(session)?)?;
        let (from, newest) = (signed(from)?, signed(newest)?);
        let sql = "SELECT thread#, sequence#, first_change#, next_change#, blocks, block_size FROM v$archived_log \
                   WHERE next_change# > :1 AND first_change# <= :2 AND resetlogs_change# = :3 AND standby_dest = 'NO'";
        session.each(sql, &[&from, &newest, &incarnation], |row| {
            let whole = |column: usize| Ok::<u64, Error>(number(row, column)?.unwrap_or(0));
            let bytes = whole(4)?.saturating_mul(whole(5)?);
            let stretch = Stretch { first_scn: whole(2)?, next_scn: whole(3)?, bytes };
            files.entry((whole(0)?, whole(1)?)).or_insert(stretch);
            Ok::<(), Error>(())
        })?;
    }
    Ok(files.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(first_scn: u64, next_scn: u64, bytes: u64) -> Stretch {
        Stretch { first_scn, next_scn, bytes }
    }

    #[test]
    fn a_window_has_the_bytes_that_it_should_of_all_threads() {
        // Ten bytes an SCN, then a hundred.
        let one = [stretch(0, 100_000, 1_000_000), stretch(100_000, 200_000, 10_000_000)];
        assert_eq!(end(&one, (0, 199_999), 500_000), 49_999);
        assert_eq!(end(&one, (50_000, 199_999), 1_000_000), 104_999);
        assert_eq!(end(&one, (0, 199_999), u64::MAX), 199_999);
        // A second thread has as many.
        let two = [one.as_slice(), &[stretch(0, 200_000, 2_000_000)]].concat();
        assert_eq!(end(&two, (0, 199_999), 500_000), 24_999);
    }

    #[test]
    fn a_window_is_never_empty_and_never_without_end() {
        let dense = [stretch(0, 10_000, u64::MAX)];
        assert_eq!(end(&dense, (5, 9_000), 1), 5 + SCNS_UNASKED);
        assert_eq!(end(&dense, (8_999, 9_000), 1), 9_000);
        // Of an SCN that no file is known for, as of none at all, the whole is one window.
        assert_eq!(end(&[], (5, 9_000_000), 1), 9_000_000);
    }
}
