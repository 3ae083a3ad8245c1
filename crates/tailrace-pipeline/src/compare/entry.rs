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

/// What a topic's messages make of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TopicState {
    /// Its last message.
    pub(crate) at: At,
    /// What that leaves; of a row without a key, how many there are.
    pub(crate) effect: Effect,
}

impl TopicState {
    /// The state behind one more message, whichever of them is the later one.
    pub(crate) fn fold(state: Option<Self>, at: At, effect: Effect) -> Self {
        match (state, effect) {
            (None, effect) => Self { at, effect },
            (Some(Self { at: last, effect: Effect::Count(before) }), Effect::Count(more)) => {
                Self { at: last.max(at), effect: Effect::Count(before.saturating_add(more)) }
            }
            // Of two partitions at one moment: a row that went to another partition went from the first one before.
            (Some(state), effect)
                if state.at.time_ms == at.time_ms && state.at.partition != at.partition =>
            {
                match (state.effect, effect) {
                    (Effect::Present(..), Effect::Absent) => state,
                    (Effect::Absent, Effect::Present(..)) => Self { at, effect },
                    _ if state.at > at => state,
                    _ => Self { at, effect },
                }
            }
            (Some(state), _) if state.at > at => state,
            (Some(_), effect) => Self { at, effect },
        }
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

    #[test]
    fn the_last_message_of_a_key_counts_and_rows_without_one_add_up() {
        let present = Effect::Present(0, 1);
        let state = TopicState::fold(None, at(2, 0), present);
        assert_eq!(TopicState::fold(Some(state), at(3, 1), Effect::Absent).effect, Effect::Absent);
        assert_eq!(TopicState::fold(Some(state), at(1, 9), Effect::Absent).effect, present);
        // A delete and an insert of one event: the same message.
        assert_eq!(TopicState::fold(Some(state), at(2, 0), Effect::Absent).effect, Effect::Absent);
        let elsewhere = At { partition: 4, ..at(2, 0) };
        let moved = TopicState::fold(Some(state), elsewhere, Effect::Absent);
        assert_eq!(moved.effect, present);
        let gone = TopicState { at: At { offset: 99, ..elsewhere }, effect: Effect::Absent };
        assert_eq!(TopicState::fold(Some(gone), at(2, 0), present).effect, present);
        let two = TopicState::fold(None, at(1, 0), Effect::Count(2));
        assert_eq!(
            TopicState::fold(Some(two), at(1, 0), Effect::Count(-1)).effect,
            Effect::Count(1)
        );
    }
}
