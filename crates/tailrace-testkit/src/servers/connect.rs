//! Kafka Connect with Debezium's connectors: one worker, in distributed mode, whose REST interface the
//! caller talks to, or standalone with connectors of its own.

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

/// Class of Debezium's connector for Oracle.
pub const ORACLE: &str = "io.debezium.connector.oracle.OracleConnector";

/// Settings of a worker.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// Kafka's PLAINTEXT address.
    pub bootstrap: String,
    /// Group of distributed workers; connectors and their offsets are kept under this name in Kafka.
    pub group: String,
    /// `exactly.once.source.support`.
    pub exactly_once: bool,
    /// Options of the Java machine.
    pub java: Vec<String>,
    /// Settings of connectors: the worker is standalone and runs them. Without any it is distributed.
    pub connectors: Vec<Vec<(String, String)>>,
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
        // Both have classes of one name in different versions.
        let of_oracle = options.connectors.iter().flatten().any(|(_, value)| value == ORACLE);
        let jars = if of_oracle { Jars::debezium_oracle()? } else { Jars::debezium()? };
        let dir = options.place.run_dir("connect")?;
        let ports = options.place.ports(1)?;
        let (file, logging) =
            (dir.path().join("worker.properties"), dir.path().join("log4j2.properties"));
        let mut text = properties(options, ports.first());
        if !options.connectors.is_empty() {
            let offsets = dir.path().join("offsets");
            text.push_str(&format!("offset.storage.file.filename={}\n", offsets.display()));
        }
        fs::write(&file, text).context("writing the worker's settings")?;
        fs::write(&logging, LOGGING)?;
        let java = Launch::new("Kafka Connect", "java", dir.path().join("connect.log"))
            .args(&options.java)
            .arg(format!("-Dlog4j2.configurationFile={}", logging.display()))
            .args(["-cp", jars.class_path()])
            .lifetime(options.place.lifetime);
        let (mut launch, ready) = if options.connectors.is_empty() {
            (
                java.arg("org.apache.kafka.connect.cli.ConnectDistributed").arg(file),
                "Finished starting connectors and tasks",
            )
        } else {
            (
                java.arg("org.apache.kafka.connect.cli.ConnectStandalone").arg(file),
                "Created connector",
            )
        };
        for (number, connector) in options.connectors.iter().enumerate() {
            let path = dir.path().join(format!("connector-{number}.properties"));
            let lines: Vec<String> =
                connector.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
            fs::write(&path, lines.concat())?;
            launch = launch.arg(path);
        }
        let mut process = launch.start()?;
        process.wait_for_log(ready, READY_LIMIT)?;
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
    let mut text = format!(
        "bootstrap.servers={}\n\
         listeners=http://127.0.0.1:{port}\n\
         key.converter=org.apache.kafka.connect.json.JsonConverter\n\
         value.converter=org.apache.kafka.connect.json.JsonConverter\n\
         key.converter.schemas.enable=false\n\
         value.converter.schemas.enable=false\n\
         plugin.discovery=service_load\n",
        options.bootstrap
    );
    if !options.connectors.is_empty() {
        return text;
    }
    let support = if options.exactly_once { "enabled" } else { "disabled" };
    text.push_str(&format!("group.id={group}\nexactly.once.source.support={support}\n"));
    for topic in ["config", "offset", "status"] {
        // Writing to a text cannot fail.
        let _infallible = writeln!(
            text,
            "{topic}.storage.topic={group}-{topic}\n{topic}.storage.replication.factor=1"
        );
    }
    text.push_str("offset.storage.partitions=1\nstatus.storage.partitions=1\n");
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
