//! Comparisons that a job makes by itself, at times of the day on days of the week.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Control;
use super::caller::Caller;
use super::change::Extra;
use super::command::Command;
use super::compare::CompareKind;
use super::refusal::{Refusal, Result};

const DAY_S: i64 = 86_400;
/// Most hours between two comparisons of a day.
const HOURS_MAX: u32 = 24;

/// When a job compares, and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparePolicy {
    /// It is in force.
    pub is_open: bool,
    /// Days of the week, 0 is Sunday; never none.
    pub days: BTreeSet<u8>,
    /// Second of the day (UTC) at which the first comparison begins.
    pub begin_s: u32,
    /// Second of the day at which none runs any more; on the next day if it is not behind the first.
    pub end_s: u32,
    /// Hours from one to the next within that time; `None`: one a day.
    pub every_hours: Option<u32>,
    /// What is compared.
    pub kinds: BTreeSet<CompareKind>,
    /// When the next one is due, milliseconds of the Unix epoch.
    #[serde(default)]
    pub next_ms: Option<i64>,
}

impl ComparePolicy {
    /// The first moment behind another at which a comparison is due.
    pub fn next_after(&self, now_ms: i64) -> Option<i64> {
        let now_s = now_ms.div_euclid(1000);
        let today = now_s.div_euclid(DAY_S);
        let due = (today - 1..=today + 7).filter(|day| {
            // The first day of the epoch was a Thursday.
            u8::try_from((day + 4).rem_euclid(7)).is_ok_and(|day| self.days.contains(&day))
        });
        let of_day = |day: i64| {
            let first = day * DAY_S + i64::from(self.begin_s);
            let step = self.every_hours.map_or(DAY_S, |hours| i64::from(hours) * 3600);
            let past = (now_s - first).div_euclid(step.max(1)) + 1;
            let next = first + past.max(0) * step;
            Some(next).filter(|next| *next < first + self.length_s())
        };
        due.filter_map(of_day).min().map(|at| at * 1000)
    }

    /// When a comparison that was due has to be over, milliseconds of the Unix epoch.
    pub fn end_of(&self, due_ms: i64) -> i64 {
        let due_s = due_ms.div_euclid(1000);
        let since = (due_s - i64::from(self.begin_s)).rem_euclid(DAY_S);
        (due_s - since + self.length_s()) * 1000
    }

    /// Seconds of a day's time for comparisons.
    fn length_s(&self) -> i64 {
        let length = i64::from(self.end_s) - i64::from(self.begin_s);
        if length > 0 { length } else { length + DAY_S }
    }
}

impl Control {
    /// Sets when a job compares by itself, or, with `None`, that it does not any more; what was set stays to be opened again.
    ///
    /// # Errors
    /// [`Refusal::WrongState`]; [`Refusal::Invalid`] for hours out of range, and no days or kinds.
    pub async fn set_compare_policy(
        &self,
        caller: &Caller,
        job_id: &str,
        policy: Option<ComparePolicy>,
    ) -> Result<()> {
        if let Some(policy) = &policy {
            let hours = policy.every_hours;
            if hours.is_some_and(|hours| !(1..=HOURS_MAX).contains(&hours)) {
                let given = hours.unwrap_or_default();
                return Err(Refusal::invalid("interval_hour", given, format!("1 to {HOURS_MAX}")));
            }
            if policy.days.is_empty() || policy.kinds.is_empty() {
                let allowed = "at least one day and one kind of comparison";
                return Err(Refusal::invalid("period", "none", allowed));
            }
        }
        let now_ms = self.inner.now_ms();
        self.command(caller, job_id, Command::Describe, &|job| {
            match &policy {
                Some(policy) => {
                    let next_ms = policy.next_after(now_ms);
                    job.compare_policy = Some(ComparePolicy { next_ms, ..policy.clone() });
                }
                None => {
                    if let Some(policy) = &mut job.compare_policy {
                        policy.is_open = false;
                        policy.next_ms = None;
                    }
                }
            }
            Ok(Extra::default())
        })
        .await
        .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-30, a Monday, at midnight.
    const MONDAY_S: i64 = 1_795_996_800;

    fn policy(days: &[u8], begin_s: u32, end_s: u32, every_hours: Option<u32>) -> ComparePolicy {
        ComparePolicy {
            is_open: true,
            days: days.iter().copied().collect(),
            begin_s,
            end_s,
            every_hours,
            kinds: BTreeSet::from([CompareKind::Lines]),
            next_ms: None,
        }
    }

    #[test]
    fn the_next_is_the_first_of_its_days_and_hours() {
        let hour = 3600;
        let at = |day: i64, hours: i64| (MONDAY_S + day * DAY_S + hours * 3600) * 1000;
        let once = policy(&[1, 3], hour, 5 * hour, None);
        assert_eq!(once.next_after(at(0, 0)), Some(at(0, 1)));
        assert_eq!(once.next_after(at(0, 1)), Some(at(2, 1)));
        assert_eq!(once.next_after(at(2, 1) + 500), Some(at(7, 1)));
        assert_eq!(once.end_of(at(2, 1)), at(2, 5));
        let often = policy(&[1], hour, 5 * hour, Some(2));
        assert_eq!(often.next_after(at(0, 1)), Some(at(0, 3)));
        assert_eq!(often.next_after(at(0, 3)), Some(at(7, 1)));
        assert_eq!(often.end_of(at(0, 3)), at(0, 5));
        // Over midnight: the day is that on which it began.
        let night = policy(&[0], 22 * 3600, 2 * 3600, Some(1));
        assert_eq!(night.next_after(at(-1, 22)), Some(at(-1, 23)));
        assert_eq!(night.next_after(at(-1, 23)), Some(at(0, 0)));
        assert_eq!(night.next_after(at(0, 1)), Some(at(6, 22)));
        assert_eq!(night.end_of(at(0, 1)), at(0, 2));
        assert_eq!(policy(&[], 0, 0, None).next_after(0), None);
    }
}
