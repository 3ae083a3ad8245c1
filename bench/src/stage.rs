//! The servers of a measurement, and where its files lie.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, anyhow, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use tailrace_testkit::env;
use tailrace_testkit::sql::Login;

use crate::usage;

/// Database of all tables.
pub(crate) const DATABASE: &str = "bench";

/// A MySQL and a Kafka, as `cargo xtask bench` starts them.
pub(crate) struct Stage {
    pub(crate) program: PathBuf,
    pub(crate) mysql: Login,
    pub(crate) kafka: String,
    /// Process of the MySQL server.
    pub(crate) source_pid: u32,
    /// Process of the broker.
    pub(crate) broker_pid: u32,
    /// Folder of its logs.
    broker_logs: PathBuf,
    /// Some of the messages that Tailrace wrote last.
    pub(crate) sample: Vec<Vec<u8>>,
    pub(crate) dir: tempfile::TempDir,
    runs: u32,
    /// Priority of programs that are started from now on (nice(1)); else that of the bench.
    priority: Option<i32>,
}

/// A process that `cargo xtask bench` has started.
fn pid(variable: &str) -> Result<u32> {
    let value = std::env::var(variable).with_context(|| format!("{variable} is not set"))?;
    value.parse().with_context(|| format!("{variable} is {value:?}: a process id is wanted"))
}

/// `log.dirs` of a broker, by the file that it was started with.
fn logs_of_broker(pid: u32) -> Result<PathBuf> {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).context("the broker's command")?;
    let mut words = command.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let path = words.rfind(|word| word.ends_with(".properties"));
    let path = path.context("the broker was started without a file of properties")?;
    let text = std::fs::read_to_string(&*path).with_context(|| path.clone().into_owned())?;
    let dirs = text.lines().find_map(|line| line.strip_prefix("log.dirs="));
    Ok(PathBuf::from(dirs.with_context(|| format!("{path} has no log.dirs"))?))
}

impl Stage {
    pub(crate) fn set(program: &Path) -> Result<Self> {
        ensure!(program.is_file(), "{} is not built", program.display());
        let broker_pid = pid("TAILRACE_BENCH_BROKER_PID")?;
        let stage = Self {
            program: program.to_owned(),
            mysql: env::mysql()?,
            kafka: env::kafka()?.bootstrap,
            source_pid: pid("TAILRACE_BENCH_SOURCE_PID")?,
            broker_pid,
            broker_logs: logs_of_broker(broker_pid)?,
            sample: Vec::new(),
            dir: tempfile::tempdir()?,
            runs: 0,
            priority: None,
        };
        stage
            .mysql
            .query(&format!("DROP DATABASE IF EXISTS {DATABASE}; CREATE DATABASE {DATABASE}"))?;
        Ok(stage)
    }

    /// A name that no run had before.
    pub(crate) fn run_name(&mut self) -> String {
        self.runs += 1;
        format!("bench-{}-{}", std::process::id(), self.runs)
    }

    /// A command that starts the measured program.
    pub(crate) fn tailrace(&self) -> Command {
        let Some(priority) = self.priority else { return Command::new(&self.program) };
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "renice -n \"$0\" -p $$ > /dev/null && exec \"$@\"",
                &priority.to_string(),
            ])
            .arg(&self.program);
        command
    }

    /// Sets the priority of the broker's threads, and of programs that are started from now on; or that of the bench.
    pub(crate) fn set_priority(&mut self, priority: Option<i32>) -> Result<()> {
        self.priority = priority;
        let priority = match priority {
            Some(priority) => priority,
            None => usage::priority(std::process::id()).context("the bench has no priority")?,
        };
        let mut command = Command::new("renice");
        command.args(["-n", &priority.to_string(), "-p"]).stdout(Stdio::null());
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.broker_pid))? {
            command.arg(thread?.file_name());
        }
        ensure!(command.status()?.success(), "the broker's priority cannot be set");
        Ok(())
    }

    pub(crate) fn url(&self) -> String {
        let login = &self.mysql;
        format!("mysql://{}:{}@{}", login.user, login.password, login.address())
    }

    /// Bytes of topics of one partition in the broker's log, without indexes.
    pub(crate) fn stored_bytes(&self, topics: &[String]) -> Result<u64> {
        let mut bytes = 0;
        for topic in topics {
            let folder = self.broker_logs.join(format!("{topic}-0"));
            for file in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
                let file = file?;
                if file.path().extension().is_some_and(|extension| extension == "log") {
                    bytes += file.metadata()?.len();
                }
            }
        }
        Ok(bytes)
    }

    /// Makes a topic of one partition.
    pub(crate) fn create_topic(&self, name: &str) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.kafka).create()?;
        let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for result in runtime.block_on(admin.create_topics([&topic], &AdminOptions::new()))? {
            result.map_err(|(topic, code)| anyhow!("topic {topic}: {code}"))?;
        }
        Ok(())
    }

    /// Changes settings of the broker while it runs; those that are not named are its own again.
    pub(crate) fn set_broker(&self, settings: &[(&str, &str)]) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.kafka).create()?;
        let broker = AlterConfig::new(ResourceSpecifier::Broker(1));
        let broker = settings.iter().fold(broker, |broker, (name, value)| broker.set(name, value));
        let options = AdminOptions::new().broker_id(Some(1));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        for result in runtime.block_on(admin.alter_configs([&broker], &options))? {
            result.map_err(|(resource, code)| anyhow!("{resource:?}: {code}"))?;
        }
        Ok(())
    }

    /// Deletes the topics of a run, whose messages take room.
    pub(crate) fn delete_topics(&self, names: &[String]) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", &self.kafka).create()?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // One that was never made is as good as deleted.
        runtime.block_on(admin.delete_topics(&names, &AdminOptions::new()))?;
        Ok(())
    }
}
