//! Server programs that the demo can start as its source: MySQL's and MariaDB's.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Where server programs are if they are not on the PATH.
const PLACES: [&str; 7] = [
    "/usr/sbin",
    "/usr/libexec",
    "/usr/local/sbin",
    "/usr/local/mysql/bin",
    "/usr/local/mariadb/bin",
    "/opt/mysql/bin",
    "/usr/bin",
];

/// A server program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    path: PathBuf,
    is_mariadb: bool,
}

/// Files and address of a private server.
pub(super) struct Place<'a> {
    /// Everything of it is in here.
    pub(super) dir: &'a Path,
    /// Statements, one a line, that it executes when it starts.
    pub(super) init_file: &'a Path,
    /// On 127.0.0.1.
    pub(super) port: u16,
}

impl Program {
    /// The program at a path, of either product.
    ///
    /// # Errors
    /// If it does not run.
    pub(crate) fn at(path: &Path) -> anyhow::Result<Self> {
        let version = Command::new(path).arg("--version").stdin(Stdio::null()).output();
        let version = version.with_context(|| format!("{} cannot be started", path.display()))?;
        let is_mariadb = String::from_utf8_lossy(&version.stdout).contains("MariaDB");
        Ok(Self { path: path.to_owned(), is_mariadb })
    }

    /// The program of this machine: MySQL's, else MariaDB's.
    ///
    /// # Errors
    /// If there is neither.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let found: Vec<Self> = folders()
            .iter()
            .flat_map(|folder| ["mysqld", "mariadbd"].map(|name| folder.join(name)))
            .filter(|path| path.is_file())
            .filter_map(|path| Self::at(&path).ok())
            .collect();
        let mysql = found.iter().find(|program| !program.is_mariadb);
        match mysql.or_else(|| found.first()) {
            Some(program) => Ok(program.clone()),
            None => bail!(
                "no MySQL or MariaDB server program (mysqld, mariadbd) is installed; give \
                 --source mysql://USER:PASSWORD@HOST:PORT or --mysqld PROGRAM"
            ),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The product's name.
    pub(super) fn product(&self) -> &'static str {
        if self.is_mariadb { "MariaDB" } else { "MySQL" }
    }

    /// Command that fills a data folder.
    ///
    /// # Errors
    /// If MariaDB's script for that is not found.
    pub(super) fn initialize(&self, dir: &Path) -> anyhow::Result<Command> {
        if !self.is_mariadb {
            let mut command = self.base(dir);
            command.arg("--initialize-insecure").arg("--secure-file-priv=");
            return Ok(command);
        }
        let mut command = Command::new(self.install_script()?);
        command
            .args(["--no-defaults", "--auth-root-authentication-method=normal"])
            .arg("--skip-test-db")
            .arg(format!("--datadir={}", data(dir).display()))
            .env("TMPDIR", dir);
        as_root(&mut command);
        Ok(command)
    }

    /// Command that runs the server.
    pub(super) fn serve(&self, place: &Place<'_>) -> Command {
        let mut command = self.base(place.dir);
        command
            .args(["--bind-address=127.0.0.1", "--secure-file-priv=", "--server-id=1"])
            .args(["--binlog-row-metadata=FULL", "--innodb-buffer-pool-size=128M"])
            .arg(format!("--port={}", place.port))
            .arg(format!("--socket={}", place.dir.join("mysql.sock").display()))
            .arg(format!("--pid-file={}", place.dir.join("mysql.pid").display()))
            .arg(format!("--init-file={}", place.init_file.display()));
        if self.is_mariadb {
            command
                .arg(format!("--log-bin={}", data(place.dir).join("binlog").display()))
                .args(["--binlog-format=ROW", "--gtid-strict-mode=ON"]);
        } else {
            command.args(["--mysqlx=OFF", "--gtid-mode=ON", "--enforce-gtid-consistency=ON"]);
        }
        command
    }

    fn base(&self, dir: &Path) -> Command {
        let mut command = Command::new(&self.path);
        command.arg("--no-defaults").arg(format!("--datadir={}", data(dir).display()));
        // Not one that servers share: MariaDB clears it of temporary tables when it starts.
        command.arg(format!("--tmpdir={}", dir.display()));
        as_root(&mut command);
        command
    }

    /// Packages put it on the PATH, archives beside the program.
    fn install_script(&self) -> anyhow::Result<PathBuf> {
        let mut places = folders();
        if let Some(root) = self.path.parent().and_then(Path::parent) {
            places.splice(0..0, ["bin", "scripts"].map(|folder| root.join(folder)));
        }
        places
            .iter()
            .flat_map(|folder| {
                ["mariadb-install-db", "mysql_install_db"].map(|name| folder.join(name))
            })
            .find(|path| path.is_file())
            .with_context(|| {
                format!(
                    "mariadb-install-db, which fills a data folder for {}, is not installed",
                    self.path.display()
                )
            })
    }
}

fn data(dir: &Path) -> PathBuf {
    dir.join("mysql")
}

fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(PLACES.iter().map(PathBuf::from)).collect()
}

/// Servers do not run as root unless they are told to.
fn as_root(command: &mut Command) {
    use std::os::unix::fs::MetadataExt as _;
    if std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0) {
        command.arg("--user=root");
    }
}
