//! Windows of the redo log by LogMiner.

use oracledb::{OracleTimestamp, Row};
use tailrace_codec::redo::{RedoRow, Xid};

use super::log_files::LogFiles;
use super::session::{Session, number, text, unexpected};
use crate::error::{Error, ErrorKind, Result};

/// The owner that LogMiner tells where its dictionary does not know a row's table as it was.
pub(crate) const UNKNOWN_OWNER: &str = "UNKNOWN";
/// The operation that ends a transaction whose changes stay.
const COMMIT: u16 = 7;
/// Bytes of a row beside its texts.
const NUMBERS_BYTES: u64 = 80;

/// A row of LogMiner's with the names of its table.
pub(crate) struct Mined<'r> {
    /// Owner of its table; empty for rows that are about none.
    pub(crate) owner: &'r str,
    /// Name of its table.
    pub(crate) table: &'r str,
    /// Number of its table as an object; 0 for rows that are about none.
    pub(crate) object: u64,
    /// When its transaction was committed, milliseconds of the Unix epoch by the clock of the database; told with commits only.
    pub(crate) committed_ms: Option<i64>,
    /// The row, whose table's number is not set yet.
    pub(crate) row: RedoRow<'r>,
}

/// The newest SCN.
///
/// # Errors
/// Those of the session.
pub(crate) fn current_scn(session: &Session) -> Result<u64> {
    let scn = session.number("SELECT current_scn FROM v$database", &[])?;
    scn.ok_or_else(|| Error::new(ErrorKind::SourceStatement, "the source tells no SCN"))
}

/// The SCN at which the oldest open transaction of all instances began, if one is open.
///
/// # Errors
/// Those of the session.
pub(crate) fn oldest_open(session: &Session) -> Result<Option<u64>> {
    session.number("SELECT MIN(start_scn) FROM gv$transaction", &[])
}

/// How far the clock that LogMiner's times are told by is ahead of UTC, milliseconds.
///
/// # Errors
/// Those of the session.
pub(crate) fn clock_offset_ms(session: &Session) -> Result<i64> {
    let mut offset = None;
    session.each("SELECT TO_CHAR(SYSTIMESTAMP, 'TZH:TZM') FROM dual", &[], |row| {
        offset = text(row, 0)?.as_deref().and_then(offset_ms);
        Ok(())
    })?;
    offset.ok_or_else(|| Error::new(ErrorKind::SourceStatement, "the source tells no time zone"))
}

/// The source's clock, milliseconds of the Unix epoch.
///
/// # Errors
/// Those of the session.
pub(crate) fn clock_ms(session: &Session) -> Result<i64> {
    let mut now = None;
    session.each("SELECT SYSDATE FROM dual", &[], |row| {
        let at: Option<OracleTimestamp> = row.get(0).map_err(|e| unexpected(0, &e))?;
        now = at.map(|at| unix_ms(&at));
        Ok(())
    })?;
    let now = now.ok_or_else(|| Error::new(ErrorKind::SourceStatement, "the source tells no time"));
    Ok(now? - clock_offset_ms(session)?)
}

/// `+05:30` in milliseconds.
fn offset_ms(text: &str) -> Option<i64> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let minutes: i64 = minutes.parse().ok()?;
    let whole: i64 = hours.parse::<i64>().ok()?.abs() * 60 + minutes;
    Some(if hours.starts_with('-') { -whole } else { whole } * 60_000)
}

/// Reads all records of the replicated container from one SCN to another, both included, in the order of the log. `clock_ahead_ms`: see
/// [`clock_offset_ms`].
///
/// # Errors
/// `PositionLost` if a log file is not there any more; those of the session and of `each`.
pub(crate) fn window(
    session: &Session,
    files: &mut LogFiles,
    (from, to): (u64, u64),
    clock_ahead_ms: i64,
    each: &mut dyn FnMut(&Mined<'_>) -> Result<()>,
) -> Result<()> {
    for (place, file) in files.between(session, from, to)?.iter().enumerate() {
        let option = if place == 0 { "NEW" } else { "ADDFILE" };
        let add = format!(
            "BEGIN DBMS_LOGMNR.ADD_LOGFILE(LOGFILENAME => :1, OPTIONS => DBMS_LOGMNR.{option}); END;"
        );
        session.run(&add, &[file])?;
    }
    let start = "BEGIN DBMS_LOGMNR.START_LOGMNR(STARTSCN => :1, ENDSCN => :2, OPTIONS => \
                 DBMS_LOGMNR.DICT_FROM_ONLINE_CATALOG + DBMS_LOGMNR.NO_ROWID_IN_STMT); END;";
    session.run(start, &[&signed(from)?, &signed(to)?])?;
    // All operations: one that is not known must stop the job, and not be passed over.
    let contents = "SELECT scn, xidusn, xidslt, xidsqn, operation_code, seg_owner, table_name, row_id, rollback, csf, \
                    sql_redo, data_obj#, timestamp FROM v$logmnr_contents";
    let (mut rows, mut bytes) = (0, 0);
    let mut take = |row: &Row| {
        mined(row, clock_ahead_ms, &mut |mined| {
            rows += 1;
            bytes += NUMBERS_BYTES
                + (mined.owner.len() + mined.table.len() + mined.row.sql.len()) as u64;
            each(mined)
        })
    };
    let read = match session.replicated_container() {
        None => session.each(contents, &[], &mut take),
        // Objects and transactions of different containers may have the same numbers.
        Some(container) => {
            let contents = format!("{contents} WHERE src_con_name = :1");
            session.each(&contents, &[&container], &mut take)
        }
    };
    session.learn(bytes, rows);
    let ended = session.run("BEGIN DBMS_LOGMNR.END_LOGMNR; END;", &[]);
    read.and(ended)
}

/// An SCN or another number as a bind.
///
/// # Errors
/// `Limit` if it is too large.
pub(super) fn signed(scn: u64) -> Result<i64> {
    i64::try_from(scn).map_err(|_| Error::new(ErrorKind::Limit, format!("SCN {scn} is too large")))
}

fn mined(
    row: &Row,
    clock_ahead_ms: i64,
    each: &mut dyn FnMut(&Mined<'_>) -> Result<()>,
) -> Result<()> {
    let whole = |column: usize| Ok::<_, Error>(number(row, column)?.unwrap_or(0));
    let small = |column: usize| {
        u32::try_from(whole(column)?).map_err(|_| unexpected(column, &"a number that is too large"))
    };
    let told = |column: usize| -> Result<&str> {
        let text: Option<&str> = row.get(column).map_err(|e| unexpected(column, &e))?;
        Ok(text.unwrap_or_default())
    };
    let operation = u16::try_from(whole(4)?).map_err(|_| unexpected(4, &"no operation"))?;
    let committed_ms = if operation == COMMIT {
        let at: Option<OracleTimestamp> = row.get(12).map_err(|e| unexpected(12, &e))?;
        at.map(|at| unix_ms(&at) - clock_ahead_ms)
    } else {
        None
    };
    each(&Mined {
        owner: told(5)?,
        table: told(6)?,
        object: whole(11)?,
        committed_ms,
        row: RedoRow {
            scn: whole(0)?,
            xid: Xid { segment: small(1)?, slot: small(2)?, sequence: small(3)? },
            operation,
            table: None,
            row_id: told(7)?,
            is_rollback: whole(8)? != 0,
            goes_on: whole(9)? != 0,
            sql: told(10)?,
        },
    })
}

/// A time of LogMiner's as if it were UTC, milliseconds of the Unix epoch.
fn unix_ms(at: &OracleTimestamp) -> i64 {
    // Days by Howard Hinnant's `days_from_civil`, whose years begin in March.
    let month = i64::from(at.month());
    let year = i64::from(at.year()) - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(at.day()) - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days * 86_400
        + i64::from(at.hour()) * 3600
        + i64::from(at.minute()) * 60
        + i64::from(at.second());
    seconds * 1000 + i64::from(at.nanoseconds() / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_zones_are_milliseconds() {
        let at = |year, month, day, hour| {
            unix_ms(&OracleTimestamp::new_timestamp(year, month, day, hour, 0, 1, 500_000_000))
        };
        assert_eq!(at(1970, 1, 1, 0), 1500);
        assert_eq!(at(2000, 2, 29, 12), 951_825_601_500);
        assert_eq!(at(2026, 11, 30, 0), 1_795_996_801_500);
        assert_eq!(offset_ms("+05:30"), Some(19_800_000));
        assert_eq!(offset_ms("-03:30"), Some(-12_600_000));
        assert_eq!(offset_ms("-00:30"), Some(-1_800_000));
        assert_eq!(offset_ms("Europe/Berlin"), None);
    }
}
