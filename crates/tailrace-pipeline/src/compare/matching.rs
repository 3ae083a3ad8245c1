//! Topic and source beside each other: which keys are equal, and which have to be looked at again.

use std::collections::HashMap;

use crate::compare::entry::{Effect, SourceEntry, TopicEntry, TopicState};
use crate::compare::spill::{BUCKETS, Spill};
use crate::error::Result;

/// A row of a key: the number of its table, and the key's hash.
pub(crate) type RowKey = (u32, u128);

/// What the source has of a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SourceState {
    /// Rows; more than one only without a key.
    pub(crate) rows: u64,
    /// The row's image for each set of columns.
    pub(crate) images: Vec<u128>,
    /// Its key as SQL literals, where it was asked for.
    pub(crate) literals: Vec<String>,
}

/// A key of which topic and source do not say the same yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Candidate {
    /// What the topic says.
    pub(crate) topic: Option<TopicState>,
    /// What the source says.
    pub(crate) source: SourceState,
    /// They were found equal.
    pub(crate) settled: bool,
}

impl Candidate {
    /// Whether both say the same.
    pub(crate) fn is_equal(&self) -> bool {
        match self.topic.as_ref().map(TopicState::effect) {
            None | Some(Effect::Absent) => self.source.rows == 0,
            Some(Effect::Count(count)) => i64::try_from(self.source.rows) == Ok(count),
            Some(effect) => self.is_row_of(effect),
        }
    }

    /// Whether a message has the source's row. It was the topic's state then, whatever was read of other partitions.
    pub(crate) fn is_row_of(&self, effect: Effect) -> bool {
        let Effect::Present(version, image) = effect else { return false };
        self.source.rows == 1 && self.source.images.get(usize::from(version)) == Some(&image)
    }

    /// Rows that a consumer of the topic holds.
    pub(crate) fn topic_rows(&self) -> u64 {
        match self.topic.as_ref().map(TopicState::effect) {
            None | Some(Effect::Absent) => 0,
            Some(Effect::Count(count)) => u64::try_from(count).unwrap_or(0),
            Some(Effect::Present(..)) => 1,
        }
    }
}

/// What comes of matching.
#[derive(Debug, Default)]
pub(crate) struct Matched {
    /// Equal rows by table.
    pub(crate) equal: HashMap<u32, u64>,
    /// What has to be looked at again.
    pub(crate) candidates: HashMap<RowKey, Candidate>,
    /// By table, how many more there are than are looked at again.
    pub(crate) left_out: HashMap<u32, u64>,
}

/// What a bucket holds of a key.
#[derive(Default)]
struct Joined {
    topic: Option<TopicState>,
    rows: u64,
    /// The source's row is the topic's.
    equal: bool,
}

/// Matches what was spilled, bucket by bucket. At most so many candidates are kept.
///
/// # Errors
/// `Local` if it cannot be read back.
pub(crate) fn matched(
    topic: &Spill<TopicEntry>,
    source: &Spill<SourceEntry>,
    candidates_max: usize,
) -> Result<Matched> {
    let mut matched = Matched::default();
    for bucket in 0..BUCKETS {
        let mut joined: HashMap<RowKey, Joined, foldhash::fast::RandomState> = HashMap::default();
        topic.bucket(bucket, |entry| {
            let row = joined.entry((entry.table, entry.key)).or_default();
            match &mut row.topic {
                None => row.topic = Some(TopicState::of(entry.at, entry.effect)),
                Some(state) => state.add(entry.at, entry.effect),
            }
        })?;
        source.bucket(bucket, |entry| {
            let row = joined.entry((entry.table, entry.key)).or_default();
            // Each row is there once for each set of columns.
            row.rows += u64::from(entry.version == 0);
            let effect = row.topic.as_ref().map(TopicState::effect);
            if let Some(Effect::Present(version, image)) = effect {
                row.equal |= (version, image) == (entry.version, entry.image);
            }
        })?;
        for (key, row) in joined {
            matched.take(key, row, candidates_max);
        }
    }
    Ok(matched)
}

impl Matched {
    fn take(&mut self, key: RowKey, row: Joined, candidates_max: usize) {
        let equal = match row.topic.as_ref().map(TopicState::effect) {
            None | Some(Effect::Absent) => row.rows == 0,
            Some(Effect::Count(count)) => i64::try_from(row.rows) == Ok(count),
            Some(Effect::Present(..)) => row.rows == 1 && row.equal,
        };
        if equal {
            *self.equal.entry(key.0).or_default() += row.rows;
        } else if self.candidates.len() < candidates_max {
            let candidate = Candidate { topic: row.topic, ..Candidate::default() };
            self.candidates.insert(key, candidate);
        } else {
            *self.left_out.entry(key.0).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::entry::At;

    fn at(offset: i64) -> At {
        At { time_ms: 0, offset, partition: 0 }
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let mut topic = Spill::create(directory.path()).unwrap();
        let mut source = Spill::create(directory.path()).unwrap();
        let mut tell = |table, key, offset, effect| {
            topic.push(&TopicEntry { table, key, at: at(offset), effect }).unwrap();
        };
        tell(0, 1, 0, Effect::Present(0, 10)); // equal
        tell(0, 2, 1, Effect::Present(1, 21)); // equal by an older set of columns
        tell(0, 3, 2, Effect::Present(0, 30)); // another content
        tell(0, 4, 3, Effect::Present(0, 40)); // not in the source
        tell(0, 5, 4, Effect::Present(0, 50));
        tell(0, 5, 5, Effect::Absent); // gone in both
        tell(0, 6, 6, Effect::Absent); // deleted in the topic only
        tell(1, 1, 7, Effect::Count(2)); // as many
        tell(1, 2, 8, Effect::Count(1)); // one too few
        let mut has = |table, key, images: &[u128]| {
            for (version, image) in (0..).zip(images) {
                source.push(&SourceEntry { table, key, version, image: *image }).unwrap();
            }
        };
        has(0, 1, &[10, 11]);
        has(0, 2, &[20, 21]);
        has(0, 3, &[31, 30]);
        has(0, 6, &[60, 61]);
        has(0, 7, &[70, 71]); // never in the topic
        for key in [1, 1, 2, 2] {
            has(1, key, &[0]);
        }
        let all = matched(&topic, &source, 100).unwrap();
        assert_eq!((all.equal[&0], all.equal[&1]), (2, 2));
        let mut keys: Vec<RowKey> = all.candidates.keys().copied().collect();
        keys.sort_unstable();
        assert_eq!(keys, [(0, 3), (0, 4), (0, 6), (0, 7), (1, 2)]);
        assert!(all.left_out.is_empty());
        let few = matched(&topic, &source, 2).unwrap();
        assert_eq!(few.candidates.len(), 2);
        assert_eq!(few.left_out.values().sum::<u64>(), 3);
    }

    #[test]
    fn a_candidate_is_equal_by_the_columns_of_its_message() {
        let state = |effect| Some(TopicState::of(at(0), effect));
        let source = SourceState { rows: 1, images: vec![5, 6], ..SourceState::default() };
        let candidate =
            |effect| Candidate { topic: state(effect), source: source.clone(), settled: false };
        assert!(candidate(Effect::Present(1, 6)).is_equal());
        assert!(!candidate(Effect::Present(1, 5)).is_equal());
        assert!(!candidate(Effect::Present(2, 5)).is_equal());
        assert!(!candidate(Effect::Absent).is_equal());
        assert!(candidate(Effect::Count(1)).is_equal());
        assert!(Candidate::default().is_equal());
    }
}
