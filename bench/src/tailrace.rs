//! Runs of the product: `tailrace run` with a job file, which says itself what it has used.

use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::figures::Run;
use crate::prepare::Log;
use crate::stage::{DATABASE, Stage};
use crate::watch::{self, Topic};

/// What messages are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// DRS's `json`.
    Drs,
    /// Debezium's envelope.
    Debezium,
}

/// Where messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// They are encoded and thrown away.
    Nothing,
    /// Kafka, in transactions.
    ExactlyOnce,
    /// Kafka, idempotent.
    AtLeastOnce,
}

/// Follows a part of the log to its end.
pub(crate) fn stream(stage: &mut Stage, log: &Log, target: Target, shape: Shape) -> Result<Run> {
    // The log has to end with a selected change: a position that only others moved is told late.
    stage.mysql.query(&format!("USE {DATABASE}; {}", log.last))?;
    let start = start_of(log);
    run(stage, (&[log.table], log.changes), "incremental", &start, (target, shape))
}

/// Lines of a job file that let a job begin where a log does.
pub(crate) fn start_of(log: &Log) -> String {
    format!("gtid_set = \"{}\"\nfile_and_position = \"{}:{}\"", log.from, log.file, log.offset)
}

/// Reads tables whole.
pub(crate) fn snapshot(
    stage: &mut Stage,
    (tables, rows): (&[&str], u64),
    target: Target,
    shape: Shape,
) -> Result<Run> {
    run(stage, (tables, rows), "full", "", (target, shape))
}

/// Reads tables whole; nobody watches, which costs the broker something: gives rows per second of the whole run.
pub(crate) fn snapshot_unwatched(
    stage: &mut Stage,
    (tables, rows): (&[&str], u64),
    target: Target,
    shape: Shape,
) -> Result<f64> {
    let Prepared { mut command, topics } = prepare(stage, tables, "full", "", (target, shape))?;
    let (seconds, _, _) = usage(&said(command.output().context("tailrace run")?)?)?;
    if !topics.is_empty() {
        stage.delete_topics(&topics)?;
    }
    Ok(rows as f64 / seconds)
}

/// A job file over some tables; gives its text.
pub(crate) fn job_file(
    stage: &Stage,
    name: &str,
    tables: &[&str],
    task: &str,
    more: &str,
    (target, shape): (Target, Shape),
) -> String {
    let login = &stage.mysql;
    let format = if shape == Shape::Debezium { "debezium" } else { "json" };
    let delivery = if target == Target::AtLeastOnce { "at_least_once" } else { "exactly_once" };
    let tables = tables.join("\", \"");
    format!(
        "name = \"{name}\"\ntask = \"{task}\"\n\
         [source]\nhost = \"{}\"\nport = {}\nuser = \"{}\"\npassword = \"{}\"\n\
         [target]\nbrokers = \"{}\"\n[objects]\n{DATABASE} = [\"{tables}\"]\n\
         [policy]\ntopic_name_format = \"{name}-$database$-$tablename$\"\ndelivery = \"{delivery}\"\nkafka_data_format = \"{format}\"\n{more}\n",
        login.host, login.port, login.user, login.password, stage.kafka
    )
}

/// A run that is ready to begin.
struct Prepared {
    command: Command,
    /// Made for it; none if nothing is written.
    topics: Vec<String>,
}

fn prepare(
    stage: &mut Stage,
    tables: &[&str],
    task: &str,
    more: &str,
    (target, shape): (Target, Shape),
) -> Result<Prepared> {
    let name = stage.run_name();
    let path = stage.dir.path().join(format!("{name}.toml"));
    std::fs::write(&path, job_file(stage, &name, tables, task, more, (target, shape)))?;
    let mut command = stage.tailrace();
    command.arg("run").arg(&path).args(["--no-precheck"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if task != "full" {
        command.arg("--until-caught-up");
    }
    if target == Target::Nothing {
        command.arg("--discard");
        return Ok(Prepared { command, topics: Vec::new() });
    }
    let topics: Vec<String> =
        tables.iter().map(|table| format!("{name}-{DATABASE}-{table}")).collect();
    for topic in &topics {
        stage.create_topic(topic)?;
    }
    Ok(Prepared { command, topics })
}

fn run(
    stage: &mut Stage,
    (tables, changes): (&[&str], u64),
    task: &str,
    more: &str,
    (target, shape): (Target, Shape),
) -> Result<Run> {
    let Prepared { mut command, topics } = prepare(stage, tables, task, more, (target, shape))?;
    if topics.is_empty() {
        let output = command.output().context("tailrace run")?;
        let (seconds, cpu, peak_mib) = usage(&said(output)?)?;
        return Ok(Run::whole(changes, seconds, Some(cpu), Some(peak_mib)));
    }
    let child = command.spawn().context("tailrace run")?;
    let watching = Topic::all(stage, &topics)?;
    let watched = watch::follow(stage, &watching, changes, child.id());
    // A job that has failed says why.
    let (_, _, peak_mib) = usage(&said(child.wait_with_output()?)?)?;
    let run = watched?;
    if shape == Shape::Debezium || stage.sample.is_empty() {
        stage.sample = watching.sample()?;
    }
    stage.delete_topics(&topics)?;
    Ok(Run { peak_mib: Some(peak_mib), ..run })
}

/// What the program said.
///
/// # Errors
/// What it said if it failed.
pub(crate) fn said(output: Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("tailrace run: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(said)
}

/// Seconds, CPU seconds and MiB of `in 1.234 s, 5.67 s of CPU, at most 89 MiB of memory`.
pub(crate) fn usage(said: &str) -> Result<(f64, f64, f64)> {
    let numbers = said.lines().find(|line| line.starts_with("in ")).and_then(|line| {
        let number = |before: &str| {
            let rest = line.split_once(before)?.0;
            rest.rsplit([' ', ',']).find(|word| !word.is_empty())?.parse::<f64>().ok()
        };
        Some((number(" s,")?, number(" s of CPU")?, number(" MiB of memory")?))
    });
    numbers.with_context(|| format!("tailrace run said: {said}"))
}
