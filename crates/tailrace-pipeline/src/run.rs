//! How a running job is steered from outside: stop, speed, and parts that rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// How fast a job may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// Rows per second of the whole job, from 1; `None` is unlimited.
    pub rows_per_second: Option<u64>,
    /// Bytes of messages per second of the whole job, from 1; `None` is unlimited.
    pub bytes_per_second: Option<u64>,
}

impl Rate {
    /// How long so much takes.
    pub(crate) fn time_of(self, rows: u64, bytes: u64) -> Duration {
        let seconds = |amount: u64, limit: Option<u64>| {
            limit.map_or(0.0, |limit| amount as f64 / limit.max(1) as f64)
        };
        let seconds =
            seconds(rows, self.rows_per_second).max(seconds(bytes, self.bytes_per_second));
        // No batch takes longer, even a row of a gigabyte at the slowest limit.
        Duration::from_secs_f64(seconds.min(TIME_MAX.as_secs_f64()))
    }
}

/// Longest time that a limit makes of one batch.
const TIME_MAX: Duration = Duration::from_secs(3600);

/// A part of an increment that may rest while the other goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Reads the log.
    Capture,
    /// Writes to the target.
    Apply,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    /// 0: unlimited.
    rows_per_second: AtomicU64,
    /// 0: unlimited.
    bytes_per_second: AtomicU64,
    /// By [`Part`].
    held: [AtomicBool; 2],
    parent: Option<StopSignal>,
}

/// Asks a job to stop at its next durable checkpoint, sets its speed, and has parts of it rest. Cheap to clone; clones share
/// the signal.
#[derive(Debug, Clone, Default)]
pub struct StopSignal {
    shared: Arc<Shared>,
}

impl StopSignal {
    /// A signal that nobody has given yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A signal that is given when this one is, and can be given alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { shared: Arc::new(Shared { parent: Some(self.clone()), ..Shared::default() }) }
    }

    /// Asks the job to stop.
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Release);
    }

    /// Whether the job is asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
            || self.shared.parent.as_ref().is_some_and(Self::is_stopped)
    }

    /// Limits the job's speed from now on.
    pub fn set_rate(&self, rate: Rate) {
        self.shared.rows_per_second.store(rate.rows_per_second.unwrap_or(0), Ordering::Release);
        self.shared.bytes_per_second.store(rate.bytes_per_second.unwrap_or(0), Ordering::Release);
    }

    /// The limits in force.
    pub fn rate(&self) -> Rate {
        let given = |limit: &AtomicU64| Some(limit.load(Ordering::Acquire)).filter(|n| *n > 0);
        let above = self.shared.parent.as_ref().map(Self::rate).unwrap_or_default();
        Rate {
            rows_per_second: given(&self.shared.rows_per_second).or(above.rows_per_second),
            bytes_per_second: given(&self.shared.bytes_per_second).or(above.bytes_per_second),
        }
    }

    /// Has a part rest from its next step on, or go on.
    pub fn hold(&self, part: Part, is_held: bool) {
        self.shared.held[part as usize].store(is_held, Ordering::Release);
    }

    /// Whether a part is to rest.
    pub fn is_held(&self, part: Part) -> bool {
        self.shared.held[part as usize].load(Ordering::Acquire)
            || self.shared.parent.as_ref().is_some_and(|parent| parent.is_held(part))
    }

    /// An error of kind `Cancelled` once the job is asked to stop.
    ///
    /// # Errors
    /// `Cancelled`.
    pub fn check(&self) -> Result<()> {
        if self.is_stopped() {
            Err(Error::new(ErrorKind::Cancelled, "the job was asked to stop"))
        } else {
            Ok(())
        }
    }
}
