//! The demo's source: a server that is named, or one of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tailrace_pipeline::Session;
use tailrace_pipeline::job::MysqlEndpoint;

use super::child::Guarded;
use super::port::free_port;
use super::program::{Place, Program};

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
                others: Vec::new(),
                user: decoded(parsed.username())?,
                password: decoded(parsed.password().unwrap_or_default())?.into(),
                tls: None,
            },
            process: None,
        })
    }

    /// Starts a private server in a directory.
    pub(crate) fn start(program: &Program, dir: &Path) -> anyhow::Result<Self> {
        let log = dir.join("mysqld.log");
        let log_file = || std::fs::File::create(&log);
        let name = program.path().display();
        let mut initialize = program.initialize(dir)?;
        let done = initialize.stdin(Stdio::null()).stdout(log_file()?).stderr(log_file()?).status();
        let done = done.with_context(|| format!("a data folder for {name} cannot be filled"))?;
        if !done.success() {
            bail!("filling a data folder for {name} ended with {done}: {}", tail(&log));
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
        let server = program.serve(&Place { dir, init_file: &init_file, port });
        let process = Guarded::start(&server, log_file()?)
            .with_context(|| format!("{name} cannot be started"))?;
        let endpoint = MysqlEndpoint {
            host: "127.0.0.1".to_owned(),
            port,
            others: Vec::new(),
            user: "demo".to_owned(),
            password: password.into(),
            tls: None,
        };
        let mut source = Self { endpoint, process: Some(process) };
        let ready = source.wait_until_ready(program.product(), &log);
        // It holds the password.
        std::fs::remove_file(&init_file)?;
        ready?;
        Ok(source)
    }

    fn wait_until_ready(&mut self, product: &str, log: &Path) -> anyhow::Result<()> {
        let until = Instant::now() + READY_LIMIT;
        loop {
            if Session::connect(&self.endpoint).is_ok() {
                return Ok(());
            }
            if let Some(process) = &mut self.process
                && let Some(status) = process.ended()?
            {
                bail!("the {product} server ended with {status}: {}", tail(log));
            }
            if Instant::now() > until {
                bail!(
                    "the {product} server is not ready after {} s: {}",
                    READY_LIMIT.as_secs(),
                    tail(log)
                );
            }
            std::thread::park_timeout(TRY_PAUSE);
        }
    }
}

/// The end of a log.
fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}
