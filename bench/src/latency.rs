//! From commit at the source to a consumer that reads committed messages, under a steady load.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tailrace_testkit::process::signal_process;
use tailrace_testkit::servers::connect::ConnectWorker;

use crate::figures::Figures;
use crate::rival::{self, Flavor};
use crate::stage::{DATABASE, Stage};
use crate::tailrace::{Shape, Target, job_file};

/// The table that is written to.
const TABLE: &str = "latency";
/// Changes a second.
pub(crate) const RATE: u32 = 500;
/// How long the source commits as fast as it can, behind the warm-up.
const FULL_SPEED: Duration = Duration::from_secs(10);
/// Time between two bursts of a steady load.
const BURST_INTERVAL: Duration = Duration::from_millis(5);
/// Transactions of a burst without a pause.
const BURST_MAX: u64 = 500;

/// What is measured: Tailrace with all defaults, or Debezium.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject {
    Tailrace(Target, Shape),
    Debezium(Flavor),
}

impl Subject {
    /// Where the messages of a run of this name go.
    fn topic(self, name: &str) -> String {
        match self {
            Self::Tailrace(..) => format!("{name}-{DATABASE}-{TABLE}"),
            Self::Debezium(_) => format!("{name}.{DATABASE}.{TABLE}"),
        }
    }
}

/// The running subject.
enum Running {
    Tailrace(Child),
    Debezium(ConnectWorker),
}

impl Running {
    fn start(stage: &Stage, subject: Subject, name: &str) -> Result<Self> {
        Ok(match subject {
            Subject::Tailrace(target, shape) => {
                let path = stage.dir.path().join(format!("{name}.toml"));
                let job = job_file(stage, name, &[TABLE], "full+incremental", "", (target, shape));
                std::fs::write(&path, job)?;
                Self::Tailrace(
                    Command::new(&stage.program)
                        .arg("run")
                        .arg(&path)
                        .arg("--no-precheck")
                        .stdout(Stdio::null())
                        .spawn()?,
                )
            }
            Subject::Debezium(flavor) => {
                Self::Debezium(rival::follow(stage, name, &format!("{DATABASE}.{TABLE}"), flavor)?)
            }
        })
    }

    fn stop(self) -> Result<()> {
        match self {
            Self::Tailrace(mut job) => {
                signal_process(job.id(), "TERM")?;
                let status = job.wait()?;
                ensure!(status.success(), "tailrace run ended with {status}");
                Ok(())
            }
            Self::Debezium(worker) => worker.stop(),
        }
    }
}

/// Measures one subject for some seconds behind its warm-up.
///
/// # Errors
/// Those of the subject and of the servers.
pub(crate) fn measure(
    stage: &mut Stage,
    figures: &mut Figures,
    (title, subject): (&str, Subject),
    (warm_up, seconds): (u64, u64),
) -> Result<()> {
    stage.mysql.query(&format!(
        "DROP TABLE IF EXISTS {DATABASE}.{TABLE}; CREATE TABLE {DATABASE}.{TABLE} (id INT PRIMARY KEY, pad VARCHAR(200))"
    ))?;
    let name = stage.run_name();
    let topic = subject.topic(&name);
    stage.create_topic(&topic)?;
    let running = Running::start(stage, subject, &name)?;
    let stop = Arc::new(AtomicBool::new(false));
    let consumer = consumer(&stage.kafka, &topic)?;
    let writer = {
        let (url, stop) = (stage.url(), Arc::clone(&stop));
        std::thread::spawn(move || write(&url, &stop))
    };
    let lags = read(&consumer, Duration::from_secs(warm_up))
        .and_then(|warm| Ok((warm.len(), read(&consumer, Duration::from_secs(seconds))?)));
    stop.store(true, Ordering::Relaxed);
    let inserts = writer.join().ok().context("the writer panicked")??;
    running.stop()?;
    stage.delete_topics(&[topic])?;
    let (warm, lags) = lags?;
    let counted = inserts.get(warm.min(inserts.len())..).unwrap_or_default().to_vec();
    figures
        .say(format!("| {title} | {} | {} | {} |", spread(&lags), lags.len(), spread(&counted),));
    Ok(())
}

/// Head of the table that [`measure`] gives the lines of.
pub(crate) fn head(warm_up: u64) -> String {
    format!(
        "Latency at {RATE} changes/s in ms, p50 / p99 / p99.9 / most, after {warm_up} s of warm-up, from before the INSERT until a `read_committed` consumer \
         has its message:\n\n| | commit to consumer | changes | the INSERT itself |\n|---|---|---|---|"
    )
}

/// Measures one subject at half of the rate that it, the source and the broker reach together on this machine, found by
/// letting the source commit as fast as it can.
///
/// # Errors
/// As [`measure`].
pub(crate) fn measure_at_half(
    stage: &mut Stage,
    figures: &mut Figures,
    (title, subject): (&str, Subject),
    (warm_up, seconds): (u64, u64),
) -> Result<()> {
    stage
        .mysql
        .query(&format!("DROP TABLE IF EXISTS {DATABASE}.{TABLE}; {}", burst_statements()))?;
    let name = stage.run_name();
    let topic = subject.topic(&name);
    stage.create_topic(&topic)?;
    let running = Running::start(stage, subject, &name)?;
    let (stop, rate) = (AtomicBool::new(false), AtomicU64::new(u64::MAX));
    let consumer = consumer(&stage.kafka, &topic)?;
    let url = stage.url();
    let lags = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write_bursts(&url, &rate, &stop));
        let measured = (|| {
            read(&consumer, Duration::from_secs(warm_up))?;
            let most = read(&consumer, FULL_SPEED)?.len() as u64 / FULL_SPEED.as_secs();
            rate.store(most / 2, Ordering::Relaxed);
            // What has piled up.
            read(&consumer, FULL_SPEED)?;
            Ok::<_, anyhow::Error>((most, read(&consumer, Duration::from_secs(seconds))?))
        })();
        stop.store(true, Ordering::Relaxed);
        writer.join().ok().context("the writer panicked")??;
        measured
    });
    running.stop()?;
    stage.delete_topics(&[topic])?;
    let (most, lags) = lags?;
    let title = format!("{title}, {} a second of at most {most}", most / 2);
    figures.say(format!("| {title} | {} | {} | – |", spread(&lags), lags.len()));
    Ok(())
}

/// Table and procedure of a load that the server makes by itself: transactions of one row, each with the time of its
/// insert.
fn burst_statements() -> String {
    format!(
        "CREATE TABLE {DATABASE}.{TABLE} (id INT PRIMARY KEY AUTO_INCREMENT, pad VARCHAR(200));\nUSE {DATABASE};\n\
         DROP PROCEDURE IF EXISTS burst;\nDELIMITER //\nCREATE PROCEDURE burst(n INT)\nBEGIN\n\
         WHILE n > 0 DO\nINSERT INTO {TABLE} (pad) VALUES (UNIX_TIMESTAMP(SYSDATE(6)) * 1000);\nSET n = n - 1;\n\
         END WHILE;\nEND//\nDELIMITER ;"
    )
}

/// Transactions at a rate per second, evenly spread over bursts; as many as there can be at a rate of `u64::MAX`.
fn write_bursts(url: &str, rate: &AtomicU64, stop: &AtomicBool) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut conn = Conn::new(Opts::from_url(url)?).await?;
        conn.query_drop(format!("USE {DATABASE}")).await?;
        let mut pace = tokio::time::interval(BURST_INTERVAL);
        while !stop.load(Ordering::Relaxed) {
            let transactions = match rate.load(Ordering::Relaxed) {
                u64::MAX => BURST_MAX,
                rate => {
                    pace.tick().await;
                    rate * BURST_INTERVAL.as_micros() as u64 / 1_000_000
                }
            };
            conn.query_drop(format!("CALL burst({transactions})")).await?;
        }
        conn.disconnect().await?;
        Ok(())
    })
}

/// Percentiles of some durations in milliseconds.
pub(crate) fn spread(ms: &[f64]) -> String {
    let most = ms.iter().copied().fold(0.0, f64::max);
    let [half, p99, p999] = [0.5, 0.99, 0.999].map(|share| percentile(ms, share));
    format!("{half:.1} / {p99:.1} / {p999:.1} / {most:.1}")
}

/// The duration below which a share of all lies; 0 of none.
pub(crate) fn percentile(ms: &[f64], share: f64) -> f64 {
    let mut ms = ms.to_vec();
    ms.sort_by(f64::total_cmp);
    ms.get(((ms.len() as f64) * share) as usize).copied().unwrap_or(0.0)
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64() * 1e3)
}

/// One row per transaction, evenly spread; gives how long each took, in milliseconds.
pub(crate) fn write(url: &str, stop: &AtomicBool) -> Result<Vec<f64>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut conn = Conn::new(Opts::from_url(url)?).await?;
        let mut pace = tokio::time::interval(Duration::from_secs(1) / RATE);
        let mut took = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            pace.tick().await;
            // The time just before the commit, by the clock that the consumer has too.
            let (n, begun) = (took.len(), now_ms());
            let row = format!("INSERT INTO {DATABASE}.{TABLE} VALUES ({n}, '{begun:.3}')");
            conn.query_drop(row).await?;
            took.push(now_ms() - begun);
        }
        conn.disconnect().await?;
        Ok(took)
    })
}

fn consumer(brokers: &str, topic: &str) -> Result<BaseConsumer> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bench")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .create()?;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&assignment)?;
    Ok(consumer)
}

/// Milliseconds of each message from before its commit until now.
fn read(consumer: &BaseConsumer, length: Duration) -> Result<Vec<f64>> {
    let mut lags = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < length {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message?;
        let value: serde_json::Value =
            serde_json::from_slice(message.payload().unwrap_or_default())?;
        // DRS's place of the row, or Debezium's.
        let row = if value["after"].is_null() { &value["data"][0] } else { &value["after"] };
        let sent = row["pad"].as_str().and_then(|text| text.parse::<f64>().ok());
        lags.push(now_ms() - sent.context("a message without its time")?);
    }
    Ok(lags)
}
