//! A producer for one life of a worker: takes batches under a bound, knows what is acknowledged, and
//! says what a failure means.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, PurgeConfig};

use crate::batch::{Batch, Message};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Compression, KafkaEndpoint};
use crate::sink::kafka::admin::Of;
use crate::sink::kafka::deliveries::{BatchNumber, Deliveries, Failure};
use crate::sink::kafka::fault::{fault, kind_of, kind_of_code, refused_settings};
use crate::sink::kafka::flusher::Flusher;
use crate::sink::kafka::lingering::{LINGER_MS, Lingering};
use crate::sink::kafka::patience::Patience;
use crate::sink::kafka::raw_produce::RawProducer;
use crate::sink::kafka::security::client_config;
use crate::sink::kafka::topics::KafkaTopics;

/// Longest time a message may wait for its acknowledgement. A broker that is killed stalls its
/// partitions for 8 to 14 s until others lead them; a rolling restart for longer.
pub(crate) const DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of messages that are on their way: from the one bound, enough for the few partitions that most jobs write
/// to, up to the other as there are more, so that each can have a full batch. A larger message goes alone. The bound
/// is kept here and not by librdkafka, whose own would refuse such a message for ever.
const IN_FLIGHT_BYTES_MAX: [usize; 2] = [4 << 20, 16 << 20];
/// Messages that are on their way: librdkafka keeps about 200 bytes for each besides its own.
const IN_FLIGHT_MESSAGES_MAX: u32 = 200_000;
/// Messages in one call into librdkafka.
const CALL_MESSAGES_MAX: usize = 1024;
/// Pause between two looks for acknowledgements. The client's own calls that wait do so in whole
/// milliseconds and spin through the rest (measured: a quarter of all CPU time), and its `flush` looks
/// every 100 ms, for whose end every commit would wait.
const PAUSE: Duration = Duration::from_micros(500);
/// The shortest one, at the begin of a wait for everything: a broker beside takes some of them.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
/// Longest single question for a topic's partitions, after which the client's events are looked at.
const LOOKUP_SLICE: Duration = Duration::from_millis(500);
/// Longest time for which one broker may not know a topic that others know already.
const MISSING_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time that thrown away messages may take to be reported.
const PURGE_TIMEOUT: Duration = Duration::from_secs(2);

/// Settings of a producer.
///
/// # Errors
/// `Configuration` if the endpoint's settings are not possible.
pub(crate) fn producer_config(
    endpoint: &KafkaEndpoint,
    batch_bytes: usize,
    compression: Compression,
    requests_max: u8,
) -> Result<ClientConfig> {
    let mut config = client_config(endpoint)?;
    config
        // No message is lost when a leader dies, none doubled or reordered by a retry.
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("max.in.flight.requests.per.connection", requests_max.to_string())
        .set("message.timeout.ms", DELIVERY_TIMEOUT.as_millis().to_string())
        .set("compression.type", compression.name())
        .set("batch.size", batch_bytes.to_string())
        .set("batch.num.messages", "100000")
        .set("queue.buffering.max.messages", IN_FLIGHT_MESSAGES_MAX.to_string())
        // Above all that `IN_FLIGHT_BYTES_MAX` allows, see there.
        .set("queue.buffering.max.kbytes", "2097151")
        // The largest that librdkafka takes, so that it is the broker's limit that decides and an error
        // names settings which can be raised.
        .set("message.max.bytes", "1000000000");
    Ok(config)
}

/// When messages leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// As soon as the partition can take them: messages are handed over many at a time, so large batches form by
    /// themselves.
    AtOnce,
    /// In full batches, and the rest when it is waited for.
    Together,
}

/// A producer and the topics it writes to.
pub(crate) struct Producer {
    /// Of a producer whose messages leave together.
    flusher: Option<Flusher>,
    raw: RawProducer,
    topics: Arc<KafkaTopics>,
    lingering: Lingering,
    /// Names by the topic's place in the directory, as far as they were needed.
    names: Vec<Arc<str>>,
}

impl Producer {
    pub(crate) fn open(
        mut config: ClientConfig,
        topics: Arc<KafkaTopics>,
        leave: Leave,
    ) -> Result<Self> {
        let linger_ms = if leave == Leave::Together { LINGER_MS } else { 0 };
        config.set("linger.ms", linger_ms.to_string());
        let client: BaseProducer<Deliveries> =
            config.create_with_context(Deliveries::default()).map_err(|e| refused_settings(&e))?;
        let client = Arc::new(client);
        let flusher = match leave {
            Leave::AtOnce => None,
            Leave::Together => Some(Flusher::start(Arc::clone(&client))?),
        };
        let raw = RawProducer::new(client);
        let lingering = Lingering::new(topics.batch_bytes());
        Ok(Self { flusher, raw, topics, lingering, names: Vec::new() })
    }

    pub(crate) fn client(&self) -> &BaseProducer<Deliveries> {
        self.raw.client()
    }

    pub(crate) fn ledger(&self) -> &Deliveries {
        self.client().context()
    }

    /// Serves all acknowledgements and events that are there; false if there were none.
    pub(crate) fn serve(&self) -> bool {
        let mut served = false;
        loop {
            let before = self.ledger().reports();
            self.client().poll(Duration::ZERO);
            if self.ledger().reports() == before {
                return served;
            }
            served = true;
        }
    }

    /// Serves what is there. If that is nothing, pauses, and lets leave what may be waiting for more.
    pub(crate) fn serve_or_pause(&self) {
        self.serve_or_pause_for(PAUSE);
    }

    fn serve_or_pause_for(&self, pause: Duration) {
        if self.serve() {
            return;
        }
        if let Some(flusher) = &self.flusher
            && self.lingering.may_be_all(self.ledger().bytes())
        {
            flusher.ask();
        }
        thread::park_timeout(pause);
    }

    /// Fails if a message was not taken, or if the brokers refuse the login.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(failure) = self.ledger().failure() {
            return Err(self.explain(&failure));
        }
        self.ledger().watch().refusal().map_or(Ok(()), Err)
    }

    /// Takes a batch on; blocks while too much is on its way. Gives the batch's number.
    ///
    /// # Errors
    /// Those of messages that failed since the last call, `Cancelled` if the job is asked to stop
    /// while nothing moves.
    pub(crate) fn write(&mut self, batch: Batch, patience: &mut Patience) -> Result<BatchNumber> {
        let Batch { data, messages, .. } = batch;
        let data = Arc::new(data);
        let number = self.ledger().enter(messages.len(), Arc::clone(&data));
        let mut rest = messages.as_slice();
        while let Some(first) = rest.first() {
            let call = self.next_call(rest);
            if call == 0 {
                self.wait_for_room(patience)?;
                continue;
            }
            let (now, _) = rest.split_at(call);
            let place = first.topic.0 as usize;
            let name = self.name(place)?;
            if !self.raw.knows(place) {
                self.introduce(place, &name, patience)?;
            }
            let taken = self.raw.produce((place, &name), number, &data, now)?;
            let (done, left) = rest.split_at(taken.messages);
            self.ledger().took(done.iter().map(bytes_of).sum());
            self.lingering.wrote(place);
            rest = left;
            match (taken.stopped_by, left.first()) {
                (Some(Code::QueueFull), _) => self.wait_for_room(patience)?,
                (Some(code), Some(message)) => {
                    let part = |range: &std::ops::Range<usize>| {
                        data.get(range.clone()).unwrap_or_default()
                    };
                    let (key, value) = (part(&message.key), part(&message.value));
                    let failure = Failure::new(code, &name, message.partition, key, value);
                    return Err(self.explain(&failure));
                }
                _ => {}
            }
            self.serve();
        }
        self.check()?;
        Ok(number)
    }

    /// How many messages from the front go into the next call: of one topic, and as many as the bound
    /// leaves room for.
    fn next_call(&self, messages: &[Message]) -> usize {
        let Some(first) = messages.first() else { return 0 };
        let in_flight = self.ledger().bytes();
        let [few, many] = IN_FLIGHT_BYTES_MAX;
        let mut room = self.lingering.batches_bytes().clamp(few, many).saturating_sub(in_flight);
        if in_flight == 0 {
            room = room.max(bytes_of(first));
        }
        let mut count = 0;
        for message in messages.iter().take(CALL_MESSAGES_MAX) {
            let bytes = bytes_of(message);
            if message.topic != first.topic || bytes > room {
                break;
            }
            room -= bytes;
            count += 1;
        }
        count
    }

    fn wait_for_room(&self, patience: &mut Patience) -> Result<()> {
        self.serve_or_pause();
        self.check()?;
        patience.check()
    }

    /// Waits until the client knows a topic's partitions.
    ///
    /// Messages for partitions that are not known yet would wait in a queue of their own, and
    /// librdkafka's batch call enters that queue into the transaction as partition -1, which no
    /// coordinator accepts.
    fn introduce(&mut self, place: usize, name: &str, patience: &mut Patience) -> Result<()> {
        self.raw.introduce(place, name)?;
        let until = Instant::now() + DELIVERY_TIMEOUT;
        let missing = Instant::now() + MISSING_TIMEOUT;
        loop {
            let error = match self.client().client().fetch_metadata(Some(name), LOOKUP_SLICE) {
                Ok(metadata) => match metadata.topics().iter().find(|t| t.name() == name) {
                    Some(t) if t.error().is_none() && !t.partitions().is_empty() => {
                        self.lingering.introduce(place, t.partitions().len());
                        return Ok(());
                    }
                    Some(t) => KafkaError::MetadataFetch(t.error().map_or(Code::Retry, Code::from)),
                    None => KafkaError::MetadataFetch(Code::UnknownTopicOrPartition),
                },
                Err(error) => error,
            };
            let limit = match kind_of(&error) {
                ErrorKind::TargetConnection => until,
                _ => missing,
            };
            if Instant::now() >= limit {
                let doing = format!("topic {name} cannot be written");
                return Err(match kind_of(&error) {
                    ErrorKind::TargetConnection => self.ledger().watch().explain(&doing),
                    _ => fault(doing, &format!("Write and Describe on topic {name}"), &error),
                });
            }
            self.wait_for_room(patience)?;
        }
    }

    fn name(&mut self, place: usize) -> Result<Arc<str>> {
        if place >= self.names.len() {
            self.names.extend(self.topics.names_from(self.names.len()));
        }
        self.names.get(place).map(Arc::clone).ok_or_else(|| {
            Error::new(ErrorKind::Bug, "a message is for a topic that was never resolved")
        })
    }

    /// Produces one record by itself; `None` as value is a tombstone. Gives its batch number.
    ///
    /// # Errors
    /// As [`Producer::write`].
    pub(crate) fn record(
        &mut self,
        topic: &str,
        partition: i32,
        key: &[u8],
        value: Option<&[u8]>,
        patience: &mut Patience,
    ) -> Result<BatchNumber> {
        let number = self.ledger().enter(1, Arc::default());
        let mut record = BaseRecord::with_opaque_to(topic, number).partition(partition).key(key);
        record.payload = value;
        loop {
            match self.client().send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(Code::QueueFull), same)) => {
                    self.wait_for_room(patience)?;
                    record = same;
                }
                Err((error, _)) => {
                    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
                    let value = value.unwrap_or_default();
                    return Err(self.explain(&Failure::new(code, topic, partition, key, value)));
                }
            }
        }
        let bytes = key.len() + value.map_or(0, <[u8]>::len);
        self.ledger().took(bytes);
        self.lingering.wrote_one(bytes);
        Ok(number)
    }

    /// Waits until everything is acknowledged.
    ///
    /// # Errors
    /// As [`Producer::write`]. It ends in any case: a message that nobody acknowledges fails after
    /// [`DELIVERY_TIMEOUT`].
    pub(crate) fn drain(&mut self, patience: &mut Patience) -> Result<()> {
        let begun = Instant::now();
        while self.client().in_flight_count() > 0 {
            self.serve_or_pause_for((begun.elapsed() / 8).clamp(FIRST_PAUSE, PAUSE));
            self.check()?;
            patience.check()?;
        }
        self.lingering.drained();
        self.check()
    }

    /// Throws away what is on its way.
    pub(crate) fn purge(&self) {
        self.client().purge(PurgeConfig::default().queue().inflight());
        let until = Instant::now() + PURGE_TIMEOUT;
        while self.client().in_flight_count() > 0 && Instant::now() < until {
            self.serve_or_pause();
        }
    }

    /// The error of a message that was not taken.
    fn explain(&self, failure: &Failure) -> Error {
        let Failure { code, topic, partition, key, table, bytes } = failure;
        // A fatal error of the client, such as being fenced, throws away all that is on its way.
        if let Some(error) = self.fatal() {
            return error;
        }
        let of = table.as_ref().map(|table| format!(" of table {table}")).unwrap_or_default();
        let message = format!("a message of {bytes} bytes{of} with key {key:?}");
        let doing = format!("topic {topic}, partition {partition} did not take {message} ({code})");
        match kind_of_code(*code) {
            ErrorKind::MessageTooLarge => self.explain_size(failure, &message),
            ErrorKind::TargetConnection => self.explain_timeout(failure, &doing),
            _ => fault(
                doing,
                &format!("Write and Describe on topic {topic}"),
                &KafkaError::MessageProduction(*code),
            ),
        }
    }

    /// The error after which the client is of no more use, if there was one.
    pub(crate) fn fatal(&self) -> Option<Error> {
        let (code, reason) = self.client().client().fatal_error()?;
        Some(Error::new(kind_of_code(code), format!("the producer must begin anew: {reason}")))
    }

    /// Brokers measure a record batch, not a message: many small ones can be too large together.
    fn explain_size(&self, failure: &Failure, message: &str) -> Error {
        let topic = &failure.topic;
        let limit = self.topics.known_message_bytes_max(topic);
        // Below the limit by what the batch's own head and bytes that do not compress may take.
        let smaller = match limit {
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX) / 8 * 7,
            None => self.topics.batch_bytes() / 4,
        };
        // A message larger than a batch has gone alone.
        let had_company = failure.bytes <= self.topics.batch_bytes();
        if had_company && self.topics.shrink_batches(smaller) {
            return Error::new(
                ErrorKind::Target,
                format!(
                    "topic {topic} takes less than a batch of {} bytes; the next attempt makes smaller ones",
                    self.topics.batch_bytes()
                ),
            );
        }
        let limit = limit.map(|l| format!(", which is {l},")).unwrap_or_default();
        Error::new(
            ErrorKind::MessageTooLarge,
            format!(
                "{message} is larger than topic {topic} takes: raise the topic's max.message.bytes{limit} or, for all topics, the brokers' message.max.bytes"
            ),
        )
    }

    /// A broker that is sent more than it reads in one request closes the connection and says nothing.
    fn explain_timeout(&self, failure: &Failure, doing: &str) -> Error {
        const SETTING: &str = "socket.request.max.bytes";
        /// Its default.
        const SUSPICIOUS_BYTES: usize = 100 << 20;
        let error = self.ledger().watch().explain(doing);
        if failure.bytes < SUSPICIOUS_BYTES || error.kind() != ErrorKind::TargetConnection {
            return error;
        }
        let leader = self.topics.lookup().leader(&failure.topic, failure.partition).ok().flatten();
        let limit = leader.and_then(|id| {
            self.topics.admin().and_then(|a| a.number(Of::Broker(id), SETTING)).ok().flatten()
        });
        match limit {
            Some(limit) if failure.bytes as u64 > limit => Error::new(
                ErrorKind::MessageTooLarge,
                format!("{doing}: raise {SETTING} of the brokers, which is {limit}"),
            ),
            _ => error,
        }
    }
}

fn bytes_of(message: &Message) -> usize {
    message.key.len() + message.value.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Limits, TaskType};

    #[test]
    fn a_broker_has_as_many_requests_at_a_time_as_the_jobs_phases_allow() {
        let endpoint = KafkaEndpoint { brokers: "a:1".into(), sasl: None, tls: None };
        let limits =
            Limits { snapshot_requests_max: 2, stream_requests_max: 3, ..Limits::default() };
        for (task, wanted) in
            [(TaskType::Full, "2"), (TaskType::Incremental, "3"), (TaskType::FullIncremental, "3")]
        {
            let requests = limits.requests_max(task);
            let config =
                producer_config(&endpoint, 1 << 20, Compression::default(), requests).unwrap();
            assert_eq!(config.get("max.in.flight.requests.per.connection"), Some(wanted));
        }
        let many = Limits { snapshot_requests_max: 9, ..limits };
        assert_eq!(many.requests_max(TaskType::Full), 5, "more would lose their order");
    }
}
