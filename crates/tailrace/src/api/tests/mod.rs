//! The API as a whole: requests as clients make them, over the real control plane with a store in a
//! temporary directory and scripted data paths.

mod answers;
mod audit;
mod authentication;
mod bad_input;
mod batches;
mod commands;
mod compare;
mod compare_v3;
mod conformance;
mod coverage;
mod dirty_data;
mod document;
mod files;
mod iam;
mod iam_directory;
mod iam_roles;
mod life;
mod object_file;
mod offers;
mod origin;
mod permissions;
mod rate;
mod rules;
mod runner;
mod terraform;
mod v3;
mod v5;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::Sha256;
use tower::ServiceExt;

use self::runner::{Script, ScriptedRunner};
use super::{
    auth::sign_for_test,
    origin::{ForwardedHeader, TrustedProxies},
    router::router_of,
    state::{ApiLimits, ApiState},
};
use crate::{
    audit::{AuditBounds, AuditLog},
    clock::{Clock, ManualClock},
    control::{
        Bounds, Control, ControlParts,
        iam::{BootstrapValues, Credentials},
    },
    secret::{MasterKey, Vault},
    store::{Store, sqlite::SqliteStore},
};

pub(super) const PROJECT: &str = "054ba152d480d55b2f5dc0069e7ddef0";
pub(super) const AK: &str = "AKEXAMPLE0000000001";
pub(super) const SK: &str = "sk-example-0000000000000000000000000001";
pub(super) const PASSWORD: &str = "password-of-the-administrator";
/// 2026-11-24T02:00:00Z
const NOW_MS: i64 = 1_795_485_600_000;
/// Time a job may take to reach a state; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server in a temporary directory.
pub(super) struct Server {
    router: Router,
    pub(super) state: ApiState,
    pub(super) clock: Arc<ManualClock>,
    script: Arc<Script>,
    dir: tempfile::TempDir,
}

/// A user who signs with an access key.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) id: String,
    pub(super) ak: String,
    pub(super) sk: String,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    /// The same, as it came.
    pub(super) raw: Vec<u8>,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::start_with(ApiLimits::default()).await
    }

    pub(super) async fn start_with(limits: ApiLimits) -> Self {
        Self::start_at(NOW_MS, limits).await
    }

    /// A server whose clock stands at this time.
    pub(super) async fn start_at(now_ms: i64, limits: ApiLimits) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = SqliteStore::open(&dir.path().join("t.db")).await.expect("a store");
        let store: Arc<dyn Store> = Arc::new(store);
        let master = MasterKey::generate().expect("a key");
        let keys = [Vault::make_key(&master, 1).expect("a key")];
        store.put_data_keys(&keys).await.expect("stored");
        let vault = Arc::new(Vault::open(&master, &keys).expect("a vault"));
        let values = BootstrapValues {
            project_id: Some(PROJECT.into()),
            project_name: Some("local-1".into()),
            domain: Some("tailrace".into()),
            user: Some("admin".into()),
            password: Some(SecretString::from(PASSWORD)),
            ak: Some(AK.into()),
            sk: Some(SecretString::from(SK)),
        };
        Credentials::bootstrap(store.as_ref(), &vault, dir.path(), values, now_ms)
            .await
            .expect("credentials");
        let clock = Arc::new(ManualClock::new(now_ms));
        let script = Arc::new(Script::default());
        let bounds = Bounds {
            tick: Duration::from_millis(10),
            scan_interval: Duration::from_millis(50),
            ..Bounds::default()
        };
        let control = Control::start_up(ControlParts {
            store,
            vault,
            runner: Arc::new(ScriptedRunner(Arc::clone(&script))),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            owner: "test".into(),
            bounds,
        })
        .await
        .expect("a control plane");
        let audit = AuditLog::open(dir.path(), AuditBounds::default()).expect("an audit log");
        let state = ApiState {
            control,
            limits,
            proxies: Arc::new(TrustedProxies {
                networks: vec!["10.0.0.0/8".parse().expect("a network")],
                header: ForwardedHeader::XForwarded,
            }),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            audit: Some(audit),
        };
        Self { router: router_of(state.clone()), state, clock, script, dir }
    }

    /// Sends a request as it is. What is answered has to be what the document says.
    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 22).await.expect("a body");
        let id = parts.headers.get("x-request-id").expect("every answer has a request id");
        assert_eq!(id.len(), 32);
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)))
        };
        let raw = bytes.to_vec();
        let answer = Answer { status: parts.status, headers: parts.headers, body, raw };
        conformance::check(&method, &path, &answer);
        answer
    }

    /// Sends a signed request with a JSON body, if there is one.
    pub(super) async fn call(&self, method: Method, uri: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.send(self.signed(method, uri, body.into_bytes(), &[])).await
    }

    /// The same by another user than the administrator.
    pub(super) async fn call_as(
        &self,
        who: &Signer,
        method: Method,
        uri: &str,
        body: Option<Value>,
    ) -> Answer {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.send(self.signed_by(who, method, uri, body.into_bytes(), &[])).await
    }

    /// A request signed with the administrator's key at the server's time.
    pub(super) fn signed(
        &self,
        method: Method,
        uri: &str,
        body: Vec<u8>,
        extra: &[(&str, &str)],
    ) -> Request<Body> {
        let administrator = Signer { id: String::new(), ak: AK.into(), sk: SK.into() };
        self.signed_by(&administrator, method, uri, body, extra)
    }

    /// A request signed with a user's key at the server's time.
    pub(super) fn signed_by(
        &self,
        who: &Signer,
        method: Method,
        uri: &str,
        body: Vec<u8>,
        extra: &[(&str, &str)],
    ) -> Request<Body> {
        let now = jiff::Timestamp::from_millisecond(self.clock.now_ms()).expect("a time");
        let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::HOST, "tailrace.test")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-sdk-date", &date);
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        let text = sign_for_test(&request, &["host", "x-sdk-date"], &body);
        let mut mac = Hmac::<Sha256>::new_from_slice(who.sk.as_bytes()).expect("any key");
        mac.update(format!("SDK-HMAC-SHA256\n{date}\n{text}").as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let value = format!(
            "SDK-HMAC-SHA256 Access={}, SignedHeaders=host;x-sdk-date, Signature={signature}",
            who.ak
        );
        let (mut parts, ()) = request.into_parts();
        parts.headers.insert(header::AUTHORIZATION, value.parse().expect("a header value"));
        Request::from_parts(parts, Body::from(body))
    }

    pub(super) async fn get(&self, uri: &str) -> Answer {
        self.call(Method::GET, uri, None).await
    }

    pub(super) async fn post(&self, uri: &str, body: Value) -> Answer {
        self.call(Method::POST, uri, Some(body)).await
    }

    pub(super) async fn put(&self, uri: &str, body: Value) -> Answer {
        self.call(Method::PUT, uri, Some(body)).await
    }

    pub(super) async fn delete(&self, uri: &str, body: Option<Value>) -> Answer {
        self.call(Method::DELETE, uri, body).await
    }

    /// Waits until a job has a status.
    pub(super) async fn wait_for(&self, job_id: &str, status: &str) {
        let uri = v5(&format!("jobs/{job_id}?type=detail"));
        let mut last = Value::Null;
        let reached = async {
            let mut looks = tokio::time::interval(Duration::from_millis(5));
            loop {
                looks.tick().await;
                let answer = self.get(&uri).await;
                last = answer.body["job"]["status"].clone();
                if last == status {
                    return;
                }
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, reached).await;
        assert!(outcome.is_ok(), "waited for {status} in vain, the job is {last}");
    }

    /// Asks again and again until an answer is as wanted.
    pub(super) async fn until(&self, uri: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let look = async {
            let mut looks = tokio::time::interval(Duration::from_millis(5));
            loop {
                looks.tick().await;
                let answer = self.get(uri).await;
                if wanted(&answer) {
                    return answer;
                }
            }
        };
        tokio::time::timeout(PATIENCE, look).await.expect("the answer comes in time")
    }

    /// Makes a job by v3 and waits until it can be configured.
    pub(super) async fn make_job(&self, name: &str) -> String {
        let answer = self.post(&v3("jobs/batch-creation"), json!({"jobs": [new_job(name)]})).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let id = answer.body["results"][0]["id"].as_str().expect("an id").to_owned();
        self.wait_for(&id, "CONFIGURATION").await;
        id
    }

    /// Selects databases.
    pub(super) async fn select(&self, id: &str, databases: &[&str]) -> Answer {
        let info: serde_json::Map<_, _> =
            databases.iter().map(|name| ((*name).to_owned(), json!({"all": true}))).collect();
        let objects = json!({"job": {"type": "db_object", "params": {"db_object": {
            "object_scope": "database", "object_info": info}}}});
        self.put(&v5(&format!("jobs/{id}")), objects).await
    }

    /// Sets a job's policy.
    pub(super) async fn set_policy(&self, id: &str, mut policy: Value) {
        policy["job_id"] = id.into();
        let answer = self.post(&v3("jobs/batch-sync-policy"), json!({"jobs": [policy]})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.body["results"][0]["status"], "success", "{answer:?}");
    }

    /// Makes a job, configures it and lets it pass the precheck.
    pub(super) async fn make_ready_job(&self, name: &str) -> String {
        self.make_ready_job_of(name, &["shop"]).await
    }

    /// Makes a job for some databases, configures it and lets it pass the precheck.
    pub(super) async fn make_ready_job_of(&self, name: &str, databases: &[&str]) -> String {
        let id = self.make_job(name).await;
        self.set_policy(&id, json!({"topic_policy": "0", "topic": "t"})).await;
        let answer = self.select(&id, databases).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        self.precheck(&id, "forStartJob").await;
        id
    }

    /// Runs a precheck to its end.
    pub(super) async fn precheck(&self, id: &str, mode: &str) {
        let action = json!({"job": {"action_name": "precheck",
            "action_params": {"precheck_mode": mode}}});
        let answer = self.post(&v5(&format!("jobs/{id}/action")), action).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let query = answer.body["query_id"].as_str().expect("a query id").to_owned();
        let uri = v5(&format!("jobs/{id}?type=precheck&query_id={query}"));
        self.until(&uri, |a| a.body["job"]["precheck_result"]["process"] == "100%").await;
    }

    /// Does one of the actions that answer `success`.
    pub(super) async fn action(&self, id: &str, name: &str) -> Answer {
        let uri = v5(&format!("jobs/{id}/action"));
        self.post(&uri, json!({"job": {"action_name": name}})).await
    }

    /// Makes a job that runs.
    pub(super) async fn make_running_job(&self, name: &str) -> String {
        let id = self.make_ready_job(name).await;
        let answer = self.action(&id, "start").await;
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &json!({"status": "success"})));
        self.wait_for(&id, "INCRE_TRANSFER_STARTED").await;
        id
    }
}

pub(super) fn v3(path: &str) -> String {
    format!("/v3/{PROJECT}/{path}")
}

pub(super) fn v5(path: &str) -> String {
    format!("/v5/{PROJECT}/{path}")
}

/// A job as Terraform makes it.
pub(super) fn new_job(name: &str) -> Value {
    json!({
        "name": name, "db_use_type": "sync", "engine_type": "mysql-to-kafka",
        "job_direction": "down", "net_type": "vpc", "node_type": "high",
        "task_type": "FULL_INCR_TRANS", "customize_sutnet_id": "s", "expired_days": "14",
        "source_endpoint": {"db_type": "mysql", "ip": "db.test", "db_port": 3306, "db_user": "u",
                            "db_password": "pw-source", "inst_id": "i"},
        "target_endpoint": {"db_type": "kafka", "ip": "k.test:9092", "db_port": 0}
    })
}

/// Checks an error answer of DRS.
#[track_caller]
pub(super) fn assert_error(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert_eq!(answer.body["error_code"], code, "{answer:?}");
    let text = answer.body["error_msg"].as_str().expect("a text");
    assert!((1..=512).contains(&text.chars().count()), "{text}");
    text.to_owned()
}
