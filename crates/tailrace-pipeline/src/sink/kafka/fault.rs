//! What the errors of librdkafka and of the brokers mean for the job.

use std::fmt::Display;

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::error::{Error, ErrorKind};

/// The code inside an error. The library's own accessor leaves out those of admin calls.
pub(crate) fn code_of(error: &KafkaError) -> Option<Code> {
    match error {
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    }
}

/// What a library error means.
pub(crate) fn kind_of(error: &KafkaError) -> ErrorKind {
    match error {
        KafkaError::ClientConfig(..) | KafkaError::ClientCreation(_) => ErrorKind::Configuration,
        KafkaError::Transaction(e) if e.is_retriable() => match kind_of_code(e.code()) {
            ErrorKind::Target => ErrorKind::TargetConnection,
            kind => kind,
        },
        other => code_of(other).map_or(ErrorKind::Target, kind_of_code),
    }
}

/// What an error code means.
pub(crate) fn kind_of_code(code: Code) -> ErrorKind {
    match code {
        Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch => ErrorKind::Fenced,
        Code::MessageSizeTooLarge | Code::InvalidMessageSize | Code::MessageBatchTooLarge => {
            ErrorKind::MessageTooLarge
        }
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState
        | Code::SSL => ErrorKind::TargetAuthentication,
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => ErrorKind::TargetPrivilege,
        Code::InvalidTransactionTimeout => ErrorKind::Configuration,
        Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::InvalidTopic
        | Code::InvalidReplicationFactor
        | Code::InvalidPartitions
        | Code::InvalidConfig
        | Code::PolicyViolation => ErrorKind::TargetTopic,
        // What passes when brokers come back or elect a leader.
        Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::OperationTimedOut
        | Code::RequestTimedOut
        | Code::MessageTimedOut
        | Code::TimedOutQueue
        | Code::NotCoordinator
        | Code::CoordinatorNotAvailable
        | Code::CoordinatorLoadInProgress
        | Code::ConcurrentTransactions
        | Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::FencedLeaderEpoch
        | Code::UnknownLeaderEpoch
        | Code::OffsetNotAvailable
        | Code::ReplicaNotAvailable
        | Code::NotEnoughReplicas
        | Code::NotEnoughReplicasAfterAppend
        | Code::ISRInsufficient
        | Code::NetworkException
        | Code::BrokerNotAvailable
        | Code::NotController
        | Code::KafkaStorageError
        | Code::ThrottlingQuotaExceeded
        | Code::PurgeQueue
        | Code::PurgeInflight
        | Code::BrokerDestroy
        | Code::DestroyBroker => ErrorKind::TargetConnection,
        _ => ErrorKind::Target,
    }
}

/// Text of an error for users. Values of settings are left out: a setting may be a secret.
pub(crate) fn text(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, _, key, _) => format!("the setting {key} is refused"),
        KafkaError::ClientCreation(reason) => reason.clone(),
        KafkaError::Transaction(e) => e.string(),
        other => code_of(other).map_or_else(|| other.to_string(), |code| code.to_string()),
    }
}

/// The error of a call.
///
/// `acl` says which right the call needs, for example `Write on topic t`; it is named if the broker
/// refused for lack of one.
pub(crate) fn fault(doing: impl Display, acl: &str, error: &KafkaError) -> Error {
    let kind = kind_of(error);
    let text = text(error);
    let mut message = match kind {
        ErrorKind::TargetPrivilege => {
            format!("{doing}: {text}; the account needs the ACL {acl}")
        }
        _ => format!("{doing}: {text}"),
    };
    if code_of(error) == Some(Code::InvalidTransactionTimeout) {
        message.push_str("; raise transaction.max.timeout.ms of the brokers to 900000");
    }
    Error::new(kind, message)
}

/// The error of a client that could not be made.
pub(crate) fn refused_settings(error: &KafkaError) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("the Kafka settings are not possible: {}", text(error)),
    )
}

#[cfg(test)]
mod tests {
    use rdkafka::config::ClientConfig;
    use rdkafka::producer::BaseProducer;

    use super::*;

    #[test]
    fn admin_errors_have_a_kind_too() {
        let denied = KafkaError::AdminOp(Code::TopicAuthorizationFailed);
        assert_eq!(kind_of(&denied), ErrorKind::TargetPrivilege);
        let error = fault("topic t cannot be made", "Create on topic t", &denied);
        assert_eq!(error.kind(), ErrorKind::TargetPrivilege);
        assert!(error.message().ends_with("the account needs the ACL Create on topic t"));
    }

    #[test]
    fn a_refused_setting_is_named_without_its_value() {
        let made: Result<BaseProducer, _> = ClientConfig::new()
            .set("bootstrap.servers", "localhost:1")
            .set("linger.ms", "hunter2")
            .create();
        let Err(error) = made else { panic!("a word was taken for a number") };
        let error = refused_settings(&error);
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        let made: Result<BaseProducer, _> =
            ClientConfig::new().set("no.such.setting", "hunter2").create();
        let Err(error) = made else { panic!("an unknown setting was taken") };
        let error = refused_settings(&error);
        assert!(error.message().contains("no.such.setting"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
