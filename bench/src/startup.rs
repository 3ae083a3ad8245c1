//! How long a start takes: of a process until its first message, and after a `kill -9` until it streams again.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tailrace_testkit::process::signal_process;
use tailrace_testkit::wait;

use crate::figures::Figures;
use crate::latency::write;
use crate::rival::{self, Flavor};
use crate::stage::{DATABASE, Stage};
use crate::tailrace::{Shape, Target, job_file};
use crate::watch::Topic;

/// Database of the many tables.
pub(crate) const MANY: &str = "bench_many";
/// Table of the first message.
const FIRST: &str = "t00000";
/// Starts of which the median counts.
const STARTS: usize = 3;
/// For a first message.
const LIMIT: Duration = Duration::from_secs(300);
/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(2);
/// Messages behind a restart that tell it from the end of what was open.
const MESSAGES_AFTER_RESTART: u64 = 20;

/// Makes tables of one row each.
pub(crate) fn prepare(stage: &Stage, tables: u32) -> Result<()> {
    stage.mysql.query(&format!("DROP DATABASE IF EXISTS {MANY}; CREATE DATABASE {MANY}"))?;
    for begin in (0..tables).step_by(500) {
        let mut script = format!("USE {MANY};");
        for n in begin..(begin + 500).min(tables) {
            script.push_str(&format!(
                "CREATE TABLE t{n:05} (id INT PRIMARY KEY, name VARCHAR(50)); INSERT INTO t{n:05} VALUES (1, 'one');"
            ));
        }
        stage.mysql.query(&script)?;
    }
    Ok(())
}

fn spawn(stage: &Stage, name: &str, job: &str) -> Result<Child> {
    let path = stage.dir.path().join(format!("{name}.toml"));
    std::fs::write(&path, job)?;
    let mut command = Command::new(&stage.program);
    command.arg("run").arg(&path).arg("--no-precheck").stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.spawn()?)
}

/// Seconds until a topic has more than `messages`.
fn until_more(topic: &Topic, messages: u64) -> Result<f64> {
    let begun = Instant::now();
    while topic.len()? <= messages {
        if begun.elapsed() > LIMIT {
            bail!("no message in {} s", LIMIT.as_secs());
        }
        std::thread::park_timeout(LOOK_PAUSE);
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// From the start of the process until the first row is in its topic, for a full phase and a stream over many tables.
///
/// # Errors
/// Those of the subjects and of the servers.
pub(crate) fn first_message(stage: &mut Stage, figures: &mut Figures, tables: u32) -> Result<()> {
    prepare(stage, tables)?;
    let mut seconds = Vec::new();
    for _ in 0..STARTS {
        seconds.push(one_start(stage)?);
    }
    seconds.sort_by(f64::total_cmp);
    figures.say(format!(
        "Start to first message, {tables} tables: Tailrace, {STARTS} times, in s: {seconds:.2?}"
    ));
    Ok(())
}

fn one_start(stage: &mut Stage) -> Result<f64> {
    let name = stage.run_name();
    let topic = format!("{name}-{MANY}-{FIRST}");
    stage.create_topic(&topic)?;
    let watched = Topic::new(stage, &topic)?;
    // Before the start, so that the connection is open and the broker knows the topic.
    wait::until("the topic", LIMIT, || Ok(watched.len().ok()))?;
    let job =
        job_file(stage, &name, &[FIRST], "full+incremental", "", (Target::ExactlyOnce, Shape::Drs))
            .replace(&format!("{DATABASE} = [\"{FIRST}\"]"), &format!("{MANY} = \"*\""));
    let mut child = spawn(stage, &name, &job)?;
    let seconds = until_more(&watched, 0);
    signal_process(child.id(), "TERM")?;
    child.wait()?;
    seconds
}

/// The same for Debezium, whose process is Kafka Connect.
///
/// # Errors
/// As [`first_message`].
pub(crate) fn rival_first_message(
    stage: &mut Stage,
    figures: &mut Figures,
    tables: u32,
    flavor: Flavor,
) -> Result<()> {
    prepare(stage, tables)?;
    let name = stage.run_name();
    let topic = format!("{name}.{MANY}.{FIRST}");
    stage.create_topic(&topic)?;
    let watched = Topic::new(stage, &topic)?;
    let begun = Instant::now();
    let worker = rival::follow(stage, &name, &format!("{MANY}\\..*"), flavor)?;
    until_more(&watched, 0)?;
    let seconds = begun.elapsed().as_secs_f64();
    worker.stop()?;
    figures.say(format!("Start to first message, {tables} tables: {} {seconds:.2} s", flavor.name));
    Ok(())
}

/// From the start of a process behind `kill -9` of the one before until new changes are in the topic.
///
/// # Errors
/// As [`first_message`].
pub(crate) fn after_kill(stage: &mut Stage, figures: &mut Figures) -> Result<()> {
    stage.mysql.query(&format!(
        "DROP TABLE IF EXISTS {DATABASE}.latency; CREATE TABLE {DATABASE}.latency (id INT PRIMARY KEY, pad VARCHAR(200))"
    ))?;
    let name = stage.run_name();
    let topic = format!("{name}-{DATABASE}-latency");
    stage.create_topic(&topic)?;
    let watched = Topic::new(stage, &topic)?;
    let shape = (Target::ExactlyOnce, Shape::Drs);
    let job = job_file(stage, &name, &["latency"], "full+incremental", "", shape);
    let mut child = spawn(stage, &name, &job)?;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (url, stop) = (stage.url(), Arc::clone(&stop));
        std::thread::spawn(move || write(&url, &stop))
    };
    let mut seconds = Vec::new();
    for _ in 0..5 {
        until_more(&watched, watched.len()? + 500)?;
        child.kill()?;
        child.wait()?;
        let seen = watched.len()? + MESSAGES_AFTER_RESTART;
        child = spawn(stage, &name, &job)?;
        seconds.push(until_more(&watched, seen)?);
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().ok().context("the writer panicked")??;
    signal_process(child.id(), "TERM")?;
    child.wait()?;
    stage.delete_topics(&[topic])?;
    seconds.sort_by(f64::total_cmp);
    figures.say(format!("After kill -9, start to new changes, 5 times, in s: {seconds:.2?}"));
    Ok(())
}
