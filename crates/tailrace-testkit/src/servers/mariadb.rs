//! A real MariaDB server with the binary log on.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Place, READY_LIMIT};
use crate::account;
use crate::port::Ports;
use crate::process::{self, Launch, ServerProcess};
use crate::provision::system;
use crate::rundir::RunDir;
use crate::sql::{Client, Login, Session};

pub use super::mysql::{PASSWORD, USER};

/// Settings of one server.
#[derive(Debug, Clone)]
pub struct MariaDbOptions {
    /// `server_id`. Default 1.
    pub server_id: u32,
    /// More arguments of `mariadbd`; a later argument wins over an earlier one.
    pub extra: Vec<String>,
    /// Folder, port and lifetime.
    pub place: Place,
}

impl Default for MariaDbOptions {
    fn default() -> Self {
        Self { server_id: 1, extra: Vec::new(), place: Place::default() }
    }
}

/// A running MariaDB server on 127.0.0.1: row format, full metadata, strict GTID mode.
#[derive(Debug)]
pub struct MariaDbServer {
    // Dropped in this order: the process before the folder that it writes to.
    process: ServerProcess,
    ports: Ports,
    options: MariaDbOptions,
    dir: RunDir,
}

impl MariaDbServer {
    /// Starts a server and waits until it accepts connections. A folder that holds the data of an
    /// earlier server keeps it.
    pub fn start(options: MariaDbOptions) -> Result<Self> {
        system::ensure(&[system::MYSQL, system::MARIADB])?;
        let dir = options.place.run_dir("mariadb")?;
        if !dir.path().join("data/mysql").exists() {
            initialise(dir.path())?;
        }
        let ports = options.place.ports(1)?;
        let process = launch(&options, dir.path(), ports.first())?;
        Ok(Self { process, ports, options, dir })
    }

    /// Host and port, as in `127.0.0.1:18306`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// The port; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.ports.first()
    }

    /// How to log in as [`USER`], who has all rights.
    pub fn login(&self) -> Login {
        Login {
            host: "127.0.0.1".to_owned(),
            port: self.port(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            client: Client::MariaDb,
        }
    }

    /// Runs SQL statements as [`USER`]; see [`Login::query`].
    pub fn sql(&self, statements: &str) -> Result<Vec<Vec<String>>> {
        self.login().query(statements)
    }

    /// A connection that stays open over several statements; see [`Session`].
    pub fn session(&self) -> Result<Session> {
        self.login().session()
    }

    /// The process, for its id, its log and signals.
    pub fn process(&self) -> &ServerProcess {
        &self.process
    }

    /// `kill -9`. [`restart`](Self::restart) starts it again on the same data and port.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Stops cleanly when it still runs, and starts on the same data and port.
    pub fn restart(&mut self) -> Result<()> {
        self.process.stop()?;
        self.process = launch(&self.options, self.dir.path(), self.ports.first())?;
        Ok(())
    }
}

fn initialise(dir: &Path) -> Result<()> {
    let mut command = Command::new("mariadb-install-db");
    command
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .arg(format!("--datadir={}", dir.join("data").display()))
        .env("TMPDIR", make_tmpdir(dir)?);
    if account::is_root()? {
        command.arg("--user=root");
    }
    process::run(&mut command).map(drop).context("initialising MariaDB's data folder")?;
    std::fs::write(
        dir.join("init.sql"),
        format!(
            "SET sql_log_bin=0;\n\
             CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        ),
    )
    .context("writing MariaDB's start script")
}

/// A server that starts clears this folder of what it takes for its own temporary tables, so no two may
/// share one.
fn make_tmpdir(dir: &Path) -> Result<std::path::PathBuf> {
    let folder = dir.join("tmp");
    std::fs::create_dir_all(&folder).context("making MariaDB's temporary folder")?;
    Ok(folder)
}

fn launch(options: &MariaDbOptions, dir: &Path, port: u16) -> Result<ServerProcess> {
    let at = |path: &str| dir.join(path).display().to_string();
    make_tmpdir(dir)?;
    let mut launch = Launch::new("mariadbd", "/usr/sbin/mariadbd", dir.join("mariadbd.log"))
        .args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"])
        .arg(format!("--port={port}"))
        .arg(format!("--datadir={}", at("data")))
        .arg(format!("--tmpdir={}", at("tmp")))
        .arg(format!("--socket={}", at("mariadbd.sock")))
        .arg(format!("--pid-file={}", at("mariadbd.pid")))
        .arg(format!("--log-bin={}", at("data/binlog")))
        .arg(format!("--init-file={}", at("init.sql")))
        .arg(format!("--server-id={}", options.server_id))
        .args(["--binlog-format=ROW", "--binlog-row-image=FULL", "--binlog-row-metadata=FULL"])
        .args(["--gtid-strict-mode=ON", "--log-slave-updates=ON", "--local-infile=ON"])
        // As for MySQL: only a crash of the machine could lose what is committed.
        .args(["--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0"])
        .args(&options.extra)
        .lifetime(options.place.lifetime);
    if account::is_root()? {
        launch = launch.arg("--user=root");
    }
    let mut process = launch.start()?;
    process.wait_for_log("ready for connections", READY_LIMIT)?;
    Ok(process)
}
