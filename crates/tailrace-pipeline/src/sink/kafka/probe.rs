//! Whether a target answers, what it is, and whether a job could run on it.

use std::fmt;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobSpec, KafkaEndpoint};
use crate::sink::kafka::admin::{Admin, Of};
use crate::sink::kafka::lookup::Lookup;
use crate::sink::kafka::patience::Patience;
use crate::sink::kafka::producer::producer_config;
use crate::sink::kafka::progress::ProgressTopic;
use crate::sink::kafka::progress_consumers::ProgressConsumers;
use crate::sink::kafka::progress_reader::ProgressReader;
use crate::sink::kafka::topics::KafkaTopics;
use crate::sink::kafka::transaction::Transactional;

/// Longest wait for an answer when a person waits for it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// Longest wait for a connection to one broker.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Brokers that are tried at the same time.
const CONNECTIONS_MAX: usize = 16;
/// Name that is asked for and never made.
const PROBE_TOPIC: &str = "tailrace-precheck-probe";
/// Key of a tombstone that shows whether progress records can be written. No job has this id.
const PROBE_KEY: &str = "tailrace-precheck";

/// A broker as it tells clients to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Its id.
    pub id: i32,
    /// Advertised host name or address.
    pub host: String,
    /// Advertised port.
    pub port: u16,
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What a target says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaProbe {
    /// Id of the cluster, if the brokers tell it.
    pub cluster_id: Option<String>,
    /// Brokers with their advertised addresses.
    pub brokers: Vec<Broker>,
    /// Topics that this account may see.
    pub topics: Vec<String>,
}

/// Connects, asks for the cluster's metadata, and leaves.
///
/// # Errors
/// `TargetConnection`, or `TargetAuthentication` within seconds if login or certificate are refused.
pub fn probe(endpoint: &KafkaEndpoint) -> Result<KafkaProbe> {
    let lookup = Lookup::open(endpoint)?;
    let metadata = lookup.metadata(None, ANSWER_TIMEOUT)?;
    let brokers = metadata
        .brokers()
        .iter()
        .map(|b| {
            let port = u16::try_from(b.port()).map_err(|_| {
                Error::new(
                    ErrorKind::Target,
                    format!(
                        "broker {} advertises port {}: 1 to 65535 are possible",
                        b.id(),
                        b.port()
                    ),
                )
            })?;
            Ok(Broker { id: b.id(), host: b.host().to_owned(), port })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(KafkaProbe {
        cluster_id: lookup.cluster_id(ANSWER_TIMEOUT),
        brokers,
        topics: metadata.topics().iter().map(|t| t.name().to_owned()).collect(),
    })
}

/// Brokers whose advertised address cannot be reached from here, each with the reason. A job needs all
/// of them: each leads some partitions.
pub fn unreachable(brokers: &[Broker]) -> Vec<(Broker, String)> {
    let mut failed = Vec::new();
    for group in brokers.chunks(CONNECTIONS_MAX) {
        thread::scope(|scope| {
            let tries: Vec<_> =
                group.iter().map(|b| (b, scope.spawn(move || connect(&b.host, b.port)))).collect();
            for (broker, attempt) in tries {
                let reason = match attempt.join() {
                    Ok(Ok(())) => continue,
                    Ok(Err(e)) => e.to_string(),
                    Err(_) => "the attempt panicked".to_owned(),
                };
                failed.push((broker.clone(), reason));
            }
        });
    }
    failed
}

fn connect(host: &str, port: u16) -> std::io::Result<()> {
    let until = Instant::now() + CONNECT_TIMEOUT;
    let mut last = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(_) => return Ok(()),
            Err(e) => last = e,
        }
    }
    Err(last)
}

/// Whether topics may be made with the job's numbers; none is made.
///
/// # Errors
/// `TargetTopic` or `TargetPrivilege` with the broker's reason.
pub(crate) fn check_create(spec: &JobSpec) -> Result<()> {
    let topics = KafkaTopics::open(spec)?;
    topics.admin()?.create(&topics.plan(PROBE_TOPIC, None, &[]), true)
}

/// Whether an existing topic takes messages that all replicas in sync must confirm.
///
/// # Errors
/// `TargetTopic` if it is missing or can never have enough replicas in sync.
pub(crate) fn check_topic(spec: &JobSpec, name: &str) -> Result<()> {
    let topics = KafkaTopics::open(spec)?;
    let Some(found) = topics.lookup().topic(name, ANSWER_TIMEOUT)? else {
        return Err(Error::new(
            ErrorKind::TargetTopic,
            format!("topic {name} does not exist, or the account may not see it"),
        ));
    };
    let needed = match topics.admin()?.number(Of::Topic(name), "min.insync.replicas") {
        Ok(needed) => needed.unwrap_or(1),
        // Reading settings needs an ACL of its own, which a job can do without.
        Err(e) if e.kind() == ErrorKind::TargetPrivilege => return Ok(()),
        Err(e) => return Err(e),
    };
    if needed <= found.replicas as u64 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TargetTopic,
        format!(
            "topic {name} has {} replicas and min.insync.replicas={needed}: it takes no message that is to be confirmed by all; lower the setting or add replicas",
            found.replicas
        ),
    ))
}

/// Whether progress records can be kept and read.
///
/// # Errors
/// As [`check_create`]; `TargetTopic` if the topic exists and is not compacted; `TargetPrivilege` if it
/// may not be read.
pub(crate) fn check_progress_topic(spec: &JobSpec) -> Result<()> {
    check_record_topic(spec, &ProgressTopic::new(&spec.policy.progress_topic, PROBE_KEY))
}

/// The same for the topic of schema histories.
///
/// # Errors
/// As [`check_progress_topic`].
pub(crate) fn check_history_topic(spec: &JobSpec) -> Result<()> {
    check_record_topic(spec, &ProgressTopic::of_history(&spec.policy.progress_topic, PROBE_KEY))
}

fn check_record_topic(spec: &JobSpec, topic: &ProgressTopic) -> Result<()> {
    let topics = KafkaTopics::open(spec)?;
    if topics.lookup().topic(topic.name(), ANSWER_TIMEOUT)?.is_none() {
        return topic.check_create(&topics);
    }
    topic.check_compacted(&topics)?;
    let consumers = ProgressConsumers::open(&spec.target)?;
    let last =
        ProgressReader::new(&consumers, topic, topics.lookup()).last(&mut Patience::default());
    consumers.close();
    last.map(drop)
}

/// Whether the target has transactions and lets the account use them, under an id that no worker has:
/// a running job is not disturbed. If the topic of progress records exists, a transaction with a
/// tombstone in it is committed.
///
/// # Errors
/// Those of the coordinator.
pub(crate) fn check_transactions(spec: &JobSpec) -> Result<()> {
    let topics = Arc::new(KafkaTopics::open(spec)?);
    let mut patience = Patience::default();
    let config = producer_config(
        &spec.target,
        topics.batch_bytes(),
        spec.policy.compression,
        spec.limits.requests_max(spec.task),
    )?;
    let prefix = super::lanes::transactional_id_prefix(&spec.job_id);
    let progress = ProgressTopic::new(&spec.policy.progress_topic, PROBE_KEY);
    let has_topic = topics.lookup().topic(progress.name(), ANSWER_TIMEOUT)?.is_some();
    let id = (prefix.as_str(), "-precheck");
    let mut producer = Transactional::open(config, topics, id, progress.name(), &mut patience)?;
    if has_topic {
        producer.commit(&progress, None, &mut patience)?;
    }
    Ok(())
}

/// Bytes of the largest record batch that the brokers take by default (`message.max.bytes`); `None` if
/// they do not tell.
///
/// # Errors
/// `TargetPrivilege` if settings may not be read, else those of the connection.
pub(crate) fn message_bytes_max(endpoint: &KafkaEndpoint) -> Result<Option<u64>> {
    let metadata = Lookup::open(endpoint)?.metadata(None, ANSWER_TIMEOUT)?;
    let admin = Admin::open(endpoint)?;
    let mut smallest: Option<u64> = None;
    for broker in metadata.brokers() {
        let bytes = admin.number(Of::Broker(broker.id()), "message.max.bytes")?;
        smallest = match (smallest, bytes) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    Ok(smallest)
}

/// Bytes of the largest record batch that a topic takes (`max.message.bytes`); `None` if it does not
/// tell.
///
/// # Errors
/// As [`message_bytes_max`].
pub(crate) fn topic_message_bytes_max(endpoint: &KafkaEndpoint, name: &str) -> Result<Option<u64>> {
    Admin::open(endpoint)?.number(Of::Topic(name), "max.message.bytes")
}
