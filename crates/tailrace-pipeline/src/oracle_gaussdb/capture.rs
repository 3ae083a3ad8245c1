//! Reads the log in windows, puts transactions together, and hands them over in the order of their commits.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tailrace_codec::redo::{self, Assembled, Assembly};

use super::handover::Handover;
use super::long_open::LongOpen;
use super::position::XidParts;
use super::spill::SpillFile;
use super::targets::TableNumbers;
use super::watch::Watch;
use crate::error::Result;
use crate::job::OracleEndpoint;
use crate::observe::Counters;
use crate::run::{Part, StopSignal};
use crate::source::oracle::ahead::Readers;
use crate::source::oracle::joint_mining::{Member, Turn};
use crate::source::oracle::log_files::{self, LogFiles};
use crate::source::oracle::mining::{self, Mined};
use crate::source::oracle::redo_bytes;
use crate::source::oracle::session::{CallLimits, Session};

/// Longest statement of LogMiner's, bytes.
const STATEMENT_BYTES_MAX: usize = 64 << 20;
/// Bytes of open transactions in memory before the largest is put aside.
const OPEN_BYTES_MAX: usize = 64 << 20;
/// How often a log that has nothing new is looked at.
const IDLE_INTERVAL: Duration = Duration::from_millis(200);
/// Bytes of the log of one window: at first, at least and at most.
const WINDOW_BYTES: (u64, u64, u64) = (32 << 20, 1 << 20, 8 << 30);
/// Time that a window should take: LogMiner has to be started for each, and an open one holds memory of the database.
const WINDOW_GOAL: Duration = Duration::from_secs(2);

/// What is handed over.
pub(super) enum Captured {
    /// A transaction that changes selected tables.
    Transaction {
        xid: XidParts,
        /// SCN of its commit.
        scn: u64,
        /// When it was committed, milliseconds of the Unix epoch.
        committed_ms: Option<i64>,
        /// Its begin was met.
        is_whole: bool,
        /// SCN from which the log has to be read again once this is applied and nothing behind it.
        mine_from: u64,
        changes: redo::Changes<SpillFile>,
    },
    /// A transaction was committed that began before the log was read, and of whose changes none was told.
    BeganBefore { xid: XidParts, scn: u64 },
    /// A table is defined in another way.
    Definition { table: u32, scn: u64, sql: String },
    /// The log was read up to an SCN.
    Window { read: u64, mine_from: u64 },
}

/// A session of a job alone.
struct OwnReading {
    session: Session,
    files: LogFiles,
    /// See [`mining::clock_offset_ms`].
    clock_ahead_ms: i64,
}

/// Reads the log.
pub(super) struct Capture<'a> {
    pub(super) source: &'a OracleEndpoint,
    pub(super) calls: CallLimits,
    /// Sessions that read the log at a time while the job is behind.
    pub(super) readers: usize,
    pub(super) numbers: TableNumbers,
    pub(super) watch: &'a Watch<'a>,
    pub(super) stop: &'a StopSignal,
    pub(super) out: &'a Handover<Captured>,
}

impl Capture<'_> {
    /// Reads from an SCN on until the job is stopped.
    ///
    /// # Errors
    /// Those of the source, of what LogMiner tells, and of the files that large transactions are put aside in; `Cancelled`.
    pub(super) fn run(mut self, from: u64) -> Result<()> {
        let member = Member::join(self.source, self.calls, self.numbers.owners());
        let mut own: Option<OwnReading> = None;
        let (owners, readers) = (self.numbers.owners(), self.readers);
        let mut ahead = Readers::new(self.source, self.calls, owners, readers);
        let mut assembly = Assembly::new(STATEMENT_BYTES_MAX);
        let (mut next, mut bytes) = (from, WINDOW_BYTES.0);
        let mut long_open = LongOpen::default();
        let mut is_told = false;
        loop {
            self.rest()?;
            let oldest = assembly.open().min_by_key(|(_, begun, _)| *begun);
            if let Some(text) = long_open.look(Instant::now(), oldest) {
                self.watch.log(tracing::Level::WARN, &text);
            }
            let newest = if member.is_alone() {
                log_files::written_scn(&self.own(&mut own)?.session)?
            } else {
                member.written_scn(self.stop)?
            };
            if newest < next {
                std::thread::park_timeout(IDLE_INTERVAL);
                continue;
            }
            let span = self.end_of_window(&member, &mut own, (next, newest), bytes)? - next;
            let begun = Instant::now();
            if member.is_alone() && readers > 1 && newest.saturating_sub(next) > span {
                if !std::mem::replace(&mut is_told, true) {
                    let text =
                        format!("the log is read by {readers} sessions while the job is behind");
                    self.watch.log(tracing::Level::INFO, &text);
                }
                let windows = ahead.read(&ahead.places(next, newest, span), self.stop)?;
                Counters::add(&self.watch.counters.windows_mined, windows.len() as u64);
                for window in &windows {
                    for mined in window.rows_from(window.from) {
                        self.stop.check()?;
                        self.take(&mut assembly, &mined)?;
                    }
                    next = window.to + 1;
                    self.read_up_to(&assembly, window.to)?;
                }
                if !windows.is_empty() {
                    bytes = next_bytes(bytes, next <= newest, begun.elapsed());
                    continue;
                }
            }
            let turn = match member.is_alone() {
                true => Turn::Alone { to: newest.min(next.saturating_add(span)) },
                false => member.next((next, newest), span, self.stop)?,
            };
            let to = self.window(&mut own, &mut assembly, next, turn)?;
            bytes = next_bytes(bytes, to < newest, begun.elapsed());
            next = to + 1;
            self.read_up_to(&assembly, to)?;
        }
    }

    /// The last SCN of a window of about so many bytes.
    fn end_of_window(
        &self,
        member: &Member,
        own: &mut Option<OwnReading>,
        (from, newest): (u64, u64),
        bytes: u64,
    ) -> Result<u64> {
        if member.is_alone() {
            redo_bytes::end_of_window(&self.own(own)?.session, (from, newest), bytes)
        } else {
            member.end_of_window((from, newest), bytes, self.stop)
        }
    }

    /// The log was read up to an SCN.
    fn read_up_to(&self, assembly: &Assembly<SpillFile>, to: u64) -> Result<()> {
        let next = to + 1;
        let mine_from = assembly.oldest_open().unwrap_or(next).min(next);
        self.watch.counters.captured_scn.store(to, Ordering::Relaxed);
        self.out.push(Captured::Window { read: to, mine_from }, 0, self.stop)
    }

    /// Takes a part of the log, of which others may have a share; gives its last SCN.
    fn window(
        &mut self,
        own: &mut Option<OwnReading>,
        assembly: &mut Assembly<SpillFile>,
        from: u64,
        turn: Turn,
    ) -> Result<u64> {
        let counters = self.watch.counters;
        let to = match turn {
            Turn::Alone { to } => {
                let OwnReading { session, files, clock_ahead_ms } = self.own(own)?;
                mining::window(session, files, (from, to), *clock_ahead_ms, &mut |mined| {
                    self.stop.check()?;
                    self.take(assembly, mined)
                })?;
                Counters::add(&counters.windows_mined, 1);
                to
            }
            Turn::Take { window, is_mined } => {
                // One session is enough for all.
                *own = None;
                for mined in window.rows_from(from) {
                    self.stop.check()?;
                    self.take(assembly, &mined)?;
                }
                let counter =
                    if is_mined { &counters.windows_mined } else { &counters.windows_shared };
                if !is_mined && counter.load(Ordering::Relaxed) == 0 {
                    let text = "the log is read once for this and other jobs of the database";
                    self.watch.log(tracing::Level::INFO, text);
                }
                Counters::add(counter, 1);
                window.to
            }
        };
        Ok(to)
    }

    /// The job's own session at the log.
    fn own<'o>(&self, own: &'o mut Option<OwnReading>) -> Result<&'o mut OwnReading> {
        match own {
            Some(reading) => Ok(reading),
            none => {
                let session = Session::connect_for_mining(self.source)?.within(self.calls)?;
                let clock_ahead_ms = mining::clock_offset_ms(&session)?;
                let files = LogFiles::default();
                Ok(none.insert(OwnReading { session, files, clock_ahead_ms }))
            }
        }
    }

    /// Waits while the reading is to rest.
    fn rest(&self) -> Result<()> {
        let rests = &self.watch.counters.capture_rests;
        while self.stop.is_held(Part::Capture) {
            self.stop.check()?;
            rests.store(true, Ordering::Relaxed);
            std::thread::park_timeout(IDLE_INTERVAL);
        }
        rests.store(false, Ordering::Relaxed);
        self.stop.check()
    }

    /// Takes a row of the log.
    fn take(&mut self, assembly: &mut Assembly<SpillFile>, mined: &Mined<'_>) -> Result<()> {
        let table = self.numbers.of(mined);
        let row = redo::RedoRow { table, ..mined.row };
        Counters::add(&self.watch.counters.bytes_in, row.sql.len() as u64);
        let assembled = assembly.push(&row)?;
        if assembly.memory_bytes() > OPEN_BYTES_MAX {
            assembly.put_largest_aside(|| SpillFile::new(&std::env::temp_dir()))?;
        }
        match assembled {
            Assembled::Nothing => Ok(()),
            Assembled::Committed { xid, scn, is_whole, changes, .. } => {
                let bytes = changes.memory_bytes();
                let captured = Captured::Transaction {
                    xid: (xid.segment, xid.slot, xid.sequence),
                    scn,
                    committed_ms: mined.committed_ms,
                    is_whole,
                    // What is still open is mined again after a restart, and with it what was committed since it began.
                    mine_from: assembly.oldest_open().unwrap_or(scn).min(scn),
                    changes,
                };
                self.out.push(captured, bytes, self.stop)
            }
            Assembled::BeganBefore { xid, scn } => {
                let xid = (xid.segment, xid.slot, xid.sequence);
                self.out.push(Captured::BeganBefore { xid, scn }, 0, self.stop)
            }
            Assembled::Definition { table, scn, sql } => {
                // Its partitions may be others from here on.
                self.numbers
                    .find_objects(table, &Session::connect(self.source)?.within(self.calls)?)?;
                let bytes = sql.len();
                self.out.push(Captured::Definition { table, scn, sql }, bytes, self.stop)
            }
        }
    }
}

/// The bytes of the next window: more while there is more to read than one has and they are quick, fewer when they take too long.
fn next_bytes(bytes: u64, is_behind: bool, took: Duration) -> u64 {
    let (_, least, most) = WINDOW_BYTES;
    if took > 2 * WINDOW_GOAL {
        (bytes / 2).max(least)
    } else if is_behind && took < WINDOW_GOAL {
        (bytes * 2).min(most)
    } else {
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_as_long_as_their_goal_has_it() {
        let mut bytes = WINDOW_BYTES.0;
        // LogMiner reads 50 MB a second.
        for _ in 0..50 {
            let took = Duration::from_secs_f64(0.1 + bytes as f64 / 50e6);
            bytes = next_bytes(bytes, true, took);
        }
        assert!((40_000_000..=200_000_000).contains(&bytes), "{bytes}");
        assert_eq!(next_bytes(bytes, false, Duration::ZERO), bytes);
        let mut slow = bytes;
        for _ in 0..50 {
            slow = next_bytes(slow, true, Duration::from_secs(60));
        }
        assert_eq!(slow, WINDOW_BYTES.1);
    }
}
