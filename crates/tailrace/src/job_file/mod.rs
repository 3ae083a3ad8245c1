//! A job as a file (TOML, YAML or JSON): what `tailrace run` runs and `tailrace jobs create` makes.
//!
//! Members have DRS's names where DRS has one. `docs/commands.md` explains them with an example.

mod database;
mod request;
mod secret;
mod spec;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tailrace_pipeline::mapping::{DatabaseMapping, Mappings};

pub use secret::Secret;

/// Bytes a job file may have.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why a job file cannot be used; names file, place and what is allowed, never a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JobFileError(pub String);

/// A job file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobFile {
    /// Name: 4 to 50 letters, digits, `-` and `_`, beginning with a letter.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Which phases it has.
    #[serde(default)]
    pub task: Task,
    /// Where it reads.
    pub source: Source,
    /// Where it writes.
    pub target: Target,
    /// Databases with `"*"` or a list of tables.
    pub objects: BTreeMap<String, Objects>,
    /// How they appear in messages, by database: other names, fewer columns.
    #[serde(default)]
    pub mapping: BTreeMap<String, DatabaseMapping>,
    /// Topics, partitions, format.
    #[serde(default)]
    pub policy: Policy,
    /// Parameters of the job (`tailrace jobs parameters` lists them).
    #[serde(default)]
    pub limits: BTreeMap<String, Limit>,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Limit {
    /// A number.
    Number(u64),
    /// Yes or no, of parameters that are `true` or `false`.
    Flag(bool),
    /// A word, of parameters that have some.
    Word(String),
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
            Self::Word(word) => word.fmt(f),
        }
    }
}

/// Phases of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Task {
    /// Rows once.
    #[serde(rename = "full")]
    Full,
    /// Rows, then every change.
    #[default]
    #[serde(rename = "full+incremental")]
    FullIncremental,
    /// Changes after a position.
    #[serde(rename = "incremental")]
    Incremental,
}

/// Kinds of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceEngine {
    /// MySQL
    #[default]
    Mysql,
    /// TaurusDB
    Taurus,
    /// Oracle, whose target is GaussDB Distributed.
    Oracle,
}

/// A source.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Kind.
    #[serde(default)]
    pub engine: SourceEngine,
    /// Host name or address, or several servers with the same transactions: `host[:port],host[:port]…`.
    pub host: String,
    /// Port of those that do not have one of their own; 3306 by default, 1521 of Oracle.
    pub port: Option<u16>,
    /// Service of Oracle.
    pub service: Option<String>,
    /// Instance of Oracle, instead of a service.
    pub sid: Option<String>,
    /// Pluggable database of an Oracle source whose `service` or `sid` leads to the root of a container database.
    pub pluggable: Option<String>,
    /// Account.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// Use TLS.
    #[serde(default)]
    pub ssl: bool,
    /// CA certificates that are trusted; without, any certificate is.
    pub ssl_ca_file: Option<PathBuf>,
    /// The name that was dialled must be one of the server's certificate.
    #[serde(default)]
    pub ssl_verify_host: bool,
    /// Certificate chain and private key that the server asks for: PEM, JKS or PKCS#12.
    pub ssl_client_file: Option<PathBuf>,
    /// Password of a JKS or PKCS#12 file.
    pub ssl_client_password: Option<Secret>,
}

/// A target: Kafka, or, of a source of Oracle, GaussDB Distributed with the members of a database only.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// `host:port[,host:port…]` of Kafka.
    #[serde(default)]
    pub brokers: String,
    /// Coordinators of GaussDB: `host[:port],host[:port]…`
    pub host: Option<String>,
    /// Port of those that do not have one of their own; 8000 by default.
    pub port: Option<u16>,
    /// Database, which has to exist.
    pub database: Option<String>,
    /// Use TLS towards GaussDB.
    #[serde(default)]
    pub ssl: bool,
    /// CA certificates of GaussDB that are trusted; without, any certificate is.
    pub ssl_ca_file: Option<PathBuf>,
    /// The name that was dialled must be one of GaussDB's certificate.
    #[serde(default)]
    pub ssl_verify_host: bool,
    /// `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.
    #[serde(default = "plaintext")]
    pub security: String,
    /// `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER` or, where it is built in, `GSSAPI`.
    pub sasl_mechanism: Option<String>,
    /// Where the tokens of `OAUTHBEARER` come from.
    pub oauth: Option<OAuth>,
    /// First part of the brokers' principals, for `GSSAPI`; `kafka` by default.
    pub kerberos_service_name: Option<String>,
    /// User of SASL, of `OAUTHBEARER` the client's id.
    pub user: Option<String>,
    /// Password of SASL, of `OAUTHBEARER` the client's secret.
    pub password: Option<Secret>,
    /// CA certificates: PEM, JKS or PKCS#12.
    pub trust_store_file: Option<PathBuf>,
    /// Password of the trust store, where it has one.
    pub trust_store_password: Option<Secret>,
    /// Certificate and key for mutual TLS: PEM, JKS or PKCS#12.
    pub key_store_file: Option<PathBuf>,
    /// Password of the key store, where it has one.
    pub key_store_password: Option<Secret>,
    /// Schema registry, for Avro.
    pub schema_registry: Option<SchemaRegistry>,
    /// Check that certificates bear the brokers' names.
    #[serde(default = "yes")]
    pub verify_host: bool,
}

/// An OAuth 2.0 server that gives tokens for client credentials.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// Where tokens are asked for.
    pub token_endpoint_url: String,
    /// Scope; the server's default by default.
    pub scope: Option<String>,
    /// SASL extensions that the brokers want beside the token.
    #[serde(default)]
    pub extensions: BTreeMap<String, String>,
    /// CA certificates that are trusted; the system's by default.
    pub ca_file: Option<PathBuf>,
}

/// A schema registry with Confluent's interface.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaRegistry {
    /// Address with the path where the interface begins.
    pub url: String,
    /// User; without one the password is a bearer token.
    pub user: Option<String>,
    /// Password or token.
    pub password: Option<Secret>,
    /// CA certificates that are trusted, PEM; the system's by default.
    pub ca_file: Option<PathBuf>,
}

fn plaintext() -> String {
    "PLAINTEXT".to_owned()
}

fn yes() -> bool {
    true
}

/// Selected objects of a database.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "\"*\" for all tables, or a list of tables")]
pub enum Objects {
    /// All tables, those made later too.
    All(Star),
    /// These tables.
    Tables(Vec<String>),
}

/// `*`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Star {
    /// `*`
    #[serde(rename = "*")]
    Star,
}

/// `topic_policy` in words or in DRS's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum TopicWord {
    /// All to one topic, which has to exist.
    #[serde(rename = "one_topic", alias = "0")]
    OneTopic,
    /// A topic per table.
    #[default]
    #[serde(rename = "per_table", alias = "1")]
    PerTable,
    /// A topic per database.
    #[serde(rename = "per_database", alias = "2")]
    PerDatabase,
}

/// `partition_policy` in words or in DRS's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum PartitionWord {
    /// By hash of database and table.
    #[default]
    #[serde(rename = "table", alias = "0")]
    Table,
    /// Partition 0, in the order of transactions.
    #[serde(rename = "zero", alias = "1")]
    Zero,
    /// By hash of the primary key.
    #[serde(rename = "primary_key", alias = "2")]
    PrimaryKey,
    /// By hash of the database.
    #[serde(rename = "database", alias = "3")]
    Database,
}

/// Topics, partitions and format. The members have DRS's names.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Which topics there are.
    pub topic_policy: TopicWord,
    /// The one topic.
    pub topic: Option<String>,
    /// Name of topics, with `$database$` and `$tablename$`.
    pub topic_name_format: Option<String>,
    /// What decides the partition.
    pub partition_policy: PartitionWord,
    /// `json`, `json_c`, `debezium`, `canal`, `maxwell` or `avro`.
    pub kafka_data_format: Option<String>,
    /// Partitions of topics that are made.
    pub partitions_num: Option<u32>,
    /// Replication factor of topics that are made.
    pub replication_factor: Option<u16>,
    /// Topic that DDL statements are sent to; none are sent without.
    pub ddl_topic: Option<String>,
    /// Topic for markers of where transactions begin and end; none are sent without.
    pub transaction_topic: Option<String>,
    /// Topic for signs of life; none are sent without.
    pub heartbeat_topic: Option<String>,
    /// Seconds between two of them.
    pub heartbeat_interval_s: Option<u32>,
    /// Headers of the messages of rows: `none`, `source` or `cloudevents`.
    pub message_headers: Option<String>,
    /// Topic for changes that cannot be delivered to their own; without it such a change stops the job.
    pub dead_letter_topic: Option<String>,
    /// Forms of values in Debezium's events and Avro, by Debezium's own options.
    pub debezium_modes: Option<String>,
    /// DDL statements that are not sent: `drop_database`.
    pub filter_ddl_policy: Option<String>,
    /// Subjects of Avro's schemas: `topic`, `record` or `topic_record`.
    pub subject_naming: Option<String>,
    /// The message of a deleted row is followed by one without a value.
    pub tombstones: bool,
    /// `none`, `lz4`, `zstd`, `snappy` or `gzip`.
    pub compression: Option<String>,
    /// Kinds of change that become messages, of `i`, `u`, `d`.
    pub dml_types: Option<String>,
    /// `exactly_once` or `at_least_once`.
    pub delivery: Option<String>,
    /// Compacted topic of the progress records.
    pub progress_topic: Option<String>,
    /// Start of an incremental job: `binlog.000001:4`.
    pub file_and_position: Option<String>,
    /// Start of an incremental job: executed GTIDs.
    pub gtid_set: Option<String>,
    /// Of GaussDB: `overwrite`, `ignore` or `stop` where its rows are not what the source's were.
    pub conflict_policy: Option<String>,
    /// Of GaussDB: `supportAllType`, or `tableData` with `tableStructure` and `constraintData`.
    pub sync_type_policy: Option<String>,
    /// Of GaussDB: changes of tables are applied, by default.
    pub ddl_trans: Option<bool>,
}

impl JobFile {
    /// Reads a file: YAML if its name ends in `.yaml` or `.yml`, JSON if in `.json`, else TOML.
    ///
    /// # Errors
    /// [`JobFileError`] with file, line and what is wrong.
    pub fn read(path: &Path) -> Result<Self, JobFileError> {
        let failed = |e: &dyn std::fmt::Display| JobFileError(format!("{}: {e}", path.display()));
        let size = std::fs::metadata(path).map_err(|e| failed(&e))?.len();
        if size > FILE_BYTES_MAX {
            return Err(failed(&format!("{size} bytes; a job file has at most {FILE_BYTES_MAX}")));
        }
        let text = std::fs::read_to_string(path).map_err(|e| failed(&e))?;
        let parsed = match path.extension().and_then(|ending| ending.to_str()) {
            Some("yaml" | "yml") => Self::parse_yaml(&text),
            Some("json") => Self::parse_json(&text),
            _ => Self::parse(&text),
        };
        parsed.map_err(|e| failed(&e))
    }

    /// Reads the text of a TOML file.
    ///
    /// # Errors
    /// [`JobFileError`] with line and what is wrong.
    pub fn parse(text: &str) -> Result<Self, JobFileError> {
        // The error's own form shows the line, which may hold a password.
        let file: Self = toml::from_str(text).map_err(|e| {
            let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            JobFileError(format!("line {}: {}", before.matches('\n').count() + 1, e.message()))
        })?;
        file.checked()
    }

    /// Reads the text of a YAML file.
    ///
    /// # Errors
    /// [`JobFileError`] with line and what is wrong.
    pub fn parse_yaml(text: &str) -> Result<Self, JobFileError> {
        let file: Self = serde_norway::from_str(text).map_err(|e| {
            let line = e.location().map_or(1, |place| place.line());
            JobFileError(format!("line {line}: {}", without_place(&e.to_string())))
        })?;
        file.checked()
    }

    /// Reads the text of a JSON file.
    ///
    /// # Errors
    /// [`JobFileError`] with line and what is wrong.
    pub fn parse_json(text: &str) -> Result<Self, JobFileError> {
        let file: Self = serde_json::from_str(text).map_err(|e| {
            JobFileError(format!("line {}: {}", e.line(), without_place(&e.to_string())))
        })?;
        file.checked()
    }

    /// What the form of a file does not say by itself.
    fn checked(self) -> Result<Self, JobFileError> {
        // A mapping of what is not selected would silently say nothing.
        let mappings = Mappings { databases: self.mapping.clone() };
        mappings.validate(&self.selection()).map_err(|e| JobFileError(e.message().to_owned()))?;
        self.check_kinds()?;
        Ok(self)
    }
}

/// An error's text without the place at its end, which is told in front.
fn without_place(text: &str) -> &str {
    text.rfind(" at line ").and_then(|end| text.get(..end)).unwrap_or(text)
}
