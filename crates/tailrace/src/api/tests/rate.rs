//! Who asks too often is told when to ask again.

use std::net::SocketAddr;
use std::time::Duration;

use axum::{
    extract::ConnectInfo,
    http::{Method, StatusCode},
};
use serde_json::json;

use super::{
    Server, assert_error,
    authentication::{token, with_token},
    permissions::make_user,
    v5,
};
use crate::api::{rate::Rate, state::ApiLimits};
use crate::listen::Peer;

/// So long that none passes within a test.
const PERIOD: Duration = Duration::from_secs(24 * 3600);

fn list() -> String {
    v5("jobs?job_type=sync")
}

#[tokio::test]
async fn a_key_has_its_own_bound() {
    let rate_per_key = Rate { requests: 24, period: PERIOD, burst: 5 };
    let server = Server::start_with(ApiLimits { rate_per_key, ..ApiLimits::default() }).await;
    // Two requests of the administrator.
    let user = make_user(&server, "other").await;
    for _ in 0..3 {
        assert_eq!(server.get(&list()).await.status, StatusCode::OK);
    }
    let answer = server.get(&list()).await;
    let said = assert_error(&answer, 429, "DRS.M01503");
    let wait: u64 =
        answer.headers["retry-after"].to_str().expect("ASCII").parse().expect("seconds");
    assert!((1..=3600).contains(&wait) && said.contains(&wait.to_string()), "{wait}: {said}");
    let chinese = [("x-language", "zh-cn")];
    let answer = server.send(server.signed(Method::GET, &list(), Vec::new(), &chinese)).await;
    assert!(assert_error(&answer, 429, "DRS.M01503").contains("操作过于频繁"));
    let answer = server.get("/v3/users").await;
    assert_eq!((answer.status.as_u16(), &answer.body["error"]["code"]), (429, &json!(429)));
    // Another key, the same user by a token, and what needs no key go on.
    let other = server.call_as(&user, Method::GET, "/v3/projects", None).await;
    assert_eq!(other.status, StatusCode::OK);
    let token = token(&server, json!({"domain": {"name": "tailrace"}})).await;
    for _ in 0..5 {
        assert_eq!(server.send(with_token(&token, "/v3/projects")).await.status, StatusCode::OK);
    }
    assert_eq!(
        server.send(with_token(&token, "/v3/projects")).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    // Who signs wrongly with a key uses up nothing of it.
    let server = Server::start_with(ApiLimits { rate_per_key, ..ApiLimits::default() }).await;
    for _ in 0..4 {
        let mut request = server.signed(Method::GET, &list(), Vec::new(), &[]);
        request.headers_mut().insert("host", "elsewhere".parse().expect("a header value"));
        assert_eq!(server.send(request).await.status, StatusCode::UNAUTHORIZED);
    }
    for _ in 0..5 {
        assert_eq!(server.get(&list()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_address_has_its_own_bound_before_anybody_is_known() {
    let rate_per_address = Rate { requests: 24, period: PERIOD, burst: 3 };
    let server = Server::start_with(ApiLimits { rate_per_address, ..ApiLimits::default() }).await;
    let ask = async |address: &str| {
        let mut request = with_token("no-such-token", &list());
        let address: SocketAddr = address.parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(Peer { address, tls: false }));
        server.send(request).await
    };
    for port in 1..=3 {
        assert_eq!(ask(&format!("192.0.2.7:{port}")).await.status, StatusCode::UNAUTHORIZED);
    }
    let answer = ask("192.0.2.7:4").await;
    assert_error(&answer, 429, "DRS.M01503");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(ask("192.0.2.8:1").await.status, StatusCode::UNAUTHORIZED);
}
