//! A job file as what the data path runs. Values are checked by the same code as those of the API.

use std::collections::BTreeMap;

use tailrace_pipeline::job::{JobSpec, Limits, SelectedDatabase, Selection};
use tailrace_pipeline::mapping::Mappings;

use super::request::file_base64;
use super::{JobFile, JobFileError, OAuth, Objects, SourceEngine, Task};
use crate::control::endpoint::{
    DbType, Endpoint, EndpointSecrets, EndpointTls, KafkaSecurity, RegistrySettings,
    SecurityProtocol,
};
use crate::control::job::{Engine, TaskMode};
use crate::control::kafka_login::OAuthSettings;
use crate::control::policy::{PolicyText, SyncPolicy};
use crate::control::{Refusal, RunSettings, check_job_name, run_spec};

impl From<Refusal> for JobFileError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

impl Task {
    /// Phases of the job.
    pub(super) fn mode(self) -> TaskMode {
        match self {
            Self::Full => TaskMode::Full,
            Self::FullIncremental => TaskMode::FullIncremental,
            Self::Incremental => TaskMode::Incremental,
        }
    }
}

impl JobFile {
    /// What the data path to Kafka runs. The job's id is its name, so that a later run goes on where this one
    /// ended.
    ///
    /// # Errors
    /// [`JobFileError`] with the field, its value and what is allowed.
    pub fn spec(&self) -> Result<JobSpec, JobFileError> {
        check_job_name(&self.name)?;
        let (source, target) = (self.source_parts()?, self.target_parts()?);
        let limits = self.parameters();
        let settings = RunSettings {
            job_id: self.name.clone(),
            engine: match self.source.engine {
                SourceEngine::Mysql => Engine::MysqlToKafka,
                SourceEngine::Taurus => Engine::TaurusToKafka,
                SourceEngine::Oracle => Engine::OracleToGaussDbV5,
            },
            task: self.task.mode(),
            source: (&source.0, &source.1),
            target: (&target.0, &target.1),
            policy: SyncPolicy::parse_kafka(&self.policy_text())?,
            selection: self.selection(),
            mappings: Mappings { databases: self.mapping.clone() },
            rereads: &[],
            limits: Limits::default(),
            parameters: &limits,
        };
        Ok(run_spec(settings)?)
    }

    pub(super) fn source_parts(&self) -> Result<(Endpoint, EndpointSecrets), JobFileError> {
        let source = &self.source;
        let db_type = match source.engine {
            SourceEngine::Mysql => DbType::Mysql,
            SourceEngine::Taurus => DbType::Taurus,
            SourceEngine::Oracle => DbType::Oracle,
        };
        let certificate = source
            .ssl_ca_file
            .as_deref()
            .map(|path| file_base64("source.ssl_ca_file", path))
            .transpose()?;
        let endpoint = Endpoint {
            address: source.host.clone(),
            port: Some(self.source_port()),
            database: self.source_database(),
            user: Some(source.user.clone()),
            tls: EndpointTls {
                enabled: source.ssl,
                certificate,
                verify_host: source.ssl_verify_host,
                ..EndpointTls::default()
            },
            ..Endpoint::empty(db_type)
        };
        let password = Some(source.password.reveal("source.password")?);
        let store = source.ssl_client_file.as_deref();
        let store = store.map(|path| file_base64("source.ssl_client_file", path)).transpose()?;
        let store_password = source.ssl_client_password.as_ref();
        let secrets = EndpointSecrets {
            password,
            key_store: store.map(Into::into),
            key_store_password: store_password
                .map(|secret| secret.reveal("source.ssl_client_password"))
                .transpose()?,
            ..EndpointSecrets::default()
        };
        Ok((endpoint, secrets))
    }

    fn target_parts(&self) -> Result<(Endpoint, EndpointSecrets), JobFileError> {
        let target = &self.target;
        let file = |field: &str, path: &Option<std::path::PathBuf>| {
            path.as_deref().map(|path| file_base64(field, path)).transpose()
        };
        let key_store = file("target.key_store_file", &target.key_store_file)?;
        let security = KafkaSecurity {
            protocol: SecurityProtocol::parse(&target.security)?,
            sasl_mechanism: target.sasl_mechanism.clone(),
            oauth: target.oauth.as_ref().map(oauth).transpose()?.map(Box::new),
            kerberos_service_name: target.kerberos_service_name.clone(),
            trust_store: file("target.trust_store_file", &target.trust_store_file)?,
            endpoint_algorithm: target.verify_host.then(|| "https".to_owned()),
            key_store_enabled: Some(key_store.is_some()),
            ..KafkaSecurity::default()
        };
        let reveal = |field: &str, secret: &Option<super::Secret>| {
            secret.as_ref().map(|secret| secret.reveal(field)).transpose()
        };
        let registry = target.schema_registry.as_ref();
        let registry_password = registry.map_or(&None, |registry| &registry.password);
        let secrets = EndpointSecrets {
            password: reveal("target.password", &target.password)?,
            trust_store_password: reveal(
                "target.trust_store_password",
                &target.trust_store_password,
            )?,
            registry_password: reveal("target.schema_registry.password", registry_password)?,
            key_store: key_store.map(Into::into),
            key_store_password: reveal("target.key_store_password", &target.key_store_password)?,
            ..EndpointSecrets::default()
        };
        let registry = match &target.schema_registry {
            None => None,
            Some(registry) => Some(RegistrySettings {
                url: registry.url.clone(),
                user: registry.user.clone(),
                ca: file("target.schema_registry.ca_file", &registry.ca_file)?,
            }),
        };
        let endpoint = Endpoint {
            registry,
            address: target.brokers.clone(),
            user: target.user.clone(),
            kafka: Some(security),
            ..Endpoint::empty(DbType::Kafka)
        };
        Ok((endpoint, secrets))
    }

    fn policy_text(&self) -> PolicyText {
        let policy = &self.policy;
        PolicyText {
            topic_policy: Some(policy.topic_policy.code().to_owned()),
            topic: policy.topic.clone(),
            topic_name_format: policy.topic_name_format.clone(),
            partition_policy: Some(policy.partition_policy.code().to_owned()),
            kafka_data_format: policy.kafka_data_format.clone(),
            partitions_num: policy.partitions_num.map(|n| n.to_string()),
            replication_factor: policy.replication_factor.map(|n| n.to_string()),
            ddl_trans: Some(policy.ddl_topic.is_some()),
            ddl_topic: policy.ddl_topic.clone(),
            transaction_topic: policy.transaction_topic.clone(),
            heartbeat_topic: policy.heartbeat_topic.clone(),
            heartbeat_interval_s: policy.heartbeat_interval_s.map(|n| n.to_string()),
            message_headers: policy.message_headers.clone(),
            dead_letter_topic: policy.dead_letter_topic.clone(),
            debezium_modes: policy.debezium_modes.clone(),
            file_and_position: policy.file_and_position.clone(),
            gtid_set: policy.gtid_set.clone(),
            subject_naming: policy.subject_naming.clone(),
            tombstones: Some(policy.tombstones),
            compression: policy.compression.clone(),
            dml_types: policy.dml_types.clone(),
            delivery: policy.delivery.clone(),
            progress_topic: policy.progress_topic.clone(),
            attributes: policy
                .filter_ddl_policy
                .iter()
                .map(|filter| ("filter_ddl_policy".to_owned(), filter.clone().into()))
                .collect(),
        }
    }

    /// Parameters in the API's form.
    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        self.limits.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
    }

    pub(super) fn selection(&self) -> Selection {
        let databases = self
            .objects
            .iter()
            .map(|(name, objects)| SelectedDatabase {
                name: name.clone(),
                tables: match objects {
                    Objects::All(_) => None,
                    Objects::Tables(tables) => Some(tables.clone()),
                },
            })
            .collect();
        Selection { databases }
    }
}

fn oauth(oauth: &OAuth) -> Result<OAuthSettings, JobFileError> {
    let file = oauth.ca_file.as_deref();
    let ca = file.map(|path| file_base64("target.oauth.ca_file", path)).transpose()?;
    Ok(OAuthSettings {
        token_endpoint_url: oauth.token_endpoint_url.clone(),
        scope: oauth.scope.clone(),
        extensions: oauth.extensions.clone(),
        ca,
    })
}
