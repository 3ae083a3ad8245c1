//! A warning before the source deletes the part of its log that a job still needs.
//!
//! Servers delete log files by age. A job that lags so far that half of that time is gone is told of, once, and again when
//! it has caught up.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::engine::unix_us;
use crate::error::Result;
use crate::source::mysql::connection::Connection;

/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// Part of the time for which logs are kept behind which a job is warned of.
const WARN_BEHIND: f64 = 0.5;
/// Part of it below which it has caught up.
const WELL_BELOW: f64 = 0.25;

/// Names of the settings that [`kept_for`] reads.
const SETTINGS: [&str; 3] =
    ["binlog_expire_logs_seconds", "expire_logs_days", "binlog_expire_logs_auto_purge"];

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
    kept_for: Option<Duration>,
    next_look: Instant,
    warned: bool,
}

/// What there is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// The job lags dangerously: by this, of that.
    Near(Duration, Duration),
    /// No longer.
    Far,
}

impl Horizon {
    /// For a log that is kept for some time.
    pub(crate) fn new(kept_for: Option<Duration>) -> Self {
        Self { kept_for, next_look: Instant::now(), warned: false }
    }

    /// Asks a server for how long it keeps its log.
    ///
    /// # Errors
    /// Those of the connection.
    pub(crate) fn ask(connection: &mut Connection) -> Result<Option<Duration>> {
        let names = SETTINGS.map(|name| format!("'{name}'")).join(", ");
        let rows =
            connection.rows(&format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"))?;
        let mut settings = BTreeMap::new();
        for row in &rows {
            settings.insert(row.text(0)?.to_ascii_lowercase(), row.text(1)?.to_owned());
        }
        Ok(kept_for(&settings))
    }

    /// Looks, from time to time, at the commit time of what is delivered now (milliseconds of the Unix epoch, 0 if that is
    /// not known).
    pub(crate) fn look(&mut self, committed_ms: i64) -> Option<Sight> {
        let kept_for = self.kept_for?;
        let now = Instant::now();
        if committed_ms == 0 || now < self.next_look {
            return None;
        }
        self.next_look = now + LOOK_INTERVAL;
        self.judge(unix_us().div_euclid(1000) - committed_ms, kept_for)
    }

    fn judge(&mut self, lag_ms: i64, kept_for: Duration) -> Option<Sight> {
        let lag = Duration::from_millis(u64::try_from(lag_ms).unwrap_or(0));
        let part = lag.as_secs_f64() / kept_for.as_secs_f64();
        if !self.warned && part >= WARN_BEHIND {
            self.warned = true;
            return Some(Sight::Near(lag, kept_for));
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
        let mut horizon = Horizon::new(Some(kept));
        assert_eq!(horizon.judge(49_999, kept), None);
        assert_eq!(horizon.judge(50_000, kept), Some(Sight::Near(Duration::from_secs(50), kept)));
        assert_eq!(horizon.judge(99_000, kept), None);
        assert_eq!(horizon.judge(30_000, kept), None);
        assert_eq!(horizon.judge(-5, kept), Some(Sight::Far));
        assert_eq!(horizon.judge(0, kept), None);
    }

    #[test]
    fn it_looks_from_time_to_time_and_only_where_logs_are_deleted() {
        let mut horizon = Horizon::new(Some(Duration::from_secs(1)));
        assert_eq!(horizon.look(0), None);
        assert!(horizon.look(1).is_some());
        assert_eq!(horizon.look(unix_us().div_euclid(1000)), None);
        assert_eq!(Horizon::new(None).look(1), None);
    }
}
