//! Views that are opened while the log goes on, and show everything up to a place of it.

use std::time::{Duration, Instant};

use tailrace_codec::position::{FileOffset, GtidSet};

use crate::error::{Error, ErrorKind, Result};
use crate::job::JobSpec;
use crate::run::StopSignal;
use crate::source::mysql::catalog::{self, SelectedTable, ServerSettings};
use crate::source::mysql::chunk::quoted_table;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::reader;
use crate::source::mysql::window::{Read, Visible};

/// Longest wait for a read lock, seconds.
const LOCK_WAIT_SECONDS: u32 = 3;
/// Server error of a lock that was not had in that time.
const LOCK_WAIT_TIMEOUT: &str = "(1205,";
/// Time between two looks whether a commit has ended.
const COMMIT_POLL_INTERVAL: Duration = Duration::from_millis(20);
/// Longest wait for it.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(600);

/// Whether a view could not be opened because others did not let the table be locked.
pub(crate) fn is_locked_out(error: &Error) -> bool {
    error.message().contains(LOCK_WAIT_TIMEOUT)
}

/// Opens a view that shows all that was `read`, and gives the end of the log behind it. `None` if this view does not show
/// that much. With `lock` the table is locked for the moment: what the log has of it is then committed.
///
/// # Errors
/// Those of the source; one that [`is_locked_out`] knows goes away.
pub(crate) fn open(
    (spec, stop): (&JobSpec, &StopSignal),
    control: &mut Connection,
    table: &SelectedTable,
    (settings, lock): (&ServerSettings, bool),
    read: &Read,
) -> Result<Option<(Connection, (String, u64))>> {
    let mut connection = Connection::connect(&spec.source, &spec.limits, stop.clone())?;
    for statement in reader::SESSION {
        connection.execute(statement)?;
    }
    let name = quoted_table(&table.database, &table.table);
    if lock {
        control.execute(&format!("SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}"))?;
        // What the log has of the table is committed when the lock is had.
        control.execute(&format!("LOCK TABLES {name} READ"))?;
    } else if settings.gtid && !settings.mariadb {
        wait_until_shown(control, read, stop)?;
    }
    let view = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
    let opened = connection.execute(view).and_then(|()| catalog::binlog_end(control));
    if lock {
        control.execute("UNLOCK TABLES")?;
    }
    let until = opened?;
    if settings.mariadb && !lock {
        let (file, offset) = catalog::view_position(&mut connection)?;
        let end = FileOffset::new(file, offset).map_err(strange)?;
        if !read.is_shown_by(&Visible::Until(end))? {
            return Ok(None);
        }
    }
    Ok(Some((connection, until)))
}

/// Opens a view of now. Gives it, another connection, and the end of the log behind the view.
///
/// # Errors
/// Those of the source.
pub(crate) fn open_now(
    (spec, stop): (&JobSpec, &StopSignal),
) -> Result<(Connection, Connection, (String, u64))> {
    let connect = || Connection::connect(&spec.source, &spec.limits, stop.clone());
    let (mut connection, mut control) = (connect()?, connect()?);
    for statement in reader::SESSION {
        connection.execute(statement)?;
    }
    connection.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
    let place = catalog::binlog_end(&mut control)?;
    Ok((connection, control, place))
}

/// Waits until all that was read is committed: the log has it before.
fn wait_until_shown(control: &mut Connection, read: &Read, stop: &StopSignal) -> Result<()> {
    let until = Instant::now() + COMMIT_WAIT_MAX;
    loop {
        let executed: GtidSet = catalog::gtid_executed(control)?.parse().map_err(strange)?;
        if read.is_shown_by(&Visible::Gtids(executed))? {
            return Ok(());
        }
        stop.check()?;
        if Instant::now() > until {
            let text = "a transaction that is in the source's log is not committed: does it wait for a semi-synchronous replica?";
            return Err(Error::new(ErrorKind::SourceSetting, text));
        }
        std::thread::park_timeout(COMMIT_POLL_INTERVAL);
    }
}

fn strange(e: tailrace_codec::DecodeError) -> Error {
    Error::new(ErrorKind::SourceStatement, format!("the source's position: {e}"))
}
