//! The job's speed limit: batches of all threads of the source side go one behind the other in time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::run::{Rate, StopSignal};

/// Longest single wait, so that a stop and a new limit are seen.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// How far behind its limit a job may be and still make up for it: longer pauses are the source's or the target's.
const CATCH_UP_MAX: Duration = Duration::from_millis(500);

/// Spreads batches over time while the job has a speed limit.
pub(crate) struct Throttle {
    slots: Mutex<Slots>,
}

/// When batches may go.
struct Slots {
    /// The limit that `free_from` was found with.
    rate: Rate,
    /// When the next batch may go.
    free_from: Instant,
}

impl Slots {
    /// Takes the time that a batch needs, and gives its begin.
    fn take(&mut self, now: Instant, rate: Rate, (rows, bytes): (u64, u64)) -> Instant {
        if rate != self.rate {
            (self.rate, self.free_from) = (rate, now);
        }
        let begin = self.free_from.max(now.checked_sub(CATCH_UP_MAX).unwrap_or(now));
        self.free_from = begin + rate.time_of(rows, bytes);
        begin
    }
}

impl Throttle {
    pub(crate) fn new() -> Self {
        let slots = Slots { rate: Rate::default(), free_from: Instant::now() };
        Self { slots: Mutex::new(slots) }
    }

    /// Waits until a batch may go. A limit that changes meanwhile counts at once.
    ///
    /// # Errors
    /// `Cancelled`.
    pub(crate) fn wait(&self, rows: u64, bytes: u64, stop: &StopSignal) -> Result<()> {
        loop {
            stop.check()?;
            let rate = stop.rate();
            let now = Instant::now();
            let begin = {
                let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
                slots.take(now, rate, (rows, bytes))
            };
            while stop.rate() == rate {
                stop.check()?;
                let Some(left) = begin.checked_duration_since(Instant::now()) else {
                    return Ok(());
                };
                if left.is_zero() {
                    return Ok(());
                }
                std::thread::park_timeout(left.min(WAIT_MAX));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    /// Seconds that batches take whose makers need some time for each, one after the other.
    fn seconds_of(rate: Rate, batches: impl Iterator<Item = (u64, Duration)>) -> f64 {
        let begin = Instant::now();
        let mut now = begin;
        let mut slots = Slots { rate: Rate::default(), free_from: begin };
        for (bytes, making) in batches {
            now += making;
            now = now.max(slots.take(now, rate, (bytes / 100, bytes)));
        }
        (now - begin).as_secs_f64()
    }

    #[test]
    fn bytes_go_at_the_limit_whatever_their_batches() {
        let rate = Rate { rows_per_second: None, bytes_per_second: Some(10 * MB) };
        for batch in [1000, 100_000, MB, 3 * MB] {
            for making in [0, 1, 50] {
                let making = Duration::from_millis(making);
                // Makers that are slower than the limit are not held up.
                let fits = making.as_secs_f64() < batch as f64 / (10 * MB) as f64;
                let count = 100 * MB / batch;
                let took = seconds_of(rate, (0..count).map(|_| (batch, making)));
                let wanted = if fits { 10.0 } else { making.as_secs_f64() * count as f64 };
                assert!((took - wanted).abs() <= wanted * 0.05, "{batch} {making:?}: {took} s");
            }
        }
    }

    #[test]
    fn a_short_pause_is_made_up_for_and_a_long_one_is_not() {
        let rate = Rate { rows_per_second: None, bytes_per_second: Some(MB) };
        let with_pause = |pause: u64| {
            seconds_of(
                rate,
                (0..100).map(|n| (MB / 10, Duration::from_millis(if n == 50 { pause } else { 0 }))),
            )
        };
        assert!(with_pause(400) < 10.05);
        assert!(with_pause(5_000) > 14.0);
    }

    #[test]
    fn the_tighter_limit_counts_and_a_new_one_begins_at_once() {
        let both = Rate { rows_per_second: Some(100), bytes_per_second: Some(10 * MB) };
        // 1 000 rows of 100 bytes.
        let took = seconds_of(both, (0..100).map(|_| (1000, Duration::ZERO)));
        assert!((9.5..=10.5).contains(&took), "{took}");

        let now = Instant::now();
        let mut slots = Slots { rate: Rate::default(), free_from: now };
        let slow = Rate { rows_per_second: Some(1), bytes_per_second: None };
        slots.take(now, slow, (3600, 0));
        assert_eq!(slots.take(now, slow, (1, 0)), now + Duration::from_secs(3600));
        assert_eq!(slots.take(now, both, (1, 0)), now);
        assert_eq!(slots.take(now, Rate::default(), (1, 0)), now);
    }
}
