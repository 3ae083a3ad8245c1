//! Calls that change or describe the cluster: topics made, settings read.

use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::error::{Error, ErrorKind, Result};
use crate::job::KafkaEndpoint;
use crate::sink::kafka::fault::{fault, refused_settings};
use crate::sink::kafka::security::client_config;

/// Longest wait for an answer of the controller.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// The library never serves an admin client's own events, so that they would pile up: none are wanted.
struct Silent;

impl ClientContext for Silent {}

/// A client for calls of this kind.
pub(crate) struct Admin {
    client: AdminClient<Silent>,
}

/// A topic to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TopicPlan<'a> {
    /// Name.
    pub(crate) name: &'a str,
    /// Partitions, 1..=2147483647.
    pub(crate) partitions: i32,
    /// Replicas, 1..=32767.
    pub(crate) replication_factor: i16,
    /// Settings that differ from the brokers' defaults.
    pub(crate) settings: &'a [(&'a str, &'a str)],
}

impl<'a> TopicPlan<'a> {
    fn topic(&self) -> NewTopic<'a> {
        let replication = TopicReplication::Fixed(i32::from(self.replication_factor));
        let topic = NewTopic::new(self.name, self.partitions, replication);
        self.settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value))
    }
}

fn creation() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(REQUEST_TIMEOUT))
        .operation_timeout(Some(REQUEST_TIMEOUT))
}

/// One setting of a topic or broker.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of<'a> {
    /// A topic.
    Topic(&'a str),
    /// A broker by id.
    Broker(i32),
}

impl Admin {
    /// A client of an endpoint. Connects in the background.
    ///
    /// # Errors
    /// `Configuration` if the endpoint's settings are not possible.
    pub(crate) fn open(endpoint: &KafkaEndpoint) -> Result<Self> {
        let mut config = client_config(endpoint)?;
        config.set_log_level(RDKafkaLogLevel::Emerg);
        let client = config.create_with_context(Silent).map_err(|e| refused_settings(&e))?;
        Ok(Self { client })
    }

    /// Makes a topic, or with `validate_only` asks whether it could be made. One that exists already
    /// is as good: another worker or table may have been quicker.
    ///
    /// # Errors
    /// `TargetTopic` or `TargetPrivilege` with the reason, `TargetConnection` if nobody answers.
    pub(crate) fn create(&self, plan: &TopicPlan<'_>, validate_only: bool) -> Result<()> {
        let topic = plan.topic();
        let options = creation().validate_only(validate_only);
        let answer = futures_executor::block_on(self.client.create_topics([&topic], &options));
        let error = match answer.map(|results| results.into_iter().next()) {
            Ok(Some(Ok(_) | Err((_, Code::TopicAlreadyExists)))) => return Ok(()),
            Ok(Some(Err((_, code)))) => KafkaError::AdminOp(code),
            Ok(None) => KafkaError::AdminOp(Code::Fail),
            Err(e) => e,
        };
        Err(fault(
            format!(
                "topic {} with {} partitions and replication factor {} cannot be made",
                plan.name, plan.partitions, plan.replication_factor
            ),
            &format!("Create on topic {} or on the cluster", plan.name),
            &error,
        ))
    }

    /// Makes topics with one request; gives for each whether it was made.
    ///
    /// # Errors
    /// If the request as a whole failed.
    pub(crate) fn create_all(&self, plans: &[TopicPlan<'_>]) -> Result<Vec<(String, bool)>> {
        let topics: Vec<NewTopic<'_>> = plans.iter().map(TopicPlan::topic).collect();
        let made = futures_executor::block_on(self.client.create_topics(&topics, &creation()));
        let answers = made.map_err(|e| {
            let doing = format!("{} topics cannot be made", plans.len());
            fault(doing, "Create on the topics or on the cluster", &e)
        })?;
        let told = answers.into_iter().map(|answer| match answer {
            Ok(name) => (name, true),
            Err((name, _)) => (name, false),
        });
        Ok(told.collect())
    }

    /// A setting as it is in force; `None` if the resource has no such setting.
    ///
    /// # Errors
    /// `TargetPrivilege` if settings may not be read, `TargetConnection` if nobody answers.
    pub(crate) fn setting(&self, of: Of<'_>, name: &str) -> Result<Option<String>> {
        let (resource, what) = match of {
            Of::Topic(topic) => (ResourceSpecifier::Topic(topic), format!("topic {topic}")),
            Of::Broker(id) => (ResourceSpecifier::Broker(id), format!("broker {id}")),
        };
        let acl = match of {
            Of::Topic(_) => format!("DescribeConfigs on {what}"),
            Of::Broker(_) => "DescribeConfigs on the cluster".to_owned(),
        };
        let mut options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
        if let Of::Broker(id) = of {
            options = options.broker_id(id);
        }
        let answer =
            futures_executor::block_on(self.client.describe_configs([&resource], &options));
        let found: ConfigResource = answer
            .and_then(|results| match results.into_iter().next() {
                Some(result) => result.map_err(KafkaError::AdminOp),
                None => Err(KafkaError::AdminOp(Code::Fail)),
            })
            .map_err(|e| fault(format!("settings of {what}"), &acl, &e))?;
        // The library gives no error of the single resource; without entries it was refused.
        if found.entries.is_empty() {
            let denied = KafkaError::AdminOp(Code::TopicAuthorizationFailed);
            return Err(fault(format!("settings of {what}"), &acl, &denied));
        }
        Ok(found.get(name).and_then(|entry| entry.value.clone()))
    }

    /// A setting that is a number of bytes or replicas; `None` if the resource has no such setting.
    ///
    /// # Errors
    /// As [`Admin::setting`], and `Target` for a value that is no number.
    pub(crate) fn number(&self, of: Of<'_>, name: &str) -> Result<Option<u64>> {
        let Some(value) = self.setting(of, name)? else { return Ok(None) };
        value.parse().map(Some).map_err(|_| {
            Error::new(ErrorKind::Target, format!("{name} of {of:?} is {value:?}: no number"))
        })
    }
}
