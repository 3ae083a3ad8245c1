//! Questions about the cluster that any client may ask: brokers, topics, leaders.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::{Metadata, MetadataTopic};

use crate::error::{Error, ErrorKind, Result};
use crate::job::KafkaEndpoint;
use crate::sink::kafka::closing::close_aside;
use crate::sink::kafka::fault::{fault, kind_of, refused_settings};
use crate::sink::kafka::security::client_config;
use crate::sink::kafka::watch::Watch;

/// Longest wait for an answer about topics, over a short restart of a broker.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest single question, after which the client's events are looked at.
const SLICE: Duration = Duration::from_millis(500);
/// Questions about topics that one client is asked. It never forgets a topic, and goes through all of them with every
/// answer: measured with 2 000 topics, that took 2 ms of CPU time for each.
const QUESTIONS_MAX: usize = 128;
/// A client that is not asked for so long is closed: each has threads and connections.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(10);
/// Events served after a question; more wait for the next one.
const EVENTS_MAX: usize = 32;

/// A client that only asks. It is a consumer without a group: a producer would need its own thread for
/// events, and an admin client does not show them.
pub(crate) struct Lookup {
    endpoint: KafkaEndpoint,
    asking: Mutex<Option<Asking>>,
}

/// The client that is asked now, and how many questions about a topic it has had.
struct Asking {
    client: Arc<BaseConsumer<Watch>>,
    questions: usize,
    last: Instant,
}

fn connect(endpoint: &KafkaEndpoint) -> Result<BaseConsumer<Watch>> {
    client_config(endpoint)?.create_with_context(Watch::default()).map_err(|e| refused_settings(&e))
}

/// A topic as the cluster describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FoundTopic {
    /// Number of partitions.
    pub(crate) partitions: i32,
    /// Replicas of the partition that has the fewest.
    pub(crate) replicas: usize,
    /// Every partition has a leader.
    pub(crate) has_leaders: bool,
}

/// What the cluster's answer says of a topic; `None` if it does not exist.
fn found(topic: &MetadataTopic) -> Result<Option<FoundTopic>> {
    let name = topic.name();
    match topic.error().map(Code::from) {
        // Partitions without a leader are seen below.
        None | Some(Code::LeaderNotAvailable) => {}
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => return Ok(None),
        Some(code) => {
            return Err(fault(
                format!("topic {name}"),
                &format!("Describe on topic {name}"),
                &KafkaError::MetadataFetch(code),
            ));
        }
    }
    let partitions = topic.partitions();
    let count = i32::try_from(partitions.len()).map_err(|_| {
        Error::new(
            ErrorKind::Target,
            format!("topic {name} claims {} partitions", partitions.len()),
        )
    })?;
    Ok((count > 0).then(|| FoundTopic {
        partitions: count,
        replicas: partitions.iter().map(|p| p.replicas().len()).min().unwrap_or(0),
        has_leaders: partitions.iter().all(|p| p.leader() >= 0),
    }))
}

impl Lookup {
    /// A client of an endpoint. Connects in the background.
    ///
    /// # Errors
    /// `Configuration` if the endpoint's settings are not possible.
    pub(crate) fn open(endpoint: &KafkaEndpoint) -> Result<Self> {
        let lookup = Self { endpoint: endpoint.clone(), asking: Mutex::new(None) };
        lookup.client(false)?;
        Ok(lookup)
    }

    /// The client for a question.
    fn client(&self, names_topic: bool) -> Result<Arc<BaseConsumer<Watch>>> {
        let mut place = self.lock();
        if let Some(worn) = place.take_if(|asking| asking.questions >= QUESTIONS_MAX) {
            close_aside(worn.client);
        }
        let asking = match &mut *place {
            Some(asking) => asking,
            none => none.insert(Asking {
                client: Arc::new(connect(&self.endpoint)?),
                questions: 0,
                last: Instant::now(),
            }),
        };
        asking.questions += usize::from(names_topic);
        asking.last = Instant::now();
        Ok(Arc::clone(&asking.client))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Asking>> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the client if nothing was asked for some time; the next question opens another.
    pub(crate) fn rest(&self) {
        if let Some(idle) = self.lock().take_if(|asking| asking.last.elapsed() >= IDLE_MAX) {
            close_aside(idle.client);
        }
    }

    /// The cluster's metadata, of one topic or of all that the account may see.
    ///
    /// # Errors
    /// `TargetAuthentication` as soon as the brokers refuse login or certificate, `TargetConnection`
    /// if nobody answers in time.
    pub(crate) fn metadata(&self, topic: Option<&str>, limit: Duration) -> Result<Metadata> {
        let doing = match topic {
            Some(name) => format!("topic {name} cannot be looked up"),
            None => "the cluster cannot be looked up".to_owned(),
        };
        let until = Instant::now() + limit;
        let client = self.client(topic.is_some())?;
        loop {
            let answer = client.fetch_metadata(topic, SLICE.min(limit));
            for _ in 0..EVENTS_MAX {
                drop(client.poll(Duration::ZERO));
            }
            let watch = client.context();
            match answer {
                Ok(metadata) => {
                    watch.answered();
                    return Ok(metadata);
                }
                Err(e) if kind_of(&e) == ErrorKind::TargetConnection => {
                    if let Some(refusal) = watch.refusal() {
                        return Err(refusal);
                    }
                    if Instant::now() >= until {
                        return Err(watch.explain(&doing));
                    }
                }
                Err(e) => return Err(fault(doing, "Describe on the cluster and its topics", &e)),
            }
        }
    }

    /// The id of the cluster, if it tells in time.
    pub(crate) fn cluster_id(&self, limit: Duration) -> Option<String> {
        self.client(false).ok()?.client().fetch_cluster_id(limit)
    }

    /// A topic; `None` if it does not exist.
    ///
    /// # Errors
    /// Those of [`Lookup::metadata`], and `TargetPrivilege` if the account may not see the topic.
    pub(crate) fn topic(&self, name: &str, limit: Duration) -> Result<Option<FoundTopic>> {
        let metadata = self.metadata(Some(name), limit)?;
        metadata.topics().iter().find(|t| t.name() == name).map_or(Ok(None), found)
    }

    /// Those of all topics that the account may see whose names are wanted.
    ///
    /// # Errors
    /// Those of [`Lookup::metadata`].
    pub(crate) fn topics(
        &self,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<(String, FoundTopic)>> {
        let metadata = self.metadata(None, limit)?;
        let named = metadata.topics().iter().filter(|t| wanted(t.name()));
        // One that cannot be used is told of when it is asked for alone.
        let named = named.filter_map(|t| Some((t.name().to_owned(), found(t).ok().flatten()?)));
        Ok(named.collect())
    }

    /// The broker that leads a partition; `None` while there is none.
    ///
    /// # Errors
    /// Those of [`Lookup::metadata`].
    pub(crate) fn leader(&self, name: &str, partition: i32) -> Result<Option<i32>> {
        let metadata = self.metadata(Some(name), ANSWER_TIMEOUT)?;
        Ok(metadata
            .topics()
            .iter()
            .filter(|t| t.name() == name)
            .flat_map(|t| t.partitions())
            .find(|p| p.id() == partition && p.leader() >= 0)
            .map(|p| p.leader()))
    }
}
