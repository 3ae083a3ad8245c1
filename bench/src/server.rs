//! A `tailrace serve` of its own with jobs, as its users make them.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tailrace_testkit::process::signal_process;
use tailrace_testkit::wait;

use crate::stage::Stage;

/// For the server's first answer.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Seconds that a job may take to start.
const JOB_LIMIT: &str = "120";

/// A running server. Killed if it is dropped before it was stopped.
pub(crate) struct Server {
    child: Child,
    program: PathBuf,
    endpoint: String,
    dir: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(stage: &Stage) -> Result<Self> {
        Self::start_with(stage, &[])
    }

    /// A server with more arguments.
    pub(crate) fn start_with(stage: &Stage, arguments: &[&str]) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(&stage.program)
            .arg("serve")
            .args(["--listen", &address, "--log-filter", "warn", "--data-dir"])
            .arg(dir.path().join("data"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(File::create(dir.path().join("log"))?)
            .spawn()
            .context("tailrace serve")?;
        let server = Self {
            child,
            program: stage.program.clone(),
            endpoint: format!("http://{address}"),
            dir,
        };
        wait::until("the server", START_LIMIT, || {
            Ok(server.jobs(&["list"]).is_ok().then_some(()))
        })?;
        Ok(server)
    }

    fn jobs(&self, arguments: &[&str]) -> Result<()> {
        let output = Command::new(&self.program)
            .arg("jobs")
            .args(arguments)
            .env("TAILRACE_ENDPOINT", &self.endpoint)
            .env("TAILRACE_CREDENTIALS", self.credentials())
            .output()?;
        ensure!(
            output.status.success(),
            "tailrace jobs {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Makes a job of a job file's text and starts it.
    pub(crate) fn start_job(&self, name: &str, job: &str) -> Result<()> {
        let path = self.dir.path().join(format!("{name}.toml"));
        std::fs::write(&path, job)?;
        let path = path.to_str().context("the path is not UTF-8")?;
        self.jobs(&["create", path, "--start", "--wait", "--timeout", JOB_LIMIT])
    }

    /// Pauses a job and waits until it is.
    pub(crate) fn pause_job(&self, name: &str) -> Result<()> {
        self.jobs(&["pause", name, "--wait", "--timeout", JOB_LIMIT])
    }

    /// Lets a paused job go on.
    pub(crate) fn resume_job(&self, name: &str) -> Result<()> {
        self.jobs(&["resume", name])
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The file of what was made at its first start.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.dir.path().join("data/credentials.json")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stop(mut self) -> Result<()> {
        signal_process(self.child.id(), "TERM")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "tailrace serve ended with {status}");
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to tell it to if this fails; after `stop` it is gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
