//! One look at the log for all jobs of a database: what one job has mined, the others take from memory.
//!
//! Jobs of one process with the same source and account share a session of LogMiner as soon as there are two of them. Whoever
//! needs the next part of the log first mines it, with the rows that any of them may want; who comes later finds it here. A job
//! that is behind what is kept reads by itself until it is there, so it holds nobody up.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use super::log_files::{self, LogFiles};
use super::mining;
use super::redo_bytes;
use super::session::{CallLimits, Session};
use super::window::Window;
use crate::error::{Error, ErrorKind, Result};
use crate::job::OracleEndpoint;
use crate::run::StopSignal;

/// Bytes of windows that are kept.
const KEPT_BYTES_MAX: usize = 64 << 20;
/// How often a job looks whether another has ended its look at the log.
const TURN_INTERVAL: Duration = Duration::from_millis(5);

/// Which log it is: a digest of where it is and as whom it is read.
type Key = [u8; 32];

/// The logs that jobs of this process read.
static LOGS: LazyLock<Mutex<HashMap<Key, Weak<SharedLog>>>> = LazyLock::new(Mutex::default);

/// The log of one database.
#[derive(Default)]
struct SharedLog {
    /// Owners of the tables of each job that reads it, by the job's number.
    jobs: Mutex<HashMap<u64, BTreeSet<String>>>,
    reading: Mutex<Reading>,
}

/// The session, and what it has read.
#[derive(Default)]
struct Reading {
    session: Option<(Session, LogFiles, i64)>,
    /// Each begins behind the one before it.
    windows: VecDeque<Arc<Window>>,
    bytes: usize,
}

/// What a job is to do next.
pub(crate) enum Turn {
    /// Take this window; `is_mined` says that it was read for this job.
    Take { window: Arc<Window>, is_mined: bool },
    /// Read by itself, up to this SCN.
    Alone { to: u64 },
}

/// A job that reads the log.
pub(crate) struct Member {
    log: Arc<SharedLog>,
    number: u64,
    endpoint: OracleEndpoint,
    calls: CallLimits,
}

impl Member {
    /// Joins the others that read the same log, with the owners of the job's tables.
    pub(crate) fn join(
        endpoint: &OracleEndpoint,
        calls: CallLimits,
        owners: BTreeSet<String>,
    ) -> Self {
        let log = {
            let mut logs = LOGS.lock().unwrap_or_else(PoisonError::into_inner);
            logs.retain(|_, log| log.strong_count() > 0);
            let known = logs.get(&key(endpoint)).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let log = Arc::new(SharedLog::default());
                logs.insert(key(endpoint), Arc::downgrade(&log));
                log
            })
        };
        let number = {
            let mut jobs = log.jobs();
            let number = jobs.keys().max().map_or(0, |last| last + 1);
            jobs.insert(number, owners);
            number
        };
        Self { log, number, endpoint: endpoint.clone(), calls }
    }

    /// Whether no other job reads the log. Nothing is kept then.
    pub(crate) fn is_alone(&self) -> bool {
        let is_alone = self.log.jobs().len() < 2;
        if is_alone && let Ok(mut reading) = self.log.reading.try_lock() {
            *reading = Reading::default();
        }
        is_alone
    }

    /// How far the log is in files, by the session that all share.
    ///
    /// # Errors
    /// Those of the session; `Cancelled`.
    pub(crate) fn written_scn(&self, stop: &StopSignal) -> Result<u64> {
        let mut reading = self.reading(stop)?;
        let (session, ..) = self.session(&mut reading)?;
        log_files::written_scn(session).inspect_err(|_| reading.session = None)
    }

    /// The last SCN of a window of about so many bytes, as [`redo_bytes::end_of_window`].
    ///
    /// # Errors
    /// Those of the session; `Cancelled`.
    pub(crate) fn end_of_window(
        &self,
        (from, newest): (u64, u64),
        bytes: u64,
        stop: &StopSignal,
    ) -> Result<u64> {
        let mut reading = self.reading(stop)?;
        let (session, ..) = self.session(&mut reading)?;
        redo_bytes::end_of_window(session, (from, newest), bytes)
            .inspect_err(|_| reading.session = None)
    }

    /// The next part of the log from an SCN on, at most up to `newest`, and of `span` SCNs if it has to be read.
    ///
    /// # Errors
    /// Those of the session; `Cancelled`.
    pub(crate) fn next(
        &self,
        (from, newest): (u64, u64),
        span: u64,
        stop: &StopSignal,
    ) -> Result<Turn> {
        let mut reading = self.reading(stop)?;
        let to = newest.min(from.saturating_add(span));
        match reading.look(from, &self.own_owners()) {
            Look::Kept(window) => return Ok(Turn::Take { window, is_mined: false }),
            // It arrives where the kept ones begin, and not somewhere in between.
            Look::Before(begin) => return Ok(Turn::Alone { to: to.min(begin) }),
            Look::Behind => {}
        }
        let window = self.mine(&mut reading, (from, to), stop);
        let Some(window) = window.inspect_err(|_| reading.session = None)? else {
            return Ok(Turn::Alone { to });
        };
        let window = Arc::new(window);
        reading.keep(Arc::clone(&window));
        Ok(Turn::Take { window, is_mined: true })
    }

    /// Reads a part of the log, or its begin; `None` for an SCN with more than may be kept.
    fn mine(
        &self,
        reading: &mut Reading,
        (from, mut to): (u64, u64),
        stop: &StopSignal,
    ) -> Result<Option<Window>> {
        loop {
            let owners = self.log.jobs().values().flatten().cloned().collect();
            let mut window = Window::new((from, to), owners);
            let (session, files, clock_ahead_ms) = self.session(reading)?;
            let read = mining::window(session, files, (from, to), *clock_ahead_ms, &mut |mined| {
                stop.check()?;
                window.take(mined)
            });
            match read {
                Ok(()) => return Ok(Some(window)),
                Err(_) if !window.is_full() => return read.map(|()| None),
                Err(_) if from == to => return Ok(None),
                // Nothing is said of the order in which rows come: what came so far is no part of the log.
                Err(_) => to = from + (to - from) / 2,
            }
        }
    }

    fn session<'r>(&self, reading: &'r mut Reading) -> Result<&'r mut (Session, LogFiles, i64)> {
        if reading.session.is_none() {
            let session = Session::connect_for_mining(&self.endpoint)?.within(self.calls)?;
            let clock_ahead_ms = mining::clock_offset_ms(&session)?;
            reading.session = Some((session, LogFiles::default(), clock_ahead_ms));
        }
        let none = || Error::new(ErrorKind::Bug, "a session that is not there");
        reading.session.as_mut().ok_or_else(none)
    }

    /// Waits for its turn at the log.
    fn reading(&self, stop: &StopSignal) -> Result<MutexGuard<'_, Reading>> {
        loop {
            stop.check()?;
            match self.log.reading.try_lock() {
                Ok(reading) => return Ok(reading),
                // What it holds is whole after every step.
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::park_timeout(TURN_INTERVAL),
            }
        }
    }

    fn own_owners(&self) -> BTreeSet<String> {
        self.log.jobs().get(&self.number).cloned().unwrap_or_default()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.log.jobs().remove(&self.number);
    }
}

impl SharedLog {
    fn jobs(&self) -> MutexGuard<'_, HashMap<u64, BTreeSet<String>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an SCN is beside what is kept.
enum Look {
    Kept(Arc<Window>),
    /// Before it, or in a window that lacks owners; up to this SCN the job reads by itself.
    Before(u64),
    /// Right behind it, or nothing is kept.
    Behind,
}

impl Reading {
    /// Finds the window that has an SCN. Others that a job is ahead of are of no use to it, nor to those behind, which would
    /// find no way from them to here: they are forgotten.
    fn look(&mut self, from: u64, owners: &BTreeSet<String>) -> Look {
        let Some((first, last)) = self.windows.front().zip(self.windows.back()) else {
            return Look::Behind;
        };
        if from < first.from {
            return Look::Before(first.from - 1);
        }
        if let Some(window) = self.windows.iter().find(|w| w.from <= from && from <= w.to) {
            return match owners.is_subset(&window.owners) {
                true => Look::Kept(Arc::clone(window)),
                false => Look::Before(window.to),
            };
        }
        if from > last.to + 1 {
            self.windows.clear();
            self.bytes = 0;
        }
        Look::Behind
    }

    /// Keeps a window, and forgets the oldest that have no room beside it.
    fn keep(&mut self, window: Arc<Window>) {
        self.bytes += window.bytes;
        self.windows.push_back(window);
        while self.bytes > KEPT_BYTES_MAX && self.windows.len() > 1 {
            if let Some(oldest) = self.windows.pop_front() {
                self.bytes -= oldest.bytes;
            }
        }
    }
}

fn key(endpoint: &OracleEndpoint) -> Key {
    let OracleEndpoint { listeners, database, pluggable, user, password, tls } = endpoint;
    let tls = tls.as_ref().map(|tls| {
        let identity = tls.identity.as_ref();
        (&tls.ca_pem, tls.verify_host, identity.map(|identity| &identity.chain_pem))
    });
    let text = format!("{listeners:?}{database:?}{pluggable:?}{user:?}{tls:?}");
    let mut digest = Sha256::new();
    digest.update((text.len() as u64).to_be_bytes());
    digest.update(text);
    digest.update(password.expose_secret());
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: u64, to: u64, bytes: usize) -> Arc<Window> {
        let owners = BTreeSet::from(["SHOP".to_owned()]);
        let mut window = Window::new((from, to), owners);
        window.bytes = bytes;
        Arc::new(window)
    }

    fn place(reading: &mut Reading, from: u64, owner: &str) -> Option<u64> {
        match reading.look(from, &BTreeSet::from([owner.to_owned()])) {
            Look::Kept(window) => Some(window.to),
            Look::Before(to) => Some(1000 + to),
            Look::Behind => None,
        }
    }

    #[test]
    fn a_job_finds_what_others_have_read_or_its_way_to_it() {
        let mut reading = Reading::default();
        assert_eq!(place(&mut reading, 5, "SHOP"), None);
        reading.keep(window(10, 19, KEPT_BYTES_MAX / 2));
        reading.keep(window(20, 29, KEPT_BYTES_MAX / 2));
        let found: Vec<Option<u64>> = [9, 10, 19, 20, 29, 30]
            .into_iter()
            .map(|from| place(&mut reading, from, "SHOP"))
            .collect();
        assert_eq!(found, [Some(1009), Some(19), Some(19), Some(29), Some(29), None]);
        // Of other tables it has nothing.
        assert_eq!(place(&mut reading, 15, "OTHER"), Some(1019));
        reading.keep(window(30, 39, 1));
        assert_eq!(place(&mut reading, 15, "SHOP"), Some(1019));
        // Who is ahead begins anew.
        assert_eq!(place(&mut reading, 50, "SHOP"), None);
        assert!(reading.windows.is_empty() && reading.bytes == 0);
    }
}
