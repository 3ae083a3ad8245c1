//! Where a job's time goes: what its threads waited for, and how far behind the source each stage is.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What threads of a job wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The source: the next event of its log, or the rows of a chunk.
    Source,
    /// The job's own speed limit.
    Limit,
    /// Room between reading and delivery: the target takes less than is read.
    Room,
    /// The target: messages that are written, and commits.
    Target,
}

impl Wait {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Source, Self::Limit, Self::Room, Self::Target];

    /// Name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Limit => "limit",
            Self::Room => "room",
            Self::Target => "target",
        }
    }
}

/// Waits of a job and the newest change of each stage.
#[derive(Debug, Default)]
pub struct Stages {
    /// Microseconds by [`Wait::ALL`].
    waited_us: [AtomicU64; 4],
    /// Commit time of the newest change that was read and encoded, milliseconds of the Unix epoch; 0 if there was none.
    read_source_ms: AtomicI64,
    /// When it was read, milliseconds of the Unix epoch.
    read_ms: AtomicI64,
}

impl Stages {
    /// Counts a wait that began at some time and is over.
    pub(crate) fn waited(&self, wait: Wait, since: Instant) {
        self.add(wait, since.elapsed());
    }

    /// Counts a wait.
    pub(crate) fn add(&self, wait: Wait, time: Duration) {
        if let Some(counter) = self.waited_us.get(wait as usize) {
            let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            counter.fetch_add(us, Ordering::Relaxed);
        }
    }

    /// Notes a change that is read and encoded: its commit time and the time now.
    pub(crate) fn has_read(&self, source_ms: i64, now_ms: i64) {
        if source_ms > 0 {
            self.read_source_ms.store(source_ms, Ordering::Relaxed);
            self.read_ms.store(now_ms, Ordering::Relaxed);
        }
    }

    /// How long threads have waited so far, by [`Wait::ALL`].
    pub fn waits(&self) -> [Duration; 4] {
        [0, 1, 2, 3].map(|wait: usize| {
            self.waited_us
                .get(wait)
                .map_or(Duration::ZERO, |us| Duration::from_micros(us.load(Ordering::Relaxed)))
        })
    }

    /// How long after its commit the newest change was read, milliseconds; `None` if there was none.
    pub fn read_delay_ms(&self) -> Option<i64> {
        let source = self.read_source_ms.load(Ordering::Relaxed);
        (source > 0).then(|| (self.read_ms.load(Ordering::Relaxed) - source).max(0))
    }
}

/// Says of a job that is behind where its time goes, once in a while.
#[derive(Debug)]
pub(crate) struct Slowness {
    since: Instant,
    waits: [Duration; 4],
}

/// Delay from which a job counts as slow.
const SLOW: Duration = Duration::from_secs(30);
/// Time over which it is looked at.
const SPAN: Duration = Duration::from_secs(60);
/// Part of the time from which a wait is what holds a job up.
const MUCH: f64 = 0.5;

impl Slowness {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, waits: [Duration::ZERO; 4] }
    }

    /// A sentence about a job that is `delay` behind, if it is one to be told now.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        waits: [Duration; 4],
        delay: Duration,
    ) -> Option<String> {
        let span = now.saturating_duration_since(self.since);
        if span < SPAN {
            return None;
        }
        let before = std::mem::replace(&mut self.waits, waits);
        self.since = now;
        if delay < SLOW {
            return None;
        }
        let share = |wait: Wait| {
            let at = wait as usize;
            let [Some(now), Some(before)] = [waits.get(at), before.get(at)] else { return 0.0 };
            now.saturating_sub(*before).as_secs_f64() / span.as_secs_f64()
        };
        Some(format!("the job is {} s behind: {}", delay.as_secs(), cause(share)))
    }
}

/// What holds a job up, by the parts of the time that were waited.
fn cause(share: impl Fn(Wait) -> f64) -> String {
    let percent = |wait: Wait| (share(wait) * 100.0).round();
    if share(Wait::Limit) >= MUCH {
        return format!("{} % of the time it waited for its own speed limit", percent(Wait::Limit));
    }
    if share(Wait::Target) >= MUCH {
        return format!(
            "{} % of the time it waited for the target to take and commit messages, {} % reading waited for that; look at the brokers' load, at acknowledgements by all replicas, and at the network to them",
            percent(Wait::Target),
            percent(Wait::Room)
        );
    }
    if share(Wait::Source) >= MUCH {
        return format!(
            "{} % of the time it waited for the source to send; look at the source's load and disk, and at the network to it",
            percent(Wait::Source)
        );
    }
    format!(
        "it waited little (source {} %, target {} %): this machine's processors are what holds it up",
        percent(Wait::Source),
        percent(Wait::Target)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn told(waits: [u64; 4], delay: u64) -> Option<String> {
        let begin = Instant::now();
        let mut slowness = Slowness::new(begin);
        let waits = waits.map(Duration::from_secs);
        assert_eq!(slowness.look(begin + 59 * SECOND, waits, 100 * SECOND), None);
        slowness.look(begin + 60 * SECOND, waits, Duration::from_secs(delay))
    }

    #[test]
    fn what_holds_a_job_up_is_said() {
        for (waits, wanted) in [
            ([0, 45, 0, 50], "75 % of the time it waited for its own speed limit"),
            ([5, 0, 30, 54], "90 % of the time it waited for the target"),
            ([48, 0, 0, 6], "80 % of the time it waited for the source"),
            ([6, 0, 0, 12], "waited little (source 10 %, target 20 %)"),
        ] {
            let text = told(waits, 31).unwrap();
            assert!(
                text.starts_with("the job is 31 s behind: ") && text.contains(wanted),
                "{text}"
            );
        }
        assert_eq!(told([0, 0, 0, 60], 29), None, "a short delay is none");
    }

    #[test]
    fn only_what_was_waited_since_the_last_look_counts() {
        let begin = Instant::now();
        let mut slowness = Slowness::new(begin);
        let delay = 40 * SECOND;
        slowness.look(begin + 60 * SECOND, [0, 0, 0, 55].map(Duration::from_secs), delay).unwrap();
        let later = [58, 0, 0, 55].map(Duration::from_secs);
        assert_eq!(slowness.look(begin + 100 * SECOND, later, delay), None);
        let text = slowness.look(begin + 120 * SECOND, later, delay).unwrap();
        assert!(text.contains("97 % of the time it waited for the source"), "{text}");
    }

    #[test]
    fn waits_and_delays_are_kept() {
        let stages = Stages::default();
        assert_eq!(stages.read_delay_ms(), None);
        stages.has_read(0, 5);
        assert_eq!(stages.read_delay_ms(), None, "rows of a full phase have no commit time");
        stages.has_read(1000, 1250);
        assert_eq!(stages.read_delay_ms(), Some(250));
        stages.add(Wait::Room, SECOND);
        stages.add(Wait::Room, SECOND);
        stages.add(Wait::Target, SECOND);
        assert_eq!(stages.waits(), [0, 0, 2, 1].map(Duration::from_secs));
        assert_eq!(Wait::ALL.map(|wait| wait as usize), [0, 1, 2, 3]);
    }
}
