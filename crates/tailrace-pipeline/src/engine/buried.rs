//! When the log tells that changes went to the dead-letter topic.

use std::time::{Duration, Instant};

/// Shortest time between two lines of the log.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Changes that went to the dead-letter topic and are not in the log yet.
#[derive(Debug, Default)]
pub(super) struct Buried {
    untold: u64,
    told_at: Option<Instant>,
}

impl Buried {
    /// Counts some more; gives a line for the log if it is time for one.
    pub(super) fn count(&mut self, more: u64, now: Instant) -> Option<String> {
        self.untold += more;
        let recent = self.told_at.is_some_and(|at| now.duration_since(at) < TOLD_EVERY);
        if self.untold == 0 || recent {
            return None;
        }
        self.told_at = Some(now);
        let count = std::mem::take(&mut self.untold);
        Some(format!(
            "{count} changes could not be delivered to their topics and went to the dead-letter topic"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_others_together() {
        let (mut buried, begun) = (Buried::default(), Instant::now());
        assert_eq!(buried.count(0, begun), None);
        assert!(buried.count(2, begun).unwrap().starts_with("2 changes"));
        assert_eq!(buried.count(3, begun + TOLD_EVERY / 2), None);
        assert!(buried.count(1, begun + TOLD_EVERY).unwrap().starts_with("4 changes"));
        assert_eq!(buried.count(0, begun + TOLD_EVERY * 3), None);
    }
}
