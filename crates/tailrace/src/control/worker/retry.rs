//! When to try again, and when not to.

use std::time::Duration;

use tailrace_pipeline::error::{ErrorKind, Retry};

use crate::control::bounds::Bounds;

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Try again after this time.
    Again(Duration),
    /// Give up.
    GiveUp,
}

/// Counts retries since something last became durable.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    tried: u32,
    tried_limited: u32,
}

impl Retries {
    /// Something became durable, or the user changed something: counting begins anew.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Judges an error. `jitter` is in 0..1 and spreads the retries of many jobs that failed at once
    /// over the second half of the wait.
    pub(crate) fn judge(&mut self, kind: ErrorKind, bounds: &Bounds, jitter: f64) -> Verdict {
        match kind.retry() {
            Retry::Never => return Verdict::GiveUp,
            Retry::Limited => {
                if self.tried_limited >= bounds.retries_max {
                    return Verdict::GiveUp;
                }
                self.tried_limited += 1;
            }
            Retry::UntilRecovered => {}
        }
        let doubled = 1u32.checked_shl(self.tried.min(31)).unwrap_or(u32::MAX);
        let full = bounds.retry_delay_min.saturating_mul(doubled).min(bounds.retry_delay_max);
        self.tried = self.tried.saturating_add(1);
        Verdict::Again(full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_jitter_halves_at_most() {
        let bounds = Bounds::default();
        let mut retries = Retries::default();
        let waits: Vec<_> = (0..9)
            .map(|_| match retries.judge(ErrorKind::SourceConnection, &bounds, 1.0) {
                Verdict::Again(wait) => wait.as_secs(),
                Verdict::GiveUp => panic!("a lost connection is tried for ever"),
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(
            retries.judge(ErrorKind::SourceConnection, &bounds, 0.0),
            Verdict::Again(Duration::from_secs(30))
        );
        retries.clear();
        assert_eq!(
            retries.judge(ErrorKind::TargetConnection, &bounds, 0.0),
            Verdict::Again(Duration::from_millis(500))
        );
    }

    #[test]
    fn limited_errors_are_tried_three_times_and_hopeless_ones_never() {
        let bounds = Bounds::default();
        let mut retries = Retries::default();
        for _ in 0..3 {
            assert_ne!(retries.judge(ErrorKind::Target, &bounds, 0.5), Verdict::GiveUp);
        }
        assert_eq!(retries.judge(ErrorKind::Target, &bounds, 0.5), Verdict::GiveUp);
        // Another kind of error keeps its own chances.
        assert_ne!(retries.judge(ErrorKind::SourceConnection, &bounds, 0.5), Verdict::GiveUp);
        assert_eq!(Retries::default().judge(ErrorKind::Decode, &bounds, 0.5), Verdict::GiveUp);
    }
}
