//! The MySQL and the Kafka that tests share when they need no settings of their own.
//!
//! `cargo xtask test` starts one of each and names them in the variables below. Without them, as
//! under `cargo test`, the first test of a process that asks starts one, and the kernel ends it
//! with the process. Tests must therefore use databases, tables and topics with names of their own.

use std::env;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Context, Result, anyhow, bail};

use crate::servers::kafka::{KafkaCluster, KafkaOptions};
use crate::servers::mariadb::{MariaDbOptions, MariaDbServer};
use crate::servers::mysql::{MySqlOptions, MySqlServer};
use crate::servers::{Place, registry::Registry};
use crate::sql::{Client, Login};

/// `host:port` of the shared MySQL.
pub const MYSQL: &str = "TAILRACE_TEST_MYSQL";
/// Its user, who has all rights.
pub const MYSQL_USER: &str = "TAILRACE_TEST_MYSQL_USER";
/// That user's password.
pub const MYSQL_PASSWORD: &str = "TAILRACE_TEST_MYSQL_PASSWORD";
/// Bootstrap address of the shared Kafka: PLAINTEXT.
pub const KAFKA: &str = "TAILRACE_TEST_KAFKA";
/// The same: SSL.
pub const KAFKA_SSL: &str = "TAILRACE_TEST_KAFKA_SSL";
/// The same: SASL_SSL.
pub const KAFKA_SASL_SSL: &str = "TAILRACE_TEST_KAFKA_SASL_SSL";
/// The same: SASL_PLAINTEXT.
pub const KAFKA_SASL_PLAINTEXT: &str = "TAILRACE_TEST_KAFKA_SASL_PLAINTEXT";
/// The folder with `ca.pem`, `client.pem` and `client.key`.
pub const KAFKA_TLS_DIR: &str = "TAILRACE_TEST_KAFKA_TLS_DIR";

/// Addresses of the shared Kafka. The SASL users are those of [`crate::servers::kafka::USERS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedKafka {
    /// PLAINTEXT bootstrap address.
    pub bootstrap: String,
    /// SSL bootstrap address.
    pub ssl: String,
    /// SASL_SSL bootstrap address.
    pub sasl_ssl: String,
    /// SASL_PLAINTEXT bootstrap address.
    pub sasl_plaintext: String,
    /// The folder with `ca.pem`, `client.pem` and `client.key`.
    pub tls_dir: PathBuf,
}

impl SharedKafka {
    /// The addresses of a cluster that was started with [`shared_kafka_options`].
    pub fn of(cluster: &KafkaCluster) -> Self {
        Self {
            bootstrap: cluster.bootstrap(),
            ssl: cluster.bootstrap_ssl(),
            sasl_ssl: cluster.bootstrap_sasl_ssl(),
            sasl_plaintext: cluster.bootstrap_sasl_plaintext(),
            tls_dir: cluster.tls_dir(),
        }
    }

    /// The variables that hand these addresses to tests.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            (KAFKA, self.bootstrap.clone()),
            (KAFKA_SSL, self.ssl.clone()),
            (KAFKA_SASL_SSL, self.sasl_ssl.clone()),
            (KAFKA_SASL_PLAINTEXT, self.sasl_plaintext.clone()),
            (KAFKA_TLS_DIR, self.tls_dir.display().to_string()),
        ]
    }
}

/// The variables that hand a MySQL to tests.
pub fn mysql_variables(login: &Login) -> Vec<(&'static str, String)> {
    vec![
        (MYSQL, login.address()),
        (MYSQL_USER, login.user.clone()),
        (MYSQL_PASSWORD, login.password.clone()),
    ]
}

/// What the shared Kafka is started with: one broker with all kinds of listeners.
pub fn shared_kafka_options() -> KafkaOptions {
    KafkaOptions { tls: true, sasl: true, ..KafkaOptions::default() }
}

/// The shared MySQL: GTIDs on, full row metadata, no compression.
pub fn mysql() -> Result<Login> {
    if let Some(address) = variable(MYSQL) {
        let (host, port) = address
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)))
            .with_context(|| format!("{MYSQL} is {address:?}: host:port is wanted"))?;
        return Ok(Login {
            host,
            port,
            user: required(MYSQL_USER)?,
            password: required(MYSQL_PASSWORD)?,
            client: Client::MySql,
        });
    }
    static SERVER: OnceLock<std::result::Result<MySqlServer, String>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let started = MySqlServer::start(MySqlOptions::default());
        started.map_err(|error| format!("{error:#}"))
    });
    let server = server.as_ref().map_err(|error| anyhow!("the shared MySQL: {error}"))?;
    Ok(server.login())
}

/// A MariaDB that the tests of one process share: full row metadata, no compression.
pub fn mariadb() -> Result<Login> {
    static SERVER: OnceLock<std::result::Result<MariaDbServer, String>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let started = MariaDbServer::start(MariaDbOptions::default());
        started.map_err(|error| format!("{error:#}"))
    });
    let server = server.as_ref().map_err(|error| anyhow!("the shared MariaDB: {error}"))?;
    Ok(server.login())
}

/// The shared Kafka.
pub fn kafka() -> Result<SharedKafka> {
    if let Some(bootstrap) = variable(KAFKA) {
        return Ok(SharedKafka {
            bootstrap,
            ssl: required(KAFKA_SSL)?,
            sasl_ssl: required(KAFKA_SASL_SSL)?,
            sasl_plaintext: required(KAFKA_SASL_PLAINTEXT)?,
            tls_dir: required(KAFKA_TLS_DIR)?.into(),
        });
    }
    static CLUSTER: OnceLock<std::result::Result<KafkaCluster, String>> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| {
        KafkaCluster::start(shared_kafka_options()).map_err(|error| format!("{error:#}"))
    });
    let cluster = cluster.as_ref().map_err(|error| anyhow!("the shared Kafka: {error}"))?;
    Ok(SharedKafka::of(cluster))
}

/// A schema registry that the tests of one process share.
pub fn registry() -> Result<String> {
    static SERVER: OnceLock<std::result::Result<Registry, String>> = OnceLock::new();
    let server = SERVER
        .get_or_init(|| Registry::start(&Place::default()).map_err(|error| format!("{error:#}")));
    let server = server.as_ref().map_err(|error| anyhow!("the schema registry: {error}"))?;
    Ok(server.url())
}

/// Held by tests that load the whole machine or wait for the death of a broker, so that no two of
/// one process run at the same time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed leaves nothing behind that the lock protects.
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &str) -> Result<String> {
    match variable(name) {
        Some(value) => Ok(value),
        None => bail!("{name} is not set although its server is: set all of a server's variables"),
    }
}
