//! Reading the topics as any consumer would, `read_committed` and from the beginning.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;

/// One poll.
const POLL: Duration = Duration::from_millis(50);
/// For questions about topics.
const METADATA_TIMEOUT: Duration = Duration::from_secs(30);

/// Columns with their values as the newest message of a row has them.
pub(crate) type Row = BTreeMap<String, Option<String>>;

/// What a consumer holds after all messages so far.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Rows by table and key.
    pub(crate) tables: HashMap<String, HashMap<Vec<String>, Row>>,
    /// Messages by type.
    pub(crate) types: BTreeMap<String, u64>,
    /// Milliseconds from the commit at the source until the message was read, of live changes.
    pub(crate) lags_ms: Vec<i64>,
    has_points: bool,
    ids: HashSet<u64>,
    versions: HashMap<(String, Vec<String>), i64>,
    last_ids: HashMap<(String, i32), u64>,
    /// Messages whose id was seen before.
    pub(crate) repeated: u64,
    /// Messages with an older version of a row than one before.
    pub(crate) backwards: u64,
    /// Messages behind a younger one in their partition.
    pub(crate) disordered: u64,
}

impl Seen {
    /// Changes that were read, of all types but the full phase's.
    pub(crate) fn changes(&self) -> u64 {
        ["INSERT", "UPDATE", "DELETE"].iter().filter_map(|kind| self.types.get(*kind)).sum()
    }

    fn take(&mut self, place: (String, i32), bytes: &[u8], now_ms: i64) -> anyhow::Result<()> {
        let message: Value = serde_json::from_slice(bytes).context("a message is no JSON")?;
        let kind = message["type"].as_str().context("a message without type")?.to_owned();
        let id = message["id"].as_u64().context("a message without id")?;
        self.repeated += u64::from(!self.ids.insert(id));
        // Readers of the full phase work side by side; the log is in order.
        if kind != "INIT" && kind != "INIT_DDL" {
            let before = self.last_ids.insert(place, id);
            self.disordered += u64::from(before.is_some_and(|before| before >= id));
        }
        if matches!(kind.as_str(), "INSERT" | "UPDATE" | "DELETE") {
            self.lags_ms.push(now_ms - message["es"].as_i64().unwrap_or(now_ms));
        }
        *self.types.entry(kind.clone()).or_default() += 1;
        if message["isDdl"] == Value::Bool(true) {
            self.has_points |= kind == "DDL"
                && message["sql"].as_str().is_some_and(|sql| sql.contains("ADD COLUMN points"));
            return Ok(());
        }
        let table = message["table"].as_str().unwrap_or_default().to_owned();
        let keys: Vec<String> = message["pkNames"]
            .as_array()
            .map_or_else(Vec::new, |names| names.iter().map(text).collect());
        let (old, new) = (row(&message["old"][0]), row(&message["data"][0]));
        let key_of = |row: &Row| -> Vec<String> {
            keys.iter().map(|k| row.get(k).cloned().flatten().unwrap_or_default()).collect()
        };
        let rows = self.tables.entry(table.clone()).or_default();
        if let Some(old) = &old {
            rows.remove(&key_of(old));
        }
        if let Some(new) = new {
            let key = key_of(&new);
            let version = new.get("version").cloned().flatten().and_then(|v| v.parse().ok());
            let version: i64 = version.unwrap_or_default();
            let newest = self.versions.entry((table, key.clone())).or_insert(version);
            self.backwards += u64::from(version < *newest);
            *newest = version.max(*newest);
            rows.insert(key, new);
        }
        Ok(())
    }

    /// Gives rows that were last written before the demo's one structure change the new column, which
    /// the source gave them without a message. DDL has a topic of its own, so only at the end is it
    /// certain which these are.
    pub(crate) fn settle(&mut self) {
        if !self.has_points {
            return;
        }
        for row in self.tables.entry("customers".to_owned()).or_default().values_mut() {
            row.entry("points".to_owned()).or_insert_with(|| Some("0".to_owned()));
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn row(value: &Value) -> Option<Row> {
    let members = value.as_object()?;
    Some(
        members
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().map(str::to_owned)))
            .collect(),
    )
}

/// A consumer of some topics.
pub(crate) struct Consumer {
    consumer: BaseConsumer,
    seen: Mutex<Seen>,
    failure: Mutex<Option<String>>,
}

impl Consumer {
    /// Reads these topics from their beginning. All of them have to exist.
    pub(crate) fn open(brokers: &str, topics: &[String]) -> anyhow::Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "tailrace-demo")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "5")
            .create()?;
        let mut assignment = TopicPartitionList::new();
        for topic in topics {
            let metadata = consumer.fetch_metadata(Some(topic), METADATA_TIMEOUT)?;
            for partition in metadata.topics().iter().flat_map(|t| t.partitions()) {
                assignment.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
            }
        }
        consumer.assign(&assignment)?;
        Ok(Self { consumer, seen: Mutex::default(), failure: Mutex::new(None) })
    }

    /// Reads until `stop` is set.
    pub(crate) fn read(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let taken = match self.consumer.poll(POLL) {
                Some(Ok(message)) => {
                    let place = (message.topic().to_owned(), message.partition());
                    let value = message.payload().unwrap_or_default();
                    let now_ms = Timestamp::now().as_millisecond();
                    self.seen().take(place, value, now_ms)
                }
                // librdkafka goes on by itself.
                Some(Err(error)) => {
                    tracing::debug!(%error, "the demo's consumer");
                    Ok(())
                }
                None => Ok(()),
            };
            if let Err(error) = taken {
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(format!("{error:#}"));
                return;
            }
        }
    }

    /// What is read so far.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why reading ended by itself.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
