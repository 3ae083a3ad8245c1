//! A job file as bodies of DRS's calls.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use tailrace_pipeline::mapping::{AddedColumn, TableMapping};

use super::{
    JobFile, JobFileError, OAuth, Objects, PartitionWord, Policy, SchemaRegistry, Secret,
    SourceEngine, Task, TopicWord,
};

impl Task {
    /// DRS `task_type`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Full => "FULL_TRANS",
            Self::FullIncremental => "FULL_INCR_TRANS",
            Self::Incremental => "INCR_TRANS",
        }
    }
}

impl TopicWord {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::OneTopic => "0",
            Self::PerTable => "1",
            Self::PerDatabase => "2",
        }
    }
}

impl PartitionWord {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Table => "0",
            Self::Zero => "1",
            Self::PrimaryKey => "2",
            Self::Database => "3",
        }
    }
}

/// A file in Base64, as DRS wants certificates and stores.
pub(super) fn file_base64(field: &str, path: &Path) -> Result<String, JobFileError> {
    let bytes = std::fs::read(path)
        .map_err(|e| JobFileError(format!("{field}: {}: {e}", path.display())))?;
    Ok(STANDARD.encode(bytes))
}

pub(super) fn put(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

pub(super) fn put_secret(
    object: &mut Map<String, Value>,
    name: &str,
    field: &str,
    secret: Option<&Secret>,
) -> Result<(), JobFileError> {
    let revealed = secret.map(|secret| secret.reveal(field)).transpose()?;
    put(object, name, revealed.map(|s| s.expose_secret().to_owned()));
    Ok(())
}

impl JobFile {
    /// DRS `engine_type`.
    pub fn engine_type(&self) -> &'static str {
        match self.source.engine {
            SourceEngine::Mysql => "mysql-to-kafka",
            SourceEngine::Taurus => "taurus-to-kafka",
            SourceEngine::Oracle => "oracle-to-gaussdbv5",
        }
    }

    /// DRS `db_type` of the source.
    pub fn source_type(&self) -> &'static str {
        match self.source.engine {
            SourceEngine::Mysql => "mysql",
            SourceEngine::Taurus => "taurus",
            SourceEngine::Oracle => "oracle",
        }
    }

    /// DRS `db_type` of the target.
    pub fn target_type(&self) -> &'static str {
        if self.is_to_gauss() { "gaussdbv5" } else { "kafka" }
    }

    /// Body of `batch-creation`.
    pub fn creation(&self) -> Value {
        json!({"jobs": [{
            "name": self.name, "description": self.description, "db_use_type": "sync",
            "engine_type": self.engine_type(), "job_direction": "non-dbs", "net_type": "vpc",
            "node_type": "high", "task_type": self.task.code(), "customize_sutnet_id": "none",
            "source_endpoint": {"db_type": self.source_type()},
            "target_endpoint": {"db_type": self.target_type()},
        }]})
    }

    /// The source in v3's form, with its secrets.
    ///
    /// # Errors
    /// [`JobFileError`] if a secret or file is not there.
    pub fn source_endpoint(&self) -> Result<Map<String, Value>, JobFileError> {
        let source = &self.source;
        let mut out = Map::new();
        put(&mut out, "db_type", Some(self.source_type()));
        put(&mut out, "ip", Some(source.host.as_str()));
        put(&mut out, "db_port", Some(self.source_port()));
        put(&mut out, "db_name", self.source_database());
        put(&mut out, "db_user", Some(source.user.as_str()));
        put_secret(&mut out, "db_password", "source.password", Some(&source.password))?;
        put(&mut out, "ssl_link", Some(source.ssl));
        if let Some(path) = &source.ssl_ca_file {
            let content = file_base64("source.ssl_ca_file", path)?;
            put(
                &mut out,
                "ssl_cert_name",
                path.file_name().map(|n| n.to_string_lossy().into_owned()),
            );
            put(&mut out, "ssl_cert_key", Some(content));
        }
        if source.ssl_verify_host || source.ssl_client_file.is_some() {
            let mut client = Map::new();
            put(&mut client, "verify_host", Some(source.ssl_verify_host));
            if let Some(path) = &source.ssl_client_file {
                let content = file_base64("source.ssl_client_file", path)?;
                put(&mut client, "key_store_key", Some(content));
            }
            let password = source.ssl_client_password.as_ref();
            put_secret(&mut client, "key_store_password", "source.ssl_client_password", password)?;
            put(&mut out, "ssl_client", Some(client));
        }
        Ok(out)
    }

    /// The target in v3's form, with its secrets.
    ///
    /// # Errors
    /// As [`JobFile::source_endpoint`].
    pub fn target_endpoint(&self) -> Result<Map<String, Value>, JobFileError> {
        if self.is_to_gauss() {
            return self.gauss_endpoint();
        }
        let target = &self.target;
        let mut out = Map::new();
        put(&mut out, "db_type", Some("kafka"));
        put(&mut out, "ip", Some(target.brokers.as_str()));
        put(&mut out, "db_user", target.user.as_deref());
        put_secret(&mut out, "db_password", "target.password", target.password.as_ref())?;
        let mut security = Map::new();
        put(&mut security, "type", Some(target.security.as_str()));
        put(&mut security, "sasl_mechanism", target.sasl_mechanism.as_deref());
        if let Some(settings) = &target.oauth {
            put(&mut security, "oauth", Some(oauth(settings)?));
        }
        put(&mut security, "kerberos_service_name", target.kerberos_service_name.as_deref());
        put(
            &mut security,
            "endpoint_algorithm",
            Some(if target.verify_host { "https" } else { "" }),
        );
        if let Some(path) = &target.trust_store_file {
            put(
                &mut security,
                "trust_store_key",
                Some(file_base64("target.trust_store_file", path)?),
            );
        }
        let (field, store) = ("target.trust_store_password", &target.trust_store_password);
        put_secret(&mut security, "trust_store_password", field, store.as_ref())?;
        if let Some(path) = &target.key_store_file {
            put(&mut security, "enable_key_store", Some(true));
            put(&mut security, "key_store_key", Some(file_base64("target.key_store_file", path)?));
        }
        let (field, store) = ("target.key_store_password", &target.key_store_password);
        put_secret(&mut security, "key_store_password", field, store.as_ref())?;
        put(&mut out, "kafka_security_config", Some(security));
        if let Some(registry) = &target.schema_registry {
            put(&mut out, "schema_registry", Some(schema_registry(registry)?));
        }
        Ok(out)
    }

    /// `db_object` of v5's `PUT …/jobs/{job_id}`.
    pub fn db_object(&self) -> Value {
        let info: Map<String, Value> = self
            .objects
            .iter()
            .map(|(database, objects)| {
                let mapping = self.mapping.get(database);
                let name = mapping.and_then(|m| m.target.as_ref()).unwrap_or(database);
                let value = match objects {
                    Objects::All(_) => json!({"name": name, "all": true}),
                    Objects::Tables(tables) => {
                        let of_table = |table| mapping.and_then(|m| m.tables.get(table));
                        let tables: Map<String, Value> = tables
                            .iter()
                            .map(|table| (table.clone(), table_object(table, of_table(table))))
                            .collect();
                        json!({"name": name, "tables": tables})
                    }
                };
                (database.clone(), value)
            })
            .collect();
        let mut out = Map::new();
        put(&mut out, "object_scope", Some("table"));
        put(&mut out, "object_info", Some(info));
        let database = self.target.database.as_ref();
        put(&mut out, "target_root_db", database.map(|name| json!({"db_name": name})));
        Value::Object(out)
    }
}

/// A schema registry in v3's form, with its password.
fn oauth(settings: &OAuth) -> Result<Map<String, Value>, JobFileError> {
    let mut out = Map::new();
    put(&mut out, "token_endpoint_url", Some(settings.token_endpoint_url.as_str()));
    put(&mut out, "scope", settings.scope.as_deref());
    put(&mut out, "extensions", Some(json!(settings.extensions)));
    if let Some(path) = &settings.ca_file {
        put(&mut out, "ca", Some(file_base64("target.oauth.ca_file", path)?));
    }
    Ok(out)
}

fn schema_registry(registry: &SchemaRegistry) -> Result<Map<String, Value>, JobFileError> {
    let mut out = Map::new();
    put(&mut out, "url", Some(registry.url.as_str()));
    put(&mut out, "user", registry.user.as_deref());
    let (field, password) = ("target.schema_registry.password", &registry.password);
    put_secret(&mut out, "registry_password", field, password.as_ref())?;
    if let Some(path) = &registry.ca_file {
        put(&mut out, "ca", Some(file_base64("target.schema_registry.ca_file", path)?));
    }
    Ok(out)
}

/// A table in v5's form.
fn table_object(table: &str, mapping: Option<&TableMapping>) -> Value {
    let Some(mapping) = mapping else {
        return json!({"name": table, "type": "table", "all": true});
    };
    let mut out = Map::new();
    put(&mut out, "name", Some(mapping.target.as_deref().unwrap_or(table)));
    put(&mut out, "type", Some("table"));
    put(&mut out, "all", Some(mapping.columns.is_none()));
    put(&mut out, "db_alias_name", mapping.database.as_deref());
    put(&mut out, "filter_conditions", mapping.filter.clone().map(|filter| vec![filter]));
    put(&mut out, "partition_columns", mapping.partition_columns.clone());
    let chosen = mapping.columns.iter().flatten();
    let columns: Map<String, Value> = chosen
        .chain(mapping.renamed.keys())
        .map(|column| {
            let name = mapping.renamed.get(column).unwrap_or(column);
            let is_chosen = mapping.columns.as_ref().is_some_and(|c| c.contains(column));
            (column.clone(), json!({"name": name, "filtered": is_chosen}))
        })
        .collect();
    let columns: Map<String, Value> =
        columns.into_iter().chain(mapping.added.iter().map(added_column)).collect();
    put(&mut out, "columns", Some(columns));
    Value::Object(out)
}

/// A column that the source does not have, in v5's form.
fn added_column((name, column): (&String, &AddedColumn)) -> (String, Value) {
    let mut out = Map::new();
    put(&mut out, "name", Some(name.as_str()));
    put(&mut out, "additional", Some(true));
    put(&mut out, "type", Some(column.r#type.name()));
    put(&mut out, "operation_type", Some(format!("ADDITIONALCOLUMN,{}", column.operation.name())));
    put(&mut out, "value", column.value.as_deref());
    (name.clone(), Value::Object(out))
}

impl Policy {
    /// The policy of a job to Kafka in v3's form.
    pub(super) fn kafka_request(&self, job_id: &str) -> Value {
        let mut out = Map::new();
        put(&mut out, "job_id", Some(job_id));
        put(&mut out, "topic_policy", Some(self.topic_policy.code()));
        put(&mut out, "topic", self.topic.as_deref());
        put(&mut out, "topic_name_format", self.topic_name_format.as_deref());
        put(&mut out, "partition_policy", Some(self.partition_policy.code()));
        put(&mut out, "kafka_data_format", self.kafka_data_format.as_deref());
        put(&mut out, "partitions_num", self.partitions_num.map(|n| n.to_string()));
        put(&mut out, "replication_factor", self.replication_factor.map(|n| n.to_string()));
        put(&mut out, "ddl_trans", Some(self.ddl_topic.is_some()));
        put(&mut out, "ddl_topic", self.ddl_topic.as_deref());
        put(&mut out, "transaction_topic", self.transaction_topic.as_deref());
        put(&mut out, "heartbeat_topic", self.heartbeat_topic.as_deref());
        put(&mut out, "heartbeat_interval_s", self.heartbeat_interval_s.map(|n| n.to_string()));
        put(&mut out, "message_headers", self.message_headers.as_deref());
        put(&mut out, "dead_letter_topic", self.dead_letter_topic.as_deref());
        put(&mut out, "debezium_modes", self.debezium_modes.as_deref());
        put(&mut out, "filter_ddl_policy", self.filter_ddl_policy.as_deref());
        put(&mut out, "subject_naming", self.subject_naming.as_deref());
        put(&mut out, "tombstones", self.tombstones.then_some(true));
        put(&mut out, "compression", self.compression.as_deref());
        put(&mut out, "dml_types", self.dml_types.as_deref());
        put(&mut out, "delivery", self.delivery.as_deref());
        put(&mut out, "progress_topic", self.progress_topic.as_deref());
        put(&mut out, "file_and_position", self.file_and_position.as_deref());
        put(&mut out, "gtid_set", self.gtid_set.as_deref());
        Value::Object(out)
    }
}
