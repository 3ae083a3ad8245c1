//! Counts failed attempts: per user, per access key, and per address that passwords are tried from.

use std::collections::{HashMap, VecDeque};

/// Failures that lock a user or an access key.
const FAILURES_MAX: usize = 5;
/// Failures that lock an address: one for many people has some that are honest.
const ADDRESS_FAILURES_MAX: usize = 50;
/// Time within which they count, and for which they lock: milliseconds.
const WINDOW_MS: i64 = 5 * 60 * 1000;
/// Names counted at the same time. An attacker who tries more names pushes out the oldest.
const NAMES_MAX: usize = 10_000;

/// Failed attempts of the last minutes. In memory: a restart forgives.
#[derive(Debug)]
pub(super) struct Lockout {
    failures_max: usize,
    failures: HashMap<String, VecDeque<i64>>,
}

impl Default for Lockout {
    fn default() -> Self {
        Self { failures_max: FAILURES_MAX, failures: HashMap::new() }
    }
}

impl Lockout {
    /// Counts addresses.
    pub(super) fn of_addresses() -> Self {
        Self { failures_max: ADDRESS_FAILURES_MAX, failures: HashMap::new() }
    }

    /// When a name may try again, if it is locked now.
    pub(super) fn locked_until(&mut self, name: &str, now_ms: i64) -> Option<i64> {
        let times = self.failures.get_mut(name)?;
        forget_old(times, now_ms, self.failures_max);
        if times.is_empty() {
            self.failures.remove(name);
            return None;
        }
        (times.len() >= self.failures_max)
            .then(|| times.back().map(|last| last + WINDOW_MS))
            .flatten()
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, name: &str, now_ms: i64) {
        if !self.failures.contains_key(name) && self.failures.len() >= NAMES_MAX {
            self.make_room(now_ms);
        }
        let times = self.failures.entry(name.to_owned()).or_default();
        forget_old(times, now_ms, self.failures_max);
        times.push_back(now_ms);
        while times.len() > self.failures_max {
            times.pop_front();
        }
    }

    /// An attempt succeeded: earlier failures do not count any more.
    pub(super) fn succeeded(&mut self, name: &str) {
        self.failures.remove(name);
    }

    fn make_room(&mut self, now_ms: i64) {
        let failures_max = self.failures_max;
        self.failures.retain(|_, times| {
            forget_old(times, now_ms, failures_max);
            !times.is_empty()
        });
        if self.failures.len() < NAMES_MAX {
            return;
        }
        let oldest = self.failures.iter().min_by_key(|(_, times)| times.back().copied());
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            self.failures.remove(&name);
        }
    }
}

/// A lock lasts for the window after the last failure, so failures count for as long as that.
fn forget_old(times: &mut VecDeque<i64>, now_ms: i64, failures_max: usize) {
    if times.len() >= failures_max {
        if times.back().is_some_and(|last| now_ms - last >= WINDOW_MS) {
            times.clear();
        }
        return;
    }
    while times.front().is_some_and(|first| now_ms - first >= WINDOW_MS) {
        times.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_five_minutes_lock_for_five_minutes() {
        let mut lockout = Lockout::default();
        for i in 0..5 {
            assert_eq!(lockout.locked_until("a", i * 1000), None);
            lockout.failed("a", i * 1000);
        }
        assert_eq!(lockout.locked_until("a", 5000), Some(4000 + WINDOW_MS));
        assert_eq!(lockout.locked_until("b", 5000), None);
        assert_eq!(lockout.locked_until("a", 4000 + WINDOW_MS - 1), Some(4000 + WINDOW_MS));
        assert_eq!(lockout.locked_until("a", 4000 + WINDOW_MS), None);
        // After that the count begins anew.
        lockout.failed("a", 4000 + WINDOW_MS);
        assert_eq!(lockout.locked_until("a", 4000 + WINDOW_MS), None);
    }

    #[test]
    fn slow_failures_and_a_success_do_not_lock() {
        let mut lockout = Lockout::default();
        for i in 0..20 {
            lockout.failed("slow", i * (WINDOW_MS / 4 + 1));
            assert_eq!(lockout.locked_until("slow", i * (WINDOW_MS / 4 + 1)), None);
        }
        for _ in 0..4 {
            lockout.failed("b", 0);
        }
        lockout.succeeded("b");
        lockout.failed("b", 0);
        assert_eq!(lockout.locked_until("b", 0), None);
    }

    #[test]
    fn many_names_push_out_the_oldest() {
        let mut lockout = Lockout::default();
        for i in 0..NAMES_MAX + 10 {
            lockout.failed(&i.to_string(), i as i64 / 100);
        }
        assert_eq!(lockout.failures.len(), NAMES_MAX);
        assert!(lockout.failures.contains_key(&(NAMES_MAX + 9).to_string()));
    }
}
