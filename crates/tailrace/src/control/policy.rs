//! Synchronization policy: how messages are formed and where they go.

use serde::{Deserialize, Serialize};
use tailrace_pipeline::job::{ChangeKinds, Compression, DebeziumModes, HeaderSet, SubjectNaming};

use super::database_policy::DatabasePolicy;
use super::endpoint::DbType;
use super::job::{Attributes, Engine, StartPosition};
use super::refusal::{Refusal, Result};

/// Where messages go, by DRS `topic_policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TopicChoice {
    /// `0`: all to one topic, which must exist.
    One {
        /// `topic`
        topic: String,
    },
    /// `1`: a topic per table.
    PerTable {
        /// `topic_name_format`, with `$database$` and `$tablename$`.
        format: String,
    },
    /// `2`: a topic per database.
    PerDatabase {
        /// `topic_name_format`, with `$database$`.
        format: String,
    },
}

/// What decides the partition, by DRS `partition_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionChoice {
    /// `0`: hash of database and table.
    Table,
    /// `1`: partition 0.
    Zero,
    /// `2`: hash of the primary key.
    PrimaryKey,
    /// `3`: hash of the database.
    Database,
}

/// Message format, by DRS `kafka_data_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum DataFormat {
    /// `json`
    #[default]
    Json,
    /// `json_c`
    JsonC,
    /// `debezium`, an addition to DRS's
    Debezium,
    /// `canal`, an addition to DRS's
    Canal,
    /// `maxwell`, an addition to DRS's
    Maxwell,
    /// `avro`: Debezium's events with schemas in a registry
    Avro,
}

/// Delivery promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum DeliveryPromise {
    /// `exactly_once`
    #[default]
    ExactlyOnce,
    /// `at_least_once`
    AtLeastOnce,
}

/// The policy of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncPolicy {
    /// Topics.
    pub topic: TopicChoice,
    /// Partitions.
    pub partition: PartitionChoice,
    /// Format.
    pub format: DataFormat,
    /// Partitions of topics that Tailrace creates.
    pub partitions_num: i32,
    /// Replication factor of topics that Tailrace creates.
    pub replication_factor: i16,
    /// `ddl_topic`, where DDL statements go if `ddl_trans` is set; `None` sends none.
    pub ddl_topic: Option<String>,
    /// Topic for markers of where transactions begin and end; `None` sends none.
    #[serde(default)]
    pub transaction_topic: Option<String>,
    /// Signs of life.
    #[serde(default)]
    pub heartbeat: Option<HeartbeatChoice>,
    /// Headers of the messages of rows.
    #[serde(default)]
    pub headers: HeaderSet,
    /// Topic for changes that cannot be delivered to their own.
    #[serde(default)]
    pub dead_letter_topic: Option<String>,
    /// Forms of values in Debezium's events.
    #[serde(default)]
    pub debezium: DebeziumModes,
    /// Subjects of Avro's schemas.
    #[serde(default)]
    pub subjects: SubjectNaming,
    /// The message of a deleted row is followed by one without a value.
    #[serde(default)]
    pub tombstones: bool,
    /// Compression of batches.
    #[serde(default)]
    pub compression: Compression,
    /// Kinds of change that become messages, by `dml_types`.
    #[serde(default)]
    pub changes: ChangeKinds,
    /// Delivery promise.
    pub delivery: DeliveryPromise,
    /// Compacted topic of the progress records.
    pub progress_topic: String,
    /// Start of an increment-only job.
    pub start_position: Option<StartPosition>,
    /// What holds instead of all the others where the target is a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabasePolicy>,
    /// What DRS clients send and want back and what has no meaning for Kafka targets.
    #[serde(default)]
    pub attributes: Attributes,
}

/// Signs of life in a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatChoice {
    /// Topic.
    pub topic: String,
    /// Seconds between two of them.
    pub interval_s: u32,
}

/// A policy as a caller gives it: every value in DRS's text form, `None` where it was absent.
#[derive(Debug, Clone, Default)]
pub struct PolicyText {
    /// `topic_policy`
    pub topic_policy: Option<String>,
    /// `topic`
    pub topic: Option<String>,
    /// `topic_name_format`
    pub topic_name_format: Option<String>,
    /// `partition_policy`
    pub partition_policy: Option<String>,
    /// `kafka_data_format`
    pub kafka_data_format: Option<String>,
    /// `partitions_num`
    pub partitions_num: Option<String>,
    /// `replication_factor`
    pub replication_factor: Option<String>,
    /// `ddl_trans`
    pub ddl_trans: Option<bool>,
    /// `ddl_topic`
    pub ddl_topic: Option<String>,
    /// Tailrace's own `transaction_topic`.
    pub transaction_topic: Option<String>,
    /// Tailrace's own `heartbeat_topic`.
    pub heartbeat_topic: Option<String>,
    /// Tailrace's own `heartbeat_interval_s`.
    pub heartbeat_interval_s: Option<String>,
    /// Tailrace's own `message_headers`: `none`, `source` or `cloudevents`.
    pub message_headers: Option<String>,
    /// Tailrace's own `dead_letter_topic`.
    pub dead_letter_topic: Option<String>,
    /// Tailrace's own `debezium_modes`: Debezium's own names and values, separated by commas.
    pub debezium_modes: Option<String>,
    /// `file_and_position`
    pub file_and_position: Option<String>,
    /// `gtid_set`
    pub gtid_set: Option<String>,
    /// Tailrace's own `subject_naming`: `topic`, `record` or `topic_record`.
    pub subject_naming: Option<String>,
    /// Tailrace's own `tombstones`.
    pub tombstones: Option<bool>,
    /// Tailrace's own `compression`: `none`, `lz4`, `zstd`, `snappy` or `gzip`.
    pub compression: Option<String>,
    /// `dml_types`: of `i`, `u`, `d`, with commas between them.
    pub dml_types: Option<String>,
    /// Tailrace's own `delivery`: `exactly_once` or `at_least_once`.
    pub delivery: Option<String>,
    /// Tailrace's own `progress_topic`.
    pub progress_topic: Option<String>,
    /// Other members, kept for reading back.
    pub attributes: Attributes,
}

/// The member of [`SyncPolicy::attributes`] that names DDL statements to leave out.
const FILTER_DDL: &str = "filter_ddl_policy";
/// Its only value.
const FILTER_DROP_DATABASE: &str = "drop_database";
/// Default of `topic_name_format` for a topic per table.
pub const TABLE_TOPIC_FORMAT: &str = "$database$-$tablename$";
/// Default of `topic_name_format` for a topic per database.
pub const DATABASE_TOPIC_FORMAT: &str = "$database$";
/// Default topic of the progress records.
pub const PROGRESS_TOPIC: &str = "tailrace-progress";
/// Characters a topic's name may have (Kafka's own limit).
const TOPIC_CHARS_MAX: usize = 249;
/// Characters a GTID set may have (DRS's limit).
const GTID_SET_CHARS_MAX: usize = 2048;

impl TopicChoice {
    /// `topic_policy`
    pub fn code(&self) -> &'static str {
        match self {
            Self::One { .. } => "0",
            Self::PerTable { .. } => "1",
            Self::PerDatabase { .. } => "2",
        }
    }

    /// `topic_policy` in a job file's word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::One { .. } => "one_topic",
            Self::PerTable { .. } => "per_table",
            Self::PerDatabase { .. } => "per_database",
        }
    }

    /// Partition policies that go with it.
    ///
    /// DRS's documents give two sets for these pairs; this is the wider one without the codes `4` and
    /// `5`, whose meaning is not documented.
    fn partitions(&self) -> &'static [PartitionChoice] {
        use PartitionChoice as P;
        match self {
            Self::One { .. } | Self::PerDatabase { .. } => {
                &[P::Table, P::Zero, P::PrimaryKey, P::Database]
            }
            Self::PerTable { .. } => &[P::Table, P::Zero, P::PrimaryKey],
        }
    }
}

impl PartitionChoice {
    /// `partition_policy`
    pub fn code(self) -> &'static str {
        match self {
            Self::Table => "0",
            Self::Zero => "1",
            Self::PrimaryKey => "2",
            Self::Database => "3",
        }
    }

    /// `partition_policy` in a job file's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Zero => "zero",
            Self::PrimaryKey => "primary_key",
            Self::Database => "database",
        }
    }
}

impl DataFormat {
    /// `kafka_data_format`
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::JsonC => "json_c",
            Self::Debezium => "debezium",
            Self::Canal => "canal",
            Self::Maxwell => "maxwell",
            Self::Avro => "avro",
        }
    }
}

impl DeliveryPromise {
    /// `delivery`
    pub fn name(self) -> &'static str {
        match self {
            Self::ExactlyOnce => "exactly_once",
            Self::AtLeastOnce => "at_least_once",
        }
    }
}

impl SyncPolicy {
    /// What holds for a job whose policy was never set: a topic per table, partition by table, JSON,
    /// exactly once.
    pub fn default_for_unset() -> Self {
        Self {
            topic: TopicChoice::PerTable { format: TABLE_TOPIC_FORMAT.to_owned() },
            partition: PartitionChoice::Table,
            format: DataFormat::Json,
            partitions_num: 1,
            replication_factor: 1,
            ddl_topic: None,
            transaction_topic: None,
            heartbeat: None,
            headers: HeaderSet::None,
            dead_letter_topic: None,
            debezium: DebeziumModes::default(),
            subjects: SubjectNaming::default(),
            tombstones: false,
            compression: Compression::default(),
            changes: ChangeKinds::default(),
            delivery: DeliveryPromise::ExactlyOnce,
            progress_topic: PROGRESS_TOPIC.to_owned(),
            start_position: None,
            database: None,
            attributes: Attributes::new(),
        }
    }

    /// `subject_naming`; `None` for the default.
    pub fn subject_naming(&self) -> Option<String> {
        let differs = self.subjects != SubjectNaming::default();
        differs.then(|| self.subjects.name().to_owned())
    }

    /// `message_headers`; `None` for none.
    pub fn message_headers(&self) -> Option<String> {
        (self.headers != HeaderSet::None).then(|| self.headers.name().to_owned())
    }

    /// `debezium_modes`; `None` for Debezium's defaults.
    pub fn debezium_modes(&self) -> Option<String> {
        (self.debezium != DebeziumModes::default()).then(|| self.debezium.text())
    }

    /// `dml_types`; `None` for all.
    pub fn dml_types(&self) -> Option<String> {
        (self.changes != ChangeKinds::default()).then(|| self.changes.letters())
    }

    /// Whether `DROP DATABASE` is left out of the DDL messages.
    pub fn filters_drop_database(&self) -> bool {
        self.attributes.get(FILTER_DDL).and_then(|v| v.as_str()) == Some(FILTER_DROP_DATABASE)
    }

    /// Reads a policy of a link in DRS's text form; members that are absent get their defaults.
    ///
    /// # Errors
    /// [`Refusal::Missing`] or [`Refusal::Invalid`] with the member's DRS name.
    pub fn parse(text: &PolicyText, engine: Engine) -> Result<Self> {
        match engine.target() {
            DbType::GaussDbV5 => Ok(Self {
                database: Some(DatabasePolicy::parse(text)?),
                attributes: text.attributes.clone(),
                ..Self::default_for_unset()
            }),
            _ => Self::parse_kafka(text),
        }
    }

    /// Reads a policy of a link to Kafka; members that are absent get their defaults.
    ///
    /// # Errors
    /// [`Refusal::Missing`] or [`Refusal::Invalid`] with the member's DRS name.
    pub fn parse_kafka(text: &PolicyText) -> Result<Self> {
        let topic = parse_topic(text)?;
        let partition = parse_partition(text.partition_policy.as_deref(), &topic)?;
        let ddl_topic = match (text.ddl_trans, given(&text.ddl_topic)) {
            (Some(true), None) => return Err(Refusal::Missing { field: "ddl_topic".to_owned() }),
            (Some(true), Some(name)) => Some(checked_topic("ddl_topic", name)?),
            _ => None,
        };
        if let Some(filter) = text.attributes.get(FILTER_DDL)
            && filter.as_str() != Some(FILTER_DROP_DATABASE)
        {
            let shown = filter.as_str().map_or_else(|| filter.to_string(), str::to_owned);
            return Err(Refusal::invalid(FILTER_DDL, &shown, FILTER_DROP_DATABASE));
        }
        let progress_topic = match given(&text.progress_topic) {
            Some(name) => checked_topic("progress_topic", name)?,
            None => PROGRESS_TOPIC.to_owned(),
        };
        let format = parse_format(&text.kafka_data_format)?;
        let tombstones = parse_tombstones(text.tombstones, format, partition)?;
        Ok(Self {
            topic,
            partition,
            format,
            subjects: parse_subjects(&text.subject_naming)?,
            tombstones,
            compression: parse_compression(&text.compression)?,
            changes: parse_changes(&text.dml_types)?,
            partitions_num: parse_number("partitions_num", &text.partitions_num, i32::MAX)?,
            replication_factor: parse_number(
                "replication_factor",
                &text.replication_factor,
                i16::MAX,
            )?,
            ddl_topic,
            transaction_topic: given(&text.transaction_topic)
                .map(|name| checked_topic("transaction_topic", name))
                .transpose()?,
            heartbeat: parse_heartbeat(text)?,
            headers: parse_headers(&text.message_headers)?,
            dead_letter_topic: given(&text.dead_letter_topic)
                .map(|name| checked_topic("dead_letter_topic", name))
                .transpose()?,
            debezium: parse_modes(&text.debezium_modes, format)?,
            delivery: match given(&text.delivery) {
                None | Some("exactly_once") => DeliveryPromise::ExactlyOnce,
                Some("at_least_once") => DeliveryPromise::AtLeastOnce,
                Some(other) => {
                    return Err(Refusal::invalid(
                        "delivery",
                        other,
                        "exactly_once or at_least_once",
                    ));
                }
            },
            progress_topic,
            start_position: parse_start(&text.file_and_position, &text.gtid_set)?,
            database: None,
            attributes: text.attributes.clone(),
        })
    }
}

/// DRS clients send an empty text where they mean nothing.
fn given(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|v| !v.is_empty())
}

fn parse_topic(text: &PolicyText) -> Result<TopicChoice> {
    let format =
        |default: &str, variable: &str, allowed: &[&str]| match given(&text.topic_name_format) {
            Some(format) => checked_format(format, variable, allowed),
            None => Ok(default.to_owned()),
        };
    match given(&text.topic_policy) {
        Some("0") => match given(&text.topic) {
            Some(topic) => Ok(TopicChoice::One { topic: checked_topic("topic", topic)? }),
            None => Err(Refusal::Missing { field: "topic".to_owned() }),
        },
        None | Some("1") => Ok(TopicChoice::PerTable {
            format: format(TABLE_TOPIC_FORMAT, "$tablename$", &["$database$", "$tablename$"])?,
        }),
        Some("2") => Ok(TopicChoice::PerDatabase {
            format: format(DATABASE_TOPIC_FORMAT, "$database$", &["$database$"])?,
        }),
        Some(other) => Err(Refusal::invalid(
            "topic_policy",
            other,
            "0 (one topic), 1 (a topic per table) or 2 (a topic per database)",
        )),
    }
}

/// Seconds between heartbeats, if they are wanted and it is not said.
const HEARTBEAT_INTERVAL_S: u32 = 10;
/// Longest time between heartbeats, seconds.
const HEARTBEAT_INTERVAL_S_MAX: u32 = 3600;

fn parse_heartbeat(text: &PolicyText) -> Result<Option<HeartbeatChoice>> {
    let interval_s = match given(&text.heartbeat_interval_s) {
        None => HEARTBEAT_INTERVAL_S,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (1..=HEARTBEAT_INTERVAL_S_MAX).contains(seconds))
            .ok_or_else(|| {
                let allowed = format!("1 to {HEARTBEAT_INTERVAL_S_MAX}");
                Refusal::invalid("heartbeat_interval_s", text, allowed)
            })?,
    };
    let Some(name) = given(&text.heartbeat_topic) else { return Ok(None) };
    let topic = checked_topic("heartbeat_topic", name)?;
    Ok(Some(HeartbeatChoice { topic, interval_s }))
}

fn parse_format(value: &Option<String>) -> Result<DataFormat> {
    match given(value) {
        None | Some("json") => Ok(DataFormat::Json),
        Some("json_c") => Ok(DataFormat::JsonC),
        Some("debezium") => Ok(DataFormat::Debezium),
        Some("canal") => Ok(DataFormat::Canal),
        Some("maxwell") => Ok(DataFormat::Maxwell),
        Some("avro") => Ok(DataFormat::Avro),
        Some(other) => {
            let allowed = "json, json_c, debezium, canal, maxwell or avro";
            Err(Refusal::invalid("kafka_data_format", other, allowed))
        }
    }
}

fn parse_subjects(value: &Option<String>) -> Result<SubjectNaming> {
    let Some(name) = given(value) else { return Ok(SubjectNaming::default()) };
    SubjectNaming::ALL.into_iter().find(|naming| naming.name() == name).ok_or_else(|| {
        let allowed = SubjectNaming::ALL.map(SubjectNaming::name).join(", ");
        Refusal::invalid("subject_naming", name, allowed)
    })
}

fn parse_headers(value: &Option<String>) -> Result<HeaderSet> {
    let Some(name) = given(value) else { return Ok(HeaderSet::None) };
    HeaderSet::ALL.into_iter().find(|set| set.name() == name).ok_or_else(|| {
        Refusal::invalid("message_headers", name, HeaderSet::ALL.map(HeaderSet::name).join(", "))
    })
}

fn parse_modes(value: &Option<String>, format: DataFormat) -> Result<DebeziumModes> {
    let Some(text) = given(value) else { return Ok(DebeziumModes::default()) };
    let field = "debezium_modes";
    if !matches!(format, DataFormat::Debezium | DataFormat::Avro) {
        let allowed = "none, but with kafka_data_format debezium or avro";
        return Err(Refusal::invalid(field, text, allowed));
    }
    DebeziumModes::parse(text).map_err(|fault| Refusal::invalid(field, fault.given, fault.allowed))
}

fn parse_compression(value: &Option<String>) -> Result<Compression> {
    let Some(name) = given(value) else { return Ok(Compression::default()) };
    Compression::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| {
        Refusal::invalid("compression", name, Compression::ALL.map(Compression::name).join(", "))
    })
}

/// A message without a value says that its key is gone: only messages whose key is their row's can have one behind them.
fn parse_changes(value: &Option<String>) -> Result<ChangeKinds> {
    let Some(letters) = given(value) else { return Ok(ChangeKinds::default()) };
    ChangeKinds::of_letters(letters).ok_or_else(|| {
        Refusal::invalid("dml_types", letters, "of i, u, d, with commas between them")
    })
}

fn parse_tombstones(
    wanted: Option<bool>,
    format: DataFormat,
    partition: PartitionChoice,
) -> Result<bool> {
    let keyed = matches!(format, DataFormat::Debezium | DataFormat::Maxwell | DataFormat::Avro)
        || partition == PartitionChoice::PrimaryKey;
    match wanted {
        Some(true) if !keyed => Err(Refusal::invalid(
            "tombstones",
            "true",
            "false, or true with partition_policy 2 (primary_key) or kafka_data_format debezium",
        )),
        wanted => Ok(wanted.unwrap_or(false)),
    }
}

fn parse_partition(code: Option<&str>, topic: &TopicChoice) -> Result<PartitionChoice> {
    let allowed = topic.partitions();
    let code = code.filter(|c| !c.is_empty()).unwrap_or("0");
    allowed.iter().copied().find(|p| p.code() == code).ok_or_else(|| {
        let choices: Vec<String> =
            allowed.iter().map(|p| format!("{} ({})", p.code(), p.word())).collect();
        Refusal::invalid(
            "partition_policy",
            code,
            format!("{} with topic_policy {} ({})", choices.join(", "), topic.code(), topic.word()),
        )
    })
}

fn parse_number<T>(field: &str, value: &Option<String>, max: T) -> Result<T>
where
    T: std::str::FromStr + PartialOrd + From<u8> + std::fmt::Display,
{
    let Some(text) = given(value) else { return Ok(T::from(1)) };
    text.parse::<T>()
        .ok()
        .filter(|n| *n >= T::from(1))
        .ok_or_else(|| Refusal::invalid(field, text, format!("1 to {max}")))
}

fn is_topic_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn checked_topic(field: &str, name: &str) -> Result<String> {
    let fits = name.len() <= TOPIC_CHARS_MAX && name.chars().all(is_topic_char);
    if fits && !matches!(name, "." | "..") {
        return Ok(name.to_owned());
    }
    Err(Refusal::invalid(
        field,
        name,
        format!("1 to {TOPIC_CHARS_MAX} letters, digits, '.', '_' or '-'"),
    ))
}

fn checked_format(format: &str, needed: &str, allowed: &[&str]) -> Result<String> {
    let constant = allowed.iter().fold(format.to_owned(), |rest, v| rest.replace(v, ""));
    let fits = constant.len() <= TOPIC_CHARS_MAX && constant.chars().all(is_topic_char);
    if fits && format.contains(needed) {
        return Ok(format.to_owned());
    }
    Err(Refusal::invalid(
        "topic_name_format",
        format,
        format!(
            "letters, digits, '.', '_', '-' and the variables {}; {needed} must be there",
            allowed.join(", ")
        ),
    ))
}

/// Reads the start of an increment-only job; `None` if neither is given.
///
/// # Errors
/// [`Refusal::Invalid`] for a form DRS does not allow.
pub fn parse_start(
    file_and_position: &Option<String>,
    gtid_set: &Option<String>,
) -> Result<Option<StartPosition>> {
    let file = given(file_and_position);
    if let Some(text) = file {
        split_file_and_position(text)?;
    }
    let gtid = given(gtid_set);
    if let Some(set) = gtid.filter(|set| set.len() > GTID_SET_CHARS_MAX) {
        return Err(Refusal::invalid(
            "gtid_set",
            format!("{} characters", set.len()),
            format!("at most {GTID_SET_CHARS_MAX} characters"),
        ));
    }
    if file.is_none() && gtid.is_none() {
        return Ok(None);
    }
    Ok(Some(StartPosition {
        file_and_position: file.map(str::to_owned),
        gtid_set: gtid.map(str::to_owned),
    }))
}

/// Takes `name.number:offset` apart into the binlog file and the offset in it.
///
/// # Errors
/// [`Refusal::Invalid`] if it has another form.
pub fn split_file_and_position(text: &str) -> Result<(String, u64)> {
    let split = || {
        let (file, offset) = text.rsplit_once(':')?;
        let (name, number) = file.rsplit_once('.')?;
        let digits = |s: &str, n: std::ops::RangeInclusive<usize>| {
            n.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit())
        };
        let fits = text.len() <= 100
            && (1..=60).contains(&name.len())
            && digits(number, 3..=20)
            && digits(offset, 1..=20);
        fits.then(|| offset.parse().ok().map(|offset| (file.to_owned(), offset))).flatten()
    };
    split().ok_or_else(|| {
        Refusal::invalid("file_and_position", text, "name.number:offset, e.g. mysql-bin.000277:805")
    })
}

#[cfg(test)]
mod tests;
