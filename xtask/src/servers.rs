//! `cargo xtask servers`: a MySQL and a Kafka for work by hand, which go on until told to stop.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use tailrace_testkit::env::{self, SharedKafka};
use tailrace_testkit::process::{self, Lifetime};
use tailrace_testkit::servers::Place;
use tailrace_testkit::servers::kafka::{KafkaCluster, KafkaOptions};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};
use tailrace_testkit::{cache, wait};

use crate::report::say;

/// What to do with the servers.
#[derive(Subcommand, Debug)]
pub(crate) enum ServersCommand {
    /// Start both, unless they run, and print how to reach them
    Up(UpArgs),
    /// Stop both; their data stays
    Down,
    /// Print how to reach them, or that they do not run
    Status,
}

/// Where the servers are.
#[derive(Args, Debug)]
pub(crate) struct UpArgs {
    /// Port of MySQL
    #[arg(long, default_value_t = 13306)]
    mysql_port: u16,
    /// First of eight ports of Kafka
    #[arg(long, default_value_t = 19092)]
    kafka_port: u16,
    /// Folder of the data; default: folder `servers` of the cache
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Time that a server has to stop after SIGTERM before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn run(command: &ServersCommand) -> Result<()> {
    match command {
        ServersCommand::Up(args) => up(args),
        ServersCommand::Down => down(),
        ServersCommand::Status => status(),
    }
}

/// One server in the state file.
#[derive(Debug)]
struct Running {
    name: String,
    pid: u32,
    /// The data folder, which is among the process's arguments.
    dir: String,
    variables: Map<String, Value>,
}

impl Running {
    fn is_alive(&self) -> bool {
        process::is_running(self.pid, &self.dir)
    }
}

fn state_file() -> Result<PathBuf> {
    Ok(cache::root()?.join("servers.json"))
}

fn up(args: &UpArgs) -> Result<()> {
    let _lock = cache::Lock::wait(&cache::root()?.join("servers.lock"))?;
    let mut servers = load()?;
    servers.retain(Running::is_alive);
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => cache::dir("servers")?,
    };
    let place = |name: &str, port| Place {
        dir: Some(dir.join(name)),
        port: Some(port),
        lifetime: Lifetime::Detached,
    };
    if !servers.iter().any(|server| server.name == "mysql") {
        let place = place("mysql", args.mysql_port);
        let server = MySqlServer::start(MySqlOptions { place, ..MySqlOptions::default() })?;
        servers.push(running(
            "mysql",
            server.process().pid(),
            server.dir(),
            env::mysql_variables(&server.login()),
        ));
        save(&servers)?;
    }
    if !servers.iter().any(|server| server.name == "kafka") {
        let place = place("kafka", args.kafka_port);
        let cluster = KafkaCluster::start(KafkaOptions { place, ..env::shared_kafka_options() })?;
        servers.push(running(
            "kafka",
            cluster.process(1)?.pid(),
            cluster.dir(),
            SharedKafka::of(&cluster).variables(),
        ));
        save(&servers)?;
    }
    print(&servers)
}

fn running(name: &str, pid: u32, dir: &Path, variables: Vec<(&str, String)>) -> Running {
    let variables = variables.into_iter().map(|(key, value)| (key.to_owned(), value.into()));
    Running {
        name: name.to_owned(),
        pid,
        dir: dir.display().to_string(),
        variables: variables.collect(),
    }
}

fn down() -> Result<()> {
    let _lock = cache::Lock::wait(&cache::root()?.join("servers.lock"))?;
    let servers = load()?;
    for server in servers.iter().filter(|server| server.is_alive()) {
        process::signal_process(server.pid, "TERM")?;
        let gone = wait::until(&format!("the end of {}", server.name), STOP_LIMIT, || {
            Ok((!server.is_alive()).then_some(()))
        });
        if gone.is_err() && server.is_alive() {
            process::signal_process(server.pid, "KILL")?;
        }
        say(&format!("{} stopped; its data stays in {}", server.name, server.dir));
    }
    save(&[])
}

fn status() -> Result<()> {
    let servers = load()?;
    print(&servers.into_iter().filter(Running::is_alive).collect::<Vec<_>>())
}

/// Prints the servers as shell assignments, so that `eval` of the output hands them to tests.
fn print(servers: &[Running]) -> Result<()> {
    if servers.is_empty() {
        say("# no server runs; start them with `cargo xtask servers up`");
        return Ok(());
    }
    for server in servers {
        say(&format!("# {}: process {}, data and log in {}", server.name, server.pid, server.dir));
        for (key, value) in &server.variables {
            let value = value.as_str().context("a variable in the state file is no text")?;
            say(&format!("export {key}='{value}'"));
        }
    }
    Ok(())
}

fn load() -> Result<Vec<Running>> {
    let file = state_file()?;
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let all: Value =
        serde_json::from_str(&text).with_context(|| format!("parsing {}", file.display()))?;
    let Some(all) = all.as_array() else { bail!("{} is no list", file.display()) };
    let read = |one: &Value| {
        Some(Running {
            name: one.get("name")?.as_str()?.to_owned(),
            pid: one.get("pid")?.as_u64()?.try_into().ok()?,
            dir: one.get("dir")?.as_str()?.to_owned(),
            variables: one.get("variables")?.as_object()?.clone(),
        })
    };
    let servers: Option<Vec<_>> = all.iter().map(read).collect();
    servers
        .with_context(|| format!("{} is damaged: stop its servers and remove it", file.display()))
}

fn save(servers: &[Running]) -> Result<()> {
    let all: Vec<Value> = servers
        .iter()
        .map(|one| {
            json!({
                "name": one.name,
                "pid": one.pid,
                "dir": one.dir,
                "variables": one.variables,
            })
        })
        .collect();
    let file = state_file()?;
    let fresh = file.with_extension("new");
    fs::write(&fresh, serde_json::to_string_pretty(&all)?)?;
    fs::rename(&fresh, &file).with_context(|| format!("writing {}", file.display()))
}
