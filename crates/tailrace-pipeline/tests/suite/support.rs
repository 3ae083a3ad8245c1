//! A job on the shared servers, and what tests wait for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tailrace_pipeline::checkpoint::Checkpoint;
use tailrace_pipeline::job::{
    ChangeKinds, Compression, DebeziumModes, Delivery, HeaderSet, JobSpec, KafkaEndpoint,
    KafkaPolicy, Limits, Link, MessageFormat, MysqlEndpoint, PartitionPolicy, SelectedDatabase,
    Selection, SubjectNaming, TaskType, TopicPolicy,
};
use tailrace_pipeline::mapping::Mappings;
use tailrace_pipeline::observe::{Counters, JobObserver, Phase};
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::{Ended, Result};
use tailrace_testkit::env;
use tailrace_testkit::servers::mariadb::{MariaDbOptions, MariaDbServer};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};
use tailrace_testkit::sql::Login;

/// Longest time a test waits for a state.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A name that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{prefix}_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The administrator's client of the shared MySQL.
pub(crate) fn mysql() -> Login {
    env::mysql().expect("the shared MySQL")
}

/// Address of the shared Kafka.
pub(crate) fn kafka() -> String {
    env::kafka().expect("the shared Kafka").bootstrap
}

/// A server of a test's own, of either product.
pub(crate) enum Server {
    MySql(MySqlServer),
    MariaDb(MariaDbServer),
}

impl Server {
    pub(crate) fn mysql(options: MySqlOptions) -> Self {
        Self::MySql(MySqlServer::start(options).expect("a MySQL"))
    }

    pub(crate) fn mariadb(options: MariaDbOptions) -> Self {
        Self::MariaDb(MariaDbServer::start(options).expect("a MariaDB"))
    }

    pub(crate) fn login(&self) -> Login {
        match self {
            Self::MySql(server) => server.login(),
            Self::MariaDb(server) => server.login(),
        }
    }

    /// Runs statements; gives the rows of the last.
    pub(crate) fn sql(&self, statements: &str) -> Vec<Vec<String>> {
        self.login().query(statements).expect("the statements")
    }
}

/// A job over one whole database of the shared MySQL.
pub(crate) fn spec(database: &str) -> JobSpec {
    spec_at(&mysql(), database)
}

/// A job over one whole database of a server.
pub(crate) fn spec_at(login: &Login, database: &str) -> JobSpec {
    let login = login.clone();
    JobSpec {
        job_id: unique("job"),
        link: Link::MysqlToKafka,
        task: TaskType::FullIncremental,
        source: MysqlEndpoint {
            host: "127.0.0.1".into(),
            port: login.port,
            others: Vec::new(),
            user: login.user,
            password: login.password.into(),
            tls: None,
        },
        target: KafkaEndpoint { brokers: kafka(), sasl: None, tls: None },
        registry: None,
        rereads: Vec::new(),
        mappings: Mappings::default(),
        selection: Selection {
            databases: vec![SelectedDatabase { name: database.into(), tables: None }],
        },
        policy: KafkaPolicy {
            topic: TopicPolicy::PerTable("$database$-$tablename$".into()),
            partition: PartitionPolicy::Table,
            format: MessageFormat::Json,
            partitions: 1,
            replication_factor: 1,
            ddl_topic: None,
            filter_drop_database: false,
            subjects: SubjectNaming::default(),
            tombstones: false,
            transaction_topic: None,
            heartbeat: None,
            headers: HeaderSet::None,
            dead_letter_topic: None,
            debezium: DebeziumModes::default(),
            compression: Compression::default(),
            kinds: ChangeKinds::default(),
            delivery: Delivery::ExactlyOnce,
            progress_topic: "tailrace-progress".into(),
        },
        start: None,
        limits: Limits::default(),
    }
}

/// Remembers what a job reports.
#[derive(Default)]
pub(crate) struct Recorder {
    phases: Mutex<Vec<Phase>>,
    log: Mutex<Vec<String>>,
    pub(crate) durable: Mutex<Option<Checkpoint>>,
}

impl Recorder {
    pub(crate) fn has_reached(&self, phase: Phase) -> bool {
        self.phases.lock().unwrap().contains(&phase)
    }

    /// Whether anything is durable.
    pub(crate) fn has_a_step(&self) -> bool {
        self.durable.lock().unwrap().is_some()
    }

    /// Whether a re-reading is done, durably.
    pub(crate) fn has_reread(&self, id: &str) -> bool {
        let durable = self.durable.lock().unwrap();
        durable.iter().flat_map(|c| &c.rereads).any(|one| one.id == id && one.done)
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

impl JobObserver for Recorder {
    fn phase(&self, phase: Phase) {
        self.phases.lock().unwrap().push(phase);
    }

    fn recovered(&self, checkpoint: &Checkpoint) {
        self.durable(checkpoint);
    }

    fn durable(&self, checkpoint: &Checkpoint) {
        *self.durable.lock().unwrap() = Some(checkpoint.clone());
    }

    fn table(&self, _database: &str, _table: &str, _rows: u64, _done: bool) {}

    fn ddl(&self, position: &str, statement: &str) {
        self.log.lock().unwrap().push(format!("DDL at {position}: {statement}"));
    }

    fn log(&self, level: tracing::Level, message: &str) {
        self.log.lock().unwrap().push(format!("{level} {message}"));
    }
}

/// A job that runs on a thread of its own.
pub(crate) struct Running {
    pub(crate) stop: StopSignal,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) counters: Arc<Counters>,
    thread: Option<JoinHandle<Result<Ended>>>,
}

/// Starts a job.
pub(crate) fn start(spec: &JobSpec) -> Running {
    let stop = StopSignal::new();
    let recorder = Arc::new(Recorder::default());
    let counters = Arc::new(Counters::default());
    let thread = {
        let (spec, stop) = (spec.clone(), stop.clone());
        let observer: Arc<dyn JobObserver> = Arc::clone(&recorder) as _;
        let counters = Arc::clone(&counters);
        std::thread::spawn(move || {
            tailrace_pipeline::run_job(&spec, 1, &stop, &observer, &counters)
        })
    };
    Running { stop, recorder, counters, thread: Some(thread) }
}

impl Running {
    /// Waits until a condition holds; fails with the job's own error if it ends before.
    pub(crate) fn wait_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !condition(self) {
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                let end = self.thread.take().map(JoinHandle::join);
                panic!(
                    "the job ended while waiting for {what}: {end:?}; {:?}",
                    self.recorder.log()
                );
            }
            assert!(Instant::now() < until, "no {what} in time; {:?}", self.recorder.log());
            std::thread::yield_now();
        }
    }

    /// Gives the end to which the job comes by itself.
    pub(crate) fn end(mut self) -> Result<Ended> {
        self.thread.take().expect("a running job").join().expect("no panic")
    }

    /// Asks the job to stop and gives its end.
    pub(crate) fn stop(mut self) -> Result<Ended> {
        self.stop.stop();
        self.thread.take().expect("a running job").join().expect("no panic")
    }
}

/// A message as a consumer sees it; one without a value has null.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) partition: i32,
    pub(crate) key: Option<String>,
    pub(crate) value: serde_json::Value,
}

/// A message's partition, key and value, as they were written.
pub(crate) type Written = (i32, Option<Vec<u8>>, Option<Vec<u8>>);

/// Everything committed in a topic, in order of partition and offset.
pub(crate) fn read_topic(topic: &str) -> Vec<Seen> {
    let seen = |(partition, key, value): Written| Seen {
        partition,
        key: key.map(|key| String::from_utf8(key).expect("UTF-8")),
        value: value
            .map_or(serde_json::Value::Null, |value| serde_json::from_slice(&value).expect("JSON")),
    };
    read_bytes(topic).into_iter().map(seen).collect()
}

/// Everything committed in a topic as bytes, in order of partition and offset.
pub(crate) fn read_bytes(topic: &str) -> Vec<Written> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka())
        .set("group.id", unique("reader"))
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        // The end of a partition is told by an answer without records, which a broker holds back this long.
        .set("fetch.wait.max.ms", "10")
        .create()
        .expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).expect("metadata");
    let partitions: Vec<i32> = metadata.topics()[0].partitions().iter().map(|p| p.id()).collect();
    let mut seen = Vec::new();
    for partition in partitions {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
        consumer.assign(&list).expect("an assignment");
        loop {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => seen.push((
                    partition,
                    message.key().map(<[u8]>::to_vec),
                    message.payload().map(<[u8]>::to_vec),
                )),
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => break,
                Some(Err(e)) => panic!("{topic}: {e}"),
                None => panic!("{topic} gives no answer"),
            }
        }
    }
    seen
}

/// Makes a topic of one partition; gives its name.
pub(crate) fn create_topic(name: &str) -> String {
    create_topic_with(name, &[])
}

/// The same with settings that differ from the broker's.
pub(crate) fn create_topic_with(name: &str, settings: &[(&str, &str)]) -> String {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", kafka()).create().expect("an admin client");
    let mut topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let made = runtime.block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap();
    assert_eq!(made, [Ok(name.to_owned())]);
    name.to_owned()
}

/// Deletes a topic, and waits until no broker knows it any more.
pub(crate) fn delete_topic(name: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", kafka()).create().expect("an admin client");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let deleted = runtime.block_on(admin.delete_topics(&[name], &AdminOptions::new())).unwrap();
    assert_eq!(deleted, [Ok(name.to_owned())]);
    let is_there = || {
        let all = admin.inner().fetch_metadata(None, PATIENCE).expect("metadata");
        all.topics().iter().any(|topic| topic.name() == name)
    };
    let until = Instant::now() + PATIENCE;
    while is_there() {
        assert!(Instant::now() < until, "{name} does not go");
    }
}
