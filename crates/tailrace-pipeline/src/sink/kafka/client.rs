//! librdkafka clients: settings from an endpoint, and what their errors mean.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::ProducerContext;
use secrecy::ExposeSecret;

use crate::error::{Error, ErrorKind, Result};
use crate::job::{KafkaEndpoint, SaslMechanism};

/// Brokers in a bootstrap list.
const BROKERS_MAX: usize = 10;

/// Settings that every client of an endpoint has.
///
/// # Errors
/// `Configuration` for an empty or too long broker list.
pub(crate) fn client_config(endpoint: &KafkaEndpoint) -> Result<ClientConfig> {
    let brokers = endpoint.brokers.split(',').filter(|b| !b.trim().is_empty()).count();
    if brokers == 0 || brokers > BROKERS_MAX {
        return Err(Error::new(
            ErrorKind::Configuration,
            format!("ip: {brokers} brokers; 1 to {BROKERS_MAX} as host:port, separated by commas"),
        ));
    }
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &endpoint.brokers).set("client.id", "tailrace");
    let protocol = match (&endpoint.tls, &endpoint.sasl) {
        (None, None) => "PLAINTEXT",
        (Some(_), None) => "SSL",
        (None, Some(_)) => "SASL_PLAINTEXT",
        (Some(_), Some(_)) => "SASL_SSL",
    };
    config.set("security.protocol", protocol);
    if let Some(sasl) = &endpoint.sasl {
        let mechanism = match sasl.mechanism {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
            SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
        };
        config
            .set("sasl.mechanism", mechanism)
            .set("sasl.username", &sasl.user)
            .set("sasl.password", sasl.password.expose_secret());
    }
    if let Some(tls) = &endpoint.tls {
        let verify = if tls.verify_host { "https" } else { "none" };
        config.set("ssl.endpoint.identification.algorithm", verify);
        if let Some(ca) = &tls.ca_pem {
            config.set("ssl.ca.pem", ca);
        }
        if let Some(certificate) = &tls.certificate_pem {
            config.set("ssl.certificate.pem", certificate);
        }
        if let Some(key) = &tls.key_pem {
            config.set("ssl.key.pem", key.expose_secret());
        }
    }
    Ok(config)
}

/// What a library error means.
pub(crate) fn kind_of(error: &KafkaError) -> ErrorKind {
    error.rdkafka_error_code().map_or(ErrorKind::Target, kind_of_code)
}

fn kind_of_code(code: Code) -> ErrorKind {
    match code {
        Code::Fenced | Code::InvalidProducerEpoch | Code::ProducerFenced => ErrorKind::Fenced,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize => ErrorKind::MessageTooLarge,
        Code::Authentication | Code::SaslAuthenticationFailed | Code::SSL => {
            ErrorKind::TargetAuthentication
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => ErrorKind::TargetPrivilege,
        Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::InvalidTopic
        | Code::InvalidReplicationFactor
        | Code::InvalidPartitions
        | Code::PolicyViolation => ErrorKind::TargetTopic,
        Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::OperationTimedOut
        | Code::RequestTimedOut
        | Code::MessageTimedOut
        | Code::NotCoordinator
        | Code::CoordinatorNotAvailable
        | Code::CoordinatorLoadInProgress
        | Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::NotEnoughReplicas
        | Code::NotEnoughReplicasAfterAppend
        | Code::NetworkException
        | Code::BrokerNotAvailable
        | Code::PurgeQueue
        | Code::PurgeInflight => ErrorKind::TargetConnection,
        _ => ErrorKind::Target,
    }
}

/// Keeps what librdkafka reports on its own: delivery failures and client errors.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The first delivery that failed since the last [`Reports::take_failure`].
    failure: Option<Error>,
    /// The last refusal of login or certificate, which librdkafka goes on retrying for ever.
    refusal: Option<String>,
    /// Messages of a batch that are not acknowledged, by the batch's number.
    unacknowledged: HashMap<usize, usize>,
}

impl Reports {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first failure since the last call, if there was one.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.lock().failure.take()
    }

    /// A refusal of login or certificate, if the broker reported one.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let refusal = self.lock().refusal.take()?;
        Some(Error::new(ErrorKind::TargetAuthentication, refusal))
    }

    /// Counts a batch's messages before they are produced.
    pub(crate) fn expect(&self, batch: usize, messages: usize) {
        if messages > 0 {
            *self.lock().unacknowledged.entry(batch).or_insert(0) += messages;
        }
    }

    /// Whether every message of a batch is acknowledged.
    pub(crate) fn is_acknowledged(&self, batch: usize) -> bool {
        !self.lock().unacknowledged.contains_key(&batch)
    }

    /// Whether every message of all batches up to this one is acknowledged.
    pub(crate) fn acknowledged_through(&self, batch: usize) -> bool {
        self.lock().unacknowledged.keys().all(|b| *b > batch)
    }
}

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        if matches!(code, Some(Code::Authentication | Code::SSL)) {
            self.lock().refusal = Some(reason.to_owned());
        }
        tracing::warn!(%error, reason, "kafka client");
    }
}

impl ConsumerContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, batch: usize) {
        let mut state = self.lock();
        if let Some(left) = state.unacknowledged.get_mut(&batch) {
            *left -= 1;
            if *left == 0 {
                state.unacknowledged.remove(&batch);
            }
        }
        let Err((error, message)) = result else { return };
        if state.failure.is_none() {
            state.failure = Some(delivery_error(
                error,
                message.topic(),
                message.key().unwrap_or_default(),
                message.payload().map_or(0, <[u8]>::len),
            ));
        }
    }
}

/// The error of a message that was not taken.
pub(crate) fn delivery_error(error: &KafkaError, topic: &str, key: &[u8], bytes: usize) -> Error {
    let kind = kind_of(error);
    if kind == ErrorKind::MessageTooLarge {
        return Error::new(
            kind,
            format!(
                "a message of {bytes} bytes for topic {topic}, key {}, is larger than the target takes: raise the topic's max.message.bytes or the broker's message.max.bytes",
                String::from_utf8_lossy(&key[..key.len().min(200)])
            ),
        );
    }
    Error::new(kind, format!("topic {topic} did not take a message: {error}"))
}
