//! The audit log: every change that was asked for, and nothing that is secret.

use axum::{
    extract::ConnectInfo,
    http::{Method, StatusCode},
};
use serde_json::json;
use std::net::SocketAddr;

use super::{
    AK, PASSWORD, Server,
    authentication::{token, with_token},
    new_job,
    permissions::make_user,
    v3, v5,
};
use crate::audit::{AuditEntry, AuditFilter, read_audit};
use crate::listen::Peer;

impl Server {
    /// All entries, the newest last.
    fn audited(&self) -> Vec<AuditEntry> {
        read_audit(self.dir.path(), &AuditFilter::default(), 1000).expect("an audit log")
    }

    fn last_audited(&self) -> AuditEntry {
        self.audited().pop().expect("an entry")
    }
}

#[tokio::test]
async fn a_change_is_written_with_who_what_where_from_and_how_it_ended() {
    let server = Server::start().await;
    let mut request =
        server.signed(Method::DELETE, &v5("jobs/no-such-job?secret=query"), Vec::new(), &[]);
    let address: SocketAddr = "192.0.2.7:4321".parse().expect("an address");
    request.extensions_mut().insert(ConnectInfo(Peer { address, tls: false }));
    let answer = server.send(request).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let entry = server.last_audited();
    let id = answer.headers["x-request-id"].to_str().expect("ASCII");
    assert_eq!((entry.request_id.as_str(), entry.at.as_str()), (id, "2026-11-24T02:00:00.000000Z"));
    assert_eq!(
        (entry.user_name.as_deref(), entry.access_key.as_deref()),
        (Some("admin"), Some(AK))
    );
    assert_eq!((entry.operation.as_str(), entry.method.as_str()), ("delete_job", "DELETE"));
    assert_eq!((entry.path, entry.address.as_deref()), (v5("jobs/no-such-job"), Some("192.0.2.7")));
    assert_eq!((entry.status, entry.code.as_deref()), (400, Some("DRS.10000010")));
}

#[tokio::test]
async fn reads_are_not_written_and_refused_changes_are() {
    let server = Server::start().await;
    let user = make_user(&server, "curious").await;
    let before = server.audited().len();
    for uri in [v5("jobs?job_type=sync"), "/v3/users".to_owned(), "/healthz".to_owned()] {
        assert_eq!(server.get(&uri).await.status, StatusCode::OK);
    }
    server.post(&v3("jobs/batch-status"), json!({"jobs": ["x"]})).await;
    assert_eq!(server.audited().len(), before);

    server.call_as(&user, Method::POST, &v5("jobs"), Some(json!({}))).await;
    let entry = server.last_audited();
    assert_eq!((entry.user_id, entry.access_key), (Some(user.id.clone()), Some(user.ak.clone())));
    assert_eq!((entry.status, entry.code.as_deref()), (403, Some("DRS.M00102")));
    // Nobody is known who signed wrongly.
    let mut request = server.signed(Method::POST, &v5("jobs"), Vec::new(), &[]);
    request.headers_mut().insert("host", "elsewhere".parse().expect("a header value"));
    server.send(request).await;
    let entry = server.last_audited();
    assert_eq!((entry.user_id, entry.access_key), (None, None));
    assert_eq!((entry.status, entry.code.as_deref()), (401, Some("APIGW.0301")));
    assert_eq!(server.audited().len(), before + 2);
}

#[tokio::test]
async fn logins_are_written_without_their_secrets() {
    let server = Server::start().await;
    let token = token(&server, json!({"domain": {"name": "tailrace"}})).await;
    let entry = server.last_audited();
    assert_eq!((entry.operation.as_str(), entry.status), ("create_token", 201));
    assert_eq!((entry.user_name.as_deref(), entry.access_key), (Some("admin"), None));
    assert_eq!(server.send(with_token(&token, "/v3/auth/domains")).await.status, StatusCode::OK);
    make_user(&server, "known").await;
    let job = server.make_job("audited").await;
    server.post(&v3("jobs/batch-creation"), json!({"jobs": [new_job("audited")]})).await;
    assert!(!job.is_empty());
    let text = std::fs::read_to_string(server.dir.path().join("audit.log")).expect("a log");
    for secret in [PASSWORD, "Pass-word-1", "pw-source", token.as_str(), super::SK] {
        assert!(!text.contains(secret), "{secret} is in the audit log");
    }
    assert!(text.lines().all(|line| line.len() < 1000), "{text}");
}
