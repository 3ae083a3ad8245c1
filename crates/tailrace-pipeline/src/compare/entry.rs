//! What is spilled of topic and source: effects of messages, and rows.

use crate::compare::shape::Hashed;
use crate::compare::spill::{Record, take};

/// Where a message is, in the order in which a key's messages were written: its time first, because a topic that got
/// more partitions has older messages of a key elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// Milliseconds of the Unix epoch.
    pub(crate) time_ms: i64,
    /// Offset.
    pub(crate) offset: i64,
    /// Partition.
    pub(crate) partition: i32,
}

/// What a message does to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The row is there: which columns it has, and their hash.
    Present(u16, u128),
    /// It is gone.
    Absent,
    /// So many more of a row without a key.
    Count(i64),
}

impl Effect {
    /// The effect of a row that is there, of a table with or without a key.
    pub(crate) fn of(hashed: &Hashed, is_keyless: bool) -> Self {
        if is_keyless { Self::Count(1) } else { Self::Present(hashed.version, hashed.image) }
    }
}

/// An effect of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TopicEntry {
    pub(crate) table: u32,
    pub(crate) key: u128,
    pub(crate) at: At,
    pub(crate) effect: Effect,
}

impl Record for TopicEntry {
    const BYTES: usize = 4 + 16 + 8 + 8 + 4 + 1 + 2 + 16;

    fn key(&self) -> u128 {
        self.key
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.table.to_le_bytes());
        out.extend_from_slice(&self.key.to_le_bytes());
        out.extend_from_slice(&self.at.time_ms.to_le_bytes());
        out.extend_from_slice(&self.at.offset.to_le_bytes());
        out.extend_from_slice(&self.at.partition.to_le_bytes());
        let (kind, version, number) = match self.effect {
            Effect::Absent => (0_u8, 0_u16, 0_u128),
            Effect::Present(version, image) => (1, version, image),
            Effect::Count(count) => (2, 0, u128::from(count.cast_unsigned())),
        };
        out.push(kind);
        out.extend_from_slice(&version.to_le_bytes());
        out.extend_from_slice(&number.to_le_bytes());
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let table = u32::from_le_bytes(take(bytes)?);
        let key = u128::from_le_bytes(take(bytes)?);
        let at = At {
            time_ms: i64::from_le_bytes(take(bytes)?),
            offset: i64::from_le_bytes(take(bytes)?),
            partition: i32::from_le_bytes(take(bytes)?),
        };
        let [kind] = take(bytes)?;
        let version = u16::from_le_bytes(take(bytes)?);
        let number = u128::from_le_bytes(take(bytes)?);
        let effect = match kind {
            0 => Effect::Absent,
            1 => Effect::Present(version, number),
            2 => Effect::Count(u64::try_from(number).ok()?.cast_signed()),
            _ => return None,
        };
        Some(Self { table, key, at, effect })
    }
}

/// A row of the source, as one set of columns has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceEntry {
    pub(crate) table: u32,
    pub(crate) key: u128,
    pub(crate) version: u16,
    pub(crate) image: u128,
}

impl Record for SourceEntry {
    const BYTES: usize = 4 + 16 + 2 + 16;

    fn key(&self) -> u128 {
        self.key
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.table.to_le_bytes());
        out.extend_from_slice(&self.key.to_le_bytes());
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.image.to_le_bytes());
    }

    fn read(mut bytes: &[u8]) -> Option<Self> {
        let bytes = &mut bytes;
        Some(Self {
            table: u32::from_le_bytes(take(bytes)?),
            key: u128::from_le_bytes(take(bytes)?),
            version: u16::from_le_bytes(take(bytes)?),
            image: u128::from_le_bytes(take(bytes)?),
        })
    }
}

/// What a topic's messages make of a key: the last one of each partition in which it has some. That is one partition, unless
/// the topic got more of them, or rows move when other columns than their key's decide the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicState {
    first: (At, Effect),
    more: Vec<(At, Effect)>,
}

impl TopicState {
    /// The state behind one message.
    pub(crate) fn of(at: At, effect: Effect) -> Self {
        Self { first: (at, effect), more: Vec::new() }
    }

    /// Adds a message, in the order of its partition.
    pub(crate) fn add(&mut self, at: At, effect: Effect) {
        let all = std::iter::once(&mut self.first).chain(&mut self.more);
        match all.into_iter().find(|(known, _)| known.partition == at.partition) {
            None => self.more.push((at, effect)),
            Some((last, Effect::Count(before))) => {
                *last = (*last).max(at);
                if let Effect::Count(more) = effect {
                    *before = before.saturating_add(more);
                }
            }
            Some(last) => *last = (at, effect),
        }
    }

    /// The last message of each partition.
    pub(crate) fn lasts(&self) -> impl Iterator<Item = &(At, Effect)> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// The message that counts: the latest one. A row that moves goes from one partition before it comes to the other: of two
    /// at one moment the one that came counts.
    fn last(&self) -> &(At, Effect) {
        let rank = |one: &&(At, Effect)| (one.0.time_ms, one.1 != Effect::Absent, one.0.offset);
        self.lasts().max_by_key(rank).unwrap_or(&self.first)
    }

    /// Where that message is.
    pub(crate) fn at(&self) -> At {
        self.last().0
    }

    /// What the messages leave; of a row without a key, how many there are.
    pub(crate) fn effect(&self) -> Effect {
        if !matches!(self.first.1, Effect::Count(_)) {
            return self.last().1;
        }
        Effect::Count(self.lasts().fold(0, |sum, (_, effect)| match effect {
            Effect::Count(count) => sum.saturating_add(*count),
            Effect::Present(..) | Effect::Absent => sum,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time_ms: i64, offset: i64) -> At {
        At { time_ms, offset, partition: 3 }
    }

    #[test]
    fn entries_are_read_as_they_were_written() {
        for effect in [Effect::Absent, Effect::Present(7, u128::MAX - 1), Effect::Count(-2)] {
            let entry = TopicEntry { table: 9, key: 1 << 100, at: at(-5, 6), effect };
            let mut bytes = Vec::new();
            entry.write(&mut bytes);
            assert_eq!(bytes.len(), TopicEntry::BYTES);
            assert_eq!(TopicEntry::read(&bytes), Some(entry));
            assert_eq!(TopicEntry::read(&bytes[1..]), None);
        }
        let entry = SourceEntry { table: 1, key: 2, version: 3, image: 4 };
        let mut bytes = Vec::new();
        entry.write(&mut bytes);
        assert_eq!((bytes.len(), SourceEntry::read(&bytes)), (SourceEntry::BYTES, Some(entry)));
    }

    fn behind(messages: &[(i64, i64, i32, Effect)]) -> TopicState {
        let mut all = messages.iter().map(|(time_ms, offset, partition, effect)| {
            (At { time_ms: *time_ms, offset: *offset, partition: *partition }, *effect)
        });
        let (at, effect) = all.next().unwrap();
        let mut state = TopicState::of(at, effect);
        all.for_each(|(at, effect)| state.add(at, effect));
        state
    }

    #[test]
    fn the_last_message_of_a_key_counts() {
        let (old, new) = (Effect::Present(0, 1), Effect::Present(0, 2));
        assert_eq!(behind(&[(2, 0, 0, old), (3, 1, 0, Effect::Absent)]).effect(), Effect::Absent);
        // The clock of a partition may stand, and go back.
        assert_eq!(behind(&[(2, 0, 0, old), (1, 1, 0, new)]).effect(), new);
        // Of several partitions the latest message, however they are read.
        let moved = [(5, 63, 3, old), (5, 64, 3, Effect::Absent), (5, 7, 1, new)];
        for order in [[0, 1, 2], [2, 0, 1], [0, 2, 1]] {
            let state = behind(&order.map(|place: usize| moved[place]));
            assert_eq!((state.effect(), state.at().partition), (new, 1), "{order:?}");
        }
        let back = [(5, 1, 1, Effect::Absent), (5, 0, 3, Effect::Absent), (5, 1, 3, new)];
        assert_eq!(behind(&back).effect(), new);
        let gone = [(4, 9, 3, new), (5, 0, 1, Effect::Absent)];
        assert_eq!(behind(&gone).effect(), Effect::Absent);
    }

    #[test]
    fn rows_without_a_key_add_up_over_partitions() {
        let count = Effect::Count;
        let state = behind(&[(1, 0, 0, count(2)), (1, 1, 0, count(-1)), (1, 5, 1, count(1))]);
        assert_eq!((state.effect(), state.at().offset), (count(2), 5));
    }
}
