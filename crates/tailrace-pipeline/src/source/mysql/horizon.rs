//! A warning before the source deletes the part of its log that a job still needs.
//!
//! Servers delete log files by age, some also by the size of all of them. A job that lags so far that half of that time or
//! size is gone is told of, once, and again when it has caught up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::engine::unix_us;
use crate::error::Result;
use crate::source::mysql::connection::{Connection, Row};

/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// Part of the time for which logs are kept behind which a job is warned of.
const WARN_BEHIND: f64 = 0.5;
/// Part of it below which it has caught up.
const WELL_BELOW: f64 = 0.25;

/// Names of the settings that [`Kept::of`] reads: MySQL's, MariaDB's (its size has two names), Percona's.
const SETTINGS: [&str; 5] = [
    "binlog_expire_logs_seconds",
    "expire_logs_days",
    "binlog_expire_logs_auto_purge",
    "max_binlog_total_size",
    "binlog_space_limit",
];

/// What a server keeps of its log, by its settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// For how long; `None` if it deletes nothing by age.
    age: Option<Duration>,
    /// Bytes of all files; `None` if it deletes nothing by size.
    bytes: Option<u64>,
}

impl Kept {
    fn of(settings: &BTreeMap<String, String>) -> Self {
        let size = ["max_binlog_total_size", "binlog_space_limit"]
            .iter()
            .find_map(|name| settings.get(*name)?.parse::<u64>().ok().filter(|bytes| *bytes > 0));
        Self { age: kept_for(settings), bytes: size }
    }
}

/// For how long a server keeps its log files, by its settings; `None` if it never deletes them by itself.
fn kept_for(settings: &BTreeMap<String, String>) -> Option<Duration> {
    let number = |name: &str| settings.get(name).and_then(|value| value.parse::<f64>().ok());
    let is_off = |value: &String| value.eq_ignore_ascii_case("OFF");
    if settings.get("binlog_expire_logs_auto_purge").is_some_and(is_off) {
        return None;
    }
    let days = number("expire_logs_days").map_or(0.0, |days| days * 86_400.0);
    let seconds = number("binlog_expire_logs_seconds").filter(|seconds| *seconds > 0.0);
    let seconds = seconds.unwrap_or(days);
    // 0 turns the deletion off.
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds))
}

/// Looks how near a job is to the end of its source's log.
#[derive(Debug)]
pub(crate) struct Horizon {
    kept: Kept,
    next_look: Instant,
    next_count: Instant,
    warned: bool,
}

/// What there is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// The job lags dangerously: by this, of that.
    Near(Duration, Duration),
    /// The job still needs so many bytes of the log, of so many that are kept.
    NearSize(u64, u64),
    /// No longer.
    Far,
}

impl Horizon {
    /// For a log of which so much is kept.
    pub(crate) fn new(kept: Kept) -> Self {
        let now = Instant::now();
        Self { kept, next_look: now, next_count: now, warned: false }
    }

    /// Asks a server what it keeps of its log.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn ask(connection: &mut Connection) -> Result<Kept> {
        let names = SETTINGS.map(|name| format!("'{name}'")).join(", ");
        let rows =
            connection.rows(&format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"))?;
        let mut settings = BTreeMap::new();
        for row in &rows {
            settings.insert(row.text(0)?.to_ascii_lowercase(), row.text(1)?.to_owned());
        }
        Ok(Kept::of(&settings))
    }

    /// Looks, from time to time, at the commit time of what is delivered now (milliseconds of the Unix epoch, 0 if that is
    /// not known).
    pub(crate) fn look(&mut self, committed_ms: i64) -> Option<Sight> {
        let kept_for = self.kept.age?;
        let now = Instant::now();
        if committed_ms == 0 || now < self.next_look {
            return None;
        }
        self.next_look = now + LOOK_INTERVAL;
        self.judge(unix_us().div_euclid(1000) - committed_ms, kept_for)
    }

    /// Looks, from time to time, at how much of the log a job still needs that stands in this file, where logs are deleted
    /// by size. `connect` gives a connection for the question.
    pub(crate) fn look_at_size(
        &mut self,
        file: &str,
        connect: impl FnOnce() -> Result<Connection>,
    ) -> Option<Sight> {
        let kept = self.kept.bytes?;
        let now = Instant::now();
        if now < self.next_count {
            return None;
        }
        self.next_count = now + LOOK_INTERVAL;
        // One that cannot be asked now is asked later: the stream has its own troubles then.
        let rows = connect().and_then(|mut one| one.rows("SHOW BINARY LOGS")).ok()?;
        let size = |row: &Row| {
            let (name, size) = (row.text(0).ok()?, row.text(1).ok()?);
            // Names of one server's files have one length until the number is 999999.
            ((name.len(), name) >= (file.len(), file)).then(|| size.parse::<u64>().ok())?
        };
        let needed = rows.iter().filter_map(size).sum();
        self.judge_size(needed, kept)
    }

    fn judge_size(&mut self, needed: u64, kept: u64) -> Option<Sight> {
        self.judge_part(needed as f64 / kept as f64, Sight::NearSize(needed, kept))
    }

    fn judge(&mut self, lag_ms: i64, kept_for: Duration) -> Option<Sight> {
        let lag = Duration::from_millis(u64::try_from(lag_ms).unwrap_or(0));
        self.judge_part(lag.as_secs_f64() / kept_for.as_secs_f64(), Sight::Near(lag, kept_for))
    }

    fn judge_part(&mut self, part: f64, near: Sight) -> Option<Sight> {
        if !self.warned && part >= WARN_BEHIND {
            self.warned = true;
            return Some(near);
        }
        if self.warned && part < WELL_BELOW {
            self.warned = false;
            return Some(Sight::Far);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn logs_are_kept_for_as_long_as_the_settings_say() {
        let seconds = |pairs: &[(&str, &str)]| kept_for(&settings(pairs)).map(|d| d.as_secs());
        assert_eq!(seconds(&[("binlog_expire_logs_seconds", "2592000")]), Some(2_592_000));
        let purge = ("binlog_expire_logs_auto_purge", "OFF");
        assert_eq!(seconds(&[("binlog_expire_logs_seconds", "2592000"), purge]), None);
        assert_eq!(
            seconds(&[("binlog_expire_logs_seconds", "0"), ("expire_logs_days", "0")]),
            None
        );
        let both = [("binlog_expire_logs_seconds", "0"), ("expire_logs_days", "1.5")];
        assert_eq!(seconds(&both), Some(129_600));
        assert_eq!(seconds(&[]), None);
    }

    #[test]
    fn a_job_that_lags_by_half_of_it_is_told_of_once_and_when_it_has_caught_up() {
        let kept = Duration::from_secs(100);
        let mut horizon = Horizon::new(Kept { age: Some(kept), bytes: None });
        assert_eq!(horizon.judge(49_999, kept), None);
        assert_eq!(horizon.judge(50_000, kept), Some(Sight::Near(Duration::from_secs(50), kept)));
        assert_eq!(horizon.judge(99_000, kept), None);
        assert_eq!(horizon.judge(30_000, kept), None);
        assert_eq!(horizon.judge(-5, kept), Some(Sight::Far));
        assert_eq!(horizon.judge(0, kept), None);
    }

    #[test]
    fn it_looks_from_time_to_time_and_only_where_logs_are_deleted() {
        let mut horizon = Horizon::new(Kept { age: Some(Duration::from_secs(1)), bytes: None });
        assert_eq!(horizon.look(0), None);
        assert!(horizon.look(1).is_some());
        assert_eq!(horizon.look(unix_us().div_euclid(1000)), None);
        assert_eq!(Horizon::new(Kept::default()).look(1), None);
    }

    #[test]
    fn a_log_that_is_kept_by_size_is_judged_by_what_is_needed_of_it() {
        let kept =
            Kept::of(&settings(&[("binlog_space_limit", "1000"), ("expire_logs_days", "0")]));
        assert_eq!(kept, Kept { age: None, bytes: Some(1000) });
        assert_eq!(Kept::of(&settings(&[("max_binlog_total_size", "0")])), Kept::default());
        let mut horizon = Horizon::new(kept);
        assert_eq!(horizon.judge_size(499, 1000), None);
        assert_eq!(horizon.judge_size(500, 1000), Some(Sight::NearSize(500, 1000)));
        assert_eq!(horizon.judge_size(900, 1000), None, "it is said already");
        assert_eq!(horizon.judge_size(200, 1000), Some(Sight::Far));
    }
}
