//! A run that writes into a topic, watched from outside: the same way for Tailrace and for its rival.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::figures::Run;
use crate::stage::Stage;
use crate::usage::{cpu_seconds, peak_mib, stolen_and_busy_seconds};

/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(10);
/// For an answer of the broker.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of the messages that a floor sends again and again.
const SAMPLE_BYTES: usize = 64 << 20;
/// Messages that a floor sends again and again.
const SAMPLE: usize = 3_000;
/// A run without a new message for so long has failed.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// Lets some time pass. A scoped thread that has ended wakes its parent, even beforehand.
pub(crate) fn rest(time: Duration) {
    let begun = Instant::now();
    while let Some(left) = time.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// What all processes have used at one moment.
#[derive(Clone, Copy)]
struct Moment {
    at: Instant,
    messages: u64,
    process: f64,
    broker: f64,
    source: f64,
    stolen: f64,
    busy: f64,
}

/// The committed messages of topics of one partition.
pub(crate) struct Topic {
    consumer: BaseConsumer,
    names: Vec<String>,
}

impl Topic {
    pub(crate) fn new(stage: &Stage, name: &str) -> Result<Self> {
        Self::all(stage, &[name.to_owned()])
    }

    /// Several topics that are counted together.
    pub(crate) fn all(stage: &Stage, names: &[String]) -> Result<Self> {
        let consumer = ClientConfig::new()
            .set("bootstrap.servers", &stage.kafka)
            .set("isolation.level", "read_committed")
            .set("group.id", "bench-watch")
            .set("enable.auto.commit", "false")
            .create()?;
        Ok(Self { consumer, names: names.to_vec() })
    }

    /// Their committed length, the markers of transactions included.
    pub(crate) fn len(&self) -> Result<u64> {
        let mut messages = 0;
        for name in &self.names {
            let (_, end) = self.consumer.fetch_watermarks(name, 0, TIMEOUT)?;
            messages += u64::try_from(end)?;
        }
        Ok(messages)
    }

    /// Values of the first messages.
    pub(crate) fn sample(&self) -> Result<Vec<Vec<u8>>> {
        let mut assignment = TopicPartitionList::new();
        let first = self.names.first().context("no topic")?;
        assignment.add_partition_offset(first, 0, Offset::Beginning)?;
        self.consumer.assign(&assignment)?;
        let (mut sample, mut bytes) = (Vec::new(), 0);
        while sample.len() < SAMPLE && bytes < SAMPLE_BYTES {
            let Some(message) = self.consumer.poll(Duration::from_secs(1)) else { break };
            let message = message?;
            let value = message.payload().context("a message without a value")?.to_vec();
            bytes += value.len();
            sample.push(value);
        }
        self.consumer.unassign()?;
        Ok(sample)
    }
}

/// Waits until a topic has `changes` messages that process `pid` writes. The first tenth is not counted: it
/// holds the start of the process.
pub(crate) fn follow(stage: &Stage, topic: &Topic, changes: u64, pid: u32) -> Result<Run> {
    let look = |messages| Moment {
        at: Instant::now(),
        messages,
        process: cpu_seconds(pid).unwrap_or(0.0),
        broker: cpu_seconds(stage.broker_pid).unwrap_or(0.0),
        source: cpu_seconds(stage.source_pid).unwrap_or(0.0),
        stolen: stolen_and_busy_seconds().0,
        busy: stolen_and_busy_seconds().1,
    };
    let begun = Instant::now();
    let (mut begin, mut first) = (None, None);
    let (mut last, mut last_change) = (0, Instant::now());
    let mut peak = None;
    loop {
        let messages = topic.len()?;
        if messages > 0 && first.is_none() {
            first = Some(begun.elapsed());
        }
        if messages > last {
            (last, last_change) = (messages, Instant::now());
        }
        peak = peak_mib(pid).or(peak);
        if begin.is_none() && messages >= changes / 10 {
            begin = Some(look(messages));
        }
        if messages >= changes {
            let end = look(messages);
            let stored = stage.stored_bytes(&topic.names)? as f64 / messages as f64;
            let run = run(begin.context("no begin")?, end, peak, first)?;
            return Ok(Run { stored_bytes: Some(stored), ..run });
        }
        if last_change.elapsed() > SILENCE_MAX {
            bail!("{:?} have {last} of {changes} messages, and get no more", topic.names);
        }
        std::thread::park_timeout(LOOK_PAUSE);
    }
}

fn run(begin: Moment, end: Moment, peak_mib: Option<f64>, first: Option<Duration>) -> Result<Run> {
    let changes = (end.messages - begin.messages) as f64;
    if changes <= 0.0 {
        bail!("all messages came at once: too few for a rate");
    }
    let seconds = (end.at - begin.at).as_secs_f64();
    let per_million = |begin: f64, end: f64| Some((end - begin) * 1e6 / changes);
    Ok(Run {
        rate: changes / seconds,
        cpu: per_million(begin.process, end.process),
        broker_cpu: per_million(begin.broker, end.broker),
        source_cpu: per_million(begin.source, end.source),
        peak_mib,
        first_seconds: first.map(|first| first.as_secs_f64()),
        stolen: Some((end.stolen - begin.stolen) / (end.busy - begin.busy).max(0.01)),
        stored_bytes: None,
    })
}
