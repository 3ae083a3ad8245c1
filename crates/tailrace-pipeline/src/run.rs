//! How a running job is steered from outside: stop and speed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    rows_per_second_max: AtomicU64,
    parent: Option<StopSignal>,
}

/// Asks a job to stop at its next durable checkpoint, and sets its speed. Cheap to clone; clones share
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

    /// Limits the job's speed from now on; `None` takes the limit away.
    pub fn set_rows_per_second_max(&self, rows: Option<u64>) {
        self.shared.rows_per_second_max.store(rows.unwrap_or(0), Ordering::Release);
    }

    /// The limit in force.
    pub fn rows_per_second_max(&self) -> Option<u64> {
        match (self.shared.rows_per_second_max.load(Ordering::Acquire), &self.shared.parent) {
            (0, Some(parent)) => parent.rows_per_second_max(),
            (0, None) => None,
            (n, _) => Some(n),
        }
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
