//! What a job is to do: endpoints, objects, policies and limits. Plain data, checked by
//! [`JobSpec::validate`] before anything starts.

use std::time::Duration;

mod limits;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
pub use tailrace_codec::encode::DebeziumModes;

use crate::error::{Error, ErrorKind, Result};
use crate::mapping::{Filter, Mappings};
use crate::shadow::shadow_of;
use crate::sink::registry::address;

pub use limits::Limits;

/// The links offered, by DRS `engine_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// `mysql-to-kafka`
    MysqlToKafka,
    /// `taurus-to-kafka`
    TaurusToKafka,
}

/// Which phases a job has, by DRS `task_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskType {
    /// `FULL_TRANS`: rows once.
    Full,
    /// `FULL_INCR_TRANS`: rows, then every change.
    FullIncremental,
    /// `INCR_TRANS`: changes after a given position.
    Incremental,
}

/// TLS towards a database.
#[derive(Debug, Clone, Default)]
pub struct DatabaseTls {
    /// PEM of the CA certificates to trust; `None` accepts any certificate (DRS `ssl_link` without a
    /// certificate).
    pub ca_pem: Option<String>,
    /// Compare the certificate's names with the host that was dialled.
    pub verify_host: bool,
    /// What Tailrace shows the server, where that asks for it.
    pub identity: Option<TlsIdentity>,
}

/// A certificate chain and its private key.
#[derive(Debug, Clone)]
pub struct TlsIdentity {
    /// PEM of the chain, the own certificate first.
    pub chain_pem: String,
    /// PEM of the key.
    pub key_pem: SecretString,
}

/// A MySQL-protocol source.
#[derive(Debug, Clone)]
pub struct MysqlEndpoint {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Other servers with the same transactions, by host and port: one takes the place of another that is lost. They have
    /// the account and certificates of the first.
    pub others: Vec<(String, u16)>,
    /// Account.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// TLS, if wanted.
    pub tls: Option<DatabaseTls>,
}

/// How a database of Oracle is named at its listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OracleDatabase {
    /// By one of its services.
    Service(String),
    /// By the instance's name, as of old.
    Sid(String),
}

/// An Oracle source.
#[derive(Debug, Clone)]
pub struct OracleEndpoint {
    /// Hosts and ports of its listeners; the first that answers is taken.
    pub listeners: Vec<(String, u16)>,
    /// The database, or the root of a container database.
    pub database: OracleDatabase,
    /// The pluggable database whose tables are replicated, if `database` is not it already.
    pub pluggable: Option<String>,
    /// Account.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// TLS, if wanted.
    pub tls: Option<DatabaseTls>,
}

/// A GaussDB Distributed target.
#[derive(Debug, Clone)]
pub struct GaussEndpoint {
    /// Host and port of its coordinators; the first that answers is taken.
    pub nodes: Vec<(String, u16)>,
    /// Database, which has to exist.
    pub database: String,
    /// Account.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// TLS, if wanted.
    pub tls: Option<DatabaseTls>,
}

/// SASL mechanisms with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordMechanism {
    /// `PLAIN`
    Plain,
    /// `SCRAM-SHA-256`
    ScramSha256,
    /// `SCRAM-SHA-512`
    ScramSha512,
}

/// SASL login.
#[derive(Debug, Clone)]
pub enum Sasl {
    /// User and password.
    Password {
        /// Mechanism.
        mechanism: PasswordMechanism,
        /// User.
        user: String,
        /// Password.
        password: SecretString,
    },
    /// `OAUTHBEARER`: tokens of an OAuth 2.0 server.
    OAuthBearer(OAuthClient),
    /// `GSSAPI`: Kerberos with the tickets of this process. Needs the feature `kerberos`.
    Kerberos {
        /// First part of the brokers' principals, `kafka` of `kafka/host@REALM`.
        service_name: String,
    },
}

/// A client of an OAuth 2.0 server, with the grant of client credentials (RFC 6749, 4.4). Its tokens have to be JWTs with
/// `exp` and `sub`.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    /// Where tokens are asked for, `http` or `https`.
    pub token_url: String,
    /// Id of the client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// What is asked for, words separated by spaces; the server's default if `None`.
    pub scope: Option<String>,
    /// What the brokers are told beside the token (KIP-342), by name.
    pub extensions: Vec<(String, String)>,
    /// CA certificates to trust; `None` uses the system's.
    pub ca_pem: Option<String>,
}

/// TLS towards Kafka, PEM already (JKS is converted at the edge, see `sink::kafka::keystore`).
#[derive(Debug, Clone, Default)]
pub struct KafkaTls {
    /// CA certificates to trust; `None` uses the system's.
    pub ca_pem: Option<String>,
    /// Client certificate chain for mutual TLS.
    pub certificate_pem: Option<String>,
    /// Its private key.
    pub key_pem: Option<SecretString>,
    /// Check the broker's host name.
    pub verify_host: bool,
}

/// A schema registry with Confluent's REST interface.
#[derive(Debug, Clone)]
pub struct RegistryEndpoint {
    /// Address, `http` or `https`, with the path where the interface begins.
    pub url: String,
    /// User; without one the password is a bearer token.
    pub user: Option<String>,
    /// Password or token.
    pub password: Option<SecretString>,
    /// CA certificates to trust; `None` uses the system's.
    pub ca_pem: Option<String>,
}

/// Which subject of a registry a schema belongs to, by the names that Confluent's serializers give them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectNaming {
    /// `topic-key` and `topic-value`: each table needs a topic of its own.
    #[default]
    Topic,
    /// The record's full name.
    Record,
    /// `topic-` and the record's full name.
    TopicRecord,
}

impl SubjectNaming {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Topic, Self::Record, Self::TopicRecord];

    /// Name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::Record => "record",
            Self::TopicRecord => "topic_record",
        }
    }

    /// The subject of a schema; `part` is `key` or `value`.
    pub(crate) fn subject(self, topic: &str, part: &str, record: &str) -> String {
        match self {
            Self::Topic => format!("{topic}-{part}"),
            Self::Record => record.to_owned(),
            Self::TopicRecord => format!("{topic}-{record}"),
        }
    }
}

/// A Kafka target.
#[derive(Debug, Clone)]
pub struct KafkaEndpoint {
    /// `host:port[,host:port…]`, at most 10.
    pub brokers: String,
    /// SASL, if wanted.
    pub sasl: Option<Sasl>,
    /// TLS, if wanted.
    pub tls: Option<KafkaTls>,
}

/// One selected database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedDatabase {
    /// Name at the source.
    pub name: String,
    /// `None`: all its tables, those created later too.
    pub tables: Option<Vec<String>>,
}

/// The objects of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Selected databases, none twice.
    pub databases: Vec<SelectedDatabase>,
}

impl Selection {
    /// Whether a table is selected. Names compare exactly. Of a database that is selected whole, the tables that online
    /// schema changes make are not: they hold the rows of others a second time.
    pub fn includes(&self, database: &str, table: &str) -> bool {
        self.databases.iter().any(|d| {
            d.name == database
                && match &d.tables {
                    Some(tables) => tables.iter().any(|t| t == table),
                    None => shadow_of(table).is_none(),
                }
        })
    }

    /// Whether a table is left out because an online schema change made it.
    pub(crate) fn leaves_out_shadow(&self, database: &str, table: &str) -> bool {
        let is_whole = |d: &SelectedDatabase| d.name == database && d.tables.is_none();
        shadow_of(table).is_some() && self.databases.iter().any(is_whole)
    }

    /// Databases with an empty name behind them, and the tables that are named.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        self.databases.iter().flat_map(|d| {
            let tables = d.tables.iter().flatten().map(String::as_str);
            std::iter::once("").chain(tables).map(|table| (d.name.as_str(), table))
        })
    }

    /// Whether any table of a database is selected.
    pub fn includes_database(&self, database: &str) -> bool {
        self.databases.iter().any(|d| d.name == database)
    }
}

/// Where messages go, by DRS `topic_policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicPolicy {
    /// `0`: all to one topic, which must exist.
    One(String),
    /// `1`: a topic per table, named by a format with `$database$` and `$tablename$`.
    PerTable(String),
    /// `2`: a topic per database, named by a format with `$database$`.
    PerDatabase(String),
}

/// What decides the partition, by DRS `partition_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionPolicy {
    /// `0`: hash of `database.table`.
    Table,
    /// `1`: partition 0.
    Zero,
    /// `2`: hash of the primary key; tables without one by `database.table`.
    PrimaryKey,
    /// `3`: hash of the database.
    Database,
}

/// Message format, by DRS `kafka_data_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageFormat {
    /// `json`
    Json,
    /// `json_c`
    JsonC,
    /// `debezium`, an addition to DRS's: Debezium's envelope as JSON without schemas.
    Debezium,
    /// `canal`, an addition to DRS's: Canal's flat JSON message.
    Canal,
    /// `maxwell`, an addition to DRS's: Maxwell's JSON message.
    Maxwell,
    /// `avro`: Debezium's envelope in Avro, with schemas in a registry. DRS's own Avro schema is not published.
    Avro,
}

/// Delivery promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Data and progress in one Kafka transaction.
    ExactlyOnce,
    /// Idempotent producer, progress by acknowledgement.
    AtLeastOnce,
}

/// Kinds of change, by DRS `dml_types` (`i`, `u`, `d`). Rows of the full phase are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeKinds {
    /// Inserted rows.
    pub insert: bool,
    /// Updated rows.
    pub update: bool,
    /// Deleted rows.
    pub delete: bool,
}

impl Default for ChangeKinds {
    fn default() -> Self {
        Self { insert: true, update: true, delete: true }
    }
}

impl ChangeKinds {
    /// From DRS's letters with commas between them (`i,u,d`); `None` if they are no kinds, or none is named.
    pub fn of_letters(letters: &str) -> Option<Self> {
        let mut kinds = Self { insert: false, update: false, delete: false };
        for letter in letters.split(',') {
            let kind = match letter.trim() {
                "i" => &mut kinds.insert,
                "u" => &mut kinds.update,
                "d" => &mut kinds.delete,
                _ => return None,
            };
            *kind = true;
        }
        Some(kinds)
    }

    /// As [`ChangeKinds::of_letters`] reads them.
    pub fn letters(self) -> String {
        let all = [(self.insert, "i"), (self.update, "u"), (self.delete, "d")];
        let named: Vec<&str> = all.into_iter().filter(|kind| kind.0).map(|kind| kind.1).collect();
        named.join(",")
    }
}

/// How batches of messages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    None,
    /// Measured on one core, the producer is quicker with it than without: there is less to send.
    #[default]
    Lz4,
    /// Smaller than lz4 and slower.
    Zstd,
    /// Snappy.
    Snappy,
    /// The slowest.
    Gzip,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Lz4, Self::Zstd, Self::Snappy, Self::Gzip];

    /// Kafka's `compression.type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::Gzip => "gzip",
        }
    }
}

/// Signs of life in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The topic.
    pub topic: String,
    /// Time between two of them, at least a second.
    pub interval: Duration,
}

/// Headers of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderSet {
    /// None.
    #[default]
    None,
    /// Place in the log, GTID, server, version of the table's columns.
    Source,
    /// Those of CloudEvents.
    CloudEvents,
}

impl HeaderSet {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Source, Self::CloudEvents];

    /// Name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Source => "source",
            Self::CloudEvents => "cloudevents",
        }
    }
}

/// How messages are formed and routed.
#[derive(Debug, Clone)]
pub struct KafkaPolicy {
    /// Topic policy.
    pub topic: TopicPolicy,
    /// Partition policy.
    pub partition: PartitionPolicy,
    /// Message format.
    pub format: MessageFormat,
    /// Partitions of topics that Tailrace creates, 1..=2147483647.
    pub partitions: i32,
    /// Replication factor of topics that Tailrace creates, 1..=32767.
    pub replication_factor: i16,
    /// Topic for DDL messages; `None` sends none.
    pub ddl_topic: Option<String>,
    /// Topic for markers of where transactions begin and end; `None` sends none. With it Debezium's events say their place in
    /// their transaction.
    pub transaction_topic: Option<String>,
    /// Signs of life.
    pub heartbeat: Option<Heartbeat>,
    /// Headers of the messages of rows.
    pub headers: HeaderSet,
    /// Topic for changes that cannot be delivered to their own: too large for it, or not to be written in the job's
    /// format; it has to exist. `None` stops the job in front of such a change.
    pub dead_letter_topic: Option<String>,
    /// Forms of values in Debezium's events, in JSON and Avro.
    pub debezium: DebeziumModes,
    /// `DROP DATABASE` is not sent (DRS `filter_ddl_policy` = `drop_database`).
    pub filter_drop_database: bool,
    /// Subjects of Avro's schemas.
    pub subjects: SubjectNaming,
    /// The message of a deleted row is followed by one without a value, where the row's key is the message's.
    pub tombstones: bool,
    /// Compression of batches.
    pub compression: Compression,
    /// Kinds of change that become messages.
    pub kinds: ChangeKinds,
    /// Delivery promise.
    pub delivery: Delivery,
    /// Compacted topic that holds progress records.
    pub progress_topic: String,
}

/// Where an increment-only job starts: after this point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartPosition {
    /// Binlog file name.
    pub file: String,
    /// Offset in it.
    pub offset: u64,
    /// Executed GTID set; wins over file and offset where the source has GTIDs.
    pub gtid_set: Option<String>,
}

/// Rows that are read beside the stream, for the first time or again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reread {
    /// Its name, by which progress is kept: no other of the job ever had it.
    pub id: String,
    /// Database.
    pub database: String,
    /// Table, which has to be selected.
    pub table: String,
    /// The condition of the rows, as behind `WHERE`; `None`: all.
    pub condition: Option<String>,
}

/// Everything the data path needs to know of a job.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// DRS job id; also the Kafka `transactional.id` and the key of progress records.
    pub job_id: String,
    /// Link.
    pub link: Link,
    /// Phases.
    pub task: TaskType,
    /// Source.
    pub source: MysqlEndpoint,
    /// Target.
    pub target: KafkaEndpoint,
    /// Schema registry beside it, for formats with schemas.
    pub registry: Option<RegistryEndpoint>,
    /// Objects.
    pub selection: Selection,
    /// How they appear in messages.
    pub mappings: Mappings,
    /// Messages.
    pub policy: KafkaPolicy,
    /// What is read beside the stream.
    pub rereads: Vec<Reread>,
    /// Start of an increment-only job.
    pub start: Option<StartPosition>,
    /// Bounds.
    pub limits: Limits,
}

impl JobSpec {
    /// Checks what can be checked without a connection.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] with field, value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        let bad = |text: String| Err(Error::new(ErrorKind::Configuration, text));
        if self.selection.databases.is_empty() {
            return bad(
                "selection: no object is selected; select at least one database or table".into()
            );
        }
        for database in &self.selection.databases {
            if database.tables.as_ref().is_some_and(Vec::is_empty) {
                return bad(format!("selection.{}: no table is selected", database.name));
            }
        }
        if self.policy.partitions < 1 {
            return bad(format!(
                "partitions_num: {} is not in 1..=2147483647",
                self.policy.partitions
            ));
        }
        if self.policy.replication_factor < 1 {
            return bad(format!(
                "replication_factor: {} is not in 1..=32767",
                self.policy.replication_factor
            ));
        }
        if self.task == TaskType::Incremental && self.start.is_none() {
            return bad(
                "start position: an increment-only job needs file_and_position or gtid_set".into(),
            );
        }
        if self.policy.format == MessageFormat::Avro {
            self.check_avro()?;
        }
        for reread in &self.rereads {
            let (database, table) = (&reread.database, &reread.table);
            if !self.selection.includes(database, table) {
                return bad(format!("{database}.{table}: it is to be read and not selected"));
            }
            if let Some(Err(e)) = reread.condition.as_deref().map(Filter::parse) {
                return bad(format!("{database}.{table}: {e}"));
            }
        }
        self.mappings.validate(&self.selection)?;
        self.check_chosen_keys()
    }

    /// Columns that were chosen decide nothing with other policies, and a message without a value says that a key is gone,
    /// which many rows may have.
    fn check_chosen_keys(&self) -> Result<()> {
        let tables = self.mappings.databases.iter().flat_map(|(database, mapping)| {
            mapping.tables.iter().map(move |(table, mapping)| (database, table, mapping))
        });
        for (database, table, mapping) in tables {
            if mapping.partition_columns.is_none() {
                continue;
            }
            let why = if self.policy.partition != PartitionPolicy::PrimaryKey {
                "needs partition_policy 2 (primary_key)"
            } else if self.policy.tombstones {
                "is not allowed with tombstones: rows that have the same values would be forgotten together"
            } else {
                continue;
            };
            let text = format!("objects.{database}.{table}: partition_columns {why}");
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        Ok(())
    }

    fn check_avro(&self) -> Result<()> {
        let bad = |text: &str| Err(Error::new(ErrorKind::Configuration, text));
        let Some(registry) = &self.registry else {
            return bad("kafka_data_format: avro needs a schema registry; set schema_registry");
        };
        address(registry)?;
        let per_table = matches!(self.policy.topic, TopicPolicy::PerTable(_));
        if self.policy.subjects == SubjectNaming::Topic && !per_table {
            return bad(
                "subject_naming: topic gives the tables of one topic one subject; allowed with this topic_policy are record and topic_record",
            );
        }
        Ok(())
    }
}
