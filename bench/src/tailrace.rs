//! Runs of the product: `tailrace run` with a job file, which says itself what it has used.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::figures::Run;
use crate::prepare::Log;
use crate::stage::{DATABASE, Stage};

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
pub(crate) fn stream(stage: &mut Stage, log: &Log, target: Target) -> Result<Run> {
    // The log has to end with a selected change: a position that only others moved is told late.
    stage.mysql.query(&format!(
        "INSERT INTO {DATABASE}.{} (k, c, pad) VALUES (0, 'last', '')",
        log.table
    ))?;
    let start =
        format!("gtid_set = \"{}\"\nfile_and_position = \"{}:{}\"", log.from, log.file, log.offset);
    run(stage, log.table, "incremental", &start, target)
}

/// Reads a table whole.
pub(crate) fn snapshot(stage: &mut Stage, target: Target) -> Result<Run> {
    run(stage, "filled", "full", "", target)
}

/// A job file over one table; gives its text.
pub(crate) fn job_file(
    stage: &Stage,
    name: &str,
    table: &str,
    task: &str,
    more: &str,
    target: Target,
) -> String {
    let login = &stage.mysql;
    let delivery = if target == Target::AtLeastOnce { "at_least_once" } else { "exactly_once" };
    format!(
        "name = \"{name}\"\ntask = \"{task}\"\n\
         [source]\nhost = \"{}\"\nport = {}\nuser = \"{}\"\npassword = \"{}\"\n\
         [target]\nbrokers = \"{}\"\n[objects]\n{DATABASE} = [\"{table}\"]\n\
         [policy]\ntopic_name_format = \"{name}-$database$-$tablename$\"\ndelivery = \"{delivery}\"\n{more}\n",
        login.host, login.port, login.user, login.password, stage.kafka
    )
}

fn run(stage: &mut Stage, table: &str, task: &str, more: &str, target: Target) -> Result<Run> {
    let name = stage.run_name();
    let path = stage.dir.path().join(format!("{name}.toml"));
    std::fs::write(&path, job_file(stage, &name, table, task, more, target))?;
    let mut command = Command::new(&stage.program);
    command.arg("run").arg(&path).args(["--no-precheck"]);
    if task != "full" {
        command.arg("--until-caught-up");
    }
    if target == Target::Nothing {
        command.arg("--discard");
    }
    let output = command.output().context("tailrace run")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("tailrace run: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
    if target != Target::Nothing {
        stage.delete_topics(&[format!("{name}-{DATABASE}-{table}")])?;
    }
    usage(&said).with_context(|| format!("tailrace run said: {said}"))
}

/// `in 1.234 s, 5.67 s of CPU, at most 89 MiB of memory`
fn usage(said: &str) -> Option<Run> {
    let line = said.lines().find(|line| line.starts_with("in "))?;
    let number = |before: &str| {
        let rest = line.split_once(before)?.0;
        rest.rsplit([' ', ',']).find(|word| !word.is_empty())?.parse::<f64>().ok()
    };
    Some(Run {
        seconds: number(" s,")?,
        cpu_seconds: number(" s of CPU"),
        peak_mib: number(" MiB of memory"),
    })
}
