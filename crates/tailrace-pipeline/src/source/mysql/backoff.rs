//! Waiting between attempts to reach the source again.

use std::time::{Duration, Instant};

use rand::RngExt;

use crate::error::{Error, Result};
use crate::source::mysql::context::Context;

/// First wait.
const WAIT_MIN: Duration = Duration::from_millis(100);
/// Longest single wait.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Longest time without success before the error is passed on.
const OUTAGE_MAX: Duration = Duration::from_secs(60);
/// The same where another server can take the place of the one that is lost.
const REPLACEABLE_OUTAGE_MAX: Duration = Duration::from_secs(3);
/// How often a wait looks for a stop.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Exponential waits with jitter, starting anew after every success.
pub(crate) struct Backoff {
    wait: Duration,
    failing_since: Option<Instant>,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { wait: WAIT_MIN, failing_since: None }
    }

    /// Notes that the source answers.
    pub(crate) fn succeeded(&mut self) {
        if self.failing_since.is_some() {
            *self = Self::new();
        }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// `error` itself once the outage is too long, or `Cancelled`.
    pub(crate) fn wait(&mut self, error: &Error, context: &Context) -> Result<()> {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        let is_only = context.spec.source.others.is_empty();
        let longest = if is_only { OUTAGE_MAX } else { REPLACEABLE_OUTAGE_MAX };
        if since.elapsed() > longest {
            return Err(Error::new(error.kind(), error.message()));
        }
        let jitter = rand::rng().random_range(0.5..1.0);
        let wait = self.wait.mul_f64(jitter);
        self.wait = (self.wait * 2).min(WAIT_MAX);
        context.observer.log(
            tracing::Level::WARN,
            &format!("{}; connecting again in {} ms", error.message(), wait.as_millis()),
        );
        let until = Instant::now() + wait;
        while Instant::now() < until {
            context.stop.check()?;
            std::thread::park_timeout(POLL_INTERVAL.min(wait));
        }
        Ok(())
    }
}
