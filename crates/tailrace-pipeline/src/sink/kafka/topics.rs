//! Topics by name: found, or made as the job's policy says.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::batch::{Topic, TopicId};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{JobSpec, KafkaEndpoint};
use crate::sink::TopicDirectory;
use crate::sink::kafka::admin::{Admin, Of, TopicPlan};
use crate::sink::kafka::closing::close_aside;
use crate::sink::kafka::lookup::{ANSWER_TIMEOUT, IDLE_MAX, Lookup};
use crate::sink::kafka::progress::ProgressTopic;

/// Longest wait until a topic that was just made has leaders.
const LEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two looks for a leader.
const LEADER_POLL: Duration = Duration::from_millis(20);
/// Longest name Kafka takes, bytes.
const NAME_BYTES_MAX: usize = 249;
/// Uncompressed bytes of messages in one record batch: librdkafka's default, and below the brokers'
/// default limit of 1048588.
const BATCH_BYTES_DEFAULT: usize = 1_000_000;
/// So many topics are looked for among all of the cluster; fewer one by one.
const LOOK_AT_ALL_MIN: usize = 8;
/// Smallest batch that is worth trying.
const BATCH_BYTES_MIN: usize = 1 << 10;

#[derive(Default)]
struct Known {
    names: Vec<Arc<str>>,
    topics: HashMap<Arc<str>, Topic>,
}

/// The topics of a job's target. Shared by encoders and sink.
pub struct KafkaTopics {
    endpoint: KafkaEndpoint,
    history: ProgressTopic,
    lookup: Lookup,
    /// Made when a topic is to be made or described: most starts of a job need none. With the time when it was
    /// needed last.
    admin: Mutex<Option<(Arc<Admin>, Instant)>>,
    partitions: i32,
    replication_factor: i16,
    known: Mutex<Known>,
    batch_bytes: AtomicUsize,
}

impl KafkaTopics {
    /// A directory with the job's numbers for topics that are missing. Connects in the background.
    ///
    /// # Errors
    /// `Configuration` if the endpoint's settings are not possible.
    pub(crate) fn open(spec: &JobSpec) -> Result<Self> {
        Ok(Self {
            endpoint: spec.target.clone(),
            history: ProgressTopic::of_history(&spec.policy.progress_topic, &spec.job_id),
            lookup: Lookup::open(&spec.target)?,
            admin: Mutex::new(None),
            partitions: spec.policy.partitions,
            replication_factor: spec.policy.replication_factor,
            known: Mutex::default(),
            batch_bytes: AtomicUsize::new(BATCH_BYTES_DEFAULT),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lookup(&self) -> &Lookup {
        &self.lookup
    }

    pub(crate) fn admin(&self) -> Result<Arc<Admin>> {
        let mut place = self.admin.lock().unwrap_or_else(PoisonError::into_inner);
        let admin = match place.take() {
            Some((admin, _)) => admin,
            None => Arc::new(Admin::open(&self.endpoint)?),
        };
        *place = Some((Arc::clone(&admin), Instant::now()));
        Ok(admin)
    }

    /// Closes clients that were not needed for some time.
    pub(crate) fn rest(&self) {
        self.lookup.rest();
        let mut place = self.admin.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((idle, _)) = place.take_if(|(_, last)| last.elapsed() >= IDLE_MAX) {
            close_aside(idle);
        }
    }

    /// Names of topics from a place on, for a copy that is read without a lock.
    pub(crate) fn names_from(&self, place: usize) -> Vec<Arc<str>> {
        self.lock().names.get(place..).unwrap_or_default().to_vec()
    }

    /// Uncompressed bytes that one record batch may have.
    pub(crate) fn batch_bytes(&self) -> usize {
        self.batch_bytes.load(Ordering::Relaxed)
    }

    /// Lets batches be smaller from the next producer on, because a topic takes less; false if that is
    /// what was tried already.
    pub(crate) fn shrink_batches(&self, bytes: usize) -> bool {
        let bytes = bytes.max(BATCH_BYTES_MIN);
        self.batch_bytes.fetch_min(bytes, Ordering::Relaxed) > bytes
    }

    /// `max.message.bytes` of a topic; `None` if the account may not read it.
    pub(crate) fn known_message_bytes_max(&self, name: &str) -> Option<u64> {
        let number =
            self.admin().and_then(|admin| admin.number(Of::Topic(name), "max.message.bytes"));
        number.unwrap_or_else(|error| {
            tracing::debug!(%error, topic = name, "max.message.bytes cannot be read");
            None
        })
    }

    /// What a missing topic is made like, with settings that differ from the brokers' defaults.
    pub(crate) fn plan<'a>(
        &self,
        name: &'a str,
        partitions: Option<i32>,
        settings: &'a [(&'a str, &'a str)],
    ) -> TopicPlan<'a> {
        TopicPlan {
            name,
            partitions: partitions.unwrap_or(self.partitions),
            replication_factor: self.replication_factor,
            settings,
        }
    }

    /// Makes a topic and waits for its leaders; gives its number of partitions.
    ///
    /// # Errors
    /// Those of [`Admin::create`], `TargetConnection` if no leader is elected in time.
    pub(crate) fn make(&self, plan: &TopicPlan<'_>) -> Result<i32> {
        if let Err(error) = self.admin()?.create(plan, false) {
            return Err(self.with_broker_count(plan, error));
        }
        self.wait_for_leaders(plan.name)
    }

    /// The broker's answer to too large a replication factor does not say how many brokers there are.
    fn with_broker_count(&self, plan: &TopicPlan<'_>, error: Error) -> Error {
        if error.kind() != ErrorKind::TargetTopic {
            return error;
        }
        let Ok(metadata) = self.lookup.metadata(Some(plan.name), LEADER_TIMEOUT) else {
            return error;
        };
        let brokers = metadata.brokers().len();
        if usize::try_from(plan.replication_factor).is_ok_and(|factor| factor <= brokers) {
            return error;
        }
        let message = format!("{}; the cluster has {brokers} brokers", error.message());
        Error::new(ErrorKind::TargetTopic, message)
    }

    /// Waits until every partition of a topic has a leader; gives the number of partitions.
    fn wait_for_leaders(&self, name: &str) -> Result<i32> {
        let until = Instant::now() + LEADER_TIMEOUT;
        loop {
            let found = self.lookup.topic(name, ANSWER_TIMEOUT)?;
            if let Some(topic) = found.filter(|t| t.has_leaders) {
                return Ok(topic.partitions);
            }
            if Instant::now() > until {
                return Err(Error::new(
                    ErrorKind::TargetConnection,
                    format!(
                        "topic {name} has partitions without a leader for {} s",
                        LEADER_TIMEOUT.as_secs()
                    ),
                ));
            }
            std::thread::park_timeout(LEADER_POLL);
        }
    }

    /// Partitions of a topic that has leaders or gets them soon; `None` if it does not exist.
    ///
    /// # Errors
    /// Those of the look-up, `TargetConnection` if no leader is elected in time.
    pub(crate) fn partitions_of(&self, name: &str) -> Result<Option<i32>> {
        match self.lookup.topic(name, ANSWER_TIMEOUT)? {
            None => Ok(None),
            Some(topic) if topic.has_leaders => Ok(Some(topic.partitions)),
            Some(_) => self.wait_for_leaders(name).map(Some),
        }
    }

    /// Remembers those of these topics that exist and have leaders.
    fn find_all(&self, names: &HashSet<String>) -> Result<()> {
        let found = self.lookup.topics(ANSWER_TIMEOUT, |name| names.contains(name))?;
        found
            .iter()
            .filter(|(_, topic)| topic.has_leaders)
            .try_for_each(|(name, topic)| self.remember(name, topic.partitions).map(drop))
    }

    fn remember(&self, name: &str, partitions: i32) -> Result<Topic> {
        let mut known = self.lock();
        if let Some(topic) = known.topics.get(name) {
            return Ok(*topic);
        }
        let place = u32::try_from(known.names.len()).map_err(|_| {
            Error::new(ErrorKind::Limit, format!("topic {name}: more than {} topics", u32::MAX))
        })?;
        let topic = Topic { id: TopicId(place), partitions };
        let name: Arc<str> = name.into();
        known.names.push(Arc::clone(&name));
        known.topics.insert(name, topic);
        Ok(topic)
    }
}

/// Checks a name by Kafka's rule.
///
/// # Errors
/// `TargetTopic` with the name and the rule.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let why = match name {
        "" => "it is empty".to_owned(),
        "." | ".." => "Kafka keeps this name for itself".to_owned(),
        _ if name.len() > NAME_BYTES_MAX => {
            format!("it has {} bytes, at most {NAME_BYTES_MAX} are allowed", name.len())
        }
        _ => match name.chars().find(|c| !legal(*c)) {
            None => return Ok(()),
            Some(c) => format!("it has {c:?}, only a-z, A-Z, 0-9, '.', '_' and '-' are allowed"),
        },
    };
    Err(Error::new(
        ErrorKind::TargetTopic,
        format!(
            "topic name {name:?} is not possible: {why}; choose another topic_name_format, or one topic for all tables"
        ),
    ))
}

impl TopicDirectory for KafkaTopics {
    fn message_bytes_max(&self, name: &str) -> Result<u64> {
        let setting = "max.message.bytes";
        let number = self.admin().and_then(|admin| admin.number(Of::Topic(name), setting))?;
        number.ok_or_else(|| {
            let text = format!("topic {name} has no {setting} that the account may read");
            Error::new(ErrorKind::TargetPrivilege, text)
        })
    }

    fn knows(&self, name: &str) -> bool {
        self.lock().topics.contains_key(name)
    }

    fn prepare(&self, names: &[String]) {
        let plans: Vec<TopicPlan<'_>> = {
            let known = self.lock();
            let unknown = names.iter().filter(|name| !known.topics.contains_key(name.as_str()));
            unknown
                .filter(|name| check_name(name).is_ok())
                .map(|name| self.plan(name, None, &[]))
                .collect()
        };
        if plans.is_empty() {
            return;
        }
        // Whether they exist is not asked before: the answer tells, and one that was just made needs no look at it.
        let told = self.admin().and_then(|admin| admin.create_all(&plans)).and_then(|answers| {
            let (made, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, made)| *made);
            made.iter().try_for_each(|(name, _)| self.remember(name, self.partitions).map(drop))?;
            let others: HashSet<String> = others.into_iter().map(|(name, _)| name).collect();
            if others.len() >= LOOK_AT_ALL_MIN { self.find_all(&others) } else { Ok(()) }
        });
        if let Err(error) = told {
            tracing::debug!(%error, "topics cannot be made or found together");
        }
    }

    fn resolve(&self, name: &str, create: bool) -> Result<Topic> {
        if let Some(topic) = self.lock().topics.get(name) {
            return Ok(*topic);
        }
        check_name(name)?;
        let partitions = match self.partitions_of(name)? {
            Some(partitions) => partitions,
            None if create => self.make(&self.plan(name, None, &[]))?,
            None => {
                return Err(Error::new(
                    ErrorKind::TargetTopic,
                    format!("topic {name} does not exist, or the account may not see it"),
                ));
            }
        };
        self.remember(name, partitions)
    }

    fn schema_history(&self) -> Result<Topic> {
        if let Some(topic) = self.lock().topics.get(self.history.name()) {
            return Ok(*topic);
        }
        self.history.ensure(self)?;
        self.remember(self.history.name(), 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_by_kafkas_rule() {
        for good in ["a", "shop-item", "A.b_c-9", &"x".repeat(249), "..."] {
            check_name(good).unwrap();
        }
        for (bad, why) in [
            ("", "empty"),
            (".", "keeps"),
            ("..", "keeps"),
            ("shop/item", "'/'"),
            ("möbel", "'ö'"),
            ("a b", "' '"),
            (&"x".repeat(250), "250 bytes"),
        ] {
            let error = check_name(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TargetTopic);
            assert!(error.message().contains(why), "{error}");
        }
    }
}
