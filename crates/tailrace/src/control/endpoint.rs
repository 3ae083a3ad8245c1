//! An endpoint of a job: the part that may be shown, and apart from it the part that must not.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::kafka_login::OAuthSettings;

use super::job::Attributes;
use super::refusal::{Refusal, Result};

/// Which end of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// `so`
    Source,
    /// `ta`
    Target,
}

impl Side {
    /// DRS's code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Source => "so",
            Self::Target => "ta",
        }
    }

    /// The side with this DRS code.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "so" => Some(Self::Source),
            "ta" => Some(Self::Target),
            _ => None,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// Kind of an endpoint, by DRS `db_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DbType {
    /// `mysql`
    Mysql,
    /// `taurus`
    Taurus,
    /// `oracle`
    Oracle,
    /// `kafka`
    Kafka,
    /// `gaussdbv5`: GaussDB Distributed
    GaussDbV5,
}

impl DbType {
    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Taurus => "taurus",
            Self::Oracle => "oracle",
            Self::Kafka => "kafka",
            Self::GaussDbV5 => "gaussdbv5",
        }
    }

    /// All kinds.
    const ALL: [Self; 5] = [Self::Mysql, Self::Taurus, Self::Oracle, Self::Kafka, Self::GaussDbV5];

    /// The kind with this wire name.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with the names allowed.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            Refusal::invalid("db_type", name, "mysql, taurus, oracle, kafka or gaussdbv5")
        })
    }
}

/// TLS towards a database, as given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EndpointTls {
    /// `ssl_link`
    pub enabled: bool,
    /// `ssl_cert_name`
    pub certificate_name: Option<String>,
    /// `ssl_cert_key`: CA certificates, PEM or Base64 of PEM, as given.
    pub certificate: Option<String>,
    /// `ssl_cert_check_sum`
    pub certificate_checksum: Option<String>,
    /// The server's name is checked: `ssl_client.verify_host`
    #[serde(default)]
    pub verify_host: bool,
}

/// `security.protocol` of Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SecurityProtocol {
    /// `PLAINTEXT`
    #[default]
    Plaintext,
    /// `SASL_PLAINTEXT`
    SaslPlaintext,
    /// `SASL_SSL`
    SaslSsl,
    /// `SSL`
    Ssl,
}

impl SecurityProtocol {
    /// Name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
            Self::Ssl => "SSL",
        }
    }

    /// The protocol with this wire name.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with the names allowed.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "PLAINTEXT" => Ok(Self::Plaintext),
            "SASL_PLAINTEXT" => Ok(Self::SaslPlaintext),
            "SASL_SSL" => Ok(Self::SaslSsl),
            "SSL" => Ok(Self::Ssl),
            other => Err(Refusal::invalid(
                "kafka_security_config.type",
                other,
                "PLAINTEXT, SASL_PLAINTEXT, SASL_SSL or SSL",
            )),
        }
    }

    /// Whether a SASL login belongs to it.
    pub fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    /// Whether TLS belongs to it.
    pub fn has_tls(self) -> bool {
        matches!(self, Self::SaslSsl | Self::Ssl)
    }
}

/// `kafka_security_config` without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KafkaSecurity {
    /// `type`
    pub protocol: SecurityProtocol,
    /// `sasl_mechanism` as given: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER` or `GSSAPI`.
    pub sasl_mechanism: Option<String>,
    /// Where the tokens of `OAUTHBEARER` come from.
    #[serde(default)]
    pub oauth: Option<Box<OAuthSettings>>,
    /// First part of the brokers' principals, for `GSSAPI`; `kafka` by default.
    #[serde(default)]
    pub kerberos_service_name: Option<String>,
    /// `delegation_tokens`; true is refused, the client library has none.
    pub delegation_tokens: Option<bool>,
    /// `trust_store_key_name`
    pub trust_store_name: Option<String>,
    /// `trust_store_key`: Base64 of the file, as given.
    pub trust_store: Option<String>,
    /// `endpoint_algorithm`; empty or absent turns the check of the host name off.
    pub endpoint_algorithm: Option<String>,
    /// `enable_key_store`
    pub key_store_enabled: Option<bool>,
    /// `key_store_key_name`
    pub key_store_name: Option<String>,
    /// `set_private_key_password`
    pub private_key_password_set: Option<bool>,
}

/// A schema registry beside a Kafka target, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RegistrySettings {
    /// Address with the path where Confluent's interface begins.
    pub url: String,
    /// User; without one the password is a bearer token.
    pub user: Option<String>,
    /// CA certificates, PEM or Base64 of PEM, as given; the system's if `None`.
    pub ca: Option<String>,
}

/// The part of an endpoint that may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `db_type`
    pub db_type: DbType,
    /// `ip`: host name or address of a database, or `host[:port],host[:port]…` of several servers or coordinators;
    /// `host:port[,host:port…]` of Kafka.
    /// Empty until saved.
    pub address: String,
    /// `db_port`; none for Kafka.
    pub port: Option<u16>,
    /// `db_user`
    pub user: Option<String>,
    /// `db_name`; of Oracle `serviceName.NAME`, `sid.NAME` or the service's name alone.
    pub database: Option<String>,
    /// TLS towards a database.
    pub tls: EndpointTls,
    /// Security of Kafka; `None` is `PLAINTEXT`.
    pub kafka: Option<KafkaSecurity>,
    /// Schema registry beside Kafka.
    #[serde(default)]
    pub registry: Option<RegistrySettings>,
    /// What DRS clients send and want back and what has no meaning here (instance, VPC, region …).
    #[serde(default)]
    pub attributes: Attributes,
}

impl Endpoint {
    /// An endpoint of a kind with nothing set.
    pub fn empty(db_type: DbType) -> Self {
        Self {
            db_type,
            address: String::new(),
            port: None,
            user: None,
            database: None,
            tls: EndpointTls::default(),
            kafka: None,
            registry: None,
            attributes: Attributes::new(),
        }
    }
}

/// The part of an endpoint that must not be shown. `None` keeps what is stored.
#[derive(Debug, Clone, Default)]
pub struct EndpointSecrets {
    /// `db_password`
    pub password: Option<SecretString>,
    /// `ssl_cert_password`
    pub certificate_password: Option<SecretString>,
    /// `trust_store_password`
    pub trust_store_password: Option<SecretString>,
    /// `key_store_key`: PEM or Base64 of the file; holds a private key. Also a source's `ssl_client.key_store_key`.
    pub key_store: Option<SecretString>,
    /// `key_store_password`
    pub key_store_password: Option<SecretString>,
    /// `key_password`
    pub key_password: Option<SecretString>,
    /// Password or token of the schema registry
    pub registry_password: Option<SecretString>,
}

/// An endpoint as a caller gives it.
#[derive(Debug, Clone)]
pub struct EndpointInput {
    /// The part that may be shown.
    pub endpoint: Endpoint,
    /// The part that must not.
    pub secrets: EndpointSecrets,
}
