//! A real Apache Kafka cluster (KRaft): one broker or three, each its own process.

mod properties;
mod tls;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use self::properties::{Listener, STRIDE};
use super::{Place, READY_LIMIT};
use crate::port::Ports;
use crate::process::{self, Launch, ServerProcess};
use crate::provision::jars::Jars;
use crate::rundir::RunDir;

/// The users of the SASL listeners, each with the password of [`password`]. `admin` is a superuser
/// when access control is on.
pub const USERS: [&str; 3] = ["alice", "bob", "admin"];

/// The password of a SASL user: its name and `-secret`.
pub fn password(user: &str) -> String {
    format!("{user}-secret")
}

/// Settings of a cluster. The default is one broker with a PLAINTEXT listener.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// One broker or three. (Two are a quorum that does not survive the loss of one.)
    pub brokers: u16,
    /// An SSL listener whose certificate is signed by `tls/ca.pem`.
    pub tls: bool,
    /// The SSL listener demands a client certificate (`tls/client.pem`, `tls/client.key`).
    pub mutual_tls: bool,
    /// `SASL_PLAINTEXT` and, with `tls`, `SASL_SSL` listeners with the mechanisms PLAIN,
    /// SCRAM-SHA-256 and SCRAM-SHA-512 for [`USERS`].
    pub sasl: bool,
    /// Access control: all is refused but to `admin` and to clients without a login.
    pub acl: bool,
    /// A PLAINTEXT listener that advertises other ports, for a fault proxy in between; see
    /// [`KafkaCluster::proxied_ports`].
    pub proxied: bool,
    /// `auto.create.topics.enable`. Default true, as is Kafka's.
    pub auto_create_topics: bool,
    /// More lines of `server.properties`; the last of a key wins.
    pub extra: Vec<String>,
    /// More options of each broker's Java machine.
    pub java_options: Vec<String>,
    /// The host name that the SASL_PLAINTEXT listener advertises. Default 127.0.0.1.
    pub sasl_host: String,
    /// The largest Java heap of each broker. Default 512 MiB.
    pub heap_mib: u32,
    /// Start quickly at the cost of speed later. Default true; false for benchmarks.
    pub quick_start: bool,
    /// Folder, first port and lifetime.
    pub place: Place,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            brokers: 1,
            tls: false,
            mutual_tls: false,
            sasl: false,
            acl: false,
            proxied: false,
            auto_create_topics: true,
            extra: Vec::new(),
            java_options: Vec::new(),
            sasl_host: "127.0.0.1".to_owned(),
            heap_mib: 512,
            quick_start: true,
            place: Place::default(),
        }
    }
}

/// A running cluster on 127.0.0.1. Brokers are counted from 1.
#[derive(Debug)]
pub struct KafkaCluster {
    // Dropped in this order: the processes before the folder that they write to.
    brokers: Vec<ServerProcess>,
    jars: Jars,
    ports: Ports,
    options: KafkaOptions,
    dir: RunDir,
}

impl KafkaCluster {
    /// Starts a cluster and waits until every broker serves. A folder that holds the data of an
    /// earlier cluster keeps it, if ports and number of brokers are the same.
    pub fn start(options: KafkaOptions) -> Result<Self> {
        if !matches!(options.brokers, 1 | 3) {
            bail!("KafkaOptions::brokers is {}: 1 or 3 are allowed", options.brokers);
        }
        let jars = Jars::kafka()?;
        let dir = options.place.run_dir("kafka")?;
        let ports = options.place.ports(STRIDE * options.brokers)?;
        let mut cluster = Self { brokers: Vec::new(), jars, ports, options, dir };
        cluster.lay()?;
        for broker in 1..=cluster.options.brokers {
            let process = cluster.launch(broker)?;
            cluster.brokers.push(process);
        }
        for process in &mut cluster.brokers {
            wait_ready(process)?;
        }
        Ok(cluster)
    }

    /// The PLAINTEXT bootstrap address.
    pub fn bootstrap(&self) -> String {
        self.addresses(Listener::Plaintext)
    }

    /// The SSL bootstrap address (option `tls`).
    pub fn bootstrap_ssl(&self) -> String {
        self.addresses(Listener::Ssl)
    }

    /// The SASL_SSL bootstrap address (options `tls` and `sasl`).
    pub fn bootstrap_sasl_ssl(&self) -> String {
        self.addresses(Listener::SaslSsl)
    }

    /// The SASL_PLAINTEXT bootstrap address (option `sasl`).
    pub fn bootstrap_sasl_plaintext(&self) -> String {
        self.addresses(Listener::SaslPlaintext).replace("127.0.0.1", &self.options.sasl_host)
    }

    /// Per broker, the port that it advertises to clients, where the caller lets a proxy listen,
    /// and the port where the broker itself listens for that proxy (option `proxied`).
    pub fn proxied_ports(&self) -> Vec<(u16, u16)> {
        let port = |listener| move |broker| self.port(broker, listener);
        let brokers = 1..=self.options.brokers;
        let advertised = brokers.clone().map(port(Listener::ProxiedFront));
        advertised.zip(brokers.map(port(Listener::Proxied))).collect()
    }

    /// The folder with `ca.pem`, `client.pem` and `client.key` (option `tls`).
    pub fn tls_dir(&self) -> PathBuf {
        self.dir.path().join("tls")
    }

    /// The folder with the brokers' data, settings and logs.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A broker's process, for its id, its log and signals. The first broker is 1.
    pub fn process(&self, broker: u16) -> Result<&ServerProcess> {
        usize::from(broker)
            .checked_sub(1)
            .and_then(|index| self.brokers.get(index))
            .with_context(|| format!("no broker {broker}: 1 to {}", self.options.brokers))
    }

    fn process_mut(&mut self, broker: u16) -> Result<&mut ServerProcess> {
        usize::from(broker)
            .checked_sub(1)
            .and_then(|index| self.brokers.get_mut(index))
            .with_context(|| format!("no such broker: {broker}"))
    }

    /// `kill -9` of one broker.
    pub fn kill(&mut self, broker: u16) -> Result<()> {
        self.process_mut(broker)?.kill()
    }

    /// Stops one broker cleanly.
    pub fn stop(&mut self, broker: u16) -> Result<()> {
        self.process_mut(broker)?.stop()
    }

    /// Stops one broker cleanly when it still runs, starts it on the same data and ports, and
    /// waits until it serves.
    pub fn restart(&mut self, broker: u16) -> Result<()> {
        self.stop(broker)?;
        let fresh = self.launch(broker)?;
        let process = self.process_mut(broker)?;
        *process = fresh;
        wait_ready(process)
    }

    /// Runs one of Kafka's own command-line tools on the PLAINTEXT listener and returns what it
    /// prints. `tool` is its usual name without `kafka-` and `.sh`.
    pub fn tool(&self, tool: &str, args: &[&str]) -> Result<String> {
        let bootstrap = self.bootstrap();
        self.tool_with(tool, &[&["--bootstrap-server", bootstrap.as_str()], args].concat())
    }

    /// As [`tool`](Self::tool), with the server's address among the arguments.
    pub fn tool_with(&self, tool: &str, args: &[&str]) -> Result<String> {
        let class = match tool {
            "topics" => "org.apache.kafka.tools.TopicCommand",
            "configs" => "kafka.admin.ConfigCommand",
            "acls" => "org.apache.kafka.tools.AclCommand",
            "console-consumer" => "org.apache.kafka.tools.consumer.ConsoleConsumer",
            "consumer-groups" => "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
            "get-offsets" => "org.apache.kafka.tools.GetOffsetShell",
            "transactions" => "org.apache.kafka.tools.TransactionsCommand",
            "producer-perf-test" => "org.apache.kafka.tools.ProducerPerformance",
            "delete-records" => "org.apache.kafka.tools.DeleteRecordsCommand",
            other => bail!("Kafka's tool {other:?} is not known here"),
        };
        let java = self.java(256, true);
        process::run(
            Command::new("java").arg("-Dlog4j2.level=ERROR").args(java).arg(class).args(args),
        )
    }

    /// Creates a topic with as many replicas as there are brokers.
    pub fn create_topic(&self, topic: &str, partitions: u32) -> Result<()> {
        let partitions = partitions.to_string();
        self.tool("topics", &["--create", "--topic", topic, "--partitions", &partitions]).map(drop)
    }

    fn port(&self, broker: u16, listener: Listener) -> u16 {
        properties::port(self.ports.first(), broker, listener)
    }

    fn addresses(&self, listener: Listener) -> String {
        let brokers = 1..=self.options.brokers;
        let each: Vec<String> =
            brokers.map(|broker| format!("127.0.0.1:{}", self.port(broker, listener))).collect();
        each.join(",")
    }

    fn broker_dir(&self, broker: u16) -> PathBuf {
        self.dir.path().join(format!("broker-{broker}"))
    }

    /// Writes settings and certificates and formats the data folders, all at once or not at all.
    fn lay(&self) -> Result<()> {
        let done = self.dir.path().join("formatted");
        let layout = format!("{} brokers from port {}\n", self.options.brokers, self.ports.first());
        if let Ok(have) = fs::read_to_string(&done) {
            if have != layout {
                bail!("{} holds a cluster of {}", self.dir.path().display(), have.trim());
            }
            return Ok(());
        }
        fs::write(self.dir.path().join("log4j2.properties"), LOGGING)?;
        if self.options.tls {
            tls::make(&self.tls_dir())?;
        }
        let cluster_id = cluster_id()?;
        for broker in 1..=self.options.brokers {
            let dir = self.broker_dir(broker);
            fs::create_dir_all(&dir)?;
            let file = dir.join("server.properties");
            let first = self.ports.first();
            let text = properties::server(&self.options, self.dir.path(), first, broker);
            fs::write(&file, text)?;
            let mut format = Command::new("java");
            format.args(self.java(256, true)).arg("kafka.tools.StorageTool").arg("format");
            format.args(["--ignore-formatted", "-t", &cluster_id, "-c"]).arg(&file);
            if self.options.sasl {
                format.args(scram_users());
            }
            process::run(&mut format).context("formatting a broker's data folder")?;
        }
        fs::write(done, layout).context("marking the cluster as formatted")
    }

    fn launch(&self, broker: u16) -> Result<ServerProcess> {
        let dir = self.broker_dir(broker);
        Launch::new(format!("Kafka broker {broker}"), "java", dir.join("broker.log"))
            .args(self.java(self.options.heap_mib, self.options.quick_start))
            .args(&self.options.java_options)
            .arg("kafka.Kafka")
            .arg(dir.join("server.properties"))
            // Fewer arenas of the C library: less resident memory.
            .env("MALLOC_ARENA_MAX", "2")
            .lifetime(self.options.place.lifetime)
            .start()
    }

    fn java(&self, heap_mib: u32, quick_start: bool) -> Vec<String> {
        let logging = self.dir.path().join("log4j2.properties");
        let mut args = vec![
            format!("-Xmx{heap_mib}m"),
            "-Djava.awt.headless=true".to_owned(),
            format!("-Dlog4j2.configurationFile={}", logging.display()),
        ];
        if quick_start {
            args.extend(["-XX:+UseSerialGC".to_owned(), "-XX:TieredStopAtLevel=1".to_owned()]);
        }
        args.extend(["-cp".to_owned(), self.jars.class_path().to_owned()]);
        args
    }
}

/// To standard error: into a broker's log file, and apart from what a tool prints.
const LOGGING: &str = "\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.target=SYSTEM_ERR
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n%throwable
rootLogger.level=${sys:log4j2.level:-info}
rootLogger.appenderRef.out.ref=out
";

fn wait_ready(process: &mut ServerProcess) -> Result<()> {
    process.wait_for_log("Kafka Server started", READY_LIMIT)
}

fn scram_users() -> Vec<String> {
    let mut args = Vec::new();
    for user in USERS {
        for hash in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            args.push("--add-scram".to_owned());
            args.push(format!("{hash}=[name={user},password={}]", password(user)));
        }
    }
    args
}

/// A cluster id: 16 random bytes in URL-safe base64 without padding, so 22 characters of which the
/// last carries two bits.
fn cluster_id() -> Result<String> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
    let mut random = [0_u8; 21];
    fs::File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut random))
        .context("reading /dev/urandom")?;
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    Ok(random.iter().map(letter).chain(['A']).collect())
}
