//! Where requests come from, and what answers tell browsers.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, StatusCode},
};
use serde_json::json;

use super::{PASSWORD, PROJECT, Server, v5};
use crate::listen::Peer;

const PROXY: &str = "10.0.0.1:5000";

fn from(mut request: Request<Body>, address: &str, tls: bool) -> Request<Body> {
    let address: SocketAddr = address.parse().expect("an address");
    request.extensions_mut().insert(ConnectInfo(Peer { address, tls }));
    request
}

fn login(user: &str, password: &str, client: &str) -> Request<Body> {
    let body = json!({"auth": {
        "identity": {"methods": ["password"], "password": {"user": {
            "name": user, "password": password, "domain": {"name": "tailrace"}}}},
        "scope": {"project": {"id": PROJECT}}}});
    Request::post("/v3/auth/tokens")
        .header("host", "tailrace.test")
        .header("content-type", "application/json")
        .header("x-forwarded-for", client)
        .header("x-forwarded-proto", "https")
        .body(Body::from(body.to_string()))
        .expect("a request")
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let server = Server::start().await;
    let get = |uri: &str| Request::get(uri).body(Body::empty()).expect("a request");
    for request in [
        get("/healthz"),
        get("/metrics"),
        get("/nowhere"),
        get(&v5("jobs")),
        server.signed(Method::GET, &v5("jobs?job_type=sync"), Vec::new(), &[]),
        server.signed(Method::POST, &v5("jobs/name-validation"), b"{".to_vec(), &[]),
        Request::options(v5("jobs"))
            .header("origin", "https://evil.test")
            .header("access-control-request-method", "GET")
            .body(Body::empty())
            .expect("a request"),
    ] {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = server.send(from(request, "203.0.113.9:5", false)).await;
        for (name, wanted) in [
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.headers.get(name).expect(name), wanted, "{what}");
        }
        for absent in ["strict-transport-security", "access-control-allow-origin"] {
            assert!(!answer.headers.contains_key(absent), "{what}: {absent}");
        }
    }
}

#[tokio::test]
async fn browsers_are_held_to_tls_where_there_is_tls() {
    let server = Server::start().await;
    let request = |proto: &str| {
        Request::get("/healthz")
            .header("x-forwarded-proto", proto)
            .body(Body::empty())
            .expect("a request")
    };
    for (request, wanted) in [
        (from(request("http"), "203.0.113.9:5", true), true),
        (from(request("https"), "203.0.113.9:5", false), false),
        (from(request("https"), PROXY, false), true),
        (from(request("http"), PROXY, false), false),
    ] {
        let answer = server.send(request).await;
        let told = answer.headers.get("strict-transport-security");
        assert_eq!(told.is_some_and(|value| value == "max-age=31536000"), wanted);
    }
}

#[tokio::test]
async fn links_have_the_scheme_that_a_trusted_proxy_tells() {
    let server = Server::start().await;
    for (peer, wanted) in [(PROXY, "https"), ("203.0.113.9:5", "http")] {
        let request = from(login("admin", PASSWORD, "198.51.100.7"), peer, false);
        let answer = server.send(request).await;
        let url = &answer.body["token"]["catalog"][1]["endpoints"][0]["url"];
        assert_eq!(*url, format!("{wanted}://tailrace.test/v5/{PROJECT}"));
    }
}

#[tokio::test]
async fn who_tries_many_passwords_is_locked_out_by_address_and_nobody_else() {
    let server = Server::start().await;
    for _ in 0..50 {
        let request = from(login("nobody", "wrong", "198.51.100.7"), PROXY, false);
        assert_eq!(server.send(request).await.status, StatusCode::UNAUTHORIZED);
    }
    for (peer, client, status) in [
        (PROXY, "198.51.100.7", StatusCode::UNAUTHORIZED),
        (PROXY, "198.51.100.8", StatusCode::CREATED),
        // Who is no trusted proxy gets around nothing by a header, and locks out nobody with it.
        ("198.51.100.7:9", "198.51.100.8", StatusCode::UNAUTHORIZED),
        ("198.51.100.9:9", "198.51.100.7", StatusCode::CREATED),
    ] {
        let answer = server.send(from(login("admin", PASSWORD, client), peer, false)).await;
        assert_eq!(answer.status, status, "{peer} for {client}: {answer:?}");
    }
    server.clock.advance_ms(5 * 60 * 1000);
    let request = from(login("admin", PASSWORD, "198.51.100.7"), PROXY, false);
    assert_eq!(server.send(request).await.status, StatusCode::CREATED);
}
