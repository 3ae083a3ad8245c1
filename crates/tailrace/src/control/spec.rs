//! From a stored job to what the data path needs to know.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use tailrace_pipeline::job::{
    Delivery, Heartbeat, JobSpec, KafkaEndpoint, KafkaPolicy, KafkaTls, Limits, Link,
    MessageFormat, PartitionPolicy, RegistryEndpoint, SelectedDatabase, Selection,
    StartPosition as PipelineStart, TaskType, TopicPolicy,
};
use tailrace_pipeline::mapping::Mappings;
use tailrace_pipeline::plan::{JobPlan, SourceEndpoint, TargetEndpoint};

use super::endpoint::{DbType, Endpoint, EndpointSecrets, KafkaSecurity};
use super::job::{Engine, Job, StartPosition, TaskMode};
use super::objects::{ObjectScope, ObjectSelection};
use super::parameter;
use super::policy::{self, DataFormat, DeliveryPromise, PartitionChoice, SyncPolicy, TopicChoice};
use super::refusal::{Refusal, Result};
use super::rereads::{self, JobReread};
use super::secrets::JobSecrets;
use super::source_endpoint::mysql;
use super::{gauss_plan, kafka_login, key_material, node_type};

/// Most brokers in one address (DRS's limit).
const BROKERS_MAX: usize = 10;

/// What a run is made of, without the job's life around it.
pub struct RunSettings<'a> {
    /// The job's id, by which the target knows it.
    pub job_id: String,
    /// Link.
    pub engine: Engine,
    /// Phases.
    pub task: TaskMode,
    /// Source with its secrets.
    pub source: (&'a Endpoint, &'a EndpointSecrets),
    /// Target with its secrets.
    pub target: (&'a Endpoint, &'a EndpointSecrets),
    /// Policy.
    pub policy: SyncPolicy,
    /// Objects.
    pub selection: Selection,
    /// How they appear in messages.
    pub mappings: Mappings,
    /// What is to be read beside the stream.
    pub rereads: &'a [JobReread],
    /// Bounds where no parameter says more.
    pub limits: Limits,
    /// Parameters that were set.
    pub parameters: &'a BTreeMap<String, String>,
}

/// Builds what the data path to Kafka needs, from settings alone.
///
/// # Errors
/// [`Refusal::NotConfigured`] for what is missing, [`Refusal::Invalid`] for what cannot be.
pub fn run_spec(settings: RunSettings<'_>) -> Result<JobSpec> {
    let mut limits = settings.limits;
    for (name, value) in settings.parameters {
        parameter::apply(name, value, &mut limits)?;
    }
    let spec = JobSpec {
        job_id: settings.job_id,
        link: match settings.engine {
            Engine::MysqlToKafka => Link::MysqlToKafka,
            Engine::TaurusToKafka => Link::TaurusToKafka,
            Engine::OracleToGaussDbV5 => {
                return Err(Refusal::internal("a job to GaussDB is not one to Kafka"));
            }
        },
        task: match settings.task {
            TaskMode::Full => TaskType::Full,
            TaskMode::FullIncremental => TaskType::FullIncremental,
            TaskMode::Incremental => TaskType::Incremental,
        },
        source: mysql(settings.source.0, settings.source.1)?,
        target: kafka(settings.target.0, settings.target.1)?,
        registry: registry(settings.target.0, settings.target.1)?,
        rereads: rereads::of_spec(settings.rereads, |database, table| {
            settings.selection.includes(database, table)
        }),
        selection: settings.selection,
        mappings: settings.mappings,
        start: settings.policy.start_position.as_ref().map(start).transpose()?,
        policy: kafka_policy(settings.policy),
        limits,
    };
    spec.validate().map_err(|e| Refusal::NotConfigured { reason: e.message().to_owned() })?;
    Ok(spec)
}

/// What the data path of a stored job needs.
///
/// # Errors
/// [`Refusal::NotConfigured`] for what is missing, [`Refusal::Invalid`] for what cannot be.
pub(crate) fn build(
    job: &Job,
    (selection, mappings): (Selection, Mappings),
    secrets: &JobSecrets,
) -> Result<JobPlan> {
    if job.engine.target() == DbType::GaussDbV5 {
        return gauss_plan::plan(job, &selection, &mappings, secrets).map(JobPlan::from);
    }
    let spec = run_spec(RunSettings {
        job_id: job.id.clone(),
        engine: job.engine,
        task: job.task,
        source: (&job.source, &secrets.source),
        target: (&job.target, &secrets.target),
        policy: job.policy.clone().unwrap_or_else(SyncPolicy::default_for_unset),
        selection,
        mappings,
        rereads: &job.rereads,
        limits: node_type::limits(node_type::of(&job.attributes)),
        parameters: &job.parameters,
    });
    spec.map(JobPlan::from)
}

/// The selection of a job that names its databases; `None` for one of the whole server, whose
/// databases have to be listed first.
pub(crate) fn named_selection(selection: &ObjectSelection) -> Option<Selection> {
    (selection.scope != ObjectScope::All).then(|| Selection {
        databases: selection
            .databases
            .iter()
            .map(|d| SelectedDatabase { name: d.name.clone(), tables: d.tables.clone() })
            .collect(),
    })
}

/// All of these databases.
pub(crate) fn whole_databases(names: &[String]) -> Selection {
    Selection {
        databases: names
            .iter()
            .map(|name| SelectedDatabase { name: name.clone(), tables: None })
            .collect(),
    }
}

fn kafka_policy(policy: SyncPolicy) -> KafkaPolicy {
    let filter_drop_database = policy.filters_drop_database();
    KafkaPolicy {
        filter_drop_database,
        topic: match policy.topic {
            TopicChoice::One { topic } => TopicPolicy::One(topic),
            TopicChoice::PerTable { format } => TopicPolicy::PerTable(format),
            TopicChoice::PerDatabase { format } => TopicPolicy::PerDatabase(format),
        },
        partition: match policy.partition {
            PartitionChoice::Table => PartitionPolicy::Table,
            PartitionChoice::Zero => PartitionPolicy::Zero,
            PartitionChoice::PrimaryKey => PartitionPolicy::PrimaryKey,
            PartitionChoice::Database => PartitionPolicy::Database,
        },
        format: match policy.format {
            DataFormat::Json => MessageFormat::Json,
            DataFormat::JsonC => MessageFormat::JsonC,
            DataFormat::Debezium => MessageFormat::Debezium,
            DataFormat::Canal => MessageFormat::Canal,
            DataFormat::Maxwell => MessageFormat::Maxwell,
            DataFormat::Avro => MessageFormat::Avro,
        },
        partitions: policy.partitions_num,
        replication_factor: policy.replication_factor,
        ddl_topic: policy.ddl_topic,
        transaction_topic: policy.transaction_topic,
        headers: policy.headers,
        dead_letter_topic: policy.dead_letter_topic,
        debezium: policy.debezium,
        heartbeat: policy.heartbeat.map(|heartbeat| Heartbeat {
            topic: heartbeat.topic,
            interval: Duration::from_secs(heartbeat.interval_s.into()),
        }),
        subjects: policy.subjects,
        tombstones: policy.tombstones,
        compression: policy.compression,
        kinds: policy.changes,
        delivery: match policy.delivery {
            DeliveryPromise::ExactlyOnce => Delivery::ExactlyOnce,
            DeliveryPromise::AtLeastOnce => Delivery::AtLeastOnce,
        },
        progress_topic: policy.progress_topic,
    }
}

fn start(position: &StartPosition) -> Result<PipelineStart> {
    let (file, offset) = match &position.file_and_position {
        Some(text) => policy::split_file_and_position(text)?,
        None => (String::new(), 0),
    };
    Ok(PipelineStart { file, offset, gtid_set: position.gtid_set.clone() })
}

pub(super) fn needed<'a>(value: Option<&'a str>, what: &str) -> Result<&'a str> {
    value
        .filter(|v| !v.is_empty())
        .ok_or_else(|| Refusal::NotConfigured { reason: format!("{what} is not set") })
}

pub(super) fn needed_secret(value: Option<&SecretString>, what: &str) -> Result<SecretString> {
    value.cloned().ok_or_else(|| Refusal::NotConfigured { reason: format!("{what} is not set") })
}

/// A source, ready to connect to.
///
/// # Errors
/// As [`build`].
pub(crate) fn source(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<SourceEndpoint> {
    match endpoint.db_type {
        DbType::Oracle => gauss_plan::oracle(endpoint, secrets).map(SourceEndpoint::Oracle),
        _ => mysql(endpoint, secrets).map(SourceEndpoint::Mysql),
    }
}

/// A target, ready to connect to.
///
/// # Errors
/// As [`build`].
pub(crate) fn target(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<TargetEndpoint> {
    match endpoint.db_type {
        DbType::GaussDbV5 => gauss_plan::gauss(endpoint, None, secrets).map(TargetEndpoint::Gauss),
        _ => kafka(endpoint, secrets).map(TargetEndpoint::Kafka),
    }
}

fn kafka(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<KafkaEndpoint> {
    let security = endpoint.kafka.clone().unwrap_or_default();
    let sasl = if security.protocol.has_sasl() {
        Some(kafka_login::login(endpoint, &security, secrets)?)
    } else {
        None
    };
    let tls = if security.protocol.has_tls() { Some(kafka_tls(&security, secrets)?) } else { None };
    Ok(KafkaEndpoint { brokers: brokers(&endpoint.address)?, sasl, tls })
}

/// The schema registry beside a target.
fn registry(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<Option<RegistryEndpoint>> {
    let Some(settings) = &endpoint.registry else { return Ok(None) };
    let ca_pem = settings
        .ca
        .as_deref()
        .map(|ca| key_material::certificates("schema_registry.ca", ca, None))
        .transpose()?;
    Ok(Some(RegistryEndpoint {
        url: settings.url.clone(),
        user: settings.user.clone(),
        password: secrets.registry_password.clone(),
        ca_pem,
    }))
}

fn kafka_tls(security: &KafkaSecurity, secrets: &EndpointSecrets) -> Result<KafkaTls> {
    let ca_pem = security
        .trust_store
        .as_deref()
        .filter(|store| !store.is_empty())
        .map(|store| {
            key_material::certificates(
                "kafka_security_config.trust_store_key",
                store,
                secrets.trust_store_password.as_ref(),
            )
        })
        .transpose()?;
    let (certificate_pem, key_pem) = if security.key_store_enabled == Some(true) {
        let store = needed_secret(
            secrets.key_store.as_ref(),
            "the target's kafka_security_config.key_store_key",
        )?;
        let (chain, key) = key_material::certificates_and_key(
            "kafka_security_config.key_store_key",
            &store,
            key_material::Passwords {
                store: secrets.key_store_password.as_ref(),
                key: secrets
                    .key_password
                    .as_ref()
                    .filter(|_| security.private_key_password_set == Some(true)),
            },
        )?;
        (Some(chain), Some(key))
    } else {
        (None, None)
    };
    let algorithm = security.endpoint_algorithm.as_deref().unwrap_or_default();
    if !matches!(algorithm, "" | "https") {
        return Err(Refusal::invalid(
            "kafka_security_config.endpoint_algorithm",
            algorithm,
            "https, or nothing to turn the check of the host name off",
        ));
    }
    Ok(KafkaTls { ca_pem, certificate_pem, key_pem, verify_host: algorithm == "https" })
}

/// Checks a list of brokers and takes the spaces out.
///
/// # Errors
/// [`Refusal::NotConfigured`] if there is none, [`Refusal::Invalid`] for a broker without a port and
/// for more than ten.
pub(crate) fn brokers(address: &str) -> Result<String> {
    needed(Some(address.trim()), "the target's ip (broker list)")?;
    let brokers: Vec<&str> = address.split(',').map(str::trim).collect();
    if brokers.len() > BROKERS_MAX {
        return Err(Refusal::invalid(
            "ip",
            format!("{} brokers", brokers.len()),
            format!("at most {BROKERS_MAX}"),
        ));
    }
    for broker in &brokers {
        let fits = broker.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !fits {
            return Err(Refusal::invalid("ip", broker, "host:port[,host:port…]"));
        }
    }
    Ok(brokers.join(","))
}
