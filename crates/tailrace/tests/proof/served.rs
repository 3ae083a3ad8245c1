//! The server under test: the built binary, on a data directory that outlives its processes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tailrace_testkit::port::Ports;
use tailrace_testkit::process::{self, Launch, ServerProcess};
use tailrace_testkit::provision::sdk::Language;
use tailrace_testkit::rundir::RunDir;
use tailrace_testkit::{python, wait};

/// Values for the first start.
const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const AK: &str = "PROOFACCESSKEY000001";
const SK: &str = "proof-secret-key-0000000000000000000001";

/// Time that a start may take.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// Time for a part of a job.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// Time that the server has for a request that is not about data.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Where the job reads and writes.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    pub(crate) mysql: String,
    pub(crate) mysql_user: String,
    pub(crate) mysql_password: String,
    pub(crate) kafka: String,
}

/// `tailrace serve`, started and killed again and again.
#[derive(Debug)]
pub(crate) struct Served {
    process: Option<ServerProcess>,
    port: Ports,
    starts: u32,
    dir: RunDir,
    /// Bytes of the data directory's own disk, if it has one.
    disk_bytes: Option<u64>,
}

impl Served {
    /// Starts it on an empty data directory.
    pub(crate) fn start() -> Result<Self> {
        let mut served = Self {
            process: None,
            port: Ports::reserve(1)?,
            starts: 0,
            dir: RunDir::new("tailrace")?,
            disk_bytes: None,
        };
        served.launch()?;
        served.ready()?;
        Ok(served)
    }

    /// Starts it with a disk of its own for its data, which only it sees and which ends with it.
    pub(crate) fn start_on_disk(bytes: u64) -> Result<Self> {
        let mut served = Self {
            process: None,
            port: Ports::reserve(1)?,
            starts: 0,
            dir: RunDir::new("tailrace")?,
            disk_bytes: Some(bytes),
        };
        std::fs::create_dir(served.dir.path().join("data"))?;
        served.launch()?;
        served.ready()?;
        Ok(served)
    }

    /// Starts a process without waiting until it serves.
    pub(crate) fn launch(&mut self) -> Result<()> {
        self.starts += 1;
        let program = env!("CARGO_BIN_EXE_tailrace");
        let data = self.dir.path().join("data");
        let launch = match self.disk_bytes {
            None => Launch::new("tailrace serve", program, self.log()),
            // In a mount namespace of its own, so that nothing is left behind.
            Some(bytes) => Launch::new("tailrace serve", "unshare", self.log())
                .args(["--mount", "--map-root-user", "sh", "-ec"])
                .arg(r#"mount -t tmpfs -o size=$1 tmpfs "$2"; shift 2; exec "$@""#)
                .args(["sh".to_owned(), bytes.to_string(), data.display().to_string()])
                .arg(program),
        };
        let process = launch
            .arg("serve")
            .args(["--data-dir".into(), data])
            .args(["--listen", &self.address()])
            .args(["--log-filter", "info,tailrace_pipeline=debug"])
            .env("TAILRACE_BOOTSTRAP_PROJECT_ID", PROJECT)
            .env("TAILRACE_BOOTSTRAP_AK", AK)
            .env("TAILRACE_BOOTSTRAP_SK", SK)
            .start()?;
        self.process = Some(process);
        Ok(())
    }

    /// Waits until it serves.
    pub(crate) fn ready(&mut self) -> Result<()> {
        wait::until("the server to be ready", READY_LIMIT, || {
            if let Some(process) = self.process.as_mut()
                && let Some(status) = process.ended()?
            {
                bail!("the server ended with {status}; its log:\n{}", self.log_tail());
            }
            Ok(self.get("/readyz").ok())
        })
        .map(drop)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> Result<()> {
        match self.process.as_mut() {
            Some(process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Process id of the process that runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(ServerProcess::pid)
    }

    /// Body of a `GET`.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(REQUEST_LIMIT))?;
        stream.set_write_timeout(Some(REQUEST_LIMIT))?;
        let host = self.address();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
        if !head.starts_with("HTTP/1.1 200") {
            bail!("GET {path}: {}", head.lines().next().unwrap_or_default());
        }
        Ok(body.to_owned())
    }

    /// Runs commands of `drive_job.py`; what they print.
    pub(crate) fn drive(&self, ends: &Ends, commands: &[&str]) -> Result<String> {
        let envs = [
            ("TAILRACE_SOURCE", ends.mysql.as_str()),
            ("TAILRACE_SOURCE_USER", ends.mysql_user.as_str()),
            ("TAILRACE_SOURCE_PASSWORD", ends.mysql_password.as_str()),
            ("TAILRACE_TARGET", ends.kafka.as_str()),
        ];
        self.drive_with("drive_job.py", &envs, commands)
    }

    /// Runs commands of a script of `tests/sdk`; what they print. `ends`: its environment beside what tells it of the server.
    pub(crate) fn drive_with(
        &self,
        script: &str,
        ends: &[(&str, &str)],
        commands: &[&str],
    ) -> Result<String> {
        let endpoint = self.endpoint();
        let envs = [&client(&endpoint)[..], ends].concat();
        python::run(&programs().join(script), commands, &envs)
            .map(|out| out.trim().to_owned())
            .with_context(|| {
                format!("{}\nlog of the server:\n{}", commands.join(" "), self.log_tail())
            })
    }

    /// Runs the program of `tests/sdk` in another language; what it prints. `ends`: as of [`Served::drive_with`].
    pub(crate) fn drive_in(
        &self,
        language: Language,
        ends: &[(&str, &str)],
        arguments: &[&str],
    ) -> Result<String> {
        let endpoint = self.endpoint();
        let mut command = language.program(&programs())?;
        command.args(arguments).envs(client(&endpoint)).envs(ends.iter().copied());
        process::run(&mut command).with_context(|| {
            format!(
                "{} {}\nlog of the server:\n{}",
                language.name(),
                arguments.join(" "),
                self.log_tail()
            )
        })
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The end of the log of the process that runs, or ran last.
    pub(crate) fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(60)..).unwrap_or(&[]).join("\n")
    }

    /// The file with the first administrator and access key.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.data().join("credentials.json")
    }

    /// The data directory, as it is seen from here.
    pub(crate) fn data(&self) -> PathBuf {
        let data = self.dir.path().join("data");
        match (self.disk_bytes, self.pid()) {
            (Some(_), Some(pid)) => PathBuf::from(format!("/proc/{pid}/root{}", data.display())),
            _ => data,
        }
    }

    /// Where it serves, `host:port`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.first())
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join(format!("serve-{}.log", self.starts))
    }
}

/// What tells a client of the server.
fn client(endpoint: &str) -> [(&str, &str); 4] {
    [
        ("TAILRACE_ENDPOINT", endpoint),
        ("TAILRACE_AK", AK),
        ("TAILRACE_SK", SK),
        ("TAILRACE_PROJECT", PROJECT),
    ]
}

/// The clients' sources.
fn programs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}
