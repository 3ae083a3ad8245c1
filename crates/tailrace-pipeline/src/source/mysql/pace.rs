//! How a full phase makes room for others who work on the source.
//!
//! Alone it reads as fast as it can. While others send statements it reads a few rows at a time and rests for the most
//! part of its time: a transaction of theirs then seldom finds a core taken, and never for long. Whether there are
//! others shows in the server's count of statements, less its own.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::run::StopSignal;
use crate::source::mysql::connection::Connection;

/// Statements of others per second from which on room is made for them.
const OTHERS_MIN: f64 = 20.0;
/// Rows of a chunk meanwhile: some tenths of a millisecond of the server's time. Whoever wakes up on a core that reads them
/// waits for no longer.
const CHUNK_ROWS: u64 = 200;
/// Time between two looks at the server's count.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// Time until the first look: a full phase that is alone hardly notices it.
const FIRST_LOOK: Duration = Duration::from_millis(60);
/// Looks without others until it is believed that they are gone.
const QUIET_LOOKS: u32 = 8;
/// Longest single rest, so that a stop is seen.
const REST_MAX: Duration = Duration::from_millis(100);

/// Shared by the readers of a full phase.
#[derive(Debug)]
pub(crate) struct Pace {
    /// There are others, or it is not known yet.
    others: AtomicBool,
    /// Statements of the readers.
    own: AtomicU64,
}

impl Pace {
    /// Makes room until [`Pace::watch`] has found out whether that is needed; `false` if it never looks.
    pub(crate) fn new(looks: bool) -> Self {
        Self { others: AtomicBool::new(looks), own: AtomicU64::new(0) }
    }

    /// Counts statements of a reader.
    pub(crate) fn count(&self, statements: u64) {
        self.own.fetch_add(statements, Ordering::Relaxed);
    }

    /// Rows of the next chunk.
    pub(crate) fn chunk_rows(&self, max: u64) -> u64 {
        if self.others.load(Ordering::Relaxed) { max.min(CHUNK_ROWS) } else { max }
    }

    /// Rests behind some time of reading, if others work on the source, so that all `sharers` together read for
    /// `share_percent` of a core's time.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn rest(
        &self,
        read: Duration,
        (share_percent, sharers): (u32, usize),
        stop: &StopSignal,
    ) -> Result<()> {
        if !self.others.load(Ordering::Relaxed) {
            return Ok(());
        }
        let until = Instant::now() + rest_behind(read, share_percent, sharers);
        loop {
            stop.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::park_timeout(left.min(REST_MAX));
        }
    }

    /// Takes no more notice of others: nobody looks for them.
    pub(crate) fn give_up(&self) {
        self.others.store(false, Ordering::Relaxed);
    }

    /// Looks for others until `is_over`, which waits for as long as it is told. `tell` is called with the number of
    /// their statements per second when they come, and with `None` when they are gone.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn watch(
        &self,
        connection: &mut Connection,
        is_over: impl Fn(Duration) -> bool,
        tell: impl Fn(Option<f64>),
    ) -> Result<()> {
        let mut last = (Instant::now(), self.look(connection)?);
        let mut judge = Judge::default();
        while !is_over(judge.interval()) {
            let now = (Instant::now(), self.look(connection)?);
            let seconds = (now.0 - last.0).as_secs_f64().max(0.001);
            let per_second = (now.1 - last.1).max(0) as f64 / seconds;
            last = now;
            let before = judge.others;
            let others = judge.see(per_second);
            self.others.store(others, Ordering::Relaxed);
            match (before, others) {
                (None | Some(false), true) => tell(Some(per_second)),
                (Some(true), false) => tell(None),
                _ => {}
            }
        }
        Ok(())
    }

    /// Statements of others since the server's start, less a constant.
    fn look(&self, connection: &mut Connection) -> Result<i64> {
        let row = connection.one_row("SHOW GLOBAL STATUS LIKE 'Questions'")?;
        // This one is counted too.
        self.count(1);
        let all = i64::try_from(row.number(1)?).unwrap_or(i64::MAX);
        let own = i64::try_from(self.own.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        Ok(all.saturating_sub(own))
    }
}

/// Decides whether there are others.
#[derive(Debug, Default)]
struct Judge {
    /// `None` before the first look.
    others: Option<bool>,
    /// Looks in a row that saw none.
    quiet: u32,
}

impl Judge {
    fn interval(&self) -> Duration {
        if self.others.is_some() { LOOK_INTERVAL } else { FIRST_LOOK }
    }

    /// The first look decides at once; later others are there with the first look that sees them, and gone with the
    /// last of some that do not.
    fn see(&mut self, per_second: f64) -> bool {
        let seen = per_second >= OTHERS_MIN;
        self.quiet = if seen { 0 } else { self.quiet + 1 };
        let others = seen || (self.others == Some(true) && self.quiet < QUIET_LOOKS);
        self.others = Some(others);
        others
    }
}

/// How long one of `sharers` rests behind some time of reading.
fn rest_behind(read: Duration, share_percent: u32, sharers: usize) -> Duration {
    let share = f64::from(share_percent.clamp(1, 100)) / 100.0 / sharers.max(1) as f64;
    read.mul_f64((1.0 / share - 1.0).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_readers_together_keep_to_the_share() {
        let read = Duration::from_millis(10);
        assert_eq!(rest_behind(read, 100, 1), Duration::ZERO);
        assert_eq!(rest_behind(read, 50, 1), Duration::from_millis(10));
        assert_eq!(rest_behind(read, 20, 2), Duration::from_millis(90));
        assert_eq!(rest_behind(read, 0, 1), Duration::from_millis(990), "never nothing");
    }

    #[test]
    fn others_come_at_once_and_are_gone_after_a_while() {
        let mut judge = Judge::default();
        assert_eq!(judge.interval(), FIRST_LOOK);
        assert!(!judge.see(0.0));
        assert_eq!(judge.interval(), LOOK_INTERVAL);
        assert!(judge.see(OTHERS_MIN));
        for _ in 1..QUIET_LOOKS {
            assert!(judge.see(OTHERS_MIN - 1.0));
        }
        assert!(!judge.see(0.0));
        assert!(Judge::default().see(1e6));
    }

    #[test]
    fn alone_chunks_are_large_and_nobody_rests() {
        let pace = Pace::new(false);
        let stop = StopSignal::new();
        assert_eq!(pace.chunk_rows(20_000), 20_000);
        pace.rest(Duration::from_secs(3600), (1, 1), &stop).unwrap();
        let pace = Pace::new(true);
        assert_eq!((pace.chunk_rows(20_000), pace.chunk_rows(100)), (CHUNK_ROWS, 100));
        pace.give_up();
        pace.rest(Duration::from_secs(3600), (1, 1), &stop).unwrap();
        let pace = Pace::new(true);
        stop.stop();
        pace.rest(Duration::from_secs(3600), (1, 1), &stop).unwrap_err();
    }
}
