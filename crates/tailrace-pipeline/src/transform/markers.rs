//! Markers of transactions, and the places of their messages: what the open transaction has sent so far.

use std::sync::Arc;

use tailrace_codec::encode::{
    EventOrder, TransactionMarker, encode_transaction_key, encode_transaction_marker,
    kafka_partition,
};

use crate::batch::{Message, Topic};
use crate::transform::compose::Origin;

/// The open transaction, as its markers tell it.
#[derive(Debug)]
pub(crate) struct Markers {
    topic: Topic,
    /// Empty before its first message.
    id: String,
    committed_ms: i64,
    total: u64,
    /// Tables with the number of their messages, in the order of their first ones.
    tables: Vec<(Arc<str>, u64)>,
    /// Which table the last message was of.
    last: usize,
}

impl Markers {
    /// Markers in a topic.
    pub(crate) fn new(topic: Topic) -> Self {
        Self { topic, id: String::new(), committed_ms: 0, total: 0, tables: Vec::new(), last: 0 }
    }

    /// Counts a message; whether it is the transaction's first one.
    pub(crate) fn count(&mut self, table: &Arc<str>, origin: &Origin<'_>) -> bool {
        let is_first = self.total == 0;
        if is_first {
            self.id.clear();
            match origin.gtid {
                Some(gtid) => self.id.push_str(gtid),
                None => {
                    let (file, begin) = (origin.file, origin.begin);
                    self.id.push_str(&format!("file={file},pos={begin}"));
                }
            }
            self.committed_ms = origin.es_us.div_euclid(1000);
        }
        self.total += 1;
        if self.tables.get(self.last).is_none_or(|(name, _)| name != table) {
            let place = self.tables.iter().position(|(name, _)| name == table);
            self.last = place.unwrap_or_else(|| {
                self.tables.push((Arc::clone(table), 0));
                self.tables.len() - 1
            });
        }
        if let Some((_, count)) = self.tables.get_mut(self.last) {
            *count += 1;
        }
        is_first
    }

    /// The place of the message that was counted last.
    pub(crate) fn order(&self) -> EventOrder<'_> {
        EventOrder {
            id: &self.id,
            total_order: self.total,
            data_collection_order: self.tables.get(self.last).map_or(0, |(_, count)| *count),
        }
    }

    /// Writes the marker of the begin.
    pub(crate) fn begin(&self, data: &mut Vec<u8>, messages: &mut Vec<Message>) {
        self.push(data, messages, TransactionMarker::Begin);
    }

    /// Writes the marker of the end, if there was a begin, and forgets the transaction.
    pub(crate) fn end(&mut self, data: &mut Vec<u8>, messages: &mut Vec<Message>) {
        if self.total == 0 {
            return;
        }
        let tables: Vec<(&str, u64)> =
            self.tables.iter().map(|(name, count)| (&**name, *count)).collect();
        self.push(data, messages, TransactionMarker::End(&tables));
        self.total = 0;
        self.tables.clear();
        self.last = 0;
    }

    fn push(&self, data: &mut Vec<u8>, messages: &mut Vec<Message>, marker: TransactionMarker<'_>) {
        let start = data.len();
        encode_transaction_key(data, &self.id);
        let key = start..data.len();
        encode_transaction_marker(data, &self.id, marker, self.committed_ms);
        let partition =
            kafka_partition(data.get(key.clone()).unwrap_or_default(), self.topic.partitions);
        let value = key.end..data.len();
        messages.push(Message { topic: self.topic.id, partition, key, value, headers: 0..0 });
    }
}
