//! Messages that wait in the client until a batch is full.
//!
//! librdkafka has one request of a partition on its way at a time. What waits behind it longer than
//! `linger.ms` lets the client's thread look without a pause whether it may go (measured at full speed:
//! 42 % of that thread's time). So a producer whose messages are waited for together lets them linger: full
//! batches leave by themselves, and the rest when it is asked for. When that is needed is known here.

/// How long a message may wait for its batch to become full if nobody asks for it, in milliseconds. It is longer
/// than messages wait behind others at full speed.
pub(crate) const LINGER_MS: u32 = 200;

/// How many bytes may be waiting although no partition has a full batch.
#[derive(Debug, Default)]
pub(crate) struct Lingering {
    /// Bytes of a full batch.
    batch_bytes: usize,
    /// By the topic's place in the directory: its partitions, and the last drain after which it was written.
    topics: Vec<(usize, u64)>,
    /// How often all was acknowledged.
    drains: u64,
    /// A full batch for each partition written since then.
    batches: usize,
    /// Bytes of messages taken by themselves since then.
    alone: usize,
}

impl Lingering {
    /// With the bytes of a full batch.
    pub(crate) fn new(batch_bytes: usize) -> Self {
        Self { batch_bytes, drains: 1, ..Self::default() }
    }

    /// A topic has so many partitions.
    pub(crate) fn introduce(&mut self, place: usize, partitions: usize) {
        if self.topics.len() <= place {
            self.topics.resize(place + 1, (0, 0));
        }
        if let Some(topic) = self.topics.get_mut(place) {
            *topic = (partitions, 0);
        }
    }

    /// Messages of a topic were taken.
    pub(crate) fn wrote(&mut self, place: usize) {
        let Some((partitions, since)) = self.topics.get_mut(place) else { return };
        if *since != self.drains {
            *since = self.drains;
            let more = partitions.saturating_mul(self.batch_bytes);
            self.batches = self.batches.saturating_add(more);
        }
    }

    /// A message of some bytes was taken by itself.
    pub(crate) fn wrote_one(&mut self, bytes: usize) {
        self.alone = self.alone.saturating_add(bytes);
    }

    /// Everything is acknowledged.
    pub(crate) fn drained(&mut self) {
        self.drains += 1;
        (self.batches, self.alone) = (0, 0);
    }

    /// Bytes of a full batch for each partition that was written since everything was acknowledged. Messages taken by
    /// themselves do not count: a producer that is never drained takes them for ever.
    pub(crate) fn batches_bytes(&self) -> usize {
        self.batches
    }

    /// Whether so many bytes may all be waiting: more than this cannot without a full batch, whose
    /// acknowledgement will come.
    pub(crate) fn may_be_all(&self, bytes: usize) -> bool {
        bytes <= self.batches.saturating_add(self.alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_may_wait_as_all_partitions_written_hold_below_a_full_batch() {
        let mut lingering = Lingering::new(100);
        lingering.introduce(0, 1);
        lingering.introduce(3, 12);
        assert!(lingering.may_be_all(0) && !lingering.may_be_all(1));
        lingering.wrote(0);
        lingering.wrote(0);
        assert!(lingering.may_be_all(100) && !lingering.may_be_all(101));
        lingering.wrote(3);
        lingering.wrote_one(7);
        assert!(lingering.may_be_all(1307) && !lingering.may_be_all(1308));
        assert_eq!(lingering.batches_bytes(), 1300, "single messages make no room for others");
        lingering.drained();
        assert!(!lingering.may_be_all(1));
        lingering.wrote(3);
        assert!(lingering.may_be_all(1200) && !lingering.may_be_all(1201));
    }
}
