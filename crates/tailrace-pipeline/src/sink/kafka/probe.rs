//! Whether a target answers, and what it is.

use std::time::Duration;

use rdkafka::admin::{AdminOptions, ResourceSpecifier};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, Producer};

use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobSpec, KafkaEndpoint};
use crate::sink::kafka::client::{Reports, client_config, kind_of};
use crate::sink::kafka::progress;
use crate::sink::kafka::topics::{KafkaTopics, admin};

/// Longest wait for a first answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// Longest wait for a transaction coordinator.
const COORDINATOR_TIMEOUT: Duration = Duration::from_secs(30);
/// Name that is asked for and never made.
const PROBE_TOPIC: &str = "tailrace-precheck-probe";

/// What a target says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaProbe {
    /// Brokers with their advertised addresses.
    pub brokers: Vec<String>,
    /// Topics that this client may see.
    pub topics: Vec<String>,
}

/// Connects, asks for the cluster's metadata, and leaves.
///
/// # Errors
/// `TargetConnection`, or `TargetAuthentication` if login or certificate are refused.
pub fn probe(endpoint: &KafkaEndpoint) -> Result<KafkaProbe> {
    let consumer: BaseConsumer<Reports> = client_config(endpoint)?
        .set("group.id", "tailrace-probe")
        .create_with_context(Reports::default())
        .map_err(|e| {
            Error::new(ErrorKind::Configuration, format!("the Kafka settings are refused: {e}"))
        })?;
    let metadata = consumer.fetch_metadata(None, ANSWER_TIMEOUT).map_err(|e| {
        consumer.poll(Duration::ZERO);
        consumer.context().refusal().unwrap_or_else(|| {
            let kind = match kind_of(&e) {
                ErrorKind::Target => ErrorKind::TargetConnection,
                kind => kind,
            };
            Error::new(kind, format!("no broker of {} answers: {e}", endpoint.brokers))
        })
    })?;
    Ok(KafkaProbe {
        brokers: metadata
            .brokers()
            .iter()
            .map(|b| format!("{}:{}", b.host(), b.port()))
            .collect(),
        topics: metadata.topics().iter().map(|t| t.name().to_owned()).collect(),
    })
}

/// Whether topics may be made with the job's numbers; none is made.
///
/// # Errors
/// `TargetTopic` or `TargetPrivilege` with the broker's reason.
pub(crate) fn check_create(spec: &JobSpec) -> Result<()> {
    KafkaTopics::open(spec)?.check_create(PROBE_TOPIC)
}

/// Whether progress records can be kept.
///
/// # Errors
/// As [`check_create`], and `TargetTopic` if the topic exists and is not compacted.
pub(crate) fn check_progress_topic(spec: &JobSpec) -> Result<()> {
    let topics = KafkaTopics::open(spec)?;
    if topics.exists(&spec.policy.progress_topic)? {
        return progress::check_compacted(spec);
    }
    topics.check_create(&spec.policy.progress_topic)
}

/// Whether the target has transactions and lets the job use them. A probe of its own id is begun and
/// left empty.
///
/// # Errors
/// Those of the coordinator.
pub(crate) fn check_transactions(spec: &JobSpec) -> Result<()> {
    let producer: BaseProducer<Reports> = client_config(&spec.target)?
        .set("transactional.id", format!("tailrace-{}-probe", spec.job_id))
        .create_with_context(Reports::default())
        .map_err(|e| Error::new(ErrorKind::Configuration, e.to_string()))?;
    producer.init_transactions(COORDINATOR_TIMEOUT).map_err(|e| {
        Error::new(kind_of(&e), format!("transactions cannot be used: {e}"))
    })
}

/// `message.max.bytes` of a broker; `None` if it does not tell.
///
/// # Errors
/// `TargetPrivilege` if settings may not be read, else those of the connection.
pub(crate) fn message_bytes_max(endpoint: &KafkaEndpoint) -> Result<Option<u64>> {
    let admin = admin(endpoint)?;
    let failed = |e: KafkaError| Error::new(kind_of(&e), format!("settings of the brokers: {e}"));
    let metadata = admin.inner().fetch_metadata(None, ANSWER_TIMEOUT).map_err(failed)?;
    let Some(broker) = metadata.brokers().first() else { return Ok(None) };
    let options = AdminOptions::new().request_timeout(Some(ANSWER_TIMEOUT));
    let answer = futures_executor::block_on(
        admin.describe_configs([&ResourceSpecifier::Broker(broker.id())], &options),
    )
    .map_err(failed)?;
    for resource in answer {
        let resource = resource
            .map_err(|code| failed(KafkaError::AdminOp(code)))?;
        if let Some(value) = resource.get("message.max.bytes").and_then(|e| e.value.as_ref()) {
            return Ok(value.parse().ok());
        }
    }
    Ok(None)
}
