//! An end of a job in v5's nested form.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        kept::{keep, kept, non_empty},
        refusal::at,
        registry::{SchemaRegistryInput, SchemaRegistryView},
        secret_text::SecretText,
        ssl_client::{SslClientInput, SslClientView},
        text_or_integer::TextOrInteger,
        v3::endpoint::{EndpointInput, KafkaSecurityInput, KafkaSecurityView},
    },
    control::{
        Refusal, Result,
        connections::CONNECTION_ID,
        endpoint::{DbType, Endpoint, EndpointInput as ControlInput, Side},
    },
};

/// An end of a job, as a client sends it.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
pub(crate) struct JobEndpointInput {
    /// `mysql` or `taurus` at the source, `kafka` at the target.
    pub db_type: Option<String>,
    /// `offline`, `ecs` or `cloud`; kept.
    pub endpoint_type: Option<String>,
    /// `so` or `ta`.
    pub endpoint_role: Option<String>,
    /// Address and account.
    pub endpoint: Option<BaseEndpointInput>,
    /// Region and project; kept.
    pub cloud: Option<CloudInfo>,
    /// Network; kept.
    pub vpc: Option<VpcInfo>,
    /// Settings of the target; kept.
    pub config: Option<EndpointConfig>,
    /// TLS.
    pub ssl: Option<SslInput>,
    /// Name servers; not offered.
    pub customized_dns: Option<CustomizedDns>,
}

/// Address and account, as a client sends them.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
pub(crate) struct BaseEndpointInput {
    /// Of a stored connection, whose settings count where nothing else is given; others are ignored.
    pub id: Option<String>,
    /// `mysql`, `ecs_mysql`, `cloud_mysql`, `taurus`, `cloud_taurus`, `kafka` …; kept.
    pub endpoint_name: Option<String>,
    /// Host of a MySQL source, or several servers with the same transactions, `host[:port],host[:port]…`; `host:port[,host:port…]`
    /// of Kafka.
    pub ip: Option<String>,
    /// Port as text; an integer is taken too.
    pub db_port: Option<TextOrInteger>,
    /// Account.
    pub db_user: Option<String>,
    /// Its password.
    pub db_password: Option<SecretText>,
    /// Cloud instance; kept.
    pub instance_id: Option<String>,
    /// Its name; kept.
    pub instance_name: Option<String>,
    /// Database name; kept.
    pub db_name: Option<String>,
    /// Kafka's security settings: an extension, DRS v5 has no member for them.
    pub kafka_security_config: Option<KafkaSecurityInput>,
    /// Schema registry beside Kafka: Tailrace's own
    pub schema_registry: Option<SchemaRegistryInput>,
}

/// Region and project.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub(crate) struct CloudInfo {
    /// Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub az_code: Option<String>,
}

/// Network.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub(crate) struct VpcInfo {
    /// VPC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// Subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    /// Security group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group_id: Option<String>,
}

/// Settings of the target.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub(crate) struct EndpointConfig {
    /// Target is read-only for others; kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_target_readonly: Option<bool>,
    /// Number of nodes; kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_num: Option<i64>,
}

/// TLS, as a client sends it.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
pub(crate) struct SslInput {
    /// Use TLS.
    pub ssl_link: Option<bool>,
    /// File name of the CA certificate.
    pub ssl_cert_name: Option<String>,
    /// CA certificate, base64 of the file.
    pub ssl_cert_key: Option<String>,
    /// Check sum; kept.
    pub ssl_cert_check_sum: Option<String>,
    /// Password of a .p12 file.
    pub ssl_cert_password: Option<SecretText>,
    /// Certificate of the client and check of the server's name: Tailrace's own
    pub ssl_client: Option<SslClientInput>,
}

/// Name servers of a job.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
pub(crate) struct CustomizedDns {
    /// Whether there are any.
    pub is_set_dns: Option<bool>,
}

/// An end of a job, as it is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct JobEndpointView {
    /// Kind.
    pub db_type: String,
    /// Where it is.
    pub endpoint_type: String,
    /// `so` or `ta`.
    pub endpoint_role: &'static str,
    /// Address and account.
    pub endpoint: BaseEndpointView,
    /// Region and project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud: Option<CloudInfo>,
    /// Network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc: Option<VpcInfo>,
    /// Settings of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<EndpointConfig>,
    /// TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl: Option<SslView>,
}

/// Address and account, as they are answered: no password.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BaseEndpointView {
    /// Id of the end: the job's id and the role.
    pub id: String,
    /// Kind and place.
    pub endpoint_name: String,
    /// Host or brokers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Port as text; absent for Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_port: Option<String>,
    /// Account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_user: Option<String>,
    /// Cloud instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// Database name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub db_name: Option<String>,
    /// Kafka's security settings: an extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka_security_config: Option<KafkaSecurityView>,
    /// Schema registry beside Kafka.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_registry: Option<SchemaRegistryView>,
}

/// TLS, as it is answered.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SslView {
    /// Use TLS.
    pub ssl_link: bool,
    /// File name of the CA certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_cert_name: Option<String>,
    /// Check sum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_cert_check_sum: Option<String>,
    /// Check of the server's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_client: Option<SslClientView>,
}

impl JobEndpointInput {
    /// The endpoint in control's form.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] for another role or kind than expected, or an impossible port.
    pub(crate) fn into_control(self, side: Side, expected: DbType) -> Result<ControlInput> {
        if let Some(role) = non_empty(self.endpoint_role)
            && role != side.code()
        {
            return Err(Refusal::invalid("endpoint_role", role, side.code()));
        }
        if self.customized_dns.is_some_and(|dns| dns.is_set_dns == Some(true)) {
            return Err(Refusal::Unsupported {
                what: "customized_dns".into(),
                instead: "is_set_dns false: names are resolved by the server's own resolver".into(),
            });
        }
        let endpoint = self.endpoint.unwrap_or_default();
        let cloud = self.cloud.unwrap_or_default();
        let vpc = self.vpc.unwrap_or_default();
        let ssl = self.ssl.unwrap_or_default();
        let input = EndpointInput {
            db_type: self.db_type,
            az_code: cloud.az_code,
            region: cloud.region,
            project_id: cloud.project_id,
            vpc_id: vpc.vpc_id,
            subnet_id: vpc.subnet_id,
            security_group_id: vpc.security_group_id,
            inst_id: endpoint.instance_id,
            inst_name: endpoint.instance_name,
            db_name: endpoint.db_name,
            db_user: endpoint.db_user,
            db_password: endpoint.db_password,
            db_port: port(endpoint.db_port).map_err(|r| at("endpoint", r))?,
            ip: endpoint.ip,
            ssl_link: ssl.ssl_link,
            ssl_cert_name: ssl.ssl_cert_name,
            ssl_cert_key: ssl.ssl_cert_key,
            ssl_cert_check_sum: ssl.ssl_cert_check_sum,
            ssl_cert_password: ssl.ssl_cert_password,
            ssl_client: ssl.ssl_client,
            kafka_security_config: endpoint.kafka_security_config,
            schema_registry: endpoint.schema_registry,
            ..EndpointInput::default()
        };
        let mut input = input.into_control(expected)?;
        let attributes = &mut input.endpoint.attributes;
        keep(attributes, "endpoint_type", self.endpoint_type);
        keep(attributes, "endpoint_name", endpoint.endpoint_name);
        keep(attributes, CONNECTION_ID, non_empty(endpoint.id));
        keep(attributes, "config", self.config);
        Ok(input)
    }
}

/// Reads the ends of one side: DRS sends a list, a job has one.
pub(crate) fn one_endpoint(
    field: &str,
    list: Vec<JobEndpointInput>,
    side: Side,
    expected: DbType,
) -> Result<Option<ControlInput>> {
    let n = list.len();
    let mut list = list.into_iter();
    match (list.next(), n) {
        (None, _) => Ok(None),
        (Some(endpoint), 1) => endpoint
            .into_control(side, expected)
            .map(Some)
            .map_err(|r| at(&format!("{field}[0]"), r)),
        _ => Err(Refusal::invalid(field, format!("{n} endpoints"), "exactly one")),
    }
}

fn port(text: Option<TextOrInteger>) -> Result<Option<i64>> {
    let Some(TextOrInteger(text)) = text.filter(|t| !t.0.is_empty()) else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| Refusal::invalid("db_port", text, "1..=65535 as text, or none for Kafka"))
}

impl JobEndpointView {
    /// The endpoint as v5 answers it.
    pub(crate) fn of(job_id: &str, side: Side, endpoint: &Endpoint) -> Self {
        let text = |name: &str| kept::<String>(&endpoint.attributes, name);
        let cloud = CloudInfo {
            region: text("region"),
            project_id: text("project_id"),
            az_code: text("az_code"),
        };
        let vpc = VpcInfo {
            vpc_id: text("vpc_id"),
            subnet_id: text("subnet_id"),
            security_group_id: text("security_group_id"),
        };
        let kind = endpoint.db_type.name();
        Self {
            db_type: kind.to_owned(),
            endpoint_type: text("endpoint_type").unwrap_or_else(|| "offline".to_owned()),
            endpoint_role: side.code(),
            endpoint: BaseEndpointView {
                id: format!("{job_id}-{}", side.code()),
                endpoint_name: text("endpoint_name").unwrap_or_else(|| kind.to_owned()),
                ip: non_empty(Some(endpoint.address.clone())),
                db_port: endpoint.port.map(|port| port.to_string()),
                db_user: endpoint.user.clone(),
                instance_id: text("inst_id"),
                instance_name: text("inst_name"),
                db_name: endpoint.database.clone(),
                kafka_security_config: endpoint.kafka.as_ref().map(KafkaSecurityView::of),
                schema_registry: endpoint.registry.as_ref().map(SchemaRegistryView::of),
            },
            cloud: (cloud != CloudInfo::default()).then_some(cloud),
            vpc: (vpc != VpcInfo::default()).then_some(vpc),
            config: kept(&endpoint.attributes, "config"),
            ssl: (endpoint.db_type != DbType::Kafka).then(|| SslView {
                ssl_link: endpoint.tls.enabled,
                ssl_cert_name: endpoint.tls.certificate_name.clone(),
                ssl_cert_check_sum: endpoint.tls.certificate_checksum.clone(),
                ssl_client: SslClientView::of(endpoint.tls.verify_host),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::json;

    fn list(value: Value) -> Vec<JobEndpointInput> {
        json::read_list(value.to_string().as_bytes()).expect("endpoints")
    }

    #[test]
    fn what_a_client_sends_comes_back_without_its_password() {
        let sent = json!([{
            "db_type": "mysql", "endpoint_type": "cloud", "endpoint_role": "so",
            "endpoint": {"endpoint_name": "cloud_mysql", "ip": "10.0.0.1", "db_port": "3306",
                         "db_user": "u", "db_password": "pw", "instance_id": "i"},
            "cloud": {"region": "r", "project_id": "p"}, "vpc": {"vpc_id": "v"},
            "config": {"is_target_readonly": true}, "ssl": {"ssl_link": false}
        }]);
        let input = one_endpoint("source_endpoint", list(sent), Side::Source, DbType::Mysql)
            .expect("valid")
            .expect("one");
        assert!(input.secrets.password.is_some());
        let view = JobEndpointView::of("j", Side::Source, &input.endpoint);
        assert_eq!(
            serde_json::to_value(view).expect("JSON"),
            json!({
                "db_type": "mysql", "endpoint_type": "cloud", "endpoint_role": "so",
                "endpoint": {"id": "j-so", "endpoint_name": "cloud_mysql", "ip": "10.0.0.1",
                             "db_port": "3306", "db_user": "u", "instance_id": "i"},
                "cloud": {"region": "r", "project_id": "p"}, "vpc": {"vpc_id": "v"},
                "config": {"is_target_readonly": true}, "ssl": {"ssl_link": false}
            })
        );
    }

    #[test]
    fn number_role_and_port_are_checked() {
        let read =
            |value| one_endpoint("source_endpoint", list(value), Side::Source, DbType::Mysql);
        let field = |value| match read(value) {
            Err(Refusal::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert!(read(json!([])).expect("valid").is_none());
        assert_eq!(field(json!([{}, {}])), "source_endpoint");
        assert_eq!(field(json!([{"endpoint_role": "ta"}])), "source_endpoint[0].endpoint_role");
        assert_eq!(
            field(json!([{"endpoint": {"db_port": "x"}}])),
            "source_endpoint[0].endpoint.db_port"
        );
        assert_eq!(field(json!([{"db_type": "kafka"}])), "source_endpoint[0].db_type");
        let dns = json!([{"customized_dns": {"is_set_dns": true}}]);
        assert!(matches!(read(dns), Err(Refusal::Unsupported { .. })));
    }
}
