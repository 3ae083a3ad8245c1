//! Kafka Connect with Debezium's MySQL connector: one worker in distributed mode, whose REST interface
//! the caller talks to.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Place, READY_LIMIT};
use crate::port::Ports;
use crate::process::{Launch, ServerProcess};
use crate::provision::jars::Jars;
use crate::rundir::RunDir;

/// Java options of `connect-distributed.sh`, as Kafka ships it.
pub const JAVA_AS_SHIPPED: &[&str] = &[
    "-Xms256M",
    "-Xmx2G",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-XX:MaxInlineLevel=15",
    "-Djava.awt.headless=true",
];

/// Settings of a worker.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Kafka's PLAINTEXT address.
    pub bootstrap: String,
    /// Group of workers; connectors and their offsets are kept under this name in Kafka.
    pub group: String,
    /// `exactly.once.source.support`.
    pub exactly_once: bool,
    /// Options of the Java machine.
    pub java: Vec<String>,
    /// More lines of the worker's properties.
    pub extra: Vec<String>,
    /// Folder, port and lifetime.
    pub place: Place,
}

/// A running worker on 127.0.0.1.
#[derive(Debug)]
pub struct ConnectWorker {
    // Dropped in this order: the process before the folder that it writes to.
    process: ServerProcess,
    ports: Ports,
    _dir: RunDir,
}

impl ConnectWorker {
    /// Starts a worker and waits until it has read its group's connectors.
    ///
    /// # Errors
    /// If it cannot be fetched or does not become ready.
    pub fn start(options: &ConnectOptions) -> Result<Self> {
        let jars = Jars::debezium()?;
        let dir = options.place.run_dir("connect")?;
        let ports = options.place.ports(1)?;
        let (file, logging) = (dir.path().join("worker.properties"), dir.path().join("log4j2.properties"));
        fs::write(&file, properties(options, ports.first())).context("writing the worker's settings")?;
        fs::write(&logging, LOGGING)?;
        let mut process = Launch::new("Kafka Connect", "java", dir.path().join("connect.log"))
            .args(&options.java)
            .arg(format!("-Dlog4j2.configurationFile={}", logging.display()))
            .args(["-cp", jars.class_path()])
            .arg("org.apache.kafka.connect.cli.ConnectDistributed")
            .arg(file)
            .lifetime(options.place.lifetime)
            .start()?;
        process.wait_for_log("Finished starting connectors and tasks", READY_LIMIT)?;
        Ok(Self { process, ports, _dir: dir })
    }

    /// Address of the REST interface, as in `http://127.0.0.1:8083`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.first())
    }

    /// The process, for its id and log.
    pub fn process(&self) -> &ServerProcess {
        &self.process
    }

    /// The log so far.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// Stops the worker cleanly.
    ///
    /// # Errors
    /// If it cannot be signalled.
    pub fn stop(mut self) -> Result<()> {
        self.process.stop()
    }
}

fn properties(options: &ConnectOptions, port: u16) -> String {
    let group = &options.group;
    let support = if options.exactly_once { "enabled" } else { "disabled" };
    let mut text = format!(
        "bootstrap.servers={}\n\
         group.id={group}\n\
         listeners=http://127.0.0.1:{port}\n\
         exactly.once.source.support={support}\n\
         key.converter=org.apache.kafka.connect.json.JsonConverter\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\n\
         key.converter.schemas.enable=false\n\
         value.converter.schemas.enable=false\n\
         plugin.discovery=service_load\n",
        options.bootstrap
    );
    for topic in ["config", "offset", "status"] {
        // Writing to a text cannot fail.
        let _infallible = writeln!(
            text,
            "{topic}.storage.topic={group}-{topic}\n{topic}.storage.replication.factor=1"
        );
    }
    text.push_str("offset.storage.partitions=1\nstatus.storage.partitions=1\n");
    for line in &options.extra {
        text.push_str(line);
        text.push('\n');
    }
    text
}

const LOGGING: &str = "\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n%throwable
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
";
