//! Several sessions of LogMiner's beside each other, for a job that is behind: a session reads with one core of the source.

use std::collections::BTreeSet;
use std::thread;

use super::log_files::LogFiles;
use super::mining;
use super::session::{CallLimits, Session};
use super::window::Window;
use crate::error::{Error, ErrorKind, Result};
use crate::job::OracleEndpoint;
use crate::run::StopSignal;

/// The sessions.
pub(crate) struct Readers {
    endpoint: OracleEndpoint,
    calls: CallLimits,
    owners: BTreeSet<String>,
    /// Made when they are needed first.
    readers: Vec<Option<Reader>>,
}

struct Reader {
    session: Session,
    files: LogFiles,
    clock_ahead_ms: i64,
}

impl Readers {
    /// So many, for rows of the tables of these owners.
    pub(crate) fn new(
        endpoint: &OracleEndpoint,
        calls: CallLimits,
        owners: BTreeSet<String>,
        count: usize,
    ) -> Self {
        let readers = (0..count).map(|_| None).collect();
        Self { endpoint: endpoint.clone(), calls, owners, readers }
    }

    /// As many windows of this span as there are sessions, behind each other from an SCN on, none of them beyond `newest`.
    pub(crate) fn places(&self, from: u64, newest: u64, span: u64) -> Vec<(u64, u64)> {
        let mut places = Vec::with_capacity(self.readers.len());
        let mut next = from;
        while places.len() < self.readers.len() && next <= newest {
            let to = newest.min(next.saturating_add(span));
            places.push((next, to));
            next = to.saturating_add(1);
        }
        places
    }

    /// Reads parts of the log into memory, each by a session of its own. Gives them in their order, up to the first that has too
    /// much.
    ///
    /// # Errors
    /// Those of the sessions; `Cancelled`.
    pub(crate) fn read(&mut self, places: &[(u64, u64)], stop: &StopSignal) -> Result<Vec<Window>> {
        let (endpoint, calls, owners) = (&self.endpoint, self.calls, &self.owners);
        let read = thread::scope(|scope| {
            let one = |(reader, place): (_, &(u64, u64))| {
                let place = *place;
                scope.spawn(move || mine(reader, (endpoint, calls), (place, owners), stop))
            };
            let threads: Vec<_> = self.readers.iter_mut().zip(places).map(one).collect();
            let panicked = || Err(Error::new(ErrorKind::Bug, "a reader of the log panicked"));
            let ends = threads.into_iter().map(|t| t.join().unwrap_or_else(|_| panicked()));
            ends.collect::<Vec<_>>()
        });
        let mut windows = Vec::with_capacity(read.len());
        for one in read {
            match one? {
                Some(window) => windows.push(window),
                None => break,
            }
        }
        Ok(windows)
    }
}

/// Reads one part; `None` if it has too much. A session that fails is not used again.
fn mine(
    kept: &mut Option<Reader>,
    (endpoint, calls): (&OracleEndpoint, CallLimits),
    (place, owners): ((u64, u64), &BTreeSet<String>),
    stop: &StopSignal,
) -> Result<Option<Window>> {
    let mut reader = match kept.take() {
        Some(reader) => reader,
        None => {
            let session = Session::connect_for_mining(endpoint)?.within(calls)?;
            let clock_ahead_ms = mining::clock_offset_ms(&session)?;
            Reader { session, files: LogFiles::default(), clock_ahead_ms }
        }
    };
    let mut window = Window::new(place, owners.clone());
    let Reader { session, files, clock_ahead_ms } = &mut reader;
    let read = mining::window(session, files, place, *clock_ahead_ms, &mut |mined| {
        stop.check()?;
        window.take(mined)
    });
    match read {
        Ok(()) => {
            *kept = Some(reader);
            Ok(Some(window))
        }
        Err(_) if window.is_full() => Ok(None),
        Err(e) => Err(e),
    }
}
