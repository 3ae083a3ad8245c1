//! Tells of transactions that are open for long: what they have changed is kept until they end, and the log has to be kept from
//! where they began.

use std::time::{Duration, Instant};

use tailrace_codec::redo::Xid;

/// Time after which a transaction counts as open for long.
const LONG: Duration = Duration::from_secs(600);
/// Time until it is told once more.
const AGAIN: Duration = Duration::from_secs(3600);

/// The oldest open transaction, as it was seen.
#[derive(Debug, Default)]
pub(super) struct LongOpen {
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    xid: Xid,
    since: Instant,
    told: Option<Instant>,
}

impl LongOpen {
    /// Looks at the oldest open transaction (its id, the SCN at which it began, how many changes it has); what is to be told of
    /// it, if anything.
    pub(super) fn look(&mut self, now: Instant, oldest: Option<(Xid, u64, u64)>) -> Option<String> {
        let Some((xid, begun, changes)) = oldest else {
            self.seen = None;
            return None;
        };
        let seen = match &mut self.seen {
            Some(seen) if seen.xid == xid => seen,
            _ => {
                self.seen = Some(Seen { xid, since: now, told: None });
                return None;
            }
        };
        let open = now.saturating_duration_since(seen.since);
        let is_due = seen.told.is_none_or(|told| now.saturating_duration_since(told) >= AGAIN);
        if open < LONG || !is_due {
            return None;
        }
        seen.told = Some(now);
        Some(format!(
            "transaction {xid} of the source is open for more than {} min, since SCN {begun}, with {changes} changes of selected tables so far: they are kept until it ends, and after a restart the log is read from there; keep the archived logs",
            open.as_secs() / 60
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_told_of_after_a_while_and_then_now_and_then() {
        let begin = Instant::now();
        let at = |minutes: u64| begin + Duration::from_secs(60 * minutes);
        let xid = |slot| Xid { segment: 1, slot, sequence: 7 };
        let mut open = LongOpen::default();
        let one = Some((xid(1), 500, 3));
        assert_eq!(open.look(at(0), one), None);
        assert_eq!(open.look(at(9), one), None);
        let told = open.look(at(11), one).expect("told");
        assert!(told.contains("transaction 1.1.7") && told.contains("more than 11 min"), "{told}");
        assert!(told.contains("SCN 500") && told.contains("3 changes"), "{told}");
        assert_eq!(open.look(at(12), one), None);
        assert!(open.look(at(72), one).is_some());
        // Another one has its own time.
        assert_eq!(open.look(at(73), Some((xid(2), 900, 0))), None);
        assert_eq!(open.look(at(74), None), None);
        assert_eq!(open.look(at(90), one), None);
    }
}
