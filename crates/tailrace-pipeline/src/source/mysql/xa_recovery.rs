//! Distributed transactions that are prepared when a job begins.
//!
//! Their rows lie in the log before the job's first position, where it cannot find them again. So the
//! job waits until they have ended before it opens its first views, which then hold what they did.

use std::time::{Duration, Instant};

use crate::checkpoint::{PreparedChanges, PreparedTransaction};
use crate::error::{Error, ErrorKind, Result};
use crate::job::TaskType;
use crate::source::mysql::connection::Connection;
use crate::source::mysql::context::Context;

/// Longest time to wait for prepared transactions to end.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Time between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// XIDs that a message names.
const NAMED_MAX: usize = 5;
/// Server errors that say that the account may not see them: `XA_RECOVER_ADMIN` is missing.
const DENIED_CODES: [&str; 2] = ["(1401,", "(1227,"];

/// Waits until all transactions that are prepared now have ended, and gives them: the log tells their
/// end behind a position that was taken before this call.
///
/// # Errors
/// `SourceSetting` if some do not end in time, `Cancelled`, and those of the connection.
pub(crate) fn wait_for_prepared(
    context: &Context,
    control: &mut Connection,
    mariadb: bool,
) -> Result<Vec<PreparedTransaction>> {
    if context.spec.task == TaskType::Full {
        return Ok(Vec::new());
    }
    let Some(found) = prepared(context, control, mariadb)? else { return Ok(Vec::new()) };
    let until = Instant::now() + WAIT_MAX;
    let mut left = found.clone();
    if !left.is_empty() {
        context.observer.log(
            tracing::Level::INFO,
            &format!(
                "waiting for the end of {} distributed transactions that are prepared: {}",
                left.len(),
                named(&left)
            ),
        );
    }
    while !left.is_empty() {
        if Instant::now() >= until {
            return Err(not_ended(&left));
        }
        context.stop.check()?;
        std::thread::park_timeout(POLL_INTERVAL);
        let now = prepared(context, control, mariadb)?.unwrap_or_default();
        left.retain(|xid| now.contains(xid));
    }
    Ok(found
        .into_iter()
        .map(|xid| PreparedTransaction {
            xid,
            gtid: None,
            file: String::new(),
            offset: 0,
            changes: PreparedChanges::InFullPhase,
        })
        .collect())
}

fn named(xids: &[String]) -> String {
    let named: Vec<&str> = xids.iter().take(NAMED_MAX).map(String::as_str).collect();
    named.join(" and ")
}

fn not_ended(left: &[String]) -> Error {
    Error::new(
        ErrorKind::SourceSetting,
        format!(
            "{} distributed transactions are prepared since before the job began and have not ended in {} s: {}; commit or roll them back (XA COMMIT or XA ROLLBACK with the XID), then start the job again",
            left.len(),
            WAIT_MAX.as_secs(),
            named(left)
        ),
    )
}

/// XIDs of prepared transactions as the log writes them; `None` if the account may not see them.
fn prepared(
    context: &Context,
    control: &mut Connection,
    mariadb: bool,
) -> Result<Option<Vec<String>>> {
    // MariaDB gives the bytes as they are, MySQL in hex if it is asked to.
    match control.rows(if mariadb { "XA RECOVER" } else { "XA RECOVER CONVERT XID" }) {
        Ok(rows) => rows
            .iter()
            .map(|row| {
                let (format, gtrid) = (row.number(0)?, row.number(1)?);
                let bytes = row.get(3).unwrap_or_default();
                if mariadb {
                    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                    xid_text(format, gtrid, &hex)
                } else {
                    xid_text(format, gtrid, row.text(3)?)
                }
            })
            .collect::<Result<_>>()
            .map(Some),
        Err(e) if DENIED_CODES.iter().any(|code| e.message().contains(code)) => {
            context.observer.log(
                tracing::Level::WARN,
                "the account has no XA_RECOVER_ADMIN: whether distributed transactions are prepared now is not known; the job stops when one is committed that was prepared before it began",
            );
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// An XID as the log writes it, from the columns of `XA RECOVER CONVERT XID`: the number of its format,
/// the bytes of its first part, and both parts in hex.
fn xid_text(format: u64, gtrid_bytes: u64, data: &str) -> Result<String> {
    let hex = data.strip_prefix("0x").unwrap_or(data).to_ascii_lowercase();
    let parts = usize::try_from(gtrid_bytes).ok().and_then(|bytes| {
        let at = bytes.checked_mul(2)?;
        hex.split_at_checked(at)
    });
    let (gtrid, bqual) = parts.ok_or_else(|| {
        Error::new(
            ErrorKind::SourceStatement,
            format!("XA RECOVER gave an XID that cannot be read: {gtrid_bytes} bytes of {data:?}"),
        )
    })?;
    Ok(format!("X'{gtrid}',X'{bqual}',{format}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_xid_reads_as_in_the_log() {
        assert_eq!(xid_text(1, 2, "0x7831").unwrap(), "X'7831',X'',1");
        assert_eq!(xid_text(9, 1, "0xAB01").unwrap(), "X'ab',X'01',9");
        assert!(xid_text(1, 3, "0x7831").unwrap_err().message().contains("3 bytes"));
    }
}
