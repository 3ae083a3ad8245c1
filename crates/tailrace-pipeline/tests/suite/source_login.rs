//! Logins at a source: methods, TLS, and what is refused.

use std::sync::atomic::Ordering;

use tailrace_pipeline::job::{DatabaseTls, MysqlEndpoint};
use tailrace_pipeline::observe::Phase;
use tailrace_pipeline::{Error, ErrorKind, probe_mysql};
use tailrace_testkit::servers::mysql::{MySqlOptions, MySqlServer};

use crate::support::{read_topic, spec, start, unique};

/// A CA that has signed none of the servers' certificates.
const OTHER_CA: &str = include_str!("../../src/sink/kafka/keystore/fixtures/ca.pem");

fn server() -> MySqlServer {
    MySqlServer::start(MySqlOptions::default()).unwrap()
}

fn endpoint(server: &MySqlServer, user: &str, password: &str) -> MysqlEndpoint {
    MysqlEndpoint {
        host: "127.0.0.1".into(),
        port: server.port(),
        others: Vec::new(),
        user: user.into(),
        password: password.into(),
        tls: None,
    }
}

fn trusting(server: &MySqlServer) -> DatabaseTls {
    let ca = std::fs::read_to_string(server.dir().join("data/ca.pem")).unwrap();
    DatabaseTls { ca_pem: Some(ca), verify_host: false, identity: None }
}

fn refusal(endpoint: &MysqlEndpoint) -> Error {
    probe_mysql(endpoint).expect_err(&endpoint.user)
}

#[test]
fn tls_is_checked_against_the_given_ca_and_carries_a_job() {
    let server = server();
    let database = unique("tls");
    server
        .sql(&format!(
            "CREATE USER guarded IDENTIFIED BY 'secret-1' REQUIRE SSL; GRANT ALL ON *.* TO guarded;
             CREATE DATABASE {database}; CREATE TABLE {database}.item (id INT PRIMARY KEY, t LONGTEXT);
             SET SESSION cte_max_recursion_depth = 100000;
             INSERT INTO {database}.item
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
               SELECT i, REPEAT('x', 200) FROM n;"
        ))
        .unwrap();
    let mut guarded = endpoint(&server, "guarded", "secret-1");
    assert_eq!(refusal(&guarded).kind(), ErrorKind::SourceAuthentication);
    for (tls, wanted) in [
        (
            DatabaseTls { ca_pem: Some(OTHER_CA.into()), verify_host: false, identity: None },
            "certificate",
        ),
        (DatabaseTls { verify_host: true, ..trusting(&server) }, "certificate"),
        (
            DatabaseTls { ca_pem: Some("no PEM".into()), verify_host: false, identity: None },
            "ssl_cert_key",
        ),
    ] {
        guarded.tls = Some(tls);
        let error = refusal(&guarded);
        assert!(error.to_string().contains(wanted), "{error}");
    }
    guarded.tls = Some(DatabaseTls::default());
    probe_mysql(&guarded).unwrap();
    guarded.tls = Some(trusting(&server));
    probe_mysql(&guarded).unwrap();

    let mut spec = spec(&database);
    spec.source = guarded;
    let mut job = start(&spec);
    job.wait_until("stream", |j| j.recorder.has_reached(Phase::Incremental));
    server
        .sql(&format!("INSERT INTO {database}.item VALUES (0, REPEAT('long ', 1000000));"))
        .unwrap();
    job.wait_until("the change", |j| j.counters.inserts.load(Ordering::Relaxed) == 1);
    let encrypted = server
        .sql(
            "SELECT COUNT(*) FROM performance_schema.threads
             WHERE PROCESSLIST_USER = 'guarded' AND PROCESSLIST_COMMAND LIKE 'Binlog Dump%'
               AND CONNECTION_TYPE = 'SSL/TLS'",
        )
        .unwrap();
    assert_eq!(encrypted, [["1"]]);
    job.stop().unwrap();
    let seen = read_topic(&format!("{database}-item"));
    assert_eq!(seen.len(), 20_001);
    assert_eq!(seen[20_000].value["data"][0]["t"].as_str().unwrap().len(), 5_000_000);
}

#[test]
fn every_method_of_the_server_is_spoken() {
    let server = server();
    let methods = server
        .sql(
            "SELECT PLUGIN_NAME FROM information_schema.PLUGINS WHERE PLUGIN_STATUS = 'ACTIVE'
             AND PLUGIN_NAME IN ('caching_sha2_password', 'sha256_password', 'mysql_native_password')",
        )
        .unwrap()
        .concat();
    assert!(methods.contains(&"caching_sha2_password".to_owned()), "{methods:?}");
    for method in &methods {
        for password in ["right-2", "", "with ' and ü and a length that goes beyond the nonce"] {
            let quoted = password.replace('\'', "''");
            server
                .sql(&format!(
                    "DROP USER IF EXISTS them; CREATE USER them IDENTIFIED WITH {method} BY '{quoted}';"
                ))
                .unwrap();
            let mut them = endpoint(&server, "them", password);
            // The first login of caching_sha2_password sends the password itself, the next does not.
            for tls in [None, None, Some(trusting(&server))] {
                them.tls = tls;
                probe_mysql(&them)
                    .unwrap_or_else(|e| panic!("{method}, password {password:?}: {e}"));
            }
            for tls in [None, Some(trusting(&server))] {
                let wrong = MysqlEndpoint { tls, ..endpoint(&server, "them", "wrong-3") };
                let error = refusal(&wrong);
                assert_eq!(error.kind(), ErrorKind::SourceAuthentication, "{method}: {error}");
                assert!(error.message().contains("Access denied"), "{method}: {error}");
                assert!(!error.to_string().contains("wrong-3"), "{error}");
            }
        }
    }
}

/// Servers answer an unknown account with a method that they choose by its name, so that nobody can
/// tell which accounts exist.
#[test]
fn an_account_that_does_not_exist_is_denied_like_a_wrong_password() {
    let server = server();
    for number in 0..24 {
        let error = refusal(&endpoint(&server, &format!("nobody{number}"), "secret-4"));
        assert_eq!(error.kind(), ErrorKind::SourceAuthentication, "{error}");
        assert!(error.message().contains("Access denied"), "{error}");
    }
}
