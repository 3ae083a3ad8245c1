//! The demo's source: a server that is named, or one of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tailrace_pipeline::Session;
use tailrace_pipeline::job::MysqlEndpoint;

use super::child::Guarded;
use super::port::free_port;

/// Where server programs are if they are not on the PATH.
const PLACES: [&str; 5] =
    ["/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/mysql/bin", "/opt/mysql/bin"];
/// Longest time that a server may take to be ready.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// Pause between two tries to connect.
const TRY_PAUSE: Duration = Duration::from_millis(100);

/// A source, and the process behind it if it is the demo's own.
pub(crate) struct Source {
    pub(crate) endpoint: MysqlEndpoint,
    process: Option<Guarded>,
}

impl Source {
    /// A server at `mysql://user:password@host:port`.
    pub(crate) fn named(url: &str) -> anyhow::Result<Self> {
        let form = "--source is mysql://USER:PASSWORD@HOST:PORT";
        let parsed = reqwest::Url::parse(url).ok().filter(|url| url.scheme() == "mysql");
        let parsed = parsed.context(form)?;
        let decoded = |text: &str| {
            let bytes = crate::api::percent_decode(text.as_bytes());
            String::from_utf8(bytes).context(form)
        };
        Ok(Self {
            endpoint: MysqlEndpoint {
                host: parsed.host_str().context(form)?.to_owned(),
                port: parsed.port().unwrap_or(3306),
                user: decoded(parsed.username())?,
                password: decoded(parsed.password().unwrap_or_default())?.into(),
                tls: None,
            },
            process: None,
        })
    }

    /// Starts a private server in a directory.
    pub(crate) fn start(program: &Path, dir: &Path) -> anyhow::Result<Self> {
        let (data, log) = (dir.join("mysql"), dir.join("mysqld.log"));
        let base = |command: &mut Command| {
            command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
            if is_root() {
                command.arg("--user=root");
            }
        };
        let mut initialize = Command::new(program);
        base(&mut initialize);
        initialize.arg("--initialize-insecure").arg("--secure-file-priv=");
        let log_file = || std::fs::File::create(&log);
        let done = initialize.stdin(Stdio::null()).stdout(log_file()?).stderr(log_file()?).status();
        let done = done.with_context(|| format!("{} cannot be started", program.display()))?;
        if !done.success() {
            bail!("{} --initialize-insecure ended with {done}: {}", program.display(), tail(&log));
        }
        let password: String = uuid::Uuid::new_v4().simple().to_string();
        let init_file = dir.join("init.sql");
        std::fs::write(
            &init_file,
            format!(
                "CREATE USER demo@'%' IDENTIFIED BY '{password}';\nGRANT ALL ON *.* TO demo@'%';\n"
            ),
        )?;
        let port = free_port()?;
        let mut server = Command::new(program);
        base(&mut server);
        server
            .args(["--bind-address=127.0.0.1", "--mysqlx=OFF", "--secure-file-priv="])
            .args(["--server-id=1", "--gtid-mode=ON", "--enforce-gtid-consistency=ON"])
            .args(["--binlog-row-metadata=FULL", "--innodb-buffer-pool-size=128M"])
            .arg(format!("--port={port}"))
            .arg(format!("--socket={}", dir.join("mysql.sock").display()))
            .arg(format!("--pid-file={}", dir.join("mysql.pid").display()))
            .arg(format!("--init-file={}", init_file.display()));
        let process = Guarded::start(&server, log_file()?)
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let endpoint = MysqlEndpoint {
            host: "127.0.0.1".to_owned(),
            port,
            user: "demo".to_owned(),
            password: password.into(),
            tls: None,
        };
        let mut source = Self { endpoint, process: Some(process) };
        let ready = source.wait_until_ready(&log);
        // It holds the password.
        std::fs::remove_file(&init_file)?;
        ready?;
        Ok(source)
    }

    fn wait_until_ready(&mut self, log: &Path) -> anyhow::Result<()> {
        let until = Instant::now() + READY_LIMIT;
        loop {
            if Session::connect(&self.endpoint).is_ok() {
                return Ok(());
            }
            if let Some(process) = &mut self.process
                && let Some(status) = process.ended()?
            {
                bail!("the MySQL server ended with {status}: {}", tail(log));
            }
            if Instant::now() > until {
                bail!(
                    "the MySQL server is not ready after {} s: {}",
                    READY_LIMIT.as_secs(),
                    tail(log)
                );
            }
            std::thread::park_timeout(TRY_PAUSE);
        }
    }
}

/// The MySQL server program of this machine.
pub(crate) fn find_program() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        std::env::split_paths(&path).chain(PLACES.iter().map(PathBuf::from)).collect();
    let mut is_mariadb_there = false;
    for program in folders.iter().map(|folder| folder.join("mysqld")).filter(|p| p.is_file()) {
        let version = Command::new(&program).arg("--version").output();
        let version = version.map(|out| String::from_utf8_lossy(&out.stdout).into_owned());
        if version.unwrap_or_default().contains("MariaDB") {
            is_mariadb_there = true;
        } else {
            return Ok(program);
        }
    }
    is_mariadb_there |= folders.iter().any(|folder| folder.join("mariadbd").is_file());
    let found = if is_mariadb_there {
        "only a MariaDB server is installed, which is not supported as a source yet"
    } else {
        "no MySQL server program (mysqld) is installed"
    };
    bail!("{found}; give --source mysql://USER:PASSWORD@HOST:PORT or --mysqld PROGRAM")
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0)
}

/// The end of a log.
fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}
