//! `batch-connection` and `cluster/batch-connection`: connection tests that answer at once.

use axum::{http::StatusCode, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{
    api::{
        body::V3Body,
        call::ProjectCall,
        error::{ApiError, ErrorBody},
        json,
        message::Message,
        refusal::at,
        secret_text::SecretText,
    },
    control::{Caller, Control, Refusal, Result, endpoint::Side, query::ConnectionOutcome},
};

use super::{
    batch::{WholeError, answer, bad, check_count, refused},
    endpoint::{EndpointInput, KafkaSecurityInput},
};

/// Body of `batch-connection`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchTestConnectionReq)]
pub(crate) struct BatchTest {
    /// Ends to test, 1..=100; a job may appear once per end.
    #[serde(default)]
    pub jobs: Vec<TestEndpoint>,
}

/// An end to test. Names in camel case, as in the cluster form, are taken too.
#[derive(Debug, Default, Clone, Deserialize, ToSchema)]
#[schema(as = V3TestEndPoint)]
pub(crate) struct TestEndpoint {
    /// Job; comes from outside in the cluster form.
    pub id: Option<String>,
    /// `so` or `ta`
    #[serde(alias = "endPointType")]
    pub end_point_type: Option<String>,
    /// Kind.
    #[serde(alias = "dbType")]
    pub db_type: Option<String>,
    /// Host, or `host:port[,host:port…]` of Kafka.
    pub ip: Option<String>,
    /// Port.
    #[serde(alias = "dbPort")]
    pub db_port: Option<i64>,
    /// Account.
    #[serde(alias = "dbUser")]
    pub db_user: Option<String>,
    /// Password; absent is the stored one.
    #[serde(alias = "dbPassword")]
    pub db_password: Option<SecretText>,
    /// Database name.
    #[serde(alias = "dbName")]
    pub db_name: Option<String>,
    /// TLS.
    #[serde(alias = "sslLink")]
    pub ssl_link: Option<bool>,
    /// CA certificate, base64.
    #[serde(alias = "sslCertKey")]
    pub ssl_cert_key: Option<String>,
    /// Its file name.
    #[serde(alias = "sslCertName")]
    pub ssl_cert_name: Option<String>,
    /// Its check sum.
    #[serde(alias = "sslCertCheckSum")]
    pub ssl_cert_check_sum: Option<String>,
    /// Password of a .p12 file.
    #[serde(alias = "sslCertPassword")]
    pub ssl_cert_password: Option<SecretText>,
    /// Kafka's security settings.
    #[serde(alias = "kafkaSecurityConfig")]
    pub kafka_security_config: Option<KafkaSecurityInput>,
}

/// Answer of a connection test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3BatchConnectionAnswer)]
pub(crate) struct BatchTested {
    /// Number of results.
    pub count: usize,
    /// A result per end.
    pub results: Vec<TestedEndpoint>,
}

/// Result of a connection test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = V3CheckJobResp)]
pub(crate) struct TestedEndpoint {
    /// Job.
    pub id: String,
    /// `success` or `failed`
    pub status: &'static str,
    /// The same as a boolean.
    pub success: bool,
    /// Code, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Text, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_msg: Option<String>,
}

/// Tests connections and waits for the outcome.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/batch-connection", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = BatchTest,
    responses((status = 200, body = BatchTested), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_validate_connections(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<BatchTest>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    let mut items = Vec::with_capacity(body.jobs.len());
    for (i, endpoint) in body.jobs.into_iter().enumerate() {
        items.push(test(&control, &caller, &format!("jobs[{i}]"), endpoint).await);
    }
    Ok(answer(StatusCode::OK, WholeError::BadInput, items.len(), items))
}

/// Body of `cluster/batch-connection`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchSpecialTestConnectionReq)]
pub(crate) struct ClusterTest {
    /// Tests, 1..=100.
    #[serde(default)]
    pub jobs: Vec<ClusterAction>,
}

/// A test in the cluster form.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = V3BatchJobActionReq)]
pub(crate) struct ClusterAction {
    /// `testConnection`
    pub action: Option<String>,
    /// Job.
    pub job_id: Option<String>,
    /// JSON in a text: an array of exactly one end.
    pub property: Option<String>,
}

/// Tests connections of a job with two zones. The test is the same.
#[utoipa::path(post, path = "/v3/{project_id}/jobs/cluster/batch-connection", tag = "v3 jobs",
    params(("project_id" = String, Path)), request_body = ClusterTest,
    responses((status = 200, body = BatchTested), (status = 400, body = ErrorBody)))]
pub(crate) async fn batch_validate_clusters_connections(
    ProjectCall { control, caller }: ProjectCall,
    V3Body(body): V3Body<ClusterTest>,
) -> Result<Response, ApiError> {
    check_count(body.jobs.len(), "jobs")?;
    let mut items = Vec::with_capacity(body.jobs.len());
    for (i, action) in body.jobs.into_iter().enumerate() {
        let path = format!("jobs[{i}]");
        let endpoint = action.endpoint(&path).map_err(bad)?;
        items.push(test(&control, &caller, &format!("{path}.property"), endpoint).await);
    }
    Ok(answer(StatusCode::OK, WholeError::BadInput, items.len(), items))
}

impl ClusterAction {
    fn endpoint(self, path: &str) -> Result<TestEndpoint, Message> {
        let field = |name: &str| format!("{path}.{name}");
        let action = self.action.unwrap_or_default();
        if action != "testConnection" {
            return Err(Message::Invalid {
                field: field("action"),
                value: action,
                allowed: "testConnection".into(),
            });
        }
        let text = self.property.ok_or_else(|| Message::Missing { field: field("property") })?;
        let malformed = |message| match message {
            Message::Malformed { field: inner, detail } => Message::Malformed {
                field: crate::api::refusal::join(&field("property"), &inner),
                detail,
            },
            other => other,
        };
        let mut endpoints: Vec<TestEndpoint> =
            json::read_list(text.as_bytes()).map_err(malformed)?;
        match (endpoints.pop(), endpoints.is_empty()) {
            (Some(endpoint), true) => Ok(TestEndpoint { id: self.job_id, ..endpoint }),
            (_, _) => Err(Message::Malformed {
                field: field("property"),
                detail: "expected an array of exactly one end".into(),
            }),
        }
    }
}

async fn test(
    control: &Control,
    caller: &Caller,
    path: &str,
    endpoint: TestEndpoint,
) -> (Value, Option<ApiError>) {
    let id = endpoint.id.clone().unwrap_or_default();
    match run(control, caller, endpoint).await {
        Ok(outcome) => (json!(tested(id, outcome, caller)), None),
        Err(refusal) => {
            let error = refused(at(path, refusal));
            let ErrorBody { error_code, error_msg } = error.body(caller.language);
            let item = TestedEndpoint {
                id,
                status: "failed",
                success: false,
                error_code: Some(error_code),
                error_msg: Some(error_msg),
            };
            (json!(item), Some(error))
        }
    }
}

async fn run(
    control: &Control,
    caller: &Caller,
    endpoint: TestEndpoint,
) -> Result<ConnectionOutcome> {
    let missing = |field: &str| Refusal::Missing { field: field.to_owned() };
    let id = endpoint.id.clone().filter(|id| !id.is_empty()).ok_or_else(|| missing("id"))?;
    let side = endpoint.end_point_type.clone().ok_or_else(|| missing("end_point_type"))?;
    let side =
        Side::from_code(&side).ok_or_else(|| Refusal::invalid("end_point_type", side, "so, ta"))?;
    let job = control.get(caller, &id).await?;
    let kind = match side {
        Side::Source => job.engine.source(),
        Side::Target => job.engine.target(),
    };
    let input = endpoint.into_input().into_control(kind)?;
    control.connect_now(caller, &id, side, input).await
}

impl TestEndpoint {
    fn into_input(self) -> EndpointInput {
        EndpointInput {
            db_type: self.db_type,
            ip: self.ip,
            db_port: self.db_port,
            db_user: self.db_user,
            db_password: self.db_password,
            db_name: self.db_name,
            ssl_link: self.ssl_link,
            ssl_cert_key: self.ssl_cert_key,
            ssl_cert_name: self.ssl_cert_name,
            ssl_cert_check_sum: self.ssl_cert_check_sum,
            ssl_cert_password: self.ssl_cert_password,
            kafka_security_config: self.kafka_security_config,
            ..EndpointInput::default()
        }
    }
}

/// A test that ran and did not connect is no failed request: its item says so.
fn tested(id: String, outcome: ConnectionOutcome, caller: &Caller) -> TestedEndpoint {
    if outcome.success {
        let status = "success";
        return TestedEndpoint { id, status, success: true, error_code: None, error_msg: None };
    }
    let code = connection_code(outcome.error_kind.as_deref());
    let detail = outcome.error_message.unwrap_or_default();
    TestedEndpoint {
        id,
        status: "failed",
        success: false,
        error_code: Some(code.to_owned()),
        error_msg: Some(Message::ConnectionFailed { detail }.text(caller.language)),
    }
}

/// DRS has a code for a wrong user or password; the rest has the general one.
pub(crate) fn connection_code(kind: Option<&str>) -> &'static str {
    match kind {
        Some(kind) if kind.to_ascii_lowercase().contains("auth") => "DRS.KE0002",
        _ => "DRS.10000001",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(property: &str) -> Result<TestEndpoint, Message> {
        ClusterAction {
            action: Some("testConnection".into()),
            job_id: Some("j".into()),
            property: Some(property.into()),
        }
        .endpoint("jobs[0]")
    }

    #[test]
    fn the_cluster_form_is_an_array_of_one_end_in_a_text() {
        let text = r#"[{"db_type":"mysql","end_point_type":"so","ip":"h:3306","db_user":"u"}]"#;
        let endpoint = action(text).expect("valid");
        assert_eq!(endpoint.id.as_deref(), Some("j"));
        assert_eq!(endpoint.end_point_type.as_deref(), Some("so"));
        let endpoint = action(r#"[{"endPointType":"ta","dbType":"kafka"}]"#).expect("valid");
        assert_eq!(endpoint.end_point_type.as_deref(), Some("ta"));
    }

    #[test]
    fn damaged_properties_name_their_place() {
        for text in ["[]", "[{},{}]", "{}", "x", r#"[{"ip":1}]"#] {
            match action(text) {
                Err(Message::Malformed { field, .. }) => {
                    assert!(field.starts_with("jobs[0].property"), "{field}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_wrong_login_has_its_own_code() {
        assert_eq!(connection_code(Some("SourceAuthentication")), "DRS.KE0002");
        assert_eq!(connection_code(Some("TargetConnection")), "DRS.10000001");
        assert_eq!(connection_code(None), "DRS.10000001");
    }
}
