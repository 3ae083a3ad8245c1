//! From commit at the source to a consumer that reads committed messages, under a steady load.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tailrace_testkit::process::signal_process;

use crate::figures::Figures;
use crate::stage::{DATABASE, Stage};
use crate::tailrace::{Shape, Target, job_file};

/// Changes a second.
const RATE: u32 = 500;
/// Length of the begin that is not counted: the broker's JVM compiles its code. Measured on two cores, a
/// commit takes 8 ms in the first 10 s, 5 ms in the third and 4 ms after 50 s.
const WARM_UP: Duration = Duration::from_secs(60);

pub(crate) fn measure(stage: &mut Stage, figures: &mut Figures, seconds: u64) -> Result<()> {
    stage.mysql.query(&format!(
        "DROP TABLE IF EXISTS {DATABASE}.latency; CREATE TABLE {DATABASE}.latency (id INT PRIMARY KEY, pad VARCHAR(200))"
    ))?;
    let name = stage.run_name();
    let topic = format!("{name}-{DATABASE}-latency");
    stage.create_topic(&topic)?;
    let path = stage.dir.path().join(format!("{name}.toml"));
    std::fs::write(
        &path,
        job_file(
            stage,
            &name,
            "latency",
            "full+incremental",
            "",
            (Target::ExactlyOnce, Shape::Drs),
        ),
    )?;
    let mut job = Command::new(&stage.program)
        .arg("run")
        .arg(&path)
        .arg("--no-precheck")
        .stdout(Stdio::null())
        .spawn()?;
    let stop = Arc::new(AtomicBool::new(false));
    let consumer = consumer(&stage.kafka, &topic)?;
    let writer = {
        let (url, stop) = (stage.url(), Arc::clone(&stop));
        std::thread::spawn(move || write(&url, &stop))
    };
    let lags = read(&consumer, WARM_UP)
        .and_then(|warm| Ok((warm.len(), read(&consumer, Duration::from_secs(seconds))?)));
    stop.store(true, Ordering::Relaxed);
    let inserts = writer.join().ok().context("the writer panicked")??;
    signal_process(job.id(), "TERM")?;
    let status = job.wait()?;
    if !status.success() {
        bail!("tailrace run ended with {status}");
    }
    stage.delete_topics(&[topic])?;
    let (warm, lags) = lags?;
    let (seen, written) = (lags.len(), inserts.len());
    let counted = inserts.get(warm.min(written)..).unwrap_or_default().to_vec();
    figures.say(format!(
        "Latency at {RATE} changes/s, exactly once, all defaults, {seen} changes after {} s of warm-up. From before the INSERT until the consumer has its message: {}. The INSERT itself, as its client waits for it: {}",
        WARM_UP.as_secs(),
        spread(lags),
        spread(counted),
    ));
    Ok(())
}

/// Percentiles of some durations in milliseconds.
fn spread(mut ms: Vec<f64>) -> String {
    ms.sort_by(f64::total_cmp);
    let at = |share: f64| ms.get(((ms.len() as f64) * share) as usize).copied().unwrap_or(0.0);
    format!(
        "p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, most {:.1} ms",
        at(0.5),
        at(0.99),
        at(0.999),
        ms.last().copied().unwrap_or(0.0)
    )
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64() * 1e3)
}

/// One row per transaction, evenly spread; gives how long each took, in milliseconds.
fn write(url: &str, stop: &AtomicBool) -> Result<Vec<f64>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut conn = Conn::new(Opts::from_url(url)?).await?;
        let mut pace = tokio::time::interval(Duration::from_secs(1) / RATE);
        let mut took = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            pace.tick().await;
            // The time just before the commit, by the clock that the consumer has too.
            let (n, begun) = (took.len(), now_ms());
            let row = format!("INSERT INTO {DATABASE}.latency VALUES ({n}, '{begun:.3}')");
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
        let sent = value["data"][0]["pad"].as_str().and_then(|text| text.parse::<f64>().ok());
        lags.push(now_ms() - sent.context("a message without its time")?);
    }
    Ok(lags)
}
