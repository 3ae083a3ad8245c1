//! One server with many jobs: what they take while nothing happens, and together at full speed.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tailrace_testkit::process::signal_process;

use crate::figures::Figures;
use crate::prepare;
use crate::server::Server;
use crate::stage::{DATABASE, Stage};
use crate::tailrace::{Shape, Target, job_file};
use crate::usage::{cpu_seconds, peak_mib, resident_mib};
use crate::watch::{self, Topic};
use crate::workload;

/// How long nothing happens before memory is looked at.
const REST: Duration = Duration::from_secs(15);
/// Table of the jobs that idle.
const TABLE: &str = "resting";

fn make_table(stage: &Stage) -> Result<()> {
    stage
        .mysql
        .query(&format!(
            "CREATE TABLE IF NOT EXISTS {DATABASE}.{TABLE} (id INT PRIMARY KEY, pad VARCHAR(200)); \
             REPLACE INTO {DATABASE}.{TABLE} VALUES (1, 'one')"
        ))
        .map(drop)
}

/// MiB of memory and percent of a core that a process takes while nothing happens.
fn at_rest(pid: u32) -> Result<(f64, f64)> {
    watch::rest(REST);
    let before = cpu_seconds(pid).context("the process is gone")?;
    watch::rest(REST);
    let after = cpu_seconds(pid).context("the process is gone")?;
    let percent = (after - before) / REST.as_secs_f64() * 100.0;
    Ok((resident_mib(pid).context("the process is gone")?, percent))
}

/// One job by `tailrace run` that has caught up.
///
/// # Errors
/// Those of the job.
pub(crate) fn one_idle(stage: &mut Stage, figures: &mut Figures) -> Result<()> {
    make_table(stage)?;
    let name = stage.run_name();
    let shape = (Target::ExactlyOnce, Shape::Drs);
    let path = stage.dir.path().join(format!("{name}.toml"));
    std::fs::write(&path, job_file(stage, &name, &[TABLE], "full+incremental", "", shape))?;
    let mut command = Command::new(&stage.program);
    command.arg("run").arg(&path).arg("--no-precheck").stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let (mib, percent) = at_rest(child.id())?;
    signal_process(child.id(), "TERM")?;
    child.wait()?;
    figures.say(format!("One idle job (`tailrace run`): {mib:.0} MiB, {percent:.1} % of a core"));
    Ok(())
}

/// A server with idle jobs, each of which has made its full phase.
///
/// # Errors
/// Those of the server.
pub(crate) fn many_idle(stage: &mut Stage, figures: &mut Figures, jobs: u32) -> Result<()> {
    make_table(stage)?;
    let server = Server::start(stage)?;
    for _ in 0..jobs {
        let name = stage.run_name();
        let shape = (Target::ExactlyOnce, Shape::Drs);
        let job = job_file(stage, &name, &[TABLE], "full+incremental", "", shape);
        server.start_job(&name, &job)?;
    }
    let (mib, percent) = at_rest(server.pid())?;
    let peak = peak_mib(server.pid()).context("the server is gone")?;
    server.stop()?;
    figures.say(format!(
        "A server with {jobs} idle jobs: {mib:.0} MiB ({peak:.0} MiB at most, while they were made), {percent:.1} % of a core"
    ));
    Ok(())
}

/// Jobs that were paused while a log was written, and go on all at once: each delivers all of it into a topic of its
/// own.
///
/// # Errors
/// Those of the server.
pub(crate) fn together(
    stage: &mut Stage,
    figures: &mut Figures,
    (jobs, changes): (u32, u64),
) -> Result<()> {
    let workload = &workload::SINGLE;
    let server = Server::start(stage)?;
    let names: Vec<String> = (0..jobs).map(|_| stage.run_name()).collect();
    let topics: Vec<String> =
        names.iter().map(|name| format!("{name}-{DATABASE}-{}", workload.table)).collect();
    for (name, topic) in names.iter().zip(&topics) {
        stage.create_topic(topic)?;
        let shape = (Target::ExactlyOnce, Shape::Debezium);
        server.start_job(
            name,
            &job_file(stage, name, &[workload.table], "full+incremental", "", shape),
        )?;
        server.pause_job(name)?;
    }
    let log = prepare::log(stage, workload, changes)?;
    let watched = Topic::all(stage, &topics)?;
    let before = watched.len()?;
    let run = std::thread::scope(|scope| {
        let (server, watched, stage) = (&server, &watched, &*stage);
        let all = before + log.changes * u64::from(jobs);
        let following = scope.spawn(move || watch::follow(stage, watched, all, server.pid()));
        for name in &names {
            scope.spawn(move || server.resume_job(name));
        }
        following.join().ok().context("the watch panicked")?
    })?;
    server.stop()?;
    stage.delete_topics(&topics)?;
    figures.add(&format!("Tailrace, {jobs} jobs in one server"), run);
    Ok(())
}
