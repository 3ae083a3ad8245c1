//! Logins and logoffs that come to an end: there Oracle's driver waits for a source that says nothing, however long that is.
//!
//! One that takes too long is left to itself in a thread of its own, which ends when the source answers or goes away.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use oracledb::{Config, Connection};

use crate::error::{Error, ErrorKind, Result};

/// Longest time for a login.
const LOGIN_MAX: Duration = Duration::from_secs(30);
/// Longest time for a logoff.
const LOGOFF_MAX: Duration = Duration::from_secs(1);
/// From so many on that are left to themselves no login is begun; and how long one counts: what nobody answers for so long nobody will.
const LEFT_MAX: (usize, Duration) = (32, Duration::from_secs(3600));

/// When each that was left to itself was begun.
static LEFT: Mutex<Vec<Instant>> = Mutex::new(Vec::new());

/// Logs in, or says why not.
///
/// # Errors
/// `SourceConnection` if the source says nothing for too long.
pub(super) fn connect(config: Config) -> Result<Result<Connection, oracledb::Error>> {
    forget(|_| false);
    if left() >= LEFT_MAX.0 {
        let text = format!("{} logins and logoffs are still without an answer", LEFT_MAX.0);
        return Err(Error::new(ErrorKind::SourceConnection, text));
    }
    within(LOGIN_MAX, move || oracledb::connect(config))
}

/// Logs off.
pub(super) fn close(connection: Connection) {
    // Whether it came to its end, nobody is to know.
    within(LOGOFF_MAX, move || drop(connection)).ok();
}

fn within<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let begun = Instant::now();
    let (tell, told) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("tailrace-login".to_owned());
    let spawned = thread.spawn(move || {
        let outcome = call();
        if tell.send(outcome).is_err() {
            forget(|left| left == begun);
        }
    });
    spawned.map_err(|e| Error::new(ErrorKind::Local, format!("a thread for a session: {e}")))?;
    match told.recv_timeout(limit) {
        Ok(outcome) => Ok(outcome),
        Err(RecvTimeoutError::Timeout) => {
            LEFT.lock().unwrap_or_else(PoisonError::into_inner).push(begun);
            let text = format!("the source has not answered for {} s", limit.as_secs());
            Err(Error::new(ErrorKind::SourceConnection, text))
        }
        Err(RecvTimeoutError::Disconnected) => {
            Err(Error::new(ErrorKind::Bug, "a session panicked"))
        }
    }
}

fn left() -> usize {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner).len()
}

/// Forgets logins that have ended, and those of long ago.
fn forget(has_ended: impl Fn(Instant) -> bool) {
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    left.retain(|begun| !has_ended(*begun) && begun.elapsed() < LEFT_MAX.1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_takes_too_long_is_left_to_itself_until_it_ends() {
        assert_eq!(within(LOGIN_MAX, || 7).expect("an answer"), 7);
        let (end, ended) = mpsc::sync_channel::<()>(1);
        let error = within(Duration::from_millis(20), move || ended.recv().is_ok());
        let error = error.expect_err("no answer");
        assert_eq!(error.kind(), ErrorKind::SourceConnection);
        assert!(error.message().contains("has not answered for"), "{error}");
        assert_eq!(left(), 1);
        drop(end);
        while left() > 0 {
            thread::yield_now();
        }
    }
}
