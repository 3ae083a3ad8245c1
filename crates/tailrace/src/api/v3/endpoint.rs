//! An end of a job in v3's flat form. It carries what Kafka needs; v5's form does not.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        kept::{keep, kept, non_empty},
        oauth::{OAuthInput, OAuthView},
        registry::{SchemaRegistryInput, SchemaRegistryView},
        secret_text::SecretText,
        ssl_client::{SslClientInput, SslClientView},
    },
    control::{
        Refusal, Result,
        endpoint::{
            DbType, Endpoint, EndpointInput as ControlInput, EndpointSecrets, EndpointTls,
            KafkaSecurity, SecurityProtocol,
        },
    },
};

/// An end of a job, as a client sends it.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V3EndpointInput)]
pub(crate) struct EndpointInput {
    /// `mysql` or `taurus` at the source, `kafka` at the target.
    pub db_type: Option<String>,
    /// Zone; kept.
    pub az_code: Option<String>,
    /// Region; kept.
    pub region: Option<String>,
    /// Cloud instance; kept.
    pub inst_id: Option<String>,
    /// Its name; kept.
    pub inst_name: Option<String>,
    /// VPC; kept.
    pub vpc_id: Option<String>,
    /// Subnet; kept.
    pub subnet_id: Option<String>,
    /// Security group; kept.
    pub security_group_id: Option<String>,
    /// Project; kept.
    pub project_id: Option<String>,
    /// Database name; kept.
    pub db_name: Option<String>,
    /// Account.
    pub db_user: Option<String>,
    /// Its password.
    pub db_password: Option<SecretText>,
    /// Port of a MySQL source; 0 or absent for Kafka.
    pub db_port: Option<i64>,
    /// Host of a MySQL source, or several servers with the same transactions, `host[:port],host[:port]…`; `host:port[,host:port…]`
    /// of Kafka.
    pub ip: Option<String>,
    /// TLS.
    pub ssl_link: Option<bool>,
    /// File name of the CA certificate.
    pub ssl_cert_name: Option<String>,
    /// CA certificate, base64 of the file.
    pub ssl_cert_key: Option<String>,
    /// Check sum of the file; kept.
    pub ssl_cert_check_sum: Option<String>,
    /// Password of a .p12 file.
    pub ssl_cert_password: Option<SecretText>,
    /// Topic of an MRS Kafka; kept.
    pub topic: Option<String>,
    /// MRS security mode, 0 or 1.
    pub safe_mode: Option<i64>,
    /// How to talk to Kafka.
    pub kafka_security_config: Option<KafkaSecurityInput>,
    /// Certificate of the client and check of the server's name, of a MySQL source: Tailrace's own
    pub ssl_client: Option<SslClientInput>,
    /// Schema registry beside Kafka: Tailrace's own
    pub schema_registry: Option<SchemaRegistryInput>,
}

/// Kafka's security settings, as a client sends them.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V3KafkaSecurityInput)]
pub(crate) struct KafkaSecurityInput {
    /// `PLAINTEXT`, `SASL_PLAINTEXT`, `SASL_SSL` or `SSL`.
    pub r#type: Option<String>,
    /// `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER` (Tailrace's own) or, where it is built in, `GSSAPI`.
    pub sasl_mechanism: Option<String>,
    /// Where the tokens of `OAUTHBEARER` come from: Tailrace's own
    pub oauth: Option<Box<OAuthInput>>,
    /// First part of the brokers' principals, `kafka` by default, for `GSSAPI`: Tailrace's own
    pub kerberos_service_name: Option<String>,
    /// Delegation token; not offered.
    pub delegation_tokens: Option<bool>,
    /// File name of the trust store.
    pub trust_store_key_name: Option<String>,
    /// Trust store, base64 of the .jks file.
    pub trust_store_key: Option<String>,
    /// Its password.
    pub trust_store_password: Option<SecretText>,
    /// `https` checks the broker's name, empty does not.
    pub endpoint_algorithm: Option<String>,
    /// Mutual TLS.
    pub enable_key_store: Option<bool>,
    /// File name of the key store.
    pub key_store_key_name: Option<String>,
    /// Key store, base64 of the .jks file.
    pub key_store_key: Option<SecretText>,
    /// Its password.
    pub key_store_password: Option<SecretText>,
    /// The private key has a password of its own.
    pub set_private_key_password: Option<bool>,
    /// That password.
    pub key_password: Option<SecretText>,
}

/// An end of a job, as it is answered: no password.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V3Endpoint)]
pub(crate) struct EndpointView {
    /// Kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_type: Option<String>,
    /// Zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub az_code: Option<String>,
    /// Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Cloud instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inst_id: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inst_name: Option<String>,
    /// VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// Subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// Security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group_id: Option<String>,
    /// Project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Topic of an MRS Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// MRS security mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe_mode: Option<i64>,
    /// Database name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_name: Option<String>,
    /// Account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_user: Option<String>,
    /// Port; 0 for Kafka.
    pub db_port: i64,
    /// Host or brokers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// TLS.
    pub ssl_link: bool,
    /// File name of the CA certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_cert_name: Option<String>,
    /// CA certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_cert_key: Option<String>,
    /// Its check sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_cert_check_sum: Option<String>,
    /// Kafka's security settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka_security_config: Option<KafkaSecurityView>,
    /// Check of the server's name, of a MySQL source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_client: Option<SslClientView>,
    /// Schema registry beside Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_registry: Option<SchemaRegistryView>,
}

/// Kafka's security settings, as they are answered: no password and no private key.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = V3KafkaSecurity)]
pub(crate) struct KafkaSecurityView {
    /// Protocol.
    pub r#type: String,
    /// Mechanism.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl_mechanism: Option<String>,
    /// Where tokens come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuthView>,
    /// First part of the brokers' principals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kerberos_service_name: Option<String>,
    /// Always false.
    pub delegation_tokens: bool,
    /// File name of the trust store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_store_key_name: Option<String>,
    /// Trust store, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_store_key: Option<String>,
    /// Name check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_algorithm: Option<String>,
    /// Mutual TLS.
    pub enable_key_store: bool,
    /// File name of the key store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_store_key_name: Option<String>,
    /// The private key has a password of its own.
    pub set_private_key_password: bool,
}

/// Names of an endpoint's values that are kept for the client.
const KEPT: &[&str] = &[
    "az_code",
    "region",
    "inst_id",
    "inst_name",
    "vpc_id",
    "subnet_id",
    "security_group_id",
    "project_id",
    "topic",
];

impl EndpointInput {
    /// The endpoint in control's form.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for another kind than the link's, or an impossible port.
    pub(crate) fn into_control(self, expected: DbType) -> Result<ControlInput> {
        if let Some(name) = non_empty(self.db_type)
            && DbType::parse(&name)? != expected
        {
            return Err(Refusal::invalid("db_type", name, expected.name()));
        }
        let mut endpoint = Endpoint::empty(expected);
        endpoint.address = self.ip.map(|ip| ip.trim().to_owned()).unwrap_or_default();
        endpoint.port = port(self.db_port)?;
        endpoint.user = non_empty(self.db_user);
        endpoint.database = non_empty(self.db_name);
        endpoint.tls = EndpointTls {
            enabled: self.ssl_link.unwrap_or(false),
            certificate_name: non_empty(self.ssl_cert_name),
            certificate: non_empty(self.ssl_cert_key),
            certificate_checksum: non_empty(self.ssl_cert_check_sum),
            verify_host: false,
        };
        let values = [
            self.az_code,
            self.region,
            self.inst_id,
            self.inst_name,
            self.vpc_id,
            self.subnet_id,
            self.security_group_id,
            self.project_id,
            self.topic,
        ];
        for (name, value) in KEPT.iter().zip(values) {
            keep(&mut endpoint.attributes, name, value);
        }
        keep(&mut endpoint.attributes, "safe_mode", self.safe_mode);

        let mut secrets = EndpointSecrets {
            password: secret(self.db_password),
            certificate_password: secret(self.ssl_cert_password),
            ..EndpointSecrets::default()
        };
        if let Some(input) = self.ssl_client {
            if expected == DbType::Kafka {
                let allowed = "kafka_security_config of a Kafka target";
                return Err(Refusal::invalid("ssl_client", "an object", allowed));
            }
            endpoint.tls.verify_host = input.into_control(&mut secrets);
        }
        if let Some(security) = self.kafka_security_config {
            endpoint.kafka = Some(security.into_control(&mut secrets)?);
        }
        endpoint.registry = self.schema_registry.and_then(|input| input.into_control(&mut secrets));
        Ok(ControlInput { endpoint, secrets })
    }
}

impl KafkaSecurityInput {
    /// The settings in control's form; their secrets go to `secrets`.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for an unknown protocol.
    pub(crate) fn into_control(self, secrets: &mut EndpointSecrets) -> Result<KafkaSecurity> {
        secrets.trust_store_password = secret(self.trust_store_password);
        secrets.key_store = secret(self.key_store_key);
        secrets.key_store_password = secret(self.key_store_password);
        secrets.key_password = secret(self.key_password);
        Ok(KafkaSecurity {
            protocol: match non_empty(self.r#type) {
                Some(name) => SecurityProtocol::parse(&name)?,
                None => SecurityProtocol::default(),
            },
            sasl_mechanism: non_empty(self.sasl_mechanism),
            oauth: self.oauth.map(|oauth| Box::new(oauth.into_control())),
            kerberos_service_name: non_empty(self.kerberos_service_name),
            delegation_tokens: self.delegation_tokens,
            trust_store_name: non_empty(self.trust_store_key_name),
            trust_store: non_empty(self.trust_store_key),
            endpoint_algorithm: non_empty(self.endpoint_algorithm),
            key_store_enabled: self.enable_key_store,
            key_store_name: non_empty(self.key_store_key_name),
            private_key_password_set: self.set_private_key_password,
        })
    }
}

impl EndpointView {
    /// The endpoint as v3 answers it.
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        let text = |name: &str| kept::<String>(&endpoint.attributes, name);
        Self {
            db_type: Some(endpoint.db_type.name().to_owned()),
            az_code: text("az_code"),
            region: text("region"),
            inst_id: text("inst_id"),
            inst_name: text("inst_name"),
            vpc_id: text("vpc_id"),
            subnet_id: text("subnet_id"),
            security_group_id: text("security_group_id"),
            project_id: text("project_id"),
            topic: text("topic"),
            safe_mode: kept(&endpoint.attributes, "safe_mode"),
            db_name: endpoint.database.clone(),
            db_user: endpoint.user.clone(),
            db_port: endpoint.port.map_or(0, i64::from),
            ip: non_empty(Some(endpoint.address.clone())),
            ssl_link: endpoint.tls.enabled,
            ssl_cert_name: endpoint.tls.certificate_name.clone(),
            ssl_cert_key: endpoint.tls.certificate.clone(),
            ssl_cert_check_sum: endpoint.tls.certificate_checksum.clone(),
            kafka_security_config: endpoint.kafka.as_ref().map(KafkaSecurityView::of),
            ssl_client: SslClientView::of(endpoint.tls.verify_host),
            schema_registry: endpoint.registry.as_ref().map(SchemaRegistryView::of),
        }
    }
}

impl KafkaSecurityView {
    /// The settings as they are answered.
    pub(crate) fn of(security: &KafkaSecurity) -> Self {
        Self {
            r#type: security.protocol.name().to_owned(),
            sasl_mechanism: security.sasl_mechanism.clone(),
            oauth: security.oauth.as_deref().map(OAuthView::of),
            kerberos_service_name: security.kerberos_service_name.clone(),
            delegation_tokens: security.delegation_tokens.unwrap_or(false),
            trust_store_key_name: security.trust_store_name.clone(),
            trust_store_key: security.trust_store.clone(),
            endpoint_algorithm: security.endpoint_algorithm.clone(),
            enable_key_store: security.key_store_enabled.unwrap_or(false),
            key_store_key_name: security.key_store_name.clone(),
            set_private_key_password: security.private_key_password_set.unwrap_or(false),
        }
    }
}

/// 0 is none: Terraform sends it for Kafka.
fn port(port: Option<i64>) -> Result<Option<u16>> {
    match port {
        None | Some(0) => Ok(None),
        Some(number) => match u16::try_from(number) {
            Ok(port) => Ok(Some(port)),
            Err(_) => Err(Refusal::invalid("db_port", number, "1..=65535, or 0 for Kafka")),
        },
    }
}

fn secret(text: Option<SecretText>) -> Option<secrecy::SecretString> {
    text.filter(|text| !text.is_empty()).map(SecretText::into_secret)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::api::json;

    fn input(value: serde_json::Value) -> EndpointInput {
        json::read(value.to_string().as_bytes()).expect("an endpoint")
    }

    #[test]
    fn what_a_client_sends_comes_back_without_its_secrets() {
        let sent = json!({
            "db_type": "kafka", "ip": "a:9092,b:9092", "db_port": 0, "db_user": "u",
            "db_password": "pw-1", "region": "r", "vpc_id": "v", "subnet_id": "", "inst_id": null,
            "kafka_security_config": {
                "type": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", "delegation_tokens": false,
                "trust_store_key_name": "t.jks", "trust_store_key": "dA==",
                "trust_store_password": "pw-2", "endpoint_algorithm": "https",
                "enable_key_store": true, "key_store_key_name": "k.jks", "key_store_key": "pw-3",
                "key_store_password": "pw-4", "set_private_key_password": true,
                "key_password": "pw-5"
            },
            "schema_registry": {"url": "http://r:8081", "user": "ru", "registry_password": "pw-6"}
        });
        let control = input(sent).into_control(DbType::Kafka).expect("valid");
        let secrets = &control.secrets;
        let exposed = |s: &Option<secrecy::SecretString>| {
            s.as_ref().map(|s| s.expose_secret().to_owned()).unwrap_or_default()
        };
        assert_eq!(exposed(&secrets.password), "pw-1");
        assert_eq!(exposed(&secrets.trust_store_password), "pw-2");
        assert_eq!(exposed(&secrets.key_store), "pw-3");
        assert_eq!(exposed(&secrets.key_store_password), "pw-4");
        assert_eq!(exposed(&secrets.key_password), "pw-5");
        assert_eq!(exposed(&secrets.registry_password), "pw-6");

        let view = serde_json::to_value(EndpointView::of(&control.endpoint)).expect("JSON");
        assert!(!view.to_string().contains("pw-"), "{view}");
        assert_eq!(
            view,
            json!({
                "db_type": "kafka", "ip": "a:9092,b:9092", "db_port": 0, "db_user": "u",
                "region": "r", "vpc_id": "v", "ssl_link": false,
                "kafka_security_config": {
                    "type": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512",
                    "delegation_tokens": false, "trust_store_key_name": "t.jks",
                    "trust_store_key": "dA==", "endpoint_algorithm": "https",
                    "enable_key_store": true, "key_store_key_name": "k.jks",
                    "set_private_key_password": true
                },
                "schema_registry": {"url": "http://r:8081", "user": "ru"}
            })
        );
    }

    #[test]
    fn kind_and_port_are_checked() {
        let of = |value| input(value).into_control(DbType::Mysql).map(|i| i.endpoint.port);
        assert_eq!(of(json!({"db_type": "mysql", "db_port": 3306})), Ok(Some(3306)));
        assert_eq!(of(json!({})), Ok(None));
        assert_eq!(
            of(json!({"db_type": "kafka"})),
            Err(Refusal::invalid("db_type", "kafka", "mysql"))
        );
        assert!(of(json!({"db_type": "oracle"})).is_err());
        for port in [-1, 65536, i64::MAX] {
            assert!(of(json!({"db_port": port})).is_err());
        }
    }
}
