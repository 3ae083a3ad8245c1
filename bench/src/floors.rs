//! The floors: the same bytes read or written by programs that do nothing else.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use tailrace_pipeline::checkpoint::StreamPosition;
use tailrace_pipeline::job::{
    ChangeKinds, Compression, DebeziumModes, Delivery, HeaderSet, JobSpec, KafkaEndpoint,
    KafkaPolicy, Limits, Link, MessageFormat, MysqlEndpoint, PartitionPolicy, Selection,
    SubjectNaming, TaskType, TopicPolicy,
};
use tailrace_pipeline::mapping::Mappings;
use tailrace_testkit::provision::prefix::{MYSQL, Prefix};

use crate::figures::Run;
use crate::prepare::Log;
use crate::stage::{DATABASE, Stage};
use crate::usage::cpu_seconds;
use crate::watch::{self, Topic};

/// Pause between two looks at a child's CPU time.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// Bytes in one Kafka transaction, as Tailrace has it by default.
const TRANSACTION_BYTES: usize = 16 << 20;
/// For a coordinator's answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Receives the log over Tailrace's own connection and looks at nothing.
pub(crate) fn raw_dump(stage: &mut Stage, log: &Log) -> Result<Run> {
    let login = &stage.mysql;
    let source = MysqlEndpoint {
        host: login.host.clone(),
        port: login.port,
        others: Vec::new(),
        user: login.user.clone(),
        password: login.password.clone().into(),
        tls: None,
    };
    let spec = JobSpec {
        job_id: stage.run_name(),
        link: Link::MysqlToKafka,
        task: TaskType::Incremental,
        source,
        target: KafkaEndpoint { brokers: stage.kafka.clone(), sasl: None, tls: None },
        registry: None,
        rereads: Vec::new(),
        selection: Selection::default(),
        mappings: Mappings::default(),
        policy: KafkaPolicy {
            topic: TopicPolicy::PerTable("$database$-$tablename$".into()),
            partition: PartitionPolicy::Table,
            format: MessageFormat::Json,
            partitions: 1,
            replication_factor: 1,
            ddl_topic: None,
            transaction_topic: None,
            heartbeat: None,
            headers: HeaderSet::None,
            dead_letter_topic: None,
            debezium: DebeziumModes::default(),
            filter_drop_database: false,
            delivery: Delivery::ExactlyOnce,
            progress_topic: "bench".into(),
            compression: Compression::default(),
            kinds: ChangeKinds::default(),
            subjects: SubjectNaming::default(),
            tombstones: false,
        },
        start: None,
        limits: Limits::default(),
    };
    let from = StreamPosition {
        gtid_set: Some(log.from.clone()),
        file: log.file.clone(),
        offset: log.offset,
        ..Default::default()
    };
    let (begun, cpu) = (Instant::now(), cpu_seconds(std::process::id()));
    tailrace_pipeline::read_log_raw(&spec, &from, log.bytes)?;
    let used = cpu_seconds(std::process::id()).zip(cpu).map(|(after, before)| after - before);
    Ok(Run::whole(log.changes, begun.elapsed().as_secs_f64(), used, None))
}

/// Waits for a child; CPU time as seen last before its end.
fn measured(mut child: Child, what: &str, changes: u64) -> Result<Run> {
    let begun = Instant::now();
    let pid = child.id();
    let mut cpu = None;
    loop {
        cpu = cpu_seconds(pid).or(cpu);
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("{what} ended with {status}");
            }
            let seconds = begun.elapsed().as_secs_f64();
            return Ok(Run::whole(changes, seconds, cpu, None));
        }
        std::thread::park_timeout(LOOK_PAUSE);
    }
}

fn client(stage: &Stage, name: &str) -> Result<Command> {
    let words = Prefix::ensure(&MYSQL)?.program(name)?;
    let [program, arguments @ ..] = words.as_slice() else {
        bail!("the program of {name} is empty")
    };
    let login = &stage.mysql;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args(["--no-defaults", "--protocol=TCP"])
        .arg(format!("--host={}", login.host))
        .arg(format!("--port={}", login.port))
        .arg(format!("--user={}", login.user))
        .env("MYSQL_PWD", &login.password)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Ok(command)
}

/// MySQL's own copy of the log to files.
pub(crate) fn mysqlbinlog(stage: &Stage, log: &Log) -> Result<Run> {
    let mut command = client(stage, "mysqlbinlog")?;
    let child = command
        .args(["--raw", "--read-from-remote-server", "--to-last-log"])
        .arg(format!("--result-file={}/", stage.dir.path().display()))
        .arg(&log.file)
        .spawn()
        .context("mysqlbinlog")?;
    measured(child, "mysqlbinlog", log.changes)
}

/// The table by MySQL's own client, row by row, to nowhere.
pub(crate) fn select(stage: &Stage, rows: u64) -> Result<Run> {
    let mut command = client(stage, "mysql")?;
    let child = command
        .args(["--quick", "--batch", "--raw", "--skip-column-names"])
        .arg(format!("--execute=SELECT * FROM {DATABASE}.filled"))
        .spawn()
        .context("mysql")?;
    measured(child, "mysql", rows)
}

/// The table by MySQL's own dump, to nowhere.
pub(crate) fn mysqldump(stage: &Stage, rows: u64) -> Result<Run> {
    let mut command = client(stage, "mysqldump")?;
    let child = command
        .args(["--quick", "--single-transaction", "--set-gtid-purged=OFF", "--no-tablespaces"])
        .args(["--no-create-info", "--extended-insert", DATABASE, "filled"])
        .spawn()
        .context("mysqldump")?;
    measured(child, "mysqldump", rows)
}

/// As many messages like those that Tailrace wrote last, produced by librdkafka with Tailrace's settings.
pub(crate) fn librdkafka(stage: &mut Stage, log: &Log, transactional: bool) -> Result<Run> {
    let topic = stage.run_name();
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &stage.kafka)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("linger.ms", "1")
        .set("batch.num.messages", "100000")
        .set("queue.buffering.max.messages", "1000000")
        .set("message.max.bytes", "1000000000");
    if transactional {
        config.set("transactional.id", &topic);
    }
    stage.create_topic(&topic)?;
    let producer: ThreadedProducer<DefaultProducerContext> = config.create()?;
    if transactional {
        producer.init_transactions(TIMEOUT)?;
    }
    // Messages of a run, again and again: a batch has each only once, so that they compress as they do there.
    ensure!(
        !stage.sample.is_empty(),
        "librdkafka alone needs a run of Tailrace into Kafka before it"
    );
    let sample = std::mem::take(&mut stage.sample);
    let watched = Topic::new(stage, &topic)?;
    // Counted as a run of Tailrace is, by what a consumer could read.
    let run = std::thread::scope(|scope| {
        let producing =
            scope.spawn(|| produce(&producer, &topic, &sample, log.changes, transactional));
        let run = watch::follow(stage, &watched, log.changes, std::process::id());
        producing.join().map_err(|_| anyhow!("the producer panicked"))??;
        run
    })?;
    stage.sample = sample;
    stage.delete_topics(&[topic])?;
    Ok(Run { peak_mib: None, ..run })
}

fn produce(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    sample: &[Vec<u8>],
    messages: u64,
    transactional: bool,
) -> Result<()> {
    let mut open = 0;
    for (_, value) in (0..messages).zip(sample.iter().cycle()) {
        if transactional && open == 0 {
            producer.begin_transaction()?;
        }
        send(producer, topic, value)?;
        open += value.len();
        if transactional && open >= TRANSACTION_BYTES {
            producer.commit_transaction(TIMEOUT)?;
            open = 0;
        }
    }
    if transactional && open > 0 {
        producer.commit_transaction(TIMEOUT)?;
    }
    producer.flush(TIMEOUT)?;
    Ok(())
}

/// Sends a message; waits while the queue is full.
fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    value: &[u8],
) -> Result<()> {
    let mut record = BaseRecord::<(), [u8]>::to(topic).payload(value).partition(0);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                std::thread::park_timeout(Duration::from_millis(1));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}
