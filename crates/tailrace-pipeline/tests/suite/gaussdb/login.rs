//! Logins of every kind, and who owns a job.

use secrecy::SecretString;
use tailrace_pipeline::job::DatabaseTls;
use tailrace_pipeline::run::StopSignal;
use tailrace_pipeline::sink::gaussdb::GaussSink;
use tailrace_pipeline::{Error, ErrorKind};
use tailrace_testkit::gaussdb::Stored;

use super::{endpoint, front, open, shared};

fn refused(opened: Result<(GaussSink, Option<String>), Error>) -> (ErrorKind, String) {
    let error = opened.err().expect("a refused login");
    (error.kind(), error.message().to_owned())
}

#[test]
fn every_kind_of_stored_password_is_proved() {
    for stored in [Stored::Sha256, Stored::Sha256AskedByMd5, Stored::Md5AskedBySha256, Stored::Md5]
    {
        let front = front(&shared().0, |options| options.stored = stored);
        let mut endpoint = endpoint(&front);
        let job = format!("login_{stored:?}");
        let (sink, position) = GaussSink::open(&endpoint, &job, 1, StopSignal::new()).unwrap();
        assert!(sink.version().contains("GaussDB Kernel"), "{}", sink.version());
        assert_eq!(position, None);
        endpoint.password = SecretString::from("wrong");
        let (kind, text) = refused(GaussSink::open(&endpoint, &job, 1, StopSignal::new()));
        assert_eq!(kind, ErrorKind::TargetAuthentication, "{stored:?}: {text}");
        assert!(text.contains("Invalid username/password"), "{text}");
    }
}

#[test]
fn what_keeps_a_login_out_is_named() {
    let mut wanted = endpoint(&shared().1);
    wanted.database = "nowhere".to_owned();
    let (kind, text) = refused(GaussSink::open(&wanted, "login_db", 1, StopSignal::new()));
    assert_eq!(kind, ErrorKind::Configuration, "{text}");
    assert!(text.contains("nowhere"), "{text}");

    let mut wanted = endpoint(&shared().1);
    wanted.tls = Some(DatabaseTls::default());
    let (kind, text) = refused(GaussSink::open(&wanted, "login_tls", 1, StopSignal::new()));
    assert_eq!(kind, ErrorKind::TargetAuthentication);
    assert!(text.contains("does not offer TLS"), "{text}");

    let mut wanted = endpoint(&shared().1);
    wanted.nodes = vec![("127.0.0.1".to_owned(), 1), ("localhost".to_owned(), 2)];
    let (kind, text) = refused(GaussSink::open(&wanted, "login_away", 1, StopSignal::new()));
    assert_eq!(kind, ErrorKind::TargetConnection);
    assert!(text.contains("localhost:2 cannot be reached"), "{text}");

    // The first coordinator is away, the second answers.
    wanted.nodes[1] = endpoint(&shared().1).nodes[0].clone();
    GaussSink::open(&wanted, "login_second", 1, StopSignal::new()).unwrap();
}

#[test]
fn certificates_count() {
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (chain, key) = (signed.cert.pem(), signed.signing_key.serialize_pem());
    let front = front(&shared().0, |options| options.tls = Some((chain.clone(), key)));
    let mut wanted = endpoint(&front);
    wanted.tls = Some(DatabaseTls { ca_pem: Some(chain), verify_host: true, identity: None });
    GaussSink::open(&wanted, "login_ca", 1, StopSignal::new()).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    wanted.tls = Some(DatabaseTls { ca_pem: Some(other.cert.pem()), ..DatabaseTls::default() });
    let (kind, text) = refused(GaussSink::open(&wanted, "login_ca", 1, StopSignal::new()));
    assert_eq!(kind, ErrorKind::TargetAuthentication, "{text}");
    assert!(text.contains("TLS handshake with the target failed"), "{text}");
    assert!(!text.contains("Geheim"), "{text}");
}

#[test]
fn an_older_worker_is_fenced() {
    let (mut old, position) = open("fenced");
    assert_eq!(position, None);
    old.begin().unwrap();
    old.commit("first").unwrap();
    let newer = GaussSink::open(&endpoint(&shared().1), "fenced", 2, StopSignal::new());
    let (mut newer, position) = newer.unwrap();
    assert_eq!(position.as_deref(), Some("first"));
    let error = old.begin().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced);
    assert!(error.message().contains("epoch 2; this one has 1"), "{error}");
    let (kind, _) =
        refused(GaussSink::open(&endpoint(&shared().1), "fenced", 1, StopSignal::new()));
    assert_eq!(kind, ErrorKind::Fenced);
    newer.forget().unwrap();
    assert_eq!(newer.begin().unwrap_err().kind(), ErrorKind::Fenced);
    let (_, position) =
        GaussSink::open(&endpoint(&shared().1), "fenced", 1, StopSignal::new()).unwrap();
    assert_eq!(position, None);
}
