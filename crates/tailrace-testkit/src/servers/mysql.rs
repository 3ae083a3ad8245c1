//! A real MySQL server with the binary log on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::mysql_keyring::{Keyring, PLUGINS};
use super::{Place, READY_LIMIT};
use crate::account;
use crate::cache;
use crate::port::Ports;
use crate::process::{self, Launch, ServerProcess};
use crate::provision::announce;
use crate::provision::prefix::{MYSQL, Prefix};
use crate::rundir::RunDir;
use crate::sql::{Client, Login, Session};

/// A user of every test server with all rights, from any host.
pub const USER: &str = "tailrace";
/// Its password.
pub const PASSWORD: &str = "tailrace-test";

/// How much of a table's definition its binary log carries (`binlog_row_metadata`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowMetadata {
    /// Names, signedness, character sets and keys of all columns.
    Full,
    /// The server's default: types, and signedness of numbers.
    Minimal,
}

/// What columns a row image has (`binlog_row_image`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowImage {
    /// All columns.
    Full,
    /// The key before, the changed columns after.
    Minimal,
    /// All columns but unchanged BLOB and TEXT ones.
    NoBlob,
}

/// Settings of one server. The default is what the product asks of a source.
#[derive(Debug, Clone)]
pub struct MySqlOptions {
    /// `gtid_mode` and `enforce_gtid_consistency`. Default on.
    pub gtid: bool,
    /// `binlog_row_metadata`. Default full.
    pub row_metadata: RowMetadata,
    /// `binlog_row_image`. Default full.
    pub row_image: RowImage,
    /// `binlog_transaction_compression`. Default off.
    pub compression: bool,
    /// `binlog_checksum` CRC32 or none. Default on.
    pub checksum: bool,
    /// `server_id`. Default 1.
    pub server_id: u32,
    /// A keyring in a file, so that tables can be encrypted. Default without.
    pub keyring: bool,
    /// More arguments of `mysqld`, for example `--binlog-row-value-options=PARTIAL_JSON`; a later
    /// argument wins over an earlier one.
    pub extra: Vec<String>,
    /// Folder, port and lifetime.
    pub place: Place,
}

impl Default for MySqlOptions {
    fn default() -> Self {
        Self {
            gtid: true,
            row_metadata: RowMetadata::Full,
            row_image: RowImage::Full,
            compression: false,
            checksum: true,
            server_id: 1,
            keyring: false,
            extra: Vec::new(),
            place: Place::default(),
        }
    }
}

impl MySqlOptions {
    fn args(&self) -> Vec<String> {
        let on = |yes: bool| if yes { "ON" } else { "OFF" };
        let metadata = match self.row_metadata {
            RowMetadata::Full => "FULL",
            RowMetadata::Minimal => "MINIMAL",
        };
        let image = match self.row_image {
            RowImage::Full => "FULL",
            RowImage::Minimal => "MINIMAL",
            RowImage::NoBlob => "NOBLOB",
        };
        let mut args = vec![
            format!("--server-id={}", self.server_id),
            format!("--gtid-mode={}", on(self.gtid)),
            format!("--enforce-gtid-consistency={}", on(self.gtid)),
            format!("--binlog-row-metadata={metadata}"),
            format!("--binlog-row-image={image}"),
            format!("--binlog-transaction-compression={}", on(self.compression)),
            format!("--binlog-checksum={}", if self.checksum { "CRC32" } else { "NONE" }),
        ];
        args.extend(self.extra.iter().cloned());
        args
    }
}

/// A running MySQL server on 127.0.0.1.
#[derive(Debug)]
pub struct MySqlServer {
    // Dropped in this order: the process before the folder that it writes to.
    process: ServerProcess,
    prefix: Prefix,
    ports: Ports,
    options: MySqlOptions,
    dir: RunDir,
}

impl MySqlServer {
    /// Starts a server and waits until it accepts connections. A folder that holds the data of an
    /// earlier server keeps it.
    pub fn start(options: MySqlOptions) -> Result<Self> {
        let prefix = Prefix::ensure(&MYSQL)?;
        let dir = options.place.run_dir("mysql")?;
        let data = dir.path().join("data");
        if !data.exists() {
            let template = data_template(&prefix)?;
            // Under another name first: a copy that was broken off must not be taken for data.
            let copy = dir.path().join("data.new");
            process::run(Command::new("cp").arg("-a").arg(&template).arg(&copy))?;
            fs::rename(&copy, &data)?;
        }
        let ports = options.place.ports(1)?;
        let process = launch(&prefix, &options, dir.path(), ports.first())?;
        Ok(Self { process, prefix, ports, options, dir })
    }

    /// Host and port, as in `127.0.0.1:18306`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// The port; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.ports.first()
    }

    /// How to log in as [`USER`].
    pub fn login(&self) -> Login {
        Login {
            host: "127.0.0.1".to_owned(),
            port: self.port(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
            client: Client::MySql,
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

    /// The folder with the data (`data`), the log and the socket.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Makes this server a replica of `source` by GTID, as a standby is. It needs a `server_id` of
    /// its own, and to write its own log of what it applies (`--log-replica-updates`, the default).
    pub fn replicate_from(&self, source: &Self) -> Result<()> {
        let (host, port) = ("127.0.0.1", source.port());
        self.sql(&format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST='{host}', SOURCE_PORT={port}, \
             SOURCE_USER='{USER}', SOURCE_PASSWORD='{PASSWORD}', SOURCE_AUTO_POSITION=1, \
             GET_SOURCE_PUBLIC_KEY=1; START REPLICA"
        ))
        .map(drop)
    }

    /// Waits until this server has applied all that `source` has committed so far.
    pub fn catch_up_with(&self, source: &Self) -> Result<()> {
        let gtids = source.sql("SELECT @@GLOBAL.gtid_executed")?.concat().concat();
        let seconds = READY_LIMIT.as_secs();
        let answer = self.sql(&format!(
            "SELECT WAIT_FOR_EXECUTED_GTID_SET('{}', {seconds})",
            gtids.replace('\n', "")
        ))?;
        if answer != [["0"]] {
            bail!("the replica did not apply {gtids} in {seconds} s: {answer:?}");
        }
        Ok(())
    }

    /// `kill -9`. [`restart`](Self::restart) starts it again on the same data and port.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Stops cleanly when it still runs, and starts on the same data and port.
    pub fn restart(&mut self) -> Result<()> {
        self.process.stop()?;
        self.process = launch(&self.prefix, &self.options, self.dir.path(), self.ports.first())?;
        Ok(())
    }

    /// As [`restart`](Self::restart) with other settings; their folder and port are not looked at.
    pub fn restart_with(&mut self, options: MySqlOptions) -> Result<()> {
        self.options = MySqlOptions { place: self.options.place.clone(), ..options };
        self.restart()
    }
}

fn launch(prefix: &Prefix, options: &MySqlOptions, dir: &Path, port: u16) -> Result<ServerProcess> {
    let keyring = if options.keyring { Some(Keyring::set_up(prefix, dir)?) } else { None };
    let mut process = mysqld(prefix, "mysqld", dir, &dir.join("data"), keyring.as_ref())?
        .arg(format!("--port={port}"))
        .arg("--bind-address=127.0.0.1")
        .arg(format!("--socket={}", dir.join("mysqld.sock").display()))
        .arg(format!("--pid-file={}", dir.join("mysqld.pid").display()))
        .arg(format!("--log-bin={}", dir.join("data/binlog").display()))
        .args(["--mysqlx=OFF", "--skip-name-resolve", "--binlog-format=ROW", "--local-infile=ON"])
        .args(["--log-bin-trust-function-creators=ON", "--innodb-redo-log-capacity=33554432"])
        // What a crash of the process must not lose is in the kernel by then; only a crash of the
        // machine would lose it, which no test does.
        .args(["--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0"])
        .args(options.args())
        .lifetime(options.place.lifetime)
        .start()?;
    process.wait_for_log("mysqld: ready for connections", READY_LIMIT)?;
    Ok(process)
}

/// `mysqld` with what it needs to run from a prefix.
fn mysqld(
    prefix: &Prefix,
    name: &str,
    dir: &Path,
    data: &Path,
    keyring: Option<&Keyring>,
) -> Result<Launch> {
    let mut program = prefix.program("mysqld")?;
    let usr = prefix.root().join("usr");
    let at = |path: &str| usr.join(path).display().to_string();
    let mut plugins = at(PLUGINS);
    if let (Some(keyring), Some(path)) = (keyring, program.last_mut()) {
        *path = keyring.mysqld().display().to_string();
        plugins = keyring.plugins().display().to_string();
    }
    let mut program = program.into_iter();
    let loader = program.next().context("the program of mysqld is empty")?;
    let mut launch = Launch::new(name, loader, dir.join("mysqld.log"))
        .args(program)
        .arg("--no-defaults")
        .arg(format!("--basedir={}", usr.display()))
        .arg(format!("--lc-messages-dir={}", at("share/mysql")))
        .arg(format!("--character-sets-dir={}", at("share/mysql/charsets")))
        .arg(format!("--plugin-dir={plugins}"))
        .arg(format!("--datadir={}", data.display()))
        .arg("--secure-file-priv=NULL");
    if account::is_root()? {
        // The prefix may lie in root's home folder, which no other user can read. The server
        // listens on the loopback address only and may not read or write other files.
        launch = launch.arg("--user=root");
    }
    Ok(launch)
}

/// An initialised data folder in the cache: to copy it takes a tenth of a second, to make it ten.
fn data_template(prefix: &Prefix) -> Result<PathBuf> {
    let mut version = prefix.program("mysqld")?.into_iter();
    let loader = version.next().context("the program of mysqld is empty")?;
    let version = process::run(Command::new(loader).args(version).arg("--version"))?;
    let made = cache::once("mysql-data", &version, |into| {
        announce("initialising a MySQL data folder (once)");
        let script = into.join("init.sql");
        fs::write(
            &script,
            format!(
                "CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
                 GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
            ),
        )?;
        let data = into.join("data");
        let mut process = mysqld(prefix, "mysqld --initialize", into, &data, None)?
            .arg("--initialize-insecure")
            .arg("--disable-log-bin")
            .arg("--innodb-redo-log-capacity=8388608")
            .arg(format!("--init-file={}", script.display()))
            .start()?;
        process.wait_for_success(READY_LIMIT)?;
        // Each copy gets a server UUID of its own at its first start.
        fs::remove_file(data.join("auto.cnf")).context("removing the template's server UUID")
    })?;
    Ok(made.join("data"))
}
