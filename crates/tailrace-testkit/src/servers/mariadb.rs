//! A real MariaDB server with the binary log on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Place, READY_LIMIT};
use crate::account;
use crate::port::Ports;
use crate::process::{self, Launch, ServerProcess};
use crate::provision::prefix::{MARIADB_11_8, Prefix};
use crate::provision::system;
use crate::rundir::RunDir;
use crate::sql::{Client, Login, Session};

pub use super::mysql::{PASSWORD, USER};

/// Which MariaDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Release {
    /// The package of the machine's own Debian: 10.11 on Debian 12.
    #[default]
    System,
    /// 11.8, in a private prefix.
    V11_8,
}

/// Settings of one server.
#[derive(Debug, Clone)]
pub struct MariaDbOptions {
    /// Default the system's.
    pub release: Release,
    /// `server_id`. Default 1.
    pub server_id: u32,
    /// More arguments of `mariadbd`; a later argument wins over an earlier one.
    pub extra: Vec<String>,
    /// Folder, port and lifetime.
    pub place: Place,
}

impl Default for MariaDbOptions {
    fn default() -> Self {
        Self {
            release: Release::default(),
            server_id: 1,
            extra: Vec::new(),
            place: Place::default(),
        }
    }
}

/// A running MariaDB server on 127.0.0.1: row format, full metadata, strict GTID mode.
#[derive(Debug)]
pub struct MariaDbServer {
    // Dropped in this order: the process before the folder that it writes to.
    process: ServerProcess,
    programs: Programs,
    ports: Ports,
    options: MariaDbOptions,
    dir: RunDir,
}

impl MariaDbServer {
    /// Starts a server and waits until it accepts connections. A folder that holds the data of an
    /// earlier server keeps it.
    pub fn start(options: MariaDbOptions) -> Result<Self> {
        let programs = Programs::of(options.release)?;
        let dir = options.place.run_dir("mariadb")?;
        if !dir.path().join("data/mysql").exists() {
            initialise(&programs, dir.path())?;
        }
        let ports = options.place.ports(1)?;
        let process = launch(&programs, &options, dir.path(), ports.first())?;
        Ok(Self { process, programs, ports, options, dir })
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
        self.process = launch(&self.programs, &self.options, self.dir.path(), self.ports.first())?;
        Ok(())
    }
}

/// Where a release's programs are.
#[derive(Debug)]
enum Programs {
    System,
    Prefix(Prefix),
}

impl Programs {
    fn of(release: Release) -> Result<Self> {
        // The client is the system's in any case.
        system::ensure(&[system::MYSQL, system::MARIADB])?;
        Ok(match release {
            Release::System => Self::System,
            Release::V11_8 => Self::Prefix(Prefix::ensure(&MARIADB_11_8)?),
        })
    }

    /// Program and first arguments of the server, with what it needs to find its files.
    fn server(&self) -> Result<Vec<String>> {
        let Self::Prefix(prefix) = self else {
            return Ok(vec!["/usr/sbin/mariadbd".to_owned(), "--no-defaults".to_owned()]);
        };
        let mut words = prefix.program("mariadbd")?;
        let messages = share(prefix).display().to_string();
        words.push("--no-defaults".to_owned());
        words.push(format!("--basedir={}", prefix.root().join("usr").display()));
        words.push(format!("--lc-messages-dir={messages}"));
        words.push(format!("--character-sets-dir={messages}/charsets"));
        words
            .push(format!("--plugin-dir={}", prefix.root().join("usr/lib/mysql/plugin").display()));
        Ok(words)
    }
}

fn share(prefix: &Prefix) -> PathBuf {
    prefix.root().join("usr/share/mariadb")
}

/// Scripts that make the server's own tables, in the order of `mariadb-install-db`, which itself cannot
/// start a server that needs another loader. Without the texts of `HELP`.
const SYSTEM_TABLES: [&str; 5] = [
    "mariadb_system_tables.sql",
    "mariadb_performance_tables.sql",
    "mariadb_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "mariadb_sys_schema.sql",
];

fn initialise(programs: &Programs, dir: &Path) -> Result<()> {
    let tmpdir = make_tmpdir(dir)?;
    match programs {
        Programs::System => {
            let mut command = Command::new("mariadb-install-db");
            command
                .args(["--no-defaults", "--auth-root-authentication-method=normal"])
                .arg("--skip-test-db")
                .arg(format!("--datadir={}", dir.join("data").display()))
                .env("TMPDIR", tmpdir);
            if account::is_root()? {
                command.arg("--user=root");
            }
            process::run(&mut command).map(drop)
        }
        Programs::Prefix(prefix) => bootstrap(&programs.server()?, prefix, dir, &tmpdir),
    }
    .context("initialising MariaDB's data folder")?;
    fs::write(
        dir.join("init.sql"),
        format!(
            "SET sql_log_bin=0;\n\
             CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        ),
    )
    .context("writing MariaDB's start script")
}

/// Makes the server's own tables by the server itself.
fn bootstrap(server: &[String], prefix: &Prefix, dir: &Path, tmpdir: &Path) -> Result<()> {
    let mut script =
        "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\nSET @skip_auth_anonymous=1;\n".to_owned();
    for name in SYSTEM_TABLES {
        let path = share(prefix).join(name);
        script.push_str(&fs::read_to_string(&path).with_context(|| path.display().to_string())?);
    }
    let path = dir.join("bootstrap.sql");
    fs::write(&path, script)?;
    let data = dir.join("data");
    fs::create_dir_all(&data)?;
    let mut words = server.iter();
    let mut command = Command::new(words.next().context("the program of mariadbd is empty")?);
    command.args(words).arg("--bootstrap").arg("--log-warnings=0");
    command.arg(format!("--datadir={}", data.display()));
    command.arg(format!("--tmpdir={}", tmpdir.display()));
    if account::is_root()? {
        command.arg("--user=root");
    }
    process::run_with_input(&mut command, &path).map(drop)
}

/// A server that starts clears this folder of what it takes for its own temporary tables, so no two may
/// share one.
fn make_tmpdir(dir: &Path) -> Result<PathBuf> {
    let folder = dir.join("tmp");
    fs::create_dir_all(&folder).context("making MariaDB's temporary folder")?;
    Ok(folder)
}

fn launch(
    programs: &Programs,
    options: &MariaDbOptions,
    dir: &Path,
    port: u16,
) -> Result<ServerProcess> {
    let at = |path: &str| dir.join(path).display().to_string();
    make_tmpdir(dir)?;
    let mut server = programs.server()?.into_iter();
    let program = server.next().context("the program of mariadbd is empty")?;
    let mut launch = Launch::new("mariadbd", program, dir.join("mariadbd.log"))
        .args(server)
        .args(["--bind-address=127.0.0.1", "--skip-name-resolve"])
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
