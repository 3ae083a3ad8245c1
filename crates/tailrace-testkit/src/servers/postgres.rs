//! A real PostgreSQL server.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Place, READY_LIMIT};
use crate::account::{self, Account};
use crate::port::Ports;
use crate::process::{self, Launch, ServerProcess};
use crate::provision::system;
use crate::rundir::RunDir;
use crate::wait;

/// The superuser; it needs no password.
pub const USER: &str = "postgres";

/// Settings of one server.
#[derive(Debug, Clone, Default)]
pub struct PostgresOptions {
    /// Settings as in `max_connections=50`; the last of a name wins.
    pub settings: Vec<String>,
    /// Folder, port and lifetime.
    pub place: Place,
}

/// A running PostgreSQL server on 127.0.0.1.
#[derive(Debug)]
pub struct PostgresServer {
    // Dropped in this order: the process before the folder that it writes to.
    process: ServerProcess,
    ports: Ports,
    options: PostgresOptions,
    dir: RunDir,
}

impl PostgresServer {
    /// Starts a server and waits until it accepts connections. A folder that holds the data of an
    /// earlier server keeps it.
    pub fn start(options: PostgresOptions) -> Result<Self> {
        system::ensure(&[system::MYSQL, system::POSTGRES])?;
        let dir = options.place.run_dir("postgres")?;
        // PostgreSQL refuses to run as root.
        let account = if account::is_root()? { Some(Account::nobody()?) } else { None };
        if !dir.path().join("data/PG_VERSION").exists() {
            initialise(dir.path(), account)?;
        }
        let ports = options.place.ports(1)?;
        let process = launch(&options, dir.path(), ports.first(), account)?;
        Ok(Self { process, ports, options, dir })
    }

    /// Host and port, as in `127.0.0.1:18543`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// The port; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.ports.first()
    }

    /// A connection URL of database `postgres` as [`USER`].
    pub fn url(&self) -> String {
        format!("postgres://{USER}@{}/postgres", self.address())
    }

    /// The process, for its id, its log and signals.
    pub fn process(&self) -> &ServerProcess {
        &self.process
    }

    /// Runs SQL statements through `psql` in database `postgres`; rows of the results as text, one line
    /// each, values between tabs, NULL as the empty text.
    pub fn sql(&self, statements: &str) -> Result<String> {
        self.sql_in("postgres", statements)
    }

    /// As [`sql`](Self::sql), in another database.
    pub fn sql_in(&self, database: &str, statements: &str) -> Result<String> {
        process::run(
            Command::new(program("psql")?)
                .args(["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d"])
                .arg(format!("postgres://{USER}@{}/{database}", self.address()))
                .args(["-c", statements]),
        )
    }

    /// `kill -9` of the main process; the others notice and end, which is waited for: no server starts
    /// on their data before. [`restart`](Self::restart) starts it again on the same data and port.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        let data = self.dir.path().join("data").canonicalize()?;
        wait::until("the end of the killed server's processes", READY_LIMIT, || {
            Ok((!is_worked_in(&data)?).then_some(()))
        })
    }

    /// Stops when it still runs, and starts on the same data and port.
    pub fn restart(&mut self) -> Result<()> {
        // SIGINT is the "fast" stop: it does not wait for clients to leave.
        self.process.stop_with("INT")?;
        let account = if account::is_root()? { Some(Account::nobody()?) } else { None };
        self.process = launch(&self.options, self.dir.path(), self.ports.first(), account)?;
        Ok(())
    }
}

/// Whether a process works in a folder: all of a server's do in that of its data.
fn is_worked_in(folder: &Path) -> Result<bool> {
    for entry in std::fs::read_dir("/proc")? {
        // One that has ended meanwhile, or is another's, has no folder that can be read.
        let of = entry?.path().join("cwd").read_link();
        if of.is_ok_and(|of| of == folder) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn program(name: &str) -> Result<std::path::PathBuf> {
    system::find(&format!("/usr/lib/postgresql/*/bin/{name}"))
        .with_context(|| format!("no program {name} of PostgreSQL on this machine"))
}

fn initialise(dir: &Path, account: Option<Account>) -> Result<()> {
    if let Some(account) = account {
        account.own(dir)?;
    }
    let mut process = Launch::new("initdb", program("initdb")?, dir.join("initdb.log"))
        .args(["-A", "trust", "-U", USER, "--no-locale", "-E", "UTF8", "--no-sync", "-D"])
        .arg(dir.join("data"))
        .account(account)
        .start()?;
    process.wait_for_success(READY_LIMIT)
}

fn launch(
    options: &PostgresOptions,
    dir: &Path,
    port: u16,
    account: Option<Account>,
) -> Result<ServerProcess> {
    let mut launch = Launch::new("postgres", program("postgres")?, dir.join("postgres.log"))
        .arg("-D")
        .arg(dir.join("data"))
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
        .args(["-c", &format!("port={port}")])
        .args(["-c", &format!("unix_socket_directories={}", dir.display())]);
    for setting in &options.settings {
        launch = launch.args(["-c", setting]);
    }
    let mut process = launch.account(account).lifetime(options.place.lifetime).start()?;
    process.wait_for_log("database system is ready to accept connections", READY_LIMIT)?;
    Ok(process)
}
