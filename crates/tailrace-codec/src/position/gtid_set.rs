//! Sets of GTIDs: what has been read, what a server still has, what is missing.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::gtid::{Gtid, Tsid};
use super::gtid_text::Scanner;
use super::interval::IntervalSet;
use crate::error::{DecodeError, Result};

/// A set of GTIDs.
///
/// Read it with [`str::parse`], print it with `Display`: both use MySQL's own text, the printed form
/// being canonical, so that equal sets print equally.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GtidSet {
    /// Invariant: no interval set is empty.
    groups: BTreeMap<Tsid, IntervalSet>,
}

impl GtidSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { groups: BTreeMap::new() }
    }

    /// Adds one GTID. Constant time, apart from finding its UUID, for the next number of a source.
    pub fn add(&mut self, gtid: &Gtid) {
        self.add_range(*gtid.tsid(), gtid.gno(), gtid.gno().saturating_add(1));
    }

    /// Adds the numbers `start..end` of one source. The caller has checked `1 <= start` and
    /// `end <= GNO_MAX + 1`; an empty range adds nothing.
    pub(super) fn add_range(&mut self, tsid: Tsid, start: u64, end: u64) {
        if start < end {
            self.groups.entry(tsid).or_default().add(start, end);
        }
    }

    /// Adds every GTID of `other`.
    pub fn add_set(&mut self, other: &Self) {
        for (tsid, intervals) in &other.groups {
            let mine = self.groups.entry(*tsid).or_default();
            *mine = mine.union(intervals);
        }
    }

    /// Whether `gtid` is inside.
    pub fn contains(&self, gtid: &Gtid) -> bool {
        self.groups.get(gtid.tsid()).is_some_and(|intervals| intervals.contains(gtid.gno()))
    }

    /// Whether all of `other` is inside: `GTID_SUBSET(other, self)`.
    pub fn contains_set(&self, other: &Self) -> bool {
        other.groups.iter().all(|(tsid, intervals)| {
            self.groups.get(tsid).is_some_and(|mine| mine.contains_all(intervals))
        })
    }

    /// The GTIDs of either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        out.add_set(other);
        out
    }

    /// The GTIDs of `self` that are not in `other`: `GTID_SUBTRACT(self, other)`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        self.combine(|tsid, mine| match other.groups.get(tsid) {
            Some(theirs) => mine.subtract(theirs),
            None => mine.clone(),
        })
    }

    /// The GTIDs of both.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        self.combine(|tsid, mine| match other.groups.get(tsid) {
            Some(theirs) => mine.intersect(theirs),
            None => IntervalSet::default(),
        })
    }

    fn combine(&self, each: impl Fn(&Tsid, &IntervalSet) -> IntervalSet) -> Self {
        let groups = self.groups.iter().map(|(tsid, mine)| (*tsid, each(tsid, mine)));
        Self { groups: groups.filter(|(_, intervals)| !intervals.is_empty()).collect() }
    }

    /// Whether no GTID is inside.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// How many GTIDs are inside. Several sources together may have more than `u64` holds.
    pub fn count(&self) -> u128 {
        self.groups
            .values()
            .fold(0_u128, |sum, intervals| sum.saturating_add(intervals.count().into()))
    }

    /// The sources in MySQL's order, each with its numbers.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&Tsid, &IntervalSet)> {
        self.groups.iter()
    }

    /// Whether any source has a tag; servers before 8.3 do not understand such a set.
    pub fn has_tags(&self) -> bool {
        self.groups.keys().any(|tsid| tsid.tag.is_some())
    }
}

impl fmt::Display for GtidSet {
    /// MySQL's canonical text: `uuid:1-5:7:tag:1-3`, sources with another UUID behind `,\n`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last_uuid = None;
        for (tsid, intervals) in &self.groups {
            match (last_uuid, &tsid.tag) {
                (Some(uuid), Some(tag)) if uuid == tsid.uuid => write!(f, ":{tag}")?,
                (Some(_), _) => write!(f, ",\n{tsid}")?,
                (None, _) => write!(f, "{tsid}")?,
            }
            last_uuid = Some(tsid.uuid);
            for interval in intervals.intervals() {
                let last = interval.end.saturating_sub(1);
                write!(f, ":{}", interval.start)?;
                if last != interval.start {
                    write!(f, "-{last}")?;
                }
            }
        }
        Ok(())
    }
}

impl FromStr for GtidSet {
    type Err = DecodeError;

    /// Reads a set as MySQL reads it, with the exceptions it makes: white space and line ends
    /// between any two tokens, any number of commas, ranges that overlap or are empty.
    fn from_str(text: &str) -> Result<Self> {
        Scanner::new(text, "GTID set").set()
    }
}

impl FromIterator<Gtid> for GtidSet {
    fn from_iter<I: IntoIterator<Item = Gtid>>(gtids: I) -> Self {
        let mut set = Self::new();
        for gtid in gtids {
            set.add(&gtid);
        }
        set
    }
}
