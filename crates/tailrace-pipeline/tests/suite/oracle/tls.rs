//! TLS towards the source.

use std::net::TcpListener;

use tailrace_pipeline::ErrorKind;
use tailrace_pipeline::job::DatabaseTls;
use tailrace_testkit::oracle::{OracleOptions, OracleServer};

use super::{PASSWORD, connect, job, run, start};

#[test]
fn a_job_runs_over_tls_and_certificates_count() {
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a key");
    let (chain, key) = (signed.cert.pem(), signed.signing_key.serialize_pem());
    let options = OracleOptions {
        tls: Some((chain.clone(), key)),
        ..OracleOptions::with_user("SHOP", PASSWORD)
    };
    let server = OracleServer::start(options).expect("the stand-in");
    let source = connect(&server);
    run(
        &source,
        &[
            "ALTER DATABASE ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS",
            "CREATE TABLE t (id NUMBER(9) PRIMARY KEY, v VARCHAR2(4000))",
        ],
    );
    let long = "x".repeat(3000);
    for id in 0..500_i64 {
        source.execute("INSERT INTO t VALUES (:1, :2)", &[&id, &long]).expect("a row");
    }
    run(&source, &["COMMIT"]);
    let mut job = job(&server, "ora_tls", &["T"]);
    // Somebody who speaks no TLS goes before.
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = other.local_addr().expect("an address").port();
    std::thread::spawn(move || other.incoming().for_each(drop));
    job.source.listeners.insert(0, ("127.0.0.1".to_owned(), port));
    job.source.tls = Some(DatabaseTls { ca_pem: Some(chain), verify_host: true, identity: None });
    let running = start(&job, 1);
    running.wait_for_increment();
    run(&source, &["UPDATE t SET v = 'short' WHERE id < 100", "COMMIT"]);
    let said = "SELECT count(*) || ' ' || sum(length(v)) FROM ora_tls.t";
    running.wait_for("rows and changes", said, &format!("500 {}", 100 * 5 + 400 * 3000));
    assert!(running.stop().is_none());

    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a key");
    job.source.listeners.remove(0);
    let tls = DatabaseTls { ca_pem: Some(other.cert.pem()), ..DatabaseTls::default() };
    job.source.tls = Some(tls);
    let refused = start(&job, 2).ended().expect("another certificate");
    assert_eq!(refused.kind(), ErrorKind::SourceAuthentication, "{refused}");
    assert!(refused.message().contains("TLS handshake with the source failed"), "{refused}");
    // What speaks no TLS is a lost connection.
    job.source.listeners = vec![("127.0.0.1".to_owned(), port)];
    let lost = start(&job, 3).ended().expect("no TLS");
    assert_eq!(lost.kind(), ErrorKind::SourceConnection, "{lost}");
}
