//! Topics by name: found, or made as the job's policy says.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode as Code;

use crate::batch::{Topic, TopicId};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobSpec, KafkaEndpoint};
use crate::sink::TopicDirectory;
use crate::sink::kafka::client::{client_config, kind_of};

/// Longest wait for one answer about topics.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait until a topic that was just made has leaders.
const LEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two looks for a leader.
const LEADER_POLL: Duration = Duration::from_millis(20);
/// Longest name Kafka takes.
const NAME_BYTES_MAX: usize = 249;

#[derive(Default)]
struct Known {
    names: Vec<String>,
    topics: HashMap<String, Topic>,
}

/// The topics of a job's target.
pub struct KafkaTopics {
    admin: AdminClient<DefaultClientContext>,
    partitions: i32,
    replication_factor: i16,
    known: Mutex<Known>,
}

impl KafkaTopics {
    /// A directory with the job's numbers for topics that are missing.
    ///
    /// # Errors
    /// `Configuration` if the endpoint's settings are refused.
    pub(crate) fn open(spec: &JobSpec) -> Result<Self> {
        Ok(Self {
            admin: admin(&spec.target)?,
            partitions: spec.policy.partitions,
            replication_factor: spec.policy.replication_factor,
            known: Mutex::new(Known::default()),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names of topics from a place on, for a copy that is read without a lock.
    pub(crate) fn names_from(&self, place: usize) -> Vec<String> {
        self.lock().names.get(place..).unwrap_or_default().to_vec()
    }

    /// Number of partitions, `None` if the topic does not exist or has no leaders yet.
    fn partitions_of(&self, name: &str) -> Result<Option<i32>> {
        let failed = |e: rdkafka::error::KafkaError| {
            Error::new(kind_of(&e), format!("topic {name} cannot be looked up: {e}"))
        };
        let metadata =
            self.admin.inner().fetch_metadata(Some(name), REQUEST_TIMEOUT).map_err(failed)?;
        let Some(topic) = metadata.topics().iter().find(|t| t.name() == name) else {
            return Ok(None);
        };
        match topic.error().map(Code::from) {
            None => {}
            Some(Code::UnknownTopicOrPartition | Code::LeaderNotAvailable) => return Ok(None),
            Some(code) => return Err(failed(rdkafka::error::KafkaError::MetadataFetch(code))),
        }
        if topic.partitions().iter().any(|p| p.leader() < 0) {
            return Ok(None);
        }
        Ok(i32::try_from(topic.partitions().len()).ok().filter(|n| *n > 0))
    }

    /// Makes a topic; one that exists already is as good.
    pub(crate) fn create(&self, name: &str, partitions: i32, config: &[(&str, &str)]) -> Result<()> {
        let replication = TopicReplication::Fixed(i32::from(self.replication_factor));
        let mut topic = NewTopic::new(name, partitions, replication);
        for (key, value) in config {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new()
            .request_timeout(Some(REQUEST_TIMEOUT))
            .operation_timeout(Some(REQUEST_TIMEOUT));
        let results = futures_executor::block_on(self.admin.create_topics([&topic], &options))
            .map_err(|e| Error::new(kind_of(&e), format!("topic {name} cannot be made: {e}")))?;
        match results.into_iter().next() {
            Some(Err((_, Code::TopicAlreadyExists))) | Some(Ok(_)) => Ok(()),
            Some(Err((_, code))) => Err(refused(name, partitions, self.replication_factor, code)),
            None => Err(Error::new(ErrorKind::Target, format!("no answer about topic {name}"))),
        }
    }

    /// Whether a topic exists.
    pub(crate) fn exists(&self, name: &str) -> Result<bool> {
        self.partitions_of(name).map(|p| p.is_some())
    }

    /// Asks whether a topic could be made, without making it.
    pub(crate) fn check_create(&self, name: &str) -> Result<()> {
        let replication = TopicReplication::Fixed(i32::from(self.replication_factor));
        let topic = NewTopic::new(name, self.partitions, replication);
        let options = AdminOptions::new()
            .request_timeout(Some(REQUEST_TIMEOUT))
            .operation_timeout(Some(REQUEST_TIMEOUT))
            .validate_only(true);
        let results = futures_executor::block_on(self.admin.create_topics([&topic], &options))
            .map_err(|e| Error::new(kind_of(&e), format!("topics cannot be made: {e}")))?;
        match results.into_iter().next() {
            Some(Err((_, Code::TopicAlreadyExists))) | Some(Ok(_)) => Ok(()),
            Some(Err((_, code))) => {
                Err(refused(name, self.partitions, self.replication_factor, code))
            }
            None => Err(Error::new(ErrorKind::Target, "no answer about topics")),
        }
    }

    /// Waits until every partition of a topic has a leader.
    pub(crate) fn wait_for_leaders(&self, name: &str) -> Result<i32> {
        let until = Instant::now() + LEADER_TIMEOUT;
        loop {
            if let Some(partitions) = self.partitions_of(name)? {
                return Ok(partitions);
            }
            if Instant::now() > until {
                return Err(Error::new(
                    ErrorKind::TargetConnection,
                    format!("topic {name} has partitions without a leader"),
                ));
            }
            std::thread::park_timeout(LEADER_POLL);
        }
    }

    /// Finds a topic, or makes it with these settings.
    pub(crate) fn find_or_create(
        &self,
        name: &str,
        partitions: i32,
        config: &[(&str, &str)],
    ) -> Result<i32> {
        if let Some(found) = self.partitions_of(name)? {
            return Ok(found);
        }
        self.create(name, partitions, config)?;
        self.wait_for_leaders(name)
    }
}

fn refused(name: &str, partitions: i32, replication_factor: i16, code: Code) -> Error {
    let kind = match code {
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            ErrorKind::TargetPrivilege
        }
        _ => ErrorKind::TargetTopic,
    };
    Error::new(
        kind,
        format!(
            "topic {name} with {partitions} partitions and replication factor {replication_factor} cannot be made: {code}"
        ),
    )
}

/// An admin client.
pub(crate) fn admin(endpoint: &KafkaEndpoint) -> Result<AdminClient<DefaultClientContext>> {
    client_config(endpoint)?.create().map_err(|e| {
        Error::new(ErrorKind::Configuration, format!("the Kafka settings are refused: {e}"))
    })
}

fn check_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.chars().all(legal)
        && name != "."
        && name != ".."
    {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TargetTopic,
        format!(
            "{name:?} is no topic name: 1 to {NAME_BYTES_MAX} of a-z, A-Z, 0-9, '.', '_' and '-'; choose another topic_name_format or one topic for all tables"
        ),
    ))
}

impl TopicDirectory for KafkaTopics {
    fn resolve(&self, name: &str, create: bool) -> Result<Topic> {
        if let Some(topic) = self.lock().topics.get(name) {
            return Ok(*topic);
        }
        check_name(name)?;
        let partitions = if create {
            self.find_or_create(name, self.partitions, &[])?
        } else {
            self.partitions_of(name)?.ok_or_else(|| {
                Error::new(ErrorKind::TargetTopic, format!("topic {name} does not exist"))
            })?
        };
        let mut known = self.lock();
        if let Some(topic) = known.topics.get(name) {
            return Ok(*topic);
        }
        let place = u32::try_from(known.names.len())
            .map_err(|_| Error::new(ErrorKind::Limit, "too many topics"))?;
        let topic = Topic { id: TopicId(place), partitions };
        known.names.push(name.to_owned());
        known.topics.insert(name.to_owned(), topic);
        Ok(topic)
    }
}
