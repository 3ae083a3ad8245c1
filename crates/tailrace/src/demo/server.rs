//! The demo's own `tailrace serve`, a process as a user would start it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::child::Guarded;
use super::port::free_port;
use crate::client::{self, Client, Login};

/// Longest time that it may take to be ready.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// Pause between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// A server process.
pub(crate) struct Server {
    process: Guarded,
    pub(crate) endpoint: String,
    log: PathBuf,
    data: PathBuf,
}

impl Server {
    /// Starts it with a data directory inside `dir`.
    pub(crate) async fn start(dir: &Path) -> anyhow::Result<Self> {
        let (data, log) = (dir.join("tailrace"), dir.join("serve.log"));
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("serve").arg("--data-dir").arg(&data).args(["--listen", &address]);
        // Killing it is safe at any instant; the data directory goes with it.
        let process = Guarded::start(&command, std::fs::File::create(&log)?)
            .context("tailrace serve cannot be started")?;
        let mut server = Self { process, endpoint: format!("http://{address}"), log, data };
        server.wait_until_ready().await?;
        Ok(server)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + READY_LIMIT;
        let url = format!("{}/readyz", self.endpoint);
        let http = reqwest::Client::builder().no_proxy().build()?;
        loop {
            if http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if let Some(status) = self.process.ended()? {
                bail!("tailrace serve ended with {status}: {}", self.log_text());
            }
            if Instant::now() > until {
                bail!("tailrace serve is not ready: {}", self.log_text());
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// Its log, for errors.
    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A client with the first administrator's access key.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let login = Login::read(&self.data.join("credentials.json"))?;
        Ok(Client::new(client::Server::new(&self.endpoint, None)?, login))
    }
}
