//! The front's socket and what a test can do to it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::error::Refusal;
use super::login::{self, Arrival, Demands};
use super::relay;
use crate::servers::postgres::PostgresServer;

/// How passwords are stored, which decides how a client is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stored {
    /// By SHA-256; clients prove it by SHA-256 (code 10). What a new GaussDB does.
    #[default]
    Sha256,
    /// By SHA-256; clients prove it by MD5 (code 11).
    Sha256AskedByMd5,
    /// By MD5; clients prove it by SHA-256 (code 10, method 1).
    Md5AskedBySha256,
    /// By MD5, as PostgreSQL does (code 5).
    Md5,
}

/// Settings of a front.
#[derive(Debug, Clone)]
pub struct FrontOptions {
    /// Users with their passwords. Each is made in PostgreSQL if it is not there.
    pub users: BTreeMap<String, String>,
    /// How their passwords are stored.
    pub stored: Stored,
    /// Rounds of PBKDF2 that clients of protocol 3.51 are told.
    pub iterations: u32,
    /// Certificate chain and private key as PEM; without them TLS is declined.
    pub tls: Option<(String, String)>,
    /// The port, if it is not to be any free one.
    pub port: Option<u16>,
}

impl FrontOptions {
    /// One user, its password stored as a new GaussDB does, no TLS.
    pub fn with_user(user: &str, password: &str) -> Self {
        Self {
            users: BTreeMap::from([(user.to_owned(), password.to_owned())]),
            stored: Stored::default(),
            iterations: 10_000,
            tls: None,
            port: None,
        }
    }
}

/// What connections and the test share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// PostgreSQL's port on 127.0.0.1.
    pub(crate) postgres_port: u16,
    failures: Mutex<Vec<OrderedFailure>>,
    transcript: Mutex<Option<File>>,
}

#[derive(Debug)]
struct OrderedFailure {
    part: String,
    times: usize,
    refusal: Refusal,
}

impl Shared {
    /// Writes down what PostgreSQL is sent, if that is wanted.
    pub(crate) fn note(&self, parts: &[&[u8]]) {
        if let Some(file) = locked(&self.transcript).as_mut() {
            for part in parts {
                file.write_all(part).expect("room for the transcript");
            }
        }
    }

    /// The failure that a test has ordered for this statement.
    pub(crate) fn ordered_failure(&self, sql: &str) -> Option<Refusal> {
        let mut failures = locked(&self.failures);
        let found = failures.iter_mut().find(|f| f.times > 0 && sql.contains(&f.part))?;
        found.times -= 1;
        Some(found.refusal.clone())
    }
}

/// A running front on 127.0.0.1. Its connections end with it.
#[derive(Debug)]
pub struct GaussFront {
    port: u16,
    shared: Arc<Shared>,
    cut: watch::Sender<u64>,
    /// Its tasks end with it.
    runtime: Option<Runtime>,
}

impl GaussFront {
    /// Opens the socket in front of a PostgreSQL, all of whose databases obey the rules from now on.
    ///
    /// # Errors
    /// If PostgreSQL refuses the rules or the port cannot be had.
    pub fn start(postgres: &PostgresServer, options: FrontOptions) -> Result<Self> {
        Self::prepare(postgres, &options)?;
        Self::serve(postgres.port(), options)
    }

    /// Has a PostgreSQL obey the rules, and makes the front's users there, who may make schemas in its databases.
    ///
    /// # Errors
    /// If PostgreSQL refuses that.
    pub fn prepare(postgres: &PostgresServer, options: &FrontOptions) -> Result<()> {
        // PostgreSQL refuses one of two that change its catalog at the same place at the same time.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _alone = locked(&ONE_AT_A_TIME);
        install(postgres)?;
        for user in options.users.keys() {
            let quoted = user.replace('"', "\"\"").replace('\'', "''");
            let there =
                postgres.sql(&format!("SELECT 1 FROM pg_roles WHERE rolname = '{quoted}'"))?;
            if there.trim().is_empty() {
                postgres.sql(&format!("CREATE ROLE \"{quoted}\" LOGIN"))?;
                for database in postgres.sql(DATABASES)?.lines() {
                    let database = database.replace('"', "\"\"");
                    postgres
                        .sql(&format!("GRANT CREATE ON DATABASE \"{database}\" TO \"{quoted}\""))?;
                }
            }
        }
        Ok(())
    }

    /// Opens the socket in front of a PostgreSQL that is prepared, at this port of 127.0.0.1.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub fn serve(postgres_port: u16, options: FrontOptions) -> Result<Self> {
        let shared = Arc::new(Shared {
            postgres_port,
            failures: Mutex::default(),
            transcript: Mutex::default(),
        });
        let tls =
            options.tls.as_ref().map(|(chain, key)| login::acceptor(chain, key)).transpose()?;
        let demands = Arc::new(Demands {
            passwords: options.users,
            stored: options.stored,
            iterations: options.iterations,
        });
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        // Without a port of its own any that is free will do. One that was looked for before may be taken for a moment by a
        // process that is just being started, which has all of this one's sockets until it is itself.
        let wanted = options.port.unwrap_or(0);
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", wanted)))
            .with_context(|| format!("listening on port {wanted} of 127.0.0.1"))?;
        let port = listener.local_addr()?.port();
        let cut = watch::Sender::new(0);
        let accept = accept(listener, tls, demands, Arc::clone(&shared), cut.clone());
        runtime.spawn(accept);
        Ok(Self { port, shared, cut, runtime: Some(runtime) })
    }

    /// Host and port, as in `127.0.0.1:18543`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Breaks every connection off.
    pub fn cut(&self) {
        self.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Writes the statements and copied rows that PostgreSQL is sent from now on into a file that `psql` can run, `None` no
    /// more. For one client at a time.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn record(&self, into: Option<&Path>) -> Result<()> {
        *locked(&self.shared.transcript) = into.map(File::create).transpose()?;
        Ok(())
    }

    /// Lets the next statements that have a part in them fail with a SQLSTATE.
    pub fn fail(&self, part: &str, times: usize, code: &'static str, message: &str) {
        let refusal = Refusal { code, message: message.to_owned() };
        let failure = OrderedFailure { part: part.to_owned(), times, refusal };
        locked(&self.shared.failures).push(failure);
    }
}

impl Drop for GaussFront {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The databases that there are, and the one that others are made of.
const DATABASES: &str =
    "SELECT datname FROM pg_database WHERE datallowconn AND datname NOT IN ('template0')";

/// Puts the rules into the databases that are there and into those that will be made.
fn install(postgres: &PostgresServer) -> Result<()> {
    for database in postgres.sql(DATABASES)?.lines() {
        let there = "SELECT 1 FROM pg_namespace WHERE nspname = 'gaussdb_standin'";
        if postgres.sql_in(database, there)?.trim().is_empty() {
            postgres.sql_in(database, include_str!("rules.sql"))?;
        }
    }
    Ok(())
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    demands: Arc<Demands>,
    shared: Arc<Shared>,
    cut: watch::Sender<u64>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let (tls, demands) = (tls.clone(), Arc::clone(&demands));
        let (shared, mut cut) = (Arc::clone(&shared), cut.subscribe());
        tokio::spawn(async move {
            // A connection that breaks off is its client's matter.
            tokio::select! {
                _ = serve(client, tls.as_ref(), &demands, &shared) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

async fn serve(
    client: TcpStream,
    tls: Option<&TlsAcceptor>,
    demands: &Demands,
    shared: &Shared,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    match login::welcome(client, tls, demands).await? {
        Arrival::Session(client, parameters) => relay::run(client, &parameters, shared).await,
        Arrival::Cancel(message) => {
            let mut server = TcpStream::connect(("127.0.0.1", shared.postgres_port)).await?;
            let mut bytes = Vec::new();
            message.write(&mut bytes);
            server.write_all(&bytes).await
        }
        Arrival::Refused => Ok(()),
    }
}
