//! The ledger of messages that are on their way: what is acknowledged, what failed, whose bytes must
//! stay.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::ProducerContext;

use crate::sink::kafka::fault::code_of;
use crate::sink::kafka::origin;
use crate::sink::kafka::watch::Watch;

/// Bytes of a key that an error shows.
const KEY_SHOWN_BYTES_MAX: usize = 200;

/// Topics that an error names.
const FAILED_TOPICS_MAX: usize = 5;

/// Number of a batch among those of one producer, from 1 on, rising by 1.
pub(crate) type BatchNumber = usize;

/// A message that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The broker's or library's reason.
    pub(crate) code: Code,
    /// Topic.
    pub(crate) topic: String,
    /// Partition.
    pub(crate) partition: i32,
    /// Key as text, cut off.
    pub(crate) key: String,
    /// `database.table`, if the value tells.
    pub(crate) table: Option<String>,
    /// Bytes of key and value.
    pub(crate) bytes: usize,
}

impl Failure {
    /// A failed message.
    pub(crate) fn new(code: Code, topic: &str, partition: i32, key: &[u8], value: &[u8]) -> Self {
        let shown = key.get(..KEY_SHOWN_BYTES_MAX).unwrap_or(key);
        Self {
            code,
            topic: topic.to_owned(),
            partition,
            key: String::from_utf8_lossy(shown).into_owned(),
            table: origin::table(value),
            bytes: key.len() + value.len(),
        }
    }

    /// It was thrown away because of something else.
    pub(crate) fn was_purged(&self) -> bool {
        is_purge(self.code)
    }
}

fn is_purge(code: Code) -> bool {
    matches!(code, Code::PurgeQueue | Code::PurgeInflight)
}

/// A batch of which some message is not acknowledged.
#[derive(Debug)]
struct Pending {
    messages: usize,
    /// Keeps the bytes where librdkafka reads them.
    data: Arc<Vec<u8>>,
}

#[derive(Debug, Default)]
struct State {
    /// Batches entered.
    entered: usize,
    /// The last of them, from the oldest on that is not acknowledged; `None` is one that is.
    pending: VecDeque<Option<Pending>>,
    /// Bytes of messages in librdkafka.
    bytes: usize,
    /// Messages and events reported by the client so far.
    reports: u64,
    /// The first message that failed.
    failure: Option<Failure>,
    /// Topics of messages that failed, at most [`FAILED_TOPICS_MAX`].
    failed_topics: BTreeSet<String>,
}

/// What one producer has on its way. It is the producer's context, so it outlives every pointer that
/// librdkafka has into a batch.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    watch: Watch,
    state: Mutex<State>,
}

impl Deliveries {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events of the client.
    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Enters a batch before its messages are produced; gives its number.
    pub(crate) fn enter(&self, messages: usize, data: Arc<Vec<u8>>) -> BatchNumber {
        let mut state = self.lock();
        state.entered += 1;
        state.pending.push_back((messages > 0).then_some(Pending { messages, data }));
        state.retire();
        state.entered
    }

    /// Whether this is the data of a batch, kept until its last message is settled.
    pub(crate) fn keeps(&self, batch: BatchNumber, data: &Arc<Vec<u8>>) -> bool {
        let state = self.lock();
        let place = batch.checked_sub(state.first());
        place
            .and_then(|place| state.pending.get(place)?.as_ref())
            .is_some_and(|pending| Arc::ptr_eq(&pending.data, data))
    }

    /// Messages and events that the client has reported so far.
    pub(crate) fn reports(&self) -> u64 {
        self.lock().reports
    }

    /// Counts bytes of messages that librdkafka has taken.
    pub(crate) fn took(&self, bytes: usize) {
        self.lock().bytes += bytes;
    }

    /// Bytes of messages that are not acknowledged.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Whether every message of all batches up to this one is acknowledged.
    pub(crate) fn acknowledged_through(&self, batch: BatchNumber) -> bool {
        batch < self.lock().first()
    }

    /// Topics of messages that failed, in order: the first few.
    pub(crate) fn failed_topics(&self) -> Vec<String> {
        self.lock().failed_topics.iter().cloned().collect()
    }

    /// The first message that failed.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.lock().failure.clone()
    }
}

impl State {
    /// Number of the oldest batch that is not acknowledged.
    fn first(&self) -> BatchNumber {
        self.entered + 1 - self.pending.len()
    }

    /// Counts a message of a batch off; true if it was the last.
    fn settle(&mut self, batch: BatchNumber) -> bool {
        let place = batch.checked_sub(self.first());
        let entry = place.and_then(|place| self.pending.get_mut(place));
        let Some(entry @ Some(_)) = entry else { return false };
        let left = entry.as_mut().map_or(0, |pending| {
            pending.messages -= 1;
            pending.messages
        });
        if left > 0 {
            return false;
        }
        *entry = None;
        self.retire();
        true
    }

    /// Takes acknowledged batches off the front.
    fn retire(&mut self) {
        while matches!(self.pending.front(), Some(None)) {
            self.pending.pop_front();
        }
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        self.lock().reports += 1;
        self.watch.error(error, reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.watch.log(level, facility, message);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = BatchNumber;

    fn delivery(&self, result: &DeliveryResult<'_>, batch: BatchNumber) {
        let (message, error) = match result {
            Ok(message) => (message, None),
            Err((error, message)) => (message, Some(error)),
        };
        let (key, value) = (message.key().unwrap_or_default(), message.payload());
        let value = value.unwrap_or_default();
        let mut state = self.lock();
        state.reports += 1;
        state.bytes = state.bytes.saturating_sub(key.len() + value.len());
        if let Some(error) = error {
            let code = code_of(error).unwrap_or(Code::Fail);
            if state.failed_topics.len() < FAILED_TOPICS_MAX {
                state.failed_topics.insert(message.topic().to_owned());
            }
            // What fails after the first one mostly fails because of it. What was thrown away did not
            // fail by itself.
            if state.failure.as_ref().is_none_or(|f| f.was_purged() && !is_purge(code)) {
                state.failure =
                    Some(Failure::new(code, message.topic(), message.partition(), key, value));
            }
        }
        // Last: the bytes of a settled batch are gone.
        if state.settle(batch) && state.failure.is_none() {
            self.watch.answered();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Arc<Vec<u8>> {
        Arc::new(vec![1, 2, 3])
    }

    #[test]
    fn batches_are_acknowledged_in_order_whatever_order_messages_come_back_in() {
        let ledger = Deliveries::default();
        assert_eq!(ledger.enter(2, data()), 1);
        assert_eq!(ledger.enter(0, data()), 2);
        assert_eq!(ledger.enter(1, data()), 3);
        ledger.lock().settle(3);
        assert!(!ledger.acknowledged_through(1));
        assert!(!ledger.acknowledged_through(3), "batch 1 is not");
        ledger.lock().settle(1);
        assert!(!ledger.acknowledged_through(1), "half of it is");
        ledger.lock().settle(1);
        assert!(ledger.acknowledged_through(3));
        assert_eq!(ledger.enter(1, data()), 4);
        assert!(ledger.acknowledged_through(3));
        assert!(!ledger.acknowledged_through(4));
        ledger.lock().settle(4);
        assert_eq!(ledger.enter(0, data()), 5);
        assert!(ledger.acknowledged_through(5));
        assert_eq!(ledger.enter(1, data()), 6);
        assert!(!ledger.acknowledged_through(6));
    }

    #[test]
    fn bytes_are_kept_until_the_last_message_of_their_batch() {
        let ledger = Deliveries::default();
        let bytes = data();
        let batch = ledger.enter(2, Arc::clone(&bytes));
        ledger.lock().settle(batch);
        assert_eq!(Arc::strong_count(&bytes), 2);
        ledger.lock().settle(batch);
        assert_eq!(Arc::strong_count(&bytes), 1);
    }
}
