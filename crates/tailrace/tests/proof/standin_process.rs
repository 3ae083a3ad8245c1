//! The stand-ins as processes of their own, which can be killed as any server can. Each is this test program, told by its
//! environment to be one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tailrace_testkit::gaussdb::{FrontOptions, GaussFront};
use tailrace_testkit::oracle::{OracleOptions, OracleServer};
use tailrace_testkit::port::Ports;
use tailrace_testkit::process::{Launch, ServerProcess};
use tailrace_testkit::servers::postgres::{PostgresOptions, PostgresServer};
use tailrace_testkit::wait;

use super::oracle_scene::{CAPTURE, PASSWORD, load};

/// Which stand-in a process is: `oracle PORT JOURNAL` or `front PORT POSTGRES_PORT`.
const ROLE: &str = "TAILRACE_STANDIN";
/// The test that is one of them then.
const TEST: &str = "proof::standin_process::what_was_committed_outlives_a_kill";
/// Line by which one says that it serves.
const SERVES: &str = "the stand-in serves";
/// Longest wait for that.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// A stand-in that can be killed and started again at the same port.
pub(super) struct Standin {
    process: ServerProcess,
    role: String,
    log: PathBuf,
    port: u16,
    _ports: Ports,
    _dir: tempfile::TempDir,
}

impl Standin {
    /// A database of Oracle's, which outlives its server.
    pub(super) fn oracle() -> Result<Self> {
        Self::start(|port, dir| format!("oracle {port} {}", dir.join("journal").display()))
    }

    /// A front before a PostgreSQL.
    pub(super) fn front(postgres: &PostgresServer) -> Result<Self> {
        GaussFront::prepare(postgres, &front_options(0))?;
        Self::start(|port, _| format!("front {port} {}", postgres.port()))
    }

    fn start(role: impl Fn(u16, PathBuf) -> String) -> Result<Self> {
        let (ports, dir) = (Ports::reserve(1)?, tempfile::tempdir()?);
        let port = ports.first();
        let role = role(port, dir.path().to_owned());
        let log = dir.path().join("standin.log");
        let process = launch(&role, &log)?;
        Ok(Self { process, role, log, port, _ports: ports, _dir: dir })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// `kill -9`, and a start behind it.
    pub(super) fn kill_and_restart(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process = launch(&self.role, &self.log)?;
        Ok(())
    }
}

fn launch(role: &str, log: &std::path::Path) -> Result<ServerProcess> {
    let program = std::env::current_exe()?;
    let launch = Launch::new("a stand-in", program, log.to_owned());
    let mut process = launch.args(["--exact", TEST, "--nocapture"]).env(ROLE, role).start()?;
    process.wait_for_log(SERVES, READY_LIMIT)?;
    Ok(process)
}

fn front_options(port: u16) -> FrontOptions {
    FrontOptions { port: Some(port), ..FrontOptions::with_user("tailrace", PASSWORD) }
}

/// Is the stand-in that it is told to be, until it is killed.
fn be(role: &str) -> Result<()> {
    let words: Vec<&str> = role.split(' ').collect();
    let [kind, port, rest] = words[..] else { anyhow::bail!("{role:?} is no stand-in") };
    let port = port.parse()?;
    let _served: Box<dyn std::any::Any> = match kind {
        "oracle" => {
            let mut options = OracleOptions::with_user("SHOP", PASSWORD);
            options.users.insert(CAPTURE.to_owned(), PASSWORD.to_owned());
            options.port = Some(port);
            options.journal = Some(rest.into());
            Box::new(OracleServer::start(options)?)
        }
        _ => Box::new(GaussFront::serve(rest.parse()?, front_options(port))?),
    };
    println!("{SERVES}");
    loop {
        std::thread::park();
    }
}

fn outlives() -> Result<()> {
    let mut oracle = Standin::oracle()?;
    load(oracle.port(), &["prepare"])?;
    load(oracle.port(), &["write", "7", "300"])?;
    let scn = load(oracle.port(), &["scn"])?;
    let before = load(oracle.port(), &["rows", scn.trim()])?;
    ensure!(before.lines().count() > 100, "{before}");
    oracle.kill_and_restart()?;
    ensure!(load(oracle.port(), &["rows", scn.trim()])? == before, "other rows at SCN {scn}");
    load(oracle.port(), &["write", "8", "300"])?;
    ensure!(load(oracle.port(), &["rows", "now"])? != before, "nothing was written");

    let postgres = PostgresServer::start(PostgresOptions::default())?;
    let mut front = Standin::front(&postgres)?;
    let reach = |front: &Standin| {
        wait::until("the front", READY_LIMIT, || {
            Ok(std::net::TcpStream::connect(("127.0.0.1", front.port())).ok())
        })
        .map(drop)
    };
    reach(&front).context("at first")?;
    front.kill_and_restart()?;
    reach(&front).context("behind a kill")
}

#[test]
fn what_was_committed_outlives_a_kill() {
    let done = match std::env::var(ROLE) {
        Ok(role) => be(&role),
        Err(_) => outlives(),
    };
    if let Err(error) = done {
        panic!("{error:#}");
    }
}
